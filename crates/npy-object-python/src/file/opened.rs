//! An array or a pickle of a file, opened or loaded.

use std::ffi::CString;
use std::io::Cursor;
use std::sync::Arc;

use npy_object::{NpyArray, Salvage, Source, nested};
use pyo3::exceptions::{PyUserWarning, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::array::py_array::Array;
use crate::errors::{raise, raise_of};
use crate::file::container::{Container, Whole};
use crate::file::reader::{File, Origin};
use crate::file::settings::Settings;
use crate::file::source::Input;

/// Fails if the source holds pickled objects, before any of the pickle is read.
pub(crate) fn refuse_objects(py: Python<'_>, source: &Source, settings: &Settings) -> PyResult<()> {
    let options = settings.options()?;
    let header = py.detach(|| options.header(source.clone()));
    match header.map_err(|error| raise(py, &error))? {
        Some((header, _)) if !header.dtype.has_object() => Ok(()),
        _ => {
            let message = "Object arrays cannot be loaded when allow_pickle=False";
            Err(PyValueError::new_err(message))
        }
    }
}

/// An array or a pickle that was opened.
pub(crate) enum Opened {
    Array(Array),
    /// A pickle that is not an array of objects.
    Pickle(Origin),
}

impl Opened {
    pub(super) fn of_input(py: Python<'_>, input: Input, settings: Settings) -> PyResult<Opened> {
        let Input { source, path, owner, runs_python, .. } = input;
        let options = settings.options()?;
        let unpacked = py.detach(|| {
            let source = options.unpack(source)?;
            let is_pickle = options.header(source.clone())?.is_none();
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

    /// Opens the array or pickle in a source.
    pub(crate) fn of_source(py: Python<'_>, origin: Origin) -> PyResult<Opened> {
        let options = origin.settings.options()?;
        let array = py.detach(|| options.open(origin.source.clone()));
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

    /// Returns the object that `open` returns.
    pub(crate) fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let origin = match self {
            Opened::Array(array) => return Ok(array.into_pyobject(py)?.into_any()),
            Opened::Pickle(origin) => origin,
        };
        match Container::open(py, Whole::Pickle(Arc::new(origin)), nested::Path::default())? {
            Some(container) => Ok(container.into_pyobject(py)?.into_any()),
            None => {
                let message = "expected an array, dict, list, tuple, set or deque, found a pickle of \
                               another value: load() returns it";
                Err(PyValueError::new_err(message))
            }
        }
    }

    /// Returns the object that `load` returns, and the offset of its end, which with `sees_end` is always
    /// found.
    pub(crate) fn load(
        self,
        py: Python<'_>,
        sees_end: bool,
    ) -> PyResult<(Bound<'_, PyAny>, Option<u64>)> {
        match self {
            Opened::Array(array) => {
                let loaded = array.numpy(py)?;
                let end = sees_end.then(|| array.file.data_end(py)).transpose()?;
                Ok((loaded, end))
            }
            Opened::Pickle(origin) => {
                load_pickle(py, &origin).map(|(loaded, end)| (loaded, Some(end)))
            }
        }
    }
}

/// Returns the object of a pickle, and the offset of its end.
pub(super) fn load_pickle<'py>(
    py: Python<'py>,
    origin: &Origin,
) -> PyResult<(Bound<'py, PyAny>, u64)> {
    let options = origin.settings.options()?;
    if !origin.settings.trust_payload {
        // This fails if an array of numbers has another shape than the header says.
        let checked = options.clone();
        let at = py.detach(|| checked.at(origin.source.clone(), &nested::Path::default()));
        at.map_err(|error| raise(py, &error))?;
    }
    let whole = py.detach(|| options.load_to_end(origin.source.clone()));
    let (whole, end) = whole.map_err(|error| raise(py, &error))?;
    Ok((origin.maker(py).make(py, whole.element())?, end))
}

/// Loads the part of a truncated file that `salvage` saves, with a warning that has the text of `error`.
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
        // A bare pickle is loaded as its object, not as a 0-d array that holds it.
        let opened = options.open(source.clone());
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
    let source = Source::bytes(saved);
    let input = Input { source, path: None, owner: None, runs_python: false, handle: None };
    let (array, _) = load_input(py, input, settings, allow_pickle, false)?;
    if is_pickle { array.call_method0(intern!(py, "item")) } else { Ok(array) }
}

/// Loads the array or pickle of an input. Returns the offset of its end too, which with `sees_end` is
/// always found.
pub(super) fn load_input<'py>(
    py: Python<'py>,
    input: Input,
    settings: Settings,
    allow_pickle: bool,
    sees_end: bool,
) -> PyResult<(Bound<'py, PyAny>, Option<u64>)> {
    if !allow_pickle {
        refuse_objects(py, &input.source, &settings)?;
    }
    Opened::of_input(py, input, settings)?.load(py, sees_end)
}
