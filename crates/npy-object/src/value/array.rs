//! NumPy arrays and scalars inside a pickle.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::value::dtype::{ItemType, na_object};
use crate::value::element::{Element, Row};
use crate::value::globals::{ArrayClass, Known};
use crate::value::kind::{Items, Kind};
use crate::value::record::FieldType;

/// The length of each dimension.
#[derive(Clone, PartialEq, Eq)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The most dimensions that NumPy has.
    pub(crate) const MAX: usize = 64;

    pub(crate) fn new(lengths: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(lengths))
    }

    pub(crate) fn read(value: Element<'_>) -> Option<Shape> {
        let lengths = match value.shallow_kind() {
            Kind::Tuple(lengths) => lengths,
            // `_frombuffer` also takes a length.
            Kind::Int(length) => return Some(Shape::new(&[usize::try_from(length).ok()?])),
            _ => return None,
        };
        let mut shape = SmallVec::new();
        for length in lengths {
            let Kind::Int(length) = length.shallow_kind() else {
                return None;
            };
            if shape.len() == Shape::MAX {
                return None;
            }
            shape.push(usize::try_from(length).ok()?);
        }
        Some(Shape(shape))
    }

    /// How many items an array of this shape has.
    fn count(&self) -> Option<usize> {
        if self.contains(&0) {
            return Some(0);
        }
        self.iter().try_fold(1usize, |count, &length| count.checked_mul(length))
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A NumPy array.
#[derive(Clone, Debug)]
pub struct Array<'a> {
    class: ArrayClass,
    item: ItemType,
    shape: Shape,
    fortran_order: bool,
    data: Data<'a>,
    mask: Option<Mask<'a>>,
    na_object: Option<Element<'a>>,
}

/// What the items of an array are kept in.
#[derive(Clone, Debug)]
pub enum Data<'a> {
    /// The bytes of the items, in the order that [`Array::fortran_order`] says.
    Bytes(Cow<'a, [u8]>),
    /// The items, in C order.
    Items(ArrayItems<'a>),
}

/// What makes an array a masked one.
#[derive(Clone, Debug)]
pub struct Mask<'a> {
    /// A byte an item (of a structured dtype, a byte a leaf field), 1 where it is masked, in the
    /// order of the array.
    pub mask: Cow<'a, [u8]>,
    /// What stands for a masked item; `None` where it was not set.
    pub fill_value: Element<'a>,
}

/// The items of an array of objects.
#[derive(Clone, Debug)]
pub struct ArrayItems<'a> {
    items: Items<'a>,
    /// Set where the items are records.
    dtype: Option<FieldType<'a>>,
}

