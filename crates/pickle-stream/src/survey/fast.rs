//! The fast way through the instructions that files are made of.
//!
//! [`Survey::step`] is the reference: it knows every opcode, every limit and every fault. This loop
//! does the same for the plain case alone, with what it needs in registers: a binary opcode that is
//! wholly there, no limit near, no use of a value that was read from the memo, nothing that takes
//! or changes the watched container. Any other instruction it leaves, untouched, to the reference.
//!
//! Each width is a branch of its own. Where the branch is foreseen, the processor reads the next
//! instruction before it is done with this one; a width out of a table would make it wait.
//!
//! An input of fewer than [`REACH`] bytes takes the reference alone: to say that both ways agree is
//! to say that cutting a stream at every byte makes no difference, and a property says it.

use alloc::vec::Vec;

use super::{Mark, NOT_READ, Slot, Survey};
use crate::opcode::Opcode;

/// Bytes of the longest instruction here, but for its payload.
const REACH: usize = 9;

/// What changes from one instruction to the next.
struct Walk<'s> {
    slots: &'s mut Vec<Slot>,
    marks: &'s mut Vec<Mark>,
    /// Slots below the topmost mark.
    fence: usize,
    /// Slots up to the watched container and with it.
    floor: usize,
    entries: u64,
    memo: u64,
}

impl Survey {
    /// Carries out the plain instructions that `input` begins with, which begins at
    /// [`offset`](Self::offset). Returns how many bytes they take.
    #[inline]
    pub(super) fn run_plain(&mut self, input: &[u8]) -> usize {
        let input = &input[..input.len().min(self.room())];
        let start = self.lexer.offset();
        let mut walk = Walk {
            fence: self.fence(),
            floor: self.watched.map_or(0, |(slot, _)| slot + 1),
            slots: &mut self.slots,
            marks: &mut self.marks,
            entries: self.entries,
            memo: self.memo,
        };
        let mut at = 0;
        while let Some(&[byte, ref number @ ..]) = input[at..].first_chunk::<REACH>()
            && let Some(opcode) = Opcode::from_byte(byte)
            && let Some(size) = walk.step(opcode, number, start + at as u64, input.len() - at)
        {
            at += size;
        }
        (self.entries, self.memo) = (walk.entries, walk.memo);
        self.lexer.skip(at);
        at
    }

    /// Within so many bytes no limit is met: an instruction takes one at least, pushes one slot or
    /// mark at most, and has no argument that is longer than itself.
    fn room(&self) -> usize {
        let slots = self.most_slots().saturating_sub(self.slots.len());
        let marks = self.limits.marks.saturating_sub(self.marks.len());
        slots.min(marks).min(self.lexer.room())
    }
}

impl Walk<'_> {
    /// Carries out one instruction, if it is a plain one. Returns its size.
    #[inline(always)]
    fn step(
        &mut self,
        opcode: Opcode,
        number: &[u8; 8],
        offset: u64,
        left: usize,
    ) -> Option<usize> {
        use Opcode as O;
        let byte = usize::from(number[0]);
        let long = || u32::from_le_bytes([number[0], number[1], number[2], number[3]]);
        match opcode {
            O::None | O::NewTrue | O::NewFalse => self.push(offset, 1),
            O::EmptyTuple | O::EmptyList | O::EmptyDict | O::EmptySet => self.push(offset, 1),
            O::BinInt1 => self.push(offset, 2),
            O::BinInt2 => self.push(offset, 3),
            O::BinInt => self.push(offset, 5),
            O::BinFloat => self.push(offset, 9),
            O::ShortBinUnicode | O::ShortBinBytes | O::ShortBinString | O::Long1 => {
                self.push_payload(offset, 2 + byte, left)
            }
            O::BinUnicode | O::BinBytes => self.push_payload(offset, 5 + long() as usize, left),
            O::BinGet => self.push_read(offset, byte as u64, 2),
            O::LongBinGet => self.push_read(offset, long().into(), 5),
            O::Memoize => self.memoize(self.entries, 1),
            O::BinPut => self.memoize(byte as u64, 2),
            O::LongBinPut => self.memoize(long().into(), 5),
            O::Tuple1 => self.make(1),
            O::Tuple2 | O::Reduce | O::NewObj | O::StackGlobal => self.make(2),
            O::Tuple3 => self.make(3),
            O::Tuple | O::List | O::Dict | O::FrozenSet => self.make_marked(),
            O::Append | O::Build => self.grow(1),
            O::SetItem => self.grow(2),
            O::Appends | O::SetItems | O::AddItems => self.grow_marked(),
            O::Mark => {
                let slot = Slot { begin: offset, memo: self.memo, read: NOT_READ };
                self.fence = self.slots.len();
                self.marks.push(Mark { place: self.fence, slot });
                Some(1)
            }
            O::Frame => Some(9),
            _ => None,
        }
    }

    #[inline(always)]
    fn push(&mut self, begin: u64, size: usize) -> Option<usize> {
        self.push_read(begin, NOT_READ, size)
    }

    #[inline(always)]
    fn push_read(&mut self, begin: u64, read: u64, size: usize) -> Option<usize> {
        self.slots.push(Slot { begin, memo: self.memo, read });
        Some(size)
    }

    #[inline(always)]
    fn push_payload(&mut self, begin: u64, size: usize, left: usize) -> Option<usize> {
        if size > left {
            return None;
        }
        self.push(begin, size)
    }

    #[inline(always)]
    fn memoize(&mut self, index: u64, size: usize) -> Option<usize> {
        let is_plain = self.slots.len() > self.fence
            && index >= self.memo
            && self.slots.last().is_some_and(|top| top.read == NOT_READ);
        if !is_plain {
            return None;
        }
        self.memo = index.saturating_add(1);
        self.entries += 1;
        Some(size)
    }

    /// One value of the top `count` ones.
    #[inline(always)]
    fn make(&mut self, count: usize) -> Option<usize> {
        let place = self.slots.len().checked_sub(count)?;
        if place < self.fence.max(self.floor) {
            return None;
        }
        self.slots.truncate(place + 1);
        self.slots[place].read = NOT_READ;
        Some(1)
    }

    /// One value of those above the mark.
    #[inline(always)]
    fn make_marked(&mut self) -> Option<usize> {
        let &Mark { place, slot } = self.marks.last()?;
        if place < self.floor {
            return None;
        }
        self.close_mark();
        self.slots.truncate(place);
        self.slots.push(slot);
        Some(1)
    }

    /// The top `count` values go into the one below them.
    #[inline(always)]
    fn grow(&mut self, count: usize) -> Option<usize> {
        let target = self.slots.len().checked_sub(count + 1)?;
        if target < self.fence.max(self.floor) || self.slots[target].read != NOT_READ {
            return None;
        }
        self.slots.truncate(target + 1);
        Some(1)
    }

    /// The values above the mark go into the one below it.
    #[inline(always)]
    fn grow_marked(&mut self) -> Option<usize> {
        let (last, below) = self.marks.split_last()?;
        let fence = below.last().map_or(0, |mark| mark.place);
        let target = last.place.checked_sub(1)?;
        if target < fence.max(self.floor) || self.slots[target].read != NOT_READ {
            return None;
        }
        self.close_mark();
        self.slots.truncate(target + 1);
        Some(1)
    }

    #[inline(always)]
    fn close_mark(&mut self) {
        self.marks.pop();
        self.fence = self.marks.last().map_or(0, |mark| mark.place);
    }
}
