//! `open` and `load`: what is in a file.

use std::sync::Arc;

use npy_object::{Cause, Format, Subscripts};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::Array;
use crate::container::{Container, Whole};
use crate::errors::{raise, raise_of};
use crate::npz::Npz;
use crate::reader::{File, Origin};
use crate::settings::Settings;
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
/// max_memory: bytes beyond which an element is refused with a LimitError.
/// find_class: as `pickle.Unpickler.find_class`, it is given a module and a name, and returns the
/// class or function that may be called, or None. Without it nothing that a file names is imported
/// or called: objects of classes that are not known arrive as `Opaque`.
/// mmap_mode: "r" maps the file into memory; arrays in it are then read-only views. As with
/// numpy.memmap, nobody may make the file shorter meanwhile: to read what is no longer there ends
/// the process with SIGBUS, which no `except` catches. For files that are still written to, leave
/// it out: what has changed is then an exception.
/// trust_payload: whether to go on where header and pickle disagree, as NumPy does.
///
/// >>> import npy_object, numpy as np, tempfile
/// >>> file = tempfile.mkdtemp() + "/ragged.npy"
/// >>> np.save(file, np.array([np.arange(2), np.arange(5)], object))
/// >>> [int(element.sum()) for element in npy_object.open(file)]
/// [1, 10]
#[pyfunction]
#[pyo3(
    signature = (
        source, *, encoding="ASCII".to_owned(), index=true, max_memory=None, find_class=None,
        mmap_mode=None, trust_payload=false,
    ),
    text_signature = "(source, *, encoding='ASCII', index=True, max_memory=None, find_class=None, \
                      mmap_mode=None, trust_payload=False)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn open<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    encoding: String,
    index: bool,
    max_memory: Option<usize>,
    find_class: Option<Py<PyAny>>,
    mmap_mode: Option<String>,
    trust_payload: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let settings = Settings { encoding, index, max_memory, find_class, mmap_mode, trust_payload };
    let input = Input::of(source, settings.maps()?)?;
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, false)?.into_pyobject(py)?.into_any());
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
/// `allow_pickle=False` objects are refused, as by NumPy. The other arguments are those of `open`.
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
        find_class=None, trust_payload=true,
    ),
    text_signature = "(source, mmap_mode=None, allow_pickle=True, *, encoding='ASCII', \
                      max_memory=None, find_class=None, trust_payload=True)",
)]
#[expect(clippy::too_many_arguments, reason = "they have names")]
pub(crate) fn load<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    mmap_mode: Option<String>,
    allow_pickle: bool,
    encoding: String,
    max_memory: Option<usize>,
    find_class: Option<Py<PyAny>>,
    trust_payload: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let settings =
        Settings { encoding, index: false, max_memory, find_class, mmap_mode, trust_payload };
    let input = Input::of(source, settings.maps()?)?;
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, true)?.into_pyobject(py)?.into_any());
    }
    let opened = open_input(py, input, settings)?;
    let has_objects = !matches!(&opened, Opened::Array(array) if !array.has_objects());
    if has_objects && !allow_pickle {
        let message = "Object arrays cannot be loaded when allow_pickle=False";
        return Err(PyValueError::new_err(message));
    }
    match opened {
        Opened::Array(array) => array.numpy(py),
        Opened::Pickle(origin) => {
            let options = origin.settings.options()?;
            let whole = py.detach(|| options.read_pickle(origin.source.clone()));
            let whole = whole.map_err(|error| raise(py, &error))?;
            origin.maker(py).make(py, whole.element())
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
