//! What a value is, to someone who knows Python and NumPy.
//!
//! `pickle-stream` gives a call as a call. Here those of NumPy and of the standard library that
//! stand for values become these values: [`element`] is a value in a file, [`kind`] what it is, and
//! the others what it can be. They name one another, as values contain values; nothing here knows
//! where a value was read from.

pub(crate) mod array;
mod debug;
pub(crate) mod dtype;
pub(crate) mod element;
pub(crate) mod globals;
#[cfg(any(feature = "json", feature = "serde"))]
pub(crate) mod instant;
pub(crate) mod kind;
pub(crate) mod numbers;
pub(crate) mod owned;
pub(crate) mod plain;
pub(crate) mod record;
pub(crate) mod scalar;
pub(crate) mod shape;
mod standard;
pub(crate) mod time;

pub use array::{Array, ArrayItems, Data, Mask};
pub use dtype::ItemType;
pub use element::Element;
pub use globals::ArrayClass;
pub use kind::{Entries, Items, Kind, Object, Text};
pub use numbers::{Primitive, TypedArray};
pub use owned::OwnedElement;
pub use plain::PlainArray;
pub use record::Record;
pub use scalar::NumPyScalar;
pub use shape::Shape;
pub use standard::StandardClass;
pub use time::{Date, DateTime, Time, TimeDelta};
