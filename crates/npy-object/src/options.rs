//! [`Options`]: how a file is read, and the limits on what it may ask for.

use std::sync::Arc;

use crate::error::{Error, Result};
#[cfg(feature = "gzip")]
use crate::source::budget::Budget;

/// Bytes of a stream that are kept in memory before a temporary file takes them.
pub(crate) const SPOOL_MEMORY: usize = 8 << 20;

/// The encoding of a `str` of Python 2, which a pickle does not name: `encoding` of `numpy.load`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Text where it is ASCII, else bytes. (With NumPy's default, other bytes are an error.)
    #[default]
    Ascii,
    /// Text: each byte is a code point.
    Latin1,
    /// Text where it is UTF-8, else bytes.
    Utf8,
    /// Always bytes.
    Bytes,
}

/// Limits on what a file may ask for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The limits of the preamble.
    pub header: npy_header::Limits,
    /// The limits of each element, and of the survey.
    pub pickle: pickle_stream::Limits,
    /// Bytes of the envelope: the pickle before the first element. NumPy writes about 150, more
    /// where the dtype is structured.
    pub envelope: usize,
    /// Bytes of one element in the file, which are in memory while it is decoded.
    pub element: usize,
    /// Bytes of shared definitions that are kept from one element to the next. The definitions that
    /// a single element needs are always decoded.
    pub shared: usize,
    /// Bytes of a stream, or of decompressed data, that are kept in memory; all of a longer one is
    /// in a temporary file. The lower of this and [`Options::spool_memory`] counts.
    pub spool: usize,
    /// Bytes of the directory of an archive. Each takes up to 8 bytes of memory.
    pub directory: u64,
    /// Decompressed bytes that are allowed for a compressed file, or a member of an archive, of any
    /// size. They are kept in memory or in a temporary file as they are needed.
    pub decompressed: u64,
    /// Decompressed bytes that are allowed for each compressed byte, where that is more.
    pub expansion: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header: npy_header::Limits::default(),
            pickle: pickle_stream::Limits::default(),
            envelope: 1 << 20,
            element: usize::MAX,
            shared: 8 << 20,
            spool: usize::MAX,
            directory: 256 << 20,
            decompressed: 4 << 30,
            expansion: 250,
        }
    }
}

