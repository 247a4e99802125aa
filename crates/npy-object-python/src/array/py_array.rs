//! `Array`: an array whose elements are read when they are asked for.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use npy_object::header::DType;
use npy_object::pickle::printable;
use npy_object::{ArrayClass, ItemType};
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyEllipsis, PyList, PyTuple};

use crate::array::arrow;
use crate::array::iter::{Batches, Elements, Rows};
use crate::array::view::{Found, View};
use crate::errors::{is_unsupported, limit, raise};
use crate::file::container::{Container, open_container};
use crate::file::reader::{Facts, File, Lease, Origin};
use crate::file::split::Split;
use crate::object::ndarray;

/// An array, or a part of one, whose elements are read from the file when they are asked for.
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
    /// All of the array in a file.
    pub(crate) fn of_file(py: Python<'_>, file: Arc<File>) -> PyResult<Array> {
        let facts = &file.facts;
        let outer = facts.shape.len() - inner(facts).len();
        match View::all(&facts.shape[..outer]) {
            Some(view) => Ok(Array { file, view }),
            None => Err(limit(py, "an array of over 2^63 elements", "npy.object.count")),
        }
    }

    fn part(&self, view: View) -> Array {
        Array { file: Arc::clone(&self.file), view }
    }

    pub(crate) fn has_objects(&self) -> bool {
        self.file.facts.has_objects
    }

    /// The dimensions of an element, where the array has no objects.
    fn inner(&self) -> &[usize] {
        inner(&self.file.facts)
    }

    /// The part from one row to another.
    pub(crate) fn rows(&self, from: i64, to: i64) -> Array {
        self.part(self.view.rows(from, to))
    }

    /// How many rows there are; fails for a 0-d array, which has none.
    pub(crate) fn length(&self) -> PyResult<i64> {
        self.view.shape.first().copied().ok_or_else(|| {
            let message = "a 0-d array has no length: a[()] is its element, and a.entries() loops over \
                           the dict, list, tuple or set in it";
            PyTypeError::new_err(message)
        })
    }

    /// Whether it has all elements of its file.
    fn is_whole(&self) -> bool {
        let len = self.file.facts.len;
        self.view.offset == 0 && self.view.is_contiguous() && self.view.len() == len
    }

    /// The element or the part with this index along the first dimension.
    pub(crate) fn get_row<'py>(
        &self,
        py: Python<'py>,
        lease: &mut Lease,
        index: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let row = self.view.row(index);
        if row.shape.is_empty() {
            return lease.get(py, row.offset as u64);
        }
        Ok(self.part(row).into_pyobject(py)?.into_any())
    }

    fn found<'py>(&self, py: Python<'py>, found: Found<'py>) -> PyResult<Bound<'py, PyAny>> {
        match found {
            Found::Element(element) => {
                let found = Lease::new(py, &self.file)?.get(py, element)?;
                if self.file.facts.len == 1 {
                    self.file.verify(py)?;
                }
                Ok(found)
            }
            Found::View(view) => Ok(self.part(view).into_pyobject(py)?.into_any()),
            Found::Within(..) if self.file.facts.shape.is_empty() => {
                let message = "a 0-d array takes no index: a[()] is its element, and a.entries() loops \
                               over the dict, list, tuple or set in it";
                Err(pyo3::exceptions::PyIndexError::new_err(message))
            }
            Found::Within(_, rest) if rest.len() > self.inner().len() => {
                let most = self.view.shape.len() + self.inner().len();
                let message = format!("too many indices: the array has {most} dimensions");
                Err(pyo3::exceptions::PyIndexError::new_err(message))
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

    fn elements(&self, py: Python<'_>, backwards: bool) -> PyResult<Elements> {
        Elements::new(py, &self.file, self.view.clone(), backwards)
    }

    /// The array in memory, as NumPy would have loaded it.
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
        let mut elements = self.elements(py, false)?;
        let mut objects = Vec::new();
        loop {
            match elements.take(py) {
                Ok(Some(object)) => objects.push(object),
                Ok(None) => break,
                // It may be that the elements can only be read together.
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

    /// The parts along the first dimension that come before an error, and how many they are.
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

    /// All elements, decoded together, so that what they share is one object.
    fn at_once<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let origin = &self.file.origin;
        let options = origin.settings.options()?;
        let whole = py.detach(|| options.read_pickle(origin.source.clone()));
        let whole = whole.map_err(|error| raise(py, &error))?;
        origin.maker(py).make(py, whole.element())
    }

    /// An array of these elements.
    fn assemble<'py>(
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
            // What stands for a missing str is known to the pickle alone.
            ItemType::String { .. } => {
                let whole = self.at_once(py)?.call_method1("reshape", (-1,))?;
                let places = (0..self.view.len()).map(|n| self.view.element(n));
                let part = whole.get_item(PyList::new(py, places.collect::<Vec<_>>())?)?;
                part.call_method1("reshape", (PyTuple::new(py, shape)?,))
            }
        }
    }

    /// An array without objects, or rows of one.
    fn numbers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
            // SAFETY: the bytes are in the file, which the owner keeps mapped.
            return unsafe { ndarray::view(dtype, &shape, order, bytes, owner.bind(py).as_any()) };
        }
        // The file has to have them before room is made for them.
        let raise = |error: std::io::Error| raise(py, &source.explain(error));
        let size = py.detach(|| source.size()).map_err(raise)?;
        if size < end {
            let error = self.read_all(py);
            return Err(error.err().unwrap_or_else(|| PyValueError::new_err("truncated")));
        }
        let (array, mut room) = ndarray::empty(dtype, &shape, order)?;
        // SAFETY: nobody else has the array yet.
        let room = unsafe { room.as_mut_slice() };
        let read = py.detach(|| {
            std::io::Read::read_exact(&mut part.to_reader(), room)?;
            if reaches_end { Ok(source.verify_to(end)?) } else { Ok(()) }
        });
        read.map_err(raise)?;
        Ok(array)
    }

    /// Reads every element, and keeps none.
    fn read_all(&self, py: Python<'_>) -> PyResult<()> {
        let mut elements = self.elements(py, false)?;
        while elements.take(py)?.is_some() {}
        Ok(())
    }

    /// The first rows, for people: those of an array of several dimensions as nested lists, of each
    /// of which the first items are shown.
    fn first_rows(&self, py: Python<'_>, count: i64) -> PyResult<Vec<String>> {
        let mut lease = Lease::new(py, &self.file)?;
        (0..count).map(|index| short_row(py, &mut lease, &self.view.row(index))).collect()
    }

    /// What another process opens it by.
    fn reopened(&self) -> PyResult<&PathBuf> {
        self.file.origin.path.as_ref().ok_or_else(|| {
            PyTypeError::new_err("only an array that was opened by its path can be sent elsewhere")
        })
    }
}

