//! What a file holds: an array, a container or a single value, and the next one after it.

use pickle_stream::{Argument, Lexer, Opcode, Progress};

use crate::array::npy_array::NpyArray;
use crate::array::open::{is_no_array, preamble};
use crate::decode::rows::Rows;
use crate::error::{Error, ErrorKind, Result};
use crate::nested::container::{Container, Member};
use crate::nested::descent::At;
use crate::nested::subscripts::Subscripts;
use crate::options::{Limits, Options};
use crate::source::Source;
use crate::source::format::Format;
use crate::source::window::Window;
use crate::value::owned::OwnedElement;

/// What a file holds: see [`Options::read_contents`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Contents {
    /// An array of objects, or an array with a preamble.
    Array(NpyArray),
    /// A list, tuple, set, dict or deque that was pickled.
    Container(Box<Container>),
    /// Any other value that was pickled, an array of numbers for instance.
    Value(Box<OwnedElement>),
}

impl Contents {
    /// Returns how many elements or members there are, where that is known without a walk to the
    /// end. A value is one.
    pub fn known_len(&self) -> Option<u64> {
        match self {
            Contents::Array(array) => Some(array.len()),
            Contents::Container(container) => container.known_len(),
            Contents::Value(_) => Some(1),
        }
    }

    /// Counts the elements or members. What was not surveyed is surveyed.
    pub fn count(&mut self) -> Result<u64> {
        match self {
            Contents::Array(array) => Ok(array.len()),
            Contents::Container(container) => container.count(),
            Contents::Value(_) => Ok(1),
        }
    }

    /// Returns the element or member of this number, counted from 0; `None` past the last.
    pub fn get(&mut self, index: u64) -> Result<Option<Member<'_>>> {
        let member = |value| Member { key: None, value };
        match self {
            Contents::Array(array) => Ok(array.get(index)?.map(member)),
            Contents::Container(container) => container.get(index),
            Contents::Value(value) => Ok((index == 0).then(|| member(value.element()))),
        }
    }
}

impl From<At> for Contents {
    fn from(at: At) -> Contents {
        match at {
            At::Container(container) => Contents::Container(container),
            At::Value(value) => Contents::Value(value),
        }
    }
}

