//! The look ahead: where each member of a list, set or dict begins and ends, without building
//! anything.
//!
//! An element cannot be told by the height of the stack: `(1, 2)` is two pushes before TUPLE2 makes
//! one value of them. It is known to be whole when its batch ends, with an APPENDS that takes
//! everything above its mark, or an APPEND that takes one value. So the survey carries out every
//! instruction on a stack of *places*, in which a slot holds where its value began and how many
//! memo entries existed then:
//!
//! ```text
//!  stream   ]   (   K1  K2  \x86  q5  K3  e          (1, 2) and 3, appended to a list
//!  slots    L   L|  L|1 L|1,2 L|1  L|1  L|1,3  ─►  batch: elements at 1 and 3
//! ```
//!
//! What each opcode takes and leaves is in the opcode table; payloads are stepped over unseen.
//!
//! Elements can then be decoded alone, as long as none changes what another one made. CPython's
//! pickler never writes that. A stream that does it is refused with an error that says where: see
//! `pickle.independence` in the spec.

use alloc::vec::Vec;

use super::likeness::Likeness;
use crate::error::{Error, ErrorKind, Result};
use crate::lex::{Argument, Head, Lexer, Progress, check_protocol};
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
    /// The value that this is, where it is one that was made before: read from the memo, or copied
    /// on the stack.
    pub(super) again: Again,
}

/// An open mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// How many slots lie below it.
    pub(super) place: usize,
    /// The slot of a value that begins with the mark.
    pub(super) slot: Slot,
}

/// The instruction that is carried out: what an error says of it.
#[derive(Clone, Copy, Debug)]
struct At {
    opcode: Opcode,
    offset: u64,
}

/// What sort of container is watched, which decides how it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// By APPEND and APPENDS; its members are values. A list, or an object that is like one.
    List,
    /// By ADDITEMS; its members are values.
    Set,
    /// By SETITEM and SETITEMS; its members are entries, a key and then its value. A dict, or an
    /// object that is like one.
    Dict,
}

impl Container {
    /// Whether this opcode brings a batch of members.
    fn grows_by(self, opcode: Opcode) -> bool {
        use Opcode as O;
        match self {
            Container::List => matches!(opcode, O::Append | O::Appends),
            Container::Set => opcode == O::AddItems,
            Container::Dict => matches!(opcode, O::SetItem | O::SetItems),
        }
    }

    /// How many values on the stack make a member.
    pub fn width(self) -> usize {
        if self == Container::Dict { 2 } else { 1 }
    }
}

/// Why [`Survey::advance`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// At least this many bytes beyond the end of the input are needed, from [`Survey::offset`] on.
    Need(usize),
    /// A batch of the watched container closed: [`Survey::batch`] has its members.
    Batch,
    /// The watched container was taken by the instruction that ends here: there are no more members.
    Closed,
    /// The pickle ended.
    Stop,
}

/// A use of a value that is fine inside the element that made it, and only there: changing it,
/// naming it again in the memo, copying it on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) offset: u64,
    /// The value.
    made: Again,
}

impl Use {
    fn new(offset: u64, made: Made) -> Use {
        Use { offset, made: Again::of(made) }
    }

    fn made(self) -> Made {
        self.made.made().unwrap_or(Made::Offset(u64::MAX))
    }
}

impl Use {
    /// Whether the value was made in a stretch, whose memo entries end at `memo_end`.
    ///
    /// What the stretch made may have been taken off the stack: what begins where it began, and is
    /// used as it lies there, is then another value, around it.
    pub(crate) fn is_of(self, span: Span, memo_end: u64, taken: bool) -> bool {
        match self.made() {
            Made::Memo(memo) => (span.memo..memo_end).contains(&memo),
            Made::Offset(offset) => !taken && (span.begin..span.end).contains(&offset),
        }
    }

    /// The place of the stretch in which the use is, and whether the value was made there too.
    fn within(&self, spans: &[Span]) -> Option<(usize, bool)> {
        let place = spans.partition_point(|span| span.end <= self.offset);
        let span = spans.get(place)?;
        let is_own = match self.made() {
            Made::Memo(memo) => memo >= span.memo,
            Made::Offset(offset) => offset >= span.begin,
        };
        Some((place, is_own))
    }
}

