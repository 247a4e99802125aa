//! The part of a source that is in memory.
//!
//! All reading goes through here: into buffers that are used again, in pieces that grow while
//! reading goes straight on and shrink after a jump. What is in memory anyhow is borrowed from
//! there.
//!
//! No length in a file makes anything large: a buffer has room for bytes that are known to be there,
//! or grows with those that arrive, at most to twice what it holds. Nor is the length of the source asked for, which may be a pipe: it ends
//! where a read finds nothing.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::options::ReadSize;
use crate::source::Source;

/// How much behind the current place is kept for coming back to it.
const KEEP: usize = 1 << 20;

/// A source, and the stretch of it that is resident.
pub(crate) struct Window {
    /// All of it, where that is in memory anyhow.
    whole: Option<Bytes>,
    input: Input,
    /// Where iteration is.
    main: Buffer,
    /// Where a look aside is: at a definition in an earlier element.
    aside: Buffer,
}

struct Input {
    source: Source,
    /// Where it ends, once that is known.
    end: Option<u64>,
    size: ReadSize,
    /// Bytes of one element that are decoded at most.
    largest: usize,
    /// Whether reading will go on to the end.
    reads_on: bool,
    /// Whether reading failed since the source was last told that nothing has to be kept.
    waited: bool,
}

impl Input {
    fn prepare(&mut self, needed: Range<u64>, likely: u64) -> io::Result<()> {
        let prepared = self.source.prepare(needed, likely);
        self.waited |= prepared.is_err();
        prepared
    }
}

impl Window {
    /// On a source of elements of which none is decoded that has over `largest` bytes; 0 where none
    /// is decoded at all.
    pub(crate) fn new(source: Source, size: ReadSize, largest: usize) -> Window {
        Window {
            whole: source.in_memory().cloned(),
            input: Input {
                end: source.known_size(),
                source,
                size,
                largest,
                reads_on: false,
                waited: false,
            },
            main: Buffer::default(),
            aside: Buffer::default(),
        }
    }

    /// Another window on the same source, for another thread.
    pub(crate) fn sibling(&self) -> Window {
        let Input { source, size, largest, .. } = &self.input;
        Window::new(source.clone(), *size, *largest)
    }

    pub(crate) fn source(&self) -> &Source {
        &self.input.source
    }

    /// Bytes in the source, to whose end it reads if need be.
    pub(crate) fn len(&mut self) -> io::Result<u64> {
        let end = match self.input.end {
            Some(end) => end,
            None => self.input.source.size()?,
        };
        self.input.end = Some(end);
        Ok(end)
    }

    /// Fails where an element, or a definition of one, of `size` bytes at `offset` is over the limit.
    #[inline]
    pub(crate) fn check_element(&self, offset: u64, size: usize) -> Result<()> {
        if size <= self.input.largest { Ok(()) } else { Err(self.too_large(offset, size)) }
    }

    #[cold]
    fn too_large(&self, offset: u64, size: usize) -> Error {
        let message = format!("an element of {size} bytes; the limit is {}", self.input.largest);
        Error::over_limit(self.input.largest as u64, "npy.limit.element", offset, message)
    }

    /// Bytes of memory that the window takes, and the source for what it keeps.
    pub(crate) fn memory(&self) -> usize {
        self.main.bytes.capacity() + self.aside.bytes.capacity() + self.input.source.memory()
    }

    /// Says whether what lies behind the bytes that are asked for will be wanted too: by those who
    /// go on from element to element.
    #[inline]
    pub(crate) fn set_reading_on(&mut self, reads_on: bool) {
        self.input.reads_on = reads_on;
    }

