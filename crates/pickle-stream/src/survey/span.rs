//! The parts of a stream that a survey reports.

use crate::opcode::Opcode;

/// The instructions of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The offset of the first instruction: bytes from the start of the source.
    pub begin: u64,
    /// The offset of the instruction after the last.
    pub end: u64,
    /// The memo index of the first entry that the span makes, or would make. All lower indices were
    /// made before.
    pub memo: u64,
}

/// The sort of a watched container, which decides which opcodes add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// A list, or an object that is like one. APPEND and APPENDS add values.
    List,
    /// A set. ADDITEMS adds values.
    Set,
    /// A dict, or an object that is like one. SETITEM and SETITEMS add entries: a key, then its value.
    Dict,
}

impl Container {
    /// Returns whether the opcode adds a batch of elements.
    pub(super) fn grows_by(self, opcode: Opcode) -> bool {
        use Opcode as O;
        match self {
            Container::List => matches!(opcode, O::Append | O::Appends),
            Container::Set => opcode == O::AddItems,
            Container::Dict => matches!(opcode, O::SetItem | O::SetItems),
        }
    }

    /// Returns the number of values on the stack that make an element: 2 in a dict, otherwise 1.
    pub fn width(self) -> usize {
        if self == Container::Dict { 2 } else { 1 }
    }
}