/// How a value is known to be of an element or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// By the memo entry that it is.
    Memo(u64),
    /// By where it begins.
    Offset(u64),
}

/// Whether a slot is a value that was made before, and which: an `Option<Made>` in eight bytes, as
/// there is one in every slot. No memo index and no offset has the highest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again(u64);

impl Again {
    pub(super) const NONE: Again = Again(u64::MAX);
    const OFFSET: u64 = 1 << 63;

    pub(super) fn of(made: Made) -> Again {
        match made {
            Made::Memo(index) => Again(index),
            Made::Offset(offset) => Again(Again::OFFSET | offset),
        }
    }

    pub(super) fn is_one(self) -> bool {
        self != Again::NONE
    }

    fn made(self) -> Option<Made> {
        let made = match self.0 & Again::OFFSET {
            0 => Made::Memo(self.0),
            _ => Made::Offset(self.0 & !Again::OFFSET),
        };
        self.is_one().then_some(made)
    }
}

/// Walks a stream and says where the members of one container are.
#[derive(Clone, Debug)]
pub struct Survey {
    pub(super) lexer: Lexer,
    pub(super) limits: Limits,
    pub(super) slots: Vec<Slot>,
    pub(super) marks: Vec<Mark>,
    /// Memo entries made so far.
    pub(super) entries: u64,
    /// One more than the highest memo index made so far.
    pub(super) memo: u64,
    /// The entry that the last instruction made.
    made: Option<u64>,
    /// The value that the last instruction changed behind the instructions that made it.
    changed: Option<Use>,
    /// How many slots the last instruction left alone.
    kept: usize,
    /// The slot of the container whose batches are wanted.
    pub(super) watched: Option<(usize, Container)>,
    /// Whether that container was taken, so that its members are final.
    closed: bool,
    pub(super) batch: Vec<Span>,
    pub(super) uses: Vec<Use>,
    /// What members are mostly like.
    pub(super) likeness: Likeness,
}

