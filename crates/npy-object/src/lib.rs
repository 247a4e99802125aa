//! Loops over NumPy object arrays that are larger than memory.
//!
//! NumPy saves an array of dtype `object` (ragged arrays, strings, dicts) as one pickle behind a
//! `.npy` header, which can only be loaded whole, and runs code when it is. Here its elements come
//! out one at a time, in the memory of one element, and nothing is ever run.
//!
//! ```
//! let mut array = npy_object::open("tests/data/ragged.npy")?;
//! assert_eq!(array.shape(), [3]);
//! let mut sums = Vec::new();
//! while let Some(element) = array.next_element()? {
//!     let values = element.as_array::<f64>()?;
//!     sums.push(values.data().iter().sum::<f64>());
//! }
//! assert_eq!(sums, [0.0, 1.0, 3.0]);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Two ways to loop
//!
//! [`NpyArray::next_element`] lends one element after another and decodes each into the memory of
//! the last: nothing is allocated per element. [`NpyArray::elements`] is an iterator of elements
//! that own what they hold, to keep or to send.
//!
//! # What an element is
//!
//! [`Element::kind`] says: a [`Kind`] has a variant for every Python type that NumPy's users
//! pickle, arrays and scalars of every dtype, and, for objects of classes that are not known, the
//! call that would have made them. Those who know what they read ask for it:
//! [`as_array`](Element::as_array), [`as_str`](Element::as_str), [`as_f64`](Element::as_f64) and so
//! on; or, with the feature `serde`, `deserialize` it into a type of their own.
//!
//! The file's bytes are not copied where they can be borrowed. An object that an element holds
//! twice has one [`identity`](Element::identity).
//!
//! Files without objects open too; their elements are their rows.
//!
//! # Memory
//!
//! What a loop takes is the instructions of one element and its graph, a batch's worth of positions
//! (24 bytes for each of its mostly 1,000 elements), windows of at most about 1 MiB, definitions
//! that elements share up to [`Limits::shared`], and 24 bytes for every 1,000 elements that were
//! passed, by which a shared definition is found.
//!
//! # Errors
//!
//! An [`Error`] says what is wrong, at which byte, and which clause of the project's `spec/` is
//! broken. Elements that came before it are what they are: a file that was cut off gives every
//! element of its whole batches first.
//!
//! # Features
//!
//! - `serde` (default): `Element::deserialize`
//! - `json`: the module `json`, elements as JSON for people, and lossless
//!
//! # In which order to read the modules
//!
//! `npy_array` (what a user holds), `envelope` (what stands around the elements), `objects` (survey
//! a batch, decode an element), `shared` (what elements share), `rows` (arrays without objects),
//! then `value` (what an element is), and `de` and `json`, which write it otherwise. All reading
//! goes through `window`. Opcodes are the business of [`pickle`], the preamble that of [`header`].
#![forbid(unsafe_code)]

mod batches;
mod checkpoints;
mod container;
#[cfg(feature = "serde")]
mod de;
mod decoder;
mod descent;
mod elements;
mod error;
mod index;
#[cfg(feature = "json")]
pub mod json;
mod members;
mod npy_array;
mod open;
mod opening;
mod options;
mod parallel;
mod rows;
mod shared;
mod source;
mod split;
mod subscripts;
mod value;
mod window;

use std::path::Path;

pub use npy_header as header;
pub use pickle_stream as pickle;

pub use container::{Container, Member};
pub use descent::At;
pub use elements::Elements;
pub use error::{Cause, Error, Result};
pub use index::IndexUse;
pub use npy_array::NpyArray;
pub use open::Arrays;
pub use opening::ContainerKind;
pub use options::{Encoding, Limits, Options};
pub use source::{ReadAt, Source, SourceReader};
pub use split::Split;
pub use subscripts::{Subscript, Subscripts};
pub use value::{
    Array, ArrayClass, ArrayItems, Data, Date, DateTime, Element, Entries, ItemType, Items, Kind,
    Mask, NumPyScalar, Object, OwnedElement, Primitive, Record, Shape, Text, Time, TimeDelta,
    TypedArray,
};

/// Opens a file with the default [`Options`].
///
/// Fails where the file cannot be read, where its preamble or the beginning of its pickle break the
/// format, and where the two disagree.
pub fn open(path: impl AsRef<Path>) -> Result<NpyArray> {
    Options::new().open(path)
}

/// Goes down into the containers of a file, with the default [`Options`].
///
/// What a file holds is its array; if that has no dimensions, its one element (`numpy.save` makes
/// such an array of a dict); or the object of a bare pickle. From there each subscript leads to a
/// member. What lies beside the way is surveyed, but not decoded.
///
/// Fails as reading does, and with clause `access.subscript` where there is no such member.
///
/// ```
/// use npy_object::{At, at};
///
/// let subscripts = "['train'][-1]".parse()?;
/// let At::Value(value) = at("tests/data/splits.npy", &subscripts)? else { panic!("an int") };
/// assert_eq!(value.element().as_i64()?, 5);
/// # Ok::<(), npy_object::Error>(())
/// ```
pub fn at(path: impl AsRef<Path>, subscripts: &Subscripts) -> Result<At> {
    Options::new().at(path, subscripts)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
