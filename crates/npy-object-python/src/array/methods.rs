//! The methods that `Array` has in Python.

use std::fmt::Write;
use std::path::PathBuf;

use npy_object::header::DType;
use npy_object::nested::Path;
use npy_object::pickle::printable;
use npy_object::{IndexKind, ItemType};
use pyo3::exceptions::{PyAttributeError, PyException, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyEllipsis, PyList, PySlice, PyString, PyTuple};

use crate::array::arrow::{self, ArrowSchema};
use crate::array::cursor::Cursor;
use crate::array::elements::Elements;
use crate::array::many::{Chosen, Shuffled};
use crate::array::py_array::{Array, no_index};
use crate::array::ranges::{self, ByteRanges};
use crate::array::rows::{Batches, Rows};
use crate::array::split::Split;
use crate::array::table::{self, Columns};
use crate::array::view::View;
use crate::errors::{raise, unknown_dtype, unsupported};
use crate::file::container::Container;
use crate::file::reader::Origin;
use crate::file::source::Place;
use crate::html::page::{Page, ROWS};
use crate::object::{names, ndarray};

#[pymethods]
impl Array {
    /// The length of each dimension.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let inner = self.inner().iter().map(|&length| length as i64);
        PyTuple::new(py, self.view.shape.iter().copied().chain(inner).collect::<Vec<_>>())
    }

    /// The number of dimensions.
    #[getter]
    fn ndim(&self) -> usize {
        self.view.shape.len() + self.inner().len()
    }

    /// The number of items.
    #[getter]
    fn size(&self) -> u64 {
        self.view.len() * self.inner().iter().product::<usize>() as u64
    }

    /// The dtype of the items: `dtype('O')` for an array of objects.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.file.facts.item {
            ItemType::Plain(item) => Ok(ndarray::dtype(py, item)?.into_any()),
            ItemType::String { coerce, .. } => ndarray::string_dtype(py, *coerce, None),
            _ => Err(unknown_dtype(py)),
        }
    }

    /// The bytes of the items in memory, as NumPy counts them: 8 for an object.
    #[getter]
    fn nbytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dtype(py)?.getattr("itemsize")?.mul(self.size())
    }

    /// The path of the file, or None if it was not opened by its path.
    #[getter]
    fn filename(&self) -> Option<&PathBuf> {
        match &self.file.origin.place {
            Some(Place::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// Returns the elements as nested lists, as NumPy does.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.numpy(py)?.call_method0("tolist")
    }

    /// Returns one element: that of these indices, or the only one.
    #[pyo3(signature = (*indices))]
    fn item<'py>(
        &self,
        py: Python<'py>,
        indices: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if indices.is_empty() && self.size() != 1 {
            let message = "only an array of one element is a Python scalar without an index";
            return Err(PyValueError::new_err(message));
        }
        let zeros = || PyTuple::new(py, vec![0; self.ndim()]);
        let key = if indices.is_empty() { zeros()? } else { indices.clone() };
        let element = match key.len() {
            1 if self.ndim() > 1 => self.numpy(py)?.call_method1("item", key)?,
            _ => self.__getitem__(py, key.as_any())?,
        };
        match self.has_objects() {
            true => Ok(element),
            false => element.call_method0("item"),
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
        if let Some(container) = self.container(py)?
            && !key.is_instance_of::<PyTuple>()
            && !key.is_instance_of::<PyEllipsis>()
        {
            return container.get(py, key).map_err(|error| {
                match key.is_instance_of::<PyString>() {
                    true => error,
                    // More likely an index than a key.
                    false => no_index(),
                }
            });
        }
        if let Ok(name) = key.cast::<PyString>() {
            return match self.has_fields() {
                true => self.field(py, name),
                false => Err(PyTypeError::new_err("a str is an index where the dtype has fields")),
            };
        }
        // NumPy indexes the inner dimensions of rows. With an Ellipsis, the key does not tell where they
        // begin.
        let keys =
            key.cast::<PyTuple>().map_or_else(|_| vec![key.clone()], |keys| keys.iter().collect());
        if !self.inner().is_empty() && keys.iter().any(|key| key.is_instance_of::<PyEllipsis>()) {
            return self.numpy(py)?.get_item(key);
        }
        if let Some(&length) = self.view.shape.first()
            && let Some(chosen) = Chosen::of_key(key, length)?
        {
            return self.choose(py, &chosen);
        }
        self.found(py, self.view.find(key)?)
    }

    /// Returns whether an element is `value` or equal to it, as `value in list` does; of a dict in a 0-d
    /// array, whether it has this key.
    fn __contains__(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = slf.py();
        if let Some(container) = slf.get().container(py)? {
            return container.has(py, value);
        }
        let sequence = py.import("collections.abc")?.getattr("Sequence")?;
        sequence.call_method1("__contains__", (slf, value))?.extract()
    }

    /// Gives a 0-d array the methods `keys`, `values` and `items` of the dict that it holds. Other arrays
    /// have none, as `dict` takes what has `keys` for a mapping.
    fn __getattr__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if matches!(&*name.to_cow()?, "keys" | "values" | "items")
            && let Some(container) = slf.get().container(py)?.filter(Container::is_dict)
        {
            return container.into_pyobject(py)?.getattr(name);
        }
        Err(PyAttributeError::new_err(format!("'npy_object.Array' has no attribute '{name}'")))
    }

    /// The names of the fields, or the keys of the dict in a 0-d array, for Tab in IPython.
    fn _ipython_key_completions_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.container(py) {
            Ok(Some(container)) => container.completions(py),
            _ if self.has_fields() => self.dtype(py)?.getattr("names"),
            _ => Ok(PyList::empty(py).into_any()),
        }
    }

    /// Returns the index of the first element that is `value` or equal to it, as `list.index` does.
    #[pyo3(signature = (value, start=0, stop=None))]
    fn index<'py>(
        slf: Bound<'py, Self>,
        value: Bound<'py, PyAny>,
        start: i64,
        stop: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sequence = slf.py().import("collections.abc")?.getattr("Sequence")?;
        sequence.call_method1("index", (slf, value, start, stop))
    }

    /// Returns how many elements are `value` or equal to it, as `list.count` does.
    fn count<'py>(slf: Bound<'py, Self>, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let sequence = slf.py().import("collections.abc")?.getattr("Sequence")?;
        sequence.call_method1("count", (slf, value))
    }

    /// Calls `function` with each element, in other processes, and iterates over the results, in the order
    /// of the elements. `workers` is the number of processes, by default one for each processor.
    ///
    /// A process reads `chunk` elements at a time; at most two chunks for each process wait to be taken.
    /// The function, and what it returns, are pickled. An error in it comes after the results before it.
    #[pyo3(signature = (function, workers=None, *, chunk=1000))]
    fn map<'py>(
        slf: Bound<'py, Self>,
        function: Bound<'py, PyAny>,
        workers: Option<usize>,
        chunk: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let map = slf.py().import("npy_object._map")?.getattr("map_elements")?;
        map.call1((slf, function, workers, chunk))
    }

    /// Returns the elements of these indices of the first dimension as a NumPy array of the shape of
    /// `indices`. Each is read once, in the order of the file.
    fn take<'py>(
        &self,
        py: Python<'py>,
        indices: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.choose(py, &Chosen::of(indices, self.length()?)?)
    }

    /// Returns the elements of these indices in a list, as a `DataLoader` of torch asks for them.
    fn __getitems__<'py>(
        &self,
        py: Python<'py>,
        indices: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.list(py, &Chosen::of(indices, self.length()?)?)
    }

    /// Returns `n` different elements at random as a NumPy array. A seed gives the same ones each time.
    #[pyo3(signature = (n, seed=None))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: i64,
        seed: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.choose(py, &self.sampled(n, seed)?)
    }

    /// Iterates over all elements in random order: each is taken at random from the next `window` ones,
    /// which are in memory. A seed gives the same order each time.
    #[pyo3(signature = (seed=None, window=1000))]
    fn shuffled(&self, py: Python<'_>, seed: Option<u64>, window: usize) -> PyResult<Shuffled> {
        Shuffled::new(py, self, seed, window)
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

    /// Iterates over the elements `n` at a time, as NumPy arrays; the last one may be shorter.
    fn iter_batches(slf: Bound<'_, Self>, n: i64) -> PyResult<Batches> {
        Batches::new(slf, n)
    }

    /// Returns the NumPy array that `numpy.load` gives, in which elements share the objects that the file
    /// shares.
    ///
    /// In a part of an array, elements share no objects.
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

    /// Returns the elements as Arrow data, for pyarrow, polars and DuckDB: a column `element`, or, for
    /// dicts, a column for each key. Arrays and lists become lists. None, NaT and `pandas.NA` become
    /// null, and so does NaN in a column that is not of floats. The first 8,192 elements decide the types,
    /// or `requested_schema`: then only its columns are decoded, and a column of texts may be a dictionary.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let elements = self.stretch()?;
        let mut cursor = Cursor::new(py, &self.file)?;
        // What the survey finds stays in the reader, so that the next part is found at once. An error
        // comes up again when the stream reads the element.
        if elements.start > 0 && elements.start < elements.end {
            cursor.survey_to(py, elements.start)?;
            let _ = py.detach(|| cursor.array().get(elements.start).map(drop));
        }
        let array = py.detach(|| cursor.array().clone());
        arrow::stream(py, array, elements, requested_schema.as_ref())
    }

    /// Returns the schema of a table of all elements, for `pyarrow.schema`: see `to_parquet`.
    #[pyo3(signature = (*, mixed="error", tensors="lists", sample=None))]
    fn schema(
        &self,
        py: Python<'_>,
        mixed: &str,
        tensors: &str,
        sample: Option<u64>,
    ) -> PyResult<ArrowSchema> {
        table::schema(py, self, Columns { mixed, tensors, sample })
    }

    /// Writes the elements to a Parquet file, and returns the number of rows. The file gets its name when
    /// it is whole.
    ///
    /// There is a column `element`, or a column for each key where all elements are dicts. All elements
    /// are read first, or the first `sample` of them, to find the types. `mixed` says what becomes of a
    /// column of several kinds of values: 'error', 'json' or 'union'. `tensors` says what arrays become:
    /// 'lists', 'fixed' (shape) or 'variable'. `compression` is 'none', 'snappy' or 'zstd'; `row_group` is
    /// the bytes of a row group, which take as much memory.
    #[expect(clippy::too_many_arguments, reason = "the keyword arguments of Python")]
    #[pyo3(signature = (path, *, compression="snappy", row_group=None, mixed="error", tensors="lists", sample=None))]
    fn to_parquet(
        &self,
        py: Python<'_>,
        path: PathBuf,
        compression: &str,
        row_group: Option<usize>,
        mixed: &str,
        tensors: &str,
        sample: Option<u64>,
    ) -> PyResult<u64> {
        let columns = Columns { mixed, tensors, sample };
        table::export(py, self, "parquet", &path, Some(compression), row_group, columns)
    }

    /// Writes the elements to an Arrow IPC file, which is a Feather file, as `to_parquet` does.
    /// `compression` is 'none', so that the file can be mapped into memory, or 'zstd'.
    #[pyo3(signature = (path, *, compression="none", mixed="error", tensors="lists", sample=None))]
    fn to_ipc(
        &self,
        py: Python<'_>,
        path: PathBuf,
        compression: &str,
        mixed: &str,
        tensors: &str,
        sample: Option<u64>,
    ) -> PyResult<u64> {
        let columns = Columns { mixed, tensors, sample };
        table::export(py, self, "arrow", &path, Some(compression), None, columns)
    }

    /// Writes the elements as JSON lines, as `to_parquet` does: one object a line, with a key for each
    /// column. NaN and infinities are strs, bytes are hexadecimal.
    #[pyo3(signature = (path, *, mixed="error", tensors="lists", sample=None))]
    fn to_jsonl(
        &self,
        py: Python<'_>,
        path: PathBuf,
        mixed: &str,
        tensors: &str,
        sample: Option<u64>,
    ) -> PyResult<u64> {
        let columns = Columns { mixed, tensors, sample };
        table::export(py, self, "jsonl", &path, None, None, columns)
    }

    /// Writes the elements as CSV, as `to_parquet` does. Columns of lists and dicts have no place there.
    #[pyo3(signature = (path, *, mixed="error", sample=None))]
    fn to_csv(
        &self,
        py: Python<'_>,
        path: PathBuf,
        mixed: &str,
        sample: Option<u64>,
    ) -> PyResult<u64> {
        let columns = Columns { mixed, sample, ..Columns::default() };
        table::export(py, self, "csv", &path, None, None, columns)
    }

    /// Writes arrays or lists of numbers to a new folder that NumPy maps into memory: element `i` is
    /// `values[offsets[i]:offsets[i + 1]]`, of `values.npy` and `offsets.npy`. Arrays of several dimensions
    /// have their shapes in `shapes.npy`. Returns the number of elements.
    fn to_flat(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        table::export(py, self, "flat", &path, None, None, Columns::default())
    }

    /// Writes numbers, or arrays of numbers of one shape, to an array without objects, which
    /// `numpy.load(path, mmap_mode="r")` maps into memory. Returns the number of elements.
    fn to_npy(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        table::export(py, self, "npy", &path, None, None, Columns::default())
    }

    /// Iterates over the places of the elements in the file: `ByteRange`s with dtype, shape, order, offset
    /// and length, for programs that read the bytes themselves. Every element has to be an array or a
    /// NumPy scalar without objects, in one piece in a file that is not compressed.
    fn byte_ranges(&self, py: Python<'_>) -> PyResult<ByteRanges> {
        ByteRanges::new(py, self)
    }

    /// Returns references to the arrays as kerchunk has them, a dict, with which zarr reads the arrays in
    /// place: of arrays of one dtype and one shape but for the first dimension, `values` and `offsets`,
    /// else an array for each element. `url` is where zarr finds the file, by default its path.
    #[pyo3(signature = (url=None))]
    fn kerchunk<'py>(&self, py: Python<'py>, url: Option<String>) -> PyResult<Bound<'py, PyAny>> {
        ranges::kerchunk(py, self, url)
    }

    /// Returns the container that a 0-d array holds, to loop over: `numpy.save` makes such an array of a
    /// dict. A dict gives `(key, value)`, a list, tuple, set or deque its items.
    fn entries(&self, py: Python<'_>) -> PyResult<Container> {
        if !self.view.shape.is_empty() {
            return Err(PyTypeError::new_err("entries() is for 0-d arrays: loop over this one"));
        }
        Container::in_array(py, &self.file)?.ok_or_else(|| {
            let message = "expected a dict, list, tuple, set or deque, found another value";
            unsupported(py, message)
        })
    }

    /// Divides the array into at most `n` parts of about the same number of elements, for other
    /// processes: a part can be pickled and is iterated there.
    fn splits(&self, py: Python<'_>, n: usize) -> PyResult<Vec<Split>> {
        if !self.is_whole() || self.file.origin.member.is_some() {
            return Err(PyValueError::new_err("only the whole array of a file can be split"));
        }
        let place = self.reopened()?;
        let mut cursor = Cursor::new(py, &self.file)?;
        cursor.survey_to(py, u64::MAX)?;
        let splits = py.detach(|| cursor.array().splits(n)).map_err(|error| raise(py, &error))?;
        let settings = &self.file.origin.settings;
        let split = |part| Split::new(place.clone_ref(py), settings.clone_ref(py), part);
        Ok(splits.into_iter().map(split).collect())
    }

    /// Writes an index next to the file, as `FILE.idx`, and returns its path. With the index, `open` finds
    /// any element at once.
    ///
    /// A dense index has the place of every element, about 2 bytes for each. By default the index is dense
    /// if it then takes at most a tenth of the file's size.
    #[pyo3(signature = (*, dense=None))]
    fn save_index(&self, py: Python<'_>, dense: Option<bool>) -> PyResult<PathBuf> {
        let kind = match dense {
            None => IndexKind::Auto,
            Some(true) => IndexKind::Dense,
            Some(false) => IndexKind::Sparse,
        };
        let mut cursor = Cursor::new(py, &self.file)?;
        cursor.survey_to(py, u64::MAX)?;
        py.detach(|| cursor.array().write_index_as(kind)).map_err(|error| raise(py, &error))
    }

    /// Compares size and CRC-32 of an array in an archive with those in the archive, and reads the bytes
    /// that were not read yet. A loop to the end and `to_numpy` do this too; access by index does not.
    /// For an array that is not in an archive this does nothing.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        self.file.verify(py)
    }

    /// Closes the file. Loops that have begun go on.
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
        let Origin { place, member, .. } = &*self.file.origin;
        if let Some(place) = place {
            let _ = write!(text, " {:?}", place.name(py)?);
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
                // A KeyboardInterrupt, for instance.
                Err(error) => return Err(error),
            }
        } else if let Ok(Some(container)) = self.container(py) {
            let _ = write!(text, " {}", container.kind());
        }
        text.push('>');
        Ok(text)
    }

    /// Returns what notebooks show: shape and dtype, the tree, and the first elements.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let facts = format!("shape {}, dtype {}", self.shape(py)?.str()?, self.dtype(py)?.str()?);
        let mut page = Page::new("npy_object.Array", &facts);
        if let Err(error) = self.file.check_open() {
            page.error(error);
            return Ok(page.finish());
        }
        let (options, source, budget) = self.file.origin.for_look()?;
        let is_one_object = self.has_objects() && self.view.shape.is_empty();
        let is_whole = self.is_whole();
        Ok(py.detach(|| {
            if is_whole {
                page.tree_of(&options, &source, &Path::default());
                budget.refill();
            }
            // The tree has the only object.
            if !(is_whole && is_one_object) {
                match options.contents(source) {
                    Ok(mut contents) => {
                        let numbers = 0..self.view.len().min(ROWS as u64);
                        let rows = numbers.map(|n| (self.view.label(n), self.view.element(n)));
                        page.elements(&mut contents, rows);
                    }
                    Err(error) => page.error(error),
                }
            }
            page.finish()
        }))
    }

    /// Pickles the array as its path and view: another process opens the file.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let place = self.reopened()?;
        let open = py.import("npy_object._npy_object")?.getattr("_open_view")?;
        let origin = &self.file.origin;
        let view = (self.view.offset, self.view.shape.clone(), self.view.strides.clone());
        let args = (place.to_object(py)?, &origin.member, &origin.settings, view);
        Ok((open, args.into_pyobject(py)?))
    }
}

