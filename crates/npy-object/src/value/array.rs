//! [`Array`]: a NumPy array inside a pickle, and how its calls are read.
//!
//! `plain.rs` is the shortcut for the arrays of nearly all files.

use std::borrow::Cow;
use std::iter::FusedIterator;

use npy_header::{ByteOrder, DType};
use pickle_stream::{Kind as Raw, ValueRef};

use crate::error::Result;
use crate::value::bytes::raw_bytes;
use crate::value::calls::{Call, tuple};
use crate::value::context::Context;
use crate::value::dtype::{FieldType, ItemType, na_object};
use crate::value::element::Element;
use crate::value::globals::{ArrayClass, Callable};
use crate::value::items::Items;
use crate::value::numbers::{Primitive, TypedArray, wrong_items};
use crate::value::row::Row;
use crate::value::scalar::to_little_endian;
use crate::value::shape::Shape;
use crate::value::state::NdarrayState;
use crate::value::text::Text;

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

/// The items of an array.
#[derive(Clone, Debug)]
pub enum Data<'a> {
    /// The bytes of the items, in the order that [`Array::fortran_order`] says.
    Bytes(Cow<'a, [u8]>),
    /// The items of an array of objects, in C order.
    Items(ArrayItems<'a>),
}

/// The mask and fill value of a masked array.
#[derive(Clone, Debug)]
pub struct Mask<'a> {
    /// A byte for each item, or of a structured dtype for each of its leaf fields: 1 where it is
    /// masked. In the order of the array.
    pub mask: Cow<'a, [u8]>,
    /// The value that stands for a masked item; `None` where it was not set.
    pub fill_value: Element<'a>,
}

/// The items of an array of objects.
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ArrayItems<'a> {
    items: Items<'a>,
    /// The dtype of the array, where the items are records.
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

impl FusedIterator for ArrayItems<'_> {}

