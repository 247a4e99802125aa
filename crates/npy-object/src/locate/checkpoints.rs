//! Places from which a survey can go on, so that any member is found without walking from the
//! beginning, and any memo entry too.

use pickle_stream::{Container, Limits, Locator, Opcode, Span, Survey};

use crate::error::Result;

/// A place between two members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The number of the first member behind it.
    pub(crate) member: u64,
    /// Where its instructions begin: bytes from the start of the file.
    pub(crate) offset: u64,
    /// Memo entries before it, and whether it is inside a batch.
    memo: u64,
}

impl Checkpoint {
    /// Set in `memo` where the place is inside a batch.
    const INSIDE: u64 = 1 << 63;

    /// A place where no batch is open.
    pub(crate) fn between(member: u64, offset: u64, memo: u64) -> Checkpoint {
        Checkpoint { member, offset, memo: memo & !Checkpoint::INSIDE }
    }

    /// A place above the mark of a batch.
    fn inside(member: u64, offset: u64, memo: u64) -> Checkpoint {
        Checkpoint { member, offset, memo: memo | Checkpoint::INSIDE }
    }

    /// Memo entries before it.
    pub(crate) fn memo(self) -> u64 {
        self.memo & !Checkpoint::INSIDE
    }

    /// Whether the mark of a batch is open there.
    pub(crate) fn is_inside(self) -> bool {
        self.memo & Checkpoint::INSIDE != 0
    }

    /// It as an index file has it: the highest bit of the third number says that it is inside a
    /// batch.
    pub(crate) fn to_numbers(self) -> [u64; 3] {
        [self.member, self.offset, self.memo]
    }

    /// The reverse of [`to_numbers`](Self::to_numbers).
    pub(crate) fn from_numbers([member, offset, memo]: [u64; 3]) -> Checkpoint {
        Checkpoint { member, offset, memo }
    }

    /// A survey that goes on here.
    pub(crate) fn survey(self, container: Container, limits: &Limits) -> Result<Survey> {
        let mut survey = Survey::resume(self.resume_at(), self.memo(), container, limits);
        if self.is_inside() {
            survey.advance(&MARK)?;
        }
        Ok(survey)
    }

    /// One who looks for a memo entry from here on.
    pub(crate) fn locator(
        self,
        container: Container,
        entry: u64,
        limits: &Limits,
    ) -> Result<Locator> {
        let mut locator = Locator::new(self.resume_at(), self.memo(), container, entry, limits);
        if self.is_inside() {
            locator.advance(&MARK)?;
        }
        Ok(locator)
    }

    /// Where a walk begins: inside a batch, with a mark, as if that stood right before the place.
    fn resume_at(self) -> u64 {
        self.offset.saturating_sub(self.is_inside().into())
    }
}

/// What begins a batch.
const MARK: [u8; 1] = [Opcode::Mark as u8];

/// The checkpoints of one container, in order.
///
/// There are never more than [`MOST`](Self::MOST): when there would be, every other one goes, and
/// from then on they stand twice as far apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    places: Vec<Checkpoint>,
    /// Bytes between two of them, at most, unless one member takes more.
    spacing: u64,
}

impl Checkpoints {
    /// 4.5 MiB of them: enough for 6 GiB.
    pub(crate) const MOST: usize = 3 << 16;
    /// As many bytes as take well under a millisecond to survey, and no longer to fetch from afar
    /// than a few.
    pub(crate) const SPACING: u64 = 32 << 10;
    /// How many more there is room for when the room is used up.
    const ROOM: usize = 1 << 10;

    pub(crate) fn new() -> Checkpoints {
        Checkpoints { places: Vec::new(), spacing: Checkpoints::SPACING }
    }

    /// Those of a container whose first member stands at a place.
    pub(crate) fn starting(first: Checkpoint) -> Checkpoints {
        Checkpoints { places: vec![first], ..Checkpoints::new() }
    }

    /// Keeps places in a batch that begins at `begin`: as many as it takes that what lies between
    /// two of them is one member, or not over the spacing. Of a member, `width` of `spans` are the
    /// values.
    pub(crate) fn note(&mut self, begin: Checkpoint, spans: &[Span], width: usize) {
        let end_of = |member: usize| spans[(member + 1) * width - 1].end;
        let members = spans.len() / width;
        let mut next = 0;
        while next < members {
            let reach = self.places.last().map_or(0, |last| last.offset + self.spacing);
            if end_of(members - 1) <= reach {
                return;
            }
            // The first that ends too far behind the last place.
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
            self.places.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.spacing *= 2;
        }
        if self.places.len() == self.places.capacity() {
            self.places.reserve_exact(Checkpoints::ROOM);
        }
        self.places.push(place);
    }

    pub(crate) fn as_slice(&self) -> &[Checkpoint] {
        &self.places
    }

    /// The last one at or before a member, and the one behind that.
    pub(crate) fn around_member(&self, member: u64) -> Option<Stretch> {
        Stretch::of(&self.places, |place| place.member <= member)
    }

    /// The last one before a memo entry was made, and the one behind that.
    pub(crate) fn around_entry(&self, memo: u64) -> Option<Stretch> {
        Stretch::of(&self.places, |place| place.memo() <= memo)
    }

