//! For people.

pub(crate) mod audit;
pub(crate) mod dis;
pub(crate) mod repr;
pub(crate) mod signs;
pub(crate) mod sketch;
