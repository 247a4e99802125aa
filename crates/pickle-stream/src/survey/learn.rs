//! Which skeletons a survey learns, and when.
//!
//! It learns from elements that have none: at the end of a batch, where it is known what the elements
//! are, and inside the first batch, where each value but the last is taken for one. Where little has
//! a skeleton, it learns less and less often. A skeleton is dropped if most values that fit it turn
//! out to be parts of others.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::span::{Container, Span};
use super::walk::{Outcome, Slot, Survey};
use crate::lex::{Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::Opcode;
use crate::skeleton::{FRAME_SIZE, Fitted, Hole, Holes, Patience, Skeleton, Skeletons, Step};

const FRAME: u8 = Opcode::Frame as u8;

/// What a survey knows about its skeletons.
#[derive(Clone, Debug, Default)]
pub(super) struct Learning {
    /// How many values were found to have each of the skeletons, in this batch.
    pub(super) pushed: [usize; Skeletons::MOST],
    /// How often a value was looked at and had none.
    pub(super) missed: usize,
    patience: Patience,
    /// The number of values after which a skeleton is looked for inside the first batch.
    guess: usize,
    /// Whether the rows of the last batch can be forgotten.
    batch_ended: bool,
    /// Skeletons that take effect after this batch, whose rows have the indices of the present ones.
    found: Vec<Skeleton>,
    useless: Vec<usize>,
    /// Skeletons in which holes become fixed that are always filled in the same way.
    settled: Vec<(usize, Skeleton)>,
    /// Goes through the instructions of a skeleton.
    trial: Option<Box<Survey>>,
}

impl Learning {
    /// How many more values may miss in a batch than fit, before nothing more is tried: to find out
    /// may take longer than to go through them.
    const MISSED: usize = 100;
    /// The most elements that are compared.
    const MEMBERS: usize = 64;
    /// The most rows that are compared.
    const ROWS: usize = 256;
    /// The most skeletons that are learnt at once.
    const AT_ONCE: usize = 4;
    /// The number of values after which a skeleton is first looked for inside a batch.
    const FIRST_GUESS: usize = 4;

    /// Returns whether so much misses that nothing more is tried in this batch.
    #[inline]
    pub(super) fn gives_up(&self) -> bool {
        self.missed > Learning::MISSED && self.missed > self.pushed.iter().sum::<usize>()
    }

    /// Looks for a skeleton inside a batch. All values but the last are taken for elements.
    pub(super) fn guess(
        &mut self,
        slots: &[Slot],
        input: &[u8],
        start: u64,
        limits: &Limits,
        skeletons: &mut Skeletons,
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
        for skeleton in self.skeletons_of(members, limits) {
            skeletons.add(skeleton);
        }
    }

    /// Learns skeletons of some elements, which are given by their bytes and the number of memo
    /// entries before them.
    pub(super) fn skeletons_of(
        &mut self,
        mut members: Vec<(&[u8], u64)>,
        limits: &Limits,
    ) -> Vec<Skeleton> {
        let mut found = Vec::new();
        let trial = self.trial.get_or_insert_with(|| Box::new(Survey::new(0, 0, limits)));
        while let Some(&(first, memo)) = members.first()
            && found.len() < Learning::AT_ONCE
        {
            let Some(skeleton) = Skeleton::learn(first, memo)
                .filter(|skeleton| trial.pushes_one_value(skeleton, memo))
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

impl Survey {
    /// Looks at the elements of the batch that has ended in `input`, which begins at offset `start`:
    /// which skeletons they have, and which those have that have none.
    #[cold]
    pub(super) fn look_at_batch(&mut self, input: &[u8], start: u64) {
        let Survey { learning, batch, limits, skeletons, .. } = self;
        learning.batch_ended = true;
        learning.missed = 0;
        let pushed = mem::take(&mut learning.pushed);
        let mut kept = [0; Skeletons::MOST];
        for row in self.rows.iter().filter_map(|row| row.skeleton()) {
            kept[row] += 1;
        }
        let fitted: usize = kept.iter().sum();
        // Of one that fits parts of elements only.
        let useless = (0..skeletons.kept().len()).rev();
        learning
            .useless
            .extend(useless.filter(|&index| pushed[index] > 16 && kept[index] * 2 < pushed[index]));
        let unsettled = skeletons.kept().iter().enumerate().filter(|(index, skeleton)| {
            !skeleton.is_settled() && kept[*index] >= Skeleton::SAMPLES
        });
        learning.settled.extend(unsettled.map(|(index, skeleton)| {
            let of_it = self.rows.iter().filter(|row| row.skeleton() == Some(index));
            let rows = of_it.take(Learning::ROWS).map(|&row| self.holes.of(row, skeleton.holes()));
            (index, skeleton.fix_same(&rows.collect::<Vec<_>>()))
        }));
        if fitted * 8 >= batch.len() * 7 {
            learning.patience.reset();
            return;
        }
        if !learning.patience.is_over() {
            return;
        }
        let without = self.batch.iter().zip(&self.rows).filter(|(_, row)| !row.is_some());
        let members = without.map(|(span, _)| *span).rev_members(input, start);
        learning.found = learning.skeletons_of(members, limits);
    }

    /// Forgets the rows of the last batch, and begins to look for what was learnt from it.
    pub(super) fn learn(&mut self) {
        if !mem::take(&mut self.learning.batch_ended) {
            return;
        }
        let Survey { learning, skeletons, holes, limits, .. } = self;
        holes.reset(limits.stack);
        for (index, skeleton) in learning.settled.drain(..) {
            skeletons.replace(index, skeleton);
        }
        for index in learning.useless.drain(..) {
            skeletons.remove(index);
        }
        for skeleton in learning.found.drain(..) {
            skeletons.add(skeleton);
        }
    }

    /// Returns whether all that the instructions of a skeleton do, which begin after `memo` memo entries,
    /// is to push a value of their own, and to make memo entries. Any of the scalars may be a value that
    /// was made before, which must not be changed.
    fn pushes_one_value(&mut self, skeleton: &Skeleton, memo: u64) -> bool {
        self.lexer = Lexer::new(0, &self.limits);
        (self.entries, self.memo) = (memo, memo);
        self.slots.clear();
        self.marks.clear();
        self.dependencies.clear();
        // The list in which it would be.
        self.slots.push(Slot::new(0, memo));
        self.watch(0, Container::List);
        for step in skeleton.steps(memo) {
            let done = match step {
                Some(Step::Run(bytes, len)) => self.step(&bytes[..len]),
                Some(Step::Scalar { has_put }) => {
                    let done = self.step(&[Opcode::BinGet as u8, 0]);
                    self.entries += u64::from(has_put);
                    self.memo += u64::from(has_put);
                    done
                }
                Some(Step::List) => continue,
                None => return false,
            };
            if !matches!(done, Ok(Progress::Done(Outcome::Next))) {
                return false;
            }
        }
        // A value that was made before is one only if it is the whole element.
        self.slots.len() == 2
            && self.marks.is_empty()
            && self.dependencies.is_empty()
            && self.slots[1].begin == 0
    }
}
