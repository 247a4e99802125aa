//! [`Items`] and [`Entries`]: the members of containers, as elements.

use std::iter::FusedIterator;

#[cfg(feature = "json")]
use pickle_stream::Paused;
use pickle_stream::{Entries as RawEntries, Items as RawItems, Kind as Raw, ValueRef};

use crate::value::context::Context;
use crate::value::element::Element;

/// The members of a tuple, list, set or frozenset, in the order of the file.
#[derive(Clone)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Items<'a> {
    items: RawItems<'a>,
    context: &'a Context,
}

impl<'a> Items<'a> {
    #[inline(always)]
    pub(crate) fn new(items: RawItems<'a>, context: &'a Context) -> Items<'a> {
        Items { items, context }
    }

    /// Returns the items that are left, in a form that takes less memory.
    #[cfg(feature = "json")]
    pub(crate) fn pause(&self) -> Paused {
        self.items.pause()
    }

    /// Returns the values themselves.
    pub(crate) fn raw(&self) -> &RawItems<'a> {
        &self.items
    }

    /// Returns the values themselves.
    #[cfg(feature = "serde")]
    pub(crate) fn into_raw(self) -> RawItems<'a> {
        self.items
    }

    /// Returns the settings of the items.
    #[cfg(feature = "serde")]
    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.items.next().map(|value| Element::new(value, self.context))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

impl FusedIterator for Items<'_> {}

/// The keys and values of a dict, in the order of the file.
#[derive(Clone)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Entries<'a> {
    entries: EntriesRepr<'a>,
    context: &'a Context,
}

/// How the entries are in the graph.
#[derive(Clone)]
enum EntriesRepr<'a> {
    Dict(RawEntries<'a>),
    /// Lists or tuples of two, as Python 2 pickles an `OrderedDict`.
    Pairs(RawItems<'a>),
}

impl<'a> Entries<'a> {
    #[inline(always)]
    pub(crate) fn new(entries: RawEntries<'a>, context: &'a Context) -> Entries<'a> {
        Entries { entries: EntriesRepr::Dict(entries), context }
    }

    /// Entries each of which is a list or tuple of two.
    pub(crate) fn of_pairs(pairs: RawItems<'a>, context: &'a Context) -> Entries<'a> {
        Entries { entries: EntriesRepr::Pairs(pairs), context }
    }

    /// Returns the next entry as the values themselves.
    #[inline(always)]
    pub(crate) fn next_raw(&mut self) -> Option<(ValueRef<'a>, ValueRef<'a>)> {
        match &mut self.entries {
            EntriesRepr::Dict(entries) => entries.next(),
            EntriesRepr::Pairs(pairs) => match pairs.next()?.kind() {
                Raw::List(mut pair) | Raw::Tuple(mut pair) => Some((pair.next()?, pair.next()?)),
                _ => None,
            },
        }
    }

    /// Returns the settings of the entries.
    #[cfg(feature = "serde")]
    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }

    /// Returns the entries that are left, in a form that takes less memory, and whether they are
    /// pairs: see [`Entries::resume`].
    #[cfg(feature = "json")]
    pub(crate) fn pause(&self) -> (Paused, bool) {
        match &self.entries {
            EntriesRepr::Dict(entries) => (entries.clone().into_items().pause(), false),
            EntriesRepr::Pairs(pairs) => (pairs.pause(), true),
        }
    }

    /// Returns the entries that were paused; `value` is any value of the same element.
    #[cfg(feature = "json")]
    pub(crate) fn resume(value: Element<'a>, paused: (Paused, bool)) -> Option<Entries<'a>> {
        let items = value.value()?.resume(paused.0);
        Some(match paused.1 {
            false => Entries::new(items.into(), value.context()),
            true => Entries::of_pairs(items, value.context()),
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.next_raw()?;
        Some((Element::new(key, self.context), Element::new(value, self.context)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.entries {
            EntriesRepr::Dict(entries) => entries.size_hint(),
            EntriesRepr::Pairs(pairs) => pairs.size_hint(),
        }
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl FusedIterator for Entries<'_> {}
