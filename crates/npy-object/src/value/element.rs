//! An element of an array, or a value inside one.

use std::borrow::Cow;
use std::sync::Arc;

use npy_header::DType;
use pickle_stream::{Kind as Raw, NodeId, ValueRef};

use crate::error::{Error, Result};
use crate::options::{Encoding, Limits, Options};
use crate::value::array::Array;
use crate::value::dtype::{ItemType, ItemTypes, na_object};
use crate::value::globals::{self, Known};
use crate::value::kind::{self, Entries, Items, Kind, Object};
use crate::value::numbers::{Primitive, TypedArray};
use crate::value::owned::OwnedElement;
use crate::value::plain::{PlainArray, PlainParts};
use crate::value::record::{FieldType, Record};
use crate::value::scalar::NumPyScalar;

/// What the values of one file have in common.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) encoding: Encoding,
    pub(crate) limits: Arc<Limits>,
    /// What the elements are, where the array is pickled.
    pub(crate) item: Option<ItemType>,
    /// Dtypes that were read.
    pub(crate) item_types: ItemTypes,
}

/// An element of an array, or a value inside one: a reference into what was decoded, of a few
/// words.
///
/// [`kind`](Self::kind) says what it is; the `as_` methods are for those who know. What a value
/// shares with another part of the same element is the same [`identity`](Self::identity).
#[derive(Clone, Copy)]
pub struct Element<'a> {
    place: Place<'a>,
    context: &'a Context,
}

/// Where a value is, and how it is to be read.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A pickled value.
    Value(ValueRef<'a>),
    /// A pickled value which stands for an item of a dtype that it does not say.
    Typed(ValueRef<'a>, FieldType<'a>),
    /// A pickled value of which it is known that it is a plain array.
    Plain(ValueRef<'a>, &'a PlainParts),
    /// Bytes of an array without objects, in C order.
    Row(Row<'a>),
}

/// A row of an array without objects: its dtype, the shape of the row, and its bytes in C order.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) dtype: &'a DType,
    pub(crate) shape: &'a [usize],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Row<'a> {
    /// The scalar that it is, if it has no dimensions.
    pub(crate) fn scalar(self) -> Option<NumPyScalar<'a>> {
        let scalar = || NumPyScalar::new(self.dtype.clone(), self.bytes.into());
        self.shape.is_empty().then(scalar).flatten()
    }
}

impl Context {
    pub(crate) fn new(options: &Options) -> Context {
        let (encoding, limits) = (options.encoding, Arc::clone(&options.limits));
        Context { encoding, limits, item: None, item_types: ItemTypes::default() }
    }

    /// Whether the elements are items of a structured array.
    pub(crate) fn has_records(&self) -> bool {
        matches!(self.item, Some(ItemType::Plain(DType::Struct(_))))
    }

    /// The same for another graph, of which nothing is known yet.
    pub(crate) fn fresh(&self) -> Context {
        Context {
            encoding: self.encoding,
            limits: Arc::clone(&self.limits),
            item: self.item.clone(),
            item_types: ItemTypes::default(),
        }
    }
}

