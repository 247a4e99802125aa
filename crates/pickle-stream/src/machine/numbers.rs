//! Runs of numbers: where there is one there are often many.

use super::execute::Step;
use crate::graph::{Node, NodeId};
use crate::lex::numbers;

impl<const CHECKED: bool> Step<'_, CHECKED> {
    /// Executes the ints that `input` begins with, for which there is room. Returns their size.
    #[inline(always)]
    pub(super) fn push_ints(&mut self, input: &[u8]) -> usize {
        let is_run = !CHECKED && numbers::int(input).is_some();
        if is_run { self.push_all_ints(input) } else { 0 }
    }

    #[inline(never)]
    fn push_all_ints(&mut self, input: &[u8]) -> usize {
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

    /// Executes the numbers that `input` begins with, and the APPENDS after them, where the MARK
    /// before them begins a batch of a list of this run, and there is room. Returns their size.
    #[inline(always)]
    pub(super) fn append_numbers(&mut self, input: &[u8]) -> Option<usize> {
        let &byte = input.first()?;
        if !CHECKED && numbers::is_number(byte) { self.append_batch(input) } else { None }
    }

    #[inline(never)]
    fn append_batch(&mut self, input: &[u8]) -> Option<usize> {
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
}
