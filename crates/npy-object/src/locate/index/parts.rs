//! [`Index`]: an index that is read by parts.

use std::io;
use std::ops::Range;

use super::format::{Density, Entry, HEAD, Head, damaged};
use super::run;
use crate::error::Result;
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Interval};
use crate::source::window::Window;
use crate::source::{Access, Source};

/// An index that is read part by part.
#[derive(Debug)]
pub(crate) struct Index {
    source: Source,
    pub(super) head: Head,
    /// The first checkpoint of each block.
    firsts: Vec<Entry>,
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
        let size = source.size()?;
        let begin = read(&source, 0..size.min(HEAD as u64), Index::FRONT as u64)?;
        let head = Head::of_bytes(&begin, size)?;
        let firsts = head.firsts(&read(&source, 0..head.front(), 0)?)?;
        Ok(Index { source, head, firsts })
    }

    /// Returns whether the index can be of the source that `window` is on, whose time is not known, and
    /// which has this number of elements.
    pub(crate) fn is_of(&self, window: &mut Window, elements: Option<u64>) -> Result<bool> {
        Ok(Some(self.head.elements) == elements && self.head.fingerprint.can_be_of(window)?)
    }

    /// Returns the first checkpoint.
    pub(crate) fn first(&self) -> Option<Checkpoint> {
        self.firsts.first().map(|first| first.place)
    }

    /// Returns the checkpoints around a member; with `reads_on`, the blocks after it are read ahead.
    pub(crate) fn around_member(&self, member: u64, reads_on: bool) -> Result<Option<Interval>> {
        let ahead = if reads_on { Index::AHEAD } else { 0 };
        let found = self.around(|place| place.member <= member, ahead)?;
        Ok(found.map(|(_, interval)| interval))
    }

    /// Returns the checkpoints around the place where a memo entry was made.
    pub(crate) fn around_entry(&self, memo: u64) -> Result<Option<Interval>> {
        let found = self.around(|place| place.memo() <= memo, 0)?;
        Ok(found.map(|(_, interval)| interval))
    }

    /// Returns the place of a member and of the next one, where the index is dense.
    pub(crate) fn exact(&self, member: u64) -> Result<Option<Interval>> {
        if self.head.density == Density::Sparse {
            return Ok(None);
        }
        let Some((run, interval)) = self.around(|place| place.member <= member, 0)? else {
            return Ok(None);
        };
        exact(&self.source, run, interval, member)
    }

    /// Reads the places of all checkpoints.
    pub(crate) fn checkpoints(&self) -> Result<Checkpoints> {
        Ok(self.all()?.into_iter().map(|entry| entry.place).collect())
    }

    /// Reads all checkpoints.
    pub(super) fn all(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for block in 0..self.firsts.len() {
            entries.extend(self.block(block, 0)?);
        }
        self.head.check_order(&entries)?;
        Ok(entries)
    }

    /// Returns the last checkpoint for which `holds` is true, as it is for all before, and the next;
    /// and the run between them.
    fn around(
        &self,
        holds: impl Fn(&Checkpoint) -> bool,
        ahead: u64,
    ) -> Result<Option<(Range<u64>, Interval)>> {
        let holds = |entry: &Entry| holds(&entry.place);
        let Some(number) = self.firsts.partition_point(holds).checked_sub(1) else {
            return Ok(None);
        };
        let block = self.block(number, ahead)?;
        let next = block.partition_point(holds);
        let Some(&from) = next.checked_sub(1).and_then(|from| block.get(from)) else {
            return Ok(None);
        };
        let to = block.get(next).or(self.firsts.get(number + 1));
        let interval = Interval { from: from.place, to: to.map(|to| to.place) };
        Ok(Some((from.run..to.map_or(from.run, |to| to.run), interval)))
    }

    /// Reads the checkpoints of a block, and `ahead` bytes after it ahead.
    fn block(&self, number: usize, ahead: u64) -> Result<Vec<Entry>> {
        let range = self.head.block(number);
        let entries = read(&self.source, range.clone(), range.end + ahead)?;
        let entries = self.head.entries(&entries, 0)?;
        let is_its_first = entries.first() == self.firsts.get(number);
        let ends = entries.last().into_iter().chain(self.firsts.get(number + 1));
        if is_its_first && self.head.check_order(ends).is_ok() {
            return Ok(entries);
        }
        Err(damaged("of blocks that are not in order", range.start))
    }

    /// Returns the runs between checkpoints that were all read, where the index is dense.
    pub(super) fn into_runs(self, entries: &[Entry]) -> Option<Runs> {
        let begins = || entries.iter().map(|entry| entry.run).collect();
        (self.head.density == Density::Dense).then(|| Runs {
            source: self.source,
            head: self.head,
            begins: begins(),
        })
    }
}

/// The runs of a dense index, whose checkpoints are in memory.
#[derive(Debug)]
pub(crate) struct Runs {
    source: Source,
    /// Of the index.
    head: Head,
    /// Where the run of each checkpoint begins.
    begins: Vec<u64>,
}

impl Runs {
    /// Returns the first fields of the index.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Returns where the run of each checkpoint begins. That of the last one is empty.
    pub(super) fn begins(&self) -> &[u64] {
        &self.begins
    }

    /// Returns the place of a member and of the next one. `checkpoints` are those of the index.
    pub(crate) fn exact(
        &self,
        checkpoints: &[Checkpoint],
        member: u64,
    ) -> Result<Option<Interval>> {
        let next = checkpoints.partition_point(|place| place.member <= member);
        let Some(from) = next.checked_sub(1) else { return Ok(None) };
        let (Some(&begin), Some(&end)) = (self.begins.get(from), self.begins.get(next)) else {
            return Ok(None);
        };
        let interval = Interval { from: checkpoints[from], to: checkpoints.get(next).copied() };
        exact(&self.source, begin..end, interval, member)
    }

    /// Reads the run of the checkpoint of this number; `None` from the last one on, which has none.
    pub(super) fn of(&self, checkpoint: usize) -> Option<Result<Vec<u8>>> {
        let (&begin, &end) = (self.begins.get(checkpoint)?, self.begins.get(checkpoint + 1)?);
        let range = begin..end;
        Some(run::check_size(&range).and_then(|()| match range.is_empty() {
            true => Ok(Vec::new()),
            false => read(&self.source, range.clone(), end),
        }))
    }

    /// Returns the bytes of memory that are held.
    pub(crate) fn memory(&self) -> usize {
        let held = self.source.in_memory().map_or(0, |bytes| bytes.len());
        self.begins.capacity() * size_of::<u64>() + held
    }
}

/// Returns the place of a member and of the next one, between two checkpoints whose run is given;
/// `None` for the last checkpoint, after which is no member.
fn exact(
    source: &Source,
    range: Range<u64>,
    interval: Interval,
    member: u64,
) -> Result<Option<Interval>> {
    if interval.to.is_none() {
        return Ok(None);
    }
    run::check_size(&range)?;
    let at = range.start;
    if let Some(bytes) = source.in_memory() {
        let run = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
        return run::around(run, at, interval, member).map(Some);
    }
    // A run of no places is not there.
    let run = if range.is_empty() { Vec::new() } else { read(source, range.clone(), range.end)? };
    run::around(&run, at, interval, member).map(Some)
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
