//! What the tests, and the fuzz targets, have in common.

pub(crate) mod by_element;
pub(crate) mod cuts;
#[allow(dead_code, reason = "the fuzz targets make their own bytes")]
pub(crate) mod pickler;
