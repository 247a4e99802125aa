//! The stack of a survey: the places where values begin, and the open marks.

use alloc::vec::Vec;

use super::dependency::PackedOrigin;
use crate::skeleton::Row;

/// A value on the stack of a [`Survey`](crate::Survey).
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The offset of the value's first instruction.
    pub begin: u64,
    /// The number of memo entries before the value.
    pub memo: u64,
    /// The origin of the value, if it was made before: read from the memo, or copied on the stack.
    pub(super) origin: PackedOrigin,
    /// The row of the value, if it has a skeleton and was not changed since.
    pub(super) row: Row,
}

/// Rows are not compared: where the input is cut decides which values have one.
impl PartialEq for Slot {
    fn eq(&self, other: &Slot) -> bool {
        let parts = |slot: &Slot| (slot.begin, slot.memo, slot.origin);
        parts(self) == parts(other)
    }
}

impl Eq for Slot {}

impl Slot {
    /// Creates the slot of a value that begins at `begin`, after `memo` memo entries.
    #[inline(always)]
    pub(super) fn new(begin: u64, memo: u64) -> Slot {
        Slot { begin, memo, origin: PackedOrigin::NONE, row: Row::NONE }
    }
}

/// An open mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The number of slots below it.
    pub(super) place: usize,
    /// The slot of a value whose first instruction is the mark.
    pub(super) slot: Slot,
}

/// Bytes of the longest instruction that the fast ways carry out, but for its payload.
pub(super) const REACH: usize = 9;

/// What changes from one instruction to the next, in the fast ways.
pub(super) struct Walk<'s> {
    pub(super) slots: &'s mut Vec<Slot>,
    pub(super) marks: &'s mut Vec<Mark>,
    /// Slots below the topmost mark.
    pub(super) fence: usize,
    /// Slots up to the watched container and with it.
    pub(super) floor: usize,
    pub(super) entries: u64,
    pub(super) memo: u64,
}
