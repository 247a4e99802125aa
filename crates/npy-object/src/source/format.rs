//! The format of a file by its first bytes, and unpacking of compressed files.

use std::io;

use pickle_stream::{Graph, Lexer, Limits as PickleLimits, Machine, Opcode, Ran, Region};

#[cfg(not(all(feature = "gzip", feature = "npz")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::source::Source;
#[cfg(feature = "gzip")]
use crate::source::inflate::Allowance;
#[cfg(feature = "npz")]
use crate::source::npz::Npz;

/// How deep compressed files may be in one another, as an array in an archive in a gzip file is.
const NESTING: usize = 4;

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
    /// A pickle without a preamble. Before protocol 2 it may begin with almost any opcode, so its
    /// first instructions are tried.
    Pickle,
    /// Another format, which cannot be read.
    Other,
}

/// Bytes of a pickle without PROTO in which instructions are tried.
const TRIED: usize = 512;

impl Format {
    /// Returns the format that a source begins with. Reads no more bytes than that needs, and at most
    /// 512.
    pub fn of(source: &Source) -> io::Result<Format> {
        let mut head = Head { source, bytes: Vec::new() };
        let Some(&first) = head.fill(1)?.first() else { return Ok(Format::Other) };
        let format = match first {
            0x93 if head.fill(6)? == b"\x93NUMPY" => Format::Npy,
            // The header of a member; in an empty archive the end record.
            b'P' if matches!(head.fill(4)?, b"PK\x03\x04" | b"PK\x05\x06") => Format::Zip,
            0x1f if head.fill(2)? == [0x1f, 0x8b] => Format::Gzip,
            0x80 if matches!(head.fill(2)?, [_, 0..=5]) => Format::Pickle,
            _ if Opcode::from_byte(first).is_some() && head.is_pickle()? => Format::Pickle,
            _ => Format::Other,
        };
        Ok(format)
    }
}

/// Returns whether these may be the first bytes of an instruction whose argument is a long line: a
/// number, a quoted string, or any text.
fn may_be_line(bytes: &[u8]) -> bool {
    match bytes {
        [b'I' | b'L' | b'F' | b'g' | b'p', line @ ..] => {
            line.iter().all(|byte| byte.is_ascii_digit() || b"+-.eEL_ ".contains(byte))
        }
        [b'S', line @ ..] => matches!(line.first(), Some(b'\'' | b'"')),
        _ => true,
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

    /// Returns whether the first instructions, run on an empty stack, are those of a pickle: at least
    /// one is whole, and none fails before STOP or the end of the bytes that are tried.
    fn is_pickle(&mut self) -> io::Result<bool> {
        let limits = PickleLimits::default();
        let (mut graph, mut lexer) = (Graph::new(), Lexer::new(0, &limits));
        let mut machine = Machine::new(&limits);
        machine.reset(&graph, Region::Own, 0);
        let mut size = 1;
        loop {
            let bytes = self.fill(size)?;
            let (run, have) = (lexer.offset() as usize, bytes.len());
            match machine.run(&mut graph, &mut lexer, &bytes[run..]) {
                Ok(Ran::Stop(_)) => return Ok(true),
                Ok(Ran::Need(_)) if have < size => return Ok(lexer.offset() > 0),
                Ok(Ran::Need(_)) if have >= TRIED => {
                    return Ok(run > 0 || lexer.offset() > 0 || may_be_line(bytes));
                }
                Ok(Ran::Need(more)) => size = have.saturating_add(more).min(TRIED),
                Ok(Ran::Missing(_)) | Err(_) => return Ok(false),
            }
        }
    }
}

impl Options {
    /// Returns the source to read an array from: the data of a gzip file, the only array of an
    /// archive, or the source itself. Everything that opens an array does this first.
    ///
    /// Fails with clause `npz.choice` where an archive has no array or several, and as reading does.
    pub fn unpack(&self, mut source: Source) -> Result<Source> {
        source.limit_memory(self.limits.spool)?;
        for _ in 0..NESTING {
            source = match Format::of(&source)? {
                Format::Npy | Format::Pickle | Format::Other => return Ok(source),
                Format::Gzip => self.gunzip(source)?,
                Format::Zip => self.only_member(source)?,
            };
        }
        let message = format!("compressed files in one another: over {NESTING} deep");
        Err(Error::over_limit(NESTING as u64, "gzip.depth", None, message))
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
