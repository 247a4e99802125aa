//! A cache of Python strings, for the keys of dicts.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// A cache of the strings that were made last, so that a key of a million dicts is one object, as in
/// `pickle`.
pub(crate) struct Strings(Box<[Slot; SLOTS]>);

/// A text and its object.
type Slot = Option<(Box<str>, Py<PyString>)>;

const SLOTS: usize = 256;
/// Bytes of the longest string that is kept.
const LONGEST: usize = 64;

impl Default for Strings {
    fn default() -> Strings {
        Strings(Box::new([const { None }; SLOTS]))
    }
}

impl Strings {
    /// Returns the string of this text from the cache, or makes it.
    pub(crate) fn get<'py>(&mut self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        if text.len() > LONGEST {
            return PyString::new(py, text);
        }
        let slot = &mut self.0[slot_of(text)];
        match slot {
            Some((known, string)) if **known == *text => string.bind(py).clone(),
            _ => {
                let string = PyString::new(py, text);
                *slot = Some((text.into(), string.clone().unbind()));
                string
            }
        }
    }
}

/// Returns the slot of a text: its FNV-1a hash.
fn slot_of(text: &str) -> usize {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) as usize % SLOTS
}
