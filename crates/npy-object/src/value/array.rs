//! NumPy arrays inside a pickle.

use std::borrow::Cow;

use npy_header::DType;

use crate::error::Result;
use crate::value::dtype::{ItemType, na_object};
use crate::value::element::{Element, Row};
use crate::value::globals::{ArrayClass, Known};
use crate::value::kind::{Items, Kind};
use crate::value::numbers::{Primitive, TypedArray, wrong_items};
use crate::value::record::FieldType;
use crate::value::scalar::to_little_endian;
use crate::value::shape::Shape;

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
                shape = shape.with_axes(&axes);
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
        self.fortran_order &= self.shape.has_order();
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
    #[cfg(any(feature = "arrow", feature = "serde"))]
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
        match (self.item, self.data) {
            (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(bytes)) => {
                TypedArray::new(scalar, bytes, self.shape, self.fortran_order)
            }
            (item, _) => Err(wrong_items::<T>(&item)),
        }
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
