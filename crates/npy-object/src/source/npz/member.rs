//! A member of an archive: its entry in the directory.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// A member of an archive, as the directory of the archive describes it.
#[derive(Clone, Debug)]
pub struct Member {
    pub(super) name: String,
    pub(super) raw_name: Vec<u8>,
    pub(super) method: Method,
    pub(super) encrypted: bool,
    pub(super) crc32: u32,
    pub(super) size: u64,
    pub(super) compressed_size: u64,
    /// The offset of its header in the archive.
    pub(super) offset: u64,
    /// The offset of what follows it: the header of another member, or the directory.
    pub(super) end: u64,
}

/// The compression of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// None: `numpy.savez`.
    Stored,
    /// Deflate: `numpy.savez_compressed`.
    Deflated,
    /// Another method, which is not supported, by its number in the zip format: 12 is bzip2, 14
    /// LZMA, 93 Zstandard.
    Other(u16),
}

/// The suffix that NumPy appends to the name of an array.
pub(super) const SUFFIX: &str = ".npy";

impl Member {
    /// Returns the name of the member, as Python reads it: UTF-8 where the archive says so, else
    /// code page 437, in which every byte is a character.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name without the `.npy` that NumPy appends.
    pub fn array_name(&self) -> &str {
        self.name.strip_suffix(SUFFIX).unwrap_or(&self.name)
    }

    /// Returns the bytes of the name in the archive.
    pub fn raw_name(&self) -> &[u8] {
        &self.raw_name
    }

    /// Returns the compression.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns whether the member is encrypted. It cannot be read then.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Returns the number of bytes of its data.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of bytes of its data in the archive, where they may be compressed.
    pub fn compressed_size(&self) -> u64 {
        self.compressed_size
    }

    /// Returns the CRC-32 of its data.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Returns the offset of its header: bytes from the start of the archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Compares the size and checksum of the data that were read with those of the directory.
    pub(super) fn check(&self, size: u64, crc: u32) -> Result<()> {
        if size != self.size {
            let message = format!("expected {} bytes in {}, found {size}", self.size, self.name);
            return Err(self.error(ErrorKind::Malformed, "npz.size", message));
        }
        if crc != self.crc32 {
            let message = format!(
                "expected CRC-32 {:08x} of {}, found {crc:08x}: the data are damaged",
                self.crc32, self.name
            );
            return Err(self.error(ErrorKind::Malformed, "npz.checksum", message));
        }
        Ok(())
    }

    /// Creates an error at the header of the member.
    #[cold]
    pub(super) fn error(
        &self,
        kind: ErrorKind,
        clause: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error::new(kind, clause, self.offset, message)
    }
}
