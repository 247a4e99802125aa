//! A source that gives up after a number of bytes, to look at a file of any size in bounded time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use npy_object::{ReadAt, Source};

/// Bytes that are read for a look; payloads are stepped over. Of a stream, which cannot be stepped
/// over, as many from its start on.
const BYTES: u64 = 16 << 20;

/// What is left to be read of a source.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Shared>);

struct Shared {
    source: Source,
    left: AtomicU64,
}

impl Budget {
    /// Returns the source, of which reading fails once the budget is spent, and the budget.
    pub(crate) fn of(source: &Source) -> (Source, Budget) {
        let budget =
            Budget(Arc::new(Shared { source: source.clone(), left: AtomicU64::new(BYTES) }));
        (Source::new(budget.clone()), budget)
    }

    /// Allows as many bytes again, and returns whether the budget was spent.
    pub(crate) fn refill(&self) -> bool {
        self.0.left.swap(BYTES, Ordering::Relaxed) == 0
    }

    /// Takes an error for none if it is a consequence of the spent budget.
    pub(crate) fn excuse(&self, error: npy_object::Error) -> npy_object::Result<()> {
        if self.is_spent() { Ok(()) } else { Err(error) }
    }

    /// Whether reading has failed because the budget was spent.
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
