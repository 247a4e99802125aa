//! Many elements at once: by a list of indices, by a mask, at random.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use npy_object::ItemType;
use numpy::PyUntypedArray;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::array::cursor::Cursor;
use crate::array::elements::Elements;
use crate::array::py_array::Array;
use crate::array::view::{View, wrapped};
use crate::object::names::numpy;
use crate::object::ndarray;

/// Rows of an array, in the order in which they are wanted.
pub(crate) struct Chosen {
    /// The index of each along the first dimension.
    rows: Vec<i64>,
    /// The dimensions that take the place of the first one.
    shape: Vec<i64>,
}

impl Chosen {
    /// Returns the rows that a list or an array of ints or bools selects, of `length`; `None` for any
    /// other key.
    pub(crate) fn of_key(key: &Bound<'_, PyAny>, length: i64) -> PyResult<Option<Chosen>> {
        let is_array =
            key.is_instance_of::<PyUntypedArray>() && key.getattr("ndim")?.extract::<usize>()? > 0;
        if is_array || key.is_instance_of::<PyList>() {
            return Chosen::of(key, length).map(Some);
        }
        Ok(None)
    }

    /// Returns the rows that a sequence of ints, or a mask, selects.
    pub(crate) fn of(key: &Bound<'_, PyAny>, length: i64) -> PyResult<Chosen> {
        let key = numpy(key.py())?.call_method1("asarray", (key,))?;
        let shape: Vec<i64> = key.getattr("shape")?.extract()?;
        let kind: char = key.getattr("dtype")?.getattr("kind")?.extract()?;
        let is_empty = shape.iter().product::<i64>() == 0;
        match kind {
            'b' if shape == [length] => {
                let rows: Vec<i64> = key.call_method0("nonzero")?.get_item(0)?.extract()?;
                Ok(Chosen { shape: vec![rows.len() as i64], rows })
            }
            'b' => {
                let message = format!(
                    "boolean index did not match indexed array along axis 0; size of axis is {length} \
                     but the mask has shape {shape:?}"
                );
                Err(PyIndexError::new_err(message))
            }
            'i' | 'u' => {
                let rows: Vec<i64> =
                    key.call_method0("ravel")?.call_method0("tolist")?.extract()?;
                let rows = rows.into_iter().map(|row| wrapped(row, length, 0, row));
                Ok(Chosen { rows: rows.collect::<PyResult<_>>()?, shape })
            }
            // NumPy makes floats of an empty list.
            _ if is_empty => Ok(Chosen { rows: Vec::new(), shape }),
            _ => {
                let message = "arrays used as indices must be of ints, or of bools as a mask";
                Err(PyIndexError::new_err(message))
            }
        }
    }
}

impl Array {
    /// Returns chosen rows as an array in memory. Each row is read once, in the order of the file.
    pub(crate) fn choose<'py>(
        &self,
        py: Python<'py>,
        chosen: &Chosen,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape = [&chosen.shape[..], self.view.shape.get(1..).unwrap_or_default()].concat();
        // The object for a missing str is in the pickle only.
        if matches!(self.file.facts.item, ItemType::String { .. }) {
            let rows = PyList::new(py, &chosen.rows)?;
            let found = self.numpy(py)?.get_item(rows)?;
            return found.call_method1("reshape", (PyTuple::new(py, shape)?,));
        }
        let objects = self.rows_of(py, &chosen.rows)?;
        if self.has_objects() {
            let strides = vec![0; shape.len()];
            return self.part(View { offset: 0, shape, strides }).assemble(py, objects, false);
        }
        let ItemType::Plain(item) = &self.file.facts.item else {
            return self.numpy(py);
        };
        let inner = self.inner().iter().map(|&length| length as i64);
        let rows: Vec<usize> = [&[objects.len()], self.inner()].concat();
        let (array, _) = ndarray::empty(ndarray::dtype(py, item)?, &rows, false)?;
        for (row, object) in objects.into_iter().enumerate() {
            array.set_item(row, object)?;
        }
        let shape = shape.into_iter().chain(inner).collect::<Vec<_>>();
        array.call_method1("reshape", (PyTuple::new(py, shape)?,))
    }

    /// Returns the elements of rows, one row after another.
    fn rows_of<'py>(&self, py: Python<'py>, rows: &[i64]) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let numbers = rows.iter().flat_map(|&row| {
            let row = self.view.row(row);
            (0..row.len()).map(move |n| row.element(n))
        });
        Cursor::new(py, &self.file)?.get_many(py, &numbers.collect::<Vec<_>>())
    }

    /// Returns rows in a list: an element each, or a part of an array of several dimensions.
    pub(crate) fn list<'py>(
        &self,
        py: Python<'py>,
        chosen: &Chosen,
    ) -> PyResult<Bound<'py, PyList>> {
        if self.view.shape.len() == 1 {
            return PyList::new(py, self.rows_of(py, &chosen.rows)?);
        }
        let mut cursor = Cursor::new(py, &self.file)?;
        let rows = chosen.rows.iter().map(|&row| self.get_row(py, &mut cursor, row));
        PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }

    /// Chooses `n` different rows at random.
    pub(crate) fn sampled(&self, n: i64, seed: Option<u64>) -> PyResult<Chosen> {
        let length = self.length()?;
        if !(0..=length).contains(&n) {
            let message = format!("{n} of {length} elements cannot be sampled");
            return Err(PyValueError::new_err(message));
        }
        let mut random = Random::new(seed);
        let (mut taken, mut rows) = (HashSet::new(), Vec::new());
        // Robert Floyd's algorithm takes as many numbers as are wanted. It leaves them in order, partly.
        for last in length - n..length {
            let row = random.below(last as u64 + 1) as i64;
            let row = if taken.insert(row) { row } else { last };
            taken.insert(row);
            rows.push(row);
        }
        for place in (1..rows.len()).rev() {
            rows.swap(place, random.below(place as u64 + 1) as usize);
        }
        Ok(Chosen { rows, shape: vec![n] })
    }
}

/// A generator of random numbers: SplitMix64, so that a seed gives the same order on every machine.
struct Random(u64);

impl Random {
    /// Creates a generator. Without a seed it is another one each time.
    fn new(seed: Option<u64>) -> Random {
        Random(seed.unwrap_or_else(|| RandomState::new().build_hasher().finish()))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, each with the same probability but for 2^-64.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

/// An iterator of all elements, each at random from the next ones.
#[pyclass(module = "npy_object")]
pub(crate) struct Shuffled {
    elements: Elements,
    random: Random,
    /// The most elements that are held.
    window: usize,
    held: Vec<Py<PyAny>>,
}

impl Shuffled {
    pub(crate) fn new(
        py: Python<'_>,
        array: &Array,
        seed: Option<u64>,
        window: usize,
    ) -> PyResult<Shuffled> {
        array.length()?;
        if window == 0 {
            return Err(PyValueError::new_err("a window has at least one element"));
        }
        let (elements, random) = (array.elements(py, false)?, Random::new(seed));
        Ok(Shuffled { elements, random, window, held: Vec::new() })
    }
}

#[pymethods]
impl Shuffled {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        while self.held.len() < self.window
            && let Some(element) = self.elements.take(py)?
        {
            self.held.push(element.unbind());
        }
        if self.held.is_empty() {
            return Ok(None);
        }
        let place = self.random.below(self.held.len() as u64) as usize;
        Ok(Some(self.held.swap_remove(place)))
    }

    fn __length_hint__(&self) -> u64 {
        self.elements.left() + self.held.len() as u64
    }
}
