//! Bytes that somebody else fetches: what is there is read, what is not is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{ReadAt, Source};
use crate::error::{Error, Result};

/// The stretches of a file that were fetched, from a server or a store, by code of your own.
///
/// Nothing is read here. Whatever works on its [`source`](Self::source) either has all bytes that
/// it takes, or fails with an error that says which are missing: [`Error::need`]. Once these are
/// there, the same call goes on where it stood. All calls that read may fail so, opening too.
///
/// ```
/// use npy_object::{Fetched, Options, Result};
///
/// let server = std::fs::read("tests/data/strings.npy")?; // stands for one that is far away
/// let file = Fetched::new("strings.npy", server.len() as u64);
///
/// /// Does something until it is done.
/// fn fetching<T>(server: &[u8], mut step: impl FnMut() -> Result<T>) -> Result<T> {
///     loop {
///         let done = step();
///         let Some(need) = done.as_ref().err().and_then(|error| error.need()) else { return done };
///         let (from, to) = (need.range().start as usize, need.range().end as usize);
///         need.fill(server[from..to].to_vec())?; // here, others would wait for an answer
///     }
/// }
///
/// let mut array = fetching(&server, || Options::new().read_source(file.source()))?;
/// let second = fetching(&server, || Ok(array.get(1)?.unwrap().as_str()?.into_owned()))?;
/// assert_eq!(second, "NumPy");
/// # Ok::<(), npy_object::Error>(())
/// ```
///
/// What is asked for is what the call will read next, and a little more where that is likely to be
/// wanted. One who loops over elements reads on: then as many bytes are asked for as
/// [`request_size`](Self::request_size) says. What was fetched is kept until it is more than
/// [`memory`](Self::memory) says; what was not used for longest goes first, and is asked for again
/// if it is wanted again.
///
/// With [`Options::read_with_index`](crate::Options::read_with_index), a few kilobytes of an index
/// lead to any element. What is compressed can only be read from its beginning on: fetch it as a
/// [`stream`](Source::stream).
///
/// It is cheap to clone, and every clone is the same.
#[derive(Clone)]
pub struct Fetched(Arc<Shared>);

struct Shared {
    name: String,
    size: u64,
    store: Mutex<Store>,
}

struct Store {
    /// By where they begin; no two overlap.
    chunks: BTreeMap<u64, Chunk>,
    held: usize,
    /// Rises whenever something is put here or released.
    clock: u64,
    /// What was not used since then may go.
    released: u64,
    /// Bytes that were last found to be missing, in part at least.
    missed: Range<u64>,
    request_size: u64,
    /// Bytes that are kept.
    most: usize,
}

struct Chunk {
    bytes: Bytes,
    /// `Store::clock` when it was last read.
    used: u64,
}

impl Chunk {
    fn end(&self, start: u64) -> u64 {
        start + self.bytes.len() as u64
    }
}

/// Bytes of a [`Fetched`] file that are needed next.
#[derive(Clone)]
pub struct Need {
    of: Fetched,
    range: Range<u64>,
}

impl Fetched {
    /// Bytes that a request asks for when reading goes on, unless something else is said.
    const REQUEST_SIZE: u64 = 4 << 20;
    /// Bytes that are kept, unless something else is said.
    const MEMORY: usize = 64 << 20;
    /// Bytes that are asked for at least, where there are so many.
    const LEAST: u64 = 4 << 10;

    /// A file of so many bytes, of which nothing was fetched. The name is for those who fetch, and
    /// for errors.
    pub fn new(name: impl Into<String>, size: u64) -> Fetched {
        let store = Store {
            chunks: BTreeMap::new(),
            held: 0,
            clock: 1,
            released: 0,
            missed: 0..0,
            request_size: Fetched::REQUEST_SIZE,
            most: Fetched::MEMORY,
        };
        Fetched(Arc::new(Shared { name: name.into(), size, store: Mutex::new(store) }))
    }

    /// How many bytes are asked for at once when reading goes on: by default 4 MiB. An element that
    /// is larger is asked for in one piece.
    #[must_use]
    pub fn request_size(self, bytes: u64) -> Fetched {
        self.store().request_size = bytes.max(1);
        self
    }

