//! Abstract values: what the auditor knows of a Python value.
//!
//! A value without contents and without identity is an [`AbstractValue`] by itself. Any other one
//! is an object on the [`Heap`](super::heap::Heap), by its id, so that all references to it see a
//! change.

use alloc::vec::Vec;
use core::ops::Range;

use super::names::NameId;

/// A value, or a mark, on the stack or in the memo or in an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AbstractValue {
    /// Not a value: what MARK pushes. It is on the stack only.
    Mark,
    None,
    Bool(bool),
    Int(i64),
    /// A str that is too long to be kept, or that was forgotten to make room.
    LongText,
    /// Bytes or a bytearray. The byte is known of bytes that have exactly one, as `b'b'` in calls
    /// of NumPy.
    Bytes(Option<u8>),
    /// A float, or an int of unknown value.
    Number,
    /// A value of a built-in type that runs no code of the pickle when it is used: a buffer, for
    /// instance.
    Other,
    /// A global, which is a class, a function or any other object that can be imported.
    Global(NameId),
    /// Any value: it was forgotten to make room.
    Unknown,
    Object(ObjectId),
}

/// An object on the heap of an [`Auditor`](super::Auditor). Valid until
/// [`Auditor::advance`](super::Auditor::advance) is called, which may renumber the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectId(pub(super) u32);

/// The bytes of a text, or the items of a tuple: a part of the heap's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) begin: u32,
    pub(super) len: u32,
}

impl Part {
    pub(super) fn range(self) -> Range<usize> {
        self.begin as usize..self.begin as usize + self.len as usize
    }
}

/// What an object on the heap is.
#[derive(Debug)]
pub(super) enum ObjectKind {
    /// A str, or a str of Python 2.
    Text(Part),
    /// A tuple with its items; `None` where there are more than are kept, or they were forgotten,
    /// and for a frozenset, whose items no policy asks for.
    Tuple(Option<Part>),
    /// A list with the number of its items; `None` after SETITEM or SETITEMS: the number of items
    /// then depends on what Python does with the index.
    List(Option<u64>),
    Dict {
        /// Keys and values in turn.
        items: Vec<AbstractValue>,
        /// Whether `items` has all entries. If not, it is empty.
        is_whole: bool,
        /// Whether it is in a tuple that was the state of an object, which may still refer to it.
        is_in_state: bool,
    },
    Set,
    /// The result of a call.
    Result {
        /// What was called: this global, or the result of a call of it.
        callee: NameId,
        /// What the policy noted of the result: see
        /// [`Auditor::set_fact`](super::Auditor::set_fact).
        fact: u64,
        /// Whether its memo entry is kept longer than others.
        is_kept: bool,
    },
}
