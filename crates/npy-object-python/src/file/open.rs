//! `open` and `load`: what is in a file.

use std::sync::Arc;

use npy_object::{ErrorKind, Format, Sections, nested};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::errors::{empty, is_truncated, raise};
use crate::file::container::{Container, Whole};
use crate::file::npz::{Members, Npz};
use crate::file::opened::{Opened, load_input, load_left, load_pickle};
use crate::file::reader::Origin;
use crate::file::settings::{Memory, Settings};
use crate::file::source::{Handle, Input, MappedFile};

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
    Opened::of_input(py, input, settings)?.into_object(py)
}

/// Loads a file as `numpy.load(source, allow_pickle=True)` does, without running what it names.
///
/// Gives an array, of an archive an `Npz` of such arrays, of a bare pickle its object. With
/// `allow_pickle=False` objects are refused, as by NumPy. The other arguments are those of `open`; with
/// `unfinished=True`, a file that was cut off gives, with a warning, what `salvage(..., doubtful=True)`
/// would save of it.
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
    let mut input = Input::of(source, settings.maps()?)?;
    if is_empty(py, &input)? {
        // An object with `read` may have given arrays before.
        let why = match input.handle {
            Some(_) => None,
            None => settings.options()?.open(input.source).err(),
        };
        return Err(empty(py, why.as_ref()));
    }
    if is_archive(py, &input)? {
        return Ok(Npz::open(py, input, settings, Members::Loaded { allow_pickle })?
            .into_pyobject(py)?
            .into_any());
    }
    let handle = input.handle.take();
    let handle = match handle.is_some() && !is_compressed(py, &input)? {
        true => handle,
        false => None,
    };
    if let Some(Handle::Stream) = &handle {
        // The end is found first, by reading nothing past it.
        let options = settings.options()?.read_size(0, 0);
        match py.detach(|| options.end_of(&input.source)) {
            Ok(end) => input.source = input.source.section(..end),
            Err(error) if unfinished && error.kind() == ErrorKind::Truncated => {}
            Err(error) => return Err(raise(py, &error)),
        }
    }
    let left = unfinished.then(|| (input.source.clone(), settings.clone_ref(py)));
    match (load_input(py, input, settings, allow_pickle, handle.is_some()), left) {
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
    let settings = Settings {
        encoding,
        index: false,
        max_memory,
        find_class,
        mmap_mode,
        trust_payload,
        unfinished,
    };
    let py = source.py();
    let Input { source, owner, runs_python, .. } = Input::of(source, settings.maps()?)?;
    let sections = settings.options()?.sections(source).map_err(|error| raise(py, &error))?;
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
                match Container::open(py, whole, nested::Path::default())? {
                    Some(container) => Ok(Some(container.into_pyobject(py)?.into_any())),
                    None => Ok(Some(load_pickle(py, &origin)?.0)),
                }
            }
        }
    }
}

fn is_compressed(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let format = py.detach(|| Format::of(&input.source));
    Ok(format.map_err(|error| raise(py, &input.source.explain(error)))? == Format::Gzip)
}

/// Whether there is nothing to be read.
fn is_empty(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let read = py.detach(|| input.source.read_at(&mut [0], 0));
    Ok(read.map_err(|error| raise(py, &input.source.explain(error)))? == 0)
}

fn is_archive(py: Python<'_>, input: &Input) -> PyResult<bool> {
    let format = py.detach(|| Format::of(&input.source));
    Ok(format.map_err(|error| raise(py, &input.source.explain(error)))? == Format::Zip)
}
