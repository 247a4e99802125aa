//! The keyword arguments with which something is opened.

use npy_object::{Encoding, Limits, Options};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::source::maps;

/// How a file is to be read. For Python it is the dict of the keyword arguments.
#[derive(FromPyObject, IntoPyObjectRef)]
#[pyo3(from_item_all)]
pub(crate) struct Settings {
    pub(crate) encoding: String,
    pub(crate) index: bool,
    pub(crate) max_memory: Option<usize>,
    pub(crate) find_class: Option<Py<PyAny>>,
    pub(crate) mmap_mode: Option<String>,
    pub(crate) trust_payload: bool,
    pub(crate) unfinished: bool,
}

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
    /// What they come to for the library.
    pub(crate) fn options(&self) -> PyResult<Options> {
        let encoding = match self.encoding.to_ascii_lowercase().as_str() {
            "ascii" => Encoding::Ascii,
            "latin1" | "latin-1" => Encoding::Latin1,
            "utf8" | "utf-8" => Encoding::Utf8,
            "bytes" => Encoding::Bytes,
            other => {
                let message =
                    format!("encoding has to be ASCII, latin1, UTF-8 or bytes, not {other}");
                return Err(PyValueError::new_err(message));
            }
        };
        let mut limits = self.max_memory.map_or_else(Limits::default, Limits::within);
        // As `numpy.load` does where it allows pickles.
        limits.header.header_chars = usize::MAX;
        let options = Options::new().encoding(encoding).index(self.index).limits(limits);
        Ok(options.trust_payload(self.trust_payload).unfinished(self.unfinished))
    }

    /// Whether arrays are to be looked at where the file is mapped into memory.
    pub(crate) fn maps(&self) -> PyResult<bool> {
        maps(self.mmap_mode.as_deref())
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
