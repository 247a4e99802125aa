//! Bytes that the caller fetches. Reading those that are missing fails with an error that names
//! them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Access, ReadAt, Source};
use crate::error::{Error, Result};

/// The ranges of a file that your code has fetched from a server or a store.
///
/// It reads nothing itself. A call on its [`source`](Self::source), also one that opens an array,
/// either has all bytes that it needs, or fails with an error that says which are missing:
/// [`Error::need`]. Fetch them and make the same call again: it goes on where it was.
///
/// ```
/// use npy_object::{Fetched, Options, Result};
///
/// let server = std::fs::read("tests/data/strings.npy")?; // a local file in place of a server
/// let file = Fetched::new("strings.npy", server.len() as u64);
///
/// /// Calls `step` until it needs no more bytes.
/// fn fetching<T>(server: &[u8], mut step: impl FnMut() -> Result<T>) -> Result<T> {
///     loop {
///         let done = step();
///         let Some(need) = done.as_ref().err().and_then(|error| error.need()) else { return done };
///         let (from, to) = (need.range().start as usize, need.range().end as usize);
///         need.fill(server[from..to].to_vec())?; // a request to a server would be here
///     }
/// }
///
/// let mut array = fetching(&server, || Options::new().open(file.source()))?;
/// let second = fetching(&server, || Ok(array.get(1)?.unwrap().as_str()?.into_owned()))?;
/// assert_eq!(second, "NumPy");
/// # Ok::<(), npy_object::Error>(())
/// ```
///
/// A call asks for the bytes that it reads next, and for at least 4 KiB. A loop over elements asks
/// for [`request_size`](Self::request_size) bytes at once. Fetched bytes are kept until they are
/// more than [`memory`](Self::memory). Those that were not used for the longest time are dropped
/// first, and asked for again if they are needed again.
///
/// With [`Options::open_with_index`](crate::Options::open_with_index), a few kilobytes of an index
/// lead to any element. Compressed data can only be read from their beginning: fetch them as a
/// [`stream`](Source::stream).
///
/// It is cheap to clone, and all clones share the bytes.
#[derive(Clone)]
pub struct Fetched(Arc<Shared>);

struct Shared {
    name: String,
    size: u64,
    store: Mutex<Store>,
}

struct Store {
    /// By offset; no two overlap.
    chunks: BTreeMap<u64, Chunk>,
    held: usize,
    /// Rises with every call of `put` and `release`.
    clock: u64,
    /// Chunks that were not used since this time may be dropped.
    released: u64,
    /// The last range that was needed and not all there.
    missed: Range<u64>,
    request_size: u64,
    /// Bytes that are kept at most.
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

/// A range of a [`Fetched`] file that is needed next.
#[derive(Clone)]
pub struct Need {
    of: Fetched,
    range: Range<u64>,
}

impl Fetched {
    /// The default of `request_size`.
    const REQUEST_SIZE: u64 = 4 << 20;
    /// The default of `memory`.
    const MEMORY: usize = 64 << 20;
    /// Bytes that a request asks for at least, where the file has them.
    const LEAST: u64 = 4 << 10;

    /// Creates a file of `size` bytes, of which none was fetched. The name is for your code, and
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

    /// Sets how many bytes a loop over elements asks for at once: by default 4 MiB. A larger
    /// element is asked for in one request.
    #[must_use]
    pub fn request_size(self, bytes: u64) -> Fetched {
        self.store().request_size = bytes.max(1);
        self
    }

    /// Sets how many bytes are kept: by default 64 MiB. In a loop over an array without an index,
    /// the bytes of a batch (NumPy writes 1,000 elements) are fetched twice if they are more than
    /// this. The bytes that one call needs together are kept in any case.
    #[must_use]
    pub fn memory(self, bytes: usize) -> Fetched {
        self.store().most = bytes;
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the number of bytes of the file.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Returns a source of the file.
    pub fn source(&self) -> Source {
        Source::new(self.clone())
    }

    /// Adds bytes that no error has asked for. Those past the end of the file, and those that are
    /// here already, are left out.
    pub fn put(&self, offset: u64, bytes: impl Into<Bytes>) {
        let mut bytes = bytes.into();
        let room = self.size().saturating_sub(offset);
        bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        self.store().put(offset, bytes);
    }

    /// Returns the need of a range.
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
            let end = offset.saturating_add(buffer.len() as u64);
            self.prepare(offset..offset + 1, Access::UpTo(end))?;
        }
    }

