//! Arrays, scalars and dtypes as the calls that NumPy pickles, which every NumPy from 1.16 on
//! loads.
//!
//! Modules have the names from before NumPy 2, which NumPy 2 still knows.

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, Struct, Subarray};
use pickle_stream::{Builder, NodeId, Result};

use crate::value::globals::ArrayClass;

/// Builds `dtype(code, align, copy)` with its state, as `arraydescr_reduce` in NumPy's
/// `descriptor.c` does. It is shared: equal dtypes are one object.
pub(crate) fn dtype(build: &mut Builder, dtype: &DType) -> Result<NodeId> {
    dtype_of(build, dtype, None)
}

/// Builds a dtype as [`dtype`] does, whose items are of the class `numpy.record`.
pub(crate) fn record_dtype(build: &mut Builder, dtype: &DType) -> Result<NodeId> {
    let record = build.global("numpy", "record")?;
    dtype_of(build, dtype, Some(record))
}

fn dtype_of(build: &mut Builder, dtype: &DType, record: Option<NodeId>) -> Result<NodeId> {
    let class = build.global("numpy", "dtype")?;
    // The text of a dtype has all of it, so it is a key.
    build.once(&format!("{dtype:?} {}", record.is_some()), |build| {
        let code = match (dtype, record) {
            (_, Some(record)) => record,
            (DType::Scalar(scalar), None) => build.str(&code(*scalar))?,
            (DType::Subarray(_) | DType::Struct(_), None) => {
                build.str(&format!("V{}", dtype.itemsize()))?
            }
        };
        let (align, copy) = (build.bool(false), build.bool(true));
        let made = build.call(class, &[code, align, copy])?;
        let state = match dtype {
            DType::Scalar(scalar) => scalar_state(build, *scalar)?,
            DType::Subarray(subarray) => subarray_state(build, subarray)?,
            DType::Struct(record) => struct_state(build, record)?,
        };
        build.set_state(made, state)?;
        Ok(made)
    })
}

/// Returns the type string without its byte order. The length of text is in code points.
fn code(scalar: Scalar) -> String {
    let length = match scalar.kind() {
        ScalarKind::Unicode => scalar.itemsize() / 4,
        _ => scalar.itemsize(),
    };
    format!("{}{length}", scalar.kind().letter())
}

fn scalar_state(build: &mut Builder, scalar: Scalar) -> Result<NodeId> {
    let order = match scalar.order() {
        ByteOrder::Little => "<",
        ByteOrder::Big => ">",
        ByteOrder::NotApplicable => "|",
    };
    let (size, alignment) = match scalar.kind() {
        ScalarKind::Bytes | ScalarKind::Void => (scalar.itemsize() as i64, 1),
        ScalarKind::Unicode => (scalar.itemsize() as i64, 4),
        // NumPy knows the size of these.
        _ => (-1, -1),
    };
    let unit = match scalar.kind() {
        ScalarKind::Datetime(unit) | ScalarKind::Timedelta(unit) => unit,
        _ => {
            let none = build.none();
            let parts = Parts { subarray: none, names: none, fields: none };
            return state(build, 3, order, parts, [size, alignment, flags(&scalar.into())], None);
        }
    };
    let (empty, name) = (build.dict(&[])?, build.bytes(unit.base().name().as_bytes())?);
    let (num, one) = (build.int(unit.num().into())?, build.int(1)?);
    let unit = build.tuple(&[name, num, one, one])?;
    let metadata = build.tuple(&[empty, unit])?;
    let none = build.none();
    let parts = Parts { subarray: none, names: none, fields: none };
    state(build, 4, order, parts, [size, alignment, 0], Some(metadata))
}

fn subarray_state(build: &mut Builder, subarray: &Subarray) -> Result<NodeId> {
    let base = dtype(build, subarray.base())?;
    let lengths = shape(build, subarray.shape())?;
    let (both, none) = (build.tuple(&[base, lengths])?, build.none());
    let whole = DType::Subarray(subarray.clone());
    let parts = Parts { subarray: both, names: none, fields: none };
    state(build, 3, "|", parts, [whole.itemsize() as i64, 1, flags(&whole)], None)
}

fn struct_state(build: &mut Builder, record: &Struct) -> Result<NodeId> {
    let (mut names, mut fields) = (Vec::new(), Vec::new());
    for field in record.fields() {
        let name = build.str(&field.name)?;
        let (of, offset) = (dtype(build, &field.dtype)?, build.int(field.offset as i64)?);
        let entry = match &field.title {
            None => build.tuple(&[of, offset])?,
            Some(title) => {
                let title = build.str(title)?;
                let entry = build.tuple(&[of, offset, title])?;
                // The title of a field is a second key.
                fields.extend([title, entry]);
                entry
            }
        };
        names.push(name);
        fields.extend([name, entry]);
    }
    let (names, fields, none) = (build.tuple(&names)?, build.dict(&fields)?, build.none());
    let flags = flags(&DType::Struct(record.clone()));
    let parts = Parts { subarray: none, names, fields };
    state(build, 3, "|", parts, [record.itemsize() as i64, 1, flags], None)
}

struct Parts {
    subarray: NodeId,
    names: NodeId,
    fields: NodeId,
}

