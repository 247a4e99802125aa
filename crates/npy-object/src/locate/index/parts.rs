//! [`Index`]: an index that is read by parts.

use std::io;
use std::ops::Range;

use super::fingerprint::Fingerprint;
use super::format::{HEAD, Head, damaged, in_order, is_in_order, places};
use crate::error::Result;
use crate::locate::checkpoints::{Checkpoint, Interval};
use crate::source::window::Window;
use crate::source::{Access, Source};

/// An index that is read part by part.
#[derive(Debug)]
pub(crate) struct Index {
    source: Source,
    pub(super) head: Head,
    /// The first checkpoint of each block.
    firsts: Vec<Checkpoint>,
}

impl Index {
    /// Bytes at the front of an index that are read before an element is looked for.
    pub(crate) const FRONT: usize = 24 << 10;
    /// Bytes of blocks that a loop reads ahead.
    const AHEAD: u64 = 64 << 10;

    /// Reads the front of an index, before the blocks.
    ///
    /// Fails with [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) where it is not an index, or not whole.
    pub(crate) fn open(source: Source) -> Result<Index> {
        let head = Head::of_bytes(&read(&source, 0..HEAD as u64, Index::FRONT as u64)?)?;
        if source.size()? != Head::size_of(head.checkpoints) {
            return Err(damaged("of another length than it says", 0));
        }
        let front = read(&source, 0..Head::front(head.checkpoints), 0)?;
        let firsts = places(&front, HEAD)?;
        Ok(Index { source, head, firsts })
    }

    /// Returns whether the index can be of the source that `window` is on, whose time is not known, and
    /// which has this number of elements.
    pub(crate) fn is_of(&self, window: &mut Window, elements: Option<u64>) -> Result<bool> {
        let Fingerprint { size, start, .. } = self.head.fingerprint;
        Ok(size == window.len()?
            && start == Fingerprint::start(window)?
            && Some(self.head.elements) == elements)
    }

    /// Returns the first checkpoint.
    pub(crate) fn first(&self) -> Option<Checkpoint> {
        self.firsts.first().copied()
    }

    /// Returns the checkpoints around a member; with `reads_on`, the blocks after it are read ahead.
    pub(crate) fn around_member(&self, member: u64, reads_on: bool) -> Result<Option<Interval>> {
        let ahead = if reads_on { Index::AHEAD } else { 0 };
        self.around(|place| place.member <= member, ahead)
    }

    /// Returns the checkpoints around the place where a memo entry was made.
    pub(crate) fn around_entry(&self, memo: u64) -> Result<Option<Interval>> {
        self.around(|place| place.memo() <= memo, 0)
    }

    /// Reads all checkpoints.
    pub(crate) fn all(&self) -> Result<Vec<Checkpoint>> {
        let mut checkpoints = Vec::new();
        for block in 0..self.firsts.len() {
            checkpoints.extend(self.block(block, 0)?);
        }
        in_order(checkpoints)
    }

    /// Returns the last checkpoint for which `holds` is true, as it is for all before, and the next.
    fn around(&self, holds: impl Fn(&Checkpoint) -> bool, ahead: u64) -> Result<Option<Interval>> {
        let Some(block) = self.firsts.partition_point(&holds).checked_sub(1) else {
            return Ok(None);
        };
        let interval = Interval::of(&self.block(block, ahead)?, holds);
        let next = self.firsts.get(block + 1).copied();
        Ok(interval.map(|Interval { from, to }| Interval { from, to: to.or(next) }))
    }

    /// Reads the checkpoints of a block, and `ahead` bytes after it ahead.
    fn block(&self, number: usize, ahead: u64) -> Result<Vec<Checkpoint>> {
        let range = self.head.block(number);
        let places = places(&read(&self.source, range.clone(), range.end + ahead)?, 0)?;
        let is_its_first = places.first() == self.firsts.get(number);
        let ends = places.last().into_iter().chain(self.firsts.get(number + 1));
        if is_its_first && is_in_order(ends) {
            return Ok(places);
        }
        Err(damaged("of blocks that are not in order", range.start))
    }
}

/// Reads a range of an index. Bytes up to `likely` may be needed next.
fn read(source: &Source, range: Range<u64>, likely: u64) -> Result<Vec<u8>> {
    source.prepare(range.clone(), Access::UpTo(likely))?;
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let mut read = 0;
    while read < bytes.len() {
        match source.read_at(&mut bytes[read..], range.start + read as u64) {
            Ok(0) => return Err(damaged("truncated", range.start + read as u64)),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}
