//! `open` and `load`: what is in a file.

use std::sync::Arc;

use npy_object::{Format, NpyArray, Sections, Subscripts};
use pyo3::exceptions::{PyEOFError, PyValueError};
use pyo3::prelude::*;

use crate::array::Array;
use crate::container::{Container, Whole};
use crate::errors::{raise, raise_of};
use crate::npz::Npz;
use crate::reader::{File, Origin};
use crate::settings::Settings;
use crate::source::{Handle, Input, MappedFile};

/// Opens an array file and reads nothing but its beginning.
///
/// `source` is a path, bytes, or an object with `read` (and `seek`, where it has it): a `.npy`
/// file, plain or in gzip, an `.npz` archive, or a bare pickle. What comes is an `Array`, of an
/// archive an `Npz`, and of a pickle of a dict, list, tuple, set or deque a `Container`. Of several
/// arrays or pickles that follow one another it is the first; `open_all` gives all of them.
///
/// encoding: how the str of Python 2 is read: "ASCII", "latin1", "UTF-8" or "bytes". What does not
/// fit it becomes bytes.
/// index: whether to use the index beside the file that `Array.save_index` writes.
/// max_memory: bytes beyond which an element is refused with a LimitError.
/// find_class: as `pickle.Unpickler.find_class`, it is given a module and a name, and returns the
/// class or function that may be called, or None. Without it nothing that a file names is imported
/// or called: objects of classes that are not known arrive as `Opaque`.
/// mmap_mode: "r" maps the file into memory; arrays in it are then read-only views.
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
    Opened::of_input(py, input, settings)?.into_object(py)
}

/// Loads a file as `numpy.load(source, allow_pickle=True)` does, without running what it names.
///
/// Gives an array, of an archive an `Npz` of such arrays, of a bare pickle its object. With
/// `allow_pickle=False` objects are refused, as by NumPy. The other arguments are those of `open`.
///
/// An object with `read` is left where the array or pickle ends, so that the next call reads the
/// next one; at its end there is an EOFError. Of an object that cannot seek no more is read than
/// that, unless it is compressed.
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
    let mut input = Input::of(source, settings.maps()?)?;
    if is_empty(py, &input)? {
        return Err(PyEOFError::new_err("No data left in file"));
    }
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, true)?.into_pyobject(py)?.into_any());
    }
    let handle = input.handle.take();
    let is_plain = handle.is_some() && !is_compressed(py, &input)?;
    if let (Some(Handle::Stream), true) = (&handle, is_plain) {
        // The end is found first, by reading nothing past it.
        let options = settings.options()?.read_size(0, 0);
        let end = py.detach(|| options.end_of(&input.source));
        input.source = input.source.section(..end.map_err(|error| raise(py, &error))?);
    }
    let opened = Opened::of_input(py, input, settings)?;
    let has_objects = !matches!(&opened, Opened::Array(array) if !array.has_objects());
    if has_objects && !allow_pickle {
        let message = "Object arrays cannot be loaded when allow_pickle=False";
        return Err(PyValueError::new_err(message));
    }
    let file = match &opened {
        Opened::Array(array) => Some(Arc::clone(&array.file)),
        Opened::Pickle(_) => None,
    };
    let (loaded, end) = opened.load(py)?;
    if let Some(handle) = handle.filter(|_| is_plain) {
        let end = end.map_or_else(|| file.map_or(Ok(0), |file| file.data_end(py)), Ok)?;
        handle.leave_at(py, end)?;
    }
    Ok(loaded)
}

/// Opens every array and pickle that follow one another in a file, as several calls of `numpy.save`
/// or `pickle.dump` on one open file leave them.
///
/// Gives an iterator of what `open` gives for a file with one of them, and of values that `open`
/// refuses, such as a number, the value. The arguments are those of `open`. Arrays that come so
/// cannot be pickled, and their index is not used.
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
        trust_payload=false,
    ),
    text_signature = "(source, *, encoding='ASCII', max_memory=None, find_class=None, \
                      mmap_mode=None, trust_payload=False)",
)]
pub(crate) fn open_all(
    source: &Bound<'_, PyAny>,
    encoding: String,
    max_memory: Option<usize>,
    find_class: Option<Py<PyAny>>,
    mmap_mode: Option<String>,
    trust_payload: bool,
) -> PyResult<All> {
    let settings =
        Settings { encoding, index: false, max_memory, find_class, mmap_mode, trust_payload };
    let Input { source, owner, runs_python, .. } = Input::of(source, settings.maps()?)?;
    let sections = settings.options()?.sections(source);
    Ok(All { sections, settings, owner, runs_python })
}

