//! Positions from which a survey can go on, so that any member, and the definition of any memo
//! entry, is found without a survey from the first member.

use std::sync::Arc;

use pickle_stream::{Container, Limits, Locator, Span, Survey};

use crate::error::Result;

/// A position between two members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The number of the member that comes next.
    pub(crate) member: u64,
    /// Where its instructions begin: bytes from the start of the file.
    pub(crate) offset: u64,
    /// The number of memo entries before it, and whether it is inside a batch.
    memo: u64,
}

impl Checkpoint {
    /// Set in `memo` where the place is inside a batch.
    const INSIDE: u64 = 1 << 63;

    /// Creates a checkpoint between two batches.
    pub(crate) fn between(member: u64, offset: u64, memo: u64) -> Checkpoint {
        Checkpoint { member, offset, memo: memo & !Checkpoint::INSIDE }
    }

    /// Creates a checkpoint inside a batch, after its MARK.
    pub(crate) fn inside(member: u64, offset: u64, memo: u64) -> Checkpoint {
        Checkpoint { member, offset, memo: memo | Checkpoint::INSIDE }
    }

    /// Returns the number of memo entries before it.
    pub(crate) fn memo(self) -> u64 {
        self.memo & !Checkpoint::INSIDE
    }

    /// Returns whether it is inside a batch.
    pub(crate) fn is_inside(self) -> bool {
        self.memo & Checkpoint::INSIDE != 0
    }

    /// Returns whether `next` is the place of a later member.
    pub(crate) fn is_before(self, next: Checkpoint) -> bool {
        self.member < next.member && self.offset < next.offset && self.memo() <= next.memo()
    }

    /// Returns the checkpoint as an index file has it: the highest bit of the third number says that it
    /// is inside a batch.
    pub(crate) fn to_numbers(self) -> [u64; 3] {
        [self.member, self.offset, self.memo]
    }

    /// Creates a checkpoint from its numbers: the inverse of [`to_numbers`](Self::to_numbers).
    pub(crate) fn from_numbers([member, offset, memo]: [u64; 3]) -> Checkpoint {
        Checkpoint { member, offset, memo }
    }

    /// Returns a survey that goes on here.
    pub(crate) fn survey(self, container: Container, limits: &Limits) -> Survey {
        let resume = if self.is_inside() { Survey::resume_in_batch } else { Survey::resume };
        resume(self.offset, self.memo(), container, limits)
    }

    /// Returns a locator that looks for a memo entry from here on.
    pub(crate) fn locator(self, container: Container, entry: u64, limits: &Limits) -> Locator {
        let new = if self.is_inside() { Locator::new_in_batch } else { Locator::new };
        new(self.offset, self.memo(), container, entry, limits)
    }
}

/// The checkpoints of one container, in order.
///
/// There are at most [`MOST`](Self::MOST): when there would be more, every other one is removed, and
/// from then on the spacing is twice as large.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    /// Shared by clones until one of them adds to it.
    places: Arc<Vec<Checkpoint>>,
    /// The most bytes between two of them, unless one member takes more.
    spacing: u64,
}

impl Checkpoints {
    /// 4.5 MiB of them: enough for 6 GiB.
    pub(crate) const MOST: usize = 3 << 16;
    /// Bytes that are surveyed in under a millisecond, and fetched over a network as fast as a few.
    pub(crate) const SPACING: u64 = 32 << 10;
    /// The number of checkpoints by which the vector grows.
    const ROOM: usize = 1 << 10;

    pub(crate) fn new() -> Checkpoints {
        Checkpoints { places: Arc::default(), spacing: Checkpoints::SPACING }
    }

    /// Creates the checkpoints of a container with the first member at `first`.
    pub(crate) fn starting(first: Checkpoint) -> Checkpoints {
        Checkpoints { places: Arc::new(vec![first]), ..Checkpoints::new() }
    }

