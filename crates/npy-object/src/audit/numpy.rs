//! The calls and states with which NumPy makes arrays, scalars and dtypes without using memory that
//! does not belong to them.
//!
//! `dtype.__setstate__` and `ndarray.__setstate__` (numpy/_core/src/multiarray/descriptor.c and
//! methods.c) do not check the offsets, flags and lengths that they are given. A field past the end
//! of its item, an object field without the flag for reference counting, or a list that is shorter
//! than the array make NumPy read and write other memory: the process crashes, or runs code.

use pickle_stream::audit::{Operand, OperandItems};

use super::argument::{Lookup, is_bytes, is_flag, is_plain};
use super::fact::{Array, DType, DTypeKind, Fact, MOST_SIZE};
use super::rule::Rule;

/// The largest length of an array in items or bytes, which NumPy keeps in 64 bits with a sign.
const MOST_ITEMS: u64 = i64::MAX as u64;

/// Dimensions that an array may have in every version of NumPy.
const MOST_DIMENSIONS: usize = 32;

/// Bytes of a reference on a 64-bit system.
const POINTER: u64 = 8;

/// The flags of a dtype that NumPy writes, as in numpy/ndarraytypes.h. With other flags it reads
/// bytes as references.
mod flags {
    pub(super) const NUMBER: i64 = 0;
    /// NPY_NEEDS_INIT
    pub(super) const UNICODE: i64 = 0x08;
    /// All flags but the one of aligned structures.
    pub(super) const OBJECT: i64 = 0x3f;
    /// NPY_ITEM_REFCOUNT, NPY_LIST_PICKLE, NPY_NEEDS_INIT, NPY_NEEDS_PYAPI: the flags that a
    /// structure takes from its fields.
    pub(super) const FIELDS_WITH_OBJECT: i64 = 0x1b;
    /// NPY_NEEDS_PYAPI
    pub(super) const FIELDS: i64 = 0x10;
    /// NPY_ALIGNED_STRUCT
    pub(super) const ALIGNED: i64 = 0x80;
}

/// Returns the dtype of an argument, if it has its state: one that gets it later would change the
/// arrays that were made with it.
pub(super) fn dtype_of(value: &Operand<'_>) -> Option<DType> {
    let Operand::Result(result) = value else { return None };
    match Fact::unpack(result.fact) {
        Fact::DType(dtype) if !dtype.is_open => Some(dtype),
        _ => None,
    }
}

/// Returns how many items an array of this shape has.
pub(super) fn count(shape: &Operand<'_>) -> Option<u64> {
    let Operand::Tuple(lengths) = shape else { return None };
    // NumPy 1 does not check the number of lengths.
    if lengths.len() > MOST_DIMENSIONS {
        return None;
    }
    // The product without the zeros must fit too: NumPy multiplies in any order.
    let mut product: u64 = 1;
    let mut is_empty = false;
    for length in lengths.iter() {
        let Operand::Int(length @ 0..) = length else { return None };
        is_empty |= length == 0;
        product = product.checked_mul(length.max(1) as u64).filter(|it| *it <= MOST_ITEMS)?;
    }
    Some(if is_empty { 0 } else { product })
}

/// Returns whether these are the shape and type code of the empty array that a pickler begins with.
fn is_empty_array(shape: &Operand<'_>, code: &Operand<'_>) -> bool {
    let Operand::Tuple(lengths) = shape else { return false };
    let is_code = match code {
        Operand::Text(code) => *code == b"b",
        Operand::Bytes(code) => *code == Some(b'b'),
        code => is_bytes(code),
    };
    lengths.len() == 1 && matches!(lengths.get(0), Some(Operand::Int(0))) && is_code
}

fn class_of(class: &Operand<'_>, names: &dyn Lookup) -> Option<Rule> {
    match class {
        Operand::Global(class) => names.rule(*class),
        _ => None,
    }
}