impl<'a> Iterator for ArrayItems<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let item = self.items.next()?;
        match (self.dtype, item.value()) {
            (Some(dtype), Some(value)) => Some(Element::typed(value, dtype, item.context())),
            _ => Some(item),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl ExactSizeIterator for ArrayItems<'_> {}

impl<'a> Array<'a> {
    pub(crate) fn read(known: Known, value: Element<'a>) -> Option<Array<'a>> {
        let mut args = value.call_args()?;
        if known == Known::FromBuffer {
            return Array::from_buffer(args);
        }
        let class = ArrayClass::of(args.next()?.value()?)?;
        let Kind::Tuple(mut state) = value.call_state()?.shallow_kind() else {
            return None;
        };
        // Pickles from before NumPy 1.0 have no version before the shape.
        let mut shape = state.next()?;
        if let Kind::Int(_version) = shape.shallow_kind() {
            shape = state.next()?;
        }
        let shape = Shape::read(shape)?;
        let dtype = state.next()?;
        let item = ItemType::read(dtype)?;
        let fortran_order = match state.next()?.shallow_kind() {
            Kind::Bool(flag) => flag,
            Kind::Int(flag) => flag != 0,
            _ => return None,
        };
        let data = Data::read(state.next()?, &item, dtype)?;
        let (item, data) = match (item, data) {
            (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(bytes)) => {
                let (scalar, bytes) = to_little_endian(scalar, bytes);
                (ItemType::Plain(scalar.into()), Data::Bytes(bytes))
            }
            other => other,
        };
        let mask = match known {
            Known::MaskedReconstruct => {
                Some(Mask { mask: state.next()?.to_raw_bytes()?, fill_value: state.next()? })
            }
            _ => None,
        };
        let na_object = matches!(item, ItemType::String { .. }).then(|| na_object(dtype)).flatten();
        Array { class, item, shape, fortran_order, data, mask, na_object }.checked()
    }

    /// `_frombuffer(buffer, dtype, shape, order[, axis_order])`, of protocol 5.
    fn from_buffer(mut args: Items<'a>) -> Option<Array<'a>> {
        let buffer = args.next()?.to_raw_bytes()?;
        let item = ItemType::read(args.next()?)?;
        let mut shape = Shape::read(args.next()?)?;
        let Kind::Str(order) = args.next()?.shallow_kind() else {
            return None;
        };
        let mut data = buffer;
        let fortran_order = match order.to_str()? {
            "C" => false,
            "F" => true,
            // The buffer is in C order of `shape`, whose axes are to be put in another order.
            "K" => {
                let Kind::Tuple(axes) = args.next()?.shallow_kind() else {
                    return None;
                };
                let axes = axes.map(|axis| match axis.shallow_kind() {
                    Kind::Int(axis) => {
                        usize::try_from(axis).ok().filter(|&axis| axis < shape.len())
                    }
                    _ => None,
                });
                let axes = axes.collect::<Option<Vec<usize>>>()?;
                let itemsize = match &item {
                    ItemType::Plain(dtype) => dtype.itemsize(),
                    ItemType::String { .. } => return None,
                };
                if axes.len() != shape.len() || shape.count()?.checked_mul(itemsize)? != data.len()
                {
                    return None;
                }
                data = transpose(&data, &shape, &axes, itemsize).into();
                shape = Shape(axes.iter().map(|&axis| shape[axis]).collect());
                false
            }
            _ => return None,
        };
        Array {
            class: ArrayClass::Array,
            item,
            shape,
            fortran_order,
            data: Data::Bytes(data),
            mask: None,
            na_object: None,
        }
        .checked()
    }

    /// A row of an array without objects.
    pub(crate) fn of_row(row: Row<'a>) -> Array<'a> {
        Array {
            class: ArrayClass::Array,
            item: ItemType::Plain(row.dtype.clone()),
            shape: Shape::new(row.shape),
            fortran_order: false,
            data: Data::Bytes(row.bytes.into()),
            mask: None,
            na_object: None,
        }
    }

    /// The array, if its data are as many as its shape says.
    fn checked(mut self) -> Option<Array<'a>> {
        let count = self.shape.count()?;
        // Where at most one dimension is longer than 1 both orders are the same, and NumPy calls it
        // C.
        self.fortran_order &=
            count > 0 && self.shape.iter().filter(|&&length| length > 1).count() > 1;
        let fits = match (&self.data, &self.item) {
            (Data::Items(items), _) => items.len() == count,
            (Data::Bytes(bytes), ItemType::Plain(dtype)) => {
                count.checked_mul(dtype.itemsize()) == Some(bytes.len())
            }
            (Data::Bytes(_), ItemType::String { .. }) => false,
        };
        fits.then_some(self)
    }

    /// Its class.
    pub fn class(&self) -> ArrayClass {
        self.class
    }

    /// What its items are.
    pub fn item(&self) -> &ItemType {
        &self.item
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the first index varies fastest in [`Data::Bytes`], rather than the last.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// Its items.
    pub fn data(&self) -> &Data<'a> {
        &self.data
    }

    /// What makes it a masked array, if it is one.
    pub fn mask(&self) -> Option<&Mask<'a>> {
        self.mask.as_ref()
    }

    /// The mask, if it has a byte for each item. That of a structured dtype has more, and masks no
    /// item as a whole.
    #[cfg(any(feature = "json", feature = "serde"))]
    pub(crate) fn item_mask(&self) -> Option<&[u8]> {
        let mask = &self.mask.as_ref()?.mask;
        (Some(mask.len()) == self.shape.count()).then_some(mask)
    }

    /// What has so many bytes for each item, in the order of the array, in C order.
    #[cfg(feature = "serde")]
    pub(crate) fn to_c_order<'b>(&self, bytes: &'b [u8], itemsize: usize) -> Cow<'b, [u8]> {
        if !self.fortran_order {
            return Cow::Borrowed(bytes);
        }
        let reversed: Vec<usize> = self.shape.iter().rev().copied().collect();
        let axes: Vec<usize> = (0..reversed.len()).rev().collect();
        Cow::Owned(transpose(bytes, &reversed, &axes, itemsize))
    }

    /// The object that stands for a missing str, where the dtype is a StringDType that has one.
    pub fn na_object(&self) -> Option<Element<'a>> {
        self.na_object
    }

    /// Its items as numbers; see [`Element::as_array`].
    pub fn into_typed<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        let scalar = match (&self.item, &self.data) {
            (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(_)) if T::is(*scalar) => *scalar,
            (item, _) => return Err(wrong_items::<T>(item)),
        };
        let Array { shape, fortran_order, data: Data::Bytes(bytes), .. } = self else {
            return Err(wrong_items::<T>(&self.item));
        };
        let as_they_are = match bytes {
            Cow::Borrowed(bytes) if native(scalar.order()) => T::cast(bytes),
            _ => None,
        };
        let data = match as_they_are {
            Some(items) => Cow::Borrowed(items),
            None => Cow::Owned(T::read_all(&bytes, scalar.order())),
        };
        Ok(TypedArray { data, shape, fortran_order })
    }
}

