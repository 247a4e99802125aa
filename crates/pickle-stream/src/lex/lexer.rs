//! Bytes to instructions, at any cut of the input.
//!
//! The grammar is nom's: each opcode's argument is read by a streaming parser, for which running
//! out of bytes is an answer ([`Progress::Need`]) and no error. There are three depths.
//! [`Lexer::pass`] skips counted payloads without seeing them, and text lines without keeping them:
//! that is all a survey needs, and a string of gigabytes costs it no memory. [`Lexer::head`] skips
//! counted payloads and reads text lines. [`Lexer::instruction`] reads both.
//!
//! A text line has no length before it, so its reader has to hold what it has seen of it. The limit
//! on lines is therefore charged with the bytes seen so far, and each byte is searched once.

use nom::bytes::streaming::take_until;
use nom::error::ParseError;
use nom::number::streaming::{be_f64, le_i32, le_u8, le_u16, le_u32, le_u64};
use nom::{Err, IResult, Needed, Parser};

use super::text;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{self, Limits};
use crate::opcode::{ArgumentKind, MemoEffect, Opcode};

/// The answer of a push parser: it is done, or it has to see more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// At least this many bytes beyond the end of the input are needed. Nothing was consumed.
    Need(usize),
    /// The answer.
    Done(T),
}

/// The argument of an instruction, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument<'a> {
    /// There is none.
    None,
    /// A binary number of at most 4 bytes.
    Int(i64),
    /// The 8-byte number of FRAME.
    Size(u64),
    /// A binary float.
    Float(f64),
    /// A counted payload: a string, bytes, or the two's complement of an int.
    Bytes(&'a [u8]),
    /// A line, without its newline, not decoded.
    Line(&'a [u8]),
    /// Two lines: module and name.
    Lines(&'a [u8], &'a [u8]),
}

/// An instruction whose payload, if it has one, need not be resident. Payloads are counted; for
/// [`Lexer::pass`] text lines are payloads too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head<'a> {
    /// What it does.
    pub opcode: Opcode,
    /// Its argument; [`Argument::None`] in place of a payload.
    pub argument: Argument<'a>,
    /// Where its opcode stands, in bytes from the start of the source.
    pub offset: u64,
    /// Bytes from the opcode to where the payload begins.
    pub size: usize,
    /// Bytes of the payload; 0 where there is none.
    pub payload: u64,
}

/// A whole instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction<'a> {
    /// What it does.
    pub opcode: Opcode,
    /// Its argument.
    pub argument: Argument<'a>,
    /// Where its opcode stands, in bytes from the start of the source.
    pub offset: u64,
    /// Bytes it takes in all.
    pub size: usize,
}

/// Reads instructions one after another. It holds no bytes, only the place where the next
/// instruction begins.
#[derive(Clone, Debug)]
pub struct Lexer {
    offset: u64,
    argument: u64,
    line: u64,
    /// The search for the end of the lines of an instruction that is read whole.
    search: Search,
    /// An instruction of which [`pass`](Self::pass) has skipped a part of its lines.
    open: Option<Open>,
}

/// How far the lines of an instruction were searched for their ends.
#[derive(Clone, Copy, Debug, Default)]
struct Search {
    /// Where the instruction begins.
    offset: u64,
    /// How many bytes of its argument were searched.
    seen: usize,
    /// The length of the first of two lines, once its end was found.
    first: Option<usize>,
}

/// An instruction whose lines are being skipped.
#[derive(Clone, Copy, Debug)]
struct Open {
    opcode: Opcode,
    offset: u64,
    /// How many lines have not ended.
    lines: usize,
}

impl Lexer {
    /// A lexer whose first input begins `offset` bytes after the start of the source.
    pub fn new(offset: u64, limits: &Limits) -> Lexer {
        Lexer {
            offset,
            argument: limits.argument,
            line: limits.line,
            search: Search::default(),
            open: None,
        }
    }

