//! The actions of instructions, for a reader that looks for values and does not know how
//! instructions are encoded.

use crate::lex::{Argument, Head, Instruction, Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::{MemoEffect, Opcode};
use crate::survey::span::Container;

/// The action of an instruction, as far as it makes a container, changes one, or names a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Makes a list.
    List,
    /// Makes a dict.
    Dict,
    /// Makes an empty set.
    Set,
    /// Makes a tuple.
    Tuple,
    /// Makes a frozenset.
    FrozenSet,
    /// Makes a str.
    Str,
    /// Makes bytes.
    Bytes,
    /// Calls a callable with a tuple of arguments.
    Call,
    /// Adds members to a container of this sort.
    Grow(Container),
    /// Gives a state to the object below the top value.
    SetState,
    /// Stores the top value in the memo.
    Put,
    /// Pushes a memo entry.
    Get,
    /// Pushes the top value again.
    Dup,
    /// Begins a frame.
    Frame,
    /// Ends the pickle.
    Stop,
    /// Anything else, or no instruction at all.
    Other,
}

impl Action {
    /// Returns the action of the instruction that `input` begins with; `None` where there is no byte.
    pub fn of_first(input: &[u8]) -> Option<Action> {
        let &first = input.first()?;
        Some(Opcode::from_byte(first).map_or(Action::Other, Action::of))
    }

    fn of(opcode: Opcode) -> Action {
        use Opcode as O;
        match opcode {
            O::EmptyList | O::List => Action::List,
            O::EmptyDict | O::Dict => Action::Dict,
            O::EmptySet => Action::Set,
            O::EmptyTuple | O::Tuple | O::Tuple1 | O::Tuple2 | O::Tuple3 => Action::Tuple,
            O::FrozenSet => Action::FrozenSet,
            O::Unicode | O::ShortBinUnicode | O::BinUnicode | O::BinUnicode8 => Action::Str,
            O::ShortBinBytes | O::BinBytes | O::BinBytes8 => Action::Bytes,
            O::Reduce => Action::Call,
            O::Append | O::Appends => Action::Grow(Container::List),
            O::AddItems => Action::Grow(Container::Set),
            O::SetItem | O::SetItems => Action::Grow(Container::Dict),
            O::Build => Action::SetState,
            O::Dup => Action::Dup,
            O::Frame => Action::Frame,
            O::Stop => Action::Stop,
            _ => match opcode.info().memo {
                MemoEffect::Put | MemoEffect::Memoize => Action::Put,
                MemoEffect::Get => Action::Get,
                MemoEffect::Untouched => Action::Other,
            },
        }
    }
}

impl Head<'_> {
    /// Returns what the instruction does.
    pub fn action(&self) -> Action {
        Action::of(self.opcode)
    }

    /// Returns the length in bytes of the frame that the instruction begins; `None` where it begins
    /// none.
    pub fn frame(&self) -> Option<u64> {
        match (self.opcode, self.argument) {
            (Opcode::Frame, Argument::Size(size)) => Some(size),
            _ => None,
        }
    }
}

impl<'a> Head<'a> {
    /// Returns whether the argument is text lines, which have no length before them.
    pub fn has_lines(&self) -> bool {
        self.opcode.info().argument.lines() > 0
    }

    /// Returns the instruction with the first bytes of its payload in place of the payload.
    pub fn with_part(self, part: &'a [u8]) -> Instruction<'a> {
        let Head { opcode, offset, size, .. } = self;
        Instruction { opcode, argument: Argument::Bytes(part), offset, size: size + part.len() }
    }
}

impl Instruction<'_> {
    /// Returns what the instruction does.
    pub fn action(&self) -> Action {
        Action::of(self.opcode)
    }
}

/// Returns whether two spans of pickles have the same instructions. PROTO, FRAME and a STOP at the
/// end do not count.
pub fn same_instructions(one: &[u8], other: &[u8]) -> bool {
    let limits = Limits::default();
    instructions(one, &limits).eq(instructions(other, &limits))
}

/// Returns the instructions that count, up to the first that is not whole.
fn instructions<'a>(
    mut bytes: &'a [u8],
    limits: &Limits,
) -> impl Iterator<Item = (Opcode, Argument<'a>)> {
    let mut lexer = Lexer::new(0, limits);
    let next = move || match lexer.instruction(bytes) {
        Ok(Progress::Done(instruction)) => {
            bytes = &bytes[instruction.size..];
            let is_end = instruction.opcode == Opcode::Stop && bytes.is_empty();
            (!is_end).then_some((instruction.opcode, instruction.argument))
        }
        _ => None,
    };
    core::iter::from_fn(next).filter(|(opcode, _)| !matches!(opcode, Opcode::Proto | Opcode::Frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_of_first_byte() {
        for (bytes, action) in [
            (&b""[..], None),
            (b"]", Some(Action::List)),
            (b"q\x01", Some(Action::Put)),
            (b"\x94", Some(Action::Put)),
            (b"h\x01", Some(Action::Get)),
            (b"u", Some(Action::Grow(Container::Dict))),
            (b"\xff", Some(Action::Other)),
        ] {
            assert_eq!(Action::of_first(bytes), action, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn same_instructions_ignores_frames() {
        let framed = b"\x80\x04\x95\x02\0\0\0\0\0\0\0]\x94.";
        assert!(same_instructions(framed, b"\x80\x02]\x94"));
        assert!(!same_instructions(framed, b"\x80\x02]\x94]"));
        assert!(!same_instructions(framed, b"]"));
        // Only a STOP at the end does not count.
        assert!(!same_instructions(b"].]", b"]"));
    }
}
