//! What an audit finds.

use super::names::NameId;
use crate::opcode::Opcode;

/// To what something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The global of this name.
    Named(NameId),
    /// What a call of it returned.
    ResultOf(NameId),
}

impl Subject {
    /// The name.
    pub fn name(self) -> NameId {
        match self {
            Subject::Named(name) | Subject::ResultOf(name) => name,
        }
    }
}

/// What an instruction would have Python do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Import something.
    Import(NameId),
    /// Call it, or make an instance of it: [`Operands`] says with which arguments.
    Call(Subject),
    /// Set its state, or its attributes: `__setstate__`, `__dict__`.
    SetState(Subject),
    /// Add to it, by `append`, `extend`, `__setitem__` or `add`; not to a list, dict or set.
    Add(Subject),
    /// Put another value in the place of a memo entry.
    Overwrite(u64),
    /// Change a dict in the state of an object, which may refer to it, or set an item of a list by
    /// its index: no pickler does either.
    Alter,
    /// Take time, stack or memory that the bytes of the pickle do not pay for. Hash a tuple that holds
    /// more than 10,000 values, those in tuples in it included: Python hashes it by recursion, and a
    /// shared tuple as often as it occurs. Make an object in which over 5,000 others are in one
    /// another, which it may remove by recursion. Write a memo entry whose index is larger than the
    /// pickle: CPython's memo is an array.
    Costly,
    /// Read an instruction from two frames, begin a frame inside of another one, or end inside of one
    /// (`pickle.frame.straddle`).
    Straddle,
}

/// An [`Act`], and the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where the instruction is: bytes from the start of the source.
    pub offset: u64,
    /// The opcode of the instruction.
    pub opcode: Opcode,
    /// What it does.
    pub act: Act,
}

/// The answer of an [`Auditor`].
#[must_use = "the answer may be that more bytes are needed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// At least this many bytes beyond the end of the input are needed, from [`Auditor::offset`] on.
    Need(usize),
    /// Something was found.
    Found(Finding),
    /// The pickle ended.
    Stop,
}
