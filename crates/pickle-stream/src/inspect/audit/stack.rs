//! The stack of the auditor. Equal values next to each other are one run, so that a flood of them
//! takes no memory.

use alloc::format;
use alloc::vec::Vec;

use super::known::{Cost, Heap, MOST_ITEMS, Value};
use super::{At, underflow};
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

/// Values that were above a mark.
#[derive(Debug)]
pub(super) struct Slice {
    /// The lowest of them.
    pub(super) values: Vec<Value>,
    /// How many there are.
    pub(super) count: u64,
    /// The worst cost of those that are not in `values`.
    pub(super) rest: Cost,
}

impl Default for Slice {
    fn default() -> Slice {
        Slice { values: Vec::new(), count: 0, rest: Cost { hash: 0, depth: 0 } }
    }
}

impl Slice {
    /// One more than a dict keeps, so that a longer slice is known to be one.
    const MOST: usize = 2 * MOST_ITEMS + 1;

    /// Makes it the slice of these values.
    pub(super) fn set(&mut self, values: &[Value]) {
        self.clear();
        self.values.extend(values);
        self.count = values.len() as u64;
    }

    fn clear(&mut self) {
        self.values.clear();
        (self.count, self.rest) = (0, Cost { hash: 0, depth: 0 });
    }

    fn push(&mut self, value: Value, length: u64, heap: &Heap) {
        let room = (Slice::MOST - self.values.len()) as u64;
        self.values.extend(core::iter::repeat_n(value, length.min(room) as usize));
        self.count += length;
        if length > room {
            self.rest = self.rest.max(heap.cost(value));
        }
    }

    /// All of them, if they are kept and can be keys and values in turn.
    pub(super) fn entries(&self) -> Option<&[Value]> {
        let is_whole = self.values.len() as u64 == self.count && self.count.is_multiple_of(2);
        is_whole.then_some(&self.values[..])
    }
}

#[derive(Debug)]
struct Run {
    value: Value,
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

    pub(super) fn push(&mut self, value: Value) {
        self.height += 1;
        match self.runs.last_mut() {
            Some(run) if run.value == value => run.length += 1,
            _ => self.runs.push(Run { value, length: 1 }),
        }
    }

    /// The topmost value. What is below a mark cannot be reached.
    pub(super) fn top(&self, at: At) -> Result<Value> {
        match self.runs.last() {
            Some(&Run { value, .. }) if value != Value::Mark => Ok(value),
            _ => Err(underflow(at)),
        }
    }

    pub(super) fn pop(&mut self, at: At) -> Result<Value> {
        self.top(at)?;
        self.pop_value_or_mark(at)
    }

    pub(super) fn pop_value_or_mark(&mut self, at: At) -> Result<Value> {
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
        let Some(mark) = self.runs.iter().rposition(|run| run.value == Value::Mark) else {
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

    pub(super) fn each_value(&mut self, each: &mut dyn FnMut(&mut Value)) {
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
                    Value::Object(_) => Value::Forgotten,
                    Value::Int(_) => Value::Number,
                    Value::Bytes(_) => Value::Bytes(None),
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