    /// Notes places in a batch that begins at `begin`, as few as leave one member, or bytes up to the
    /// spacing, between two of them. Each member has `width` of `spans`.
    pub(crate) fn note(&mut self, begin: Checkpoint, spans: &[Span], width: usize) {
        let end_of = |member: usize| spans[(member + 1) * width - 1].end;
        let members = spans.len() / width;
        let mut next = 0;
        while next < members {
            let reach = self.places.last().map_or(0, |last| last.offset + self.spacing);
            if end_of(members - 1) <= reach {
                return;
            }
            // The first member that ends too far after the last place.
            let (mut low, mut high) = (next, members - 1);
            while low < high {
                let middle = low.midpoint(high);
                if end_of(middle) <= reach { low = middle + 1 } else { high = middle }
            }
            let Span { begin: offset, memo, .. } = spans[low * width];
            let member = begin.member + low as u64;
            let place = if low == 0 { begin } else { Checkpoint::inside(member, offset, memo) };
            if self.places.last().is_none_or(|last| last.member < place.member) {
                self.push(place);
            }
            next = low + 1;
        }
    }

    fn push(&mut self, place: Checkpoint) {
        if self.places.len() >= Checkpoints::MOST {
            let mut number = 0;
            Arc::make_mut(&mut self.places).retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.spacing *= 2;
        }
        let places = Arc::make_mut(&mut self.places);
        if places.len() == places.capacity() {
            places.reserve_exact(Checkpoints::ROOM);
        }
        places.push(place);
    }

    pub(crate) fn as_slice(&self) -> &[Checkpoint] {
        &self.places
    }

    /// Returns the last checkpoint at or before a member, and the next.
    pub(crate) fn around_member(&self, member: u64) -> Option<Interval> {
        Interval::of(&self.places, |place| place.member <= member)
    }

    /// Returns the last checkpoint before a memo entry was made, and the next.
    pub(crate) fn around_entry(&self, memo: u64) -> Option<Interval> {
        Interval::of(&self.places, |place| place.memo() <= memo)
    }

    /// Returns the bytes that they take.
    pub(crate) fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Checkpoint>()
    }
}

/// Checkpoints of an index or a split.
impl FromIterator<Checkpoint> for Checkpoints {
    fn from_iter<I: IntoIterator<Item = Checkpoint>>(places: I) -> Checkpoints {
        Checkpoints { places: Arc::new(places.into_iter().collect()), ..Checkpoints::new() }
    }
}

/// Two consecutive checkpoints. Between them is one member, or 32 KiB of members or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: Checkpoint,
    /// `None` where no later one is known.
    pub(crate) to: Option<Checkpoint>,
}

impl Interval {
    /// Returns the interval from the last of `places` for which `holds` is true, as it is for all
    /// before.
    pub(crate) fn of(
        places: &[Checkpoint],
        holds: impl Fn(&Checkpoint) -> bool,
    ) -> Option<Interval> {
        let next = places.partition_point(holds);
        let from = *places.get(next.checked_sub(1)?)?;
        Some(Interval { from, to: places.get(next).copied() })
    }
}

/// The containers around a member, and the checkpoints in each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// From the outermost in.
    pub(crate) levels: Vec<Level>,
}

#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) container: Container,
    pub(crate) checkpoints: Checkpoints,
}

/// Says where the search for a memo entry begins.
pub(crate) trait Addresses {
    /// Returns the interval in which the entry was made, and the sort of its container; `None` where
    /// the entry is older than every checkpoint.
    fn around_entry(&self, memo: u64) -> Result<Option<(Interval, Container)>>;
}

