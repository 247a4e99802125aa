//! The format of an index: its first fields, and the checkpoints in blocks.

use std::ops::Range;

use super::fingerprint::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::checkpoints::{Checkpoint, Checkpoints};

const MAGIC: [u8; 8] = *b"npyoidx\x02";
/// Bytes before the checkpoints.
pub(super) const HEAD: usize = 48;
/// Bytes of a checkpoint.
const CHECKPOINT: usize = 24;
/// Bytes of a checksum.
const SUM: usize = 4;
/// Checkpoints of a block; the last block may have fewer.
const BLOCK: usize = 256;
/// The most checkpoints: those of an array, and one after the last element.
pub(super) const MOST: u64 = Checkpoints::MOST as u64 + 1;

/// The first fields of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) fingerprint: Fingerprint,
    pub(super) elements: u64,
    pub(super) checkpoints: u64,
}

/// Returns the bytes of an index.
pub(super) fn to_bytes(fingerprint: Fingerprint, elements: u64, places: &[Checkpoint]) -> Vec<u8> {
    let Fingerprint { size, modified, samples, start } = fingerprint;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&modified.to_le_bytes());
    bytes.extend_from_slice(&samples.to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&elements.to_le_bytes());
    bytes.extend_from_slice(&(places.len() as u64).to_le_bytes());
    put_places(&mut bytes, places.iter().step_by(BLOCK));
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    for block in places.chunks(BLOCK) {
        let begin = bytes.len();
        put_places(&mut bytes, block);
        bytes.extend_from_slice(&crc32fast::hash(&bytes[begin..]).to_le_bytes());
    }
    bytes
}

fn put_places<'a>(bytes: &mut Vec<u8>, places: impl IntoIterator<Item = &'a Checkpoint>) {
    let numbers = places.into_iter().flat_map(|place| place.to_numbers());
    numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
}

impl Head {
    /// Parses the first fields.
    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Head> {
        let Some(([magic, numbers @ ..], _)) = bytes.as_chunks::<8>().0.split_first_chunk::<6>()
        else {
            return Err(damaged("truncated", bytes.len() as u64));
        };
        if *magic != MAGIC {
            return Err(damaged("no index of this version", 0));
        }
        let [size, modified, sums, elements, checkpoints] = numbers.map(u64::from_le_bytes);
        if checkpoints > MOST {
            return Err(damaged("too long", 40));
        }
        let (samples, start) = (sums as u32, (sums >> 32) as u32);
        let fingerprint = Fingerprint { size, modified: modified as i64, samples, start };
        Ok(Head { fingerprint, elements, checkpoints })
    }

    /// Returns the number of blocks of this number of checkpoints.
    fn blocks(checkpoints: u64) -> u64 {
        checkpoints.div_ceil(BLOCK as u64)
    }

    /// Returns the number of bytes before the blocks.
    pub(super) fn front(checkpoints: u64) -> u64 {
        HEAD as u64 + Head::blocks(checkpoints) * CHECKPOINT as u64 + SUM as u64
    }

    /// Returns the size of an index of this number of checkpoints.
    pub(super) fn size_of(checkpoints: u64) -> u64 {
        let blocks = checkpoints * CHECKPOINT as u64 + Head::blocks(checkpoints) * SUM as u64;
        Head::front(checkpoints) + blocks
    }

    /// Returns where a block is in the index.
    pub(super) fn block(&self, number: usize) -> Range<u64> {
        let first = number as u64 * BLOCK as u64;
        let count = (self.checkpoints - first).min(BLOCK as u64);
        let size = (BLOCK * CHECKPOINT + SUM) as u64;
        let begin = Head::front(self.checkpoints) + number as u64 * size;
        begin..begin + count * CHECKPOINT as u64 + SUM as u64
    }
}

/// Parses the checkpoints from `begin` on, after which comes the checksum of all bytes.
pub(super) fn places(bytes: &[u8], begin: usize) -> Result<Vec<Checkpoint>> {
    let (bytes, sum) = bytes.split_at(bytes.len().saturating_sub(SUM));
    if sum != crc32fast::hash(bytes).to_le_bytes() {
        return Err(damaged("damaged: its checksum is wrong", 0));
    }
    let (numbers, _) = bytes[begin..].as_chunks::<8>();
    let (places, _) = numbers.as_chunks::<3>();
    let places = places.iter().map(|place| Checkpoint::from_numbers(place.map(u64::from_le_bytes)));
    in_order(places.collect())
}

/// Returns the checkpoints, if they are in order.
pub(super) fn in_order(places: Vec<Checkpoint>) -> Result<Vec<Checkpoint>> {
    if is_in_order(&places) {
        return Ok(places);
    }
    Err(damaged("of places that are not in order", 0))
}

/// Returns whether each checkpoint is after the one before it.
pub(super) fn is_in_order<'a>(places: impl IntoIterator<Item = &'a Checkpoint>) -> bool {
    places.into_iter().is_sorted_by(|one, next| {
        one.member < next.member && one.offset < next.offset && one.memo() <= next.memo()
    })
}

/// Returns the error for an index that cannot be used.
#[cold]
pub(super) fn damaged(how: &str, place: u64) -> Error {
    let message = format!("the index is {how}");
    Error::new(ErrorKind::Malformed, "index.layout", place, message)
}
