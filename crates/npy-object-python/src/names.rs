//! The few names of Python that are used, imported once: by names that stand here, never by those
//! that a file has.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Modules and classes.
pub(crate) struct Names {
    pub(crate) numpy: Py<PyModule>,
    pub(crate) builtins: Py<PyModule>,
    pub(crate) errors: Py<PyModule>,
    pub(crate) opaque: Py<PyType>,
    pub(crate) date: Py<PyType>,
    pub(crate) datetime: Py<PyType>,
    pub(crate) time: Py<PyType>,
    pub(crate) timedelta: Py<PyType>,
    pub(crate) timezone: Py<PyType>,
    pub(crate) tzinfo: Py<PyType>,
    pub(crate) decimal: Py<PyType>,
    pub(crate) fraction: Py<PyType>,
    pub(crate) uuid: Py<PyType>,
    pub(crate) ordered_dict: Py<PyType>,
    pub(crate) default_dict: Py<PyType>,
}

/// Classes without a state, that a file may have for values: `dict(dtype=numpy.float32)`.
const BUILTINS: [&str; 15] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "range",
    "set",
    "slice",
    "str",
    "tuple",
];
const NUMPY: [&str; 18] = [
    "bool_",
    "complex64",
    "complex128",
    "datetime64",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "longdouble",
    "ndarray",
    "timedelta64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
];

impl Names {
    pub(crate) fn get(py: Python<'_>) -> PyResult<&'static Names> {
        static NAMES: PyOnceLock<Names> = PyOnceLock::new();
        NAMES.get_or_try_init(py, || {
            let class = |module: &str, name: &str| -> PyResult<Py<PyType>> {
                Ok(py.import(module)?.getattr(name)?.cast_into::<PyType>()?.unbind())
            };
            Ok(Names {
                numpy: py.import("numpy")?.unbind(),
                builtins: py.import("builtins")?.unbind(),
                errors: py.import("npy_object._errors")?.unbind(),
                opaque: class("npy_object._opaque", "Opaque")?,
                date: class("datetime", "date")?,
                datetime: class("datetime", "datetime")?,
                time: class("datetime", "time")?,
                timedelta: class("datetime", "timedelta")?,
                timezone: class("datetime", "timezone")?,
                tzinfo: class("datetime", "tzinfo")?,
                decimal: class("decimal", "Decimal")?,
                fraction: class("fractions", "Fraction")?,
                uuid: class("uuid", "UUID")?,
                ordered_dict: class("collections", "OrderedDict")?,
                default_dict: class("collections", "defaultdict")?,
            })
        })
    }

    /// The class of this name, if it is one of those that nothing can come of.
    pub(crate) fn harmless<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match module {
            "builtins" | "__builtin__" if BUILTINS.contains(&name) => {
                self.builtins.bind(py).getattr(name).map(Some)
            }
            "__builtin__" if matches!(name, "unicode" | "long") => {
                let name = if name == "long" { "int" } else { "str" };
                self.builtins.bind(py).getattr(name).map(Some)
            }
            "numpy" if NUMPY.contains(&name) => self.numpy.bind(py).getattr(name).map(Some),
            _ => Ok(None),
        }
    }
}
