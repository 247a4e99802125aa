//! Goes through a file: what it is packed into, its arrays and pickles, and what follows them.

use std::io::Read;

use pickle_stream::{Act, Audited, Auditor, Found, Name, Subject};

#[cfg(feature = "npz")]
use super::archive::{self, Content};
use super::policy::{Judge, Judgement};
use super::{Audit, Part, Site, Tally, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Options, ReadSize};
use crate::source::Source;
use crate::source::format::Format;
#[cfg(feature = "npz")]
use crate::source::npz::Npz;
use crate::source::window::Window;

/// Names that a file may have.
const MOST_NAMES: usize = 1 << 16;

/// Bytes that they may take in all.
const MOST_BYTES: usize = 8 << 20;

/// Bytes of a line of text, all of which is in memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Characters of a header.
const MOST_HEADER: usize = 1 << 20;

/// How deep compressed files, and archives after arrays, may be in one another.
const NESTING: usize = 4;

/// Goes through a file, showing every instruction that is found. Returns the file, or the members of
/// an archive.
pub(super) fn walk(audit: &Audit, source: Source, each: &mut dyn FnMut(&Site<'_>)) -> Vec<Part> {
    let mut options = audit.options.clone();
    let limits = options.limits_mut();
    // numpy.load has no limit on a header where it unpickles.
    limits.header.header_chars = limits.header.header_chars.max(MOST_HEADER);
    limits.pickle.line = limits.pickle.line.min(LONGEST_LINE);
    let parts = Vec::new();
    let mut walk = Walk { audit, options, parts, each, is_silent: false, names: 0, bytes: 0 };
    walk.file(source, "", NESTING);
    walk.parts
}

struct Walk<'a> {
    audit: &'a Audit,
    /// The audit's, with the limits of a walk.
    options: Options,
    /// Those that were gone through.
    parts: Vec<Part>,
    each: &'a mut dyn FnMut(&Site<'_>),
    /// Whether instructions are not shown.
    is_silent: bool,
    /// Names in all parts, and the bytes that they take.
    names: usize,
    bytes: usize,
}

impl Walk<'_> {
    /// Goes through a file, which may be packed into others. `prefix` is for the names of members.
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

    /// Takes a source out of what it was compressed with. Returns what that is, and how many more may
    /// be in one another.
    fn unpack(&self, mut source: Source, nesting: usize) -> Result<(Source, Format, usize)> {
        for left in (0..nesting).rev() {
            match Format::of(&source)? {
                Format::Gzip => source = self.options.gunzip(source)?,
                format => return Ok((source, format, left)),
            }
        }
        let message = format!("compressed files in one another, over {NESTING} deep");
        Err(Error::over_limit(NESTING as u64, "gzip.depth", None, message))
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
        // What is wrong with a header is found where the member is read.
        if let Ok(Some(unlisted)) = archive.unlisted() {
            let trailing = Tally { count: unlisted.end - unlisted.start, first: unlisted.start };
            let part = Part { member: named(prefix), trailing, ..Part::default() };
            self.parts.push(part);
        }
        for (number, content) in archive::contents(&archive).into_iter().enumerate() {
            let member = Some(format!("{prefix}{}", archive.members()[number].name()));
            let part = Part { member, content, ..Part::default() };
            match content {
                Content::Data | Content::Unknown => self.data(part, &archive, number),
                Content::Loaded => {
                    let source = archive.source(number).map(|source| (source, nesting));
                    self.part(part, source);
                }
            }
        }
    }

    /// Goes through a member that its loader does not unpickle. It is a pickle all the same if it
    /// reads as one to its end, and names something.
    #[cfg(feature = "npz")]
    fn data(&mut self, mut part: Part, archive: &Npz, number: usize) {
        match archive.source(number) {
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

    /// Goes through a file that is no archive, or a member of one.
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
            let message = format!("archives after arrays in one another, over {NESTING} deep");
            part.error = Some(Error::over_limit(NESTING as u64, "gzip.depth", begin, message));
            return self.parts.push(part);
        }
        self.parts.push(part);
        self.file(source.section(begin..), &format!("{member}@{begin}/"), nesting);
    }

    /// Goes through arrays and pickles that follow one another. Returns where an archive begins that
    /// follows them.
    fn arrays(&mut self, source: &Source, part: &mut Part) -> Result<Option<u64>> {
        let (mut begin, mut number) = (0, 0);
        if let Some(only) = self.audit.only {
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
            if self.audit.only.is_some() || source.read_at(&mut [0], begin)? == 0 {
                return Ok(None);
            }
        }
    }

    /// Goes through the arrays and pickles before the one of a number. Returns where that begins.
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
                let message = format!("there are {} arrays or pickles in the file", before + 1);
                return Err(Error::usage("access.subscript", message));
            }
        }
        Ok(begin)
    }

    /// Goes through an array. Returns where it ends.
    fn array(&mut self, source: &Source, begin: u64, part: &mut Part) -> Result<u64> {
        let (header, data) = match self.options.read_header(source.section(begin..)) {
            Ok(Some(header)) => header,
            Ok(None) => return self.pickle(source, begin, part),
            // NumPy may accept it, and ignores what it says of objects.
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
                let message = "the data of the array end before its last item";
                Err(Error::new(ErrorKind::Truncated, "npy.truncated", size, message))
            }
        }
    }

    /// Goes through a pickle. Returns where it ends.
    fn pickle(&mut self, source: &Source, offset: u64, part: &mut Part) -> Result<u64> {
        part.pickles += 1;
        let mut window = Window::new(source.clone(), ReadSize::default(), 0);
        let mut auditor = Auditor::new(offset, &self.options.limits.pickle);
        let mut judge = Judge::new(self.audit);
        let mut needed = 1;
        window.set_reading_on(true);
        loop {
            let place = auditor.offset();
            window.set_anchor(place);
            let input = window.fill(place, needed)?;
            let seen = place + input.len() as u64;
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

    /// Counts what was found.
    fn find(
        &mut self,
        part: &mut Part,
        Found { offset, opcode, act }: Found,
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
                    format!("names limit: more than {MOST_NAMES} names, or {MOST_BYTES} bytes");
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

    /// Takes the names of a part, which is dropped, out of the count.
    fn forget(&mut self, part: &Part) {
        self.names -= part.uses.len();
        self.bytes -= part.uses.keys().map(bytes_of).sum::<usize>();
    }
}

/// The name of a member that could not be opened: that of the archive.
fn named(prefix: &str) -> Option<String> {
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

/// Where the data begin of an array whose header cannot be read.
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
