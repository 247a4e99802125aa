//! The elements of an array as an iterator.

use std::ops::{Bound, RangeBounds};

use crate::array::npy_array::NpyArray;
use crate::error::Result;
use crate::value::owned::OwnedElement;

/// Elements of an array, from either end: see [`NpyArray::elements`] and
/// [`NpyArray::elements_in`].
///
/// After an error nothing comes.
#[derive(Debug)]
pub struct Elements<'a> {
    array: &'a mut NpyArray,
    /// The numbers of those to come.
    next: u64,
    end: u64,
    /// Whether the end was reached and nothing more is to come.
    done: bool,
}

/// The first of the elements in a range, and the one behind the last: from where the array stands to
/// its end, unless the range says.
pub(crate) fn bounds(array: &NpyArray, range: impl RangeBounds<u64>) -> (u64, u64) {
    let next = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => array.position(),
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => array.end(),
    };
    let end = end.min(array.end());
    (next.min(end), end)
}

impl<'a> Elements<'a> {
    /// From where the array stands, unless the range says.
    pub(crate) fn new(array: &'a mut NpyArray, range: impl RangeBounds<u64>) -> Elements<'a> {
        let (next, end) = bounds(array, range);
        Elements { array, next, end, done: false }
    }

    /// The element at the array's place; nothing after it if it is an error.
    fn read(&mut self, index: u64) -> Option<Result<OwnedElement>> {
        self.array.seek(index);
        let read = self.array.next_owned().transpose();
        self.done |= match &read {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.need().is_none(),
            None => true,
        };
        read
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        // Behind the last element of the array the rest of the file is seen through.
        if self.done || (self.next == self.end && self.end < self.array.len()) {
            return None;
        }
        let read = self.read(self.next);
        if matches!(read, Some(Ok(_))) {
            self.next = (self.next + 1).min(self.end);
        }
        read
    }

    fn nth(&mut self, n: usize) -> Option<Result<OwnedElement>> {
        self.next = self.next.saturating_add(n as u64).min(self.end);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left =
            if self.done { 0 } else { usize::try_from(self.end - self.next).unwrap_or(usize::MAX) };
        // An error may stand in for what is missing.
        (0, left.checked_add(1))
    }
}

impl DoubleEndedIterator for Elements<'_> {
    fn next_back(&mut self) -> Option<Result<OwnedElement>> {
        if self.done || self.next == self.end {
            return None;
        }
        let read = self.read(self.end - 1);
        if matches!(read, Some(Ok(_))) {
            self.end -= 1;
        }
        read
    }
}
