//! How a file is to be read.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Bytes of a stream that are kept in memory before a temporary file takes them.
pub(crate) const SPOOL_MEMORY: usize = 8 << 20;

/// How to read the `str` of Python 2, whose encoding a pickle does not name. NumPy's `encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Text where it is ASCII, else bytes. (NumPy's default refuses the whole file in the second
    /// case.)
    #[default]
    Ascii,
    /// Text: every byte is the code point of its value.
    Latin1,
    /// Text where it is UTF-8, else bytes.
    Utf8,
    /// Bytes, always.
    Bytes,
}

/// How much a file may ask for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Of the preamble.
    pub header: npy_header::Limits,
    /// Of each element, and of the survey.
    pub pickle: pickle_stream::Limits,
    /// Bytes before the first element of an object array, from the start of its pickle: an
    /// envelope takes about 150, more where its dtype is structured.
    pub envelope: usize,
    /// Bytes of one element in the file: all of it is in memory when it is decoded.
    pub element: usize,
    /// Bytes of definitions that elements share which are kept from one element to the next. What
    /// a single element needs is always decoded.
    pub shared: usize,
    /// Bytes of a stream, or of data that were decompressed, that are kept in memory before a
    /// temporary file takes all of them. [`Options::spool_memory`] sets it too: the lower one holds.
    pub spool: usize,
    /// Bytes of the directory of an archive. Up to 8 bytes of memory are taken for each.
    pub directory: u64,
    /// Bytes that may come out of a compressed file, or of a member of an archive, however small it
    /// is. They are kept in memory or in a temporary file as they are asked for.
    pub decompressed: u64,
    /// How many bytes may come out for each that goes in, where that is more.
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
    /// Limits that keep a reader within about `memory` bytes, but for 4 MiB that it always takes.
    ///
    /// Half is for the bytes of one element, a quarter for what is decoded from them, an eighth for
    /// what elements share, and an eighth for the positions of the elements of one batch. What does
    /// not fit is an error with [`ErrorKind::Limit`](crate::ErrorKind::Limit), before memory is taken.
    ///
    /// A stream, and what is decompressed, takes a sixteenth, and is in a temporary file where it is
    /// longer. The directory of an archive may take an eighth.
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
        // Bytes that one of them can take, with its part of what grows by doubling.
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

    /// Parses a number of bytes for [`within`](Self::within), as people write it: a whole number,
    /// and `B`, `KB`, `MB`, `GB` or `TB` (or `KiB` and so on, or `K`) in upper or lower case. A KB
    /// is 1,024 bytes.
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

/// How a file is to be opened: see the methods. The default is right for most.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) encoding: Encoding,
    pub(crate) limits: Arc<Limits>,
    pub(crate) trust_payload: bool,
    pub(crate) read_size: ReadSize,
    pub(crate) index: bool,
    pub(crate) spool_memory: usize,
    pub(crate) unfinished: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            encoding: Encoding::default(),
            limits: Arc::new(Limits::default()),
            trust_payload: false,
            read_size: ReadSize::default(),
            index: true,
            spool_memory: SPOOL_MEMORY,
            unfinished: false,
        }
    }
}

impl Options {
    /// The default options.
    pub fn new() -> Options {
        Options::default()
    }

    /// How to read the `str` of Python 2.
    pub fn encoding(mut self, encoding: Encoding) -> Options {
        self.encoding = encoding;
        self
    }

    /// How much a file may ask for.
    pub fn limits(mut self, limits: Limits) -> Options {
        self.limits = Arc::new(limits);
        self
    }

    /// Whether to go on where the header says another shape, order or dtype than the pickle behind
    /// it: NumPy does, and believes the pickle. By default it is an error, as one of the two is
    /// wrong.
    pub fn trust_payload(mut self, trust: bool) -> Options {
        self.trust_payload = trust;
        self
    }

    /// Whether to give, of a file that breaks off inside a batch, the values of that batch too, before
    /// the error. No element before the place where the file breaks off is missing then, but the last
    /// values may be parts of an element that was cut off: see [`Salvage`](crate::Salvage), which
    /// saves the same values with [`keep_doubtful`](crate::Salvage::keep_doubtful).
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let mut bytes = std::fs::read("tests/data/strings.npy")?;
    /// bytes.truncate(bytes.len() - 10);
    /// let mut array = Options::new().unfinished(true).read_bytes(bytes)?;
    /// let elements: Vec<_> = array.elements().map(|element| element.is_ok()).collect();
    /// assert_eq!(elements, [true, true, false]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn unfinished(mut self, unfinished: bool) -> Options {
        self.unfinished = unfinished;
        self
    }

    /// Whether to use the index that stands beside a file. By default it is used, if it is of the
    /// file as it is now: [`NpyArray::index_use`](crate::NpyArray::index_use) says.
    pub fn index(mut self, index: bool) -> Options {
        self.index = index;
        self
    }

    /// How many bytes are read at once: between `least`, after a jump over something large, and
    /// `most`, when reading goes straight on. What is no larger than four times `least` is read
    /// rather than jumped over; an element that is larger than `most` is read in one piece. By
    /// default 1 KiB and 512 KiB. With 0 and 0, only what is needed is read, to leave the rest of a
    /// stream to others.
    pub fn read_size(mut self, least: usize, most: usize) -> Options {
        self.read_size = ReadSize { least: least.min(most), most };
        self
    }

    /// How many bytes of a stream, or of what comes out of a compressed file, are kept in memory.
    /// Of a longer one, all is in a temporary file. By default 8 MiB. [`Limits::spool`] may be lower.
    pub fn spool_memory(mut self, memory: usize) -> Options {
        self.spool_memory = memory;
        self
    }

    /// The limits, to be changed.
    pub(crate) fn limits_mut(&mut self) -> &mut Limits {
        Arc::make_mut(&mut self.limits)
    }

    /// Bytes of a stream that are kept in memory.
    pub(crate) fn spooled(&self) -> usize {
        self.spool_memory.min(self.limits.spool)
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
