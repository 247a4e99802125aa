//! Objects of classes of the standard library that are made by calling them.

use npy_object::StandardClass;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::unsupported;
use crate::object::names;

/// Calls the class with arguments that `Object::standard_class` has checked, or a UUID with its
/// state.
pub(super) fn make<'py>(
    py: Python<'py>,
    class: StandardClass,
    args: &Bound<'py, PyAny>,
    state: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let args = args.cast::<PyTuple>()?;
    match class {
        StandardClass::Fraction => names::FRACTION.get(py)?.call1(args),
        StandardClass::Range => names::RANGE.get(py)?.call1(args),
        StandardClass::Slice => names::SLICE.get(py)?.call1(args),
        StandardClass::TimeZone => names::TIMEZONE.get(py)?.call1(args),
        StandardClass::Uuid => {
            let kwargs = state.map(|state| state.cast::<PyDict>()).transpose()?;
            names::UUID.get(py)?.call((), kwargs)
        }
        _ => Err(unsupported(
            py,
            &format!("expected a class that this package makes, found {class:?}"),
        )),
    }
}
