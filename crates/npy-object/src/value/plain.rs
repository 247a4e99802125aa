//! [`PlainArray`]: the shortcut for the arrays of nearly all files.
//!
//! [`Array::read`](crate::value::array::Array::read) is the reference: it reads every array that
//! NumPy ever pickled. This file reads two forms only. One is `_reconstruct` with a state of
//! version, shape, dtype, order and bytes, where callable, class and dtype were defined by an
//! earlier element: these are looked up by their node ids, so only the shape and the bytes are
//! read. The other is a row of an array without objects. A property test holds this file to the
//! reference.

use npy_header::{ByteOrder, Scalar};
use pickle_stream::{Construct, NodeId, ValueRef};

use crate::error::Result;
use crate::value::context::Context;
use crate::value::numbers::{Primitive, TypedArray};
use crate::value::row::Row;
use crate::value::shape::Shape;
use crate::value::state::{NdarrayState, is_version};

/// An array of items of a fixed size, borrowed from the file: see
/// [`Element::as_plain_array`](crate::Element::as_plain_array).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainArray<'a> {
    scalar: Scalar,
    shape: Shape,
    fortran_order: bool,
    bytes: &'a [u8],
}

/// The nodes of a plain array. They are the same in all rows that are filled into one
/// [`Form`](pickle_stream::Form) between two changes of the kind of a hole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainParts {
    array: NodeId,
    scalar: Scalar,
    version: NodeId,
    fortran_order: NodeId,
    shape: NodeId,
    /// The length of an array of one dimension.
    length: Option<NodeId>,
    bytes: NodeId,
}

impl PlainParts {
    /// Finds the parts of a value that is a plain array; `None` for any other value.
    #[inline(always)]
    pub(crate) fn find(value: ValueRef<'_>, context: &Context) -> Option<PlainParts> {
        let object = value.as_object()?;
        let [class, _shape, _typecode] = object.args().to_tuple()?;
        let parts: [ValueRef<'_>; 5] = object.state()?.to_tuple()?;
        let state = NdarrayState::take(&mut parts.iter().copied())?;
        let (fortran_order, bytes) = (state.is_fortran?, state.data?);
        fortran_order.as_bool()?;
        let version = state.version?.id();
        bytes.as_bytes()?;
        let head = [object.callable(), class, state.dtype];
        if object.construct() != Construct::Call || object.has_items() {
            return None;
        }
        let scalar = context.item_types.scalar_of_array(head)?;
        let (array, shape, bytes) = (value.id(), state.shape.id(), bytes.id());
        let length = state.shape.to_tuple().map(|[length]| length.id());
        let fortran_order = fortran_order.id();
        Some(PlainParts { array, scalar, version, fortran_order, shape, length, bytes })
    }

    /// Returns whether these are the parts of the array with this node.
    #[inline]
    pub(crate) fn are_of(&self, array: NodeId) -> bool {
        self.array == array
    }

    /// Returns the dtype of the items.
    pub(crate) fn item(&self) -> Scalar {
        self.scalar
    }

    /// Returns the node that says whether the first index varies fastest in the bytes.
    pub(crate) fn fortran_order(&self) -> NodeId {
        self.fortran_order
    }

    /// Returns the node of the version.
    pub(crate) fn version(&self) -> NodeId {
        self.version
    }

    /// Returns the node of the shape.
    pub(crate) fn shape(&self) -> NodeId {
        self.shape
    }

    /// Returns the node of the bytes.
    pub(crate) fn bytes(&self) -> NodeId {
        self.bytes
    }

    /// Returns the array in the graph of `value`; `None` where NumPy refuses its version, or the
    /// number of its bytes is not what its shape says.
    #[inline(always)]
    pub(crate) fn array<'a>(&self, value: ValueRef<'a>) -> Option<PlainArray<'a>> {
        if is_version(value.at(self.version)) != Some(true) {
            return None;
        }
        let shape = match self.length {
            Some(length) => Shape::of_length(value.at(length))?,
            None => Shape::of_tuple(value.at(self.shape))?,
        };
        let bytes = value.at(self.bytes).as_bytes()?;
        if shape.count()?.checked_mul(self.scalar.itemsize())? != bytes.len() {
            return None;
        }
        let fortran_order = value.at(self.fortran_order).as_bool()? && shape.has_order();
        Some(PlainArray { scalar: self.scalar, shape, fortran_order, bytes })
    }
}

impl<'a> PlainArray<'a> {
    /// Returns the array that a row is; `None` for a scalar, and for items that are big-endian or
    /// structured.
    #[inline]
    pub(crate) fn of_row(row: Row<'a>) -> Option<PlainArray<'a>> {
        let scalar = row.dtype.as_scalar()?;
        if scalar.order() == ByteOrder::Big || row.shape.is_empty() {
            return None;
        }
        let shape = Shape::from(row.shape);
        Some(PlainArray { scalar, shape, fortran_order: false, bytes: row.bytes })
    }

    /// Returns the dtype of the items. It is not `object`, and not big-endian.
    #[inline]
    pub fn item(&self) -> Scalar {
        self.scalar
    }

    /// Returns whether the items are numbers of type `T`.
    #[inline]
    pub fn is<T: Primitive>(&self) -> bool {
        T::is(self.scalar)
    }

    /// Returns the length of each dimension.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns whether the first index varies fastest in the bytes, rather than the last.
    #[inline]
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// Returns the bytes of the items, in little-endian order, as many as the shape says.
    #[inline]
    pub fn data(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the items as numbers.
    ///
    /// Fails with clause `access.type` where the items are of another type.
    #[inline(always)]
    pub(crate) fn into_typed<T: Primitive>(self) -> Result<TypedArray<'a, T>> {
        TypedArray::new(self.scalar, self.bytes.into(), self.shape, self.fortran_order)
    }
}