impl Limits {
    /// Returns limits that keep a reader within about `memory` bytes, and 4 MiB that it always
    /// takes.
    ///
    /// Half is for the bytes of one element, a quarter for its decoded value, an eighth for
    /// definitions that elements share, and an eighth for the spans of the elements of one batch.
    /// An element that needs more is an error with [`ErrorKind::Limit`](crate::ErrorKind::Limit),
    /// before memory is taken.
    ///
    /// A sixteenth is for a stream or decompressed data; a longer one is in a temporary file. An
    /// eighth is for the directory of an archive.
    ///
    /// ```
    /// use npy_object::{ErrorKind, Limits, Options};
    ///
    /// let mut limits = Limits::within(64 << 20);
    /// limits.element = 40; // each of these can be changed on its own
    /// let mut array = Options::new().limits(limits).open("tests/data/ragged.npy")?;
    /// let error = array.elements().find_map(Result::err).expect("an element is larger");
    /// assert_eq!((error.kind(), error.clause()), (ErrorKind::Limit, "npy.limit.element"));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn within(memory: usize) -> Limits {
        // Bytes of one of them, with its part of a vector that grows by doubling.
        const NODE: usize = 96;
        const PLACE: usize = 160;
        // Memory for a byte of a directory.
        const DIRECTORY: usize = 8;
        let memory = memory.max(1 << 20);
        let mut limits = Limits::default();
        limits.element = memory / 2;
        // A vector that grows takes up to three times what it holds.
        limits.shared = limits.shared.min(memory / 32);
        limits.spool = memory / 16;
        limits.directory = (memory / 8 / DIRECTORY) as u64;
        limits.pickle.line = (memory / 8) as u64;
        limits.pickle.nodes = memory / 4 / NODE;
        limits.pickle.stack = memory / 8 / PLACE;
        limits.pickle.marks = memory / 8 / PLACE;
        limits
    }

    /// Parses a number of bytes for [`within`](Self::within): a whole number, and `B`, `KB`, `MB`,
    /// `GB` or `TB` (or `KiB` and so on, or `K`) in upper or lower case. A KB is 1,024 bytes.
    ///
    /// Fails with clause `access.memory` on anything else, on 0, and on more than the machine can
    /// address.
    ///
    /// ```
    /// use npy_object::Limits;
    ///
    /// assert_eq!(Limits::parse_memory("64MB")?, 64 << 20);
    /// assert_eq!(Limits::parse_memory("2 GiB")?, 2 << 30);
    /// assert!(Limits::parse_memory("-1").is_err());
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn parse_memory(text: &str) -> Result<usize> {
        let trimmed = text.trim();
        let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = trimmed.split_at(digits);
        let shift = match unit.trim_start().to_ascii_uppercase().as_str() {
            "" | "B" => Some(0),
            "K" | "KB" | "KIB" => Some(10),
            "M" | "MB" | "MIB" => Some(20),
            "G" | "GB" | "GIB" => Some(30),
            "T" | "TB" | "TIB" => Some(40),
            _ => None,
        };
        let unit = shift.and_then(|shift| 1usize.checked_shl(shift));
        let bytes = number.parse::<usize>().ok().zip(unit);
        match bytes.and_then(|(number, unit)| number.checked_mul(unit)).filter(|&bytes| bytes > 0) {
            Some(bytes) => Ok(bytes),
            None => Err(not_a_memory(text)),
        }
    }
}

#[cold]
fn not_a_memory(text: &str) -> Error {
    let shown: String = text.chars().take(40).collect();
    let message =
        format!("expected a number of bytes above 0, such as 64MB or 2GB, found {shown:?}");
    Error::usage("access.memory", message)
}

/// How many bytes are read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSize {
    /// After a jump over a payload, where only the next few instructions are needed.
    pub(crate) least: usize,
    /// While reading goes straight on.
    pub(crate) most: usize,
}

impl ReadSize {
    /// Returns the length of the longest gap that is read rather than jumped over: a second read
    /// would take longer.
    #[inline]
    pub(crate) fn gap(self) -> u64 {
        self.least.saturating_mul(4) as u64
    }
}

impl Default for ReadSize {
    fn default() -> ReadSize {
        ReadSize { least: 1 << 10, most: 512 << 10 }
    }
}

/// How files are opened and read.
///
/// The methods that set an option return the options, so that they can be chained. Those that open
/// a file borrow them: one set of options opens any number of files.
///
/// ```
/// use npy_object::{Limits, Options};
///
/// let options = Options::new().limits(Limits::within(64 << 20)).trust_payload(true);
/// for path in ["tests/data/ragged.npy", "tests/data/strings.npy"] {
///     assert_eq!(options.open(path)?.len(), 3);
/// }
/// # Ok::<(), npy_object::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) encoding: Encoding,
    pub(crate) limits: Arc<Limits>,
    pub(crate) trust_payload: bool,
    pub(crate) read_size: ReadSize,
    pub(crate) index: bool,
    pub(crate) spool_memory: Option<usize>,
    pub(crate) unfinished: bool,
    /// What may be decompressed in all; `None` where only each compressed file has a limit.
    #[cfg(feature = "gzip")]
    pub(crate) budget: Option<Arc<Budget>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            encoding: Encoding::default(),
            limits: Arc::new(Limits::default()),
            trust_payload: false,
            read_size: ReadSize::default(),
            index: true,
            spool_memory: None,
            unfinished: false,
            #[cfg(feature = "gzip")]
            budget: None,
        }
    }
}

