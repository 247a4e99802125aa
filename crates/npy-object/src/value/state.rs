//! [`NdarrayState`]: the pickled state of an ndarray, in its parts.

use pickle_stream::ValueRef;

use crate::value::calls::flag;
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::shape::Shape;

/// The state that `ndarray.__reduce__` gives: `(version, shape, dtype, is_fortran, data)`.
///
/// The parts of an array that is not whole are on the stack. The last two of them may be missing.
#[derive(Clone, Copy)]
pub(crate) struct NdarrayState<'a> {
    /// 0 or 1, as an int or a bool; `None` before NumPy 1.0.
    pub(crate) version: Option<ValueRef<'a>>,
    pub(crate) shape: ValueRef<'a>,
    pub(crate) dtype: ValueRef<'a>,
    pub(crate) is_fortran: Option<ValueRef<'a>>,
    pub(crate) data: Option<ValueRef<'a>>,
}

impl<'a> NdarrayState<'a> {
    /// Takes the state from the front of `parts`; `None` where it has a version that NumPy refuses.
    ///
    /// Like `array_setstate` of `multiarray/methods.c`, it takes the first part for a version only
    /// if that is a number.
    #[inline(always)]
    pub(crate) fn take(parts: &mut impl Iterator<Item = ValueRef<'a>>) -> Option<NdarrayState<'a>> {
        let first = parts.next()?;
        let (version, shape) = match is_version(first) {
            Some(true) => (Some(first), parts.next()?),
            Some(false) => return None,
            None => (None, first),
        };
        let dtype = parts.next()?;
        Some(NdarrayState { version, shape, dtype, is_fortran: parts.next(), data: parts.next() })
    }

    /// Reads the shape.
    pub(crate) fn shape(&self) -> Option<Shape> {
        Shape::of_tuple(self.shape)
    }

    /// Reads the dtype.
    pub(crate) fn item(&self, context: &Context) -> Option<ItemType> {
        context.item_types.read(self.dtype)
    }

    /// Reads whether the data are in Fortran order.
    pub(crate) fn fortran_order(&self) -> Option<bool> {
        flag(self.is_fortran?)
    }
}

/// Returns whether a number is a version that NumPy reads; `None` where the value is not a number.
#[inline(always)]
pub(crate) fn is_version(value: ValueRef<'_>) -> Option<bool> {
    match value.as_int() {
        Some(version) => Some(matches!(version, 0 | 1)),
        None => value.as_bool().map(|_| true),
    }
}
