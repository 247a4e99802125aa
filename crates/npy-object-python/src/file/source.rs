//! The sources that Python code passes: paths, URLs, bytes, objects with `read`, and files of fsspec.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use npy_object::{Error, Format, Source};
use pyo3::exceptions::{PyImportError, PyOSError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString};

use crate::errors::{raise, raise_of};

/// A source to read, and how another process finds it.
pub(crate) struct Input {
    pub(crate) source: Source,
    /// Where another process finds the file, if it does.
    pub(crate) place: Option<Place>,
    /// The object that keeps the file mapped into memory, if it is.
    pub(crate) owner: Option<Py<MappedFile>>,
    /// Whether reading runs Python code, which needs the interpreter that this thread may hold.
    pub(crate) runs_python: bool,
    /// The object with `read`, if one was passed.
    pub(crate) handle: Option<Handle>,
}

/// Where another process finds a file.
pub(crate) enum Place {
    /// Its absolute path.
    Path(PathBuf),
    /// An `fsspec.core.OpenFile`, or an object like it: a file system, and the path in it.
    Remote(Py<PyAny>),
}

impl Place {
    /// Returns the place that [`to_object`](Self::to_object) has made an object of.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> Place {
        match object.extract::<PathBuf>() {
            Ok(path) if !is_remote(object) => Place::Path(path),
            _ => Place::Remote(object.clone().unbind()),
        }
    }

    /// Returns the object to pickle, which `open` takes. A `pathlib.Path` would be of a class that
    /// other versions of Python lack.
    pub(crate) fn to_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Place::Path(path) => Ok(path.as_os_str().into_pyobject(py)?.into_any()),
            Place::Remote(file) => Ok(file.bind(py).clone()),
        }
    }

    /// Returns the name of the file, without its folder.
    pub(crate) fn name(&self, py: Python<'_>) -> PyResult<String> {
        match self {
            Place::Path(path) => {
                Ok(path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned())
            }
            Place::Remote(file) => {
                let path = file.bind(py).getattr(intern!(py, "path"))?.str()?.to_string();
                Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
            }
        }
    }

    /// Returns the exception for an error of the file.
    pub(crate) fn raise(&self, py: Python<'_>, error: &Error) -> PyErr {
        match self {
            Place::Path(path) => raise_of(py, error, path),
            Place::Remote(_) => raise(py, error),
        }
    }

    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Place {
        match self {
            Place::Path(path) => Place::Path(path.clone()),
            Place::Remote(file) => Place::Remote(file.clone_ref(py)),
        }
    }

    /// Opens the index next to a remote file; `None` if there is none. The library itself finds one that
    /// is next to a path.
    pub(crate) fn index(&self, py: Python<'_>) -> PyResult<Option<Source>> {
        let Place::Remote(file) = self else { return Ok(None) };
        let file = file.bind(py);
        let path = file.getattr(intern!(py, "path"))?.str()?.to_string();
        // An index is of the bytes that are not compressed, whose number is not known.
        if path.ends_with(".gz") {
            return Ok(None);
        }
        let fs = file.getattr(intern!(py, "fs"))?;
        let opened = match open_in(&fs, &format!("{path}.idx"), INDEX_BLOCK) {
            Ok(opened) => opened,
            Err(error) if error.is_instance_of::<PyOSError>(py) => return Ok(None),
            Err(error) => return Err(error),
        };
        let object = opened.unbind();
        py.detach(|| FileObject { object }.into_source()).map(|(source, _)| Some(source))
    }
}

/// Bytes that a remote file is asked for at once, if it is read on. File systems ask for up to 50 MiB.
const BLOCK: usize = 1 << 20;
const INDEX_BLOCK: usize = 16 << 10;

/// Opens a file of an fsspec file system.
fn open_in<'py>(
    fs: &Bound<'py, PyAny>,
    path: &str,
    block_size: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = fs.py();
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "block_size"), block_size)?;
    fs.call_method(intern!(py, "open"), (path, "rb"), Some(&kwargs))
}

/// Returns whether an object is an `fsspec.core.OpenFile`, or one that has a file system and a path too.
fn is_remote(object: &Bound<'_, PyAny>) -> bool {
    let py = object.py();
    [intern!(py, "fs"), intern!(py, "path"), intern!(py, "open")]
        .into_iter()
        .all(|name| object.hasattr(name).unwrap_or(false))
}

/// Returns whether a str is a URL, as fsspec reads them.
fn is_url(text: &str) -> bool {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    text.split_once("://")
        .is_some_and(|(scheme, _)| scheme.len() > 1 && scheme.chars().all(is_scheme))
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

/// Returns the file of fsspec at a URL with these options, or, without options, what was given.
pub(crate) fn with_options<'py>(
    given: &Bound<'py, PyAny>,
    storage_options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(options) = storage_options else { return Ok(given.clone()) };
    match given.cast::<PyString>() {
        Ok(text) if is_url(&text.to_string_lossy()) => open_url(text, Some(options)),
        _ => Err(PyValueError::new_err("storage_options: expected a URL to open with them")),
    }
}

