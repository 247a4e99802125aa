//! The part of a file that is in memory.
//!
//! All reading goes through here: into buffers that are used again, in pieces that grow while reading goes straight on
//! and shrink after a jump, and never past the end of the file, so that no length in a file makes anything larger than
//! the file itself.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::Result;

pub(crate) trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// The least that is read at once: after a jump over a payload, only the next few instructions are wanted.
const LEAST: usize = 4 << 10;
/// The most that is read at once beyond what is needed.
const MOST: usize = 128 << 10;
/// How much behind the current place is kept for coming back to it.
const KEEP: usize = 1 << 20;

/// A file, and the stretch of it that is resident.
pub(crate) struct Window {
    reader: Box<dyn ReadSeek>,
    /// Where the reader stands.
    position: u64,
    /// Bytes in the file.
    len: u64,
    /// Where iteration is.
    main: Buffer,
    /// Where a look aside is: at a definition in an earlier element.
    aside: Buffer,
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
    pub(crate) fn new(mut reader: Box<dyn ReadSeek>) -> Result<Window> {
        let len = reader.seek(SeekFrom::End(0))?;
        let (main, aside) = (Buffer::default(), Buffer::default());
        Ok(Window {
            reader,
            position: len,
            len,
            main,
            aside,
        })
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `from` on: at least `needed`, unless the file ends before.
    #[inline]
    pub(crate) fn fill(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if self.main.resident(from) < needed {
            self.main
                .read(&mut self.reader, &mut self.position, self.len, from, needed)?;
        }
        Ok(self.main.from(from))
    }

    /// As [`fill`](Self::fill), and leaves what that gave resident.
    pub(crate) fn fill_aside(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        if self.aside.resident(from) < needed {
            self.aside.anchor = from;
            self.aside
                .read(&mut self.reader, &mut self.position, self.len, from, needed)?;
        }
        Ok(self.aside.from(from))
    }

    /// What [`fill`](Self::fill) made resident of a range; empty where it did not.
    #[inline]
    pub(crate) fn resident(&self, from: u64, to: u64) -> &[u8] {
        let bytes = self.main.from(from);
        bytes.get(..(to - from) as usize).unwrap_or_default()
    }

    /// Says that nothing before `anchor` will be wanted, and that what lies behind it may be wanted again.
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
        if from < self.start {
            0
        } else {
            self.end().saturating_sub(from) as usize
        }
    }

    #[inline]
    fn from(&self, from: u64) -> &[u8] {
        match self.resident(from) {
            0 => &[],
            _ => &self.bytes[(from - self.start) as usize..],
        }
    }

    #[cold]
    fn read(
        &mut self,
        reader: &mut Box<dyn ReadSeek>,
        position: &mut u64,
        len: u64,
        from: u64,
        needed: usize,
    ) -> io::Result<()> {
        let goes_on = self.start <= from && from <= self.end();
        self.ahead = if goes_on {
            (self.ahead * 2).clamp(LEAST, MOST)
        } else {
            LEAST
        };
        if goes_on {
            let anchored = self.anchor.clamp(self.start, from);
            let keep_from = if from - anchored <= KEEP as u64 {
                anchored
            } else {
                from
            };
            self.bytes.drain(..(keep_from - self.start) as usize);
            self.start = keep_from;
        } else {
            self.bytes.clear();
            self.start = from;
        }
        // A buffer that one large element made large is given back once elements are small again.
        if self.bytes.capacity() > 4 * (KEEP + MOST) && self.bytes.len() + needed < KEEP {
            self.bytes.shrink_to(KEEP + MOST);
        }
        let wanted = from.saturating_add(needed as u64);
        let to = wanted
            .max(self.end().saturating_add(self.ahead as u64))
            .min(len);
        if self.end() >= to {
            return Ok(());
        }
        if *position != self.end() {
            *position = reader.seek(SeekFrom::Start(self.end()))?;
        }
        let more = (to - self.end()) as usize;
        self.bytes.reserve_exact(more);
        let read = reader
            .by_ref()
            .take(more as u64)
            .read_to_end(&mut self.bytes)?;
        *position += read as u64;
        Ok(())
    }
}
