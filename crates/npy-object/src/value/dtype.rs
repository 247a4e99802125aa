//! [`ItemType`]: the dtype of the items of an array, as NumPy pickles it.
//!
//! NumPy pickles `dtype('<f8')` as `dtype('f8', False, True)` with a state:
//!
//! ```text
//! (3, '<', None, None, None, -1, -1, 0)
//! ```
//!
//! These are: version, byte order, subarray, names, fields, itemsize, alignment, flags. Version 4
//! adds metadata, which of a datetime is its unit (`arraydescr_reduce` and `arraydescr_setstate` in
//! NumPy's `descriptor.c`).
//!
//! A new dtype needs the letter that NumPy pickles in [`scalar_of_code`];
//! [`npy_header::ScalarKind`] lists the other places.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use npy_header::{ByteOrder, DType, Field, Scalar, ScalarKind, Struct, TimeBase, TimeUnit};
use pickle_stream::{Items, Kind as Raw, NodeId, ValueRef};

use crate::options::Encoding;
use crate::value::bytes::raw_bytes;
use crate::value::calls::{Call, flag, tuple};
use crate::value::globals::{ArrayClass, Callable};
use crate::value::shape::Shape;
use crate::value::text::Text;

/// The dtype of the items of an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemType {
    /// A dtype that the header of a `.npy` file can name.
    Plain(DType),
    /// `numpy.dtypes.StringDType`: str of any length.
    String {
        /// Whether NumPy converts items that are not str to str.
        coerce: bool,
        /// Whether an object stands for a missing str.
        has_na: bool,
    },
}

impl ItemType {
    /// Returns whether the items are Python objects, each pickled by itself.
    pub fn has_object(&self) -> bool {
        match self {
            ItemType::Plain(dtype) => dtype.has_object(),
            ItemType::String { .. } => true,
        }
    }
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemType::Plain(dtype) => dtype.fmt(f),
            ItemType::String { .. } => f.write_str("StringDType()"),
        }
    }
}

/// The dtype of an item that is not a value of its own: of a field, or of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldType<'a> {
    Parsed(&'a DType),
    /// A pickled dtype, by its node: it is in the element of the item.
    Pickled(NodeId),
}

impl<'a> FieldType<'a> {
    /// Returns the dtype of an item; `None` where it is not one that a header can name.
    pub(crate) fn dtype(
        self,
        item: ValueRef<'a>,
        item_types: &ItemTypes,
    ) -> Option<Cow<'a, DType>> {
        match self {
            FieldType::Parsed(dtype) => Some(Cow::Borrowed(dtype)),
            FieldType::Pickled(dtype) => match item_types.read(item.at(dtype))? {
                ItemType::Plain(dtype) => Some(Cow::Owned(dtype)),
                ItemType::String { .. } => None,
            },
        }
    }
}

/// A reader of pickled dtypes, with a cache of those in the shared region of the graph.
#[derive(Debug)]
pub(crate) struct ItemTypes {
    pub(crate) encoding: Encoding,
    read: Few<(NodeId, ItemType)>,
    /// The scalars of plain arrays, by what these begin with: callable, class and dtype.
    heads: Few<([NodeId; 3], Scalar)>,
}

/// A cache of 16 entries that threads read without a lock. Most files have fewer dtypes; those past
/// the 16th are read each time.
#[derive(Debug)]
struct Few<T>([OnceLock<T>; 16]);

impl<T> Default for Few<T> {
    fn default() -> Few<T> {
        Few([const { OnceLock::new() }; 16])
    }
}

impl<T> Few<T> {
    #[inline]
    fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.0.iter().map_while(OnceLock::get).find(|entry| is_it(entry))
    }

    /// Adds an entry, if there is room for it.
    fn add(&self, mut entry: T) {
        for slot in &self.0 {
            match slot.set(entry) {
                Ok(()) => return,
                Err(refused) => entry = refused,
            }
        }
    }
}

impl ItemTypes {
    /// Returns a reader for files whose Python 2 str have this encoding.
    pub(crate) fn new(encoding: Encoding) -> ItemTypes {
        ItemTypes { encoding, read: Few::default(), heads: Few::default() }
    }

