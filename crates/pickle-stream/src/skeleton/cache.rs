//! The skeletons that a survey keeps, and which of them comes next.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fit::Fitted;
use super::hole::{Holes, Row};
use super::skeleton::Skeleton;

/// The skeletons of the last elements.
///
/// The one that followed the last one last time is tried first. One that is a scalar and nothing
/// else is tried last, as many elements begin with one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skeletons {
    kept: Vec<Arc<Skeleton>>,
    /// For each, the index of the one that followed it last time.
    next: [usize; Skeletons::MOST],
    /// The index of the last one that fitted.
    last: usize,
    /// The index of the one that makes room for the next.
    oldest: usize,
}

impl Skeletons {
    /// The number that is kept.
    pub(crate) const MOST: usize = 8;

    /// Returns the skeletons; rows have their indices.
    pub(crate) fn kept(&self) -> &[Arc<Skeleton>] {
        &self.kept
    }

    /// Returns whether the elements are scalars, as far as is known.
    #[inline]
    pub(crate) fn are_scalars(&self) -> bool {
        matches!(&self.kept[..], [only] if only.is_scalar())
    }

    /// Puts a skeleton in the place of another one.
    pub(crate) fn replace(&mut self, index: usize, skeleton: Skeleton) {
        self.kept[index] = Arc::new(skeleton);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the skeleton that is likely to come next, with its index, if it followed itself last
    /// time, so that many may follow.
    #[inline]
    pub(crate) fn repeated(&self) -> Option<(usize, &Skeleton)> {
        let index = self.last;
        let skeleton = self.kept.get(index)?;
        if self.next[index] == index && !skeleton.is_scalar() {
            Some((index, skeleton))
        } else {
            None
        }
    }

    /// Looks for the instructions of one of the skeletons at the beginning of `input`: see
    /// [`Skeleton::fit`].
    #[inline]
    pub(crate) fn fit(
        &mut self,
        input: &[u8],
        memo: u64,
        counts: bool,
        holes: &mut Holes,
    ) -> Option<(Row, Fitted)> {
        let first = holes.all().len() as u32;
        let likely = self.next[self.last];
        if let Some(skeleton) = self.kept.get(likely)
            && !skeleton.is_scalar()
            && let Some(fitted) = skeleton.fit(input, memo, counts, holes)
        {
            self.last = likely;
            return Some((Row { skeleton: likely as u32, first }, fitted));
        }
        self.fit_another(likely, input, memo, counts, holes)
    }

    #[inline(never)]
    fn fit_another(
        &mut self,
        likely: usize,
        input: &[u8],
        memo: u64,
        counts: bool,
        holes: &mut Holes,
    ) -> Option<(Row, Fitted)> {
        let first = holes.all().len() as u32;
        let mut found = None;
        for scalar in [false, true] {
            for (index, skeleton) in self.kept.iter().enumerate() {
                let was_tried = index == likely && !scalar;
                if skeleton.is_scalar() == scalar
                    && !was_tried
                    && found.is_none()
                    && let Some(fitted) = skeleton.fit(input, memo, counts, holes)
                {
                    found = Some((index, fitted));
                }
            }
        }
        let (index, fitted) = found?;
        self.next[self.last] = index;
        self.last = index;
        Some((Row { skeleton: index as u32, first }, fitted))
    }

    /// Adds a skeleton. One that is the same but for what is fixed becomes one with it.
    pub(crate) fn add(&mut self, skeleton: Skeleton) {
        let merged = self.kept.iter_mut().find_map(|kept| {
            let merged = kept.merged(&skeleton)?;
            *kept = Arc::new(merged);
            Some(())
        });
        if merged.is_some() {
            return;
        }
        let skeleton = Arc::new(skeleton);
        if self.kept.len() < Skeletons::MOST {
            self.kept.push(skeleton);
        } else {
            self.kept[self.oldest] = skeleton;
            self.oldest = (self.oldest + 1) % Skeletons::MOST;
        }
    }

    /// Removes a skeleton that says little about what elements are.
    pub(crate) fn remove(&mut self, index: usize) {
        self.kept.remove(index);
        self.next = [0; Skeletons::MOST];
        (self.last, self.oldest) = (0, 0);
    }
}
