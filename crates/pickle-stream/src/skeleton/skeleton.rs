//! The instructions of an element with what varies taken out.
//!
//! ```text
//!  element    h 2  h 5  K 0  \x85 \x94 ...  K 1  K 7  \x85 \x94 h 25  \x89  C 56 ........  \x94 t \x94 b
//!  skeleton   fixed                              hole fixed                 hole                fixed
//! ```
//!
//! A skeleton is learnt from one element, with a hole for each scalar and each list of scalars. Other
//! elements that have the same skeleton show which holes are always filled with the same instruction:
//! those become fixed.
//!
//! Only instructions whose effect depends on their bytes alone are fixed: none that reads a line or
//! counts buffers. So whatever fits a skeleton does to the stack what the learnt element did.

use alloc::vec::Vec;

use super::hole::Hole;
use super::word::{MEMOIZE, Word};
use crate::opcode::Opcode;

/// The instructions of an element with what varies taken out: see
/// [`Survey::rows`](crate::Survey::rows).
#[derive(Clone, Debug)]
pub struct Skeleton {
    /// What is compared, in order.
    pub(super) ops: Vec<Op>,
    /// What the ops were made from.
    instructions: Vec<Instruction>,
    /// The number of holes.
    holes: usize,
    /// Whether an element is one scalar and nothing else.
    is_scalar: bool,
    /// Whether instructions that are always the same are MEMOIZE.
    pub(super) memoizes: bool,
    /// Whether it is known which holes are always filled in the same way.
    is_settled: bool,
    /// The number of memo entries that have to be made before an element, as it reads them by
    /// instructions that are fixed.
    pub(super) reads: u64,
}

/// What is compared with instructions: some that are always the same, and what comes after them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) fixed: Word,
    pub(super) then: Then,
}

/// What comes after instructions that are always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// More of them.
    Nothing,
    /// A scalar, and the instruction that makes a memo entry of it or not.
    Scalar,
    /// The instructions that put scalars into the list on top of the stack.
    List,
    /// A scalar, and the instruction that makes a memo entry of it if this is `true`. A skeleton that
    /// reads its own memo entries has these: each entry has to be that of the same instruction.
    EnteredScalar(bool),
    /// The same as `List`, for scalars of which no memo entries are made.
    ListWithoutPuts,
    /// The instruction that makes the next memo entry.
    Put,
    /// A read of the memo entry that is this far after the first of the row.
    GetOwn(u64),
}

/// One instruction of the learnt element, or those that fill a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instruction {
    Fixed(u8),
    Scalar {
        /// The instruction, if it has no payload; otherwise nothing.
        sample: Sample,
        /// Whether it is always the same.
        is_fixed: bool,
        /// Whether a memo entry was made of it.
        has_put: bool,
    },
    List,
    Put,
    GetOwn(u64),
}

/// An instruction of at most ten bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    bytes: [u8; 10],
    len: u8,
}

impl Sample {
    pub(super) const NONE: Sample = Sample { bytes: [0; 10], len: 0 };

    pub(super) fn of(instruction: &[u8]) -> Sample {
        let mut sample = Sample::NONE;
        if let Some(bytes) = sample.bytes.get_mut(..instruction.len()) {
            bytes.copy_from_slice(instruction);
            sample.len = instruction.len() as u8;
        }
        sample
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    /// Returns one more than the index of the memo entry that the instruction reads, if it does.
    fn reads(&self) -> u64 {
        let [opcode, a, b, c, d, ..] = self.bytes;
        match Opcode::from_byte(opcode) {
            Some(Opcode::BinGet) => u64::from(a) + 1,
            Some(Opcode::LongBinGet) => u64::from(u32::from_le_bytes([a, b, c, d])) + 1,
            _ => 0,
        }
    }
}

/// A step of [`Skeleton::steps`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Run this instruction, which starts with the bytes up to the length.
    Run([u8; 10], usize),
    /// Push the value of the next hole, and make a memo entry of it or not.
    Scalar { has_put: bool },
    /// The list on top of the stack is that of the next hole.
    List,
}

impl Skeleton {
    /// The most instructions of a skeleton.
    pub(super) const MOST: usize = 256;
    /// The number of elements that have to agree before a hole becomes fixed.
    pub(crate) const SAMPLES: usize = 16;

    /// Makes the skeleton of these instructions.
    pub(super) fn assemble(instructions: Vec<Instruction>, is_settled: bool) -> Skeleton {
        let mut skeleton = Skeleton {
            ops: Vec::new(),
            instructions: Vec::new(),
            holes: 0,
            is_scalar: false,
            memoizes: instructions.contains(&Instruction::Fixed(MEMOIZE)),
            is_settled,
            reads: 0,
        };
        let reads_own = reads_own(&instructions);
        for instruction in &instructions {
            match instruction {
                &Instruction::Fixed(byte) => skeleton.fix(&[byte]),
                Instruction::Scalar { sample, is_fixed: true, .. } => {
                    skeleton.reads = skeleton.reads.max(sample.reads());
                    skeleton.fix(sample.bytes());
                }
                &Instruction::Scalar { has_put, .. } => {
                    skeleton.holes += 1;
                    skeleton.then(match reads_own {
                        true => Then::EnteredScalar(has_put),
                        false => Then::Scalar,
                    });
                }
                Instruction::List => {
                    skeleton.holes += 1;
                    skeleton.then(match reads_own {
                        true => Then::ListWithoutPuts,
                        false => Then::List,
                    });
                }
                Instruction::Put => skeleton.then(Then::Put),
                &Instruction::GetOwn(entry) => skeleton.then(Then::GetOwn(entry)),
            }
        }
        skeleton.is_scalar =
            matches!(&skeleton.ops[..], [Op { fixed, then: Then::Scalar }] if fixed.is_empty());
        skeleton.is_settled |= skeleton.is_scalar;
        skeleton.instructions = instructions;
        skeleton
    }

