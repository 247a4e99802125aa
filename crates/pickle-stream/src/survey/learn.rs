//! What a survey learns at the end of a batch.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::learning::{Learning, Members};
use super::slot::Slot;
use super::span::Container;
use super::walk::{Outcome, Survey};
use crate::lex::{Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::Opcode;
use crate::skeleton::{Skeleton, Skeletons, Step};

/// Returns a function that says whether all that the instructions of a skeleton do is to make one value.
/// `trial` is used again.
pub(super) fn is_one_value<'t>(
    trial: &'t mut Option<Box<Survey>>,
    limits: &Limits,
) -> impl FnMut(&Skeleton, u64) -> bool + use<'t> {
    let trial = trial.get_or_insert_with(|| Box::new(Survey::new(0, 0, limits)));
    |skeleton, memo| trial.pushes_one_value(skeleton, memo)
}

impl Survey {
    /// Looks at the elements of the batch that has ended in `input`, which begins at offset `start`:
    /// which skeletons they have, and which those have that have none.
    #[cold]
    pub(super) fn look_at_batch(&mut self, input: &[u8], start: u64) {
        let Survey { learning, batch, limits, skeletons, .. } = self;
        learning.batch_ended = true;
        learning.begin_batch();
        let pushed = mem::take(&mut learning.pushed);
        // One skeleton after another, as the compiler can count several rows at once.
        let count = |index| self.rows.iter().filter(|row| row.skeleton == index).count();
        let mut kept = [0; Skeletons::MOST];
        kept.iter_mut()
            .zip(0..skeletons.kept().len() as u32)
            .for_each(|(kept, index)| *kept = count(index));
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
        let is_one = &mut is_one_value(&mut self.trial, limits);
        learning.found = learning.skeletons_of(members, limits, is_one);
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
