//! A skeleton from the instructions of one element.

use alloc::vec::Vec;

use super::fit::Position;
use super::hole::Holes;
use super::skeleton::{Instruction, Sample, Skeleton, reads_own};
use super::word::{FRAME, FRAME_SIZE, MEMOIZE};
use crate::opcode::Opcode;

const EMPTY_LIST: u8 = Opcode::EmptyList as u8;

impl Skeleton {
    /// Learns the instructions of an element, `input`, which make memo entries from `memo` on.
    /// Returns `None` where they cannot be taken apart.
    pub(crate) fn learn(input: &[u8], memo: u64) -> Option<Skeleton> {
        let mut instructions = Vec::new();
        let mut position = Position::new(input, memo);
        // What fills the lists of the element is not kept.
        let mut holes = Holes::default();
        let (mut after_list, mut lists_have_puts) = (false, false);
        while position.at < input.len() {
            if instructions.len() == Skeleton::MOST {
                return None;
            }
            let (at, memo_before) = (position.at, position.memo);
            if input[at] == FRAME {
                position.at += FRAME_SIZE;
                continue;
            }
            position.put();
            if position.at > at {
                // One of a scalar follows it at once, and a second one may be that of a read.
                if let Some(Instruction::Scalar { .. }) = instructions.last() {
                    return None;
                }
                let is_memoize = input[at..position.at].ends_with(&[MEMOIZE]);
                instructions.push(match is_memoize {
                    true => Instruction::Fixed(MEMOIZE),
                    false => Instruction::Put,
                });
            } else if after_list {
                after_list = false;
                position.list(&mut holes)?;
                lists_have_puts |= position.memo > memo_before;
                instructions.push(Instruction::List);
            } else if let Some(hole) = position.entered_scalar() {
                let has_put = position.memo > memo_before;
                // An instruction without a payload has ten bytes at most.
                let sample = match hole.is_plain() && !has_put {
                    true => Sample::of(&input[at..position.at]),
                    false => Sample::NONE,
                };
                instructions.push(Instruction::Scalar { sample, is_fixed: false, has_put });
            } else {
                instructions.push(position.fixed(input, memo)?);
                after_list = instructions.last() == Some(&Instruction::Fixed(EMPTY_LIST));
            }
        }
        if after_list {
            instructions.push(Instruction::List);
        }
        // The number of entries would depend on the length of the list.
        let is_plain = !lists_have_puts || !reads_own(&instructions);
        (position.at == input.len() && !instructions.is_empty() && is_plain)
            .then(|| Skeleton::assemble(instructions, false))
    }
}

impl Position<'_> {
    /// Reads an instruction that is always the same in a skeleton.
    fn fixed(&mut self, input: &[u8], memo: u64) -> Option<Instruction> {
        use Opcode as O;
        let rest = &input[self.at..];
        let (&byte, argument) = rest.split_first()?;
        let (index, size) = match Opcode::from_byte(byte)? {
            O::Mark | O::EmptyTuple | O::Tuple | O::Tuple1 | O::Tuple2 | O::Tuple3 => (None, 1),
            O::EmptyList | O::Append | O::Appends | O::EmptySet | O::AddItems => (None, 1),
            O::EmptyDict | O::SetItem | O::SetItems | O::FrozenSet => (None, 1),
            O::StackGlobal | O::Reduce | O::NewObj | O::Build => (None, 1),
            O::BinGet => (Some(u64::from(*argument.first()?)), 2),
            O::LongBinGet => (Some(u32::from_le_bytes(*argument.first_chunk()?).into()), 5),
            _ => return None,
        };
        self.at += size;
        match index {
            None => Some(Instruction::Fixed(byte)),
            Some(index) => {
                let own = index.checked_sub(memo).filter(|_| index < self.memo)?;
                Some(Instruction::GetOwn(own))
            }
        }
    }
}