/// Returns the file of fsspec at a URL.
fn open_url<'py>(
    url: &Bound<'py, PyString>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = url.py();
    let fsspec = py.import("fsspec").map_err(|error| {
        let message = format!("to open a URL, install fsspec and what it needs: {error}");
        PyImportError::new_err(message)
    })?;
    fsspec.getattr(intern!(py, "open"))?.call((url, "rb"), options)
}

impl Input {
    /// Opens a path, a URL, bytes, an object with `read`, or a file of fsspec.
    pub(crate) fn of(given: &Bound<'_, PyAny>, map: bool) -> PyResult<Input> {
        let py = given.py();
        if given.is_instance_of::<PyBytes>() || given.is_instance_of::<PyByteArray>() {
            return Ok(Input::new(Source::bytes(given.extract::<PyBackedBytes>()?)));
        }
        if given.hasattr(intern!(py, "read"))? {
            return Input::of_object(given);
        }
        if is_remote(given) {
            return Input::of_remote(given, map);
        }
        if let Ok(text) = given.cast::<PyString>()
            && is_url(&text.to_string_lossy())
        {
            let file = open_url(text, None)?;
            return Input::of_remote(&file, map);
        }
        let path = match given.extract::<PathBuf>() {
            Ok(path) => path,
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                let class = given.get_type().name()?;
                let message = format!(
                    "expected a path, a URL, bytes, or an object with read(), found {class}"
                );
                return Err(PyTypeError::new_err(message));
            }
            // An exception of `__fspath__`.
            Err(error) => return Err(error),
        };
        let raise = |error: io::Error| raise_of(py, &error.into(), &path);
        let place = |path: &Path| std::path::absolute(path).map(Place::Path).map_err(raise);
        if !map {
            let source = py.detach(|| Source::open(&path)).map_err(raise)?;
            return Ok(Input { place: Some(place(&path)?), ..Input::new(source) });
        }
        // SAFETY: as with `numpy.memmap`, the caller of `open` takes care that no process shortens the
        // file meanwhile, as the docs of `mmap_mode` say.
        let source = unsafe { Source::map(&path) }.map_err(raise)?;
        let owner = Py::new(py, MappedFile(source.clone()))?;
        Ok(Input { place: Some(place(&path)?), owner: Some(owner), ..Input::new(source) })
    }

    fn new(source: Source) -> Input {
        Input { source, place: None, owner: None, runs_python: false, handle: None }
    }

    /// Opens an object with `read`.
    fn of_object(object: &Bound<'_, PyAny>) -> PyResult<Input> {
        let py = object.py();
        let file = FileObject { object: object.clone().unbind() };
        let (source, start) = py.detach(|| file.into_source())?;
        let handle = match start {
            Some(start) => Handle::Seekable { object: object.clone().unbind(), start },
            None => Handle::Stream,
        };
        // Another process opens it anew, at its beginning.
        let place = if start == Some(0) { place_of_open(object)? } else { None };
        Ok(Input { runs_python: true, handle: Some(handle), place, ..Input::new(source) })
    }

    /// Opens an `fsspec.core.OpenFile`.
    fn of_remote(file: &Bound<'_, PyAny>, map: bool) -> PyResult<Input> {
        let py = file.py();
        let (fs, path) = (file.getattr(intern!(py, "fs"))?, file.getattr(intern!(py, "path"))?);
        let path = path.str()?.to_string();
        let is_packed = match file.getattr_opt(intern!(py, "compression"))? {
            Some(compression) => !compression.is_none(),
            None => false,
        };
        let local = py.import("fsspec.implementations.local")?.getattr("LocalFileSystem")?;
        if fs.is_instance(&local)? && !is_packed {
            return Input::of(&path.into_pyobject(py)?.into_any(), map);
        }
        let object = match is_packed {
            true => file.call_method0(intern!(py, "open"))?,
            false => open_in(&fs, &path, BLOCK)?,
        };
        let place = Some(Place::Remote(file.clone().unbind()));
        Ok(Input { place, handle: None, ..Input::of_object(&object)? })
    }
}

/// Returns where another process finds the file that fsspec has opened as this object; `None` for any
/// other object.
fn place_of_open(object: &Bound<'_, PyAny>) -> PyResult<Option<Place>> {
    let py = object.py();
    let (fs, path) =
        match (object.getattr_opt(intern!(py, "fs"))?, object.getattr_opt(intern!(py, "path"))?) {
            (Some(fs), Some(path)) => (fs, path),
            _ => return Ok(None),
        };
    let Ok(fsspec) = py.import("fsspec") else { return Ok(None) };
    if !fs.is_instance(&fsspec.getattr("AbstractFileSystem")?)? {
        return Ok(None);
    }
    let file = fsspec.getattr("core")?.call_method1("OpenFile", (fs, path))?;
    Ok(Some(Place::Remote(file.unbind())))
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