impl<'a> Data<'a> {
    fn read(value: Element<'a>, item: &ItemType, dtype: Element<'a>) -> Option<Data<'a>> {
        if !item.has_object() {
            return value.to_raw_bytes().map(Data::Bytes);
        }
        let Kind::List(items) = value.shallow_kind() else {
            return None;
        };
        let dtype = match item {
            ItemType::Plain(DType::Struct(_)) => Some(FieldType::Pickled(dtype.value()?)),
            _ => None,
        };
        Some(Data::Items(ArrayItems { items, dtype }))
    }
}

/// Items in little-endian order. NumPy brings what it unpickles to the order of its machine,
/// scalars as well as arrays that were pickled with `_reconstruct`; here, as in a header, that is
/// little-endian.
fn to_little_endian<'a>(scalar: Scalar, data: Cow<'a, [u8]>) -> (Scalar, Cow<'a, [u8]>) {
    let (kind, size) = (scalar.kind(), scalar.itemsize());
    let unit = match (scalar.order(), kind) {
        (ByteOrder::Little | ByteOrder::NotApplicable, _) => return (scalar, data),
        (ByteOrder::Big, ScalarKind::Unicode) => 4,
        (ByteOrder::Big, ScalarKind::Complex) => size / 2,
        (ByteOrder::Big, _) => size,
    };
    let Ok(little) = Scalar::new(kind, ByteOrder::Little, size) else {
        return (scalar, data);
    };
    let mut data = data.into_owned();
    data.chunks_exact_mut(unit.max(1)).for_each(<[u8]>::reverse);
    (little, Cow::Owned(data))
}

/// The items of an array in C order of `axes`, from those in C order of `shape`.
fn transpose(data: &[u8], shape: &[usize], axes: &[usize], itemsize: usize) -> Vec<u8> {
    if data.is_empty() {
        // The strides of an array without items can be of any size.
        return Vec::new();
    }
    let mut strides = vec![itemsize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; axes.len()];
    while out.len() < data.len() {
        let at: usize = axes.iter().zip(&index).map(|(&axis, &place)| strides[axis] * place).sum();
        out.extend_from_slice(&data[at..at + itemsize]);
        for (place, &axis) in index.iter_mut().zip(axes).rev() {
            *place += 1;
            if *place < shape[axis] {
                break;
            }
            *place = 0;
        }
    }
    out
}

/// A NumPy scalar.
#[derive(Clone, Debug)]
pub struct NumPyScalar<'a> {
    dtype: DType,
    data: Cow<'a, [u8]>,
}

impl<'a> NumPyScalar<'a> {
    /// The scalar of these bytes, if they are as many as the dtype says.
    ///
    /// As NumPy makes scalars, it is little-endian whatever it was in the array, and text is as
    /// long as it is without the NULs that fill it up.
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

