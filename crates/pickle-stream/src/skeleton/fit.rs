//! Whether the instructions of a skeleton stand at a place, and what fills its holes there.
//!
//! A hole takes one instruction that makes a scalar, or all of those that put scalars into a list.
//! A frame may begin before any instruction; it is stepped over.

use super::hole::{Extent, Hole, Holes};
use super::skeleton::{Op, Skeleton, Then};
use super::word::{FRAME, FRAME_SIZE, MEMOIZE};
use crate::graph::twos_complement;
use crate::lex::numbers;
use crate::opcode::{BIN_INT, BIN_INT_1, BIN_INT_2, Opcode, SHORT_BIN_BYTES, SHORT_BIN_UNICODE};

const MARK: u8 = Opcode::Mark as u8;
const APPEND: u8 = Opcode::Append as u8;
const APPENDS: u8 = Opcode::Appends as u8;
const BIN_PUT: u8 = Opcode::BinPut as u8;
const LONG_BIN_PUT: u8 = Opcode::LongBinPut as u8;
const BIN_FLOAT: u8 = Opcode::BinFloat as u8;
const NONE: u8 = Opcode::None as u8;
const NEW_FALSE: u8 = Opcode::NewFalse as u8;
const NEW_TRUE: u8 = Opcode::NewTrue as u8;
const BIN_GET: u8 = Opcode::BinGet as u8;
const LONG_BIN_GET: u8 = Opcode::LongBinGet as u8;

/// The most items of a batch, as picklers write lists.
const BATCH: usize = 1000;

/// The bytes of the longest instruction of a scalar, without its payload.
const HEAD: usize = 9;

/// Instructions that were found to be those of a skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fitted {
    /// Their size in bytes.
    pub(crate) size: usize,
    /// One more than the highest memo index after them.
    pub(crate) memo: u64,
}

/// A position in the instructions of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'i> {
    /// The bytes from the beginning of the row on.
    input: &'i [u8],
    pub(super) at: usize,
    /// The number of memo entries before the row.
    base: u64,
    /// The index of the next memo entry.
    pub(super) memo: u64,
    /// Whether MEMOIZE makes that entry.
    counts: bool,
}

impl Skeleton {
    /// Looks for the instructions of the skeleton at the beginning of `input`, and adds what fills
    /// the holes to `holes`.
    ///
    /// `memo` is the index of the next memo entry. `counts` says that the entries have the indices
    /// from 0 on, without gaps, so that MEMOIZE makes that entry.
    #[inline(never)]
    pub(crate) fn fit(
        &self,
        input: &[u8],
        memo: u64,
        counts: bool,
        holes: &mut Holes,
    ) -> Option<Fitted> {
        self.fit_here(input, memo, counts, holes)
    }

    /// Does the same, inlined: for a loop over rows.
    #[inline(always)]
    pub(crate) fn fit_here(
        &self,
        input: &[u8],
        memo: u64,
        counts: bool,
        holes: &mut Holes,
    ) -> Option<Fitted> {
        // Positions have 32 bits.
        let input = &input[..input.len().min(u32::MAX as usize)];
        if memo < self.reads || (self.memoizes && !counts) {
            return None;
        }
        let before = holes.savepoint();
        let mut position = Position { input, at: 0, base: memo, memo, counts };
        match position.follow(&self.ops, holes) {
            Some(()) => Some(Fitted { size: position.at, memo: position.memo }),
            None => {
                holes.go_back(before);
                None
            }
        }
    }
}

/// Reads the scalar that `input` begins with, as [`Skeleton::fit`] of a skeleton that is one scalar.
#[inline(always)]
pub(crate) fn fit_scalar(input: &[u8], memo: u64, counts: bool) -> Option<(Hole, Fitted)> {
    let input = &input[..input.len().min(u32::MAX as usize)];
    let mut position = Position { input, at: 0, base: memo, memo, counts };
    let hole = position.entered_scalar()?;
    let fitted = Fitted { size: position.at, memo: position.memo };
    (fitted.size <= input.len()).then_some((hole, fitted))
}

