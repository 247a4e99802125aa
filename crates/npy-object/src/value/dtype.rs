//! Pickled dtypes.
//!
//! NumPy pickles `dtype('<f8')` as `dtype('f8', False, True)` with a state:
//!
//! ```text
//! (3, '<', None, None, None, -1, -1, 0)
//! ```
//!
//! version, byte order, subarray, names, fields, itemsize, alignment, flags. Version 4 has metadata
//! besides, which for a datetime holds its unit (`arraydescr_reduce` and `arraydescr_setstate` in
//! NumPy's `descriptor.c`).

use std::fmt;
use std::sync::OnceLock;

use npy_header::{ByteOrder, DType, Field, Scalar, ScalarKind, Struct, TimeBase, TimeUnit};
use pickle_stream::{Kind as Raw, NodeId, ValueRef};

use crate::value::element::{Context, Element};
use crate::value::globals::{self, ArrayClass, Known};
use crate::value::kind::Kind;
use crate::value::shape::Shape;

/// What the items of an array are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemType {
    /// A dtype that a header can say.
    Plain(DType),
    /// `numpy.dtypes.StringDType`: str of any length.
    String {
        /// Whether NumPy turns what is not a str into one.
        coerce: bool,
        /// Whether there is an object that stands for a missing str.
        has_na: bool,
    },
}

impl ItemType {
    /// Reads a pickled dtype.
    pub(crate) fn read(value: Element<'_>) -> Option<ItemType> {
        let pickled = value.value()?;
        if !pickled.is_shared() {
            return read(value);
        }
        // The arrays of a file mostly have the dtype that the first of them brought along.
        let known = &value.context().item_types.known;
        if let Some((_, item)) = known.find(|(id, _)| *id == pickled.id()) {
            return Some(item.clone());
        }
        let item = read(value)?;
        known.add((pickled.id(), item.clone()));
        Some(item)
    }

    /// Whether the items are Python objects, each pickled for itself.
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

/// What pickled dtypes in the shared region of the graph were read as.
#[derive(Debug, Default)]
pub(crate) struct ItemTypes {
    known: Few<(NodeId, ItemType)>,
    /// What arrays of numbers begin with: callable, class and dtype.
    heads: Few<([NodeId; 3], Scalar)>,
}

/// The first few of what was met, which readers on any thread look up without a lock. Files have few
/// dtypes; those of a file that has more are read again.
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
        self.0.iter().map_while(OnceLock::get).find(|one| is_it(one))
    }

    /// Adds one, if there is room for it.
    fn add(&self, mut one: T) {
        for place in &self.0 {
            match place.set(one) {
                Ok(()) => return,
                Err(refused) => one = refused,
            }
        }
    }
}

