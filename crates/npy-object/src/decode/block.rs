//! Blocks: consecutive members that are resident, with the rows of those that have a skeleton.
//!
//! [`Block`] is what a caller of the crate is lent. [`Resident`] is the same without the decoder, for
//! the conversions of this crate.

use std::ops::Range;
use std::sync::Arc;

use pickle_stream::{Hole, Holes, Matcher, NodeId, Row, Skeleton, Span};

use crate::decode::cursor::Cursor;
use crate::decode::objects::Objects;
use crate::decode::plan::RowPlan;
use crate::error::Result;
use crate::value::element::Element;

/// The most bytes of a block: they fit in the cache of a processor, and a window keeps as many.
const BYTES: u64 = 1 << 20;

/// Consecutive elements that were found and read: see [`NpyArray::next_block`](crate::NpyArray::next_block).
///
/// The elements that have the same instructions are [`BlockRows`] of one [plan](RowPlan), whose values a
/// caller can take from their holes. [`element`](Self::element) decodes any element.
#[derive(Debug)]
pub struct Block<'a> {
    cursor: &'a mut Cursor,
    /// The number of the first element.
    first: u64,
    /// `None` of one element that was decoded alone.
    members: Option<Members>,
}

impl<'a> Block<'a> {
    pub(crate) fn new(cursor: &'a mut Cursor, first: u64, members: Option<Members>) -> Block<'a> {
        Block { cursor, first, members }
    }

    /// Returns the number of the first element.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number of elements, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty")]
    pub fn len(&self) -> usize {
        self.members.as_ref().map_or(1, Members::len)
    }

    /// Returns the number of bytes of the elements in the file; `None` of one that was decoded alone, as
    /// it is too large for a block.
    pub fn encoded_len(&mut self) -> Option<u64> {
        let members = self.members.as_ref()?;
        let spans = self.cursor.objects_mut()?.block(members)?.spans;
        Some(spans.last()?.end - spans.first()?.begin)
    }

    /// Returns the rows of one plan that begin at an element of the block, counted from 0; `None` where
    /// that element has to be [decoded](Self::element).
    pub fn rows(&mut self, index: usize) -> Option<BlockRows<'_>> {
        let members = self.members.as_ref()?;
        let objects = self.cursor.objects_mut()?;
        let plan = objects.plan(members, index)?;
        let block = objects.block(members)?;
        Some(BlockRows { run: block.run(index)?, block, plan })
    }

    /// Decodes an element of the block, counted from 0; `None` past the last.
    ///
    /// After an error the array has no more elements, as after an error of
    /// [`next_element`](crate::NpyArray::next_element).
    pub fn element(&mut self, index: usize) -> Result<Option<Element<'_>>> {
        if index >= self.len() {
            return Ok(None);
        }
        self.cursor.decode_of_block(self.first + index as u64)
    }

    /// Returns the value of a memo entry that an element of the block reads: that of a [`Hole::Get`].
    /// `None` where the element has to be [decoded](Self::element).
    pub fn definition(&mut self, index: usize, memo: u64) -> Option<Element<'_>> {
        let objects = self.cursor.objects_mut()?;
        let offset = objects.block(self.members.as_ref()?)?.spans.get(index)?.begin;
        objects.definition(memo, offset).ok()?
    }
}

/// Consecutive elements of a block that are rows of one plan.
#[derive(Clone, Debug)]
pub struct BlockRows<'a> {
    block: Resident<'a>,
    run: Run<'a>,
    plan: Arc<RowPlan>,
}

/// An element of a block: what fills the holes of its plan.
#[derive(Clone, Copy, Debug)]
pub struct BlockRow<'a> {
    /// The instructions of the element, and what comes after them in the block: the bytes in which
    /// the extents of holes are.
    pub bytes: &'a [u8],
    /// What fills each hole.
    pub holes: &'a [Hole],
    /// The items of the holes that are lists.
    pub lists: &'a Holes,
}

impl<'a> BlockRows<'a> {
    /// Returns how the rows become values.
    #[inline]
    pub fn plan(&self) -> &Arc<RowPlan> {
        &self.plan
    }

    /// Returns the rows, in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = BlockRow<'a>> + use<'a> {
        let BlockRows { block, run: Run { members, holes, count, lists, .. }, .. } = self;
        let (block, holes, count, lists) = (*block, *holes, *count, *lists);
        members.clone().enumerate().map(move |(row, member)| BlockRow {
            bytes: block.bytes(member),
            holes: &holes[row * count..(row + 1) * count],
            lists,
        })
    }

    /// Returns what fills one hole in all rows, in order: a column.
    #[inline]
    pub fn column(&self, hole: usize) -> impl Iterator<Item = &'a Hole> + use<'a> {
        self.run.column(hole)
    }
}