/// Items of each dimension that `repr` shows.
const SHOWN: i64 = 3;

/// Returns a row of a view in short. Recursion is bounded by NumPy's 64 dimensions.
fn short_row(py: Python<'_>, cursor: &mut Cursor, row: &View) -> PyResult<String> {
    const LONGEST: usize = 60;
    let Some(&length) = row.shape.first() else {
        let shown = cursor.get(py, row.offset as u64)?.repr()?.to_string();
        let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = printable(&line);
        return Ok(match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.into_owned(),
        });
    };
    // An array of more than 3 dimensions shows only the first item of each.
    let shown = if row.shape.len() > 2 { 1 } else { SHOWN };
    let parts = (0..length.min(shown)).map(|index| short_row(py, cursor, &row.row(index)));
    let parts = parts.collect::<PyResult<Vec<_>>>()?.join(", ");
    Ok(format!("[{parts}{}]", if length > shown { ", ..." } else { "" }))
}

impl Array {
    /// Returns the container in a 0-d array; `None` of any other array.
    fn container(&self, py: Python<'_>) -> PyResult<Option<Container>> {
        match self.has_objects() && self.view.shape.is_empty() {
            true => Container::in_array(py, &self.file),
            false => Ok(None),
        }
    }

    /// Returns whether the dtype is structured.
    fn has_fields(&self) -> bool {
        matches!(&self.file.facts.item, ItemType::Plain(DType::Struct(_)))
    }

