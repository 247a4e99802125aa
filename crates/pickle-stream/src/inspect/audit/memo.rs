//! The memo of the auditor.
//!
//! A pickler makes an entry for nearly every value and reads few of them again, most of them soon.
//! So the memo holds the latest entries, and of the older ones those that were read lately or that
//! are likely to be read: names, and results that the policy asked to keep. An entry that is no
//! longer held is read as [`AbstractValue::Unknown`]; where those that are held take too much
//! memory, only the kind of the large ones stays known. Which indices have an entry stays known, as
//! reading another one is an error, until there are more than [`MAX_ENTRIES`] of them after gaps.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;

use super::bounds::{MAX_ENTRIES, MAX_SMALL};
use super::heap::Heap;
use super::location::Location;
use super::names::Names;
use super::value::{AbstractValue, ObjectKind};
use crate::error::{Error, Result};

/// The entries. Picklers number them from 0, so those without a gap need no set of indices: all
/// indices below the end of `latest` have an entry. Indices after a gap are in `sparse`.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The values of the entries from `begin` on, without a gap.
    latest: VecDeque<AbstractValue>,
    begin: u64,
    /// Entries that were read, are likely to be read, or are after a gap. One in `latest` too has
    /// the same value here.
    kept: BTreeMap<u64, Kept>,
    /// The indices of the entries after a gap; the highest ones only, if `is_sparse_full`.
    sparse: BTreeSet<u64>,
    /// Whether there were too many of them: from then on, any index may have an entry.
    is_sparse_full: bool,
}

/// An entry that does not depend on its index in `latest`.
#[derive(Debug)]
struct Kept {
    value: AbstractValue,
    /// Whether it was made or read since entries were last forgotten.
    is_recent: bool,
    /// Whether it is likely to be read again: a name, or a result that the policy asked to keep.
    is_useful: bool,
}

impl Memo {
    /// Returns the number of values that are held.
    pub(super) fn held(&self) -> usize {
        self.latest.len() + self.kept.len()
    }

    /// Returns the end of the indices that have an entry without a gap.
    fn end(&self) -> u64 {
        self.begin + self.latest.len() as u64
    }

    /// Writes an entry. Returns whether it may have had another value before.
    pub(super) fn put(&mut self, index: u64, value: AbstractValue) -> bool {
        if index == self.end() {
            // With too many gaps this entry may be there, in `kept` or forgotten.
            let before = self.is_sparse_full.then(|| self.kept.remove(&index));
            self.latest.push_back(value);
            while self.sparse.remove(&self.end()) {
                let next = self.kept.remove(&self.end());
                self.latest.push_back(next.map_or(AbstractValue::Unknown, |next| next.value));
            }
            return before.is_some_and(|before| before.is_none_or(|kept| kept.value != value));
        }
        if index > self.end() {
            let is_new = self.sparse.insert(index) && !self.is_sparse_full;
            if self.sparse.len() > MAX_ENTRIES {
                self.is_sparse_full = true;
                self.sparse.pop_first();
            }
            let before = self.keep(index, value);
            return !is_new && before != Some(value);
        }
        let Some(slot) = index.checked_sub(self.begin) else {
            return self.keep(index, value) != Some(value);
        };
        if let Some(kept) = self.kept.get_mut(&index) {
            kept.value = value;
        }
        core::mem::replace(&mut self.latest[slot as usize], value) != value
    }

    /// Holds an entry in `kept`. Returns the value that it had there.
    fn keep(&mut self, index: u64, value: AbstractValue) -> Option<AbstractValue> {
        let before = self.kept.insert(index, Kept { value, is_recent: true, is_useful: false });
        before.map(|before| before.value)
    }

    /// Returns the index of the entry that MEMOIZE writes: the number of entries.
    pub(super) fn next_index(&self, at: Location) -> Result<u64> {
        if self.is_sparse_full {
            let limit = MAX_ENTRIES as u64;
            let message = "too many memo entries after gaps: the index of MEMOIZE is unknown";
            return Err(Error::over_limit(limit, "pickle.limit.memo", at.offset, message));
        }
        Ok(self.end() + self.sparse.len() as u64)
    }

    /// Reads an entry, which is then held as long as it is read between one [`Memo::forget`] and
    /// the next.
    pub(super) fn get(&mut self, index: u64, at: Location) -> Result<AbstractValue> {
        if let Some(kept) = self.kept.get_mut(&index) {
            kept.is_recent = true;
            return Ok(kept.value);
        }
        let slot = index.checked_sub(self.begin).and_then(|slot| usize::try_from(slot).ok());
        if let Some(&value) = slot.and_then(|slot| self.latest.get(slot)) {
            self.keep(index, value);
            return Ok(value);
        }
        if index < self.end() || self.sparse.contains(&index) || self.is_sparse_full {
            return Ok(AbstractValue::Unknown);
        }
        let message = format!("memo entry {index} is read but was never written");
        Err(Error::malformed("pickle.memo.missing", at.offset, message))
    }

    /// Forgets the older half of `latest`, and entries in `kept` that were not read since the last
    /// time. Those that are likely to be read stay while `kept` is at most half full.
    pub(super) fn forget(&mut self, heap: &mut Heap, names: &Names) {
        let is_full = self.kept.len() > MAX_ENTRIES / 2;
        self.kept.retain(|_, kept| {
            let stays = kept.is_recent || (kept.is_useful && !is_full);
            if !stays {
                heap.note_forgotten(kept.value);
            }
            stays
        });
        self.kept.values_mut().for_each(|kept| kept.is_recent = false);
        for value in self.latest.drain(..self.latest.len().div_ceil(2)) {
            let is_useful = match value {
                AbstractValue::Global(_) => true,
                value => match heap.get(value) {
                    Some(&ObjectKind::Text(text)) => names.has_word(heap.text_of(text)),
                    Some(ObjectKind::Result { is_kept, .. }) => *is_kept,
                    _ => false,
                },
            };
            if is_useful {
                let new = Kept { value, is_recent: true, is_useful };
                self.kept.entry(self.begin).or_insert(new).is_useful = true;
            } else {
                heap.note_forgotten(value);
            }
            self.begin += 1;
        }
    }

    /// Forgets texts and tuples of more than [`MAX_SMALL`] bytes, and tuples of objects, however
    /// lately their entries were read. Only their kind stays known. Shapes, and words of names, are
    /// smaller.
    pub(super) fn forget_large(&mut self, heap: &mut Heap) {
        let is_object = |item: &AbstractValue| matches!(item, AbstractValue::Object(_));
        self.each_value(&mut |value| {
            let (is_large, kind) = match heap.get(*value) {
                Some(&ObjectKind::Text(text)) => {
                    (heap.text_of(text).len() > MAX_SMALL, AbstractValue::LongText)
                }
                Some(&ObjectKind::Tuple(Some(items))) => {
                    let items = heap.items_of(items);
                    let is_large = size_of_val(items) > MAX_SMALL;
                    (is_large || items.iter().any(is_object), AbstractValue::Other)
                }
                _ => return,
            };
            if is_large {
                heap.note_forgotten(*value);
                *value = kind;
            }
        });
    }

    /// Calls `each` with every value, which it may change.
    pub(super) fn each_value(&mut self, each: &mut dyn FnMut(&mut AbstractValue)) {
        self.latest.iter_mut().for_each(&mut *each);
        self.kept.values_mut().for_each(|kept| each(&mut kept.value));
    }
}
