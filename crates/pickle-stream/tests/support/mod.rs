//! What the tests have in common; `by_element` and `cuts` are also the bodies of fuzz targets.

pub(crate) mod by_element;
pub(crate) mod cuts;
pub(crate) mod pickler;
