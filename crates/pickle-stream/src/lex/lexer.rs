//! Bytes to instructions, at any cut of the input.
//!
//! [`grammar::head`] is the grammar of all 68 opcodes, in nom's streaming parsers. The [`Lexer`] in
//! front of it keeps the offset between inputs and charges the limits. Frequent binary instructions
//! take a [shortcut]; a property compares it with the grammar.
//!
//! An instruction is read at one of three depths. [`Lexer::pass`] skips counted payloads and text
//! lines: a survey needs no more, and a string of gigabytes costs it no memory. [`Lexer::head`]
//! skips counted payloads and reads text lines. [`Lexer::instruction`] reads both.
//!
//! A text line has no length before it, so the caller has to keep the bytes of an unfinished line.
//! The limit on lines is therefore charged with the bytes seen so far. The lexer remembers how far
//! it has searched for the newline, so each byte of a line is searched once, however it is cut.
//!
//! [shortcut]: super::shortcut

use nom::{Err, Needed};

use super::grammar::{self, LineSearch, Parts, rest_of_line};
use super::instruction::{Argument, Head, Instruction, first_opcode};
use super::shortcut::shortcut;
use crate::error::Result;
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode};

/// The answer of an incremental reader.
#[must_use = "the answer may be that more bytes are needed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// At least this many bytes beyond the end of the input are needed.
    Need(usize),
    /// The result.
    Done(T),
}

/// A reader of instructions, one after another. It holds no bytes, only the offset of the next
/// instruction.
#[derive(Clone, Debug)]
pub struct Lexer {
    offset: u64,
    argument: u64,
    line: u64,
    /// The search for the newlines of an instruction whose lines are read.
    search: LineSearch,
    /// An instruction of which [`pass`](Self::pass) has skipped a part of its lines.
    open: Option<Open>,
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
    /// Creates a lexer whose first input begins `offset` bytes after the start of the source.
    pub fn new(offset: u64, limits: &Limits) -> Lexer {
        Lexer {
            offset,
            argument: limits.argument,
            line: limits.line,
            search: LineSearch::default(),
            open: None,
        }
    }

    /// Returns the offset of the next instruction: the input of the next call must begin there.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the offset of the instruction that is read next, or that [`pass`](Self::pass) has
    /// read in part.
    #[inline]
    pub(crate) fn begin(&self) -> u64 {
        self.open.map_or(self.offset, |open| open.offset)
    }

    /// Returns whether [`pass`](Self::pass) has read an instruction in part.
    #[inline]
    pub(crate) fn is_inside(&self) -> bool {
        self.open.is_some()
    }

    /// Moves past `size` bytes of instructions that the caller has read itself.
    #[inline]
    pub(crate) fn skip(&mut self, size: usize) {
        self.offset += size as u64;
    }

    /// Moves to the instruction that begins at `offset`.
    pub(crate) fn move_to(&mut self, offset: u64) {
        (self.offset, self.search, self.open) = (offset, LineSearch::default(), None);
    }

