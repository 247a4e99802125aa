//! The look ahead: where each element of a list begins and ends, without building anything.
//!
//! An element cannot be told by the height of the stack: `(1, 2)` is two pushes before TUPLE2 makes one value of them.
//! It is known to be whole when its batch ends, with an APPENDS that takes everything above its mark, or an APPEND that
//! takes one value. So the survey carries out every instruction on a stack of *places*, in which a slot holds where its
//! value began and how many memo entries existed then:
//!
//! ```text
//!  stream   ]   (   K1  K2  \x86  q5  K3  e          (1, 2) and 3, appended to a list
//!  slots    L   L|  L|1 L|1,2 L|1  L|1  L|1,3  ─►  batch: elements at 1 and 3
//! ```
//!
//! What each opcode takes and leaves is in the opcode table; payloads are stepped over unseen.
//!
//! Elements can then be decoded alone, as long as none changes what another one made. CPython's pickler never writes
//! that. A stream that does it is refused with an error that says where: see `pickle.independence` in the spec.

use alloc::vec::Vec;

use crate::error::{Cause, Error, Result};
use crate::lexer::{Head, Lexer, Progress};
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode, StackItem};

/// A stretch of the stream that makes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where its first instruction begins: bytes from the start of the source.
    pub begin: u64,
    /// Where the instruction after its last begins.
    pub end: u64,
    /// The memo index that its first entry has or would have; every lower one was made before it.
    pub memo: u64,
}

/// Where a value on the stack came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where the first instruction of the value begins.
    pub begin: u64,
    /// The memo index of the first entry of the value.
    pub memo: u64,
    /// The memo entry that the value is, where it was read from the memo, else [`NOT_READ`].
    read: u64,
}

const NOT_READ: u64 = u64::MAX;

/// An open mark.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// How many slots lie below it.
    place: usize,
    /// The slot of a value that begins with the mark.
    slot: Slot,
}

/// Why [`Survey::advance`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// At least this many bytes beyond the end of the input are needed, from [`Survey::offset`] on.
    Need(usize),
    /// A batch of the watched list closed: [`Survey::batch`] has its elements.
    Batch,
    /// The watched list was taken by the instruction that ends here: there are no more elements.
    Closed,
    /// The pickle ended.
    Stop,
}

/// A use of a value that is fine inside the element that made it, and only there: changing it, naming it again in the
/// memo, copying it on the stack.
#[derive(Clone, Copy, Debug)]
struct Use {
    offset: u64,
    made: Made,
}

/// How a value is known to be of an element or not.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// By the memo entry that it is.
    Memo(u64),
    /// By where it begins.
    Offset(u64),
}

/// Walks a stream and says where the elements of one list are.
#[derive(Clone, Debug)]
pub struct Survey {
    lexer: Lexer,
    limits: Limits,
    slots: Vec<Slot>,
    marks: Vec<Mark>,
    /// Memo entries made so far.
    entries: u64,
    /// One more than the highest memo index made so far.
    memo: u64,
    /// The entry that the last instruction made.
    made: Option<u64>,
    /// How many slots the last instruction left alone.
    kept: usize,
    /// The slot of the list whose batches are wanted.
    watched: Option<usize>,
    /// Whether that list was taken, so that its elements are final.
    closed: bool,
    batch: Vec<Span>,
    uses: Vec<Use>,
}

impl Survey {
    /// A survey that begins at `offset`, on an empty stack, in a stream that has made `memo` entries before.
    pub fn new(offset: u64, memo: u64, limits: &Limits) -> Survey {
        Survey {
            lexer: Lexer::new(offset, limits),
            limits: limits.clone(),
            slots: Vec::new(),
            marks: Vec::new(),
            entries: memo,
            memo,
            made: None,
            kept: 0,
            watched: None,
            closed: false,
            batch: Vec::new(),
            uses: Vec::new(),
        }
    }

    /// Continues at the beginning of a batch of a list that is not on this survey's stack, and watches that list.
    ///
    /// `offset` and `memo` are what [`offset`](Self::offset) and [`memo`](Self::memo) were between two batches.
    pub fn resume(offset: u64, memo: u64, limits: &Limits) -> Survey {
        let mut survey = Survey::new(offset, memo, limits);
        survey.slots.push(Slot {
            begin: offset,
            memo,
            read: NOT_READ,
        });
        survey.watch(0);
        survey
    }

    /// Where the next instruction begins: the next input must begin there. It can be far behind the end of the last
    /// input, where a payload was stepped over.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// One more than the highest memo index that was made so far.
    pub fn memo(&self) -> u64 {
        self.memo
    }

    /// The memo index that the last instruction made.
    pub fn made(&self) -> Option<u64> {
        self.made
    }

    /// The stack, bottom first, marks left out.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many slots the last instruction left alone, or changed without taking them.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Makes the list in a slot of the stack the one whose batches [`advance`](Self::advance) reports.
    pub fn watch(&mut self, slot: usize) {
        self.watched = Some(slot);
    }

