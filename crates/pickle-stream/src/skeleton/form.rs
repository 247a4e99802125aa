//! The graph of a skeleton, which is filled in row by row.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::discriminant;

use super::hole::{Extent, Hole};
use super::skeleton::{Skeleton, Step};
use crate::graph::{Chain, Fill, Graph, Node, NodeId, Payload, Region, Source, utf8};
use crate::lex::Lexer;
use crate::limits::Limits;
use crate::machine::{Machine, Ran};

impl Hole {
    /// Returns the node of a scalar; `None` where a machine has to make it.
    #[inline(always)]
    fn node(self, source: Source<'_>) -> Option<Node> {
        let payload = |bytes: Extent| {
            Payload::source(source.offset + u64::from(bytes.start), bytes.len as usize)
        };
        Some(match self {
            Hole::Int(int) => Node::Int(int),
            Hole::Float(float) => Node::Float(float),
            Hole::None => Node::None,
            Hole::Bool(bool) => Node::Bool(bool),
            Hole::Str(text) => {
                utf8::validate(text.of(source.bytes)).ok()?;
                Node::Str(payload(text))
            }
            Hole::Str2(text) => Node::Str2(payload(text)),
            Hole::Bytes(bytes) => Node::Bytes(payload(bytes)),
            Hole::Get(_) | Hole::Ints(_) | Hole::Floats(_) | Hole::Items(_) => return None,
        })
    }
}

impl Graph {
    /// Makes the node of a value that is one scalar, in the own region, where what else it holds
    /// stays. The node of the scalar that was made before is replaced. `source` has the instructions
    /// of the row.
    ///
    /// Returns `None` where a machine has to make it: a text is not UTF-8, or the value is read from
    /// the memo.
    #[inline]
    pub fn scalar(&mut self, hole: Hole, source: Source<'_>, limits: &Limits) -> Option<NodeId> {
        let node = hole.node(source)?;
        self.set_leaf(node, limits.nodes)
    }
}

/// The graph of a skeleton, with a node for each hole.
///
/// It reads definitions of the shared region of the graph that it was made in, so it is of no use
/// once that [forgets](Graph::forget_shared) them.
#[derive(Clone, Debug)]
pub struct Form {
    skeleton: Arc<Skeleton>,
    /// Its own region takes the place of that of the graph while rows are filled in.
    graph: Graph,
    /// The node of each hole.
    holes: Vec<NodeId>,
    /// For each hole, whether it is a list to which other instructions add too.
    grows: Vec<bool>,
    /// The values that the instructions leave on the stack.
    values: Vec<NodeId>,
    /// What of the own region does not belong to holes.
    fill: Fill,
    /// How often the kind of a hole has changed.
    changes: u64,
}

impl Form {
    /// Makes the form of a skeleton in the own region of `graph`, which is cleared. `memo` is the
    /// index of the first memo entry of a row.
    ///
    /// Returns `None` where an instruction reads a memo entry that has no definition in the shared
    /// region, or is not as a machine expects it.
    pub fn new(
        skeleton: &Arc<Skeleton>,
        machine: &mut Machine,
        graph: &mut Graph,
        memo: u64,
    ) -> Option<Form> {
        graph.clear();
        machine.reset(graph, Region::Own, memo);
        let mut holes = Vec::with_capacity(skeleton.holes());
        for step in skeleton.steps(memo) {
            match step? {
                Step::Run(bytes, len) => {
                    let mut lexer = Lexer::new(0, machine.limits());
                    let ran = machine.run(graph, &mut lexer, &bytes[..len]).ok()?;
                    matches!(ran, Ran::Need(_) if lexer.offset() == len as u64).then_some(())?;
                }
                Step::Scalar { has_put } => holes.push(machine.push_hole(graph, has_put)),
                Step::List => holes.push(*machine.stack().last()?),
            }
        }
        machine.marks().is_empty().then_some(())?;
        let grows = |&id: &NodeId| matches!(graph.node(id), Node::List(list) if !list.is_empty());
        let mut form = Form {
            skeleton: Arc::clone(skeleton),
            graph: Graph::new(),
            grows: holes.iter().map(grows).collect(),
            holes,
            values: machine.stack().to_vec(),
            fill: graph.fill(),
            changes: 0,
        };
        form.swap(graph);
        graph.clear();
        Some(form)
    }

