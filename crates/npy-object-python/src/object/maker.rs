//! What Python objects are made with: caches, the file's bytes, and which classes may be called.

use std::collections::HashMap;

use npy_object::pickle::NodeId;
use npy_object::{Element, PlainArray, Source};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyString};

use crate::object::ahead::Simple;
use crate::object::ndarray::{self, DTypes};
use crate::object::strings::Strings;

/// Makes Python objects of elements. One can make any number of them.
pub(crate) struct Maker {
    /// What says which classes may be used: `find_class(module, name)`.
    pub(super) find_class: Option<Py<PyAny>>,
    /// Where arrays may be looked at instead of copied, and who keeps the bytes there.
    mapped: Option<(Source, Py<PyAny>)>,
    /// Whether the elements are those of a `recarray`.
    pub(super) records: bool,
    pub(super) dtypes: DTypes,
    pub(super) strings: Strings,
    /// Objects that were made of parts of the element, for those that name them again.
    pub(super) made: HashMap<NodeId, Made>,
    /// Whether a value was met that elements share, and that `is` tells from an equal one.
    pub(super) met_shared: bool,
    /// Elements and parts of them until somebody may interrupt.
    patience: u32,
}

pub(super) struct Made {
    pub(super) object: Py<PyAny>,
    /// How many values it takes to hash it.
    pub(super) weight: u64,
}

/// Elements and parts of them between two looks for signals.
const PATIENCE: u32 = 1 << 16;

impl Maker {
    pub(crate) fn new(find_class: Option<Py<PyAny>>, mapped: Option<(Source, Py<PyAny>)>) -> Maker {
        Maker {
            find_class,
            mapped,
            records: false,
            dtypes: DTypes::default(),
            strings: Strings::default(),
            made: HashMap::new(),
            met_shared: false,
            patience: PATIENCE,
        }
    }

    /// The same for the elements of a `recarray`, which have their fields for attributes.
    pub(crate) fn of_records(self, records: bool) -> Maker {
        Maker { records, ..self }
    }

    /// Whether a value was met so far that elements share, and that `is` tells from an equal one:
    /// each element has one of its own.
    pub(crate) fn met_shared(&self) -> bool {
        self.met_shared
    }

    /// Answers a signal, such as that of Ctrl-C, now and then.
    #[inline]
    pub(crate) fn look_for_signals(&mut self, py: Python<'_>) -> PyResult<()> {
        self.patience -= 1;
        if self.patience == 0 {
            self.patience = PATIENCE;
            py.check_signals()?;
        }
        Ok(())
    }

    /// The object that a simple element is.
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

    #[inline]
    pub(super) fn plain_array<'py>(
        &mut self,
        py: Python<'py>,
        plain: &PlainArray<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.dtypes.of_scalar(py, plain.item())?;
        self.array_of(dtype, plain.shape(), plain.fortran_order(), plain.data())
    }

    /// An array of bytes of the file.
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
            // SAFETY: the bytes are in the source, which the owner keeps.
            return unsafe { ndarray::view(dtype, shape, fortran_order, bytes, owner) };
        }
        ndarray::array(dtype, shape, fortran_order, bytes)
    }
}

#[inline]
pub(super) fn is_shared(element: Element<'_>) -> bool {
    element.value().is_some_and(|value| value.is_shared())
}

/// A str in which a surrogate stands alone.
#[cold]
pub(super) fn surrogates<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PyBytes::new(py, text).call_method1("decode", ("utf-8", "surrogatepass"))
}
