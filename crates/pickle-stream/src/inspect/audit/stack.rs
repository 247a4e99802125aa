//! The stack of the auditor, with its marks.
//!
//! Equal values next to each other are one run, so a flood of one instruction takes no memory.
//! Values in the middle of a tall stack can be forgotten: they become less precise, their number
//! stays.

use alloc::format;
use alloc::vec::Vec;

use super::heap::Heap;
use super::location::{Location, underflow};
use super::slice::Slice;
use super::value::AbstractValue;
use crate::error::{Error, Result};

/// Runs at either end of the stack that are never forgotten. At the bottom is what a pickle begins
/// with: the array whose elements are above it, and its state. At the top is what the next
/// instructions take.
const ENDS: usize = 64;

/// Values and marks, bottom first.
#[derive(Debug, Default)]
pub(super) struct Stack {
    runs: Vec<Run>,
    /// The number of values and marks.
    height: u64,
}

/// A value and how often it occurs next to itself.
#[derive(Debug)]
struct Run {
    value: AbstractValue,
    length: u64,
}

impl Stack {
    /// Returns the number of values and marks.
    pub(super) fn height(&self) -> u64 {
        self.height
    }

    /// Returns the number of runs of equal values, which is the memory that the stack takes.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Pushes a value, or a mark.
    pub(super) fn push(&mut self, value: AbstractValue) {
        self.height += 1;
        match self.runs.last_mut() {
            Some(run) if run.value == value => run.length += 1,
            _ => self.runs.push(Run { value, length: 1 }),
        }
    }

    /// Returns the topmost value. Fails at a mark: CPython's unpicklers take no value below it.
    pub(super) fn top(&self, at: Location) -> Result<AbstractValue> {
        match self.runs.last() {
            Some(&Run { value, .. }) if value != AbstractValue::Mark => Ok(value),
            _ => Err(underflow(at)),
        }
    }

    /// Takes off the topmost value and returns it.
    pub(super) fn pop(&mut self, at: Location) -> Result<AbstractValue> {
        self.top(at)?;
        self.pop_value_or_mark(at)
    }

    /// Takes off the topmost value or mark, as POP does.
    pub(super) fn pop_value_or_mark(&mut self, at: Location) -> Result<AbstractValue> {
        let Some(run) = self.runs.last_mut() else { return Err(underflow(at)) };
        run.length -= 1;
        self.height -= 1;
        let Run { value, length } = *run;
        if length == 0 {
            self.runs.pop();
        }
        Ok(value)
    }

    /// Takes off the topmost mark and the values above it, which replace those of the slice.
    pub(super) fn pop_mark(&mut self, slice: &mut Slice, heap: &Heap, at: Location) -> Result<()> {
        let Some(mark) = self.runs.iter().rposition(|run| run.value == AbstractValue::Mark) else {
            let message = format!("{} needs a mark, found none", at.opcode.name());
            return Err(Error::malformed("pickle.stack.mark", at.offset, message));
        };
        slice.clear();
        for Run { value, length } in self.runs.drain(mark + 1..) {
            slice.push(value, length, || heap.cost(value));
        }
        self.height -= slice.count;
        self.pop_value_or_mark(at).map(drop)
    }

    /// Calls `each` with every value, which it may change.
    pub(super) fn each_value(&mut self, each: &mut dyn FnMut(&mut AbstractValue)) {
        for run in &mut self.runs {
            each(&mut run.value);
        }
    }

    /// Forgets the values that are not near an end of the stack.
    ///
    /// An object becomes [`AbstractValue::Unknown`]: it may be used later as a name or as a
    /// callable. Ints and bytes keep their kind and lose their value, so that more of them are
    /// equal and become one run. Every other value is exact already, and stays.
    pub(super) fn forget(&mut self, heap: &mut Heap) {
        let middle = ENDS..self.runs.len().saturating_sub(ENDS);
        let mut kept: Vec<Run> = Vec::new();
        for (index, mut run) in self.runs.drain(..).enumerate() {
            if middle.contains(&index) {
                heap.note_forgotten(run.value);
                run.value = match run.value {
                    AbstractValue::Object(_) => AbstractValue::Unknown,
                    AbstractValue::Int(_) => AbstractValue::Number,
                    AbstractValue::Bytes(_) => AbstractValue::Bytes(None),
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
