//! The instruction that is being run, for errors and findings.

use alloc::format;

use crate::error::Error;
use crate::opcode::Opcode;

/// An opcode and its offset in the source.
#[derive(Clone, Copy)]
pub(super) struct Location {
    pub(super) opcode: Opcode,
    pub(super) offset: u64,
}

#[cold]
pub(super) fn underflow(at: Location) -> Error {
    let message = format!("stack underflow: {} needs more values", at.opcode.name());
    Error::malformed("pickle.stack.underflow", at.offset, message)
}
