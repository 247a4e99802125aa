//! `Split`: a part of an array, for another process.

use std::sync::Arc;

use npy_object::{NpyArray, Split as Part};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::array::arrow;
use crate::array::elements::Elements;
use crate::array::view::View;
use crate::file::reader::{File, Origin};
use crate::file::settings::Settings;
use crate::file::source::{Input, Place};

/// A part of an array, to be pickled and iterated in another process, or on another machine that has the
/// file under the same path or URL.
///
/// It stores where in the file it begins, so a loop starts there at once.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct Split {
    place: Place,
    settings: Settings,
    part: Part,
}

impl Split {
    pub(crate) fn new(place: Place, settings: Settings, part: Part) -> Split {
        Split { place, settings, part }
    }

    /// Opens the file.
    fn open(&self, py: Python<'_>) -> PyResult<(NpyArray, Origin)> {
        let input = Input::of(&self.place.to_object(py)?, self.settings.maps()?)?;
        let origin = Origin::of_input(py, input, self.settings.clone_ref(py))?;
        let options = self.settings.options()?;
        let array = py.detach(|| options.open_split(origin.source.clone(), &self.part));
        Ok((array.map_err(|error| self.place.raise(py, &error))?, origin))
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
        let (array, origin) = self.open(py)?;
        let file: Arc<File> = File::new(array, origin);
        let (offset, len) = (self.part.first() as i64, self.part.len() as i64);
        Elements::new(py, &file, View { offset, shape: vec![len], strides: vec![1] }, false)
    }

    /// Returns the elements as Arrow data: see `Array.__arrow_c_stream__`.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let (array, _) = self.open(py)?;
        let first = self.part.first();
        arrow::stream(py, array, first..first + self.part.len(), requested_schema.as_ref())
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let part = serde_json::to_string(&self.part)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let open = py.import("npy_object._npy_object")?.getattr("_open_split")?;
        let args = (self.place.to_object(py)?, &self.settings, part);
        Ok((open, args.into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let (first, len) = (self.part.first(), self.part.len());
        format!("<npy_object.Split of {len} elements from {first} on>")
    }
}

/// Returns the split that was pickled.
#[pyfunction(name = "_open_split")]
pub(crate) fn open_split(
    place: &Bound<'_, PyAny>,
    settings: Settings,
    part: &str,
) -> PyResult<Split> {
    let part = serde_json::from_str(part)
        .map_err(|error| PyValueError::new_err(format!("not a pickled Split: {error}")))?;
    Ok(Split { place: Place::of(place), settings, part })
}
