//! The graph of a decoded value: a flat arena of nodes that name one another by index.
//!
//! An object that the pickle shares, or that contains itself, is one node that is named several
//! times, so identity and cycles are exact. Nothing here recurses, not even dropping. A graph that
//! is cleared keeps its memory, so a loop over a million values allocates nothing per value.
//!
//! A graph has two regions. The *own* region holds the value that is decoded now; it is cleared for
//! the next one. The *shared* region holds definitions that several values read through the memo,
//! by memo index; it stays until [`Graph::forget_shared`]. Nodes of the own region may name shared
//! nodes, but not the other way round.
//!
//! ```text
//!  node     List { first, last, len }
//!                   │      └──────────────┐
//!  chunks   [start, len, next] ─► [start, len, end]     one chunk a batch: a list can grow later
//!               │                     │
//!  links    .. [id id id] .. .. .. [id id] ..           node ids
//! ```
//!
//! A batch of a list that consists of at least 16 numbers has no nodes. Its numbers are unboxed: 8
//! bytes each, in a vector. Their ids follow one another, so they need no links.
//!
//! A string or bytes node of the own region holds the offset of its bytes in the source. Bytes that
//! differ from the source (escapes, decimal ints), and all bytes of the shared region, whose source
//! may be gone, are copied into the region's scratch.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use super::id::{NodeId, Region};
use super::memo::Memo;
use super::node::{Chain, Node, ObjectNode, Payload, Run};
use crate::compat;
use crate::error::Result;
use crate::lex::numbers;
use crate::limits;

/// A part of a chain: links, or, if `run` starts with the id of an unboxed number, the numbers
/// whose ids follow one another from there.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    run: Run,
    next: u32,
}

impl Chunk {
    /// The minimum length of an unboxed run. Shorter ones are nodes, as only a graph of nodes alone
    /// can be filled in again by a `Repeater`.
    const MANY: usize = 16;
}

/// The unboxed numbers of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'a> {
    Ints(&'a [i64]),
    Floats(&'a [f64]),
    None,
}

/// What the own region holds of lists and numbers, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    ints: usize,
    floats: usize,
    chunks: usize,
}

#[derive(Clone, Debug, Default)]
struct Arena {
    nodes: Vec<Node>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    links: Vec<NodeId>,
    chunks: Vec<Chunk>,
    objects: Vec<ObjectNode>,
    scratch: Vec<u8>,
    /// The labels of the few nodes that have one.
    labels: BTreeMap<NodeId, u64>,
}

impl Arena {
    fn clear(&mut self, kept: usize) {
        self.nodes.truncate(kept);
        self.ints.clear();
        self.floats.clear();
        self.links.clear();
        self.chunks.clear();
        self.objects.clear();
        self.scratch.clear();
        if !self.labels.is_empty() {
            self.labels.clear();
        }
    }

    #[inline]
    fn numbers(&self) -> usize {
        self.ints.len() + self.floats.len()
    }

    /// Returns the id at an index of a run: a link, or the index itself where it is the id of an
    /// unboxed number.
    #[inline]
    fn id(&self, index: u32) -> Option<NodeId> {
        let id = NodeId(index);
        if id.is_number() { Some(id) } else { self.links.get(index as usize).copied() }
    }

    /// Returns the bytes that the vectors have allocated.
    fn room(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.links.capacity() * size_of::<NodeId>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.objects.capacity() * size_of::<ObjectNode>()
            + self.scratch.capacity()
    }

    fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
            + self.numbers() * size_of::<i64>()
            + self.links.len() * size_of::<NodeId>()
            + self.chunks.len() * size_of::<Chunk>()
            + self.objects.len() * size_of::<ObjectNode>()
            + self.scratch.len()
    }
}

/// The nodes that every graph begins with: values without content are made once, so a flood of them
/// makes no nodes. The last one is the node of [`Graph::leaf`].
const CONSTANTS: [Node; 5] = [
    Node::None,
    Node::Bool(false),
    Node::Bool(true),
    Node::Tuple(Run { start: 0, len: 0 }),
    Node::None,
];

/// The highest protocol that exists.
const HIGHEST_PROTOCOL: u8 = 5;

/// An arena of nodes. A [`Machine`](crate::Machine) makes them, a [`ValueRef`](crate::ValueRef)
/// looks at them.
#[derive(Clone, Debug)]
pub struct Graph {
    own: Arena,
    shared: Arena,
    entries: Memo,
    /// The protocol of the pickle from which the nodes are decoded.
    protocol: u8,
}