    /// Adds an instruction that is always the same.
    fn fix(&mut self, instruction: &[u8]) {
        let is_first = self.ops.is_empty();
        if let Some(Op { fixed, then: Then::Nothing }) = self.ops.last_mut()
            && fixed.push(instruction)
        {
            return;
        }
        let mut fixed = Word::default();
        fixed.push(instruction);
        if is_first {
            fixed.begins_row();
        }
        self.ops.push(Op { fixed, then: Then::Nothing });
    }

    /// Adds what comes after such instructions.
    fn then(&mut self, then: Then) {
        match self.ops.last_mut() {
            Some(last) if last.then == Then::Nothing => last.then = then,
            _ => self.ops.push(Op { fixed: Word::default(), then }),
        }
    }

    /// Makes each hole fixed that is filled in the same way in all of these rows. With few rows, only
    /// reads of the memo become fixed: they are mostly keys of dicts, classes and dtypes.
    pub(crate) fn fix_same(&self, rows: &[&[Hole]]) -> Skeleton {
        let is_certain = rows.len() >= Skeleton::SAMPLES;
        let same = |hole: usize| {
            let first = rows.first().and_then(|row| row.get(hole));
            first.is_some_and(|first| {
                (if is_certain { first.is_plain() } else { matches!(first, Hole::Get(_)) })
                    && rows.iter().all(|row| row.get(hole).is_some_and(|it| it.is_same(*first)))
            })
        };
        let mut instructions = self.instructions.clone();
        let mut hole = 0;
        for instruction in &mut instructions {
            match instruction {
                Instruction::Scalar { is_fixed: true, .. } => {}
                Instruction::Scalar { sample, is_fixed, has_put } => {
                    *is_fixed = same(hole) && sample.len > 0 && !*has_put;
                    hole += 1;
                }
                Instruction::List => hole += 1,
                _ => {}
            }
        }
        Skeleton::assemble(instructions, is_certain)
    }

    /// Returns the skeleton in which a hole is fixed only where it is in both, if the two are the
    /// same but for what is fixed.
    pub(super) fn merged(&self, other: &Skeleton) -> Option<Skeleton> {
        if self.instructions.len() != other.instructions.len() {
            return None;
        }
        let reads_own = reads_own(&self.instructions);
        let pairs = self.instructions.iter().zip(&other.instructions);
        if reads_own && !pairs.clone().all(|(one, other)| one.has_put() == other.has_put()) {
            return None;
        }
        let merged: Option<Vec<Instruction>> =
            pairs.map(|(one, other)| one.merged(other)).collect();
        merged.map(|instructions| Skeleton::assemble(instructions, true))
    }

    /// Returns the number of holes.
    #[inline]
    pub fn holes(&self) -> usize {
        self.holes
    }

    /// Returns whether an element is one scalar and nothing else.
    #[inline]
    pub fn is_scalar(&self) -> bool {
        self.is_scalar
    }

    /// Returns whether it is known which holes are always filled in the same way.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Returns what makes the values of the skeleton: memo entries are made from `memo` on.
    pub(crate) fn steps(&self, memo: u64) -> impl Iterator<Item = Option<Step>> + '_ {
        let run = |instruction: &[u8]| {
            let sample = Sample::of(instruction);
            Some(Step::Run(sample.bytes, sample.len.into()))
        };
        self.instructions.iter().map(move |instruction| match instruction {
            &Instruction::Fixed(byte) => run(&[byte]),
            Instruction::Scalar { sample, is_fixed: true, .. } => run(sample.bytes()),
            &Instruction::Scalar { has_put, .. } => Some(Step::Scalar { has_put }),
            Instruction::List => Some(Step::List),
            Instruction::Put => run(&[MEMOIZE]),
            Instruction::GetOwn(entry) => {
                let index = u32::try_from(memo.checked_add(*entry)?).ok()?.to_le_bytes();
                let [a, b, c, d] = index;
                run(&[Opcode::LongBinGet as u8, a, b, c, d])
            }
        })
    }
}

/// Returns whether one of the instructions reads a memo entry that an earlier one has made.
pub(super) fn reads_own(instructions: &[Instruction]) -> bool {
    instructions.iter().any(|instruction| matches!(instruction, Instruction::GetOwn(_)))
}

impl Instruction {
    fn has_put(&self) -> bool {
        matches!(self, Instruction::Scalar { has_put: true, .. })
    }

    fn merged(&self, other: &Instruction) -> Option<Instruction> {
        match (self, other) {
            (
                &Instruction::Scalar { sample, is_fixed, has_put },
                &Instruction::Scalar { sample: its_sample, is_fixed: its_is_fixed, .. },
            ) => Some(Instruction::Scalar {
                sample,
                is_fixed: is_fixed && its_is_fixed && sample == its_sample,
                has_put,
            }),
            (one, other) => (one == other).then_some(*one),
        }
    }
}
