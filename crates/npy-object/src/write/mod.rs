//! Files from elements.

pub(crate) mod archive;
pub(crate) mod copy;
pub(crate) mod envelope;
pub(crate) mod file;
pub(crate) mod numpy;
pub(crate) mod rows;
pub(crate) mod salvage;
pub(crate) mod writer;
