//! [`Source`]: the bytes that an array is read from, and sections of them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::file::FileAt;
use super::foreign;
use super::read_at::{Access, Check, ReadAt};
use super::reader::Reader;
use super::spool::Spool;
use crate::error::{Error, ErrorKind, Result};
use crate::options::SPOOL_MEMORY;

/// Bytes to read an array from: a file, memory, a stream, or any [`ReadAt`].
///
/// It is cheap to clone. Every clone reads the same bytes, from several threads if need be.
///
/// ```
/// use npy_object::{Options, Source};
///
/// let two = [std::fs::read("tests/data/strings.npy")?, std::fs::read("tests/data/ragged.npy")?];
/// let source = Source::bytes(two.concat());
/// let second = source.section(two[0].len() as u64..);
/// assert_eq!(Options::new().open(second)?.shape(), [3]);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone)]
pub struct Source {
    backing: Backing,
    check: Option<Arc<dyn Check>>,
    name: Option<Arc<str>>,
    /// The path of the file, if the source is all of it.
    path: Option<Arc<Path>>,
    /// The offset of the first byte in the file; `None` where the file holds these bytes compressed.
    origin: Option<u64>,
}

#[derive(Clone)]
enum Backing {
    Memory(Bytes),
    /// The bytes of `all` from `start` to `end`, or to the end of `all` where that comes first.
    ReadAt {
        all: Arc<dyn ReadAt>,
        start: u64,
        end: u64,
    },
}

impl Source {
    /// Creates a source of bytes that can be read at any offset.
    pub fn new(bytes: impl ReadAt + 'static) -> Source {
        Source::shared(Arc::new(bytes))
    }

    fn shared(all: Arc<dyn ReadAt>) -> Source {
        Source::of(Backing::ReadAt { all, start: 0, end: u64::MAX })
    }

    fn of(backing: Backing) -> Source {
        Source { backing, check: None, name: None, path: None, origin: Some(0) }
    }

    /// Returns this source with a check of its bytes.
    #[cfg(feature = "gzip")]
    pub(crate) fn checked(self, check: Arc<dyn Check>) -> Source {
        Source { check: Some(check), ..self }
    }

    /// Creates a source of bytes that check themselves.
    #[cfg(feature = "gzip")]
    pub(crate) fn checking(bytes: impl ReadAt + Check + 'static) -> Source {
        let bytes = Arc::new(bytes);
        Source::shared(bytes.clone()).checked(bytes)
    }

