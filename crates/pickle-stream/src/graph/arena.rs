//! The graph of a decoded value: a flat arena of nodes that name one another by index.
//!
//! An object that the stream shares, or that contains itself, is one node named twice: identity and
//! cycles are exact and cost nothing. Nothing here recurses, not even dropping, and an arena that
//! is cleared keeps its memory, so that a loop over a million values allocates nothing per value.
//!
//! A graph has two regions. *Own* holds the value that is being looked at and is cleared for the
//! next one. *Shared* holds definitions that several values read through the memo; it outlives
//! them, by memo index, until [`Graph::forget_shared`]. Nodes of the own region may name shared
//! ones, never the other way round.
//!
//! ```text
//!  node     List { first, last, len }
//!                   │      └──────────────┐
//!  chunks   [start, len, next] ─► [start, len, end]     one chunk a batch, so that a list can grow between its items
//!               │                     │
//!  links    .. [id id id] .. .. .. [id id] ..           node ids
//! ```
//!
//! Numbers that are many, and all that a batch of a list has, are no nodes: they stand side by side,
//! 8 bytes each, and so do their ids, which need no links.
//!
//! Payloads stay where they are: a node of the own region says which bytes of the source are its
//! text. Those that had to be rewritten (escapes, decimal ints), and all of the shared region,
//! whose source is gone, are in the region's scratch bytes.

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

/// A run of links of a chain, or, where it starts with the id of a number, of numbers, whose ids
/// follow one another.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    run: Run,
    next: u32,
}

impl Chunk {
    /// So many numbers are worth it not to be nodes. A graph of nodes alone can be filled in again.
    const MANY: usize = 16;
}

