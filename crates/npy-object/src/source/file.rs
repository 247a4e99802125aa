//! Regular files, read at offsets without moving the cursor, which other threads share.

use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

use super::read_at::ReadAt;

/// A file, with the size that it had when it was opened.
pub(super) struct FileAt {
    file: File,
    size: u64,
    /// The modification time when it was opened; `None` where the system does not have it.
    modified: Option<SystemTime>,
}

impl FileAt {
    pub(super) fn new(file: File, metadata: &Metadata) -> FileAt {
        FileAt { file, size: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl ReadAt for FileAt {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(&self.file, buffer, offset)
    }

    fn known_size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn change(&self) -> Option<String> {
        let now = self.file.metadata().ok()?;
        let (before, size) = (self.size, now.len());
        if size != before {
            return Some(format!("it had {before} bytes when it was opened, and has {size} now"));
        }
        let is_same = now.modified().ok() == self.modified;
        (!is_same).then(|| "it was written to".to_owned())
    }
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}
