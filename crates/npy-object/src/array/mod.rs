//! The open array, and the ways into a file.
//!
//! It uses all rooms below: `nested`, `decode`, `layout`, `locate`, `source`, `value`. Read in this
//! order:
//!
//! - `npy_array`: `NpyArray`, which adds the layout of a file to a cursor
//! - `open`: the methods of `Options` that open something
//! - `contents`: `Contents`, for a file of unknown contents, and the sections of a file that
//!   holds several arrays or pickles
//! - `validate`: every clause that a file breaks
//! - `remote`: arrays in object stores

pub(crate) mod contents;
pub(crate) mod npy_array;
pub(crate) mod open;
#[cfg(feature = "object_store")]
pub(crate) mod remote;
pub(crate) mod validate;
