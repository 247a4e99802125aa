//! Goes through a file: decompresses it, and reads its arrays, pickles and members of archives.

use std::io::Read;
#[cfg(feature = "gzip")]
use std::sync::Arc;

use pickle_stream::audit::{Act, Audited, Auditor, Finding, Name, Subject};

#[cfg(feature = "npz")]
use super::archive::{Content, Kind};
#[cfg(feature = "npz")]
use super::form::Form;
use super::form::Packed;
use super::joblib::{self, Payload};
use super::legacy::{self, Storages};
use super::policy::{Judge, Judgement};
use super::report::{Part, Site, Tally, Use, Verdict};
#[cfg(feature = "containers")]
use super::tar;
use super::trust::Trust;
use crate::error::{Error, ErrorKind, Result};
use crate::options::{Options, ReadSize};
use crate::source::Source;
#[cfg(feature = "gzip")]
use crate::source::budget::Budget;
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
    /// The storages of the file of PyTorch that is read.
    storages: Option<Storages>,
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
        Walk {
            options,
            trust,
            only,
            parts,
            each,
            is_silent: false,
            names: 0,
            bytes: 0,
            storages: None,
        }
    }

    /// Goes through a file. Returns the file, or the members of an archive.
    pub(super) fn walk(mut self, source: Source) -> Vec<Part> {
        #[cfg(feature = "gzip")]
        {
            let size = source.known_size().unwrap_or(0);
            // As much as its own decompression may make.
            let limits = &self.options.limits;
            let limit = limits.decompressed.max(size.saturating_mul(limits.expansion));
            self.options.budget = Some(Arc::new(Budget::new(limit)));
        }
        self.file(source, Part::default(), NESTING);
        self.parts
    }

    /// Goes through a file, which may be compressed or an archive. `part` has its name.
    fn file(&mut self, source: Source, part: Part, nesting: usize) {
        let (source, packed, nesting) = match self.unpack(source, &part, nesting) {
            Ok(unpacked) => unpacked,
            Err(error) => return self.part(part, Err(error)),
        };
        match packed {
            #[cfg(feature = "npz")]
            Some(Packed::Zip) => self.zip(source, part, nesting),
            #[cfg(feature = "containers")]
            Some(Packed::Tar) => {
                self.also(&source, &part);
                self.tar(&source, part, nesting);
            }
            _ => self.part(part, Ok((source, nesting))),
        }
    }

    /// Decompresses a source until it is not compressed. Returns it, the kind of archive that it is,
    /// and how many more files may be inside one another.
    #[cfg_attr(not(feature = "containers"), expect(unused_variables))]
    fn unpack(
        &mut self,
        mut source: Source,
        part: &Part,
        nesting: usize,
    ) -> Result<(Source, Option<Packed>, usize)> {
        let mut left = nesting;
        while let Some(packed) = Packed::of(&source)? {
            left = left.checked_sub(1).ok_or_else(|| too_deep("compressed files", None))?;
            match packed {
                Packed::Gzip => source = self.options.gunzip(source)?,
                #[cfg(feature = "containers")]
                Packed::Compressed(packing) => {
                    self.also(&source, part);
                    source = self.options.decompress(source, packing);
                }
                archive => return Ok((source, Some(archive), left)),
            }
        }
        Ok((source, None, left))
    }

    /// Goes through a compressed file or a tar archive as a pickle too: its first bytes may be
    /// instructions, so that `pickle.load` is a loader of it.
    #[cfg(feature = "containers")]
    fn also(&mut self, source: &Source, part: &Part) {
        let member = part.member.clone();
        let is_other = Format::of(source)
            .is_ok_and(|format| matches!(format, Format::Npy | Format::Zip | Format::Gzip));
        if is_other {
            let message = "the file is a tar archive, and begins as a file of another kind too";
            let error = Some(Error::new(ErrorKind::Unsupported, "tar.header", 0, message));
            self.parts.push(Part { member, error, ..Part::default() });
        } else if self.is_whole_pickle(source, 0) {
            let part = Part { member, content: Content::Data, ..Part::default() };
            self.part(part, Ok((source.clone(), 0)));
        }
    }

    /// Goes through the members of a zip archive.
    #[cfg(feature = "npz")]
    fn zip(&mut self, source: Source, part: Part, nesting: usize) {
        let archive = match self.options.read_npz(source) {
            Ok(archive) => archive,
            Err(error) => return self.part(part, Err(error)),
        };
        // A wrong header of a member is reported with the member.
        if let Ok(Some(unlisted)) = archive.unlisted() {
            let trailing = Tally { count: unlisted.end - unlisted.start, first: unlisted.start };
            let member = part.member.clone();
            self.parts.push(Part { member, trailing, ..Part::default() });
        }
        let members = archive.members().iter().map(|member| member.name());
        let data = |number| archive.source(number);
        self.members(&part, members, data, true, nesting);
    }

    /// Goes through the members of a tar archive.
    #[cfg(feature = "containers")]
    fn tar(&mut self, source: &Source, part: Part, nesting: usize) {
        let members = match tar::members(source) {
            Ok(members) => members,
            Err(error) => return self.part(part, Err(source.explain(error))),
        };
        let data = |number: usize| match members[number].data {
            Some((begin, size)) => Ok(source.section(begin..begin + size)),
            None => {
                let message = "the member is a link";
                Err(Error::new(ErrorKind::Unsupported, "tar.header", None, message))
            }
        };
        let names = members.iter().map(|member| &*member.name);
        self.members(&part, names, data, false, nesting);
    }

    /// Goes through the members of an archive. `data` returns the source of a member.
    #[cfg(feature = "npz")]
    fn members<'n>(
        &mut self,
        archive: &Part,
        names: impl Iterator<Item = &'n str> + Clone,
        data: impl Fn(usize) -> Result<Source>,
        is_zip: bool,
        nesting: usize,
    ) {
        let is_array = |number| {
            let format = data(number).ok().and_then(|source| Format::of(&source).ok());
            format == Some(Format::Npy)
        };
        let has_arrays = (0..names.clone().count()).any(is_array);
        let kind = Kind::of(names.clone(), has_arrays, is_zip);
        let prefix = archive.member.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
        for (number, name) in names.enumerate() {
            let source = data(number);
            let form = source.as_ref().ok().and_then(|source| Form::of(source).ok());
            let content = kind.content(name, form);
            let part = Part { member: Some(format!("{prefix}{name}")), content, ..Part::default() };
            match (content, source) {
                (Content::Loaded, Ok(source)) if kind.is_file() => {
                    self.file(source, part, nesting);
                }
                (Content::Loaded, source) => {
                    self.part(part, source.map(|source| (source, nesting)));
                }
                (_, source) => self.data(part, source),
            }
        }
    }

    /// Goes through a member that its loader does not unpickle. It is judged as a pickle if it can
    /// be read as one to its end, and names something.
    #[cfg(feature = "npz")]
    fn data(&mut self, mut part: Part, source: Result<Source>) {
        match source {
            Ok(source) if self.is_whole_pickle(&source, 0) => {
                return self.part(part, Ok((source, 0)));
            }
            Ok(_) => {}
            Err(error) => part.error = Some(error),
        }
        self.parts.push(part);
    }

    /// Returns whether there is a pickle at an offset that can be read to its end, and names
    /// something.
    fn is_whole_pickle(&mut self, source: &Source, offset: u64) -> bool {
        let mut trial = Part::default();
        let was_silent = std::mem::replace(&mut self.is_silent, true);
        let walked = self.pickle(source, offset, &mut trial);
        self.is_silent = was_silent;
        self.forget(&trial);
        walked.is_ok() && !trial.uses.is_empty()
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
        let part = Part { member: Some(format!("{member}@{begin}")), ..Part::default() };
        self.file(source.section(begin..), part, nesting);
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
                Format::Pickle if self.only.is_none() && legacy::is_legacy(&section) => {
                    self.legacy(source, begin, part)?
                }
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

    /// Goes through the pickles and storages of a file of PyTorch. Returns the offset of its end.
    fn legacy(&mut self, source: &Source, mut begin: u64, part: &mut Part) -> Result<u64> {
        self.storages = Some(Storages::default());
        let pickles: Result<()> = (0..legacy::PICKLES).try_for_each(|_| {
            begin = self.pickle(source, begin, part)?;
            Ok(())
        });
        let storages = self.storages.take().unwrap_or_default();
        pickles?;
        let size = source.size()?;
        let Some(bytes) = storages.bytes() else {
            let message = "expected storages of known types and sizes, found another persistent id";
            return Err(Error::new(ErrorKind::Unsupported, "pickle.truncated", begin, message));
        };
        // A second `pickle.load` of the file begins at the storages.
        if bytes > 0 && self.is_whole_pickle(source, begin) {
            self.pickle(source, begin, part)?;
        }
        match begin.checked_add(bytes) {
            Some(end) if end <= size => Ok(end),
            _ => {
                let message = "the file ends before the last storage of PyTorch";
                Err(Error::new(ErrorKind::Truncated, "pickle.truncated", size, message))
            }
        }
    }

    /// Goes through a pickle. Returns the offset of its end.
    ///
    /// If it has wrappers of arrays and the caller trusts joblib, `joblib.load` reads the bytes of
    /// arrays where `pickle.load` reads instructions. Either may be the loader, so the findings of
    /// both count, and joblib's is the end.
    fn pickle(&mut self, source: &Source, offset: u64, part: &mut Part) -> Result<u64> {
        part.pickles += 1;
        let (mut has_wrappers, mut objects) = (false, None);
        let mut reading = match joblib::is_trusted(self.trust) {
            true => Reading::Joblib { has_wrappers: &mut has_wrappers, objects: &mut objects },
            false => Reading::Pickle { doubtful: u64::MAX },
        };
        let joblib = self.instructions(source, offset, part, &mut reading);
        if !has_wrappers {
            return joblib;
        }
        let was_silent = std::mem::replace(&mut self.is_silent, true);
        let mut reading = Reading::Pickle { doubtful: objects.unwrap_or(u64::MAX) };
        let mut end = self.instructions(source, offset, part, &mut reading);
        // The next `pickle.load` of the same file begins at the end of the first.
        while let (Ok(begin), Ok(last)) = (&end, &joblib)
            && begin < last
        {
            end = self.instructions(source, *begin, part, &mut reading);
        }
        self.is_silent = was_silent;
        joblib
    }

    /// Runs the instructions of a pickle. Returns the offset of its end.
    fn instructions(
        &mut self,
        source: &Source,
        offset: u64,
        part: &mut Part,
        reading: &mut Reading<'_>,
    ) -> Result<u64> {
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
            needed = loop {
                let read = usize::try_from(auditor.offset() - begin).unwrap_or(usize::MAX);
                let found = match auditor.advance(input.get(read..).unwrap_or_default())? {
                    Audited::Need(more) => break window.needed(seen, auditor.offset(), more)?,
                    Audited::Stop => return Ok(auditor.offset()),
                    Audited::Found(found) => found,
                };
                let is_wrapped = judge.is_wrapped(&found, auditor.names());
                if let Some(storages) = &mut self.storages {
                    storages.note(&found, &auditor.operands(), auditor.names());
                }
                let judgement = judge.judge(&found, &mut auditor);
                if reading.counts(&found, &judgement) {
                    self.find(part, found, auditor.names(), judgement)?;
                }
                let Reading::Joblib { has_wrappers, objects } = reading else { continue };
                if is_wrapped {
                    **has_wrappers = true;
                    let payload = judge.unwrap(&mut auditor);
                    if payload == Some(Payload::Pickle) {
                        objects.get_or_insert(auditor.offset());
                    }
                    let end = self.payload(source, auditor.offset(), payload, part)?;
                    if auditor.is_in_frame() {
                        return Err(no_array(found.offset));
                    }
                    auditor.skip_to(end);
                    break 1;
                }
            };
        }
    }

    /// Goes through what follows the wrapper of an array. Returns the offset of its end.
    fn payload(
        &mut self,
        source: &Source,
        begin: u64,
        payload: Option<Payload>,
        part: &mut Part,
    ) -> Result<u64> {
        let (size, is_padded) = match payload.ok_or_else(|| no_array(begin))? {
            Payload::Pickle => {
                let mut reading = Reading::Pickle { doubtful: u64::MAX };
                return self.instructions(source, begin, part, &mut reading);
            }
            Payload::Bytes { size, is_padded } => (size, is_padded),
        };
        let mut padding = [0];
        let mut start = begin;
        if is_padded && source.read_at(&mut padding, begin)? == 1 {
            start += 1 + u64::from(padding[0]);
        }
        let size_of_file = source.size()?;
        match start.checked_add(size) {
            Some(end) if end <= size_of_file => Ok(end),
            _ => {
                let message = "the file ends before the last item of an array of joblib";
                let truncated = ErrorKind::Truncated;
                Err(Error::new(truncated, "pickle.truncated", size_of_file, message))
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

/// How the instructions of a pickle are read.
enum Reading<'a> {
    /// As `pickle.load` does.
    Pickle {
        /// Where the pickle of the items of an array of joblib begins, which `pickle.load` takes for
        /// instructions of the file. Its memo indices are those of another pickle, so the first
        /// name in it is most likely one that cannot be imported, and nothing after it is run.
        /// From here on, only imports of dangerous names count.
        doubtful: u64,
    },
    /// As `joblib.load` does: an array follows each wrapper.
    Joblib {
        /// Set where there is a wrapper.
        has_wrappers: &'a mut bool,
        /// Set to the offset of the first pickle of the items of an array.
        objects: &'a mut Option<u64>,
    },
}

impl Reading<'_> {
    /// Returns whether a finding is one of the file.
    fn counts(&self, found: &Finding, (verdict, _): &Judgement) -> bool {
        match self {
            Reading::Pickle { doubtful } if found.offset >= *doubtful => {
                matches!(found.act, Act::Import(_)) && *verdict == Verdict::Dangerous
            }
            _ => true,
        }
    }
}

/// Returns the error for a wrapper of joblib whose array is not known.
fn no_array(offset: u64) -> Error {
    let message = "expected the state of an array as joblib writes it, found another";
    Error::new(ErrorKind::Unsupported, "pickle.truncated", offset, message)
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
