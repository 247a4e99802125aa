//! The format of a file by its first bytes, and unpacking of compressed files.

use std::io;

use pickle_stream::{Progress, Sniffer};

#[cfg(not(all(feature = "gzip", feature = "npz")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
#[cfg(feature = "gzip")]
use crate::source::inflate::Allowance;
#[cfg(feature = "npz")]
use crate::source::npz::Npz;

/// The deepest nesting of compressed files, and for an audit of archives after arrays. An array in an
/// archive in a gzip file is 2 deep.
pub(crate) const NESTING: usize = 4;

/// The text with which an append begins, in an instruction: see `write::append`.
pub(crate) const APPENDED: &[u8] = b"npyo append ";

/// The format of a file, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// An array, as `numpy.save` writes it.
    Npy,
    /// An archive, as `numpy.savez` writes it.
    Zip,
    /// A file that was compressed with gzip.
    Gzip,
    /// A pickle without a preamble. Before protocol 2 it may begin with almost any byte, so its
    /// first instructions are tried.
    Pickle,
    /// Another format, which cannot be read.
    Other,
}

impl Format {
    /// Returns the format that a source begins with. Reads no more bytes than that needs, and at
    /// most 512.
    pub fn of(source: &Source) -> io::Result<Format> {
        let mut head = Head { source, bytes: Vec::new() };
        let Some(&first) = head.fill(1)?.first() else { return Ok(Format::Other) };
        let format = match first {
            0x93 if head.fill(6)? == b"\x93NUMPY" => Format::Npy,
            // The header of a member; in an empty archive the end record.
            b'P' if matches!(head.fill(4)?, b"PK\x03\x04" | b"PK\x05\x06") => Format::Zip,
            0x1f if head.fill(2)? == [0x1f, 0x8b] => Format::Gzip,
            b'U' if head.fill(2 + APPENDED.len())?.ends_with(APPENDED) => Format::Other,
            _ if head.is_pickle()? => Format::Pickle,
            _ => Format::Other,
        };
        Ok(format)
    }
}

/// The first bytes of a source.
struct Head<'a> {
    source: &'a Source,
    bytes: Vec<u8>,
}

impl Head<'_> {
    /// Reads up to `size` bytes in all, or to the end of the source. Returns them.
    fn fill(&mut self, size: usize) -> io::Result<&[u8]> {
        let mut read = self.bytes.len();
        self.bytes.resize(size.max(read), 0);
        while read < size {
            match self.source.read_at(&mut self.bytes[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.truncate(read);
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(read);
        Ok(&self.bytes)
    }

    /// Returns whether these are the first bytes of a pickle.
    fn is_pickle(&mut self) -> io::Result<bool> {
        let (mut sniffer, mut size) = (Sniffer::new(), 1);
        loop {
            let bytes = self.fill(size)?;
            match sniffer.advance(bytes, bytes.len() < size) {
                Progress::Done(is_pickle) => return Ok(is_pickle),
                Progress::Need(more) => size = bytes.len() + more,
            }
        }
    }
}

impl Options {
    /// Returns the source to read an array from: the data of a gzip file, the only array of an
    /// archive, or the source itself. Everything that opens an array does this first.
    ///
    /// Fails with clause `npz.choice` where an archive has no array or several, and as reading
    /// does.
    pub fn unpack(&self, source: Source) -> Result<Source> {
        self.unpack_and_tell(source).map(|(source, _)| source)
    }

    /// Does what [`unpack`](Self::unpack) does, and also returns the format of the source.
    pub(crate) fn unpack_and_tell(&self, mut source: Source) -> Result<(Source, Format)> {
        let packed = source.clone();
        source.limit_memory(self.most_spooled())?;
        for _ in 0..NESTING {
            source = match Format::of(&source)? {
                format @ (Format::Npy | Format::Pickle | Format::Other) => {
                    return Ok((source.at_path_of(&packed), format));
                }
                Format::Gzip => self.gunzip(source)?,
                Format::Zip => self.only_member(source)?,
            };
        }
        Err(too_deep("compressed files", None))
    }

    #[cfg(feature = "gzip")]
    pub(crate) fn gunzip(&self, source: Source) -> Result<Source> {
        Ok(source.gunzip(Allowance::of(self), self.spooled()))
    }

    #[cfg(not(feature = "gzip"))]
    pub(crate) fn gunzip(&self, _: Source) -> Result<Source> {
        let message = "this is a gzip file: reading it needs the feature `gzip`";
        Err(Error::new(ErrorKind::Unsupported, "gzip.magic", 0, message))
    }

    #[cfg(feature = "npz")]
    fn only_member(&self, source: Source) -> Result<Source> {
        let archive = Npz::read(source, self)?;
        archive.source(archive.only()?)
    }

    #[cfg(not(feature = "npz"))]
    fn only_member(&self, _: Source) -> Result<Source> {
        let message = "this is an archive: reading it needs the feature `npz`";
        Err(Error::new(ErrorKind::Unsupported, "npz.end", 0, message))
    }
}

/// Returns the error for files that are nested deeper than [`NESTING`].
#[cold]
pub(crate) fn too_deep(files: &str, offset: Option<u64>) -> Error {
    let message = format!("{files} are nested over {NESTING} deep");
    Error::over_limit(NESTING as u64, "gzip.depth", offset, message)
}
