//! Arrays and scalars as numbers of Rust's.

use std::borrow::Cow;

use npy_header::{ByteOrder, Scalar, ScalarKind};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::value::dtype::ItemType;
use crate::value::shape::Shape;

/// An array of numbers.
#[derive(Clone, Debug)]
pub struct TypedArray<'a, T: Primitive> {
    data: Data<'a, T>,
    shape: Shape,
    fortran_order: bool,
}

/// Where the numbers are.
#[derive(Clone, Debug)]
enum Data<'a, T> {
    /// In the file, as they lie in memory.
    InPlace(&'a [T]),
    /// Read from bytes at an odd address, or in another order: most arrays in a pickle are. Short
    /// ones, which there are most of, are kept right here, as to allocate takes longer than to read
    /// them.
    Read(SmallVec<[T; SHORT]>),
}

/// The most numbers for which nothing is allocated.
const SHORT: usize = 16;

impl<'a, T: Primitive> TypedArray<'a, T> {
    /// The items of these bytes, which are as many as the shape says. Borrowed where they lie there
    /// as they do in memory.
    ///
    /// Fails where items of this dtype are no such numbers.
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
            Some(items) => Data::InPlace(items),
            None => Data::Read(T::read_all(&bytes, scalar.order())),
        };
        Ok(TypedArray { data, shape, fortran_order })
    }

    /// The numbers, in the order that [`fortran_order`](Self::fortran_order) says.
    #[inline]
    pub fn data(&self) -> &[T] {
        match &self.data {
            Data::InPlace(items) => items,
            Data::Read(items) => items,
        }
    }

    /// The numbers, borrowed from the file where they can be.
    pub fn into_data(self) -> Cow<'a, [T]> {
        match self.data {
            Data::InPlace(items) => Cow::Borrowed(items),
            Data::Read(items) => Cow::Owned(items.into_vec()),
        }
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the first index varies fastest in the data, rather than the last.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }
}

impl<T: Primitive> PartialEq for TypedArray<'_, T> {
    /// Whether the numbers, the shape and the order are the same, wherever the numbers are.
    fn eq(&self, other: &Self) -> bool {
        self.data() == other.data()
            && self.shape == other.shape
            && self.fortran_order == other.fortran_order
    }
}

/// The numbers that bytes are.
pub(crate) fn read_all<T: Primitive>(bytes: &[u8], order: ByteOrder) -> SmallVec<[T; SHORT]> {
    T::read_all(bytes, order)
}

fn native(order: ByteOrder) -> bool {
    match order {
        ByteOrder::Little => cfg!(target_endian = "little"),
        ByteOrder::Big => cfg!(target_endian = "big"),
        ByteOrder::NotApplicable => true,
    }
}

/// A number that the items of an array can be: what [`Element::as_array`](crate::Element::as_array)
/// and its like give.
///
/// `bool`, the ints of 8 to 64 bits, `half::f16`, `f32` and `f64`. Datetimes and timedeltas are
/// `i64`; complex numbers are `[f32; 2]` and `[f64; 2]`: real, imaginary.
pub trait Primitive: private::Primitive {
    /// Its name in messages.
    const NAME: &'static str;
}

mod private {
    use npy_header::{ByteOrder, Scalar};
    use smallvec::SmallVec;

    use super::SHORT;

    pub trait Primitive: Copy + PartialEq + std::fmt::Debug + 'static {
        /// Whether items of this dtype are such numbers.
        fn is(scalar: Scalar) -> bool;
        /// The number of exactly as many bytes as it takes.
        fn read(bytes: &[u8], order: ByteOrder) -> Self;
        fn read_all(bytes: &[u8], order: ByteOrder) -> SmallVec<[Self; SHORT]> {
            let items = bytes.chunks_exact(size_of::<Self>()).map(|item| Self::read(item, order));
            let mut all = SmallVec::with_capacity(items.len());
            all.extend(items);
            all
        }
        /// The bytes themselves, where they lie as the numbers do in memory and are in native
        /// order.
        fn cast(bytes: &[u8]) -> Option<&[Self]>;
        /// The dtype of such numbers, in native order.
        #[cfg(feature = "ndarray")]
        const DTYPE: &'static str;
        /// The numbers as they lie in memory.
        #[cfg(feature = "ndarray")]
        fn bytes(items: &[Self]) -> &[u8];
    }
}

/// What it takes to write numbers.
macro_rules! as_bytes {
    ($dtype:literal) => {
        #[cfg(feature = "ndarray")]
        const DTYPE: &'static str = $dtype;

        #[cfg(feature = "ndarray")]
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

            as_bytes!($dtype);
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

            as_bytes!($dtype);
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

    as_bytes!("?");
}

#[cold]
pub(crate) fn wrong_items<T: Primitive>(item: &ItemType) -> Error {
    let found = match item {
        ItemType::Plain(dtype) => dtype.to_string(),
        ItemType::String { .. } => "StringDType".to_owned(),
    };
    Error::usage("access.type", format!("the array is of dtype {found}, not {}", T::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_the_order_of_the_file() {
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
