//! Iterators of the elements that a cursor reads.

use std::iter::FusedIterator;
#[cfg(feature = "serde")]
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use crate::decode::cursor::Cursor;
use crate::error::Result;
use crate::value::owned::OwnedElement;
use crate::value::range::ByteRange;

/// Elements of an array, from either end: see [`NpyArray::elements`](crate::NpyArray::elements) and
/// [`NpyArray::elements_in`](crate::NpyArray::elements_in).
///
/// Ends after an error.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct Elements<'a> {
    cursor: &'a mut Cursor,
    left: Left,
}

/// The elements of an array, which it owns, from either end: see [`NpyArray::into_elements`](crate::NpyArray::into_elements).
///
/// Ends after an error.
#[must_use = "iterators are lazy"]
#[derive(Clone, Debug)]
pub struct IntoElements {
    cursor: Cursor,
    left: Left,
}

/// The places of the elements of an array in its file: see [`NpyArray::byte_ranges`](crate::NpyArray::byte_ranges).
///
/// Ends after an error.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct ByteRanges<'a> {
    cursor: &'a mut Cursor,
    done: bool,
}

impl<'a> ByteRanges<'a> {
    pub(crate) fn new(cursor: &'a mut Cursor) -> ByteRanges<'a> {
        ByteRanges { cursor, done: false }
    }
}

impl Iterator for ByteRanges<'_> {
    type Item = Result<ByteRange>;

    fn next(&mut self) -> Option<Result<ByteRange>> {
        if self.done {
            return None;
        }
        let next = self.cursor.next_byte_range().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl FusedIterator for ByteRanges<'_> {}

/// The elements of an array as values of `T`: see [`NpyArray::into_deserialize`](crate::NpyArray::into_deserialize).
///
/// Ends after an error in the file. An element that is not a `T` is an error too, after which the
/// next one follows.
#[cfg(feature = "serde")]
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct IntoDeserialize<T> {
    elements: IntoElements,
    of: PhantomData<fn() -> T>,
}

/// The elements that are still to come.
#[derive(Clone, Debug)]
struct Left {
    /// The number of the first of them.
    next: u64,
    /// One more than the number of the last of them.
    end: u64,
    /// Whether the end was reached.
    done: bool,
}

/// Returns the number of the first element in a range, and the number after that of the last: from
/// where the cursor is to its end, unless the range says.
pub(crate) fn bounds(cursor: &Cursor, range: impl RangeBounds<u64>) -> (u64, u64) {
    let next = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => cursor.position(),
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => cursor.end(),
    };
    let end = end.min(cursor.end());
    (next.min(end), end)
}

impl Left {
    fn of(cursor: &Cursor, range: impl RangeBounds<u64>) -> Left {
        let (next, end) = bounds(cursor, range);
        Left { next, end, done: false }
    }

    fn next(&mut self, cursor: &mut Cursor) -> Option<Result<OwnedElement>> {
        // Past the last element of the array the rest of the file is surveyed.
        let is_part = cursor.len().is_some_and(|len| self.end < len);
        if self.done || (self.next == self.end && is_part) {
            return None;
        }
        let read = self.read(self.next, cursor);
        if matches!(read, Some(Ok(_))) {
            self.next = (self.next + 1).min(self.end);
        }
        read
    }

    fn next_back(&mut self, cursor: &mut Cursor) -> Option<Result<OwnedElement>> {
        if self.done || self.next == self.end {
            return None;
        }
        let read = self.read(self.end - 1, cursor);
        if matches!(read, Some(Ok(_))) {
            self.end -= 1;
        }
        read
    }

    /// Reads an element. Ends the iteration if that fails.
    fn read(&mut self, number: u64, cursor: &mut Cursor) -> Option<Result<OwnedElement>> {
        cursor.seek(number);
        let read = cursor.next_owned().transpose();
        self.done |= match &read {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.need().is_none(),
            None => true,
        };
        read
    }

    fn skip(&mut self, n: usize) {
        self.next = self.next.saturating_add(n as u64).min(self.end);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left =
            if self.done { 0 } else { usize::try_from(self.end - self.next).unwrap_or(usize::MAX) };
        // An error may take the place of the missing elements.
        (0, left.checked_add(1))
    }
}

impl<'a> Elements<'a> {
    pub(crate) fn new(cursor: &'a mut Cursor, range: impl RangeBounds<u64>) -> Elements<'a> {
        let left = Left::of(cursor, range);
        Elements { cursor, left }
    }
}

impl IntoElements {
    pub(crate) fn new(cursor: Cursor) -> IntoElements {
        IntoElements { left: Left::of(&cursor, ..), cursor }
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next(self.cursor)
    }

    fn nth(&mut self, n: usize) -> Option<Result<OwnedElement>> {
        self.left.skip(n);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Elements<'_> {
    fn next_back(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next_back(self.cursor)
    }
}

impl FusedIterator for Elements<'_> {}

impl Iterator for IntoElements {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next(&mut self.cursor)
    }

    fn nth(&mut self, n: usize) -> Option<Result<OwnedElement>> {
        self.left.skip(n);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for IntoElements {
    fn next_back(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next_back(&mut self.cursor)
    }
}

impl FusedIterator for IntoElements {}

#[cfg(feature = "serde")]
impl<T> IntoDeserialize<T> {
    pub(crate) fn new(elements: IntoElements) -> IntoDeserialize<T> {
        IntoDeserialize { elements, of: PhantomData }
    }
}

#[cfg(feature = "serde")]
impl<T: serde::de::DeserializeOwned> Iterator for IntoDeserialize<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let number = self.elements.left.next;
        let element = match self.elements.next()? {
            Ok(element) => element,
            Err(error) => return Some(Err(error)),
        };
        Some(element.element().deserialize().map_err(|error| error.of_element(number)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.elements.size_hint()
    }
}

#[cfg(feature = "serde")]
impl<T: serde::de::DeserializeOwned> FusedIterator for IntoDeserialize<T> {}
