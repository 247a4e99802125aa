//! The memo of the auditor: the latest entries, and of the older ones those that are read again.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;

use super::at::{At, MOST_ENTRIES};
use super::heap::{Abstract, Heap, ObjectKind};
use super::names::Names;
use crate::error::{Error, Result};

/// An entry that was made, and is neither in `latest` nor in `kept`, is [`Abstract::Forgotten`].
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The entries from `begin` on, without gaps.
    latest: VecDeque<Abstract>,
    begin: u64,
    /// Entries that were read, that may be read when they are older, or that are after a gap.
    kept: BTreeMap<u64, Kept>,
    /// Which entries there are after a gap, unless there are too many.
    sparse: BTreeSet<u64>,
    is_sparse_full: bool,
}

#[derive(Debug)]
struct Kept {
    value: Abstract,
    /// Whether it was made or read since entries were last forgotten.
    is_recent: bool,
    /// Whether it is likely to be read again: a name, or a result that the caller keeps.
    is_useful: bool,
}

impl Memo {
    /// Values that are held.
    pub(super) fn held(&self) -> usize {
        self.latest.len() + self.kept.len()
    }

    /// One after the last of the entries without gaps.
    fn end(&self) -> u64 {
        self.begin + self.latest.len() as u64
    }

    /// Makes an entry. Returns whether it was there with another value before.
    pub(super) fn put(&mut self, index: u64, value: Abstract) -> bool {
        if index == self.end() {
            self.latest.push_back(value);
            while self.sparse.remove(&self.end()) {
                let next = self.kept.remove(&self.end());
                self.latest.push_back(next.map_or(Abstract::Forgotten, |next| next.value));
            }
            return false;
        }
        if index > self.end() {
            let is_new = self.sparse.insert(index) && !self.is_sparse_full;
            if self.sparse.len() > MOST_ENTRIES {
                self.is_sparse_full = true;
                self.sparse.pop_first();
            }
            let before = self.keep(index, value);
            return !is_new && before != Some(value);
        }
        let Some(place) = index.checked_sub(self.begin) else {
            return self.keep(index, value) != Some(value);
        };
        if let Some(kept) = self.kept.get_mut(&index) {
            kept.value = value;
        }
        core::mem::replace(&mut self.latest[place as usize], value) != value
    }

    fn keep(&mut self, index: u64, value: Abstract) -> Option<Abstract> {
        let before = self.kept.insert(index, Kept { value, is_recent: true, is_useful: false });
        before.map(|before| before.value)
    }

    /// The index that MEMOIZE gives: the number of entries.
    pub(super) fn next_index(&self, at: At) -> Result<u64> {
        if self.is_sparse_full {
            let message = "MEMOIZE after too many entries with gaps between them";
            return Err(Error::over_limit(
                MOST_ENTRIES as u64,
                "pickle.limit.memo",
                at.offset,
                message,
            ));
        }
        Ok(self.end() + self.sparse.len() as u64)
    }

    /// Reads an entry, which is then kept as long as it is read again and again.
    pub(super) fn get(&mut self, index: u64, at: At) -> Result<Abstract> {
        if let Some(kept) = self.kept.get_mut(&index) {
            kept.is_recent = true;
            return Ok(kept.value);
        }
        let place = index.checked_sub(self.begin).and_then(|place| usize::try_from(place).ok());
        if let Some(&value) = place.and_then(|place| self.latest.get(place)) {
            self.keep(index, value);
            return Ok(value);
        }
        if index < self.end() || self.sparse.contains(&index) || self.is_sparse_full {
            return Ok(Abstract::Forgotten);
        }
        let message = format!("memo entry {index} is read but was never written");
        Err(Error::malformed("pickle.memo.missing", at.offset, message))
    }

    /// Forgets the older half of the entries, but for those that were read since the last time, and,
    /// as far as there is room, those that are likely to be read again.
    pub(super) fn forget(&mut self, heap: &mut Heap, names: &Names) {
        let is_full = self.kept.len() > MOST_ENTRIES / 2;
        self.kept.retain(|_, kept| {
            let stays = kept.is_recent || (kept.is_useful && !is_full);
            if !stays {
                heap.forget(kept.value);
            }
            stays
        });
        self.kept.values_mut().for_each(|kept| kept.is_recent = false);
        for value in self.latest.drain(..self.latest.len().div_ceil(2)) {
            let is_useful = match value {
                Abstract::Global(_) => true,
                value => match heap.get(value) {
                    Some(ObjectKind::Text(text)) => names.has_word(text),
                    Some(ObjectKind::Result { is_kept, .. }) => *is_kept,
                    _ => false,
                },
            };
            if is_useful {
                let new = Kept { value, is_recent: true, is_useful };
                self.kept.entry(self.begin).or_insert(new).is_useful = true;
            } else {
                heap.forget(value);
            }
            self.begin += 1;
        }
    }

    pub(super) fn each_value(&mut self, each: &mut dyn FnMut(&mut Abstract)) {
        self.latest.iter_mut().for_each(&mut *each);
        self.kept.values_mut().for_each(|kept| each(&mut kept.value));
    }
}