    /// Says that what was read does not have to be read again.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.input.waited {
            self.input.waited = false;
            self.input.source.release();
        }
    }

    pub(crate) fn reads_on(&self) -> bool {
        self.input.reads_on
    }

    /// Says that all of these bytes will be read, unless they are too many for one element.
    pub(crate) fn expect(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = bytes;
        if end - start > self.input.largest as u64 || self.holds(start, end) {
            return Ok(());
        }
        self.input.prepare(bytes, if self.input.reads_on { u64::MAX } else { end })
    }

    /// As [`expect`](Self::expect), of what is looked at aside.
    pub(crate) fn expect_aside(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = bytes;
        if self.resident_aside(start, end).len() as u64 == end - start {
            return Ok(());
        }
        self.input.prepare(bytes, end)
    }

    /// The bytes from `from` on: at least `needed`, unless the source ends before.
    #[inline]
    pub(crate) fn fill(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if let Some(whole) = &self.whole {
            return Ok(behind(whole, from));
        }
        if self.main.resident(from) < needed {
            let likely = if self.input.reads_on { u64::MAX } else { 0 };
            self.main.read(&mut self.input, from, needed, likely)?;
        }
        Ok(self.main.from(from))
    }

    /// As [`fill`](Self::fill), and leaves what that gave resident.
    pub(crate) fn fill_aside(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if let Some(whole) = &self.whole {
            return Ok(behind(whole, from));
        }
        if self.aside.resident(from) < needed {
            self.aside.anchor = from;
            self.aside.read(&mut self.input, from, needed, 0)?;
        }
        Ok(self.aside.from(from))
    }

    /// Says that an instruction of so many bytes was stepped over, beyond what is resident. Behind a
    /// large one, only the next few are wanted: there may be more like it.
    #[inline]
    pub(crate) fn step_over(&mut self, size: u64) {
        if size > self.input.size.gap() {
            self.main.ahead = 0;
        }
    }

    /// How many bytes a walk needs that saw the source up to `end`, goes on at `at`, and asked for
    /// `more`. Fails where the source has no more.
    pub(crate) fn needed(&self, end: u64, at: u64, more: usize) -> Result<usize> {
        if self.input.end.is_some_and(|all| all <= end) {
            return Err(self.truncated(end.max(at).saturating_add(more as u64)));
        }
        let again = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        Ok(again.saturating_add(more))
    }

    /// The error for a source that was seen to end before `wanted`, a place in it up to which bytes
    /// are needed.
    #[cold]
    pub(crate) fn truncated(&self, wanted: u64) -> Error {
        let end = self.end().unwrap_or(wanted);
        let missing = wanted.saturating_sub(end).max(1);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        pickle_stream::Error::truncated(end, missing).into()
    }

    /// Where the source ends, if that was seen.
    pub(crate) fn end(&self) -> Option<u64> {
        self.input.end
    }

    /// What [`fill`](Self::fill) made resident of a range; empty where it did not.
    #[inline]
    pub(crate) fn resident(&self, from: u64, to: u64) -> &[u8] {
        let bytes = match &self.whole {
            Some(whole) => behind(whole, from),
            None => self.main.from(from),
        };
        bytes.get(..(to - from) as usize).unwrap_or_default()
    }

    /// Whether a range is resident.
    #[inline]
    pub(crate) fn holds(&self, from: u64, to: u64) -> bool {
        self.resident(from, to).len() as u64 == to - from
    }

    /// As [`resident`](Self::resident), of [`fill_aside`](Self::fill_aside).
    pub(crate) fn resident_aside(&self, from: u64, to: u64) -> &[u8] {
        let bytes = match &self.whole {
            Some(whole) => behind(whole, from),
            None => self.aside.from(from),
        };
        bytes.get(..(to - from) as usize).unwrap_or_default()
    }

    /// Says that nothing before `anchor` will be wanted, and that what lies behind it may be wanted
    /// again.
    #[inline]
    pub(crate) fn set_anchor(&mut self, anchor: u64) {
        self.main.anchor = anchor;
    }
}

/// What follows a place.
#[inline]
fn behind(bytes: &[u8], from: u64) -> &[u8] {
    bytes.get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default()
}

#[derive(Default)]
struct Buffer {
    /// Room, of which `head..tail` holds bytes of the source. All of it stays initialised, so that
    /// nothing is cleared before it is read into.
    bytes: Vec<u8>,
    head: usize,
    tail: usize,
    /// Where `head` is in the source.
    start: u64,
    /// What lies before this is not wanted again.
    anchor: u64,
    /// How much is read at once while reading goes on, where less is needed.
    ahead: usize,
    /// The largest need of late.
    need: usize,
}