    /// How many bytes are kept: by default 64 MiB. To loop over an array without an index, a batch
    /// of its elements should fit in (NumPy writes 1,000), or its bytes are fetched twice.
    /// What one call needs together is kept in any case.
    #[must_use]
    pub fn memory(self, bytes: usize) -> Fetched {
        self.store().most = bytes;
        self
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The file, to be read from.
    pub fn source(&self) -> Source {
        Source::new(self.clone())
    }

    /// Puts bytes here that were fetched unasked. What lies beyond the end of the file, or is here
    /// already, is left out.
    pub fn put(&self, offset: u64, bytes: impl Into<Bytes>) {
        let mut bytes = bytes.into();
        let room = self.size().saturating_sub(offset);
        bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        self.store().put(offset, bytes);
    }

    /// These bytes of it, as if somebody had missed them.
    pub(crate) fn need(&self, range: Range<u64>) -> Need {
        Need { of: self.clone(), range }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadAt for Fetched {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.size() || buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(bytes) = self.store().held_from(offset) {
                let read = bytes.len().min(buffer.len());
                buffer[..read].copy_from_slice(&bytes[..read]);
                return Ok(read);
            }
            self.prepare(offset..offset + 1, offset.saturating_add(buffer.len() as u64))?;
        }
    }

    fn prepare(&self, needed: Range<u64>, likely: u64) -> io::Result<()> {
        let needed = needed.start..needed.end.min(self.size());
        let mut store = self.store();
        let mut from = needed.start;
        while from < needed.end {
            let Some(bytes) = store.held_from(from) else { break };
            from += bytes.len() as u64;
        }
        if from >= needed.end {
            return Ok(());
        }
        let size = store.request_size;
        let to = if likely == u64::MAX {
            // Who reads on comes back to what was stepped over.
            from = store.end_before(from).filter(|end| from - end < size).unwrap_or(from);
            from.saturating_add(size)
        } else {
            likely.max(from.saturating_add(size.min(Fetched::LEAST)))
        };
        let to = to.max(needed.end).min(self.size());
        store.missed = needed;
        let next = store.chunks.range(from..to).next().map(|(&start, _)| start);
        let need = self.need(from..next.unwrap_or(to));
        Err(Error::io_at(from, io::Error::new(io::ErrorKind::WouldBlock, need)).into())
    }

    fn release(&self) {
        let mut store = self.store();
        store.released = store.clock;
        store.clock += 1;
    }

    fn known_size(&self) -> Option<u64> {
        Some(self.0.size)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.size)
    }

    fn memory(&self) -> usize {
        self.store().held
    }
}

impl Store {
    /// What is held from a place on.
    fn held_from(&mut self, offset: u64) -> Option<Bytes> {
        let (&start, chunk) = self.chunks.range_mut(..=offset).next_back()?;
        if chunk.end(start) <= offset {
            return None;
        }
        chunk.used = self.clock;
        Some(chunk.bytes.slice((offset - start) as usize..))
    }

    /// Where the last stretch ends that begins before a place.
    fn end_before(&self, offset: u64) -> Option<u64> {
        let (&start, chunk) = self.chunks.range(..offset).next_back()?;
        Some(chunk.end(start))
    }

    fn put(&mut self, offset: u64, bytes: Bytes) {
        let (mut from, end) = (offset, offset + bytes.len() as u64);
        while from < end {
            if let Some(held) = self.held_from(from) {
                from += held.len() as u64;
                continue;
            }
            let next = self.chunks.range(from..end).next().map_or(end, |(&start, _)| start);
            let bytes = bytes.slice((from - offset) as usize..(next - offset) as usize);
            self.held += bytes.len();
            self.chunks.insert(from, Chunk { bytes, used: self.clock });
            from = next;
        }
        self.clock += 1;
        self.shrink();
    }

    /// Drops what was not used for longest, but nothing that the call under way has used: it begins
    /// anew, and needs it again. Nor what it needs together with bytes that it missed.
    fn shrink(&mut self) {
        let is_missed = |start, end| start < self.missed.end && self.missed.start < end;
        while self.held > self.most {
            let old = self.chunks.iter().filter(|&(&start, chunk)| {
                chunk.used <= self.released && !is_missed(start, chunk.end(start))
            });
            let Some((&start, _)) = old.min_by_key(|(_, chunk)| chunk.used) else { return };
            self.held -= self.chunks.remove(&start).map_or(0, |chunk| chunk.bytes.len());
        }
    }
}

impl Need {
    /// The file that they are of.
    pub fn of(&self) -> &Fetched {
        &self.of
    }

