//! Where the bytes of a file are: on disk, in memory, behind something that can seek, in a stream.
//!
//! Every source answers one question: which bytes are at this place? What cannot go back, a stream,
//! is spooled, as far as it was asked for.

mod fetched;
mod file;
pub(crate) mod foreign;
pub(crate) mod format;
#[cfg(feature = "gzip")]
pub(crate) mod gzip;
#[cfg(feature = "gzip")]
pub(crate) mod inflate;
#[cfg(feature = "npz")]
pub mod npz;
mod reader;
mod spool;
pub(crate) mod window;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::options::SPOOL_MEMORY;
pub use fetched::{Fetched, Need};
use file::FileAt;
#[cfg(feature = "gzip")]
use inflate::Allowance;
use reader::Reader;
use spool::Spool;

/// Bytes that can be read at any place, by several threads at once.
///
/// Implement it to read from elsewhere, an object store for instance, and hand it to
/// [`Source::new`].
pub trait ReadAt: Send + Sync {
    /// Reads bytes from `offset` on into `buffer`, and returns how many: fewer than there is room
    /// for where that is convenient, and 0 only where there are none left, or no room.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Says which bytes will be read next, all of `needed`, as far as there are so many, and that
    /// those behind them up to `likely` may be wanted too; `u64::MAX` stands for reading on. Where
    /// they are far away they can be brought nearer in one go.
    fn prepare(&self, needed: Range<u64>, likely: u64) -> io::Result<()> {
        let _ = (needed, likely);
        Ok(())
    }

    /// Says that a call has come to its end which read, or that it goes on from where it stands: what
    /// was read for it before need not be kept.
    fn release(&self) {}

    /// How many bytes there are, where that is known without reading.
    fn known_size(&self) -> Option<u64>;

    /// How many bytes there are, by reading to the end if nothing else helps.
    fn size(&self) -> io::Result<u64>;

    /// Keeps no more than this many of the bytes in memory from here on.
    fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// Whether a byte can be read, or is known to be missing, without waiting for a stream.
    fn is_ready(&self, offset: u64) -> bool {
        let _ = offset;
        true
    }

    /// How many of the bytes are kept in memory.
    fn memory(&self) -> usize {
        0
    }

    /// How the bytes have changed since reading began, where that is known and they have.
    fn change(&self) -> Option<String> {
        None
    }
}

/// Bytes to read an array from, wherever they are.
///
/// It is cheap to clone, and every clone reads the same bytes, from several threads if need be.
///
/// ```
/// use npy_object::{Options, Source};
///
/// let two = [std::fs::read("tests/data/strings.npy")?, std::fs::read("tests/data/ragged.npy")?];
/// let source = Source::bytes(two.concat());
/// let second = source.section(two[0].len() as u64..);
/// assert_eq!(Options::new().read_source(second)?.shape(), [3]);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone)]
pub struct Source {
    place: Place,
    /// What says whether all of its bytes are those that were saved.
    check: Option<Arc<dyn Check>>,
    name: Option<Arc<str>>,
}

/// Knows whether the bytes of a source are those that were saved.
pub(crate) trait Check: Send + Sync {
    /// Compares, once the bytes before `end` were read, where there is nothing more to read for it or
    /// where it reads the rest.
    fn verify(&self, end: u64) -> Result<()>;
}

#[derive(Clone)]
enum Place {
    Memory(Bytes),
    /// The bytes from `start` on, before `end` or the end of all.
    At {
        all: Arc<dyn ReadAt>,
        start: u64,
        end: u64,
    },
}

impl Source {
    /// Bytes at places.
    pub fn new(bytes: impl ReadAt + 'static) -> Source {
        Source::at(Arc::new(bytes))
    }

    fn at(all: Arc<dyn ReadAt>) -> Source {
        Source::unchecked(Place::At { all, start: 0, end: u64::MAX })
    }

    fn unchecked(place: Place) -> Source {
        Source { place, check: None, name: None }
    }

