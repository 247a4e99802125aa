//! Arrays of numbers as nearly all files have them, read with less ado.
//!
//! [`Array::read`](crate::value::array::Array::read) is the reference: it reads every array that
//! NumPy ever pickled. Here it is `_reconstruct` with a state of version, shape, dtype, order and
//! bytes, where callable, class and dtype are shared with an element before: then what they are is
//! known from that element, and all that is left to read is the shape and the bytes; or it is a row
//! of an array without objects. A test holds that both agree.

use npy_header::{ByteOrder, Scalar};
use pickle_stream::{Construct, NodeId, ValueRef};

use crate::error::Result;
use crate::value::element::{Context, Row};
use crate::value::numbers::{Primitive, TypedArray};
use crate::value::shape::Shape;

/// An array of numbers, its bytes as they are in the file: see
/// [`Element::as_plain_array`](crate::Element::as_plain_array).
#[derive(Clone, Debug)]
pub struct PlainArray<'a> {
    scalar: Scalar,
    shape: Shape,
    fortran_order: bool,
    bytes: &'a [u8],
}

/// Where the parts of a plain array are in its graph: in that of every element of the same
/// [`Pattern`](pickle_stream::Pattern).
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainParts {
    array: NodeId,
    scalar: Scalar,
    fortran_order: bool,
    shape: NodeId,
    bytes: NodeId,
}

impl PlainParts {
    /// Those of the array that a value is, if it is a plain one.
    #[inline(always)]
    pub(crate) fn find(value: ValueRef<'_>, context: &Context) -> Option<PlainParts> {
        let object = value.as_object()?;
        let [class, _shape, _typecode] = object.args().to_tuple()?;
        let [version, shape, dtype, order, bytes] = object.state()?.to_tuple()?;
        let head = [object.callable(), class, dtype];
        let (_version, fortran_order, _bytes) =
            (version.as_int()?, order.as_bool()?, bytes.as_bytes()?);
        if object.construct() != Construct::Call || object.has_items() {
            return None;
        }
        let scalar = context.item_types.scalar_of_array(head, context)?;
        let (array, shape, bytes) = (value.id(), shape.id(), bytes.id());
        Some(PlainParts { array, scalar, fortran_order, shape, bytes })
    }

    /// Whether they are of this array.
    #[inline]
    pub(crate) fn are_of(&self, array: NodeId) -> bool {
        self.array == array
    }

    /// The array of the graph that `value` is in, unless it has more bytes, or fewer, than its shape
    /// says.
    #[inline(always)]
    pub(crate) fn array<'a>(&self, value: ValueRef<'a>) -> Option<PlainArray<'a>> {
        let shape = Shape::of_tuple(value.at(self.shape))?;
        let bytes = value.at(self.bytes).as_bytes()?;
        if shape.count()?.checked_mul(self.scalar.itemsize())? != bytes.len() {
            return None;
        }
        let fortran_order = self.fortran_order && shape.has_order();
        Some(PlainArray { scalar: self.scalar, shape, fortran_order, bytes })
    }
}

impl<'a> PlainArray<'a> {
    /// The array that a row is, unless it is a scalar.
    #[inline]
    pub(crate) fn of_row(row: Row<'a>) -> Option<PlainArray<'a>> {
        let scalar = row.dtype.as_scalar()?;
        if scalar.order() == ByteOrder::Big || row.shape.is_empty() {
            return None;
        }
        let shape = Shape::new(row.shape);
        Some(PlainArray { scalar, shape, fortran_order: false, bytes: row.bytes })
    }

    /// What its items are: anything of a fixed size but objects, and not in big-endian order.
    #[inline]
    pub fn item(&self) -> Scalar {
        self.scalar
    }

    /// Whether its items are such numbers. They are little-endian.
    #[inline]
    pub fn is<T: Primitive>(&self) -> bool {
        T::is(self.scalar)
    }

    /// The length of each dimension.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the first index varies fastest in the bytes, rather than the last.
    #[inline]
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// The bytes of its items, as many as the shape says.
    #[inline]
    pub fn data(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its items as numbers.
    ///
    /// Fails where they are others.
    #[inline(always)]
    pub(crate) fn into_typed<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        TypedArray::new(self.scalar, self.bytes.into(), self.shape, self.fortran_order)
    }
}
