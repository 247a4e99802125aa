//! The same instructions as the last time, with other numbers and payloads.
//!
//! The elements of a file are mostly made alike: from one small array to the next, two numbers and
//! the bytes are all that differs. A template is what stays. Instructions that fit it make the graph
//! that the last ones made, but for what is in its *holes*, so that graph is filled in and not built
//! again:
//!
//! ```text
//!  element    h 2  h 5  K 0  \x85 \x94 ...  K 1  K 7  \x85 \x94 h 25  \x89  C 56 ........  \x94 t \x94 b
//!  template   fixed     hole fixed          hole hole fixed                 hole           fixed
//! ```
//!
//! Only instructions whose effect their bytes decide are fixed, so that what fits is right: none
//! that reads a line, counts buffers, or reads a memo entry of the element itself. Memo entries are
//! written under numbers that count from where the element begins. A property holds that a graph
//! that is filled in is the graph that is built.

use alloc::vec::Vec;

use crate::lexer::{long_payload, number, short_payload};
use crate::opcode::Opcode;
use crate::utf8;

/// What is fixed of some instructions, and where the holes are.
#[derive(Debug, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
    /// The bytes of the fixed parts, one behind the other.
    fixed: Vec<u8>,
    /// Memo entries that have to be made before: those that are read.
    entries: u64,
    /// Whether it is a text and nothing else, but for what is fixed behind it.
    is_text: bool,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// So many bytes that stay.
    Fixed(usize),
    /// An instruction that makes a node of this kind.
    Hole(Hole),
    /// A PUT of the entry this far behind the first of the element.
    Put(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    Int,
    Float,
    Str,
    Str2,
    Bytes,
}

/// What is in a hole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filling {
    Int(i64),
    Float(f64),
    /// So many bytes, from this place in the input on.
    Payload(usize, usize),
}

impl Template {
    /// Parts beyond which instructions are not remembered: what is long is seldom repeated, and
    /// a template stays small.
    const MOST: usize = 64;

    /// Learns the instructions of `input`, which make memo entries from `memo` on, and whose holes
    /// are these. `None` where they cannot be repeated.
    pub(crate) fn learn(
        &mut self,
        mut input: &[u8],
        memo: u64,
        mut holes: impl Iterator<Item = Hole>,
    ) -> Option<()> {
        self.parts.clear();
        self.fixed.clear();
        self.entries = 0;
        while let Some(opcode) = Opcode::from_byte(*input.first()?) {
            let size = if let Some((hole, _, size)) = hole(opcode, &input[1..], u64::MAX) {
                self.parts.push(Part::Hole(holes.next().filter(|made| *made == hole)?));
                size
            } else if let Some((index, size)) = put(opcode, &input[1..]) {
                self.parts.push(Part::Put(index.checked_sub(memo)?));
                size
            } else if opcode == Opcode::Frame {
                9 // A frame may begin anywhere, and does nothing.
            } else {
                let (size, entries) = fixed(opcode, &input[1..])?;
                self.entries = self.entries.max(entries);
                self.fixed.extend_from_slice(&input[..size]);
                match self.parts.last_mut() {
                    Some(Part::Fixed(bytes)) => *bytes += size,
                    _ => self.parts.push(Part::Fixed(size)),
                }
                size
            };
            input = input.get(size..)?;
            if input.is_empty() {
                let is_whole = self.entries <= memo && holes.next().is_none();
                self.is_text = matches!(
                    self.parts[..],
                    [Part::Hole(Hole::Str)] | [Part::Hole(Hole::Str), Part::Fixed(_)]
                );
                return is_whole.then_some(());
            }
            if self.parts.len() >= Template::MOST || self.fixed.len() >= 4 * Template::MOST {
                return None;
            }
        }
        None
    }

    /// Whether `input` are the same instructions, with memo entries from `memo` on, and no payload
    /// of more than `longest` bytes. Says what fills the holes, one after another, up to where they
    /// cease to be the same.
    #[inline]
    pub(crate) fn fit(
        &self,
        input: &[u8],
        memo: u64,
        longest: u64,
        mut fill: impl FnMut(Filling) -> bool,
    ) -> bool {
        if memo < self.entries {
            return false;
        }
        if self.is_text {
            return self.fit_text(input, longest).is_some_and(fill);
        }
        let (mut at, mut fixed) = (0, self.fixed.as_slice());
        for part in &self.parts {
            at += match *part {
                Part::Fixed(bytes) => {
                    let (expected, others) = fixed.split_at(bytes);
                    fixed = others;
                    if !input[at..].starts_with(expected) {
                        return false;
                    }
                    bytes
                }
                Part::Hole(expected) => match next(&input[at..]) {
                    Some((opcode, rest)) => match hole(opcode, rest, longest) {
                        Some((found, filling, size)) if found == expected => {
                            if !fill(filling.behind(at)) {
                                return false;
                            }
                            size
                        }
                        _ => return false,
                    },
                    None => return false,
                },
                Part::Put(expected) => {
                    match next(&input[at..]).and_then(|(opcode, rest)| put(opcode, rest)) {
                        Some((index, size)) if index.checked_sub(memo) == Some(expected) => size,
                        _ => return false,
                    }
                }
            };
        }
        at == input.len()
    }
}

