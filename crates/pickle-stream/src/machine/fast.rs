//! The fast way through the instructions that files are made of.
//!
//! [`Machine::execute`] is the reference: it knows every opcode, every limit and every fault. This
//! loop does the same for the plain case alone: a binary opcode that is wholly there, no limit near,
//! nodes of the own region. What makes one value of many, or changes one, it hands to the
//! reference's own methods; any instruction that is not plain it leaves, untouched, to the reference
//! and its lexer. A property holds that both ways make the same graph.

use super::execute::{Machine, Step, most};
use crate::error::Result;
use crate::graph::{Chain, Graph, Node, NodeId, Payload, Region, twos_complement, utf8};
use crate::lex::{Argument, Lexer, long_payload, number, numbers, short_payload};
use crate::opcode::Opcode;

/// A machine among plain instructions.
struct Run<'s> {
    machine: &'s mut Machine,
    graph: &'s mut Graph,
}

impl Machine {
    /// Executes the plain instructions that `input` begins with, which begins at `lexer`'s offset.
    /// Returns how many bytes they take.
    ///
    /// Fails as [`execute`](Self::execute) does.
    #[inline]
    pub(super) fn run_plain(
        &mut self,
        graph: &mut Graph,
        lexer: &mut Lexer,
        input: &[u8],
    ) -> Result<usize> {
        if self.region != Region::Own {
            return Ok(0);
        }
        let input = &input[..input.len().min(self.room(graph)).min(lexer.room())];
        let start = lexer.offset();
        let mut run = Run { machine: self, graph };
        let (mut at, mut failed) = (0, None);
        while let Some(&byte) = input.get(at)
            && let Some(opcode) = Opcode::from_byte(byte)
            && failed.is_none()
        {
            let offset = start + at as u64;
            at += match run.step(opcode, &input[at + 1..], offset) {
                Some(size) => size,
                None if is_composite(opcode) => {
                    failed = run.compose(opcode, offset).err();
                    1
                }
                None => break,
            };
        }
        lexer.skip(at);
        failed.map_or(Ok(at), Err)
    }

    /// Within so many bytes no limit is met: an instruction takes one at least, pushes one value or
    /// mark at most, makes one node at most, and writes one memo entry at most. A link is made of a
    /// value that leaves the stack.
    fn room(&self, graph: &Graph) -> usize {
        let stack = most(self.limits.stack).saturating_sub(self.stack.len());
        let marks = most(self.limits.marks).saturating_sub(self.marks.len());
        let memo = most(self.limits.nodes).saturating_sub(self.memo.len());
        let nodes = graph.room(Region::Own, self.limits.nodes, self.stack.len());
        stack.min(marks).min(memo).min(nodes)
    }
}

/// Whether the opcode has no argument, and is left to a method of the reference.
fn is_composite(opcode: Opcode) -> bool {
    use Opcode as O;
    matches!(
        opcode,
        O::Append
            | O::Appends
            | O::SetItem
            | O::SetItems
            | O::AddItems
            | O::List
            | O::Dict
            | O::FrozenSet
            | O::StackGlobal
            | O::Reduce
            | O::NewObj
            | O::Build
    )
}

/// The node that a plain instruction makes, which begins at `offset`, and its size; `rest` is what
/// stands behind its opcode. `None` where it makes no leaf, is not wholly there, or makes what the
/// reference has to judge: a text that is not UTF-8, a payload of more than `longest` bytes.
#[inline(always)]
pub(crate) fn leaf(
    opcode: Opcode,
    rest: &[u8],
    offset: u64,
    longest: u64,
) -> Option<(Node, usize)> {
    use Opcode as O;
    let payload = |node: fn(Payload) -> Node, bytes: &[u8], start: usize| {
        let payload = Payload::source(offset + start as u64, bytes.len());
        (bytes.len() as u64 <= longest).then(|| (node(payload), start + bytes.len()))
    };
    let is_text = |bytes: &&[u8]| utf8::validate(bytes).is_ok();
    Some(match opcode {
        O::BinInt1 => (Node::Int(u8::from_le_bytes(number(rest)?).into()), 2),
        O::BinInt2 => (Node::Int(u16::from_le_bytes(number(rest)?).into()), 3),
        O::BinInt => (Node::Int(i32::from_le_bytes(number(rest)?).into()), 5),
        O::BinFloat => (Node::Float(f64::from_be_bytes(number(rest)?)), 9),
        O::ShortBinUnicode => payload(Node::Str, short_payload(rest).filter(is_text)?, 2)?,
        O::BinUnicode => payload(Node::Str, long_payload(rest).filter(is_text)?, 5)?,
        O::ShortBinBytes => payload(Node::Bytes, short_payload(rest)?, 2)?,
        O::BinBytes => payload(Node::Bytes, long_payload(rest)?, 5)?,
        O::ShortBinString => payload(Node::Str2, short_payload(rest)?, 2)?,
        _ => return None,
    })
}

