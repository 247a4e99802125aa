//! The sources that Python code passes: paths, bytes, and objects with `read`.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use npy_object::{Format, Source};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes};

use crate::errors::{raise, raise_of};

/// A source to read, and how another process finds it.
pub(crate) struct Input {
    pub(crate) source: Source,
    /// The absolute path of the file, if a path was passed.
    pub(crate) path: Option<PathBuf>,
    /// The object that keeps the file mapped into memory, if it is.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which needs the interpreter that this thread may hold.
    pub(crate) runs_python: bool,
    /// The object with `read`, if one was passed.
    pub(crate) handle: Option<Handle>,
}

/// An object with `read`, to be left at the end of what was loaded from it.
pub(crate) enum Handle {
    /// An object that can seek; its position was `start`.
    Seekable { object: Py<PyAny>, start: u64 },
    /// An object that cannot seek back.
    Stream,
}

impl Handle {
    /// Seeks the object to `end`, counted from its position at the start.
    pub(crate) fn leave_at(&self, py: Python<'_>, end: u64) -> PyResult<()> {
        if let Handle::Seekable { object, start } = self {
            object.bind(py).call_method1(intern!(py, "seek"), (start + end,))?;
        }
        Ok(())
    }
}

/// A file mapped into memory. Arrays that are views into it keep it alive.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct MappedFile(pub(crate) Source);

impl Input {
    /// Opens a path, bytes, or an object with `read`.
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
                    format!("expected a path, bytes, or an object with read(), found {class}");
                return Err(PyTypeError::new_err(message));
            }
            // An exception of `__fspath__`.
            Err(error) => return Err(error),
        };
        let raise = |error: io::Error| raise_of(py, &error.into(), &path);
        let path_of = |path: &Path| std::path::absolute(path).map_err(raise);
        if !map {
            let source = py.detach(|| Source::open(&path)).map_err(raise)?;
            return Ok(Input { path: Some(path_of(&path)?), ..input(source) });
        }
        // SAFETY: as with `numpy.memmap`, the caller of `open` takes care that no process shortens the
        // file meanwhile, as the docs of `mmap_mode` say.
        let source = unsafe { Source::map(&path) }.map_err(raise)?;
        let owner = Py::new(py, MappedFile(source.clone()))?;
        Ok(Input { path: Some(path_of(&path)?), owner: Some(owner), ..input(source) })
    }
}

/// Returns the format that a source begins with.
pub(crate) fn sniff(py: Python<'_>, source: &Source) -> PyResult<Format> {
    let format = py.detach(|| Format::of(source));
    format.map_err(|error| raise(py, &source.explain(error)))
}

/// A Python object with `read`, and perhaps `seek`, as a Rust reader.
struct FileObject {
    object: Py<PyAny>,
}

impl FileObject {
    /// Returns the bytes from the object's position on, where `numpy.load` begins too, and the position:
    /// `None` if it cannot seek.
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
                let (most, found) = (buffer.len(), bytes.len());
                let message = format!("read({most}): expected at most {most} bytes, found {found}");
                return Err(PyValueError::new_err(message));
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
    PyTypeError::new_err(format!(
        "read(): expected bytes, found {class}: open the file with mode 'rb'"
    ))
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
