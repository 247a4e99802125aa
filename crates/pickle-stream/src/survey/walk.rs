//! The survey: where each element of a list, set or dict begins and ends, without building anything.
//!
//! The height of the stack does not show where an element ends: `(1, 2)` is two pushes before TUPLE2
//! makes one value of them. An element is known to be whole when its batch ends, with an APPENDS
//! that takes everything above its mark, or an APPEND that takes one value. So the survey carries
//! out every instruction on a stack of offsets: a slot holds the offset at which its value begins,
//! and the number of memo entries before it. `Survey::grow` sees the end of a batch, and
//! `Survey::report_batch` makes the slots above the mark the spans of its elements.
//!
//! ```text
//!  stream   ]   (   K1  K2  \x86  q5  K3  e          (1, 2) and 3, appended to a list
//!  slots    L   L|  L|1 L|1,2 L|1  L|1  L|1,3  ─►  batch: elements at 1 and 3
//! ```
//!
//! The opcode table says what each opcode pops and pushes. Payloads are skipped.
//!
//! Elements can be decoded alone if none changes an object of another one. CPython's pickler never
//! writes such elements. In a stream that has them, the survey fails at the instruction: see
//! `pickle.independence` in the spec.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::dependency::{Dependency, Origin, PackedOrigin, mutation, not_independent};
use super::learning::Learning;
use super::slot::{Mark, Slot};
use super::span::{Container, Span};
use crate::error::{Error, Result};
use crate::lex::{Argument, Head, Lexer, Progress, check_protocol};
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode, StackItem};
use crate::skeleton::{Holes, Row, Skeleton, Skeletons};

/// The instruction that is carried out, for errors.
#[derive(Clone, Copy, Debug)]
struct At {
    opcode: Opcode,
    offset: u64,
}

/// The reason why [`Survey::advance`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// At least this many bytes beyond the end of the input are needed, from [`Survey::offset`] on.
    Need(usize),
    /// A batch of the watched container ended: [`Survey::batch`] has its elements.
    Batch,
    /// The last instruction took the watched container off the stack: there are no more elements.
    Closed,
    /// The pickle ended.
    Stop,
}

/// A walk through a stream that finds the elements of one container.
#[derive(Clone, Debug)]
pub struct Survey {
    pub(super) lexer: Lexer,
    pub(super) limits: Limits,
    pub(super) slots: Vec<Slot>,
    pub(super) marks: Vec<Mark>,
    /// The number of memo entries made so far.
    pub(super) entries: u64,
    /// One more than the highest memo index made so far.
    pub(super) memo: u64,
    /// The entry that the last instruction made.
    made: Option<u64>,
    /// The object that the last instruction changed, if earlier instructions made it.
    changed: Option<Dependency>,
    /// The number of slots that the last instruction did not take.
    kept: usize,
    /// The slot of the container whose batches are reported.
    pub(super) watched: Option<(usize, Container)>,
    /// Whether that container was taken off the stack, so that no element comes after it.
    closed: bool,
    /// Whether it was taken by APPEND.
    appended: bool,
    pub(super) batch: Vec<Span>,
    /// The rows of the elements of the last batch.
    pub(super) rows: Vec<Row>,
    pub(super) dependencies: Vec<Dependency>,
    /// The instructions that elements have in common.
    pub(super) skeletons: Skeletons,
    /// What fills the holes of the rows on the stack, and of the last batch.
    pub(super) holes: Holes,
    pub(super) learning: Learning,
    /// Goes through the instructions of a skeleton that was learnt.
    pub(super) trial: Option<Box<Survey>>,
}

impl Survey {
    /// Creates a survey that begins at `offset`, on an empty stack, after `memo` memo entries.
    pub fn new(offset: u64, memo: u64, limits: &Limits) -> Survey {
        Survey {
            lexer: Lexer::new(offset, limits),
            limits: limits.clone(),
            slots: Vec::new(),
            marks: Vec::new(),
            entries: memo,
            memo,
            made: None,
            changed: None,
            kept: 0,
            watched: None,
            closed: false,
            appended: false,
            batch: Vec::new(),
            rows: Vec::new(),
            dependencies: Vec::new(),
            skeletons: Skeletons::default(),
            holes: Holes::with_stack(limits.stack),
            learning: Learning::default(),
            trial: None,
        }
    }