impl Options {
    /// Reads what a [`Source`] holds, whatever that is: an array, or the object of a pickle. After
    /// a header that says `|O` a pickle may hold something else than an array of objects; it is
    /// read as it is, as NumPy does.
    ///
    /// ```
    /// use npy_object::{Contents, Options, Source};
    ///
    /// let pickle = b"\x80\x04]\x94(K\x01K\x02e."; // pickle.dumps([1, 2])
    /// let Contents::Container(mut list) = Options::new().read_contents(Source::bytes(pickle))? else {
    ///     panic!("a list is a container")
    /// };
    /// assert_eq!(list.count()?, 2);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn read_contents(self, source: Source) -> Result<Contents> {
        let source = source.explained(|source| self.unpack(source))?;
        match self.clone().read_source(source.clone()) {
            Ok(array) => Ok(Contents::Array(array)),
            Err(error) if is_no_array(&error) => {
                Ok(self.at_source(source, &Subscripts::default())?.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns an iterator of the arrays and pickles that follow one another in a file, as several
    /// calls of `numpy.save` or `pickle.dump` on one open file leave them. `numpy.load` reads the
    /// first.
    ///
    /// ```
    /// use npy_object::{Contents, Options, Source};
    ///
    /// let files = [&std::fs::read("tests/data/strings.npy")?[..], b"\x80\x04K\x05."];
    /// let all: Vec<_> = Options::new().read_all(Source::bytes(files.concat())).collect::<Result<_, _>>()?;
    /// assert!(matches!(all[..], [Contents::Array(_), Contents::Value(_)]));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn read_all(self, source: Source) -> AllContents {
        AllContents(self.sections(source))
    }

    /// Returns an iterator of the arrays that follow one another in a file, as calls of
    /// `numpy.save` on one open file leave them. `numpy.load` reads the first.
    ///
    /// ```
    /// use npy_object::{Options, Source};
    ///
    /// let files = [std::fs::read("tests/data/strings.npy")?, std::fs::read("tests/data/ragged.npy")?];
    /// let mut lengths = Vec::new();
    /// for array in Options::new().read_arrays(Source::bytes(files.concat())) {
    ///     lengths.push(array?.len());
    /// }
    /// assert_eq!(lengths, [3, 3]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn read_arrays(self, source: Source) -> Arrays {
        Arrays(self.sections(source))
    }

    /// Counts the arrays and pickles that follow one another in a file. Nothing is decoded.
    pub fn count_all(self, source: Source) -> Result<u64> {
        self.sections(source).try_fold(0, |count, section| section.map(|_| count + 1))
    }

    /// Returns an iterator of the sections of a source: one from the first byte of each array or
    /// pickle on. To find the next one, the last is walked through to its end; nothing is decoded.
    ///
    /// Bytes after the last pickle or array that are neither are an error.
    pub fn sections(self, source: Source) -> Sections {
        Sections { options: self, source, last: None, done: false }
    }

    /// Returns where the array or pickle at the start of a source ends: bytes from its start,
    /// unpacked. Nothing is decoded and payloads are stepped over, in constant memory.
    ///
    /// Nothing past the end is read if [`read_size`](Self::read_size) is 0.
    pub fn end_of(&self, source: &Source) -> Result<u64> {
        source.clone().explained(|source| self.find_end(source))
    }

    fn find_end(&self, source: Source) -> Result<u64> {
        let mut window = self.window(source)?;
        match preamble(&mut window, self)? {
            Some((header, offset)) if !header.dtype.has_object() => {
                Ok(Rows::open(window, offset, &header)?.data_end())
            }
            Some((_, offset)) => pickle_end(&mut window, offset, &self.limits),
            None => pickle_end(&mut window, 0, &self.limits),
        }
    }
}

/// Bytes of a frame that are read at once.
const FRAME: u64 = 1 << 20;

/// Walks through the pickle at `offset`, and returns where its STOP ends.
pub(crate) fn pickle_end(window: &mut Window, offset: u64, limits: &Limits) -> Result<u64> {
    let mut lexer = Lexer::new(offset, &limits.pickle);
    let mut needed = 1;
    loop {
        let here = lexer.offset();
        window.set_anchor(here);
        let bytes = window.fill(here, needed)?;
        let seen = here + bytes.len() as u64;
        let head = match lexer.pass(bytes)? {
            Progress::Done(head) => head,
            Progress::Need(more) => {
                needed = window.needed(seen, lexer.offset(), more)?;
                continue;
            }
        };
        needed = match (head.opcode, head.argument) {
            (Opcode::Stop, _) => return Ok(lexer.offset()),
            // All of a frame belongs to the pickle: it need not be read instruction by instruction.
            (Opcode::Frame, Argument::Size(size @ 1..=FRAME)) => size as usize,
            _ => 1,
        };
        if lexer.offset() > seen {
            let payload = head.payload;
            window.step_over(payload);
        }
    }
}

/// The sections of a source: see [`Options::sections`].
#[derive(Debug)]
pub struct Sections {
    options: Options,
    source: Source,
    /// Where the section begins that came last.
    last: Option<u64>,
    done: bool,
}

impl Sections {
    fn read_next(&mut self) -> Result<Option<Source>> {
        let Some(last) = self.last else {
            self.source = self.options.unpack(self.source.clone())?;
            self.last = Some(0);
            return Ok(Some(self.source.clone()));
        };
        let begin = last + self.options.end_of(&self.source.section(last..))?;
        if self.source.read_at(&mut [0], begin)? == 0 {
            return Ok(None);
        }
        let section = self.source.section(begin..);
        if Format::of(&section)? == Format::Other {
            let message = "the bytes after the last array or pickle are neither";
            return Err(Error::new(ErrorKind::Malformed, "npy.magic", begin, message));
        }
        self.last = Some(begin);
        Ok(Some(section))
    }
}

/// After an error there are no more.
impl Iterator for Sections {
    type Item = Result<Source>;

    fn next(&mut self) -> Option<Result<Source>> {
        if self.done {
            return None;
        }
        let next = self.read_next().map_err(|error| self.source.explain(error)).transpose();
        self.done = match &next {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.need().is_none(),
            None => true,
        };
        next
    }
}

/// What follows one another in a file: see [`Options::read_all`].
#[derive(Debug)]
pub struct AllContents(Sections);

/// After an error there are no more.
impl Iterator for AllContents {
    type Item = Result<Contents>;

    fn next(&mut self) -> Option<Result<Contents>> {
        self.0.read_next_with(|options, source| options.read_contents(source))
    }
}

/// Arrays that follow one another in a file: see [`Options::read_arrays`].
#[derive(Debug)]
pub struct Arrays(Sections);

/// After an error there are no more.
impl Iterator for Arrays {
    type Item = Result<NpyArray>;

    fn next(&mut self) -> Option<Result<NpyArray>> {
        self.0.read_next_with(|options, source| options.read_source(source))
    }
}

impl Sections {
    fn read_next_with<T>(
        &mut self,
        read: impl FnOnce(Options, Source) -> Result<T>,
    ) -> Option<Result<T>> {
        let options = self.options.clone();
        let read = self.next()?.and_then(|source| read(options, source));
        self.done |= read.is_err();
        Some(read)
    }
}
