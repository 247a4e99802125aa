//! [`MemoCache`]: what is known of memo entries, by their index.

/// A cache by memo index, in at most 65,536 places. An entry replaces the one whose index is equal modulo
/// this number.
///
/// A lookup is one comparison, and no choice of indices makes it slower.
#[derive(Clone, Debug)]
pub struct MemoCache<T>(Vec<Option<(u64, T)>>);

impl<T> Default for MemoCache<T> {
    fn default() -> MemoCache<T> {
        MemoCache(Vec::new())
    }
}

impl<T> MemoCache<T> {
    const PLACES: usize = 1 << 16;

    /// Returns what is known of a memo entry.
    #[inline]
    pub fn get(&self, memo: u64) -> Option<&T> {
        match self.0.get(memo as usize % MemoCache::<T>::PLACES)? {
            Some((known, found)) if *known == memo => Some(found),
            _ => None,
        }
    }

    /// Keeps what is known of a memo entry.
    pub fn insert(&mut self, memo: u64, known: T) {
        let place = memo as usize % MemoCache::<T>::PLACES;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some((memo, known));
    }
}
