//! A pickle from a graph.

pub(crate) mod build;
pub(crate) mod encode;
pub(crate) mod frames;
pub(crate) mod transcribe;
