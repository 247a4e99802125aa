//! The fast way past values that have a skeleton.
//!
//! The instructions of a skeleton push one value and leave everything else as it was. Whatever fits
//! it does the same, wherever it stands, so that the survey goes past it at once. It need not be an
//! element: where `(1, 2)` was one, it may now become a part of `((1, 2), 3)`. So its slot has its
//! row, and an instruction that takes or changes the slot clears the row: the rows that are left when
//! the batch ends are those of elements.

use alloc::boxed::Box;

use super::dependency::{Origin, PackedOrigin};
use super::learn::is_one_value;
use super::learning::Learning;
use super::slot::{REACH, Slot, Walk};
use super::walk::Survey;
use crate::limits::Limits;
use crate::skeleton::{Fitted, Hole, Holes, Row, Skeletons, fit_scalar};

/// What a walk needs to find rows.
pub(super) struct Rows<'s> {
    pub(super) skeletons: &'s mut Skeletons,
    pub(super) holes: &'s mut Holes,
    pub(super) learning: &'s mut Learning,
    pub(super) trial: &'s mut Option<Box<Survey>>,
    pub(super) limits: &'s Limits,
}

/// The input of the loops over rows.
#[derive(Clone, Copy)]
struct Stretch<'i> {
    input: &'i [u8],
    /// The offset at which the input begins.
    start: u64,
    /// Whether memo entries are made one after another. Others end the loops.
    counts: bool,
    /// The index up to which the holes have enough room: no instruction adds more than a hole for each of its
    /// bytes.
    enough: usize,
}

impl Rows<'_> {
    /// Goes past all values from `at` on that have a skeleton. Returns the index in `input`, which
    /// begins at offset `start`, of what comes next.
    #[inline(never)]
    pub(super) fn pass(
        &mut self,
        walk: &mut Walk<'_>,
        input: &[u8],
        at: usize,
        start: u64,
    ) -> usize {
        if self.skeletons.is_empty() {
            let Rows { skeletons, learning, trial, limits, .. } = self;
            let is_one = &mut is_one_value(trial, limits);
            learning.guess(&walk.slots[walk.floor..], input, start, limits, skeletons, is_one);
        }
        let (memo, entries) = (walk.memo, walk.entries);
        let enough = at + self.holes.room() / size_of::<Hole>();
        let stretch = Stretch { input, start, counts: entries == memo, enough };
        let at = match self.skeletons.are_scalars() {
            true => self.pass_scalars(walk, stretch, at),
            false => self.pass_rows(walk, stretch, at),
        };
        walk.entries = entries + (walk.memo - memo);
        at
    }

    /// Does so where elements may be any values.
    #[inline]
    fn pass_rows(&mut self, walk: &mut Walk<'_>, stretch: Stretch<'_>, mut at: usize) -> usize {
        let Stretch { input, start, counts, enough } = stretch;
        while input.len() - at >= REACH && !self.learning.gave_up() {
            at = self.pass_repeated(walk, stretch, at);
            let found = self.skeletons.fit(&input[at..], walk.memo, counts, self.holes);
            let Some((row, fitted)) = found else {
                self.learning.miss();
                break;
            };
            let mut slot = Slot { row, ..Slot::new(start + at as u64, walk.memo) };
            if self.skeletons.kept()[row.skeleton as usize].is_scalar() {
                slot.origin = origin(self.holes.all()[row.first as usize]);
            }
            self.learning.pushed[row.skeleton as usize] += 1;
            at += fitted.size;
            push(walk, self.holes, slot, fitted, at > enough);
        }
        at
    }

    /// Does the same for values of the skeleton of the last one, where it followed itself.
    #[inline]
    fn pass_repeated(&mut self, walk: &mut Walk<'_>, stretch: Stretch<'_>, mut at: usize) -> usize {
        let Stretch { input, start, counts, enough } = stretch;
        let Some((index, skeleton)) = self.skeletons.repeated() else { return at };
        let before = walk.slots.len();
        while input.len() - at >= REACH {
            let first = self.holes.all().len() as u32;
            let Some(fitted) = skeleton.fit_here(&input[at..], walk.memo, counts, self.holes)
            else {
                break;
            };
            let row = Row { skeleton: index as u32, first };
            let slot = Slot { row, ..Slot::new(start + at as u64, walk.memo) };
            at += fitted.size;
            push(walk, self.holes, slot, fitted, at > enough);
        }
        self.learning.pushed[index] += walk.slots.len() - before;
        at
    }

    /// Does the same where the elements are scalars.
    #[inline]
    fn pass_scalars(&mut self, walk: &mut Walk<'_>, stretch: Stretch<'_>, mut at: usize) -> usize {
        let Stretch { input, start, counts, enough } = stretch;
        let before = walk.slots.len();
        while input.len() - at >= REACH {
            let Some((hole, fitted)) = fit_scalar(&input[at..], walk.memo, counts) else {
                self.learning.miss();
                break;
            };
            let row = Row { skeleton: 0, first: self.holes.push(hole) };
            let (begin, memo) = (start + at as u64, walk.memo);
            at += fitted.size;
            let slot = Slot { begin, memo, row, origin: origin(hole) };
            push(walk, self.holes, slot, fitted, at > enough);
        }
        self.learning.pushed[0] += walk.slots.len() - before;
        at
    }
}

