//! Elements as Python objects: those that `numpy.load` would have made.
//!
//! A value may contain others, as deep as the file likes, and itself. A few levels of lists, dicts
//! and tuples are made by calls in one another (`walk`); from there on nothing recurses: what can
//! be made before its members are (a list, a dict, an array, an `Opaque`) is made empty (`begin`)
//! and filled later; what cannot (a tuple, a frozenset, the call of a class that somebody allowed)
//! waits for its members (`finish`).
//!
//! ```text
//!  tasks   what to do next, last first:   Members(of a tuple)   Finish(the tuple)
//!  values  objects that wait for what they are members of
//!  fills   containers that are still empty
//! ```
//!
//! Nothing that a file names is imported or called, unless a `find_class` gives it. What is called
//! otherwise stands in `names`, and `known` checks what it is called with.

use std::cell::Cell;
use std::collections::HashMap;

use npy_object::pickle::NodeId;
use npy_object::{Element, PlainArray, Source};
use numpy::PyArrayDescr;
use pyo3::exceptions::PyRecursionError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyString};

use super::walk::Work;
use crate::object::ahead::{Simple, simple};
use crate::object::ndarray::{self, DTypes};
use crate::object::strings::Strings;

/// Makes Python objects of elements. One can make any number of them.
pub(crate) struct Maker {
    /// What says which classes may be used: `find_class(module, name)`.
    pub(super) find_class: Option<Py<PyAny>>,
    /// Where arrays may be looked at instead of copied, and who keeps the bytes there.
    mapped: Option<(Source, Py<PyAny>)>,
    /// Whether the elements are those of a `recarray`.
    records: bool,
    pub(super) dtypes: DTypes,
    pub(super) strings: Strings,
    /// Objects that were made of parts of the element, for those that name them again.
    pub(super) made: HashMap<NodeId, Made>,
    /// Whether a value was met that elements share, and that `is` tells from an equal one.
    pub(super) met_shared: bool,
    /// Elements and parts of them until somebody may interrupt.
    patience: u32,
}

/// How many elements are being made on this thread, each by Python code that makes one of another.
struct Nested;

impl Nested {
    /// The code of a `find_class`, of a class that it gives, or of a file object may read files in
    /// turn. Python counts its own calls, but not how much stack ours take in between.
    const MOST: u32 = 100;

    fn enter() -> PyResult<Nested> {
        let depth = NESTED.get();
        if depth == Nested::MOST {
            let message = "maximum recursion depth exceeded while an element was made";
            return Err(PyRecursionError::new_err(message));
        }
        NESTED.set(depth + 1);
        Ok(Nested)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
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

    /// The object that an element is.
    #[inline]
    pub(crate) fn make<'py>(
        &mut self,
        py: Python<'py>,
        element: Element<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match simple(&element, |simple| self.simple(py, simple)) {
            Some(made) => made,
            None => self.make_any(py, element),
        }
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

    /// The object that an element is which is not a simple one.
    #[inline(never)]
    pub(crate) fn make_any<'py>(
        &mut self,
        py: Python<'py>,
        element: Element<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _nested = Nested::enter()?;
        self.made.clear();
        let object =
            Work { py, maker: self, tasks: Vec::new(), values: Vec::new(), fills: Vec::new() }
                .run(element)?;
        if self.records {
            let dtype = object.getattr(intern!(py, "dtype"))?.cast_into::<PyArrayDescr>()?;
            return object.call_method1(intern!(py, "view"), (ndarray::record(dtype)?,));
        }
        Ok(object)
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