    /// This source, with what can say whether its bytes are those that were saved.
    #[cfg(feature = "gzip")]
    pub(crate) fn checked(self, check: Arc<dyn Check>) -> Source {
        Source { check: Some(check), ..self }
    }

    /// Bytes at places, which know themselves whether they are those that were saved.
    #[cfg(feature = "gzip")]
    pub(crate) fn checking(bytes: impl ReadAt + Check + 'static) -> Source {
        let bytes = Arc::new(bytes);
        Source::at(bytes.clone()).checked(bytes)
    }

    /// A file, [named](Self::named) by its path.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Source> {
        let path = path.as_ref();
        Ok(Source::file(File::open(path)?)?.named(path.to_string_lossy()))
    }

    /// As [`open`](Self::open), with an error that names the path.
    pub(crate) fn open_path(path: &Path) -> Result<Source> {
        Source::open(path).map_err(|error| Error::from(error).in_path(path))
    }

    /// An open file, from its start, wherever it stands. Its length is that which it has now. What
    /// is no regular file, a named pipe for instance, is read as a [`stream`](Self::stream).
    pub fn file(file: File) -> io::Result<Source> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Source::stream(file));
        }
        Ok(Source::new(FileAt::new(file, &metadata)))
    }

    /// A file, mapped into memory: it is borrowed from there, and no memory but the system's cache
    /// of files holds it.
    ///
    /// Whether that is faster than [`open`](Self::open) depends on the system. A read error there,
    /// and a read of a page past the end of a file that was made shorter, end the process with the
    /// signal SIGBUS: no error can be returned. Files that others write to, and files on a network,
    /// are better opened with [`open`](Self::open).
    ///
    /// # Safety
    ///
    /// Nobody may change the file, or make it shorter, while this source or anything that was read
    /// from it is in use.
    #[cfg(feature = "mmap")]
    #[allow(unsafe_code, reason = "who calls it can know who writes to the file; we cannot")]
    pub unsafe fn map(path: impl AsRef<Path>) -> io::Result<Source> {
        let path = path.as_ref();
        let mut file = File::open(path)?;
        if !file.metadata()?.is_file() {
            // A folder says what it is when it is read.
            let _ = file.read(&mut [0])?;
            let message = "not a regular file: only a regular file can be mapped into memory";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        // SAFETY: the caller promises that the bytes stay what they are while they are mapped.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Source::bytes(map).named(path.to_string_lossy()))
    }

    /// What is in memory. It is borrowed from there and never copied.
    pub fn bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Source {
        Source::unchecked(Place::Memory(Bytes::from_owner(bytes)))
    }

    /// Anything that can seek, from its start. Threads wait for one another.
    pub fn reader(reader: impl Read + Seek + Send + 'static) -> io::Result<Source> {
        Ok(Source::new(Reader::new(reader)?))
    }

    /// Anything that can be read once, from the first byte to the last: a pipe, a socket.
    ///
    /// It is read as far as somebody asks. What was read of it is kept, the first 8 MiB in memory;
    /// of a longer one, all is in a temporary file that goes when the source does. An error of the
    /// stream stays: whoever asks for what is behind it gets it again.
    pub fn stream(stream: impl Read + Send + 'static) -> Source {
        Source::spooled(stream, SPOOL_MEMORY)
    }

    /// As [`stream`](Self::stream), with up to `memory` bytes in memory.
    pub fn spooled(stream: impl Read + Send + 'static, memory: usize) -> Source {
        Source::new(Spool::new(stream, memory))
    }

    /// What a gzip file holds, as a stream.
    #[cfg(feature = "gzip")]
    pub(crate) fn gunzip(self, allowance: Allowance, memory: usize) -> Source {
        let name = self.name.clone();
        Source { name, ..Source::unpacked(gzip::Gunzip::new(self, allowance), memory) }
    }

    /// What comes out of something compressed, whose reader gives all bytes before it says that their
    /// checksum is wrong.
    #[cfg(feature = "gzip")]
    pub(crate) fn unpacked(stream: impl Read + Send + 'static, memory: usize) -> Source {
        Source::checking(Spool::new(stream, memory))
    }

    /// A part of this one, that counts as a source: its places are counted from where it begins.
    /// What lies beyond the end of this source is not in it.
    pub fn section(&self, range: impl RangeBounds<u64>) -> Source {
        let from = match range.start_bound() {
            Bound::Included(&from) => from,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&to) => to,
            Bound::Unbounded => u64::MAX,
        };
        let place = match &self.place {
            Place::Memory(bytes) => {
                let to = to.min(bytes.len() as u64) as usize;
                Place::Memory(bytes.slice(to.min(from.try_into().unwrap_or(to))..to))
            }
            Place::At { all, start, end } => {
                let to = start.saturating_add(to).min(*end);
                Place::At {
                    all: Arc::clone(all),
                    start: start.saturating_add(from).min(to),
                    end: to,
                }
            }
        };
        // The checksum is that of all bytes up to the end.
        let check = self.check.clone().filter(|_| to == u64::MAX);
        Source { place, check, name: self.name.clone() }
    }

    /// Gives the bytes a name, a path for instance, which errors mention. Parts of the source, and
    /// what is unpacked from it, have the same name.
    pub fn named(self, name: impl Into<Arc<str>>) -> Source {
        Source { name: Some(name.into()), ..self }
    }

    /// The name of the bytes, if they have one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Bytes at a place, as many as are kept and as come at once after them: a stream may have no
    /// more for a long time. `None` where they cannot be read.
    fn some(&self, offset: u64, size: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; size];
        let mut read = self.read_at(&mut bytes, offset).ok()?;
        if read > 0 {
            read += self.read_at(&mut bytes[read..], offset + read as u64).unwrap_or(0);
        }
        bytes.truncate(read);
        Some(bytes)
    }

    /// Does something with the source, and [explains](Self::explain) its error.
    pub(crate) fn explained<T>(self, read: impl FnOnce(Source) -> Result<T>) -> Result<T> {
        read(self.clone()).map_err(|error| self.explain(error))
    }

    /// An error of what was read here, with the name of the source. It says so where the file is one
    /// of another kind, and where it is no longer what it was when it was opened.
    ///
    /// For errors of what was read by other means: what reads arrays here explains its errors.
    #[cold]
    pub fn explain(&self, error: impl Into<Error>) -> Error {
        let mut error: Error = error.into();
        if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Io) {
            return self.name().into_iter().fold(error, Error::in_file);
        }
        // What comes after the last array of a file is not an empty file.
        let is_part = matches!(self.place, Place::At { start: 1.., .. });
        if let Some(start) = self.some(0, foreign::START)
            && !(start.is_empty() && is_part)
        {
            let before = error.offset().unwrap_or(0).saturating_sub(foreign::SEARCHED as u64);
            let near = self.some(before, foreign::SEARCHED).unwrap_or_default();
            error = foreign::name(error, &start, &near);
        }
        if let Some(how) = self.change() {
            error = error.of_changed_file(&how);
        }
        self.name().into_iter().fold(error, Error::in_file)
    }

    /// Reads bytes from `offset` on into `buffer`, and returns how many: 0 only at the end, or where
    /// there is no room.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.place {
            Place::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                rest.unwrap_or_default().read(buffer)
            }
            Place::At { all, start, end } => {
                let offset = start.saturating_add(offset);
                let room = end.saturating_sub(offset).min(buffer.len() as u64) as usize;
                all.read_at(&mut buffer[..room], offset)
            }
        }
    }

    /// Says what will be read: see [`ReadAt::prepare`].
    pub(crate) fn prepare(&self, needed: Range<u64>, likely: u64) -> io::Result<()> {
        let Place::At { all, start, end } = &self.place else { return Ok(()) };
        let place = |offset: u64| start.saturating_add(offset).min(*end);
        let on = if likely == u64::MAX { likely } else { place(likely) };
        all.prepare(place(needed.start)..place(needed.end), on)
    }

    /// Says that nothing that was read has to be kept: see [`ReadAt::release`].
    pub(crate) fn release(&self) {
        if let Place::At { all, .. } = &self.place {
            all.release();
        }
    }

    /// Has a stream kept in a temporary file where it is longer than this many bytes, also what is
    /// in memory of it already. Sources that keep nothing in memory are not changed.
    ///
    /// Fails where the temporary file cannot be written.
    pub fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        match &self.place {
            Place::Memory(_) => Ok(()),
            Place::At { all, .. } => all.limit_memory(bytes),
        }
    }

    /// Whether a byte can be read, or is known to be missing, without waiting for a stream.
    pub fn is_ready(&self, offset: u64) -> bool {
        match &self.place {
            Place::Memory(_) => true,
            Place::At { all, start, .. } => all.is_ready(start.saturating_add(offset)),
        }
    }

    /// How many bytes there are, where that is known without reading.
    pub fn known_size(&self) -> Option<u64> {
        match &self.place {
            Place::Memory(bytes) => Some(bytes.len() as u64),
            Place::At { all, start, end } => {
                all.known_size().map(|size| size.min(*end).saturating_sub(*start))
            }
        }
    }

    /// How many bytes there are. A stream is read to its end for that.
    pub fn size(&self) -> io::Result<u64> {
        match &self.place {
            Place::Memory(bytes) => Ok(bytes.len() as u64),
            Place::At { all, start, end } => {
                // A stream is read no further than the section goes.
                let goes_on = *end == u64::MAX || all.known_size().is_some();
                let is_whole = !goes_on && *start < *end && all.read_at(&mut [0], end - 1)? == 1;
                let size = if is_whole { *end } else { all.size()?.min(*end) };
                Ok(size.saturating_sub(*start))
            }
        }
    }

    /// How the bytes have changed since reading began, where that is known and they have.
    pub(crate) fn change(&self) -> Option<String> {
        match &self.place {
            Place::Memory(_) => None,
            Place::At { all, .. } => all.change(),
        }
    }

    /// Reads what was not read yet of a [member](crate::Npz::source) of an archive, and compares size
    /// and checksum with those that the archive has; of what was compressed by gzip likewise. It is
    /// done once; what was read before is not read again.
    ///
    /// Of another source, or a [section](Self::section) that does not reach to the end, there is
    /// nothing to compare.
    pub fn verify(&self) -> Result<()> {
        self.verify_to(u64::MAX)
    }

    /// As [`verify`](Self::verify), after the bytes before `end` were read: of what comes after them
    /// it reads only what is needed. Of a gzip file in which the data go on, nothing is compared.
    ///
    /// A loop over elements does it after the last one.
    pub fn verify_to(&self, end: u64) -> Result<()> {
        let Some(check) = &self.check else { return Ok(()) };
        let start = match self.place {
            Place::Memory(_) => 0,
            Place::At { start, .. } => start,
        };
        let verified = check.verify(start.saturating_add(end));
        verified.map_err(|error| self.explain(error.naming_salvage()))
    }

    /// The bytes one after another, from the first on.
    pub fn to_reader(&self) -> SourceReader {
        SourceReader { source: self.clone(), position: 0 }
    }

    /// The bytes, where they are in memory or mapped into it: elements are borrowed from there.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.in_memory().map(|bytes| &bytes[..])
    }

    /// The bytes, if they are in memory.
    pub(crate) fn in_memory(&self) -> Option<&Bytes> {
        match &self.place {
            Place::Memory(bytes) => Some(bytes),
            Place::At { .. } => None,
        }
    }

    /// How many bytes the source keeps in memory, apart from those that were in memory before.
    pub fn memory(&self) -> usize {
        match &self.place {
            Place::Memory(_) => 0,
            Place::At { all, .. } => all.memory(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("size", &self.known_size()).finish_non_exhaustive()
    }
}

/// The bytes of a [`Source`] one after another.
#[derive(Clone, Debug)]
pub struct SourceReader {
    source: Source,
    position: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SourceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.source.size()?.checked_add_signed(by),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
