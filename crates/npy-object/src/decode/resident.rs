//! Consecutive members that are resident, and the rows of those that have a skeleton.

use std::ops::Range;
use std::sync::Arc;

#[cfg(feature = "arrow")]
use pickle_stream::Extent;
use pickle_stream::{Hole, Holes, Row, Skeleton, Span};

/// The most bytes of a block: they fit in the cache of a processor, and a window keeps as many.
pub(crate) const BYTES: u64 = 1 << 20;

/// Consecutive members that are resident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident<'a> {
    pub(crate) spans: &'a [Span],
    pub(crate) rows: &'a [Row],
    pub(crate) skeletons: &'a [Arc<Skeleton>],
    pub(crate) holes: &'a Holes,
    /// The bytes from the beginning of the first member on.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Resident<'a> {
    /// Returns the instructions of a member, and what comes after them in the block.
    #[inline]
    pub(crate) fn bytes(&self, index: usize) -> &'a [u8] {
        let start = (self.spans[index].begin - self.spans[0].begin) as usize;
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Returns where each of these members begins in the bytes.
    #[cfg(feature = "arrow")]
    #[inline]
    pub(crate) fn begins(&self, members: Range<usize>) -> impl ExactSizeIterator<Item = usize> {
        let begin = self.spans[0].begin;
        self.spans[members].iter().map(move |span| (span.begin - begin) as usize)
    }

    /// Returns a part of the member that begins at `begin`, with the bytes after it.
    #[cfg(feature = "arrow")]
    #[inline]
    pub(crate) fn part_on(&self, begin: usize, part: Extent) -> &'a [u8] {
        self.bytes.get(begin + part.start as usize..).unwrap_or_default()
    }

    /// Returns a part of the member that begins at `begin`.
    #[cfg(feature = "arrow")]
    #[inline]
    pub(crate) fn part(&self, begin: usize, part: Extent) -> &'a [u8] {
        self.part_on(begin, part).get(..part.len as usize).unwrap_or_default()
    }

    /// Returns the skeleton of a member; `None` where it has none.
    #[inline]
    pub(crate) fn skeleton(&self, index: usize) -> Option<&'a Arc<Skeleton>> {
        self.skeletons.get(self.rows.get(index)?.skeleton()?)
    }

    /// Returns the run of rows of one skeleton that begins at `index`; `None` where the member there
    /// has no skeleton.
    pub(crate) fn run(&self, index: usize) -> Option<Run<'a>> {
        let first = *self.rows.get(index)?;
        let skeleton = self.skeleton(index)?;
        let count = skeleton.holes();
        let others = self.rows[index..].iter().zip(0..);
        let len =
            others.take_while(|(row, number)| first.is_followed(**row, number * count)).count();
        let holes = self.holes.of(first, len * count);
        Some(Run { members: index..index + len, skeleton, holes, count, lists: self.holes })
    }
}

/// Consecutive rows of one skeleton, whose holes follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    /// The indices of the members in the block.
    pub(crate) members: Range<usize>,
    pub(crate) skeleton: &'a Arc<Skeleton>,
    holes: &'a [Hole],
    count: usize,
    /// The items of the holes that are lists.
    pub(crate) lists: &'a Holes,
}

impl<'a> Run<'a> {
    /// Returns what fills the row of a member.
    #[inline]
    pub(crate) fn row(&self, member: usize) -> &'a [Hole] {
        let first = (member - self.members.start) * self.count;
        &self.holes[first..first + self.count]
    }

    /// Returns what fills each row.
    #[inline]
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'a [Hole]> + use<'a> {
        let run = self.clone();
        self.members.clone().map(move |member| run.row(member))
    }

    /// Returns what fills one hole in all rows; nothing where the rows have no such hole.
    #[inline]
    pub(crate) fn column(&self, hole: usize) -> impl Iterator<Item = &'a Hole> + use<'a> {
        let holes = if hole < self.count { self.holes } else { &[] };
        holes.chunks_exact(self.count.max(1)).map(move |row| &row[hole])
    }

    /// Returns the first rows, `len` of them.
    #[cfg(feature = "arrow")]
    pub(crate) fn first(self, len: usize) -> Run<'a> {
        let Range { start, end } = self.members;
        let members = start..end.min(start + len);
        Run { holes: &self.holes[..members.len() * self.count], members, ..self }
    }
}

/// The members of a block: indices in the batch.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) places: Range<usize>,
    /// Whether the survey has found the rows, and not the matcher.
    pub(crate) surveyed: bool,
}

/// The members that the matcher has looked at last.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    /// The offset of the first of them.
    pub(crate) begin: u64,
    pub(crate) places: Range<usize>,
    /// Whether one of them has a row.
    pub(crate) found: bool,
}

impl Matched {
    /// Returns whether the member at a place of the batch with these spans is one of them, and need not
    /// be matched again. Where no member has a row, the matcher may learn when it looks again, so it does
    /// after an eighth of them.
    pub(crate) fn has(&self, spans: &[Span], place: usize) -> bool {
        const LEAST: usize = 64;
        let Range { start, end } = self.places;
        let end = if self.found { end } else { end.min(start + LEAST.max((end - start) / 8)) };
        (start..end).contains(&place)
            && spans.get(start).is_some_and(|span| span.begin == self.begin)
    }
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}
