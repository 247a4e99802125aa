//! Instructions as text, in the columns of CPython's `pickletools.dis`.
//!
//! Broken streams are shown too. An argument that is malformed (a decimal line that is not a
//! number, a str that is not UTF-8) is written as bytes, and of the errors of stack and memo only a
//! missing mark is noted. `pickletools` stops at all of these. Other lines are the same as its
//! lines, except that
//!
//! - an int of more than 4,300 digits is written as bytes: Python refuses to print it;
//! - escapes in the lines of GLOBAL, INST and PERSID are not decoded: `pickletools` decodes them,
//!   and no unpickler does;
//! - indentation ends at 64 open marks.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use num_bigint::BigInt;

use super::repr;
use crate::error::Result;
use crate::graph::utf8;
use crate::lex::{Argument, Instruction, text};
use crate::limits::{self, Limits};
use crate::opcode::{ArgumentKind, MemoEffect, Opcode, StackItem};

/// A disassembler of a stream of instructions, which makes a line of each.
#[derive(Clone, Debug, Default)]
pub struct Disassembler {
    limits: Limits,
    marks: Vec<Mark>,
    /// How many values are on the stack, as far as it is known: POP takes the topmost mark where no
    /// value is above it.
    height: usize,
    /// The indices of the memo entries: MEMOIZE writes the one that is their number.
    memo: Indices,
    highest_protocol: Option<u8>,
}

/// An open mark.
#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: u64,
    /// How many values are below it.
    height: usize,
}

/// One instruction, which is displayed as one line without a line end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    instruction: Instruction<'a>,
    /// How many marks were open before the instruction.
    depth: usize,
    note: Option<Note>,
    /// How many bytes of the argument are shown.
    shown: usize,
}

/// The note after the argument.
#[derive(Clone, Copy, Debug)]
enum Note {
    /// The mark that the instruction closes.
    MarkAt(u64),
    /// The instruction closes a mark, and none is open.
    NoMark,
    /// The index of the memo entry that the instruction writes.
    As(u64),
}

impl Disassembler {
    /// Returns a disassembler of a pickle from its beginning.
    pub fn new(limits: &Limits) -> Disassembler {
        Disassembler { limits: limits.clone(), ..Disassembler::default() }
    }

    /// Returns the line of the next instruction.
    ///
    /// Fails only over a limit: [`Limits::marks`] on open marks, and [`Limits::nodes`] on ranges of
    /// memo indices, of which there is one where the indices have no gaps.
    pub fn line<'a>(&mut self, instruction: &Instruction<'a>) -> Result<Line<'a>> {
        let info = instruction.opcode.info();
        self.highest_protocol = self.highest_protocol.max(Some(info.protocol));
        let line = Line {
            instruction: *instruction,
            depth: self.marks.len(),
            note: None,
            shown: usize::MAX,
        };
        let note = match info.memo {
            MemoEffect::Memoize => {
                let index = self.memo.len;
                self.memo.insert(index);
                Some(Note::As(index))
            }
            MemoEffect::Put => {
                if let Ok(Some(index)) = instruction.memo_index() {
                    self.memo.insert(index);
                }
                None
            }
            MemoEffect::Get | MemoEffect::Untouched => None,
        };
        let closes = self.move_stack(instruction);
        let check = |limit: usize, held: usize, clause| {
            limits::check(limit as u64, held as u64, clause, instruction.offset)
        };
        check(self.limits.marks, self.marks.len(), "pickle.limit.marks")?;
        check(self.limits.nodes, self.memo.ranges.len(), "pickle.limit.memo")?;
        Ok(Line { note: closes.or(note), ..line })
    }

    /// Returns the highest protocol that introduced one of the opcodes so far; `None` before the
    /// first.
    ///
    /// The last line of `pickletools` gives it: `highest protocol among opcodes = 4`.
    pub fn highest_protocol(&self) -> Option<u8> {
        self.highest_protocol
    }

    /// Does to the stack what the opcode table says. Returns a note of the mark that this closes.
    ///
    /// An instruction that takes more values than there are takes all of them: the stream is broken
    /// there, and the lines after it are still shown.
    fn move_stack(&mut self, instruction: &Instruction<'_>) -> Option<Note> {
        let info = instruction.opcode.info();
        let fence = self.fence();
        let marked = info.before.iter().position(|&item| item == StackItem::Mark);
        let (taken, note) = match (instruction.opcode, marked) {
            // POP takes the topmost mark where no value is above it.
            (Opcode::Pop, _) if self.height == fence && !self.marks.is_empty() => {
                (0, Some(self.close_mark()))
            }
            (_, Some(below)) => (below, Some(self.close_mark())),
            (_, None) => (info.before.len(), None),
        };
        self.height = self.height.saturating_sub(taken).max(self.fence());
        match info.after {
            [StackItem::Mark] => {
                self.marks.push(Mark { offset: instruction.offset, height: self.height });
            }
            after => self.height += after.len(),
        }
        note
    }

    /// Returns how many values are below the topmost mark, which cannot be taken.
    fn fence(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.height)
    }

    /// Takes off the topmost mark and the values above it.
    fn close_mark(&mut self) -> Note {
        let Some(mark) = self.marks.pop() else {
            return Note::NoMark;
        };
        self.height = mark.height;
        Note::MarkAt(mark.offset)
    }
}

