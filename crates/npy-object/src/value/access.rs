//! The methods of [`Element`] that return its value: [`kind`](Element::kind), and `as_*`, which
//! read it as an expected type.
//!
//! The methods for the types that most elements have look at the node first and call
//! [`kind`](Element::kind), which knows every type, only where that does not answer.

use std::borrow::Cow;

use pickle_stream::{Kind as Raw, ValueRef};

use crate::error::{Error, Result};
use crate::value::array::Array;
use crate::value::calls::Call;
use crate::value::dtype::na_object;
use crate::value::element::{Element, Repr};
use crate::value::items::{Entries, Items};
use crate::value::kind::Kind;
use crate::value::numbers::{Primitive, TypedArray};
use crate::value::pack::kind_of_item;
use crate::value::plain::{PlainArray, PlainParts};
use crate::value::shape::Shape;

impl<'a> Element<'a> {
    /// Returns the value by its Python type.
    #[must_use]
    #[inline(always)]
    pub fn kind(self) -> Kind<'a> {
        match self.repr() {
            Repr::Value(value) | Repr::Plain(value, _) => Kind::of(value, self.context()),
            Repr::Typed(value, dtype) => kind_of_item(value, dtype, self.context()),
            Repr::Row(row) => Kind::of_row(row),
        }
    }

    /// Returns the same element, made anew of its value.
    ///
    /// If the fast half of an `as_` method handed on the element itself, the compiler would keep it
    /// in memory at each turn of a loop; made only for the slow half, it stays in registers.
    #[inline(always)]
    fn anew(self, value: ValueRef<'a>) -> Element<'a> {
        Element::new(value, self.context())
    }

    /// Returns the error for a value of another type than `wanted`.
    #[cold]
    fn wrong_type(self, wanted: &str, found: &Kind<'_>) -> Error {
        self.located(wrong_type(wanted, found))
    }

    #[cold]
    fn wrong_shape(self, message: String) -> Error {
        self.located(Error::usage("access.shape", message))
    }

    /// Adds to an error where the element begins.
    #[cold]
    pub(crate) fn located(self, error: Error) -> Error {
        match self.value().and_then(ValueRef::source_offset) {
            Some(offset) => error.or_at(offset),
            None => error,
        }
    }

    /// Returns the value as a bool, of Python or of NumPy.
    ///
    /// Fails with clause `access.type` where it is of another type.
    pub fn as_bool(self) -> Result<bool> {
        match self.kind() {
            Kind::Bool(value) => Ok(value),
            Kind::Scalar(scalar) => scalar.get().map_err(|error| self.located(error)),
            other => Err(self.wrong_type("bool", &other)),
        }
    }

    /// Returns the value as an int, of Python or of NumPy.
    ///
    /// Fails with clause `access.type` where it is of another type or does not fit.
    #[inline(always)]
    pub fn as_i64(self) -> Result<i64> {
        let Repr::Value(value) = self.repr() else { return self.to_i64() };
        match value.as_int() {
            Some(int) => Ok(int),
            None => self.anew(value).to_i64(),
        }
    }

    #[inline(never)]
    fn to_i64(self) -> Result<i64> {
        match self.kind() {
            Kind::Int(value) => Ok(value),
            Kind::Scalar(scalar) => {
                scalar.to_i64().ok_or_else(|| self.wrong_type("int", &Kind::Scalar(scalar)))
            }
            long @ Kind::Long(_) => Err(self.wrong_type("int of at most 64 bits", &long)),
            other => Err(self.wrong_type("int", &other)),
        }
    }

    /// Returns the value as a float, of Python or of NumPy.
    ///
    /// Fails with clause `access.type` where it is of another type, or of more than 8 bytes.
    #[inline(always)]
    pub fn as_f64(self) -> Result<f64> {
        let Repr::Value(value) = self.repr() else { return self.to_f64() };
        match value.as_float() {
            Some(float) => Ok(float),
            None => self.anew(value).to_f64(),
        }
    }

    #[inline(never)]
    fn to_f64(self) -> Result<f64> {
        match self.kind() {
            Kind::Float(value) => Ok(value),
            Kind::Scalar(scalar) => {
                scalar.to_f64().ok_or_else(|| self.wrong_type("float", &Kind::Scalar(scalar)))
            }
            other => Err(self.wrong_type("float", &other)),
        }
    }

    /// Returns the value as text: of a str, or of a NumPy scalar of dtype `U`.
    ///
    /// Fails with clause `access.type` where it is of another type or contains a lone surrogate.
    #[inline(always)]
    pub fn as_str(self) -> Result<Cow<'a, str>> {
        let Repr::Value(value) = self.repr() else { return self.to_text() };
        if let Raw::Str(text) = value.kind()
            && let Some(text) = text.to_str()
        {
            return Ok(text.into());
        }
        self.anew(value).to_text()
    }

    #[inline(never)]
    fn to_text(self) -> Result<Cow<'a, str>> {
        match self.kind() {
            Kind::Str(text) => text.into_str().ok_or_else(|| self.located(lone_surrogate())),
            Kind::Scalar(scalar) => {
                scalar.to_text().ok_or_else(|| self.wrong_type("str", &Kind::Scalar(scalar)))
            }
            other => Err(self.wrong_type("str", &other)),
        }
    }

    /// Returns the bytes of a `bytes` or a `bytearray`.
    ///
    /// Fails with clause `access.type` where the value is of another type.
    pub fn as_bytes(self) -> Result<Cow<'a, [u8]>> {
        match self.kind() {
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => Ok(bytes),
            other => Err(self.wrong_type("bytes", &other)),
        }
    }

    /// Returns the members of a list or tuple.
    ///
    /// Fails with clause `access.type` where the value is of another type.
    #[inline(always)]
    pub fn as_items(self) -> Result<Items<'a>> {
        let Repr::Value(value) = self.repr() else { return self.to_items() };
        match value.kind() {
            Raw::List(items) | Raw::Tuple(items) => Ok(Items::new(items, self.context())),
            _ => self.anew(value).to_items(),
        }
    }

    #[inline(never)]
    fn to_items(self) -> Result<Items<'a>> {
        match self.kind() {
            Kind::List(items) | Kind::Tuple(items) => Ok(items),
            other => Err(self.wrong_type("list or tuple", &other)),
        }
    }

    /// Returns the members of a list or tuple as ints. Borrows them where the decoder stores them
    /// as an array, which it does for lists of 16 or more ints; else collects them.
    ///
    /// Fails where [`as_i64`](Self::as_i64) fails for a member.
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// let mut array = npy_object::open("tests/data/counts.npy")?;
    /// let counts = array.next_element()?.unwrap();
    /// let ints = counts.as_ints()?;
    /// assert_eq!((ints.len(), ints.iter().sum::<i64>()), (100, 4950));
    /// assert!(matches!(ints, Cow::Borrowed(_)));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn as_ints(self) -> Result<Cow<'a, [i64]>> {
        let items = self.as_items()?;
        match items.raw().as_ints() {
            Some(ints) => Ok(ints.into()),
            None => items.map(Element::as_i64).collect(),
        }
    }

    /// Returns the members of a list or tuple as floats, borrowed as by [`as_ints`](Self::as_ints).
    ///
    /// Fails where [`as_f64`](Self::as_f64) fails for a member.
    pub fn as_floats(self) -> Result<Cow<'a, [f64]>> {
        let items = self.as_items()?;
        match items.raw().as_floats() {
            Some(floats) => Ok(floats.into()),
            None => items.map(Element::as_f64).collect(),
        }
    }

    /// Returns the keys and values of a dict, an OrderedDict or a defaultdict.
    ///
    /// Fails with clause `access.type` where the value is of another type.
    #[inline(always)]
    pub fn as_entries(self) -> Result<Entries<'a>> {
        let Repr::Value(value) = self.repr() else { return self.to_entries() };
        match value.kind() {
            Raw::Dict(entries) => Ok(Entries::new(entries, self.context())),
            _ => self.anew(value).to_entries(),
        }
    }

    #[inline(never)]
    fn to_entries(self) -> Result<Entries<'a>> {
        match self.kind() {
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                Ok(entries)
            }
            other => Err(self.wrong_type("dict", &other)),
        }
    }

    /// Returns the value as an array of numbers. Borrows them from the file where their byte order
    /// and alignment are those of `T` in memory; else copies them.
    ///
    /// Fails with clause `access.type` where the value is not an array, or its items are of another
    /// type.
    #[inline]
    pub fn as_array<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        match self.as_plain_array() {
            Some(plain) if plain.is::<T>() => plain.into_typed(),
            _ => self.to_array(),
        }
    }

    /// Returns the value as an array of items of any fixed size, without copying them, where it is
    /// pickled as nearly all arrays are, or is a row.
    ///
    /// `None` for other values, and for arrays of protocol 2, of an
    /// [`OwnedElement`](crate::OwnedElement), or with big-endian items: [`kind`](Self::kind)
    /// returns every array.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let last = array.get(2)?.unwrap();
    /// let plain = last.as_plain_array().expect("NumPy wrote it");
    /// assert_eq!((plain.item().itemsize(), plain.shape()), (8, &[3][..]));
    /// assert_eq!(plain.data().len(), 24);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    #[inline]
    pub fn as_plain_array(self) -> Option<PlainArray<'a>> {
        match self.repr() {
            Repr::Plain(value, parts) => parts.array(value),
            Repr::Value(value) => PlainParts::find(value, self.context())?.array(value),
            Repr::Row(row) => PlainArray::of_row(row),
            Repr::Typed(..) => None,
        }
    }

    #[inline(never)]
    fn to_array<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        let call = self.value().and_then(Call::of).filter(|call| call.is_whole());
        if let Some(array) = call.and_then(|call| Array::read(call, self.context())) {
            return array.into_typed().map_err(|error| self.located(error));
        }
        match self.kind() {
            Kind::Array(array) => array.into_typed().map_err(|error| self.located(error)),
            other => Err(self.wrong_type("array", &other)),
        }
    }

    /// Returns the numbers of a one-dimensional array.
    ///
    /// Fails with clause `access.type` as [`as_array`](Self::as_array) does, with `access.shape`
    /// where the array has another number of dimensions.
    pub fn as_slice<T: Primitive>(self) -> Result<Cow<'a, [T]>> {
        let array = self.as_array()?;
        match array.shape().len() {
            1 => Ok(array.into_data()),
            found => Err(self.wrong_shape(format!("expected array of 1 dimension, found {found}"))),
        }
    }

    /// Returns the value as one number: of a NumPy scalar, or of an array without dimensions.
    ///
    /// Fails with clause `access.type` where the value is of another type, with `access.shape`
    /// where it is an array with dimensions.
    pub fn as_scalar<T: Primitive>(self) -> Result<T> {
        let number = match self.kind() {
            Kind::Scalar(scalar) => scalar.get(),
            Kind::Array(array) if array.shape().is_empty() => {
                array.into_typed::<T>().map(|array| array.data()[0])
            }
            Kind::Array(array) => {
                let shape = Shape::from(array.shape());
                return Err(
                    self.wrong_shape(format!("expected scalar, found array of shape {shape}"))
                );
            }
            other => return Err(self.wrong_type("NumPy scalar", &other)),
        };
        number.map_err(|error| self.located(error))
    }

    /// Returns the object that stands for a missing str, of a `StringDType` that has one.
    pub fn na_object(self) -> Option<Element<'a>> {
        na_object(self.value()?).map(|object| Element::new(object, self.context()))
    }
}

/// Returns the error for a value of another type than `wanted`.
#[cold]
pub(crate) fn wrong_type(wanted: &str, found: &Kind<'_>) -> Error {
    let message = match found {
        Kind::Scalar(scalar) => {
            format!("expected {wanted}, found {} {}", found.name(), scalar.dtype())
        }
        other => format!("expected {wanted}, found {}", other.name()),
    };
    Error::usage("access.type", message)
}

#[cold]
pub(crate) fn lone_surrogate() -> Error {
    let message = "the str contains a lone surrogate, which a Rust str cannot";
    Error::usage("access.type", message)
}
