//! A whole pickle in one call, for those who have all of its bytes.

use super::execute::{Machine, Ran};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Source, ValueRef};
use crate::lex::Lexer;
use crate::limits::Limits;

/// A decoded pickle, with the bytes it borrows its payloads from.
#[derive(Debug)]
pub struct Decoded<'a> {
    graph: Graph,
    root: NodeId,
    bytes: &'a [u8],
    end: u64,
}

impl Decoded<'_> {
    /// The value.
    pub fn value(&self) -> ValueRef<'_> {
        self.graph.value(self.root, Source { bytes: self.bytes, offset: 0 })
    }

    /// Where the pickle ended: the offset behind its STOP. What follows there was not looked at.
    pub fn end(&self) -> u64 {
        self.end
    }
}

/// Decodes the pickle that `bytes` begin with, up to its STOP.
///
/// Fails where CPython's unpickler would, on what is not supported, over a limit, and where `bytes`
/// end early.
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Decoded<'a>> {
    let mut graph = Graph::new();
    let mut lexer = Lexer::new(0, limits);
    let mut machine = Machine::new(limits);
    match machine.run(&mut graph, &mut lexer, bytes)? {
        Ran::Stop(root) => {
            graph.set_protocol(machine.protocol());
            Ok(Decoded { graph, root, bytes, end: lexer.offset() })
        }
        Ran::Need(more) => Err(Error::truncated(bytes.len() as u64, more)),
        // A machine that began with an empty memo has nothing that was made before.
        Ran::Missing(index) => unreachable!("memo entry {index} of an earlier stretch"),
    }
}