impl Line<'_> {
    /// Returns the line with only the first `bytes` bytes of its argument and `...`, if it is
    /// longer.
    pub fn abbreviate(self, bytes: usize) -> Self {
        Line { shown: bytes, ..self }
    }

    /// Writes the argument.
    fn write_argument(&self, f: &mut impl Write) -> fmt::Result {
        match self.instruction.argument {
            Argument::None => Ok(()),
            Argument::Int(value) => write!(f, "{value}"),
            Argument::Size(value) => write!(f, "{value}"),
            Argument::Float(value) => repr::float(f, value),
            Argument::Bytes(payload) => self.write_payload(f, payload),
            Argument::Line(line) => self.write_line(f, line),
            Argument::Lines(module, name) => {
                if [module, name].iter().any(|text| utf8::validate(text).is_err()) {
                    self.write_bytes(f, module)?;
                    f.write_char(' ')?;
                    return self.write_bytes(f, name);
                }
                let texts = [module, name].map(|text| self.cut_str(text));
                let [first, second] = texts.map(utf8::code_points);
                repr::str(f, first.chain([u32::from(' ')]).chain(second))?;
                write_dots(f, texts[0], module)?;
                write_dots(f, texts[1], name)
            }
        }
    }

    /// Writes a payload by the type of argument that the opcode has.
    fn write_payload(&self, f: &mut impl Write, payload: &[u8]) -> fmt::Result {
        use ArgumentKind as A;
        match self.instruction.opcode.info().argument {
            A::Long1 | A::Long4 if payload.len() <= self.shown.min(DECIMAL_BYTES) => {
                write!(f, "{}", BigInt::from_signed_bytes_le(payload))
            }
            A::String1 | A::String4 => self.write_latin1(f, payload),
            A::Unicode1 | A::Unicode4 | A::Unicode8 => self.write_str(f, payload),
            A::ByteArray8 => {
                f.write_str("bytearray(")?;
                self.write_bytes(f, payload)?;
                f.write_char(')')
            }
            _ => self.write_bytes(f, payload),
        }
    }

    /// Writes the value of a line of text, or the line as bytes where it is malformed.
    fn write_line(&self, f: &mut impl Write, line: &[u8]) -> fmt::Result {
        use ArgumentKind as A;
        let offset = self.instruction.offset;
        let digits = DECIMAL_DIGITS.min(self.shown);
        match self.instruction.opcode.info().argument {
            A::DecimalLine => match text::int(line, digits, offset) {
                Ok(int) => write_int(f, &int),
                Err(_) => self.write_bytes(f, line),
            },
            A::LongLine => match text::long(line, digits, offset) {
                Ok(int) => write_int(f, &int),
                Err(_) => self.write_bytes(f, line),
            },
            A::FloatLine => match text::float(line, offset) {
                Ok(float) => repr::float(f, float),
                Err(_) => self.write_bytes(f, line),
            },
            A::StringLine => match text::string(line, offset) {
                Ok(bytes) => self.write_latin1(f, &bytes),
                Err(_) => self.write_bytes(f, line),
            },
            A::UnicodeLine => match text::unicode(line, offset) {
                Ok(text) => self.write_str(f, &text),
                Err(_) => self.write_bytes(f, line),
            },
            _ => self.write_str(f, line),
        }
    }

    /// Writes a str, or bytes where it is not UTF-8.
    fn write_str(&self, f: &mut impl Write, text: &[u8]) -> fmt::Result {
        let shown = self.cut_str(text);
        if utf8::validate(shown).is_err() {
            return self.write_bytes(f, text);
        }
        repr::str(f, utf8::code_points(shown))?;
        write_dots(f, shown, text)
    }

    /// Writes a str of Python 2 as if it were Latin-1, as `pickletools` does.
    fn write_latin1(&self, f: &mut impl Write, bytes: &[u8]) -> fmt::Result {
        let shown = self.cut(bytes);
        repr::str(f, shown.iter().map(|&byte| byte.into()))?;
        write_dots(f, shown, bytes)
    }

    /// Writes bytes.
    fn write_bytes(&self, f: &mut impl Write, bytes: &[u8]) -> fmt::Result {
        let shown = self.cut(bytes);
        repr::bytes(f, shown)?;
        write_dots(f, shown, bytes)
    }

    /// Returns the bytes that are shown.
    fn cut<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[..bytes.len().min(self.shown)]
    }

    /// Returns the UTF-8 that is shown: no more than [`Line::cut`], and only whole characters.
    fn cut_str<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let continues = |index: usize| matches!(text.get(index), Some(0x80..0xc0));
        let mut end = text.len().min(self.shown);
        while end > 0 && continues(end) {
            end -= 1;
        }
        &text[..end]
    }
}

