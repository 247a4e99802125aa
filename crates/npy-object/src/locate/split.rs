//! Parts of an array for other processes, or other machines, to read on their own.

use crate::locate::checkpoints::{Checkpoint, Checkpoints};

/// A stretch of the elements of an array, with what a reader needs to begin there: see
/// [`NpyArray::splits`](crate::NpyArray::splits) and [`Options::open_split`](crate::Options::open_split).
///
/// It is a few kilobytes at most, and says nothing of where the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Split {
    /// The number of its first element.
    first: u64,
    /// How many there are.
    count: u64,
    /// Bytes of the file.
    file_size: u64,
    /// Places from which elements before it, and definitions in them, are found, as an index has
    /// them.
    places: Vec<[u64; 3]>,
}

impl Split {
    /// Places that one has at most, but for the last before its first element. What an element
    /// shares with one far before it is found by a walk from one of them.
    const PLACES: usize = 256;

    /// Elements from `first` on of an array with these checkpoints.
    pub(crate) fn new(
        first: u64,
        count: u64,
        file_size: u64,
        known: Option<&Checkpoints>,
    ) -> Split {
        let known = known.map_or(&[][..], Checkpoints::as_slice);
        let before = known.partition_point(|place| place.member <= first);
        let step = before.div_ceil(Split::PLACES).max(1);
        let (rest, last) = known[..before].split_at(before.saturating_sub(1));
        let places = rest.iter().step_by(step).chain(last);
        let places = places.map(|place| place.to_numbers()).collect();
        Split { first, count, file_size, places }
    }

    /// The number of its first element.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many elements there are in it.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the file that it is a part of.
    pub(crate) fn file_size(&self) -> u64 {
        self.file_size
    }

    pub(crate) fn checkpoints(&self) -> Checkpoints {
        self.places.iter().copied().map(Checkpoint::from_numbers).collect()
    }
}
