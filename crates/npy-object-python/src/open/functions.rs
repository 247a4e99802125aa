//! `open`, `load` and `open_all`: open or load the contents of a file.

use std::sync::Arc;

use npy_object::nested::Path;
use npy_object::{Contents, Error, ErrorKind, Format, Options, Sections, Source};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{empty, is_truncated, raise};
use crate::file::container::Container;
use crate::file::reader::Origin;
use crate::file::settings::{Memory, Settings};
use crate::file::source::{Handle, Input, MappedFile, sniff, with_options};
use crate::open::npz::{Members, Npz};
use crate::open::opened::{Opened, load_left, load_pickle, load_source};

/// Opens an array file, and reads only its beginning.
///
/// `source` is a path, bytes, or an object with `read` (and `seek`, if it can seek); with fsspec also a
/// URL such as `s3://bucket/big.npy`, or an `fsspec.core.OpenFile`. It holds a `.npy` file, which may be compressed by gzip, an `.npz` archive, or a bare pickle. Returns an `Array` for an
/// array, an `Npz` for an archive, and a `Container` for a pickle of a dict, list, tuple, set or deque.
/// If several arrays or pickles follow one another, only the first is opened; `open_all` opens all of
/// them.
///
/// encoding: the encoding of the str of Python 2: "ASCII", "latin1", "UTF-8" or "bytes". A str that is
/// not valid in it is returned as bytes.
/// index: whether to use the index `FILE.idx`, which `Array.save_index` writes next to the file.
/// max_memory: about how much memory reading may take, in bytes or as a str such as "64MB". An element
/// that needs more raises a LimitError.
/// find_class: a function that is called with a module and a name, as `pickle.Unpickler.find_class` is,
/// and returns the class or function that may be called, or None. The module and the name are those of
/// Python 3, also for files of Python 2. Without `find_class`, nothing that a file names is imported or
/// called, and objects of unknown classes are returned as `Opaque`.
/// mmap_mode: "r" maps the file into memory; its arrays are then read-only views. As with numpy.memmap,
/// no process may shorten the file meanwhile: a read past its new end stops this process with SIGBUS,
/// which no `except` catches. Leave it out for files that are still written to: a change of the file
/// then raises an exception.
/// storage_options: arguments of the file system of a URL, such as {"anon": True} for s3. Parts of the array
/// in other processes open the URL with them.
/// at: the way to a value in the file, such as "['train'][3]": the values beside it are not decoded. A
/// dict, list, tuple, set or deque there is returned as a `Container`, any other value as it is.
/// trust_payload: whether to read on if header and pickle disagree, as NumPy does.
/// unfinished: whether a loop over a truncated file also returns the values of its last batch before it
/// raises the TruncatedError. Then no element before the cut is missing, but the last values may be
/// parts of an element. Without it, a loop returns the elements of whole batches; NumPy writes batches
/// of 1,000. A truncated archive opens with a warning, and has the arrays that are left.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/ragged.npy"
/// >>> np.save(file, np.array([np.arange(2), np.arange(5)], object))
/// >>> [int(element.sum()) for element in npy_object.open(file)]
/// [1, 10]
#[pyfunction]
#[pyo3(
    signature = (
        source, mode=None, *, at=None, encoding="ASCII".to_owned(), index=true, max_memory=None,
        find_class=None, mmap_mode=None, storage_options=None, trust_payload=false, unfinished=false,
    ),
    text_signature = "(source, *, at=None, encoding='ASCII', index=True, max_memory=None, \
                      find_class=None, mmap_mode=None, storage_options=None, trust_payload=False, \
                      unfinished=False)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn open<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    mode: Option<&Bound<'py, PyAny>>,
    at: Option<&str>,
    encoding: String,
    index: bool,
    max_memory: Option<Memory>,
    find_class: Option<Py<PyAny>>,
    mmap_mode: Option<String>,
    storage_options: Option<&Bound<'py, PyDict>>,
    trust_payload: bool,
    unfinished: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(mode) = mode {
        let message = format!(
            "open() takes no mode, as it only reads: leave out {}. Writer writes a file or appends to one, and \
             mmap_mode='r' maps one into memory",
            mode.repr()?
        );
        return Err(PyTypeError::new_err(message));
    }
    let settings =
        Settings { encoding, index, max_memory, find_class, mmap_mode, trust_payload, unfinished };
    let input = Input::of(&with_options(source, storage_options)?, settings.maps()?)?;
    let path = at.map(|at| at.parse::<Path>().map_err(|error| raise(py, &error))).transpose()?;
    if sniff(py, &input.source)? == Format::Zip {
        if path.is_some() {
            let message =
                "`at` leads into one array: open(archive)[name] is the array of an archive";
            return Err(PyValueError::new_err(message));
        }
        return Ok(Npz::open(py, input, settings, Members::Opened)?.into_pyobject(py)?.into_any());
    }
    if let Some(path) = path {
        return Container::at(py, &Arc::new(Origin::of_input(py, input, settings)?), path);
    }
    Opened::new(py, Origin::of_input(py, input, settings)?)?.into_object(py)
}

