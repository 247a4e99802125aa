//! Views: which elements of an array a part of it has. Offset, shape and strides as in NumPy, but
//! counted in elements.

use std::fmt::Display;

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyInt, PySlice, PyTuple};

use crate::object::names::numpy;

/// A view of the elements of an array, which are numbered in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The number of the first element.
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    /// The distance between neighbours along each dimension, in elements.
    pub(crate) strides: Vec<i64>,
}

/// The element or part that a key selects.
pub(crate) enum Found<'py> {
    Element(u64),
    View(View),
    /// An element or part, and the rest of the key, which applies to the inner dimensions of rows: these
    /// are not dimensions of a view.
    Within(Box<Found<'py>>, Bound<'py, PyTuple>),
}

impl View {
    /// Returns the view of a whole array; `None` where it has over 2^63 elements.
    pub(crate) fn all(shape: &[usize]) -> Option<View> {
        let shape = shape.iter().map(|&length| i64::try_from(length).ok());
        let shape = shape.collect::<Option<Vec<i64>>>()?;
        let mut strides = vec![1i64; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].checked_mul(shape[axis].max(1))?;
        }
        if let (Some(stride), Some(length)) = (strides.first(), shape.first()) {
            stride.checked_mul((*length).max(1))?;
        }
        Some(View { offset: 0, shape, strides })
    }

    /// Returns the number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.shape.iter().product::<i64>() as u64
    }

    /// Returns whether the elements are consecutive.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let dimensions = self.shape.iter().zip(&self.strides).rev();
        self.len() == 0
            || dimensions.fold(true, |so_far, (&length, &stride)| {
                let fits = length == 1 || stride == expected;
                expected *= length;
                so_far && fits
            })
    }

    /// Returns the number in the array of the n-th element of the view in C order.
    pub(crate) fn element(&self, n: u64) -> u64 {
        let (mut rest, mut element) = (n as i64, self.offset);
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            element += rest % length * stride;
            rest /= length;
        }
        element as u64
    }

    /// Returns the index of the n-th element of the view in C order, as Python writes it.
    pub(crate) fn label(&self, n: u64) -> String {
        let mut rest = n as i64;
        let mut indices: Vec<String> = Vec::new();
        for &length in self.shape.iter().rev() {
            indices.push((rest % length.max(1)).to_string());
            rest /= length.max(1);
        }
        indices.reverse();
        indices.join(", ")
    }

    /// Returns the part at this index of the first dimension.
    pub(crate) fn row(&self, index: i64) -> View {
        View {
            offset: self.offset + index * self.strides[0],
            shape: self.shape[1..].to_vec(),
            strides: self.strides[1..].to_vec(),
        }
    }

    /// Returns the rows `from..to`.
    pub(crate) fn rows(&self, from: i64, to: i64) -> View {
        let mut part = self.clone();
        part.offset += from * self.strides[0];
        part.shape[0] = to - from;
        part
    }

    /// Finds the element or part that a key selects: an int, a slice, `...`, or a tuple of these.
    pub(crate) fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Found<'py>> {
        let py = key.py();
        let keys = match key.cast::<PyTuple>() {
            Ok(keys) => keys.clone(),
            Err(_) => PyTuple::new(py, [key])?,
        };
        let is_ellipsis = |key: &Bound<'py, PyAny>| key.is_instance_of::<PyEllipsis>();
        let given = keys.iter().filter(|key| !is_ellipsis(key)).count();
        let mut found = View { offset: self.offset, shape: Vec::new(), strides: Vec::new() };
        let (mut axis, mut is_view) = (0, false);
        for (place, key) in keys.iter().enumerate() {
            if is_ellipsis(&key) {
                let left_out = self.shape.len().saturating_sub(given);
                found.shape.extend_from_slice(&self.shape[axis..axis + left_out]);
                found.strides.extend_from_slice(&self.strides[axis..axis + left_out]);
                (axis, is_view) = (axis + left_out, true);
                continue;
            }
            let Some((&length, &stride)) = self.shape.get(axis).zip(self.strides.get(axis)) else {
                let rest = keys.get_slice(place, keys.len());
                return Ok(Found::Within(Box::new(found.or_element(is_view)), rest));
            };
            if let Ok(slice) = key.cast::<PySlice>() {
                let indices = slice.indices(length as isize)?;
                found.offset += indices.start as i64 * stride;
                found.shape.push(indices.slicelength as i64);
                found.strides.push(indices.step as i64 * stride);
            } else {
                found.offset += index(&key, length, axis)? * stride;
            }
            axis += 1;
        }
        found.shape.extend_from_slice(&self.shape[axis..]);
        found.strides.extend_from_slice(&self.strides[axis..]);
        Ok(found.or_element(is_view))
    }

    fn or_element<'py>(self, is_view: bool) -> Found<'py> {
        if self.shape.is_empty() && !is_view {
            Found::Element(self.offset as u64)
        } else {
            Found::View(self)
        }
    }
}

/// Returns the index that a key gives in a dimension of this length; negative ones count from the end.
fn index(key: &Bound<'_, PyAny>, length: i64, axis: usize) -> PyResult<i64> {
    let py = key.py();
    // True is an int in Python, and a new dimension in NumPy, whose own bools are ints for `__index__`.
    let is_bool = key.is_instance_of::<PyBool>()
        || !key.is_instance_of::<PyInt>()
            && key.is_instance(&numpy(py)?.getattr(intern!(py, "bool_"))?)?;
    let (false, Ok(index)) = (is_bool, key.call_method0(intern!(py, "__index__"))) else {
        let class = key.get_type().name()?;
        let message = format!(
            "only ints, slices, ... and tuples of these, or one list or array of ints or bools, are \
             valid indices, not {class}"
        );
        return Err(PyTypeError::new_err(message));
    };
    wrapped(index.extract().unwrap_or(i64::MAX), length, axis, key)
}

/// Returns the index in a dimension of this length; negative ones count from the end. `shown` is the
/// index in the error.
pub(crate) fn wrapped(index: i64, length: i64, axis: usize, shown: impl Display) -> PyResult<i64> {
    let from_start = if index < 0 { index.saturating_add(length) } else { index };
    if (0..length).contains(&from_start) {
        return Ok(from_start);
    }
    let message = format!("index {shown} is out of bounds for axis {axis} with size {length}");
    Err(PyIndexError::new_err(message))
}