    /// Creates a survey that begins between two batches of a container, and watches that container.
    ///
    /// `offset` and `memo` are what [`offset`](Self::offset) and [`memo`](Self::memo) of another
    /// survey were there. The new survey never sees what is below the container on the stack.
    pub fn resume(offset: u64, memo: u64, container: Container, limits: &Limits) -> Survey {
        let mut survey = Survey::new(offset, memo, limits);
        survey.slots.push(Slot::new(offset, memo));
        survey.watch(0, container);
        survey
    }

    /// Continues inside a batch of such a container: its MARK and some of its members come before
    /// `offset`.
    pub fn resume_in_batch(
        offset: u64,
        memo: u64,
        container: Container,
        limits: &Limits,
    ) -> Survey {
        let mut survey = Survey::resume(offset, memo, container, limits);
        let slot = Slot::new(offset, memo);
        survey.marks.push(Mark { place: survey.slots.len(), slot });
        survey
    }

    /// Returns the offset at which the next input must begin: that of an instruction, or one inside
    /// the text line of an instruction. After a skipped payload it may be past the end of the last
    /// input.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// Returns one more than the highest memo index made so far.
    pub fn memo(&self) -> u64 {
        self.memo
    }

    /// Returns the memo index that the last [`step`](Self::step) wrote.
    pub(super) fn made(&self) -> Option<u64> {
        self.made
    }

    /// Returns the values on the stack, bottom first, without marks.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Returns the number of slots that the last [`step`](Self::step) did not take.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Returns the number of open marks.
    pub fn depth(&self) -> usize {
        self.marks.len()
    }

    /// Returns the number of slots below the lowest open mark.
    pub fn first_mark(&self) -> Option<usize> {
        self.marks.first().map(|mark| mark.place)
    }

    /// Returns the object that the last [`step`](Self::step) changed or gave another memo entry, if
    /// earlier instructions made it.
    pub(super) fn changed(&self) -> Option<Dependency> {
        self.changed
    }

    /// Watches the container in a slot of the stack: [`advance`](Self::advance) reports its batches.
    pub fn watch(&mut self, slot: usize, container: Container) {
        self.watched = Some((slot, container));
        (self.closed, self.appended) = (false, false);
    }

    /// Returns whether APPEND closed the watched container: the container is the item that was
    /// appended, or a part of it.
    pub fn is_appended(&self) -> bool {
        self.appended
    }

    /// Returns the spans of the elements of the last batch, in order. An entry of a dict is two
    /// spans, of its key and of its value.
    pub fn batch(&self) -> &[Span] {
        &self.batch
    }

    /// Returns the rows of the elements of the last batch: one for each span. Their skeletons are
    /// [`skeletons`](Self::skeletons), and [`holes`](Self::holes) has what fills them, both until the
    /// survey goes on.
    ///
    /// A survey learns the skeletons of elements that come again and again. An element that has none
    /// is not less correct.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the skeletons of the rows of the last batch.
    pub fn skeletons(&self) -> &[Arc<Skeleton>] {
        self.skeletons.kept()
    }

    /// Returns what fills the holes of the rows of the last batch.
    pub fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Exchanges the [spans](Self::batch), the rows and the holes of the last batch with others, whose
    /// memory is used for the next batch.
    pub fn swap_batch(&mut self, spans: &mut Vec<Span>, rows: &mut Vec<Row>, holes: &mut Holes) {
        core::mem::swap(&mut self.batch, spans);
        core::mem::swap(&mut self.rows, rows);
        core::mem::swap(&mut self.holes, holes);
    }

    /// Takes over the skeletons that another survey of the same elements has learnt.
    pub fn learn_from(&mut self, other: &Survey) {
        self.skeletons.clone_from(&other.skeletons);
    }

    /// Returns the values above the watched container, which may become the elements of the batch
    /// that has not ended.
    ///
    /// A later instruction may still change a value, or make one of several; the last one may end
    /// past the input. The result ends before the first value that depends on another.
    ///
    /// With `marked`, a MARK right above the container begins a batch. Without it, the MARK is the
    /// first instruction of a single element, which APPEND will take.
    pub fn unfinished(&self, marked: bool) -> Vec<Span> {
        let Some(first) = self.watched.map(|(watched, _)| watched + 1) else { return Vec::new() };
        let mut marks = self.marks.iter().skip_while(|mark| mark.place < first);
        if marked && marks.next().is_none_or(|batch| batch.place != first) {
            return Vec::new();
        }
        // The slots above a mark are in a value that is not whole.
        let (end, begin_next) = match marks.next() {
            Some(inner) => (inner.place, inner.slot.begin),
            None => (self.slots.len(), self.lexer.begin()),
        };
        let slots = self.slots.get(first..end).unwrap_or_default();
        let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([begin_next]);
        let span = |(slot, end): (&Slot, u64)| Span { begin: slot.begin, end, memo: slot.memo };
        let mut spans: Vec<Span> = slots.iter().zip(ends).map(span).collect();
        let dependent = self.dependencies.iter().filter_map(|dependency| {
            let (index, is_own) = dependency.within(&spans)?;
            (!is_own).then_some(index)
        });
        spans.truncate(dependent.min().unwrap_or(spans.len()));
        spans
    }

