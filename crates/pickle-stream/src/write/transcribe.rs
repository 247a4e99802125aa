//! Copies of instructions in another pickle. Memo entries are renumbered, frames are written anew,
//! and names of Python 2 become names of Python 3 where the protocols differ. Nothing is decoded.
//!
//! ```text
//!  from   .. MARK  BININT1 7  MEMOIZE (120)  BINGET 31 ..
//!              │        │          │             └─ 31 is 4 there: BINGET 4
//!              │        │          └─ 120 is 17 there
//!  to     .. MARK  BININT1 7  MEMOIZE (17)   BINGET 4  ..
//! ```

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use super::encode::Encoder;
use crate::compat;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Global;
use crate::lex::{Argument, Instruction, Lexer, Progress, numbers};
use crate::limits::Limits;
use crate::opcode::{ArgumentKind, MemoEffect, Opcode};
use crate::survey::Span;

const MARK: u8 = Opcode::Mark as u8;
const MEMOIZE: u8 = Opcode::Memoize as u8;
/// The longest payload in a run. Longer ones may be outside of frames.
const LONGEST: usize = 32 << 10;

/// How an instruction is copied in a run.
#[derive(Clone, Copy)]
enum Quick {
    /// Not in a run.
    Slow,
    /// As so many bytes.
    Fixed(u8),
    /// With a payload, whose length takes one byte or four.
    Payload1,
    Payload4,
    Mark,
    Memoize,
    /// With another memo index, of one byte or four.
    Get1,
    Get4,
}

static QUICK: [Quick; 256] = {
    let mut quick = [Quick::Slow; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(opcode) = Opcode::from_byte(byte as u8) {
            quick[byte] = Quick::of(opcode);
        }
        byte += 1;
    }
    quick
};

impl Quick {
    const fn of(opcode: Opcode) -> Quick {
        use ArgumentKind as A;
        let info = opcode.info();
        match (opcode, info.argument) {
            (Opcode::Proto | Opcode::Frame | Opcode::Stop, _) => Quick::Slow,
            _ if info.protocol > 4 => Quick::Slow,
            (Opcode::Mark, _) => Quick::Mark,
            (Opcode::Memoize, _) => Quick::Memoize,
            (Opcode::BinGet, _) => Quick::Get1,
            (Opcode::LongBinGet, _) => Quick::Get4,
            (Opcode::Get | Opcode::Put | Opcode::BinPut | Opcode::LongBinPut, _) => Quick::Slow,
            (_, A::None) => Quick::Fixed(1),
            (_, A::Uint1) => Quick::Fixed(2),
            (_, A::Uint2) => Quick::Fixed(3),
            (_, A::Int4) => Quick::Fixed(5),
            (_, A::Float8) => Quick::Fixed(9),
            (_, A::Bytes1 | A::Unicode1) => Quick::Payload1,
            (_, A::Bytes4 | A::Unicode4) => Quick::Payload4,
            _ => Quick::Slow,
        }
    }
}

/// A copier of the instructions of a span.
#[derive(Debug)]
pub struct Transcriber {
    lexer: Lexer,
    /// The index that MEMOIZE would write.
    next_entry: u64,
    /// The last opcode that does not write the memo.
    last: Opcode,
    /// Whether the names of globals are those of Python 2.
    has_python_2_names: bool,
    /// The texts that the last two instructions have pushed, which STACK_GLOBAL takes. Kept only
    /// where the other pickle has other names.
    texts: [Option<Vec<u8>>; 2],
}

/// The answer of a [`Transcriber`].
#[must_use = "the answer may be that more bytes are needed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transcribed {
    /// All instructions of the input were copied; the next one needs at least this many bytes past
    /// its end.
    Need(usize),
    /// A read of this memo entry, which is not in the other pickle. The caller writes its value, or
    /// the instructions that make it, and continues.
    Missing(u64),
}

impl Transcriber {
    /// Creates a transcriber that begins with a span of a pickle of this protocol.
    pub fn new(span: Span, protocol: u8, limits: &Limits) -> Transcriber {
        Transcriber {
            lexer: Lexer::new(span.begin, limits),
            next_entry: span.memo,
            last: Opcode::None,
            has_python_2_names: compat::has_python_2_names(protocol),
            texts: [None, None],
        }
    }

