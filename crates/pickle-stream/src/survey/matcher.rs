//! The rows of elements that the survey has passed without them: their payloads were not resident, or
//! the holes of their batch took too much memory.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::learn::is_one_value;
use super::learning::{Learning, Members, is_whole};
use super::span::Span;
use super::walk::Survey;
use crate::limits::Limits;
use crate::skeleton::{Holes, Patience, Row, Skeleton, Skeletons};

/// Finds the rows of elements whose spans are known.
#[derive(Clone, Debug)]
pub struct Matcher {
    limits: Limits,
    skeletons: Skeletons,
    learning: Learning,
    /// Goes through the instructions of a skeleton that was learnt.
    trial: Option<Box<Survey>>,
    patience: Patience,
    holes: Holes,
    rows: Vec<Row>,
}

impl Matcher {
    /// Creates a matcher that has learnt no skeletons.
    pub fn new(limits: &Limits) -> Matcher {
        Matcher {
            limits: limits.clone(),
            skeletons: Skeletons::default(),
            learning: Learning::default(),
            trial: None,
            patience: Patience::default(),
            holes: Holes::with_stack(limits.stack),
            rows: Vec::new(),
        }
    }

    /// Finds the rows of elements. `input` begins at offset `start`; an element that is not wholly in
    /// it has no row.
    ///
    /// The spans must be those of a [`Survey`](crate::Survey).
    pub fn find(&mut self, spans: &[Span], input: &[u8], start: u64) {
        self.find_once(spans, input, start);
        let found = self.rows.iter().filter(|row| row.is_some()).count();
        if found * 8 >= spans.len() * 7 {
            self.patience.reset();
        } else if self.patience.is_over() {
            let without = spans.iter().zip(&self.rows).filter(|(_, row)| !row.is_some());
            let members = without.map(|(span, _)| *span).rev_members(input, start);
            let found = {
                let is_one = &mut is_one_value(&mut self.trial, &self.limits);
                self.learning.skeletons_of(members, &self.limits, is_one)
            };
            if !found.is_empty() {
                found.into_iter().for_each(|skeleton| self.skeletons.add(skeleton));
                self.find_once(spans, input, start);
            }
        }
    }

    fn find_once(&mut self, spans: &[Span], input: &[u8], start: u64) {
        self.holes.reset(self.limits.stack);
        self.rows.clear();
        let longest = usize::try_from(self.limits.argument).unwrap_or(usize::MAX);
        for span in spans {
            let index = |offset: u64| usize::try_from(offset.checked_sub(start)?).ok();
            let element = index(span.begin).zip(index(span.end));
            let element = element.and_then(|(begin, end)| input.get(begin..end));
            let row = element.filter(|element| element.len() <= longest).and_then(|element| {
                // MEMOIZE makes the next entry: where it makes another one, the survey fails.
                let found = self.skeletons.fit(element, span.memo, true, &mut self.holes)?;
                Some((found.0, is_whole(element, found.1)))
            });
            self.rows.push(match row {
                Some((row, true)) if !self.holes.is_full() => row,
                Some((row, _)) => {
                    self.holes.truncate(row);
                    Row::NONE
                }
                None => Row::NONE,
            });
        }
    }

    /// Returns the rows of the last elements, one for each span.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the skeletons of the rows.
    pub fn skeletons(&self) -> &[Arc<Skeleton>] {
        self.skeletons.kept()
    }

    /// Returns what fills the holes of the rows.
    pub fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Returns the bytes that are allocated.
    pub fn memory(&self) -> usize {
        self.holes.memory() + self.rows.capacity() * size_of::<Row>()
    }
}
