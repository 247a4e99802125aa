//! [`Row`]: a row of an array without objects.

use npy_header::DType;

use crate::value::scalar::NumPyScalar;

/// A row of an array without objects: its dtype, the shape of the row, and its bytes in C order.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) dtype: &'a DType,
    pub(crate) shape: &'a [usize],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Row<'a> {
    /// Returns the scalar that the row is, if it has no dimensions.
    pub(crate) fn scalar(self) -> Option<NumPyScalar<'a>> {
        let scalar = || NumPyScalar::new(self.dtype.clone(), self.bytes.into());
        self.shape.is_empty().then(scalar).flatten()
    }
}