impl Default for Graph {
    fn default() -> Graph {
        Graph::new()
    }
}

impl Graph {
    /// Creates an empty graph.
    pub fn new() -> Graph {
        let mut graph = Graph {
            own: Arena::default(),
            shared: Arena::default(),
            entries: Memo::default(),
            protocol: HIGHEST_PROTOCOL,
        };
        graph.own.nodes.extend(CONSTANTS);
        graph
    }

    /// Sets the protocol of the pickle that is decoded. It is 5 until then. The names of globals in
    /// protocols 0 to 2 are those of Python 2; [`Kind::Global`](crate::Kind::Global) gives them as
    /// [Python 3](crate::to_python_3) imports them.
    pub fn set_protocol(&mut self, protocol: u8) {
        self.protocol = protocol;
    }

    /// Returns whether the names of globals are those of Python 2.
    #[inline]
    pub(super) fn has_python_2_names(&self) -> bool {
        compat::has_python_2_names(self.protocol)
    }

    /// Returns the protocol of the pickle that is decoded.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Empties the own region and keeps its memory. Every [`NodeId`] of that region becomes
    /// invalid.
    pub fn clear(&mut self) {
        self.own.clear(CONSTANTS.len());
    }

    /// Empties both regions. The own region too, as its nodes may name shared nodes.
    pub fn forget_shared(&mut self) {
        self.clear();
        self.shared = Arena::default();
        self.entries.reset(0);
    }

    /// Returns the bytes that the shared region has allocated, for a caller that bounds them.
    pub fn shared_bytes(&self) -> usize {
        self.shared.room() + self.entries.bytes()
    }

    /// Returns the bytes that the graph takes.
    pub fn bytes(&self) -> usize {
        self.own.bytes() + self.shared_bytes()
    }

    /// Returns the shared definition of a memo entry, if there is one.
    #[inline]
    pub fn shared_entry(&self, memo: u64) -> Option<NodeId> {
        self.entries.get(memo)
    }

    /// Returns the memo entries of a range that have a shared definition. The range may be of any
    /// size, as a pickle can leave gaps.
    pub(crate) fn shared_entries(&self, memo: Range<u64>) -> impl Iterator<Item = (u64, NodeId)> {
        self.entries.range(memo)
    }

    /// Gives a node a label, unless it has one: a number that means something to the caller alone.
    /// A [copy](crate::ValueRef::to_graph) of the node has the same label.
    pub fn set_label(&mut self, node: NodeId, label: u64) {
        self.arena_mut(node.region()).labels.entry(node).or_insert(label);
    }

    pub(super) fn label(&self, node: NodeId) -> Option<u64> {
        self.arena(node.region()).labels.get(&node).copied()
    }

    /// Makes `node`, of the shared region, the definition of a memo entry.
    pub(crate) fn define(&mut self, memo: u64, node: NodeId) {
        self.entries.put(memo, node);
    }

    /// Makes a memo entry stand for an object that is not in the graph, because it contains the
    /// values that read the entry: they get [`Kind::Outer`](crate::Kind::Outer).
    pub fn define_outer(&mut self, memo: u64) {
        let id = NodeId::new(Region::Shared, self.shared.nodes.len());
        self.shared.nodes.push(Node::Outer(memo));
        self.define(memo, id);
    }

    /// Exchanges the own regions of two graphs.
    pub(crate) fn swap_own(&mut self, other: &mut Graph) {
        core::mem::swap(&mut self.own, &mut other.own);
    }

    /// Returns what the own region holds of lists and numbers.
    pub(crate) fn fill(&self) -> Fill {
        let Arena { ints, floats, chunks, .. } = &self.own;
        Fill { ints: ints.len(), floats: floats.len(), chunks: chunks.len() }
    }

    /// Removes the lists and numbers that were made since.
    pub(crate) fn empty_lists(&mut self, fill: &Fill) {
        self.own.ints.truncate(fill.ints);
        self.own.floats.truncate(fill.floats);
        self.own.chunks.truncate(fill.chunks);
    }

    /// Makes a list of unboxed ints in the own region.
    pub(crate) fn int_list(&mut self, ints: &[i64]) -> Node {
        let first = NodeId::int(self.own.ints.len());
        self.own.ints.extend_from_slice(ints);
        self.number_list(first, ints.len())
    }

