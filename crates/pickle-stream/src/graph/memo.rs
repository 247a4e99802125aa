//! Nodes by memo index: the memo of a machine, and the definitions of a graph.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use super::id::NodeId;

/// A map from the memo indices at or above `base` to nodes.
///
/// Writers number entries one after another, so they are in a vector. An index far past its end (an
/// instruction can name 2^32) goes into a map, so that it takes memory for one entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memo {
    base: u64,
    dense: Vec<Option<NodeId>>,
    sparse: BTreeMap<u64, NodeId>,
    len: usize,
}

/// The number of indices that the vector skips at most to reach a new one. `pickletools.optimize`
/// leaves gaps of this order.
const GAP: usize = 64;

impl Memo {
    /// Empties the memo, for instructions after `base` memo entries.
    pub(crate) fn reset(&mut self, base: u64) {
        self.base = base;
        self.dense.clear();
        if !self.sparse.is_empty() {
            self.sparse.clear();
        }
        self.len = 0;
    }

    /// Returns the index below which all entries were made before.
    #[inline]
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Returns the number of entries, without those before the base.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the index that MEMOIZE writes: the number of entries, which need not be one more
    /// than the highest.
    #[inline]
    pub(crate) fn next_index(&self) -> u64 {
        self.base + self.len as u64
    }

    /// Returns one more than the highest index.
    pub(crate) fn end(&self) -> u64 {
        let dense = self.base + self.dense.len() as u64;
        self.sparse.last_key_value().map_or(dense, |(&index, _)| index.saturating_add(1))
    }

    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<NodeId> {
        // An index that no vector reaches may be in the map.
        let slot = usize::try_from(index.checked_sub(self.base)?).unwrap_or(usize::MAX);
        match self.dense.get(slot) {
            Some(entry) => *entry,
            None => self.sparse.get(&index).copied(),
        }
    }

    /// Sets an entry. `index` must not be below the base.
    #[inline]
    pub(crate) fn put(&mut self, index: u64, id: NodeId) {
        let slot = usize::try_from(index - self.base).unwrap_or(usize::MAX);
        if slot == self.dense.len() && self.sparse.is_empty() {
            self.dense.push(Some(id));
            self.len += 1;
        } else {
            self.put_anywhere(slot, index, id);
        }
    }

    /// Sets an entry that is not the next one.
    #[cold]
    fn put_anywhere(&mut self, slot: usize, index: u64, id: NodeId) {
        if slot >= self.dense.len().saturating_add(GAP) {
            self.len += usize::from(self.sparse.insert(index, id).is_none());
            return;
        }
        if slot >= self.dense.len() {
            let from = self.base + self.dense.len() as u64;
            self.dense.resize(slot + 1, None);
            // The vector now covers indices that the map may hold.
            while let Some(entry) = self.sparse.first_entry() {
                if *entry.key() > index {
                    break;
                }
                debug_assert!(*entry.key() >= from);
                self.dense[(*entry.key() - self.base) as usize] = Some(*entry.get());
                entry.remove();
            }
        }
        self.len += usize::from(self.dense[slot].replace(id).is_none());
    }

    /// Returns every entry with its index, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, NodeId)> + '_ {
        self.range(self.base..u64::MAX).chain(self.get(u64::MAX).map(|id| (u64::MAX, id)))
    }

    /// Returns the entries of a range of indices, in order. The range may be of any size, as a
    /// pickle can leave gaps.
    pub(super) fn range(&self, indices: Range<u64>) -> impl Iterator<Item = (u64, NodeId)> + '_ {
        let slot = |index: u64| {
            let slot = usize::try_from(index.saturating_sub(self.base)).unwrap_or(usize::MAX);
            slot.min(self.dense.len())
        };
        let (start, end) = (indices.start, indices.end.max(indices.start));
        let (first, last) = (slot(start), slot(end));
        let dense = self.dense[first..last].iter().zip(self.base + first as u64..);
        let dense = dense.filter_map(|(id, index)| Some((index, (*id)?)));
        dense.chain(self.sparse.range(start..end).map(|(&index, &id)| (index, id)))
    }

    /// Returns about the bytes that the entries take.
    pub(crate) fn bytes(&self) -> usize {
        self.dense.len() * size_of::<Option<NodeId>>()
            + self.sparse.len() * 2 * size_of::<(u64, NodeId)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn indices() -> impl Strategy<Value = u64> {
        prop_oneof![0..300u64, 0..3000u64, Just(u64::from(u32::MAX)), any::<u64>()]
    }

    proptest! {
        #[test]
        fn memo_is_a_map(puts in prop::collection::vec((indices(), any::<bool>()), 0..200)) {
            let graph_ids = [NodeId::NONE, NodeId::TRUE];
            let (mut memo, mut model) = (Memo::default(), BTreeMap::new());
            for (index, which) in puts {
                let id = graph_ids[usize::from(which)];
                memo.put(index, id);
                model.insert(index, id);
                prop_assert_eq!(memo.next_index(), model.len() as u64);
            }
            for (&index, &id) in &model {
                prop_assert_eq!(memo.get(index), Some(id));
                prop_assert_eq!(memo.get(index ^ 1), model.get(&(index ^ 1)).copied());
            }
            prop_assert!(memo.entries().eq(model));
        }
    }
}
