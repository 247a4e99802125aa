//! The same instructions as the last time, with other numbers and payloads.
//!
//! The elements of a file are mostly made alike: from one small array to the next, a number and the
//! bytes are all that differs. A template is what stays. Instructions that fit it make the graph that
//! the last ones made, but for what is in its *holes*, so that graph is filled in and not built
//! again; and they do to the stack of a survey what the last ones did:
//!
//! ```text
//!  element    h 2  h 5  K 0  \x85 \x94 ...  K 1  K 7  \x85 \x94 h 25  \x89  C 56 ........  \x94 t \x94 b
//!  template   fixed                             hole fixed                 hole           fixed
//! ```
//!
//! Whatever makes a leaf is a hole at first. An int that has not changed for a while is *steady*,
//! and fixed like the rest.
//!
//! Only instructions whose effect depends on their bytes alone are fixed, so that what fits is
//! right: none that reads a line, counts buffers, or reads a memo entry of the element itself. Memo
//! entries are written under numbers that count from where the element begins. A property holds that
//! a graph that is filled in is the graph that is built.

use alloc::vec::Vec;

use crate::graph::Node;
use crate::lex::{number, numbers};
use crate::machine::leaf;
use crate::opcode::{BIN_INT_1, Opcode, SHORT_BIN_BYTES, SHORT_BIN_UNICODE};

const FRAME: u8 = Opcode::Frame as u8;

/// When it is time to learn a template again: less and less often while none is of use. Elements that
/// are all made in their own ways are not worth it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    /// How many chances are let pass, and how many that will be the next time.
    wait: u32,
    next: u32,
}

impl Patience {
    const MOST: u32 = 63;

    /// Whether this chance is to be taken.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.next = (2 * self.next + 1).min(Patience::MOST);
        self.wait = self.next;
        true
    }

    /// Says that what was learnt is of use.
    #[inline]
    pub(crate) fn reset(&mut self) {
        *self = Patience::default();
    }
}

/// Which of the leaves of some instructions stay, in the order in which they are made: a bit for
/// each, from the lowest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steady(u128);

impl Steady {
    /// In how many values a leaf has to be what it was in the first.
    pub(crate) const SEEN: usize = 32;

    /// All of them.
    pub(crate) const ALL: Steady = Steady(u128::MAX);

    /// Whether the leaf of this number is one of them.
    pub(crate) fn has(self, leaf: usize) -> bool {
        leaf < Template::MOST && self.0 & (1 << leaf) != 0
    }

    /// Says that the leaf of this number is none of them.
    pub(crate) fn remove(&mut self, leaf: usize) {
        if leaf < Template::MOST {
            self.0 &= !(1 << leaf);
        }
    }
}

/// What is fixed of some instructions, and where the holes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
    /// How many leaves the instructions make, in holes or not.
    leaves: usize,
    /// Memo entries that have to be made before: those that are read.
    entries: u64,
    /// Memo entries that it makes; `None` where those are not one after another.
    made: Option<u64>,
}

/// Bytes that stay, and what stands behind them.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    fixed: Word,
    then: Then,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Then {
    #[default]
    Nothing,
    /// An instruction that makes a leaf.
    Hole,
    /// A PUT of the entry this far behind the first of the element.
    Put(u64),
}

/// Up to 16 bytes, which are compared as one number.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    bytes: u128,
    mask: u128,
    size: usize,
}

impl Word {
    const MOST: usize = 16;

    /// With these bytes behind it, if there is room for them.
    fn extended(mut self, bytes: &[u8]) -> Option<Word> {
        if self.size + bytes.len() > Word::MOST {
            return None;
        }
        for &byte in bytes {
            self.bytes |= u128::from(byte) << (8 * self.size);
            self.mask |= 0xff << (8 * self.size);
            self.size += 1;
        }
        Some(self)
    }