    /// Bytes that they take.
    pub(crate) fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Checkpoint>()
    }
}

/// Checkpoints that are known from elsewhere.
impl FromIterator<Checkpoint> for Checkpoints {
    fn from_iter<I: IntoIterator<Item = Checkpoint>>(places: I) -> Checkpoints {
        Checkpoints { places: places.into_iter().collect(), ..Checkpoints::new() }
    }
}

/// What lies between two checkpoints: one member, or a few kilobytes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: Checkpoint,
    /// `None` where no other is known behind it.
    pub(crate) to: Option<Checkpoint>,
}

impl Stretch {
    /// The one that begins with the last of `places` for which this holds, as it does for those
    /// before.
    pub(crate) fn of(
        places: &[Checkpoint],
        holds: impl Fn(&Checkpoint) -> bool,
    ) -> Option<Stretch> {
        let behind = places.partition_point(holds);
        let from = *places.get(behind.checked_sub(1)?)?;
        Some(Stretch { from, to: places.get(behind).copied() })
    }
}

/// The containers around a member, and where in each of them a walk can begin.
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

/// Those who know where to begin to look for a memo entry.
pub(crate) trait Addresses {
    /// Where the entry was made, and in what sort of container; `None` where it is older than
    /// everything that was walked through.
    fn around_entry(&self, memo: u64) -> Result<Option<(Stretch, Container)>>;
}

impl Addresses for Route {
    fn around_entry(&self, memo: u64) -> Result<Option<(Stretch, Container)>> {
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

    /// Members of so many bytes each, from a place on.
    fn spans(from: u64, count: u64, size: u64) -> Vec<Span> {
        let begin = |member: u64| from + member * size;
        let span = |member| Span { begin: begin(member), end: begin(member + 1), memo: 0 };
        (0..count).map(span).collect()
    }

    #[test]
    fn what_lies_between_two_is_one_member_or_small() {
        const SPACING: u64 = Checkpoints::SPACING;
        let mut checkpoints = Checkpoints::starting(Checkpoint::between(0, 0, 0));
        let mut batch = |member, offset: u64, count, size: u64| {
            let begin = Checkpoint::between(member, offset - 1, 0);
            checkpoints.note(begin, &spans(offset, count, size), 1);
            checkpoints.as_slice().iter().map(|place| place.member).collect::<Vec<_>>()
        };
        // Of 1,000 bytes each, 32 lie behind one another; the next batch goes on with those.
        assert_eq!(batch(0, 1, 60, 1000), [0, 32]);
        assert_eq!(batch(60, 60_002, 10, 1000), [0, 32, 64]);
        // Large ones stand alone, from the first of a batch on.
        assert_eq!(batch(70, 70_003, 3, 2 * SPACING), [0, 32, 64, 70, 71, 72]);
        let small = 70_004 + 6 * SPACING;
        assert_eq!(batch(73, small, 9, 1), [0, 32, 64, 70, 71, 72, 73]);
        let is_inside = |place: &Checkpoint| place.is_inside();
        let inside: Vec<_> = checkpoints.as_slice().iter().map(is_inside).collect();
        assert_eq!(inside, [false, true, true, false, true, true, false]);
    }

    #[test]
    fn their_number_is_bounded_and_they_are_evenly_spaced() {
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
    fn entries_of_a_dict_are_not_parted() {
        let mut checkpoints = Checkpoints::starting(Checkpoint::between(0, 0, 0));
        let values = spans(1, 8, Checkpoints::SPACING / 4 * 3);
        checkpoints.note(Checkpoint::between(0, 0, 0), &values, 2);
        let members: Vec<_> = checkpoints.as_slice().iter().map(|place| place.member).collect();
        assert_eq!(members, [0, 1, 2, 3]);
        assert_eq!(checkpoints.as_slice()[1].offset, values[2].begin);
    }

    #[test]
    fn finds_what_lies_around() {
        let places = [between(0), inside(5000), between(9000)];
        let checkpoints: Checkpoints = places.into_iter().collect();
        let stretch =
            |from: usize| Stretch { from: places[from], to: places.get(from + 1).copied() };
        assert_eq!(checkpoints.around_member(4999), Some(stretch(0)));
        assert_eq!(checkpoints.around_member(5000), Some(stretch(1)));
        assert_eq!(checkpoints.around_entry(9999), Some(stretch(0)));
        assert_eq!(checkpoints.around_entry(10_000), Some(stretch(1)));
        assert_eq!(checkpoints.around_entry(u64::MAX), Some(stretch(2)));
    }

    #[test]
    fn an_entry_is_looked_for_in_the_innermost_container_that_is_old_enough() {
        let level = |container, first: u64, last: u64| Level {
            container,
            checkpoints: [between(first), between(last)].into_iter().collect(),
        };
        let levels = vec![level(Container::Dict, 10, 900), level(Container::List, 100, 200)];
        let route = Route { levels };
        let around = |memo| {
            let found = route.around_entry(memo).unwrap();
            found.map(|(stretch, container)| (stretch.from, container))
        };
        assert_eq!(around(19), None);
        assert_eq!(around(150), Some((between(10), Container::Dict)));
        assert_eq!(around(300), Some((between(100), Container::List)));
        assert_eq!(around(5000), Some((between(200), Container::List)));
    }
}
