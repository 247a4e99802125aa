//! The format of an index: its first fields, and the checkpoints in blocks.

use std::ops::Range;

use super::fingerprint::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::checkpoints::{Checkpoint, Checkpoints};

/// The first bytes; the version comes after them.
const MAGIC: [u8; 7] = *b"npyoidx";
/// Bytes of the longest head.
pub(super) const HEAD: usize = 56;
/// Bytes of a checksum.
pub(super) const SUM: usize = 4;
/// Checkpoints of a block; the last block may have fewer.
const BLOCK: u64 = 256;
/// The most checkpoints: those of an array, and one after the last element.
pub(super) const MOST: u64 = Checkpoints::MOST as u64 + 1;

/// Whether an index has the place of every element, or checkpoints only. The number is the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Density {
    Sparse = 2,
    Dense = 3,
}

/// The first fields of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) density: Density,
    pub(super) fingerprint: Fingerprint,
    pub(super) elements: u64,
    pub(super) checkpoints: u64,
    /// Bytes of the index.
    pub(super) size: u64,
}

/// A checkpoint of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Checkpoint,
    /// Where its run begins: bytes from the start of the index. 0 in a sparse index.
    pub(super) run: u64,
}

impl Head {
    /// Parses the first fields of an index of `size` bytes, which begins with `bytes`.
    pub(super) fn of_bytes(bytes: &[u8], size: u64) -> Result<Head> {
        let truncated = || damaged("truncated", bytes.len() as u64);
        let (numbers, _) = bytes.as_chunks::<8>();
        let Some(([magic, numbers @ ..], rest)) = numbers.split_first_chunk::<6>() else {
            return Err(truncated());
        };
        let density = match magic.split_last() {
            Some((2, first)) if *first == MAGIC => Density::Sparse,
            Some((3, first)) if *first == MAGIC => Density::Dense,
            _ => return Err(damaged("no index of this version", 0)),
        };
        let [file_size, modified, sums, elements, checkpoints] = numbers.map(u64::from_le_bytes);
        if checkpoints > MOST {
            return Err(damaged("too long", 40));
        }
        let (samples, start) = (sums as u32, (sums >> 32) as u32);
        let fingerprint =
            Fingerprint { size: file_size, modified: modified as i64, samples, start };
        let mut head = Head { density, fingerprint, elements, checkpoints, size };
        head.size = match (density, rest.first()) {
            (Density::Sparse, _) => head.blocks_end(),
            (Density::Dense, Some(&size)) => u64::from_le_bytes(size),
            (Density::Dense, None) => return Err(truncated()),
        };
        if head.size != size || size < head.blocks_end() {
            return Err(damaged("of another length than it says", 0));
        }
        Ok(head)
    }

    /// Returns the bytes of the index up to the runs.
    pub(super) fn to_bytes(self, entries: &[Entry]) -> Vec<u8> {
        let Fingerprint { size, modified, samples, start } = self.fingerprint;
        let mut bytes = MAGIC.to_vec();
        bytes.push(self.density as u8);
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&modified.to_le_bytes());
        bytes.extend_from_slice(&samples.to_le_bytes());
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.extend_from_slice(&self.elements.to_le_bytes());
        bytes.extend_from_slice(&self.checkpoints.to_le_bytes());
        if self.density == Density::Dense {
            bytes.extend_from_slice(&self.size.to_le_bytes());
        }
        self.put_entries(&mut bytes, entries.iter().step_by(BLOCK as usize));
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        for block in entries.chunks(BLOCK as usize) {
            let begin = bytes.len();
            self.put_entries(&mut bytes, block);
            bytes.extend_from_slice(&crc32fast::hash(&bytes[begin..]).to_le_bytes());
        }
        bytes
    }

    fn put_entries<'a>(self, bytes: &mut Vec<u8>, entries: impl IntoIterator<Item = &'a Entry>) {
        for Entry { place, run } in entries {
            let [member, offset, memo] = place.to_numbers();
            let numbers = [member, offset, memo, *run];
            let numbers = &numbers[..self.entry() as usize / 8];
            numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        }
    }

    /// Returns the bytes of the first fields.
    fn head(self) -> u64 {
        if self.density == Density::Dense { HEAD as u64 } else { HEAD as u64 - 8 }
    }

    /// Returns the bytes of a checkpoint.
    fn entry(self) -> u64 {
        if self.density == Density::Dense { 32 } else { 24 }
    }

    /// Returns the number of bytes before the blocks.
    pub(super) fn front(self) -> u64 {
        self.head() + self.checkpoints.div_ceil(BLOCK) * self.entry() + SUM as u64
    }

    /// Returns where the last block ends. The runs are after it.
    pub(super) fn blocks_end(self) -> u64 {
        let sums = self.checkpoints.div_ceil(BLOCK) * SUM as u64;
        self.front() + self.checkpoints * self.entry() + sums
    }

    /// Returns where the runs begin, after room for half as many checkpoints again and a block.
    pub(super) fn with_room(self) -> u64 {
        let checkpoints = self.checkpoints + self.checkpoints / 2 + BLOCK;
        Head { checkpoints, ..self }.blocks_end()
    }

    /// Returns where a block is in the index.
    pub(super) fn block(self, number: usize) -> Range<u64> {
        let first = number as u64 * BLOCK;
        let count = (self.checkpoints - first).min(BLOCK);
        let begin = self.front() + number as u64 * (BLOCK * self.entry() + SUM as u64);
        begin..begin + count * self.entry() + SUM as u64
    }

    /// Parses the bytes before the blocks: the first checkpoint of each block.
    pub(super) fn firsts(self, front: &[u8]) -> Result<Vec<Entry>> {
        self.entries(front, self.head() as usize)
    }

    /// Parses the checkpoints from `begin` on, after which comes the checksum of all bytes.
    pub(super) fn entries(self, bytes: &[u8], begin: usize) -> Result<Vec<Entry>> {
        let bytes = without_sum(bytes)?;
        let entries: Vec<Entry> = bytes[begin..]
            .chunks_exact(self.entry() as usize)
            .map(|entry| {
                let number = |at: usize| {
                    let bytes = entry.get(at * 8..).and_then(|rest| rest.first_chunk());
                    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
                };
                let place = Checkpoint::from_numbers([number(0), number(1), number(2)]);
                Entry { place, run: number(3) }
            })
            .collect();
        self.check_order(&entries)?;
        Ok(entries)
    }

    /// Fails unless each checkpoint is after the one before it, and its run too.
    pub(super) fn check_order<'a>(
        self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<()> {
        let runs = match self.density {
            Density::Sparse => 0..=0,
            Density::Dense => self.blocks_end()..=self.size,
        };
        let is_in_order = entries.into_iter().is_sorted_by(|one, next| {
            one.place.is_before(next.place)
                && one.run <= next.run
                && runs.contains(&one.run)
                && runs.contains(&next.run)
        });
        if is_in_order { Ok(()) } else { Err(damaged("of places that are not in order", 0)) }
    }
}

/// Returns the bytes before their checksum.
pub(super) fn without_sum(bytes: &[u8]) -> Result<&[u8]> {
    let (bytes, sum) = bytes.split_at(bytes.len().saturating_sub(SUM));
    if sum == crc32fast::hash(bytes).to_le_bytes() {
        return Ok(bytes);
    }
    Err(damaged("damaged: its checksum is wrong", 0))
}

/// Returns the error for an index that cannot be used.
#[cold]
pub(super) fn damaged(how: &str, place: u64) -> Error {
    let message = format!("the index is {how}");
    Error::new(ErrorKind::Malformed, "index.layout", place, message)
}
