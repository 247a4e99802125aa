//! What a user holds.

pub(crate) mod contents;
pub(crate) mod elements;
pub(crate) mod npy_array;
pub(crate) mod open;
#[cfg(feature = "object_store")]
pub(crate) mod remote;
