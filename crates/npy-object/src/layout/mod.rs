//! Everything before the elements.

pub(crate) mod envelope;
pub(crate) mod provenance;
