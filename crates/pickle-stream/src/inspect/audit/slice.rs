//! The values that one instruction takes from the stack to put into a container or a call.

use alloc::vec::Vec;

use super::bounds::MAX_ITEMS;
use super::cost::Cost;
use super::value::AbstractValue;

/// Values from the top of the stack, most often those above a mark. There can be any number of
/// them, so only the lowest are kept.
#[derive(Debug)]
pub(super) struct Slice {
    /// The lowest [`Slice::MAX`] of them, bottom first.
    pub(super) values: Vec<AbstractValue>,
    /// How many there are.
    pub(super) count: u64,
    /// The largest costs of those that are not in `values`.
    pub(super) rest: Cost,
}

impl Default for Slice {
    fn default() -> Slice {
        Slice { values: Vec::new(), count: 0, rest: Cost::ZERO }
    }
}

impl Slice {
    /// One more than the keys and values of a dict that are kept, so that a longer slice is seen to
    /// be longer.
    const MAX: usize = 2 * MAX_ITEMS + 1;

    /// Replaces the values. There are at most [`Slice::MAX`].
    pub(super) fn set(&mut self, values: &[AbstractValue]) {
        self.clear();
        self.values.extend(values);
        self.count = values.len() as u64;
    }

    /// Removes the values.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        (self.count, self.rest) = (0, Cost::ZERO);
    }

    /// Adds the same value `length` times. `cost` returns its cost.
    pub(super) fn push(&mut self, value: AbstractValue, length: u64, cost: impl FnOnce() -> Cost) {
        let room = (Slice::MAX - self.values.len()) as u64;
        self.values.extend(core::iter::repeat_n(value, length.min(room) as usize));
        self.count += length;
        if length > room {
            self.rest = self.rest.max(cost());
        }
    }

    /// Removes the lowest value and returns it; `None` where there is none.
    pub(super) fn take_lowest(&mut self) -> Option<AbstractValue> {
        if self.values.is_empty() {
            return None;
        }
        self.count -= 1;
        Some(self.values.remove(0))
    }

    /// Returns keys and values in turn; `None` where not all values are kept, or their number is
    /// odd.
    pub(super) fn entries(&self) -> Option<&[AbstractValue]> {
        let is_whole = self.values.len() as u64 == self.count && self.count.is_multiple_of(2);
        is_whole.then_some(&self.values[..])
    }
}
