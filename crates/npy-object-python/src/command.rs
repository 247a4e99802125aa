//! The command `npyo`, which `python/npy_object/__main__.py` calls.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs `npyo` and returns its exit code. The first argument is the name of the program.
#[pyfunction(name = "_run_npyo")]
pub(crate) fn run_npyo(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| npy_object_cli::run(arguments))
}