#[pymethods]
impl Array {
    /// The length of each dimension.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let inner = self.inner().iter().map(|&length| length as i64);
        PyTuple::new(py, self.view.shape.iter().copied().chain(inner).collect::<Vec<_>>())
    }

    /// How many dimensions there are.
    #[getter]
    fn ndim(&self) -> usize {
        self.view.shape.len() + self.inner().len()
    }

    /// How many items there are.
    #[getter]
    fn size(&self) -> u64 {
        self.view.len() * self.inner().iter().product::<usize>() as u64
    }

    /// What the items are: `dtype('O')` mostly.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.file.facts.item {
            ItemType::Plain(item) => Ok(ndarray::dtype(py, item)?.into_any()),
            ItemType::String { coerce, .. } => ndarray::string_dtype(py, *coerce, None),
        }
    }

    /// The elements one after another in C order, whatever the shape.
    #[getter]
    fn flat(&self, py: Python<'_>) -> PyResult<Elements> {
        self.elements(py, false)
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.length()? as usize)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // The dimensions of rows are NumPy's business: only an Ellipsis does not say where they
        // begin.
        let keys =
            key.cast::<PyTuple>().map_or_else(|_| vec![key.clone()], |keys| keys.iter().collect());
        if !self.inner().is_empty() && keys.iter().any(|key| key.is_instance_of::<PyEllipsis>()) {
            return self.numpy(py)?.get_item(key);
        }
        self.found(py, self.view.find(key)?)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.length()?;
        if self.view.shape.len() == 1 {
            return Ok(self.elements(py, false)?.into_pyobject(py)?.into_any());
        }
        Ok(Rows::new(py, self, false)?.into_pyobject(py)?.into_any())
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.length()?;
        if self.view.shape.len() == 1 {
            return Ok(self.elements(py, true)?.into_pyobject(py)?.into_any());
        }
        Ok(Rows::new(py, self, true)?.into_pyobject(py)?.into_any())
    }

    /// The elements `n` at a time, as NumPy arrays: the last may be shorter.
    fn iter_batches(slf: Bound<'_, Self>, n: i64) -> PyResult<Batches> {
        Batches::new(slf, n)
    }

    /// All of it as a NumPy array: what `numpy.load` gives, with what elements share shared.
    ///
    /// Of a part, each element is an object of its own.
    fn to_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.numpy(py)
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(false) {
            return Err(PyValueError::new_err("an array in a file is copied when it is read"));
        }
        let array = self.numpy(py)?;
        match dtype {
            Some(dtype) => array.call_method1(intern!(py, "astype"), (dtype,)),
            None => Ok(array),
        }
    }

    /// The elements as Arrow data, for pyarrow, polars, DuckDB: a column `element`, or, of dicts,
    /// one for each key. Arrays and lists are lists there. None, NaT and `pandas.NA` are null, and so
    /// is NaN, unless the column is one of floats. The types are those of the first 8,192.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // What can be asked for is best effort: the stream says what it is.
        let _ = requested_schema;
        if !self.view.is_contiguous() {
            let message = "only elements that lie behind one another are a stream of Arrow";
            return Err(PyValueError::new_err(message));
        }
        let mut lease = Lease::new(py, &self.file)?;
        let array = py.detach(|| lease.array().try_clone()).map_err(|error| raise(py, &error))?;
        let first = self.view.offset as u64;
        arrow::stream(py, array, first..first + self.view.len())
    }

    /// The members of what a 0-d array holds, one at a time: `(key, value)` of a dict, which is
    /// what `numpy.save` leaves of a dict, the items of a list, tuple, set or deque.
    fn entries(&self, py: Python<'_>) -> PyResult<Container> {
        if !self.view.shape.is_empty() {
            return Err(PyTypeError::new_err("entries() is for 0-d arrays: loop over this one"));
        }
        open_container(py, &self.file)
    }

    /// At most `n` parts with about as many elements each, for as many processes: they can be
    /// pickled, and each is iterated where it arrives.
    fn splits(&self, py: Python<'_>, n: usize) -> PyResult<Vec<Split>> {
        if !self.is_whole() || self.file.origin.member.is_some() {
            return Err(PyValueError::new_err("only the whole array of a file can be split"));
        }
        let path = self.reopened()?;
        let mut lease = Lease::new(py, &self.file)?;
        lease.survey_to(py, u64::MAX)?;
        let splits = py.detach(|| lease.array().splits(n)).map_err(|error| raise(py, &error))?;
        let settings = &self.file.origin.settings;
        let split = |part| Split::new(path.clone(), settings.clone_ref(py), part);
        Ok(splits.into_iter().map(split).collect())
    }

    /// Writes the file's index beside it, as `FILE.idx`, and returns its path: whoever opens the
    /// file next finds any element at once.
    fn save_index(&self, py: Python<'_>) -> PyResult<PathBuf> {
        let mut lease = Lease::new(py, &self.file)?;
        lease.survey_to(py, u64::MAX)?;
        py.detach(|| lease.array().write_index()).map_err(|error| raise(py, &error))
    }

    /// Compares size and CRC-32 of an array in an archive with those in the archive, and reads what
    /// was not read yet. A loop that comes to the end, and `to_numpy`, do so by themselves; what is
    /// read by index is not compared. Of any other array there is nothing to compare.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        self.file.verify(py)
    }

    /// Closes the file. Who iterates already goes on.
    fn close(&self) {
        self.file.close();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, exception: &Bound<'_, PyTuple>) {
        let _ = exception;
        self.close();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = "<npy_object.Array".to_owned();
        let Origin { path, member, .. } = &self.file.origin;
        if let Some(path) = path {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let _ = write!(text, " {name:?}");
        }
        if let Some(member) = member {
            let _ = write!(text, "[{member:?}]");
        }
        let (shape, dtype) = (self.shape(py)?.str()?, self.dtype(py)?.str()?);
        let _ = write!(text, " shape={shape} dtype={dtype}");
        if let Some(&length) = self.view.shape.first() {
            match self.first_rows(py, length.min(SHOWN)) {
                Ok(rows) => {
                    let more = if length > SHOWN { ", ..." } else { "" };
                    let _ = write!(text, " [{}{more}]", rows.join(", "));
                }
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    let _ = write!(text, " {error}");
                }
                // Such as that of Ctrl-C.
                Err(error) => return Err(error),
            }
        }
        text.push('>');
        Ok(text)
    }

    /// Another process opens the file by its path.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let path = self.reopened()?;
        let open = py.import("npy_object._npy_object")?.getattr("_open_view")?;
        let origin = &self.file.origin;
        let view = (self.view.offset, self.view.shape.clone(), self.view.strides.clone());
        let args = (path, &origin.member, &origin.settings, view);
        Ok((open, args.into_pyobject(py)?))
    }
}

