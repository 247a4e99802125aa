//! The commands, one file each.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod cat;
pub(crate) mod dis;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod info;
pub(crate) mod salvage;
pub(crate) mod stats;
pub(crate) mod write;
