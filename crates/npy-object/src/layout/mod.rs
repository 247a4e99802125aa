//! Everything before the elements.

pub(crate) mod envelope;
