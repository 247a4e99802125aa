//! The part of a file that is in memory.
//!
//! All reading goes through here: into buffers that are used again, in pieces that grow while
//! reading goes straight on and shrink after a jump, and never past the end of the file, so that no
//! length in a file makes anything larger than the file itself.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::{Error, Result};

pub(crate) trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// How much is read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSize {
    /// After a jump over a payload, when only the next few instructions are wanted.
    pub(crate) least: usize,
    /// When reading goes straight on.
    pub(crate) most: usize,
}

impl Default for ReadSize {
    fn default() -> ReadSize {
        ReadSize { least: 4 << 10, most: 128 << 10 }
    }
}

/// How much behind the current place is kept for coming back to it.
const KEEP: usize = 1 << 20;

/// A file, and the stretch of it that is resident.
pub(crate) struct Window {
    reader: Reader,
    /// Where iteration is.
    main: Buffer,
    /// Where a look aside is: at a definition in an earlier element.
    aside: Buffer,
}

struct Reader {
    file: Box<dyn ReadSeek>,
    /// Bytes in the file.
    len: u64,
    /// Where the file stands.
    position: u64,
    size: ReadSize,
}

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// Where `bytes` begin in the file.
    start: u64,
    /// What lies before this is not wanted again.
    anchor: u64,
    /// How much was read beyond the need the last time.
    ahead: usize,
}

impl Window {
    pub(crate) fn new(mut file: Box<dyn ReadSeek>, size: ReadSize) -> Result<Window> {
        let len = file.seek(SeekFrom::End(0))?;
        let reader = Reader { file, len, position: len, size };
        Ok(Window { reader, main: Buffer::default(), aside: Buffer::default() })
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> u64 {
        self.reader.len
    }

    /// The bytes from `from` on: at least `needed`, unless the file ends before.
    #[inline]
    pub(crate) fn fill(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if self.main.resident(from) < needed {
            self.main.read(&mut self.reader, from, needed)?;
        }
        Ok(self.main.from(from))
    }

    /// As [`fill`](Self::fill), and leaves what that gave resident.
    pub(crate) fn fill_aside(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if self.aside.resident(from) < needed {
            self.aside.anchor = from;
            self.aside.read(&mut self.reader, from, needed)?;
        }
        Ok(self.aside.from(from))
    }

    /// How many bytes a walk needs that saw the file up to `end`, goes on at `at`, and asked for
    /// `more`. Fails where the file has no more.
    pub(crate) fn needed(&self, end: u64, at: u64, more: usize) -> Result<usize> {
        if end < self.len() {
            return Ok(end.saturating_sub(at) as usize + more);
        }
        Err(self.truncated(end.max(at).saturating_add(more as u64)))
    }

    /// The error for a file that ends before `wanted`, a place in it up to which bytes are needed.
    #[cold]
    pub(crate) fn truncated(&self, wanted: u64) -> Error {
        let missing = wanted.saturating_sub(self.len()).max(1);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        pickle_stream::Error::truncated(self.len(), missing).into()
    }

    /// What [`fill`](Self::fill) made resident of a range; empty where it did not.
    #[inline]
    pub(crate) fn resident(&self, from: u64, to: u64) -> &[u8] {
        self.main.from(from).get(..(to - from) as usize).unwrap_or_default()
    }

    /// As [`resident`](Self::resident), of [`fill_aside`](Self::fill_aside).
    pub(crate) fn resident_aside(&self, from: u64, to: u64) -> &[u8] {
        self.aside.from(from).get(..(to - from) as usize).unwrap_or_default()
    }

    /// Says that nothing before `anchor` will be wanted, and that what lies behind it may be wanted
    /// again.
    pub(crate) fn set_anchor(&mut self, anchor: u64) {
        self.main.anchor = anchor;
    }
}

impl Buffer {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
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
            _ => &self.bytes[(from - self.start) as usize..],
        }
    }

    #[cold]
    fn read(&mut self, reader: &mut Reader, from: u64, needed: usize) -> io::Result<()> {
        let ReadSize { least, most } = reader.size;
        let goes_on = self.start <= from && from <= self.end();
        if goes_on {
            self.ahead = (self.ahead * 2).clamp(least, most);
            let anchored = self.anchor.clamp(self.start, from);
            let keep = if from - anchored <= KEEP as u64 { anchored } else { from };
            self.bytes.drain(..(keep - self.start) as usize);
            self.start = keep;
        } else {
            self.ahead = least;
            self.bytes.clear();
            self.start = from;
        }
        // A buffer that one large element made large is given back once elements are small again.
        let usual = KEEP + most;
        if self.bytes.capacity() > 4 * usual && self.bytes.len() + needed < KEEP {
            self.bytes.shrink_to(usual);
        }
        let wanted = from.saturating_add(needed as u64);
        let to = wanted.max(self.end().saturating_add(self.ahead as u64)).min(reader.len);
        if let Some(more) = to.checked_sub(self.end()) {
            self.bytes.reserve_exact(more as usize);
            reader.read(self.end(), more, &mut self.bytes)?;
        }
        Ok(())
    }
}

impl Reader {
    /// Reads `size` bytes from a place in the file, or as many as there are.
    fn read(&mut self, from: u64, size: u64, into: &mut Vec<u8>) -> io::Result<()> {
        if self.position != from {
            self.position = self.file.seek(SeekFrom::Start(from))?;
        }
        let read = self.file.by_ref().take(size).read_to_end(into)? as u64;
        self.position += read;
        if read < size {
            self.len = self.position; // somebody has shortened the file
        }
        Ok(())
    }
}