    /// Returns the offset of the next instruction: the input of the next call must begin there.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// Returns the index that the next MEMOIZE would write.
    pub fn next_entry(&self) -> u64 {
        self.next_entry
    }

    /// Continues after a value that the caller has written, whose instructions end at `offset`,
    /// after `entries` memo entries.
    pub fn skip_to(&mut self, offset: u64, entries: u64) {
        self.lexer.move_to(offset);
        self.next_entry = entries;
        self.last = Opcode::None;
        self.texts = [None, None];
    }

    /// Copies instructions, up to the end of the input or to a read of an entry that is not in
    /// `entries`. Entries that the instructions make are added.
    ///
    /// Fails on an instruction that cannot be read or that the encoder's protocol does not have,
    /// and, where the names of the two pickles differ, on a STACK_GLOBAL that takes other texts
    /// than those of the last two instructions.
    pub fn advance(
        &mut self,
        mut input: &[u8],
        entries: &mut Renumbering,
        to: &mut Encoder,
    ) -> Result<Transcribed> {
        loop {
            input = &input[self.copy_run(input, entries, to)?..];
            let instruction = match self.lexer.instruction(input)? {
                Progress::Done(instruction) => instruction,
                Progress::Need(more) => return Ok(Transcribed::Need(more)),
            };
            let (bytes, rest) = input.split_at(instruction.size);
            input = rest;
            let opcode = instruction.opcode;
            let info = opcode.info();
            if info.protocol > to.protocol() {
                return Err(too_new(&instruction, to.protocol()));
            }
            match info.memo {
                MemoEffect::Get => {
                    let entry = instruction.memo_index()?.unwrap_or_default();
                    self.last = opcode;
                    self.texts = [None, None];
                    match entries.get(entry) {
                        Some(known) => {
                            to.boundary();
                            to.get(known)?;
                        }
                        None => return Ok(Transcribed::Missing(entry)),
                    }
                }
                MemoEffect::Put | MemoEffect::Memoize => {
                    let entry = instruction.memo_index()?.unwrap_or(self.next_entry);
                    entries.note(entry, to.memoize());
                    self.next_entry = self.next_entry.max(entry.saturating_add(1));
                }
                MemoEffect::Untouched => {
                    if self.begins_a_value(opcode) {
                        to.boundary();
                    }
                    if self.has_same_names(to) {
                        to.instruction(&instruction, bytes);
                    } else {
                        self.rename(&instruction, bytes, to)?;
                    }
                    self.last = opcode;
                }
            }
        }
    }

    /// Returns whether the names of globals are those of the other pickle.
    fn has_same_names(&self, to: &Encoder) -> bool {
        self.has_python_2_names == compat::has_python_2_names(to.protocol())
    }

    /// Copies frequent instructions many at a time, up to one that needs more care, and to the end of
    /// the frame. Returns their size.
    fn copy_run(
        &mut self,
        input: &[u8],
        entries: &mut Renumbering,
        to: &mut Encoder,
    ) -> Result<usize> {
        // Before protocol 4 each memo entry has its number in the instruction that makes it.
        if to.protocol() < 4 || !self.has_same_names(to) {
            return Ok(0);
        }
        let longest = self.lexer.room().min(LONGEST);
        let (mut at, mut copied, mut made) = (0, 0, 0);
        let mut end = to.frame_room();
        let mut last = self.last;
        while at < end
            && let Some((&byte, rest)) = input[at..].split_first()
        {
            let size = match QUICK[usize::from(byte)] {
                Quick::Slow => break,
                Quick::Fixed(size) => usize::from(size),
                Quick::Memoize => {
                    made += 1;
                    1
                }
                Quick::Mark => numbers::batch_size(&input[at..]).unwrap_or(1),
                Quick::Payload1 => match rest.first() {
                    Some(&len) => 2 + usize::from(len),
                    None => break,
                },
                Quick::Payload4 => match rest.first_chunk() {
                    Some(len) => (u32::from_le_bytes(*len) as usize).saturating_add(5),
                    None => break,
                },
                Quick::Get1 | Quick::Get4 => {
                    let (entry, size) = match (byte == Opcode::BinGet as u8, rest) {
                        (true, [entry, ..]) => (u64::from(*entry), 2),
                        (false, [a, b, c, d, ..]) => {
                            (u32::from_le_bytes([*a, *b, *c, *d]).into(), 5)
                        }
                        _ => break,
                    };
                    self.copy(&input[copied..at], &mut made, entries, to);
                    copied = at;
                    let Some(known) = entries.get(entry) else { break };
                    to.get(known)?;
                    at += size;
                    (copied, end) = (at, at + to.frame_room());
                    last = if size == 2 { Opcode::BinGet } else { Opcode::LongBinGet };
                    continue;
                }
            };
            // A list of numbers is longer, and may be.
            if byte != MARK && size > longest || input.len() - at < size {
                break;
            }
            at += size;
            last = match byte {
                MEMOIZE => last,
                MARK if size > 1 => Opcode::Appends,
                _ => Opcode::from_byte(byte).unwrap_or(last),
            };
        }
        self.copy(&input[copied..at], &mut made, entries, to);
        self.last = last;
        self.lexer.skip(at);
        Ok(at)
    }