impl Buffer {
    /// Where `tail` is in the source.
    #[inline]
    fn end(&self) -> u64 {
        self.start + (self.tail - self.head) as u64
    }

    /// How many bytes from `from` on are here.
    #[inline]
    fn resident(&self, from: u64) -> usize {
        if from < self.start { 0 } else { self.end().saturating_sub(from) as usize }
    }

    #[inline]
    fn from(&self, from: u64) -> &[u8] {
        match self.resident(from) {
            0 => &[],
            size => &self.bytes[self.tail - size..self.tail],
        }
    }

    /// Reads on to `from + needed`, or the end of the source.
    #[cold]
    fn read(&mut self, input: &mut Input, from: u64, needed: usize, likely: u64) -> io::Result<()> {
        let ReadSize { least, most } = input.size;
        let goes_on = self.start <= from && from.saturating_sub(self.end()) <= input.size.gap();
        if goes_on {
            // The caller waits for more and more of one thing: read it in few pieces, but no more
            // than an element may take.
            let largest = if input.largest == 0 { usize::MAX } else { input.largest };
            let resident = if most > 0 { self.resident(from) } else { 0 };
            let twice = resident.saturating_mul(2).min(largest);
            self.ahead = self.ahead.saturating_mul(2).clamp(least, most).max(twice);
            let last = from.min(self.end());
            let anchored = self.anchor.clamp(self.start, last);
            let keep = if last - anchored <= KEEP as u64 { anchored } else { last };
            self.head += (keep - self.start) as usize;
            self.start = keep;
        } else {
            self.ahead = least;
            (self.head, self.tail, self.start) = (0, 0, from);
        }
        self.shrink(needed, KEEP.saturating_add(most));
        let known = input.end.unwrap_or(u64::MAX);
        let wanted = from.saturating_add(needed as u64).min(known);
        let to = wanted.max(from.saturating_add(self.ahead as u64)).min(known);
        if self.end() < wanted {
            input.prepare(self.end()..wanted, likely.max(to))?;
        }
        while self.end() < wanted {
            let left = usize::try_from(to - self.end()).unwrap_or(usize::MAX);
            // Bytes that are known to be there pay for all of the room at once, so that the buffer
            // need not be there twice while it grows.
            let room = self.make_room(left, input.end.is_some())?;
            let place = self.end();
            match input.source.read_at(&mut self.bytes[self.tail..self.tail + room], place) {
                Ok(0) => {
                    // Somebody may have shortened the file.
                    input.end = Some(input.source.size()?.min(place));
                    break;
                }
                Ok(read) => self.tail += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes room behind what is held, for up to `wanted` bytes, and says for how many.
    fn make_room(&mut self, wanted: usize, exists: bool) -> io::Result<usize> {
        let held = self.tail - self.head;
        // Moving to the front costs less than was read since the last time.
        if self.bytes.len() - self.tail < wanted && self.head >= held {
            self.bytes.copy_within(self.head..self.tail, 0);
            (self.head, self.tail) = (0, held);
        }
        let room = self.bytes.len() - self.tail;
        let room = match exists && wanted > KEEP {
            true => wanted,
            false => wanted.min(room.max(held).max(KEEP)),
        };
        if self.bytes.len() - self.tail < room {
            let size = self.tail + room;
            self.bytes.try_reserve_exact(size - self.bytes.len())?;
            self.bytes.resize(size, 0);
        }
        Ok(room)
    }

    /// Gives back what a large element took, once there have been none for a while.
    fn shrink(&mut self, needed: usize, usual: usize) {
        self.need = needed.max(self.need - self.need / 64);
        let held = self.tail - self.head;
        if self.bytes.len() / 4 > usual && self.need.max(held) < usual {
            self.bytes.copy_within(self.head..self.tail, 0);
            (self.head, self.tail) = (0, held);
            self.bytes.truncate(usual);
            self.bytes.shrink_to_fit();
        }
    }
}
