//! From a span to an element.

pub(crate) mod decoder;
pub(crate) mod definitions;
pub(crate) mod instructions;
pub(crate) mod members;
pub(crate) mod outline;
pub(crate) mod parallel;
pub(crate) mod rows;
