//! Loops over an array by its first dimension: one part at a time, and several at a time.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::cursor::Cursor;
use crate::array::py_array::Array;

/// An iterator of the parts of an array along its first dimension.
#[pyclass(module = "npy_object")]
pub(crate) struct Rows {
    array: Array,
    cursor: Cursor,
    taken: i64,
    backwards: bool,
    /// Whether the last part ends where the array of the file ends: the end of the file is then checked
    /// too.
    to_end: bool,
}

impl Rows {
    pub(crate) fn new(py: Python<'_>, array: &Array, backwards: bool) -> PyResult<Rows> {
        let cursor = Cursor::new(py, &array.file)?;
        let view = &array.view;
        let is_last = view.offset as u64 + view.len() == array.file.facts.len;
        let is_read = array.has_objects() && view.len() > 0;
        let to_end = !backwards && is_read && view.is_contiguous() && is_last;
        Ok(Rows { array: array.rows(0, array.length()?), cursor, taken: 0, backwards, to_end })
    }
}

#[pymethods]
impl Rows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.take(py)
    }

    fn __length_hint__(&self) -> PyResult<i64> {
        Ok(self.array.length()? - self.taken)
    }
}

impl Rows {
    /// Returns the next part.
    pub(crate) fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let length = self.array.length()?;
        if self.taken == length {
            if std::mem::take(&mut self.to_end) {
                // A part reads nothing until it is used. Reading past the last element checks the end of
                // the file.
                let last = self.array.file.facts.len - 1;
                self.cursor.survey_to(py, last)?;
                self.cursor.array().seek(last);
                self.cursor.next(py, 1)?;
                self.cursor.next(py, 0)?;
            }
            let view = &self.array.view;
            let file = &self.array.file;
            if view.is_contiguous() && view.offset as u64 + view.len() == file.facts.len {
                file.verify(py)?;
            }
            return Ok(None);
        }
        let index = if self.backwards { length - 1 - self.taken } else { self.taken };
        self.taken += 1;
        self.array.get_row(py, &mut self.cursor, index).map(Some)
    }
}

/// An iterator of NumPy arrays of `size` elements.
#[pyclass(module = "npy_object")]
pub(crate) struct Batches {
    array: Py<Array>,
    /// The number of elements of a batch, and the index of the next one.
    size: i64,
    next: i64,
    /// The error to raise after the last batch.
    failed: Option<PyErr>,
}

impl Batches {
    pub(crate) fn new(array: Bound<'_, Array>, size: i64) -> PyResult<Batches> {
        array.get().length()?;
        if size < 1 {
            return Err(PyValueError::new_err("a batch has at least one element"));
        }
        Ok(Batches { array: array.unbind(), size, next: 0, failed: None })
    }
}

#[pymethods]
impl Batches {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(error) = self.failed.take() {
            self.next = i64::MAX;
            return Err(error);
        }
        let array = self.array.get();
        let length = array.length()?;
        if self.next >= length {
            return Ok(None);
        }
        let end = self.next.saturating_add(self.size).min(length);
        let batch = array.rows(self.next, end);
        let (batch, end) = match batch.numpy(py) {
            // The elements before the error come first.
            Err(error) => {
                let Some((batch, rows)) = batch.before_error(py)? else { return Err(error) };
                self.failed = Some(error);
                (batch, self.next + rows)
            }
            Ok(batch) => (batch, end),
        };
        self.next = end;
        Ok(Some(batch))
    }

    fn __length_hint__(&self) -> PyResult<i64> {
        let left = (self.array.get().length()? - self.next).max(0);
        Ok(left / self.size + i64::from(left % self.size > 0))
    }
}

impl Array {
    /// Returns the rows before an error, and their number.
    pub(crate) fn before_error<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, i64)>> {
        if !self.has_objects() {
            let (mut parts, mut count) = (Rows::new(py, self, false)?, 0);
            while let Ok(Some(_)) = parts.take(py) {
                count += 1;
            }
            let rows = (count > 0).then(|| self.rows(0, count).numbers(py)).transpose()?;
            return Ok(rows.map(|rows| (rows, count)));
        }
        let mut elements = self.elements(py, false)?;
        let mut objects = Vec::new();
        while let Ok(Some(object)) = elements.take(py) {
            objects.push(object);
        }
        let length = self.length()?;
        let each = self.view.len() as usize / usize::try_from(length)?.max(1);
        let count = objects.len() / each.max(1);
        objects.truncate(count * each);
        if count == 0 {
            return Ok(None);
        }
        let count = count as i64;
        Ok(Some((self.rows(0, count).assemble(py, objects, false)?, count)))
    }
}
