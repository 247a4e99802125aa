//! [`ValueDeserializer`]: the `Deserializer` of every kind of value.

use serde::de::{Deserializer, IntoDeserializer, Visitor};

use crate::error::{Error, Result};
use crate::value::access::wrong_type;
use crate::value::kind::Kind;

/// The request of the caller's type. `Option`, `Sequence` and `I64` decide how a value is read. The
/// others only say what to look for first: a value of another type is read as for `Anything`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    Anything,
    Option,
    Sequence,
    I64,
    Int,
    Float,
    Text,
    Map,
}

/// A value, of which [`ValueDeserializer`] makes a `Deserializer`.
///
/// `visit` is to be inlined, so that `wanted` is a constant in it.
pub(super) trait Value<'de>: Sized {
    /// Calls the method of the visitor for the type of the value.
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value>;

    /// Calls the method of the visitor for an enum, if the value can be one.
    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(Wanted::Anything, visitor)
    }

    /// Counts a value that is not read.
    fn ignore(&self) -> Result<()> {
        Ok(())
    }
}

/// A deserializer of one value.
pub(super) struct ValueDeserializer<T>(pub(super) T);

/// Methods that pass the request on.
macro_rules! visit {
    ($($method:ident($($argument:ty),*) $wanted:ident;)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value> {
            self.0.visit(Wanted::$wanted, visitor)
        }
    )*};
}

impl<'de, T: Value<'de>> Deserializer<'de> for ValueDeserializer<T> {
    type Error = Error;

    visit! {
        deserialize_any() Anything;
        deserialize_option() Option;
        deserialize_seq() Sequence;
        deserialize_tuple(usize) Sequence;
        deserialize_tuple_struct(&'static str, usize) Sequence;
        deserialize_i64() I64;
        deserialize_i8() Int;
        deserialize_i16() Int;
        deserialize_i32() Int;
        deserialize_u8() Int;
        deserialize_u16() Int;
        deserialize_u32() Int;
        deserialize_u64() Int;
        deserialize_f32() Float;
        deserialize_f64() Float;
        deserialize_str() Text;
        deserialize_string() Text;
        deserialize_identifier() Text;
        deserialize_map() Map;
        deserialize_struct(&'static str, &'static [&'static str]) Map;
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.visit_enum(visitor)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.ignore()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 char bytes byte_buf unit unit_struct
    }
}

impl<'de, T: Value<'de>> IntoDeserializer<'de, Error> for ValueDeserializer<T> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Visits a value that is missing.
pub(super) fn visit_missing<'de, V: Visitor<'de>>(wanted: Wanted, visitor: V) -> Result<V::Value> {
    if wanted == Wanted::Option { visitor.visit_none() } else { visitor.visit_unit() }
}

/// Returns the error for a value that is no enum.
#[cold]
pub(super) fn not_an_enum(found: &Kind<'_>) -> Error {
    wrong_type("str or dict of one entry", found)
}