    /// What stands behind these bytes, if `input` begins with them. What lies beyond its end counts
    /// as zeros.
    #[inline(always)]
    fn strip<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        let bytes = match input.first_chunk() {
            Some(bytes) => u128::from_le_bytes(*bytes),
            None => padded(input),
        };
        if bytes & self.mask == self.bytes { input.get(self.size..) } else { None }
    }
}

/// Fewer than 16 bytes as a number.
#[cold]
#[inline(never)]
fn padded(input: &[u8]) -> u128 {
    let mut bytes = [0; Word::MOST];
    bytes[..input.len()].copy_from_slice(input);
    u128::from_le_bytes(bytes)
}

impl Template {
    /// So many instructions are remembered, and no more: what is long is seldom repeated, and
    /// a template stays small.
    const MOST: usize = u128::BITS as usize;

    /// Learns the instructions of `input`, which make memo entries from `memo` on, with holes for
    /// all leaves but the steady ones; `false` where they cannot be repeated.
    pub(crate) fn learn(&mut self, mut input: &[u8], memo: u64, steady: Steady) -> bool {
        self.parts.clear();
        (self.leaves, self.entries, self.made) = (0, 0, Some(0));
        for _ in 0..Template::MOST {
            if input.is_empty() {
                break;
            }
            let size = self.learn_one(input, memo, steady);
            let Some(rest) = size.and_then(|size| input.get(size..)) else { return false };
            input = rest;
        }
        input.is_empty() && !self.parts.is_empty() && self.entries <= memo
    }

    /// Learns one instruction, and says its size.
    fn learn_one(&mut self, input: &[u8], memo: u64, steady: Steady) -> Option<usize> {
        let (opcode, rest) = next(input)?;
        if let Some(size) = leaf::size(opcode, rest) {
            self.leaves += 1;
            if steady.has(self.leaves - 1) {
                return self.fix(input.get(..size)?);
            }
            self.last().then = Then::Hole;
            return Some(size);
        }
        if let Some((index, size)) = put(opcode, rest) {
            let entry = index.checked_sub(memo)?;
            self.made = self.made.filter(|made| *made == entry).map(|made| made + 1);
            self.last().then = Then::Put(entry);
            return Some(size);
        }
        if opcode == Opcode::Frame {
            return Some(9); // A frame may begin anywhere, and does nothing.
        }
        let (size, entries) = fixed(opcode, rest)?;
        self.entries = self.entries.max(entries);
        if opcode == Opcode::Memoize {
            self.made = self.made.map(|made| made + 1);
        }
        self.fix(input.get(..size)?)
    }

    /// Adds bytes that stay, and says how many.
    fn fix(&mut self, bytes: &[u8]) -> Option<usize> {
        let last = self.last();
        match last.fixed.extended(bytes) {
            Some(longer) => last.fixed = longer,
            None => {
                let fixed = Word::default().extended(bytes)?;
                self.parts.push(Part { fixed, then: Then::Nothing });
            }
        }
        Some(bytes.len())
    }

