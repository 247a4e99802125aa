//! `NpzWriter`: writes an archive, one array after another.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use npy_object::{Source, write};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::{raise, raise_of};
use crate::file::writer::{Output, Target, Writer};
use crate::object::names::numpy;

/// A writer of an `.npz` archive, whose arrays are written one element at a time.
///
/// `writer` returns a `Writer` of an array, which is in a temporary file until it is closed. An array that
/// is in memory is added by `archive[name] = array`. The new file replaces an old one at `path` when the
/// archive is closed. A `with` block that ends in an exception writes no file. `numpy.load` reads it as an
/// archive of `numpy.savez`.
///
/// >>> import npy_object, tempfile
/// >>> file = tempfile.mkdtemp() + "/split.npz"
/// >>> with npy_object.NpzWriter(file) as archive:
/// ...     with archive.writer("texts") as texts:
/// ...         texts.extend(["a", "b"])
/// ...     archive["numbers"] = [1, 2, 3]
/// >>> npy_object.open(file)["texts"][1]
/// 'b'
#[pyclass(module = "npy_object")]
pub(crate) struct NpzWriter {
    /// `None` after `close`. The mutex only makes it `Sync`, as a Python class must be; it is never locked.
    writer: Mutex<Option<write::NpzWriter>>,
    path: PathBuf,
}

impl NpzWriter {
    fn writer(&mut self) -> PyResult<&mut write::NpzWriter> {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        writer.as_mut().ok_or_else(|| PyValueError::new_err("the archive was closed"))
    }

    /// Adds an array that is in a file.
    pub(super) fn add(
        &mut self,
        py: Python<'_>,
        name: &str,
        file: impl TryInto<Source, Error: Into<npy_object::Error>> + Send,
    ) -> PyResult<()> {
        let writer = self.writer()?;
        py.detach(|| writer.add(name, file)).map_err(|error| raise(py, &error))
    }
}

#[pymethods]
impl NpzWriter {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<NpzWriter> {
        let writer =
            write::NpzWriter::create(&path).map_err(|error| raise_of(py, &error, &path))?;
        Ok(NpzWriter { writer: Mutex::new(Some(writer)), path })
    }

    /// Returns a `Writer` of the array of this name. The arguments are those of `Writer`. The array is in
    /// the archive after the writer is closed.
    #[pyo3(name = "writer", signature = (name, *, protocol=None, shape=None, dtype=None))]
    fn writer_of(
        slf: Bound<'_, Self>,
        name: String,
        protocol: Option<u8>,
        shape: Option<Vec<usize>>,
        dtype: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Writer> {
        let py = slf.py();
        let path = {
            let mut archive = slf.borrow_mut();
            archive.writer()?;
            archive.path.clone()
        };
        let file = tempfile::tempfile()?;
        let target = Target::File(file.try_clone()?);
        let output = Output::create(py, target, protocol, shape, dtype)?;
        let archive = slf.unbind();
        let add = move |py: Python<'_>| archive.bind(py).borrow_mut().add(py, &name, file);
        Ok(Writer::of(py, output, path)?.and_then(Box::new(add)))
    }

    /// Adds an array that is in memory.
    fn __setitem__(&mut self, py: Python<'_>, name: &str, array: Bound<'_, PyAny>) -> PyResult<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("array.npy");
        numpy(py)?.call_method1("save", (&file, array))?;
        self.add(py, name, file)
    }

    /// Finishes the archive, and puts the new file in place.
    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(()) };
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
        *self.writer.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}