    /// Returns a field of all records as a NumPy array. Of an array without objects, the memory of this
    /// array and of some thousand records is taken.
    fn field<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        const RECORDS: i64 = 1 << 12;
        let dtype = self.dtype(py)?;
        if !dtype.getattr("names")?.contains(name)? {
            return Err(PyValueError::new_err(format!("no field of name {name}")));
        }
        let Some(&length) = self.view.shape.first().filter(|_| !self.has_objects()) else {
            return self.numpy(py)?.get_item(name);
        };
        let field =
            names::numpy(py)?.call_method1("empty", (self.shape(py)?, dtype.get_item(name)?))?;
        for from in (0..length).step_by(RECORDS as usize) {
            py.check_signals()?;
            let to = (from + RECORDS).min(length);
            let part = PySlice::new(py, from as isize, to as isize, 1);
            field.set_item(part, self.rows(from, to).numpy(py)?.get_item(name)?)?;
        }
        Ok(field)
    }

    /// Returns the first rows in short: of several dimensions as nested lists with their first items.
    fn first_rows(&self, py: Python<'_>, count: i64) -> PyResult<Vec<String>> {
        let mut cursor = Cursor::new(py, &self.file)?;
        (0..count).map(|index| short_row(py, &mut cursor, &self.view.row(index))).collect()
    }

    /// Returns where another process finds the file.
    fn reopened(&self) -> PyResult<&Place> {
        self.file.origin.place.as_ref().ok_or_else(|| {
            let message = "only an array that was opened by its path, its URL or an fsspec file can be \
                           sent elsewhere";
            PyTypeError::new_err(message)
        })
    }
}

/// Opens a part of an array that another process has pickled.
#[pyfunction(name = "_open_view")]
pub(crate) fn open_view<'py>(
    py: Python<'py>,
    place: Bound<'py, PyAny>,
    member: Option<String>,
    kwargs: &Bound<'py, PyDict>,
    view: (i64, Vec<i64>, Vec<i64>),
) -> PyResult<Array> {
    let open = py.import("npy_object")?.getattr("open")?;
    let mut found = open.call((place,), Some(kwargs))?;
    if let Some(member) = member {
        found = found.get_item(member)?;
    }
    let whole = found.cast::<Array>()?.get();
    let (offset, shape, strides) = view;
    let view = View { offset, shape, strides };
    let len = whole.view.len() as i64;
    // The file may have been replaced since.
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
