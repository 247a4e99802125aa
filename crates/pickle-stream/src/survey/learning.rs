//! Which skeletons a survey learns, and when.
//!
//! It learns from elements that have none: at the end of a batch, where it is known what the elements
//! are, and inside the first batch, where each value but the last is taken for one. Where little has
//! a skeleton, it learns less and less often. A skeleton is dropped if most values that fit it turn
//! out to be parts of others.

use alloc::vec::Vec;

use super::slot::Slot;
use super::span::Span;
use crate::limits::Limits;
use crate::opcode::Opcode;
use crate::skeleton::{FRAME_SIZE, Fitted, Hole, Holes, Patience, Skeleton, Skeletons};

const FRAME: u8 = Opcode::Frame as u8;

/// What a survey knows about its skeletons.
#[derive(Clone, Debug, Default)]
pub(super) struct Learning {
    /// How many values were found to have each of the skeletons, in this batch.
    pub(super) pushed: [usize; Skeletons::MOST],
    /// How often a value was looked at and had none.
    missed: usize,
    /// Whether so much misses that nothing more is tried in this batch.
    gave_up: bool,
    pub(super) patience: Patience,
    /// The number of values after which a skeleton is looked for inside the first batch.
    pub(super) guess: usize,
    /// Whether the rows of the last batch can be forgotten.
    pub(super) batch_ended: bool,
    /// Skeletons that take effect after this batch, whose rows have the indices of the present ones.
    pub(super) found: Vec<Skeleton>,
    pub(super) useless: Vec<usize>,
    /// Skeletons in which holes become fixed that are always filled in the same way.
    pub(super) settled: Vec<(usize, Skeleton)>,
}

impl Learning {
    /// How many more values may miss in a batch than fit, before nothing more is tried: to find out
    /// may take longer than to go through them.
    const MISSED: usize = 100;
    /// The most elements that are compared.
    const MEMBERS: usize = 64;
    /// The most rows that are compared.
    pub(super) const ROWS: usize = 256;
    /// The most skeletons that are learnt at once.
    const AT_ONCE: usize = 4;
    /// The number of values after which a skeleton is first looked for inside a batch.
    const FIRST_GUESS: usize = 4;

    /// Returns whether it is worth while to look whether a value has one of the skeletons, where the batch
    /// has had `values` before it.
    #[inline(always)]
    pub(super) fn is_worth_while(&self, skeletons: &Skeletons, values: usize) -> bool {
        !self.gave_up && (!skeletons.is_empty() || values > self.guess.max(Learning::FIRST_GUESS))
    }

    /// Returns whether so much misses that nothing more is tried in this batch.
    #[inline]
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Notes that a value has none of the skeletons.
    #[inline]
    pub(super) fn miss(&mut self) {
        self.missed += 1;
        self.gave_up =
            self.missed > Learning::MISSED && self.missed > self.pushed.iter().sum::<usize>();
    }

    /// Begins a batch, in which everything is tried again.
    pub(super) fn begin_batch(&mut self) {
        (self.missed, self.gave_up) = (0, false);
    }

    /// Looks for a skeleton inside a batch. All values but the last are taken for elements.
    pub(super) fn guess(
        &mut self,
        slots: &[Slot],
        input: &[u8],
        start: u64,
        limits: &Limits,
        skeletons: &mut Skeletons,
        is_one_value: &mut dyn FnMut(&Skeleton, u64) -> bool,
    ) {
        if slots.len() <= self.guess.max(Learning::FIRST_GUESS) {
            return;
        }
        self.guess = slots.len() * 4;
        let ends = slots.iter().skip(1).map(|slot| slot.begin);
        let spans = slots.iter().zip(ends).map(|(slot, end)| Span {
            begin: slot.begin,
            end,
            memo: slot.memo,
        });
        let members = spans.rev_members(input, start);
        for skeleton in self.skeletons_of(members, limits, is_one_value) {
            skeletons.add(skeleton);
        }
    }

    /// Learns skeletons of some elements, which are given by their bytes and the number of memo
    /// entries before them. `is_one_value` says whether all that a skeleton does is to make one value.
    pub(super) fn skeletons_of(
        &mut self,
        mut members: Vec<(&[u8], u64)>,
        limits: &Limits,
        is_one_value: &mut dyn FnMut(&Skeleton, u64) -> bool,
    ) -> Vec<Skeleton> {
        let mut found = Vec::new();
        while let Some(&(first, memo)) = members.first()
            && found.len() < Learning::AT_ONCE
        {
            let Some(skeleton) =
                Skeleton::learn(first, memo).filter(|skeleton| is_one_value(skeleton, memo))
            else {
                members.remove(0);
                continue;
            };
            let mut holes = Holes::with_stack(limits.stack);
            let mut rows = Vec::new();
            members.retain(|&(member, memo)| {
                let first = holes.all().len();
                let fitted = skeleton.fit(member, memo, true, &mut holes);
                let fits = fitted.is_some_and(|fitted| is_whole(member, fitted));
                rows.extend(fits.then_some(first));
                !fits
            });
            // The first, at least, is like itself; if not, it is of no use.
            if members.first().is_some_and(|&(member, _)| core::ptr::eq(member, first)) {
                members.remove(0);
                continue;
            }
            let rows: Vec<&[Hole]> =
                rows.iter().map(|&first| &holes.all()[first..first + skeleton.holes()]).collect();
            found.push(if skeleton.is_scalar() { skeleton } else { skeleton.fix_same(&rows) });
        }
        found
    }
}

/// Returns whether the instructions that were found are all of an element. A frame may begin after
/// them.
pub(super) fn is_whole(element: &[u8], fitted: Fitted) -> bool {
    let rest = &element[fitted.size..];
    rest.is_empty() || (rest.len() == FRAME_SIZE && rest[0] == FRAME)
}

/// The elements that are resident.
pub(super) trait Members {
    /// Returns the bytes, and the number of memo entries before them, of the last elements, from the
    /// last one back. `input` begins at offset `start`.
    fn rev_members(self, input: &[u8], start: u64) -> Vec<(&[u8], u64)>;
}

impl<I: DoubleEndedIterator<Item = Span>> Members for I {
    fn rev_members(self, input: &[u8], start: u64) -> Vec<(&[u8], u64)> {
        let resident = self.rev().map_while(|span| {
            let begin = usize::try_from(span.begin.checked_sub(start)?).ok()?;
            let end = usize::try_from(span.end.checked_sub(start)?).ok()?;
            Some((input.get(begin..end)?, span.memo))
        });
        resident.take(Learning::MEMBERS).collect()
    }
}
