//! Pickled values, by their Python types.
//!
//! [`Member::visit`] reads the values that most elements consist of without asking for the others:
//! [`Whole::visit_other`], which reads every value, is the reference. A property test holds the first to
//! the second.

use std::borrow::Cow;

use pickle_stream::{Items as Members, Kind as Raw, Long, ValueRef};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use super::array::{Block, Bytes, Item, Items};
use super::deserializer::{Value, ValueDeserializer, Wanted, not_an_enum, visit_missing};
use super::open::Open;
use super::sequence::{Part, visit_bytes, visit_fields, visit_run, visit_sequence};
use crate::error::{Error, Result};
use crate::value::access::lone_surrogate;
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::{Element, Repr};
use crate::value::items::Entries;
use crate::value::kind::Kind;

/// An element, or a value inside one, that may be an item of a dtype.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a, 'de> {
    pub(super) element: Element<'de>,
    pub(super) open: &'a Open<'a>,
}

/// A value that is read without a dtype: a member of a container.
#[derive(Clone, Copy)]
pub(super) struct Member<'a, 'de> {
    value: ValueRef<'de>,
    context: &'de Context,
    open: &'a Open<'a>,
}

impl<'de> Value<'de> for Member<'_, 'de> {
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        let Member { value, context, open } = self;
        match wanted {
            Wanted::I64 | Wanted::Int => {
                if let Some(int) = value.as_int() {
                    open.charge(0)?;
                    return visitor.visit_i64(int);
                }
            }
            Wanted::Float => {
                if let Some(float) = value.as_float() {
                    open.charge(0)?;
                    return visitor.visit_f64(float);
                }
            }
            Wanted::Text => {
                if let Raw::Str(text) = value.kind()
                    && let Some(text) = text.to_str()
                {
                    open.charge(text.len())?;
                    return visitor.visit_borrowed_str(text);
                }
            }
            Wanted::Sequence => {
                if let Raw::List(members) | Raw::Tuple(members) = value.kind() {
                    open.charge(0)?;
                    return visit_members(
                        members,
                        context,
                        &open.enter(Some(value.id()))?,
                        visitor,
                    );
                }
            }
            Wanted::Map => {
                if let Raw::Dict(entries) = value.kind() {
                    open.charge(0)?;
                    let open = &open.enter(Some(value.id()))?;
                    return visitor.visit_map(Dict::new(Entries::new(entries, context), open));
                }
            }
            Wanted::Option | Wanted::Anything => {
                if let Some(leaf) = Leaf::of(value) {
                    return self.visit_leaf(leaf, wanted, visitor);
                }
            }
        }
        self.whole().visit_other(wanted, visitor)
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.whole().visit_enum(visitor)
    }
}

impl<'de> Value<'de> for Whole<'_, 'de> {
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match self.element.repr() {
            Repr::Value(value) => {
                let (context, open) = (self.element.context(), self.open);
                Member { value, context, open }.visit(wanted, visitor)
            }
            _ => self.visit_other(wanted, visitor),
        }
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let text = match self.element.kind() {
            Kind::Str(text) => text.into_str().ok_or_else(lone_surrogate)?,
            Kind::Scalar(scalar) => match scalar.to_text() {
                Some(text) => text,
                None => return Err(not_an_enum(&Kind::Scalar(scalar))),
            },
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries)
                if entries.len() == 1 =>
            {
                let open = &self.open.enter(self.element.identity())?;
                let entry = MapAccessDeserializer::new(Dict::new(entries, open));
                return visitor.visit_enum(entry);
            }
            other => return Err(not_an_enum(&other)),
        };
        visitor.visit_enum(text.into_deserializer())
    }
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

impl<'de> Leaf<'de> {
    /// Returns the leaf that a value is. `None` for every other value, and for the leaves that are
    /// found only after their dtype or encoding is known.
    #[inline(always)]
    fn of(value: ValueRef<'de>) -> Option<Leaf<'de>> {
        match value.kind() {
            Raw::None => Some(Leaf::None),
            Raw::Bool(value) => Some(Leaf::Bool(value)),
            Raw::Int(int) => Some(Leaf::Int(int)),
            Raw::Float(float) => Some(Leaf::Float(float)),
            Raw::Str(text) => text.to_str().map(Leaf::Str),
            _ => None,
        }
    }
}

impl<'a, 'de> Member<'a, 'de> {
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
            _ if wanted == Wanted::Option => visitor.visit_some(ValueDeserializer(self)),
            Leaf::Bool(value) => visitor.visit_bool(value),
            Leaf::Int(int) => visitor.visit_i64(int),
            Leaf::Float(float) => visitor.visit_f64(float),
            Leaf::Str(text) => visitor.visit_borrowed_str(text),
        }
    }

    /// Returns the value as one of any type.
    #[inline(always)]
    fn whole(self) -> Whole<'a, 'de> {
        Whole { element: Element::new(self.value, self.context), open: self.open }
    }
}

