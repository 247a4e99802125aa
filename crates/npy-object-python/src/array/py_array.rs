//! `Array`: an array in a file, and how it becomes an array in memory. Its Python methods are in
//! [`methods`](crate::array::methods).

use std::ops::Range;
use std::sync::Arc;

use npy_object::header::DType;
use npy_object::{ArrayClass, ItemType};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::array::cursor::Cursor;
use crate::array::elements::Elements;
use crate::array::view::{Found, View};
use crate::errors::{is_unsupported, limit, raise, unknown_dtype};
use crate::file::reader::{Facts, File};
use crate::object::ndarray;

/// An array, or a part of one, whose elements are read from the file when they are used.
///
/// It has the shape, the indices and the slices of a NumPy array. A slice reads nothing; a loop
/// holds one element at a time.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/words.npy"
/// >>> np.save(file, np.array(["one", "two", "three"], object))
/// >>> words = npy_object.open(file)
/// >>> len(words), words[-1], [word.upper() for word in words[:2]]
/// (3, 'three', ['ONE', 'TWO'])
#[pyclass(frozen, module = "npy_object", sequence, weakref)]
pub(crate) struct Array {
    pub(crate) file: Arc<File>,
    pub(crate) view: View,
}

impl Array {
    /// Returns the whole array of a file.
    pub(crate) fn of_file(py: Python<'_>, file: Arc<File>) -> PyResult<Array> {
        let facts = &file.facts;
        let outer = facts.shape.len() - inner(facts).len();
        match View::all(&facts.shape[..outer]) {
            Some(view) => Ok(Array { file, view }),
            None => Err(limit(py, "an array of over 2^63 elements", "npy.object.count")),
        }
    }

    pub(super) fn part(&self, view: View) -> Array {
        Array { file: Arc::clone(&self.file), view }
    }

    pub(crate) fn has_objects(&self) -> bool {
        self.file.facts.has_objects
    }

    /// Returns the dimensions of an element; in an array of objects it has none.
    pub(super) fn inner(&self) -> &[usize] {
        inner(&self.file.facts)
    }

    /// Returns the rows `from..to`.
    pub(crate) fn rows(&self, from: i64, to: i64) -> Array {
        self.part(self.view.rows(from, to))
    }

    /// Returns the number of rows. Fails for a 0-d array.
    pub(crate) fn length(&self) -> PyResult<i64> {
        self.view.shape.first().copied().ok_or_else(|| {
            let message = "a 0-d array has no length: a[()] is its element, and a.entries() loops over \
                           the dict, list, tuple or set in it";
            PyTypeError::new_err(message)
        })
    }

    /// Returns whether this is the whole array of the file.
    pub(super) fn is_whole(&self) -> bool {
        let len = self.file.facts.len;
        self.view.offset == 0 && self.view.is_contiguous() && self.view.len() == len
    }

    /// Returns the numbers of the elements, which follow one another.
    pub(super) fn stretch(&self) -> PyResult<Range<u64>> {
        if !self.view.is_contiguous() {
            let message = "expected consecutive elements, found a view with steps";
            return Err(PyValueError::new_err(message));
        }
        let first = self.view.offset as u64;
        Ok(first..first + self.view.len())
    }

