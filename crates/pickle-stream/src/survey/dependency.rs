//! Dependencies of one element on another.
//!
//! An element may change an object, give it a second memo entry, or copy its reference on the
//! stack, if the object is its own. If another element made the object, the two cannot be decoded
//! alone. When an instruction does one of these things, the survey does not know yet where the
//! element begins, so it notes the instruction and the origin of the object, and compares them with
//! the spans when the batch ends.

use alloc::string::String;

use super::span::Span;
use crate::error::{Error, ErrorKind};

/// An instruction that is allowed only in the element that made the object it works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dependency {
    /// The offset of the instruction.
    pub(super) offset: u64,
    /// The origin of the object.
    origin: PackedOrigin,
}

impl Dependency {
    pub(super) fn new(offset: u64, origin: Origin) -> Dependency {
        Dependency { offset, origin: PackedOrigin::of(origin) }
    }

    fn origin(self) -> Origin {
        self.origin.unpack().unwrap_or(Origin::Offset(u64::MAX))
    }

    /// Returns whether the object was made in `span`, whose memo entries end at `memo_end`.
    ///
    /// `taken` says whether the value of the span was taken off the stack. A value that begins at
    /// the same offset and is used on the stack is then another one, around it.
    pub(super) fn is_of(self, span: Span, memo_end: u64, taken: bool) -> bool {
        match self.origin() {
            Origin::Memo(memo) => (span.memo..memo_end).contains(&memo),
            Origin::Offset(offset) => !taken && (span.begin..span.end).contains(&offset),
        }
    }

    /// Returns the index of the span that the instruction is in, and whether the object was made
    /// there too.
    pub(super) fn within(&self, spans: &[Span]) -> Option<(usize, bool)> {
        let index = spans.partition_point(|span| span.end <= self.offset);
        let span = spans.get(index)?;
        let is_own = match self.origin() {
            Origin::Memo(memo) => memo >= span.memo,
            Origin::Offset(offset) => offset >= span.begin,
        };
        Some((index, is_own))
    }
}

/// Where an object was made, as far as the survey knows: enough to tell which element made it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The memo index that the object was read from.
    Memo(u64),
    /// The offset of the object's first instruction.
    Offset(u64),
}

/// An `Option<Origin>` in eight bytes, as every slot of the stack has one. No memo index and no
/// offset uses the highest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedOrigin(u64);

impl PackedOrigin {
    pub(super) const NONE: PackedOrigin = PackedOrigin(u64::MAX);
    const OFFSET: u64 = 1 << 63;

    pub(super) fn of(origin: Origin) -> PackedOrigin {
        match origin {
            Origin::Memo(index) => PackedOrigin(index),
            Origin::Offset(offset) => PackedOrigin(PackedOrigin::OFFSET | offset),
        }
    }

    pub(super) fn is_some(self) -> bool {
        self != PackedOrigin::NONE
    }

    pub(super) fn unpack(self) -> Option<Origin> {
        let origin = match self.0 & PackedOrigin::OFFSET {
            0 => Origin::Memo(self.0),
            _ => Origin::Offset(self.0 & !PackedOrigin::OFFSET),
        };
        self.is_some().then_some(origin)
    }
}

#[cold]
pub(super) fn mutation(dependency: Dependency) -> Error {
    let object = match dependency.origin() {
        Origin::Memo(memo) => alloc::format!("memo entry {memo}"),
        Origin::Offset(begin) => alloc::format!("the value at byte {begin}"),
    };
    let message =
        alloc::format!("{object}, made in another element, is changed or referenced again");
    not_independent("pickle.independence.mutation", dependency.offset, message)
}

#[cold]
pub(super) fn not_independent(
    clause: &'static str,
    offset: u64,
    message: impl Into<String>,
) -> Error {
    Error::new(ErrorKind::Unsupported, clause, offset, message)
}
