//! A whole pickle whose bytes are in memory.

use alloc::borrow::Cow;

use super::execute::{Machine, Ran};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Source, ValueRef};
use crate::lex::Lexer;
use crate::limits::Limits;

/// A decoded pickle, with the bytes that its strings and bytes are read from.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    graph: Graph,
    root: NodeId,
    bytes: Cow<'a, [u8]>,
    end: u64,
}

impl<'a> Decoded<'a> {
    /// Creates the result of a machine that has run these bytes from the first on, up to STOP.
    pub(super) fn new(
        mut graph: Graph,
        machine: &Machine,
        root: NodeId,
        bytes: Cow<'a, [u8]>,
        lexer: &Lexer,
    ) -> Decoded<'a> {
        graph.set_protocol(machine.protocol());
        Decoded { graph, root, bytes, end: lexer.offset() }
    }

    /// Returns the value.
    pub fn value(&self) -> ValueRef<'_> {
        self.graph.value(self.root, Source { bytes: &self.bytes, offset: 0 })
    }

    /// Returns the offset of the first byte after the pickle's STOP. The bytes from there on were
    /// not read.
    pub fn end(&self) -> u64 {
        self.end
    }
}

/// Decodes the pickle at the beginning of `bytes`, up to its STOP.
///
/// Fails where CPython's unpickler does, on what is not supported, over a limit, and where `bytes`
/// end early. [`PushDecoder`](crate::PushDecoder) decodes a pickle that arrives in pieces.
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Decoded<'a>> {
    let mut graph = Graph::new();
    let mut lexer = Lexer::new(0, limits);
    let mut machine = Machine::new(limits);
    match machine.run(&mut graph, &mut lexer, bytes)? {
        Ran::Stop(root) => Ok(Decoded::new(graph, &machine, root, bytes.into(), &lexer)),
        Ran::Need(more) => Err(Error::truncated(bytes.len() as u64, more)),
        // A machine that began with an empty memo has no earlier entries.
        Ran::Missing(index) => unreachable!("memo entry {index} of an earlier span"),
    }
}
