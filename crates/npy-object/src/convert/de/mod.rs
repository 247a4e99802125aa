//! Elements to types of the caller's, through serde.
//!
//! | Python | serde |
//! |---|---|
//! | None, a masked item, NaT | unit, or the `None` of an `Option` |
//! | bool, int, float | themselves; ints of up to 128 bits |
//! | str | a str, borrowed where the file has it as UTF-8 |
//! | bytes, bytearray | bytes, borrowed where the file has them as they are; also a sequence of ints |
//! | list, tuple, set, frozenset, deque | a sequence |
//! | dict, OrderedDict, defaultdict | a map, or a struct by its str keys |
//! | an item of a structured dtype | a map or struct by the names of its fields, or a sequence |
//! | NumPy array | sequences, nested as its dimensions are, in C order; a 0-d array is its one item |
//! | NumPy scalar | as the Python value |
//! | complex | a sequence of real and imaginary part |
//! | date, time, datetime | a str of ISO 8601 |
//! | datetime64 | a str of ISO 8601; as an i64, its number of units |
//! | timedelta | its seconds, a float |
//! | timedelta64 | its number of units, an int |
//! | Decimal | a str |
//! | str, or a dict of one entry | an enum: its unit variant, or a variant with its contents |
//!
//! Fails (clause `access.type`) for an object of an unknown class, a class or function, and a value
//! inside itself: serde has no type for them. `element` converts the Python
//! types, `array` each dtype, with `sequence` and `deserializer`.

mod array;
mod deserializer;
mod element;
mod open;
mod sequence;

use std::cell::Cell;
use std::fmt;

use pickle_stream::ValueRef;
use serde::de::{self, Deserialize, DeserializeOwned};

use self::deserializer::ValueDeserializer;
use self::element::Whole;
use self::open::Open;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::owned::OwnedElement;

/// The number of values that may be read of any element. A shared value is read each time it is
/// met, so without a limit a few bytes could fill any memory.
const FREE: usize = 1 << 20;
/// The number of values that may be read in addition for each byte of the element.
const REPEATED: usize = 4;

impl<'a> Element<'a> {
    /// Deserializes the value into a type of the caller's. Fields of type `&str` and `&[u8]` borrow
    /// from the file.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Track<'a> {
    ///     id: u32,
    ///     name: &'a str,
    ///     points: Vec<[f32; 2]>,
    /// }
    ///
    /// // np.array([{"id": 7, "name": "loop", "points": np.zeros((3, 2), "f4")}, ...])
    /// let mut array = npy_object::open("tests/data/tracks.npy")?;
    /// while let Some(element) = array.next_element()? {
    ///     let track: Track = element.deserialize()?;
    ///     println!("{} {}: {} points", track.id, track.name, track.points.len());
    /// }
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    ///
    /// None and masked items are `None`, arrays are sequences, dicts are maps or structs, tuples
    /// are tuples; a str, or a dict of one entry, is an enum. Dates are ISO 8601.
    ///
    /// Fails with clause `access.type` where the value is not a `T`, with `access.depth` where it
    /// is nested more than 128 deep, and with `access.sharing` where more than 2^20 values and 4
    /// for each byte of the element would be read: what is shared is read each time it is met. The
    /// error has the path to the value, such as `['points'][2]`.
    pub fn deserialize<T: Deserialize<'a>>(self) -> Result<T> {
        let bytes = self.value().map_or(0, ValueRef::graph_bytes);
        let left = Cell::new(bytes.saturating_mul(REPEATED).saturating_add(FREE));
        let open = &Open::outermost(&left);
        T::deserialize(ValueDeserializer(Whole { element: self, open }))
            .map_err(|error| self.located(error))
    }
}

impl OwnedElement {
    /// Calls [`Element::deserialize`]. What `T` borrows, it borrows from this element.
    pub fn deserialize<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        self.element().deserialize()
    }
}

/// Deserializes the object of a bare pickle, as `pickle.dumps` makes it, into a type of the
/// caller's. See [`Element::deserialize`] for how values become types.
///
/// Nothing that the pickle names is imported or called. Bytes after the end of the pickle are
/// ignored, as by `pickle.loads`. `T` owns its contents, as the decoded object does not outlive
/// this call: to borrow `&str` from a pickle, or to set limits, use
/// [`Options::load`](crate::Options::load) and [`OwnedElement::deserialize`].
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Track {
///     id: u32,
///     name: String,
/// }
///
/// // pickle.dumps({"id": 7, "name": "loop"}, protocol=2)
/// let bytes = b"\x80\x02}q\x00(X\x02\0\0\0idK\x07X\x04\0\0\0nameX\x04\0\0\0loopu.";
/// let track: Track = npy_object::from_slice(bytes)?;
/// assert_eq!((track.id, track.name.as_str()), (7, "loop"));
/// # Ok::<(), npy_object::Error>(())
/// ```
///
/// Fails where the bytes are not a pickle, over the default [`Limits`](crate::Limits), and as
/// [`Element::deserialize`] does; with clause `access.type` for the contents of a `.npy` file.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.starts_with(b"\x93NUMPY") {
        let message = "expected a bare pickle, found a .npy file, which NpyArray reads";
        return Err(Error::usage("access.type", message));
    }
    let context = Context::new(&Options::new());
    let decoded = pickle_stream::decode(bytes, &context.limits.pickle)?;
    Element::new(decoded.value(), &context).deserialize()
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::usage("access.type", message.to_string())
    }
}

#[cfg(test)]
mod tests;