    /// Copies instructions as they are, which make this many memo entries.
    fn copy(&mut self, bytes: &[u8], made: &mut u64, entries: &mut Renumbering, to: &mut Encoder) {
        if bytes.is_empty() {
            return;
        }
        entries.note_run(self.next_entry, to.instructions(bytes, *made), *made);
        self.next_entry = self.next_entry.saturating_add(*made);
        *made = 0;
    }

    /// Copies an instruction into a pickle with names of the other Python version.
    fn rename(
        &mut self,
        instruction: &Instruction<'_>,
        bytes: &[u8],
        to: &mut Encoder,
    ) -> Result<()> {
        use Opcode as O;
        let texts = core::mem::take(&mut self.texts);
        match (instruction.opcode, instruction.argument) {
            (opcode @ (O::Global | O::Inst), Argument::Lines(module, name)) => {
                return to.named(opcode, self.global(module, name));
            }
            (O::StackGlobal, _) => {
                let [Some(module), Some(name)] = &texts else {
                    return Err(unknown_name(instruction));
                };
                let global = self.global(module, name);
                if global != Global::of_lines(module, name) {
                    to.pop();
                    to.pop();
                    return to.named(O::Global, global);
                }
            }
            (
                O::BinUnicode
                | O::ShortBinUnicode
                | O::BinUnicode8
                | O::BinString
                | O::ShortBinString,
                Argument::Bytes(text),
            ) => {
                let [_, before] = texts;
                self.texts = [before, Some(text.to_vec())];
            }
            _ => {}
        }
        to.instruction(instruction, bytes);
        Ok(())
    }

    /// Returns the names on the lines of an instruction, as Python 3 has them.
    fn global<'a>(&self, module: &'a [u8], name: &'a [u8]) -> Global<'a> {
        let global = Global::of_lines(module, name);
        match self.has_python_2_names {
            true => global.to_python_3(),
            false => global,
        }
    }

    /// Returns whether a value begins with this opcode. The MARK of a batch begins none.
    fn begins_a_value(&self, opcode: Opcode) -> bool {
        use Opcode as O;
        let info = opcode.info();
        let is_batch = opcode == O::Mark
            && matches!(
                self.last,
                O::EmptyList | O::EmptyDict | O::EmptySet | O::Appends | O::SetItems | O::AddItems
            );
        info.before.is_empty() && !info.after.is_empty() && !is_batch
    }
}

/// A map from the memo entries of one pickle to those of another, in ranges of consecutive entries.
#[derive(Debug, Default)]
pub struct Renumbering {
    /// The ranges, by their first entry.
    known: BTreeMap<u64, Consecutive>,
    /// The range that was added to last, with its first entry.
    last: Option<(u64, Consecutive)>,
}

/// Entries that are consecutive in both pickles.
#[derive(Clone, Copy, Debug)]
struct Consecutive {
    len: u64,
    to: u64,
}

impl Consecutive {
    fn entry(self, begin: u64, entry: u64) -> Option<u64> {
        let index = entry.checked_sub(begin).filter(|&index| index < self.len)?;
        Some(self.to + index)
    }
}

