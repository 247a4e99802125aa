//! What one source holds, opened or loaded.

use std::ffi::CString;
use std::io::Cursor;
use std::sync::Arc;

use npy_object::{Contents, Salvage, Source, nested};
use pyo3::exceptions::{PyUserWarning, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::array::py_array::Array;
use crate::errors::raise;
use crate::file::container::Container;
use crate::file::reader::{File, Origin};
use crate::file::settings::Settings;

/// An array, a container, or a pickle of another value.
pub(super) enum Opened {
    Array(Array),
    Container(Container),
    Value(Arc<Origin>),
}

impl Opened {
    pub(super) fn new(py: Python<'_>, origin: Origin) -> PyResult<Opened> {
        let options = origin.settings.options()?;
        let contents = py.detach(|| options.contents(origin.source.clone()));
        match contents.map_err(|error| raise(py, &error))? {
            Contents::Array(mut array) => {
                if let Some(index) = origin.index(py)? {
                    let used = py.detach(|| array.use_index(index));
                    used.map_err(|error| raise(py, &error))?;
                }
                Array::of_file(py, File::new(array, origin)).map(Opened::Array)
            }
            Contents::Container(members) => {
                Ok(Opened::Container(Container::new(members, Arc::new(origin))))
            }
            _ => Ok(Opened::Value(Arc::new(origin))),
        }
    }

    /// Returns the object that `open` returns.
    pub(super) fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Opened::Array(array) => Ok(array.into_pyobject(py)?.into_any()),
            Opened::Container(container) => Ok(container.into_pyobject(py)?.into_any()),
            Opened::Value(_) => {
                let message = "expected an array, dict, list, tuple, set or deque, found a pickle of \
                               another value: load() returns it";
                Err(PyValueError::new_err(message))
            }
        }
    }
}

/// Loads the array or pickle of a source. Returns the offset of its end too, which with `sees_end` is
/// always found.
pub(super) fn load_source(
    py: Python<'_>,
    origin: Origin,
    allow_pickle: bool,
    sees_end: bool,
) -> PyResult<(Bound<'_, PyAny>, Option<u64>)> {
    let options = origin.settings.options()?;
    if !allow_pickle {
        refuse_objects(py, &origin)?;
    }
    match py.detach(|| options.open(origin.source.clone())) {
        Ok(array) => {
            let array = Array::of_file(py, File::new(array, origin))?;
            let loaded = array.numpy(py)?;
            let end = sees_end.then(|| array.file.data_end(py)).transpose()?;
            Ok((loaded, end))
        }
        Err(error) if error.clause() == "npy.object.envelope" => {
            if !origin.settings.trust_payload {
                // This fails if an array of numbers has another shape than the header says.
                let at = py.detach(|| options.at(origin.source.clone(), &nested::Path::default()));
                at.map_err(|error| raise(py, &error))?;
            }
            load_pickle(py, &origin).map(|(loaded, end)| (loaded, Some(end)))
        }
        Err(error) => Err(raise(py, &error)),
    }
}

/// Fails if the source holds pickled objects, before any of the pickle is read.
fn refuse_objects(py: Python<'_>, origin: &Origin) -> PyResult<()> {
    let options = origin.settings.options()?;
    let header = py.detach(|| options.header(origin.source.clone()));
    match header.map_err(|error| raise(py, &error))? {
        Some((header, _)) if !header.dtype.has_object() => Ok(()),
        _ => {
            let message = "Object arrays cannot be loaded when allow_pickle=False";
            Err(PyValueError::new_err(message))
        }
    }
}

/// Returns the object of a pickle, and the offset of its end.
pub(super) fn load_pickle<'py>(
    py: Python<'py>,
    origin: &Origin,
) -> PyResult<(Bound<'py, PyAny>, u64)> {
    let options = origin.settings.options()?;
    let whole = py.detach(|| options.load_to_end(origin.source.clone()));
    let (whole, end) = whole.map_err(|error| raise(py, &error))?;
    Ok((origin.maker(py).make(py, whole.element())?, end))
}

/// Loads the part of a truncated file that `salvage` saves, with a warning that has the text of `error`.
pub(super) fn load_left<'py>(
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
    let origin =
        Origin { source, settings, place: None, member: None, owner: None, runs_python: false };
    let (array, _) = load_source(py, origin, allow_pickle, false)?;
    if is_pickle { array.call_method0(intern!(py, "item")) } else { Ok(array) }
}
