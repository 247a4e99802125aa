//! The memo of one machine: values by index.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::graph::NodeId;

/// The entries made since `base`.
///
/// Writers number entries one after another, so they live in a vector. An index far beyond its end
/// (one instruction can name 2^32) goes into a map: an entry takes memory for itself alone.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    base: u64,
    dense: Vec<Option<NodeId>>,
    sparse: BTreeMap<u64, NodeId>,
    len: usize,
}

/// How far beyond its end the vector grows to reach an index. `pickletools.optimize` leaves gaps of
/// this order.
const GAP: usize = 64;

impl Memo {
    /// Empties the memo, for a stream that has made entries up to `base` already.
    pub(crate) fn reset(&mut self, base: u64) {
        self.base = base;
        self.dense.clear();
        self.sparse.clear();
        self.len = 0;
    }

    /// The index below which entries were made before.
    #[inline]
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Entries in the memo, not counting those before its base.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The index that MEMOIZE gives: the number of entries, which is not always one more than the
    /// highest.
    #[inline]
    pub(crate) fn next_index(&self) -> u64 {
        self.base + self.len as u64
    }

    /// One more than the highest index.
    pub(crate) fn end(&self) -> u64 {
        let dense = self.base + self.dense.len() as u64;
        self.sparse.last_key_value().map_or(dense, |(&index, _)| index.saturating_add(1))
    }

    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<NodeId> {
        let place = usize::try_from(index.checked_sub(self.base)?).ok()?;
        match self.dense.get(place) {
            Some(entry) => *entry,
            None => self.sparse.get(&index).copied(),
        }
    }

    /// Sets an entry; `index` is not below the base.
    #[inline]
    pub(crate) fn put(&mut self, index: u64, id: NodeId) {
        let place = usize::try_from(index - self.base).unwrap_or(usize::MAX);
        if place == self.dense.len() && self.sparse.is_empty() {
            self.dense.push(Some(id));
            self.len += 1;
        } else {
            self.put_anywhere(place, index, id);
        }
    }

    /// What [`put`](Self::put) does where the entry is not simply the next one.
    fn put_anywhere(&mut self, place: usize, index: u64, id: NodeId) {
        if place >= self.dense.len().saturating_add(GAP) {
            self.len += usize::from(self.sparse.insert(index, id).is_none());
            return;
        }
        if place >= self.dense.len() {
            let from = self.base + self.dense.len() as u64;
            self.dense.resize(place + 1, None);
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
        self.len += usize::from(self.dense[place].replace(id).is_none());
    }

    /// Every entry with its index, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, NodeId)> + '_ {
        let base = self.base;
        let dense = self.dense.iter().zip(base..).filter_map(|(id, index)| Some((index, (*id)?)));
        dense.chain(self.sparse.iter().map(|(&index, &id)| (index, id)))
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
        fn is_a_map(puts in prop::collection::vec((indices(), any::<bool>()), 0..200)) {
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
