//! [`NumPyScalar`]: a scalar that was pickled, or one item of an array.

use std::borrow::Cow;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind};

use crate::error::{Error, Result};
use crate::value::numbers::{Primitive, read_all};

/// A NumPy scalar. Two are equal if their dtypes and their bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NumPyScalar<'a> {
    dtype: DType,
    data: Cow<'a, [u8]>,
}

impl<'a> NumPyScalar<'a> {
    /// Returns the scalar of these bytes; `None` where their number is not what the dtype says.
    ///
    /// It is as NumPy makes a scalar of an item: little-endian, whatever the array is, and text
    /// without the NULs that pad it.
    pub(crate) fn new(dtype: DType, data: Cow<'a, [u8]>) -> Option<NumPyScalar<'a>> {
        if data.len() != dtype.itemsize() {
            return None;
        }
        let DType::Scalar(scalar) = dtype else {
            return Some(NumPyScalar { dtype, data });
        };
        let (mut scalar, mut data) = to_little_endian(scalar, data);
        let unit = match scalar.kind() {
            ScalarKind::Bytes => 1,
            ScalarKind::Unicode => 4,
            _ => {
                return Some(NumPyScalar { dtype: scalar.into(), data });
            }
        };
        let text = data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let size = text.next_multiple_of(unit);
        if size < data.len() {
            scalar = Scalar::new(scalar.kind(), scalar.order(), size).ok()?;
            data = match data {
                Cow::Borrowed(data) => Cow::Borrowed(&data[..size]),
                Cow::Owned(mut data) => {
                    data.truncate(size);
                    Cow::Owned(data)
                }
            };
        }
        Some(NumPyScalar { dtype: scalar.into(), data })
    }

    /// Returns the dtype of the scalar.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Returns the bytes of the scalar, in the byte order of the dtype.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the number.
    ///
    /// Fails with clause `access.type` where the scalar is of another type.
    pub fn get<T: Primitive>(&self) -> Result<T> {
        match self.dtype.as_scalar() {
            Some(scalar) if T::is(scalar) => Ok(T::read(&self.data, scalar.order())),
            _ => {
                let message = format!("expected {}, found NumPy scalar {}", T::NAME, self.dtype);
                Err(Error::usage("access.type", message))
            }
        }
    }

    /// Returns the number, where it is an int of at most 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        let scalar = self.dtype.as_scalar()?;
        match (scalar.kind(), scalar.itemsize()) {
            (ScalarKind::Int, 1) => self.get::<i8>().ok().map(i64::from),
            (ScalarKind::Int, 2) => self.get::<i16>().ok().map(i64::from),
            (ScalarKind::Int, 4) => self.get::<i32>().ok().map(i64::from),
            (ScalarKind::Int, 8) => self.get().ok(),
            (ScalarKind::Uint, 1) => self.get::<u8>().ok().map(i64::from),
            (ScalarKind::Uint, 2) => self.get::<u16>().ok().map(i64::from),
            (ScalarKind::Uint, 4) => self.get::<u32>().ok().map(i64::from),
            (ScalarKind::Uint, 8) => self.get::<u64>().ok().and_then(|n| n.try_into().ok()),
            _ => None,
        }
    }

    /// Returns the number, where it is a float of at most 8 bytes.
    pub fn to_f64(&self) -> Option<f64> {
        let scalar = self.dtype.as_scalar()?;
        match (scalar.kind(), scalar.itemsize()) {
            (ScalarKind::Float, 2) => self.get::<half::f16>().ok().map(f64::from),
            (ScalarKind::Float, 4) => self.get::<f32>().ok().map(f64::from),
            (ScalarKind::Float, 8) => self.get().ok(),
            _ => None,
        }
    }

    /// Returns the text of a `U` scalar, without the NULs that pad it; `None` where it contains a
    /// lone surrogate.
    pub fn to_text<'s>(&self) -> Option<Cow<'s, str>> {
        let scalar = self.dtype.as_scalar()?;
        if scalar.kind() != ScalarKind::Unicode {
            return None;
        }
        let code_points = read_all::<u32>(&self.data, scalar.order());
        let end = code_points.iter().rposition(|&c| c != 0).map_or(0, |last| last + 1);
        let text =
            code_points[..end].iter().map(|&c| char::from_u32(c)).collect::<Option<String>>();
        text.map(Cow::Owned)
    }
}

/// Converts items of an array that was pickled with `_reconstruct`, or a scalar, to little-endian
/// order. NumPy converts these to the order of its machine when it unpickles them; here that order
/// is little-endian on every machine.
pub(crate) fn to_little_endian<'a>(scalar: Scalar, data: Cow<'a, [u8]>) -> (Scalar, Cow<'a, [u8]>) {
    match Scalar::new(scalar.kind(), ByteOrder::Little, scalar.itemsize()) {
        Ok(little) if scalar.order() == ByteOrder::Big => (little, swapped(scalar, data)),
        _ => (scalar, data),
    }
}

/// Returns items with their bytes in the other order.
pub(crate) fn swapped(scalar: Scalar, data: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let unit = match scalar.kind() {
        ScalarKind::Unicode => 4,
        ScalarKind::Complex => scalar.itemsize() / 2,
        _ => scalar.itemsize(),
    };
    let mut data = data.into_owned();
    data.chunks_exact_mut(unit.max(1)).for_each(<[u8]>::reverse);
    Cow::Owned(data)
}

/// Returns the float nearest to an x87 `long double`: 64 bits of mantissa with its leading one, 15
/// of exponent, a sign, padding.
#[cfg(any(feature = "json", feature = "serde"))]
pub(crate) fn long_double(bytes: &[u8], order: ByteOrder) -> f64 {
    let mut bytes = bytes.to_vec();
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    let Some((mantissa, rest)) = bytes.split_first_chunk() else {
        return f64::NAN;
    };
    let Some((&top, _)) = rest.split_first_chunk() else {
        return f64::NAN;
    };
    let (mantissa, top) = (u64::from_le_bytes(*mantissa), u16::from_le_bytes(top));
    let exponent = i32::from(top & 0x7fff);
    let magnitude = match (exponent, mantissa << 1) {
        (0x7fff, 0) => f64::INFINITY,
        (0x7fff, _) => f64::NAN,
        // In two steps, as the power alone can be out of range where the product is not.
        _ => mantissa as f64 * 2f64.powi(-63) * 2f64.powi((exponent - 16383).clamp(-2000, 2000)),
    };
    if top & 0x8000 == 0 { magnitude } else { -magnitude }
}