impl Addresses for Route {
    fn around_entry(&self, memo: u64) -> Result<Option<(Interval, Container)>> {
        let mut inner_first = self.levels.iter().rev();
        Ok(inner_first
            .find_map(|level| Some((level.checkpoints.around_entry(memo)?, level.container))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(member: u64) -> Checkpoint {
        Checkpoint::between(member, member * 30, member * 2)
    }

    fn inside(member: u64) -> Checkpoint {
        Checkpoint::inside(member, member * 30, member * 2)
    }

    /// Members of `size` bytes each.
    fn spans(from: u64, count: u64, size: u64) -> Vec<Span> {
        let begin = |member: u64| from + member * size;
        let span = |member| Span { begin: begin(member), end: begin(member + 1), memo: 0 };
        (0..count).map(span).collect()
    }

    #[test]
    fn interval_has_one_member_or_few_bytes() {
        const SPACING: u64 = Checkpoints::SPACING;
        let mut checkpoints = Checkpoints::starting(Checkpoint::between(0, 0, 0));
        let mut batch = |member, offset: u64, count, size: u64| {
            let begin = Checkpoint::between(member, offset - 1, 0);
            checkpoints.note(begin, &spans(offset, count, size), 1);
            checkpoints.as_slice().iter().map(|place| place.member).collect::<Vec<_>>()
        };
        // Of 1,000 bytes each, 32 are in an interval, which goes on into the next batch.
        assert_eq!(batch(0, 1, 60, 1000), [0, 32]);
        assert_eq!(batch(60, 60_002, 10, 1000), [0, 32, 64]);
        // Each large one has an interval, from the first of a batch on.
        assert_eq!(batch(70, 70_003, 3, 2 * SPACING), [0, 32, 64, 70, 71, 72]);
        let small = 70_004 + 6 * SPACING;
        assert_eq!(batch(73, small, 9, 1), [0, 32, 64, 70, 71, 72, 73]);
        let is_inside = |place: &Checkpoint| place.is_inside();
        let inside: Vec<_> = checkpoints.as_slice().iter().map(is_inside).collect();
        assert_eq!(inside, [false, true, true, false, true, true, false]);
    }

    #[test]
    fn checkpoints_over_the_limit_double_the_spacing() {
        let mut checkpoints = Checkpoints::starting(Checkpoint::between(0, 0, 0));
        const SIZE: u64 = 1 << 10;
        for batch in 0..Checkpoints::MOST as u64 * 80 / 1000 {
            let (member, offset) = (batch * 1000, batch * 1000 * SIZE);
            let begin = Checkpoint::between(member, offset, 0);
            checkpoints.note(begin, &spans(offset, 1000, SIZE), 1);
            assert!(checkpoints.places.len() <= Checkpoints::MOST);
        }
        assert_eq!(checkpoints.spacing, 4 * Checkpoints::SPACING);
        assert_eq!(checkpoints.as_slice()[0].member, 0);
        for pair in checkpoints.as_slice().windows(2) {
            assert_eq!(pair[1].offset - pair[0].offset, 4 * Checkpoints::SPACING);
        }
        assert!(checkpoints.memory() <= 24 * (Checkpoints::MOST + Checkpoints::ROOM));
    }

    #[test]
    fn checkpoint_in_a_dict_is_before_a_key() {
        let mut checkpoints = Checkpoints::starting(Checkpoint::between(0, 0, 0));
        let values = spans(1, 8, Checkpoints::SPACING / 4 * 3);
        checkpoints.note(Checkpoint::between(0, 0, 0), &values, 2);
        let members: Vec<_> = checkpoints.as_slice().iter().map(|place| place.member).collect();
        assert_eq!(members, [0, 1, 2, 3]);
        assert_eq!(checkpoints.as_slice()[1].offset, values[2].begin);
    }

    #[test]
    fn around_member_and_entry_return_the_interval() {
        let places = [between(0), inside(5000), between(9000)];
        let checkpoints: Checkpoints = places.into_iter().collect();
        let interval =
            |from: usize| Interval { from: places[from], to: places.get(from + 1).copied() };
        assert_eq!(checkpoints.around_member(4999), Some(interval(0)));
        assert_eq!(checkpoints.around_member(5000), Some(interval(1)));
        assert_eq!(checkpoints.around_entry(9999), Some(interval(0)));
        assert_eq!(checkpoints.around_entry(10_000), Some(interval(1)));
        assert_eq!(checkpoints.around_entry(u64::MAX), Some(interval(2)));
    }

    #[test]
    fn around_entry_returns_the_innermost_container_that_is_old_enough() {
        let level = |container, first: u64, last: u64| Level {
            container,
            checkpoints: [between(first), between(last)].into_iter().collect(),
        };
        let levels = vec![level(Container::Dict, 10, 900), level(Container::List, 100, 200)];
        let route = Route { levels };
        let around = |memo| {
            let found = route.around_entry(memo).unwrap();
            found.map(|(interval, container)| (interval.from, container))
        };
        assert_eq!(around(19), None);
        assert_eq!(around(150), Some((between(10), Container::Dict)));
        assert_eq!(around(300), Some((between(100), Container::List)));
        assert_eq!(around(5000), Some((between(200), Container::List)));
    }
}