    /// Returns a number of bytes within which no argument exceeds its limit, and no offset
    /// overflows.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.argument.min(u64::MAX - self.offset)).unwrap_or(usize::MAX)
    }

    /// Reads the instruction at the beginning of `input`, except for its counted payload, and moves
    /// past both. Where it needs more bytes, it does not move.
    ///
    /// Fails on a byte that is not an opcode, on a negative length, on an argument over its limit,
    /// and on a text line as soon as more bytes of it were seen than its limit allows.
    #[inline(always)]
    pub fn head<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        if let Some(short) = shortcut(input)
            && short.payload().max(short.size() as u64) <= self.argument
        {
            return Ok(Progress::Done(self.move_past(short.size(), short.parts())));
        }
        self.head_by_grammar(input)
    }

    /// Does the work of [`head`](Self::head) for any instruction and any error. It is a function of
    /// its own so that the shortcut is small enough to be inlined into loops over instructions.
    #[inline(never)]
    fn head_by_grammar<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        self.search.continue_at(self.offset, input);
        let (size, parts) = match grammar::head(input, &mut self.search) {
            Ok((rest, parts)) => (input.len() - rest.len(), parts),
            Err(Err::Incomplete(needed)) => return self.incomplete(input, needed),
            Err(Err::Error(fault) | Err::Failure(fault)) => return Err(fault.at(self.offset)),
        };
        let (.., payload) = parts;
        self.charge(input, size)?;
        limits::check(self.argument, payload, "pickle.limit.argument", self.offset)?;
        Ok(Progress::Done(self.move_past(size, parts)))
    }

    #[inline]
    fn move_past<'a>(&mut self, size: usize, parts: Parts<'a>) -> Head<'a> {
        let (opcode, argument, payload) = parts;
        let head = Head { opcode, argument, offset: self.offset, size, payload };
        // Only an offset that the caller made up can overflow.
        self.offset = self.offset.saturating_add(size as u64).saturating_add(payload);
        head
    }

    /// Reads an instruction as [`head`](Self::head) does, but skips the text lines of its argument,
    /// except for the memo index of GET and PUT. The payload of the answer is the lines.
    ///
    /// Lines may be cut. Where a line does not end in the input, the answer is [`Progress::Need`],
    /// [`offset`](Self::offset) has moved to the end of the input, and the next call, which must be
    /// to this method, continues there.
    ///
    /// Fails as [`head`](Self::head) does; skipped lines have the limit of arguments.
    #[inline(always)]
    pub fn pass<'a>(&mut self, input: &'a [u8]) -> Result<Progress<Head<'a>>> {
        if self.open.is_none()
            && let Some(short) = shortcut(input)
            && short.payload().max(short.size() as u64) <= self.argument
        {
            return Ok(Progress::Done(self.move_past(short.size(), short.parts())));
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
        // Without the opcode. Only of an offset that the caller made up is the end not after it.
        let payload = (end - open.offset).saturating_sub(1);
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

    /// Reads the whole instruction at the beginning of `input`, and moves past it. Where it needs
    /// more bytes, it does not move.
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

    /// Charges `seen` bytes of the instruction at the beginning of `input`, without its payload.
    ///
    /// How much of a line was seen depends on how the input is cut, so the error names one byte
    /// more than the limit, and not the bytes seen.
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
    /// Returns the instruction at the beginning of `input`, if its argument is lines that `pass`
    /// skips.
    fn of(input: &[u8], offset: u64) -> Option<Open> {
        let opcode = first_opcode(input)?;
        let lines = match opcode.info().memo {
            MemoEffect::Get | MemoEffect::Put => 0,
            MemoEffect::Untouched | MemoEffect::Memoize => opcode.info().argument.lines(),
        };
        (lines > 0).then_some(Open { opcode, offset, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::opcode::ArgumentKind;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn lexer() -> Lexer {
        Lexer::new(0, &Limits::default())
    }

    fn read(input: &[u8]) -> Instruction<'_> {
        match lexer().instruction(input).unwrap() {
            Progress::Done(instruction) => instruction,
            Progress::Need(more) => panic!("needs {more} more"),
        }
    }

    /// Returns one instruction of every opcode, each complete.
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
    fn get_and_put_give_their_memo_index() {
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
    fn binary_numbers_are_little_endian_except_floats() {
        assert_eq!(read(b"M\x01\x02").argument, Argument::Int(0x0201));
        assert_eq!(read(b"J\xff\xff\xff\xff").argument, Argument::Int(-1));
        assert_eq!(read(b"j\xff\xff\xff\xff").argument, Argument::Int(0xffff_ffff));
        assert_eq!(read(b"G\x3f\xf8\0\0\0\0\0\0").argument, Argument::Float(1.5));
        assert_eq!(read(b"\x95\x01\0\0\0\0\0\0\x80").argument, Argument::Size((1 << 63) + 1));
    }

    #[test]
    fn line_keeps_its_carriage_return() {
        assert_eq!(read(b"Va\r\n").argument, Argument::Line(b"a\r"));
        assert_eq!(read(b"cm\nn\n").argument, Argument::Lines(b"m", b"n"));
    }

    #[test]
    fn head_moves_past_an_absent_payload() {
        let mut lexer = lexer();
        let Progress::Done(head) = lexer.head(b"B\0\0\0\x80abc").unwrap() else { panic!() };
        assert_eq!((head.size, head.payload), (5, 0x8000_0000));
        assert_eq!(lexer.offset(), 0x8000_0005);
    }

    #[test]
    fn unknown_opcode_and_negative_length_fail() {
        let error = lexer().head(b"\xff").unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Malformed, "pickle.opcode"));
        let error = lexer().head(b"T\xff\xff\xff\xff").unwrap_err();
        assert_eq!(error.clause(), "pickle.length");
    }

    #[test]
    fn argument_over_its_limit_fails_before_it_is_read() {
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
    fn line_over_its_limit_fails_before_it_ends() {
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
        // Another instruction is searched from its beginning.
        for line in [b"Va\n\n", b"Vb\n\n"] {
            lexer.move_to(0);
            let Progress::Done(read) = lexer.instruction(line).unwrap() else { panic!() };
            assert_eq!(read.argument, Argument::Line(&line[1..2]));
        }
    }

    #[test]
    fn line_in_feeds_of_one_byte_is_searched_once() {
        let lines = [&b"V"[..], &b"a".repeat(1000), b"\n"].concat();
        let pair = [&b"c"[..], &b"a".repeat(1000), b"\n", &b"b".repeat(1000), b"\n"].concat();
        for stream in [lines, pair] {
            let mut lexer = lexer();
            for seen in 1..stream.len() {
                // A second search of a byte would find one of these newlines.
                let searched = vec![b'\n'; seen.saturating_sub(2)];
                let input = [&stream[..1], &searched, &stream[searched.len() + 1..seen]].concat();
                assert_eq!(lexer.instruction(&input).unwrap(), Progress::Need(1), "{seen}");
            }
            let Progress::Done(read) = lexer.instruction(&stream).unwrap() else { panic!() };
            assert_eq!(read.size, stream.len());
        }
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

    #[test]
    fn instruction_at_the_last_offsets_does_not_overflow() {
        let limits = Limits { argument: u64::MAX, line: u64::MAX, ..Limits::default() };
        for sample in samples() {
            for before_last in 0..=sample.len() as u64 {
                let offset = u64::MAX - before_last;
                let end = u64::MAX - before_last.saturating_sub(sample.len() as u64);
                let mut passed = Lexer::new(offset, &limits);
                assert!(matches!(passed.pass(&sample), Ok(Progress::Done(_))), "{sample:?}");
                let mut read = Lexer::new(offset, &limits);
                assert!(matches!(read.instruction(&sample), Ok(Progress::Done(_))), "{sample:?}");
                assert_eq!((passed.offset(), read.offset()), (end, end));
                // A line that is cut.
                let cut = &sample[..sample.len() - 1];
                assert!(Lexer::new(offset, &limits).pass(cut).is_ok(), "{sample:?}");
            }
        }
    }

    /// Generates an instruction of any opcode with any argument, which may be cut.
    fn any_instruction() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![2 => any::<u8>(), 1 => Just(b'\n'), 2 => 0..4u8];
        (prop::sample::select(&Opcode::ALL[..]), prop::collection::vec(byte, 0..16))
            .prop_map(|(opcode, argument)| [&[opcode.byte()], &argument[..]].concat())
    }

    proptest! {
        #[test]
        fn shortcut_agrees_with_the_grammar(
            input in any_instruction(),
            argument in prop_oneof![0..20u64, Just(u64::MAX)],
        ) {
            let limits = Limits { argument, ..Limits::default() };
            let [mut one, mut other] = [(); 2].map(|()| Lexer::new(100, &limits));
            prop_assert_eq!(one.head(&input), other.head_by_grammar(&input));
            prop_assert_eq!(one.offset(), other.offset());
            let [mut one, mut other] = [(); 2].map(|()| Lexer::new(100, &limits));
            prop_assert_eq!(one.pass(&input), other.pass_by_grammar(&input));
            prop_assert_eq!(one.offset(), other.offset());
        }
    }
}
