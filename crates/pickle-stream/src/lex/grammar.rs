//! The grammar of instructions, in nom's streaming parsers: for each kind of argument in the opcode
//! table, one parser.
//!
//! A streaming parser answers how many bytes are missing where a complete one would fail, so the
//! same grammar reads an instruction at any cut of the input. A counted payload is left to the
//! caller: its length is read here, its bytes need not be in memory.

use nom::bytes::streaming::take_until;
use nom::error::ParseError;
use nom::number::streaming::{be_f64, le_i32, le_u8, le_u16, le_u32, le_u64};
use nom::{Err, IResult, Parser};

use super::instruction::Argument;
use crate::error::{Error, Result};
use crate::opcode::{ArgumentKind, Opcode};

/// The parts of an instruction: its opcode, its argument ([`Argument::None`] where a counted
/// payload follows), and the length of its counted payload.
pub(super) type Parts<'a> = (Opcode, Argument<'a>, u64);

/// Parses an instruction: its opcode, then its argument or the length of its counted payload.
#[inline]
pub(super) fn head<'a>(
    input: &'a [u8],
    search: &mut LineSearch,
) -> IResult<&'a [u8], Parts<'a>, Fault> {
    use ArgumentKind as A;
    let (input, byte) = le_u8(input)?;
    let Some(opcode) = Opcode::from_byte(byte) else {
        return Err(Err::Failure(Fault::NotAnOpcode(byte)));
    };
    let inline = |(rest, argument)| (rest, (opcode, argument, 0));
    let counted = |(rest, length)| (rest, (opcode, Argument::None, length));
    Ok(match opcode.info().argument {
        A::None => inline((input, Argument::None)),
        A::Uint1 => inline(le_u8.map(|n| Argument::Int(n.into())).parse(input)?),
        A::Uint2 => inline(le_u16.map(|n| Argument::Int(n.into())).parse(input)?),
        A::Uint4 => inline(le_u32.map(|n| Argument::Int(n.into())).parse(input)?),
        A::Int4 => inline(le_i32.map(|n| Argument::Int(n.into())).parse(input)?),
        A::Uint8 => inline(le_u64.map(Argument::Size).parse(input)?),
        A::Float8 => inline(be_f64.map(Argument::Float).parse(input)?),
        A::DecimalLine | A::LongLine | A::FloatLine | A::StringLine | A::UnicodeLine | A::Line => {
            inline(search.line(input)?)
        }
        A::LinePair => inline(search.line_pair(input)?),
        A::Long1 | A::String1 | A::Bytes1 | A::Unicode1 => {
            counted(le_u8.map(u64::from).parse(input)?)
        }
        A::Bytes4 | A::Unicode4 => counted(le_u32.map(u64::from).parse(input)?),
        A::Bytes8 | A::ByteArray8 | A::Unicode8 => counted(le_u64(input)?),
        A::Long4 | A::String4 => {
            let (rest, length) = le_i32(input)?;
            let Ok(length) = u64::try_from(length) else {
                return Err(Err::Failure(Fault::NegativeLength(opcode, length)));
            };
            counted((rest, length))
        }
    })
}

/// The state of a search for the newlines of an instruction, from one input to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineSearch {
    /// The offset of the instruction.
    offset: u64,
    /// How many bytes of its argument were searched.
    seen: usize,
    /// The length of the first of two lines, once its newline was found.
    first: Option<usize>,
}

impl LineSearch {
    /// Continues the search, or begins a new one if `input` begins with another instruction than
    /// that of the last call, or is shorter.
    #[inline]
    pub(super) fn continue_at(&mut self, offset: u64, input: &[u8]) {
        if self.offset != offset || self.seen >= input.len() {
            *self = LineSearch { offset, ..LineSearch::default() };
        }
    }

    /// Searches for the next newline, from where the last search ended. Returns its index in the
    /// argument.
    fn newline(&mut self, argument: &[u8]) -> Result<usize, Err<Fault>> {
        let rest = &argument[self.seen.min(argument.len())..];
        self.seen = argument.len();
        let (after, _) = rest_of_line(rest)?;
        self.seen -= after.len();
        Ok(self.seen - 1)
    }

    /// Parses a line. A carriage return before the newline is part of it, as in CPython.
    fn line<'a>(&mut self, argument: &'a [u8]) -> IResult<&'a [u8], Argument<'a>, Fault> {
        let end = self.newline(argument)?;
        Ok((&argument[end + 1..], Argument::Line(&argument[..end])))
    }

    /// Parses two lines.
    fn line_pair<'a>(&mut self, argument: &'a [u8]) -> IResult<&'a [u8], Argument<'a>, Fault> {
        let first = match self.first {
            Some(first) => first,
            None => self.newline(argument)?,
        };
        self.first = Some(first);
        let end = self.newline(argument)?;
        let lines = Argument::Lines(&argument[..first], &argument[first + 1..end]);
        Ok((&argument[end + 1..], lines))
    }
}

/// Parses the rest of a line, up to its newline.
pub(super) fn rest_of_line(input: &[u8]) -> IResult<&[u8], &[u8], Fault> {
    take_until("\n").parse(input).map(|(rest, line): (&[u8], _)| (&rest[1..], line))
}

/// An error of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotAnOpcode(u8),
    NegativeLength(Opcode, i32),
    /// An error of nom's own parsers. None of those used here has one: streaming parsers of numbers
    /// and lines only run out of bytes.
    Nom,
}

impl Fault {
    #[cold]
    pub(super) fn at(self, offset: u64) -> Error {
        match self {
            Fault::NotAnOpcode(byte) => {
                let message =
                    alloc::format!("byte 0x{byte:02x} is not an opcode of protocols 0 to 5");
                Error::malformed("pickle.opcode", offset, message)
            }
            Fault::NegativeLength(opcode, length) => {
                let message = alloc::format!("{} of negative length {length}", opcode.name());
                Error::malformed("pickle.length", offset, message)
            }
            Fault::Nom => Error::malformed("pickle.opcode", offset, "not an instruction"),
        }
    }
}

impl ParseError<&[u8]> for Fault {
    fn from_error_kind(_: &[u8], _: nom::error::ErrorKind) -> Fault {
        Fault::Nom
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, other: Fault) -> Fault {
        other
    }
}