/// Loads a file as `numpy.load(file, allow_pickle=True)` does, without importing or calling anything
/// that the file names.
///
/// Returns a NumPy array; for an archive an `Npz` of NumPy arrays, and for a bare pickle its object. With
/// `allow_pickle=False`, arrays of objects and pickles raise a ValueError, as in NumPy. The other
/// arguments are those of `open`. With `unfinished=True`, a truncated file is loaded with a warning, as
/// `salvage(..., doubtful=True)` would save it. `fix_imports` and `max_header_size` are those of NumPy, and
/// have no effect.
///
/// After the call, the position of an object with `read` is the end of the array or pickle, so that the
/// next call reads the next one. At the end of the file this raises an EOFError. Nothing past the end of
/// the array is read from an object that cannot seek, unless its data are compressed.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/settings.npy"
/// >>> np.save(file, {"rate": 0.5})
/// >>> npy_object.load(file)
/// array({'rate': 0.5}, dtype=object)
#[pyfunction]
#[pyo3(
    signature = (
        file, mmap_mode=None, allow_pickle=true, fix_imports=true, encoding="ASCII".to_owned(), *,
        max_header_size=None, max_memory=None, find_class=None, storage_options=None,
        trust_payload=true, unfinished=false,
    ),
    text_signature = "(file, mmap_mode=None, allow_pickle=True, fix_imports=True, encoding='ASCII', *, \
                      max_header_size=None, max_memory=None, find_class=None, storage_options=None, \
                      trust_payload=True, unfinished=False)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn load<'py>(
    py: Python<'py>,
    file: &Bound<'py, PyAny>,
    mmap_mode: Option<String>,
    allow_pickle: bool,
    fix_imports: bool,
    encoding: String,
    max_header_size: Option<usize>,
    max_memory: Option<Memory>,
    find_class: Option<Py<PyAny>>,
    storage_options: Option<&Bound<'py, PyDict>>,
    trust_payload: bool,
    unfinished: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let index = false;
    let settings =
        Settings { encoding, index, max_memory, find_class, mmap_mode, trust_payload, unfinished };
    // Names of Python 2 are always those of Python 3, and the length of a header has a limit of its own.
    let _ = (fix_imports, max_header_size);
    let mut input = Input::of(&with_options(file, storage_options)?, settings.maps()?)?;
    if is_empty(py, &input)? {
        // An object with `read` may be at its end because earlier calls have read its arrays.
        let why = match input.handle {
            Some(_) => None,
            None => settings.options()?.open(input.source).err(),
        };
        return Err(empty(py, why.as_ref()));
    }
    let format = sniff(py, &input.source)?;
    if format == Format::Zip {
        return Ok(Npz::open(py, input, settings, Members::Loaded { allow_pickle })?
            .into_pyobject(py)?
            .into_any());
    }
    let handle = input.handle.take().filter(|_| format != Format::Gzip);
    if let Some(Handle::Stream) = &handle {
        // A stream cannot be rewound to the end of its array, so we find the end first, and read
        // nothing past it.
        let options = settings.options()?.read_size(0, 0);
        match py.detach(|| options.end_of(&input.source)) {
            Ok(end) => input.source = input.source.section(..end),
            Err(error) if unfinished && error.kind() == ErrorKind::Truncated => {}
            Err(error) => return Err(raise(py, &error)),
        }
    }
    let left = unfinished.then(|| (input.source.clone(), settings.clone_ref(py)));
    let loaded = Origin::of_input(py, input, settings)
        .and_then(|origin| load_source(py, origin, allow_pickle, handle.is_some()));
    match (loaded, left) {
        (Err(error), Some((source, settings))) if is_truncated(py, &error) => {
            load_left(py, source, settings, allow_pickle, &error)
        }
        (loaded, _) => {
            let (loaded, end) = loaded?;
            if let (Some(handle), Some(end)) = (handle, end) {
                handle.leave_at(py, end)?;
            }
            Ok(loaded)
        }
    }
}

