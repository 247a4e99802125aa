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
// - `joblib`: the arrays in a file of joblib; `legacy`: the storages in an old file of PyTorch
// - `fact`: what is noted about the result of a call
// - `form`: whether a file is compressed, or an archive
// - `archive`: which members of an archive its loader unpickles; `tar`: the members of a tar archive
// - `trust`: the names that the caller trusts or denies, and the lists of libraries
// - `project`: a project's policy, by path
// - `report`: the types of the result; `issue`: what keeps a file from being inert, for other programs
//
// It uses `source`, `options` and `error`, and the auditor of `pickle_stream`, which finds the
// acts.

mod archive;
mod argument;
mod call;
mod fact;
mod form;
mod issue;
mod joblib;
mod legacy;
mod numpy;
mod policy;
#[cfg(feature = "policy")]
mod project;
mod report;
mod rule;
#[cfg(feature = "containers")]
mod tar;
mod trust;
mod walk;

use std::path::Path;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
pub use archive::Content;
pub use issue::{Check, Issue};
#[cfg(feature = "policy")]
pub use project::Policy;
pub use report::{Part, Report, Site, Status, Tally, Use, Verdict};
use trust::Trust;
use walk::Walk;

/// The version of the policy. It grows with every change of the verdict on a name or a call.
pub const POLICY_VERSION: u32 = 2;

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
    trust: Trust,
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
    /// be dangerous. `persistent_id` is the object that a loader returns for a persistent id. The
    /// words `joblib`, `pandas`, `scipy`, `sklearn` and `torch` are the names that pickles of these
    /// libraries have.
    ///
    /// A module also has the names that it imports from other modules: `package.*` allows them too,
    /// because a pickle does not show where they are from. Use full names where that matters.
    ///
    /// Fails with clause `access.allow` where the name has none of these forms.
    pub fn allow(mut self, name: &str) -> Result<Audit> {
        self.trust.allow(name)?;
        Ok(self)
    }

    /// Makes a name dangerous, whatever the policy says and [`allow`](Self::allow) allows. It has
    /// the same forms, and `package.*` is every name in the package. The attributes of the name are
    /// dangerous too.
    ///
    /// Fails with clause `access.allow` as [`allow`](Self::allow) does.
    pub fn deny(mut self, name: &str) -> Result<Audit> {
        self.trust.deny(name)?;
        Ok(self)
    }

    /// Makes the name in each line inert, as [`allow`](Self::allow) does. Text after a `#` is a
    /// comment.
    ///
    /// Fails with clause `access.allow`, and the number of the line, at the first line that has
    /// none of the forms.
    pub fn allow_lines(self, lines: &str) -> Result<Audit> {
        each_line(self, lines, Audit::allow)
    }

    /// Makes the name in each line dangerous, as [`deny`](Self::deny) does.
    ///
    /// Fails as [`allow_lines`](Self::allow_lines) does.
    pub fn deny_lines(self, lines: &str) -> Result<Audit> {
        each_line(self, lines, Audit::deny)
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

    /// Audits a source: an array, several of them, a bare pickle, an archive, or one of these
    /// compressed. Without the feature `containers`, only zip archives and gzip files are known.
    pub fn read(&self, source: Source) -> Report {
        self.read_each(source, |_| ())
    }

    /// Audits a source as [`read`](Self::read) does, and calls `each` for every instruction that
    /// imports, calls or changes something.
    pub fn read_each(&self, source: Source, mut each: impl FnMut(&Site<'_>)) -> Report {
        let walk = Walk::new(self.options.clone(), &self.trust, self.only, &mut each);
        Report { parts: walk.walk(source) }
    }
}

/// Changes an audit by the name in each line.
fn each_line(
    audit: Audit,
    lines: &str,
    change: impl Fn(Audit, &str) -> Result<Audit>,
) -> Result<Audit> {
    let lines = lines
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split('#').next().unwrap_or_default().trim()));
    lines.filter(|(_, line)| !line.is_empty()).try_fold(audit, |audit, (number, line)| {
        change(audit, line).map_err(|error| {
            Error::usage("access.allow", format!("line {number}: {}", error.message()))
        })
    })
}
