//! The instructions that made a memo entry.

use super::dependency::{Dependency, mutation};
use super::slot::Slot;
use super::span::{Container, Span};
use super::walk::{Outcome, Survey};
use crate::error::Result;
use crate::lex::Progress;
use crate::limits::Limits;
use crate::opcode::Opcode;

/// A walk through a part of a stream that finds the instructions of the value in a memo entry.
///
/// An object can be in the memo before it is whole (a list is, before its items), so the span goes
/// on to the last instruction that changes the object on the stack. An instruction that changes it
/// later, after a read from the memo, is not in the span: then the locator fails. To know that, it
/// walks to the end of the batch, or of the container. No instruction changes a text, so it is found at
/// once.
#[derive(Clone, Debug)]
pub struct Locator {
    survey: Survey,
    memo: u64,
    /// The offset of the text on top of the stack, if the last instruction has pushed it or made a memo
    /// entry of it.
    text: Option<u64>,
    found: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    slot: usize,
    /// The number of open marks below the value.
    depth: usize,
    span: Span,
    /// One more than the highest memo index made in the span.
    memo_end: u64,
    /// Whether the value was taken off the stack.
    taken: bool,
    /// The last change of the value, or of a part of it, that was not made to its slot on the stack.
    changed: Option<Dependency>,
}

/// The answer of a [`Locator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// At least this many bytes beyond the end of the input are needed, from [`Locator::offset`]
    /// on.
    Need(usize),
    /// These instructions make the value, on an empty stack.
    Found(Span),
    /// The container ended, and the entry was not made.
    Absent,
}

impl Locator {
    /// Creates a locator of memo entry `memo` that begins as [`Survey::resume`] does.
    pub fn new(
        offset: u64,
        entries: u64,
        container: Container,
        memo: u64,
        limits: &Limits,
    ) -> Locator {
        Locator::with(Survey::resume(offset, entries, container, limits), memo)
    }

    /// Looks for the entry of index `memo` in a part of the stream that is like that of
    /// [`Survey::resume_in_batch`].
    pub fn new_in_batch(
        offset: u64,
        entries: u64,
        container: Container,
        memo: u64,
        limits: &Limits,
    ) -> Locator {
        Locator::with(Survey::resume_in_batch(offset, entries, container, limits), memo)
    }

    fn with(survey: Survey, memo: u64) -> Locator {
        Locator { survey, memo, text: None, found: None }
    }

    /// Returns the offset at which the next input must begin.
    pub fn offset(&self) -> u64 {
        self.survey.offset()
    }

    /// Returns the instructions that make the value, as far as the walk has come: for a stream that
    /// ends inside the batch. `None` if the entry was not made.
    ///
    /// Fails where a later instruction changes the value.
    pub fn so_far(&self) -> Result<Option<Span>> {
        self.found.as_ref().map(Candidate::span).transpose()
    }

    /// Walks through `input`, which begins at [`offset`](Self::offset).
    ///
    /// Fails as [`Survey::advance`] does.
    pub fn advance(&mut self, input: &[u8]) -> Result<Located> {
        let start = self.offset();
        loop {
            let offset = self.offset();
            let place = usize::try_from(offset - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else {
                return Ok(Located::Need(1));
            };
            let step = match self.survey.step(rest)? {
                Progress::Need(more) => return Ok(Located::Need(more)),
                Progress::Done(step) => step,
            };
            match &mut self.found {
                Some(found) => {
                    found.follow(&self.survey);
                    if step == Outcome::Batch {
                        return found.span().map(Located::Found);
                    }
                }
                None if self.survey.made() == Some(self.memo) => {
                    let found = Candidate::new(&self.survey);
                    if self.text == Some(found.span.begin) {
                        return Ok(Located::Found(found.span));
                    }
                    self.found = Some(found);
                }
                None if self.survey.made().is_some() => {}
                // The bytes are those of an instruction unless a part of its payload was skipped before.
                None => {
                    let begins = self.survey.slots().last().is_some_and(|top| top.begin == offset);
                    self.text = (begins && rest.first().is_some_and(is_text)).then_some(offset);
                }
            }
            if matches!(step, Outcome::Closed | Outcome::Stop) {
                return self
                    .found
                    .as_ref()
                    .map_or(Ok(Located::Absent), |found| found.span().map(Located::Found));
            }
        }
    }
}

/// Returns whether an instruction pushes a text.
fn is_text(byte: &u8) -> bool {
    use Opcode as O;
    let opcode = Opcode::from_byte(*byte);
    matches!(opcode, Some(O::ShortBinUnicode | O::BinUnicode | O::BinUnicode8 | O::ShortBinString))
}

impl Candidate {
    /// Begins with the value on top of the stack.
    fn new(survey: &Survey) -> Candidate {
        let slot = survey.slots().len() - 1;
        let Slot { begin, memo, .. } = survey.slots()[slot];
        Candidate {
            slot,
            depth: survey.depth(),
            span: Span { begin, end: survey.offset(), memo },
            memo_end: survey.memo(),
            taken: false,
            changed: None,
        }
    }

