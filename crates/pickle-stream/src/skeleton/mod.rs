//! Elements made alike.

pub(crate) mod leaf;
pub(crate) mod numbers;
pub(crate) mod repeat;
pub(crate) mod template;