/// Items of each dimension that `repr` shows.
const SHOWN: i64 = 3;

/// A row of a view, in short. Nested as deep as NumPy arrays have dimensions, 64 at most.
fn short_row(py: Python<'_>, lease: &mut Lease, row: &View) -> PyResult<String> {
    const LONGEST: usize = 60;
    let Some(&length) = row.shape.first() else {
        let shown = lease.get(py, row.offset as u64)?.repr()?.to_string();
        let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = printable(&line);
        return Ok(match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.into_owned(),
        });
    };
    // Of many dimensions, the first item is enough.
    let shown = if row.shape.len() > 2 { 1 } else { SHOWN };
    let parts = (0..length.min(shown)).map(|index| short_row(py, lease, &row.row(index)));
    let parts = parts.collect::<PyResult<Vec<_>>>()?.join(", ");
    Ok(format!("[{parts}{}]", if length > shown { ", ..." } else { "" }))
}

/// The dimensions of an element, where an array has no objects: all but the first.
fn inner(facts: &Facts) -> &[usize] {
    if facts.has_objects { &[] } else { facts.shape.get(1..).unwrap_or_default() }
}

/// Opens a part of an array, in another process than the one that had it.
#[pyfunction(name = "_open_view")]
pub(crate) fn open_view<'py>(
    py: Python<'py>,
    path: PathBuf,
    member: Option<String>,
    kwargs: &Bound<'py, PyDict>,
    view: (i64, Vec<i64>, Vec<i64>),
) -> PyResult<Array> {
    let open = py.import("npy_object")?.getattr("open")?;
    let mut found = open.call((path,), Some(kwargs))?;
    if let Some(member) = member {
        found = found.get_item(member)?;
    }
    let whole = found.cast::<Array>()?.get();
    let (offset, shape, strides) = view;
    let view = View { offset, shape, strides };
    let len = whole.view.len() as i64;
    // The file may be another one by now.
    let last = view.shape.iter().zip(&view.strides).try_fold(view.offset, |last, (&n, &stride)| {
        if n < 0 { None } else { last.checked_add((n - 1).max(0).checked_mul(stride)?) }
    });
    let is_inside = (0..=len).contains(&view.offset)
        && view.shape.len() == view.strides.len()
        && (view.len() == 0 || last.is_some_and(|last| (0..len).contains(&last)));
    if !is_inside {
        return Err(PyValueError::new_err("the file has changed: it has no such part"));
    }
    Ok(whole.part(view))
}
