//! A source that fails after a number of bytes, so that `info` takes bounded time on any file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use npy_object::{ReadAt, Source};

/// Bytes that may be read; skipped payloads are not read. A stream, which cannot skip, may be read up
/// to this offset.
const BYTES: u64 = 16 << 20;

/// The bytes that may still be read of a source.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Shared>);

struct Shared {
    source: Source,
    left: AtomicU64,
}

impl Budget {
    /// Wraps a source: returns one whose reads fail once the budget is spent, and the budget.
    pub(crate) fn of(source: &Source) -> (Source, Budget) {
        let budget =
            Budget(Arc::new(Shared { source: source.clone(), left: AtomicU64::new(BYTES) }));
        (Source::new(budget.clone()), budget)
    }

    /// Resets the budget to its full size, and returns whether it was spent.
    pub(crate) fn refill(&self) -> bool {
        self.0.left.swap(BYTES, Ordering::Relaxed) == 0
    }

    /// Discards an error if the budget is spent, as the error is then a consequence of that.
    pub(crate) fn excuse(&self, error: npy_object::Error) -> npy_object::Result<()> {
        if self.is_spent() { Ok(()) } else { Err(error) }
    }

    /// Returns whether a read has failed because the budget was spent.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) == 0
    }
}

impl ReadAt for Budget {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Shared { source, left } = &*self.0;
        let mut most = left.load(Ordering::Relaxed);
        if source.known_size().is_none() {
            most = most.min(BYTES.saturating_sub(offset));
        }
        if most == 0 && !buffer.is_empty() {
            left.store(0, Ordering::Relaxed);
            return Err(io::Error::other(format!("over {BYTES} bytes would have to be read")));
        }
        let room = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let read = source.read_at(&mut buffer[..room], offset)?;
        left.fetch_sub(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn is_ready(&self, offset: u64) -> bool {
        self.0.source.is_ready(offset)
    }

    fn known_size(&self) -> Option<u64> {
        self.0.source.known_size()
    }

    fn size(&self) -> io::Result<u64> {
        self.0.source.size()
    }
}
