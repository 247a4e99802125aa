//! [`Open`]: the containers around a value, and the limits on depth and on shared values.

use std::cell::Cell;

use pickle_stream::NodeId;

use crate::error::{Error, Result};

/// The greatest depth of nested values. They are read by recursion, and with a type such as
/// `serde_json::Value` the file decides how deep.
const DEPTH: usize = 128;

/// The number of bytes of a str, bytes or array that count as one value.
const PIECE: usize = 64;

/// An open container: one around the value that is read.
#[derive(Clone, Copy)]
pub(super) struct Open<'a> {
    id: Option<NodeId>,
    outer: Option<&'a Open<'a>>,
    depth: usize,
    /// The number of values that may still be read.
    left: &'a Cell<usize>,
}

impl<'a> Open<'a> {
    /// Returns the place outside of all containers. As many values as `left` has may be read.
    pub(super) fn outermost(left: &'a Cell<usize>) -> Open<'a> {
        Open { id: None, outer: None, depth: 0, left }
    }

    /// Begins a container.
    ///
    /// Fails with clause `access.depth` where it is nested too deep, and with `access.type` where
    /// it is inside itself.
    #[inline]
    pub(super) fn enter(&'a self, id: Option<NodeId>) -> Result<Open<'a>> {
        if self.depth == DEPTH {
            return Err(too_deep());
        }
        let mut around = Some(self);
        while let Some(open) = around {
            if id.is_some() && open.id == id {
                return Err(contains_itself());
            }
            around = open.outer;
        }
        Ok(Open { id, outer: Some(self), depth: self.depth + 1, left: self.left })
    }

    /// Calls a function with a copy of this container that counts for itself, and then counts what
    /// that one did. In the loop of the function the count is then in a register.
    #[inline(always)]
    pub(super) fn locally<T>(&self, read: impl FnOnce(&Open<'_>) -> T) -> T {
        let left = Cell::new(self.left.get());
        let value = read(&Open { left: &left, ..*self });
        self.left.set(left.get());
        value
    }

    /// Counts a value of which the caller's type may copy this many bytes.
    ///
    /// Fails with clause `access.sharing` where no more values may be read.
    #[inline(always)]
    pub(super) fn charge(&self, bytes: usize) -> Result<()> {
        let Some(left) = self.left.get().checked_sub(1 + bytes / PIECE) else {
            return Err(too_large());
        };
        self.left.set(left);
        Ok(())
    }
}

#[cold]
fn too_deep() -> Error {
    Error::usage("access.depth", format!("the value is nested more than {DEPTH} deep"))
}

#[cold]
fn contains_itself() -> Error {
    Error::usage("access.type", "the value contains itself")
}

#[cold]
fn too_large() -> Error {
    let message = "the value is too large: what it shares is read each time it is met";
    Error::usage("access.sharing", message)
}
