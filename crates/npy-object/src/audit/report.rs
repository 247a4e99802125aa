//! The report of an audit.

use std::collections::BTreeMap;
use std::fmt;

use pickle_stream::audit::{Act, Name};
use pickle_stream::printable;

use super::archive::Content;
use crate::error::Error;

/// How dangerous a name is, or a file. The order is from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It makes a value, and runs nothing that the file could choose.
    Inert,
    /// The policy does not know it, or not all of it could be read.
    Unknown,
    /// It runs code or commands, opens files, corrupts memory, or leads to something that does.
    Dangerous,
}

impl Verdict {
    /// Returns the name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Inert => "inert",
            Verdict::Unknown => "unknown",
            Verdict::Dangerous => "dangerous",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often something happens, and where it happens first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// The number of times.
    pub count: u64,
    /// The offset of the first instruction: bytes from the start of the file, or of the member.
    pub first: u64,
}

impl Tally {
    pub(super) fn add(&mut self, offset: u64) {
        if self.count == 0 {
            self.first = offset;
        }
        self.count += 1;
    }
}

/// The acts of a file on a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Use {
    /// The verdict on the worst of these acts.
    pub verdict: Verdict,
    /// The reason for the verdict; empty where the policy does not know the name.
    pub reason: &'static str,
    /// Imports of the name.
    pub imported: Tally,
    /// Calls of it; also instances that are made of it.
    pub called: Tally,
    /// Calls of a result of it.
    pub result_called: Tally,
    /// States that are set on it: attributes of a class, which change for the whole program.
    pub changed: Tally,
    /// States that are set on a result of it.
    pub result_changed: Tally,
    /// Items that are added to it, or to a result of it.
    pub added: Tally,
}

impl Use {
    pub(super) fn new(verdict: Verdict, reason: &'static str) -> Use {
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

/// The findings in a file, or in a member of an archive.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Part {
    /// The name of the member; `None` for a file that is not an archive. For a member of an archive
    /// that follows an array it begins with the offset of the archive, as in `@160/data.npy`.
    pub member: Option<String>,
    /// Whether a loader unpickles it.
    pub content: Content,
    /// The number of arrays, one after another.
    pub arrays: u64,
    /// The number of pickles.
    pub pickles: u64,
    /// The uses of each name.
    pub uses: BTreeMap<Name, Use>,
    /// Memo entries that are overwritten with another value.
    pub overwritten: Tally,
    /// Instructions that are in two frames, and frames inside frames: CPython's two unpicklers
    /// execute different instructions there.
    pub straddled: Tally,
    /// Changes of a dict after it was part of a state, and of a list by the index of an item.
    pub altered: Tally,
    /// Instructions that take time, stack or memory out of proportion to their bytes.
    pub costly: Tally,
    /// Bytes after the last array or pickle that are not an array, a pickle or an archive.
    pub trailing: Tally,
    /// The error that ended the audit of this part. Findings before it are in the report.
    pub error: Option<Error>,
}

/// The result of an [`Audit`](super::Audit).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The file, or the members of an archive.
    pub parts: Vec<Part>,
}

/// An instruction that imports, calls or changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site<'a> {
    /// The name of the member; `None` in a file that is not an archive.
    pub member: Option<&'a str>,
    /// The offset of the instruction: bytes from the start of the file, or of the member.
    pub offset: u64,
    /// The name of the instruction's opcode, as in `pickletools`.
    pub opcode: &'static str,
    /// The act of the instruction.
    pub act: Act,
    /// The name of the object that is acted on; `None` where it has none.
    pub name: Option<&'a Name>,
    /// The verdict on this act.
    pub verdict: Verdict,
}

/// Whether all of a file, or of a member, was read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The whole file was read and understood.
    Complete,
    /// A part of the file was not read, or not understood.
    #[non_exhaustive]
    Incomplete {
        /// The name of the member; `None` in a file that is not an archive.
        member: Option<String>,
        /// The offset of the first byte that was not read or understood, where it is known: bytes
        /// from the start of the file, or of the member.
        offset: Option<u64>,
        /// The reason.
        reason: String,
    },
}

impl Status {
    /// Returns the name in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Incomplete { .. } => "incomplete",
        }
    }

    /// Returns whether all was read and understood.
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
    /// Returns the worst verdict on its acts. If it is not complete, it is at least unknown.
    pub fn verdict(&self) -> Verdict {
        let worst = self.uses.values().map(|found| found.verdict).max().unwrap_or(Verdict::Inert);
        let whole = match () {
            () if self.straddled.count > 0 || self.altered.count > 0 => Verdict::Dangerous,
            () if self.costly.count > 0 || !self.status().is_complete() => Verdict::Unknown,
            () => Verdict::Inert,
        };
        worst.max(whole)
    }

    /// Returns a sentence for each thing that no pickler writes: memo entries that are overwritten,
    /// instructions in two frames, bytes after the end.
    pub fn oddities(&self) -> Vec<String> {
        let of_member = self.member.as_ref().map(|member| format!(" of {}", printable(member)));
        let of_member = of_member.unwrap_or_default();
        let rows = [
            (self.overwritten, "memo entry is overwritten with another value"),
            (self.straddled, "instruction is in two frames [pickle.frame.straddle]"),
            (self.altered, "dict or list is changed in a way that no pickler uses"),
            (self.costly, "instruction takes time or memory out of proportion to its bytes"),
            (self.trailing, "byte is not part of an array, a pickle or an archive"),
        ];
        let rows = rows.into_iter().filter(|(tally, _)| tally.count > 0);
        rows.map(|(Tally { count, first }, oddity)| {
            format!("{count} x {oddity}, first at byte {first}{of_member}")
        })
        .collect()
    }

    /// Returns whether all of it was read and understood.
    pub fn status(&self) -> Status {
        let incomplete = |offset, reason| {
            let member = self.member.clone();
            Status::Incomplete { member, offset, reason }
        };
        if let Some(error) = &self.error {
            return incomplete(error.offset(), error.message().to_owned());
        }
        if let Some(reason) = self.content.why_unknown() {
            return incomplete(None, reason.to_owned());
        }
        if self.trailing.count > 0 {
            let Tally { count, first } = self.trailing;
            let reason = format!("{count} bytes are not part of an array, a pickle or an archive");
            return incomplete(Some(first), reason);
        }
        Status::Complete
    }
}

impl Report {
    /// Returns the worst verdict of the parts. If one is not complete, it is at least unknown.
    pub fn verdict(&self) -> Verdict {
        self.parts.iter().map(Part::verdict).max().unwrap_or(Verdict::Inert)
    }

    /// Returns whether all of the file was read and understood; else the status of the first part
    /// that was not.
    pub fn status(&self) -> Status {
        let mut statuses = self.parts.iter().map(Part::status);
        statuses.find(|status| !status.is_complete()).unwrap_or(Status::Complete)
    }
}
