//! The fast way past members that are like the one before.
//!
//! The instructions that a [`Template`] was made of pushed one value and left everything else as it
//! was. Whatever fits it does the same, wherever it stands, so that the survey goes past it at once.
//! It need not be a member: where `(1, 2)` was one, it may now become a part of `((1, 2), 3)`.

use alloc::boxed::Box;
use core::mem;

use super::dependency::PackedOrigin;
use super::fast::{REACH, Walk};
use super::span::Container;
use super::walk::{Outcome, Slot, Survey};
use crate::lex::{Lexer, Progress};
use crate::opcode::{Opcode, SHORT_BIN_BYTES, SHORT_BIN_UNICODE};
use crate::skeleton::{Patience, Steady, Template};

const MEMOIZE: u8 = Opcode::Memoize as u8;

/// What members are mostly like.
#[derive(Clone, Debug, Default)]
pub(super) struct Likeness {
    template: Template,
    /// How many memo entries are made by what fits; `None` where there is no template.
    made: Option<u64>,
    /// How often it fitted since the last batch, and how often it did not.
    fitted: usize,
    missed: usize,
    /// Whether some of its leaves are steady, and whether such leaves turned out not to be.
    has_steady: bool,
    has_changed: bool,
    /// Whether it is of a leaf in the memo.
    is_leaf: bool,
    patience: Patience,
    /// Goes through a member that is to be learnt.
    trial: Option<Box<Survey>>,
}

impl Survey {
    /// Learns what members are like from the last one of the batch that has closed in `input`, which
    /// begins at `start`, unless most of them were like one before.
    #[cold]
    pub(super) fn learn(&mut self, input: &[u8], start: u64) {
        let Survey { likeness, batch, limits, .. } = self;
        let fitted = mem::take(&mut likeness.fitted);
        likeness.missed = 0;
        let enough = if likeness.has_steady { 7 } else { 4 };
        if 8 * fitted >= enough * batch.len() {
            likeness.patience.reset();
            return;
        }
        // What was steady may have changed: with holes in its place, they may be alike all the same.
        let was_steady = mem::take(&mut likeness.has_steady);
        likeness.has_changed |= was_steady;
        likeness.made = None;
        if !was_steady && !likeness.patience.is_over() {
            return;
        }
        let Likeness { template, made, has_steady, has_changed, is_leaf, trial, .. } = likeness;
        // From the last one back, as far as they are at hand.
        let mut members = batch.iter().rev().take(1 + Steady::SEEN).map_while(|member| {
            let begin = usize::try_from(member.begin.checked_sub(start)?).ok()?;
            Some((input.get(begin..(member.end - start) as usize)?, member.memo))
        });
        let Some((last, memo)) = members.next() else { return };
        if !template.learn(last, memo, Steady::default()) {
            return;
        }
        let steady = match has_changed {
            true => Steady::default(),
            false => template.steady_in((last, memo), members),
        };
        *has_steady = steady != Steady::default();
        let trial = trial.get_or_insert_with(|| Box::new(Survey::new(0, 0, limits)));
        if template.learn(last, memo, steady) && trial.pushes_one_value(last, memo) {
            *made = template.made();
            *is_leaf = template.is_leaf();
        }
    }

    /// Whether all that some instructions do, which begin behind `memo` memo entries, is to push
    /// a value of their own, and to make memo entries.
    fn pushes_one_value(&mut self, bytes: &[u8], memo: u64) -> bool {
        self.lexer = Lexer::new(0, &self.limits);
        (self.entries, self.memo) = (memo, memo);
        self.slots.clear();
        self.marks.clear();
        self.dependencies.clear();
        let value = Slot { begin: 0, memo, origin: PackedOrigin::NONE };
        // The list in which it would be.
        self.slots.push(value);
        self.watch(0, Container::List);
        while let Some(rest) = bytes.get(self.offset() as usize..)
            && !rest.is_empty()
        {
            if !matches!(self.step(rest), Ok(Progress::Done(Outcome::Next))) {
                return false;
            }
        }
        self.slots[1..] == [value] && self.marks.is_empty() && self.dependencies.is_empty()
    }
}

impl Likeness {
    /// How many more may miss in a batch than fit, before nothing more is tried: to find out may
    /// take longer than to go through them.
    const MISSED: usize = 100;