impl<'a> Element<'a> {
    pub(crate) fn new(value: ValueRef<'a>, context: &'a Context) -> Element<'a> {
        Element { place: Place::Value(value), context }
    }

    /// A value that stands for an item of this dtype.
    pub(crate) fn typed(
        value: ValueRef<'a>,
        dtype: FieldType<'a>,
        context: &'a Context,
    ) -> Element<'a> {
        Element { place: Place::Typed(value, dtype), context }
    }

    /// A value that is the array of these parts.
    pub(crate) fn plain(
        value: ValueRef<'a>,
        parts: &'a PlainParts,
        context: &'a Context,
    ) -> Element<'a> {
        Element { place: Place::Plain(value, parts), context }
    }

    /// An element of the array itself: of a structured array, a tuple that stands for a record.
    pub(crate) fn of_array(value: ValueRef<'a>, context: &'a Context) -> Element<'a> {
        match &context.item {
            Some(ItemType::Plain(dtype @ DType::Struct(_))) => {
                Element::typed(value, FieldType::Parsed(dtype), context)
            }
            _ => Element::new(value, context),
        }
    }

    pub(crate) fn row(row: Row<'a>, context: &'a Context) -> Element<'a> {
        Element { place: Place::Row(row), context }
    }

    /// An element of an array, owning what it holds; `context` is the one that it has.
    pub(crate) fn into_owned(self, context: Arc<Context>) -> OwnedElement {
        match self.place {
            Place::Value(value) | Place::Typed(value, _) | Place::Plain(value, _) => {
                OwnedElement::of_value(value, context)
            }
            Place::Row(row) => OwnedElement::of_row(row, context),
        }
    }

    pub(crate) fn place(self) -> Place<'a> {
        self.place
    }

    pub(crate) fn context(self) -> &'a Context {
        self.context
    }

    /// The value as the pickle has it, before anything of NumPy is recognised; `None` in an array
    /// without objects.
    pub fn value(self) -> Option<ValueRef<'a>> {
        match self.place {
            Place::Value(value) | Place::Typed(value, _) | Place::Plain(value, _) => Some(value),
            Place::Row(_) => None,
        }
    }

    /// What the value is.
    #[inline(always)]
    pub fn kind(self) -> Kind<'a> {
        match self.place {
            Place::Value(value) | Place::Plain(value, _) => Kind::of(value, self.context),
            Place::Typed(value, dtype) => Record::item(value, dtype, self.context),
            Place::Row(row) => Kind::of_row(row),
        }
    }

    /// The element, of the value that it is. For methods that most values need no more than a look
    /// for: the element itself, handed on, would have to be in memory at each turn of a loop over
    /// such values; made where it is needed, it need not.
    #[inline(always)]
    fn anew(self, value: ValueRef<'a>) -> Element<'a> {
        Element::new(value, self.context)
    }

    /// The same for values of one element that are the same object; `None` in an array without
    /// objects.
    pub fn identity(self) -> Option<NodeId> {
        self.value().map(ValueRef::id)
    }

    /// The node of a value that says itself what it is; `None` of an item of a dtype, and of a row.
    #[cfg(feature = "json")]
    pub(crate) fn untyped(self) -> Option<NodeId> {
        match self.place {
            Place::Value(value) | Place::Plain(value, _) => Some(value.id()),
            Place::Typed(..) | Place::Row(_) => None,
        }
    }

    /// Another value of the same element.
    #[cfg(feature = "json")]
    pub(crate) fn at(self, node: NodeId) -> Option<Element<'a>> {
        self.value().map(|value| Element::new(value.at(node), self.context))
    }

    /// How many bytes the element takes in the file that the value is, or is in; 0 where it
    /// [owns](crate::OwnedElement) what it holds, and is in no file.
    #[inline]
    pub fn encoded_len(self) -> usize {
        match self.place {
            Place::Value(value) | Place::Typed(value, _) | Place::Plain(value, _) => {
                value.source_len()
            }
            Place::Row(row) => row.bytes.len(),
        }
    }

    /// The value as a bool.
    pub fn as_bool(self) -> Result<bool> {
        match self.kind() {
            Kind::Bool(value) => Ok(value),
            Kind::Scalar(scalar) => scalar.get(),
            other => Err(wrong_type("bool", &other)),
        }
    }

    /// The value as an int, where it fits.
    #[inline(always)]
    pub fn as_i64(self) -> Result<i64> {
        let Place::Value(value) = self.place else { return self.to_i64() };
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
                scalar.to_i64().ok_or_else(|| wrong_type("int of 64 bits", &Kind::Scalar(scalar)))
            }
            other => Err(wrong_type("int of 64 bits", &other)),
        }
    }

    /// The value as a float: of a Python float or a NumPy one of at most 8 bytes.
    #[inline(always)]
    pub fn as_f64(self) -> Result<f64> {
        let Place::Value(value) = self.place else { return self.to_f64() };
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
                scalar.to_f64().ok_or_else(|| wrong_type("float", &Kind::Scalar(scalar)))
            }
            other => Err(wrong_type("float", &other)),
        }
    }

    /// The value as text; fails also where a surrogate stands alone in it.
    #[inline(always)]
    pub fn as_str(self) -> Result<Cow<'a, str>> {
        let Place::Value(value) = self.place else { return self.to_text() };
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
            Kind::Str(text) => text.into_str().ok_or_else(lone_surrogate),
            Kind::Scalar(scalar) => {
                scalar.to_text().ok_or_else(|| wrong_type("str", &Kind::Scalar(scalar)))
            }
            other => Err(wrong_type("str", &other)),
        }
    }

    /// The value as bytes: of bytes or a bytearray.
    pub fn as_bytes(self) -> Result<Cow<'a, [u8]>> {
        match self.kind() {
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => Ok(bytes),
            other => Err(wrong_type("bytes", &other)),
        }
    }

    /// The members of a list or tuple.
    #[inline(always)]
    pub fn as_items(self) -> Result<Items<'a>> {
        let Place::Value(value) = self.place else { return self.to_items() };
        match value.kind() {
            Raw::List(items) | Raw::Tuple(items) => Ok(Items::new(items, self.context)),
            _ => self.anew(value).to_items(),
        }
    }

    #[inline(never)]
    fn to_items(self) -> Result<Items<'a>> {
        match self.kind() {
            Kind::List(items) | Kind::Tuple(items) => Ok(items),
            other => Err(wrong_type("list or tuple", &other)),
        }
    }

    /// The members of a list or tuple as ints: borrowed where the decoder has them side by side, as
    /// mostly those of a list of 16 or more, and collected elsewhere.
    ///
    /// Fails where [`as_i64`](Self::as_i64) fails of one of them.
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

    /// The members of a list or tuple as floats, as [`as_ints`](Self::as_ints) gives ints.
    ///
    /// Fails where [`as_f64`](Self::as_f64) fails of one of them.
    pub fn as_floats(self) -> Result<Cow<'a, [f64]>> {
        let items = self.as_items()?;
        match items.raw().as_floats() {
            Some(floats) => Ok(floats.into()),
            None => items.map(Element::as_f64).collect(),
        }
    }

    /// The keys and values of a dict, an OrderedDict or a defaultdict.
    #[inline(always)]
    pub fn as_entries(self) -> Result<Entries<'a>> {
        let Place::Value(value) = self.place else { return self.to_entries() };
        match value.kind() {
            Raw::Dict(entries) => Ok(Entries::new(entries, self.context)),
            _ => self.anew(value).to_entries(),
        }
    }

    #[inline(never)]
    fn to_entries(self) -> Result<Entries<'a>> {
        match self.kind() {
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                Ok(entries)
            }
            other => Err(wrong_type("dict", &other)),
        }
    }

    /// The value as an array of numbers. They are borrowed from the file where they lie there as
    /// `T` does in memory (byte order, alignment), else copied.
    ///
    /// Fails with clause `access.type` where the value is no array, or one of another type.
    #[inline]
    pub fn as_array<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        match self.as_plain_array() {
            Some(plain) => plain.into_typed(),
            None => self.to_array(),
        }
    }

    /// The value as an array of any fixed-size items, nothing of it copied, where it is pickled as
    /// nearly all arrays are, or is a row. `None` does not mean that it is no array: those of protocol
    /// 2, and those that [own](crate::OwnedElement) what they hold, are not plain ones, and
    /// [`kind`](Self::kind) knows them all.
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
        match self.place {
            Place::Plain(value, parts) => parts.array(value),
            Place::Value(value) => PlainParts::find(value, self.context)?.array(value),
            Place::Row(row) => PlainArray::of_row(row),
            Place::Typed(..) => None,
        }
    }

    #[inline(never)]
    fn to_array<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        let known = self.value().and_then(globals::called);
        if let Some(known @ (Known::Reconstruct | Known::MaskedReconstruct | Known::FromBuffer)) =
            known
            && self.object().is_some_and(|object| kind::is_whole(known, object))
            && let Some(array) = Array::read(known, self)
        {
            return array.into_typed();
        }
        match self.kind() {
            Kind::Array(array) => array.into_typed(),
            other => Err(wrong_type("array", &other)),
        }
    }

    /// The value as numbers of a one-dimensional array.
    ///
    /// Fails with clause `access.type` as [`as_array`](Self::as_array) does, with `access.shape`
    /// where the array has another number of dimensions.
    pub fn as_slice<T: Primitive>(self) -> Result<Cow<'a, [T]>> {
        let array = self.as_array()?;
        match array.shape().len() {
            1 => Ok(array.into_data()),
            other => {
                let message = format!("an array of {other} dimensions, not 1");
                Err(Error::usage("access.shape", message))
            }
        }
    }

    /// The value as one number: a NumPy scalar, or an array without dimensions.
    ///
    /// Fails with clause `access.type` where the type is another, with `access.shape` where an
    /// array has dimensions.
    pub fn as_scalar<T: Primitive>(self) -> Result<T> {
        match self.kind() {
            Kind::Scalar(scalar) => scalar.get(),
            Kind::Array(array) if array.shape().is_empty() => {
                let array = array.into_typed::<T>()?;
                Ok(array.data()[0])
            }
            Kind::Array(array) => {
                let message = format!("an array of shape {:?}, not a scalar", array.shape());
                Err(Error::usage("access.shape", message))
            }
            other => Err(wrong_type("NumPy scalar", &other)),
        }
    }

    /// Of a dtype, the object that stands for a missing str, where it is a StringDType that has one.
    pub fn na_object(self) -> Option<Element<'a>> {
        (globals::called(self.value()?)? == Known::StringDType).then(|| na_object(self)).flatten()
    }

    // What those who recognise NumPy's calls look at. They never ask a part for its kind: that
    // would recognise the parts of the part in turn, as deep as the file is nested.

    /// What the value is, where calls are left as they are.
    pub(crate) fn shallow_kind(self) -> Kind<'a> {
        match self.value() {
            Some(value) => Kind::shallow(value, self.context),
            None => Kind::None,
        }
    }

    pub(crate) fn object(self) -> Option<Object<'a>> {
        match self.shallow_kind() {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The arguments of a call.
    pub(crate) fn call_args(self) -> Option<Items<'a>> {
        match self.object()?.args().shallow_kind() {
            Kind::Tuple(args) => Some(args),
            _ => None,
        }
    }

    /// The state of a call, as the last BUILD gave it.
    pub(crate) fn call_state(self) -> Option<Element<'a>> {
        self.object()?.states().last()
    }

    /// The bytes that an array, or a datetime, is made of, whatever the protocol made them into.
    pub(crate) fn to_raw_bytes(self) -> Option<Cow<'a, [u8]>> {
        let value = self.value()?;
        match value.kind() {
            Raw::Bytes(bytes) | Raw::ByteArray(bytes) | Raw::Str2(bytes) => Some(bytes.into()),
            // Read by a Python that took a Python 2 str for text, and written again.
            Raw::Str(text) => {
                let bytes = text.to_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok());
                bytes.collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            Raw::Object(_) => kind::bytes_of_call(globals::called(value)?, &mut self.call_args()?),
            _ => None,
        }
    }
}

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
    let message = "the str has a surrogate that stands alone, which Rust text cannot have";
    Error::usage("access.type", message)
}