fn state(
    build: &mut Builder,
    version: i64,
    order: &str,
    Parts { subarray, names, fields }: Parts,
    sizes: [i64; 3],
    metadata: Option<NodeId>,
) -> Result<NodeId> {
    let (version, order) = (build.int(version)?, build.str(order)?);
    let mut state = vec![version, order, subarray, names, fields];
    for size in sizes {
        state.push(build.int(size)?);
    }
    state.extend(metadata);
    build.tuple(&state)
}

/// Returns the flags of a dtype, such as `NPY_ITEM_REFCOUNT`.
fn flags(dtype: &DType) -> i64 {
    /// The flags that a structure takes from its fields: `NPY_FROM_FIELDS`.
    const FROM_FIELDS: i64 = 0x1b;
    match dtype {
        DType::Scalar(scalar) => match scalar.kind() {
            ScalarKind::Object => 0x3f,
            ScalarKind::Unicode => 0x08,
            _ => 0,
        },
        DType::Subarray(subarray) => flags(subarray.base()) & FROM_FIELDS,
        DType::Struct(record) => {
            record.fields().iter().fold(0, |all, field| all | flags(&field.dtype)) & FROM_FIELDS
        }
    }
}

/// Builds `StringDType(coerce=.., na_object=..)`.
#[cfg(feature = "json")]
pub(crate) fn string_dtype(
    build: &mut Builder,
    coerce: bool,
    na_object: Option<NodeId>,
) -> Result<NodeId> {
    // NumPy 1 has neither the dtype nor the function, so the name is that of NumPy 2.
    let make = build.global("numpy._core._internal", "_convert_to_stringdtype_kwargs")?;
    let mut args = vec![build.bool(coerce)];
    args.extend(na_object);
    build.call(make, &args)
}

pub(crate) fn shape(build: &mut Builder, lengths: &[usize]) -> Result<NodeId> {
    let lengths = lengths.iter().map(|&length| build.int(length as i64));
    let lengths = lengths.collect::<Result<Vec<_>>>()?;
    build.tuple(&lengths)
}

/// Builds an array without its state: `_reconstruct(class, (0,), b'b')`.
pub(crate) fn new_array(build: &mut Builder, class: ArrayClass) -> Result<NodeId> {
    let (module, name) = match class {
        ArrayClass::Array => ("numpy", "ndarray"),
        ArrayClass::Matrix => ("numpy.matrixlib.defmatrix", "matrix"),
        ArrayClass::Record => ("numpy", "recarray"),
        ArrayClass::Char => ("numpy.core.defchararray", "chararray"),
        ArrayClass::MemMap => ("numpy", "memmap"),
        ArrayClass::Masked => ("numpy.ma.core", "MaskedArray"),
    };
    let class_name = build.global(module, name)?;
    // All arrays share the arguments.
    let empty = build.once("(0,)", |build| {
        let zero = build.int(0)?;
        build.tuple(&[zero])
    })?;
    let kind = build.once("b'b'", |build| build.bytes(b"b"))?;
    if class == ArrayClass::Masked {
        let make = build.global("numpy.ma.core", "_mareconstruct")?;
        let base = build.global("numpy", "ndarray")?;
        return build.call(make, &[class_name, base, empty, kind]);
    }
    let make = build.global("numpy.core.multiarray", "_reconstruct")?;
    build.call(make, &[class_name, empty, kind])
}

/// Builds an array with its state, as `array_setstate` in NumPy's `methods.c` reads it. `data` are
/// bytes, or a list of items in C order; `mask` are the bytes of a mask and the fill value.
pub(crate) fn set_state(
    build: &mut Builder,
    array: NodeId,
    dtype: NodeId,
    lengths: &[usize],
    fortran_order: bool,
    data: NodeId,
    mask: Option<[NodeId; 2]>,
) -> Result<()> {
    let (version, lengths) = (build.int(1)?, shape(build, lengths)?);
    let mut state = vec![version, lengths, dtype, build.bool(fortran_order), data];
    state.extend(mask.into_iter().flatten());
    let state = build.tuple(&state)?;
    build.set_state(array, state)
}

/// Builds an array without objects. `data` are the bytes of its items, in Fortran or C order.
pub(crate) fn array(
    build: &mut Builder,
    class: ArrayClass,
    of: &DType,
    lengths: &[usize],
    fortran_order: bool,
    data: &[u8],
) -> Result<NodeId> {
    let is_swapped = of.as_scalar().is_some_and(|scalar| scalar.order() == ByteOrder::Big);
    let is_record = class == ArrayClass::Record && matches!(of, DType::Struct(_));
    let dtype = if is_record { record_dtype(build, of)? } else { dtype(build, of)? };
    if is_swapped && class == ArrayClass::Array {
        // An array that gets a state is converted to native byte order; this one is not. It is
        // writable if the buffer is.
        let make = build.global("numpy.core.numeric", "_frombuffer")?;
        let (buffer, lengths) = (build.byte_array(data)?, shape(build, lengths)?);
        let order = build.interned(if fortran_order { "F" } else { "C" })?;
        return build.call(make, &[buffer, dtype, lengths, order]);
    }
    let array = new_array(build, class)?;
    let data = build.bytes(data)?;
    set_state(build, array, dtype, lengths, fortran_order, data, None)?;
    Ok(array)
}

/// Builds `scalar(dtype, bytes)`.
pub(crate) fn scalar(build: &mut Builder, of: &DType, data: &[u8]) -> Result<NodeId> {
    let make = build.global("numpy.core.multiarray", "scalar")?;
    let (of, data) = (dtype(build, of)?, build.bytes(data)?);
    build.call(make, &[of, data])
}