/// The most digits of an int that Python prints.
const DECIMAL_DIGITS: usize = 4300;
/// The most bytes of two's complement that never need more digits.
const DECIMAL_BYTES: usize = 1785;

fn write_int(f: &mut impl Write, int: &text::Int) -> fmt::Result {
    match int {
        text::Int::Bool(true) => f.write_str("True"),
        text::Int::Bool(false) => f.write_str("False"),
        text::Int::Small(int) => write!(f, "{int}"),
        text::Int::Big(int) => write!(f, "{int}"),
    }
}

fn write_dots(f: &mut impl Write, shown: &[u8], whole: &[u8]) -> fmt::Result {
    f.write_str(if shown.len() < whole.len() { "..." } else { "" })
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many open marks are indented. Without this bound, a flood of marks would make the
        /// output grow with the square of the input.
        const MAX_INDENT: usize = 64;
        let Instruction { opcode, argument, offset, .. } = self.instruction;
        write!(f, "{offset:>5}: ")?;
        match opcode.byte() {
            byte @ 0x80.. => write!(f, "\\x{byte:02x}")?,
            byte => write!(f, "{:<4}", byte as char)?,
        }
        let indent = 4 * self.depth.min(MAX_INDENT);
        write!(f, " {:indent$}{}", "", opcode.name())?;
        if argument == Argument::None && self.note.is_none() {
            return Ok(());
        }
        // Names of up to 10 characters have their arguments in one column.
        write!(f, "{:1$}", "", 10usize.saturating_sub(opcode.name().len()))?;
        if argument != Argument::None {
            f.write_char(' ')?;
            self.write_argument(f)?;
        }
        match self.note {
            Some(Note::MarkAt(offset)) => write!(f, " (MARK at {offset})"),
            Some(Note::NoMark) => f.write_str(" no MARK exists on stack"),
            Some(Note::As(index)) => write!(f, " (as {index})"),
            None => Ok(()),
        }
    }
}

/// A set of memo indices, as ranges. Picklers number entries one after another, so there is one
/// range.
#[derive(Clone, Debug, Default)]
struct Indices {
    /// The end of each range by its start. Ranges do not overlap, but may be adjacent.
    ranges: BTreeMap<u64, u64>,
    /// The number of indices.
    len: u64,
}

