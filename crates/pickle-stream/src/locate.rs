//! Finding the instructions that made a memo entry.

use crate::error::Result;
use crate::lexer::Progress;
use crate::limits::Limits;
use crate::survey::{Span, Step, Survey};

/// Walks a stretch of a stream to the value that a memo entry stands for.
///
/// An object can be in the memo before it is whole (a list is, before its items), so the span found goes on to the last
/// instruction that changes it.
#[derive(Debug)]
pub struct Locator {
    survey: Survey,
    memo: u64,
    found: Option<Found>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    slot: usize,
    span: Span,
}

/// The answer of a [`Locator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// At least this many bytes beyond the end of the input are needed, from [`Locator::offset`] on.
    Need(usize),
    /// These instructions make the value, on an empty stack.
    Found(Span),
    /// The list was walked to its end, and the entry was not made.
    Absent,
}

impl Locator {
    /// Looks for the entry of index `memo` in a stretch that is like that of [`Survey::resume`].
    pub fn new(offset: u64, entries: u64, memo: u64, limits: &Limits) -> Locator {
        Locator {
            survey: Survey::resume(offset, entries, limits),
            memo,
            found: None,
        }
    }

    /// Where the next input must begin.
    pub fn offset(&self) -> u64 {
        self.survey.offset()
    }

    /// Walks through `input`, which begins at [`offset`](Self::offset).
    ///
    /// Fails as [`Survey::advance`] does.
    pub fn advance(&mut self, input: &[u8]) -> Result<Located> {
        let start = self.offset();
        loop {
            let place = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else {
                return Ok(Located::Need(1));
            };
            let step = match self.survey.step(rest)? {
                Progress::Need(more) => return Ok(Located::Need(more)),
                Progress::Done(step) => step,
            };
            if let Some(Found { slot, span }) = &mut self.found {
                if self.survey.kept() <= *slot {
                    return Ok(Located::Found(*span));
                }
                // What changes the value leaves it on top of the stack; what is above it is another value.
                if self.survey.slots().len() == *slot + 1 {
                    span.end = self.survey.offset();
                }
            } else if self.survey.made() == Some(self.memo) {
                let slot = self.survey.slots().len() - 1;
                let place = self.survey.slots()[slot];
                let end = self.survey.offset();
                let span = Span {
                    begin: place.begin,
                    end,
                    memo: place.memo,
                };
                self.found = Some(Found { slot, span });
            }
            if matches!(step, Step::Closed | Step::Stop) {
                return Ok(Located::Absent);
            }
        }
    }
}
