//! [`ReadBudget`]: a source that fails after a number of bytes, so that a look at a file takes bounded
//! time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::source::{ReadAt, Source};

/// The bytes that may still be read of a source: see [`Source::within`].
///
/// ```
/// use npy_object::nested::Tree;
/// use npy_object::Source;
///
/// let (source, budget) = Source::open("tests/data/splits.npy")?.within(16 << 20);
/// let root = Tree::new().read(source)?;
/// assert_eq!((root.to_string().as_str(), budget.is_spent()), ("dict of 2", false));
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReadBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: Source,
    bytes: u64,
    left: AtomicU64,
}

impl Source {
    /// Returns a source of the same bytes whose reads fail after `bytes` were read, and the budget.
    /// Payloads that are skipped are not read. A stream, which cannot skip, may be read up to this
    /// offset.
    pub fn within(&self, bytes: u64) -> (Source, ReadBudget) {
        let shared = Shared { source: self.clone(), bytes, left: AtomicU64::new(bytes) };
        let budget = ReadBudget(Arc::new(shared));
        (Source::new(budget.clone()), budget)
    }
}

impl ReadBudget {
    /// Resets the budget to its full size, and returns whether it was spent.
    pub fn refill(&self) -> bool {
        self.0.left.swap(self.0.bytes, Ordering::Relaxed) == 0
    }

    /// Discards an error if the budget is spent, as the error is then a consequence of that.
    pub fn excuse(&self, error: Error) -> Result<()> {
        if self.is_spent() { Ok(()) } else { Err(error) }
    }

    /// Returns whether a read has failed because the budget was spent.
    pub fn is_spent(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) == 0
    }
}

impl ReadAt for ReadBudget {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Shared { source, bytes, left } = &*self.0;
        let mut most = left.load(Ordering::Relaxed);
        if source.known_size().is_none() {
            most = most.min(bytes.saturating_sub(offset));
        }
        if most == 0 && !buffer.is_empty() {
            left.store(0, Ordering::Relaxed);
            return Err(io::Error::other(format!("over {bytes} bytes would have to be read")));
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

    fn is_size_announced(&self) -> bool {
        self.0.source.is_size_announced()
    }
}
