//! What `numpy.load(allow_pickle=True)` would import and call.
//!
//! A file is gone through from its first byte to its last: every array of it, every member of an
//! archive. What each pickle names is found by carrying out its instructions, and judged by its name.

use std::collections::BTreeMap;
use std::path::Path;

use pickle_stream::{Act, Audited, Auditor, Found, Name, Opcode, Subject};

use crate::error::{Cause, Error, Result};
use crate::format::Format;
#[cfg(feature = "npz")]
use crate::npz::{Member, Npz};
use crate::options::Options;
use crate::source::Source;
use crate::window::{ReadSize, Window};

/// What there is to fear of something that a file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It makes a value, and runs nothing that the file could choose.
    Inert,
    /// Nothing is known of it.
    Unknown,
    /// It runs code or commands, opens files, or leads to what does.
    Dangerous,
}

impl Verdict {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Inert => "inert",
            Verdict::Unknown => "unknown",
            Verdict::Dangerous => "dangerous",
        }
    }
}

/// How often something happens, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The first of the instructions: bytes from the start of the file, or the member.
    pub first: u64,
}

impl Tally {
    fn add(&mut self, offset: u64) {
        if self.count == 0 {
            self.first = offset;
        }
        self.count += 1;
    }
}

/// What a file does with something that it names.
#[derive(Clone, Debug)]
pub struct Use {
    /// What there is to fear of all this.
    pub verdict: Verdict,
    /// Why; empty where nothing is known.
    pub reason: &'static str,
    /// It is imported.
    pub imported: Tally,
    /// It is called, or an instance of it is made.
    pub called: Tally,
    /// What a call of it has given is called.
    pub result_called: Tally,
    /// It gets a state: attributes of a class, which the whole program has.
    pub changed: Tally,
    /// What a call of it has given gets a state.
    pub result_changed: Tally,
    /// Members are added to it, or to what a call of it has given.
    pub added: Tally,
}

/// What one file, or one member of an archive, would have Python do.
#[derive(Debug, Default)]
pub struct Part {
    /// The name of the member; `None` in a file that is no archive.
    pub member: Option<String>,
    /// How many arrays there are, one behind the other.
    pub arrays: u64,
    /// How many pickles.
    pub pickles: u64,
    /// Everything that is named, by name.
    pub uses: BTreeMap<Name, Use>,
    /// Memo entries that get another value.
    pub overwritten: Tally,
    /// Instructions that lie in two frames, and frames in one another.
    pub straddled: Tally,
    /// Bytes behind the last array or pickle, which are nothing of the kind.
    pub trailing: Tally,
    /// What was wrong with it. What stands before that was found.
    pub error: Option<Error>,
}

/// What [`Audit`] has found.
#[derive(Debug)]
pub struct Report {
    /// The file, or each member of an archive.
    pub parts: Vec<Part>,
}

/// An instruction that was found, for those who want each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// The name of the member; `None` in a file that is no archive.
    pub member: Option<&'a str>,
    /// Where it stands: bytes from the start of the file, or the member.
    pub offset: u64,
    /// The instruction.
    pub opcode: Opcode,
    /// What it does.
    pub act: Act,
    /// To what; `None` where it names nothing.
    pub name: Option<&'a Name>,
}

impl Part {
    /// The worst of what it does.
    pub fn verdict(&self) -> Verdict {
        self.uses.values().map(|it| it.verdict).max().unwrap_or(Verdict::Inert)
    }
}

impl Report {
    /// The worst of what the file does.
    pub fn verdict(&self) -> Verdict {
        self.parts.iter().map(Part::verdict).max().unwrap_or(Verdict::Inert)
    }
}

/// Says what `numpy.load(allow_pickle=True)` would import and call, without doing it.
///
/// ```
/// use npy_object::pickle::Name;
/// use npy_object::{Audit, Source, Verdict};
///
/// let report = Audit::new().open("tests/data/ragged.npy")?;
/// assert_eq!(report.verdict(), Verdict::Inert);
///
/// // pickle.dumps of an object whose __reduce__ gives (os.system, ("true",))
/// let pickle = Source::bytes(b"cos\nsystem\n(S'true'\ntR.");
/// let report = Audit::new().read(pickle);
/// let system = Name::Global { module: "os".into(), name: "system".into() };
/// assert_eq!(report.parts[0].uses[&system].verdict, Verdict::Dangerous);
/// assert_eq!(report.parts[0].uses[&system].called.first, 21);
/// # Ok::<(), npy_object::Error>(())
/// ```
///
/// Memory does not grow with the file: there is an entry for each name, of which it may have 65,536.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Names that the caller trusts.
    allowed: Vec<String>,
    options: Options,
}

