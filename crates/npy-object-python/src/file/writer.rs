//! `Writer`: writes an array of objects one element at a time.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use npy_object::header::DType;
use npy_object::{ArrayWriter, Options, Pickled, RowWriter, Source, WriteOptions};
use pyo3::exceptions::{PyFileExistsError, PyResourceWarning, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::errors::{raise, raise_of};
use crate::file::numbers::{Numbers, Numeric};
use crate::object::names::numpy;

/// The number of elements that `extend` takes first, to see how large they are.
const FIRST: usize = 8;
/// About the bytes of a pickle that `extend` makes at once: few enough to stay in the cache of a processor.
const CHUNK: usize = 128 << 10;
/// Bytes from which on the interpreter is released.
const LONG: usize = 64 << 10;
/// The number of the error that a file exists, on every system.
const EEXIST: i32 = 17;

/// A writer of an array of objects, which needs the memory of one element, or of some MiB of elements in
/// `extend`.
///
/// Elements are pickled as `numpy.save` pickles them, with a protocol from 2 to 5. `extend` is faster than
/// `append`: it pickles up to 1,000 elements at once. The new file replaces
/// an old one at `path` when the writer is closed. A `with` block that ends in an exception writes no
/// file and keeps the old one. A writer that is deleted without `close` does the same, and emits a
/// ResourceWarning.
///
/// mode: 'w' replaces an old file, 'x' fails where there is one. 'a' adds elements after those of an old
/// file with one dimension of objects, or creates the file. With an index next to the file, this takes the
/// time of the new elements, and without one a survey of the file; `close` writes an index.
/// protocol: 4 by default; that of the file in mode 'a'.
/// shape: the length of each dimension, of which exactly the elements are appended in C order. Without it,
/// the array has one dimension of any length.
/// dtype: the dtype of an array without objects. Its rows along the first dimension are appended.
///
/// >>> import npy_object, tempfile
/// >>> file = tempfile.mkdtemp() + "/squares.npy"
/// >>> with npy_object.Writer(file) as writer:
/// ...     for n in range(1000):
/// ...         writer.append([n, n * n])
/// >>> npy_object.open(file)[12]
/// [12, 144]
#[pyclass(module = "npy_object")]
pub(crate) struct Writer {
    /// `None` after `close`. The mutex only makes it `Sync`, as a Python class must be; it is never locked.
    writer: Mutex<Option<Output>>,
    path: PathBuf,
    dumps: Py<PyAny>,
    protocol: u8,
    numbers: Numbers,
    /// The number of elements, after `close`.
    written: usize,
    /// What `close` does last, if anything.
    finish: Option<Finish>,
}

/// An array that is written.
pub(super) enum Output {
    Objects(Box<ArrayWriter<'static>>),
    /// An array without objects: the dtype and the shape of a row.
    Rows(Box<RowWriter<'static>>, Py<PyAny>, Vec<usize>),
}

/// Where an array is written.
pub(super) enum Target<'t> {
    Path(&'t Path),
    File(File),
}

impl Output {
    pub(super) fn create(
        py: Python<'_>,
        target: Target<'_>,
        protocol: Option<u8>,
        shape: Option<Vec<usize>>,
        dtype: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Output> {
        let mut options = WriteOptions::new().protocol(protocol.unwrap_or(4));
        if let Some(shape) = &shape {
            options = options.shape(shape);
        }
        let dtype = dtype.map(|dtype| numpy(py)?.call_method1("dtype", (dtype,))).transpose()?;
        let rows = dtype.filter(|dtype| {
            dtype.getattr("hasobject").and_then(|has| has.is_truthy()).is_ok_and(|has| !has)
        });
        let path = match &target {
            Target::Path(path) => Some(*path),
            Target::File(_) => None,
        };
        let raise = |error: npy_object::Error| match path {
            Some(path) => raise_of(py, &error, path),
            None => raise(py, &error),
        };
        let Some(dtype) = rows else {
            let writer = py.detach(|| match target {
                Target::Path(path) => options.create(path),
                Target::File(file) => options.write_to(file),
            });
            return writer.map(|writer| Output::Objects(Box::new(writer))).map_err(raise);
        };
        let row = shape.as_deref().and_then(|shape| shape.get(1..)).unwrap_or_default();
        let options = options.dtype(dtype_of(&dtype)?);
        let writer = match target {
            Target::Path(path) => options.create_rows(path),
            Target::File(file) => options.write_rows_to(file),
        };
        let writer = writer.map_err(raise)?;
        Ok(Output::Rows(Box::new(writer), dtype.unbind(), row.to_vec()))
    }
}

/// What is done with an array when it is whole.
pub(super) type Finish = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send + Sync>;

/// A pickler of Python for consecutive elements, and what the array has of its memo.
struct Session<'py> {
    pickler: Bound<'py, PyAny>,
    /// What the pickler has written.
    written: Bound<'py, PyList>,
    memo: Pickled,
    /// The memo entries of arrays that were written without the pickler, by address. They are kept alive,
    /// so that no other array has the address.
    arrays: HashMap<usize, (u64, Bound<'py, PyAny>)>,
    /// Bytes that were written.
    bytes: usize,
}

impl<'py> Session<'py> {
    /// The most memo entries of the pickler.
    const ENTRIES: usize = 1 << 16;
    /// The most bytes of elements that are kept alive.
    const BYTES: usize = 8 << 20;

    fn new(py: Python<'py>, protocol: u8) -> PyResult<Session<'py>> {
        let written = PyList::empty(py);
        // All that a pickler needs of a file.
        let file = PyDict::new(py);
        file.set_item("write", written.getattr("append")?)?;
        let file = py.import("types")?.getattr("SimpleNamespace")?.call((), Some(&file))?;
        let pickler = py.import("pickle")?.call_method1("Pickler", (file, protocol))?;
        Ok(Session { pickler, written, memo: Pickled::new(), arrays: HashMap::new(), bytes: 0 })
    }

    fn is_full(&self) -> bool {
        let entries = self.memo.entries() as usize + self.arrays.len() * 8;
        entries > Session::ENTRIES || self.bytes > Session::BYTES
    }

    /// Returns whether the pickler has objects in its memo, which arrays may be too.
    fn has_pickled(&self) -> bool {
        self.memo.entries() > 0
    }

    /// Puts the arrays that were written without the pickler into its memo.
    fn tell_arrays(&mut self) -> PyResult<()> {
        let known = PyDict::new(self.written.py());
        for (address, (entry, array)) in self.arrays.drain() {
            known.set_item(address, (self.memo.entries(), array))?;
            self.memo.know(entry);
        }
        self.pickler.setattr("memo", known)
    }

    /// Pickles a list of elements.
    fn pickle(&mut self, elements: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyAny>> {
        if !self.arrays.is_empty() {
            self.tell_arrays()?;
        }
        let py = self.written.py();
        self.pickler.call_method1(intern!(py, "dump"), (PyList::new(py, elements)?,))?;
        let pickle = PyBytes::new(py, b"").call_method1(intern!(py, "join"), (&self.written,))?;
        self.written.call_method0(intern!(py, "clear"))?;
        Ok(pickle)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.writer().take().is_none() {
            return;
        }
        // This does nothing if the interpreter is shutting down.
        Python::try_attach(|py| {
            // An exception may be pending, in which a warning cannot be emitted.
            let pending = PyErr::take(py);
            let class = py.get_type::<PyResourceWarning>();
            let text = format!(
                "{} was not written: its Writer was not closed. Use `with`, or call close()",
                self.path.display()
            );
            let text = CString::new(text).unwrap_or_default();
            if let Err(error) = PyErr::warn(py, &class, &text, 1) {
                error.write_unraisable(py, None);
            }
            if let Some(pending) = pending {
                pending.restore(py);
            }
        });
    }
}

impl Writer {
    pub(super) fn of(py: Python<'_>, writer: Output, path: PathBuf) -> PyResult<Writer> {
        let protocol = match &writer {
            Output::Objects(writer) => writer.protocol(),
            Output::Rows(..) => 4,
        };
        let dumps = py.import("pickle")?.getattr("dumps")?.unbind();
        let numbers = Numbers::default();
        let writer = Mutex::new(Some(writer));
        Ok(Writer { writer, path, dumps, protocol, numbers, written: 0, finish: None })
    }

    /// Calls a function after the array is whole.
    pub(super) fn and_then(mut self, finish: Finish) -> Writer {
        self.finish = Some(finish);
        self
    }

    /// Opens a file to append elements to. `is_given` says whether a shape or a dtype was given.
    fn append_to(
        py: Python<'_>,
        path: PathBuf,
        protocol: Option<u8>,
        is_given: bool,
    ) -> PyResult<Writer> {
        if is_given {
            let message = "shape and dtype are those of the file in mode 'a'";
            return Err(PyValueError::new_err(message));
        }
        let writer = py.detach(|| ArrayWriter::append_to(&path));
        let writer = writer.map_err(|error| raise_of(py, &error, &path))?;
        match (writer.protocol(), protocol) {
            (found, Some(given)) if given != found => {
                let message = format!("protocol: the file has {found}, found {given}");
                Err(PyValueError::new_err(message))
            }
            _ => Writer::of(py, Output::Objects(Box::new(writer)), path),
        }
    }

    /// Returns the writer, unless it was closed.
    fn open(&mut self) -> PyResult<&mut ArrayWriter<'static>> {
        match self.writer() {
            Some(Output::Objects(writer)) => Ok(writer),
            Some(Output::Rows(..)) => Err(PyValueError::new_err("the array has no objects")),
            None => Err(PyValueError::new_err("the writer was closed")),
        }
    }

    /// Appends a row of an array without objects. Returns `false` where the array has objects.
    fn append_row(&mut self, py: Python<'_>, row: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Some(Output::Rows(writer, dtype, shape)) = self.writer() else { return Ok(false) };
        let row = numpy(py)?.call_method1(intern!(py, "asarray"), (row, dtype.bind(py)))?;
        let found: Vec<usize> = row.getattr(intern!(py, "shape"))?.extract()?;
        if found != *shape {
            let message = format!("expected a row of shape {shape:?}, found shape {found:?}");
            return Err(PyValueError::new_err(message));
        }
        let bytes = row.call_method0(intern!(py, "tobytes"))?.extract::<PyBackedBytes>()?;
        writer.append(&bytes).map(|()| true).map_err(|error| raise(py, &error))
    }

    /// Appends an array of numbers.
    fn append_array(&mut self, py: Python<'_>, array: Numeric<'_>) -> PyResult<()> {
        let Numeric { dtype, shape, fortran_order, bytes } = array;
        let writer = self.open()?;
        let appended = writer.append_array(&dtype, shape, fortran_order, bytes);
        appended.map_err(|error| raise(py, &error))
    }

    /// Appends the elements of a pickled list.
    fn append_pickled(
        &mut self,
        py: Python<'_>,
        memo: &mut Pickled,
        pickle: &Bound<'_, PyAny>,
        count: usize,
    ) -> PyResult<()> {
        let pickle = pickle.extract::<PyBackedBytes>()?;
        let writer = self.open()?;
        let appended = match pickle.len() < LONG {
            true => writer.append_pickled(memo, &pickle, count),
            false => py.detach(|| writer.append_pickled(memo, &pickle, count)),
        };
        appended.map_err(|error| raise(py, &error))
    }

    /// Appends elements that fit into the open batch.
    fn append_chunk<'py>(
        &mut self,
        py: Python<'py>,
        session: &mut Session<'py>,
        chunk: &[Bound<'py, PyAny>],
    ) -> PyResult<()> {
        if !session.has_pickled() && self.numbers.are_arrays(chunk)? {
            return chunk.iter().try_for_each(|array| self.append_shared(py, session, array));
        }
        match session.pickle(chunk) {
            Ok(pickle) => {
                session.bytes += pickle.len()?;
                self.append_pickled(py, &mut session.memo, &pickle, chunk.len())
            }
            // The elements before the one that cannot be pickled are written.
            Err(error) => {
                for element in chunk {
                    self.append(py, element)?;
                }
                Err(error)
            }
        }
    }

    /// Appends an array of numbers, or a read of it from the memo.
    fn append_shared<'py>(
        &mut self,
        py: Python<'py>,
        session: &mut Session<'py>,
        array: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let address = array.as_ptr() as usize;
        if let Some(&(entry, _)) = session.arrays.get(&address) {
            let appended = self.open()?.append_with(|build| build.outer(entry));
            return appended.map_err(|error| raise(py, &error));
        }
        let Some(numeric) = self.numbers.array(array)? else { return self.append(py, array) };
        session.bytes += numeric.bytes.len() + 64;
        self.append_array(py, numeric)?;
        if let Some(entry) = self.open()?.last_entry() {
            session.arrays.insert(address, (entry, array.clone()));
        }
        Ok(())
    }

    fn writer(&mut self) -> &mut Option<Output> {
        self.writer.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the dtype that NumPy writes into a header.
fn dtype_of(dtype: &Bound<'_, PyAny>) -> PyResult<DType> {
    let py = dtype.py();
    let format = numpy(py)?.getattr("lib")?.getattr("format")?;
    let header = PyDict::new(py);
    header.set_item("descr", format.call_method1("dtype_to_descr", (dtype,))?)?;
    header.set_item("fortran_order", false)?;
    header.set_item("shape", (0,))?;
    let buffer = py.import("io")?.call_method0("BytesIO")?;
    format.call_method1("write_array_header_2_0", (&buffer, header))?;
    let bytes = buffer.call_method0("getvalue")?.extract::<PyBackedBytes>()?;
    let header = Options::new().header(Source::bytes(bytes)).map_err(|error| raise(py, &error))?;
    let none = || PyValueError::new_err("the dtype has no header");
    header.map(|(header, _)| header.dtype).ok_or_else(none)
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (path, mode="w", *, protocol=None, shape=None, dtype=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        mode: &str,
        protocol: Option<u8>,
        shape: Option<Vec<usize>>,
        dtype: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Writer> {
        match mode {
            "w" => {}
            "x" if path.exists() => {
                return Err(PyFileExistsError::new_err((EEXIST, "File exists", path)));
            }
            "x" => {}
            "a" if path.exists() => {
                let is_given = shape.is_some() || dtype.is_some();
                return Writer::append_to(py, path, protocol, is_given);
            }
            "a" => {}
            _ => {
                let message = format!("mode: expected 'w', 'x' or 'a', found {mode:?}");
                return Err(PyValueError::new_err(message));
            }
        }
        let writer = Output::create(py, Target::Path(&path), protocol, shape, dtype)?;
        Writer::of(py, writer, path)
    }

    /// Appends an element, which may be any object that can be pickled.
    ///
    /// The element is pickled before this returns, so that a buffer can be used again for the next one. An
    /// object that is in several elements is written for each.
    fn append(&mut self, py: Python<'_>, element: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.append_row(py, element)? {
            return Ok(());
        }
        if let Some(array) = self.numbers.array(element)? {
            return self.append_array(py, array);
        }
        let one = PyList::new(py, [element])?;
        let pickle = self.dumps.bind(py).call1((one, self.protocol))?;
        self.append_pickled(py, &mut Pickled::new(), &pickle, 1)
    }

    /// Appends every element of an iterable, many at a time.
    ///
    /// An object that is in several of them is written once, and is one object when it is read, if at most
    /// 65,536 memo entries (about 8 for an array, 1 for a str) and 8 MiB of other elements are between
    /// them. So a buffer must not be used again: append() copies it at once.
    fn extend(&mut self, py: Python<'_>, elements: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut elements = elements.try_iter()?;
        if matches!(self.writer(), Some(Output::Rows(..))) {
            return elements.try_for_each(|row| self.append(py, &row?));
        }
        let mut session = Session::new(py, self.protocol)?;
        let (mut wanted, mut over) = (FIRST, None);
        while over.is_none() {
            py.check_signals()?;
            let wanted_now = wanted.min(self.open()?.batch_room());
            let mut chunk = Vec::with_capacity(wanted_now);
            while chunk.len() < wanted_now && over.is_none() {
                match elements.next() {
                    Some(Ok(element)) => chunk.push(element),
                    // The elements before an error are written.
                    Some(Err(error)) => over = Some(Err(error)),
                    None => over = Some(Ok(())),
                }
            }
            if chunk.is_empty() {
                continue;
            }
            let before = session.bytes;
            self.append_chunk(py, &mut session, &chunk)?;
            // As many as have about as many bytes as a chunk should have.
            let each = (session.bytes - before) / chunk.len() + 1;
            wanted = (CHUNK / each).clamp(1, wanted * 8);
            if session.is_full() {
                session = Session::new(py, self.protocol)?;
            }
        }
        over.unwrap_or(Ok(()))
    }

    /// Returns the number of elements written.
    fn __len__(&mut self) -> usize {
        match self.writer() {
            Some(Output::Objects(writer)) => writer.len() as usize,
            Some(Output::Rows(writer, ..)) => writer.len() as usize,
            None => self.written,
        }
    }

    /// Finishes the array, and puts the new file in place.
    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        let written = self.__len__();
        let Some(writer) = self.writer().take() else { return Ok(()) };
        self.written = written;
        let finished = py.detach(|| match writer {
            Output::Objects(writer) => writer.finish(),
            Output::Rows(writer, ..) => writer.finish(),
        });
        finished.map_err(|error| raise(py, &error))?;
        self.finish.take().map_or(Ok(()), |finish| finish(py))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&mut self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        if exception.iter().all(|part| part.is_none()) {
            return self.close(py);
        }
        *self.writer() = None;
        Ok(())
    }
}
