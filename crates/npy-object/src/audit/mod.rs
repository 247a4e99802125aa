//! The imports and calls of `numpy.load(allow_pickle=True)`, and how dangerous they are.
//!
//! An [`Audit`] reads a file from its first byte to its last: every array, every member of an
//! archive, and the bytes after them. It runs nothing. Each import, call and change in a pickle is
//! judged by the policy: a list of names, and rules for the arguments with which a call is inert. A
//! file that was not read to its end, or not understood, is never inert.
// Reading order:
//
// - `walk`: goes through the arrays, pickles and members of a file
// - `policy`: judges each act of a pickle, by the names of `policy.txt`
// - `rule`: the rules that `policy.txt` gives to inert names
// - `call`: the calls and states that each rule allows; `argument` has the questions that it asks
// - `numpy`: the same for arrays and dtypes
// - `fact`: what is noted about the result of a call
// - `archive`: which members of an archive its loader unpickles
// - `allow`: the names that the caller trusts
// - `report`: the types of the result
//
// It uses `source`, `options` and `error`, and the auditor of `pickle_stream`, which finds the
// acts.

mod allow;
mod archive;
mod argument;
mod call;
mod fact;
mod numpy;
mod policy;
mod report;
mod rule;
mod walk;

use std::path::Path;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
use allow::Allowed;
pub use archive::Content;
pub use report::{Part, Report, Site, Status, Tally, Use, Verdict};
use walk::Walk;

/// Finds the imports and calls of `numpy.load(allow_pickle=True)`, and makes none of them.
///
/// ```
/// use npy_object::audit::Verdict;
/// use npy_object::pickle::audit::Name;
/// use npy_object::{Audit, Source};
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
/// Memory does not grow with the file: there is an entry for each name, and at most 65,536 names.
#[derive(Clone, Debug, Default)]
#[must_use = "an audit reads nothing before `open` or `read`"]
pub struct Audit {
    /// The names that the caller trusts.
    allowed: Vec<Allowed>,
    options: Options,
    /// The number of the only array or pickle that is judged.
    only: Option<u64>,
}

impl Audit {
    /// Creates an audit that trusts no name but those that the policy knows to be inert.
    pub fn new() -> Audit {
        Audit::default()
    }

    /// Sets the limits, and how much of a stream is kept in memory.
    pub fn options(mut self, options: Options) -> Audit {
        self.options = options;
        self
    }

    /// Makes a name inert. `module.name` is this name, whatever the policy says. `package.*` is
    /// every name without dots in the modules of a package, except those that the policy knows to
    /// be dangerous.
    ///
    /// A module also has the names that it imports from other modules: `package.*` allows them too,
    /// because a pickle does not show where they are from. Use full names where that matters.
    ///
    /// Fails with clause `access.allow` where the name has neither form.
    pub fn allow(mut self, name: &str) -> Result<Audit> {
        self.allowed.push(Allowed::parse(name)?);
        Ok(self)
    }

    /// Makes the name in each line inert, as [`allow`](Self::allow) does. Text after a `#` is a
    /// comment.
    ///
    /// Fails with clause `access.allow`, and the number of the line, at the first line that has
    /// neither form.
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

    /// Judges only the array or pickle of this number, counted from 0. Those before it are read to
    /// find it.
    pub fn only(mut self, number: u64) -> Audit {
        self.only = Some(number);
        self
    }

    /// Audits a file. Errors of its contents are in the report.
    ///
    /// Fails where the file cannot be opened.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Report> {
        Ok(self.read(Source::open(path)?))
    }

    /// Audits a source: an array, several of them, an archive, a bare pickle, or one of these in
    /// gzip.
    pub fn read(&self, source: Source) -> Report {
        self.read_each(source, |_| ())
    }

    /// Audits a source as [`read`](Self::read) does, and calls `each` for every instruction that
    /// imports, calls or changes something.
    pub fn read_each(&self, source: Source, mut each: impl FnMut(&Site<'_>)) -> Report {
        let walk = Walk::new(self.options.clone(), &self.allowed, self.only, &mut each);
        Report { parts: walk.walk(source) }
    }
}