/// Numbers that stand side by side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'a> {
    Ints(&'a [i64]),
    Floats(&'a [f64]),
    None,
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

    /// What stands at a place of a run: a link, or the id of a number that the place itself is.
    #[inline]
    fn id(&self, place: u32) -> Option<NodeId> {
        let id = NodeId(place);
        if id.is_number() { Some(id) } else { self.links.get(place as usize).copied() }
    }

    /// Bytes that there is room for.
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

/// The nodes that every graph begins with. The values that have no more than their kind are made
/// once: floods of them cost no node each. The last one is the place of [`Graph::leaf`].
const CONSTANTS: [Node; 5] = [
    Node::None,
    Node::Bool(false),
    Node::Bool(true),
    Node::Tuple(Run { start: 0, len: 0 }),
    Node::None,
];

/// The last protocol that there is.
const HIGHEST_PROTOCOL: u8 = 5;

/// An arena of nodes, made by a [`Machine`](crate::Machine) and looked at through
/// [`ValueRef`](crate::ValueRef).
#[derive(Clone, Debug)]
pub struct Graph {
    own: Arena,
    shared: Arena,
    entries: Memo,
    /// How often the own region was cleared, or began to be added to.
    version: u64,
    /// The protocol of the pickle that the nodes are decoded from.
    protocol: u8,
}

impl Default for Graph {
    fn default() -> Graph {
        Graph::new()
    }
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        let mut graph = Graph {
            own: Arena::default(),
            shared: Arena::default(),
            entries: Memo::default(),
            version: 0,
            protocol: HIGHEST_PROTOCOL,
        };
        graph.own.nodes.extend(CONSTANTS);
        graph
    }

    /// Sets the protocol of the pickle that is decoded, which is 5 until then. In protocols 0 to 2
    /// the names of globals are those of Python 2: [`Kind::Global`](crate::Kind::Global) gives them
    /// as [Python 3](crate::to_python_3) imports them.
    pub fn set_protocol(&mut self, protocol: u8) {
        self.protocol = protocol;
    }

    /// Whether the names of globals are those of Python 2.
    #[inline]
    pub(super) fn has_python_2_names(&self) -> bool {
        compat::has_python_2_names(self.protocol)
    }

    /// Returns the protocol that was set last.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Empties the own region and keeps its memory. Every [`NodeId`] of that region becomes
    /// meaningless.
    pub fn clear(&mut self) {
        self.own.clear(CONSTANTS.len());
        self.touch();
    }

    /// Empties the shared region and forgets which memo entries were in it. The own region must be
    /// cleared too, as its nodes may name shared ones.
    pub fn forget_shared(&mut self) {
        self.clear();
        self.shared = Arena::default();
        self.entries.reset(0);
    }

    /// Bytes that the shared region takes, for a caller that bounds it: also those that vectors have
    /// room for.
    pub fn shared_bytes(&self) -> usize {
        self.shared.room() + self.entries.bytes()
    }

    /// Bytes that the graph takes.
    pub fn bytes(&self) -> usize {
        self.own.bytes() + self.shared_bytes()
    }

    /// The shared definition of a memo entry, where there is one.
    #[inline]
    pub fn shared_entry(&self, memo: u64) -> Option<NodeId> {
        self.entries.get(memo)
    }

    /// The memo entries of a range that have a shared definition. The range may be of any size: a
    /// stream can leave gaps.
    pub(crate) fn shared_entries(&self, memo: Range<u64>) -> impl Iterator<Item = (u64, NodeId)> {
        self.entries.range(memo)
    }

    /// Gives a node a label, unless it has one: a number that means something to the caller alone.
    /// A [copy](crate::ValueRef::to_graph) of the node has the same label.
    pub fn set_label(&mut self, node: NodeId, label: u64) {
        self.touch();
        self.arena_mut(node.region()).labels.entry(node).or_insert(label);
    }

    pub(super) fn label(&self, node: NodeId) -> Option<u64> {
        self.arena(node.region()).labels.get(&node).copied()
    }

    /// Makes `node`, of the shared region, the definition of a memo entry.
    pub(crate) fn define(&mut self, memo: u64, node: NodeId) {
        self.entries.put(memo, node);
    }

    /// Makes a memo entry stand for an object that is still being built around the values that read
    /// it.
    pub fn define_outer(&mut self, memo: u64) {
        let id = NodeId::new(Region::Shared, self.shared.nodes.len());
        self.shared.nodes.push(Node::Outer(memo));
        self.define(memo, id);
    }

    /// Says that the own region is about to change.
    #[inline]
    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }

    /// What is another number once the own region was [touched](Self::touch).
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Sets the node of the leaf, unless a machine would not be allowed to make one under `limit`.
    #[inline]
    pub(crate) fn set_leaf(&mut self, node: Node, limit: usize) -> Option<NodeId> {
        if limit == 0 {
            return None;
        }
        *self.own.nodes.get_mut(NodeId::LEAF.index())? = node;
        Some(NodeId::LEAF)
    }

    /// The places of the nodes of the own region that are leaves, in the order in which they were
    /// made.
    pub(crate) fn own_leaves(&self) -> impl Iterator<Item = usize> {
        let nodes = self.own.nodes.iter().enumerate().skip(CONSTANTS.len());
        nodes.filter(|(_, node)| node.is_leaf()).map(|(place, _)| place)
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

    /// Nodes in a region, numbers not among them.
    pub(crate) fn len(&self, region: Region) -> usize {
        self.arena(region).nodes.len()
    }

    /// Numbers of the own region that are not nodes.
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

    /// The nodes of the own region, for who adds or changes many.
    #[inline]
    pub(crate) fn own_nodes(&mut self) -> &mut Vec<Node> {
        &mut self.own.nodes
    }

    /// Adds a batch of numbers and nothing else to the end of a chain of the own region, if that is
    /// what `input` begins with, and they are many. Returns the size.
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

    /// Adds numbers of another graph to the end of a chain of the own region. Returns whether there
    /// were any.
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

    /// The numbers that a run of a chain is, where it is one of numbers.
    pub(super) fn numbers_of(&self, region: Region, run: Run) -> Numbers<'_> {
        let (first, arena) = (NodeId(run.start), self.arena(region));
        let places = first.index()..first.index() + run.len as usize;
        if first.0 & NodeId::INT != 0 {
            Numbers::Ints(&arena.ints[places])
        } else if first.0 & NodeId::FLOAT != 0 {
            Numbers::Floats(&arena.floats[places])
        } else {
            Numbers::None
        }
    }

    /// The runs of a chain.
    pub(super) fn runs(&self, region: Region, chain: Chain) -> impl Iterator<Item = Run> + '_ {
        let chunks = &self.arena(region).chunks;
        let chunk = |at: u32| chunks.get(at as usize);
        core::iter::successors(chunk(chain.first), move |chunk| chunks.get(chunk.next as usize))
            .map(|chunk| chunk.run)
    }

    /// Adds an object, for a [`Node::Object`] to name.
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

    /// Has `write` append to the scratch, at most about `longest` bytes, and returns what it wrote.
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

    /// Adds a chunk to the end of a chain, or to the last one, if it stands right behind it.
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

    /// The bytes of a payload of a node in `region`.
    ///
    /// # Panics
    /// If the payload is of the source and `source` does not hold it: the caller gave other bytes
    /// than it decoded.
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

    /// The ids of a run.
    #[inline]
    pub(super) fn run_ids(&self, region: Region, run: Run) -> &[NodeId] {
        links(self.arena(region), run)
    }

    /// The last id of a chain that grows by one at a time.
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

    /// Refuses more than `limit` nodes in a region, of which so many are still to be made.
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

    /// Refuses more than `limit` nodes in a region that is to have `more` bytes of scratch.
    pub(crate) fn charge_scratch(
        &self,
        region: Region,
        limit: usize,
        more: usize,
        offset: u64,
    ) -> Result<()> {
        self.charge(region, limit, more.div_ceil(SCRATCH_OF_NODE), offset)
    }

    /// How many nodes, and links besides `pending` ones, a region has room for under `limit`.
    #[inline]
    pub(crate) fn room(&self, region: Region, limit: usize, pending: usize) -> usize {
        most_nodes(limit).saturating_sub(self.used(region, pending))
    }

    /// What is charged for a region. Links are charged like nodes, as tuples of shared values make
    /// many links of few nodes; constants are not.
    #[inline]
    fn used(&self, region: Region, pending: usize) -> usize {
        let nodes = match region {
            Region::Own => self.own.nodes.len() - CONSTANTS.len(),
            Region::Shared => self.shared.nodes.len(),
        };
        // The shared region copies all payloads, and is bounded by its bytes.
        let scratch = match region {
            Region::Own => self.own.scratch.len(),
            Region::Shared => 0,
        };
        // A number that is no node stands for one, and for its one link.
        let arena = self.arena(region);
        nodes.max(arena.links.len() + pending) + arena.numbers() + scratch / SCRATCH_OF_NODE
    }
}

