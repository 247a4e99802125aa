//! The instruction that is carried out, and a limit that stack and memo share.

use alloc::format;

use crate::error::Error;
use crate::opcode::Opcode;

/// The number of entries above which the stack, and the memo, forget old ones.
pub(super) const MOST_ENTRIES: usize = 1 << 15;

/// The instruction that is carried out, for errors and findings.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) opcode: Opcode,
    pub(super) offset: u64,
}

#[cold]
pub(super) fn underflow(at: At) -> Error {
    let message = format!("stack underflow: {} needs more values", at.opcode.name());
    Error::malformed("pickle.stack.underflow", at.offset, message)
}
