//! `Split`: a part of an array, for another process.

use std::path::PathBuf;

use npy_object::Split as Part;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::array::elements::Elements;
use crate::array::view::View;
use crate::errors::raise_of;
use crate::file::reader::{File, Origin};
use crate::file::settings::Settings;
use crate::file::source::Input;

/// A part of an array, to be pickled and iterated in another process, or on another machine that has the
/// file under the same path.
///
/// It stores where in the file it begins, so a loop starts there at once.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct Split {
    path: PathBuf,
    settings: Settings,
    part: Part,
}

impl Split {
    pub(crate) fn new(path: PathBuf, settings: Settings, part: Part) -> Split {
        Split { path, settings, part }
    }
}

#[pymethods]
impl Split {
    /// The number of its first element.
    #[getter]
    fn first(&self) -> u64 {
        self.part.first()
    }

    fn __len__(&self) -> usize {
        self.part.len() as usize
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Elements> {
        let given = self.path.as_os_str().into_pyobject(py)?;
        let input = Input::of(&given, self.settings.maps()?)?;
        let origin = Origin::of_input(py, input, self.settings.clone_ref(py))?;
        let options = self.settings.options()?;
        let array = py.detach(|| options.open_split(origin.source.clone(), &self.part));
        let array = array.map_err(|error| raise_of(py, &error, &self.path))?;
        let file = File::new(array, origin);
        let (offset, len) = (self.part.first() as i64, self.part.len() as i64);
        Elements::new(py, &file, View { offset, shape: vec![len], strides: vec![1] }, false)
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let part = serde_json::to_string(&self.part)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let open = py.import("npy_object._npy_object")?.getattr("_open_split")?;
        let args = (&self.path, &self.settings, part);
        Ok((open, args.into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let (first, len) = (self.part.first(), self.part.len());
        format!("<npy_object.Split of {len} elements from {first} on>")
    }
}

/// Returns the split that was pickled.
#[pyfunction(name = "_open_split")]
pub(crate) fn open_split(path: PathBuf, settings: Settings, part: &str) -> PyResult<Split> {
    let part = serde_json::from_str(part)
        .map_err(|error| PyValueError::new_err(format!("not a pickled Split: {error}")))?;
    Ok(Split { path, settings, part })
}