    /// The elements of the batch that closed last, in order.
    pub fn batch(&self) -> &[Span] {
        &self.batch
    }

    /// Walks through `input`, which begins at [`offset`](Self::offset), up to the next event.
    ///
    /// Fails on what the machine would refuse for its place in the stream (unknown opcodes, underflow, missing marks), on
    /// elements that are not independent of one another, and over a limit. What the instructions say inside an element
    /// is the machine's to judge.
    pub fn advance(&mut self, input: &[u8]) -> Result<Event> {
        let start = self.offset();
        loop {
            let place = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else {
                return Ok(Event::Need(1));
            };
            match self.step(rest)? {
                Progress::Need(more) => return Ok(Event::Need(more)),
                Progress::Done(Step::Next) => {}
                Progress::Done(Step::Batch) => return Ok(Event::Batch),
                Progress::Done(Step::Closed) => return Ok(Event::Closed),
                Progress::Done(Step::Stop) => return Ok(Event::Stop),
            }
        }
    }

    /// Carries out one instruction, the first of `input`.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Progress<Step>> {
        let head = match self.lexer.head(input)? {
            Progress::Done(head) => head,
            Progress::Need(more) => return Ok(Progress::Need(more)),
        };
        self.execute(&head).map(Progress::Done)
    }

    #[inline]
    fn execute(&mut self, head: &Head<'_>) -> Result<Step> {
        use Opcode as O;
        let begin = head.offset;
        self.made = None;
        self.kept = self.slots.len();
        match head.opcode {
            O::Mark => {
                let marks = self.marks.len() as u64 + 1;
                limits::check(self.limits.marks as u64, marks, "pickle.limit.marks", begin)?;
                let slot = Slot {
                    begin,
                    memo: self.memo,
                    read: NOT_READ,
                };
                self.marks.push(Mark {
                    place: self.slots.len(),
                    slot,
                });
            }
            O::Append | O::Appends => {
                let place = match head.opcode {
                    O::Append => self.below(1, head)?,
                    _ => self.pop_mark(head)?.place,
                };
                if self.watched.is_some_and(|list| place == list + 1) {
                    self.close_batch(place, begin)?;
                    return Ok(Step::Batch);
                }
                return self.grow(place, head);
            }
            O::SetItem => {
                let place = self.below(2, head)?;
                return self.grow(place, head);
            }
            O::SetItems | O::AddItems => {
                let place = self.pop_mark(head)?.place;
                return self.grow(place, head);
            }
            O::Build => {
                let place = self.below(1, head)?;
                return self.grow(place, head);
            }
            O::Pop
                if self
                    .marks
                    .last()
                    .is_some_and(|mark| mark.place == self.slots.len()) =>
            {
                self.marks.pop();
            }
            O::Dup => {
                let top = self.slots[self.below(1, head)?];
                self.note(begin, Made::Offset(top.begin))?;
                self.push(Slot {
                    begin,
                    memo: self.memo,
                    read: top.read,
                })?;
            }
            O::Stop => {
                self.below(1, head)?;
                return Ok(Step::Stop);
            }
            opcode => match opcode.info().memo {
                MemoEffect::Get => {
                    let index = head.memo_index()?.unwrap_or_default();
                    self.push(Slot {
                        begin,
                        memo: self.memo,
                        read: index,
                    })?;
                }
                MemoEffect::Put => {
                    let index = head.memo_index()?.unwrap_or_default();
                    self.memoize(index, head)?;
                }
                MemoEffect::Memoize => self.memoize(self.entries, head)?,
                MemoEffect::Untouched => return self.replace(head),
            },
        }
        Ok(Step::Next)
    }

    /// Any instruction that does no more than the table says: its result begins where the lowest value that it takes
    /// began.
    #[inline]
    fn replace(&mut self, head: &Head<'_>) -> Result<Step> {
        let info = head.opcode.info();
        let (place, slot) = match info.before {
            [] => {
                let slot = Slot {
                    begin: head.offset,
                    memo: self.memo,
                    read: NOT_READ,
                };
                self.push(slot)?;
                return Ok(Step::Next);
            }
            [StackItem::Mark, above @ ..] => {
                let Mark { place, slot } = self.pop_mark(head)?;
                let taken = self.slots.len() - place;
                // OBJ has a class between its mark and its arguments.
                let needed = above
                    .iter()
                    .filter(|&&item| item != StackItem::Slice)
                    .count();
                if taken < needed {
                    return Err(underflow(head, needed, taken));
                }
                (place, slot)
            }
            taken => {
                let place = self.below(taken.len(), head)?;
                (
                    place,
                    Slot {
                        read: NOT_READ,
                        ..self.slots[place]
                    },
                )
            }
        };
        self.take(place);
        if !info.after.is_empty() {
            self.push(slot)?;
        }
        Ok(self.close_list(place))
    }

    /// An instruction that changes the value below `place` and takes those from there on.
    fn grow(&mut self, place: usize, head: &Head<'_>) -> Result<Step> {
        let fence = self.fence();
        let Some(target) = place.checked_sub(1).filter(|&target| target >= fence) else {
            let found = self.slots.len() - place;
            return Err(underflow(head, found + 1, found));
        };
        if self.watched == Some(target) {
            let name = head.opcode.name();
            let message = alloc::format!("{name} changes the list of elements");
            return Err(not_independent(
                "pickle.independence.list",
                head.offset,
                message,
            ));
        }
        self.take(place);
        if self.slots[target].read != NOT_READ {
            self.note(head.offset, Made::Memo(self.slots[target].read))?;
        }
        Ok(self.close_list(place))
    }

    /// Takes the slots from `place` on off the stack.
    fn take(&mut self, place: usize) {
        self.slots.truncate(place);
        self.kept = place;
    }

    /// After the slots from `place` on were taken: was the watched list among them?
    fn close_list(&mut self, place: usize) -> Step {
        if self.watched.is_none_or(|list| place > list) {
            return Step::Next;
        }
        self.watched = None;
        self.closed = true;
        Step::Closed
    }

    /// Remembers a use until it is known in which element it is.
    #[cold]
    fn note(&mut self, offset: u64, made: Made) -> Result<()> {
        if self.closed {
            return Err(foreign(Use { offset, made }));
        }
        if self.watched.is_some() {
            let uses = self.uses.len() as u64 + 1;
            limits::check(self.limits.stack as u64, uses, "pickle.limit.stack", offset)?;
            self.uses.push(Use { offset, made });
        }
        Ok(())
    }

    fn memoize(&mut self, index: u64, head: &Head<'_>) -> Result<()> {
        let top = self.below(1, head)?;
        if index < self.memo {
            // An entry that is made out of order may be one that is made twice, and telling needs the whole memo.
            let message = alloc::format!(
                "memo entry {index} is written after entry {}",
                self.memo - 1
            );
            return Err(not_independent(
                "pickle.independence.memo",
                head.offset,
                message,
            ));
        }
        if self.slots[top].read != NOT_READ {
            self.note(head.offset, Made::Memo(self.slots[top].read))?;
        }
        self.memo = index + 1;
        self.entries += 1;
        self.made = Some(index);
        Ok(())
    }

    /// Turns the slots from `place` on, which the instruction at `end` appends to the watched list, into spans.
    fn close_batch(&mut self, place: usize, end: u64) -> Result<()> {
        self.batch.clear();
        let slots = &self.slots[place..];
        let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([end]);
        let spans = slots.iter().zip(ends);
        self.batch.extend(spans.map(|(slot, end)| Span {
            begin: slot.begin,
            end,
            memo: slot.memo,
        }));
        self.take(place);
        for used in self.uses.drain(..) {
            let element = self.batch.partition_point(|span| span.end <= used.offset);
            let inside = self.batch.get(element).is_some_and(|span| match used.made {
                Made::Memo(memo) => memo >= span.memo,
                Made::Offset(offset) => offset >= span.begin,
            });
            if !inside {
                return Err(foreign(used));
            }
        }
        Ok(())
    }

    fn fence(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.place)
    }

    /// The place of the lowest of the top `count` values.
    #[inline]
    fn below(&self, count: usize, head: &Head<'_>) -> Result<usize> {
        let height = self.slots.len() - self.fence();
        if height < count {
            return Err(underflow(head, count, height));
        }
        Ok(self.slots.len() - count)
    }

    /// Closes the topmost mark.
    fn pop_mark(&mut self, head: &Head<'_>) -> Result<Mark> {
        self.marks.pop().ok_or_else(|| {
            let message = alloc::format!("{} finds no mark", head.opcode.name());
            Error::malformed("pickle.stack.mark", head.offset, message)
        })
    }

    #[inline]
    fn push(&mut self, slot: Slot) -> Result<()> {
        let height = self.slots.len() as u64 + 1;
        let limit = self.limits.stack.min(u32::MAX as usize) as u64;
        limits::check(limit, height, "pickle.limit.stack", slot.begin)?;
        self.slots.push(slot);
        Ok(())
    }
}

/// What one instruction meant to the watched list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Next,
    Batch,
    Closed,
    Stop,
}

#[cold]
fn underflow(head: &Head<'_>, needed: usize, found: usize) -> Error {
    let plural = if needed == 1 { "" } else { "s" };
    let name = head.opcode.name();
    let message =
        alloc::format!("stack underflow: {name} needs {needed} value{plural}, found {found}");
    Error::malformed("pickle.stack.underflow", head.offset, message)
}

#[cold]
fn foreign(Use { offset, made }: Use) -> Error {
    let value = match made {
        Made::Memo(memo) => alloc::format!("memo entry {memo}"),
        Made::Offset(begin) => alloc::format!("the value of byte {begin}"),
    };
    let message = alloc::format!("{value}, made in another element, is changed or used again");
    not_independent("pickle.independence.mutation", offset, message)
}

#[cold]
fn not_independent(clause: &'static str, offset: u64, message: alloc::string::String) -> Error {
    Error::new(Cause::Unsupported, clause, offset, message)
}