    /// Makes a list of unboxed floats in the own region.
    pub(crate) fn float_list(&mut self, floats: &[f64]) -> Node {
        let first = NodeId::float(self.own.floats.len());
        self.own.floats.extend_from_slice(floats);
        self.number_list(first, floats.len())
    }

    fn number_list(&mut self, first: NodeId, len: usize) -> Node {
        let mut chain = Chain::EMPTY;
        if len > 0 {
            let run = Run { start: first.0, len: len as u32 };
            self.add_chunk(Region::Own, &mut chain, run);
        }
        Node::List(chain)
    }

    /// Sets the node of the leaf. Returns `None` if `limit` allows no node.
    #[inline]
    pub(crate) fn set_leaf(&mut self, node: Node, limit: usize) -> Option<NodeId> {
        if limit == 0 {
            return None;
        }
        *self.own.nodes.get_mut(NodeId::LEAF.index())? = node;
        Some(NodeId::LEAF)
    }

    #[inline]
    fn arena(&self, region: Region) -> &Arena {
        match region {
            Region::Own => &self.own,
            Region::Shared => &self.shared,
        }
    }

    #[inline]
    fn arena_mut(&mut self, region: Region) -> &mut Arena {
        match region {
            Region::Own => &mut self.own,
            Region::Shared => &mut self.shared,
        }
    }

    /// Returns the number of nodes in a region, without unboxed numbers.
    pub(crate) fn len(&self, region: Region) -> usize {
        self.arena(region).nodes.len()
    }

    /// Returns the number of unboxed numbers in the own region.
    pub(super) fn numbers(&self) -> usize {
        self.own.numbers()
    }

    #[inline]
    pub(crate) fn push(&mut self, region: Region, node: Node) -> NodeId {
        let nodes = &mut self.arena_mut(region).nodes;
        let id = NodeId::new(region, nodes.len());
        nodes.push(node);
        id
    }

    /// Returns the nodes of the own region, for a caller that adds or changes many.
    #[inline]
    pub(crate) fn own_nodes(&mut self) -> &mut Vec<Node> {
        &mut self.own.nodes
    }

    /// Adds the batch at the beginning of `input` to the end of a chain of the own region, if it
    /// consists of numbers alone and is long enough to be unboxed. Returns its size in bytes.
    #[inline]
    pub(crate) fn extend_with_numbers(&mut self, chain: &mut Chain, input: &[u8]) -> Option<usize> {
        let Arena { ints, floats, .. } = &mut self.own;
        let (first_int, first_float) = (ints.len(), floats.len());
        let size = numbers::read_batch(input, ints, floats);
        let (new_ints, new_floats) = (ints.len() - first_int, floats.len() - first_float);
        let (first, len) = match (new_ints, new_floats) {
            (len @ Chunk::MANY.., 0) => (NodeId::int(first_int), len),
            (0, len @ Chunk::MANY..) => (NodeId::float(first_float), len),
            _ => (NodeId::NONE, 0),
        };
        if len == 0 || size.is_none() {
            ints.truncate(first_int);
            floats.truncate(first_float);
            return None;
        }
        let run = Run { start: first.0, len: len as u32 };
        self.add_chunk(Region::Own, chain, run);
        size
    }

    /// Adds unboxed numbers of another graph to the end of a chain of the own region. Returns
    /// whether there were any.
    pub(super) fn extend_with_copies(&mut self, chain: &mut Chain, numbers: Numbers<'_>) -> bool {
        let (first, len) = match numbers {
            Numbers::Ints(ints) => {
                let first = NodeId::int(self.own.ints.len());
                self.own.ints.extend_from_slice(ints);
                (first, ints.len())
            }
            Numbers::Floats(floats) => {
                let first = NodeId::float(self.own.floats.len());
                self.own.floats.extend_from_slice(floats);
                (first, floats.len())
            }
            Numbers::None => return false,
        };
        self.add_chunk(Region::Own, chain, Run { start: first.0, len: len as u32 });
        true
    }