/// A source without what it was compressed or packed with.
enum Unpacked {
    File(Source),
    #[cfg(feature = "npz")]
    Archive(Npz),
}

/// What is known of names.
const VERDICTS: &str = include_str!("audit/verdicts.txt");

/// Names that a file may have.
const MOST_NAMES: usize = 1 << 16;

/// How deep compressed files may lie in one another.
const NESTING: usize = 4;

impl Audit {
    /// One that trusts nothing but what is known to be inert.
    pub fn new() -> Audit {
        Audit::default()
    }

    /// Limits, and how much of a stream is kept in memory.
    pub fn options(mut self, options: Options) -> Audit {
        self.options = options;
        self
    }

    /// Takes something for inert: `module.name`, or `module.*` for all that begins so.
    pub fn allow(mut self, name: &str) -> Audit {
        self.allowed.push(name.to_owned());
        self
    }

    /// As [`allow`](Self::allow), for each line; what is behind a `#` is a remark.
    pub fn allow_lines(self, lines: &str) -> Audit {
        let names = lines.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        names.filter(|name| !name.is_empty()).fold(self, |audit, name| audit.allow(name))
    }

    /// Goes through a file. What is wrong with it is in the report.
    ///
    /// Fails where it cannot be opened.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Report> {
        Ok(self.read(Source::open(path)?))
    }

    /// Goes through a source: an array, several of them, an archive, a bare pickle, or one of these
    /// in gzip.
    pub fn read(&self, source: Source) -> Report {
        self.read_each(source, |_| ())
    }

    /// The same, showing every instruction that is found.
    pub fn read_each(&self, source: Source, mut each: impl FnMut(&Site<'_>)) -> Report {
        let parts = match self.unpack(source) {
            Ok(Unpacked::File(source)) => vec![self.part(None, Ok(source), &mut each)],
            #[cfg(feature = "npz")]
            Ok(Unpacked::Archive(archive)) => {
                let members = archive.members().iter().enumerate();
                let member = |(number, member): (usize, &Member)| {
                    self.part(Some(member.name()), archive.source(number), &mut each)
                };
                members.map(member).collect()
            }
            Err(error) => vec![self.part(None, Err(error), &mut each)],
        };
        Report { parts }
    }

    fn unpack(&self, mut source: Source) -> Result<Unpacked> {
        for _ in 0..NESTING {
            match Format::of(&source)? {
                Format::Gzip => source = self.options.gunzip(source)?,
                #[cfg(feature = "npz")]
                Format::Zip => {
                    return Ok(Unpacked::Archive(self.options.clone().read_npz(source)?));
                }
                _ => break,
            }
        }
        Ok(Unpacked::File(source))
    }

    /// Goes through a file, or a member of an archive.
    fn part(
        &self,
        member: Option<&str>,
        source: Result<Source>,
        each: &mut dyn FnMut(&Site<'_>),
    ) -> Part {
        let mut part = Part { member: member.map(str::to_owned), ..Part::default() };
        let gone_through = source.and_then(|source| self.arrays(&source, &mut part, each));
        part.error = gone_through.err();
        self.judge(&mut part);
        part
    }

    /// Goes through arrays and pickles that lie behind one another.
    fn arrays(
        &self,
        source: &Source,
        part: &mut Part,
        each: &mut dyn FnMut(&Site<'_>),
    ) -> Result<()> {
        let mut begin = 0;
        loop {
            let section = source.section(begin..);
            let header = match Format::of(&section)? {
                Format::Npy => self.options.read_header(section)?,
                // NumPy takes whatever it does not know for a pickle, but not in an archive.
                Format::Other if begin == 0 && part.member.is_none() => None,
                Format::Other if starts_as_pickle(&section)? => None,
                _ => {
                    let size = source.size()?.saturating_sub(begin);
                    part.trailing = Tally { count: size, first: begin };
                    return Ok(());
                }
            };
            begin = match header {
                Some((header, data)) if !header.dtype.has_object() => {
                    part.arrays += 1;
                    begin + data + header.nbytes().unwrap_or(u64::MAX - begin - data)
                }
                Some((_, data)) => {
                    part.arrays += 1;
                    self.pickle(source, begin + data, part, each)?
                }
                None => self.pickle(source, begin, part, each)?,
            };
            if source.read_at(&mut [0], begin)? == 0 {
                return Ok(());
            }
        }
    }

    /// Goes through a pickle. Returns where it ends.
    fn pickle(
        &self,
        source: &Source,
        offset: u64,
        part: &mut Part,
        each: &mut dyn FnMut(&Site<'_>),
    ) -> Result<u64> {
        part.pickles += 1;
        let mut window = Window::new(source.clone(), ReadSize::default(), 0);
        let mut auditor = Auditor::new(offset, &self.options.limits.pickle);
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
                    part.find(found, auditor.names(), each)?;
                }
            }
        }
    }

    /// Says what there is to fear of what was found.
    fn judge(&self, part: &mut Part) {
        for (name, found) in &mut part.uses {
            (found.verdict, found.reason) = self.verdict(name);
            let verdict = match found {
                Use { changed: Tally { count: 1.., .. }, .. } => {
                    (Verdict::Dangerous, "is changed for the whole program")
                }
                Use { result_called: Tally { count: 1.., .. }, .. } => {
                    (Verdict::Unknown, "what it returns is called")
                }
                _ => continue,
            };
            if verdict.0 > found.verdict && !self.is_allowed(name) {
                (found.verdict, found.reason) = verdict;
            }
        }
    }

    /// What is known of a name.
    fn verdict(&self, name: &Name) -> (Verdict, &'static str) {
        let Name::Global { module, name: attribute } = name else {
            let reason = match name {
                Name::Extension(_) => "whatever copyreg has under this code",
                Name::PersistentId => "numpy.load refuses it",
                _ => "a name, or what is called, was pickled too far away to be known",
            };
            return (Verdict::Unknown, reason);
        };
        if self.is_allowed(name) {
            return (Verdict::Inert, "allowed");
        }
        if attribute.split('.').any(|part| part.starts_with("__")) && attribute.contains('.') {
            return (Verdict::Dangerous, "reaches into objects");
        }
        let name = format!("{module}.{attribute}");
        let lines = VERDICTS.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter_map(|line| {
            let (verdict, rest) = line.split_once(' ')?;
            let (pattern, reason) = rest.split_once(' ')?;
            fits(pattern, &name).then_some((pattern.len(), verdict, reason))
        });
        match lines.max_by_key(|(length, ..)| *length) {
            Some((_, "inert", reason)) => (Verdict::Inert, reason),
            Some((.., reason)) => (Verdict::Dangerous, reason),
            None => (Verdict::Unknown, ""),
        }
    }

    fn is_allowed(&self, name: &Name) -> bool {
        let Name::Global { module, name } = name else { return false };
        let name = format!("{module}.{name}");
        self.allowed.iter().any(|pattern| fits(pattern, &name))
    }
}

