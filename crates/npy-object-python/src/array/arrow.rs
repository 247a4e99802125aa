//! Elements as Arrow data, through Arrow's C stream interface.

use std::ffi::CStr;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use npy_object::{Inference, NpyArray, RecordBatches};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use crate::array::cursor::{Cursor, STRIDE};
use crate::array::py_array::Array;
use crate::errors::raise;

/// Rows of a record batch.
const ROWS: usize = 1 << 13;

/// The names of the capsules in the PyCapsule protocol.
const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";

/// Returns a capsule with an Arrow stream of these elements: of the columns and types of a schema, if
/// one was asked for.
pub(super) fn stream<'py>(
    py: Python<'py>,
    array: NpyArray,
    elements: Range<u64>,
    requested: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = requested.map(schema_of).transpose()?;
    let batches = py.detach(|| match schema {
        Some(schema) => array.record_batches_as(elements, ROWS, schema),
        None => array.record_batches(elements, ROWS),
    });
    let batches: RecordBatches = batches.map_err(|error| raise(py, &error))?;
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, STREAM)
}

/// Returns the schema in a capsule.
#[allow(unsafe_code, reason = "the protocol passes a pointer")]
fn schema_of(requested: &Bound<'_, PyAny>) -> PyResult<SchemaRef> {
    let Ok(capsule) = requested.cast::<PyCapsule>() else {
        let class = requested.get_type().name()?;
        let message = format!("requested_schema: expected a capsule 'arrow_schema', found {class}");
        return Err(PyTypeError::new_err(message));
    };
    let pointer = capsule.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    // SAFETY: the protocol says that a capsule of this name points to an ArrowSchema, which its owner
    // keeps alive during the call.
    let schema = Schema::try_from(unsafe { pointer.as_ref() });
    schema.map(Arc::new).map_err(|error| not_a_schema(&error))
}

#[cold]
fn not_a_schema(error: &ArrowError) -> PyErr {
    PyValueError::new_err(format!("requested_schema: {error}"))
}

/// The schema of all elements of some arrays, as `infer_schema` finds it.
#[pyclass(frozen, module = "npy_object")]
pub(crate) struct ArrowSchema(pub(super) SchemaRef);

#[pymethods]
impl ArrowSchema {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.0);
        let schema = schema.map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, SCHEMA)
    }
}

/// Returns the Arrow schema that all elements of these arrays fit.
#[pyfunction(name = "_infer_schema")]
pub(crate) fn infer_schema(py: Python<'_>, arrays: Vec<Py<Array>>) -> PyResult<ArrowSchema> {
    let mut inference = Inference::default();
    for array in &arrays {
        let array = array.get();
        let mut cursor = Cursor::new(py, &array.file)?;
        let elements = array.stretch()?;
        // What the survey finds stays in the reader, so that the parts are found at once.
        for begin in elements.clone().step_by(STRIDE as usize) {
            let part = begin..elements.end.min(begin + STRIDE);
            let looked = py.detach(|| inference.add(cursor.array(), part));
            looked.map_err(|error| raise(py, &error))?;
            py.check_signals()?;
        }
    }
    Ok(ArrowSchema(inference.schema()))
}