    /// Returns the element, or the part, at this index of the first dimension.
    pub(crate) fn get_row<'py>(
        &self,
        py: Python<'py>,
        cursor: &mut Cursor,
        index: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let row = self.view.row(index);
        if row.shape.is_empty() {
            return cursor.get(py, row.offset as u64);
        }
        Ok(self.part(row).into_pyobject(py)?.into_any())
    }

    pub(super) fn found<'py>(
        &self,
        py: Python<'py>,
        found: Found<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match found {
            Found::Element(element) => {
                let found = Cursor::new(py, &self.file)?.get(py, element)?;
                if self.file.facts.len == 1 {
                    self.file.verify(py)?;
                }
                Ok(found)
            }
            Found::View(view) => Ok(self.part(view).into_pyobject(py)?.into_any()),
            Found::Within(..) if self.file.facts.shape.is_empty() => Err(no_index()),
            Found::Within(_, rest) if rest.len() > self.inner().len() => {
                let most = self.view.shape.len() + self.inner().len();
                let plural = if most == 1 { "" } else { "s" };
                let message = format!(
                    "too many indices: the array has {most} dimension{plural}; an element has indices of \
                     its own, as in a[0][1]"
                );
                Err(PyIndexError::new_err(message))
            }
            Found::Within(found, rest) => match *found {
                Found::View(view) => {
                    let all = pyo3::types::PySlice::full(py).into_any();
                    let keys = std::iter::repeat_n(all, view.shape.len()).chain(rest);
                    let keys = PyTuple::new(py, keys.collect::<Vec<_>>())?;
                    self.part(view).numpy(py)?.get_item(keys)
                }
                element => self.found(py, element)?.get_item(rest),
            },
        }
    }

    pub(super) fn elements(&self, py: Python<'_>, backwards: bool) -> PyResult<Elements> {
        Elements::new(py, &self.file, self.view.clone(), backwards)
    }

    /// Returns the array in memory, as `numpy.load` gives it.
    pub(crate) fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !self.has_objects() {
            return self.numbers(py);
        }
        let is_whole = self.is_whole();
        let Facts { class, fortran_order: order, .. } = self.file.facts;
        let is_plain = class.is_none_or(|class| class == ArrayClass::Array)
            && matches!(self.file.facts.item, ItemType::Plain(_));
        if is_whole && !is_plain {
            return self.at_once(py);
        }
        let _paused = Paused::new(py)?;
        let mut elements = self.elements(py, false)?;
        let mut objects = Vec::with_capacity(self.view.len().min(1 << 16) as usize);
        loop {
            match elements.take(py) {
                Ok(Some(object)) => objects.push(object),
                Ok(None) => break,
                // Elements that depend on one another can be read together.
                Err(error) if is_whole && is_unsupported(py, &error) => {
                    return self.at_once(py).map_err(|_| error);
                }
                Err(error) => return Err(error),
            }
            if is_whole && elements.met_shared() {
                return self.at_once(py);
            }
        }
        self.assemble(py, objects, is_whole && order)
    }

    /// Decodes all elements together, so that an object that they share is one object.
    pub(super) fn at_once<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let origin = &self.file.origin;
        let options = origin.settings.options()?;
        let whole = py.detach(|| options.load(origin.source.clone()));
        let whole = whole.map_err(|error| raise(py, &error))?;
        origin.maker(py).make(py, whole.element())
    }

    /// Returns an array of these elements.
    pub(super) fn assemble<'py>(
        &self,
        py: Python<'py>,
        objects: Vec<Bound<'py, PyAny>>,
        fortran_order: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape: Vec<usize> = self.view.shape.iter().map(|&length| length as usize).collect();
        match &self.file.facts.item {
            ItemType::Plain(item) if *item == DType::OBJECT => {
                let dtype = ndarray::dtype(py, item)?;
                let (array, _) = ndarray::empty(dtype, &shape, fortran_order)?;
                ndarray::fill(&array, &shape, objects.into_iter())?;
                Ok(array)
            }
            ItemType::Plain(item) => {
                let dtype = ndarray::dtype(py, item)?;
                let (array, _) = ndarray::empty(dtype, &shape, fortran_order)?;
                let flat = array.getattr(intern!(py, "flat"))?;
                for (index, object) in objects.into_iter().enumerate() {
                    flat.set_item(index, object)?;
                }
                Ok(array)
            }
            // The object for a missing str is in the pickle only.
            ItemType::String { .. } => {
                let whole = self.at_once(py)?.call_method1("reshape", (-1,))?;
                let places = (0..self.view.len()).map(|n| self.view.element(n));
                let part = whole.get_item(PyList::new(py, places.collect::<Vec<_>>())?)?;
                part.call_method1("reshape", (PyTuple::new(py, shape)?,))
            }
            _ => Err(unknown_dtype(py)),
        }
    }

    /// Returns an array without objects, or rows of one.
    pub(super) fn numbers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ItemType::Plain(item) = &self.file.facts.item else {
            unreachable!("a header names no other")
        };
        let outer: Vec<usize> = self.view.shape.iter().map(|&length| length as usize).collect();
        let shape = [&outer[..], self.inner()].concat();
        let Facts { data_offset: data, fortran_order: order, .. } = self.file.facts;
        let order = order && !self.inner().is_empty();
        let is_whole = self.is_whole();
        let dtype = ndarray::dtype(py, item)?;
        if !self.view.is_contiguous() || (order && !is_whole) {
            let (array, _) = ndarray::empty(dtype, &shape, false)?;
            let mut elements = self.elements(py, false)?;
            let mut row = 0;
            while let Some(object) = elements.take(py)? {
                array.set_item(row, object)?;
                row += 1;
            }
            return Ok(array);
        }
        let row = self.inner().iter().product::<usize>() * item.itemsize();
        let begin = data + self.view.offset as u64 * row as u64;
        let source = &self.file.origin.source;
        let end = begin + self.view.len() * row as u64;
        let part = source.section(begin..end);
        let reaches_end = end == data + self.file.facts.len * row as u64;
        if let (Some(owner), Some(bytes)) = (&self.file.origin.owner, part.as_bytes()) {
            if reaches_end {
                self.file.verify(py)?;
            }
            // SAFETY: the bytes are in the mapped file, which the owner keeps mapped.
            return unsafe { ndarray::view(dtype, &shape, order, bytes, owner.bind(py).as_any()) };
        }
        // Memory is allocated only for bytes that the file has.
        let raise = |error: std::io::Error| raise(py, &source.explain(error));
        let size = py.detach(|| source.size()).map_err(raise)?;
        if size < end {
            let error = self.read_all(py);
            return Err(error.err().unwrap_or_else(|| PyValueError::new_err("truncated")));
        }
        let (array, mut room) = ndarray::empty(dtype, &shape, order)?;
        // SAFETY: the array is new, so no other reference to its items exists.
        let room = unsafe { room.as_mut_slice() };
        let read = py.detach(|| {
            std::io::Read::read_exact(&mut part.to_reader(), room)?;
            if reaches_end { Ok(source.verify_to(end)?) } else { Ok(()) }
        });
        read.map_err(raise)?;
        Ok(array)
    }

    /// Reads every element, for the error that this gives.
    fn read_all(&self, py: Python<'_>) -> PyResult<()> {
        let mut elements = self.elements(py, false)?;
        while elements.take(py)?.is_some() {}
        Ok(())
    }
}

/// Returns the dimensions of an element: none in an array of objects, else all but the first.
pub(super) fn inner(facts: &Facts) -> &[usize] {
    if facts.has_objects { &[] } else { facts.shape.get(1..).unwrap_or_default() }
}

/// Pauses Python's collector of cycles until it is dropped: all objects that are made are in use, so it
/// would look at each of them several times and find nothing.
struct Paused<'py>(Option<Bound<'py, PyModule>>);

impl<'py> Paused<'py> {
    fn new(py: Python<'py>) -> PyResult<Paused<'py>> {
        let gc = py.import("gc")?;
        if !gc.call_method0("isenabled")?.is_truthy()? {
            return Ok(Paused(None));
        }
        gc.call_method0("disable")?;
        Ok(Paused(Some(gc)))
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        if let Some(gc) = &self.0 {
            // `enable` does not fail.
            let _ = gc.call_method0("enable");
        }
    }
}

/// Returns the error of an index into a 0-d array.
pub(super) fn no_index() -> PyErr {
    let message = "a 0-d array takes no index: a[()] is its element, and a.entries() loops over the dict, \
                   list, tuple or set in it";
    PyIndexError::new_err(message)
}
