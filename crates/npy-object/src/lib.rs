//! Loops over NumPy object arrays that are larger than memory.
#![forbid(unsafe_code)]

mod array;
mod array_file;
mod dtype;
mod element;
mod envelope;
mod error;
mod globals;
#[cfg(feature = "json")]
pub mod json;
mod kind;
mod objects;
mod options;
mod owned;
mod plain;
mod record;
mod shared;
mod time;
mod window;

use std::path::Path;

pub use npy_header as header;
pub use pickle_stream as pickle;

pub use array::{Array, ArrayItems, Data, Mask, NumPyScalar, Primitive, Shape, TypedArray};
pub use array_file::NpyArray;
pub use dtype::ItemType;
pub use element::Element;
pub use error::{Cause, Error, Result};
pub use globals::ArrayClass;
pub use kind::{Entries, Items, Kind, Object, Text};
pub use options::{Encoding, Limits, Options};
pub use owned::{Elements, OwnedElement};
pub use record::Record;
pub use time::{Date, DateTime, Time, TimeDelta};

/// Opens a file with the default [`Options`].
pub fn open(path: impl AsRef<Path>) -> Result<NpyArray> {
    Options::new().open(path)
}