    /// Reads a pickled dtype.
    pub(crate) fn read(&self, value: ValueRef<'_>) -> Option<ItemType> {
        if !value.is_shared() {
            return self.read_anew(value);
        }
        // Nearly all arrays of a file refer to the dtype that the first of them defined.
        if let Some((_, item)) = self.read.find(|(id, _)| *id == value.id()) {
            return Some(item.clone());
        }
        let item = self.read_anew(value)?;
        self.read.add((value.id(), item.clone()));
        Some(item)
    }

    fn read_anew(&self, value: ValueRef<'_>) -> Option<ItemType> {
        let call = Call::of(value)?;
        if call.callable != Callable::StringDType {
            return plain(call, self.encoding, 0).map(ItemType::Plain);
        }
        let mut args = call.args()?;
        let coerce = flag(args.next()?)?;
        Some(ItemType::String { coerce, has_na: args.next().is_some() })
    }

    /// Returns the scalar dtype of an array that begins with this callable, class and dtype. `None`
    /// where one of them is not in the shared region, where the items are objects, big-endian or of
    /// a dtype that is not a scalar, and where the callable is not `_reconstruct`.
    #[inline(always)]
    pub(crate) fn scalar_of_array(&self, head: [ValueRef<'_>; 3]) -> Option<Scalar> {
        let ids = head.map(ValueRef::id);
        match self.heads.find(|(known, _)| *known == ids) {
            Some((_, scalar)) => Some(*scalar),
            None => self.read_head(head),
        }
    }

    #[inline(never)]
    fn read_head(&self, head: [ValueRef<'_>; 3]) -> Option<Scalar> {
        if !head.iter().all(|value| value.is_shared()) {
            return None;
        }
        let [callable, class, dtype] = head;
        let Raw::Global(name) = callable.kind() else { return None };
        if Callable::named(name)? != Callable::Reconstruct {
            return None;
        }
        ArrayClass::of(class)?;
        let ItemType::Plain(DType::Scalar(scalar)) = self.read(dtype)? else { return None };
        if scalar.kind() == ScalarKind::Object || scalar.order() == ByteOrder::Big {
            return None;
        }
        self.heads.add((head.map(ValueRef::id), scalar));
        Some(scalar)
    }
}

/// Returns the object that stands for a missing str, of a pickled StringDType that has one.
pub(crate) fn na_object(value: ValueRef<'_>) -> Option<ValueRef<'_>> {
    let call = Call::of(value).filter(|call| call.callable == Callable::StringDType)?;
    call.args()?.nth(1)
}

/// Reads a dtype that a header can name.
fn plain(call: Call<'_>, encoding: Encoding, depth: usize) -> Option<DType> {
    if depth > DType::MAX_DEPTH || call.callable != Callable::DType {
        return None;
    }
    let named = call.args()?.next()?;
    let named: DType = match named.kind() {
        // A class: that of the scalars of a structured dtype, such as `numpy.record`.
        Raw::Global(class) if class.name == "record" || class.name == "void" => {
            Scalar::new(ScalarKind::Void, ByteOrder::NotApplicable, 0).ok()?.into()
        }
        _ => {
            let name = text(named, encoding)?;
            match scalar_of_code(name.as_bytes()) {
                Some(scalar) => scalar.into(),
                None => name.parse().ok()?,
            }
        }
    };
    let Some(state) = call.state() else {
        return Some(named);
    };
    let mut state = tuple(state)?;
    let _version = state.next()?.as_int()?;
    let order = match &*text(state.next()?, encoding)? {
        "<" => ByteOrder::Little,
        ">" => ByteOrder::Big,
        // Native order: that of the writer's machine, which the file does not name.
        _ => ByteOrder::NotApplicable,
    };
    let (subarray, names, fields) = (state.next()?, state.next()?, state.next()?);
    let itemsize = state.next()?.as_int()?;
    let metadata = state.nth(2);

    if let Some(mut parts) = tuple(subarray) {
        let base = plain(Call::of(parts.next()?)?, encoding, depth + 1)?;
        return DType::subarray(base, Shape::read(parts.next()?)?.to_vec()).ok();
    }
    if let Some(names) = tuple(names) {
        let itemsize = usize::try_from(itemsize).ok()?;
        let fields = fields_of(names, fields, encoding)?
            .into_iter()
            .map(|PickledField { name, title, dtype, offset }| {
                let dtype = plain(Call::of(dtype)?, encoding, depth + 1)?;
                Some(Field { name, title, dtype, offset })
            })
            .collect::<Option<Vec<Field>>>()?;
        return Struct::new(fields, itemsize).ok().map(DType::Struct);
    }
    let scalar = named.as_scalar()?;
    let kind = match (scalar.kind(), metadata) {
        (ScalarKind::Datetime(_), Some(metadata)) => {
            ScalarKind::Datetime(unit(metadata, encoding)?)
        }
        (ScalarKind::Timedelta(_), Some(metadata)) => {
            ScalarKind::Timedelta(unit(metadata, encoding)?)
        }
        (kind, _) => kind,
    };
    let size = match kind {
        ScalarKind::Bytes | ScalarKind::Unicode | ScalarKind::Void if itemsize >= 0 => {
            usize::try_from(itemsize).ok()?
        }
        _ => scalar.itemsize(),
    };
    Scalar::new(kind, order, size).ok().map(DType::Scalar)
}

/// Returns the scalar of a code as NumPy pickles it: a letter and a size, such as `f8`.
fn scalar_of_code(code: &[u8]) -> Option<Scalar> {
    let (letter, digits) = code.split_first()?;
    let kind = match letter {
        b'b' => ScalarKind::Bool,
        b'i' => ScalarKind::Int,
        b'u' => ScalarKind::Uint,
        b'f' => ScalarKind::Float,
        b'c' => ScalarKind::Complex,
        b'O' => ScalarKind::Object,
        _ => return None,
    };
    let size = match digits {
        [size @ b'1'..=b'9'] => size - b'0',
        b"16" => 16,
        b"32" => 32,
        _ => return None,
    };
    Scalar::new(kind, ByteOrder::NotApplicable, size.into()).ok()
}

/// A field of a pickled structured dtype.
pub(crate) struct PickledField<'a> {
    pub(crate) name: String,
    pub(crate) dtype: ValueRef<'a>,
    offset: usize,
    title: Option<String>,
}

/// Reads the fields of a pickled structured dtype. `None` for any other value.
pub(crate) fn fields(value: ValueRef<'_>, encoding: Encoding) -> Option<Vec<PickledField<'_>>> {
    let mut state = tuple(value.as_object()?.state()?)?;
    let names = tuple(state.nth(3)?)?;
    fields_of(names, state.next()?, encoding)
}

fn fields_of<'a>(
    names: Items<'a>,
    fields: ValueRef<'a>,
    encoding: Encoding,
) -> Option<Vec<PickledField<'a>>> {
    let Raw::Dict(entries) = fields.kind() else {
        return None;
    };
    let mut by_name = HashMap::new();
    for (name, field) in entries {
        // A title is a second key for the same field, and can be any object.
        if let Some(name) = text(name, encoding) {
            by_name.insert(name, field);
        }
    }
    names
        .map(|name| {
            let name = text(name, encoding)?;
            let mut field = tuple(*by_name.get(&name)?)?;
            let (dtype, offset) = (field.next()?, field.next()?.as_int()?);
            let title = field.next().and_then(|title| text(title, encoding));
            Some(PickledField { name, dtype, offset: usize::try_from(offset).ok()?, title })
        })
        .collect()
}

/// Reads a text of a dtype. A Python 2 str is text here even with the encoding `bytes`.
fn text(value: ValueRef<'_>, encoding: Encoding) -> Option<String> {
    match (Text::read(value, encoding), value.kind()) {
        (Some(text), _) => Some(text.to_string_lossy().into_owned()),
        (None, Raw::Bytes(bytes) | Raw::Str2(bytes)) => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    }
}

/// Reads the unit of a datetime: `({}, (unit, num, den, events))`.
fn unit(metadata: ValueRef<'_>, encoding: Encoding) -> Option<TimeUnit> {
    let mut unit = tuple(tuple(metadata)?.nth(1)?)?;
    let base = raw_bytes(unit.next()?, encoding)?;
    let base = TimeBase::from_name(std::str::from_utf8(&base).ok()?)?;
    let num = unit.next()?.as_int()?;
    let den = unit.next().map_or(Some(1), ValueRef::as_int)?;
    TimeUnit::new(base, u32::try_from(num).ok()?, u32::try_from(den).ok()?).ok()
}
