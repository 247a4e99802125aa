//! What `numpy.load(allow_pickle=True)` would import and call.
//!
//! A file is gone through from its first byte to its last: every array, every member of an archive,
//! and what comes after them. The acts of each pickle are judged by the [`policy`], which knows what
//! a name can be made to do and which arguments make it do nothing. What was not understood, or not
//! read to its end, is never called inert.
//!
//! Read `walk` (through the file), `policy` (names and what is done to them), `rule` (which calls are inert), `numpy` (arrays and
//! dtypes), `fact` (what is noted of a result), `archive` (which members of an archive are loaded).

mod allow;
mod archive;
mod fact;
mod numpy;
mod policy;
mod rule;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use pickle_stream::audit::{Act, Name};
use pickle_stream::{Opcode, printable};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
use allow::Allowed;
pub use archive::Content;

/// What there is to fear of something that a file names, and of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It makes a value, and runs nothing that the file could choose.
    Inert,
    /// Nothing is known of it, or not all of it could be read.
    Unknown,
    /// It runs code or commands, opens files, corrupts memory, or leads to what does.
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
    /// What there is to fear of the worst of all this.
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
    /// The name of the member; `None` in a file that is no archive. The members of an archive that
    /// follows an array begin with the place of the archive, as in `@160/data.npy`.
    pub member: Option<String>,
    /// Whether a loader unpickles it.
    pub content: Content,
    /// How many arrays there are, one after another.
    pub arrays: u64,
    /// How many pickles.
    pub pickles: u64,
    /// Everything that is named, by name.
    pub uses: BTreeMap<Name, Use>,
    /// Memo entries that get another value.
    pub overwritten: Tally,
    /// Instructions in two frames, and frames in one another: the readers of CPython differ in what
    /// they execute then.
    pub straddled: Tally,
    /// Changes of a dict after it was part of a state, and of a list by the index of an item.
    pub altered: Tally,
    /// Instructions that take time, stack or memory out of proportion.
    pub costly: Tally,
    /// Bytes after the last array or pickle that are neither, nor an archive.
    pub trailing: Tally,
    /// What was wrong with it. What is before that was found.
    pub error: Option<Error>,
}

/// What [`Audit`] has found.
#[derive(Debug)]
pub struct Report {
    /// The file, or each member of an archive.
    pub parts: Vec<Part>,
}

/// An instruction that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// The name of the member; `None` in a file that is no archive.
    pub member: Option<&'a str>,
    /// Where it is: bytes from the start of the file, or the member.
    pub offset: u64,
    /// The opcode of the instruction.
    pub opcode: Opcode,
    /// What it does.
    pub act: Act,
    /// To what; `None` where it names nothing.
    pub name: Option<&'a Name>,
    /// What there is to fear of it.
    pub verdict: Verdict,
}

/// Whether all of a file, or of a member, was read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// All of it was.
    Complete,
    /// Only what is before a place was.
    Incomplete {
        /// The name of the member; `None` in a file that is no archive.
        member: Option<String>,
        /// Bytes from the start of the file, or the member, where that is known.
        offset: Option<u64>,
        /// Why not the rest.
        reason: String,
    },
}

impl Status {
    /// Its name in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Incomplete { .. } => "incomplete",
        }
    }

    /// Whether all was read and understood.
    pub fn is_complete(&self) -> bool {
        *self == Status::Complete
    }
}

/// `complete`, or `incomplete: reason (in MEMBER, at byte N)`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status::Incomplete { member, offset, reason } = self else {
            return f.write_str(self.name());
        };
        write!(f, "incomplete: {reason}")?;
        let member = member.as_ref().map(|member| format!("in {}", printable(member)));
        let offset = offset.map(|offset| format!("at byte {offset}"));
        let place: Vec<_> = member.into_iter().chain(offset).collect();
        if place.is_empty() { Ok(()) } else { write!(f, " ({})", place.join(", ")) }
    }
}

impl Part {
    /// The worst of what it does. What is not complete is at least unknown.
    pub fn verdict(&self) -> Verdict {
        let worst = self.uses.values().map(|it| it.verdict).max().unwrap_or(Verdict::Inert);
        let whole = match () {
            () if self.straddled.count > 0 || self.altered.count > 0 => Verdict::Dangerous,
            () if self.costly.count > 0 || !self.status().is_complete() => Verdict::Unknown,
            () => Verdict::Inert,
        };
        worst.max(whole)
    }

