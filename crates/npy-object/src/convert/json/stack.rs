//! The stack of what is still to be written.
//!
//! It is as high as an element is deep, so it is made of pieces that never move: a vector that grows
//! would take up to three times what is on it.

use std::mem;

use pickle_stream::{NodeId, Paused};

use crate::value::element::Element;
use crate::value::items::{Entries, Items};

/// A stack in pieces.
pub(super) struct Stack<T> {
    full: Vec<Vec<T>>,
    top: Vec<T>,
}

impl<T> Stack<T> {
    const PIECE: usize = 1 << 10;

    /// A stack of one.
    pub(super) fn of(bottom: T) -> Stack<T> {
        Stack { full: Vec::new(), top: vec![bottom] }
    }

    pub(super) fn push(&mut self, item: T) {
        if self.top.len() == Self::PIECE {
            let piece = Vec::with_capacity(Self::PIECE);
            self.full.push(mem::replace(&mut self.top, piece));
        }
        self.top.push(item);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        if self.top.is_empty() {
            self.top = self.full.pop()?;
        }
        self.top.pop()
    }
}

impl<T> Extend<T> for Stack<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

/// Members of a container that are still to be written.
pub(super) struct Rest<E> {
    left: Paused,
    shape: Shape,
    pub(super) first: bool,
    /// The container, or the object that they belong to.
    pub(super) of: NodeId,
    /// What comes after them.
    pub(super) end: E,
}

/// How members stand in the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Items,
    Entries,
    /// Entries, each of them a list or tuple.
    Pairs,
}

/// The next member.
pub(super) enum Next<'a> {
    Item(Element<'a>),
    Entry(Element<'a>, Element<'a>),
}

impl<E> Rest<E> {
    pub(super) fn of_items(items: &Items<'_>, of: NodeId, end: E) -> Rest<E> {
        Rest { left: items.pause(), shape: Shape::Items, first: true, of, end }
    }

    pub(super) fn of_entries(entries: &Entries<'_>, of: NodeId, end: E) -> Rest<E> {
        let (left, is_pairs) = entries.pause();
        let shape = if is_pairs { Shape::Pairs } else { Shape::Entries };
        Rest { left, shape, first: true, of, end }
    }

    /// Takes the next member; `root` is a value of the same element.
    pub(super) fn next<'a>(&mut self, root: Element<'a>) -> Option<Next<'a>> {
        if self.shape == Shape::Items {
            let mut items = Items::new(root.value()?.resume(self.left), root.context());
            let item = items.next()?;
            self.left = items.pause();
            return Some(Next::Item(item));
        }
        let mut entries = Entries::resume(root, (self.left, self.shape == Shape::Pairs))?;
        let (key, value) = entries.next()?;
        self.left = entries.pause().0;
        Some(Next::Entry(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_of_many_gives_back_the_last_first() {
        let mut stack = Stack::of(0);
        stack.extend(1..5000);
        assert!((0..5000).rev().all(|item| stack.pop() == Some(item)));
        assert_eq!(stack.pop(), None);
    }

    #[test]
    fn rest_stays_small() {
        assert!(size_of::<Rest<u8>>() <= 24);
    }
}
