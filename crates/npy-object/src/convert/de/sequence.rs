//! Sequences, and the numbers in them that are no values of their own; maps by the names of fields.

use std::borrow::Cow;

use pickle_stream::short_str;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::deserializer::{Value, ValueDeserializer, Wanted, not_an_enum};
use super::open::Open;
use crate::error::{Error, Result};
use crate::value::kind::Kind;

/// Visits the items as a sequence.
///
/// Fails where the visitor fails, with the index of the item, and with clause `access.type` where
/// the visitor does not read all items.
#[inline(always)]
pub(super) fn visit_sequence<'de, V, I>(items: I, visitor: V) -> Result<V::Value>
where
    V: Visitor<'de>,
    I: ExactSizeIterator<Item: Value<'de>>,
{
    let all = items.len();
    let mut items = Sequence { items, all };
    let value = visitor.visit_seq(&mut items)?;
    match items.items.len() {
        0 => Ok(value),
        left => Err(wrong_length(all - left, all)),
    }
}

#[cold]
fn wrong_length(read: usize, all: usize) -> Error {
    let message = format!("expected a sequence of {read} values, found {all}");
    Error::usage("access.type", message)
}

struct Sequence<I> {
    items: I,
    /// The number of items, those that were read included.
    all: usize,
}

impl<'de, I: ExactSizeIterator<Item: Value<'de>>> SeqAccess<'de> for Sequence<I> {
    type Error = Error;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        match seed.deserialize(ValueDeserializer(item)) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.under(self.all - self.items.len() - 1)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A number or bool.
pub(super) trait Number: Copy {
    /// Calls the method of the visitor for this type.
    fn visit_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value>;
}

macro_rules! numbers {
    ($($type:ty: $method:ident;)*) => {$(
        impl Number for $type {
            #[inline(always)]
            fn visit_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                visitor.$method(self.into())
            }
        }
    )*};
}

numbers! {
    bool: visit_bool;
    i8: visit_i8;
    i16: visit_i16;
    i32: visit_i32;
    i64: visit_i64;
    u8: visit_u8;
    u16: visit_u16;
    u32: visit_u32;
    u64: visit_u64;
    half::f16: visit_f32;
    f32: visit_f32;
    f64: visit_f64;
}

/// A number that is a part of one value: a byte of bytes, or a part of a complex number.
pub(super) struct Part<N>(pub(super) N);

impl<'de, N: Number> Value<'de> for Part<N> {
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match wanted {
            Wanted::Option => visitor.visit_some(ValueDeserializer(self)),
            _ => self.0.visit_number(visitor),
        }
    }
}

/// Visits bytes: as a sequence of ints where one is wanted.
pub(super) fn visit_bytes<'de, V: Visitor<'de>>(
    bytes: &[u8],
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value> {
    match wanted {
        Wanted::Sequence => visit_sequence(bytes.iter().copied().map(Part), visitor),
        _ => visitor.visit_bytes(bytes),
    }
}

/// Visits the numbers of a list that has them unboxed; `open` is the list itself.
pub(super) fn visit_run<'de, N: Number, V: Visitor<'de>>(
    numbers: &[N],
    kind: fn(N) -> Kind<'static>,
    open: &Open<'_>,
    visitor: V,
) -> Result<V::Value> {
    open.locally(|open| {
        let items = numbers.iter().map(|&number| RunNumber { number, kind, open });
        visit_sequence(items, visitor)
    })
}

/// A number of a list that has them unboxed.
struct RunNumber<'a, N> {
    number: N,
    kind: fn(N) -> Kind<'static>,
    open: &'a Open<'a>,
}

impl<'de, N: Number> Value<'de> for RunNumber<'_, N> {
    #[inline(always)]
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        self.open.charge(0)?;
        match wanted {
            Wanted::Option => visitor.visit_some(ValueDeserializer(self)),
            _ => self.number.visit_number(visitor),
        }
    }

    #[cold]
    fn visit_enum<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(not_an_enum(&(self.kind)(self.number)))
    }
}

/// Visits the fields of a record: as a sequence where one is wanted.
pub(super) fn visit_fields<'de, V, N, T, I>(
    fields: I,
    wanted: Wanted,
    visitor: V,
) -> Result<V::Value>
where
    V: Visitor<'de>,
    N: IntoDeserializer<'de, Error> + Name,
    T: Value<'de>,
    I: ExactSizeIterator<Item = (N, T)>,
{
    match wanted {
        Wanted::Sequence => visit_sequence(fields.map(|(_, value)| value), visitor),
        _ => visitor.visit_map(Fields { fields, open: None }),
    }
}

/// Names of fields with values.
struct Fields<I, N, T> {
    fields: I,
    /// The field whose name was read last.
    open: Option<(N, T)>,
}

/// A name of a field, for the path in an error.
pub(super) trait Name: Clone {
    /// Returns the text between the brackets of a subscript.
    fn subscript(&self) -> String;
}

impl Name for &str {
    fn subscript(&self) -> String {
        short_str(self)
    }
}

impl Name for Cow<'_, str> {
    fn subscript(&self) -> String {
        short_str(self)
    }
}

impl<'de, I, N, T> MapAccess<'de> for Fields<I, N, T>
where
    I: ExactSizeIterator<Item = (N, T)>,
    N: IntoDeserializer<'de, Error> + Name,
    T: Value<'de>,
{
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        let read = seed.deserialize(name.clone().into_deserializer());
        self.open = Some((name, value));
        read.map(Some)
    }

    fn next_value_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<K::Value> {
        let (name, value) = self.open.take().expect("serde asks for a value after its key");
        let read = seed.deserialize(ValueDeserializer(value));
        read.map_err(|error| error.under(name.subscript()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
