//! Elements through serde, into types of the caller's.
//!
//! | Python | serde |
//! |---|---|
//! | None, a masked item, NaT | unit, or a missing `Option` |
//! | bool, int, float | themselves; ints of up to 128 bits |
//! | str, bytes, bytearray | borrowed where the file has them so; bytes also a sequence of ints |
//! | list, tuple, set, frozenset, deque | a sequence |
//! | dict, OrderedDict, defaultdict | a map, or a struct by its str keys |
//! | an item of a structured dtype | a map or struct by the names of its fields, or a sequence |
//! | NumPy array | sequences, nested as its dimensions are, in C order; of 0-d its one item |
//! | NumPy scalar | as the Python value |
//! | complex | a sequence of real and imaginary part |
//! | date, time, datetime | a str of ISO 8601 |
//! | datetime64 | a str of ISO 8601; as an i64, its count of units |
//! | timedelta, timedelta64 | its seconds, a float; its count of units, an int |
//! | Decimal | a str |
//! | str, or a dict of one entry | an enum: its unit variant, or a variant with what it holds |
//!
//! Serde has nothing for whatever else there is: an object of a class that is not known, a class, a
//! value inside itself.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::{Long, NodeId, ValueRef, short_str};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};
use crate::value::access::{lone_surrogate, wrong_type};
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::calendar::{Instant, NOT_A_TIME};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::items::Entries;
use crate::value::kind::Kind;
use crate::value::scalar::{NumPyScalar, long_double};

/// How deep values may be nested. They are read by recursion, and where the type leaves it to the
/// file (`serde_json::Value`), the file decides how deep.
const DEPTH: usize = 128;

/// How many values may be read, whatever the element is, and how many more for each byte that it
/// takes: what is shared is read again and again, and a few bytes can share enough to fill any
/// memory.
const FREE: usize = 1 << 20;
const REPEATED: usize = 4;

/// What an enum is read from.
const ENUM: &str = "str or dict of one entry";

/// Bytes of a str, or of anything of the kind, that count as a value.
const PIECE: usize = 64;

impl<'a> Element<'a> {
    /// The value as a type of the caller's, through serde. What it borrows (`&str`, `&[u8]`) is
    /// borrowed from the file.
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
    /// Fails with clause `access.type` where the value is no `T`, with `access.depth` where it is
    /// nested more than 128 deep, with `access.sharing` where, with what it shares read again each
    /// time, it is many times as large as it is in the file.
    pub fn deserialize<T: Deserialize<'a>>(self) -> Result<T> {
        let bytes = self.value().map_or(0, ValueRef::graph_bytes);
        let left = Cell::new(bytes.saturating_mul(REPEATED).saturating_add(FREE));
        let open = Open { id: None, outer: None, depth: 0, left: &left };
        T::deserialize(Value::new(self, &open)).map_err(|error| {
            let begin = self.value().and_then(ValueRef::source_offset);
            begin.into_iter().fold(error, Error::or_at)
        })
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::usage("access.type", message.to_string())
    }
}

/// A value that the reader is inside of.
#[derive(Clone, Copy)]
struct Open<'a> {
    id: Option<NodeId>,
    outer: Option<&'a Open<'a>>,
    depth: usize,
    /// How many values may still be read.
    left: &'a Cell<usize>,
}

impl<'a> Open<'a> {
    /// Goes into a value.
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

    /// Counts a value, of which the reader may make a copy of so many bytes.
    fn charge(&self, bytes: usize) -> Result<()> {
        let Some(left) = self.left.get().checked_sub(1 + bytes / PIECE) else {
            let message = "the value, with what it shares read again each time, is too large";
            return Err(Error::usage("access.sharing", message));
        };
        self.left.set(left);
        Ok(())
    }
}

/// A value, on its way into a type of the caller's.
#[derive(Clone)]
struct Value<'a, 'de> {
    place: Place<'a, 'de>,
    open: &'a Open<'a>,
}

#[derive(Clone)]
enum Place<'a, 'de> {
    Element(Element<'de>),
    /// A NumPy scalar, or an item of an array without objects.
    Item(&'a DType, &'a [u8]),
    /// An item that is masked.
    Masked,
    Block(Block<'a, 'de>),
}

/// An array, or the part of one behind some of its indices, in C order.
#[derive(Clone)]
struct Block<'a, 'de> {
    shape: &'a [usize],
    items: BlockItems<'a, 'de>,
    mask: Option<&'a [u8]>,
}

#[derive(Clone)]
enum BlockItems<'a, 'de> {
    Bytes(&'a DType, &'a [u8]),
    /// So many objects, and those behind them.
    Objects(usize, ArrayItems<'de>),
}

/// What the caller's type says of itself that decides how a value is read.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Anything,
    Option,
    Sequence,
    Int,
}

impl<'a, 'de> Value<'a, 'de> {
    fn new(element: Element<'de>, open: &'a Open<'a>) -> Value<'a, 'de> {
        Value { place: Place::Element(element), open }
    }

    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        self.charge_unpaid()?;
        let open = self.open;
        match self.place {
            Place::Element(element) => visit_element(element, open, wanted, visitor),
            Place::Item(dtype, bytes) => visit_item(dtype, bytes, open, wanted, visitor),
            Place::Masked => visit_missing(wanted, visitor),
            Place::Block(_) if wanted == Wanted::Option => visitor.visit_some(self),
            Place::Block(block) => {
                let open = &open.enter(None)?;
                visit_sequence(block.parts().map(|place| Value { place, open }), visitor)
            }
        }
    }

