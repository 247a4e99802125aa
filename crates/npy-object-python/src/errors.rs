//! Errors of the library as Python exceptions.

use std::error::Error as _;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use npy_object::{Error, ErrorKind};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Returns the exception for an error. An exception that a Python file object raised is returned
/// unchanged. An OSError names the file of the error.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    raise_with(py, error, error.file().map(OsStr::new))
}

/// Does what [`raise`] does, with an OSError that names this file.
pub(crate) fn raise_of(py: Python<'_>, error: &Error, file: &Path) -> PyErr {
    raise_with(py, error, Some(file.as_os_str()))
}

fn raise_with(py: Python<'_>, error: &Error, file: Option<&OsStr>) -> PyErr {
    let class = match error.kind() {
        ErrorKind::Io => return os_error(py, error, file),
        ErrorKind::Malformed => "MalformedError",
        ErrorKind::Truncated => "TruncatedError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Limit => "LimitError",
        _ => "Error",
    };
    let mut message = error.to_string();
    if error.is_over_memory() {
        message.push_str(": to read it, raise max_memory or leave it out");
    }
    exception(py, class, (message, error.offset(), error.clause()))
}

/// Returns an UnsupportedError, for a value that the library reads and Python cannot represent.
#[cold]
pub(crate) fn unsupported(py: Python<'_>, message: &str) -> PyErr {
    exception(py, "UnsupportedError", (format!("{message} [access.type]"), None, "access.type"))
}

/// Returns an UnsupportedError, for a variant of `ItemType` that is newer than this package.
#[cold]
pub(crate) fn unknown_dtype(py: Python<'_>) -> PyErr {
    unsupported(py, "expected a dtype of the header or StringDType, found another dtype")
}

/// Returns an EmptyError, for a source that has no data, or none left. `why` is the error of the library.
#[cold]
pub(crate) fn empty(py: Python<'_>, why: Option<&Error>) -> PyErr {
    let mut message = "No data left in file".to_owned();
    if let Some(why) = why {
        message = format!("{message}: {why}");
    }
    exception(py, "EmptyError", (message, Some(0), "npy.truncated"))
}

/// Returns whether an exception is an UnsupportedError.
pub(crate) fn is_unsupported(py: Python<'_>, error: &PyErr) -> bool {
    is_of(py, error, "UnsupportedError")
}

/// Returns whether an exception is a TruncatedError.
pub(crate) fn is_truncated(py: Python<'_>, error: &PyErr) -> bool {
    is_of(py, error, "TruncatedError")
}

fn is_of(py: Python<'_>, error: &PyErr, class: &str) -> bool {
    errors(py)
        .and_then(|errors| errors.getattr(class))
        .is_ok_and(|class| error.is_instance(py, &class))
}

/// Returns a LimitError, for an operation that would take too much time or memory.
#[cold]
pub(crate) fn limit(py: Python<'_>, message: &str, clause: &str) -> PyErr {
    exception(py, "LimitError", (format!("{message} [{clause}]"), None, clause))
}

fn exception(py: Python<'_>, class: &str, args: (String, Option<u64>, &str)) -> PyErr {
    let made =
        errors(py).and_then(|errors| errors.getattr(class)).and_then(|class| class.call1(args));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// Returns the module that defines the exceptions.
fn errors(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("npy_object._errors")
}

/// Returns the exception for an I/O error.
fn os_error(py: Python<'_>, error: &Error, file: Option<&OsStr>) -> PyErr {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let raised =
        source.and_then(io::Error::get_ref).and_then(|raised| raised.downcast_ref::<PyErr>());
    if let Some(raised) = raised {
        return raised.clone_ref(py);
    }
    match (source.and_then(io::Error::raw_os_error), file) {
        // Python turns an OSError with these arguments into its subclass, such as FileNotFoundError.
        (Some(code), Some(file)) => PyOSError::new_err((code, message_of(code), file.to_owned())),
        (Some(code), None) => PyOSError::new_err((code, message_of(code))),
        // PyO3 chooses the subclass of OSError by the kind.
        (None, _) => {
            let kind = source.map_or(io::ErrorKind::Other, io::Error::kind);
            io::Error::new(kind, error.clone()).into()
        }
    }
}

/// Returns the system's text for an error code, without the number that Rust appends.
fn message_of(code: i32) -> String {
    let message = io::Error::from_raw_os_error(code).to_string();
    match message.rfind(" (os error") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