/// Judges `_reconstruct(class, (0,), b'b')`.
pub(super) fn reconstruct(
    class: &Operand<'_>,
    shape: &Operand<'_>,
    code: &Operand<'_>,
    names: &dyn Lookup,
) -> Option<Fact> {
    let class = class_of(class, names)?;
    let is_class = matches!(class, Rule::Array | Rule::MemMap);
    (is_class && is_empty_array(shape, code)).then_some(empty(false))
}

/// Judges `_mareconstruct(class, base class, (0,), b'b')`.
pub(super) fn masked_reconstruct(
    classes: [&Operand<'_>; 2],
    shape: &Operand<'_>,
    code: &Operand<'_>,
    names: &dyn Lookup,
) -> Option<Fact> {
    let classes = classes.map(|class| class_of(class, names));
    let is_class = classes == [Some(Rule::MaskedArray), Some(Rule::Array)];
    (is_class && is_empty_array(shape, code)).then_some(empty(true))
}

/// Returns the fact of an array without its state.
fn empty(is_masked: bool) -> Fact {
    Fact::Array(Array { is_masked, is_open: true, has_items: false, dtype: 0 })
}

/// Judges `_frombuffer(buffer, dtype, shape, order)`, since NumPy 2.3 with the order of the axes.
pub(super) fn from_buffer(
    buffer: &Operand<'_>,
    dtype: &Operand<'_>,
    shape: &Operand<'_>,
    order: &Operand<'_>,
    axes: &[Operand<'_>],
) -> Option<Fact> {
    let is_numbers = |dtype: &DType| !dtype.has_object && dtype.is_of_array() && dtype.size > 0;
    let dtype = dtype_of(dtype).filter(is_numbers)?;
    let is_order = matches!(order, Operand::Text(b"C" | b"F" | b"K"));
    let is_axes = match axes {
        [] | [Operand::None] => true,
        [Operand::Tuple(axes)] => axes.iter().all(|axis| matches!(axis, Operand::Int(_))),
        _ => false,
    };
    let has_items = count(shape)? > 0;
    let array = Array { is_masked: false, is_open: false, has_items, dtype: dtype.serial };
    (is_bytes(buffer) && is_order && is_axes).then_some(Fact::Array(array))
}

/// Judges `scalar(dtype, bytes)`, and where an item has objects `scalar(dtype, array of one item)`.
pub(super) fn scalar(dtype: &Operand<'_>, value: &Operand<'_>, made: Fact) -> Option<Fact> {
    let dtype = dtype_of(dtype).filter(|dtype| dtype.is_of_array())?;
    if !dtype.has_object {
        return is_bytes(value).then_some(made);
    }
    // NumPy reads the item from the array as one of this dtype. For `object` it returns the
    // argument itself, whatever it is.
    let Operand::Result(result) = value else { return None };
    let Fact::Array(array) = Fact::unpack(result.fact) else { return None };
    let is_of_dtype = array.dtype != 0 && array.dtype == dtype.serial && array.has_items;
    (dtype.kind == DTypeKind::Void && !array.is_masked && is_of_dtype).then_some(made)
}

/// Judges `dtype(code, align, copy)`. It must be a copy: a state would change the dtype that the
/// whole program shares.
pub(super) fn dtype(
    code: &Operand<'_>,
    align: &Operand<'_>,
    copy: &Operand<'_>,
    names: &mut dyn Lookup,
) -> Option<Fact> {
    let (kind, size) = match code {
        Operand::Text(code) => type_code(code)?,
        // The code of the dtype of records is the type of their scalars.
        code if class_of(code, names) == Some(Rule::Record) => (DTypeKind::Void, 0),
        _ => return None,
    };
    if !is_flag(align) || !matches!(copy, Operand::Bool(true) | Operand::Int(1)) {
        return None;
    }
    Some(Fact::DType(DType {
        kind,
        size,
        has_object: kind == DTypeKind::Object,
        is_subarray: false,
        is_open: true,
        serial: names.next_serial(),
    }))
}

/// Parses a type string (`f8`, `U3`). Returns the kind and the bytes of an item.
fn type_code(code: &[u8]) -> Option<(DTypeKind, u64)> {
    let code = code.strip_prefix(b"<").or(code.strip_prefix(b">")).unwrap_or(code);
    let code = code.strip_prefix(b"|").unwrap_or(code);
    let (&kind, digits) = code.split_first()?;
    let is_number = digits.len() <= 10 && digits.iter().all(u8::is_ascii_digit);
    let size = str::from_utf8(digits).ok().filter(|_| is_number)?;
    let size = if size.is_empty() { 0 } else { size.parse().ok()? };
    let (kind, size) = match (kind, size) {
        (b'b' | b'?', 0 | 1) => (DTypeKind::Number, 1),
        (b'i' | b'u', 1 | 2 | 4 | 8) => (DTypeKind::Number, size),
        (b'f', 2 | 4 | 8 | 12 | 16) => (DTypeKind::Number, size),
        (b'c', 8 | 16 | 24 | 32) => (DTypeKind::Number, size),
        (b'M' | b'm', 8) => (DTypeKind::Time, size),
        (b'S', _) => (DTypeKind::Bytes, size),
        (b'U', _) => (DTypeKind::Unicode, 4 * size),
        (b'V', _) => (DTypeKind::Void, size),
        (b'O', 0 | 4 | 8) => (DTypeKind::Object, POINTER),
        _ => return None,
    };
    (size <= MOST_SIZE).then_some((kind, size))
}

/// Judges `_convert_to_stringdtype_kwargs(coerce)`, also with the object for a missing str.
pub(super) fn string_dtype(coerce: &Operand<'_>, names: &mut dyn Lookup) -> Option<Fact> {
    is_flag(coerce).then(|| {
        Fact::DType(DType {
            kind: DTypeKind::Object,
            size: 16,
            has_object: true,
            is_subarray: false,
            is_open: false,
            serial: names.next_serial(),
        })
    })
}

/// Judges the state of a dtype: `(3, byte order, subarray, names, fields, size, alignment, flags)`,
/// and in version 4 the metadata.
pub(super) fn dtype_state(dtype: DType, state: &[Operand<'_>]) -> Option<Fact> {
    use Operand as K;
    let &[version, order, subarray, names, fields, size, alignment, flags, ref metadata @ ..] =
        state
    else {
        return None;
    };
    let is_version = match (version, metadata) {
        // NumPy crashes on a time without its unit.
        (K::Int(3), []) => dtype.kind != DTypeKind::Time,
        (K::Int(4), [metadata]) => is_metadata(dtype, metadata),
        _ => false,
    };
    let (K::Int(size), K::Int(alignment), K::Int(flags)) = (size, alignment, flags) else {
        return None;
    };
    let is_order = match (dtype.kind, order) {
        (DTypeKind::Object, K::Text(order)) => *order == *b"|",
        (_, K::Text(order)) => matches!(order, [b'<' | b'>' | b'|' | b'=']),
        _ => false,
    };
    if !is_version || !is_order || !is_alignment(alignment) {
        return None;
    }
    if !(-128..256).contains(&flags) {
        return None;
    }
    let closed = DType { is_open: false, ..dtype };
    let is_void = dtype.kind == DTypeKind::Void;
    let state = match (subarray, names, fields) {
        (K::None, K::None, K::None) => {
            let expected = match dtype.kind {
                DTypeKind::Object => flags::OBJECT,
                DTypeKind::Unicode => flags::UNICODE,
                DTypeKind::Number | DTypeKind::Time | DTypeKind::Bytes | DTypeKind::Void => {
                    flags::NUMBER
                }
            };
            let is_size = match dtype.kind {
                DTypeKind::Number | DTypeKind::Time | DTypeKind::Object => size == -1,
                _ => u64::try_from(size) == Ok(dtype.size),
            };
            (is_size && flags == expected).then_some(closed)?
        }
        (K::Tuple(subarray), K::None, K::None) if is_void => {
            let [Some(base), Some(shape)] = [0, 1].map(|index| subarray.get(index)) else {
                return None;
            };
            let base = dtype_of(&base).filter(|base| base.is_of_array())?;
            let closed = size_of(size, closed)?;
            let is_right = subarray.len() == 2
                && count_of_subarray(&shape)?.checked_mul(base.size) == Some(closed.size)
                && has_flags(flags, base.has_object);
            let has_object = base.has_object;
            is_right.then_some(DType { has_object, is_subarray: true, ..closed })?
        }
        (K::None, K::Tuple(names), K::Dict(fields)) if is_void => {
            let closed = size_of(size, closed)?;
            let has_object = check_fields(names, fields.entries()?, closed.size)?;
            has_flags(flags, has_object).then_some(DType { has_object, ..closed })?
        }
        _ => return None,
    };
    Some(Fact::DType(state))
}

/// Returns the dtype with the item size of a state: the one of its type string, which the dtype of
/// records does not have.
fn size_of(size: i64, dtype: DType) -> Option<DType> {
    let size = u64::try_from(size).ok().filter(|size| *size <= MOST_SIZE)?;
    (dtype.size == 0 || size == dtype.size).then_some(DType { size, ..dtype })
}

fn is_alignment(alignment: i64) -> bool {
    // 0 is that of a structure without fields.
    matches!(alignment, -1 | 0 | 1 | 2 | 4 | 8 | 16 | 32)
}

/// Returns whether the flags are those of a structure or subarray.
fn has_flags(flags: i64, has_object: bool) -> bool {
    // Some versions write the C signed char as a negative number.
    let flags = flags & 0xff & !flags::ALIGNED;
    match has_object {
        true => flags == flags::FIELDS_WITH_OBJECT || flags == flags::OBJECT,
        false => flags == flags::NUMBER || flags == flags::FIELDS,
    }
}

/// Returns how many items a subarray has. A shape of one dimension may be an int.
fn count_of_subarray(shape: &Operand<'_>) -> Option<u64> {
    match shape {
        Operand::Int(length) => u64::try_from(*length).ok(),
        shape => count(shape),
    }
}

/// Checks that every field is inside the item, and that no field overlaps an object. Returns
/// whether there are objects.
fn check_fields<'a>(
    names: OperandItems<'a>,
    entries: impl ExactSizeIterator<Item = (Operand<'a>, Operand<'a>)>,
    size: u64,
) -> Option<bool> {
    // By key: the name of a field, or its title.
    let mut fields: Vec<(&[u8], Field<'_>)> = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        let (Operand::Text(name), Operand::Tuple(field)) = (name, field) else { return None };
        let [Some(dtype), Some(Operand::Int(offset))] = [0, 1].map(|index| field.get(index)) else {
            return None;
        };
        let title = match (field.len(), field.get(2)) {
            (2, _) | (3, Some(Operand::None)) => None,
            (3, Some(Operand::Text(title))) => Some(title),
            _ => return None,
        };
        // A StringDType cannot be a field.
        let dtype = dtype_of(&dtype)
            .filter(|dtype| dtype.kind != DTypeKind::Object || dtype.size == POINTER)?;
        let begin = u64::try_from(offset).ok()?;
        let end = begin.checked_add(dtype.size).filter(|end| *end <= size)?;
        fields.push((name, Field { begin, end, dtype, title }));
    }
    fields.sort_by_key(|&(name, _)| name);
    if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None;
    }
    // Each key must be the name or the title of one field.
    let mut left: Vec<Option<Field<'_>>> = fields.iter().map(|&(_, field)| Some(field)).collect();
    let mut take = |name: &[u8]| {
        let index = fields.binary_search_by_key(&name, |&(key, _)| key).ok()?;
        left[index].take()
    };
    let mut named: Vec<Field<'_>> = Vec::with_capacity(names.len());
    for name in names.iter() {
        let Operand::Text(name) = name else { return None };
        let field = take(name)?;
        // The title of a field may be its name.
        if let Some(title) = field.title.filter(|title| *title != name) {
            (take(title)? == field).then_some(())?;
        }
        named.push(field);
    }
    left.iter().all(Option::is_none).then_some(())?;
    let has_object = named.iter().any(|field| field.dtype.has_object);
    if has_object {
        named.sort_unstable_by_key(|field| (field.begin, field.end));
        if named.windows(2).any(|pair| pair[0].end > pair[1].begin) {
            return None;
        }
    }
    Some(has_object)
}

/// A field of a structure.
#[derive(Clone, Copy, PartialEq)]
struct Field<'a> {
    begin: u64,
    end: u64,
    dtype: DType,
    title: Option<&'a [u8]>,
}

