//! What the tests have in common; all but `pickler` are also the bodies of fuzz targets.

pub(crate) mod by_element;
pub(crate) mod cuts;
pub(crate) mod pickler;
pub(crate) mod runs;
