//! Elements as the values of Python and NumPy.
//!
//! `pickle-stream` decodes a pickle to a graph in which a call is a call: it does not know NumPy.
//! This room recognises the calls of NumPy and of the standard library that stand for values.
//!
//! It uses the graph, `npy-header` for dtypes, `options` and `error`. It does not know where a
//! value was read from: sources, windows and cursors are above it.
//!
//! Each file uses only those above it:
//!
//! | file | what it has |
//! |---|---|
//! | [`globals`] | the callables that are recognised, and the classes of arrays |
//! | [`calls`] | a call of one of these, its arguments and its state |
//! | [`text`], [`bytes`], [`shape`] | str, bytes and tuples of lengths, in the form of any protocol |
//! | [`dtype`] | pickled dtypes, and a cache of them |
//! | [`context`] | what all values of a file share: encoding, limits, that cache |
//! | [`numbers`], [`scalar`] | items of arrays as Rust numbers; one item with its dtype |
//! | [`state`] | the pickled state of an array, in its parts |
//! | [`row`], [`plain`] | rows of arrays without objects; the shortcut for plain arrays |
//! | [`element`] | [`Element`], the reference that everything below returns |
//! | [`items`], [`object`] | members of containers; calls that were not recognised |
//! | [`time`], [`calendar`] | the types of Python's `datetime`; days and dates, datetime64 |
//! | [`array`], [`record`] | NumPy arrays; items of structured arrays with objects |
//! | [`kind`] | [`Kind`], all of these by their Python type, and how calls are recognised |
//! | [`range`] | the place of the items of an array in its file |
//! | [`pack`] | Python values as items of the dtype that they had in a structured array |
//! | [`access`] | the methods of [`Element`]: `kind`, `as_*` |
//! | [`standard`] | calls of other classes of the standard library that are safe to make |
//! | [`floats`] | the numbers of a value as `f64` |
//! | [`owned`], [`debug`] | elements that own what they hold; `Debug` |
//!
//! To read, begin with `element` and `kind`.
//!
//! Up to `kind`, values are recognised from [`ValueRef`](pickle_stream::ValueRef)s, not from
//! elements: the kind of an element would recognise its parts in turn, as deep as the file is
//! nested.

pub(crate) mod access;
pub(crate) mod array;
pub(crate) mod bytes;
#[cfg_attr(
    not(all(feature = "arrow", any(feature = "json", feature = "serde"))),
    allow(dead_code, reason = "Arrow needs days, JSON and serde need dates")
)]
pub(crate) mod calendar;
pub(crate) mod calls;
pub(crate) mod context;
pub(crate) mod debug;
pub(crate) mod dtype;
pub(crate) mod element;
pub(crate) mod floats;
pub(crate) mod globals;
pub(crate) mod items;
pub(crate) mod kind;
pub(crate) mod numbers;
pub(crate) mod object;
pub(crate) mod owned;
pub(crate) mod pack;
pub(crate) mod plain;
pub(crate) mod range;
pub(crate) mod record;
pub(crate) mod row;
pub(crate) mod scalar;
pub(crate) mod shape;
mod standard;
pub(crate) mod state;
pub(crate) mod text;
pub(crate) mod time;

pub use array::{Array, ArrayItems, Data, Mask};
pub use dtype::ItemType;
pub use element::Element;
pub use floats::Floats;
pub use globals::ArrayClass;
pub use items::{Entries, Items};
pub use kind::Kind;
pub use numbers::{Primitive, TypedArray};
pub use object::Object;
pub use owned::OwnedElement;
pub use plain::PlainArray;
pub use range::ByteRange;
pub use record::Record;
pub use scalar::NumPyScalar;
pub use shape::Shape;
pub use standard::StandardClass;
pub use text::Text;
pub use time::{Date, DateTime, Time, TimeDelta};
