//! Values that are made like the last one: its graph is filled in, and not built again.
//!
//! A [`Template`] says whether instructions are like those of the last value, and what fills its
//! holes. The nodes that these made are changed in place; all others, and what they left on the
//! stack, are as they were.

use alloc::vec::Vec;
use core::mem::discriminant;
use core::num::NonZeroU64;

use crate::graph::{Graph, Node, NodeId, Region};
use crate::limits::Limits;
use crate::machine::Machine;
use crate::template::{Patience, Steady, Template};

/// What values have in common that were made by the same instructions of other numbers and
/// payloads. From one of them to the next, each node stays of its kind and keeps its parts: what a
/// [`NodeId`] of one was found to be, it is in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(NonZeroU64);

/// Fills in the own region of a graph with one value after another, as long as they are alike.
#[derive(Debug, Default)]
pub struct Repeater {
    template: Template,
    /// That of what the instructions of the template made.
    pattern: Option<Pattern>,
    /// How many patterns there were.
    patterns: u64,
    /// The version of the graph whose own region holds it.
    version: u64,
    /// The nodes that fill its holes, in order.
    holes: Vec<usize>,
    /// What the instructions left on the stack.
    results: Vec<NodeId>,
    trial: Trial,
    patience: Patience,
}

/// Sees which leaves stay the same, in as many values as are left.
#[derive(Debug, Default)]
struct Trial {
    left: usize,
    steady: Steady,
}

impl Repeater {
    const MOST_NODES: usize = 256;

    /// One that has seen nothing yet.
    pub fn new() -> Repeater {
        Repeater::default()
    }

    /// Remembers the instructions of a whole element, `input`, which the machine has run in the own
    /// region of a graph that was cleared before. It costs less than to run them, and is done less
    /// and less often while nothing is repeated.
    pub fn learn(&mut self, graph: &Graph, machine: &Machine, input: &[u8]) {
        let Some((memo, results)) = machine.left_in_own() else { return };
        if !self.patience.is_over() || graph.len(Region::Own) > Repeater::MOST_NODES {
            return;
        }
        self.holes.clear();
        self.holes.extend(graph.own_leaves());
        self.results.clear();
        self.results.extend_from_slice(results);
        self.trial = Trial { left: Steady::SEEN, steady: Steady::ALL };
        self.pattern = None;
        // Leaves that are no nodes are in no hole either.
        if self.template.learn(input, memo, Steady::default())
            && self.template.leaves() == self.holes.len()
        {
            self.patterns += 1;
            self.pattern = NonZeroU64::new(self.patterns).map(Pattern);
            self.version = graph.version();
        }
    }

    /// Makes of the instructions of a whole element, the `size` bytes that `input` begins with,
    /// which begin at `offset` behind `memo` memo entries, what a machine would make of them in the
    /// own region of the graph that was [learnt](Self::learn) from, if nothing else was made there
    /// since, and they are the same but for numbers and payloads. Returns the values that they leave
    /// on the stack.
    ///
    /// Where this is `None` nothing was done that clearing the graph does not undo.
    #[inline]
    pub fn repeat(
        &mut self,
        graph: &mut Graph,
        input: &[u8],
        size: usize,
        offset: u64,
        memo: u64,
        limits: &Limits,
    ) -> Option<&[NodeId]> {
        self.pattern(graph)?;
        let Repeater { template, holes, trial, .. } = self;
        let longest = limits.argument.min(u64::MAX - offset);
        let (nodes, mut places) = (graph.own_nodes(), holes.iter());
        let fits = template.fit(input, size, offset, memo, longest, |leaf| {
            let node = places.next().and_then(|&place| nodes.get_mut(place));
            let Some(node) = node.filter(|node| discriminant(*node) == discriminant(&leaf)) else {
                return false;
            };
            // A payload has a place in the file, and is another one each time.
            if trial.left > 0 && !(matches!(leaf, Node::Int(_)) && *node == leaf) {
                trial.steady.remove(holes.len() - places.len() - 1);
            }
            *node = leaf;
            true
        });
        if !fits {
            self.pattern = None;
            return None;
        }
        self.patience.reset();
        if self.trial.left > 0 {
            self.trial.left -= 1;
            if self.trial.left == 0 {
                self.settle(&input[..size], memo);
            }
        }
        Some(&self.results)
    }

    /// The pattern of what the own region of the graph holds, if that was learnt or repeated.
    #[inline]
    pub fn pattern(&self, graph: &Graph) -> Option<Pattern> {
        self.pattern.filter(|_| self.version == graph.version())
    }

    /// Makes the leaves that were steady for so long, up to the value of `input`, part of what is
    /// fixed.
    #[cold]
    fn settle(&mut self, input: &[u8], memo: u64) {
        let steady = self.trial.steady;
        if self.template.learn(input, memo, steady) {
            let mut leaves = 0..;
            self.holes.retain(|_| leaves.next().is_some_and(|leaf| !steady.has(leaf)));
        } else {
            self.pattern = None;
        }
    }
}
