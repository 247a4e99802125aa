//! `Writer`: writes an array of objects one element at a time.

use std::ffi::CString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use npy_object::{ArrayWriter, Options, Source, WriteOptions};
use pyo3::exceptions::{PyResourceWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyTuple;

use crate::errors::{raise, raise_of};

/// A writer of an array of objects, which needs the memory of one element.
///
/// Elements are pickled as `numpy.save` pickles them, with a protocol from 2 to 5. The new file replaces
/// an old one at `path` when the writer is closed. A `with` block that ends in an exception writes no
/// file and keeps the old one. A writer that is deleted without `close` does the same, and emits a
/// ResourceWarning.
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
    writer: Mutex<Option<ArrayWriter<'static>>>,
    path: PathBuf,
    dumps: Py<PyAny>,
    protocol: u8,
    written: u64,
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
    fn writer(&mut self) -> &mut Option<ArrayWriter<'static>> {
        self.writer.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (path, *, protocol=4))]
    fn new(py: Python<'_>, path: PathBuf, protocol: u8) -> PyResult<Writer> {
        let writer = py.detach(|| WriteOptions::new().protocol(protocol).create(&path));
        let writer = writer.map_err(|error| raise_of(py, &error, &path))?;
        let dumps = py.import("pickle")?.getattr("dumps")?.unbind();
        Ok(Writer { writer: Mutex::new(Some(writer)), path, dumps, protocol, written: 0 })
    }

    /// Appends an element, which may be any object that can be pickled.
    fn append(&mut self, py: Python<'_>, element: &Bound<'_, PyAny>) -> PyResult<()> {
        // Python pickles the element, and its value is read from that pickle as from a file.
        let pickle = self.dumps.bind(py).call1((element, self.protocol))?;
        let pickle = pickle.extract::<PyBackedBytes>()?;
        let closed = || PyValueError::new_err("the writer was closed");
        let writer = self.writer().as_mut().ok_or_else(closed)?;
        let written = py.detach(|| {
            let element = Options::new().load(Source::bytes(pickle))?;
            writer.append(element.element())
        });
        written.map_err(|error| raise(py, &error))?;
        self.written += 1;
        Ok(())
    }

    /// Appends every element of an iterable.
    fn extend(&mut self, py: Python<'_>, elements: &Bound<'_, PyAny>) -> PyResult<()> {
        elements.try_iter()?.try_for_each(|element| self.append(py, &element?))
    }

    /// Returns the number of elements written.
    fn __len__(&self) -> usize {
        self.written as usize
    }

    /// Finishes the array, and puts the new file in place.
    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(writer) = self.writer().take() else { return Ok(()) };
        py.detach(|| writer.finish()).map_err(|error| raise(py, &error))
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
