//! `open` and `load`: what is in a file.

use std::ffi::CString;
use std::io::Cursor;
use std::sync::Arc;

use npy_object::{Cause, Format, Salvage, Source, Subscripts};
use pyo3::exceptions::{PyTypeError, PyUserWarning, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::array::Array;
use crate::container::{Container, Whole};
use crate::errors::{is_truncated, raise, raise_of};
use crate::npz::{Members, Npz};
use crate::reader::{File, Origin};
use crate::settings::{Memory, Settings};
use crate::source::Input;

/// Opens an array file and reads nothing but its beginning.
///
/// `source` is a path, bytes, or an object with `read` (and `seek`, where it has it): a `.npy`
/// file, plain or in gzip, an `.npz` archive, or a bare pickle. What comes is an `Array`, of an
/// archive an `Npz`, and of a pickle of a dict, list, tuple or set a `Container`.
///
/// encoding: how the str of Python 2 is read: "ASCII", "latin1", "UTF-8" or "bytes". What does not
/// fit it becomes bytes.
/// index: whether to use the index beside the file that `Array.save_index` writes.
/// max_memory: about how much memory reading may take: bytes, or a str such as "64MB". An element
/// that takes more is refused with a LimitError.
/// find_class: as `pickle.Unpickler.find_class`, it is given a module and a name, which are those of
/// Python 3 also in files of Python 2, and returns the
/// class or function that may be called, or None. Without it nothing that a file names is imported
/// or called: objects of classes that are not known arrive as `Opaque`.
/// mmap_mode: "r" maps the file into memory; arrays in it are then read-only views. As with
/// numpy.memmap, nobody may make the file shorter meanwhile: to read what is no longer there ends
/// the process with SIGBUS, which no `except` catches. For files that are still written to, leave
/// it out: what has changed is then an exception.
/// trust_payload: whether to go on where header and pickle disagree, as NumPy does.
/// unfinished: of a file that was cut off, whether to give the values of its last batch too, before
/// the TruncatedError. No element before the cut is missing then, but the last values may be parts of
/// one. Without it a loop gives the elements of whole batches, of 1,000 each in what NumPy writes.
/// Of an archive that was cut off, the arrays that are left can be opened, with a warning.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/ragged.npy"
/// >>> np.save(file, np.array([np.arange(2), np.arange(5)], object))
/// >>> [int(element.sum()) for element in npy_object.open(file)]
/// [1, 10]
#[pyfunction]
#[pyo3(
    signature = (
        source, mode=None, *, encoding="ASCII".to_owned(), index=true, max_memory=None,
        find_class=None, mmap_mode=None, trust_payload=false, unfinished=false,
    ),
    text_signature = "(source, *, encoding='ASCII', index=True, max_memory=None, find_class=None, \
                      mmap_mode=None, trust_payload=False, unfinished=False)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn open<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    mode: Option<&Bound<'py, PyAny>>,
    encoding: String,
    index: bool,
    max_memory: Option<Memory>,
    find_class: Option<Py<PyAny>>,
    mmap_mode: Option<String>,
    trust_payload: bool,
    unfinished: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(mode) = mode {
        let message = format!(
            "open() takes no mode, as it only reads: leave out {}. Writer writes a file, and \
             mmap_mode='r' maps one into memory",
            mode.repr()?
        );
        return Err(PyTypeError::new_err(message));
    }
    let settings =
        Settings { encoding, index, max_memory, find_class, mmap_mode, trust_payload, unfinished };
    let input = Input::of(source, settings.maps()?)?;
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, Members::Opened)?.into_pyobject(py)?.into_any());
    }
    match open_input(py, input, settings)? {
        Opened::Array(array) => Ok(array.into_pyobject(py)?.into_any()),
        Opened::Pickle(origin) => {
            let whole = Whole::Pickle(Arc::new(origin));
            match Container::open(py, whole, Subscripts::default())? {
                Some(container) => Ok(container.into_pyobject(py)?.into_any()),
                None => {
                    let message = "the pickle is no array of objects, dict, list, tuple or set: \
                                   load() gives what it is";
                    Err(PyValueError::new_err(message))
                }
            }
        }
    }
}

/// Loads a file as `numpy.load(source, allow_pickle=True)` does, without running what it names.
///
/// Gives an array, of an archive an `Npz` of such arrays, of a bare pickle its object. With
/// `allow_pickle=False` objects are refused, as by NumPy. The other arguments are those of `open`; with
/// `unfinished=True`, a file that was cut off gives, with a warning, what `salvage(..., doubtful=True)`
/// would save of it.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/settings.npy"
/// >>> np.save(file, {"rate": 0.5})
/// >>> npy_object.load(file)
/// array({'rate': 0.5}, dtype=object)
#[pyfunction]
#[pyo3(
    signature = (
        source, mmap_mode=None, allow_pickle=true, *, encoding="ASCII".to_owned(), max_memory=None,
        find_class=None, trust_payload=true, unfinished=false,
    ),
    text_signature = "(source, mmap_mode=None, allow_pickle=True, *, encoding='ASCII', \
                      max_memory=None, find_class=None, trust_payload=True, unfinished=False)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn load<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    mmap_mode: Option<String>,
    allow_pickle: bool,
    encoding: String,
    max_memory: Option<Memory>,
    find_class: Option<Py<PyAny>>,
    trust_payload: bool,
    unfinished: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let settings = Settings {
        encoding,
        index: false,
        max_memory,
        find_class,
        mmap_mode,
        trust_payload,
        unfinished,
    };
    let input = Input::of(source, settings.maps()?)?;
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, Members::Loaded { allow_pickle })?
            .into_pyobject(py)?
            .into_any());
    }
    let left = unfinished.then(|| (input.source.clone(), settings.clone_ref(py)));
    let loaded = load_input(py, input, settings, allow_pickle);
    match (loaded, left) {
        (Err(error), Some((source, settings))) if is_truncated(py, &error) => {
            load_left(py, source, settings, allow_pickle, &error)
        }
        (loaded, _) => loaded,
    }
}

