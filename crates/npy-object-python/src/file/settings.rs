//! The keyword arguments of `open` and `load`.

use npy_object::{Encoding, Limits, Options};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

/// The settings for reading a file. Python pickles them as the dict of the keyword arguments of `open`.
#[derive(FromPyObject, IntoPyObjectRef)]
#[pyo3(from_item_all)]
pub(crate) struct Settings {
    pub(crate) encoding: String,
    pub(crate) index: bool,
    pub(crate) max_memory: Option<Memory>,
    pub(crate) find_class: Option<Py<PyAny>>,
    pub(crate) mmap_mode: Option<String>,
    pub(crate) trust_payload: bool,
    pub(crate) unfinished: bool,
}

/// A number of bytes: an int, or a str such as "64MB".
#[derive(Clone, Copy, IntoPyObject, IntoPyObjectRef)]
#[pyo3(transparent)]
pub(crate) struct Memory(usize);

impl<'py> FromPyObject<'_, 'py> for Memory {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Memory> {
        if let Ok(text) = given.extract::<String>() {
            return match Limits::parse_memory(&text) {
                Ok(bytes) => Ok(Memory(bytes)),
                Err(error) => {
                    Err(PyValueError::new_err(format!("max_memory: {}", error.message())))
                }
            };
        }
        let is_int = !given.is_instance_of::<PyBool>()
            && (given.is_instance_of::<PyInt>() || given.hasattr("__index__")?);
        if !is_int {
            let class = given.get_type().name()?;
            let message = format!(
                "max_memory: expected an int, a str such as '64MB', or None, found {class}"
            );
            return Err(PyTypeError::new_err(message));
        }
        match given.call_method0("__index__")?.extract::<i128>() {
            Ok(bytes) if bytes > 0 => {
                // A number that the machine cannot address limits nothing.
                Ok(Memory(usize::try_from(bytes).unwrap_or(usize::MAX)))
            }
            Ok(bytes) => {
                let message = format!("max_memory: expected a number above 0, found {bytes}");
                Err(PyValueError::new_err(message))
            }
            Err(_) => {
                Err(PyValueError::new_err("max_memory: expected an int above 0 and below 2^127"))
            }
        }
    }
}

/// The bytes that a container takes while a container in it is made: its Python object, and its tasks on
/// the stack of the maker.
const NESTED: usize = 600;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            encoding: "ASCII".to_owned(),
            index: true,
            max_memory: None,
            find_class: None,
            mmap_mode: None,
            trust_payload: false,
            unfinished: false,
        }
    }
}

impl Settings {
    /// Returns these settings as the options of the library.
    pub(crate) fn options(&self) -> PyResult<Options> {
        self.options_for_elements(usize::MAX)
    }

    /// Returns the options with a limit on the bytes of an element.
    pub(crate) fn options_for_elements(&self, element: usize) -> PyResult<Options> {
        let encoding = match self.encoding.to_ascii_lowercase().as_str() {
            "ascii" => Encoding::Ascii,
            "latin1" | "latin-1" => Encoding::Latin1,
            "utf8" | "utf-8" => Encoding::Utf8,
            "bytes" => Encoding::Bytes,
            other => {
                let message =
                    format!("encoding: expected ASCII, latin1, UTF-8 or bytes, found {other:?}");
                return Err(PyValueError::new_err(message));
            }
        };
        let memory = self.max_memory.map(|memory| memory.0);
        let mut limits = memory.map_or_else(Limits::default, Limits::within);
        limits.element = limits.element.min(element);
        if let Some(memory) = memory {
            limits.pickle.nodes = limits.pickle.nodes.min(memory / 2 / NESTED);
        }
        // `numpy.load` does not limit the header either if it allows pickles.
        limits.header.header_chars = usize::MAX;
        let options = Options::new().encoding(encoding).index(self.index).limits(limits);
        Ok(options.trust_payload(self.trust_payload).unfinished(self.unfinished))
    }

    /// Returns whether to map the file into memory, where arrays are views.
    pub(crate) fn maps(&self) -> PyResult<bool> {
        match self.mmap_mode.as_deref() {
            None => Ok(false),
            Some("r") => Ok(true),
            Some(other) => {
                let message = format!(
                    "mmap_mode: expected None or 'r', as files are only read, found {other:?}"
                );
                Err(PyValueError::new_err(message))
            }
        }
    }

    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Settings {
        Settings {
            encoding: self.encoding.clone(),
            index: self.index,
            max_memory: self.max_memory,
            find_class: self.find_class.as_ref().map(|find_class| find_class.clone_ref(py)),
            mmap_mode: self.mmap_mode.clone(),
            trust_payload: self.trust_payload,
            unfinished: self.unfinished,
        }
    }
}
