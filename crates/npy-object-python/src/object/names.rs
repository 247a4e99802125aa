//! The names of Python that are imported, each when it is first used. All are constants here; a name
//! from a file is never imported.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

pub(crate) static DATE: Class = Class::new("datetime", "date");
pub(crate) static DATETIME: Class = Class::new("datetime", "datetime");
pub(crate) static DECIMAL: Class = Class::new("decimal", "Decimal");
pub(crate) static DEFAULT_DICT: Class = Class::new("collections", "defaultdict");
pub(crate) static DEQUE: Class = Class::new("collections", "deque");
pub(crate) static FRACTION: Class = Class::new("fractions", "Fraction");
pub(crate) static OPAQUE: Class = Class::new("npy_object._opaque", "Opaque");
pub(crate) static ORDERED_DICT: Class = Class::new("collections", "OrderedDict");
pub(crate) static RANGE: Class = Class::new("builtins", "range");
pub(crate) static SLICE: Class = Class::new("builtins", "slice");
pub(crate) static TIME: Class = Class::new("datetime", "time");
pub(crate) static TIMEDELTA: Class = Class::new("datetime", "timedelta");
pub(crate) static TIMEZONE: Class = Class::new("datetime", "timezone");
pub(crate) static TZINFO: Class = Class::new("datetime", "tzinfo");
pub(crate) static UUID: Class = Class::new("uuid", "UUID");

/// A class or function of Python, imported when it is first used.
pub(crate) struct Class {
    module: &'static str,
    name: &'static str,
    found: PyOnceLock<Py<PyType>>,
}

impl Class {
    const fn new(module: &'static str, name: &'static str) -> Class {
        Class { module, name, found: PyOnceLock::new() }
    }

    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyType>> {
        self.found.import(py, self.module, self.name)
    }
}

/// Returns the module `numpy`.
pub(crate) fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let numpy = NUMPY.get_or_try_init(py, || py.import("numpy").map(Bound::unbind))?;
    Ok(numpy.bind(py))
}

/// Classes of `builtins` that a file may hold as values and call. A call makes a value and does nothing
/// else.
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
/// Classes of `numpy` that a file may hold as values and call: `dict(dtype=numpy.float32)`.
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

/// Returns the class of this name, if it is one of the harmless ones.
pub(crate) fn harmless<'py>(
    py: Python<'py>,
    module: &str,
    name: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let builtin = |name| py.import("builtins")?.getattr(name).map(Some);
    match (module, name) {
        ("builtins" | "__builtin__", name) if BUILTINS.contains(&name) => builtin(name),
        ("__builtin__", "unicode") => builtin("str"),
        ("__builtin__", "long") => builtin("int"),
        ("numpy", name) if NUMPY.contains(&name) => numpy(py)?.getattr(name).map(Some),
        _ => Ok(None),
    }
}
