//! Parts of an array for other processes or machines.

use crate::locate::checkpoints::{Checkpoint, Checkpoints};

/// A run of elements of an array, with the checkpoints that a reader needs to begin there: see
/// [`NpyArray::splits`](crate::NpyArray::splits) and [`Options::open_split`](crate::Options::open_split).
///
/// It takes at most 6 KiB, and does not say where the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Split {
    /// The number of the first element.
    first: u64,
    /// The number of elements.
    count: u64,
    /// Bytes of the file.
    file_size: u64,
    /// Checkpoints at or before the first element, from which definitions are found, as an index has
    /// them.
    places: Vec<[u64; 3]>,
}

impl Split {
    /// The most checkpoints, besides the last before the first element. A definition far before the
    /// split is found by a survey from one of them.
    const PLACES: usize = 256;

    /// Creates a split of the elements from `first` on, of an array with these checkpoints.
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

    /// Returns the number of the first element.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number of elements.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the size of the file in bytes.
    pub(crate) fn file_size(&self) -> u64 {
        self.file_size
    }

    pub(crate) fn checkpoints(&self) -> Checkpoints {
        self.places.iter().copied().map(Checkpoint::from_numbers).collect()
    }
}
