//! The maker of Python objects: its caches, the mapped file, and the classes that may be called.

use std::collections::HashMap;

use npy_object::pickle::NodeId;
use npy_object::{Element, PlainArray, Source};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::object::ndarray::{self, DTypes};
use crate::object::plans::RowObjects;
use crate::object::strings::Strings;

/// A maker of Python objects from elements, used for any number of elements.
pub(crate) struct Maker {
    /// The function `find_class(module, name)`, which returns a class that may be called, or None.
    pub(super) find_class: Option<Py<PyAny>>,
    /// The mapped file into which arrays are views, and the object that keeps it mapped.
    mapped: Option<(Source, Py<PyAny>)>,
    /// Whether the array is a `recarray`.
    pub(super) records: bool,
    pub(super) dtypes: DTypes,
    pub(super) strings: Strings,
    pub(super) rows: RowObjects,
    /// The objects with an identity that were made of the current element, by their node.
    pub(super) made: HashMap<NodeId, Made>,
    /// Whether an element has used a mutable object that other elements use too.
    pub(super) met_shared: bool,
    /// Elements and members to make before signals are checked.
    patience: u32,
}

pub(super) struct Made {
    pub(super) object: Py<PyAny>,
    /// How many values hashing the object visits.
    pub(super) weight: u64,
}

/// Elements and members that are made between two checks of signals.
const PATIENCE: u32 = 1 << 16;

impl Maker {
    pub(crate) fn new(find_class: Option<Py<PyAny>>, mapped: Option<(Source, Py<PyAny>)>) -> Maker {
        Maker {
            find_class,
            mapped,
            records: false,
            dtypes: DTypes::default(),
            strings: Strings::default(),
            rows: RowObjects::default(),
            made: HashMap::new(),
            met_shared: false,
            patience: PATIENCE,
        }
    }

    /// Sets whether the array is a `recarray`, whose elements have their fields as attributes.
    pub(crate) fn of_records(self, records: bool) -> Maker {
        Maker { records, ..self }
    }

    /// Returns whether rows can be made without being decoded. A record becomes an object of another
    /// class after it is made.
    pub(crate) fn makes_rows(&self) -> bool {
        !self.records
    }

    /// Returns whether an element has used a mutable object that other elements use too. Each element
    /// has its own copy of that object.
    pub(crate) fn met_shared(&self) -> bool {
        self.met_shared
    }

    /// Runs Python's signal handlers, such as that of Ctrl-C, once in 65,536 calls.
    #[inline]
    pub(crate) fn look_for_signals(&mut self, py: Python<'_>) -> PyResult<()> {
        self.patience -= 1;
        if self.patience == 0 {
            self.patience = PATIENCE;
            py.check_signals()?;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn plain_array<'py>(
        &mut self,
        py: Python<'py>,
        plain: &PlainArray<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.dtypes.of_scalar(py, plain.item())?;
        self.array_of(dtype, plain.shape(), plain.fortran_order(), plain.data())
    }

    /// Makes an array of bytes of the file: a view where the file is mapped, else a copy.
    #[inline]
    pub(super) fn array_of<'py>(
        &self,
        dtype: Bound<'py, PyArrayDescr>,
        shape: &[usize],
        fortran_order: bool,
        bytes: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some((source, owner)) = &self.mapped
            && source.as_bytes().is_some_and(|all| all.as_ptr_range().contains(&bytes.as_ptr()))
        {
            let owner = owner.bind(dtype.py());
            // SAFETY: the bytes are in the mapped source, which the owner keeps mapped.
            return unsafe { ndarray::view(dtype, shape, fortran_order, bytes, owner) };
        }
        ndarray::array(dtype, shape, fortran_order, bytes)
    }
}

#[inline]
pub(super) fn is_shared(element: Element<'_>) -> bool {
    element.value().is_some_and(|value| value.is_shared())
}

/// Makes a str that has a lone surrogate.
#[cold]
pub(super) fn surrogates<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PyBytes::new(py, text).call_method1("decode", ("utf-8", "surrogatepass"))
}
