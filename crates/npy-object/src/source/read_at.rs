//! The traits that the bytes of a source implement.

use std::io;
use std::ops::Range;

use crate::error::Result;
use crate::source::Source;

/// Bytes that can be read at any offset, by several threads at once.
///
/// Implement it to read from an object store, for instance, and pass it to
/// [`Source::new`](crate::Source::new).
pub trait ReadAt: Send + Sync {
    /// Reads bytes from `offset` on into `buffer`, and returns how many. It may read fewer than
    /// there is room for. It returns 0 only at the end, or where there is no room.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Announces that the bytes `needed` are read next, and what is read after them. The range may
    /// reach past the end. An implementation whose reads are slow can fetch all of it in one
    /// request.
    ///
    /// By default it does nothing.
    fn prepare(&self, needed: Range<u64>, access: Access) -> io::Result<()> {
        let _ = (needed, access);
        Ok(())
    }

    /// Announces that the call that read has ended, or goes on from where it is: bytes that were
    /// read before need not be kept for it.
    ///
    /// By default it does nothing.
    fn release(&self) {}

    /// Returns the number of bytes, where it is known without reading.
    fn known_size(&self) -> Option<u64>;

    /// Returns the number of bytes. Reads to the end where that is the only way.
    fn size(&self) -> io::Result<u64>;

    /// Returns whether there may be fewer bytes than their number says: a server may announce any
    /// number. Then no memory is taken for bytes before they are read.
    ///
    /// The default implementation returns `false`.
    fn is_size_announced(&self) -> bool {
        false
    }

    /// Limits the bytes that are kept in memory from now on.
    ///
    /// By default it does nothing, which is right where nothing is kept.
    fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// Returns whether the byte at `offset`, or the end before it, can be read without waiting for
    /// a stream. By default it can.
    fn is_ready(&self, offset: u64) -> bool {
        let _ = offset;
        true
    }

    /// Returns how many bytes are kept in memory. By default none.
    fn memory(&self) -> usize {
        0
    }

    /// Opens the index next to these bytes, of which only what is needed is read. It is called where
    /// an array of objects, or a container, that begins with the first byte is opened.
    ///
    /// The default implementation returns `None`.
    fn index(&self) -> Result<Option<Source>> {
        Ok(None)
    }

    /// Returns how the bytes have changed since they were opened; `None` where they have not, or
    /// where that is not known, as by default.
    fn change(&self) -> Option<String> {
        None
    }
}

/// What is read after the bytes that are needed now: see [`ReadAt::prepare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Nothing that is known: the next read may be anywhere.
    Random,
    /// Probably the bytes up to this offset, and no others.
    UpTo(u64),
    /// The bytes that follow, up to the end: a loop over elements.
    Sequential,
}

/// A check of whether the bytes of a source are those that were saved.
pub(crate) trait Check: Send + Sync {
    /// Compares the checksum after the bytes before `end` were read. A member of an archive reads
    /// the rest for it; a gzip file is compared only where it ends at `end`.
    fn verify(&self, end: u64) -> Result<()>;
}
