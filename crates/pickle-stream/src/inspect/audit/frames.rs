//! The frames of a pickle.
//!
//! FRAME gives the number of bytes that an unpickler may fetch at once. The auditor reads on as if
//! there were no frames. CPython 3.8 to 3.13 does not always: it reads an instruction that crosses
//! the end of a frame from other bytes than those that follow, so it may run other instructions
//! than the auditor. Each such place is reported as [`Act::Straddle`](super::Act::Straddle).

use crate::lex::{Argument, Head};
use crate::opcode::Opcode;

/// The frame that the next instruction is in.
#[derive(Debug)]
pub(super) struct Frames {
    /// Where the last frame ends: an instruction that begins before it is inside the frame.
    end: u64,
}

impl Frames {
    /// Returns the frames of a pickle that begins at `offset`.
    pub(super) fn new(offset: u64) -> Frames {
        Frames { end: offset }
    }

    /// Returns whether an offset is inside the last frame.
    pub(super) fn is_inside(&self, offset: u64) -> bool {
        offset < self.end
    }

    /// Follows the next instruction, which ends at `end`. Returns whether it is in two frames,
    /// begins a frame in another one, or ends the pickle inside a frame.
    pub(super) fn follow(&mut self, head: &Head<'_>, end: u64) -> bool {
        let is_inside = self.is_inside(head.offset);
        let is_in_two = is_inside && end > self.end;
        // CPython would take the bytes after STOP from the frame, as a part of this pickle.
        let ends_inside = head.opcode == Opcode::Stop && end < self.end;
        match head.argument {
            Argument::Size(size) => self.end = end.saturating_add(size),
            _ if is_in_two => self.end = end,
            _ => {}
        }
        is_in_two || ends_inside || (is_inside && head.opcode == Opcode::Frame)
    }
}