    /// Whether there is a likeness.
    pub(super) fn is_known(&self) -> bool {
        self.made.is_some()
    }

    /// Goes past all that fits of what `input` begins with, which begins at `offset`. Returns the
    /// size.
    #[inline(never)]
    pub(super) fn pass(&mut self, walk: &mut Walk<'_>, input: &[u8], offset: u64) -> usize {
        let mut at = 0;
        // MEMOIZE is as good as a PUT only where the entries were made one after another.
        while let Some(made) = self.made.filter(|_| walk.entries == walk.memo) {
            if self.is_leaf {
                at += self.pass_texts(walk, &input[at..], offset + at as u64);
            }
            if input.len() - at < REACH || self.missed > Likeness::MISSED + self.fitted {
                break;
            }
            let Some(size) = self.template.measure(&input[at..], walk.memo) else {
                self.missed += 1;
                break;
            };
            self.push(walk, offset + at as u64, made);
            at += size;
        }
        at
    }

    /// The same of short texts and bytes in the memo alone, which are all that many a list has.
    #[inline(always)]
    fn pass_texts(&mut self, walk: &mut Walk<'_>, input: &[u8], offset: u64) -> usize {
        let mut at = 0;
        while let Some(&[SHORT_BIN_UNICODE | SHORT_BIN_BYTES, size]) = input[at..].first_chunk()
            && let Some(&MEMOIZE) = input.get(at + 2 + usize::from(size))
        {
            self.push(walk, offset + at as u64, 1);
            at += 3 + usize::from(size);
        }
        at
    }