/// The arrays and pickles of a file, one after another.
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
            path: None,
            member: None,
            owner: self.owner.as_ref().map(|owner| owner.clone_ref(py)),
            runs_python: self.runs_python,
        };
        match Opened::of_source(py, origin)? {
            Opened::Array(array) => Ok(Some(array.into_pyobject(py)?.into_any())),
            Opened::Pickle(origin) => {
                let origin = Arc::new(origin);
                let whole = Whole::Pickle(Arc::clone(&origin));
                match Container::open(py, whole, Subscripts::default())? {
                    Some(container) => Ok(Some(container.into_pyobject(py)?.into_any())),
                    None => Ok(Some(load_pickle(py, &origin)?.0)),
                }
            }
        }
    }
}

fn is_compressed(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let format = py.detach(|| Format::of(&input.source));
    Ok(format.map_err(|error| raise(py, &error.into()))? == Format::Gzip)
}

/// Whether there is nothing to be read.
fn is_empty(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let read = py.detach(|| input.source.read_at(&mut [0], 0));
    Ok(read.map_err(|error| raise(py, &error.into()))? == 0)
}

fn is_archive(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let format = py.detach(|| Format::of(&input.source));
    Ok(format.map_err(|error| raise(py, &error.into()))? == Format::Zip)
}

/// What was opened.
pub(crate) enum Opened {
    Array(Array),
    /// A pickle that is no array of objects.
    Pickle(Origin),
}

impl Opened {
    fn of_input(py: Python<'_>, input: Input, settings: Settings) -> PyResult<Opened> {
        let Input { source, path, owner, runs_python, .. } = input;
        let options = settings.options()?;
        let unpacked = py.detach(|| {
            let source = options.unpack(source)?;
            let is_pickle = options.read_header(source.clone())?.is_none();
            Ok((source, is_pickle))
        });
        let (source, is_pickle) = unpacked.map_err(|error| raise(py, &error))?;
        let has_index = settings.index && owner.is_none() && !is_pickle;
        let origin = Origin { source, settings, path, member: None, owner, runs_python };
        if let Some(path) = origin.path.clone().filter(|_| has_index) {
            let options = origin.settings.options()?;
            let array = py.detach(|| options.open(&path));
            return Opened::of(py, array, origin, |error| raise_of(py, error, &path));
        }
        Opened::of_source(py, origin)
    }

    /// What is in a source.
    pub(crate) fn of_source(py: Python<'_>, origin: Origin) -> PyResult<Opened> {
        let options = origin.settings.options()?;
        let array = py.detach(|| options.read_source(origin.source.clone()));
        Opened::of(py, array, origin, |error| raise(py, error))
    }

    fn of(
        py: Python<'_>,
        array: npy_object::Result<NpyArray>,
        origin: Origin,
        raise: impl FnOnce(&npy_object::Error) -> PyErr,
    ) -> PyResult<Opened> {
        match array {
            Ok(array) => Array::of_file(py, File::new(array, origin)).map(Opened::Array),
            Err(error) if error.clause() == "npy.object.envelope" => Ok(Opened::Pickle(origin)),
            Err(error) => Err(raise(&error)),
        }
    }

    /// What `open` gives.
    pub(crate) fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let origin = match self {
            Opened::Array(array) => return Ok(array.into_pyobject(py)?.into_any()),
            Opened::Pickle(origin) => origin,
        };
        match Container::open(py, Whole::Pickle(Arc::new(origin)), Subscripts::default())? {
            Some(container) => Ok(container.into_pyobject(py)?.into_any()),
            None => {
                let message = "the pickle holds no array of objects, and no container that can be \
                               read member by member: load() gives what it holds";
                Err(PyValueError::new_err(message))
            }
        }
    }

    /// What `load` gives, and where it ends, if that was seen.
    pub(crate) fn load(self, py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Option<u64>)> {
        match self {
            Opened::Array(array) => Ok((array.numpy(py)?, None)),
            Opened::Pickle(origin) => {
                load_pickle(py, &origin).map(|(loaded, end)| (loaded, Some(end)))
            }
        }
    }
}

/// The object of a pickle, and where it ends.
fn load_pickle<'py>(py: Python<'py>, origin: &Origin) -> PyResult<(Bound<'py, PyAny>, u64)> {
    let options = origin.settings.options()?;
    if !origin.settings.trust_payload {
        // An array of numbers has to be of the header's shape.
        let at = options.clone().at_source(origin.source.clone(), &Subscripts::default());
        at.map_err(|error| raise(py, &error))?;
    }
    let whole = py.detach(|| options.read_pickle_to_end(origin.source.clone()));
    let (whole, end) = whole.map_err(|error| raise(py, &error))?;
    Ok((origin.maker(py).make(py, whole.element())?, end))
}
