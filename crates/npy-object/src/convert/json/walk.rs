//! The walk over a value that both forms of JSON share.
//!
//! It does not recurse, so values may be nested to any depth. What is still to be written is on a
//! stack of [`Task`]s. The stack is as high as an element is deep: hence its tasks are small, and
//! its memory is in pieces that never move, as a vector that grows takes up to three times its
//! contents.

use std::io::{self, Write};
use std::mem;

use pickle_stream::{NodeId, Paused};

use super::text::comma;

use crate::value::element::Element;
use crate::value::items::{Entries, Items};

/// A form of JSON: the text that it writes for each value.
pub(super) trait Form: Sized {
    /// The text after the members of a container.
    type End: Copy;
    /// The tasks that only this form has.
    type Own<'a>;

    /// Writes a value, or the beginning of a container whose members become tasks.
    fn value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()>;

    /// Writes an entry of a dict.
    fn entry<'a>(
        &mut self,
        out: &mut impl Write,
        key: Element<'a>,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()>;

    /// Writes the text after the members of a container.
    fn end<'a>(
        &mut self,
        out: &mut impl Write,
        container: Element<'a>,
        end: Self::End,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()>;

    /// Does a task of this form; `root` is the element.
    fn own<'a>(
        &mut self,
        out: &mut impl Write,
        root: Element<'a>,
        task: Self::Own<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()>;
}

/// Something that is still to be written. Values are node ids, and rare tasks are boxed, so that a
/// task takes 24 bytes.
pub(super) enum Task<'a, F: Form> {
    Text(&'static str),
    Value(NodeId),
    /// An item of a dtype, or a row, which a node id alone does not identify.
    Typed(Box<Element<'a>>),
    Members(Rest<F::End>),
    Own(F::Own<'a>),
}

/// The tasks that are left, the next one on top.
pub(super) type Tasks<'a, F> = Stack<Task<'a, F>>;

impl<'a, F: Form> Task<'a, F> {
    pub(super) fn of(value: Element<'a>) -> Task<'a, F> {
        value.untyped().map_or_else(|| Task::Typed(Box::new(value)), Task::Value)
    }
}

/// Writes a value in a form.
pub(super) fn walk<'a, F: Form>(
    form: &mut F,
    out: &mut impl Write,
    root: Element<'a>,
) -> io::Result<()> {
    let mut tasks = Stack::of(Task::of(root));
    while let Some(task) = tasks.pop() {
        match task {
            Task::Text(text) => out.write_all(text.as_bytes())?,
            Task::Value(node) => form.value(out, node_of(root, node), &mut tasks)?,
            Task::Typed(value) => form.value(out, *value, &mut tasks)?,
            Task::Own(task) => form.own(out, root, task, &mut tasks)?,
            Task::Members(mut rest) => match rest.next(root) {
                Some(next) => {
                    comma(out, rest.first)?;
                    rest.first = false;
                    tasks.push(Task::Members(rest));
                    match next {
                        Next::Item(item) => tasks.push(Task::of(item)),
                        Next::Entry(key, value) => form.entry(out, key, value, &mut tasks)?,
                    }
                }
                None => form.end(out, node_of(root, rest.of), rest.end, &mut tasks)?,
            },
        }
    }
    Ok(())
}

/// Returns the value of a node of the same element.
pub(super) fn node_of(root: Element<'_>, node: NodeId) -> Element<'_> {
    root.at(node).expect("a row has no nodes")
}

/// A stack in pieces of 1,024.
pub(super) struct Stack<T> {
    full: Vec<Vec<T>>,
    top: Vec<T>,
}

impl<T> Stack<T> {
    const PIECE: usize = 1 << 10;

    /// Returns a stack of one item.
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
    members: Members,
    /// Whether none was taken yet.
    first: bool,
    /// The container, or the object, whose members they are.
    of: NodeId,
    /// The text after them.
    end: E,
}

/// How members are stored in the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    Items,
    Entries,
    /// Entries, each of them a list or tuple.
    Pairs,
}

/// The next member.
enum Next<'a> {
    Item(Element<'a>),
    Entry(Element<'a>, Element<'a>),
}

impl<E> Rest<E> {
    pub(super) fn of_items(items: &Items<'_>, of: NodeId, end: E) -> Rest<E> {
        Rest { left: items.pause(), members: Members::Items, first: true, of, end }
    }

    pub(super) fn of_entries(entries: &Entries<'_>, of: NodeId, end: E) -> Rest<E> {
        let (left, is_pairs) = entries.pause();
        let members = if is_pairs { Members::Pairs } else { Members::Entries };
        Rest { left, members, first: true, of, end }
    }

    /// Takes the next member; `root` is a value of the same element.
    fn next<'a>(&mut self, root: Element<'a>) -> Option<Next<'a>> {
        if self.members == Members::Items {
            let mut items = Items::new(root.value()?.resume(self.left), root.context());
            let item = items.next()?;
            self.left = items.pause();
            return Some(Next::Item(item));
        }
        let mut entries = Entries::resume(root, (self.left, self.members == Members::Pairs))?;
        let (key, value) = entries.next()?;
        self.left = entries.pause().0;
        Some(Next::Entry(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_of_5000_pops_the_last_first() {
        let mut stack = Stack::of(0);
        stack.extend(1..5000);
        assert!((0..5000).rev().all(|item| stack.pop() == Some(item)));
        assert_eq!(stack.pop(), None);
    }

    #[test]
    fn rest_takes_24_bytes() {
        assert!(size_of::<Rest<u8>>() <= 24);
    }
}