    /// Returns whether this is the form of a skeleton.
    #[inline]
    pub fn is_of(&self, skeleton: &Arc<Skeleton>) -> bool {
        Arc::ptr_eq(&self.skeleton, skeleton)
    }

    /// Exchanges the own regions of the form and of `graph`.
    pub fn swap(&mut self, graph: &mut Graph) {
        self.graph.swap_own(graph);
    }

    /// Returns the nodes of the holes, in order.
    pub fn holes(&self) -> &[NodeId] {
        &self.holes
    }

    /// Returns the values that a row makes.
    #[inline]
    pub fn values(&self) -> &[NodeId] {
        &self.values
    }

    /// Returns how often a hole got a value of another kind than in the row before. Between such
    /// changes, a [`NodeId`] names a node of the same kind with the same parts.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Fills the holes of a row, as [`fill`](Self::fill) does, with None for a value that is read from
    /// the memo, and with empty lists: for a caller that looks for the holes in the value.
    pub fn outline(&mut self, graph: &mut Graph, row: &[Hole], source: Source<'_>) {
        graph.empty_lists(&self.fill);
        for ((&id, hole), grows) in self.holes.iter().zip(row).zip(&self.grows) {
            let node = match hole {
                Hole::Ints(_) | Hole::Floats(_) | Hole::Items(_) if *grows => continue,
                Hole::Ints(_) | Hole::Floats(_) | Hole::Items(_) => Node::List(Chain::EMPTY),
                scalar => scalar.node(source).unwrap_or(Node::None),
            };
            *graph.node_mut(id) = node;
        }
        self.changes += 1;
    }

    /// Returns whether a hole is a list to which other instructions add too.
    pub fn grows(&self, hole: usize) -> bool {
        self.grows.get(hole).is_some_and(|grows| *grows)
    }

    /// Fills the holes of a row into `graph`, whose own region is that of the form; `source` has the
    /// instructions of the row.
    ///
    /// Returns `false` where a machine has to decode the row: a text is not UTF-8, or a hole is a read
    /// of a memo entry or a list of several kinds.
    #[inline]
    pub fn fill(
        &mut self,
        graph: &mut Graph,
        row: &[Hole],
        ints: &[i64],
        floats: &[f64],
        source: Source<'_>,
        limits: &Limits,
    ) -> bool {
        if row.len() != self.holes.len() {
            return false;
        }
        let mut lists = false;
        for (index, (&id, hole)) in self.holes.iter().zip(row).enumerate() {
            let node = match hole {
                Hole::Ints(_) | Hole::Floats(_) => {
                    if !core::mem::replace(&mut lists, true) {
                        graph.empty_lists(&self.fill);
                    }
                    match (self.grows[index], *hole) {
                        (false, Hole::Ints(list)) => graph.int_list(list.of(ints)),
                        (false, Hole::Floats(list)) => graph.float_list(list.of(floats)),
                        // The list is what other instructions have made it.
                        (_, Hole::Ints(Extent { len: 0, .. })) => continue,
                        _ => return false,
                    }
                }
                scalar => match scalar.node(source) {
                    Some(node) => node,
                    None => return false,
                },
            };
            let Some(filled) = graph.own_nodes().get_mut(id.index()) else { return false };
            self.changes += u64::from(discriminant(filled) != discriminant(&node));
            *filled = node;
        }
        !lists || graph.room(Region::Own, limits.nodes, 0) > 0
    }
}