    /// Where the next instruction begins: the input of the next call must begin there.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the instruction begins that is read next, or that [`pass`](Self::pass) has read a part
    /// of.
    #[inline]
    pub(crate) fn begin(&self) -> u64 {
        self.open.map_or(self.offset, |open| open.offset)
    }

    /// Whether [`pass`](Self::pass) has read a part of an instruction.
    #[inline]
    pub(crate) fn is_inside(&self) -> bool {
        self.open.is_some()
    }

    /// Moves behind `size` bytes of instructions that somebody else has read.
    #[inline]
    pub(crate) fn skip(&mut self, size: usize) {
        self.offset += size as u64;
    }

    /// Goes to the instruction that begins at `offset`.
    pub(crate) fn move_to(&mut self, offset: u64) {
        (self.offset, self.open) = (offset, None);
    }

    /// Within so many bytes no argument is over the limit, and no offset too large.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.argument.min(u64::MAX - self.offset)).unwrap_or(usize::MAX)
    }

    /// Reads the instruction that `input` begins with, but for its counted payload, and moves
    /// behind both.
    ///
    /// Fails on a byte that is no opcode, on a negative length, on an argument over the limit, and
    /// as soon as more bytes of a text line were seen than its limit allows.
    #[inline(always)]
    pub fn head<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        if let Some(short) = short(input)
            && short.payload().max(short.size() as u64) <= self.argument
        {
            return Ok(Progress::Done(self.move_behind(short.size(), short.parts())));
        }
        self.head_by_grammar(input)
    }

    /// What [`head`](Self::head) does, for any instruction and any fault. It stands by itself so
    /// that the short way is small enough to be inlined into the loops over instructions, where
    /// it leaves no struct to be moved about.
    #[inline(never)]
    fn head_by_grammar<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        if self.search.offset != self.offset || self.search.seen >= input.len() {
            self.search = Search { offset: self.offset, ..Search::default() };
        }
        let (size, parts) = match head(input, &mut self.search) {
            Ok((rest, parts)) => (input.len() - rest.len(), parts),
            Err(Err::Incomplete(needed)) => return self.incomplete(input, needed),
            Err(Err::Error(fault) | Err::Failure(fault)) => return Err(fault.at(self.offset)),
        };
        let (.., payload) = parts;
        self.charge(input, size)?;
        limits::check(self.argument, payload, "pickle.limit.argument", self.offset)?;
        Ok(Progress::Done(self.move_behind(size, parts)))
    }

    #[inline]
    fn move_behind<'a>(&mut self, size: usize, parts: Parts<'a>) -> Head<'a> {
        let (opcode, argument, payload) = parts;
        let head = Head { opcode, argument, offset: self.offset, size, payload };
        // The limit keeps the sum far from overflow for any real offset; a made-up one saturates.
        self.offset = self.offset.saturating_add(size as u64).saturating_add(payload);
        head
    }

    /// Skips the instruction that `input` begins with, as [`head`](Self::head) does, and the text
    /// lines of its argument too, unless they are the memo index of GET or PUT. These lines are the
    /// payload of the answer.
    ///
    /// Lines need not be in one input: where they end behind it, the answer is
    /// [`Progress::Need`], [`offset`](Self::offset) has moved to the end of the input, and the next
    /// call, which must be of this method, goes on there.
    ///
    /// Fails as [`head`](Self::head) does; lines that are skipped have the limit of arguments.
    #[inline(always)]
    pub fn pass<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        if self.open.is_none()
            && let Some(short) = short(input)
            && short.payload().max(short.size() as u64) <= self.argument
        {
            return Ok(Progress::Done(self.move_behind(short.size(), short.parts())));
        }
        self.pass_by_grammar(input)
    }

    #[inline(never)]
    fn pass_by_grammar<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        let (mut open, mut rest) = match (self.open, Open::of(input, self.offset)) {
            (Some(open), _) => (open, input),
            (None, Some(open)) => (open, &input[1..]),
            (None, None) => return self.head_by_grammar(input),
        };
        while open.lines > 0 {
            match rest_of_line(rest) {
                Ok((after, _)) => (rest, open.lines) = (after, open.lines - 1),
                Err(_) => {
                    rest = &[];
                    break;
                }
            }
        }
        let end = self.offset.saturating_add((input.len() - rest.len()) as u64);
        let payload = end - open.offset - 1; // without the opcode
        let passed = self.argument.saturating_add(1);
        // After an error, the lexer is where the instruction begins, however the input was cut.
        (self.open, self.offset) = (None, open.offset);
        limits::check(self.argument, passed.min(payload), "pickle.limit.argument", open.offset)?;
        self.offset = end;
        if open.lines > 0 {
            self.open = Some(open);
            return Ok(Progress::Need(1));
        }
        let Open { opcode, offset, .. } = open;
        Ok(Progress::Done(Head { opcode, argument: Argument::None, offset, size: 1, payload }))
    }

    /// Reads the whole instruction that `input` begins with, and moves behind it.
    ///
    /// Fails as [`head`](Self::head) does.
    #[inline(always)]
    pub fn instruction<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Instruction<'a>>> {
        let start = self.offset;
        let head = match self.head(input)? {
            Progress::Done(head) => head,
            Progress::Need(more) => return Ok(Progress::Need(more)),
        };
        let body = &input[head.size..];
        if body.len() as u64 >= head.payload {
            return Ok(Progress::Done(head.with_payload(&body[..head.payload as usize])));
        }
        self.offset = start;
        let missing = head.payload - body.len() as u64;
        Ok(Progress::Need(usize::try_from(missing).unwrap_or(usize::MAX)))
    }

    /// Charges `seen` bytes of the instruction that `input` begins with, without its payload. Only
    /// lines are open-ended, and of one that is too long more or less may have been seen: the error
    /// says no more than that the limit was passed.
    #[inline]
    fn charge(&self, input: &[u8], seen: usize) -> Result<()> {
        let argument = seen.saturating_sub(1) as u64; // without the opcode
        let check = |limit: u64, clause| {
            limits::check(limit, argument.min(limit.saturating_add(1)), clause, self.offset)
        };
        check(self.argument, "pickle.limit.argument")?;
        match first_opcode(input).is_some_and(|opcode| opcode.info().argument.lines() > 0) {
            true => check(self.line, "pickle.limit.line"),
            false => Ok(()),
        }
    }

    #[cold]
    fn incomplete<T>(&self, input: &[u8], needed: Needed) -> Result<Progress<T>> {
        self.charge(input, input.len())?;
        match needed {
            Needed::Size(more) => Ok(Progress::Need(more.get())),
            Needed::Unknown => Ok(Progress::Need(1)),
        }
    }
}