    /// Returns the unboxed numbers of a run.
    pub(super) fn numbers_of(&self, region: Region, run: Run) -> Numbers<'_> {
        let (first, arena) = (NodeId(run.start), self.arena(region));
        let range = first.index()..first.index() + run.len as usize;
        if first.0 & NodeId::INT != 0 {
            Numbers::Ints(&arena.ints[range])
        } else if first.0 & NodeId::FLOAT != 0 {
            Numbers::Floats(&arena.floats[range])
        } else {
            Numbers::None
        }
    }

    /// Returns the runs of a chain.
    pub(super) fn runs(&self, region: Region, chain: Chain) -> impl Iterator<Item = Run> + '_ {
        let chunks = &self.arena(region).chunks;
        let chunk = |at: u32| chunks.get(at as usize);
        core::iter::successors(chunk(chain.first), move |chunk| chunks.get(chunk.next as usize))
            .map(|chunk| chunk.run)
    }

    /// Adds an object. Returns its index for [`Node::Object`].
    pub(crate) fn add_object(&mut self, region: Region, object: ObjectNode) -> u32 {
        let objects = &mut self.arena_mut(region).objects;
        objects.push(object);
        objects.len() as u32 - 1
    }

    /// Copies ids into the links.
    pub(crate) fn push_run(&mut self, region: Region, items: &[NodeId]) -> Run {
        let links = &mut self.arena_mut(region).links;
        let run = Run { start: links.len() as u32, len: items.len() as u32 };
        links.extend_from_slice(items);
        run
    }

    /// Copies bytes into the scratch.
    pub(crate) fn push_scratch(&mut self, region: Region, bytes: &[u8]) -> Payload {
        let scratch = &mut self.arena_mut(region).scratch;
        let payload = Payload::scratch(scratch.len(), bytes.len());
        scratch.extend_from_slice(bytes);
        payload
    }

    /// Calls `write` to append to the scratch, about `longest` bytes at most, and returns the bytes
    /// it appended.
    pub(crate) fn write_scratch(
        &mut self,
        region: Region,
        longest: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<Payload> {
        let scratch = &mut self.arena_mut(region).scratch;
        let start = scratch.len();
        scratch.reserve(longest);
        write(scratch)?;
        Ok(Payload::scratch(start, scratch.len() - start))
    }

    /// Adds a batch to the end of a chain.
    pub(crate) fn extend(&mut self, region: Region, chain: &mut Chain, items: &[NodeId]) {
        let run = self.push_run(region, items);
        self.add_chunk(region, chain, run);
    }

    /// Adds a run to the end of a chain: to its last chunk if the run continues it, or as a new
    /// chunk.
    fn add_chunk(&mut self, region: Region, chain: &mut Chain, run: Run) {
        let chunks = &mut self.arena_mut(region).chunks;
        chain.len += run.len;
        let new = chunks.len() as u32;
        match chunks.get_mut(chain.last as usize) {
            Some(last) if last.run.start + last.run.len == run.start => {
                last.run.len += run.len;
                return;
            }
            Some(last) => last.next = new,
            None => chain.first = new,
        }
        chain.last = new;
        chunks.push(Chunk { run, next: Chain::END });
    }

    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> Node {
        if id.is_number() {
            return self.number(id);
        }
        self.arena(id.region()).nodes[id.index()]
    }

    #[inline]
    fn number(&self, id: NodeId) -> Node {
        if id.0 & NodeId::INT != 0 {
            Node::Int(self.own.ints[id.index()])
        } else {
            Node::Float(self.own.floats[id.index()])
        }
    }

    #[inline]
    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        debug_assert!(!id.is_number());
        &mut self.arena_mut(id.region()).nodes[id.index()]
    }

    #[inline]
    pub(crate) fn object(&self, region: Region, index: u32) -> &ObjectNode {
        &self.arena(region).objects[index as usize]
    }

    pub(crate) fn object_mut(&mut self, region: Region, index: u32) -> &mut ObjectNode {
        &mut self.arena_mut(region).objects[index as usize]
    }

    /// Returns the bytes of a payload of a node in `region`.
    ///
    /// # Panics
    /// If the payload is in the source, and `source` is not the bytes that were decoded.
    #[inline]
    pub(super) fn payload<'a>(
        &'a self,
        region: Region,
        payload: Payload,
        source: Source<'a>,
    ) -> &'a [u8] {
        let len = (payload.len & !Payload::SCRATCH) as usize;
        let (bytes, start) = match payload.len & Payload::SCRATCH {
            0 => (source.bytes, (payload.offset - source.offset) as usize),
            _ => (self.arena(region).scratch.as_slice(), payload.offset as usize),
        };
        &bytes[start..start + len]
    }

    #[inline]
    pub(super) fn run(&self, region: Region, run: Run) -> Links<'_> {
        let Run { start, len } = run;
        let arena = self.arena(region);
        Links { arena, at: start, end: start + len, next: Chain::END, remaining: len }
    }

    /// Returns the ids of a run.
    #[inline]
    pub(super) fn run_ids(&self, region: Region, run: Run) -> &[NodeId] {
        links(self.arena(region), run)
    }

    /// Returns the last id of a chain.
    #[inline]
    pub(super) fn last_of(&self, region: Region, chain: Chain) -> Option<NodeId> {
        let arena = self.arena(region);
        let Run { start, len } = arena.chunks.get(chain.last as usize)?.run;
        arena.id(start + len.checked_sub(1)?)
    }

    #[inline]
    pub(super) fn chain(&self, region: Region, chain: Chain) -> Links<'_> {
        Links { arena: self.arena(region), at: 0, end: 0, next: chain.first, remaining: chain.len }
    }

    /// Fails if a region has more than `limit` nodes, including `more` nodes still to be made.
    #[inline]
    pub(crate) fn charge(
        &self,
        region: Region,
        limit: usize,
        more: usize,
        offset: u64,
    ) -> Result<()> {
        let used = self.used(region, 0) + more;
        limits::check(most_nodes(limit) as u64, used as u64, "pickle.limit.nodes", offset)
    }

    /// Fails if a region has more than `limit` nodes once it has `more` bytes of scratch.
    pub(crate) fn charge_scratch(
        &self,
        region: Region,
        limit: usize,
        more: usize,
        offset: u64,
    ) -> Result<()> {
        self.charge(region, limit, more.div_ceil(SCRATCH_OF_NODE), offset)
    }

    /// Returns how many nodes, and links in addition to `pending` ones, may be added to a region
    /// under `limit`.
    #[inline]
    pub(crate) fn room(&self, region: Region, limit: usize, pending: usize) -> usize {
        most_nodes(limit).saturating_sub(self.used(region, pending))
    }

    /// Returns the nodes that are charged for a region. Links are charged like nodes, because
    /// tuples of shared values make many links and few nodes. Constants are not charged.
    #[inline]
    fn used(&self, region: Region, pending: usize) -> usize {
        let nodes = match region {
            Region::Own => self.own.nodes.len() - CONSTANTS.len(),
            Region::Shared => self.shared.nodes.len(),
        };
        // The shared region copies all payloads; the caller bounds its bytes instead.
        let scratch = match region {
            Region::Own => self.own.scratch.len(),
            Region::Shared => 0,
        };
        // An unboxed number is charged as a node and its link.
        let arena = self.arena(region);
        nodes.max(arena.links.len() + pending) + arena.numbers() + scratch / SCRATCH_OF_NODE
    }
}