/// Reads a whole file, and raises the error that a loop over it would raise; of an archive, all arrays.
///
/// The arguments are those of `open`. Sizes and checksums of archives and compressed files are compared.
#[pyfunction]
#[pyo3(
    signature = (source, *, encoding="ASCII".to_owned(), max_memory=None),
    text_signature = "(source, *, encoding='ASCII', max_memory=None)",
)]
pub(crate) fn verify(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    encoding: String,
    max_memory: Option<Memory>,
) -> PyResult<()> {
    let settings = Settings { encoding, max_memory, ..Settings::default() };
    let options = settings.options()?;
    let input = Input::of(source, settings.maps()?)?;
    if sniff(py, &input.source)? != Format::Zip {
        return verify_all(py, &options, input.source);
    }
    let archive = py.detach(|| options.read_npz(input.source));
    let archive = archive.map_err(|error| raise(py, &error))?;
    for member in 0..archive.members().len() {
        let source = py.detach(|| archive.source(member));
        let source = source.map_err(|error| raise(py, &error))?;
        match sniff(py, &source)? {
            Format::Npy => verify_all(py, &options, source)?,
            _ => {
                let verified = py.detach(|| source.verify());
                verified.map_err(|error| raise(py, &error))?;
            }
        }
    }
    Ok(())
}

/// Decodes all elements of a source that is no archive.
fn verify_all(py: Python<'_>, options: &Options, source: Source) -> PyResult<()> {
    /// Elements between two checks of signals.
    const STRIDE: usize = 1 << 16;
    let contents = py.detach(|| options.contents(source.clone()));
    let mut contents = contents.map_err(|error| raise(py, &error))?;
    loop {
        let some = py.detach(|| {
            for _ in 0..STRIDE {
                let is_some = match &mut contents {
                    Contents::Array(array) => array.next_element()?.is_some(),
                    Contents::Container(container) => container.next_member()?.is_some(),
                    _ => options.load(source.clone()).map(|_| false)?,
                };
                if !is_some {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        if !some.map_err(|error: Error| raise(py, &error))? {
            return Ok(());
        }
        py.check_signals()?;
    }
}

/// Opens all arrays and pickles of a file to which several calls of `numpy.save` or `pickle.dump` have
/// written.
///
/// Returns an iterator. For each array or pickle, it returns the object that `open` returns for a file
/// with it alone; for a pickle that `open` refuses, such as a number, it returns the value. The arguments
/// are those of `open`. These arrays cannot be pickled, and no index is used.
///
/// >>> import io, npy_object, numpy as np
/// >>> file = io.BytesIO()
/// >>> np.save(file, np.arange(3))
/// >>> np.save(file, np.arange(4))
/// >>> [len(array) for array in npy_object.open_all(file.getvalue())]
/// [3, 4]
#[pyfunction]
#[pyo3(
    signature = (
        source, *, encoding="ASCII".to_owned(), max_memory=None, find_class=None, mmap_mode=None,
        trust_payload=false, unfinished=false,
    ),
    text_signature = "(source, *, encoding='ASCII', max_memory=None, find_class=None, \
                      mmap_mode=None, trust_payload=False, unfinished=False)",
)]
pub(crate) fn open_all(
    source: &Bound<'_, PyAny>,
    encoding: String,
    max_memory: Option<Memory>,
    find_class: Option<Py<PyAny>>,
    mmap_mode: Option<String>,
    trust_payload: bool,
    unfinished: bool,
) -> PyResult<All> {
    let py = source.py();
    let index = false;
    let settings =
        Settings { encoding, index, max_memory, find_class, mmap_mode, trust_payload, unfinished };
    let Input { source, owner, runs_python, .. } = Input::of(source, settings.maps()?)?;
    let sections = settings.options()?.sections(source).map_err(|error| raise(py, &error))?;
    Ok(All { sections, settings, owner, runs_python })
}

/// An iterator over the arrays and pickles of a file.
#[pyclass(module = "npy_object")]
pub(crate) struct All {
    sections: Sections,
    settings: Settings,
    owner: Option<Py<MappedFile>>,
    runs_python: bool,
}

#[pymethods]
impl All {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        py.check_signals()?;
        let sections = &mut self.sections;
        let Some(source) = py.detach(|| sections.next()) else { return Ok(None) };
        let origin = Origin {
            source: source.map_err(|error| raise(py, &error))?,
            settings: self.settings.clone_ref(py),
            place: None,
            member: None,
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
            runs_python: self.runs_python,
        };
        match Opened::new(py, origin)? {
            Opened::Value(origin) => Ok(Some(load_pickle(py, &origin)?.0)),
            opened => opened.into_object(py).map(Some),
        }
    }
}

/// Returns whether the source has no bytes.
fn is_empty(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let read = py.detach(|| input.source.read_at(&mut [0], 0));
    Ok(read.map_err(|error| raise(py, &input.source.explain(error)))? == 0)
}