/// Adds the value of a row. It has no row where the holes take too much memory, which they may where
/// `may_be_full`.
#[inline(always)]
fn push(walk: &mut Walk<'_>, holes: &mut Holes, mut slot: Slot, fitted: Fitted, may_be_full: bool) {
    if may_be_full && holes.is_full() {
        holes.truncate(slot.row);
        slot.row = Row::NONE;
    }
    walk.slots.push(slot);
    walk.memo = fitted.memo;
}

/// Returns the origin of a scalar: one that is read from the memo was made before.
#[inline(always)]
fn origin(hole: Hole) -> PackedOrigin {
    match hole {
        Hole::Get(index) => PackedOrigin::of(Origin::Memo(index)),
        _ => PackedOrigin::NONE,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use proptest::sample::select;

    use crate::limits::Limits;
    use crate::skeleton::Hole;
    use crate::survey::fast::tests::both_ways;
    use crate::survey::{Container, Event, Survey};

    /// Members that are mostly alike, and what may come between.
    const MEMBERS: [&[u8]; 19] = [
        b"K\x01M\x02\x03\x86\x94",
        b"K\x04K\x05\x86\x94",
        b"M\x01\x02K\x03\x86\x94",
        b"K\x04K\x05\x86q\x02",
        b"K\x01K\x02\x86",
        b"K\x01",
        b"N",
        b"\x8c\x02ab\x94",
        b"\x8c\x03abcK\x01\x86\x94",
        b"h\x00C\x01a\x86",
        b"h\x00",
        b"h\x00K\x01a",
        b"](K\x01K\x02e",
        b"]\x94(K\x01h\x02e",
        b"]\x94K\x01a",
        b"]",
        b"\x86",
        b"q\x07",
        b"\x95\0\0\0\0\0\0\0\0",
    ];

    fn batch(members: &[&[u8]]) -> Vec<u8> {
        [b"(", members.concat().as_slice(), b"e"].concat()
    }

    /// Returns how many elements of each batch have a row.
    fn rows(stream: &[u8]) -> Vec<usize> {
        let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
        let mut rows = Vec::new();
        while survey.advance(&stream[survey.offset() as usize..]).unwrap() == Event::Batch {
            rows.push(survey.rows().iter().filter(|row| row.is_some()).count());
        }
        rows
    }

    #[test]
    fn elements_after_the_first_four_have_rows() {
        let first = batch(&[&b"K\x01K\x02\x86\x94"[..]; 6]);
        let second = batch(&[&b"K\x03M\x04\x00\x86\x94"[..]; 4]);
        assert_eq!(rows(&[first.as_slice(), &second, b"NNNNNNNNNN."].concat()), [2, 4]);
    }

    #[test]
    fn each_of_several_kinds_has_rows() {
        let kinds = [&b"K\x01"[..], b"\x8c\x01a\x94", b"K\x01K\x02\x86", b"]\x94(K\x01K\x02e"];
        let first = batch(&kinds.repeat(10));
        let stream = [first.as_slice(), &first, &first, b"NNNNNNNNNN."].concat();
        assert_eq!(rows(&stream)[2], 40);
    }

    /// Picklers write lists in batches of 1,000, and a single item that is left without a batch.
    #[test]
    fn row_has_all_items_of_a_list_of_several_batches() {
        let full = |item: &[u8]| batch(&[item; 1000]);
        for (rest, count) in [(batch(&[&b"K\x02"[..]; 3]), 2003), (b"K\x02a".to_vec(), 2001)] {
            for second in [&b"K\x01"[..], b"N"] {
                let element = [b"]", &full(b"K\x01")[..], &full(second), &rest].concat();
                let stream = [&batch(&[&element[..]; 9])[..], b"NNNNNNNNNN."].concat();
                let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
                assert_eq!(survey.advance(&stream), Ok(Event::Batch));
                let holes = survey.holes();
                let items = match holes.of(*survey.rows().last().unwrap(), 1) {
                    &[Hole::Ints(list)] => list.of(holes.ints()).len(),
                    &[Hole::Items(list)] => list.of(holes.items()).len(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(items, count);
            }
        }
    }

    #[test]
    fn element_that_is_changed_has_no_row() {
        let lists = [&b"]\x94"[..]; 6].concat();
        for change in [&b"h\x06K\x05a0"[..], b"2K\x05a0", b"K\x05a", b"(K\x05e"] {
            let stream = [b"(", &lists[..], b"]\x94", change, &lists, b"eNNNNNNNNNN."].concat();
            let mut survey = Survey::resume(0, 0, Container::List, &Limits::default());
            assert_eq!(survey.advance(&stream), Ok(Event::Batch));
            let rows: Vec<bool> = survey.rows().iter().map(|row| row.is_some()).collect();
            let fills = !change.starts_with(b"K") && !change.starts_with(b"(");
            assert_eq!(rows[6], !fills, "{}", change.escape_ascii());
            assert!(rows[7..12].iter().all(|row| *row));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(
            batches in prop::collection::vec(
                (
                    select(&MEMBERS[..]),
                    prop_oneof![4 => 0..9usize, 1 => Just(40)],
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