/// The bytes of scratch that are charged as one node. A node and its link take as much memory while
/// their vectors grow.
const SCRATCH_OF_NODE: usize = 32;

/// Returns the limit that applies: the top bits of an id are not part of its index. An instruction
/// is charged after it has made its nodes, which are at most five: those of INST.
fn most_nodes(limit: usize) -> usize {
    limit.min(!NodeId::PLACES as usize - CONSTANTS.len() - 5)
}

#[inline]
fn links(arena: &Arena, run: Run) -> &[NodeId] {
    &arena.links[run.start as usize..(run.start + run.len) as usize]
}

/// An iterator over the ids of a run or a chain, in order.
#[derive(Clone, Debug)]
pub(super) struct Links<'a> {
    arena: &'a Arena,
    /// The rest of a run.
    at: u32,
    end: u32,
    /// The index of the next chunk.
    next: u32,
    remaining: u32,
}

impl Iterator for Links<'_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        while self.at == self.end {
            let Chunk { run, next } = self.arena.chunks.get(self.next as usize)?;
            (self.at, self.end, self.next) = (run.start, run.start + run.len, *next);
        }
        let id = self.arena.id(self.at);
        self.at += 1;
        self.remaining -= 1;
        id
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining as usize, Some(self.remaining as usize))
    }
}

impl ExactSizeIterator for Links<'_> {}

/// The state of an iterator over ids without the graph, for stacks of many of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paused {
    at: u32,
    end: u32,
    next: u32,
    /// The top bit says that the ids are of the shared region. No run is that long.
    remaining: u32,
}