impl Run<'_> {
    /// Executes an instruction without an argument as the reference does, out of the way of those
    /// that there are most of.
    #[inline(never)]
    fn compose(&mut self, opcode: Opcode, offset: u64) -> Result<()> {
        let mut step =
            Step { machine: self.machine, graph: self.graph, opcode, offset, end: offset + 1 };
        step.execute(Argument::None).map(drop)
    }

    /// Executes one instruction, if it is a plain one; `rest` is what stands behind its opcode.
    /// Returns its size.
    #[inline(always)]
    fn step(&mut self, opcode: Opcode, rest: &[u8], offset: u64) -> Option<usize> {
        use Opcode as O;
        match opcode {
            O::None => self.push_id(NodeId::NONE, 1),
            O::NewTrue => self.push_id(NodeId::TRUE, 1),
            O::NewFalse => self.push_id(NodeId::FALSE, 1),
            O::EmptyTuple => self.push_id(NodeId::EMPTY_TUPLE, 1),
            O::BinInt1 | O::BinInt2 | O::BinInt => self.push_int_and_more(opcode, rest, offset),
            O::BinFloat
            | O::ShortBinUnicode
            | O::BinUnicode
            | O::ShortBinBytes
            | O::BinBytes
            | O::ShortBinString => {
                let (node, size) = leaf(opcode, rest, offset, u64::MAX)?;
                self.push(node, size)
            }
            O::Long1 => {
                let payload = short_payload(rest)?;
                self.push(Node::Int(twos_complement::to_i64(payload)?), 2 + payload.len())
            }
            O::EmptyList => self.push(Node::List(Chain::EMPTY), 1),
            O::EmptyDict => self.push(Node::Dict(Chain::EMPTY), 1),
            O::EmptySet => self.push(Node::Set(Chain::EMPTY), 1),
            O::Tuple1 => self.tuple(self.machine.stack.len().checked_sub(1)?),
            O::Tuple2 => self.tuple(self.machine.stack.len().checked_sub(2)?),
            O::Tuple3 => self.tuple(self.machine.stack.len().checked_sub(3)?),
            O::Tuple => {
                let mark = self.machine.marks.pop()? as usize;
                match self.machine.stack.len() - mark {
                    0 => self.push_id(NodeId::EMPTY_TUPLE, 1),
                    _ => self.tuple(mark),
                }
            }
            O::Mark => self.mark(rest),
            O::BinGet => self.get(u8::from_le_bytes(number(rest)?).into(), 2),
            O::LongBinGet => self.get(u32::from_le_bytes(number(rest)?).into(), 5),
            O::Memoize => self.put(self.machine.memo.next_index(), 1),
            O::BinPut => self.put(u8::from_le_bytes(number(rest)?).into(), 2),
            O::LongBinPut => self.put(u32::from_le_bytes(number(rest)?).into(), 5),
            O::Frame => number::<8>(rest).map(|_| 9),
            _ => None,
        }
    }

    #[inline(always)]
    fn push_id(&mut self, id: NodeId, size: usize) -> Option<usize> {
        self.machine.stack.push(id);
        Some(size)
    }

    #[inline(always)]
    fn push(&mut self, node: Node, size: usize) -> Option<usize> {
        let id = self.graph.push(Region::Own, node);
        self.push_id(id, size)
    }

    /// The int, and those that follow it: where there is one there are often many.
    #[inline(always)]
    fn push_int_and_more(&mut self, opcode: Opcode, rest: &[u8], offset: u64) -> Option<usize> {
        let (node, size) = leaf(opcode, rest, offset, u64::MAX)?;
        self.push(node, size)?;
        Some(size + self.push_ints(&rest[size - 1..]))
    }

    /// The ints that `input` begins with. Returns their size.
    #[inline(never)]
    fn push_ints(&mut self, input: &[u8]) -> usize {
        let nodes = self.graph.own_nodes();
        let (first, mut rest) = (nodes.len(), input);
        while let Some((int, size)) = numbers::int(rest) {
            nodes.push(Node::Int(int));
            rest = &rest[size..];
        }
        let ids = first..nodes.len();
        self.machine.stack.extend(ids.map(NodeId::own));
        input.len() - rest.len()
    }

    /// MARK, or at once the whole batch that it begins, where that is of numbers and goes into a
    /// list; `rest` is what stands behind it.
    #[inline(always)]
    fn mark(&mut self, rest: &[u8]) -> Option<usize> {
        if let Some(&byte) = rest.first()
            && numbers::is_number(byte)
            && let Some(size) = self.append_numbers(rest)
        {
            return Some(1 + size);
        }
        self.machine.marks.push(self.machine.stack.len() as u32);
        Some(1)
    }

    #[inline(never)]
    fn append_numbers(&mut self, input: &[u8]) -> Option<usize> {
        let stack = &self.machine.stack;
        let list = *stack.last().filter(|_| stack.len() > self.fence())?;
        let Node::List(mut chain) = self.graph.node(list) else { return None };
        if !self.machine.is_own(list) {
            return None;
        }
        let size = self.graph.extend_with_numbers(&mut chain, input)?;
        *self.graph.node_mut(list) = Node::List(chain);
        Some(size)
    }

    /// A tuple of the values from `place` on.
    #[inline(always)]
    fn tuple(&mut self, place: usize) -> Option<usize> {
        if place < self.fence() {
            return None;
        }
        let run = self.graph.push_run(Region::Own, &self.machine.stack[place..]);
        self.machine.stack.truncate(place);
        self.push(Node::Tuple(run), 1)
    }

    #[inline(always)]
    fn get(&mut self, index: u64, size: usize) -> Option<usize> {
        let known = match self.machine.memo.get(index) {
            None if index < self.machine.memo.base() => self.graph.shared_entry(index),
            known => known,
        };
        self.push_id(known?, size)
    }

    #[inline(always)]
    fn put(&mut self, index: u64, size: usize) -> Option<usize> {
        if index < self.machine.memo.base() || self.machine.stack.len() <= self.fence() {
            return None;
        }
        let top = *self.machine.stack.last()?;
        self.machine.memo.put(index, top);
        Some(size)
    }

    #[inline(always)]
    fn fence(&self) -> usize {
        self.machine.marks.last().map_or(0, |&mark| mark as usize)
    }
}
