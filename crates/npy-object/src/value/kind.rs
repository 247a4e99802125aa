//! [`Kind`]: what a value is, and how calls are recognised as the values they make.
//!
//! `pickle-stream` gives a call as a call; here those of NumPy and of the standard library that
//! stand for values become these values. What is not recognised, or is not as its maker would write
//! it, stays the inert object that it was.

use std::borrow::Cow;

#[cfg(feature = "json")]
use pickle_stream::Paused;
use pickle_stream::{Entries as RawEntries, Global, Items as RawItems, Kind as Raw, Long};
use pickle_stream::{ObjectRef, Str, ValueRef};

use crate::options::Encoding;
use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::{Context, Element, Row};
use crate::value::globals::{self, Known};
use crate::value::record::Record;
use crate::value::scalar::NumPyScalar;
use crate::value::time::{Date, DateTime, Time, TimeDelta};

/// What a value is. Cheap to make: nothing is copied that does not have to be rewritten.
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
    /// `collections.defaultdict`: its factory, and what it holds.
    DefaultDict(Option<Global<'a>>, Entries<'a>),
    /// `collections.deque`: its members, and the greatest number of them that it holds, if there is
    /// one.
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
    /// A call of something that is not recognised, not made.
    Object(Object<'a>),
    /// An object that only the writer's application knows, by its id.
    PersistentId(Element<'a>),
    /// A global that only the writer's `copyreg` knows, by its code.
    Extension(i32),
    /// An out-of-band buffer, by its number in the stream.
    Buffer(u32),
    /// The array that is being read, as an element of itself.
    Root,
}

impl<'a> Kind<'a> {
    // Inlined, so that who asks for one kind alone pays for no other.
    #[inline(always)]
    pub(crate) fn of(value: ValueRef<'a>, context: &'a Context) -> Kind<'a> {
        match Kind::shallow(value, context) {
            Kind::Object(object) => Kind::of_call(value, object),
            other => other,
        }
    }

    #[inline(never)]
    fn of_call(value: ValueRef<'a>, object: Object<'a>) -> Kind<'a> {
        let known = globals::called(value);
        known.and_then(|known| recognise(known, value, object)).unwrap_or(Kind::Object(object))
    }

    /// What the value is, where calls are left as they are.
    #[inline(always)]
    pub(crate) fn shallow(value: ValueRef<'a>, context: &'a Context) -> Kind<'a> {
        let items = |items| Items { items, context };
        match value.kind() {
            Raw::None => Kind::None,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Int(value) => Kind::Int(value),
            Raw::Long(value) => Kind::Long(value),
            Raw::Float(value) => Kind::Float(value),
            Raw::Str(text) => Kind::Str(Text::Str(text)),
            Raw::Str2(bytes) => python_2_str(bytes, context.encoding),
            Raw::Bytes(bytes) => Kind::Bytes(bytes.into()),
            Raw::ByteArray(bytes) => Kind::ByteArray(bytes.into()),
            Raw::Tuple(members) => Kind::Tuple(items(members)),
            Raw::List(members) => Kind::List(items(members)),
            Raw::Set(members) => Kind::Set(items(members)),
            Raw::FrozenSet(members) => Kind::FrozenSet(items(members)),
            Raw::Dict(entries) => Kind::Dict(Entries::new(entries, context)),
            Raw::Global(global) => Kind::Global(global),
            Raw::Object(object) => Kind::Object(Object { object, context }),
            Raw::PersistentId(id) => Kind::PersistentId(Element::new(id, context)),
            Raw::Extension(code) => Kind::Extension(code),
            Raw::Buffer { index, .. } => Kind::Buffer(index),
            // Nothing else encloses the elements.
            _ => Kind::Root,
        }
    }

    pub(crate) fn of_row(row: Row<'a>) -> Kind<'a> {
        match row.scalar() {
            Some(scalar) => Kind::Scalar(scalar),
            None => Kind::Array(Box::new(Array::of_row(row))),
        }
    }

    /// What the value is called in messages.
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

fn python_2_str(bytes: &[u8], encoding: Encoding) -> Kind<'_> {
    let text = match encoding {
        Encoding::Ascii => bytes.is_ascii().then(|| std::str::from_utf8(bytes).unwrap_or_default()),
        Encoding::Utf8 => std::str::from_utf8(bytes).ok(),
        Encoding::Latin1 if bytes.is_ascii() => std::str::from_utf8(bytes).ok(),
        Encoding::Latin1 => {
            let text = bytes.iter().map(|&byte| char::from(byte)).collect();
            return Kind::Str(Text::Owned(text));
        }
        Encoding::Bytes => None,
    };
    match text {
        Some(text) => Kind::Str(Text::Borrowed(text)),
        None => Kind::Bytes(bytes.into()),
    }
}

