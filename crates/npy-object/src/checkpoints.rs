//! Places from which a survey can go on, so that any member is found without walking from the
//! beginning, and any memo entry too.

use pickle_stream::Container;

/// A place between two batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The number of the first member behind it.
    pub(crate) member: u64,
    /// Where its instructions begin: bytes from the start of the file.
    pub(crate) offset: u64,
    /// Memo entries before it.
    pub(crate) memo: u64,
}

/// The checkpoints of one container, in order.
///
/// There are never more than [`MOST`](Self::MOST): when there would be, every other one goes, and
/// from then on they stand twice as far apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    places: Vec<Checkpoint>,
    /// Members between two of them, at least.
    spacing: u64,
}

impl Checkpoints {
    /// 3 MiB of them.
    pub(crate) const MOST: usize = 1 << 17;
    /// As many members as take well under a millisecond to survey.
    const SPACING: u64 = 3000;
    /// How many more there is room for when the room is used up.
    const ROOM: usize = 1 << 10;

    pub(crate) fn new() -> Checkpoints {
        Checkpoints { places: Vec::new(), spacing: Checkpoints::SPACING }
    }

    /// Keeps a place, unless one is near enough before it.
    pub(crate) fn note(&mut self, place: Checkpoint) {
        if self.places.last().is_some_and(|last| place.member < last.member + self.spacing) {
            return;
        }
        if self.places.len() == Checkpoints::MOST {
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

    /// The last one at or before a member.
    pub(crate) fn before_member(&self, member: u64) -> Option<Checkpoint> {
        let after = self.places.partition_point(|place| place.member <= member);
        after.checked_sub(1).map(|last| self.places[last])
    }

    /// The last one before a memo entry was made.
    fn before_entry(&self, memo: u64) -> Option<Checkpoint> {
        let after = self.places.partition_point(|place| place.memo <= memo);
        after.checked_sub(1).map(|last| self.places[last])
    }

    /// Bytes that they take.
    pub(crate) fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Checkpoint>()
    }
}

/// Checkpoints that are known from elsewhere.
impl FromIterator<Checkpoint> for Checkpoints {
    fn from_iter<I: IntoIterator<Item = Checkpoint>>(places: I) -> Checkpoints {
        let mut checkpoints = Checkpoints { spacing: 1, ..Checkpoints::new() };
        places.into_iter().for_each(|place| checkpoints.note(place));
        checkpoints.spacing = checkpoints.spacing.max(Checkpoints::SPACING);
        checkpoints
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
    /// A place before the entry was made, and what sort of container it is in; `None` where the
    /// entry is older than everything that was walked through.
    fn before_entry(&self, memo: u64) -> Option<(Checkpoint, Container)>;
}

impl Addresses for Route {
    fn before_entry(&self, memo: u64) -> Option<(Checkpoint, Container)> {
        let mut inner_first = self.levels.iter().rev();
        inner_first.find_map(|level| Some((level.checkpoints.before_entry(memo)?, level.container)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(member: u64) -> Checkpoint {
        Checkpoint { member, offset: member * 30, memo: member * 2 }
    }

    #[test]
    fn their_number_is_bounded_and_they_are_evenly_spaced() {
        let mut checkpoints = Checkpoints::new();
        let batches = Checkpoints::MOST as u64 * 10;
        for batch in 0..batches {
            checkpoints.note(place(batch * 1000));
            assert!(checkpoints.places.len() <= Checkpoints::MOST);
        }
        assert_eq!(checkpoints.spacing, 12_000);
        assert_eq!(checkpoints.as_slice()[0], place(0));
        for pair in checkpoints.as_slice().windows(2) {
            assert_eq!(pair[1].member - pair[0].member, 12_000);
        }
        assert!(checkpoints.memory() <= 24 * (Checkpoints::MOST + Checkpoints::ROOM));
    }

    #[test]
    fn finds_the_last_place_before() {
        let checkpoints: Checkpoints = [place(0), place(5000), place(9000)].into_iter().collect();
        assert_eq!(checkpoints.before_member(4999), Some(place(0)));
        assert_eq!(checkpoints.before_member(5000), Some(place(5000)));
        assert_eq!(checkpoints.before_entry(9999), Some(place(0)));
        assert_eq!(checkpoints.before_entry(u64::MAX), Some(place(9000)));
    }

    #[test]
    fn an_entry_is_looked_for_in_the_innermost_container_that_is_old_enough() {
        let level = |container, first: u64, last: u64| Level {
            container,
            checkpoints: [place(first), place(last)].into_iter().collect(),
        };
        let levels = vec![level(Container::Dict, 10, 900), level(Container::List, 100, 200)];
        let route = Route { levels };
        assert_eq!(route.before_entry(19), None);
        assert_eq!(route.before_entry(150), Some((place(10), Container::Dict)));
        assert_eq!(route.before_entry(300), Some((place(100), Container::List)));
        assert_eq!(route.before_entry(5000), Some((place(200), Container::List)));
    }
}