impl<'i> Position<'i> {
    pub(super) fn new(input: &'i [u8], memo: u64) -> Position<'i> {
        Position { input, at: 0, base: memo, memo, counts: true }
    }

    #[inline(always)]
    fn follow(&mut self, ops: &[Op], holes: &mut Holes) -> Option<()> {
        for Op { fixed, then } in ops {
            self.at += fixed.strip(self.input.get(self.at..)?)?;
            self.memo += u64::from(fixed.entries);
            let hole = match *then {
                Then::Nothing => continue,
                Then::Scalar => self.entered_scalar()?,
                Then::List => self.alone(|copy| copy.list(holes))?,
                Then::EnteredScalar(_) | Then::ListWithoutPuts => {
                    self.alone(|copy| copy.exact(*then, holes))?
                }
                Then::Put => {
                    let before = self.memo;
                    self.put();
                    if self.memo == before {
                        return None;
                    }
                    continue;
                }
                Then::GetOwn(entry) => {
                    self.alone(|copy| copy.get_own(entry))?;
                    continue;
                }
            };
            holes.holes.push(hole);
        }
        (self.at <= self.input.len()).then_some(())
    }

    /// Reads what fills a hole, if it makes as many memo entries as in the learnt element.
    #[inline(never)]
    fn exact(&mut self, then: Then, holes: &mut Holes) -> Option<Hole> {
        let (before, has_put) = (self.memo, then == Then::EnteredScalar(true));
        let hole = match then {
            Then::EnteredScalar(_) => self.entered_scalar()?,
            _ => self.list(holes)?,
        };
        (self.memo == before + u64::from(has_put)).then_some(hole)
    }

    /// Reads an instruction that makes a scalar, and the one that makes a memo entry of it, if it comes
    /// next.
    // Functions that are not inlined take a copy of the position: it stays in registers then.
    #[inline(always)]
    pub(super) fn entered_scalar(&mut self) -> Option<Hole> {
        let rest = self.input.get(self.at..)?;
        let Some(head) = rest.first_chunk::<HEAD>() else {
            return self.alone(Position::scalar_at_end);
        };
        self.scalar_of(head)
    }

    /// Reads a scalar where the input ends soon.
    #[cold]
    #[inline(never)]
    fn scalar_at_end(&mut self) -> Option<Hole> {
        let head = padded(self.input.get(self.at..)?);
        self.scalar_of(&head)
    }

    /// Calls a function that is not inlined.
    #[inline(always)]
    fn alone<T>(&mut self, read: impl FnOnce(&mut Position<'i>) -> Option<T>) -> Option<T> {
        let mut copy = *self;
        let done = read(&mut copy);
        *self = copy;
        done
    }

    /// Reads a scalar whose instruction begins with these bytes. Those past the end are zeros.
    #[inline(always)]
    fn scalar_of(&mut self, head: &[u8; HEAD]) -> Option<Hole> {
        let short = usize::from(head[1]);
        let long = || u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let (hole, size) = match head[0] {
            BIN_INT_1 => return self.step(Hole::Int(head[1].into()), 2),
            BIN_INT_2 => {
                return self.step(Hole::Int(u16::from_le_bytes([head[1], head[2]]).into()), 3);
            }
            BIN_INT => return self.step(Hole::Int((long() as i32).into()), 5),
            BIN_FLOAT => {
                let [_, number @ ..] = *head;
                return self.step(Hole::Float(f64::from_be_bytes(number)), 9);
            }
            NONE => return self.step(Hole::None, 1),
            NEW_FALSE => return self.step(Hole::Bool(false), 1),
            NEW_TRUE => return self.step(Hole::Bool(true), 1),
            BIN_GET => return self.step(self.get(short as u64)?, 2),
            LONG_BIN_GET => return self.step(self.get(long().into())?, 5),
            SHORT_BIN_UNICODE => (Hole::Str(self.extent(2, short)), 2 + short),
            SHORT_BIN_BYTES => (Hole::Bytes(self.extent(2, short)), 2 + short),
            FRAME => return self.alone(Position::scalar_in_next_frame),
            byte => {
                let copy = *self;
                let (hole, size) = copy.rare_scalar(byte, head)?;
                if !matches!(hole, Hole::Str(_) | Hole::Str2(_) | Hole::Bytes(_)) {
                    return self.step(hole, size);
                }
                (hole, size)
            }
        };
        let hole = self.step(hole, size)?;
        // Picklers make no memo entries of numbers. A second one of an object is left to the survey,
        // which has to know who made it.
        self.put();
        Some(hole)
    }

    /// Goes past the instruction of a scalar, whose payload may end past the input.
    #[inline(always)]
    fn step(&mut self, hole: Hole, size: usize) -> Option<Hole> {
        if self.input.len() - self.at < size {
            return None;
        }
        self.at += size;
        Some(hole)
    }

    /// Reads one of the other scalars. Returns it with the size of its instruction.
    fn rare_scalar(self, byte: u8, head: &[u8; HEAD]) -> Option<(Hole, usize)> {
        use Opcode as O;
        let [_, number @ ..] = *head;
        let short = usize::from(number[0]);
        let long = u32::from_le_bytes([number[0], number[1], number[2], number[3]]) as usize;
        Some(match Opcode::from_byte(byte)? {
            O::BinUnicode => (Hole::Str(self.extent(5, long)), 5usize.checked_add(long)?),
            O::BinBytes => (Hole::Bytes(self.extent(5, long)), 5usize.checked_add(long)?),
            O::ShortBinString => (Hole::Str2(self.extent(2, short)), 2 + short),
            O::BinString if i32::try_from(long).is_ok() => {
                (Hole::Str2(self.extent(5, long)), 5 + long)
            }
            O::Long1 if short <= 8 => {
                let payload = self.input.get(self.at + 2..self.at + 2 + short)?;
                (Hole::Int(twos_complement::to_i64(payload)?), 2 + short)
            }
            _ => return None,
        })
    }

    #[cold]
    #[inline(never)]
    fn scalar_in_next_frame(&mut self) -> Option<Hole> {
        if self.at == 0 || self.byte_after(FRAME_SIZE)? == FRAME {
            return None;
        }
        self.at += FRAME_SIZE;
        self.entered_scalar()
    }

    #[inline(always)]
    fn extent(&self, head: usize, len: usize) -> Extent {
        Extent { start: (self.at + head) as u32, len: len as u32 }
    }

    /// Returns the value of a memo entry that was made before the row.
    #[inline(always)]
    fn get(&self, index: u64) -> Option<Hole> {
        if index < self.base { Some(Hole::Get(index)) } else { None }
    }

    /// Returns the byte this far after the next one.
    #[inline(always)]
    fn byte_after(&self, count: usize) -> Option<u8> {
        self.input.get(self.at + count).copied()
    }

    /// Reads the instruction that makes the next memo entry, if it comes next.
    #[inline(always)]
    pub(super) fn put(&mut self) {
        let size = match self.byte_after(0) {
            Some(MEMOIZE) if self.counts => 1,
            Some(byte @ (BIN_PUT | LONG_BIN_PUT | FRAME)) => {
                let copy = *self;
                copy.rare_put(byte).unwrap_or(0)
            }
            _ => return,
        };
        self.at += size;
        self.memo += u64::from(size > 0);
    }

    /// Returns the size of an instruction that makes the next memo entry, with that of a frame that
    /// begins before it.
    fn rare_put(self, byte: u8) -> Option<usize> {
        match byte {
            BIN_PUT if self.memo == u64::from(self.byte_after(1)?) => Some(2),
            LONG_BIN_PUT => {
                let index = self.input.get(self.at + 1..)?.first_chunk()?;
                (self.memo == u64::from(u32::from_le_bytes(*index))).then_some(5)
            }
            FRAME => {
                let after = Position { at: self.at + FRAME_SIZE, ..self };
                match after.byte_after(0)? {
                    MEMOIZE if self.counts => Some(FRAME_SIZE + 1),
                    byte @ (BIN_PUT | LONG_BIN_PUT) => Some(FRAME_SIZE + after.rare_put(byte)?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Reads a read of the memo entry that is this far after the first of the row.
    #[inline(never)]
    fn get_own(&mut self, entry: u64) -> Option<()> {
        self.frame();
        let rest = self.input.get(self.at..)?;
        let head = rest.first_chunk().map_or_else(|| padded(rest), |head| *head);
        let (index, size): (u64, usize) = match head[0] {
            BIN_GET => (head[1].into(), 2),
            LONG_BIN_GET => (u32::from_le_bytes([head[1], head[2], head[3], head[4]]).into(), 5),
            _ => return None,
        };
        (index == self.base + entry && index < self.memo).then_some(())?;
        self.at += size;
        (self.at <= self.input.len()).then_some(())
    }

    /// Steps over a FRAME.
    #[inline(always)]
    fn frame(&mut self) {
        if self.byte_after(0) == Some(FRAME) {
            self.at += FRAME_SIZE;
        }
    }

    /// Reads all instructions that put scalars into the list on top of the stack. Where the input
    /// ends among them, the list is not whole; a later instruction that grows it clears the row.
    #[inline(never)]
    pub(super) fn list(&mut self, holes: &mut Holes) -> Option<Hole> {
        let mut list = List { sort: Sort::Empty, start: holes.ints.len() };
        let mut len = 0usize;
        // After a batch that is not full, or a single scalar, a pickler adds no more.
        while len.is_multiple_of(BATCH) {
            let room = holes.room();
            if room == 0 {
                return None;
            }
            let (at, memo) = (self.at, self.memo);
            self.frame();
            let grown = match self.byte_after(0) {
                Some(MARK) => self.batch(&mut list, room, holes),
                _ => self.single(&mut list, holes),
            };
            if grown.is_none() {
                (self.at, self.memo) = (at, memo);
                list.truncate(len, holes);
                break;
            }
            len = list.len(holes);
        }
        let extent = Extent { start: list.start as u32, len: len as u32 };
        Some(match list.sort {
            Sort::Empty | Sort::Ints => Hole::Ints(extent),
            Sort::Floats => Hole::Floats(extent),
            Sort::Items => Hole::Items(extent),
        })
    }

    /// Reads MARK, scalars and APPENDS.
    #[inline]
    fn batch(&mut self, list: &mut List, room: usize, holes: &mut Holes) -> Option<()> {
        self.at += 1;
        if let Some(size) = list.numbers(self.input.get(self.at..)?, room, holes) {
            self.at += size;
            return Some(());
        }
        loop {
            self.frame();
            if self.byte_after(0)? == APPENDS {
                self.at += 1;
                return Some(());
            }
            let item = self.entered_scalar()?;
            list.push(item, holes);
            if holes.is_full() {
                return None;
            }
        }
    }

    /// Reads a scalar and APPEND.
    #[inline]
    fn single(&mut self, list: &mut List, holes: &mut Holes) -> Option<()> {
        let item = self.entered_scalar()?;
        self.frame();
        if self.byte_after(0)? != APPEND {
            return None;
        }
        self.at += 1;
        list.push(item, holes);
        Some(())
    }
}

/// A list that is read into [`Holes`].
struct List {
    sort: Sort,
    /// The index of its first scalar in those of its sort.
    start: usize,
}

/// What the scalars of a list are, so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Empty,
    Ints,
    Floats,
    Items,
}

impl List {
    /// Adds a batch of numbers that are all ints or all floats, like those before them. Returns its
    /// size with that of APPENDS. `room` is that of the holes.
    #[inline]
    fn numbers(&mut self, input: &[u8], room: usize, holes: &mut Holes) -> Option<usize> {
        let (sort, start) = match *input.first()? {
            BIN_INT | BIN_INT_1 | BIN_INT_2 => (Sort::Ints, holes.ints.len()),
            BIN_FLOAT => (Sort::Floats, holes.floats.len()),
            _ => return None,
        };
        if self.sort == Sort::Empty {
            *self = List { sort, start };
        } else if self.sort != sort {
            return None;
        }
        // Two bytes make a number of eight.
        let input = &input[..input.len().min(room / 4)];
        let size = numbers::read_batch(input, &mut holes.ints, &mut holes.floats);
        if size.is_none() {
            self.truncate(start - self.start, holes);
        }
        size
    }

    #[inline]
    fn push(&mut self, item: Hole, holes: &mut Holes) {
        match (self.sort, item) {
            (Sort::Empty, Hole::Int(_)) => {
                *self = List { sort: Sort::Ints, start: holes.ints.len() };
            }
            (Sort::Empty, Hole::Float(_)) => {
                *self = List { sort: Sort::Floats, start: holes.floats.len() };
            }
            (Sort::Ints, Hole::Int(_)) | (Sort::Floats, Hole::Float(_)) | (Sort::Items, _) => {}
            _ => self.mix(holes),
        }
        match (self.sort, item) {
            (Sort::Ints, Hole::Int(int)) => holes.ints.push(int),
            (Sort::Floats, Hole::Float(float)) => holes.floats.push(float),
            _ => holes.items.push(item),
        }
    }

    /// Makes the numbers so far items, as another scalar follows.
    fn mix(&mut self, holes: &mut Holes) {
        let List { sort, start } = *self;
        let Holes { ints, floats, items, .. } = holes;
        *self = List { sort: Sort::Items, start: items.len() };
        match sort {
            Sort::Ints => items.extend(ints.drain(start..).map(Hole::Int)),
            Sort::Floats => items.extend(floats.drain(start..).map(Hole::Float)),
            Sort::Empty | Sort::Items => {}
        }
    }

    #[inline]
    fn len(&self, holes: &Holes) -> usize {
        let end = match self.sort {
            Sort::Empty => self.start,
            Sort::Ints => holes.ints.len(),
            Sort::Floats => holes.floats.len(),
            Sort::Items => holes.items.len(),
        };
        end - self.start
    }

    /// Removes the scalars after the first `len`.
    fn truncate(&mut self, len: usize, holes: &mut Holes) {
        let len = self.start + len;
        match self.sort {
            Sort::Empty => {}
            Sort::Ints => holes.ints.truncate(len),
            Sort::Floats => holes.floats.truncate(len),
            Sort::Items => holes.items.truncate(len),
        }
    }
}

#[cold]
#[inline(never)]
fn padded(input: &[u8]) -> [u8; HEAD] {
    let mut bytes = [0; HEAD];
    bytes[..input.len()].copy_from_slice(input);
    bytes
}
