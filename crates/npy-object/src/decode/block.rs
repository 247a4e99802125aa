//! Blocks: consecutive members that are resident, with the rows of those that have a skeleton.

use std::ops::Range;
use std::sync::Arc;

use pickle_stream::{Hole, Holes, Matcher, NodeId, Row, Skeleton, Span};

use crate::decode::objects::Objects;
use crate::error::Result;
use crate::value::element::Element;

/// The most bytes of a block: they fit in the cache of a processor, and a window keeps as many.
const BYTES: u64 = 1 << 20;

/// Consecutive members that are resident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) spans: &'a [Span],
    pub(crate) rows: &'a [Row],
    pub(crate) skeletons: &'a [Arc<Skeleton>],
    pub(crate) holes: &'a Holes,
    /// The bytes from the beginning of the first member on.
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Returns the instructions of a member, and what comes after them in the block.
    #[inline]
    pub(crate) fn bytes(&self, index: usize) -> &'a [u8] {
        let start = (self.spans[index].begin - self.spans[0].begin) as usize;
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Returns the run of rows of one skeleton that begins at `index`; `None` where the member there
    /// has no skeleton.
    pub(crate) fn run(&self, index: usize) -> Option<Run<'a>> {
        let first = *self.rows.get(index)?;
        let skeleton = self.skeletons.get(first.skeleton()?)?;
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
    /// Returns what fills each row.
    #[inline]
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'a [Hole]> + use<'a> {
        let (holes, count) = (self.holes, self.count);
        (0..self.members.len()).map(move |row| &holes[row * count..(row + 1) * count])
    }

    /// Returns what fills one hole in all rows.
    #[inline]
    pub(crate) fn column(&self, hole: usize) -> impl Iterator<Item = &'a Hole> + use<'a> {
        self.holes.get(hole..).unwrap_or_default().iter().step_by(self.count.max(1))
    }

    /// Returns the first rows, `len` of them.
    pub(crate) fn first(self, len: usize) -> Run<'a> {
        let Range { start, end } = self.members;
        let members = start..end.min(start + len);
        Run { holes: &self.holes[..members.len() * self.count], members, ..self }
    }
}

/// The members of a block: indices in the batch.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    places: Range<usize>,
    /// Whether the survey has found the rows, and not the matcher.
    surveyed: bool,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

impl Objects {
    /// Makes members from `member` on resident, at most `most`. Returns `None` where the next one has
    /// to be decoded alone: it is an entry of a dict, a record, or larger than a block.
    pub(crate) fn read_block(&mut self, member: u64, most: usize) -> Result<Option<Members>> {
        if self.batches.width() != 1 || self.decoder.context.record_dtype().is_some() {
            return Ok(None);
        }
        self.decoder.window.set_reading_on(true);
        let Some(first) = self.place_of(member)? else { return Ok(None) };
        let (spans, rows) = self.batch.all();
        let begin = spans[first].begin;
        let fits = |span: &Span| {
            let size = (span.end - span.begin) as usize;
            span.end - begin <= BYTES && self.decoder.window.check_element(span.begin, size).is_ok()
        };
        let count = spans[first..].iter().take(most).take_while(|span| fits(span)).count();
        let Some(last) = count.checked_sub(1).map(|last| spans[first + last]) else {
            return Ok(None);
        };
        let places = first..first + count;
        let found = rows
            .map_or(0, |(rows, _)| rows[places.clone()].iter().filter(|row| row.is_some()).count());
        let window = &mut self.decoder.window;
        window.set_anchor(begin);
        let size = (last.end - begin) as usize;
        if window.fill(begin, size)?.len() < size {
            return Ok(None);
        }
        let surveyed = found * 2 >= count;
        if !surveyed {
            let limits = &self.decoder.context.limits.pickle;
            let matcher = self.matcher.get_or_insert_with(|| Box::new(Matcher::new(limits)));
            let spans = &self.batch.all().0[places.clone()];
            matcher.find(spans, self.decoder.window.resident(begin, last.end), begin);
        }
        Ok(Some(Members { places, surveyed }))
    }

    /// Returns the block of members that were made resident last.
    pub(crate) fn block(&self, members: &Members) -> Option<Block<'_>> {
        let (spans, found) = self.batch.all();
        let spans = spans.get(members.places.clone())?;
        let bytes = self.decoder.window.resident(spans.first()?.begin, spans.last()?.end);
        match (&self.matcher, found) {
            (_, Some((rows, filling))) if members.surveyed => Some(Block {
                spans,
                rows: rows.get(members.places.clone())?,
                skeletons: &filling.skeletons,
                holes: &filling.holes,
                bytes,
            }),
            (Some(matcher), _) if !members.surveyed => Some(Block {
                spans,
                rows: matcher.rows(),
                skeletons: matcher.skeletons(),
                holes: matcher.holes(),
                bytes,
            }),
            _ => None,
        }
    }

    /// Returns the value of a row of a block, in which reads of the memo are None and lists are
    /// empty, and the nodes of its holes.
    pub(crate) fn outline_row(
        &mut self,
        members: &Members,
        index: usize,
    ) -> Result<Option<(Element<'_>, &[NodeId])>> {
        let Some(block) = self.block(members) else { return Ok(None) };
        let Some(Run { skeleton, .. }) = block.run(index) else { return Ok(None) };
        let (span, row, skeleton) = (block.spans[index], block.rows[index], Arc::clone(skeleton));
        let Objects { decoder, batches, batch, matcher, .. } = self;
        let holes = match (matcher, batch.all().1) {
            (Some(matcher), _) if !members.surveyed => matcher.holes(),
            (_, Some((_, filling))) => &filling.holes,
            _ => return Ok(None),
        };
        decoder.outline_row(span, row, &skeleton, holes, &*batches)
    }

    /// Returns the value of a memo entry that a member reads.
    pub(crate) fn definition(&mut self, memo: u64, offset: u64) -> Result<Option<Element<'_>>> {
        let Objects { decoder, batches, .. } = self;
        decoder.definition(memo, offset, &*batches)
    }
}
