//! Random streams, and ways to read them that must agree.
//!
//! The fuzz targets include `by_element`, `cuts` and `runs`; tests of `npy-object` include
//! `pickler`.

pub(crate) mod by_element;
pub(crate) mod cuts;
pub(crate) mod pickler;
pub(crate) mod runs;
pub(crate) mod streams;
