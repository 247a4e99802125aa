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
//! inside itself: serde has no type for them. [`visit_element`] converts the Python types,
//! [`visit_scalar`] each dtype.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::slice::ChunksExact;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::{Kind as Raw, Long, NodeId, ValueRef, short_str};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer,
};
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::value::access::{lone_surrogate, wrong_type};
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::calendar::{Instant, NOT_A_TIME};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::{Element, Repr};
use crate::value::items::Entries;
use crate::value::kind::Kind;
use crate::value::owned::OwnedElement;
use crate::value::scalar::{NumPyScalar, long_double};

/// The greatest depth of nested values. They are read by recursion, and with a type such as
/// `serde_json::Value` the file decides how deep.
const DEPTH: usize = 128;

/// The number of values that may be read of any element. A shared value is read each time it is
/// met, so without a limit a few bytes could fill any memory.
const FREE: usize = 1 << 20;
/// The number of values that may be read in addition for each byte of the element.
const REPEATED: usize = 4;

/// The types that an enum is read from.
const ENUM: &str = "str or dict of one entry";

/// The number of bytes of a str, bytes or array that count as one value.
const PIECE: usize = 64;

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
        let open = Open { id: None, outer: None, depth: 0, left: &left };
        T::deserialize(ValueDeserializer::new(self, &open)).map_err(|error| self.located(error))
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

/// An open container: one around the value that is read.
#[derive(Clone, Copy)]
struct Open<'a> {
    id: Option<NodeId>,
    outer: Option<&'a Open<'a>>,
    depth: usize,
    /// The number of values that may still be read.
    left: &'a Cell<usize>,
}

impl<'a> Open<'a> {
    /// Begins a container.
    fn enter(&'a self, id: Option<NodeId>) -> Result<Open<'a>> {
        if self.depth == DEPTH {
            let message = format!("the value is nested more than {DEPTH} deep");
            return Err(Error::usage("access.depth", message));
        }
        let mut around = Some(self);
        while let Some(open) = around {
            if id.is_some() && open.id == id {
                return Err(Error::usage("access.type", "the value contains itself"));
            }
            around = open.outer;
        }
        Ok(Open { id, outer: Some(self), depth: self.depth + 1, left: self.left })
    }

    /// Counts a value of which the caller's type may copy this many bytes.
    fn charge(&self, bytes: usize) -> Result<()> {
        let Some(left) = self.left.get().checked_sub(1 + bytes / PIECE) else {
            let message = "the value is too large: what it shares is read each time it is met";
            return Err(Error::usage("access.sharing", message));
        };
        self.left.set(left);
        Ok(())
    }
}

/// A deserializer of one value.
#[derive(Clone)]
struct ValueDeserializer<'a, 'de> {
    input: Input<'a, 'de>,
    open: &'a Open<'a>,
}

#[derive(Clone)]
enum Input<'a, 'de> {
    Element(Element<'de>),
    /// A member of a list of unboxed ints.
    Int(i64),
    /// A member of a list of unboxed floats.
    Float(f64),
    /// A NumPy scalar, or an item of an array without objects.
    Item(&'a DType, &'a [u8]),
    /// An item that is masked.
    Masked,
    Block(Block<'a, 'de>),
}

/// An array, or a part of one along its first axes, in C order.
#[derive(Clone)]
struct Block<'a, 'de> {
    shape: &'a [usize],
    items: BlockItems<'a, 'de>,
    mask: Option<&'a [u8]>,
}

#[derive(Clone)]
enum BlockItems<'a, 'de> {
    Bytes(&'a DType, &'a [u8]),
    /// The number of objects of the block, and an iterator that begins with them.
    Objects(usize, ArrayItems<'de>),
}

/// A value that contains no others, of the types that most values have.
#[derive(Clone, Copy)]
enum Leaf<'de> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'de str),
}

/// The request of the caller's type, where it decides how a value is read.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Anything,
    Option,
    Sequence,
    Int,
}

