//! Containers, and paths into them.

pub(crate) mod container;
pub(crate) mod descent;
pub(crate) mod subscripts;
