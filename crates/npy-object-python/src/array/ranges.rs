//! Where the arrays are in their file.

use npy_object::{ByteRange, json};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::array::cursor::Cursor;
use crate::array::py_array::Array;
use crate::errors::raise;
use crate::file::source::Place;
use crate::object::ndarray;

/// An iterator of the places of the elements of an array.
#[pyclass(module = "npy_object")]
pub(crate) struct ByteRanges {
    cursor: Cursor,
    left: u64,
    /// The class of what it returns.
    class: Py<PyAny>,
}

impl ByteRanges {
    pub(super) fn new(py: Python<'_>, array: &Array) -> PyResult<ByteRanges> {
        let elements = array.stretch()?;
        let mut cursor = Cursor::new(py, &array.file)?;
        cursor.array().seek(elements.start);
        let class = py.import("npy_object._byte_range")?.getattr("ByteRange")?.unbind();
        Ok(ByteRanges { cursor, left: elements.end - elements.start, class })
    }
}

#[pymethods]
impl ByteRanges {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let range = self.cursor.byte_range(py);
        // The iterator ends after an error.
        self.left = if range.is_ok() { self.left - 1 } else { 0 };
        let Some(range) = range? else { return Ok(None) };
        let ByteRange { dtype, shape, fortran_order, offset, length, .. } = range;
        let (dtype, shape) = (ndarray::dtype(py, &dtype)?, PyTuple::new(py, shape)?);
        let order = if fortran_order { "F" } else { "C" };
        self.class.bind(py).call1((dtype, shape, order, offset, length)).map(Some)
    }

    fn __length_hint__(&self) -> u64 {
        self.left
    }
}

/// Returns references to the arrays of a file, as kerchunk has them.
pub(super) fn kerchunk<'py>(
    py: Python<'py>,
    array: &Array,
    url: Option<String>,
) -> PyResult<Bound<'py, PyAny>> {
    if !array.is_whole() {
        let message = "expected the whole array of a file, found a part of it";
        return Err(PyValueError::new_err(message));
    }
    let url = url.or_else(|| match &array.file.origin.place {
        Some(Place::Path(path)) => path.to_str().map(str::to_owned),
        _ => None,
    });
    let url = url.ok_or_else(|| {
        let message =
            "url: expected where the references find the file, as it was not opened by a path";
        PyValueError::new_err(message)
    })?;
    let mut cursor = Cursor::new(py, &array.file)?;
    let mut text = Vec::new();
    let written = py.detach(|| {
        let check = || Python::attach(|py| py.check_signals());
        json::write_kerchunk_with(&mut text, cursor.array(), &url, |done| match done % 4096 {
            0 => check().map_err(|error| std::io::Error::other(error).into()),
            _ => Ok(()),
        })
    });
    written.map_err(|error| raise(py, &error))?;
    py.import("json")?.call_method1("loads", (text,))
}
