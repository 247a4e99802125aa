//! Blocks: consecutive members that are resident, with the rows of those that have a skeleton.
//!
//! [`Block`] is what a caller of the crate is lent. [`Resident`] is the same without the decoder, for
//! the conversions of this crate.

use std::sync::Arc;

use pickle_stream::{Hole, Matcher, NodeId, Span};

use crate::decode::objects::Objects;
use crate::decode::plan::{BlockRow, RowPlan};
use crate::decode::position::Position;
use crate::decode::resident::{BYTES, Matched, Members, Resident, Run};
use crate::decode::rows::Rows;
use crate::error::Result;
use crate::value::element::Element;

/// Consecutive elements that were found and read: see [`NpyArray::next_block`](crate::NpyArray::next_block).
///
/// The elements that have the same instructions are [`BlockRows`] of one [plan](RowPlan), whose values a
/// caller can take from their holes. [`element`](Self::element) decodes any element.
pub struct Block<'a> {
    lent: Lent<'a>,
    position: &'a mut Position,
    /// The number of the first element.
    first: u64,
}

/// The reader of the elements of a block.
pub(crate) enum Lent<'a> {
    Members(&'a mut Objects, Members),
    /// One element that was decoded alone.
    Object(&'a mut Objects),
    /// One row of an array without objects.
    Row(&'a mut Rows),
}

impl<'a> Block<'a> {
    pub(crate) fn new(lent: Lent<'a>, position: &'a mut Position, first: u64) -> Block<'a> {
        Block { lent, position, first }
    }

    /// Returns the number of the first element.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number of elements, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty")]
    pub fn len(&self) -> usize {
        match &self.lent {
            Lent::Members(_, members) => members.len(),
            Lent::Object(_) | Lent::Row(_) => 1,
        }
    }

    /// Returns the number of bytes of the elements in the file; `None` of one that was decoded alone,
    /// which may be too large for a block.
    pub fn encoded_len(&self) -> Option<u64> {
        let Lent::Members(objects, members) = &self.lent else { return None };
        let spans = objects.block(members)?.spans;
        Some(spans.last()?.end - spans.first()?.begin)
    }

    /// Returns the rows of one plan that begin at an element of the block, counted from 0; `None` where
    /// that element has to be [decoded](Self::element).
    pub fn rows(&mut self, index: usize) -> Option<BlockRows<'_>> {
        let Lent::Members(objects, members) = &mut self.lent else { return None };
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
        let number = self.first + index as u64;
        let objects = match &mut self.lent {
            Lent::Members(objects, _) | Lent::Object(objects) => objects,
            Lent::Row(rows) => return rows.get(number),
        };
        match objects.decode(number) {
            Ok(None) => Ok(None),
            Ok(Some(decoded)) => Ok(Some(objects.decoder.element(decoded, decoded.last))),
            Err(error) => {
                self.position.fail(number);
                Err(error)
            }
        }
    }

    /// Returns the value of a memo entry that an element of the block reads: that of a [`Hole::Get`].
    /// `None` where the element has to be [decoded](Self::element).
    pub fn definition(&mut self, index: usize, memo: u64) -> Option<Element<'_>> {
        let Lent::Members(objects, members) = &mut self.lent else { return None };
        let offset = objects.block(members)?.spans.get(index)?.begin;
        objects.definition(memo, offset).ok()?
    }
}

impl std::fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, len) = (self.first, self.len());
        f.debug_struct("Block").field("first", &first).field("len", &len).finish_non_exhaustive()
    }
}

/// Consecutive elements of a block that are rows of one plan.
#[derive(Clone, Debug)]
pub struct BlockRows<'a> {
    block: Resident<'a>,
    run: Run<'a>,
    plan: Arc<RowPlan>,
}

impl<'a> BlockRows<'a> {
    /// Returns how the rows become values.
    #[inline]
    pub fn plan(&self) -> &Arc<RowPlan> {
        &self.plan
    }

    /// Returns the number of rows, at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is a row at least")]
    #[inline]
    pub fn len(&self) -> usize {
        self.run.members.len()
    }

    /// Returns the rows, in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = BlockRow<'a>> + use<'a> {
        let (block, run) = (self.block, self.run.clone());
        run.members.clone().map(move |member| BlockRow {
            bytes: block.bytes(member),
            holes: run.row(member),
            lists: run.lists,
        })
    }

    /// Returns what fills one hole in all rows, in order: a column.
    #[inline]
    pub fn column(&self, hole: usize) -> impl Iterator<Item = &'a Hole> + use<'a> {
        self.run.column(hole)
    }
}

impl Objects {
    /// Finds and reads the next members of a loop, `member` first, and returns how many they are: members
    /// of a block, at most `most`, or `None` for one that was decoded alone.
    pub(super) fn next_block(
        &mut self,
        member: u64,
        most: usize,
    ) -> Result<Option<(Option<Members>, u64)>> {
        self.decoder.window.set_reading_on(true);
        if self.place_of(member)?.is_none() {
            return Ok(None);
        }
        // An error comes up again when the element is decoded.
        if let Ok(Some(members)) = self.read_block(member, most) {
            let count = members.len() as u64;
            return Ok(Some((Some(members), count)));
        }
        // Decoded here, where its error belongs, and again when the caller asks for it.
        Ok(self.decode(member)?.map(|_| (None, 1)))
    }

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
        let window = &self.decoder.window;
        // A block takes no more bytes than one element may.
        let fits = |span: &Span| {
            let size = span.end - begin;
            size <= BYTES && window.check_element(begin, size as usize).is_ok()
        };
        // Members that were matched are not matched again, if the caller decodes some of them.
        let matched = self.matched.clone().filter(|matched| matched.has(spans, first));
        let end = matched.as_ref().map_or(usize::MAX, |matched| matched.places.end);
        // Where the first member is resident, nothing is read for the others.
        let is_held = window.holds(begin, spans[first].end);
        let is_ready = |span: &Span| !is_held || window.holds(begin, span.end);
        let end = end.min(first.saturating_add(most)).min(spans.len());
        let spans_from = &spans[first..end];
        let count = spans_from.partition_point(|span| fits(span) && is_ready(span));
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

    /// Returns the plan of the rows of the skeleton of a member of a block; `None` where the member has
    /// none.
    pub(crate) fn plan(&mut self, members: &Members, index: usize) -> Option<Arc<RowPlan>> {
        /// The most plans that are kept.
        const PLANS: usize = 16;
        let block = self.block(members)?;
        let skeleton = block.skeleton(index)?;
        let known = self.plans.iter().find(|(known, _)| Arc::ptr_eq(known, skeleton));
        if let Some((_, plan)) = known {
            return plan.clone();
        }
        let skeleton = Arc::clone(skeleton);
        let row = block.run(index)?.rows().next()?.to_vec();
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
