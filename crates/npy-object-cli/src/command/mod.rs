//! The commands of `npyo`, a file for each; `archive` is `info` of an archive.
//!
//! Each file has the arguments of its command, a `run` that writes to the output, and its text for
//! `--help`. A new command is a file here and an arm of each match in `lib.rs`, a line in its examples,
//! a test in `tests/`, and a line in the READMEs and the CHANGELOG.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod cat;
pub(crate) mod concat;
pub(crate) mod convert;
pub(crate) mod dis;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod info;
pub(crate) mod refs;
pub(crate) mod rows;
pub(crate) mod salvage;
pub(crate) mod schema;
pub(crate) mod shell;
pub(crate) mod slice;
pub(crate) mod stats;
pub(crate) mod tree;
pub(crate) mod validate;
#[cfg(feature = "view")]
pub(crate) mod view;
pub(crate) mod write;