    /// `scalar(dtype, bytes)`.
    pub(crate) fn read(dtype: DType, data: Element<'a>) -> Option<NumPyScalar<'a>> {
        NumPyScalar::new(dtype, data.to_raw_bytes()?)
    }

    /// Its dtype.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Its bytes, in the order of the dtype.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The number. Fails with clause `access.type` where it is another type.
    pub fn get<T: Primitive>(&self) -> Result<T> {
        match self.dtype.as_scalar() {
            Some(scalar) if T::is(scalar) => Ok(T::read(&self.data, scalar.order())),
            _ => {
                let message = format!("the scalar is of dtype {}, not {}", self.dtype, T::NAME);
                Err(Error::usage("access.type", message))
            }
        }
    }

    /// The number, where it is an int that fits.
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

    /// The number, where it is a float of at most 8 bytes.
    pub fn to_f64(&self) -> Option<f64> {
        let scalar = self.dtype.as_scalar()?;
        match (scalar.kind(), scalar.itemsize()) {
            (ScalarKind::Float, 2) => self.get::<half::f16>().ok().map(f64::from),
            (ScalarKind::Float, 4) => self.get::<f32>().ok().map(f64::from),
            (ScalarKind::Float, 8) => self.get().ok(),
            _ => None,
        }
    }

    /// The float nearest to the number, where it is an x87 `long double`.
    #[cfg(feature = "json")]
    pub(crate) fn long_double_to_f64(&self) -> f64 {
        let order = self.dtype.as_scalar().map_or(ByteOrder::Little, Scalar::order);
        long_double(&self.data, order)
    }

    /// The text of a `U` scalar, where it is Unicode. Trailing NULs are padding.
    pub fn to_text<'s>(&self) -> Option<Cow<'s, str>> {
        let scalar = self.dtype.as_scalar()?;
        if scalar.kind() != ScalarKind::Unicode {
            return None;
        }
        let code_points = u32::read_all(&self.data, scalar.order());
        let end = code_points.iter().rposition(|&c| c != 0).map_or(0, |last| last + 1);
        let text =
            code_points[..end].iter().map(|&c| char::from_u32(c)).collect::<Option<String>>();
        text.map(Cow::Owned)
    }
}

/// The float nearest to an x87 `long double`: 64 bits of mantissa with its leading one, 15 of
/// exponent, a sign, padding.
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

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TypedArray<'a, T: Primitive> {
    data: Cow<'a, [T]>,
    shape: Shape,
    fortran_order: bool,
}

impl<'a, T: Primitive> TypedArray<'a, T> {
    /// The numbers, in the order that [`fortran_order`](Self::fortran_order) says.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The numbers, borrowed from the file where they can be.
    pub fn into_data(self) -> Cow<'a, [T]> {
        self.data
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

fn native(order: ByteOrder) -> bool {
    match order {
        ByteOrder::Little => cfg!(target_endian = "little"),
        ByteOrder::Big => cfg!(target_endian = "big"),
        ByteOrder::NotApplicable => true,
    }
}

/// A number that the items of an array can be: what [`Element::as_array`] and its like give.
///
/// `bool`, the ints of 8 to 64 bits, `half::f16`, `f32` and `f64`. Datetimes and timedeltas are
/// `i64`; complex numbers are `[f32; 2]` and `[f64; 2]`: real, imaginary.
pub trait Primitive: private::Primitive {
    /// Its name in messages.
    const NAME: &'static str;
}

mod private {
    use npy_header::{ByteOrder, Scalar};

    pub trait Primitive: Copy + PartialEq + std::fmt::Debug + 'static {
        /// Whether items of this dtype are such numbers.
        fn is(scalar: Scalar) -> bool;
        /// The number of exactly as many bytes as it takes.
        fn read(bytes: &[u8], order: ByteOrder) -> Self;
        fn read_all(bytes: &[u8], order: ByteOrder) -> Vec<Self> {
            bytes.chunks_exact(size_of::<Self>()).map(|item| Self::read(item, order)).collect()
        }
        /// The bytes themselves, where they lie as the numbers do in memory and are in native
        /// order.
        fn cast(bytes: &[u8]) -> Option<&[Self]>;
    }
}

use private::Primitive as _;

macro_rules! primitives {
    ($($kind:pat => $type:ty, $name:literal;)*) => {$(
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
        }
    )*};
}

primitives! {
    ScalarKind::Int => i8, "i8";
    ScalarKind::Int => i16, "i16";
    ScalarKind::Int => i32, "i32";
    ScalarKind::Int | ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => i64, "i64";
    ScalarKind::Uint => u8, "u8";
    ScalarKind::Uint => u16, "u16";
    ScalarKind::Uint => u32, "u32";
    ScalarKind::Uint => u64, "u64";
    ScalarKind::Float => half::f16, "f16";
    ScalarKind::Float => f32, "f32";
    ScalarKind::Float => f64, "f64";
}

macro_rules! complex {
    ($($type:ty: $name:literal;)*) => {$(
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
        }
    )*};
}

complex! {
    f32: "[f32; 2]";
    f64: "[f64; 2]";
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
}

#[cold]
fn wrong_items<T: Primitive>(item: &ItemType) -> Error {
    let found = match item {
        ItemType::Plain(dtype) => dtype.to_string(),
        ItemType::String { .. } => "StringDType".to_owned(),
    };
    Error::usage("access.type", format!("the array is of dtype {found}, not {}", T::NAME))
}
