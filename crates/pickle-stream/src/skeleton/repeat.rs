//! Values that are made like the last one: its graph is filled in, and not built again.
//!
//! A [`Template`] says whether instructions are like those of the last value, and what fills its
//! holes. The nodes that these made are changed in place; all others, and what they left on the
//! stack, are as they were.

use alloc::vec::Vec;
use core::mem::discriminant;
use core::num::NonZeroU64;

use super::template::{Patience, Steady, Template};
use crate::graph::{Graph, Node, NodeId, Region};
use crate::limits::Limits;
use crate::machine::Machine;

/// What values have in common that were made by the same instructions of other numbers and
/// payloads. While it is the same, a [`NodeId`] names a node of the same kind with the same parts:
/// only numbers, texts and bytes differ. Those of two repeaters have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(NonZeroU64);

/// Fills in the own region of a graph with one value after another, as long as they are alike.
///
/// It is for one graph: the ids that it keeps mean nothing in another one.
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

/// Watches the next `left` values for leaves that do not change.
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
    /// on the stack. No machine has these on its stack, or knows what they write to the memo.
    ///
    /// What stands behind the element in `input` is never needed; with it, its end is compared as
    /// fast as the rest. Of the limits, that of arguments is kept: a graph that met no other one
    /// meets none when it is filled in.
    ///
    /// Where this is `None` the graph has to be cleared before anything else is made in it.
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
        self.pattern(graph).filter(|_| size <= input.len())?;
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
        // No other repeater has learnt from this.
        graph.touch();
        self.version = graph.version();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Source;
    use crate::lex::Lexer;

    const ELEMENT: &[u8] = b"K\x01C\x01a\x86\x94";

    /// A graph that a repeater has learnt from.
    fn learnt() -> (Graph, Machine, Repeater) {
        let limits = Limits::default();
        let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
        let mut repeater = Repeater::new();
        learn(&mut graph, &mut machine, &mut repeater, ELEMENT);
        (graph, machine, repeater)
    }

    fn learn(graph: &mut Graph, machine: &mut Machine, repeater: &mut Repeater, element: &[u8]) {
        graph.clear();
        machine.reset(graph, Region::Own, 0);
        machine.run(graph, &mut Lexer::new(0, &Limits::default()), element).unwrap();
        repeater.learn(graph, machine, element);
    }

    fn repeats(repeater: &mut Repeater, graph: &mut Graph) -> bool {
        let limits = Limits::default();
        repeater.repeat(graph, ELEMENT, ELEMENT.len(), 50, 7, &limits).is_some()
    }

    #[test]
    fn nothing_is_repeated_once_the_region_has_changed() {
        let changes: [fn(&mut Graph, &mut Machine); 5] = [
            |graph, _| graph.clear(),
            |graph, _| graph.forget_shared(),
            |graph, _| graph.set_label(NodeId::NONE, 0),
            |graph, machine| {
                machine.run(graph, &mut Lexer::new(0, &Limits::default()), b"N").map(drop).unwrap();
            },
            // Another one has learnt from the same graph, and changed it.
            |graph, machine| {
                let mut other = Repeater::new();
                other.learn(graph, machine, ELEMENT);
                assert!(repeats(&mut other, graph));
            },
        ];
        for change in changes {
            let (mut graph, mut machine, mut repeater) = learnt();
            assert!(repeats(&mut repeater, &mut graph));
            assert!(repeater.pattern(&graph).is_some());
            change(&mut graph, &mut machine);
            assert_eq!(repeater.pattern(&graph), None);
            assert!(!repeats(&mut repeater, &mut graph));
        }
    }

    #[test]
    fn another_structure_is_another_pattern() {
        let (mut graph, mut machine, mut repeater) = learnt();
        let first = repeater.pattern(&graph);
        assert!(repeats(&mut repeater, &mut graph));
        assert_eq!(repeater.pattern(&graph), first);
        learn(&mut graph, &mut machine, &mut repeater, b"K\x01K\x02\x86");
        assert!(repeater.pattern(&graph).is_some());
        assert_ne!(repeater.pattern(&graph), first);
    }

    #[test]
    fn an_element_is_wholly_there() {
        let (mut graph, _, mut repeater) = learnt();
        let framed = [ELEMENT, b"\x95\0\0\0\0\0\0\0\0"].concat();
        let limits = Limits::default();
        for cut in 0..framed.len() {
            let repeated =
                repeater.repeat(&mut graph, &framed[..cut], framed.len(), 50, 7, &limits);
            assert_eq!(repeated, None, "{cut}");
        }
        // At the end of all offsets.
        let offset = u64::MAX - framed.len() as u64;
        let size = framed.len();
        let repeated =
            repeater.repeat(&mut graph, &framed, size, offset, 7, &limits).map(<[_]>::to_vec);
        let source = Source { bytes: &framed, offset };
        let tuple = graph.value(repeated.unwrap()[0], source).to_tuple::<2>().unwrap();
        assert_eq!((tuple[0].as_int(), tuple[1].as_bytes()), (Some(1), Some(&b"a"[..])));
    }
}