impl<'de> Whole<'_, 'de> {
    /// Visits a value of any type.
    #[inline(never)]
    pub(super) fn visit_other<V: Visitor<'de>>(
        self,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value> {
        let Whole { element, open } = self;
        if let Some(array) = element.as_plain_array().filter(|array| !array.fortran_order()) {
            open.charge(array.data().len())?;
            let open = &open.enter(element.identity())?;
            let items = Bytes { dtype: &array.item().into(), bytes: array.data() };
            return Block { shape: array.shape(), items, mask: None, open }.visit(wanted, visitor);
        }
        let (kind, id) = (element.kind(), element.identity());
        open.charge(payload(&kind))?;
        match kind {
            Kind::None => return visit_missing(wanted, visitor),
            // An item can be missing, so an `Option` is decided there.
            Kind::Array(array) => return visit_array(&array, &open.enter(id)?, wanted, visitor),
            Kind::Scalar(scalar) => {
                let (dtype, bytes) = (scalar.dtype(), scalar.data());
                return Item { dtype, bytes, open }.visit(wanted, visitor);
            }
            _ if wanted == Wanted::Option => return visitor.visit_some(ValueDeserializer(self)),
            _ => {}
        }
        match kind {
            Kind::Bool(value) => visitor.visit_bool(value),
            Kind::Int(int) => visitor.visit_i64(int),
            Kind::Long(int) => visit_long(int, visitor),
            Kind::Float(float) => visitor.visit_f64(float),
            Kind::Complex(real, imaginary) => {
                visit_sequence([real, imaginary].into_iter().map(Part), visitor)
            }
            Kind::Str(text) => visit_str(text.into_str().ok_or_else(lone_surrogate)?, visitor),
            Kind::Decimal(digits) => visit_str(digits, visitor),
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => match bytes {
                bytes if wanted == Wanted::Sequence => visit_bytes(&bytes, wanted, visitor),
                Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
                Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
            },
            Kind::Tuple(members)
            | Kind::List(members)
            | Kind::Set(members)
            | Kind::FrozenSet(members)
            | Kind::Deque(members, _) => {
                let context = members.context();
                visit_members(members.into_raw(), context, &open.enter(id)?, visitor)
            }
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                visitor.visit_map(Dict::new(entries, &open.enter(id)?))
            }
            Kind::Record(record) => {
                let open = &open.enter(id)?;
                let fields = record.fields().into_iter();
                let fields = fields.map(|(name, element)| (name, Whole { element, open }));
                visit_fields(fields, wanted, visitor)
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

/// Visits the members of a container as a sequence; `open` is the container itself.
fn visit_members<'de, V: Visitor<'de>>(
    members: Members<'de>,
    context: &'de Context,
    open: &Open<'_>,
    visitor: V,
) -> Result<V::Value> {
    if let Some(ints) = members.as_ints() {
        visit_run(ints, Kind::Int, open, visitor)
    } else if let Some(floats) = members.as_floats() {
        visit_run(floats, Kind::Float, open, visitor)
    } else {
        visit_sequence(members.map(|value| Member { value, context, open }), visitor)
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
    match (array.data(), array.item()) {
        (Data::Bytes(bytes), ItemType::Plain(dtype)) => {
            let bytes = &array.to_c_order(bytes, dtype.itemsize());
            Block { shape, items: Bytes { dtype, bytes }, mask, open }.visit(wanted, visitor)
        }
        (Data::Items(items), _) => {
            let items = Objects { count: items.len(), items: items.clone() };
            Block { shape, items, mask, open }.visit(wanted, visitor)
        }
        (Data::Bytes(_), ItemType::String { .. }) => unreachable!("its items are objects"),
    }
}

/// Items of an array of objects.
#[derive(Clone)]
struct Objects<'de> {
    count: usize,
    /// An iterator that begins with the items.
    items: ArrayItems<'de>,
}

impl<'de> Items<'de> for Objects<'de> {
    type Item<'a>
        = Whole<'a, 'de>
    where
        Self: 'a;

    fn split_first(&mut self, parts: usize) -> Self {
        let (items, count) = (self.items.clone(), self.count / parts);
        self.count -= count;
        if let Some(last) = count.checked_sub(1) {
            self.items.nth(last);
        }
        Objects { count, items }
    }

    fn into_first<'a>(mut self, open: &'a Open<'a>) -> Option<Whole<'a, 'de>>
    where
        Self: 'a,
    {
        self.items.next().map(|element| Whole { element, open })
    }

    fn is_unpaid(&self) -> bool {
        self.count == 0
    }

    fn visit_row<V: Visitor<'de>>(
        self,
        count: usize,
        open: &Open<'_>,
        visitor: V,
    ) -> Result<V::Value> {
        let items = self.items.take(count);
        visit_sequence(items.map(|element| Whole { element, open }), visitor)
    }
}

/// The entries of a dict; `open` is the dict itself.
struct Dict<'a, 'de> {
    entries: Entries<'de>,
    open: &'a Open<'a>,
    /// The entry whose key was read last.
    last: Option<(ValueRef<'de>, ValueRef<'de>)>,
}

impl<'a, 'de> Dict<'a, 'de> {
    #[inline(always)]
    fn new(entries: Entries<'de>, open: &'a Open<'a>) -> Dict<'a, 'de> {
        Dict { entries, open, last: None }
    }

    #[inline(always)]
    fn member(&self, value: ValueRef<'de>) -> ValueDeserializer<Member<'a, 'de>> {
        ValueDeserializer(Member { value, context: self.entries.context(), open: self.open })
    }

    /// Adds to an error the key of the value with the error.
    #[cold]
    fn under(&self, key: ValueRef<'de>, error: Error) -> Error {
        error.under(format!("{:?}", Element::new(key, self.entries.context())))
    }
}

impl<'de> MapAccess<'de> for Dict<'_, 'de> {
    type Error = Error;

    #[inline(always)]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.last = self.entries.next_raw();
        let Some((key, _)) = self.last else { return Ok(None) };
        seed.deserialize(self.member(key)).map(Some)
    }

    #[inline(always)]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let (key, value) = self.last.take().expect("serde asks for a value after its key");
        seed.deserialize(self.member(value)).map_err(|error| self.under(key, error))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}