    /// Walks through `input`, which begins at [`offset`](Self::offset), up to the next event.
    ///
    /// Fails on instructions that cannot be carried out (unknown opcodes, stack underflow, missing
    /// marks), on elements that depend on one another, and over a limit. It does not look at types
    /// and payloads: the machine does when it decodes an element.
    pub fn advance(&mut self, input: &[u8]) -> Result<Event> {
        let start = self.offset();
        self.learn();
        loop {
            let place = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else {
                return Ok(Event::Need(1));
            };
            let plain = if self.lexer.is_inside() { 0 } else { self.run_plain(rest) };
            match self.step(&rest[plain..])? {
                Progress::Need(more) => return Ok(Event::Need(more)),
                Progress::Done(Outcome::Next) => {}
                Progress::Done(Outcome::Batch) => {
                    self.look_at_batch(input, start);
                    return Ok(Event::Batch);
                }
                Progress::Done(Outcome::Closed) => return Ok(Event::Closed),
                Progress::Done(Outcome::Stop) => return Ok(Event::Stop),
            }
        }
    }

    /// Carries out the instruction at the beginning of `input`. Inlined, because a call costs as
    /// much as most instructions do.
    #[inline(always)]
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Progress<Outcome>> {
        let head = match self.lexer.pass(input)? {
            Progress::Done(head) => head,
            Progress::Need(more) => return Ok(Progress::Need(more)),
        };
        self.execute(head).map(Progress::Done)
    }

    #[inline(always)]
    fn execute(&mut self, head: Head<'_>) -> Result<Outcome> {
        let Head { opcode, offset, .. } = head;
        let at = At { opcode, offset };
        self.made = None;
        self.changed = None;
        self.kept = self.slots.len();
        let (place, slot, gives) = match EFFECTS[opcode as usize] {
            Effect::Nothing => return Ok(Outcome::Next),
            Effect::Proto => {
                if let Argument::Int(version) = head.argument {
                    check_protocol(version, offset)?;
                }
                return Ok(Outcome::Next);
            }
            Effect::Push => {
                self.push(Slot::new(offset, self.memo))?;
                return Ok(Outcome::Next);
            }
            Effect::Get => {
                let index = head.argument.index(offset)?;
                let origin = PackedOrigin::of(Origin::Memo(index));
                self.push(Slot { origin, ..Slot::new(offset, self.memo) })?;
                return Ok(Outcome::Next);
            }
            Effect::Put => {
                let index = head.argument.index(offset)?;
                self.memoize(index, at)?;
                return Ok(Outcome::Next);
            }
            Effect::Memoize => {
                self.memoize(self.entries, at)?;
                return Ok(Outcome::Next);
            }
            // The result begins where the lowest of the values taken begins.
            Effect::Top { takes, gives } => {
                let place = self.below(takes.into(), at)?;
                let Slot { begin, memo, .. } = self.slots[place];
                (place, Slot::new(begin, memo), gives)
            }
            Effect::Marked { least, gives } => {
                let Mark { place, slot } = self.pop_mark(at)?;
                let taken = self.slots.len() - place;
                if taken < least.into() {
                    return Err(Error::underflow(at.opcode, at.offset, least.into(), taken));
                }
                (place, slot, gives)
            }
            Effect::Special => return self.special(at),
        };
        self.take(place);
        match gives {
            true => self.push(slot)?,
            false => self.clear_row(),
        }
        self.close_container(place)
    }

