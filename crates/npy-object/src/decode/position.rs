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

    /// Ends the loop before an element that cannot be read.
    pub(crate) fn fail(&mut self, number: u64) {
        self.next = number;
        self.failed = true;
    }

    /// Reads the next element with `read`, and advances. Returns `None` at the end and after an error.
    /// An error that asks for bytes of a [`Fetched`](crate::Fetched) file does not end the loop.
    #[inline]
    pub(crate) fn advance<T>(
        &mut self,
        read: impl FnOnce(u64) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        self.advance_by(|next| Ok(read(next)?.map(|read| (read, 1))))
    }

    /// Does what [`advance`](Self::advance) does with several elements, whose number `read` returns too.
    #[inline]
    pub(crate) fn advance_by<T>(
        &mut self,
        read: impl FnOnce(u64) -> Result<Option<(T, u64)>>,
    ) -> Result<Option<T>> {
        if self.failed || self.next >= self.end {
            return Ok(None);
        }
        match read(self.next) {
            Ok(Some((read, count))) => {
                self.next += count;
                Ok(Some(read))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = error.need().is_none();
                Err(error)
            }
        }
    }
}
