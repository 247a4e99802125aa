//! The Python objects that all rows of a plan have, and those of the memo entries that rows read.

use std::sync::Arc;

use npy_object::{ArrayPlan, RowPlan};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The objects that rows have in common.
#[derive(Default)]
pub(super) struct RowObjects {
    /// The plans of the last rows, with their objects.
    pub(super) plans: Vec<(Arc<RowPlan>, Part)>,
    pub(super) definitions: Definitions,
}

/// The objects of memo entries that rows read; `None` of one that has to be decoded.
///
/// An entry replaces the one whose number is equal modulo [`Definitions::MOST`].
#[derive(Default)]
pub(super) struct Definitions(Vec<Option<(u64, Option<Py<PyAny>>)>>);

impl Definitions {
    const MOST: usize = 1 << 16;

    #[inline]
    pub(super) fn get(&self, memo: u64) -> Option<&Option<Py<PyAny>>> {
        match self.0.get(memo as usize % Definitions::MOST)? {
            Some((known, object)) if *known == memo => Some(object),
            _ => None,
        }
    }

    pub(super) fn insert(&mut self, memo: u64, object: Option<Py<PyAny>>) {
        let slot = memo as usize % Definitions::MOST;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some((memo, object));
    }
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