impl<'a> Array<'a> {
    /// Reads a call that makes an array; `None` where it is not as NumPy writes it.
    pub(crate) fn read(call: Call<'a>, context: &'a Context) -> Option<Array<'a>> {
        match call.callable {
            Callable::Reconstruct => Array::from_state(call, false, context),
            Callable::MaskedReconstruct => Array::from_state(call, true, context),
            Callable::FromBuffer => Array::from_buffer(call, context),
            _ => None,
        }
    }

    /// Reads `_reconstruct(class, (0,), b'b')` or `_mareconstruct(..)`, with a state.
    fn from_state(call: Call<'a>, is_masked: bool, context: &'a Context) -> Option<Array<'a>> {
        let class = ArrayClass::of(call.args()?.next()?)?;
        let mut state = tuple(call.state()?)?;
        let parts = NdarrayState::take(&mut state)?;
        let (shape, item) = (parts.shape()?, parts.item(context)?);
        let fortran_order = parts.fortran_order()?;
        let data = Data::read(parts.data?, &item, parts.dtype, context)?;
        let (item, data) = match (item, data) {
            (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(bytes)) => {
                let (scalar, bytes) = to_little_endian(scalar, bytes);
                (ItemType::Plain(scalar.into()), Data::Bytes(bytes))
            }
            other => other,
        };
        let mask = match is_masked {
            true => Some(Mask {
                mask: raw_bytes(state.next()?, context.encoding())?,
                fill_value: Element::new(state.next()?, context),
            }),
            false => None,
        };
        let na_object =
            matches!(item, ItemType::String { .. }).then(|| na_object(parts.dtype)).flatten();
        let na_object = na_object.map(|object| Element::new(object, context));
        Array { class, item, shape, fortran_order, data, mask, na_object }.checked()
    }

    /// Reads `_frombuffer(buffer, dtype, shape, order[, axis_order])`, of protocol 5.
    fn from_buffer(call: Call<'a>, context: &'a Context) -> Option<Array<'a>> {
        let mut args = call.args()?;
        let mut data = raw_bytes(args.next()?, context.encoding())?;
        let item = context.item_types.read(args.next()?)?;
        let mut shape = Shape::read(args.next()?)?;
        let fortran_order = match Text::read(args.next()?, context.encoding())?.to_str()? {
            "C" => false,
            "F" => true,
            // The buffer is in C order of `shape`, whose axes are to be put in another order.
            "K" => {
                let axis = |axis: ValueRef<'_>| {
                    usize::try_from(axis.as_int()?).ok().filter(|&axis| axis < shape.len())
                };
                let axes = tuple(args.next()?)?.map(axis).collect::<Option<Vec<usize>>>()?;
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

    /// Returns a row of an array without objects as an array.
    pub(crate) fn of_row(row: Row<'a>) -> Array<'a> {
        Array {
            class: ArrayClass::Array,
            item: ItemType::Plain(row.dtype.clone()),
            shape: row.shape.into(),
            fortran_order: false,
            data: Data::Bytes(row.bytes.into()),
            mask: None,
            na_object: None,
        }
    }

    /// Returns the array, if it has as many items as its shape says.
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

    /// Returns the class of the array.
    pub fn class(&self) -> ArrayClass {
        self.class
    }

    /// Returns the dtype of the items.
    pub fn item(&self) -> &ItemType {
        &self.item
    }

    /// Returns the length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns whether the first index varies fastest in [`Data::Bytes`], rather than the last.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// Returns the items.
    pub fn data(&self) -> &Data<'a> {
        &self.data
    }

    /// Returns the mask and fill value of a masked array.
    pub fn mask(&self) -> Option<&Mask<'a>> {
        self.mask.as_ref()
    }

    /// Returns the mask, if it has a byte for each item. The mask of a structured dtype has a byte
    /// for each field, and masks no item as a whole.
    #[cfg(any(feature = "json", feature = "serde"))]
    pub(crate) fn item_mask(&self) -> Option<&[u8]> {
        let mask = &self.mask.as_ref()?.mask;
        (Some(mask.len()) == self.shape.count()).then_some(mask)
    }

    /// Returns data of the array in C order: its items, or its mask, whose `itemsize` is 1.
    #[cfg(any(feature = "arrow", feature = "serde"))]
    pub(crate) fn to_c_order<'b>(&self, bytes: &'b [u8], itemsize: usize) -> Cow<'b, [u8]> {
        if !self.fortran_order {
            return Cow::Borrowed(bytes);
        }
        let reversed: Vec<usize> = self.shape.iter().rev().copied().collect();
        let axes: Vec<usize> = (0..reversed.len()).rev().collect();
        Cow::Owned(transpose(bytes, &reversed, &axes, itemsize))
    }

    /// Returns the object that stands for a missing str, of an array of `StringDType` that has one.
    pub fn na_object(&self) -> Option<Element<'a>> {
        self.na_object
    }

    /// Returns the bytes of the items, with every number in little-endian order, as Arrow, Parquet
    /// and most file formats have it: borrowed where they are in that order already. `None` for an
    /// array of objects, and for a structured dtype with big-endian fields, which may overlap.
    ///
    /// The items are in the order that [`fortran_order`](Self::fortran_order) says.
    ///
    /// ```
    /// use npy_object::Kind;
    ///
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let Kind::Array(last) = array.get(2)?.unwrap().kind() else { panic!("an array") };
    /// let bytes = last.as_le_bytes().expect("an array of numbers");
    /// assert_eq!(bytes[8..16], 1.0f64.to_le_bytes());
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn as_le_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.item, &self.data) {
            (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(bytes)) => {
                Some(to_little_endian(*scalar, Cow::Borrowed(bytes)).1)
            }
            (ItemType::Plain(dtype), Data::Bytes(bytes)) => {
                (!has_big_endian(dtype)).then_some(Cow::Borrowed(bytes))
            }
            (_, Data::Items(_)) | (ItemType::String { .. }, _) => None,
        }
    }

    /// Returns the items as numbers; see [`Element::as_array`].
    ///
    /// Fails with clause `access.type` where the items are of another type.
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
    fn read(
        value: ValueRef<'a>,
        item: &ItemType,
        dtype: ValueRef<'a>,
        context: &'a Context,
    ) -> Option<Data<'a>> {
        if !item.has_object() {
            return raw_bytes(value, context.encoding()).map(Data::Bytes);
        }
        let Raw::List(items) = value.kind() else {
            return None;
        };
        let items = Items::new(items, context);
        let dtype = match item {
            ItemType::Plain(DType::Struct(_)) => Some(FieldType::Pickled(dtype.id())),
            _ => None,
        };
        Some(Data::Items(ArrayItems { items, dtype }))
    }
}

/// Returns whether an item contains a big-endian number. The depth of a dtype is limited, so this
/// may recurse.
fn has_big_endian(dtype: &DType) -> bool {
    match dtype {
        DType::Scalar(scalar) => scalar.order() == ByteOrder::Big,
        DType::Subarray(subarray) => has_big_endian(subarray.base()),
        DType::Struct(record) => record.fields().iter().any(|field| has_big_endian(&field.dtype)),
    }
}

/// Copies the items of an array, which are in C order of `shape`, in C order of `axes`.
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
        let at: usize = axes.iter().zip(&index).map(|(&axis, &i)| strides[axis] * i).sum();
        out.extend_from_slice(&data[at..at + itemsize]);
        for (i, &axis) in index.iter_mut().zip(axes).rev() {
            *i += 1;
            if *i < shape[axis] {
                break;
            }
            *i = 0;
        }
    }
    out
}
