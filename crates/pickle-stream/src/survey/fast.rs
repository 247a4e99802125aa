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
//! An input of fewer than [`REACH`] bytes takes only the reference. So the property that cuts a stream
//! at every byte also compares the two.

use super::dependency::{Origin, PackedOrigin};
use super::rows::Rows;
use super::slot::{Mark, REACH, Slot, Walk};
use super::walk::Survey;
use crate::lex::numbers;
use crate::opcode::Opcode;
use crate::skeleton::Row;

impl Survey {
    /// Carries out the plain instructions that `input` begins with, which begins at
    /// [`offset`](Self::offset). Returns how many bytes they take.
    #[inline]
    pub(super) fn run_plain(&mut self, input: &[u8]) -> usize {
        let input = &input[..input.len().min(self.room())];
        let start = self.lexer.offset();
        let floor = self.watched.map(|(slot, _)| slot + 1);
        let mut walk = Walk {
            fence: self.fence(),
            floor: floor.unwrap_or(0),
            slots: &mut self.slots,
            marks: &mut self.marks,
            entries: self.entries,
            memo: self.memo,
        };
        let mut rows = Rows {
            skeletons: &mut self.skeletons,
            holes: &mut self.holes,
            learning: &mut self.learning,
            trial: &mut self.trial,
            limits: &self.limits,
        };
        // The values right above the mark of a batch may be elements.
        let batch = floor.unwrap_or(usize::MAX);
        let mut at = 0;
        loop {
            if walk.fence == batch
                && rows.learning.is_worth_while(rows.skeletons, walk.slots.len() - walk.floor)
            {
                at = rows.pass(&mut walk, input, at, start);
            }
            if let Some(&[byte, ref number @ ..]) = input[at..].first_chunk::<REACH>()
                && let Some(opcode) = Opcode::from_byte(byte)
                && let Some(size) = walk.step(opcode, number, start + at as u64, input.len() - at)
            {
                at += size;
            } else if let Some(size) = walk.list(&input[at..], start + at as u64) {
                at += size;
            } else {
                break;
            }
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
            O::EmptyTuple | O::EmptyDict | O::EmptySet => self.push(offset, 1),
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
                let slot = Slot::new(offset, self.memo);
                self.fence = self.slots.len();
                self.marks.push(Mark { place: self.fence, slot });
                Some(1)
            }
            O::Frame => Some(9),
            _ => None,
        }
    }

    /// A list that begins here, and the numbers in it. From their MARK to their APPENDS these leave
    /// the stack as it was, so that none of them needs a slot. Returns the size.
    ///
    /// It is no part of the loop over instructions, which would have fewer registers with it.
    #[inline(always)]
    fn list(&mut self, input: &[u8], offset: u64) -> Option<usize> {
        let &[opcode, next, index, ..] = input.first_chunk::<REACH>()?;
        // The numbers of the watched list are its members.
        if opcode != Opcode::EmptyList as u8 || self.slots.len() < self.floor {
            return None;
        }
        let mut at = self.push(offset, 1)?;
        // What puts it in the memo stands before its numbers.
        at += match Opcode::from_byte(next) {
            Some(Opcode::Memoize) => self.memoize(self.entries, 1).unwrap_or(0),
            Some(Opcode::BinPut) => self.memoize(index.into(), 2).unwrap_or(0),
            _ => 0,
        };
        while let Some(size) = numbers::batch_size(&input[at..]) {
            at += size;
        }
        Some(at)
    }

    #[inline(always)]
    fn push(&mut self, begin: u64, size: usize) -> Option<usize> {
        self.push_slot(begin, PackedOrigin::NONE, size)
    }

    #[inline(always)]
    fn push_read(&mut self, begin: u64, index: u64, size: usize) -> Option<usize> {
        self.push_slot(begin, PackedOrigin::of(Origin::Memo(index)), size)
    }

    #[inline(always)]
    fn push_slot(&mut self, begin: u64, origin: PackedOrigin, size: usize) -> Option<usize> {
        self.slots.push(Slot { origin, ..Slot::new(begin, self.memo) });
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
            && self.slots.last().is_some_and(|top| !top.origin.is_some());
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
        let slot = &mut self.slots[place];
        *slot = Slot::new(slot.begin, slot.memo);
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
        if target < self.fence.max(self.floor) || self.slots[target].origin.is_some() {
            return None;
        }
        self.slots.truncate(target + 1);
        self.slots[target].row = Row::NONE;
        Some(1)
    }

    /// The values above the mark go into the one below it.
    #[inline(always)]
    fn grow_marked(&mut self) -> Option<usize> {
        let (last, below) = self.marks.split_last()?;
        let fence = below.last().map_or(0, |mark| mark.place);
        let target = last.place.checked_sub(1)?;
        if target < fence.max(self.floor) || self.slots[target].origin.is_some() {
            return None;
        }
        self.close_mark();
        self.slots.truncate(target + 1);
        self.slots[target].row = Row::NONE;
        Some(1)
    }

    #[inline(always)]
    fn close_mark(&mut self) {
        self.marks.pop();
        self.fence = self.marks.last().map_or(0, |mark| mark.place);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use proptest::sample::select;

    use crate::error::Result;
    use crate::lex::Progress;
    use crate::limits::Limits;
    use crate::survey::Container;
    use crate::survey::slot::Slot;
    use crate::survey::walk::{Event, Outcome, Survey};

    /// What lists of numbers are made of, and what can be in their way.
    const OF_LISTS: [&[u8]; 15] = [
        b"]",
        b"]",
        b"\x94",
        b"q\x01",
        b"q\x07",
        b"(",
        b"(",
        b"K\x01",
        b"M\x01\x02",
        b"J\0\0\0\x80",
        b"G\0\0\0\0\0\0\0\0",
        b"e",
        b"e",
        b"a",
        b"t",
    ];

    /// What everything is made of: what pushes, takes and changes values, and uses the memo.
    const OF_ALL: [&[u8]; 30] = [
        b"N",
        b"N",
        b"N",
        b"K\x01",
        b"]",
        b"}",
        b"\x8f",
        b")",
        b"\x8c\x02ab",
        b"X\x02\0\0\0ab",
        b"(",
        b"(",
        b"\x94",
        b"q\x01",
        b"q\x02",
        b"r\x03\0\0\0",
        b"h\0",
        b"h\x01",
        b"j\x02\0\0\0",
        b"\x85",
        b"\x86",
        b"\x87",
        b"t",
        b"e",
        b"a",
        b"s",
        b"u",
        b"b",
        b"0",
        b"2",
    ];

    /// Goes through the stream in one way, and says what it came to.
    fn result(
        stream: &[u8],
        limits: &Limits,
        mut event: impl FnMut(&mut Survey, &[u8]) -> Result<Option<Event>>,
    ) -> String {
        let mut survey = Survey::resume(0, 0, Container::List, limits);
        let mut batches = Vec::new();
        let end = loop {
            let rest = &stream[survey.offset() as usize..];
            match event(&mut survey, rest) {
                Ok(Some(Event::Batch)) => batches.push(survey.batch().to_vec()),
                Ok(Some(Event::Need(_) | Event::Stop)) => break Ok(()),
                Ok(Some(Event::Closed) | None) => {}
                Err(error) => break Err(error),
            }
        };
        // The reference finds no rows.
        let plain = |slot: &Slot| (slot.begin, slot.memo, slot.origin);
        let slots: Vec<_> = survey.slots().iter().map(plain).collect();
        let marks: Vec<_> = survey.marks.iter().map(|mark| (mark.place, mark.slot.begin)).collect();
        match end {
            Ok(()) => format!("{batches:?} {slots:?} {marks:?} {} {}", survey.memo, survey.entries),
            Err(error) => format!("{batches:?} {error}"),
        }
    }

    /// What the fast ways and what the reference make of the members of a list.
    pub(in crate::survey) fn both_ways(stream: &[u8], limits: &Limits) -> [String; 2] {
        let fast = result(stream, limits, |survey, rest| survey.advance(rest).map(Some));
        let plain = result(stream, limits, |survey, rest| {
            Ok(match survey.step(rest)? {
                Progress::Need(more) => Some(Event::Need(more)),
                Progress::Done(Outcome::Next) => None,
                Progress::Done(Outcome::Batch) => Some(Event::Batch),
                Progress::Done(Outcome::Closed) => Some(Event::Closed),
                Progress::Done(Outcome::Stop) => Some(Event::Stop),
            })
        });
        [fast, plain]
    }

    #[test]
    fn what_files_are_made_of_is_not_left_to_the_reference() {
        for plain in [
            &b"N\x88\x89)}\x8f"[..],
            b"K\x01M\x01\x02J\0\0\0\0G\0\0\0\0\0\0\0\0",
            b"\x8c\x01aC\x01aU\x01a\x8a\x01\x01X\x01\0\0\0aB\x01\0\0\0a",
            b"N\x94q\x05r\x06\0\0\0h\x05j\x06\0\0\0",
            b"N\x85NN\x86NNN\x87(t(l(d(\x91",
            b"NNRNN\x81NN\x93NNb",
            b"]Na(NNe(K\x01M\x01\x02J\0\0\0\0G\0\0\0\0\0\0\0\0e",
            b"}NNs(NNu\x8f(N\x90",
            b"\x95\x01\0\0\0\0\0\0\0",
        ] {
            let stream = [plain, &[b'.'; super::REACH]].concat();
            let mut survey = Survey::new(0, 0, &Limits::default());
            assert_eq!(survey.run_plain(&stream), plain.len(), "{}", plain.escape_ascii());
        }
    }

    /// The watched list may be one that is yet to begin.
    #[test]
    fn numbers_of_the_watched_list_are_its_members() {
        let stream = b"]\x94(K\x01K\x02e(e.NNNNNNNNNN";
        let mut survey = Survey::new(0, 0, &Limits::default());
        survey.watch(0, Container::List);
        let mut lens = Vec::new();
        while survey.advance(&stream[survey.offset() as usize..]).unwrap() == Event::Batch {
            lens.push(survey.batch().len());
        }
        assert_eq!(lens, [2, 0]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(
            parts in prop_oneof![
                prop::collection::vec(select(&OF_LISTS[..]), 0..40),
                prop::collection::vec(select(&OF_ALL[..]), 0..40),
            ],
            stack in 1..30usize,
            marks in 1..5usize,
        ) {
            let limits = Limits { stack, marks, ..Limits::default() };
            // What takes values finds some, and the last is never what the fast way reaches.
            let stream = [b"N]q\0]]NN", &parts.concat()[..], b"NNNNNNNNNN."].concat();
            let [fast, plain] = both_ways(&stream, &limits);
            prop_assert_eq!(fast, plain);
        }
    }
}
