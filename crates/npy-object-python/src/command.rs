//! The command `npyo`, which `python/npy_object/__main__.py` calls.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Runs `npyo` and returns its exit code. The first argument is the name of the program.
#[pyfunction(name = "_run_npyo")]
pub(crate) fn run_npyo(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| npy_object_cli::run(arguments))
}

/// Returns the facts about a file that `npyo info --json` prints, as a dict: shape, dtype, protocol, the
/// NumPy that wrote it, the first elements, and of an archive its arrays. Reads at most 16 MiB.
#[pyfunction]
pub(crate) fn info(py: Python<'_>, file: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let line = py.detach(|| npy_object_cli::info(file.into_os_string()));
    let line = line.map_err(PyValueError::new_err)?;
    py.import("json")?.call_method1("loads", (line,))
}
