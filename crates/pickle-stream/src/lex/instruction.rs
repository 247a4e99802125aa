//! Instructions, as the lexer reads them.

use super::text;
use crate::error::{Error, ErrorKind, Result};
use crate::opcode::{ArgumentKind, MemoEffect, Opcode};

/// The argument of an instruction, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Argument<'a> {
    /// No argument.
    None,
    /// A binary number of at most 4 bytes.
    Int(i64),
    /// The 8-byte size of FRAME.
    Size(u64),
    /// A binary float.
    Float(f64),
    /// A counted payload: a string, bytes, or an int in two's complement.
    Bytes(&'a [u8]),
    /// A line without its newline, as it is in the source.
    Line(&'a [u8]),
    /// Two lines: module and name.
    Lines(&'a [u8], &'a [u8]),
}

/// An instruction without its payload, which need not be in memory. Counted bytes are a payload;
/// for [`Lexer::pass`](super::Lexer::pass), text lines are too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head<'a> {
    /// The opcode.
    pub opcode: Opcode,
    /// The argument; [`Argument::None`] where it is a payload.
    pub argument: Argument<'a>,
    /// The offset of the opcode: bytes from the start of the source.
    pub offset: u64,
    /// The bytes before the payload: the opcode, and the argument or the length of the payload.
    pub size: usize,
    /// The bytes of the payload; 0 where there is none.
    pub payload: u64,
}

/// A whole instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction<'a> {
    /// The opcode.
    pub opcode: Opcode,
    /// The argument.
    pub argument: Argument<'a>,
    /// The offset of the opcode: bytes from the start of the source.
    pub offset: u64,
    /// The bytes of the whole instruction.
    pub size: usize,
}

impl<'a> Head<'a> {
    /// Returns the whole instruction.
    #[inline]
    pub(super) fn with_payload(self, payload: &'a [u8]) -> Instruction<'a> {
        let Head { opcode, mut argument, offset, size, .. } = self;
        if is_counted(opcode.info().argument) {
            argument = Argument::Bytes(payload);
        }
        Instruction { opcode, argument, offset, size: size + payload.len() }
    }

    /// Returns the memo index that GET or PUT names; `None` for another opcode.
    ///
    /// Fails where the index is a line that is not a decimal number.
    #[inline]
    pub fn memo_index(&self) -> Result<Option<u64>> {
        memo_index(self.opcode, self.argument, self.offset)
    }
}

impl Instruction<'_> {
    /// Returns the memo index that GET or PUT names; `None` for another opcode.
    ///
    /// Fails where the index is a line that is not a decimal number.
    #[inline]
    pub fn memo_index(&self) -> Result<Option<u64>> {
        memo_index(self.opcode, self.argument, self.offset)
    }

    /// Returns the offset of the next instruction.
    #[inline]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size as u64)
    }
}

#[inline]
fn memo_index(opcode: Opcode, argument: Argument<'_>, offset: u64) -> Result<Option<u64>> {
    match opcode.info().memo {
        MemoEffect::Get | MemoEffect::Put => argument.index(offset).map(Some),
        MemoEffect::Untouched | MemoEffect::Memoize => Ok(None),
    }
}

// For callers that know the kind of the argument from the opcode.
impl<'a> Argument<'a> {
    /// Returns the memo index of a GET or PUT at `offset`.
    #[inline]
    pub(crate) fn index(self, offset: u64) -> Result<u64> {
        match self {
            Argument::Line(line) => text::index(line, offset),
            _ => Ok(self.int() as u64),
        }
    }

    #[inline]
    pub(crate) fn int(self) -> i64 {
        let Argument::Int(int) = self else { mismatch() };
        int
    }

    #[inline]
    pub(crate) fn float(self) -> f64 {
        let Argument::Float(float) = self else { mismatch() };
        float
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        let Argument::Bytes(bytes) = self else { mismatch() };
        bytes
    }

    #[inline]
    pub(crate) fn line(self) -> &'a [u8] {
        let Argument::Line(line) = self else { mismatch() };
        line
    }

    #[inline]
    pub(crate) fn lines(self) -> (&'a [u8], &'a [u8]) {
        let Argument::Lines(first, second) = self else { mismatch() };
        (first, second)
    }
}

// The lexer gives every opcode an argument of the kind in the table.
#[cold]
fn mismatch() -> ! {
    unreachable!("an argument of another kind than the opcode's")
}

/// Fails on the argument of a PROTO that names an unknown protocol.
pub(crate) fn check_protocol(version: i64, offset: u64) -> Result<()> {
    if version <= 5 {
        return Ok(());
    }
    let message = alloc::format!("pickle protocol {version}: the highest known is 5");
    Err(Error::new(ErrorKind::Unsupported, "pickle.protocol", offset, message))
}

/// Returns whether the argument is a length and as many bytes.
pub(super) const fn is_counted(kind: ArgumentKind) -> bool {
    use ArgumentKind as A;
    matches!(
        kind,
        A::Long1
            | A::Long4
            | A::String1
            | A::String4
            | A::Bytes1
            | A::Bytes4
            | A::Bytes8
            | A::ByteArray8
            | A::Unicode1
            | A::Unicode4
            | A::Unicode8
    )
}

/// Returns the opcode at the beginning of `input`.
pub(super) fn first_opcode(input: &[u8]) -> Option<Opcode> {
    input.first().and_then(|&byte| Opcode::from_byte(byte))
}
