//! A loop over the elements of an array. Each loop has a cursor of its own, so that any number of
//! loops can go on at the same time.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::array::cursor::Cursor;
use crate::array::view::View;
use crate::file::reader::File;

/// An iterator of the elements of an array, or of a part of one.
#[pyclass(module = "npy_object")]
pub(crate) struct Elements {
    cursor: Cursor,
    view: View,
    /// The number of elements, and how many of them were taken.
    count: u64,
    taken: u64,
    backwards: bool,
    /// Whether the elements are consecutive in the file, so that the cursor reads on.
    straight: bool,
    /// The file, if the last element is the last one of the file: the end of the file is then checked
    /// too.
    to_end: Option<Arc<File>>,
}

impl Elements {
    pub(crate) fn new(
        py: Python<'_>,
        file: &Arc<File>,
        view: View,
        backwards: bool,
    ) -> PyResult<Elements> {
        let mut cursor = Cursor::new(py, file)?;
        let count = view.len();
        let straight = !backwards && view.is_contiguous();
        let to_end = view.is_contiguous() && view.offset as u64 + count == file.facts.len;
        let to_end = to_end.then(|| Arc::clone(file));
        if straight {
            cursor.array().seek(view.offset as u64);
        }
        Ok(Elements { cursor, view, count, taken: 0, backwards, straight, to_end })
    }

    /// Returns the next element.
    #[inline]
    pub(crate) fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(ready) = self.cursor.next_ready(py) {
            self.taken += 1;
            return Ok(Some(ready));
        }
        self.take_next(py)
    }

    #[inline(never)]
    fn take_next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.taken == self.count {
            match self.to_end.take() {
                Some(_) if self.straight => drop(self.cursor.next(py, 0)?),
                Some(file) => file.verify(py)?,
                None => {}
            }
            return Ok(None);
        }
        let place = if self.backwards { self.count - 1 - self.taken } else { self.taken };
        let left = self.count - self.taken;
        self.taken += 1;
        let element = if self.straight {
            self.cursor.next(py, left)
        } else {
            self.cursor.get(py, self.view.element(place)).map(Some)
        };
        // The iterator ends after an error.
        if !matches!(element, Ok(Some(_))) {
            (self.taken, self.to_end) = (self.count, None);
        }
        element
    }

    /// Returns how many elements were not taken.
    pub(crate) fn left(&self) -> u64 {
        self.count - self.taken
    }

    /// Returns whether an element has used a mutable object that other elements use too.
    pub(crate) fn met_shared(&mut self) -> bool {
        self.cursor.met_shared()
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
        self.left()
    }

    fn __len__(&self) -> usize {
        self.left() as usize
    }
}
