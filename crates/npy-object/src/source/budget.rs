//! A budget of bytes that several readers share.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may come out of all compressed files and members inside one file.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    left: AtomicU64,
}

impl Budget {
    /// Creates a budget of this number of bytes.
    pub(crate) fn new(limit: u64) -> Budget {
        Budget { limit, left: AtomicU64::new(limit) }
    }

    /// Returns the number of bytes at the beginning.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes bytes. Returns whether there were as many.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}
