//! Which NumPy and Python wrote a pickle, judged by its first instructions.
//!
//! - `numpy.save` writes pickle protocol 2 before NumPy 1.17, 3 up to 2.0, and 4 since 2.1
//!   (`numpy/lib/format.py`).
//! - NumPy 2 calls the package `numpy.core` of NumPy 1 `numpy._core`.
//! - Only Python 2 writes the opcodes of a `str` that is not Unicode.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use pickle_stream::Signs;

use crate::error::Result;
use crate::source::Source;

/// Which NumPy and Python wrote a pickle, judged by its first instructions.
///
/// Displays the evidence: `protocol 2, str of Python 2, numpy.core`.
///
/// ```
/// use npy_object::{Provenance, Source};
///
/// let source = Source::open("tests/data/ragged.npy")?;
/// let provenance = Provenance::read(&source, 128)?.expect("a pickle");
/// assert_eq!(provenance.writer(true), Some("NumPy 2"));
/// assert_eq!(provenance.to_string(), "protocol 4, numpy._core");
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    signs: Signs,
    package: Option<Package>,
}

/// The package that the functions which rebuild an array are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Package {
    /// `numpy.core`
    Core,
    /// `numpy._core`
    PrivateCore,
}

/// Bytes that are read: an envelope takes about 150.
const START: u64 = 4 << 10;

impl Provenance {
    /// Reads the first instructions of the pickle at `offset`, in bytes from the start of the
    /// source, up to its first list. Returns `None` where there is no pickle.
    ///
    /// Fails where the source cannot be read. A pickle that breaks a rule is judged by the
    /// instructions before that.
    pub fn read(source: &Source, offset: u64) -> Result<Option<Provenance>> {
        let mut bytes = Vec::new();
        let mut reader = source.to_reader();
        reader.seek(SeekFrom::Start(offset))?;
        reader.take(START).read_to_end(&mut bytes)?;
        let mut package = None;
        let signs = Signs::of(&bytes, |text| {
            if text.starts_with(b"numpy.core.") {
                package = Some(Package::Core);
            } else if text.starts_with(b"numpy._core.") {
                package = Some(Package::PrivateCore);
            }
        });
        Ok(signs.map(|signs| Provenance { signs, package }))
    }

    /// Returns the pickle protocol: the one that the pickle names, or else the highest that its
    /// first instructions need.
    pub fn protocol(&self) -> u8 {
        self.signs.protocol
    }

    /// Names the writer, such as `NumPy 1.17 to 1.26`; `None` where the pickle does not tell.
    /// `has_header` says whether the pickle is the data of an `.npy` file: one that is not tells
    /// something about NumPy only if it names NumPy.
    pub fn writer(&self, has_header: bool) -> Option<&'static str> {
        let is_python_2 = self.signs.has_python_2_str;
        if !has_header && self.package.is_none() {
            return is_python_2.then_some("Python 2");
        }
        Some(match (self.package, self.signs.protocol) {
            _ if is_python_2 => "NumPy 1.16 or earlier, on Python 2",
            (Some(Package::PrivateCore), 4) => "NumPy 2",
            (Some(Package::PrivateCore), _) => "NumPy 2, but not its numpy.save",
            (Some(Package::Core) | None, 2) => "NumPy 1.16 or earlier",
            (Some(Package::Core), 3) => "NumPy 1.17 to 1.26",
            (Some(Package::Core), _) => "NumPy 1, but not its numpy.save",
            (None, 3) => "NumPy 1.17 to 1.26",
            (None, 4) => "NumPy 2",
            (None, _) => "not numpy.save",
        })
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol {}", self.signs.protocol)?;
        if self.signs.has_python_2_str {
            f.write_str(", str of Python 2")?;
        }
        f.write_str(match self.package {
            Some(Package::Core) => ", numpy.core",
            Some(Package::PrivateCore) => ", numpy._core",
            None => "",
        })
    }
}
