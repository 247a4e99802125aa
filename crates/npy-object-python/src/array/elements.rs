//! Loops over an array. Each has a reader of its own, so that any number of them can go on at once.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::py_array::Array;
use crate::array::view::View;
use crate::file::reader::{File, Lease};

/// The elements of an array, one after another.
#[pyclass(module = "npy_object")]
pub(crate) struct Elements {
    lease: Lease,
    view: View,
    /// How many there are, and how many came.
    count: u64,
    taken: u64,
    backwards: bool,
    /// Whether they are read as they lie in the file, from where the reader stands.
    straight: bool,
    /// The file, where the last element is the file's: then its end is looked at too.
    to_end: Option<Arc<File>>,
}

impl Elements {
    pub(crate) fn new(
        py: Python<'_>,
        file: &Arc<File>,
        view: View,
        backwards: bool,
    ) -> PyResult<Elements> {
        let mut lease = Lease::new(py, file)?;
        let count = view.len();
        let straight = !backwards && view.is_contiguous();
        let to_end = view.is_contiguous() && view.offset as u64 + count == file.facts.len;
        let to_end = to_end.then(|| Arc::clone(file));
        if straight {
            lease.array().seek(view.offset as u64);
        }
        Ok(Elements { lease, view, count, taken: 0, backwards, straight, to_end })
    }

    /// The next element.
    #[inline]
    pub(crate) fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.taken == self.count {
            match self.to_end.take() {
                Some(_) if self.straight => drop(self.lease.next(py, 0)?),
                Some(file) => file.verify(py)?,
                None => {}
            }
            return Ok(None);
        }
        let place = if self.backwards { self.count - 1 - self.taken } else { self.taken };
        let left = self.count - self.taken;
        self.taken += 1;
        let element = if self.straight {
            self.lease.next(py, left)
        } else {
            self.lease.get(py, self.view.element(place)).map(Some)
        };
        // Behind an error nothing comes.
        if !matches!(element, Ok(Some(_))) {
            (self.taken, self.to_end) = (self.count, None);
        }
        element
    }

    /// Whether elements were met that share what `is` tells from its equal.
    pub(crate) fn met_shared(&mut self) -> bool {
        self.lease.met_shared()
    }
}

#[pymethods]
impl Elements {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[inline]
    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.take(py)
    }

    fn __length_hint__(&self) -> u64 {
        self.count - self.taken
    }
}

/// The parts of an array along its first dimension, one after another.
#[pyclass(module = "npy_object")]
pub(crate) struct Rows {
    array: Array,
    lease: Lease,
    taken: i64,
    backwards: bool,
    /// Whether the last part is the file's: then the end of the file is looked at too.
    to_end: bool,
}

impl Rows {
    pub(crate) fn new(py: Python<'_>, array: &Array, backwards: bool) -> PyResult<Rows> {
        let lease = Lease::new(py, &array.file)?;
        let view = &array.view;
        let is_last = view.offset as u64 + view.len() == array.file.facts.len;
        let is_read = array.has_objects() && view.len() > 0;
        let to_end = !backwards && is_read && view.is_contiguous() && is_last;
        Ok(Rows { array: array.rows(0, array.length()?), lease, taken: 0, backwards, to_end })
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
    /// The next part.
    pub(crate) fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let length = self.array.length()?;
        if self.taken == length {
            if std::mem::take(&mut self.to_end) {
                // Parts read nothing before they are looked at. To go on from the last element is to
                // see what comes after it.
                let last = self.array.file.facts.len - 1;
                self.lease.survey_to(py, last)?;
                self.lease.array().seek(last);
                self.lease.next(py, 1)?;
                self.lease.next(py, 0)?;
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
        self.array.get_row(py, &mut self.lease, index).map(Some)
    }
}

/// The elements of an array, some at a time.
#[pyclass(module = "npy_object")]
pub(crate) struct Batches {
    array: Py<Array>,
    /// How many come at once, and where the next one begins.
    size: i64,
    next: i64,
    /// What comes after the last of them.
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
            // What comes before the error comes first.
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