impl Survey {
    /// A survey that begins at `offset`, on an empty stack, in a stream that has made `memo`
    /// entries before.
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
            batch: Vec::new(),
            uses: Vec::new(),
            likeness: Likeness::default(),
        }
    }

    /// Continues at the beginning of a batch of a container that is not on this survey's stack, and
    /// watches that container.
    ///
    /// `offset` and `memo` are what [`offset`](Self::offset) and [`memo`](Self::memo) were between
    /// two batches.
    pub fn resume(offset: u64, memo: u64, container: Container, limits: &Limits) -> Survey {
        let mut survey = Survey::new(offset, memo, limits);
        survey.slots.push(Slot { begin: offset, memo, again: Again::NONE });
        survey.watch(0, container);
        survey
    }

    /// Where the next input must begin: at an instruction, or inside the text line of one. It can be
    /// far behind the end of the last input, where a payload was skipped.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// One more than the highest memo index that was made so far.
    pub fn memo(&self) -> u64 {
        self.memo
    }

    /// The memo index that the last [`step`](Self::step) made.
    pub(crate) fn made(&self) -> Option<u64> {
        self.made
    }

    /// The stack, bottom first, marks left out.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many slots the last [`step`](Self::step) left alone, or changed without taking them.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// How many marks are open.
    pub fn depth(&self) -> usize {
        self.marks.len()
    }

    /// How many slots lie below the lowest mark that is open.
    pub fn first_mark(&self) -> Option<usize> {
        self.marks.first().map(|mark| mark.place)
    }

    /// The value that the last [`step`](Self::step) changed, or named again in the memo, where that
    /// was made by instructions that lie behind.
    pub(crate) fn changed(&self) -> Option<Use> {
        self.changed
    }

    /// Makes the container in a slot of the stack the one whose batches [`advance`](Self::advance)
    /// reports.
    pub fn watch(&mut self, slot: usize, container: Container) {
        self.watched = Some((slot, container));
        self.closed = false;
    }

    /// The members of the batch that closed last, in order; an entry is two spans, of its key and
    /// of its value.
    pub fn batch(&self) -> &[Span] {
        &self.batch
    }

    /// Values that stand, whole so far, where the members of the batch that is open will stand. An
    /// instruction to come may still change them, or make one of several; the last one may end
    /// behind what was seen. Values behind one that depends on others are left out, and it is.
    ///
    /// With `marked`, a MARK behind the container is taken for that of a batch; without, for the
    /// beginning of a single member that is appended by itself.
    pub fn unfinished(&self, marked: bool) -> Vec<Span> {
        let Some(first) = self.watched.map(|(watched, _)| watched + 1) else { return Vec::new() };
        let mut marks = self.marks.iter().skip_while(|mark| mark.place < first);
        if marked && marks.next().is_none_or(|batch| batch.place != first) {
            return Vec::new();
        }
        // What is above a mark is in a value that has only begun.
        let (end, begin_next) = match marks.next() {
            Some(inner) => (inner.place, inner.slot.begin),
            None => (self.slots.len(), self.lexer.begin()),
        };
        let slots = self.slots.get(first..end).unwrap_or_default();
        let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([begin_next]);
        let span = |(slot, end): (&Slot, u64)| Span { begin: slot.begin, end, memo: slot.memo };
        let mut spans: Vec<Span> = slots.iter().zip(ends).map(span).collect();
        let foreign = self.uses.iter().filter_map(|used| {
            let (place, is_own) = used.within(&spans)?;
            (!is_own).then_some(place)
        });
        spans.truncate(foreign.min().unwrap_or(spans.len()));
        spans
    }

    /// Walks through `input`, which begins at [`offset`](Self::offset), up to the next event.
    ///
    /// Fails on what the machine would refuse for its place in the stream (unknown opcodes,
    /// underflow, missing marks), on elements that are not independent of one another, and over
    /// a limit. What the instructions say inside an element is the machine's to judge.
    pub fn advance(&mut self, input: &[u8]) -> Result<Event> {
        let start = self.offset();
        loop {
            let place = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else {
                return Ok(Event::Need(1));
            };
            let plain = if self.lexer.is_inside() { 0 } else { self.run_plain(rest) };
            match self.step(&rest[plain..])? {
                Progress::Need(more) => return Ok(Event::Need(more)),
                Progress::Done(Step::Next) => {}
                Progress::Done(Step::Batch) => {
                    self.learn(input, start);
                    return Ok(Event::Batch);
                }
                Progress::Done(Step::Closed) => return Ok(Event::Closed),
                Progress::Done(Step::Stop) => return Ok(Event::Stop),
            }
        }
    }

    /// Carries out one instruction, the first of `input`. Inlined, as a call costs as much as what
    /// most instructions do.
    #[inline(always)]
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Progress<Step>> {
        let head = match self.lexer.pass(input)? {
            Progress::Done(head) => head,
            Progress::Need(more) => return Ok(Progress::Need(more)),
        };
        self.execute(head).map(Progress::Done)
    }

    #[inline(always)]
    fn execute(&mut self, head: Head<'_>) -> Result<Step> {
        let Head { opcode, offset, .. } = head;
        let at = At { opcode, offset };
        self.made = None;
        self.changed = None;
        self.kept = self.slots.len();
        let (place, slot, gives) = match EFFECTS[opcode as usize] {
            Effect::Nothing => return Ok(Step::Next),
            Effect::Proto => {
                if let Argument::Int(version) = head.argument {
                    check_protocol(version, offset)?;
                }
                return Ok(Step::Next);
            }
            Effect::Push => {
                self.push(Slot { begin: offset, memo: self.memo, again: Again::NONE })?;
                return Ok(Step::Next);
            }
            Effect::Get => {
                let index = head.argument.index(offset)?;
                self.push(Slot {
                    begin: offset,
                    memo: self.memo,
                    again: Again::of(Made::Memo(index)),
                })?;
                return Ok(Step::Next);
            }
            Effect::Put => {
                let index = head.argument.index(offset)?;
                self.memoize(index, at)?;
                return Ok(Step::Next);
            }
            Effect::Memoize => {
                self.memoize(self.entries, at)?;
                return Ok(Step::Next);
            }
            // The result begins where the lowest value that is taken began.
            Effect::Top { takes, gives } => {
                let place = self.below(takes.into(), at)?;
                (place, Slot { again: Again::NONE, ..self.slots[place] }, gives)
            }
            Effect::Marked { least, gives } => {
                let Mark { place, slot } = self.pop_mark(at)?;
                let taken = self.slots.len() - place;
                if taken < least.into() {
                    return Err(underflow(at, least.into(), taken));
                }
                (place, slot, gives)
            }
            Effect::Special => return self.special(at),
        };
        self.take(place);
        if gives {
            self.push(slot)?;
        }
        self.close_container(place)
    }

    /// The opcodes that do more than the table says.
    fn special(&mut self, at: At) -> Result<Step> {
        use Opcode as O;
        let At { opcode, offset: begin } = at;
        match opcode {
            O::Mark => {
                let marks = self.marks.len() as u64 + 1;
                limits::check(self.limits.marks as u64, marks, "pickle.limit.marks", begin)?;
                let slot = Slot { begin, memo: self.memo, again: Again::NONE };
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
                return self.close_container(place);
            }
            O::Dup => {
                let top = self.slots[self.below(1, at)?];
                let made = Made::Offset(top.begin);
                self.note(Use::new(begin, made))?;
                let again = if top.again.is_one() { top.again } else { Again::of(made) };
                self.push(Slot { begin, memo: self.memo, again })?;
            }
            O::NextBuffer if self.watched.is_some() => {
                // Buffers are numbered through the stream, and an element cannot know how many came
                // before it.
                let message = "an element needs an out-of-band buffer";
                return Err(not_independent("pickle.independence.buffer", begin, message.into()));
            }
            O::NextBuffer => self.push(Slot { begin, memo: self.memo, again: Again::NONE })?,
            O::Stop => {
                self.below(1, at)?;
                self.close_container(0)?;
                return Ok(Step::Stop);
            }
            opcode => unreachable!("{opcode:?} does what the table says"),
        }
        Ok(Step::Next)
    }

    /// An instruction that changes the value below `place` and takes those from there on.
    fn grow(&mut self, place: usize, at: At) -> Result<Step> {
        let target = self.target(place, at)?;
        if let Some((watched, container)) = self.watched
            && watched == target
        {
            if container.grows_by(at.opcode) {
                self.close_batch(place, container, at)?;
                return Ok(Step::Batch);
            }
            let name = at.opcode.name();
            let message = alloc::format!("{name} changes the list of elements");
            return Err(not_independent("pickle.independence.list", at.offset, message));
        }
        self.take(place);
        self.change(target, at)?;
        self.close_container(place)
    }

    /// The place of the value below `place`, which must not lie below a mark.
    fn target(&self, place: usize, at: At) -> Result<usize> {
        let fence = self.fence();
        place.checked_sub(1).filter(|&target| target >= fence).ok_or_else(|| {
            let found = self.slots.len() - place;
            underflow(at, found + 1, found)
        })
    }

    /// Takes the slots from `place` on off the stack.
    fn take(&mut self, place: usize) {
        self.slots.truncate(place);
        self.kept = place;
    }

    /// After the slots from `place` on were taken: was the watched container among them?
    fn close_container(&mut self, place: usize) -> Result<Step> {
        if self.watched.is_none_or(|(watched, _)| place > watched) {
            return Ok(Step::Next);
        }
        self.watched = None;
        self.closed = true;
        // What was used since the last batch was not used inside an element.
        match self.uses.first() {
            Some(&used) => Err(foreign(used)),
            None => Ok(Step::Closed),
        }
    }

    /// An instruction that changes the value of a slot, or gives it a name by which another can.
    #[inline(always)]
    fn change(&mut self, slot: usize, at: At) -> Result<()> {
        let Some(made) = self.slots[slot].again.made() else { return Ok(()) };
        let changed = Use::new(at.offset, made);
        self.changed = Some(changed);
        self.note(changed)
    }

    /// Remembers a use until it is known in which element it is.
    #[cold]
    fn note(&mut self, used: Use) -> Result<()> {
        if self.closed {
            return Err(foreign(used));
        }
        if self.watched.is_some() {
            let uses = self.uses.len() as u64 + 1;
            limits::check(self.limits.stack as u64, uses, "pickle.limit.stack", used.offset)?;
            self.uses.push(used);
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

    /// Turns the slots from `place` on, which this instruction adds to the watched container, into
    /// spans.
    fn close_batch(&mut self, place: usize, container: Container, at: At) -> Result<()> {
        self.batch.clear();
        let slots = &self.slots[place..];
        if !slots.len().is_multiple_of(container.width()) {
            let message = alloc::format!("odd number of items for {}", at.opcode.name());
            return Err(Error::malformed("pickle.items.odd", at.offset, message));
        }
        let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([at.offset]);
        self.batch.extend(slots.iter().zip(ends).map(|(slot, end)| Span {
            begin: slot.begin,
            end,
            memo: slot.memo,
        }));
        self.take(place);
        self.check_independence(&self.batch)?;
        self.uses.clear();
        Ok(())
    }

    /// Holds what was used since the last batch against the stretches in which that should have
    /// been made.
    ///
    /// Fails where one of them uses what another made.
    pub fn check_independence(&self, spans: &[Span]) -> Result<()> {
        let foreign_use =
            self.uses.iter().find(|used| !used.within(spans).is_some_and(|(_, is_own)| is_own));
        foreign_use.map_or(Ok(()), |&used| Err(foreign(used)))
    }

    pub(super) fn fence(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.place)
    }

    /// The place of the lowest of the top `count` values.
    #[inline]
    fn below(&self, count: usize, at: At) -> Result<usize> {
        let height = self.slots.len() - self.fence();
        if height < count {
            return Err(underflow(at, count, height));
        }
        Ok(self.slots.len() - count)
    }

    /// Closes the topmost mark.
    fn pop_mark(&mut self, at: At) -> Result<Mark> {
        self.marks.pop().ok_or_else(|| {
            let message = alloc::format!("{} finds no mark", at.opcode.name());
            Error::malformed("pickle.stack.mark", at.offset, message)
        })
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

/// What one instruction meant to the watched container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Next,
    Batch,
    Closed,
    Stop,
}

/// What a row of the opcode table comes to for a stack of places: worked out once, as it is asked
/// of every instruction.
#[derive(Clone, Copy, Debug)]
enum Effect {
    Nothing,
    Proto,
    Push,
    Get,
    Put,
    Memoize,
    /// Takes so many values and may give one in their place.
    Top {
        takes: u8,
        gives: bool,
    },
    /// Takes the values above the mark, at least so many, and may give one in their place: OBJ has
    /// a class there.
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

/// The effects, by the byte of their opcode.
static EFFECTS: [Effect; 256] = {
    let mut effects = [Effect::Nothing; 256];
    let mut n = 0;
    while n < Opcode::ALL.len() {
        effects[Opcode::ALL[n] as usize] = Effect::of(Opcode::ALL[n]);
        n += 1;
    }
    effects
};

#[cold]
fn underflow(at: At, needed: usize, found: usize) -> Error {
    let plural = if needed == 1 { "" } else { "s" };
    let name = at.opcode.name();
    let message =
        alloc::format!("stack underflow: {name} needs {needed} value{plural}, found {found}");
    Error::malformed("pickle.stack.underflow", at.offset, message)
}

#[cold]
pub(crate) fn foreign(used: Use) -> Error {
    let value = match used.made() {
        Made::Memo(memo) => alloc::format!("memo entry {memo}"),
        Made::Offset(begin) => alloc::format!("the value of byte {begin}"),
    };
    let message = alloc::format!("{value}, made in another element, is changed or used again");
    not_independent("pickle.independence.mutation", used.offset, message)
}

/// An entry that is made out of order may be one that is made twice, and telling needs the whole
/// memo.
#[cold]
fn out_of_order(index: u64, last: u64, at: At) -> Error {
    let message = alloc::format!("memo entry {index} is written after entry {last}");
    not_independent("pickle.independence.memo", at.offset, message)
}

#[cold]
fn not_independent(clause: &'static str, offset: u64, message: alloc::string::String) -> Error {
    Error::new(ErrorKind::Unsupported, clause, offset, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements of every batch of the list that is the lowest value on the stack, as `(begin,
    /// end, memo)`.
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
    fn elements() {
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
            // An element of a payload that is stepped over.
            (b"](C\x03eeeNe.", &[&[(2, 7, 0), (7, 8, 0)]]),
            // The list is taken: what follows may do with it what it likes.
            (b"](Ne\x85q\0.", &[&[(2, 3, 0)]]),
        ] {
            assert_eq!(batches(stream).unwrap(), expected, "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn refuses_elements_that_depend_on_one_another() {
        for (clause, stream) in [
            // l = []; [l, (l.append(5), l)[1]]
            ("pickle.independence.mutation", &b"](]q\0h\0K\x05ae."[..]),
            // The same, in another batch.
            ("pickle.independence.mutation", b"](]q\0e(h\0K\x05ae."),
            ("pickle.independence.mutation", b"](}q\0h\0NNse."),
            ("pickle.independence.mutation", b"](cm\nn\n)R\x94h\0Nbe."),
            // Another element's object under another name, by which it could be changed.
            ("pickle.independence.mutation", b"](]q\0h\0q\x01e."),
            // DUP of what was made in another element.
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
    fn refusals_have_numbers() {
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

    /// Most frames the fast way goes past.
    #[test]
    fn a_frame_is_no_value() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        let frame = b"\x95\x01\0\0\0\0\0\0\0";
        assert_eq!(survey.step(frame).unwrap(), Progress::Done(Step::Next));
        assert_eq!(survey.slots(), []);
    }

    #[test]
    fn a_buffer_is_refused_in_an_element_alone() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        assert_eq!(survey.advance(b"\x97.").unwrap(), Event::Stop);
    }

    #[test]
    fn what_an_element_does_to_its_own_is_its_own() {
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
    fn resumes_between_batches() {
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
    fn an_open_batch_has_values_so_far() {
        let begins = |stream: &[u8], marked| {
            let mut survey = Survey::new(0, 0, &Limits::default());
            survey.advance(&stream[..1]).unwrap();
            survey.watch(0, Container::List);
            while survey.advance(&stream[survey.offset() as usize..]).unwrap() == Event::Batch {}
            survey.unfinished(marked).iter().map(|span| (span.begin, span.end)).collect::<Vec<_>>()
        };
        assert_eq!(begins(b"](K\x01]q\0N", true), [(2, 4), (4, 7), (7, 8)]);
        // What is above a mark, or an argument that is not whole.
        assert_eq!(begins(b"](K\x01](NN", true), [(2, 4), (4, 5)]);
        assert_eq!(begins(b"](K\x01(NN", true), [(2, 4)]);
        assert_eq!(begins(b"](K\x01K", true), [(2, 4)]);
        assert_eq!(begins(b"](K\x01Vab", true), [(2, 4)]);
        assert_eq!(begins(b"](Ne(K\x01", true), [(5, 7)]);
        // Behind a payload that was not seen.
        assert_eq!(begins(b"](NX\x09\0\0\0abc", true), [(2, 3), (3, 17)]);
        // The second names a value of the first again.
        assert_eq!(begins(b"](]q\0h\0q\x01N", true), [(2, 5)]);
        // No batch.
        assert_eq!(begins(b"]NaN", true), []);
        assert_eq!(begins(b"]NaK\x01", false), [(3, 5)]);
        assert_eq!(begins(b"](K\x01", false), []);
        // A mark below the list is none of its batches.
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        survey.advance(b"(](K\x01").unwrap();
        assert_eq!(survey.unfinished(true).len(), 1);
    }

    #[test]
    fn a_key_needs_a_value() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::Dict);
        let error = survey.advance(b"}(K\x01u.").unwrap_err();
        assert_eq!((error.clause(), error.offset()), ("pickle.items.odd", 4));
    }

    #[test]
    fn says_what_it_needs_to_see() {
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        assert_eq!(survey.advance(b"](K").unwrap(), Event::Need(1));
        assert_eq!(survey.advance(b"K\x01B\0\0\0\x80").unwrap(), Event::Need(1));
        // The next input begins behind the payload, which was never seen.
        assert_eq!(survey.offset(), 2 + 2 + 5 + 0x8000_0000);
        assert_eq!(survey.advance(b"e").unwrap(), Event::Batch);
        assert_eq!(survey.batch().len(), 2);
    }

    #[test]
    fn entries_and_members_of_sets_have_spans_too() {
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
    fn floods_meet_limits() {
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
