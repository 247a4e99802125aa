//! The window: the part of a source that is in memory.
//!
//! Everything in this crate reads through a window. Its two buffers are used again and again. A
//! read is larger while reading goes straight on, and small after a jump. Bytes of a source in
//! memory are borrowed and not copied.
//!
//! A length in a file never decides an allocation: a buffer has room for bytes that are known to
//! exist, or grows with the bytes that arrive, at most to twice as many. The size of the source is
//! not asked for, because it may be a pipe: it ends where a read returns nothing.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::options::ReadSize;
use crate::source::{Access, Source};

/// Bytes from the anchor on that are kept for coming back to them.
const KEEP: usize = 1 << 20;

/// A source, and the bytes of it that are resident, that is, in memory.
pub(crate) struct Window {
    /// The whole source, where it is in memory.
    whole: Option<Bytes>,
    input: Input,
    /// The bytes that iteration reads.
    main: Buffer,
    /// The bytes of a definition in an earlier element.
    aside: Buffer,
}

struct Input {
    source: Source,
    /// The size of the source, once it is known.
    end: Option<u64>,
    /// Whether the source has as many bytes as its size says.
    is_size_true: bool,
    size: ReadSize,
    /// Bytes of the largest element that may be decoded.
    largest: usize,
    /// Whether reading will go on to the end.
    reads_on: bool,
    /// Whether `prepare` has failed since the last `release`.
    waited: bool,
}

impl Input {
    fn prepare(&mut self, needed: Range<u64>, access: Access) -> io::Result<()> {
        let prepared = self.source.prepare(needed, access);
        self.waited |= prepared.is_err();
        prepared
    }
}

