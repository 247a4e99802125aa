//! The items of structured arrays that hold objects.
//!
//! NumPy pickles such an item as a tuple of Python values (`VOID_getitem`): of a field of type
//! `<i2`, an int. What it is for NumPy, the dtype has to say; so a record is a tuple beside a
//! dtype, and its fields are brought back to what they were in the array.

use std::borrow::Cow;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind, Struct};
use pickle_stream::{Kind as Raw, ValueRef};

use crate::value::dtype::{self, ItemType};
use crate::value::element::{Context, Element};
use crate::value::kind::Kind;
use crate::value::scalar::NumPyScalar;

/// Where the dtype of an item is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldType<'a> {
    Parsed(&'a DType),
    /// A pickled dtype.
    Pickled(ValueRef<'a>),
}

impl<'a> FieldType<'a> {
    fn dtype(self, context: &'a Context) -> Option<Cow<'a, DType>> {
        match self {
            FieldType::Parsed(dtype) => Some(Cow::Borrowed(dtype)),
            FieldType::Pickled(value) => match ItemType::read(Element::new(value, context))? {
                ItemType::Plain(dtype) => Some(Cow::Owned(dtype)),
                ItemType::String { .. } => None,
            },
        }
    }
}

/// An item of a structured array that holds objects: a value for each field.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    value: ValueRef<'a>,
    dtype: FieldType<'a>,
    context: &'a Context,
}

impl<'a> Record<'a> {
    /// What a pickled value is, as an item of this dtype.
    pub(crate) fn item(
        value: ValueRef<'a>,
        dtype: FieldType<'a>,
        context: &'a Context,
    ) -> Kind<'a> {
        let plain = Kind::of(value, context);
        let Some(parsed) = dtype.dtype(context) else {
            return plain;
        };
        match (&*parsed, &plain) {
            (DType::Struct(record), Kind::Tuple(fields)) if parsed.has_object() => {
                if fields.len() != record.fields().len() {
                    return plain;
                }
                Kind::Record(Record { value, dtype, context })
            }
            (item, _) if item.has_object() => plain,
            // An array already, as NumPy has no Python value for it.
            (DType::Subarray(_), _) => plain,
            (item, _) => {
                let mut bytes = vec![0; item.itemsize()];
                let packed = pack(&plain, item, &mut bytes);
                let scalar =
                    packed.and_then(|()| NumPyScalar::new(item.clone(), Cow::Owned(bytes)));
                scalar.map_or(plain, Kind::Scalar)
            }
        }
    }

    /// The dtype of which it is an item: a structured one.
    pub fn dtype(self) -> Option<Cow<'a, DType>> {
        self.dtype.dtype(self.context)
    }

    /// The fields, in the order of the dtype: names with values.
    pub fn fields(self) -> Vec<(Cow<'a, str>, Element<'a>)> {
        let Raw::Tuple(values) = self.value.kind() else {
            return Vec::new();
        };
        let element = |value, dtype| Element::typed(value, dtype, self.context);
        match self.dtype {
            FieldType::Parsed(DType::Struct(record)) => {
                let fields = record.fields().iter().zip(values);
                let named = fields.map(|(field, value)| {
                    let dtype = FieldType::Parsed(&field.dtype);
                    (Cow::Borrowed(field.name.as_str()), element(value, dtype))
                });
                named.collect()
            }
            FieldType::Parsed(_) => Vec::new(),
            FieldType::Pickled(dtype) => {
                let fields = dtype::fields(Element::new(dtype, self.context)).unwrap_or_default();
                let named = fields.into_iter().zip(values).filter_map(|((name, field), value)| {
                    Some((
                        Cow::Owned(name),
                        element(value, FieldType::Pickled(field.dtype.value()?)),
                    ))
                });
                named.collect()
            }
        }
    }
}

/// Writes a Python value as an item of `dtype`: the inverse of NumPy's `getitem`. `None` where that
/// is no such value.
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
        let place = field.offset..field.offset + field.dtype.itemsize();
        pack(&value.kind(), &field.dtype, &mut out[place])?;
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

/// Writes a number given in little-endian bytes, of which there may be more than needed.
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
