//! What an audit reports.

use super::names::NameId;
use crate::opcode::Opcode;

/// The object of an [`Act`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The global of this name.
    Named(NameId),
    /// The result of a call of the global, or of a call of such a result.
    ResultOf(NameId),
}

impl Subject {
    /// Returns the name of the global.
    pub fn name(self) -> NameId {
        match self {
            Subject::Named(name) | Subject::ResultOf(name) => name,
        }
    }
}

/// Something that `pickle.load` would do and that does more than make plain values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Imports a global, or looks up an extension code and imports its global.
    ///
    /// GLOBAL, STACK_GLOBAL, INST, EXT1, EXT2, EXT4.
    Import(NameId),
    /// Calls the subject, or its `__new__`. [`Operands`](super::Operands) has the arguments.
    ///
    /// REDUCE, INST, OBJ, NEWOBJ, NEWOBJ_EX; PERSID and BINPERSID call `persistent_load`.
    Call(Subject),
    /// Calls `__setstate__` of the subject, or sets its attributes.
    ///
    /// BUILD.
    SetState(Subject),
    /// Calls `append`, `extend`, `__setitem__` or `add` of the subject. A list, dict or set that
    /// the pickle made is not a subject: its methods are known.
    ///
    /// APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS.
    Add(Subject),
    /// Puts another value into a memo entry that has one. No pickler does.
    Overwrite(u64),
    /// Changes a dict that is an item of the state of an object, or sets an item of a list by its
    /// index. No pickler does either. The object may still refer to the dict, as a dtype does to
    /// the dict of its fields, so a check of the state at BUILD would no longer hold.
    Alter,
    /// Takes time, stack or memory out of proportion to the bytes of the pickle:
    ///
    /// - hashes a key with more than 10,000 values in tuples, each counted as often as it occurs:
    ///   Python hashes tuples by recursion, and a shared one as often as it occurs;
    /// - makes an object with more than 5,000 containers and objects in one another, which Python
    ///   may remove by recursion;
    /// - writes a memo entry whose index is larger than the pickle: CPython's memo is an array.
    Costly,
    /// Is in two frames, begins a frame in another one, or ends the pickle inside a frame: CPython
    /// may read other instructions there than the auditor (`pickle.frame.straddle`).
    Straddle,
}

/// An [`Act`], with its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The offset of the instruction, in bytes from the start of the source.
    pub offset: u64,
    /// The opcode of the instruction.
    pub opcode: Opcode,
    /// What the instruction does.
    pub act: Act,
}

/// How an instruction makes an object of the subject of an [`Act::Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Construct {
    /// Calls it with the arguments.
    ///
    /// REDUCE.
    Call,
    /// Calls its `__new__`, and not its `__init__`.
    ///
    /// NEWOBJ, NEWOBJ_EX.
    New,
    /// Calls it with the arguments. Without arguments, and if it is a class of Python 2, makes an
    /// instance without a call.
    ///
    /// INST, OBJ.
    Instance,
    /// Calls `persistent_load` of the unpickler with an id.
    ///
    /// PERSID, BINPERSID.
    Persistent,
}

/// The methods by which an [`Act::Add`] adds items to its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Growth {
    /// `append` or `extend`, as to a list.
    ///
    /// APPEND, APPENDS.
    List,
    /// `__setitem__`, as to a dict.
    ///
    /// SETITEM, SETITEMS.
    Dict,
    /// `add`, as to a set.
    ///
    /// ADDITEMS.
    Set,
}

impl Finding {
    /// Returns how the instruction makes an object; `None` where it does not call.
    pub fn construct(&self) -> Option<Construct> {
        // INST also imports.
        let Act::Call(_) = self.act else { return None };
        match self.opcode {
            Opcode::Reduce => Some(Construct::Call),
            Opcode::NewObj | Opcode::NewObjEx => Some(Construct::New),
            Opcode::Inst | Opcode::Obj => Some(Construct::Instance),
            Opcode::PersId | Opcode::BinPersId => Some(Construct::Persistent),
            _ => None,
        }
    }

    /// Returns how the instruction adds items; `None` where it does not.
    pub fn growth(&self) -> Option<Growth> {
        let Act::Add(_) = self.act else { return None };
        match self.opcode {
            Opcode::Append | Opcode::Appends => Some(Growth::List),
            Opcode::SetItem | Opcode::SetItems => Some(Growth::Dict),
            Opcode::AddItems => Some(Growth::Set),
            _ => None,
        }
    }
}

/// What [`Auditor::advance`](super::Auditor::advance) stopped at.
#[must_use = "the answer may be that more bytes are needed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// At least this many bytes past the end of the input are needed. The next input begins at
    /// [`Auditor::offset`](super::Auditor::offset).
    Need(usize),
    /// The next finding.
    Found(Finding),
    /// The end of the pickle.
    Stop,
}
