//! Simple elements: those of which a Python object is made in one call.

use npy_object::Element;
use npy_object::header::Scalar;
use npy_object::pickle::Kind;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use crate::object::maker::{Maker, surrogates};

/// An element of one of the kinds that are made without the tasks of [`walk`](super::walk).
#[derive(Clone, Copy)]
pub(crate) enum Simple<'a> {
    None,
    Int(i64),
    Float(f64),
    /// UTF-8, in which a surrogate may stand alone.
    Str(&'a [u8]),
    Array(SimpleArray<'a>),
}

/// An array of items of a fixed size.
#[derive(Clone, Copy)]
pub(crate) struct SimpleArray<'a> {
    pub(crate) item: Scalar,
    pub(crate) shape: &'a [usize],
    pub(crate) fortran_order: bool,
    pub(crate) bytes: &'a [u8],
}

/// Calls `then` with an element if it is simple; returns `None` if it is not. `then` borrows the
/// element, because copying it takes longer than making its object.
#[inline(always)]
pub(crate) fn simple<T>(element: &Element<'_>, then: impl FnOnce(Simple<'_>) -> T) -> Option<T> {
    let value = element.value()?;
    match value.kind() {
        Kind::None => Some(then(Simple::None)),
        Kind::Int(value) => Some(then(Simple::Int(value))),
        Kind::Float(value) => Some(then(Simple::Float(value))),
        Kind::Str(text) => Some(then(Simple::Str(text.as_bytes()))),
        // A shared array must become the same object each time, so the maker has to remember it.
        Kind::Object(_) if !value.is_shared() => {
            let plain = element.as_plain_array()?;
            Some(then(Simple::Array(SimpleArray {
                item: plain.item(),
                shape: plain.shape(),
                fortran_order: plain.fortran_order(),
                bytes: plain.data(),
            })))
        }
        _ => None,
    }
}

impl Maker {
    /// Makes the object of a simple element.
    #[inline(always)]
    pub(crate) fn simple<'py>(
        &mut self,
        py: Python<'py>,
        simple: Simple<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match simple {
            Simple::None => py.None().into_bound(py),
            Simple::Int(value) => value.into_pyobject(py)?.into_any(),
            Simple::Float(value) => PyFloat::new(py, value).into_any(),
            Simple::Str(text) => match PyString::from_bytes(py, text) {
                Ok(string) => string.into_any(),
                Err(_) => surrogates(py, text)?,
            },
            Simple::Array(array) => {
                let dtype = self.dtypes.of_scalar(py, array.item)?;
                self.array_of(dtype, array.shape, array.fortran_order, array.bytes)?
            }
        })
    }
}
