//! What Python hands over to be read: paths, bytes, and objects with `read`.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use npy_object::Source;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes};

use crate::errors::raise_of;

/// Something to be read, and how another process would find it.
pub(crate) struct Input {
    pub(crate) source: Source,
    /// The file, where it was given by its path; absolute.
    pub(crate) path: Option<PathBuf>,
    /// Who keeps the bytes of a file that is mapped into memory.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which wants the lock that we may hold.
    pub(crate) runs_python: bool,
    /// The object with `read`, where that was given.
    pub(crate) handle: Option<Handle>,
}

/// An object with `read` that was given to be read.
pub(crate) enum Handle {
    /// It can seek; it stood at `start`.
    Seekable { object: Py<PyAny>, start: u64 },
    /// What was read of it cannot be given back.
    Stream,
}

impl Handle {
    /// Leaves the object at `end`, counted from where it stood.
    pub(crate) fn leave_at(&self, py: Python<'_>, end: u64) -> PyResult<()> {
        if let Handle::Seekable { object, start } = self {
            object.bind(py).call_method1(intern!(py, "seek"), (start + end,))?;
        }
        Ok(())
    }
}

/// A file that is mapped into memory as long as arrays look at it.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct MappedFile(pub(crate) Source);

impl Input {
    /// Opens what was given: a path, bytes, or an object with `read`.
    pub(crate) fn of(given: &Bound<'_, PyAny>, map: bool) -> PyResult<Input> {
        let py = given.py();
        let input =
            |source| Input { source, path: None, owner: None, runs_python: false, handle: None };
        if given.is_instance_of::<PyBytes>() || given.is_instance_of::<PyByteArray>() {
            return Ok(input(Source::bytes(given.extract::<PyBackedBytes>()?)));
        }
        if given.hasattr(intern!(py, "read"))? {
            let object = given.clone().unbind();
            let (source, start) = py.detach({
                let file = FileObject { object: object.clone_ref(py) };
                move || file.into_source()
            })?;
            let handle = match start {
                Some(start) => Handle::Seekable { object, start },
                None => Handle::Stream,
            };
            return Ok(Input { runs_python: true, handle: Some(handle), ..input(source) });
        }
        let path = match given.extract::<PathBuf>() {
            Ok(path) => path,
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                let class = given.get_type().name()?;
                let message =
                    format!("a path, bytes, or an object with read() is wanted, not {class}");
                return Err(PyTypeError::new_err(message));
            }
            // What `__fspath__` raised.
            Err(error) => return Err(error),
        };
        let raise = |error: io::Error| raise_of(py, &error.into(), &path);
        let path_of = |path: &Path| std::path::absolute(path).map_err(raise);
        if !map {
            let source = py.detach(|| Source::open(&path)).map_err(raise)?;
            return Ok(Input { path: Some(path_of(&path)?), ..input(source) });
        }
        // SAFETY: as with `numpy.memmap`, who maps a file sees to it that nobody makes it shorter.
        let source = unsafe { Source::map(&path) }.map_err(raise)?;
        let owner = Py::new(py, MappedFile(source.clone()))?;
        Ok(Input { path: Some(path_of(&path)?), owner: Some(owner), ..input(source) })
    }
}

/// `mmap_mode` as NumPy spells it: whether arrays are to be looked at where the file is mapped.
pub(crate) fn maps(mode: Option<&str>) -> PyResult<bool> {
    match mode {
        None => Ok(false),
        Some("r") => Ok(true),
        Some(other) => {
            let message =
                format!("mmap_mode has to be None or 'r', as files are only read, not {other:?}");
            Err(PyValueError::new_err(message))
        }
    }
}

/// An object with `read`, and maybe `seek`.
struct FileObject {
    object: Py<PyAny>,
}

impl FileObject {
    /// What follows the place where it stands, as `numpy.load` has it, and that place; `None` where
    /// it cannot seek.
    fn into_source(self) -> PyResult<(Source, Option<u64>)> {
        let start = Python::attach(|py| {
            let object = self.object.bind(py);
            let seekable = match object.getattr_opt(intern!(py, "seekable"))? {
                Some(seekable) => seekable.call0()?.is_truthy()?,
                None => object.hasattr(intern!(py, "seek"))?,
            };
            let tell = || object.call_method0(intern!(py, "tell"))?.extract::<u64>();
            seekable.then(tell).transpose()
        })?;
        Ok(match start {
            Some(start) => (Source::reader(self)?.section(start..), Some(start)),
            None => (Source::stream(self), None),
        })
    }
}

impl Read for FileObject {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let read = self.object.bind(py).call_method1(intern!(py, "read"), (buffer.len(),))?;
            let bytes = read.extract::<PyBackedBytes>().map_err(|_| not_bytes(&read))?;
            let Some(room) = buffer.get_mut(..bytes.len()) else {
                return Err(PyValueError::new_err("read() gave more bytes than it was asked for"));
            };
            room.copy_from_slice(&bytes);
            Ok(bytes.len())
        })
        .map_err(io::Error::other)
    }
}

#[cold]
fn not_bytes(read: &Bound<'_, PyAny>) -> PyErr {
    let class = read.get_type();
    PyTypeError::new_err(format!("read() gave {class}, not bytes: a file is to be opened as 'rb'"))
}

impl Seek for FileObject {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (to, from) = match to {
            SeekFrom::Start(to) => (i64::try_from(to).map_err(io::Error::other)?, 0),
            SeekFrom::Current(by) => (by, 1),
            SeekFrom::End(by) => (by, 2),
        };
        Python::attach(|py| {
            self.object.bind(py).call_method1(intern!(py, "seek"), (to, from))?.extract()
        })
        .map_err(|error: PyErr| io::Error::other(error))
    }
}