/// The value that a call stands for; `None` where it is not what its callable takes.
fn recognise<'a>(known: Known, value: ValueRef<'a>, object: Object<'a>) -> Option<Kind<'a>> {
    let context = object.context;
    let element = Element::new(value, context);
    let mut args = element.call_args()?;
    if !is_whole(known, object) {
        return None;
    }
    Some(match known {
        Known::Reconstruct | Known::MaskedReconstruct | Known::FromBuffer => {
            Kind::Array(Box::new(Array::read(known, element)?))
        }
        Known::Scalar => {
            let (dtype, data) = (args.next()?, args.next()?);
            let ItemType::Plain(dtype) = ItemType::read(dtype)? else { return None };
            if !dtype.has_object() {
                return NumPyScalar::read(dtype, data).map(Kind::Scalar);
            }
            return record_scalar(data);
        }
        Known::DType | Known::StringDType => Kind::DType(Box::new(ItemType::read(element)?)),
        Known::Encode | Known::Bytes => Kind::Bytes(bytes_of_call(known, &mut args)?),
        Known::ByteArray => Kind::ByteArray(bytes_of_call(known, &mut args)?),
        Known::Complex => {
            let mut float = || match args.next()?.shallow_kind() {
                Kind::Float(value) => Some(value),
                _ => None,
            };
            Kind::Complex(float()?, float()?)
        }
        Known::Set | Known::FrozenSet => {
            let members = match args.next() {
                Some(members) => match members.shallow_kind() {
                    Kind::List(members) | Kind::Tuple(members) => members,
                    _ => return None,
                },
                None => object.added(),
            };
            if known == Known::Set { Kind::Set(members) } else { Kind::FrozenSet(members) }
        }
        Known::OrderedDict => match args.next() {
            None => Kind::OrderedDict(object.items()),
            // Python 2: `OrderedDict([[key, value], ...])`.
            Some(pairs) => {
                let Kind::List(pairs) = pairs.shallow_kind() else { return None };
                let is_pair = |pair: Element<'_>| match pair.shallow_kind() {
                    Kind::List(pair) | Kind::Tuple(pair) => pair.len() == 2,
                    _ => false,
                };
                if !pairs.clone().all(is_pair) || object.items().len() > 0 {
                    return None;
                }
                Kind::OrderedDict(Entries { entries: EntriesOf::Pairs(pairs.items), context })
            }
        },
        Known::DefaultDict => {
            let factory = match args.next().map(Element::shallow_kind) {
                None | Some(Kind::None) => None,
                Some(Kind::Global(factory)) => Some(factory),
                Some(_) => return None,
            };
            Kind::DefaultDict(factory, object.items())
        }
        Known::Deque => {
            let (first, second) = (args.next(), args.next());
            let maxlen = second.map_or(Some(None), maxlen)?;
            let given = match first.map(Element::shallow_kind) {
                None => object.appended(),
                Some(Kind::Tuple(items)) if items.len() == 0 => object.appended(),
                // Python 2: `deque([member, ...], maxlen)`.
                Some(Kind::List(items)) if object.appended().len() == 0 => items,
                Some(_) => return None,
            };
            Kind::Deque(last(given, maxlen), maxlen)
        }
        Known::DateTime => Kind::DateTime(DateTime::read(&mut args)?),
        Known::Date => Kind::Date(Date::read(&mut args)?),
        Known::Time => Kind::Time(Time::read(&mut args)?),
        Known::TimeDelta => Kind::TimeDelta(TimeDelta::read(&mut args)?),
        Known::Decimal => match args.next()?.shallow_kind() {
            Kind::Str(text) => Kind::Decimal(text.into_str()?),
            _ => return None,
        },
    })
}