    /// Counts what no byte of the file stands for, of which there may be any number: the items of
    /// an array of `V0`.
    fn charge_unpaid(&self) -> Result<()> {
        let unpaid = match &self.place {
            Place::Item(_, bytes) => bytes.is_empty(),
            Place::Block(block) => block.is_unpaid(),
            Place::Element(_) | Place::Masked => false,
        };
        if unpaid { self.open.charge(0) } else { Ok(()) }
    }
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Anything, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Option, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.visit(Wanted::Sequence, visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Int, visitor)
    }

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
        let text = match self.place {
            Place::Item(DType::Scalar(scalar), bytes) => Cow::Owned(text(*scalar, bytes)?),
            // Not an enum, which the visitor says best.
            Place::Item(..) | Place::Masked | Place::Block(_) => {
                return self.deserialize_any(visitor);
            }
            Place::Element(element) => match element.kind() {
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
                    return visitor.visit_enum(MapAccessDeserializer::new(pairs(entries, open)));
                }
                other => return Err(wrong_type(ENUM, &other)),
            },
        };
        visitor.visit_enum(text.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.charge_unpaid()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for Value<'_, 'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What the file has at a place, and what the reader's type makes of it.
fn visit_element<'de, V: Visitor<'de>>(
    element: Element<'de>,
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    let (kind, id) = (element.kind(), element.identity());
    open.charge(payload(&kind))?;
    match kind {
        Kind::None => return visit_missing(wanted, visitor),
        // What these hold can be missing too.
        Kind::Array(array) => return visit_array(&array, &open.enter(id)?, wanted, visitor),
        Kind::Scalar(scalar) => {
            return visit_item(scalar.dtype(), scalar.data(), open, wanted, visitor);
        }
        _ if wanted == Wanted::Option => return visitor.visit_some(Value::new(element, open)),
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
            visit_sequence(items.map(|item| Value::new(item, open)), visitor)
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            visitor.visit_map(pairs(entries, &open.enter(id)?))
        }
        Kind::Record(record) => {
            let open = &open.enter(id)?;
            let fields = record.fields().into_iter();
            visit_fields(
                fields.map(|(name, value)| (name, Value::new(value, open))),
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

/// Bytes that a reader may copy.
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

/// An array; `open` is the place inside it.
fn visit_array<'de, V: Visitor<'de>>(
    array: &Array<'de>,
    open: &Open<'_>,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    let mask = array.item_mask().map(|mask| array.to_c_order(mask, 1));
    let (shape, mask) = (array.shape(), mask.as_deref());
    let visit = |items, visitor| {
        let place = Block { shape, items, mask }.into_place();
        Value { place, open }.visit(wanted, visitor)
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
    /// The block, or, where no dimension is left, its one item.
    fn into_place(self) -> Place<'a, 'de> {
        if !self.shape.is_empty() {
            return Place::Block(self);
        }
        if self.mask.is_some_and(|mask| mask.first().is_some_and(|&masked| masked != 0)) {
            return Place::Masked;
        }
        match self.items {
            BlockItems::Bytes(dtype, bytes) => Place::Item(dtype, bytes),
            BlockItems::Objects(_, mut items) => items.next().map_or(Place::Masked, Place::Element),
        }
    }

    /// The parts of the block along its first axis.
    fn parts(self) -> Parts<'a, 'de> {
        Parts { left: self.shape.first().copied().unwrap_or(0), block: self }
    }

    /// Whether no byte stands for its items.
    fn is_unpaid(&self) -> bool {
        match &self.items {
            BlockItems::Bytes(_, bytes) => bytes.is_empty(),
            BlockItems::Objects(count, _) => *count == 0,
        }
    }
}

/// The parts of a block along its first axis.
struct Parts<'a, 'de> {
    /// What is left of the block, and how many parts that is.
    block: Block<'a, 'de>,
    left: usize,
}

impl<'a, 'de> Iterator for Parts<'a, 'de> {
    type Item = Place<'a, 'de>;

    #[inline]
    fn next(&mut self) -> Option<Place<'a, 'de>> {
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
        Some(Block { shape: &self.block.shape[1..], items, mask }.into_place())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Parts<'_, '_> {}

/// A NumPy scalar, or an item of an array without objects.
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
            let place = Block { shape: subarray.shape(), items, mask: None }.into_place();
            Value { place, open }.visit(wanted, visitor)
        }
        DType::Struct(_) if wanted == Wanted::Option => {
            visitor.visit_some(Value { place: Place::Item(dtype, bytes), open })
        }
        DType::Struct(record) => {
            let open = &open.enter(None)?;
            let fields = record.fields().iter().map(|field| {
                let bytes = &bytes[field.offset..field.offset + field.dtype.itemsize()];
                (field.name.as_str(), Value { place: Place::Item(&field.dtype, bytes), open })
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
        return visitor.visit_some(Value { place: Place::Item(&dtype, bytes), open });
    }
    match (scalar.kind(), bytes.len()) {
        (K::Bool, _) => visitor.visit_bool(bytes != [0]),
        (K::Int, 1) => visitor.visit_i8(i8::from_le_bytes(little_endian(bytes, order))),
        (K::Int, 2) => visitor.visit_i16(i16::from_le_bytes(little_endian(bytes, order))),
        (K::Int, 4) => visitor.visit_i32(i32::from_le_bytes(little_endian(bytes, order))),
        (K::Int, 8) => visitor.visit_i64(count()),
        (K::Uint, 1) => visitor.visit_u8(u8::from_le_bytes(little_endian(bytes, order))),
        (K::Uint, 2) => visitor.visit_u16(u16::from_le_bytes(little_endian(bytes, order))),
        (K::Uint, 4) => visitor.visit_u32(u32::from_le_bytes(little_endian(bytes, order))),
        (K::Uint, 8) => visitor.visit_u64(u64::from_le_bytes(little_endian(bytes, order))),
        (K::Float, 2) => {
            visitor.visit_f32(half::f16::from_le_bytes(little_endian(bytes, order)).to_f32())
        }
        (K::Float, 4) => visitor.visit_f32(f32::from_le_bytes(little_endian(bytes, order))),
        (K::Float, 8) => visitor.visit_f64(f64::from_le_bytes(little_endian(bytes, order))),
        (K::Float, _) => visitor.visit_f64(long_double(bytes, order)),
        (K::Complex, size) => {
            let part = DType::Scalar(Scalar::new(K::Float, order, size / 2)?);
            let parts = bytes.chunks_exact(size / 2);
            let value = |bytes| Value { place: Place::Item(&part, bytes), open };
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
        (K::Int | K::Uint | K::Void | K::Object, _) => visit_bytes(bytes, wanted, visitor),
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
        Err(Error::usage("access.type", "the int has more than 128 bits"))
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
            let message = format!("a sequence of {all} values, where {read} were expected");
            Err(Error::usage("access.type", message))
        }
    }
}

struct Sequence<I> {
    items: I,
    /// The number of the item that comes next.
    next: usize,
}

impl<'de, I: ExactSizeIterator<Item: IntoDeserializer<'de, Error>>> SeqAccess<'de> for Sequence<I> {
    type Error = Error;

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

/// The text between the brackets of a subscript that leads to a value.
trait Key: Clone {
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

impl Key for Value<'_, '_> {
    fn subscript(&self) -> String {
        match &self.place {
            Place::Element(element) => format!("{element:?}"),
            _ => "...".to_owned(),
        }
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

/// The entries of a dict; `open` is the place inside it.
fn pairs<'a, 'de>(entries: Entries<'de>, open: &'a Open<'a>) -> impl MapAccess<'de, Error = Error> {
    let entries = entries.map(|(key, value)| (Value::new(key, open), Value::new(value, open)));
    Map { entries, open: None }
}

/// The fields of a record.
fn visit_fields<'a, 'de, V, N, I>(fields: I, wanted: Wanted, visitor: V) -> Result<V::Value>
where
    'de: 'a,
    V: Visitor<'de>,
    N: IntoDeserializer<'de, Error> + Key,
    I: ExactSizeIterator<Item = (N, Value<'a, 'de>)>,
{
    match wanted {
        Wanted::Sequence => visit_sequence(fields.map(|(_, value)| value), visitor),
        _ => visitor.visit_map(Map { entries: fields, open: None }),
    }
}

fn text(scalar: Scalar, bytes: &[u8]) -> Result<String> {
    let scalar = NumPyScalar::new(scalar.into(), bytes.into());
    let text = scalar.as_ref().and_then(NumPyScalar::to_text).ok_or_else(lone_surrogate)?;
    Ok(text.into_owned())
}

/// The bytes of a number, in little-endian order.
fn little_endian<const N: usize>(bytes: &[u8], order: ByteOrder) -> [u8; N] {
    let mut bytes: [u8; N] = bytes.try_into().unwrap_or([0; N]);
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    bytes
}