/// Bytes of scratch that are charged as one node: they take no more memory than a node and its link
/// do while their vectors grow.
const SCRATCH_OF_NODE: usize = 32;

/// What a limit comes to: the top bits of an id say where it is. An instruction is charged when it
/// has made its nodes, three at most.
fn most_nodes(limit: usize) -> usize {
    limit.min(!NodeId::PLACES as usize - CONSTANTS.len() - 3)
}

#[inline]
fn links(arena: &Arena, run: Run) -> &[NodeId] {
    &arena.links[run.start as usize..(run.start + run.len) as usize]
}

/// The ids of a run or a chain, in order.
#[derive(Clone, Debug)]
pub(super) struct Links<'a> {
    arena: &'a Arena,
    /// What is left of a run.
    at: u32,
    end: u32,
    /// The chunk behind it.
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

/// Where an iteration over ids is, without the graph: for stacks of many of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paused {
    at: u32,
    end: u32,
    next: u32,
    /// The top bit says that they are of the shared region. No run is as long.
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

    /// The ints that all of them are, where these stand side by side.
    pub(super) fn ints(&self) -> Option<&'a [i64]> {
        self.row(NodeId::INT).and_then(|row| self.arena.ints.get(row))
    }

    /// The floats that all of them are, where these stand side by side.
    pub(super) fn floats(&self) -> Option<&'a [f64]> {
        self.row(NodeId::FLOAT).and_then(|row| self.arena.floats.get(row))
    }

    /// Where the numbers are that all of them are, if they are in this place.
    fn row(&self, place: u32) -> Option<Range<usize>> {
        let Run { start, len } = self.arena.chunks.get(self.next as usize)?.run;
        let first = NodeId(start).index();
        (self.remaining == len && start & place != 0).then(|| first..first + len as usize)
    }
}

/// The bytes that a value was decoded from, with their place in the source.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where they begin: bytes from the start of the source.
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stays_small() {
        assert_eq!(size_of::<Node>(), 24);
        assert_eq!(size_of::<NodeId>(), 4);
    }

    #[test]
    fn numbers_that_are_many_stand_side_by_side() {
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
        // Once something else is in the list, they are not all that there is.
        graph.extend(Region::Own, &mut chain, &[none]);
        let links = graph.chain(Region::Own, chain);
        assert_eq!((links.len(), links.ints(), links.floats()), (1 + 2 * Chunk::MANY, None, None));
        assert_eq!(links.map(|id| graph.node(id)).last(), Some(Node::None));
        // Fewer of them, or others, leave nothing behind.
        for other in [&batch(3)[2..], &[&batch(3)[..], b"N"].concat()[..2 * Chunk::MANY], b"e"] {
            assert_eq!(graph.extend_with_numbers(&mut chain, other), None);
        }
        assert_eq!(graph.numbers(), 2 * Chunk::MANY);
        graph.clear();
        assert_eq!(graph.bytes(), empty);
    }

    #[test]
    fn a_chain_grows_between_its_items() {
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