    /// Carries out an opcode of which the table does not say everything.
    fn special(&mut self, at: At) -> Result<Outcome> {
        use Opcode as O;
        let At { opcode, offset: begin } = at;
        match opcode {
            O::Mark => {
                let marks = self.marks.len() as u64 + 1;
                limits::check(self.limits.marks as u64, marks, "pickle.limit.marks", begin)?;
                let slot = Slot::new(begin, self.memo);
                self.marks.push(Mark { place: self.slots.len(), slot });
            }
            O::Appends | O::SetItems | O::AddItems => {
                let place = self.pop_mark(at)?.place;
                return self.grow(place, at);
            }
            O::Append | O::Build => {
                let place = self.below(1, at)?;
                return self.grow(place, at);
            }
            O::SetItem => {
                let place = self.below(2, at)?;
                return self.grow(place, at);
            }
            O::Pop if self.marks.last().is_some_and(|mark| mark.place == self.slots.len()) => {
                self.marks.pop();
            }
            O::Pop => {
                let place = self.below(1, at)?;
                self.take(place);
                self.clear_row();
                return self.close_container(place);
            }
            O::Dup => {
                let top = self.slots[self.below(1, at)?];
                let made = Origin::Offset(top.begin);
                self.note(Dependency::new(begin, made))?;
                let origin = if top.origin.is_some() { top.origin } else { PackedOrigin::of(made) };
                self.push(Slot { origin, ..Slot::new(begin, self.memo) })?;
            }
            O::NextBuffer if self.watched.is_some() => {
                // Buffers are numbered from the start of the stream, so an element alone does not
                // know the number of its buffer.
                let message = "an element takes an out-of-band buffer";
                return Err(not_independent("pickle.independence.buffer", begin, message));
            }
            O::NextBuffer => {
                self.push(Slot::new(begin, self.memo))?;
            }
            O::Stop => {
                self.below(1, at)?;
                self.close_container(0)?;
                return Ok(Outcome::Stop);
            }
            opcode => unreachable!("{opcode:?} does what the table says"),
        }
        Ok(Outcome::Next)
    }

    /// Carries out an instruction that changes the value below `place` and takes the values from
    /// there on.
    fn grow(&mut self, place: usize, at: At) -> Result<Outcome> {
        let target = self.target(place, at)?;
        if let Some((watched, container)) = self.watched
            && watched == target
        {
            if container.grows_by(at.opcode) {
                self.report_batch(place, container, at)?;
                return Ok(Outcome::Batch);
            }
            let name = at.opcode.name();
            let message = alloc::format!("{name} changes the list of elements");
            return Err(not_independent("pickle.independence.list", at.offset, message));
        }
        self.take(place);
        self.change(target, at)?;
        let outcome = self.close_container(place)?;
        self.appended |= outcome == Outcome::Closed && at.opcode == Opcode::Append;
        Ok(outcome)
    }

    /// Returns the slot of the value below `place`, which must not be below a mark.
    fn target(&self, place: usize, at: At) -> Result<usize> {
        let fence = self.fence();
        place.checked_sub(1).filter(|&target| target >= fence).ok_or_else(|| {
            let found = self.slots.len() - place;
            Error::underflow(at.opcode, at.offset, found + 1, found)
        })
    }

    /// Takes the slots from `place` on off the stack.
    fn take(&mut self, place: usize) {
        self.slots.truncate(place);
        self.kept = place;
    }

    /// Clears the row of the top value, after values above it were dropped: their instructions are
    /// of the same element, and a machine fails where one of them is not valid.
    fn clear_row(&mut self) {
        if let Some(top) = self.slots.last_mut() {
            top.row = Row::NONE;
        }
    }

    /// Ends the watched container if it was among the slots from `place` on, which were taken.
    fn close_container(&mut self, place: usize) -> Result<Outcome> {
        if self.watched.is_none_or(|(watched, _)| place > watched) {
            return Ok(Outcome::Next);
        }
        self.watched = None;
        self.closed = true;
        // An instruction between the last batch and here is in no element.
        match self.dependencies.first() {
            Some(&dependency) => Err(mutation(dependency)),
            None => Ok(Outcome::Closed),
        }
    }

    /// Notes that an instruction changes the value of a slot, or gives it another memo entry.
    #[inline(always)]
    fn change(&mut self, slot: usize, at: At) -> Result<()> {
        let Slot { origin, row, .. } = &mut self.slots[slot];
        *row = Row::NONE;
        let Some(origin) = origin.unpack() else { return Ok(()) };
        let changed = Dependency::new(at.offset, origin);
        self.changed = Some(changed);
        self.note(changed)
    }

