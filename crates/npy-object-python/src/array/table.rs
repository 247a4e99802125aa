//! Elements as files of tables.

use std::path::Path;
use std::str::FromStr;

use npy_object::table::{Export, Inference};
use npy_object::{Error, NpyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::arrow::ArrowSchema;
use crate::array::cursor::Cursor;
use crate::array::py_array::Array;
use crate::errors::raise;

/// The arguments that say how elements become columns.
pub(super) struct Columns<'a> {
    pub(super) mixed: &'a str,
    pub(super) tensors: &'a str,
    pub(super) sample: Option<u64>,
}

impl Default for Columns<'_> {
    fn default() -> Self {
        Columns { mixed: "error", tensors: "lists", sample: None }
    }
}

impl Columns<'_> {
    fn inference(&self) -> PyResult<Inference> {
        let (mixed, tensors) = (parsed(self.mixed)?, parsed(self.tensors)?);
        Ok(Inference::new().mixed(mixed).tensors(tensors))
    }
}

/// Parses the name of an option.
fn parsed<T: FromStr<Err = Error>>(name: &str) -> PyResult<T> {
    name.parse().map_err(|error: Error| PyValueError::new_err(error.message().to_owned()))
}

/// Returns the schema of the elements of an array.
pub(super) fn schema(py: Python<'_>, array: &Array, columns: Columns<'_>) -> PyResult<ArrowSchema> {
    let mut inference = columns.inference()?;
    let mut elements = array.stretch()?;
    if let Some(sample) = columns.sample {
        elements.end = elements.end.min(elements.start.saturating_add(sample));
    }
    with_signals(py, array, |mut open, check| {
        inference.add_with(&mut open, elements, |_| check())
    })?;
    Ok(ArrowSchema(inference.schema()))
}

/// Writes the elements of an array to a file, and returns the number of rows.
pub(super) fn export(
    py: Python<'_>,
    array: &Array,
    target: &str,
    path: &Path,
    compression: Option<&str>,
    row_group: Option<usize>,
    columns: Columns<'_>,
) -> PyResult<u64> {
    let mut export = Export::new().inference(columns.inference()?).elements(array.stretch()?);
    export = export.target(parsed(target)?);
    if let Some(sample) = columns.sample {
        export = export.sample(sample);
    }
    if let Some(compression) = compression {
        export = export.compression(parsed(compression)?);
    }
    if let Some(row_group) = row_group {
        export = export.row_group(row_group);
    }
    with_signals(py, array, |open, check| export.write_with(&open, path, |_, _| check()))
}

/// Calls `work` without the interpreter, with a reader of the array and a function that fails when a
/// signal has come, such as that of Ctrl-C.
fn with_signals<T: Send>(
    py: Python<'_>,
    array: &Array,
    work: impl FnOnce(NpyArray, &dyn Fn() -> Result<(), Error>) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut cursor = Cursor::new(py, &array.file)?;
    let check = || {
        // The error is returned through the library, and comes out of `raise` as it was.
        Python::attach(|py| py.check_signals())
            .map_err(|error| Error::from(std::io::Error::other(error)))
    };
    let done = py.detach(|| work(cursor.array().clone(), &check));
    done.map_err(|error| raise(py, &error))
}
