//! Leaves: values that one instruction makes by itself, of a number or of a payload.
//!
//! Most instructions are of this kind, and many elements are nothing else. [`Graph::leaf`] makes of
//! such an element what a machine would make of it, without one.

use crate::graph::{Graph, Node, NodeId, Payload, utf8};
use crate::lex::{long_payload, number, short_payload};
use crate::limits::Limits;
use crate::opcode::Opcode;

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

/// The size of what [`leaf`] would read, whatever text or payload that is.
#[inline(always)]
pub(crate) fn size(opcode: Opcode, rest: &[u8]) -> Option<usize> {
    use Opcode as O;
    let size = match opcode {
        O::BinInt1 => 1,
        O::BinInt2 => 2,
        O::BinInt => 4,
        O::BinFloat => 8,
        O::ShortBinUnicode | O::ShortBinBytes | O::ShortBinString => {
            1 + usize::from(*rest.first()?)
        }
        O::BinUnicode | O::BinBytes => 4 + u32::from_le_bytes(number(rest)?) as usize,
        _ => return None,
    };
    (size <= rest.len()).then_some(1 + size)
}

impl Graph {
    /// Makes of `input`, the instructions of a whole element, which begin at `offset`, what a
    /// machine would make of them in the own region, if they make a leaf, and write it to the memo
    /// or not. `None` where they are anything else; then nothing was done.
    ///
    /// What else the own region holds stays there; the leaf that was made before is replaced.
    // Hidden: how npy-object decodes elements of one instruction, as with `Repeater`.
    #[doc(hidden)]
    #[inline]
    pub fn leaf(&mut self, input: &[u8], offset: u64, limits: &Limits) -> Option<NodeId> {
        let (&byte, rest) = input.split_first()?;
        let longest = limits.argument.min(u64::MAX - offset);
        let (node, size) = leaf(Opcode::from_byte(byte)?, rest, offset, longest)?;
        let is_whole = match input[size..] {
            [] => true,
            [put] => put == Opcode::Memoize as u8,
            [put, _] => put == Opcode::BinPut as u8,
            [put, _, _, _, _] => put == Opcode::LongBinPut as u8,
            _ => false,
        };
        if is_whole { self.set_leaf(node, limits.nodes) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::Machine;
    use crate::graph::{Region, Source};
    use crate::lex::Lexer;

    /// Values as they are shown, with what they were decoded from at offset 100.
    fn show(graph: &Graph, id: NodeId, bytes: &[u8]) -> String {
        format!("{:?}", graph.value(id, Source { bytes, offset: 100 }).kind())
    }

    #[test]
    fn a_leaf_is_what_a_machine_makes() {
        let limits = Limits::default();
        for value in [
            &b"K\x01"[..],
            b"M\x01\x02",
            b"J\xff\xff\xff\xff",
            b"G?\xf8\0\0\0\0\0\0",
            b"\x8c\x02\xc3\xa9",
            b"X\x02\0\0\0ab",
            b"C\x01a",
            b"B\0\0\0\0",
            b"U\x01\xff",
        ] {
            for put in [&b""[..], b"\x94", b"q\x05", b"r\x05\0\0\0"] {
                let input = [value, put].concat();
                let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
                let leaf = graph.leaf(&input, 100, &limits).unwrap();
                let shown = show(&graph, leaf, &input);
                machine.reset(&graph, Region::Own, 5);
                machine.run(&mut graph, &mut Lexer::new(100, &limits), &input).unwrap();
                assert_eq!(shown, show(&graph, machine.finish(0).unwrap(), &input));
                // What was made besides leaves it alone.
                assert_eq!(shown, show(&graph, leaf, &input));
            }
        }
    }

    #[test]
    fn what_is_more_or_less_is_no_leaf() {
        let limits = Limits { argument: 4, ..Limits::default() };
        for input in [
            &b""[..],
            b"N",
            b"K",
            b"K\x01K\x02",
            b"K\x01q",
            b"K\x01\x94\x94",
            b"K\x01r\x05\0\0",
            b"K\x01.",
            b"h\x01",
            b"\x8c\x01\xff",
            b"\x8c\x02a",
            b"\x8c\x05abcde",
        ] {
            assert_eq!(Graph::new().leaf(input, 100, &limits), None, "{}", input.escape_ascii());
        }
        // Where no machine may make a node, there is none.
        for nodes in 0..10 {
            let limits = Limits { nodes, ..limits.clone() };
            let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
            machine.reset(&graph, Region::Own, 0);
            let ran = machine.run(&mut graph, &mut Lexer::new(0, &limits), b"K\x01");
            assert_eq!(graph.leaf(b"K\x01", 0, &limits).is_some(), ran.is_ok(), "{nodes}");
        }
    }
}