impl Open {
    /// The instruction that `input` begins with, where its argument is lines that can be skipped.
    fn of(input: &[u8], offset: u64) -> Option<Open> {
        let opcode = first_opcode(input)?;
        let lines = match opcode.info().memo {
            MemoEffect::Get | MemoEffect::Put => 0,
            MemoEffect::Untouched | MemoEffect::Memoize => opcode.info().argument.lines(),
        };
        (lines > 0).then_some(Open { opcode, offset, lines })
    }
}

impl Search {
    /// Searches on for the end of a line. Returns its place in the argument.
    fn newline(&mut self, argument: &[u8]) -> Result<usize, Err<Fault>> {
        let rest = &argument[self.seen.min(argument.len())..];
        self.seen = argument.len();
        let (after, _) = rest_of_line(rest)?;
        self.seen -= after.len();
        Ok(self.seen - 1)
    }

    /// A line, without its newline. A carriage return before the newline is part of it, as for
    /// CPython.
    fn line<'a>(&mut self, argument: &'a [u8]) -> IResult<&'a [u8], Argument<'a>, Fault> {
        let end = self.newline(argument)?;
        Ok((&argument[end + 1..], Argument::Line(&argument[..end])))
    }

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

impl<'a> Head<'a> {
    /// The instruction, once its payload is at hand.
    #[inline]
    fn with_payload(self, payload: &'a [u8]) -> Instruction<'a> {
        let Head { opcode, mut argument, offset, size, .. } = self;
        if is_counted(opcode.info().argument) {
            argument = Argument::Bytes(payload);
        }
        Instruction { opcode, argument, offset, size: size + payload.len() }
    }

    /// The memo index that a GET or PUT names, or `None` for any other opcode.
    ///
    /// Fails where the index is a line that is no decimal number.
    #[inline]
    pub fn memo_index(&self) -> Result<Option<u64>> {
        memo_index(self.opcode, self.argument, self.offset)
    }
}

impl Instruction<'_> {
    /// The memo index that a GET or PUT names, or `None` for any other opcode.
    ///
    /// Fails where the index is a line that is no decimal number.
    #[inline]
    pub fn memo_index(&self) -> Result<Option<u64>> {
        memo_index(self.opcode, self.argument, self.offset)
    }

