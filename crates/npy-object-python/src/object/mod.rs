//! Elements as Python objects.

pub(crate) mod ahead;
pub(crate) mod begin;
pub(crate) mod element;
pub(crate) mod finish;
pub(crate) mod known;
pub(crate) mod names;
pub(crate) mod ndarray;
pub(crate) mod strings;
pub(crate) mod walk;
