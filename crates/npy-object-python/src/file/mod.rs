//! Files: the functions that open, load, audit, salvage and write them, and the classes for their
//! contents.
//!
//! The room uses `object` and `array`, whose cursors are in [`reader`]. Read `source` (paths, bytes and
//! file objects), `settings` (the arguments of `open`), `reader` (an open file and its cursors),
//! `opened` (an array or a pickle, opened or loaded), `open` (`open`, `load` and `open_all`); then `npz`, `container` and
//! `split`. `writer`, `salvage` and `audit` use only `source` and `settings`.

pub(crate) mod audit;
pub(crate) mod container;
pub(crate) mod npz;
pub(crate) mod open;
mod opened;
pub(crate) mod reader;
pub(crate) mod salvage;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod split;
pub(crate) mod writer;