    /// What no pickler writes, in words: memo entries that get another value, instructions in two
    /// frames, bytes that follow.
    pub fn oddities(&self) -> Vec<String> {
        let of_member = self.member.as_ref().map(|member| format!(" of {}", printable(member)));
        let of_member = of_member.unwrap_or_default();
        let rows = [
            (self.overwritten, "memo entry gets another value"),
            (self.straddled, "instruction is in two frames [pickle.frame.straddle]"),
            (self.altered, "dict or list is changed in a way that no pickler does"),
            (self.costly, "instruction costs out of proportion"),
            (self.trailing, "byte is no array, no pickle and no archive"),
        ];
        let rows = rows.into_iter().filter(|(tally, _)| tally.count > 0);
        rows.map(|(Tally { count, first }, what)| {
            format!("{count} x {what}, first at byte {first}{of_member}")
        })
        .collect()
    }

    /// Whether all of it was read and understood.
    pub fn status(&self) -> Status {
        let incomplete = |offset, reason| {
            let member = self.member.clone();
            Status::Incomplete { member, offset, reason }
        };
        if let Some(error) = &self.error {
            return incomplete(error.offset(), error.message().to_owned());
        }
        if self.content == Content::Unknown {
            let reason = "no loader of this kind of archive is known to have such a member";
            return incomplete(None, reason.to_owned());
        }
        if self.trailing.count > 0 {
            let Tally { count, first } = self.trailing;
            let reason = format!("{count} bytes are no array, no pickle and no archive");
            return incomplete(Some(first), reason);
        }
        Status::Complete
    }
}

impl Report {
    /// The worst of what the file does. What is not complete is at least unknown.
    pub fn verdict(&self) -> Verdict {
        self.parts.iter().map(Part::verdict).max().unwrap_or(Verdict::Inert)
    }

    /// Whether all of the file was read and understood; else the first place where it was not.
    pub fn status(&self) -> Status {
        let mut statuses = self.parts.iter().map(Part::status);
        statuses.find(|status| !status.is_complete()).unwrap_or(Status::Complete)
    }
}

/// Says what `numpy.load(allow_pickle=True)` would import and call, without doing it.
///
/// ```
/// use npy_object::pickle::audit::Name;
/// use npy_object::{Audit, Source, Verdict};
///
/// let report = Audit::new().open("tests/data/ragged.npy")?;
/// assert_eq!(report.verdict(), Verdict::Inert);
/// assert!(report.status().is_complete());
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
    allowed: Vec<Allowed>,
    options: Options,
    /// The number of the only array that is looked at.
    only: Option<u64>,
}

impl Audit {
    /// An audit that trusts nothing but what is known to be inert.
    pub fn new() -> Audit {
        Audit::default()
    }

    /// Limits, and how much of a stream is kept in memory.
    pub fn options(mut self, options: Options) -> Audit {
        self.options = options;
        self
    }

    /// Takes something for inert: `module.name` stands for this name, whatever is known of it;
    /// `package.*` for every name without dots in the modules of a package, but for those that are
    /// known to be dangerous.
    ///
    /// A module may hold more than it defines: `package.*` also allows the functions of other modules
    /// that the modules of the package import, which cannot be seen in a pickle. List full names where
    /// that matters.
    ///
    /// Fails with clause `access.allow` where it is neither.
    pub fn allow(mut self, name: &str) -> Result<Audit> {
        self.allowed.push(Allowed::parse(name)?);
        Ok(self)
    }

    /// As [`allow`](Self::allow), for each line; what follows a `#` is a remark.
    ///
    /// Fails with clause `access.allow`, and the number of the line, at the first line that is neither
    /// of the two forms.
    pub fn allow_lines(self, lines: &str) -> Result<Audit> {
        let lines = lines
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.split('#').next().unwrap_or_default().trim()));
        lines.filter(|(_, line)| !line.is_empty()).try_fold(self, |audit, (number, line)| {
            audit.allow(line).map_err(|error| {
                Error::usage("access.allow", format!("line {number}: {}", error.message()))
            })
        })
    }

    /// Judges only the array or pickle of this number, counted from 0, of those that follow one
    /// another. Those before it are gone through to find it.
    pub fn only(mut self, number: u64) -> Audit {
        self.only = Some(number);
        self
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
        Report { parts: walk::walk(self, source, &mut each) }
    }
}

impl Use {
    fn new(verdict: Verdict, reason: &'static str) -> Use {
        let none = Tally::default();
        Use {
            verdict,
            reason,
            imported: none,
            called: none,
            result_called: none,
            changed: none,
            result_changed: none,
            added: none,
        }
    }
}
