//! [`Options::validate`]: every clause of the specification that a file breaks, as far as reading can
//! go on after an error.

use crate::array::contents::Contents;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::preamble::Preamble;
use crate::options::Options;
use crate::source::Source;
use crate::source::format::Format;

/// Findings that are kept.
const KEPT: usize = 1000;
/// Bytes of the magic, the version and the longest length of a header.
const PREFIX: usize = 12;

/// The result of [`Options::validate`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Validation {
    /// The first 1,000 errors, in the order in which they were found.
    pub findings: Vec<Finding>,
    /// The number of errors after these.
    pub more: u64,
    /// The number of elements that can be read.
    pub elements: u64,
}

/// An error of a file that was validated. [`Error::clause`] names the rule that is broken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The member of the archive that the error is in.
    pub member: Option<String>,
    /// The offset of the error: bytes from the start of the file, or of the member, unpacked.
    pub offset: Option<u64>,
    /// The error, whose own offset counts from the start of the array or pickle that it is in.
    pub error: Error,
}

impl Validation {
    /// Returns whether no error was found.
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Options {
    /// Reads all of a file, and returns every error in it: in each key of the header, in the pickle and in each
    /// element, in what follows the array, and in each member of an archive. Reading goes on after an
    /// error where the next part can be found: after a header that cannot be read, or that disagrees
    /// with the pickle; after an element that cannot be decoded; with the next member.
    ///
    /// Takes the memory of one element.
    ///
    /// Fails where the source cannot be read.
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let mut file = std::fs::read("tests/data/strings.npy")?;
    /// let shape = file.windows(5).position(|bytes| bytes == b"(3,),").unwrap();
    /// file[shape + 1] = b'4'; // the pickle says 3
    /// file.extend(b"more");
    /// let validation = Options::new().validate(file)?;
    /// let clauses: Vec<_> = validation.findings.iter().map(|it| it.error.clause()).collect();
    /// assert_eq!(clauses, ["npy.object.agreement", "npy.magic"]);
    /// assert_eq!(validation.elements, 3);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn validate(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Validation> {
        let source = source.try_into().map_err(Into::into)?;
        let mut validator = Validator { options: self, member: None, found: Validation::default() };
        #[cfg(feature = "npz")]
        if Format::of(&source)? == Format::Zip {
            validator.archive(source)?;
            return Ok(validator.found);
        }
        match self.unpack(source) {
            Ok(npy) => validator.sections(&npy)?,
            Err(error) => validator.add(0, error)?,
        }
        Ok(validator.found)
    }
}

struct Validator<'o> {
    options: &'o Options,
    member: Option<String>,
    found: Validation,
}

