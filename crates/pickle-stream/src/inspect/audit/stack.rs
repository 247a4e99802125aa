//! The stack of the auditor. Equal values next to each other are one run, so that a flood of them
//! takes no memory.

use alloc::format;
use alloc::vec::Vec;

use super::at::{At, underflow};
use super::heap::{Abstract, Heap, Slice};
use crate::error::{Error, Result};

/// Entries at either end of the stack that are never forgotten. Those at the bottom are what a
/// pickle begins with: the state of an array, whose elements are above it.
const ENDS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Stack {
    runs: Vec<Run>,
    /// Values and marks.
    height: u64,
}

#[derive(Debug)]
struct Run {
    value: Abstract,
    length: u64,
}

impl Stack {
    /// Values and marks.
    pub(super) fn height(&self) -> u64 {
        self.height
    }

    /// Runs of equal values.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn push(&mut self, value: Abstract) {
        self.height += 1;
        match self.runs.last_mut() {
            Some(run) if run.value == value => run.length += 1,
            _ => self.runs.push(Run { value, length: 1 }),
        }
    }

    /// The topmost value. What is below a mark cannot be reached.
    pub(super) fn top(&self, at: At) -> Result<Abstract> {
        match self.runs.last() {
            Some(&Run { value, .. }) if value != Abstract::Mark => Ok(value),
            _ => Err(underflow(at)),
        }
    }

    pub(super) fn pop(&mut self, at: At) -> Result<Abstract> {
        self.top(at)?;
        self.pop_value_or_mark(at)
    }

    pub(super) fn pop_value_or_mark(&mut self, at: At) -> Result<Abstract> {
        let Some(run) = self.runs.last_mut() else { return Err(underflow(at)) };
        run.length -= 1;
        self.height -= 1;
        let Run { value, length } = *run;
        if length == 0 {
            self.runs.pop();
        }
        Ok(value)
    }

    /// Takes off the topmost mark and the values above it, into a slice.
    pub(super) fn pop_mark(&mut self, slice: &mut Slice, heap: &Heap, at: At) -> Result<()> {
        let Some(mark) = self.runs.iter().rposition(|run| run.value == Abstract::Mark) else {
            let message = format!("{} finds no mark", at.opcode.name());
            return Err(Error::malformed("pickle.stack.mark", at.offset, message));
        };
        slice.clear();
        for Run { value, length } in self.runs.drain(mark + 1..) {
            slice.push(value, length, heap);
        }
        self.height -= slice.count;
        self.pop_value_or_mark(at).map(drop)
    }

    pub(super) fn each_value(&mut self, each: &mut dyn FnMut(&mut Abstract)) {
        for run in &mut self.runs {
            each(&mut run.value);
        }
    }

    /// Forgets the objects that are not near an end of the stack.
    pub(super) fn forget(&mut self, heap: &mut Heap) {
        let middle = ENDS..self.runs.len().saturating_sub(ENDS);
        let mut kept: Vec<Run> = Vec::new();
        for (place, mut run) in self.runs.drain(..).enumerate() {
            if middle.contains(&place) {
                heap.forget(run.value);
                run.value = match run.value {
                    // It may yet be used as a name, called, or changed.
                    Abstract::Object(_) => Abstract::Forgotten,
                    Abstract::Int(_) => Abstract::Number,
                    Abstract::Bytes(_) => Abstract::Bytes(None),
                    value => value,
                };
            }
            match kept.last_mut() {
                Some(last) if last.value == run.value => last.length += run.length,
                _ => kept.push(run),
            }
        }
        self.runs = kept;
    }
}