/// Loads what `salvage` keeps of a file that was cut off, and warns of what `error` says.
pub(crate) fn load_left<'py>(
    py: Python<'py>,
    source: Source,
    settings: Settings,
    allow_pickle: bool,
    error: &PyErr,
) -> PyResult<Bound<'py, PyAny>> {
    let options = settings.options()?;
    let salvage = Salvage::new().options(options.clone()).keep_doubtful(true);
    let saved = py.detach(|| {
        // Of a bare pickle that is no array, its object is wanted.
        let opened = options.read_source(source.clone());
        let is_pickle = opened.is_err_and(|error| error.clause() == "npy.object.envelope");
        let mut saved = Cursor::new(Vec::new());
        let report = salvage.write_to(source, &mut saved)?;
        Ok((saved.into_inner(), report, is_pickle))
    });
    let (saved, report, is_pickle) = saved.map_err(|error| raise(py, &error))?;
    if report.is_nothing() {
        return Err(error.clone_ref(py));
    }
    let message = CString::new(error.value(py).to_string())?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)?;
    let input = Input { source: Source::bytes(saved), path: None, owner: None, runs_python: false };
    let array = load_input(py, input, settings, allow_pickle)?;
    if is_pickle { array.call_method0(intern!(py, "item")) } else { Ok(array) }
}

fn load_input<'py>(
    py: Python<'py>,
    input: Input,
    settings: Settings,
    allow_pickle: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if !allow_pickle {
        refuse_objects(py, &input.source, &settings)?;
    }
    match open_input(py, input, settings)? {
        Opened::Array(array) => array.numpy(py),
        Opened::Pickle(origin) => {
            let options = origin.settings.options()?;
            let whole = py.detach(|| options.read_pickle(origin.source.clone()));
            let whole = whole.map_err(|error| raise(py, &error))?;
            origin.maker(py).make(py, whole.element())
        }
    }
}

/// Refuses what is pickled, before anything of the pickle is read.
pub(crate) fn refuse_objects(py: Python<'_>, source: &Source, settings: &Settings) -> PyResult<()> {
    let options = settings.options()?;
    let header = py.detach(|| options.read_header(source.clone()));
    match header.map_err(|error| raise(py, &error))? {
        Some((header, _)) if !header.dtype.has_object() => Ok(()),
        _ => {
            let message = "Object arrays cannot be loaded when allow_pickle=False";
            Err(PyValueError::new_err(message))
        }
    }
}

fn is_archive(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let format = py.detach(|| Format::of(&input.source));
    Ok(format.map_err(|error| raise(py, &input.source.explain(error)))? == Format::Zip)
}

/// What was opened.
enum Opened {
    Array(Array),
    /// A pickle that is no array of objects.
    Pickle(Origin),
}

fn open_input(py: Python<'_>, input: Input, settings: Settings) -> PyResult<Opened> {
    let Input { source, path, owner, runs_python } = input;
    let options = settings.options()?;
    let unpacked = py.detach(|| {
        let source = options.unpack(source)?;
        let is_pickle = options.read_header(source.clone())?.is_none();
        Ok((source, is_pickle))
    });
    let (source, is_pickle) = unpacked.map_err(|error| raise(py, &error))?;
    let has_index = settings.index && owner.is_none();
    let origin = Origin { source, settings, path, member: None, owner, runs_python };
    if is_pickle {
        let options = origin.settings.options()?;
        let array = py.detach(|| options.read_source(origin.source.clone()));
        return match array {
            Ok(array) => Array::of_file(py, File::new(array, origin)).map(Opened::Array),
            Err(error) if error.cause() == Cause::Io => Err(raise(py, &error)),
            Err(_) => Ok(Opened::Pickle(origin)),
        };
    }
    if let Some(path) = origin.path.clone().filter(|_| has_index) {
        let options = origin.settings.options()?;
        let array = py.detach(|| options.open(&path));
        let array = array.map_err(|error| raise_of(py, &error, &path))?;
        return Array::of_file(py, File::new(array, origin)).map(Opened::Array);
    }
    open_source(py, origin).map(Opened::Array)
}

/// The array of a source.
pub(crate) fn open_source(py: Python<'_>, origin: Origin) -> PyResult<Array> {
    let options = origin.settings.options()?;
    let array = py.detach(|| options.read_source(origin.source.clone()));
    let array = array.map_err(|error| raise(py, &error))?;
    Array::of_file(py, File::new(array, origin))
}
