//! Where the elements are.

pub(crate) mod batches;
pub(crate) mod checkpoints;
pub(crate) mod index;
pub(crate) mod split;