    /// Adds a value that fits, with the memo entries that it makes.
    #[inline(always)]
    fn push(&mut self, walk: &mut Walk<'_>, begin: u64, made: u64) {
        walk.slots.push(Slot { begin, memo: walk.memo, origin: PackedOrigin::NONE });
        walk.memo = walk.memo.saturating_add(made);
        walk.entries = walk.memo;
        self.fitted += 1;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::limits::Limits;
    use crate::survey::Event;
    use crate::survey::fast::tests::both_ways;

    /// Members that are mostly alike, and what may come between.
    const MEMBERS: [&[u8]; 15] = [
        b"K\x01M\x02\x03\x86\x94",
        b"K\x04K\x05\x86\x94",
        b"M\x01\x02K\x03\x86\x94",
        b"K\x04K\x05\x86q\x02",
        b"K\x01K\x02\x86",
        b"K\x01",
        b"\x8c\x02ab\x94",
        b"\x8c\x03abcK\x01\x86\x94",
        b"h\x00C\x01a\x86",
        b"h\x00K\x01a",
        b"](K\x01K\x02e",
        b"]\x94(K\x01h\x02e",
        b"\x86",
        b"q\x07",
        b"\x95\0\0\0\0\0\0\0\0",
    ];

    fn batch(members: &[&[u8]]) -> Vec<u8> {
        [b"(", members.concat().as_slice(), b"e"].concat()
    }

    #[test]
    fn members_that_are_alike_are_passed() {
        let first = batch(&[&b"K\x01K\x02\x86\x94"[..]; 4]);
        let second = batch(&[&b"K\x03M\x04\x00\x86\x94"[..]; 4]);
        let stream = [first.as_slice(), &second, b"NNNNNNNNNN."].concat();
        let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
        assert_eq!(survey.advance(&stream), Ok(Event::Batch));
        assert_eq!(survey.likeness.made, Some(1));
        assert_eq!(survey.advance(&stream[survey.offset() as usize..]), Ok(Event::Batch));
        assert_eq!(survey.memo(), 8);
        // All that fitted was forgotten with the batch, in which there were enough of them.
        assert_eq!((survey.likeness.fitted, survey.likeness.made), (0, Some(1)));
        assert_eq!(survey.batch()[3].begin, 4 * 6 + 2 + 1 + 3 * 7);
    }

    #[test]
    fn steady_members_are_passed_until_they_change() {
        let steady = batch(&[&b"K\x01K\x02\x86\x94"[..], b"K\x01M\x02\x03\x86\x94"].repeat(20));
        let other = batch(&[&b"K\x04K\x02\x86\x94"[..]; 3]);
        let stream = [&steady[..], &steady, &other, b"NNNNNNNNNN."].concat();
        let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
        assert_eq!(survey.advance(&stream), Ok(Event::Batch));
        assert_eq!(survey.advance(&stream[survey.offset() as usize..]), Ok(Event::Batch));
        assert_eq!((survey.batch().len(), survey.memo()), (40, 80));
        let steady = b"K\x01M\x05\x06\x86\x94";
        assert_eq!(survey.likeness.template.measure(steady, 0), Some(steady.len()));
        assert_eq!(survey.likeness.template.measure(b"K\x04M\x05\x06\x86\x94", 0), None);
        let [fast, plain] = both_ways(&stream, &Limits::default());
        assert_eq!(fast, plain);
    }

    /// An int that changes now and then is not taken for steady again.
    #[test]
    fn what_was_steady_and_changed_is_a_hole() {
        let member =
            |int: u32| [&b"K\x01M"[..], &((int / 100) as u16).to_le_bytes(), b"\x86"].concat();
        let members: Vec<Vec<u8>> = (0..4000).map(member).collect();
        let batches = members.chunks(1000).map(|members| {
            let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
            batch(&members)
        });
        let stream = [&batches.collect::<Vec<_>>().concat()[..], b"NNNNNNNNNN."].concat();
        let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
        let mut steady = Vec::new();
        while survey.advance(&stream[survey.offset() as usize..]) == Ok(Event::Batch) {
            steady.push((survey.likeness.made.is_some(), survey.likeness.has_steady));
        }
        assert_eq!(steady, [(true, true), (true, false), (true, false), (true, false)]);
    }

    #[test]
    fn texts_are_passed_and_what_stands_between_is_not() {
        let texts = batch(&[&b"\x8c\x02ab\x94"[..], b"C\x01c\x94"].repeat(20));
        for other in [
            &b"\x8c\x03abcK\x01\x86\x94"[..],
            b"\x8c\x02abN",
            b"\x8c\x02ab",
            b"X\x02\0\0\0ab\x94",
            b"\x95\0\0\0\0\0\0\0\0C\0\x94",
            b"K\x01",
        ] {
            let mixed = batch(&[&b"\x8c\0\x94"[..], other, b"C\x01c\x94"]);
            let stream = [&texts[..], &mixed, &texts, b"NNNNNNNNNN."].concat();
            let [fast, plain] = both_ways(&stream, &Limits::default());
            assert_eq!(fast, plain, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn what_mostly_misses_is_not_tried_on() {
        let like = batch(&[&b"K\x01K\x02\x86"[..]; 40]);
        let other = batch(&[&b"K\x01"[..]; 1000]);
        let stream = [&like[..], &other, b"NNNNNNNNNN."].concat();
        let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
        assert_eq!(survey.advance(&stream), Ok(Event::Batch));
        let rest = &stream[survey.offset() as usize..];
        // All of the second batch but its end.
        assert_eq!(survey.advance(&rest[..2 + 1998]), Ok(Event::Need(1)));
        assert_eq!(survey.likeness.missed, Likeness::MISSED + 1);
    }

    #[test]
    fn what_does_more_is_no_likeness() {
        for member in [&b"h\x00"[..], b"h\x00K\x01a", b"K\x01K\x02", b"K\x01a", b"(K\x01", b"0"] {
            let mut trial = Survey::new(0, 0, &Limits::default());
            assert!(!trial.pushes_one_value(member, 5), "{}", member.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(
            batches in prop::collection::vec(
                (
                    select(&MEMBERS[..]),
                    prop_oneof![4 => 0..5usize, 1 => Just(40)],
                    prop::collection::vec(select(&MEMBERS[..]), 0..3),
                ),
                1..6,
            ),
            stack in 1..12usize,
            memo in any::<bool>(),
        ) {
            let limits = Limits { stack, ..Limits::default() };
            let mut stream = Vec::new();
            for (member, count, others) in batches {
                let mut members = [member].repeat(count);
                members.extend(others);
                members.extend([member]);
                // A memo entry that is written far behind the last one.
                stream.extend(if memo { &b"Nq\xc8a"[..] } else { &[] });
                stream.extend(batch(&members));
            }
            stream.extend(b"NNNNNNNNNN.");
            let [fast, plain] = both_ways(&stream, &limits);
            prop_assert_eq!(fast, plain);
        }
    }
}