/// Whether nothing was added to a call but what the value that it stands for takes.
pub(crate) fn is_whole(known: Known, object: Object<'_>) -> bool {
    let state = match known {
        Known::Reconstruct | Known::MaskedReconstruct | Known::DType | Known::OrderedDict => true,
        _ => object.states().len() == 0,
    };
    let items = match known {
        Known::OrderedDict | Known::DefaultDict => true,
        _ => object.items().len() == 0,
    };
    let added = matches!(known, Known::Set | Known::FrozenSet) || object.added().len() == 0;
    let appended = known == Known::Deque || object.appended().len() == 0;
    state && items && added && appended
}

/// The second argument of a deque: an int from 0 on, or None; `None` where it is neither.
pub(crate) fn maxlen(arg: Element<'_>) -> Option<Option<u64>> {
    match arg.shallow_kind() {
        Kind::None => Some(None),
        Kind::Int(most) => u64::try_from(most).ok().map(Some),
        _ => None,
    }
}

/// The members that a deque keeps of those that it is given: the last ones.
fn last(mut given: Items<'_>, maxlen: Option<u64>) -> Items<'_> {
    let most = maxlen.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    if let Some(excess) = given.len().checked_sub(most).filter(|&excess| excess > 0) {
        given.nth(excess - 1);
    }
    given
}

/// A scalar whose dtype holds objects: it comes not as bytes but as an array without dimensions, of
/// one item.
fn record_scalar(data: Element<'_>) -> Option<Kind<'_>> {
    let known = globals::called(data.value()?)?;
    if !is_whole(known, data.object()?) {
        return None;
    }
    let array = Array::read(known, data)?;
    let Data::Items(items) = array.data() else { return None };
    let item = items.clone().next()?;
    matches!(item.shallow_kind(), Kind::Tuple(_)).then(|| item.kind())
}

/// The bytes that a call of `encode`, `bytes` or `bytearray` makes.
pub(crate) fn bytes_of_call<'a>(known: Known, args: &mut Items<'a>) -> Option<Cow<'a, [u8]>> {
    let Some(arg) = args.next() else {
        return (known != Known::Encode).then_some(Cow::Borrowed(&[]));
    };
    match (known, arg.shallow_kind()) {
        (Known::Bytes | Known::ByteArray, Kind::Bytes(bytes)) => Some(bytes),
        // `_codecs.encode(text, 'latin1')`, and `bytearray(text, 'latin-1')`, before protocol 3.
        (Known::Encode | Known::ByteArray, Kind::Str(text)) => {
            let Kind::Str(encoding) = args.next()?.shallow_kind() else {
                return None;
            };
            latin_1(text, encoding).map(Cow::Owned)
        }
        // `bytearray(_codecs.encode(..))`; `encode` takes no call, so this goes no deeper.
        (Known::Bytes | Known::ByteArray, Kind::Object(_)) => {
            let encode = globals::called(arg.value()?).filter(|known| *known == Known::Encode)?;
            bytes_of_call(encode, &mut arg.call_args()?)
        }
        _ => None,
    }
}

fn latin_1(text: Text<'_>, encoding: Text<'_>) -> Option<Vec<u8>> {
    if !matches!(encoding.to_str()?, "latin1" | "latin-1") {
        return None;
    }
    text.to_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// A Python str.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// As it stands in the file; a surrogate may stand alone in it.
    Str(Str<'a>),
    /// Of a Python 2 str, as it stands in the file.
    Borrowed(&'a str),
    /// Of a Python 2 str, rewritten.
    Owned(String),
}

impl<'a> Text<'a> {
    /// The text, unless a surrogate stands alone in it.
    #[inline]
    pub fn to_str(&self) -> Option<&str> {
        match self {
            Text::Str(text) => text.to_str(),
            Text::Borrowed(text) => Some(text),
            Text::Owned(text) => Some(text),
        }
    }

    /// The text, borrowed from the file where it can be, unless a surrogate stands alone in it.
    pub fn into_str(self) -> Option<Cow<'a, str>> {
        match self {
            Text::Str(text) => text.to_str().map(Cow::Borrowed),
            Text::Borrowed(text) => Some(Cow::Borrowed(text)),
            Text::Owned(text) => Some(Cow::Owned(text)),
        }
    }

    /// The text, with U+FFFD in place of surrogates that stand alone.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match self {
            Text::Str(text) => text.to_string_lossy(),
            Text::Borrowed(text) => Cow::Borrowed(text),
            Text::Owned(text) => Cow::Borrowed(text),
        }
    }

    /// UTF-8, with surrogates that stand alone encoded as Python's `surrogatepass` does.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Text::Str(text) => text.as_bytes(),
            Text::Borrowed(text) => text.as_bytes(),
            Text::Owned(text) => text.as_bytes(),
        }
    }
}