impl Template {
    /// What [`fit`](Self::fit) comes to for a text: arrays of strings are made of nothing else.
    #[inline]
    fn fit_text(&self, input: &[u8], longest: u64) -> Option<Filling> {
        let (opcode, rest) = next(input)?;
        let (start, text) = match opcode {
            Opcode::ShortBinUnicode => (2, short_payload(rest)?),
            Opcode::BinUnicode => (5, long_payload(rest)?),
            _ => return None,
        };
        let is_like = input[start + text.len()..] == self.fixed
            && text.len() as u64 <= longest
            && utf8::validate(text).is_ok();
        is_like.then_some(Filling::Payload(start, text.len()))
    }
}

impl Filling {
    /// The same, where the instruction begins at this place in the input.
    fn behind(self, at: usize) -> Filling {
        match self {
            Filling::Payload(start, len) => Filling::Payload(at + start, len),
            number => number,
        }
    }
}

/// The opcode that `input` begins with, and what stands behind it.
#[inline(always)]
fn next(input: &[u8]) -> Option<(Opcode, &[u8])> {
    let (&byte, rest) = input.split_first()?;
    Some((Opcode::from_byte(byte)?, rest))
}

/// What an instruction fills a hole with, and its size; `rest` is what stands behind its opcode.
#[inline(always)]
fn hole(opcode: Opcode, rest: &[u8], longest: u64) -> Option<(Hole, Filling, usize)> {
    use Opcode as O;
    let int = |int, size| Some((Hole::Int, Filling::Int(int), size));
    let payload = |hole, bytes: &[u8], start| {
        let filling = Filling::Payload(start, bytes.len());
        (bytes.len() as u64 <= longest).then_some((hole, filling, start + bytes.len()))
    };
    let is_text = |bytes: &&[u8]| utf8::validate(bytes).is_ok();
    match opcode {
        O::BinInt1 => int(u8::from_le_bytes(number(rest)?).into(), 2),
        O::BinInt2 => int(u16::from_le_bytes(number(rest)?).into(), 3),
        O::BinInt => int(i32::from_le_bytes(number(rest)?).into(), 5),
        O::BinFloat => Some((Hole::Float, Filling::Float(f64::from_be_bytes(number(rest)?)), 9)),
        O::ShortBinBytes => payload(Hole::Bytes, short_payload(rest)?, 2),
        O::BinBytes => payload(Hole::Bytes, long_payload(rest)?, 5),
        O::ShortBinUnicode => payload(Hole::Str, short_payload(rest).filter(is_text)?, 2),
        O::BinUnicode => payload(Hole::Str, long_payload(rest).filter(is_text)?, 5),
        O::ShortBinString => payload(Hole::Str2, short_payload(rest)?, 2),
        _ => None,
    }
}

/// The memo entry that an instruction writes by its number, and the instruction's size.
#[inline(always)]
fn put(opcode: Opcode, rest: &[u8]) -> Option<(u64, usize)> {
    match opcode {
        Opcode::BinPut => Some((u8::from_le_bytes(number(rest)?).into(), 2)),
        Opcode::LongBinPut => Some((u32::from_le_bytes(number(rest)?).into(), 5)),
        _ => None,
    }
}