    /// Opens a file. The source is [named](Self::named) by the path, and keeps the
    /// [path](Self::path).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Source> {
        let path = path.as_ref();
        let file = File::open(path)?;
        let is_regular = file.metadata()?.is_file();
        let source = Source::file(file)?;
        // A pipe has a name, and no index.
        Ok(if is_regular { source.at_path(path) } else { source.named(path.to_string_lossy()) })
    }

    /// Returns this source as all of the file at `path`.
    fn at_path(self, path: &Path) -> Source {
        Source { path: Some(path.into()), ..self.named(path.to_string_lossy()) }
    }

    /// Returns this source, which was unpacked from `packed`, with the path of `packed`.
    pub(super) fn at_path_of(self, packed: &Source) -> Source {
        Source { path: packed.path.clone(), ..self }
    }

    /// Opens a file as [`open`](Self::open) does, with an error that names the path.
    pub(crate) fn open_path(path: &Path) -> Result<Source> {
        Source::open(path).map_err(|error| Error::from(error).in_path(path))
    }

    /// Creates a source of an open file, from its first byte, wherever its cursor is. The length is
    /// the one that the file has now. What is not a regular file, a named pipe for instance, is
    /// read as a [`stream`](Self::stream).
    pub fn file(file: File) -> io::Result<Source> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Source::stream(file));
        }
        Ok(Source::new(FileAt::new(file, &metadata)))
    }

    /// Maps a file into memory. Elements borrow their bytes from there, and the only memory that
    /// holds the file is the system's cache.
    ///
    /// Whether that is faster than [`open`](Self::open) depends on the system. A read error of the
    /// system, and a read past the end of a file that was made shorter, end the process with the
    /// signal SIGBUS: no error can be returned. Open files that other programs write to, and files
    /// on a network, with [`open`](Self::open).
    ///
    /// # Safety
    ///
    /// Nobody may change the file, or make it shorter, while this source or anything that was read
    /// from it is in use.
    #[cfg(feature = "mmap")]
    #[allow(
        unsafe_code,
        reason = "only the caller can know whether other programs write to the file"
    )]
    pub unsafe fn map(path: impl AsRef<Path>) -> io::Result<Source> {
        let path = path.as_ref();
        let mut file = File::open(path)?;
        if !file.metadata()?.is_file() {
            // Reading a directory gives the error of the system for directories.
            let _ = file.read(&mut [0])?;
            let message = "not a regular file: only a regular file can be mapped into memory";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        // SAFETY: the caller promises that the bytes do not change while they are mapped.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Source::bytes(map).at_path(path))
    }

    /// Creates a source of bytes in memory. Elements borrow from them; they are never copied.
    pub fn bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Source {
        Source::of(Backing::Memory(Bytes::from_owner(bytes)))
    }

    /// Creates a source of a seekable reader, from its first byte. Only one thread at a time reads.
    pub fn reader(reader: impl Read + Seek + Send + 'static) -> io::Result<Source> {
        Ok(Source::new(Reader::new(reader)?))
    }

    /// Creates a source of a stream, which can be read once, from the first byte to the last: a
    /// pipe, a socket.
    ///
    /// It is read only as far as it is asked for. The bytes that were read are kept: up to 8 MiB in
    /// memory, or all of a longer one in a temporary file, which is removed with the source. An
    /// error of the stream is permanent: every later read of the bytes after it fails with the same
    /// error.
    pub fn stream(stream: impl Read + Send + 'static) -> Source {
        Source::spooled(stream, SPOOL_MEMORY)
    }

    /// Creates a source as [`stream`](Self::stream) does, with up to `memory` bytes in memory.
    pub fn spooled(stream: impl Read + Send + 'static, memory: usize) -> Source {
        Source::new(Spool::new(stream, memory))
    }

    /// Creates a source of a decompressor, which returns all data before it fails on their
    /// checksum.
    #[cfg(feature = "gzip")]
    pub(crate) fn unpacked(stream: impl Read + Send + 'static, memory: usize) -> Source {
        Source::checking(Spool::new(stream, memory)).at_origin(None)
    }

    /// Returns a part of this source as a source of its own, whose offsets begin at 0. It ends no
    /// later than this source.
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
        let backing = match &self.backing {
            Backing::Memory(bytes) => {
                let to = to.min(bytes.len() as u64) as usize;
                Backing::Memory(bytes.slice(to.min(from.try_into().unwrap_or(to))..to))
            }
            Backing::ReadAt { all, start, end } => {
                let to = start.saturating_add(to).min(*end);
                Backing::ReadAt {
                    all: Arc::clone(all),
                    start: start.saturating_add(from).min(to),
                    end: to,
                }
            }
        };
        // The checksum is that of all bytes up to the end.
        let check = self.check.clone().filter(|_| to == u64::MAX);
        let path = self.path.clone().filter(|_| from == 0 && to == u64::MAX);
        let origin = self.origin.and_then(|origin| origin.checked_add(from));
        Source { backing, check, name: self.name.clone(), path, origin }
    }

    /// Returns this source with a name, such as a path, which errors mention. Sections of the
    /// source, and what is unpacked from it, have the same name.
    pub fn named(self, name: impl Into<Arc<str>>) -> Source {
        Source { name: Some(name.into()), ..self }
    }

    /// Returns the name of the bytes, if they have one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the path of the file that was opened, if this is all of it, or was unpacked from it.
    /// The index of the file is looked for next to it.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the offset of the first byte in the file that was opened: that of a section, or of a member
    /// that an archive stores without compression. `None` where the file holds these bytes compressed.
    pub fn origin(&self) -> Option<u64> {
        self.origin
    }

    /// Returns this source, whose first byte has this offset in the file.
    #[cfg(feature = "gzip")]
    pub(super) fn at_origin(self, origin: Option<u64>) -> Source {
        Source { origin, ..self }
    }

    /// Reads up to `size` bytes in at most two reads, because a stream may not have more for a long
    /// time. Returns `None` where they cannot be read.
    fn peek(&self, offset: u64, size: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; size];
        let mut read = self.read_at(&mut bytes, offset).ok()?;
        if read > 0 {
            read += self.read_at(&mut bytes[read..], offset + read as u64).unwrap_or(0);
        }
        bytes.truncate(read);
        Some(bytes)
    }

    /// Calls `read` with this source, and [explains](Self::explain) its error.
    pub(crate) fn explained<T>(self, read: impl FnOnce(Source) -> Result<T>) -> Result<T> {
        read(self.clone()).map_err(|error| self.explain(error))
    }

    /// Adds the name of this source to an error of reading it. If the source is another kind of
    /// file (such as an HTML page), or has changed since it was opened, the error says that
    /// instead.
    ///
    /// Everything in this crate that reads arrays does this. Call it on errors of other readers.
    #[cold]
    pub fn explain(&self, error: impl Into<Error>) -> Error {
        let mut error: Error = error.into();
        if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Io) {
            return self.name().into_iter().fold(error, Error::in_file);
        }
        // The end of the last array of a file is not an empty file.
        let is_part = matches!(self.backing, Backing::ReadAt { start: 1.., .. });
        if let Some(start) = self.peek(0, foreign::START)
            && !(start.is_empty() && is_part)
        {
            let before = error.offset().unwrap_or(0).saturating_sub(foreign::SEARCHED as u64);
            let near = self.peek(before, foreign::SEARCHED).unwrap_or_default();
            error = foreign::name(error, &start, &near);
        }
        if let Some(how) = self.change() {
            error = error.of_changed_file(&how);
        }
        self.name().into_iter().fold(error, Error::in_file)
    }

    /// Reads bytes from `offset` on into `buffer`, and returns how many. It may read fewer than
    /// there is room for. It returns 0 only at the end, or where there is no room.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.backing {
            Backing::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                rest.unwrap_or_default().read(buffer)
            }
            Backing::ReadAt { all, start, end } => {
                let offset = start.saturating_add(offset);
                let room = end.saturating_sub(offset).min(buffer.len() as u64) as usize;
                all.read_at(&mut buffer[..room], offset)
            }
        }
    }

    /// Announces a read: see [`ReadAt::prepare`].
    pub(crate) fn prepare(&self, needed: Range<u64>, access: Access) -> io::Result<()> {
        let Backing::ReadAt { all, start, end } = &self.backing else { return Ok(()) };
        let within = |offset: u64| start.saturating_add(offset).min(*end);
        let access = match access {
            Access::UpTo(offset) => Access::UpTo(within(offset)),
            access => access,
        };
        all.prepare(within(needed.start)..within(needed.end), access)
    }

    /// Announces that bytes that were read need not be kept: see [`ReadAt::release`].
    pub(crate) fn release(&self) {
        if let Backing::ReadAt { all, .. } = &self.backing {
            all.release();
        }
    }

    /// Limits the bytes of a stream that are kept in memory. If more are in memory already, all of
    /// them move to a temporary file. Does nothing for a source that keeps nothing in memory.
    ///
    /// Fails where the temporary file cannot be written.
    pub fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        match &self.backing {
            Backing::Memory(_) => Ok(()),
            Backing::ReadAt { all, .. } => all.limit_memory(bytes),
        }
    }

    /// Returns whether the byte at `offset`, or the end before it, can be read without waiting for
    /// a stream.
    pub fn is_ready(&self, offset: u64) -> bool {
        match &self.backing {
            Backing::Memory(_) => true,
            Backing::ReadAt { all, start, .. } => all.is_ready(start.saturating_add(offset)),
        }
    }

    /// Returns the number of bytes, where it is known without reading.
    pub fn known_size(&self) -> Option<u64> {
        match &self.backing {
            Backing::Memory(bytes) => Some(bytes.len() as u64),
            Backing::ReadAt { all, start, end } => {
                all.known_size().map(|size| size.min(*end).saturating_sub(*start))
            }
        }
    }

    /// Returns whether there may be fewer bytes than their number says: see
    /// [`ReadAt::is_size_announced`].
    pub fn is_size_announced(&self) -> bool {
        match &self.backing {
            Backing::Memory(_) => false,
            Backing::ReadAt { all, .. } => all.is_size_announced(),
        }
    }

    /// Returns the number of bytes. Reads a stream to its end.
    pub fn size(&self) -> io::Result<u64> {
        match &self.backing {
            Backing::Memory(bytes) => Ok(bytes.len() as u64),
            Backing::ReadAt { all, start, end } => {
                // A stream is read no further than the section goes.
                let goes_on = *end == u64::MAX || all.known_size().is_some();
                let is_whole = !goes_on && *start < *end && all.read_at(&mut [0], end - 1)? == 1;
                let size = if is_whole { *end } else { all.size()?.min(*end) };
                Ok(size.saturating_sub(*start))
            }
        }
    }

    /// Opens the index next to the bytes, if this is all of them: see [`ReadAt::index`].
    pub(crate) fn index(&self) -> Result<Option<Source>> {
        match &self.backing {
            Backing::ReadAt { all, start: 0, end: u64::MAX } => all.index(),
            _ => Ok(None),
        }
    }

    /// Returns how the bytes have changed since they were opened, where that is known and they
    /// have.
    pub(crate) fn change(&self) -> Option<String> {
        match &self.backing {
            Backing::Memory(_) => None,
            Backing::ReadAt { all, .. } => all.change(),
        }
    }

    /// Compares the size and checksum of a [member](crate::Npz::source) of an archive, or of a gzip
    /// file, with the ones that are stored there. Reads the bytes that were not read yet, and no
    /// other. The result is kept: a second call reads nothing.
    ///
    /// Does nothing for another source, or for a [section](Self::section) that ends before the end.
    pub fn verify(&self) -> Result<()> {
        self.verify_to(u64::MAX)
    }

    /// Compares as [`verify`](Self::verify) does, after the bytes before `end` were read. It does
    /// not read on in a gzip file: if there are data after `end`, it compares nothing.
    ///
    /// A loop over elements calls this after the last one.
    pub fn verify_to(&self, end: u64) -> Result<()> {
        let Some(check) = &self.check else { return Ok(()) };
        let start = match self.backing {
            Backing::Memory(_) => 0,
            Backing::ReadAt { start, .. } => start,
        };
        let verified = check.verify(start.saturating_add(end));
        verified.map_err(|error| self.explain(error.naming_salvage()))
    }

    /// Returns a reader of the bytes, from the first on.
    #[must_use]
    pub fn to_reader(&self) -> SourceReader {
        SourceReader { source: self.clone(), position: 0 }
    }

    /// Returns the bytes, if they are in memory or mapped into it. Elements borrow from them then.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.in_memory().map(|bytes| &bytes[..])
    }

    /// Returns the bytes, if they are in memory.
    pub(crate) fn in_memory(&self) -> Option<&Bytes> {
        match &self.backing {
            Backing::Memory(bytes) => Some(bytes),
            Backing::ReadAt { .. } => None,
        }
    }

    /// Returns how many bytes the source keeps in memory, without those that [`bytes`](Self::bytes)
    /// was given.
    pub fn memory(&self) -> usize {
        match &self.backing {
            Backing::Memory(_) => 0,
            Backing::ReadAt { all, .. } => all.memory(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("size", &self.known_size()).finish_non_exhaustive()
    }
}

/// A reader of the bytes of a [`Source`], one after another. It can seek.
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
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.source.size()?.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
