//! The findings of an audit.

use super::names::NameId;
use crate::opcode::Opcode;

/// The object of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The global of this name.
    Named(NameId),
    /// The result of a call of this name.
    ResultOf(NameId),
}

impl Subject {
    /// Returns the name.
    pub fn name(self) -> NameId {
        match self {
            Subject::Named(name) | Subject::ResultOf(name) => name,
        }
    }
}

/// An act: what an instruction would make Python do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Import a global.
    Import(NameId),
    /// Call the subject, or make an instance of it. [`Operands`](super::Operands) has the
    /// arguments.
    Call(Subject),
    /// Set the state or the attributes of the subject: `__setstate__`, `__dict__`.
    SetState(Subject),
    /// Add to the subject, which is not a list, dict or set: `append`, `extend`, `__setitem__` or
    /// `add`.
    Add(Subject),
    /// Replace the value of a memo entry.
    Overwrite(u64),
    /// Change a dict that is in the state of an object, which may refer to it, or set an item of a
    /// list by its index. No pickler does either.
    Alter,
    /// Use more time, stack or memory than the size of the pickle justifies: hash a tuple of more
    /// than 10,000 values, with those in its tuples (Python recurses, and hashes a shared tuple
    /// each time it occurs); make an object with over 5,000 levels of nesting (Python may recurse
    /// to remove it); write a memo entry with an index larger than the pickle (CPython's memo is an
    /// array).
    Costly,
    /// Read an instruction that straddles two frames, begin a frame inside another one, or end
    /// inside one (`pickle.frame.straddle`).
    Straddle,
}

/// An [`Act`], with its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The offset of the instruction: bytes from the start of the source.
    pub offset: u64,
    /// The opcode of the instruction.
    pub opcode: Opcode,
    /// The act.
    pub act: Act,
}

/// The answer of an [`Auditor`](super::Auditor).
#[must_use = "the answer may be that more bytes are needed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// At least this many bytes beyond the end of the input are needed, from
    /// [`Auditor::offset`](super::Auditor::offset) on.
    Need(usize),
    /// An act was found.
    Found(Finding),
    /// The pickle ended.
    Stop,
}