/// The size of an instruction that stays as it is, and how many memo entries have to be made
/// before, for what it reads.
fn fixed(opcode: Opcode, rest: &[u8]) -> Option<(usize, u64)> {
    use Opcode as O;
    match opcode {
        O::BinGet => Some((2, u64::from(u8::from_le_bytes(number(rest)?)) + 1)),
        O::LongBinGet => Some((5, u64::from(u32::from_le_bytes(number(rest)?)) + 1)),
        O::None | O::NewTrue | O::NewFalse | O::Memoize | O::Mark => Some((1, 0)),
        O::EmptyTuple | O::Tuple | O::Tuple1 | O::Tuple2 | O::Tuple3 => Some((1, 0)),
        O::EmptyList | O::Append | O::Appends | O::EmptySet | O::AddItems => Some((1, 0)),
        O::EmptyDict | O::SetItem | O::SetItems | O::FrozenSet => Some((1, 0)),
        O::StackGlobal | O::Reduce | O::NewObj | O::Build => Some((1, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Region, Source};
    use crate::lexer::Lexer;
    use crate::limits::Limits;
    use crate::machine::Machine;
    use crate::value::TreeLimits;
    use alloc::format;
    use alloc::string::String;

    /// What `second` makes of the graph of `first`, if it is like it. Both have 3 memo entries
    /// before them, of which one is a list.
    fn repeat(first: &[u8], second: &[u8]) -> Option<String> {
        let limits = Limits { argument: 10, ..Limits::default() };
        let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
        machine.reset(&graph, Region::Shared, 0);
        machine.run(&mut graph, &mut Lexer::new(0, &limits), b"]q\x02").unwrap();
        machine.define_entries(&mut graph);
        machine.reset(&graph, Region::Own, 3);
        machine.run(&mut graph, &mut Lexer::new(0, &limits), first).unwrap();
        machine.finish(0).unwrap();
        machine.learn(&mut graph, first);
        if !machine.repeat(&mut graph, 1000, 3, second) {
            return None;
        }
        let value = machine.finish(0).unwrap();
        let source = Source { bytes: second, offset: 1000 };
        Some(format!("{:?}", graph.value(value, source).to_value(TreeLimits::default()).unwrap()))
    }

    #[test]
    fn other_numbers_and_payloads_fit() {
        for (first, second, expected) in [
            (&b"K\x01"[..], &b"J\xff\xff\xff\xff"[..], "Int(-1)"),
            (b"K\x01M\0\x01\x86\x94", b"M\0\x01K\x02\x86\x94", "Tuple([Int(256), Int(2)])"),
            (
                b"\x8c\x01aq\x03C\0\x86",
                b"X\0\0\0\0r\x03\0\0\0C\x01b\x86",
                "Tuple([Str(\"\"), Bytes([98])])",
            ),
            (b"h\x02U\x01a\x86", b"h\x02U\x01b\x86", "Tuple([List([]), Str2([98])])"),
            (b"\x95\0\0\0\0\0\0\0\0K\x01", b"K\x02", "Int(2)"),
            (b"G\0\0\0\0\0\0\0\0", b"G?\xf8\0\0\0\0\0\0", "Float(1.5)"),
            (b"](K\x01K\x02e", b"](K\x03K\x04e", "List([Int(3), Int(4)])"),
            (b"\x8c\x01a", b"\x8c\0", "Str(\"\")"),
            (b"X\x01\0\0\0a\x94", b"\x8c\x02bc\x94", "Str(\"bc\")"),
            (b"\x8c\x01a\x94", b"X\x02\0\0\0\xc3\xa9\x94", "Str(\"\u{e9}\")"),
        ] {
            assert_eq!(
                repeat(first, second).as_deref(),
                Some(expected),
                "{}",
                second.escape_ascii()
            );
        }
    }

    #[test]
    fn what_is_otherwise_made_does_not_fit() {
        for (first, second) in [
            (&b"K\x01"[..], &b"N"[..]),
            (b"K\x01", b"K\x01K\x02\x86"),
            (b"K\x01K\x02\x86", b"K\x01"),
            (b"K\x01", b"K"),
            (b"K\x01", b"C\x01a"),
            (b"h\x02", b"h\x01"),
            (b"\x8c\x01aq\x03", b"\x8c\x01aq\x04"),
            // Not UTF-8, and over the limit.
            (b"\x8c\x01a", b"\x8c\x01\xff"),
            (b"\x8c\x01a", b"\x8c\x01b\x94"),
            (b"\x8c\x01a\x94", b"\x8c\x01b"),
            (b"\x8c\x01a\x94", b"\x8c\x01\x94"),
            (b"\x8c\x01a", b"\x8c"),
            (b"\x8c\x01a", b"\x8c\x0babcdefghijk"),
            (b"C\x01a", b"C\x0babcdefghijk"),
            // A memo entry of the element itself, and what is too large for a number of 32 bits.
            (b"]\x94h\x03\x86", b"]\x94h\x03\x86"),
            (b"\x8a\x01\x01", b"\x8a\x01\x01"),
        ] {
            assert_eq!(repeat(first, second), None, "{}", second.escape_ascii());
        }
    }
}