/// Consecutive members that are resident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident<'a> {
    pub(crate) spans: &'a [Span],
    pub(crate) rows: &'a [Row],
    pub(crate) skeletons: &'a [Arc<Skeleton>],
    pub(crate) holes: &'a Holes,
    /// The bytes from the beginning of the first member on.
    bytes: &'a [u8],
}

impl<'a> Resident<'a> {
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

/// The members that the matcher has looked at last.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    /// The offset of the first of them.
    begin: u64,
    places: Range<usize>,
    /// Whether one of them has a row.
    found: bool,
}

impl Matched {
    /// Returns whether the member at a place of the batch with these spans is one of them, and need not
    /// be matched again. Where no member has a row, the matcher may learn when it looks again, so it does
    /// after an eighth of them.
    fn has(&self, spans: &[Span], place: usize) -> bool {
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
        // Members that were matched are not matched again, if the caller decodes some of them.
        let matched = self.matched.clone().filter(|matched| matched.has(spans, first));
        let most = matched.as_ref().map_or(most, |matched| most.min(matched.places.end - first));
        // Where the first member is resident, nothing is read for the others.
        let window = &self.decoder.window;
        let is_held = window.holds(begin, spans[first].end);
        let is_ready = |span: &Span| !is_held || window.holds(begin, span.end);
        let spans_from = spans[first..].iter().take(most);
        let count = spans_from.take_while(|span| fits(span) && is_ready(span)).count();
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
        let surveyed = matched.is_none() && found * 2 >= count;
        if !surveyed && matched.is_none() {
            let limits = &self.decoder.context.limits.pickle;
            let matcher = self.matcher.get_or_insert_with(|| Box::new(Matcher::new(limits)));
            let spans = &self.batch.all().0[places.clone()];
            matcher.find(spans, self.decoder.window.resident(begin, last.end), begin);
            let found = matcher.rows().iter().any(|row| row.is_some());
            self.matched = Some(Matched { begin, places: places.clone(), found });
        }
        Ok(Some(Members { places, surveyed }))
    }

    /// Returns the block of members that were made resident last.
    pub(crate) fn block(&self, members: &Members) -> Option<Resident<'_>> {
        let (spans, found) = self.batch.all();
        let spans = spans.get(members.places.clone())?;
        let bytes = self.decoder.window.resident(spans.first()?.begin, spans.last()?.end);
        match (&self.matcher, found) {
            (_, Some((rows, filling))) if members.surveyed => Some(Resident {
                spans,
                rows: rows.get(members.places.clone())?,
                skeletons: &filling.skeletons,
                holes: &filling.holes,
                bytes,
            }),
            (Some(matcher), _) if !members.surveyed => Some(Resident {
                spans,
                rows: {
                    let start = self.matched.as_ref()?.places.start;
                    matcher.rows().get(members.places.start - start..members.places.end - start)?
                },
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

    /// Returns the plan of the rows of the skeleton of a member of a block; `None` where they have to be
    /// decoded.
    fn plan(&mut self, members: &Members, index: usize) -> Option<Arc<RowPlan>> {
        /// The most plans that are kept.
        const PLANS: usize = 16;
        let run = self.block(members)?.run(index)?;
        let skeleton = run.skeleton;
        let known = self.plans.iter().find(|(known, _)| Arc::ptr_eq(known, skeleton));
        if let Some((_, plan)) = known {
            return plan.clone();
        }
        let skeleton = Arc::clone(skeleton);
        let row = run.rows().next()?.to_vec();
        let plan = if skeleton.is_scalar() {
            Some(RowPlan::of_scalar(&self.decoder.context))
        } else {
            let outline = self.outline_row(members, index).ok()?;
            outline.and_then(|(value, holes)| RowPlan::new(value, &row, holes))
        };
        let plan = plan.map(Arc::new);
        self.plans.truncate(PLANS - 1);
        self.plans.insert(0, (skeleton, plan.clone()));
        plan
    }

    /// Returns the value of a memo entry that a member reads.
    pub(crate) fn definition(&mut self, memo: u64, offset: u64) -> Result<Option<Element<'_>>> {
        let Objects { decoder, batches, .. } = self;
        decoder.definition(memo, offset, &*batches)
    }
}
