//! [`TypedArray`]: the items of an array as Rust numbers, and [`Primitive`], the types of these
//! numbers.

use std::borrow::Cow;

use npy_header::{ByteOrder, Scalar, ScalarKind};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::value::dtype::ItemType;
use crate::value::shape::Shape;

/// An array of numbers.
#[derive(Clone, Debug)]
pub struct TypedArray<'a, T: Primitive> {
    data: Numbers<'a, T>,
    shape: Shape,
    fortran_order: bool,
}

/// Where the numbers are.
#[derive(Clone, Debug)]
enum Numbers<'a, T> {
    /// In the file, with the byte order and alignment that `T` has in memory.
    InPlace(&'a [T]),
    /// Copied, as the file has them unaligned, which most arrays in a pickle are, or in another
    /// byte order. Up to 16 are stored here without an allocation, which would take longer than to
    /// copy them.
    Read(SmallVec<[T; SHORT]>),
}

/// The greatest number of items for which nothing is allocated.
const SHORT: usize = 16;

impl<'a, T: Primitive> TypedArray<'a, T> {
    /// Returns the items of these bytes, whose number is what the shape says.
    ///
    /// Fails with clause `access.type` where items of this dtype are not of type `T`.
    #[inline(always)]
    pub(crate) fn new(
        scalar: Scalar,
        bytes: Cow<'a, [u8]>,
        shape: Shape,
        fortran_order: bool,
    ) -> Result<TypedArray<'a, T>> {
        if !T::is(scalar) {
            return Err(wrong_items::<T>(&ItemType::Plain(scalar.into())));
        }
        let in_place = match bytes {
            Cow::Borrowed(bytes) if native(scalar.order()) => T::cast(bytes),
            _ => None,
        };
        let data = match in_place {
            Some(items) => Numbers::InPlace(items),
            None => Numbers::Read(T::read_all(&bytes, scalar.order())),
        };
        Ok(TypedArray { data, shape, fortran_order })
    }

    /// Returns the numbers, in the order that [`fortran_order`](Self::fortran_order) says.
    #[inline]
    pub fn data(&self) -> &[T] {
        match &self.data {
            Numbers::InPlace(items) => items,
            Numbers::Read(items) => items,
        }
    }

    /// Returns the numbers, borrowed from the file where they can be.
    pub fn into_data(self) -> Cow<'a, [T]> {
        match self.data {
            Numbers::InPlace(items) => Cow::Borrowed(items),
            Numbers::Read(items) => Cow::Owned(items.into_vec()),
        }
    }

    /// Returns the bytes of the numbers, each in little-endian order, as Arrow, Parquet and most
    /// file formats have them. On a little-endian machine these are borrowed.
    ///
    /// The numbers are in the order that [`fortran_order`](Self::fortran_order) says.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let values = array.get(2)?.unwrap().as_array::<f64>()?;
    /// assert_eq!(values.as_le_bytes()[8..16], 1.0f64.to_le_bytes());
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn as_le_bytes(&self) -> Cow<'_, [u8]> {
        let bytes = T::bytes(self.data());
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(bytes);
        }
        let mut bytes = bytes.to_vec();
        bytes.chunks_exact_mut(T::NUMBER).for_each(<[u8]>::reverse);
        Cow::Owned(bytes)
    }

    /// Returns the length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns whether the first index varies fastest in the data, rather than the last.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }
}

impl<T: Primitive> PartialEq for TypedArray<'_, T> {
    /// Compares the numbers, the shape and the order; not whether the numbers are borrowed.
    fn eq(&self, other: &Self) -> bool {
        self.data() == other.data()
            && self.shape == other.shape
            && self.fortran_order == other.fortran_order
    }
}

/// Reads a number from its bytes.
#[cfg(feature = "json")]
pub(crate) fn read<T: Primitive>(bytes: &[u8], order: ByteOrder) -> T {
    T::read(bytes, order)
}

/// Reads numbers from bytes.
pub(crate) fn read_all<T: Primitive>(bytes: &[u8], order: ByteOrder) -> SmallVec<[T; SHORT]> {
    T::read_all(bytes, order)
}

/// Returns whether a byte order is that of this machine.
fn native(order: ByteOrder) -> bool {
    match order {
        ByteOrder::Little => cfg!(target_endian = "little"),
        ByteOrder::Big => cfg!(target_endian = "big"),
        ByteOrder::NotApplicable => true,
    }
}

/// A number that can be an item of an array: see [`Element::as_array`](crate::Element::as_array).
///
/// | dtype | type |
/// |---|---|
/// | `bool` | `bool` |
/// | `int8` to `int64`, `uint8` to `uint64` | `i8` to `i64`, `u8` to `u64` |
/// | `float16`, `float32`, `float64` | `half::f16`, `f32`, `f64` |
/// | `complex64`, `complex128` | `[f32; 2]`, `[f64; 2]`: real part, imaginary part |
/// | `datetime64`, `timedelta64` | `i64`: the number of units |
pub trait Primitive: private::Primitive {
    /// The name of the type, for messages.
    const NAME: &'static str;
}

mod private {
    use npy_header::{ByteOrder, Scalar};
    use smallvec::SmallVec;

    use super::SHORT;

