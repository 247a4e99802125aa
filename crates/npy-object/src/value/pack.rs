//! Packs Python values into items of a dtype, the form that they had in the array.
//!
//! NumPy pickles an item of a structured array that holds objects as Python values: see
//! [`record`](super::record).

use std::borrow::Cow;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, Struct};
use pickle_stream::ValueRef;

use crate::value::context::Context;
use crate::value::dtype::FieldType;
use crate::value::kind::Kind;
use crate::value::record::Record;
use crate::value::scalar::NumPyScalar;

/// Returns the kind of a pickled value that stands for an item of this dtype.
pub(crate) fn kind_of_item<'a>(
    value: ValueRef<'a>,
    dtype: FieldType<'a>,
    context: &'a Context,
) -> Kind<'a> {
    let plain = Kind::of(value, context);
    let Some(parsed) = dtype.dtype(value, &context.item_types) else {
        return plain;
    };
    match (&*parsed, &plain) {
        (item, _) if item.has_object() => {
            Record::new(value, dtype, item, context).map_or(plain, Kind::Record)
        }
        // An array already, as NumPy has no Python value for it.
        (DType::Subarray(_), _) => plain,
        (item, _) => {
            let mut bytes = vec![0; item.itemsize()];
            let packed = pack(&plain, item, &mut bytes);
            let scalar = packed.and_then(|()| NumPyScalar::new(item.clone(), Cow::Owned(bytes)));
            scalar.map_or(plain, Kind::Scalar)
        }
    }
}

/// Writes a Python value as an item of `dtype`: the inverse of NumPy's `getitem`. `None` where the
/// value is of another type.
fn pack(value: &Kind<'_>, dtype: &DType, out: &mut [u8]) -> Option<()> {
    match (dtype, value) {
        (DType::Struct(record), Kind::Tuple(_)) => pack_fields(value, record, out),
        (_, Kind::Scalar(scalar)) if scalar.dtype() == dtype => {
            out.copy_from_slice(scalar.data());
            Some(())
        }
        (DType::Scalar(scalar), _) => pack_scalar(value, *scalar, out),
        _ => None,
    }
}

fn pack_fields(value: &Kind<'_>, record: &Struct, out: &mut [u8]) -> Option<()> {
    let Kind::Tuple(values) = value else {
        return None;
    };
    if values.len() != record.fields().len() {
        return None;
    }
    for (field, value) in record.fields().iter().zip(values.clone()) {
        let range = field.offset..field.offset + field.dtype.itemsize();
        let value = Kind::of(value.value()?, value.context());
        pack(&value, &field.dtype, &mut out[range])?;
    }
    Some(())
}

fn pack_scalar(value: &Kind<'_>, scalar: Scalar, out: &mut [u8]) -> Option<()> {
    use ScalarKind as K;
    let order = scalar.order();
    match (scalar.kind(), value) {
        (K::Bool, Kind::Bool(value)) => out.copy_from_slice(&[u8::from(*value)]),
        (K::Int | K::Uint | K::Datetime(_) | K::Timedelta(_), Kind::Int(value)) => {
            put(&value.to_le_bytes(), order, out);
        }
        (K::Uint, Kind::Long(value)) => put(value.as_le_bytes(), order, out),
        (K::Float, Kind::Float(value)) => pack_float(*value, order, out)?,
        (K::Complex, Kind::Complex(real, imaginary)) => {
            let (first, second) = out.split_at_mut(scalar.itemsize() / 2);
            pack_float(*real, order, first)?;
            pack_float(*imaginary, order, second)?;
        }
        (K::Bytes | K::Void, Kind::Bytes(bytes)) => {
            out.get_mut(..bytes.len())?.copy_from_slice(bytes);
        }
        (K::Unicode, Kind::Str(text)) => {
            let mut code_points = out.chunks_exact_mut(4);
            for c in text.to_str()?.chars() {
                put(&u32::from(c).to_le_bytes(), order, code_points.next()?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// Writes as many of a number's little-endian bytes as the item has.
fn put(little_endian: &[u8], order: ByteOrder, out: &mut [u8]) {
    let wanted = out.len().min(little_endian.len());
    out[..wanted].copy_from_slice(&little_endian[..wanted]);
    if order == ByteOrder::Big {
        out.reverse();
    }
}

fn pack_float(value: f64, order: ByteOrder, out: &mut [u8]) -> Option<()> {
    match out.len() {
        2 => put(&half::f16::from_f64(value).to_le_bytes(), order, out),
        4 => put(&(value as f32).to_le_bytes(), order, out),
        8 => put(&value.to_le_bytes(), order, out),
        _ => return None,
    }
    Some(())
}
