//! Arrays of numbers, which are written from their memory and not pickled.

use std::slice;

use npy_object::header::DType;
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// Recognises arrays of numbers, and keeps the dtype of the last one.
#[derive(Default)]
pub(crate) struct Numbers {
    last: Option<(Py<PyArrayDescr>, DType)>,
}

/// A NumPy array of numbers.
pub(crate) struct Numeric<'a> {
    pub(crate) dtype: DType,
    pub(crate) shape: &'a [usize],
    pub(crate) fortran_order: bool,
    pub(crate) bytes: &'a [u8],
}

impl Numbers {
    /// Returns the parts of an object, if it is an array of numbers: exactly of NumPy's class, in C or
    /// Fortran order, of a dtype of bool, int, float or complex that has the byte order of the machine.
    pub(crate) fn array<'a>(
        &mut self,
        object: &'a Bound<'_, PyAny>,
    ) -> PyResult<Option<Numeric<'a>>> {
        let Ok(array) = object.cast_exact::<PyUntypedArray>() else { return Ok(None) };
        if !array.is_contiguous() {
            return Ok(None);
        }
        let Some(dtype) = self.dtype(&array.dtype())? else { return Ok(None) };
        let size = array.len() * dtype.itemsize();
        let bytes = match size {
            0 => &[],
            // SAFETY: the array is contiguous, so its items are `size` bytes from there on. They live as
            // long as `object`, and no Python code runs before they are copied.
            _ => unsafe {
                slice::from_raw_parts((*array.as_array_ptr()).fields.data.cast::<u8>(), size)
            },
        };
        let fortran_order = !array.is_c_contiguous();
        Ok(Some(Numeric { dtype, shape: array.shape(), fortran_order, bytes }))
    }

    /// Returns whether all objects are arrays of numbers.
    pub(crate) fn are_arrays(&mut self, objects: &[Bound<'_, PyAny>]) -> PyResult<bool> {
        for object in objects {
            if self.array(object)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the dtype, if it is one of numbers.
    fn dtype(&mut self, dtype: &Bound<'_, PyArrayDescr>) -> PyResult<Option<DType>> {
        if let Some((last, known)) = &self.last
            && last.as_ptr() == dtype.as_ptr()
        {
            return Ok(Some(known.clone()));
        }
        let is_number = b"biufc".contains(&dtype.kind())
            && dtype.is_native_byteorder() != Some(false)
            && dtype.getattr("metadata")?.is_none();
        if !is_number {
            return Ok(None);
        }
        let text: String = dtype.getattr("str")?.extract()?;
        let Ok(known) = text.parse::<DType>() else { return Ok(None) };
        self.last = Some((dtype.clone().unbind(), known.clone()));
        Ok(Some(known))
    }
}