    /// Remembers a dependency until the batch ends.
    #[cold]
    fn note(&mut self, dependency: Dependency) -> Result<()> {
        if self.closed {
            return Err(mutation(dependency));
        }
        if self.watched.is_some() {
            let count = self.dependencies.len() as u64 + 1;
            let offset = dependency.offset;
            limits::check(self.limits.stack as u64, count, "pickle.limit.stack", offset)?;
            self.dependencies.push(dependency);
        }
        Ok(())
    }

    #[inline(always)]
    fn memoize(&mut self, index: u64, at: At) -> Result<()> {
        let top = self.below(1, at)?;
        if index < self.memo && !self.closed {
            return Err(out_of_order(index, self.memo - 1, at));
        }
        self.change(top, at)?;
        self.memo = self.memo.max(index.saturating_add(1));
        self.entries += 1;
        self.made = Some(index);
        Ok(())
    }

    /// Makes spans of the slots from `place` on, which this instruction adds to the watched
    /// container.
    fn report_batch(&mut self, place: usize, container: Container, at: At) -> Result<()> {
        self.batch.clear();
        let slots = &self.slots[place..];
        if !slots.len().is_multiple_of(container.width()) {
            let message = alloc::format!("odd number of items for {}", at.opcode.name());
            return Err(Error::malformed("pickle.items.odd", at.offset, message));
        }
        let span = |slot: &Slot, end| Span { begin: slot.begin, end, memo: slot.memo };
        let next = slots.get(1..).unwrap_or_default();
        self.batch.reserve(slots.len()); // for both
        self.batch.extend(slots.iter().zip(next).map(|(slot, next)| span(slot, next.begin)));
        self.batch.extend(slots.last().map(|slot| span(slot, at.offset)));
        self.rows.clear();
        self.rows.extend(slots.iter().map(|slot| slot.row));
        self.take(place);
        self.check_independence(&self.batch)?;
        // An element that is changed through the memo, or through a copy, is not what its row says.
        for dependency in self.dependencies.drain(..) {
            if let Some((index, _)) = dependency.within(&self.batch) {
                self.rows[index] = Row::NONE;
            }
        }
        Ok(())
    }

    /// Checks the instructions since the last batch.
    ///
    /// Fails where one of the spans changes an object that another span made.
    pub fn check_independence(&self, spans: &[Span]) -> Result<()> {
        let is_own =
            |dependency: &Dependency| dependency.within(spans).is_some_and(|(_, is_own)| is_own);
        let broken = self.dependencies.iter().find(|dependency| !is_own(dependency));
        broken.map_or(Ok(()), |&dependency| Err(mutation(dependency)))
    }

    pub(super) fn fence(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.place)
    }

    /// Returns the slot of the lowest of the top `count` values.
    #[inline]
    fn below(&self, count: usize, at: At) -> Result<usize> {
        let height = self.slots.len() - self.fence();
        if height < count {
            return Err(Error::underflow(at.opcode, at.offset, count, height));
        }
        Ok(self.slots.len() - count)
    }

    /// Closes the topmost mark.
    fn pop_mark(&mut self, at: At) -> Result<Mark> {
        self.marks.pop().ok_or_else(|| Error::no_mark(at.opcode, at.offset))
    }

    #[inline]
    fn push(&mut self, slot: Slot) -> Result<()> {
        let height = self.slots.len() as u64 + 1;
        limits::check(self.most_slots() as u64, height, "pickle.limit.stack", slot.begin)?;
        self.slots.push(slot);
        Ok(())
    }

    pub(super) fn most_slots(&self) -> usize {
        self.limits.stack.min(u32::MAX as usize)
    }
}

/// The effect of an instruction on the watched container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Next,
    Batch,
    Closed,
    Stop,
}

/// The effect of an opcode on a stack of offsets, derived from the opcode table at compile time.
#[derive(Clone, Copy, Debug)]
enum Effect {
    Nothing,
    Proto,
    Push,
    Get,
    Put,
    Memoize,
    /// Takes this many values and may push one.
    Top {
        takes: u8,
        gives: bool,
    },
    /// Takes the values above the mark, at least this many, and may push one. OBJ needs a class
    /// there.
    Marked {
        least: u8,
        gives: bool,
    },
    Special,
}

