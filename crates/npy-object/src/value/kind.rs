//! [`Kind`]: a value by its Python type, and how calls are recognised as the values they make.
//!
//! `pickle-stream` gives a call as a call. Here the calls of NumPy and of the standard library that
//! stand for values become these values. A call that is not recognised, or that is not as its maker
//! would write it, stays an inert [`Object`].

use std::borrow::Cow;

use pickle_stream::{Global, Items as RawItems, Kind as Raw, Long, ValueRef};

use crate::value::array::{Array, Data};
use crate::value::bytes::{bytes_of_call, raw_bytes};
use crate::value::calls::{Call, maxlen, tuple};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::{Element, Repr};
use crate::value::globals::Callable;
use crate::value::items::{Entries, Items};
use crate::value::object::Object;
use crate::value::record::Record;
use crate::value::row::Row;
use crate::value::scalar::NumPyScalar;
use crate::value::text::Text;
use crate::value::time::{Date, DateTime, Time, TimeDelta};

/// A value, by its Python type. Cheap to make: only what is converted is copied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kind<'a> {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` of at most 64 bits.
    Int(i64),
    /// `int` of more than 64 bits.
    Long(Long<'a>),
    /// `float`
    Float(f64),
    /// `complex`: real and imaginary part.
    Complex(f64, f64),
    /// `str`
    Str(Text<'a>),
    /// `bytes`
    Bytes(Cow<'a, [u8]>),
    /// `bytearray`
    ByteArray(Cow<'a, [u8]>),
    /// `tuple`
    Tuple(Items<'a>),
    /// `list`
    List(Items<'a>),
    /// `set`
    Set(Items<'a>),
    /// `frozenset`
    FrozenSet(Items<'a>),
    /// `dict`
    Dict(Entries<'a>),
    /// `collections.OrderedDict`
    OrderedDict(Entries<'a>),
    /// `collections.defaultdict`: its factory, its keys and values.
    DefaultDict(Option<Global<'a>>, Entries<'a>),
    /// `collections.deque`: its members, and its `maxlen`.
    Deque(Items<'a>, Option<u64>),
    /// `datetime.datetime`
    DateTime(DateTime<'a>),
    /// `datetime.date`
    Date(Date),
    /// `datetime.time`
    Time(Time<'a>),
    /// `datetime.timedelta`
    TimeDelta(TimeDelta),
    /// `decimal.Decimal`, as its digits.
    Decimal(Cow<'a, str>),
    /// A NumPy array.
    Array(Box<Array<'a>>),
    /// A NumPy scalar.
    Scalar(NumPyScalar<'a>),
    /// An item of a structured array that holds objects.
    Record(Record<'a>),
    /// A NumPy dtype.
    DType(Box<ItemType>),
    /// A class or function, by name.
    Global(Global<'a>),
    /// A call of a callable that is not recognised. It was not made.
    Object(Object<'a>),
    /// An object that only the writer's application knows, by its id.
    PersistentId(Element<'a>),
    /// A global that only the writer's `copyreg` knows, by its code.
    Extension(i32),
    /// An out-of-band buffer, by its number in the stream.
    Buffer(u32),
    /// The array itself, as one of its own elements.
    Root,
}

impl<'a> Kind<'a> {
    // Inlined, so that a caller that asks for one kind pays for no other.
    #[inline(always)]
    pub(crate) fn of(value: ValueRef<'a>, context: &'a Context) -> Kind<'a> {
        match Kind::shallow(value, context) {
            Kind::Object(object) => Kind::of_call(value, object, context),
            other => other,
        }
    }

    #[inline(never)]
    fn of_call(value: ValueRef<'a>, object: Object<'a>, context: &'a Context) -> Kind<'a> {
        let call = Call::of(value);
        let recognised = call.and_then(|call| recognise(call, value, object, context));
        recognised.unwrap_or(Kind::Object(object))
    }

    /// Returns the kind of a value, with calls left as they are.
    #[inline(always)]
    fn shallow(value: ValueRef<'a>, context: &'a Context) -> Kind<'a> {
        let items = |items| Items::new(items, context);
        match value.kind() {
            Raw::None => Kind::None,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Int(value) => Kind::Int(value),
            Raw::Long(value) => Kind::Long(value),
            Raw::Float(value) => Kind::Float(value),
            Raw::Str(text) => Kind::Str(text.into()),
            Raw::Str2(bytes) => match Text::of_python_2(bytes, context.encoding()) {
                Some(text) => Kind::Str(text),
                None => Kind::Bytes(bytes.into()),
            },
            Raw::Bytes(bytes) => Kind::Bytes(bytes.into()),
            Raw::ByteArray(bytes) => Kind::ByteArray(bytes.into()),
            Raw::Tuple(members) => Kind::Tuple(items(members)),
            Raw::List(members) => Kind::List(items(members)),
            Raw::Set(members) => Kind::Set(items(members)),
            Raw::FrozenSet(members) => Kind::FrozenSet(items(members)),
            Raw::Dict(entries) => Kind::Dict(Entries::new(entries, context)),
            Raw::Global(global) => Kind::Global(global),
            Raw::Object(object) => Kind::Object(Object::new(object, context)),
            Raw::PersistentId(id) => Kind::PersistentId(Element::new(id, context)),
            Raw::Extension(code) => Kind::Extension(code),
            Raw::Buffer { index, .. } => Kind::Buffer(index),
            // Only the array itself encloses its elements.
            _ => Kind::Root,
        }
    }

    pub(crate) fn of_row(row: Row<'a>) -> Kind<'a> {
        match row.scalar() {
            Some(scalar) => Kind::Scalar(scalar),
            None => Kind::Array(Box::new(Array::of_row(row))),
        }
    }

    /// Returns the name of the type, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::None => "None",
            Kind::Bool(_) => "bool",
            Kind::Int(_) | Kind::Long(_) => "int",
            Kind::Float(_) => "float",
            Kind::Complex(..) => "complex",
            Kind::Str(_) => "str",
            Kind::Bytes(_) => "bytes",
            Kind::ByteArray(_) => "bytearray",
            Kind::Tuple(_) => "tuple",
            Kind::List(_) => "list",
            Kind::Set(_) => "set",
            Kind::FrozenSet(_) => "frozenset",
            Kind::Dict(_) => "dict",
            Kind::OrderedDict(_) => "OrderedDict",
            Kind::DefaultDict(..) => "defaultdict",
            Kind::Deque(..) => "deque",
            Kind::DateTime(_) => "datetime",
            Kind::Date(_) => "date",
            Kind::Time(_) => "time",
            Kind::TimeDelta(_) => "timedelta",
            Kind::Decimal(_) => "Decimal",
            Kind::Array(_) => "array",
            Kind::Scalar(_) => "NumPy scalar",
            Kind::Record(_) => "record",
            Kind::DType(_) => "dtype",
            Kind::Global(_) => "global",
            Kind::Object(_) => "object of an unknown class",
            Kind::PersistentId(_) => "persistent id",
            Kind::Extension(_) => "extension code",
            Kind::Buffer(_) => "out-of-band buffer",
            Kind::Root => "the array itself",
        }
    }
}

/// Returns the value that a call stands for; `None` where the call is not as its maker writes it.
fn recognise<'a>(
    call: Call<'a>,
    value: ValueRef<'a>,
    object: Object<'a>,
    context: &'a Context,
) -> Option<Kind<'a>> {
    use Callable as C;
    let mut args = call.args()?;
    if !call.is_whole() {
        return None;
    }
    let items = |items| Items::new(items, context);
    Some(match call.callable {
        C::Reconstruct | C::MaskedReconstruct | C::FromBuffer => {
            Kind::Array(Box::new(Array::read(call, context)?))
        }
        C::Scalar => {
            let (dtype, data) = (args.next()?, args.next()?);
            let ItemType::Plain(dtype) = context.item_types.read(dtype)? else { return None };
            if dtype.has_object() {
                return record_scalar(data, context);
            }
            Kind::Scalar(NumPyScalar::new(dtype, raw_bytes(data, context.encoding())?)?)
        }
        C::DType | C::StringDType => Kind::DType(Box::new(context.item_types.read(value)?)),
        C::Encode | C::Bytes => Kind::Bytes(bytes_of_call(call, context.encoding())?),
        C::ByteArray => Kind::ByteArray(bytes_of_call(call, context.encoding())?),
        C::Complex => Kind::Complex(args.next()?.as_float()?, args.next()?.as_float()?),
        C::Set | C::FrozenSet => {
            let members = match args.next() {
                Some(members) => items(list_or_tuple(members)?),
                None => object.added(),
            };
            if call.callable == C::Set { Kind::Set(members) } else { Kind::FrozenSet(members) }
        }
        C::OrderedDict => match args.next() {
            None => Kind::OrderedDict(object.items()),
            // Python 2: `OrderedDict([[key, value], ...])`.
            Some(pairs) => {
                let Raw::List(pairs) = pairs.kind() else { return None };
                let is_pair = |pair| list_or_tuple(pair).is_some_and(|pair| pair.len() == 2);
                if !pairs.clone().all(is_pair) || object.items().len() > 0 {
                    return None;
                }
                Kind::OrderedDict(Entries::of_pairs(pairs, context))
            }
        },
        C::DefaultDict => {
            let factory = match args.next().map(ValueRef::kind) {
                None | Some(Raw::None) => None,
                Some(Raw::Global(factory)) => Some(factory),
                Some(_) => return None,
            };
            Kind::DefaultDict(factory, object.items())
        }
        C::Deque => {
            let (first, second) = (args.next(), args.next());
            let maxlen = second.map_or(Some(None), maxlen)?;
            let given = match first.map(ValueRef::kind) {
                None => object.appended(),
                Some(Raw::Tuple(members)) if members.len() == 0 => object.appended(),
                // Python 2: `deque([member, ...], maxlen)`.
                Some(Raw::List(members)) if object.appended().len() == 0 => items(members),
                Some(_) => return None,
            };
            Kind::Deque(last(given, maxlen), maxlen)
        }
        C::DateTime => Kind::DateTime(DateTime::read(args, context)?),
        C::Date => Kind::Date(Date::read(args, context)?),
        C::Time => Kind::Time(Time::read(args, context)?),
        C::TimeDelta => Kind::TimeDelta(TimeDelta::read(args)?),
        C::Decimal => Kind::Decimal(Text::read(args.next()?, context.encoding())?.into_str()?),
    })
}

fn list_or_tuple(value: ValueRef<'_>) -> Option<RawItems<'_>> {
    match value.kind() {
        Raw::List(members) | Raw::Tuple(members) => Some(members),
        _ => None,
    }
}

/// Returns the last members that a deque is given, as many as it keeps.
fn last(mut given: Items<'_>, maxlen: Option<u64>) -> Items<'_> {
    let most = maxlen.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    if let Some(excess) = given.len().checked_sub(most).filter(|&excess| excess > 0) {
        given.nth(excess - 1);
    }
    given
}

/// Reads a scalar whose dtype holds objects. Its data is not bytes but an array without dimensions,
/// of one item.
fn record_scalar<'a>(data: ValueRef<'a>, context: &'a Context) -> Option<Kind<'a>> {
    let call = Call::of(data).filter(|call| call.is_whole())?;
    let array = Array::read(call, context)?;
    let Data::Items(items) = array.data() else { return None };
    let item = items.clone().next()?;
    let members = tuple(item.value()?)?;
    let record = match item.repr() {
        Repr::Typed(value, dtype) => dtype
            .dtype(value, &context.item_types)
            .and_then(|parsed| Record::new(value, dtype, &parsed, context)),
        _ => None,
    };
    Some(record.map_or(Kind::Tuple(Items::new(members, context)), Kind::Record))
}
