//! The elements of an array as iterators.

use std::iter::FusedIterator;
#[cfg(feature = "serde")]
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use crate::array::npy_array::NpyArray;
use crate::decode::cursor::Cursor;
use crate::error::Result;
use crate::value::owned::OwnedElement;

/// Elements of an array, from either end: see [`NpyArray::elements`] and
/// [`NpyArray::elements_in`].
///
/// After an error nothing comes.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct Elements<'a> {
    array: &'a mut NpyArray,
    left: Left,
}

/// The elements of an array, which it owns, from either end: see [`NpyArray::into_elements`].
///
/// After an error nothing comes.
#[must_use = "iterators are lazy"]
#[derive(Clone, Debug)]
pub struct IntoElements {
    array: NpyArray,
    left: Left,
}

/// The elements of an array as values of `T`: see [`NpyArray::into_deserialize`].
///
/// After an error in the file nothing comes; after an element that is no `T` the next one.
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
    /// The number after that of the last.
    end: u64,
    /// Whether the end was reached.
    done: bool,
}

/// Returns the number of the first element in a range, and the number after that of the last: from
/// where the array is to its end, unless the range says.
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

impl Left {
    fn of(array: &NpyArray, range: impl RangeBounds<u64>) -> Left {
        let (next, end) = bounds(array, range);
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

    /// Reads an element; nothing comes after it if it is an error.
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
        // An error may come in the place of what is missing.
        (0, left.checked_add(1))
    }
}

impl NpyArray {
    /// Returns an iterator of the elements from here on, each owning what it holds.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let elements: Vec<_> = array.elements().collect::<Result<_, _>>()?;
    /// assert_eq!(elements[1].element().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements(&mut self) -> Elements<'_> {
        let left = Left::of(self, ..);
        Elements { array: self, left }
    }

    /// Returns an iterator of the elements of these numbers, each owning what it holds. Numbers past
    /// the last are left out, as in a slice in Python.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let last = array.elements_in(1..).rev().next().unwrap()?;
    /// assert_eq!(last.element().as_str()?, "objects");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements_in(&mut self, range: impl RangeBounds<u64>) -> Elements<'_> {
        let left = Left::of(self, range);
        Elements { array: self, left }
    }

    /// Returns an iterator of the elements from here on that owns the array.
    ///
    /// ```
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let lengths = array.into_elements().map(|element| Ok(element?.element().as_str()?.len()));
    /// assert_eq!(lengths.collect::<npy_object::Result<Vec<_>>>()?, [6, 5, 7]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn into_elements(self) -> IntoElements {
        IntoElements { left: Left::of(&self, ..), array: self }
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next(self.array.cursor_mut())
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
        self.left.next_back(self.array.cursor_mut())
    }
}

impl FusedIterator for Elements<'_> {}

impl Iterator for IntoElements {
    type Item = Result<OwnedElement>;

    fn next(&mut self) -> Option<Result<OwnedElement>> {
        self.left.next(self.array.cursor_mut())
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
        self.left.next_back(self.array.cursor_mut())
    }
}

impl FusedIterator for IntoElements {}

#[cfg(feature = "serde")]
impl NpyArray {
    /// Returns an iterator of the elements from here on as values of `T`, which owns the array.
    ///
    /// ```
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let texts: Vec<String> = array.into_deserialize().collect::<npy_object::Result<_>>()?;
    /// assert_eq!(texts, ["ragged", "NumPy", "objects"]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn into_deserialize<T: serde::de::DeserializeOwned>(self) -> IntoDeserialize<T> {
        IntoDeserialize { elements: self.into_elements(), of: PhantomData }
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
