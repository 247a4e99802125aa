//! The Python package `npy_object`.
use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _npy_object {}