    /// Where the next instruction begins.
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

/// What an argument is, for those who know it from the opcode.
impl<'a> Argument<'a> {
    /// The memo index of a GET or PUT at `offset`.
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

/// The lexer gives every opcode the argument that the table says.
#[cold]
fn mismatch() -> ! {
    unreachable!("an argument of another kind than the opcode's")
}

/// Refuses a protocol that does not exist, for those who meet PROTO.
pub(crate) fn check_protocol(version: i64, offset: u64) -> Result<()> {
    if version <= 5 {
        return Ok(());
    }
    let message = alloc::format!("pickle protocol {version}; 5 is the highest there is");
    Err(Error::new(ErrorKind::Unsupported, "pickle.protocol", offset, message))
}

const fn is_counted(kind: ArgumentKind) -> bool {
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

fn first_opcode(input: &[u8]) -> Option<Opcode> {
    input.first().and_then(|&byte| Opcode::from_byte(byte))
}

/// What the grammar refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NotAnOpcode(u8),
    NegativeLength(Opcode, i32),
    /// What nom reports by itself; the parsers below never let it out.
    Grammar,
}

impl Fault {
    #[cold]
    fn at(self, offset: u64) -> Error {
        match self {
            Fault::NotAnOpcode(byte) => {
                let message = alloc::format!("byte 0x{byte:02x} is no opcode of protocols 0 to 5");
                Error::malformed("pickle.opcode", offset, message)
            }
            Fault::NegativeLength(opcode, length) => {
                let message = alloc::format!("{} of negative length {length}", opcode.name());
                Error::malformed("pickle.length", offset, message)
            }
            Fault::Grammar => Error::malformed("pickle.opcode", offset, "no instruction"),
        }
    }
}

impl ParseError<&[u8]> for Fault {
    fn from_error_kind(_: &[u8], _: nom::error::ErrorKind) -> Fault {
        Fault::Grammar
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, other: Fault) -> Fault {
        other
    }
}

/// Of an instruction: its opcode, its argument, and the bytes of its counted payload.
type Parts<'a> = (Opcode, Argument<'a>, u64);

/// A binary instruction as the short way reads it: an opcode and a number, which is its argument or
/// counts its payload.
#[derive(Clone, Copy)]
struct Short {
    opcode: Opcode,
    /// Bytes of the number.
    width: u8,
    counted: bool,
    number: i64,
}

impl Short {
    #[inline]
    fn size(self) -> usize {
        1 + usize::from(self.width)
    }

    #[inline]
    fn payload(self) -> u64 {
        if self.counted { self.number as u64 } else { 0 }
    }