impl Options {
    /// Returns the default options.
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets the encoding of a `str` of Python 2.
    pub fn encoding(mut self, encoding: Encoding) -> Options {
        self.encoding = encoding;
        self
    }

    /// Sets the limits on what a file may ask for.
    pub fn limits(mut self, limits: Limits) -> Options {
        self.limits = Arc::new(limits);
        self
    }

    /// Sets whether the pickle counts where the header has another shape, order or dtype, as in
    /// NumPy. By default that is an error with clause `npy.object.agreement`, as one of the two is
    /// wrong.
    pub fn trust_payload(mut self, trust: bool) -> Options {
        self.trust_payload = trust;
        self
    }

    /// Sets whether a file that is truncated inside a batch gives the values of that batch too,
    /// before the error. Then no whole element before the end of the file is missing, but the last
    /// values may be parts of an element that is not whole: see [`Salvage`](crate::Salvage), which
    /// saves the same values with [`keep_doubtful`](crate::Salvage::keep_doubtful).
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let mut bytes = std::fs::read("tests/data/strings.npy")?;
    /// bytes.truncate(bytes.len() - 10);
    /// let mut array = Options::new().unfinished(true).open(bytes)?;
    /// let elements: Vec<_> = array.elements().map(|element| element.is_ok()).collect();
    /// assert_eq!(elements, [true, true, false]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn unfinished(mut self, unfinished: bool) -> Options {
        self.unfinished = unfinished;
        self
    }

    /// Sets whether the index next to a file is used, if it is of the file as it is now. By default
    /// it is: see [`NpyArray::index_use`](crate::NpyArray::index_use).
    pub fn index(mut self, index: bool) -> Options {
        self.index = index;
        self
    }

    /// Sets how many bytes are read at once: between `least`, after a jump over a payload, and
    /// `most`, when reading goes straight on. A gap of up to four times `least` is read rather than
    /// jumped over; an element that is larger than `most` is read in one piece. By default 1 KiB
    /// and 512 KiB. With 0 and 0, only the bytes that are needed are read, so that the rest of a
    /// stream is left.
    pub fn read_size(mut self, least: usize, most: usize) -> Options {
        self.read_size = ReadSize { least: least.min(most), most };
        self
    }

    /// Sets how many bytes of a stream, or of the data of a compressed file, are kept in memory;
    /// all of a longer one is in a temporary file. By default 8 MiB. [`Limits::spool`] may be
    /// lower, and so may the limit of a stream: see [`Source::spooled`](crate::Source::spooled).
    pub fn spool_memory(mut self, memory: usize) -> Options {
        self.spool_memory = Some(memory);
        self
    }

    /// Returns the limits, to be changed.
    pub(crate) fn limits_mut(&mut self) -> &mut Limits {
        Arc::make_mut(&mut self.limits)
    }

    /// Returns how many bytes of decompressed data are kept in memory.
    #[cfg(any(feature = "gzip", feature = "npz"))]
    pub(crate) fn spooled(&self) -> usize {
        self.spool_memory.unwrap_or(SPOOL_MEMORY).min(self.limits.spool)
    }

    /// Returns how many bytes of a stream may be kept in memory.
    pub(crate) fn most_spooled(&self) -> usize {
        self.spool_memory.unwrap_or(usize::MAX).min(self.limits.spool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_memory_reads_numbers_with_units() {
        for (text, bytes) in [
            ("1", 1),
            (" 65536 ", 65536),
            ("7b", 7),
            ("8K", 8 << 10),
            ("8 kib", 8 << 10),
            ("64MB", 64 << 20),
            ("2Gib", 2 << 30),
        ] {
            assert_eq!(Limits::parse_memory(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "",
            "0",
            "0MB",
            "-1",
            "+1",
            "1.5GB",
            "MB",
            "64 M B",
            "64MBB",
            "64X",
            "1e9",
            "99999999999TB",
        ] {
            assert_eq!(Limits::parse_memory(text).unwrap_err().clause(), "access.memory", "{text}");
        }
    }
}
