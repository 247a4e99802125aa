//! An array, its views and iterators.

pub(crate) mod arrow;
pub(crate) mod iter;
pub(crate) mod py_array;
pub(crate) mod view;
