//! Files: where their bytes come from, and the classes that need no `Array`.
//!
//! The room uses `object` and `errors`. Read `source` (paths, bytes and file objects), `settings` (the
//! arguments of `open`), `reader` (an open file with an array, and its readers) and `container`.
//! `salvage` and `audit` use only `source` and `settings`, `writer` only `numbers`, and `npz_writer`
//! only `writer`.

pub(crate) mod audit;
pub(crate) mod container;
pub(crate) mod npz_writer;
pub(crate) mod numbers;
pub(crate) mod reader;
pub(crate) mod salvage;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod writer;
