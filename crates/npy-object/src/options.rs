//! How a file is to be read.

use std::sync::Arc;

use crate::source::SPOOL_MEMORY;
#[cfg(feature = "gzip")]
use crate::source::inflate::Allowance;
use crate::window::ReadSize;

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
    /// not fit is an error with [`Cause::Limit`](crate::Cause::Limit), before memory is taken.
    ///
    /// ```
    /// use npy_object::{Cause, Limits, Options};
    ///
    /// let mut limits = Limits::within(64 << 20);
    /// limits.element = 40; // each of these can be changed on its own
    /// let mut array = Options::new().limits(limits).open("tests/data/ragged.npy")?;
    /// let error = array.elements().find_map(Result::err).expect("an element is larger");
    /// assert_eq!((error.cause(), error.clause()), (Cause::Limit, "npy.limit.element"));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn within(memory: usize) -> Limits {
        // Bytes that one of them can take, with its part of what grows by doubling.
        const NODE: usize = 96;
        const PLACE: usize = 160;
        let memory = memory.max(1 << 20);
        let mut limits = Limits::default();
        limits.element = memory / 2;
        limits.shared = limits.shared.min(memory / 8);
        limits.pickle.nodes = memory / 4 / NODE;
        limits.pickle.stack = memory / 8 / PLACE;
        limits.pickle.marks = memory / 8 / PLACE;
        limits
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
    /// Of a longer one, all is in a temporary file. By default 8 MiB.
    pub fn spool_memory(mut self, memory: usize) -> Options {
        self.spool_memory = memory;
        self
    }

    /// Raises the limit on a header to this many characters.
    pub(crate) fn allow_long_header(&mut self, characters: usize) {
        let header = &mut Arc::make_mut(&mut self.limits).header;
        header.header_chars = header.header_chars.max(characters);
    }

    #[cfg(feature = "gzip")]
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance { least: self.limits.decompressed, ratio: self.limits.expansion }
    }
}