impl Effect {
    const fn of(opcode: Opcode) -> Effect {
        use Opcode as O;
        let info = opcode.info();
        let gives = !info.after.is_empty();
        match (opcode, info.memo, info.before) {
            (O::Proto, ..) => Effect::Proto,
            (
                O::Mark
                | O::Append
                | O::Appends
                | O::SetItem
                | O::SetItems
                | O::AddItems
                | O::Build
                | O::Pop
                | O::Dup
                | O::NextBuffer
                | O::Stop,
                ..,
            ) => Effect::Special,
            (_, MemoEffect::Get, _) => Effect::Get,
            (_, MemoEffect::Put, _) => Effect::Put,
            (_, MemoEffect::Memoize, _) => Effect::Memoize,
            (.., []) if gives => Effect::Push,
            (.., []) => Effect::Nothing,
            (.., [StackItem::Mark, StackItem::Slice]) => Effect::Marked { least: 0, gives },
            (.., [StackItem::Mark, ..]) => Effect::Marked { least: 1, gives },
            (.., taken) => Effect::Top { takes: taken.len() as u8, gives },
        }
    }
}

/// The effects, by opcode byte.
static EFFECTS: [Effect; 256] = {
    let mut effects = [Effect::Nothing; 256];
    let mut n = 0;
    while n < Opcode::ALL.len() {
        effects[Opcode::ALL[n] as usize] = Effect::of(Opcode::ALL[n]);
        n += 1;
    }
    effects
};

