//! Goes through a file: decompresses it, and reads its arrays, pickles and members of archives.

use std::io::Read;

use pickle_stream::audit::{Act, Audited, Auditor, Finding, Name, Subject};

#[cfg(feature = "npz")]
use super::archive::{Content, Roots};
use super::policy::{Judge, Judgement};
use super::report::{Part, Site, Tally, Use};
use super::trust::Trust;
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Options, ReadSize};
use crate::source::Source;
use crate::source::format::{Format, NESTING, too_deep};
use crate::source::window::Window;

/// Names that a file may have in all parts.
const MOST_NAMES: usize = 1 << 16;

/// Bytes that these names may have.
const MOST_BYTES: usize = 8 << 20;

/// Bytes that a line of text may have: it is in memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Characters that a header may have.
const MOST_HEADER: usize = 1 << 20;

/// A walk through a file.
pub(super) struct Walk<'a> {
    options: Options,
    trust: &'a Trust,
    /// The number of the only array or pickle that is judged.
    only: Option<u64>,
    /// The parts that were read.
    parts: Vec<Part>,
    /// Called for every instruction that imports, calls or changes something.
    each: &'a mut dyn FnMut(&Site<'_>),
    /// Whether `each` is not called.
    is_silent: bool,
    /// The names of all parts, and their bytes.
    names: usize,
    bytes: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        mut options: Options,
        trust: &'a Trust,
        only: Option<u64>,
        each: &'a mut dyn FnMut(&Site<'_>),
    ) -> Walk<'a> {
        let limits = options.limits_mut();
        // numpy.load has no limit on a header where it unpickles.
        limits.header.header_chars = limits.header.header_chars.max(MOST_HEADER);
        limits.pickle.line = limits.pickle.line.min(LONGEST_LINE);
        let parts = Vec::new();
        Walk { options, trust, only, parts, each, is_silent: false, names: 0, bytes: 0 }
    }

    /// Goes through a file. Returns the file, or the members of an archive.
    pub(super) fn walk(mut self, source: Source) -> Vec<Part> {
        self.file(source, "", NESTING);
        self.parts
    }

    /// Goes through a file, which may be compressed. The names of members begin with `prefix`.
    fn file(&mut self, source: Source, prefix: &str, nesting: usize) {
        match self.unpack(source, nesting) {
            #[cfg(feature = "npz")]
            Ok((source, Format::Zip, nesting)) => self.archive(source, prefix, nesting),
            unpacked => {
                let part = Part { member: named(prefix), ..Part::default() };
                self.part(part, unpacked.map(|(source, _, nesting)| (source, nesting)));
            }
        }
    }

    /// Decompresses a source until it is not a gzip file. Returns it, its format, and how many more
    /// files may be inside one another.
    fn unpack(&self, mut source: Source, nesting: usize) -> Result<(Source, Format, usize)> {
        for left in (0..nesting).rev() {
            match Format::of(&source)? {
                Format::Gzip => source = self.options.gunzip(source)?,
                format => return Ok((source, format, left)),
            }
        }
        Err(too_deep("compressed files", None))
    }

    /// Goes through the members of an archive.
    #[cfg(feature = "npz")]
    fn archive(&mut self, source: Source, prefix: &str, nesting: usize) {
        let archive = match self.options.read_npz(source) {
            Ok(archive) => archive,
            Err(error) => {
                let part = Part { member: named(prefix), ..Part::default() };
                return self.part(part, Err(error));
            }
        };
        // A wrong header of a member is reported with the member.
        if let Ok(Some(unlisted)) = archive.unlisted() {
            let trailing = Tally { count: unlisted.end - unlisted.start, first: unlisted.start };
            let part = Part { member: named(prefix), trailing, ..Part::default() };
            self.parts.push(part);
        }
        let roots = Roots::of(&archive);
        let first = self.parts.len();
        let mut any_loaded = false;
        for (number, found) in archive.members().iter().enumerate() {
            let source = archive.source(number);
            let format = source.as_ref().ok().and_then(|source| Format::of(source).ok());
            let content = roots.content(found.name(), format);
            let member = Some(format!("{prefix}{}", found.name()));
            let part = Part { member, content, ..Part::default() };
            match content {
                Content::Data | Content::Unknown => self.data(part, source),
                Content::Loaded => {
                    any_loaded = true;
                    self.part(part, source.map(|source| (source, nesting)));
                }
            }
        }
        if !any_loaded {
            for part in &mut self.parts[first..] {
                part.content = Content::Unknown;
            }
        }
    }

    /// Goes through a member that its loader does not unpickle. It is judged as a pickle if it can
    /// be read as one to its end, and names something.
    #[cfg(feature = "npz")]
    fn data(&mut self, mut part: Part, source: Result<Source>) {
        match source {
            Ok(source) => {
                let mut trial = Part::default();
                self.is_silent = true;
                let walked = self.pickle(&source, 0, &mut trial);
                self.is_silent = false;
                self.forget(&trial);
                if walked.is_ok() && !trial.uses.is_empty() {
                    return self.part(part, Ok((source, 0)));
                }
            }
            Err(error) => part.error = Some(error),
        }
        self.parts.push(part);
    }

    /// Goes through a file that is not an archive, or through a member of one.
    fn part(&mut self, mut part: Part, source: Result<(Source, usize)>) {
        let mut archive = None;
        let walked = source.and_then(|(source, nesting)| {
            let rest = self.arrays(&source, &mut part);
            let rest = rest.map_err(|error| source.explain(error))?;
            archive = rest.map(|begin| (source, begin, nesting));
            Ok(())
        });
        part.error = walked.err();
        let Some((source, begin, nesting)) = archive else { return self.parts.push(part) };
        let member = part.member.as_ref().map(|member| format!("{member}/")).unwrap_or_default();
        if nesting == 0 {
            part.error = Some(too_deep("archives after arrays", Some(begin)));
            return self.parts.push(part);
        }
        self.parts.push(part);
        self.file(source.section(begin..), &format!("{member}@{begin}/"), nesting);
    }

    /// Goes through arrays and pickles, one after another. Returns the offset of an archive that
    /// follows them.
    fn arrays(&mut self, source: &Source, part: &mut Part) -> Result<Option<u64>> {
        let (mut begin, mut number) = (0, 0);
        if let Some(only) = self.only {
            self.is_silent = true;
            let skipped = self.skip(source, only);
            self.is_silent = false;
            begin = skipped?;
            number = only;
        }
        loop {
            let section = source.section(begin..);
            begin = match Format::of(&section)? {
                Format::Npy => {
                    part.arrays += 1;
                    self.array(source, begin, part)?
                }
                Format::Zip => return Ok(Some(begin)),
                _ if number == 0 => self.pickle(source, begin, part)?,
                _ => match self.pickle(source, begin, part) {
                    Ok(end) => end,
                    Err(error) if error.kind() == ErrorKind::Io => return Err(error),
                    Err(_) => {
                        part.pickles -= 1;
                        let size = source.size()?.saturating_sub(begin);
                        part.trailing = Tally { count: size, first: begin };
                        return Ok(None);
                    }
                },
            };
            number += 1;
            if self.only.is_some() || source.read_at(&mut [0], begin)? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads the arrays and pickles before the one of this number. Returns the offset of that one.
    fn skip(&mut self, source: &Source, number: u64) -> Result<u64> {
        let mut begin = 0;
        for before in 0..number {
            let mut part = Part::default();
            begin = match Format::of(&source.section(begin..))? {
                Format::Npy => self.array(source, begin, &mut part)?,
                _ => self.pickle(source, begin, &mut part)?,
            };
            self.forget(&part);
            if source.read_at(&mut [0], begin)? == 0 {
                let message = format!("no array or pickle {number}: the file has {}", before + 1);
                return Err(Error::usage("access.subscript", message));
            }
        }
        Ok(begin)
    }

    /// Goes through an array. Returns the offset of its end.
    fn array(&mut self, source: &Source, begin: u64, part: &mut Part) -> Result<u64> {
        let (header, data) = match self.options.header(source.section(begin..)) {
            Ok(Some(header)) => header,
            Ok(None) => return self.pickle(source, begin, part),
            // NumPy may accept the header, and unpickles whatever dtype it has.
            Err(error) => {
                if let Some(data) = after_header(source, begin) {
                    self.pickle(source, data, part)?;
                }
                return Err(error);
            }
        };
        if header.dtype.has_object() {
            return self.pickle(source, begin + data, part);
        }
        let end = header.nbytes().and_then(|size| (begin + data).checked_add(size));
        let size = source.size()?;
        match end {
            Some(end) if end <= size => Ok(end),
            _ => {
                let message = "the file ends before the last item of the array";
                Err(Error::new(ErrorKind::Truncated, "npy.truncated", size, message))
            }
        }
    }

    /// Goes through a pickle. Returns the offset of its end.
    fn pickle(&mut self, source: &Source, offset: u64, part: &mut Part) -> Result<u64> {
        part.pickles += 1;
        let mut window = Window::new(source.clone(), ReadSize::default(), 0);
        let mut auditor = Auditor::new(offset, &self.options.limits.pickle);
        let mut judge = Judge::new(self.trust);
        let mut needed = 1;
        window.set_reading_on(true);
        loop {
            let begin = auditor.offset();
            window.set_anchor(begin);
            let input = window.fill(begin, needed)?;
            let seen = begin + input.len() as u64;
            match auditor.advance(input)? {
                Audited::Need(more) => needed = window.needed(seen, auditor.offset(), more)?,
                Audited::Stop => return Ok(auditor.offset()),
                Audited::Found(found) => {
                    needed = 1;
                    let judgement = judge.judge(&found, &mut auditor);
                    self.find(part, found, auditor.names(), judgement)?;
                }
            }
        }
    }

    /// Adds an act to the part.
    fn find(
        &mut self,
        part: &mut Part,
        Finding { offset, opcode, act, .. }: Finding,
        names: &[Name],
        (verdict, reason): Judgement,
    ) -> Result<()> {
        let subject = match act {
            Act::Import(name) => Some(Subject::Named(name)),
            Act::Call(subject) | Act::SetState(subject) | Act::Add(subject) => Some(subject),
            Act::Overwrite(_) | Act::Straddle | Act::Alter | Act::Costly => None,
        };
        let name = subject.map(|subject| &names[subject.name().index()]);
        if !self.is_silent {
            let member = part.member.as_deref();
            let opcode = opcode.info().name;
            (self.each)(&Site { member, offset, opcode, act, name, verdict });
        }
        let Some(name) = name else {
            match act {
                Act::Overwrite(_) => part.overwritten.add(offset),
                Act::Alter => part.altered.add(offset),
                Act::Costly => part.costly.add(offset),
                _ => part.straddled.add(offset),
            }
            return Ok(());
        };
        if !part.uses.contains_key(name) {
            self.names += 1;
            self.bytes += bytes_of(name);
            if self.names > MOST_NAMES || self.bytes > MOST_BYTES {
                let message =
                    format!("over {MOST_NAMES} names, or names of over {MOST_BYTES} bytes");
                return Err(Error::over_limit(
                    MOST_NAMES as u64,
                    "pickle.limit.names",
                    offset,
                    message,
                ));
            }
            part.uses.insert(name.clone(), Use::new(verdict, reason));
        }
        let Some(found) = part.uses.get_mut(name) else { return Ok(()) };
        if verdict > found.verdict {
            (found.verdict, found.reason) = (verdict, reason);
        }
        let tally = match act {
            Act::Call(Subject::Named(_)) => &mut found.called,
            Act::Call(Subject::ResultOf(_)) => &mut found.result_called,
            Act::SetState(Subject::Named(_)) => &mut found.changed,
            Act::SetState(Subject::ResultOf(_)) => &mut found.result_changed,
            Act::Add(_) => &mut found.added,
            _ => &mut found.imported,
        };
        tally.add(offset);
        Ok(())
    }

    /// Subtracts the names of a part that is dropped.
    fn forget(&mut self, part: &Part) {
        self.names -= part.uses.len();
        self.bytes -= part.uses.keys().map(bytes_of).sum::<usize>();
    }
}

/// Returns the name of an archive that could not be opened; `None` for a file.
fn named(prefix: &str) -> Option<String> {
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

/// Returns the offset of the data of an array whose header cannot be read.
fn after_header(source: &Source, begin: u64) -> Option<u64> {
    let mut start = Vec::new();
    source.section(begin..).to_reader().take(12).read_to_end(&mut start).ok()?;
    let (header, length) = match *start {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (10, u64::from(u16::from_le_bytes([a, b]))),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d] => {
            (12, u64::from(u32::from_le_bytes([a, b, c, d])))
        }
        _ => return None,
    };
    let data = begin + header + length;
    let has_data = source.read_at(&mut [0], data).is_ok_and(|read| read > 0);
    has_data.then_some(data)
}

fn bytes_of(name: &Name) -> usize {
    match name {
        Name::Global { module, name } => module.len() + name.len(),
        _ => 0,
    }
}
