//! The Python objects that all rows of a plan have, and those of the memo entries that rows read.

use std::sync::Arc;

use npy_object::{ArrayPlan, MemoCache, RowPlan};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The objects that rows have in common.
#[derive(Default)]
pub(super) struct RowObjects {
    /// The plans of the last rows, with their objects; `None` of rows that have to be decoded.
    pub(super) plans: Vec<(Arc<RowPlan>, Option<Part>)>,
    /// The objects of memo entries that rows read; `None` of one that has to be decoded.
    pub(super) definitions: MemoCache<Option<Py<PyAny>>>,
}

impl RowObjects {
    /// The most plans that are kept.
    pub(super) const PLANS: usize = 16;
}

/// A [`Plan`] with the objects that all its rows have.
pub(super) enum Part {
    Hole(usize),
    Object(Py<PyAny>),
    Array(Py<PyArrayDescr>, ArrayPlan),
    List(Vec<Part>),
    Tuple(Vec<Part>),
    Dict(Vec<(Py<PyString>, Part)>),
}