// An index below the highest may have been written before. To tell would take the whole memo, which
// a survey does not have.
#[cold]
fn out_of_order(index: u64, last: u64, at: At) -> Error {
    let message = alloc::format!("memo entry {index} is written after entry {last}");
    not_independent("pickle.independence.memo", at.offset, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the elements of every batch of the list that is the lowest value on the stack, as
    /// `(begin, end, memo)`.
    fn batches(stream: &[u8]) -> Result<Vec<Vec<(u64, u64, u64)>>> {
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        follow(&mut survey, stream)
    }

    fn follow(survey: &mut Survey, stream: &[u8]) -> Result<Vec<Vec<(u64, u64, u64)>>> {
        let mut batches = Vec::new();
        loop {
            match survey.advance(&stream[survey.offset() as usize..])? {
                Event::Batch => {
                    let spans = survey.batch().iter();
                    batches.push(spans.map(|span| (span.begin, span.end, span.memo)).collect());
                }
                Event::Closed => {}
                Event::Stop => return Ok(batches),
                Event::Need(more) => panic!("needs {more} more"),
            }
        }
    }

    #[test]
    fn batches_have_the_spans_of_elements() {
        for (stream, expected) in [
            // pickle.dumps([], 2)
            (&b"\x80\x02]q\0."[..], &[][..]),
            // pickle.dumps([7], 2): a single element needs no mark
            (b"\x80\x02]q\0K\x07a.", &[&[(5, 7, 1)][..]]),
            // pickle.dumps([(1, 2), 3], 2): two values that turn out to be one
            (b"\x80\x02]q\0(K\x01K\x02\x86q\x01K\x03e.", &[&[(6, 13, 1), (13, 15, 2)]]),
            // pickle.dumps([[], (), [5]], 2): elements that have marks or memo entries of their
            // own, or neither
            (b"\x80\x02]q\0(]q\x01)]q\x02K\x05ae.", &[&[(6, 9, 1), (9, 10, 2), (10, 16, 2)]]),
            // pickle.dumps([(1, 2, 3, 4), 'a'], 2): an element that begins with a mark
            (b"]((K\x01K\x02K\x03K\x04tNe.", &[&[(2, 12, 0), (12, 13, 0)]]),
            // Several batches, one of them empty.
            (b"](NNe(eNa(Ne.", &[&[(2, 3, 0), (3, 4, 0)], &[], &[(7, 8, 0)], &[(10, 11, 0)]]),
            // Values that are dropped belong to no element, or to the one before them; so do empty
            // marks.
            (b"](K\x050(0NK\x060Ne.", &[&[(7, 11, 0), (11, 12, 0)]]),
            // An element whose payload is skipped.
            (b"](C\x03eeeNe.", &[&[(2, 7, 0), (7, 8, 0)]]),
            // The list is taken off the stack: instructions after that may change it.
            (b"](Ne\x85q\0.", &[&[(2, 3, 0)]]),
        ] {
            assert_eq!(batches(stream).unwrap(), expected, "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn dependent_elements_fail() {
        for (clause, stream) in [
            // l = []; [l, (l.append(5), l)[1]]
            ("pickle.independence.mutation", &b"](]q\0h\0K\x05ae."[..]),
            // The same, in another batch.
            ("pickle.independence.mutation", b"](]q\0e(h\0K\x05ae."),
            ("pickle.independence.mutation", b"](}q\0h\0NNse."),
            ("pickle.independence.mutation", b"](cm\nn\n)R\x94h\0Nbe."),
            // Another element's object under another name, by which it could be changed.
            ("pickle.independence.mutation", b"](]q\0h\0q\x01e."),
            // DUP of an object that another element made.
            ("pickle.independence.mutation", b"](]2e."),
            // The list itself, under another name: DUP or GET, then APPEND, before it is taken or
            // after.
            ("pickle.independence.mutation", b"](Ne2Na0."),
            ("pickle.independence.mutation", b"]q\0(Neh\0Na0."),
            ("pickle.independence.mutation", b"](]q\0e\x85h\0Na0."),
            ("pickle.independence.memo", b"](]q\0]q\0e."),
            ("pickle.independence.memo", b"](Nq\x05Nq\x03e."),
            // MEMOIZE counts entries: this one writes entry 1 after entry 5.
            ("pickle.independence.memo", b"](Nq\x05N\x94e."),
            ("pickle.independence.list", b"](NNu."),
            ("pickle.independence.list", b"]NNs."),
            ("pickle.independence.list", b"](N\x90."),
            ("pickle.independence.list", b"]Nb."),
            ("pickle.independence.buffer", b"](\x97e."),
            // APPEND reaches below a mark, to the list of elements.
            ("pickle.stack.underflow", b"](NaNe."),
            ("pickle.stack.underflow", b"](R."),
            ("pickle.stack.underflow", b"(o."),
            ("pickle.stack.underflow", b"N(o."),
            ("pickle.stack.underflow", b"."),
            ("pickle.stack.underflow", b"0."),
            ("pickle.stack.mark", b"]e."),
            ("pickle.opcode", b"]\xff"),
            ("pickle.text.int", b"]g1x\n."),
        ] {
            let refused = batches(stream).unwrap_err();
            assert_eq!(refused.clause(), clause, "{}: {refused}", stream.escape_ascii());
        }
    }

    #[test]
    fn errors_name_counts_and_indices() {
        for (stream, message) in [
            (&b"N((NNe."[..], "stack underflow: APPENDS needs 3 values, found 2"),
            (b"NNR(R.", "stack underflow: REDUCE needs 2 values, found 0"),
            (b"N(o.", "stack underflow: OBJ needs 1 value, found 0"),
            (b"](Nq\x05Nq\x03e.", "memo entry 3 is written after entry 5"),
        ] {
            let refused = batches(stream).unwrap_err();
            assert_eq!(refused.message(), message, "{}", stream.escape_ascii());
        }
    }

    /// The fast loop skips most frames, so this calls the plain step.
    #[test]
    fn frame_pushes_no_value() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        let frame = b"\x95\x01\0\0\0\0\0\0\0";
        assert_eq!(survey.step(frame).unwrap(), Progress::Done(Outcome::Next));
        assert_eq!(survey.slots(), []);
    }

    #[test]
    fn buffer_outside_of_elements_is_accepted() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        assert_eq!(survey.advance(b"\x97.").unwrap(), Event::Stop);
    }

    #[test]
    fn element_may_change_its_own_objects() {
        for stream in [
            // t = ([],); t[0].append(t): POP_MARK, then the tuple by GET
            &b"]((]q\0(h\0tq\x01a1h\x01e."[..],
            // An object that is changed, copied, and named again where it was made.
            b"](]q\0h\0K\x05a0e.",
            b"](]q\0h\0q\x010e.",
            b"](N2\x86e.",
        ] {
            assert_eq!(batches(stream).unwrap().len(), 1, "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn resumed_survey_reports_the_same_batches() {
        let stream = b"](]q\0e(Nq\x01h\0e]q\x02aNb0N.";
        let mut whole = Survey::new(0, 0, &Limits::default());
        whole.watch(0, Container::List);
        assert_eq!(whole.advance(stream).unwrap(), Event::Batch);
        let (offset, memo) = (whole.offset(), whole.memo());
        assert_eq!((offset, memo), (6, 1));
        let mut resumed = Survey::resume(offset, memo, Container::List, &Limits::default());
        for _ in 0..2 {
            let rest = &stream[resumed.offset() as usize..];
            assert_eq!(whole.advance(rest).unwrap(), Event::Batch);
            assert_eq!(resumed.advance(rest).unwrap(), Event::Batch);
            assert_eq!(resumed.batch(), whole.batch());
        }
    }

    #[test]
    fn unfinished_returns_the_values_of_an_open_batch() {
        let begins = |stream: &[u8], marked| {
            let mut survey = Survey::new(0, 0, &Limits::default());
            survey.advance(&stream[..1]).unwrap();
            survey.watch(0, Container::List);
            while survey.advance(&stream[survey.offset() as usize..]).unwrap() == Event::Batch {}
            survey.unfinished(marked).iter().map(|span| (span.begin, span.end)).collect::<Vec<_>>()
        };
        assert_eq!(begins(b"](K\x01]q\0N", true), [(2, 4), (4, 7), (7, 8)]);
        // Values above a mark, or an argument that is not whole.
        assert_eq!(begins(b"](K\x01](NN", true), [(2, 4), (4, 5)]);
        assert_eq!(begins(b"](K\x01(NN", true), [(2, 4)]);
        assert_eq!(begins(b"](K\x01K", true), [(2, 4)]);
        assert_eq!(begins(b"](K\x01Vab", true), [(2, 4)]);
        assert_eq!(begins(b"](Ne(K\x01", true), [(5, 7)]);
        // After a payload that was not seen.
        assert_eq!(begins(b"](NX\x09\0\0\0abc", true), [(2, 3), (3, 17)]);
        // The second names a value of the first again.
        assert_eq!(begins(b"](]q\0h\0q\x01N", true), [(2, 5)]);
        // No batch.
        assert_eq!(begins(b"]NaN", true), []);
        assert_eq!(begins(b"]NaK\x01", false), [(3, 5)]);
        assert_eq!(begins(b"](K\x01", false), []);
        // A mark below the list begins no batch of it.
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        survey.advance(b"(](K\x01").unwrap();
        assert_eq!(survey.unfinished(true).len(), 1);
    }

    #[test]
    fn key_without_a_value_fails() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::Dict);
        let error = survey.advance(b"}(K\x01u.").unwrap_err();
        assert_eq!((error.clause(), error.offset()), ("pickle.items.odd", 4));
    }

    #[test]
    fn advance_needs_bytes_after_a_skipped_payload() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        assert_eq!(survey.advance(b"](K").unwrap(), Event::Need(1));
        assert_eq!(survey.advance(b"K\x01B\0\0\0\x80").unwrap(), Event::Need(1));
        // The next input begins after the payload, which was never seen.
        assert_eq!(survey.offset(), 2 + 2 + 5 + 0x8000_0000);
        assert_eq!(survey.advance(b"e").unwrap(), Event::Batch);
        assert_eq!(survey.batch().len(), 2);
    }

    #[test]
    fn batches_of_dicts_and_sets_have_spans() {
        for (container, stream, expected) in [
            // {1: (), 2: None}, and one more by SETITEM.
            (
                Container::Dict,
                &b"}(K\x01)K\x02NuK\x03Ns."[..],
                &[&[(2, 4), (4, 5), (5, 7), (7, 8)][..], &[(9, 11), (11, 12)]][..],
            ),
            (Container::Set, b"\x8f(K\x01)\x90(\x90(N\x90.", &[&[(2, 4), (4, 5)], &[], &[(9, 10)]]),
        ] {
            let mut survey = Survey::new(0, 0, &Limits::default());
            survey.watch(0, container);
            for expected in expected {
                let rest = &stream[survey.offset() as usize..];
                assert_eq!(survey.advance(rest).unwrap(), Event::Batch);
                let found: Vec<_> =
                    survey.batch().iter().map(|span| (span.begin, span.end)).collect();
                assert_eq!(found, *expected);
            }
            let rest = &stream[survey.offset() as usize..];
            assert_eq!(survey.advance(rest).unwrap(), Event::Stop);
        }
    }

    #[test]
    fn floods_exceed_limits() {
        let limits = Limits { stack: 3, marks: 3, ..Limits::default() };
        for (stream, clause) in [
            (&b"NNNN"[..], "pickle.limit.stack"),
            (b"((((", "pickle.limit.marks"),
            (b"](]2020202", "pickle.limit.stack"),
        ] {
            let mut survey = Survey::new(0, 0, &limits);
            survey.watch(0, Container::List);
            assert_eq!(survey.advance(stream).unwrap_err().clause(), clause);
        }
    }
}
