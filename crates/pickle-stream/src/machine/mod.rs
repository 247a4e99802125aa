//! Instructions to a graph.

pub(crate) mod decode;
pub(crate) mod fast;
pub(crate) mod step;