impl ItemTypes {
    /// The scalar that an array is made of which begins with this callable, class and dtype, all of
    /// them in the shared region: `None` where they are not, where the items are no numbers of
    /// little-endian order, or where the callable is not `_reconstruct` of an array.
    #[inline(always)]
    pub(crate) fn scalar_of_array(
        &self,
        head: [ValueRef<'_>; 3],
        context: &Context,
    ) -> Option<Scalar> {
        let ids = head.map(ValueRef::id);
        match self.heads.find(|(known, _)| *known == ids) {
            Some((_, scalar)) => Some(*scalar),
            None => self.read_head(head, context),
        }
    }

    #[inline(never)]
    fn read_head(&self, head: [ValueRef<'_>; 3], context: &Context) -> Option<Scalar> {
        if !head.iter().all(|value| value.is_shared()) {
            return None;
        }
        let [callable, class, dtype] = head;
        let Raw::Global(name) = callable.kind() else { return None };
        if globals::known(name)? != Known::Reconstruct {
            return None;
        }
        ArrayClass::of(class)?;
        let ItemType::Plain(DType::Scalar(scalar)) = ItemType::read(Element::new(dtype, context))?
        else {
            return None;
        };
        if scalar.kind() == ScalarKind::Object || scalar.order() == ByteOrder::Big {
            return None;
        }
        self.heads.add((head.map(ValueRef::id), scalar));
        Some(scalar)
    }
}

fn read(value: Element<'_>) -> Option<ItemType> {
    if globals::called(value.value()?)? != Known::StringDType {
        return plain(value, 0).map(ItemType::Plain);
    }
    let mut args = value.call_args()?;
    let coerce = match args.next()?.shallow_kind() {
        Kind::Bool(coerce) => coerce,
        Kind::Int(coerce) => coerce != 0,
        _ => return None,
    };
    Some(ItemType::String { coerce, has_na: args.next().is_some() })
}

/// The object that stands for a missing str, of a pickled StringDType.
pub(crate) fn na_object(value: Element<'_>) -> Option<Element<'_>> {
    value.call_args()?.nth(1)
}

fn plain(value: Element<'_>, depth: usize) -> Option<DType> {
    if depth > DType::MAX_DEPTH || globals::called(value.value()?)? != Known::DType {
        return None;
    }
    let named = value.call_args()?.next()?;
    let named: DType = match named.shallow_kind() {
        // A class: that of the scalars of a structured dtype, such as `numpy.record`.
        Kind::Global(class) if class.name == "record" || class.name == "void" => {
            Scalar::new(ScalarKind::Void, ByteOrder::NotApplicable, 0).ok()?.into()
        }
        _ => {
            let name = text(named)?;
            match code(name.as_bytes()) {
                Some(scalar) => scalar.into(),
                None => name.parse().ok()?,
            }
        }
    };
    let Some(state) = value.call_state() else {
        return Some(named);
    };
    let Kind::Tuple(mut state) = state.shallow_kind() else {
        return None;
    };
    let Kind::Int(_version) = state.next()?.shallow_kind() else {
        return None;
    };
    let order = match &*text(state.next()?)? {
        "<" => ByteOrder::Little,
        ">" => ByteOrder::Big,
        // Native order: that of the writer's machine, which the file does not name.
        _ => ByteOrder::NotApplicable,
    };
    let subarray = state.next()?;
    let names = state.next()?;
    let fields = state.next()?;
    let Kind::Int(itemsize) = state.next()?.shallow_kind() else {
        return None;
    };
    let metadata = state.nth(2);

    if let Kind::Tuple(mut parts) = subarray.shallow_kind() {
        let base = plain(parts.next()?, depth + 1)?;
        let shape = parts.next()?;
        let shape = match shape.shallow_kind() {
            Kind::Int(length) => vec![usize::try_from(length).ok()?],
            _ => Shape::read(shape)?.to_vec(),
        };
        return DType::subarray(base, shape).ok();
    }
    if let Kind::Tuple(names) = names.shallow_kind() {
        let itemsize = usize::try_from(itemsize).ok()?;
        let fields = fields_of(names, fields)?
            .into_iter()
            .map(|(name, field)| {
                let dtype = plain(field.dtype, depth + 1)?;
                Some(Field { name, title: field.title, dtype, offset: field.offset })
            })
            .collect::<Option<Vec<Field>>>()?;
        return Struct::new(fields, itemsize).ok().map(DType::Struct);
    }
    let scalar = named.as_scalar()?;
    let kind = match (scalar.kind(), metadata) {
        (ScalarKind::Datetime(_), Some(metadata)) => ScalarKind::Datetime(unit(metadata)?),
        (ScalarKind::Timedelta(_), Some(metadata)) => ScalarKind::Timedelta(unit(metadata)?),
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

/// The scalar of a code as NumPy pickles it: a letter and a size, such as `f8`.
fn code(code: &[u8]) -> Option<Scalar> {
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
    pub(crate) dtype: Element<'a>,
    offset: usize,
    title: Option<String>,
}

/// The fields of a pickled structured dtype, if it is one: names with their dtypes.
pub(crate) fn fields(value: Element<'_>) -> Option<Vec<(String, PickledField<'_>)>> {
    let Kind::Tuple(mut state) = value.call_state()?.shallow_kind() else {
        return None;
    };
    let Kind::Tuple(names) = state.nth(3)?.shallow_kind() else {
        return None;
    };
    fields_of(names, state.next()?)
}

fn fields_of<'a>(
    names: crate::value::kind::Items<'a>,
    fields: Element<'a>,
) -> Option<Vec<(String, PickledField<'a>)>> {
    let Kind::Dict(entries) = fields.shallow_kind() else {
        return None;
    };
    let mut by_name = std::collections::HashMap::new();
    for (name, field) in entries {
        // A title is a second key for the same field, and can be any object.
        if let Some(name) = text(name) {
            by_name.insert(name, field);
        }
    }
    names
        .map(|name| {
            let name = text(name)?;
            let Kind::Tuple(mut field) = by_name.get(&name)?.shallow_kind() else {
                return None;
            };
            let dtype = field.next()?;
            let Kind::Int(offset) = field.next()?.shallow_kind() else {
                return None;
            };
            let title = field.next().and_then(text);
            Some((name, PickledField { dtype, offset: usize::try_from(offset).ok()?, title }))
        })
        .collect()
}

/// The text of a part of a dtype. What Python 2 wrote is text here, also where its texts are to be
/// read as bytes.
fn text(value: Element<'_>) -> Option<String> {
    match value.shallow_kind() {
        Kind::Str(text) => Some(text.to_string_lossy().into_owned()),
        Kind::Bytes(bytes) => String::from_utf8(bytes.into_owned()).ok(),
        _ => None,
    }
}

/// The unit of a datetime: `({}, (unit, num, den, events))`.
fn unit(metadata: Element<'_>) -> Option<TimeUnit> {
    let Kind::Tuple(mut metadata) = metadata.shallow_kind() else {
        return None;
    };
    let Kind::Tuple(mut unit) = metadata.nth(1)?.shallow_kind() else {
        return None;
    };
    let base = unit.next()?.to_raw_bytes()?;
    let base = TimeBase::from_name(std::str::from_utf8(&base).ok()?)?;
    let Kind::Int(num) = unit.next()?.shallow_kind() else {
        return None;
    };
    let Kind::Int(den) = unit.next().map_or(Kind::Int(1), Element::shallow_kind) else {
        return None;
    };
    TimeUnit::new(base, u32::try_from(num).ok()?, u32::try_from(den).ok()?).ok()
}
