//! The shortest way to read frequent binary instructions: no parsers, and no text lines.
//!
//! The functions here give what the [grammar](super::grammar) gives, or `None`; then the grammar
//! decides. A property of the lexer compares both.

use super::grammar::Parts;
use super::instruction::{Argument, is_counted};
use crate::opcode::{ArgumentKind, Opcode};

/// A binary instruction: an opcode, and a number that is its argument or counts its payload.
#[derive(Clone, Copy)]
pub(super) struct Short {
    opcode: Opcode,
    /// The bytes of the number.
    width: u8,
    counted: bool,
    number: i64,
}

impl Short {
    #[inline]
    pub(super) fn size(self) -> usize {
        1 + usize::from(self.width)
    }

    #[inline]
    pub(super) fn payload(self) -> u64 {
        if self.counted { self.number as u64 } else { 0 }
    }

    #[inline]
    pub(super) fn parts<'a>(self) -> Parts<'a> {
        let argument = match self.width {
            1.. if !self.counted => Argument::Int(self.number),
            _ => Argument::None,
        };
        (self.opcode, argument, self.payload())
    }
}

/// Reads one of the binary instructions that real files are made of. Returns `None` for any other,
/// and where a byte is missing.
#[inline]
pub(super) fn shortcut(input: &[u8]) -> Option<Short> {
    use ArgumentKind as A;
    let (&byte, rest) = input.split_first()?;
    let opcode = Opcode::from_byte(byte)?;
    let kind = opcode.info().argument;
    let (width, number) = match kind {
        A::None => (0, 0),
        A::Uint1 | A::String1 | A::Bytes1 | A::Unicode1 => (1, i64::from(*rest.first()?)),
        A::Uint2 => (2, u16::from_le_bytes(*rest.first_chunk()?).into()),
        A::Int4 => (4, i32::from_le_bytes(*rest.first_chunk()?).into()),
        A::Uint4 | A::Bytes4 | A::Unicode4 => (4, u32::from_le_bytes(*rest.first_chunk()?).into()),
        _ => return None,
    };
    Some(Short { opcode, width, counted: is_counted(kind), number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_instructions_take_the_shortcut() {
        use Opcode as O;
        for (opcode, size) in [
            (O::None, 1),
            (O::Memoize, 1),
            (O::BinInt1, 2),
            (O::BinGet, 2),
            (O::ShortBinString, 2),
            (O::ShortBinBytes, 2),
            (O::ShortBinUnicode, 2),
            (O::BinInt2, 3),
            (O::BinInt, 5),
            (O::LongBinGet, 5),
            (O::BinBytes, 5),
            (O::BinUnicode, 5),
        ] {
            let short = shortcut(&[opcode as u8, 1, 0, 0, 0]).map(Short::size);
            assert_eq!(short, Some(size), "{opcode:?}");
        }
    }
}
