//! The data of a stored member, hashed as they are read.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crc32fast::Hasher;

use super::member::Member;
use crate::error::{Error, Result};
use crate::source::read_at::Check;
use crate::source::{Access, ReadAt, Source};

/// The data of a stored member. Bytes are hashed when they are read, in any order, so that
/// [`verify`](Check::verify) reads only those that were not read yet.
pub(super) struct Stored {
    data: Source,
    member: Member,
    hashed: Mutex<Hashed>,
    /// The result of the check. An I/O error is not kept, because it may be temporary.
    outcome: OnceLock<std::result::Result<(), Error>>,
}

impl Stored {
    pub(super) fn new(data: Source, member: Member) -> Stored {
        Stored { data, member, hashed: Mutex::default(), outcome: OnceLock::new() }
    }

    fn hashed(&self) -> MutexGuard<'_, Hashed> {
        self.hashed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the bytes that were not read yet. Returns the number of all bytes, and their checksum.
    fn read_the_rest(&self) -> io::Result<(u64, u32)> {
        if let Some(bytes) = self.data.in_memory() {
            return Ok((bytes.len() as u64, crc32fast::hash(bytes)));
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            let gap = self.hashed().gap(self.member.size);
            let room = (gap.end - gap.start).min(BUFFER as u64) as usize;
            self.data.prepare(gap.start..gap.start + room as u64, Access::UpTo(gap.end))?;
            match self.read_at(&mut buffer[..room], gap.start) {
                Ok(0) => {
                    let hashed = self.hashed();
                    let (end, hasher) = hashed.first();
                    return Ok((end, hasher.finalize()));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Check for Stored {
    fn verify(&self, _end: u64) -> Result<()> {
        if let Some(outcome) = self.outcome.get() {
            return outcome.clone();
        }
        let (size, crc) = self.read_the_rest()?;
        self.outcome.get_or_init(|| self.member.check(size, crc)).clone()
    }
}

impl ReadAt for Stored {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.data.read_at(buffer, offset)?;
        self.hashed().add(offset, &buffer[..read]);
        Ok(read)
    }

    fn prepare(&self, needed: Range<u64>, access: Access) -> io::Result<()> {
        self.data.prepare(needed, access)
    }

    fn release(&self) {
        self.data.release();
    }

    fn known_size(&self) -> Option<u64> {
        self.data.known_size()
    }

    fn size(&self) -> io::Result<u64> {
        self.data.size()
    }

    fn is_size_announced(&self) -> bool {
        self.data.is_size_announced()
    }

    fn is_ready(&self, offset: u64) -> bool {
        self.data.is_ready(offset)
    }

    fn memory(&self) -> usize {
        self.data.memory()
    }

    fn change(&self) -> Option<String> {
        self.data.change()
    }
}

/// Bytes that `verify` reads at once.
const BUFFER: usize = 64 << 10;

/// Ranges that are remembered at most. Bytes of others are read again.
const MOST: usize = 4096;

/// The ranges of bytes that were hashed, in order. No two touch.
#[derive(Default)]
struct Hashed(Vec<HashedRange>);

struct HashedRange {
    start: u64,
    end: u64,
    hasher: Hasher,
}

impl Hashed {
    /// Hashes bytes that were read, without those that were hashed before.
    fn add(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        let mut from = offset;
        while from < end {
            // The first range that does not end before `from`.
            let at = self.0.partition_point(|range| range.end < from);
            let next = self.0.get(at);
            if let Some(range) = next.filter(|it| it.start <= from && from < it.end) {
                from = range.end;
                continue;
            }
            let touches = next.is_some_and(|range| range.end == from);
            let after = self.0.get(at + usize::from(touches));
            let to = after.map_or(end, |range| range.start.min(end));
            let part = &bytes[(from - offset) as usize..(to - offset) as usize];
            if touches {
                self.0[at].hasher.update(part);
                self.0[at].end = to;
            } else if self.0.len() < MOST {
                let mut hasher = Hasher::new();
                hasher.update(part);
                self.0.insert(at, HashedRange { start: from, end: to, hasher });
            } else {
                return;
            }
            self.join(at);
            from = to;
        }
    }

    /// Joins the range at this index and the next, if they touch.
    fn join(&mut self, at: usize) {
        if let [range, next, ..] = &mut self.0[at..]
            && range.end == next.start
        {
            range.hasher.combine(&next.hasher);
            range.end = next.end;
            self.0.remove(at + 1);
        }
    }

    /// Returns the first range before `size` that was not hashed.
    fn gap(&self, size: u64) -> Range<u64> {
        let (start, _) = self.first();
        let second = self.0.iter().map(|range| range.start).find(|&begin| begin > start);
        start..second.unwrap_or(size).max(start)
    }

    /// Returns the end of the range that begins at 0, and its hash.
    fn first(&self) -> (u64, Hasher) {
        match self.0.first().filter(|range| range.start == 0) {
            Some(range) => (range.end, range.hasher.clone()),
            None => (0, Hasher::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hashed_in_any_order_gives_the_checksum_of_all(
            reads in prop::collection::vec((0..300usize, 0..80usize), 0..40),
        ) {
            let bytes: Vec<u8> = (0..300).map(|n| (n * 7 % 251) as u8).collect();
            let mut hashed = Hashed::default();
            for (start, len) in reads {
                hashed.add(start as u64, &bytes[start..(start + len).min(300)]);
            }
            prop_assert!(hashed.0.is_sorted_by(|one, next| one.end < next.start));
            loop {
                let gap = hashed.gap(300);
                if gap.is_empty() {
                    break;
                }
                hashed.add(gap.start, &bytes[gap.start as usize..gap.end as usize]);
            }
            let (end, hasher) = hashed.first();
            prop_assert_eq!((end, hasher.finalize()), (300, crc32fast::hash(&bytes)));
        }
    }
}