impl Renumbering {
    /// Creates an empty map.
    pub fn new() -> Renumbering {
        Renumbering::default()
    }

    /// Returns the entry in the other pickle.
    pub fn get(&self, entry: u64) -> Option<u64> {
        let before = || self.known.range(..=entry).next_back();
        self.last
            .and_then(|(begin, last)| last.entry(begin, entry))
            .or_else(|| before().and_then(|(&begin, known)| known.entry(begin, entry)))
    }

    /// Sets the entry in the other pickle.
    pub fn note(&mut self, entry: u64, to: u64) {
        self.note_run(entry, to, 1);
    }

    /// Sets the entries in the other pickle of consecutive entries, which are consecutive there too.
    fn note_run(&mut self, entry: u64, to: u64, len: u64) {
        match &mut self.last {
            _ if len == 0 => {}
            Some((begin, last)) if *begin + last.len == entry && last.to + last.len == to => {
                last.len += len;
            }
            last => {
                if let Some((begin, before)) = last.replace((entry, Consecutive { len, to })) {
                    self.insert(begin, before);
                }
            }
        }
    }

    /// Removes a range of entries.
    pub fn forget(&mut self, entries: Range<u64>) {
        if let Some((begin, last)) = self.last.take() {
            self.insert(begin, last);
        }
        if entries.start < entries.end {
            let nothing = Consecutive { len: entries.end - entries.start, to: 0 };
            self.insert(entries.start, nothing);
            self.known.remove(&entries.start);
        }
    }

    /// Adds a range, and removes its entries from the others.
    fn insert(&mut self, begin: u64, new: Consecutive) {
        let end = begin + new.len;
        while let Some((&from, &old)) = self.known.range(..end).next_back() {
            if from + old.len <= begin {
                break;
            }
            self.known.remove(&from);
            if from < begin {
                self.known.insert(from, Consecutive { len: begin - from, ..old });
            }
            if from + old.len > end {
                let passed = end - from;
                self.known.insert(end, Consecutive { len: old.len - passed, to: old.to + passed });
            }
        }
        self.known.insert(begin, new);
    }

    /// Returns about the bytes that the map takes.
    pub fn bytes(&self) -> usize {
        self.known.len() * 2 * size_of::<(u64, Consecutive)>()
    }
}

#[cold]
fn too_new(instruction: &Instruction<'_>, protocol: u8) -> Error {
    let info = instruction.opcode.info();
    let message = format!("{} is of protocol {}, not {protocol}", info.name, info.protocol);
    Error::new(ErrorKind::Unsupported, "pickle.protocol", instruction.offset, message)
}