    /// Where they are: bytes from the start of the file.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Puts them where they were missed.
    ///
    /// Fails, as an I/O error, where these are not so many bytes: then they are others than were
    /// asked for, or the file is not as long as was said.
    pub fn fill(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        let (wanted, came) = (self.range.end - self.range.start, bytes.len() as u64);
        if wanted != came {
            let name = self.of.name();
            let message = format!("{name}: {wanted} bytes were asked for, {came} came");
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, message);
            return Err(Error::io_at(self.range.start, error));
        }
        self.of.store().put(self.range.start, bytes);
        Ok(())
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.range;
        write!(f, "bytes {start} to {end} of {} were not fetched", self.of.name())
    }
}

impl std::error::Error for Need {}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.store().held;
        f.debug_struct("Fetched").field("name", &self.name()).field("held", &held).finish()
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.of.name();
        f.debug_struct("Need").field("of", &name).field("range", &self.range).finish()
    }
}

impl Error {
    /// The bytes that have to be [`Fetched`] before the call that failed can go on, where that is
    /// why it failed.
    pub fn need(&self) -> Option<&Need> {
        let error: &io::Error = std::error::Error::source(self)?.downcast_ref()?;
        error.get_ref()?.downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const FILE: &[u8] = b"0123456789";

    /// What is asked for so that these bytes can be read.
    fn asked(file: &Fetched, needed: Range<u64>, likely: u64) -> Option<Range<u64>> {
        let error = Error::from(file.prepare(needed, likely).err()?);
        Some(error.need().expect("a need").range())
    }

    #[test]
    fn asks_for_what_is_not_there() {
        let file = Fetched::new("a", 1 << 20);
        assert_eq!(asked(&file, 10..20, 20), Some(10..10 + Fetched::LEAST));
        assert_eq!(asked(&file, 10..20, 8000), Some(10..8000));
        assert_eq!(asked(&file, 10..9000, 8000), Some(10..9000));
        let file = file.request_size(100_000);
        assert_eq!(asked(&file, 10..20, u64::MAX), Some(10..100_010));
        assert_eq!(asked(&file, 10..200_000, u64::MAX), Some(10..200_000));
        // As far as it goes, and to what is there.
        let end = 1 << 20;
        assert_eq!(asked(&file, end - 10..end + 10, u64::MAX), Some(end - 10..end));
        assert_eq!(asked(&file, end..end + 10, u64::MAX), None);
        // What was stepped over comes too.
        file.put(0, vec![0; 10]);
        assert_eq!(asked(&file, 5000..5010, u64::MAX), Some(10..100_010));
        assert_eq!(asked(&file, 5000..5010, 0), Some(5000..5000 + Fetched::LEAST));
        assert_eq!(asked(&file, 500_000..500_010, u64::MAX), Some(500_000..600_000));
        file.put(100, vec![0; 50]);
        assert_eq!(asked(&file, 100..150, 1000), None);
        assert_eq!(asked(&file, 10..20, 1000), Some(10..100));
        assert_eq!(asked(&file, 120..200, 6000), Some(150..6000));
    }

    #[test]
    fn what_overlaps_is_kept_once() {
        let file = Fetched::new("a", 10);
        for (from, to) in [(2, 4), (6, 7), (0, 9), (8, 10)] {
            file.put(from, &FILE[from as usize..to]);
        }
        file.put(9, &b"9 and more"[..]);
        file.put(20, &b"more"[..]);
        assert_eq!(ReadAt::memory(&file), 10);
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file.source().to_reader(), &mut bytes).unwrap();
        assert_eq!(bytes, FILE);
    }

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let file = Fetched::new("a", 1 << 20).memory(25);
        let is_there = |offset: u64| file.prepare(offset..offset + 1, 0).is_ok();
        for offset in [0, 100, 200] {
            file.put(offset, vec![0; 10]);
        }
        // A call may want all of them together.
        assert!(is_there(200) && is_there(0) && is_there(100));
        file.release();
        assert!(is_there(200));
        file.put(300, vec![0; 10]);
        assert!(is_there(200) && is_there(300) && !is_there(0) && !is_there(100));
    }

    #[test]
    fn fewer_bytes_than_were_asked_for_are_an_error() {
        let file = Fetched::new("a", 10);
        let error = Error::from(file.prepare(4..10, 0).unwrap_err());
        let need = error.need().unwrap();
        let error = need.fill(&b"456"[..]).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Io, Some(4)));
        assert_eq!(error.message(), "a: 6 bytes were asked for, 3 came");
        need.fill(&b"456789"[..]).unwrap();
        assert!(file.prepare(4..10, 0).is_ok());
    }
}