    /// The last part, to which more can be added.
    fn last(&mut self) -> &mut Part {
        if self.parts.last().is_none_or(|last| last.then != Then::Nothing) {
            self.parts.push(Part::default());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// Whether it is of a leaf, in the memo by MEMOIZE, and nothing else.
    pub(crate) fn is_leaf(&self) -> bool {
        let [Part { fixed: Word { size: 0, .. }, then: Then::Hole }, memoize] = self.parts[..]
        else {
            return false;
        };
        (memoize.fixed.bytes, memoize.fixed.size) == (Opcode::Memoize as u128, 1)
    }

    /// How many leaves the instructions make.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    /// How many memo entries the instructions make; `None` where those are not one after another.
    pub(crate) fn made(&self) -> Option<u64> {
        self.made
    }

    /// Which of the leaves of `first`, of which this was learnt, are the same in all of the others
    /// that begin like it. Each comes with the number of its first memo entry.
    ///
    /// Only ints can be: the node of a payload holds its place in the file, which is another one
    /// each time.
    pub(crate) fn steady_in<'i>(
        &self,
        (first, memo): (&'i [u8], u64),
        others: impl Iterator<Item = (&'i [u8], u64)>,
    ) -> Steady {
        let Some(leaves) = self.leaves_of(first, memo) else { return Steady::default() };
        let (mut steady, mut seen) = (Steady::ALL, 0);
        for same in others.filter_map(|(other, memo)| self.leaves_of(other, memo)) {
            seen += 1;
            for (number, (leaf, other)) in leaves.iter().zip(same).enumerate() {
                if *leaf != other || numbers::int(leaf).is_none() {
                    steady.remove(number);
                }
            }
        }
        if seen < Steady::SEEN { Steady::default() } else { steady }
    }

    /// The instructions that fill the holes of a member that fits; the other places are empty.
    fn leaves_of<'i>(&self, member: &'i [u8], memo: u64) -> Option<[&'i [u8]; Template::MOST]> {
        let mut leaves = [&[][..]; Template::MOST];
        let mut places = leaves.iter_mut();
        self.walk(member, memo, |rest| {
            let (opcode, argument) = next(rest)?;
            let size = leaf::size(opcode, argument)?;
            *places.next()? = rest.get(..size)?;
            Some(size)
        })?;
        Some(leaves)
    }

    /// Whether the `size` bytes that `input` begins with, which begins at `offset`, are the same
    /// instructions, with memo entries from `memo` on, and no payload of more than `longest` bytes.
    /// Says what fills the holes, one after another, up to where they cease to be the same.
    #[inline]
    pub(crate) fn fit(
        &self,
        input: &[u8],
        size: usize,
        offset: u64,
        memo: u64,
        longest: u64,
        mut fill: impl FnMut(Node) -> bool,
    ) -> bool {
        let behind = self.walk(input, memo, |rest| {
            let (leaf, size) = match *rest.first_chunk()? {
                [BIN_INT_1, int] => (Node::Int(int.into()), 2),
                [byte, _] => {
                    let opcode = Opcode::from_byte(byte)?;
                    let offset = offset + (input.len() - rest.len()) as u64;
                    leaf::leaf(opcode, &rest[1..], offset, longest)?
                }
            };
            fill(leaf).then_some(size)
        });
        let Some(behind) = behind else { return false };
        let fitting = input.len() - behind.len();
        fitting == size || (fitting + 9 == size && behind.first() == Some(&FRAME))
    }

    /// The size of the instructions that `input` begins with, if they are the same, with memo
    /// entries from `memo` on. What payloads say is not looked at.
    #[inline(always)]
    pub(crate) fn measure(&self, input: &[u8], memo: u64) -> Option<usize> {
        let behind = self.walk(input, memo, |rest| match *rest.first_chunk()? {
            [BIN_INT_1, _] => Some(2),
            [SHORT_BIN_UNICODE | SHORT_BIN_BYTES, size] => Some(2 + usize::from(size)),
            [byte, _] => leaf::size(Opcode::from_byte(byte)?, &rest[1..]),
        })?;
        // What comes next may be in another frame.
        let behind = if behind.first() == Some(&FRAME) { behind.get(9..)? } else { behind };
        Some(input.len() - behind.len())
    }

    /// Returns the bytes after the instructions, if `input` begins with the same ones. `hole` is called
    /// with the bytes at each hole, and returns the size of the instruction there, which may be more
    /// than the bytes that are left.
    #[inline(always)]
    fn walk<'i>(
        &self,
        input: &'i [u8],
        memo: u64,
        mut hole: impl FnMut(&'i [u8]) -> Option<usize>,
    ) -> Option<&'i [u8]> {
        if memo < self.entries {
            return None;
        }
        let mut rest = input;
        for part in &self.parts {
            rest = part.fixed.strip(rest)?;
            let size = match part.then {
                Then::Nothing => continue,
                Then::Hole => hole(rest)?,
                Then::Put(entry) => {
                    let (opcode, argument) = next(rest)?;
                    let (index, size) = put(opcode, argument)?;
                    (index.checked_sub(memo) == Some(entry)).then_some(size)?
                }
            };
            rest = rest.get(size..)?;
        }
        Some(rest)
    }
}

/// The opcode that `input` begins with, and what stands behind it.
#[inline(always)]
fn next(input: &[u8]) -> Option<(Opcode, &[u8])> {
    let (&byte, rest) = input.split_first()?;
    Some((Opcode::from_byte(byte)?, rest))
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
    use super::{Steady, Template};
    use crate::graph::{Graph, Region, Source, TreeLimits};
    use crate::lex::Lexer;
    use crate::limits::Limits;
    use crate::machine::Machine;
    use crate::skeleton::Repeater;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

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
        let mut repeater = Repeater::new();
        repeater.learn(&graph, &machine, first);
        let repeated = repeater.repeat(&mut graph, second, second.len(), 1000, 3, &limits)?;
        let &[value] = repeated else { panic!("one value") };
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
            (b"K\x01", b"K\x02\x95\0\0\0\0\0\0\0\0", "Int(2)"),
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
    fn an_int_that_stays_is_fixed_until_it_changes() {
        let limits = Limits::default();
        let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
        let element =
            |steady: u8, int: u8| [b'K', int, b'K', steady, b'C', 1, int, b'\x87', b'\x94'];
        let first = element(7, 0);
        machine.reset(&graph, Region::Own, 0);
        machine.run(&mut graph, &mut Lexer::new(0, &limits), &first).unwrap();
        let mut repeater = Repeater::new();
        repeater.learn(&graph, &machine, &first);
        let mut show = |element: &[u8], memo| {
            let size = element.len();
            let repeated = repeater.repeat(&mut graph, element, size, 100, memo, &limits)?;
            let &[value] = repeated else { panic!("one value") };
            let value = graph.value(value, Source { bytes: element, offset: 100 });
            Some(format!("{:?}", value.to_value(TreeLimits::default()).unwrap()))
        };
        for int in 1..=50 {
            let expected = format!("Tuple([Int({int}), Int(7), Bytes([{int}])])");
            assert_eq!(show(&element(7, int), int.into()), Some(expected));
        }
        assert_eq!(show(&element(8, 51), 51), None);
    }

    #[test]
    fn an_int_that_changes_is_not_fixed() {
        for int in [1, 31, 32] {
            let members = (0..=Steady::SEEN).map(|n| [b'K', 7, b'K', u8::from(n == int), b'\x86']);
            let members: Vec<_> = members.collect();
            let mut template = Template::default();
            assert!(template.learn(&members[0], 0, Steady::default()));
            let others = members[1..].iter().map(|member| (&member[..], 0));
            let steady = template.steady_in((&members[0], 0), others.clone());
            assert!(steady.has(0) && !steady.has(1), "{int}");
            // Of fewer it is not known.
            assert_eq!(template.steady_in((&members[0], 0), others.skip(1)), Steady::default());
        }
    }

    #[test]
    fn what_is_cut_off_does_not_fit() {
        for (first, second) in [
            (&b"h\x02\x8c\x01a"[..], &b"h\x02\x8c\x03abc"[..]),
            (b"K\x01C\0q\x03\x86", b"M\x01\x02C\x0a0123456789q\x03\x86"),
            (b"K\x01K\x02\x86\x94h\x02\x86", b"M\x01\x02K\x03\x86\x94h\x02\x86"),
        ] {
            let mut template = Template::default();
            assert!(template.learn(first, 3, Steady::default()));
            for size in 0..second.len() {
                assert_eq!(template.measure(&second[..size], 3), None, "{size}");
            }
            for behind in [&b""[..], b"h", second] {
                let input = [second, behind].concat();
                assert_eq!(template.measure(&input, 3), Some(second.len()));
            }
        }
    }

    #[test]
    fn what_is_otherwise_made_does_not_fit() {
        for (first, second) in [
            (&b"K\x01"[..], &b"N"[..]),
            (b"K\x01", b"K\x01K\x02\x86"),
            (b"K\x01", b"K\x01\x95\0\0\0\0\0\0\0"),
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
