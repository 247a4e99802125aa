//! The position of a loop over elements.

use crate::error::Result;

/// The position of a loop over elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// The number of the next element.
    pub(crate) next: u64,
    /// The number of the first element that the loop does not come to.
    pub(crate) end: u64,
    /// Whether the loop has met an error, after which nothing comes.
    failed: bool,
}

impl Default for Position {
    fn default() -> Position {
        Position { next: 0, end: u64::MAX, failed: false }
    }
}

impl Position {
    /// Makes an element the next one, also after an error.
    pub(crate) fn seek(&mut self, number: u64) {
        self.next = number;
        self.failed = false;
    }

    /// Reads the next element with `read`, and advances. Returns `None` at the end and after an error.
    /// An error that asks for bytes of a [`Fetched`](crate::Fetched) file does not end the loop.
    #[inline]
    pub(crate) fn advance<T>(
        &mut self,
        read: impl FnOnce(u64) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        if self.failed || self.next >= self.end {
            return Ok(None);
        }
        let read = read(self.next);
        match &read {
            Ok(Some(_)) => self.next += 1,
            Ok(None) => {}
            Err(error) => self.failed = error.need().is_none(),
        }
        read
    }
}