impl<'a> Links<'a> {
    pub(super) fn pause(&self, graph: &Graph) -> Paused {
        let Links { arena, at, end, next, remaining } = *self;
        let is_shared = core::ptr::eq(arena, &graph.shared);
        let region = if is_shared { NodeId::SHARED } else { 0 };
        Paused { at, end, next, remaining: remaining | region }
    }

    pub(super) fn resume(paused: Paused, graph: &'a Graph) -> Links<'a> {
        let Paused { at, end, next, remaining } = paused;
        let region = NodeId(remaining).region();
        Links { arena: graph.arena(region), at, end, next, remaining: remaining & !NodeId::SHARED }
    }

    /// Returns the remaining items as ints, if they are one unboxed run.
    pub(super) fn ints(&self) -> Option<&'a [i64]> {
        self.row(NodeId::INT).and_then(|row| self.arena.ints.get(row))
    }

    /// Returns the remaining items as floats, if they are one unboxed run.
    pub(super) fn floats(&self) -> Option<&'a [f64]> {
        self.row(NodeId::FLOAT).and_then(|row| self.arena.floats.get(row))
    }

    /// Returns the indices of the remaining items, if they are one unboxed run with this kind bit.
    fn row(&self, kind: u32) -> Option<Range<usize>> {
        let Run { start, len } = self.arena.chunks.get(self.next as usize)?.run;
        let first = NodeId(start).index();
        (self.remaining == len && start & kind != 0).then(|| first..first + len as usize)
    }
}

/// The bytes from which a value was decoded, with their offset.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their offset: bytes from the start of the source.
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_has_24_bytes() {
        assert_eq!(size_of::<Node>(), 24);
        assert_eq!(size_of::<NodeId>(), 4);
    }

    #[test]
    fn long_batch_of_numbers_is_unboxed() {
        let mut graph = Graph::new();
        let empty = graph.bytes();
        let none = graph.push(Region::Own, Node::None);
        let mut chain = Chain::EMPTY;
        let batch = |int: u8| [&[b'K', int].repeat(Chunk::MANY)[..], b"e"].concat();
        for int in [1, 2] {
            let size = graph.extend_with_numbers(&mut chain, &batch(int));
            assert_eq!(size, Some(2 * Chunk::MANY + 1));
        }
        assert_eq!((graph.numbers(), graph.len(Region::Own)), (2 * Chunk::MANY, 6));
        assert_eq!(graph.used(Region::Own, 0), 1 + 2 * Chunk::MANY);
        let ints = graph.chain(Region::Own, chain).ints().unwrap();
        assert_eq!(ints, [[1; Chunk::MANY], [2; Chunk::MANY]].concat());
        let last = graph.last_of(Region::Own, chain).unwrap();
        assert_eq!(graph.node(last), Node::Int(2));
        // With another item in the list, the items are not one unboxed run.
        graph.extend(Region::Own, &mut chain, &[none]);
        let links = graph.chain(Region::Own, chain);
        assert_eq!((links.len(), links.ints(), links.floats()), (1 + 2 * Chunk::MANY, None, None));
        assert_eq!(links.map(|id| graph.node(id)).last(), Some(Node::None));
        // A shorter batch, or one with other values, is not read.
        for other in [&batch(3)[2..], &[&batch(3)[..], b"N"].concat()[..2 * Chunk::MANY], b"e"] {
            assert_eq!(graph.extend_with_numbers(&mut chain, other), None);
        }
        assert_eq!(graph.numbers(), 2 * Chunk::MANY);
        graph.clear();
        assert_eq!(graph.bytes(), empty);
    }

    #[test]
    fn chain_grows_in_batches() {
        let mut graph = Graph::new();
        let ids: Vec<NodeId> =
            (0..5).map(|n| graph.push(Region::Own, Node::Int(n))).collect::<Vec<_>>();
        let mut chain = Chain::EMPTY;
        graph.extend(Region::Own, &mut chain, &ids[..2]);
        graph.extend(Region::Own, &mut chain, &ids[2..3]);
        assert_eq!(graph.own.chunks.len(), 1, "adjacent batches share a chunk");
        graph.push_run(Region::Own, &ids);
        graph.extend(Region::Own, &mut chain, &ids[3..]);
        let links = graph.chain(Region::Own, chain);
        assert_eq!(links.len(), 5);
        assert_eq!(links.collect::<Vec<_>>(), ids);
    }
}
