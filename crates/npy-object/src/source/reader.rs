//! Seekable readers. They have one cursor, so one thread at a time reads.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use super::read_at::ReadAt;

/// A seekable reader.
pub(super) struct Reader<R> {
    inner: Mutex<Inner<R>>,
    size: u64,
}

struct Inner<R> {
    reader: R,
    /// The offset of its cursor; `None` after an error, when it is unknown.
    position: Option<u64>,
}

impl<R: Read + Seek> Reader<R> {
    pub(super) fn new(mut reader: R) -> io::Result<Reader<R>> {
        let size = reader.seek(SeekFrom::End(0))?;
        Ok(Reader { inner: Mutex::new(Inner { reader, position: Some(size) }), size })
    }
}

impl<R: Read + Seek + Send> ReadAt for Reader<R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.position.take() != Some(offset) {
            inner.reader.seek(SeekFrom::Start(offset))?;
        }
        let read = inner.reader.read(buffer)?;
        inner.position = Some(offset + read as u64);
        Ok(read)
    }

    fn known_size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }
}
