//! The issues of a report: each thing that keeps a file from being inert, under a stable id.

use pickle_stream::audit::Name;

use super::report::{Part, Report, Status, Tally, Use, Verdict};

/// A check of an audit. Its [`id`](Self::id) never changes, so that other programs can refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// A name that the policy calls dangerous, or a use of a name that is dangerous.
    DangerousName,
    /// A name for which the policy has no rule.
    UnknownName,
    /// A use of a known name that no rule allows.
    UnknownUse,
    /// An instruction in two frames, a frame inside a frame, or a pickle that ends in a frame.
    FrameStraddle,
    /// A dict that changes after it was part of a state, or an item of a list set by its index.
    AlteredArgument,
    /// An instruction that takes time, stack or memory out of proportion to its bytes.
    Costly,
    /// A part of the file that was not read, or not understood.
    Incomplete,
}

impl Check {
    /// All checks.
    pub const ALL: [Check; 7] = [
        Check::DangerousName,
        Check::UnknownName,
        Check::UnknownUse,
        Check::FrameStraddle,
        Check::AlteredArgument,
        Check::Costly,
        Check::Incomplete,
    ];

    /// Returns the id: words in lower case, with hyphens.
    pub fn id(self) -> &'static str {
        match self {
            Check::DangerousName => "dangerous-name",
            Check::UnknownName => "unknown-name",
            Check::UnknownUse => "unknown-use",
            Check::FrameStraddle => "frame-straddle",
            Check::AlteredArgument => "altered-argument",
            Check::Costly => "costly",
            Check::Incomplete => "incomplete",
        }
    }

    /// Returns a sentence about the files in which it finds an issue.
    pub fn summary(self) -> &'static str {
        match self {
            Check::DangerousName => {
                "The file uses a name that runs code or commands, opens files, changes the program \
                 or corrupts memory."
            }
            Check::UnknownName => "The file uses a name for which the policy has no rule.",
            Check::UnknownUse => "The file uses a known name in a way that no rule allows.",
            Check::FrameStraddle => {
                "An instruction is in two frames: CPython's two unpicklers execute different \
                 instructions."
            }
            Check::AlteredArgument => {
                "The file changes a dict or list after an object was made of it."
            }
            Check::Costly => {
                "An instruction takes time or memory out of proportion to the bytes of the file."
            }
            Check::Incomplete => "A part of the file was not read, or not understood.",
        }
    }

    /// Returns the verdict on a file in which it finds an issue.
    pub fn verdict(self) -> Verdict {
        match self {
            Check::DangerousName | Check::FrameStraddle | Check::AlteredArgument => {
                Verdict::Dangerous
            }
            Check::UnknownName | Check::UnknownUse | Check::Costly | Check::Incomplete => {
                Verdict::Unknown
            }
        }
    }
}

/// Something in a file that keeps it from being inert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issue<'a> {
    /// The check that found it.
    pub check: Check,
    /// The name of the member; `None` in a file that is not an archive.
    pub member: Option<&'a str>,
    /// The name that the issue is about; `None` where it is not about one.
    pub name: Option<&'a Name>,
    /// The offset of the first instruction or byte that it is about, where that is known: bytes from
    /// the start of the file, or of the member.
    pub offset: Option<u64>,
    /// A clause for people, without the name: `runs commands, changes files`.
    pub message: String,
}

impl Report {
    /// Returns everything that keeps the file from being inert, in the order of the file's parts.
    /// There are none if, and only if, the [verdict](Report::verdict) is inert.
    ///
    /// ```
    /// use npy_object::audit::Check;
    /// use npy_object::{Audit, Source};
    ///
    /// let report = Audit::new().read(Source::bytes(b"cos\nsystem\n(S'true'\ntR."));
    /// let [issue] = &report.issues()[..] else { panic!("os.system is the only issue") };
    /// assert_eq!((issue.check, issue.offset), (Check::DangerousName, Some(0)));
    /// assert_eq!(issue.name.unwrap().to_string(), "os.system");
    /// ```
    pub fn issues(&self) -> Vec<Issue<'_>> {
        self.parts.iter().flat_map(Part::issues).collect()
    }
}

impl Part {
    /// Returns everything that keeps the part from being inert, the worst first.
    pub fn issues(&self) -> Vec<Issue<'_>> {
        let member = self.member.as_deref();
        let named = self.uses.iter().filter_map(|(name, used)| {
            let (check, message) = match (used.verdict, used.reason) {
                (Verdict::Inert, _) => return None,
                (Verdict::Unknown, "") => (Check::UnknownName, "no rule knows the name"),
                (Verdict::Unknown, reason) => (Check::UnknownUse, reason),
                (Verdict::Dangerous, reason) => (Check::DangerousName, reason),
            };
            let (name, offset) = (Some(name), used.first());
            Some(Issue { check, member, name, offset, message: message.to_owned() })
        });
        let rows = [
            (self.straddled, Check::FrameStraddle, "instruction is in two frames"),
            (self.altered, Check::AlteredArgument, "changes a dict or list that an object has"),
            (self.costly, Check::Costly, "takes time or memory out of proportion to its bytes"),
        ];
        let rows = rows.into_iter().filter(|(tally, ..)| tally.count > 0);
        let whole = rows.map(|(Tally { count, first }, check, message)| {
            let message = match count {
                1 => message.to_owned(),
                _ => format!("{message} ({count} times)"),
            };
            Issue { check, member, name: None, offset: Some(first), message }
        });
        let mut issues: Vec<_> = named.chain(whole).collect();
        if let Status::Incomplete { offset, reason, .. } = self.status() {
            let check = Check::Incomplete;
            issues.push(Issue { check, member, name: None, offset, message: reason });
        }
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.check.verdict()));
        issues
    }
}

impl Use {
    /// Returns the offset of the first act on the name.
    pub fn first(&self) -> Option<u64> {
        let Use { imported, called, result_called, changed, result_changed, added, .. } = self;
        let tallies = [imported, called, result_called, changed, result_changed, added];
        tallies.into_iter().filter(|tally| tally.count > 0).map(|tally| tally.first).min()
    }
}