/// Returns whether these are the metadata of version 4: a dict, and for times the unit.
fn is_metadata(dtype: DType, metadata: &Operand<'_>) -> bool {
    use Operand as K;
    let is_dict = |dict: &K<'_>| matches!(dict, K::None | K::Dict(_));
    match metadata {
        _ if dtype.kind != DTypeKind::Time => is_dict(metadata),
        K::Tuple(parts) if parts.len() == 2 => {
            let [Some(dict), Some(K::Tuple(unit))] = [0, 1].map(|index| parts.get(index)) else {
                return false;
            };
            // NumPy crashes on a divisor of 0.
            let [Some(name), Some(K::Int(1..=0x7fff_ffff)), Some(K::Int(1)), event] =
                [0, 1, 2, 3].map(|index| unit.get(index))
            else {
                return false;
            };
            is_dict(&dict)
                && is_bytes(&name)
                && unit.len() <= 4
                && matches!(event, None | Some(K::Int(_)))
        }
        _ => false,
    }
}

/// Returns whether it is a fill value as NumPy writes it: a number, a scalar, an array, or a tuple
/// of these. NumPy makes an array of it, which for a range takes memory.
fn is_fill(value: &Operand<'_>) -> bool {
    let is_item = |value: &Operand<'_>| match value {
        Operand::Result(result) => matches!(
            Fact::unpack(result.fact),
            Fact::Bytes | Fact::Array(_) | Fact::Made { rule: Rule::Scalar, .. }
        ),
        Operand::Tuple(_) | Operand::List(_) | Operand::Dict(_) | Operand::Set | Operand::Other => {
            false
        }
        value => is_plain(value),
    };
    match value {
        Operand::Tuple(items) => items.iter().all(|item| is_item(&item)),
        value => is_item(value),
    }
}