    #[inline]
    fn parts<'a>(self) -> Parts<'a> {
        let argument = match self.width {
            1.. if !self.counted => Argument::Int(self.number),
            _ => Argument::None,
        };
        (self.opcode, argument, self.payload())
    }
}

/// The binary instructions that real files are made of: what [`head`] says of them, without its
/// detour through parsers. `None` for every other, and where a byte is missing.
#[inline]
fn short(input: &[u8]) -> Option<Short> {
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

/// The grammar of one instruction: its opcode, its argument or else the length of its counted
/// payload.
#[inline]
fn head<'a>(input: &'a [u8], search: &mut Search) -> IResult<&'a [u8], Parts<'a>, Fault> {
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

/// The rest of a line, without its newline, and what follows that.
fn rest_of_line(input: &[u8]) -> IResult<&[u8], &[u8], Fault> {
    take_until("\n").parse(input).map(|(rest, line): (&[u8], _)| (&rest[1..], line))
}

// The parts of plain instructions, for those who take a short way: they know the opcode, and the
// grammar comes after them where there is nothing here.

/// A number of a fixed width, which is all or the first part of an argument.
#[inline(always)]
pub(crate) fn number<const N: usize>(argument: &[u8]) -> Option<[u8; N]> {
    argument.first_chunk().copied()
}

/// A payload that one byte counts.
#[inline(always)]
pub(crate) fn short_payload(argument: &[u8]) -> Option<&[u8]> {
    let (&len, rest) = argument.split_first()?;
    rest.get(..len.into())
}

/// A payload that four bytes count.
#[inline(always)]
pub(crate) fn long_payload(argument: &[u8]) -> Option<&[u8]> {
    let (len, rest) = argument.split_first_chunk()?;
    rest.get(..u32::from_le_bytes(*len) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn lexer() -> Lexer {
        Lexer::new(0, &Limits::default())
    }

    fn read(input: &[u8]) -> Instruction<'_> {
        match lexer().instruction(input).unwrap() {
            Progress::Done(instruction) => instruction,
            Progress::Need(more) => panic!("needs {more} more"),
        }
    }

    /// One instruction of every opcode, each complete.
    fn samples() -> Vec<Vec<u8>> {
        use ArgumentKind as A;
        let argument = |kind| -> &[u8] {
            match kind {
                A::None => b"",
                A::Uint1 => b"\x07",
                A::Uint2 => b"\x07\x01",
                A::Uint4 | A::Int4 => b"\x07\x00\x00\x01",
                A::Uint8 => b"\x07\0\0\0\0\0\0\x01",
                A::Float8 => b"\x3f\xf0\0\0\0\0\0\0",
                A::Long1 | A::String1 | A::Bytes1 | A::Unicode1 => b"\x02ab",
                A::Long4 | A::String4 | A::Bytes4 | A::Unicode4 => b"\x02\0\0\0ab",
                A::Bytes8 | A::ByteArray8 | A::Unicode8 => b"\x02\0\0\0\0\0\0\0ab",
                A::DecimalLine | A::LongLine => b"12\n",
                A::FloatLine => b"1.5\n",
                A::StringLine => b"'a'\n",
                A::UnicodeLine | A::Line => b"text\n",
                A::LinePair => b"module\nname\n",
            }
        };
        let sample = |opcode: &Opcode| {
            let mut bytes = Vec::from([opcode.byte()]);
            bytes.extend_from_slice(argument(opcode.info().argument));
            bytes
        };
        Opcode::ALL.iter().map(sample).collect()
    }

    #[test]
    fn a_get_or_a_put_names_an_entry() {
        for (input, index) in [
            (&b"p12\n"[..], Some(12)),
            (b"q\x07", Some(7)),
            (b"r\x01\x02\0\0", Some(0x201)),
            (b"g12\n", Some(12)),
            (b"h\xff", Some(255)),
            (b"j\0\0\0\x80", Some(1 << 31)),
            (b"\x94", None),
            (b"K\x07", None),
        ] {
            let Ok(Progress::Done(head)) = lexer().head(input) else { panic!("{input:?}") };
            assert_eq!(head.memo_index(), Ok(index));
            assert_eq!(read(input).memo_index(), Ok(index));
        }
        assert_eq!(read(b"gx\n").memo_index().unwrap_err().clause(), "pickle.text.int");
    }

    #[test]
    fn every_opcode_is_read_at_every_cut() {
        for sample in samples() {
            for cut in 0..sample.len() {
                let mut lexer = lexer();
                match lexer.instruction(&sample[..cut]).unwrap() {
                    Progress::Need(more) => {
                        assert!(more >= 1 && cut + more <= sample.len(), "{sample:?} cut at {cut}");
                    }
                    Progress::Done(done) => panic!("{done:?} of {sample:?} cut at {cut}"),
                }
                assert_eq!(lexer.offset(), 0);
            }
            assert_eq!(read(&sample).size, sample.len());
            let mut longer = sample.clone();
            longer.push(b'.');
            assert_eq!(read(&longer).size, sample.len());
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_grammar() {
        for sample in samples() {
            for cut in 0..=sample.len() {
                let Some(short) = short(&sample[..cut]) else { continue };
                let (rest, by_grammar) = head(&sample[..cut], &mut Search::default()).unwrap();
                assert_eq!((short.size(), short.parts()), (cut - rest.len(), by_grammar));
            }
        }
    }

    #[test]
    fn what_most_instructions_are_goes_the_short_way() {
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
            let short = short(&[opcode as u8, 1, 0, 0, 0]).map(Short::size);
            assert_eq!(short, Some(size), "{opcode:?}");
        }
    }

    #[test]
    fn binary_numbers_are_little_endian_but_for_the_float() {
        assert_eq!(read(b"M\x01\x02").argument, Argument::Int(0x0201));
        assert_eq!(read(b"J\xff\xff\xff\xff").argument, Argument::Int(-1));
        assert_eq!(read(b"j\xff\xff\xff\xff").argument, Argument::Int(0xffff_ffff));
        assert_eq!(read(b"G\x3f\xf8\0\0\0\0\0\0").argument, Argument::Float(1.5));
        assert_eq!(read(b"\x95\x01\0\0\0\0\0\0\x80").argument, Argument::Size((1 << 63) + 1));
    }

    #[test]
    fn a_line_keeps_its_carriage_return() {
        assert_eq!(read(b"Va\r\n").argument, Argument::Line(b"a\r"));
        assert_eq!(read(b"cm\nn\n").argument, Argument::Lines(b"m", b"n"));
    }

    #[test]
    fn a_payload_that_is_not_resident_is_stepped_over() {
        let mut lexer = lexer();
        let Progress::Done(head) = lexer.head(b"B\0\0\0\x80abc").unwrap() else { panic!() };
        assert_eq!((head.size, head.payload), (5, 0x8000_0000));
        assert_eq!(lexer.offset(), 0x8000_0005);
    }

    #[test]
    fn refuses_what_is_no_instruction() {
        let error = lexer().head(b"\xff").unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Malformed, "pickle.opcode"));
        let error = lexer().head(b"T\xff\xff\xff\xff").unwrap_err();
        assert_eq!(error.clause(), "pickle.length");
    }

    #[test]
    fn charges_arguments_before_asking_for_them() {
        let limits = Limits { argument: 10, ..Limits::default() };
        let passes = Lexer::new(0, &limits).instruction(b"C\x0a");
        assert_eq!(passes.unwrap(), Progress::Need(10));
        let fails = Lexer::new(0, &limits).instruction(b"C\x0b").unwrap_err();
        assert_eq!((fails.kind(), fails.clause()), (ErrorKind::Limit, "pickle.limit.argument"));
        let line = Lexer::new(0, &limits).instruction(b"Vabcdefghijk").unwrap_err();
        assert_eq!(line.clause(), "pickle.limit.argument");
        // However much of the line was seen.
        let longer = Lexer::new(0, &limits).instruction(b"Vabcdefghijklm\n").unwrap_err();
        assert_eq!(line, longer);
    }

    #[test]
    fn line_over_its_limit_is_refused_before_it_ends() {
        let limits = Limits { line: 10, ..Limits::default() };
        for opcode in [b"S", b"V", b"I", b"L", b"F", b"c", b"i", b"p", b"g", b"P"] {
            let line = [&opcode[..], b"12345\n7890"].concat();
            let line: Vec<u8> = match first_opcode(&line).unwrap().info().argument.lines() {
                1 => line.iter().map(|&byte| if byte == b'\n' { b'6' } else { byte }).collect(),
                _ => line,
            };
            let mut lexer = Lexer::new(0, &limits);
            assert_eq!(lexer.instruction(&line).unwrap(), Progress::Need(1));
            let error = lexer.instruction(&[&line[..], b"1"].concat()).unwrap_err();
            assert_eq!((error.kind(), error.clause()), (ErrorKind::Limit, "pickle.limit.line"));
            let ended = [&line[..], b"1\n"].concat();
            assert_eq!(Lexer::new(0, &limits).instruction(&ended).unwrap_err(), error);
        }
        // Other instructions have no lines.
        let limits = Limits { line: 0, ..Limits::default() };
        let float = Lexer::new(0, &limits).instruction(b"G\0\0\0\0\0\0\0\0");
        assert!(matches!(float, Ok(Progress::Done(_))));
    }

    #[test]
    fn line_is_searched_once_however_it_is_cut() {
        let mut lexer = lexer();
        assert_eq!(lexer.instruction(b"Vabc").unwrap(), Progress::Need(1));
        // A newline among the bytes that were searched would be found by a second search.
        let Progress::Done(read) = lexer.instruction(b"V\nbc\n").unwrap() else { panic!() };
        assert_eq!(read.argument, Argument::Line(b"\nbc"));
        assert_eq!(lexer.instruction(b"cm\nn").unwrap(), Progress::Need(1));
        let Progress::Done(read) = lexer.instruction(b"c\n\n\n\n").unwrap() else { panic!() };
        assert_eq!(read.argument, Argument::Lines(b"\n", b"\n"));
        // Bytes that are given again from elsewhere are searched again.
        lexer.move_to(0);
        let Progress::Done(read) = lexer.instruction(b"Va\n").unwrap() else { panic!() };
        assert_eq!(read.argument, Argument::Line(b"a"));
    }

    #[test]
    fn passed_lines_are_the_same_at_every_cut() {
        for sample in samples() {
            let followed = [&sample[..], b"N."].concat();
            let mut whole = lexer();
            let Progress::Done(expected) = whole.pass(&followed).unwrap() else { panic!() };
            assert_eq!(expected.size as u64 + expected.payload, sample.len() as u64);
            for cut in 1..sample.len() {
                let mut lexer = lexer();
                if let Progress::Done(done) = lexer.pass(&followed[..cut]).unwrap() {
                    assert_eq!(done, expected);
                    continue;
                }
                assert_eq!(lexer.begin(), 0);
                let rest = &followed[lexer.offset() as usize..];
                assert_eq!(lexer.pass(rest).unwrap(), Progress::Done(expected));
                assert_eq!(lexer.offset(), sample.len() as u64);
            }
        }
    }

    #[test]
    fn passed_line_holds_no_bytes_and_keeps_the_limit_of_arguments() {
        let limits = Limits { argument: 10, line: 2, ..Limits::default() };
        let mut lexer = Lexer::new(0, &limits);
        for _ in 0..5 {
            assert_eq!(
                lexer.pass(if lexer.is_inside() { b"ab" } else { b"Vab" }),
                Ok(Progress::Need(1))
            );
        }
        assert_eq!((lexer.begin(), lexer.offset()), (0, 11));
        let error = lexer.pass(b"c").unwrap_err();
        assert_eq!((error.clause(), error.offset()), ("pickle.limit.argument", 0));
        // The index of GET and PUT is read, under the limit of lines.
        let error = Lexer::new(0, &limits).pass(b"p123").unwrap_err();
        assert_eq!(error.clause(), "pickle.limit.line");
    }
}
