//! How much work a value makes for Python when it is hashed, and when it is removed.
//!
//! Both can be out of proportion to the bytes of the pickle. Hashing a tuple hashes its items, by
//! recursion, and an item that occurs twice is hashed twice: `t = (t, t)` twenty times takes 40
//! bytes and 2^20 steps. Removing an object may remove the objects in it by recursion and exhaust
//! the stack.

use super::bounds::{MAX_DEPTH, MAX_HASHED};

/// Upper bounds for one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// Values that hashing it visits: itself, and those in tuples in it, as often as they occur. Of
    /// a list, that of its most costly item.
    pub(super) hash: u32,
    /// How many containers and objects are in one another.
    pub(super) depth: u32,
}

impl Cost {
    /// The cost of no value.
    pub(super) const ZERO: Cost = Cost { hash: 0, depth: 0 };

    /// The cost of a value with nothing in it.
    pub(super) const LEAF: Cost = Cost { hash: 1, depth: 0 };

    /// Returns the larger hash and the larger depth of both.
    pub(super) fn max(self, other: Cost) -> Cost {
        Cost { hash: self.hash.max(other.hash), depth: self.depth.max(other.depth) }
    }

    /// Whether hashing the value is cheap enough not to be reported.
    pub(super) fn is_hashable(self) -> bool {
        self.hash <= MAX_HASHED
    }

    /// Whether removing the value needs little enough stack not to be reported.
    pub(super) fn is_shallow(self) -> bool {
        self.depth <= MAX_DEPTH
    }
}
