//! What a source is, by its first bytes, and what is to be read where it holds something else.

use std::io;

use crate::error::{Cause, Error, Result};
#[cfg(feature = "npz")]
use crate::npz::Npz;
use crate::options::Options;
use crate::source::Source;

/// How often something may be packed into something: an array in an archive in a gzip file.
const NESTING: usize = 4;

/// What a file begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An array as `numpy.save` writes it.
    Npy,
    /// An archive, as `numpy.savez` writes it.
    Zip,
    /// A file that was compressed with gzip.
    Gzip,
    /// Anything else: a bare pickle, or what cannot be read.
    Other,
}

impl Format {
    /// What a source begins as, by its first bytes.
    pub fn of(source: &Source) -> io::Result<Format> {
        let mut start = [0; 6];
        let mut read = 0;
        while read < start.len() {
            match source.read_at(&mut start[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y'] => Format::Npy,
            // A member, or, where there is none, the end of the archive.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Format::Zip,
            [0x1f, 0x8b, ..] => Format::Gzip,
            _ => Format::Other,
        })
    }
}

impl Options {
    /// What is to be read of a source: of a gzip file what was compressed, of an archive its only
    /// array, of anything else the source itself. Whatever opens an array does this first.
    ///
    /// Fails with clause `npz.choice` where an archive has no array or several, and as reading does.
    pub fn unpack(&self, mut source: Source) -> Result<Source> {
        source.limit_memory(self.limits.spool)?;
        for _ in 0..NESTING {
            source = match Format::of(&source)? {
                Format::Npy | Format::Other => return Ok(source),
                Format::Gzip => self.gunzip(source)?,
                Format::Zip => self.only_member(source)?,
            };
        }
        let message = format!("compressed files in one another, over {NESTING} deep");
        Err(Error::new(Cause::Limit, "gzip.depth", None, message))
    }

    #[cfg(feature = "gzip")]
    pub(crate) fn gunzip(&self, source: Source) -> Result<Source> {
        Ok(source.gunzip(self.allowance(), self.spooled()))
    }

    #[cfg(not(feature = "gzip"))]
    pub(crate) fn gunzip(&self, _: Source) -> Result<Source> {
        let message = "a gzip file, which is read only with the feature `gzip`";
        Err(Error::new(Cause::Unsupported, "gzip.magic", 0, message))
    }

    #[cfg(feature = "npz")]
    fn only_member(&self, source: Source) -> Result<Source> {
        let archive = Npz::read(source, self)?;
        archive.source(archive.only()?)
    }

    #[cfg(not(feature = "npz"))]
    fn only_member(&self, _: Source) -> Result<Source> {
        let message = "an archive, which is read only with the feature `npz`";
        Err(Error::new(Cause::Unsupported, "npz.end", 0, message))
    }
}
