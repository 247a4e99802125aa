//! Values as an inert graph.

pub(crate) mod arena;
pub(crate) mod copy;
pub(crate) mod memo;
pub(crate) mod nodes;
pub(crate) mod utf8;
pub(crate) mod value;
pub(crate) mod view;