impl Window {
    /// Creates a window on a source whose elements are decoded up to a size of `largest` bytes; 0
    /// where none is decoded.
    pub(crate) fn new(source: Source, size: ReadSize, largest: usize) -> Window {
        Window {
            whole: source.in_memory().cloned(),
            input: Input {
                end: source.known_size(),
                is_size_true: !source.is_size_announced(),
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

    /// Returns another window on the same source, for another thread.
    pub(crate) fn sibling(&self) -> Window {
        let Input { source, size, largest, .. } = &self.input;
        Window::new(source.clone(), *size, *largest)
    }

    /// Returns the source.
    pub(crate) fn source(&self) -> &Source {
        &self.input.source
    }

    /// Returns the size of the source. Reads to its end where that is the only way.
    pub(crate) fn len(&mut self) -> io::Result<u64> {
        let end = match self.input.end {
            Some(end) => end,
            None => self.input.source.size()?,
        };
        self.input.end = Some(end);
        Ok(end)
    }

    /// Fails where an element, or a definition in one, of `size` bytes at `offset` is over the
    /// limit.
    #[inline]
    pub(crate) fn check_element(&self, offset: u64, size: usize) -> Result<()> {
        if size <= self.input.largest { Ok(()) } else { Err(self.too_large(offset, size)) }
    }

    #[cold]
    fn too_large(&self, offset: u64, size: usize) -> Error {
        let message = format!("an element of {size} bytes; the limit is {}", self.input.largest);
        Error::over_limit(self.input.largest as u64, "npy.limit.element", offset, message)
    }

    /// Returns the bytes of memory of the window, and of the source for what it keeps.
    pub(crate) fn memory(&self) -> usize {
        self.main.bytes.capacity() + self.aside.bytes.capacity() + self.input.source.memory()
    }

    /// Sets whether the bytes after those that are asked for will be read too, as in a loop over
    /// elements.
    #[inline]
    pub(crate) fn set_reading_on(&mut self, reads_on: bool) {
        self.input.reads_on = reads_on;
    }

    /// Announces that the bytes that were read are not read again.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.input.waited {
            self.input.waited = false;
            self.input.source.release();
        }
    }

    /// Returns the value of [`set_reading_on`](Self::set_reading_on).
    pub(crate) fn reads_on(&self) -> bool {
        self.input.reads_on
    }

    /// Announces that all of these bytes will be read, unless they are over the limit of an
    /// element.
    pub(crate) fn expect(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = bytes;
        if end - start > self.input.largest as u64 || self.holds(start, end) {
            return Ok(());
        }
        let access = if self.input.reads_on { Access::Sequential } else { Access::Random };
        self.input.prepare(bytes, access)
    }

    /// Announces a read of [`fill_aside`](Self::fill_aside).
    pub(crate) fn expect_aside(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = bytes;
        if self.resident_aside(start, end).len() as u64 == end - start {
            return Ok(());
        }
        self.input.prepare(bytes, Access::Random)
    }

    /// Returns the bytes from `from` on: at least `needed`, unless the source ends before.
    #[inline]
    pub(crate) fn fill(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if let Some(whole) = &self.whole {
            return Ok(after(whole, from));
        }
        if self.main.resident(from) < needed {
            let reads_on = self.input.reads_on;
            self.main.read(&mut self.input, from, needed, reads_on)?;
        }
        Ok(self.main.from(from))
    }

    /// Does as [`fill`](Self::fill), with a buffer of its own: the bytes of `fill` stay resident.
    pub(crate) fn fill_aside(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if let Some(whole) = &self.whole {
            return Ok(after(whole, from));
        }
        if self.aside.resident(from) < needed {
            self.aside.anchor = from;
            self.aside.read(&mut self.input, from, needed, false)?;
        }
        Ok(self.aside.from(from))
    }

    /// Announces that an instruction of `size` bytes was skipped, past the resident bytes. After a
    /// large one the next read is small: another large one may follow.
    #[inline]
    pub(crate) fn step_over(&mut self, size: u64) {
        if size > self.input.size.gap() {
            self.main.ahead = 0;
        }
    }

    /// Returns how many bytes a walk needs from `at` on, which has seen the source up to `end` and
    /// asks for `more`. Fails where the source has no more.
    pub(crate) fn needed(&self, end: u64, at: u64, more: usize) -> Result<usize> {
        if self.input.end.is_some_and(|all| all <= end) {
            return Err(self.truncated(end.max(at).saturating_add(more as u64)));
        }
        let again = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        Ok(again.saturating_add(more))
    }

    /// Returns the error for a source that ends before the offset `wanted`, up to which bytes are
    /// needed.
    #[cold]
    pub(crate) fn truncated(&self, wanted: u64) -> Error {
        let end = self.end().unwrap_or(wanted);
        let missing = wanted.saturating_sub(end).max(1);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        pickle_stream::Error::truncated(end, missing).into()
    }

    /// Returns the size of the source, if it is known.
    pub(crate) fn end(&self) -> Option<u64> {
        self.input.end
    }

    /// Returns the bytes of a range that [`fill`](Self::fill) made resident; none where it did not
    /// make all of them resident.
    #[inline(always)]
    pub(crate) fn resident(&self, from: u64, to: u64) -> &[u8] {
        let bytes = match &self.whole {
            Some(whole) => after(whole, from),
            None => self.main.from(from),
        };
        bytes.get(..(to - from) as usize).unwrap_or_default()
    }

    /// Returns whether a range is resident.
    #[inline]
    pub(crate) fn holds(&self, from: u64, to: u64) -> bool {
        self.resident(from, to).len() as u64 == to - from
    }

    /// Returns the bytes of a range that [`fill_aside`](Self::fill_aside) made resident.
    pub(crate) fn resident_aside(&self, from: u64, to: u64) -> &[u8] {
        let bytes = match &self.whole {
            Some(whole) => after(whole, from),
            None => self.aside.from(from),
        };
        bytes.get(..(to - from) as usize).unwrap_or_default()
    }

    /// Sets the offset up to which bytes may be dropped. The next bytes are kept, for coming back
    /// to them.
    #[inline]
    pub(crate) fn set_anchor(&mut self, anchor: u64) {
        self.main.anchor = anchor;
    }
}

/// Returns the bytes from an offset on.
#[inline]
fn after(bytes: &[u8], from: u64) -> &[u8] {
    bytes.get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default()
}

#[derive(Default)]
struct Buffer {
    /// Room, of which `head..tail` holds bytes of the source. All of it stays initialised, so that
    /// nothing has to be cleared before a read.
    bytes: Vec<u8>,
    head: usize,
    tail: usize,
    /// The offset of `head` in the source.
    start: u64,
    /// The offset up to which bytes may be dropped.
    anchor: u64,
    /// Bytes of the next read, where fewer are needed.
    ahead: usize,
    /// The largest need of the last reads: it decays by 1/64 with each.
    need: usize,
}

impl Buffer {
    /// Returns the offset of `tail` in the source.
    #[inline]
    fn end(&self) -> u64 {
        self.start + (self.tail - self.head) as u64
    }

    /// Returns how many bytes from `from` on are here.
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

    /// Reads up to `from + needed`, or the end of the source.
    #[cold]
    fn read(
        &mut self,
        input: &mut Input,
        from: u64,
        needed: usize,
        reads_on: bool,
    ) -> io::Result<()> {
        let ReadSize { least, most } = input.size;
        let goes_on = self.start <= from && from.saturating_sub(self.end()) <= input.size.gap();
        if goes_on {
            // Double the read size after each miss, so that a large element takes few reads, but
            // read no more than an element may have.
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
            let access = if reads_on { Access::Sequential } else { Access::UpTo(to) };
            input.prepare(self.end()..wanted, access)?;
        }
        while self.end() < wanted {
            let left = usize::try_from(to - self.end()).unwrap_or(usize::MAX);
            // Bytes that are known to exist get all of their room at once: a buffer that grows is
            // in memory twice while it is copied.
            let room = self.make_room(left, input.end.is_some() && input.is_size_true)?;
            let offset = self.end();
            match input.source.read_at(&mut self.bytes[self.tail..self.tail + room], offset) {
                Ok(0) => {
                    // Another program may have shortened the file.
                    input.end = Some(input.source.size()?.min(offset));
                    break;
                }
                Ok(read) => self.tail += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes room after `tail` for up to `wanted` bytes. Returns for how many.
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

    /// Frees the memory of a large element, once there was none for a while.
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
