//! The instruction that is carried out, and what the stack and the memo have in common.

use alloc::format;

use crate::error::Error;
use crate::opcode::Opcode;

/// Entries that the stack, and the memo, hold before what is old is forgotten.
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