/// Judges the state of an array: `(1, shape, dtype, is_fortran, data)`; of a masked one also the
/// mask and the fill value.
pub(super) fn array_state(array: Array, state: &[Operand<'_>]) -> Option<Fact> {
    use Operand as K;
    let (shape, dtype, is_fortran, data) = match (array.is_masked, state) {
        (false, [K::Int(1), shape, dtype, is_fortran, data]) => (shape, dtype, is_fortran, data),
        (true, [K::Int(1), shape, dtype, is_fortran, data, mask, fill])
            if is_bytes(mask) && is_fill(fill) =>
        {
            (shape, dtype, is_fortran, data)
        }
        _ => return None,
    };
    let count = count(shape)?;
    let dtype = dtype_of(dtype).filter(|dtype| dtype.is_of_array())?;
    // NumPy multiplies the two without a check.
    count.checked_mul(dtype.size.max(1)).filter(|bytes| *bytes <= MOST_ITEMS)?;
    let is_data = match (dtype.has_object, data) {
        (true, K::List(list)) => list.len == Some(count),
        (false, data) => is_bytes(data),
        _ => false,
    };
    let closed = Array { is_open: false, has_items: count > 0, dtype: dtype.serial, ..array };
    (is_flag(is_fortran) && is_data).then_some(Fact::Array(closed))
}