    pub trait Primitive: Copy + PartialEq + std::fmt::Debug + 'static {
        /// The bytes of one number, or of one part of a complex number.
        const NUMBER: usize;
        /// Returns whether items of this dtype are of this type.
        fn is(scalar: Scalar) -> bool;
        /// Reads a number from its bytes.
        fn read(bytes: &[u8], order: ByteOrder) -> Self;
        fn read_all(bytes: &[u8], order: ByteOrder) -> SmallVec<[Self; SHORT]> {
            let items = bytes.chunks_exact(size_of::<Self>()).map(|item| Self::read(item, order));
            let mut all = SmallVec::with_capacity(items.len());
            all.extend(items);
            all
        }
        /// Casts bytes in native order, where they are aligned.
        fn cast(bytes: &[u8]) -> Option<&[Self]>;
        /// The dtype of these numbers, in native order.
        #[cfg(feature = "ndarray")]
        const DTYPE: &'static str;
        /// Returns the bytes that the numbers have in memory.
        fn bytes(items: &[Self]) -> &[u8];
    }
}

/// The items of `Primitive` that writers of numbers use.
macro_rules! as_bytes {
    ($number:ty, $dtype:literal) => {
        const NUMBER: usize = size_of::<$number>();

        #[cfg(feature = "ndarray")]
        const DTYPE: &'static str = $dtype;

        fn bytes(items: &[Self]) -> &[u8] {
            bytemuck::cast_slice(items)
        }
    };
}

macro_rules! primitives {
    ($($kind:pat => $type:ty, $name:literal, $dtype:literal;)*) => {$(
        impl Primitive for $type {
            const NAME: &'static str = $name;
        }

        impl private::Primitive for $type {
            fn is(scalar: Scalar) -> bool {
                matches!(scalar.kind(), $kind) && scalar.itemsize() == size_of::<$type>()
            }

            fn read(bytes: &[u8], order: ByteOrder) -> $type {
                let bytes = bytes.try_into().unwrap_or_default();
                match order {
                    ByteOrder::Big => <$type>::from_be_bytes(bytes),
                    _ => <$type>::from_le_bytes(bytes),
                }
            }

            fn cast(bytes: &[u8]) -> Option<&[$type]> {
                bytemuck::try_cast_slice(bytes).ok()
            }

            as_bytes!($type, $dtype);
        }
    )*};
}

primitives! {
    ScalarKind::Int => i8, "i8", "=i1";
    ScalarKind::Int => i16, "i16", "=i2";
    ScalarKind::Int => i32, "i32", "=i4";
    ScalarKind::Int | ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => i64, "i64", "=i8";
    ScalarKind::Uint => u8, "u8", "=u1";
    ScalarKind::Uint => u16, "u16", "=u2";
    ScalarKind::Uint => u32, "u32", "=u4";
    ScalarKind::Uint => u64, "u64", "=u8";
    ScalarKind::Float => half::f16, "f16", "=f2";
    ScalarKind::Float => f32, "f32", "=f4";
    ScalarKind::Float => f64, "f64", "=f8";
}

macro_rules! complex {
    ($($type:ty: $name:literal, $dtype:literal;)*) => {$(
        impl Primitive for [$type; 2] {
            const NAME: &'static str = $name;
        }

        impl private::Primitive for [$type; 2] {
            fn is(scalar: Scalar) -> bool {
                scalar.kind() == ScalarKind::Complex && scalar.itemsize() == size_of::<Self>()
            }

            fn read(bytes: &[u8], order: ByteOrder) -> Self {
                let (real, imaginary) = bytes.split_at(size_of::<$type>());
                [<$type>::read(real, order), <$type>::read(imaginary, order)]
            }

            fn cast(bytes: &[u8]) -> Option<&[Self]> {
                bytemuck::try_cast_slice(bytes).ok()
            }

            as_bytes!($type, $dtype);
        }
    )*};
}

complex! {
    f32: "[f32; 2]", "=c8";
    f64: "[f64; 2]", "=c16";
}

impl Primitive for bool {
    const NAME: &'static str = "bool";
}

impl private::Primitive for bool {
    fn is(scalar: Scalar) -> bool {
        scalar.kind() == ScalarKind::Bool
    }

    fn read(bytes: &[u8], _: ByteOrder) -> bool {
        bytes.first().is_some_and(|&byte| byte != 0)
    }

    fn cast(bytes: &[u8]) -> Option<&[bool]> {
        bytemuck::checked::try_cast_slice(bytes).ok()
    }

    as_bytes!(bool, "?");
}

#[cold]
pub(crate) fn wrong_items<T: Primitive>(item: &ItemType) -> Error {
    let found = match item {
        ItemType::Plain(dtype) => dtype.to_string(),
        ItemType::String { .. } => "StringDType".to_owned(),
    };
    let message = format!("expected array of {}, found array of dtype {found}", T::NAME);
    Error::usage("access.type", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_all_of_either_byte_order_gives_the_numbers() {
        fn check<T: Primitive>(number: T, little: &[u8]) {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            assert_eq!(read_all::<T>(little, ByteOrder::Little)[..], [number]);
            assert_eq!(read_all::<T>(&big, ByteOrder::Big)[..], [number]);
        }
        check(0x0102_u16, &[2, 1]);
        check(-2_i32, &[0xfe, 0xff, 0xff, 0xff]);
        check(1_i64 << 40, &[0, 0, 0, 0, 0, 1, 0, 0]);
        check(half::f16::from_f32(1.5), &[0, 0x3e]);
        check(1.5_f32, &[0, 0, 0xc0, 0x3f]);
        check(-1.5_f64, &[0, 0, 0, 0, 0, 0, 0xf8, 0xbf]);
        // Each part of a complex number by itself.
        let parts = [1.5_f32.to_be_bytes(), (-2.0_f32).to_be_bytes()].concat();
        assert_eq!(read_all::<[f32; 2]>(&parts, ByteOrder::Big)[..], [[1.5, -2.0]]);
    }
}