/// The members of a tuple, list, set or frozenset, in the order of the file.
#[derive(Clone)]
pub struct Items<'a> {
    items: RawItems<'a>,
    context: &'a Context,
}

impl<'a> Items<'a> {
    pub(crate) fn new(items: RawItems<'a>, context: &'a Context) -> Items<'a> {
        Items { items, context }
    }

    /// What is left of them.
    #[cfg(feature = "json")]
    pub(crate) fn pause(&self) -> Paused {
        self.items.pause()
    }

    /// The values themselves.
    pub(crate) fn raw(&self) -> &RawItems<'a> {
        &self.items
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.items.next().map(|value| Element::new(value, self.context))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

/// Keys with their values, in the order of the file.
#[derive(Clone)]
pub struct Entries<'a> {
    entries: EntriesOf<'a>,
    context: &'a Context,
}

#[derive(Clone)]
enum EntriesOf<'a> {
    Dict(RawEntries<'a>),
    /// Lists or tuples of two.
    Pairs(RawItems<'a>),
}

impl<'a> Entries<'a> {
    /// What is left of them, and whether these are pairs: see [`Entries::resume`].
    #[cfg(feature = "json")]
    pub(crate) fn pause(&self) -> (Paused, bool) {
        match &self.entries {
            EntriesOf::Dict(entries) => (entries.clone().into_items().pause(), false),
            EntriesOf::Pairs(pairs) => (pairs.pause(), true),
        }
    }

    /// Goes on with entries of the same element as `value`.
    #[cfg(feature = "json")]
    pub(crate) fn resume(value: Element<'a>, paused: (Paused, bool)) -> Option<Entries<'a>> {
        let items = value.value()?.resume(paused.0);
        let entries = match paused.1 {
            false => EntriesOf::Dict(items.into()),
            true => EntriesOf::Pairs(items),
        };
        Some(Entries { entries, context: value.context() })
    }

    pub(crate) fn new(entries: RawEntries<'a>, context: &'a Context) -> Entries<'a> {
        Entries { entries: EntriesOf::Dict(entries), context }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = match &mut self.entries {
            EntriesOf::Dict(entries) => entries.next()?,
            EntriesOf::Pairs(pairs) => match pairs.next()?.kind() {
                Raw::List(mut pair) | Raw::Tuple(mut pair) => (pair.next()?, pair.next()?),
                _ => return None,
            },
        };
        Some((Element::new(key, self.context), Element::new(value, self.context)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.entries {
            EntriesOf::Dict(entries) => entries.size_hint(),
            EntriesOf::Pairs(pairs) => pairs.size_hint(),
        }
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// A call that was not made: what would have been called, and what would have been done to the
/// result.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    object: ObjectRef<'a>,
    context: &'a Context,
}

impl<'a> Object<'a> {
    fn element(self, value: ValueRef<'a>) -> Element<'a> {
        Element::new(value, self.context)
    }

    fn several(self, items: RawItems<'a>) -> Items<'a> {
        Items { items, context: self.context }
    }

    /// How it would have been made.
    pub fn construct(self) -> pickle_stream::Construct {
        self.object.construct()
    }

    /// What would have been called, or whose `__new__` would have been.
    pub fn callable(self) -> Element<'a> {
        self.element(self.object.callable())
    }

    /// The arguments: a tuple.
    pub fn args(self) -> Element<'a> {
        self.element(self.object.args())
    }

    /// The keyword arguments, a dict, where there are any.
    pub fn kwargs(self) -> Option<Element<'a>> {
        self.object.kwargs().map(|kwargs| self.element(kwargs))
    }

    /// The states that would have been given to it, mostly none or one.
    pub fn states(self) -> Items<'a> {
        self.several(self.object.states())
    }

    /// The values that would have been appended to it.
    pub fn appended(self) -> Items<'a> {
        self.several(self.object.appended())
    }

    /// The items that would have been set.
    pub fn items(self) -> Entries<'a> {
        Entries::new(self.object.items(), self.context)
    }

    /// The values that would have been added as to a set.
    pub fn added(self) -> Items<'a> {
        self.several(self.object.added())
    }
}