impl<'a, 'de> ValueDeserializer<'a, 'de> {
    fn new(element: Element<'de>, open: &'a Open<'a>) -> ValueDeserializer<'a, 'de> {
        ValueDeserializer { input: Input::Element(element), open }
    }

    // Inlined, so that a sequence of leaves or numbers is read in one loop, where `wanted` and the
    // type of the input are known.
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match &self.input {
            Input::Item(DType::Scalar(scalar), bytes) if wanted != Wanted::Option => {
                match Number::read(*scalar, bytes) {
                    Some(number) => number.visit(visitor),
                    None => self.visit_any(wanted, visitor),
                }
            }
            _ => match self.leaf() {
                Some(leaf) => self.visit_leaf(leaf, wanted, visitor),
                None => self.visit_any(wanted, visitor),
            },
        }
    }

    /// Returns the leaf that the value is; `None` for any other value. [`visit_element`] reads the
    /// leaves that are found only after their dtype or encoding is known.
    #[inline(always)]
    fn leaf(&self) -> Option<Leaf<'de>> {
        let value = match &self.input {
            Input::Int(int) => return Some(Leaf::Int(*int)),
            Input::Float(float) => return Some(Leaf::Float(*float)),
            Input::Element(element) => match element.repr() {
                Repr::Value(value) => value,
                _ => return None,
            },
            _ => return None,
        };
        match value.kind() {
            Raw::None => Some(Leaf::None),
            Raw::Bool(value) => Some(Leaf::Bool(value)),
            Raw::Int(int) => Some(Leaf::Int(int)),
            Raw::Float(float) => Some(Leaf::Float(float)),
            Raw::Str(text) => text.to_str().map(Leaf::Str),
            _ => None,
        }
    }

    #[inline(always)]
    fn visit_leaf<V: Visitor<'de>>(
        self,
        leaf: Leaf<'de>,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value> {
        self.open.charge(if let Leaf::Str(text) = leaf { text.len() } else { 0 })?;
        match leaf {
            Leaf::None => visit_missing(wanted, visitor),
            _ if wanted == Wanted::Option => visitor.visit_some(self),
            Leaf::Bool(value) => visitor.visit_bool(value),
            Leaf::Int(int) => visitor.visit_i64(int),
            Leaf::Float(float) => visitor.visit_f64(float),
            Leaf::Str(text) => visitor.visit_borrowed_str(text),
        }
    }

    #[inline(never)]
    fn visit_any<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        self.charge_unpaid()?;
        let open = self.open;
        match self.input {
            Input::Element(element) => visit_element(element, open, wanted, visitor),
            Input::Int(_) | Input::Float(_) => unreachable!("numbers are leaves"),
            Input::Item(dtype, bytes) => visit_item(dtype, bytes, open, wanted, visitor),
            Input::Masked => visit_missing(wanted, visitor),
            Input::Block(_) if wanted == Wanted::Option => visitor.visit_some(self),
            Input::Block(block) => {
                let open = &open.enter(None)?;
                match block.numbers() {
                    Some((dtype, items)) => {
                        visit_inputs(items.map(|item| Input::Item(dtype, item)), open, visitor)
                    }
                    None => visit_inputs(block.parts(), open, visitor),
                }
            }
        }
    }

    /// Counts a value that takes no bytes in the file, as items of dtype `V0` do: a short file can
    /// have any number of them.
    fn charge_unpaid(&self) -> Result<()> {
        let unpaid = match &self.input {
            Input::Item(_, bytes) => bytes.is_empty(),
            Input::Block(block) => block.is_unpaid(),
            Input::Element(_) | Input::Int(_) | Input::Float(_) | Input::Masked => false,
        };
        if unpaid { self.open.charge(0) } else { Ok(()) }
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer<'_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Anything, visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Option, visitor)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    #[inline]
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Int, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let text = match self.input {
            Input::Item(DType::Scalar(scalar), bytes) => Cow::Owned(text(*scalar, bytes)?),
            Input::Int(int) => return Err(wrong_type(ENUM, &Kind::Int(int))),
            Input::Float(float) => return Err(wrong_type(ENUM, &Kind::Float(float))),
            // Not an enum. The visitor's error says what it expects.
            Input::Item(..) | Input::Masked | Input::Block(_) => {
                return self.deserialize_any(visitor);
            }
            Input::Element(element) => match element.kind() {
                Kind::Str(text) => text.into_str().ok_or_else(lone_surrogate)?,
                Kind::Scalar(scalar) => match scalar.to_text() {
                    Some(text) => text,
                    None => return Err(wrong_type(ENUM, &Kind::Scalar(scalar))),
                },
                Kind::Dict(entries)
                | Kind::OrderedDict(entries)
                | Kind::DefaultDict(_, entries)
                    if entries.len() == 1 =>
                {
                    let open = &self.open.enter(element.identity())?;
                    return visitor
                        .visit_enum(MapAccessDeserializer::new(Pairs::new(entries, open)));
                }
                other => return Err(wrong_type(ENUM, &other)),
            },
        };
        visitor.visit_enum(text.into_deserializer())
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.charge_unpaid()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for ValueDeserializer<'_, 'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Visits a value of the pickle by its Python type.
fn visit_element<'de, V: Visitor<'de>>(
    element: Element<'de>,
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    if let Some(array) = element.as_plain_array().filter(|array| !array.fortran_order()) {
        open.charge(array.data().len())?;
        let open = &open.enter(element.identity())?;
        let (shape, dtype) = (array.shape(), array.item().into());
        let items = BlockItems::Bytes(&dtype, array.data());
        let input = Block { shape, items, mask: None }.into_input();
        return ValueDeserializer { input, open }.visit(wanted, visitor);
    }
    let (kind, id) = (element.kind(), element.identity());
    open.charge(payload(&kind))?;
    match kind {
        Kind::None => return visit_missing(wanted, visitor),
        // An item can be missing, so an `Option` is decided there.
        Kind::Array(array) => return visit_array(&array, &open.enter(id)?, wanted, visitor),
        Kind::Scalar(scalar) => {
            return visit_item(scalar.dtype(), scalar.data(), open, wanted, visitor);
        }
        _ if wanted == Wanted::Option => {
            return visitor.visit_some(ValueDeserializer::new(element, open));
        }
        _ => {}
    }
    match kind {
        Kind::Bool(value) => visitor.visit_bool(value),
        Kind::Int(int) => visitor.visit_i64(int),
        Kind::Long(int) => visit_long(int, visitor),
        Kind::Float(float) => visitor.visit_f64(float),
        Kind::Complex(real, imaginary) => visit_sequence([real, imaginary].into_iter(), visitor),
        Kind::Str(text) => visit_str(text.into_str().ok_or_else(lone_surrogate)?, visitor),
        Kind::Decimal(digits) => visit_str(digits, visitor),
        Kind::Bytes(bytes) | Kind::ByteArray(bytes) => match bytes {
            bytes if wanted == Wanted::Sequence => visit_sequence(bytes.iter().copied(), visitor),
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        },
        Kind::Tuple(items)
        | Kind::List(items)
        | Kind::Set(items)
        | Kind::FrozenSet(items)
        | Kind::Deque(items, _) => {
            let open = &open.enter(id)?;
            if let Some(ints) = items.raw().as_ints() {
                visit_inputs(ints.iter().map(|&int| Input::Int(int)), open, visitor)
            } else if let Some(floats) = items.raw().as_floats() {
                visit_inputs(floats.iter().map(|&float| Input::Float(float)), open, visitor)
            } else {
                visit_inputs(items.map(Input::Element), open, visitor)
            }
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            visitor.visit_map(Pairs::new(entries, &open.enter(id)?))
        }
        Kind::Record(record) => {
            let open = &open.enter(id)?;
            let fields = record.fields().into_iter();
            visit_fields(
                fields.map(|(name, value)| (name, ValueDeserializer::new(value, open))),
                wanted,
                visitor,
            )
        }
        Kind::DateTime(datetime) => visitor.visit_string(datetime.to_string()),
        Kind::Date(date) => visitor.visit_string(date.to_string()),
        Kind::Time(time) => visitor.visit_string(time.to_string()),
        Kind::TimeDelta(delta) => visitor.visit_f64(delta.total_seconds()),
        other => {
            let message = format!("serde has no type for this value: {}", other.name());
            Err(Error::usage("access.type", message))
        }
    }
}

/// Returns the number of bytes of a value that the caller's type may copy.
fn payload(kind: &Kind<'_>) -> usize {
    match kind {
        Kind::Str(text) => text.as_bytes().len(),
        Kind::Bytes(bytes) | Kind::ByteArray(bytes) => bytes.len(),
        Kind::Decimal(digits) => digits.len(),
        Kind::Scalar(scalar) => scalar.data().len(),
        Kind::Array(array) => match array.data() {
            Data::Bytes(bytes) => bytes.len(),
            Data::Items(_) => 0,
        },
        _ => 0,
    }
}

/// Visits an array; `open` is the array itself.
fn visit_array<'de, V: Visitor<'de>>(
    array: &Array<'de>,
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    let mask = array.item_mask().map(|mask| array.to_c_order(mask, 1));
    let (shape, mask) = (array.shape(), mask.as_deref());
    let visit = |items, visitor| {
        let input = Block { shape, items, mask }.into_input();
        ValueDeserializer { input, open }.visit(wanted, visitor)
    };
    match (array.data(), array.item()) {
        (Data::Bytes(bytes), ItemType::Plain(dtype)) => {
            let bytes = array.to_c_order(bytes, dtype.itemsize());
            visit(BlockItems::Bytes(dtype, &bytes), visitor)
        }
        (Data::Items(items), _) => visit(BlockItems::Objects(items.len(), items.clone()), visitor),
        (Data::Bytes(_), ItemType::String { .. }) => unreachable!("its items are objects"),
    }
}

impl<'a, 'de> Block<'a, 'de> {
    /// Returns the block, or its one item where no dimension is left.
    fn into_input(self) -> Input<'a, 'de> {
        if !self.shape.is_empty() {
            return Input::Block(self);
        }
        if self.mask.is_some_and(|mask| mask.first().is_some_and(|&masked| masked != 0)) {
            return Input::Masked;
        }
        match self.items {
            BlockItems::Bytes(dtype, bytes) => Input::Item(dtype, bytes),
            BlockItems::Objects(_, mut items) => items.next().map_or(Input::Masked, Input::Element),
        }
    }

    /// Returns the parts of the block along its first axis.
    fn parts(self) -> Parts<'a, 'de> {
        Parts { left: self.shape.first().copied().unwrap_or(0), block: self }
    }

    /// Returns the dtype and the bytes of each item, if the block has one dimension, and its items
    /// are scalars of which none is masked.
    fn numbers(&self) -> Option<(&'a DType, ChunksExact<'a, u8>)> {
        match (self.shape, &self.items, self.mask) {
            ([_], BlockItems::Bytes(dtype @ DType::Scalar(_), bytes), None)
                if !bytes.is_empty() =>
            {
                Some((dtype, bytes.chunks_exact(dtype.itemsize())))
            }
            _ => None,
        }
    }

    /// Returns whether its items take no bytes in the file.
    fn is_unpaid(&self) -> bool {
        match &self.items {
            BlockItems::Bytes(_, bytes) => bytes.is_empty(),
            BlockItems::Objects(count, _) => *count == 0,
        }
    }
}

/// The parts of a block along its first axis.
struct Parts<'a, 'de> {
    /// What is left of the block, and its number of parts.
    block: Block<'a, 'de>,
    left: usize,
}

impl<'a, 'de> Iterator for Parts<'a, 'de> {
    type Item = Input<'a, 'de>;

    #[inline]
    fn next(&mut self) -> Option<Input<'a, 'de>> {
        let left = self.left;
        self.left = left.checked_sub(1)?;
        let take = |bytes: &mut &'a [u8]| {
            let (part, rest) = bytes.split_at(bytes.len() / left);
            *bytes = rest;
            part
        };
        let items = match &mut self.block.items {
            BlockItems::Bytes(dtype, bytes) => BlockItems::Bytes(dtype, take(bytes)),
            BlockItems::Objects(count, items) => {
                let (part, size) = (items.clone(), *count / left);
                *count -= size;
                if let Some(last) = size.checked_sub(1) {
                    items.nth(last);
                }
                BlockItems::Objects(size, part)
            }
        };
        let mask = self.block.mask.as_mut().map(take);
        Some(Block { shape: &self.block.shape[1..], items, mask }.into_input())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Parts<'_, '_> {}

/// Visits a NumPy scalar, or an item of an array without objects.
fn visit_item<'de, V: Visitor<'de>>(
    dtype: &DType,
    bytes: &[u8],
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    match dtype {
        DType::Scalar(scalar) => visit_scalar(*scalar, bytes, open, wanted, visitor),
        DType::Subarray(subarray) => {
            let items = BlockItems::Bytes(subarray.base(), bytes);
            let input = Block { shape: subarray.shape(), items, mask: None }.into_input();
            ValueDeserializer { input, open }.visit(wanted, visitor)
        }
        DType::Struct(_) if wanted == Wanted::Option => {
            visitor.visit_some(ValueDeserializer { input: Input::Item(dtype, bytes), open })
        }
        DType::Struct(record) => {
            let open = &open.enter(None)?;
            let fields = record.fields().iter().map(|field| {
                let bytes = &bytes[field.offset..field.offset + field.dtype.itemsize()];
                (
                    field.name.as_str(),
                    ValueDeserializer { input: Input::Item(&field.dtype, bytes), open },
                )
            });
            visit_fields(fields, wanted, visitor)
        }
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(
    scalar: Scalar,
    bytes: &[u8],
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    use ScalarKind as K;
    let order = scalar.order();
    let is_time = matches!(scalar.kind(), K::Datetime(_) | K::Timedelta(_));
    let count = || i64::from_le_bytes(little_endian(bytes, order));
    if is_time && wanted != Wanted::Int && count() == NOT_A_TIME {
        return visit_missing(wanted, visitor);
    }
    if wanted == Wanted::Option {
        let dtype = scalar.into();
        return visitor.visit_some(ValueDeserializer { input: Input::Item(&dtype, bytes), open });
    }
    if let Some(number) = Number::read(scalar, bytes) {
        return number.visit(visitor);
    }
    match (scalar.kind(), bytes.len()) {
        (K::Float, _) => visitor.visit_f64(long_double(bytes, order)),
        (K::Complex, size) => {
            let part = DType::Scalar(Scalar::new(K::Float, order, size / 2)?);
            let parts = bytes.chunks_exact(size / 2);
            let value = |bytes| ValueDeserializer { input: Input::Item(&part, bytes), open };
            visit_sequence(parts.map(value), visitor)
        }
        (K::Datetime(unit), _) if wanted != Wanted::Int && unit.base() != TimeBase::Generic => {
            visitor.visit_string(Instant { count: count(), unit }.to_string())
        }
        (K::Datetime(_) | K::Timedelta(_), _) => visitor.visit_i64(count()),
        (K::Unicode, _) => visitor.visit_string(text(scalar, bytes)?),
        (K::Bytes, _) => {
            // NULs at the end are padding.
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            visit_bytes(&bytes[..end], wanted, visitor)
        }
        (K::Bool | K::Int | K::Uint | K::Void | K::Object, _) => {
            visit_bytes(bytes, wanted, visitor)
        }
    }
}

/// A number or bool of a NumPy scalar, or of an item of an array.
#[derive(Clone, Copy)]
enum Number {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    F32(f32),
    F64(f64),
}

impl Number {
    /// Reads the number; `None` where the item is of another type, or a float of more than 8 bytes.
    #[inline(always)]
    fn read(scalar: Scalar, bytes: &[u8]) -> Option<Number> {
        use ScalarKind as K;
        let order = scalar.order();
        Some(match (scalar.kind(), bytes.len()) {
            (K::Bool, _) => Number::Bool(bytes != [0]),
            (K::Int, 1) => Number::I8(i8::from_le_bytes(little_endian(bytes, order))),
            (K::Int, 2) => Number::I16(i16::from_le_bytes(little_endian(bytes, order))),
            (K::Int, 4) => Number::I32(i32::from_le_bytes(little_endian(bytes, order))),
            (K::Int, 8) => Number::I64(i64::from_le_bytes(little_endian(bytes, order))),
            (K::Uint, 1) => Number::U8(u8::from_le_bytes(little_endian(bytes, order))),
            (K::Uint, 2) => Number::U16(u16::from_le_bytes(little_endian(bytes, order))),
            (K::Uint, 4) => Number::U32(u32::from_le_bytes(little_endian(bytes, order))),
            (K::Uint, 8) => Number::U64(u64::from_le_bytes(little_endian(bytes, order))),
            (K::Float, 2) => {
                Number::F32(half::f16::from_le_bytes(little_endian(bytes, order)).to_f32())
            }
            (K::Float, 4) => Number::F32(f32::from_le_bytes(little_endian(bytes, order))),
            (K::Float, 8) => Number::F64(f64::from_le_bytes(little_endian(bytes, order))),
            _ => return None,
        })
    }

    #[inline(always)]
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Number::Bool(value) => visitor.visit_bool(value),
            Number::I8(int) => visitor.visit_i8(int),
            Number::I16(int) => visitor.visit_i16(int),
            Number::I32(int) => visitor.visit_i32(int),
            Number::I64(int) => visitor.visit_i64(int),
            Number::U8(int) => visitor.visit_u8(int),
            Number::U16(int) => visitor.visit_u16(int),
            Number::U32(int) => visitor.visit_u32(int),
            Number::U64(int) => visitor.visit_u64(int),
            Number::F32(float) => visitor.visit_f32(float),
            Number::F64(float) => visitor.visit_f64(float),
        }
    }
}

fn visit_missing<'de, V: Visitor<'de>>(wanted: Wanted, visitor: V) -> Result<V::Value> {
    if wanted == Wanted::Option { visitor.visit_none() } else { visitor.visit_unit() }
}

fn visit_long<'de, V: Visitor<'de>>(int: Long<'_>, visitor: V) -> Result<V::Value> {
    let int = int.to_big_int();
    if let Ok(int) = u64::try_from(&int) {
        visitor.visit_u64(int)
    } else if let Ok(int) = i128::try_from(&int) {
        visitor.visit_i128(int)
    } else if let Ok(int) = u128::try_from(&int) {
        visitor.visit_u128(int)
    } else {
        let message = format!("expected int of at most 128 bits, found one of {}", int.bits());
        Err(Error::usage("access.type", message))
    }
}

fn visit_str<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

fn visit_bytes<'de, V: Visitor<'de>>(bytes: &[u8], wanted: Wanted, visitor: V) -> Result<V::Value> {
    match wanted {
        Wanted::Sequence => visit_sequence(bytes.iter().copied(), visitor),
        _ => visitor.visit_bytes(bytes),
    }
}

/// Visits the members of a container; `open` is the container itself.
fn visit_inputs<'a, 'de: 'a, V: Visitor<'de>>(
    inputs: impl ExactSizeIterator<Item = Input<'a, 'de>>,
    open: &'a Open<'a>,
    visitor: V,
) -> Result<V::Value> {
    visit_sequence(inputs.map(|input| ValueDeserializer { input, open }), visitor)
}

fn visit_sequence<'de, V, I>(items: I, visitor: V) -> Result<V::Value>
where
    V: Visitor<'de>,
    I: ExactSizeIterator<Item: IntoDeserializer<'de, Error>>,
{
    let all = items.len();
    let mut items = Sequence { items, next: 0 };
    let value = visitor.visit_seq(&mut items)?;
    match items.items.len() {
        0 => Ok(value),
        left => {
            let read = all - left;
            let message = format!("expected a sequence of {read} values, found {all}");
            Err(Error::usage("access.type", message))
        }
    }
}

struct Sequence<I> {
    items: I,
    /// The index of the next item.
    next: usize,
}

impl<'de, I: ExactSizeIterator<Item: IntoDeserializer<'de, Error>>> SeqAccess<'de> for Sequence<I> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let number = self.next;
        self.next += 1;
        match seed.deserialize(item.into_deserializer()) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.under(number)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// Keys, or names of fields, with values.
struct Map<I, K, V> {
    entries: I,
    /// The entry whose key was read last.
    open: Option<(K, V)>,
}

/// A key of a map, for the path in an error.
trait Key: Clone {
    /// Returns the text between the brackets of a subscript.
    fn subscript(&self) -> String;
}

impl Key for &str {
    fn subscript(&self) -> String {
        short_str(self)
    }
}

impl Key for Cow<'_, str> {
    fn subscript(&self) -> String {
        short_str(self)
    }
}

impl<'de, I, K, V> MapAccess<'de> for Map<I, K, V>
where
    I: ExactSizeIterator<Item = (K, V)>,
    K: IntoDeserializer<'de, Error> + Key,
    V: IntoDeserializer<'de, Error>,
{
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let read = seed.deserialize(key.clone().into_deserializer());
        self.open = Some((key, value));
        read.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let (key, value) = self.open.take().expect("serde asks for a value after its key");
        let read = seed.deserialize(value.into_deserializer());
        read.map_err(|error| error.under(key.subscript()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The entries of a dict; `open` is the dict itself.
struct Pairs<'a, 'de> {
    entries: Entries<'de>,
    open: &'a Open<'a>,
    /// The entry whose key was read last.
    last: Option<(Element<'de>, Element<'de>)>,
}

impl<'a, 'de> Pairs<'a, 'de> {
    fn new(entries: Entries<'de>, open: &'a Open<'a>) -> Pairs<'a, 'de> {
        Pairs { entries, open, last: None }
    }
}

impl<'de> MapAccess<'de> for Pairs<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.last = self.entries.next();
        let Some((key, _)) = self.last else { return Ok(None) };
        seed.deserialize(ValueDeserializer::new(key, self.open)).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let (key, value) = self.last.take().expect("serde asks for a value after its key");
        let read = seed.deserialize(ValueDeserializer::new(value, self.open));
        read.map_err(|error| error.under(format!("{key:?}")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Visits the fields of a record.
fn visit_fields<'a, 'de, V, N, I>(fields: I, wanted: Wanted, visitor: V) -> Result<V::Value>
where
    'de: 'a,
    V: Visitor<'de>,
    N: IntoDeserializer<'de, Error> + Key,
    I: ExactSizeIterator<Item = (N, ValueDeserializer<'a, 'de>)>,
{
    match wanted {
        Wanted::Sequence => visit_sequence(fields.map(|(_, value)| value), visitor),
        _ => visitor.visit_map(Map { entries: fields, open: None }),
    }
}

/// Returns the text of an item of dtype `U`.
fn text(scalar: Scalar, bytes: &[u8]) -> Result<String> {
    let scalar = NumPyScalar::new(scalar.into(), bytes.into());
    let text = scalar.as_ref().and_then(NumPyScalar::to_text).ok_or_else(lone_surrogate)?;
    Ok(text.into_owned())
}

/// Returns the bytes of a number in little-endian order.
fn little_endian<const N: usize>(bytes: &[u8], order: ByteOrder) -> [u8; N] {
    let mut bytes: [u8; N] = bytes.try_into().unwrap_or([0; N]);
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    bytes
}