impl Indices {
    fn insert(&mut self, index: u64) {
        match self.ranges.range_mut(..=index).next_back() {
            Some((_, end)) if index < *end => return,
            Some((_, end)) if index == *end => *end += 1,
            _ => {
                self.ranges.insert(index, index + 1);
            }
        }
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::{Lexer, Progress};
    use crate::limits::Limits;
    use alloc::string::String;

    /// Returns the lines of a stream up to the first instruction that cannot be lexed.
    fn dis(mut stream: &[u8], shown: usize) -> String {
        let (mut lexer, mut disassembler) =
            (Lexer::new(0, &Limits::default()), Disassembler::new(&Limits::default()));
        let mut out = String::from("\n");
        while let Ok(Progress::Done(instruction)) = lexer.instruction(stream) {
            let line = disassembler.line(&instruction).unwrap().abbreviate(shown);
            writeln!(out, "{line}").unwrap();
            stream = &stream[instruction.size..];
        }
        if let Some(protocol) = disassembler.highest_protocol() {
            writeln!(out, "highest protocol among opcodes = {protocol}").unwrap();
        }
        out
    }

    #[test]
    fn lines_of_a_pickle_are_those_of_pickletools() {
        // Each expected text is what `pickletools.dis` of Python 3.13 prints.
        let cases: [(&[u8], &str); 6] = [
            // pickle.dumps((1, [2.5, "it's"], {b'k': None}, 1 << 70), protocol=4)
            (b"\x80\x04\x95-\0\0\0\0\0\0\0(K\x01]\x94(G@\x04\0\0\0\0\0\0\x8c\x04it's\x94e}\x94C\x01k\x94Ns\x8a\x09\0\0\0\0\0\0\0\0@t\x94.", r#"
    0: \x80 PROTO      4
    2: \x95 FRAME      45
   11: (    MARK
   12: K        BININT1    1
   14: ]        EMPTY_LIST
   15: \x94     MEMOIZE    (as 0)
   16: (        MARK
   17: G            BINFLOAT   2.5
   26: \x8c         SHORT_BINUNICODE "it's"
   32: \x94         MEMOIZE    (as 1)
   33: e            APPENDS    (MARK at 16)
   34: }        EMPTY_DICT
   35: \x94     MEMOIZE    (as 2)
   36: C        SHORT_BINBYTES b'k'
   39: \x94     MEMOIZE    (as 3)
   40: N        NONE
   41: s        SETITEM
   42: \x8a     LONG1      1180591620717411303424
   53: t        TUPLE      (MARK at 11)
   54: \x94 MEMOIZE    (as 4)
   55: .    STOP
highest protocol among opcodes = 4
"#),
            // pickle.dumps([True, -3, 1e-5, '\u20ac'], protocol=0)
            (b"(lp0\nI01\naI-3\naF1e-05\naV\\u20ac\np1\na.", r#"
    0: (    MARK
    1: l        LIST       (MARK at 0)
    2: p    PUT        0
    5: I    INT        True
    9: a    APPEND
   10: I    INT        -3
   14: a    APPEND
   15: F    FLOAT      1e-05
   22: a    APPEND
   23: V    UNICODE    '€'
   31: p    PUT        1
   34: a    APPEND
   35: .    STOP
highest protocol among opcodes = 0
"#),
            // t = ([],); t[0].append(t); pickle.dumps(t, protocol=1)
            (b"(]q\0(h\0tq\x01a1h\x01.", r#"
    0: (    MARK
    1: ]        EMPTY_LIST
    2: q        BINPUT     0
    4: (        MARK
    5: h            BINGET     0
    7: t            TUPLE      (MARK at 4)
    8: q        BINPUT     1
   10: a        APPEND
   11: 1        POP_MARK   (MARK at 0)
   12: h    BINGET     1
   14: .    STOP
highest protocol among opcodes = 1
"#),
            // pickle.dumps(complex(0, -1), protocol=2)
            (b"\x80\x02c__builtin__\ncomplex\nq\0G\0\0\0\0\0\0\0\0G\xbf\xf0\0\0\0\0\0\0\x86q\x01Rq\x02.", r#"
    0: \x80 PROTO      2
    2: c    GLOBAL     '__builtin__ complex'
   23: q    BINPUT     0
   25: G    BINFLOAT   0.0
   34: G    BINFLOAT   -1.0
   43: \x86 TUPLE2
   44: q    BINPUT     1
   46: R    REDUCE
   47: q    BINPUT     2
   49: .    STOP
highest protocol among opcodes = 2
"#),
            // pickle.dumps((bytearray(b'\xff'), {1}), protocol=5)
            (b"\x80\x05\x95\x14\0\0\0\0\0\0\0\x96\x01\0\0\0\0\0\0\0\xff\x94\x8f\x94(K\x01\x90\x86\x94.", r#"
    0: \x80 PROTO      5
    2: \x95 FRAME      20
   11: \x96 BYTEARRAY8 bytearray(b'\xff')
   21: \x94 MEMOIZE    (as 0)
   22: \x8f EMPTY_SET
   23: \x94 MEMOIZE    (as 1)
   24: (    MARK
   25: K        BININT1    1
   27: \x90     ADDITEMS   (MARK at 24)
   28: \x86 TUPLE2
   29: \x94 MEMOIZE    (as 2)
   30: .    STOP
highest protocol among opcodes = 5
"#),
            // POP takes a mark, then a value; an INST
            (b"(0(K\x010S'\\x41'\nimodule\nClass\n.", r#"
    0: (    MARK
    1: 0        POP        (MARK at 0)
    2: (    MARK
    3: K        BININT1    1
    5: 0        POP
    6: S        STRING     'A'
   14: i        INST       'module Class' (MARK at 2)
   28: .    STOP
highest protocol among opcodes = 1
"#),
        ];
        for (stream, expected) in cases {
            assert_eq!(dis(stream, usize::MAX), expected);
        }
    }

    #[test]
    fn malformed_instruction_is_shown() {
        for (stream, expected) in [
            (&b"e"[..], "    0: e    APPENDS    no MARK exists on stack"),
            (b"R", "    0: R    REDUCE"),
            (b"(R00", "    3: 0        POP        (MARK at 0)"),
            (b"Iabc\n", "    0: I    INT        b'abc'"),
            (b"Sabc\n", "    0: S    STRING     b'abc'"),
            (b"X\x02\0\0\0a\xff", r"    0: X    BINUNICODE b'a\xff'"),
            (b"c\xff\nn\n", r"    0: c    GLOBAL     b'\xff' b'n'"),
            // An index that is written twice is one entry of the memo.
            (b"Np5\np5\n\x94", r"    7: \x94 MEMOIZE    (as 1)"),
        ] {
            let text = dis(stream, usize::MAX);
            assert_eq!(text.lines().rev().nth(1), Some(expected), "{stream:?}");
        }
    }

    #[test]
    fn abbreviated_line_ends_with_dots() {
        for (stream, expected) in [
            (&b"C\x03abc"[..], "b'ab'..."),
            (b"C\x02ab", "b'ab'"),
            (b"\x8c\x04\xc3\xa9\xc3\xa9", "'é'..."),
            (b"\x8c\x03a\xc3\xa9", "'a'..."),
            (b"U\x03abc", "'ab'..."),
            (b"I123\n", "b'12'..."),
            (b"\x8a\x03abc", "b'ab'..."),
            (b"cmod\nname\n", "'mo na'......"),
            (b"\x96\x03\0\0\0\0\0\0\0abc", "bytearray(b'ab'...)"),
        ] {
            let text = dis(stream, 2);
            let line = text.lines().nth(1).unwrap();
            assert!(line.ends_with(&alloc::format!(" {expected}")), "{line}");
        }
        let flood = dis(&[b'('; 1000], 2);
        assert!(flood.lines().all(|line| line.len() < 300));
    }

    #[test]
    fn marks_and_entries_over_a_limit_fail() {
        let limits = Limits { marks: 2, nodes: 2, ..Limits::default() };
        for (stream, clause) in
            [(&b"((("[..], "pickle.limit.marks"), (b"q\x01q\x03q\x05", "pickle.limit.memo")]
        {
            let (mut lexer, mut disassembler) =
                (Lexer::new(0, &limits), Disassembler::new(&limits));
            let mut last = None;
            while let Progress::Done(instruction) =
                lexer.instruction(&stream[lexer.offset() as usize..]).unwrap()
            {
                last = Some(disassembler.line(&instruction).map(|line| alloc::format!("{line}")));
            }
            assert_eq!(last.unwrap().unwrap_err().clause(), clause);
        }
    }

    #[test]
    fn memo_index_written_twice_counts_once() {
        let mut indices = Indices::default();
        for (index, len) in
            [(5, 1), (4, 2), (5, 2), (6, 3), (0, 4), (1, 5), (4, 5), (3, 6), (2, 7), (2, 7)]
        {
            indices.insert(index);
            assert_eq!(indices.len, len, "{index}");
        }
    }
}