impl Validator<'_> {
    /// Adds an error in the section that begins at `begin`, unless it was found before.
    ///
    /// Fails with the error itself where it does not mean that the file breaks the format.
    fn add(&mut self, begin: u64, error: Error) -> Result<()> {
        if matches!(error.kind(), ErrorKind::Io | ErrorKind::Usage) || error.need().is_some() {
            return Err(error);
        }
        let offset = error.offset().map(|offset| begin.saturating_add(offset));
        let is_known = |known: &Finding| {
            (known.error.clause(), known.offset, &known.member)
                == (error.clause(), offset, &self.member)
        };
        if self.found.findings.iter().any(is_known) {
            return Ok(());
        }
        if self.found.findings.len() < KEPT {
            let error = error.without_file().without_salvage();
            self.found.findings.push(Finding { member: self.member.clone(), offset, error });
        } else {
            self.found.more += 1;
        }
        Ok(())
    }

    #[cfg(feature = "npz")]
    fn archive(&mut self, source: Source) -> Result<()> {
        let archive = match self.options.recover_npz(source) {
            Ok(archive) => archive,
            Err(error) => return self.add(0, error),
        };
        if let Some(error) = archive.broken_off() {
            self.add(0, error.clone())?;
        }
        for (number, member) in archive.members().iter().enumerate() {
            if member.name().ends_with('/') {
                continue;
            }
            self.member = Some(member.name().to_owned());
            match archive.source(number) {
                // `numpy.load` returns other files as bytes.
                Ok(npy)
                    if !member.name().ends_with(".npy") && Format::of(&npy)? == Format::Other => {}
                Ok(npy) => self.sections(&npy)?,
                Err(error) => self.add(0, error)?,
            }
        }
        Ok(())
    }

    /// Validates the arrays and pickles that follow one another.
    fn sections(&mut self, npy: &Source) -> Result<()> {
        let mut begin = 0;
        loop {
            let section = npy.section(begin..);
            self.section(&section, begin)?;
            match self.options.end_of(section) {
                Ok(end) => begin += end,
                Err(error) => {
                    self.add(begin, error)?;
                    break;
                }
            }
            if npy.read_at(&mut [0], begin)? == 0 {
                break;
            }
            if Format::of(&npy.section(begin..))? == Format::Other {
                let message = "expected the end of the file, found bytes that are no array and no \
                               pickle";
                let error = Error::new(ErrorKind::Malformed, "npy.magic", 0, message);
                self.add(begin, error)?;
                break;
            }
        }
        npy.verify().or_else(|error| self.add(0, error))
    }

    fn section(&mut self, section: &Source, begin: u64) -> Result<()> {
        if let Err(errors) = Preamble::check(section.clone(), self.options) {
            for error in errors {
                self.add(begin, section.explain(error))?;
            }
            // The pickle after a header that cannot be read.
            let Some(data) = data_offset(section)? else { return Ok(()) };
            let pickle = section.section(data..);
            if Format::of(&pickle)? != Format::Pickle {
                return Ok(());
            }
            let begin = begin + data;
            self.contents(self.options.members(pickle), begin)?;
            return Ok(());
        }
        let contents = match self.options.members(section.clone()) {
            Err(error) if error.clause() == "npy.object.agreement" => {
                self.add(begin, error)?;
                self.options.clone().trust_payload(true).members(section.clone())
            }
            contents => contents,
        };
        self.contents(contents, begin)
    }

    /// Reads all elements.
    fn contents(&mut self, contents: Result<Contents>, begin: u64) -> Result<()> {
        let mut contents = match contents {
            Ok(contents) => contents,
            Err(error) => return self.add(begin, error),
        };
        if let Contents::Array(array) = &mut contents
            && !array.has_objects()
        {
            // The last row is there if all are.
            let len = array.len();
            match len.checked_sub(1).map_or(Ok(None), |last| array.get(last)) {
                Ok(_) => self.found.elements += len,
                Err(error) => self.add(begin, error)?,
            }
            return Ok(());
        }
        let (mut number, mut unreadable) = (0, 0);
        loop {
            let read = contents.for_each(number..u64::MAX, |_| {
                number += 1;
                Ok::<(), Error>(())
            });
            let Err(error) = read else { break };
            // An element that cannot be decoded does not hide the next one.
            let goes_on = error.element() == Some(number);
            self.add(begin, error)?;
            if !goes_on {
                break;
            }
            (number, unreadable) = (number + 1, unreadable + 1);
        }
        self.found.elements += number - unreadable;
        Ok(())
    }
}

/// Returns where the data begin, after a header of the length that the file says.
fn data_offset(section: &Source) -> Result<Option<u64>> {
    let mut prefix = [0; PREFIX];
    let mut read = 0;
    while read < PREFIX {
        match section.read_at(&mut prefix[read..], read as u64)? {
            0 => return Ok(None),
            more => read += more,
        }
    }
    let [0x93, b'N', b'U', b'M', b'P', b'Y', major, _, a, b, c, d] = prefix else {
        return Ok(None);
    };
    Ok(match major {
        1 => Some(10 + u64::from(u16::from_le_bytes([a, b]))),
        2 | 3 => Some(12 + u64::from(u32::from_le_bytes([a, b, c, d]))),
        _ => None,
    })
}