#[cold]
fn unknown_name(instruction: &Instruction<'_>) -> Error {
    let message = "expected two strs right before a STACK_GLOBAL with a name of Python 2";
    Error::new(ErrorKind::Unsupported, "pickle.protocol", instruction.offset, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn missing_entry_is_written_by_the_caller() {
        // [memo entry 3, 7], of which the entry is not in the other pickle.
        let stream = b"](h\x03K\x07e.";
        let span = Span { begin: 0, end: stream.len() as u64, memo: 4 };
        let mut transcriber = Transcriber::new(span, 2, &Limits::default());
        let (mut entries, mut to) = (Renumbering::new(), Encoder::new(2).unwrap());
        let done = transcriber.advance(stream, &mut entries, &mut to);
        assert_eq!(done, Ok(Transcribed::Missing(3)));
        assert_eq!(transcriber.offset(), 4);
        // The caller writes the number too.
        transcriber.skip_to(6, 4);
        assert_eq!(transcriber.offset(), 6);
    }

    /// Transcribes the instructions of a pickle between PROTO and STOP.
    fn transcribed(pickle: &[u8], from: u8, to: u8) -> Result<Vec<u8>> {
        let span = Span { begin: 0, end: pickle.len() as u64, memo: 0 };
        let mut transcriber = Transcriber::new(span, from, &Limits::default());
        let mut encoder = Encoder::new(to)?;
        let transcribed = transcriber.advance(pickle, &mut Renumbering::new(), &mut encoder)?;
        assert_eq!(transcribed, Transcribed::Need(1));
        encoder.stop();
        Ok(encoder.ready().to_vec())
    }

    #[test]
    fn run_of_instructions_has_the_entries_of_each() {
        // "a" (0), [1, 2, 2.5] (1), ("a", "a" (2)), b"bc" (3), and the list again.
        let numbers = b"]\x94(K\x01M\x02\0G\x40\x04\0\0\0\0\0\0e";
        let first = [b"\x8c\x01a\x94", numbers.as_slice()].concat();
        let stream = [first.as_slice(), b"h\0\x8c\x01a\x94\x86C\x02bc\x94h\x01."].concat();
        let span = Span { begin: 0, end: stream.len() as u64, memo: 0 };
        let (mut entries, mut to) = (Renumbering::new(), Encoder::new(4).unwrap());
        // The other pickle has 300 entries already.
        for _ in 0..300 {
            to.memoize();
        }
        let mut transcriber = Transcriber::new(span, 4, &Limits::default());
        let body = &stream[..stream.len() - 1];
        let done = transcriber.advance(body, &mut entries, &mut to).unwrap();
        assert_eq!((done, transcriber.next_entry()), (Transcribed::Need(1), 4));
        assert_eq!(
            (0..5).map(|entry| entries.get(entry)).collect::<Vec<_>>(),
            [Some(300), Some(301), Some(302), Some(303), None]
        );
        to.stop();
        let expected =
            [&first, &b"j\x2c\x01\0\0\x8c\x01a\x94\x86C\x02bc\x94j\x2d\x01\0\0."[..]].concat();
        assert!(to.ready().ends_with(&expected), "{}", to.ready().escape_ascii());
    }

    #[test]
    fn names_are_those_of_the_protocol() {
        let old = b"c__builtin__\nxrange\n(icopy_reg\nf\ncUserDict\nUserDict\n";
        let new = b"cbuiltins\nrange\n(icopyreg\nf\nccollections\nUserDict\n";
        let pickle = |protocol, names: &[u8]| [&[0x80, protocol][..], names, b"."].concat();
        for (from, to, names, expected) in [
            (0, 2, old, old.as_slice()),
            (2, 3, old, new),
            (3, 3, new, new),
            (3, 2, new, b"c__builtin__\nxrange\n(icopy_reg\nf\ncUserDict\nIterableUserDict\n"),
            // A module of the user's own, which only protocol 2 takes for one of Python 2.
            (3, 3, b"cQueue\nQueue\n", b"cQueue\nQueue\n"),
            (2, 3, b"cQueue\nQueue\n", b"cqueue\nQueue\n"),
        ] as [(u8, u8, &[u8], &[u8]); 6]
        {
            assert_eq!(transcribed(names, from, to).unwrap(), pickle(to, expected), "{from} {to}");
        }
        for (names, expected) in [
            (&b"U\x01mq\0U\x01n\x93"[..], &b"U\x01m\x94U\x01n\x93."[..]),
            (b"U\x08copy_regU\x01n\x93", b"U\x08copy_regU\x01n00ccopyreg\nn\n."),
        ] {
            let transcribed = transcribed(names, 0, 4).unwrap();
            assert!(transcribed.ends_with(expected), "{transcribed:?}");
        }
        let from_memo = transcribed(b"U\x01mq\0U\x01nh\0\x93", 0, 4);
        assert_eq!(from_memo.unwrap_err().clause(), "pickle.protocol");
    }

    proptest! {
        #[test]
        fn a_renumbering_is_a_map(
            runs in prop::collection::vec((0..40u64, 0..9u64, prop::option::of(0..99u64)), 0..30),
        ) {
            let (mut renumbering, mut map) = (Renumbering::new(), BTreeMap::new());
            for (begin, len, to) in runs {
                let Some(to) = to else {
                    renumbering.forget(begin..begin + len);
                    map.retain(|entry, _| !(begin..begin + len).contains(entry));
                    continue;
                };
                for index in 0..len {
                    renumbering.note(begin + index, to + index);
                    map.insert(begin + index, to + index);
                }
            }
            let found: Vec<_> = (0..50).filter_map(|entry| Some((entry, renumbering.get(entry)?))).collect();
            prop_assert_eq!(found, map.into_iter().collect::<Vec<_>>());
        }
    }
}
