//! Files: opening, reading, writing.

pub(crate) mod audit;
pub(crate) mod container;
pub(crate) mod npz;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod salvage;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod split;
pub(crate) mod writer;
