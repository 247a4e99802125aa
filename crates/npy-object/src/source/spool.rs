//! Streams. They cannot go back, so the bytes that were read are kept: in memory up to a limit,
//! then in a temporary file without a name.
//!
//! A stream is read only as far as it is asked for, so that its first elements come before it ends.
//! A thread that asks for kept bytes does not wait for a thread that reads on.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::file;
#[cfg(feature = "gzip")]
use super::read_at::Check;
use super::read_at::ReadAt;
use crate::error::{Error, ErrorKind};

/// Bytes of a stream that are skipped at once.
const STEP: usize = 64 << 10;

/// A stream, and the bytes that were read from it.
pub(super) struct Spool {
    /// Locked before `store`, by the thread that reads on.
    stream: Mutex<Stream>,
    store: RwLock<Store>,
}

enum Stream {
    Going(Box<dyn Read + Send>),
    Ended,
    /// A read failed. Every later read fails with the same error.
    Failed(Error),
}

struct Store {
    /// The bytes, while they are at most `limit`.
    memory: Vec<u8>,
    limit: usize,
    file: Option<Arc<File>>,
    size: u64,
    ended: bool,
}

impl Spool {
    /// Creates a spool that keeps up to `limit` bytes in memory.
    pub(super) fn new(stream: impl Read + Send + 'static, limit: usize) -> Spool {
        let store = Store { memory: Vec::new(), limit, file: None, size: 0, ended: false };
        let stream = Mutex::new(Stream::Going(Box::new(stream)));
        Spool { stream, store: RwLock::new(store) }
    }

    /// Keeps at most `limit` bytes in memory from now on.
    fn lower_limit(&self, limit: usize) -> io::Result<()> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.limit = store.limit.min(limit);
        if store.memory.len() > store.limit { store.move_to_file() } else { Ok(()) }
    }

    /// Reads kept bytes; returns `None` where the one at `offset` was not read yet.
    fn kept(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        if store.size <= offset {
            return Ok(if store.ended { Some(0) } else { None });
        }
        let room = (store.size - offset).min(buffer.len() as u64) as usize;
        let buffer = &mut buffer[..room];
        let Some(file) = &store.file else {
            let from = offset as usize;
            buffer.copy_from_slice(&store.memory[from..from + room]);
            return Ok(Some(room));
        };
        let file = Arc::clone(file);
        drop(store);
        file::read_at(&file, buffer, offset).map(Some)
    }

    /// Reads the next bytes of the stream into `buffer` and the store.
    fn read_on(&self, stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = match stream {
            Stream::Going(reader) => reader,
            Stream::Ended => return Ok(0),
            Stream::Failed(error) => return Err(error.clone().into()),
        };
        let read = loop {
            match reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let kept = read.and_then(|read| store.append(&buffer[..read]).map(|()| read));
        match kept {
            Ok(0) => {
                *stream = Stream::Ended;
                store.ended = true;
                Ok(0)
            }
            Ok(read) => Ok(read),
            Err(error) => {
                let mut error = Error::from(error);
                if error.need().is_some() {
                    let message =
                        "compressed data cannot be read from bytes that are fetched in parts";
                    error = Error::new(ErrorKind::Unsupported, "access.fetched", None, message);
                }
                *stream = Stream::Failed(error.clone());
                Err(error.into())
            }
        }
    }

    fn stored(&self) -> u64 {
        self.store.read().unwrap_or_else(PoisonError::into_inner).size
    }
}

impl ReadAt for Spool {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Some(read) = self.kept(buffer, offset)? {
            return Ok(read);
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut step = Vec::new();
        loop {
            // Another thread may have read on in the meantime.
            if let Some(read) = self.kept(buffer, offset)? {
                return Ok(read);
            }
            match offset - self.stored() {
                0 => return self.read_on(&mut stream, buffer),
                before => {
                    step.resize(STEP, 0);
                    let size = before.min(STEP as u64) as usize;
                    self.read_on(&mut stream, &mut step[..size])?;
                }
            }
        }
    }

    fn known_size(&self) -> Option<u64> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.ended.then_some(store.size)
    }

    fn size(&self) -> io::Result<u64> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut step = vec![0; STEP];
        while self.read_on(&mut stream, &mut step)? > 0 {}
        Ok(self.stored())
    }

    fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        self.lower_limit(bytes)
    }

    fn is_ready(&self, offset: u64) -> bool {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        offset < store.size || store.ended
    }

    fn memory(&self) -> usize {
        self.store.read().unwrap_or_else(PoisonError::into_inner).memory.capacity()
    }
}

/// A decompressor compares the checksum where it finds the end: a read at `end` makes it do that.
#[cfg(feature = "gzip")]
impl Check for Spool {
    fn verify(&self, end: u64) -> crate::error::Result<()> {
        Ok(self.read_at(&mut [0], end).map(drop)?)
    }
}

impl Store {
    fn move_to_file(&mut self) -> io::Result<()> {
        let file = tempfile::tempfile().map_err(in_temporary_file)?;
        file::write_all_at(&file, &self.memory, 0).map_err(in_temporary_file)?;
        self.memory = Vec::new();
        self.file = Some(Arc::new(file));
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() && self.memory.len() + bytes.len() > self.limit {
            self.move_to_file()?;
        }
        match &self.file {
            Some(file) => {
                file::write_all_at(file, bytes, self.size).map_err(in_temporary_file)?;
            }
            None => {
                let (size, more) = (self.memory.len(), bytes.len());
                if self.memory.capacity() - size < more {
                    self.memory.reserve_exact((size + more).max(2 * size).min(self.limit) - size);
                }
                self.memory.extend_from_slice(bytes);
            }
        }
        self.size += bytes.len() as u64;
        Ok(())
    }
}

/// Names the folder of a temporary file, because the caller has not chosen one.
fn in_temporary_file(error: io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    io::Error::new(error.kind(), format!("a temporary file in {}: {error}", folder.display()))
}