    /// Follows the last instruction of the survey.
    fn follow(&mut self, survey: &Survey) {
        let is_of_it = |changed: &Dependency| changed.is_of(self.span, self.memo_end, self.taken);
        if let Some(changed) = survey.changed().filter(is_of_it) {
            self.changed = Some(changed);
        }
        self.taken |= survey.kept() <= self.slot;
        // An instruction that changes the value leaves it on top of the stack.
        let on_top = survey.slots().len() == self.slot + 1 && survey.depth() == self.depth;
        if !self.taken && on_top {
            self.span.end = survey.offset();
            self.memo_end = survey.memo();
        }
    }

    /// Returns the instructions that make the value. Fails if a later one changes it.
    fn span(&self) -> Result<Span> {
        match self.changed.filter(|changed| changed.offset >= self.span.end) {
            Some(changed) => Err(mutation(changed)),
            None => Ok(self.span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use core::ops::Range;

    /// Returns the bytes that make memo entry `memo`, in a list that begins with the second byte of
    /// `stream`.
    fn locate(stream: &[u8], memo: u64) -> Result<Option<Range<u64>>, Error> {
        let mut locator = Locator::new(1, 0, Container::List, memo, &Limits::default());
        // A byte more each time, as if it came over a slow line.
        let mut end = 1;
        loop {
            let from = (locator.offset() as usize).min(end);
            match locator.advance(&stream[from..end])? {
                Located::Need(_) => end += 1,
                Located::Found(span) => return Ok(Some(span.begin..span.end)),
                Located::Absent => return Ok(None),
            }
        }
    }

    #[test]
    fn instructions_of_an_entry_are_found() {
        for (stream, memo, expected) in [
            // A list, in the memo before its items.
            (&b"](]q\0(NNeNa]q\x01e."[..], 0, Some(2..11)),
            (b"](]q\0(NNeNa]q\x01e.", 1, Some(11..14)),
            // A tuple, in the memo after its items.
            (b"](NN\x86q\0Ne.", 0, Some(2..7)),
            // An object: BUILD changes it after its entry.
            (b"](cm\nn\nq\0)Rq\x01}Nbbe.", 1, Some(2..17)),
            (b"](cm\nn\nq\0)Rq\x01}Nbbe.", 0, Some(2..9)),
            // The key of a dict.
            (b"](}(U\x01kq\0NU\x01jq\x01Nue.", 1, Some(10..15)),
            // In a list, before a value that begins with a mark.
            (b"](](]q\0(NtNee.", 0, Some(4..7)),
            // l = []; l.append(l)
            (b"](]q\0h\0ae.", 0, Some(2..8)),
            // t = ([],); t[0].append(t)
            (b"]((]q\0(h\0tq\x01a1h\x01e.", 0, Some(3..13)),
            (b"]((]q\0(h\0tq\x01a1h\x01e.", 1, Some(6..12)),
            // A value that is dropped again.
            (b"](Nq\x000Ne.", 0, Some(2..5)),
            // In a value that is no list: (None, []).
            (b"N]q\0\x86q\x01.", 0, Some(1..4)),
            // In a tuple that begins with it, and is copied on the stack.
            (b"](]q\0\x852\x86e.", 0, Some(2..5)),
            // Copied on the stack, and the copy is in a list that is changed.
            (b"](]q\x002]q\x01(h\0e\x87e.", 0, Some(2..5)),
            // Before another that is changed, by the memo and as a copy.
            (b"](]q\0]q\x01h\x01K\x05a0e.", 0, Some(2..5)),
            (b"](]q\0]2K\x05a0e.", 0, Some(2..5)),
            // In a later batch, and nowhere.
            (b"](e(Ne(]q\0e.", 0, Some(7..10)),
            (b"](]q\0e0N.", 1, None),
        ] {
            let found = locate(stream, memo).unwrap();
            assert_eq!(found, expected, "{memo} of {}", stream.escape_ascii());
        }
    }

    #[test]
    fn text_is_found_before_its_batch_ends() {
        for (stream, memo, expected) in [
            (&b"](NX\x01\0\0\0kq\0"[..], 0, 3..11),
            (b"](N\x8c\x01k\x94", 0, 3..7),
            (b"](}(U\x01kq\0NU\x01jq\x01", 1, 10..15),
            // In the memo twice.
            (b"](N\x8c\x01kq\0q\x01", 1, 3..10),
        ] {
            assert_eq!(locate(stream, memo), Ok(Some(expected)), "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn entry_that_is_changed_after_its_instructions_fails() {
        for (stream, memo) in [
            // l = []; [(l, l.append(5))]
            (&b"](]q\0h\0K\x05a\x86e."[..], 0),
            // The same, where the entry is around the list.
            (b"](]q\0\x85q\x01h\0K\x05a\x86e.", 1),
            // A second name, and a copy on the stack.
            (b"](]q\0h\0q\x01K\x05a\x86e.", 0),
            (b"](]q\x002K\x05a\x86e.", 0),
            // A second name of the copy, and a copy of the copy.
            (b"](]q\x002q\x01K\x05a\x86e.", 0),
            (b"](]q\x0022K\x05a\x87e.", 0),
        ] {
            let refused = locate(stream, memo).unwrap_err();
            assert_eq!(
                refused.clause(),
                "pickle.independence.mutation",
                "{}",
                stream.escape_ascii()
            );
        }
    }
}
