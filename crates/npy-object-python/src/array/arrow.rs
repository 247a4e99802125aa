//! Elements as Arrow data, through Arrow's C stream interface.

use std::ffi::CStr;
use std::ops::Range;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use npy_object::{NpyArray, RecordBatches};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::errors::raise;

/// Rows of a record batch.
const ROWS: usize = 1 << 13;

/// The name of the capsule in the PyCapsule protocol.
const NAME: &CStr = c"arrow_array_stream";

/// Returns a capsule with an Arrow stream of these elements.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    array: NpyArray,
    elements: Range<u64>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let batches = py.detach(|| array.record_batches(elements, ROWS));
    let batches: RecordBatches = batches.map_err(|error| raise(py, &error))?;
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, NAME)
}