    fn prepare(&self, needed: Range<u64>, access: Access) -> io::Result<()> {
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
        let least = from.saturating_add(size.min(Fetched::LEAST));
        let to = match access {
            Access::Random => least,
            Access::UpTo(end) => least.max(end),
            Access::Sequential => {
                // A loop comes back to the bytes that its survey has skipped.
                from = store.end_before(from).filter(|end| from - end < size).unwrap_or(from);
                from.saturating_add(size)
            }
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
    /// Returns the bytes that are here from `offset` on.
    fn held_from(&mut self, offset: u64) -> Option<Bytes> {
        let (&start, chunk) = self.chunks.range_mut(..=offset).next_back()?;
        if chunk.end(start) <= offset {
            return None;
        }
        chunk.used = self.clock;
        Some(chunk.bytes.slice((offset - start) as usize..))
    }

    /// Returns the end of the last chunk that begins before `offset`.
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

    /// Drops the chunks that were not used for the longest time, until at most `most` bytes are
    /// left. Keeps those that the current call has used, because it is made again and needs them
    /// again, and those in the range that it has missed.
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
    /// Returns the file.
    pub fn of(&self) -> &Fetched {
        &self.of
    }

    /// Returns the range: bytes from the start of the file.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Adds the bytes of the range to the file.
    ///
    /// Fails with an I/O error where `bytes` has another length than the range: then it is another
    /// range, or the file has another size.
    pub fn fill(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        let (wanted, came) = (self.range.end - self.range.start, bytes.len() as u64);
        if wanted != came {
            let name = self.of.name();
            let message = format!("{name}: expected {wanted} bytes, found {came}");
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
        write!(f, "bytes {start} to {end} of {} are not fetched yet", self.of.name())
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
    /// Returns the bytes to add to a [`Fetched`] file before the same call can go on; `None` for an
    /// error with another reason.
    pub fn need(&self) -> Option<&Need> {
        let error: &io::Error = std::error::Error::source(self)?.downcast_ref()?;
        error.get_ref()?.downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::Access::{Random, Sequential, UpTo};
    use super::*;
    use crate::error::ErrorKind;

    const FILE: &[u8] = b"0123456789";

    /// Returns the range that is asked for so that these bytes can be read.
    fn asked(file: &Fetched, needed: Range<u64>, access: Access) -> Option<Range<u64>> {
        let error = Error::from(file.prepare(needed, access).err()?);
        Some(error.need().expect("a need").range())
    }

    #[test]
    fn prepare_of_missing_bytes_asks_for_them() {
        let file = Fetched::new("a", 1 << 20);
        assert_eq!(asked(&file, 10..20, UpTo(20)), Some(10..10 + Fetched::LEAST));
        assert_eq!(asked(&file, 10..20, UpTo(8000)), Some(10..8000));
        assert_eq!(asked(&file, 10..9000, UpTo(8000)), Some(10..9000));
        let file = file.request_size(100_000);
        assert_eq!(asked(&file, 10..20, Sequential), Some(10..100_010));
        assert_eq!(asked(&file, 10..200_000, Sequential), Some(10..200_000));
        // Up to the end of the file, and up to the bytes that are there.
        let end = 1 << 20;
        assert_eq!(asked(&file, end - 10..end + 10, Sequential), Some(end - 10..end));
        assert_eq!(asked(&file, end..end + 10, Sequential), None);
        // The bytes that were skipped come too.
        file.put(0, vec![0; 10]);
        assert_eq!(asked(&file, 5000..5010, Sequential), Some(10..100_010));
        assert_eq!(asked(&file, 5000..5010, Random), Some(5000..5000 + Fetched::LEAST));
        assert_eq!(asked(&file, 500_000..500_010, Sequential), Some(500_000..600_000));
        file.put(100, vec![0; 50]);
        assert_eq!(asked(&file, 100..150, UpTo(1000)), None);
        assert_eq!(asked(&file, 10..20, UpTo(1000)), Some(10..100));
        assert_eq!(asked(&file, 120..200, UpTo(6000)), Some(150..6000));
    }

    #[test]
    fn put_of_overlapping_bytes_keeps_them_once() {
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
    fn put_over_the_limit_drops_the_least_recently_used() {
        let file = Fetched::new("a", 1 << 20).memory(25);
        let is_there = |offset: u64| file.prepare(offset..offset + 1, Random).is_ok();
        for offset in [0, 100, 200] {
            file.put(offset, vec![0; 10]);
        }
        // One call may need all of them together.
        assert!(is_there(200) && is_there(0) && is_there(100));
        file.release();
        assert!(is_there(200));
        file.put(300, vec![0; 10]);
        assert!(is_there(200) && is_there(300) && !is_there(0) && !is_there(100));
    }

    #[test]
    fn fill_with_too_few_bytes_fails() {
        let file = Fetched::new("a", 10);
        let error = Error::from(file.prepare(4..10, Random).unwrap_err());
        let need = error.need().unwrap();
        let error = need.fill(&b"456"[..]).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Io, Some(4)));
        assert_eq!(error.message(), "a: expected 6 bytes, found 3");
        need.fill(&b"456789"[..]).unwrap();
        assert!(file.prepare(4..10, Random).is_ok());
    }
}