impl Part {
    fn find(
        &mut self,
        Found { offset, opcode, act }: Found,
        names: &[Name],
        each: &mut dyn FnMut(&Site<'_>),
    ) -> Result<()> {
        let subject = match act {
            Act::Import(name) => Some(Subject::Named(name)),
            Act::Call(subject) | Act::SetState(subject) | Act::Add(subject) => Some(subject),
            Act::Overwrite(_) | Act::Straddle => None,
        };
        let name = subject.map(|subject| &names[subject.name().index()]);
        each(&Site { member: self.member.as_deref(), offset, opcode, act, name });
        let Some(name) = name else {
            match act {
                Act::Overwrite(_) => self.overwritten.add(offset),
                _ => self.straddled.add(offset),
            }
            return Ok(());
        };
        if !self.uses.contains_key(name) {
            if self.uses.len() == MOST_NAMES {
                let message = format!("names limit: more than {MOST_NAMES} names");
                return Err(Error::new(Cause::Limit, "pickle.limit.names", offset, message));
            }
            self.uses.insert(name.clone(), Use::default());
        }
        let Some(found) = self.uses.get_mut(name) else { return Ok(()) };
        let tally = match act {
            Act::Call(Subject::Named(_)) => &mut found.called,
            Act::Call(Subject::ResultOf(_)) => &mut found.result_called,
            Act::SetState(Subject::Named(_)) => &mut found.changed,
            Act::SetState(Subject::ResultOf(_)) => &mut found.result_changed,
            Act::Add(_) => &mut found.added,
            Act::Import(_) | Act::Overwrite(_) | Act::Straddle => &mut found.imported,
        };
        tally.add(offset);
        Ok(())
    }
}

impl Default for Use {
    fn default() -> Use {
        let none = Tally::default();
        Use {
            verdict: Verdict::Unknown,
            reason: "",
            imported: none,
            called: none,
            result_called: none,
            changed: none,
            result_changed: none,
            added: none,
        }
    }
}

/// Whether a pattern stands for a name.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// Whether a pickle of protocol 2 or later begins here.
fn starts_as_pickle(source: &Source) -> Result<bool> {
    let mut first = [0];
    Ok(source.read_at(&mut first, 0)? == 1 && first == [Opcode::Proto as u8])
}
