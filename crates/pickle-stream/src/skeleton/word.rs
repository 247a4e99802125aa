//! Instructions that are always the same, compared as numbers.

use crate::opcode::Opcode;

pub(super) const FRAME: u8 = Opcode::Frame as u8;
pub(super) const MEMOIZE: u8 = Opcode::Memoize as u8;
/// Bytes of a FRAME instruction.
pub(crate) const FRAME_SIZE: usize = 9;

/// Up to 16 bytes of instructions, which are compared as one number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    bytes: u128,
    mask: u128,
    size: usize,
    /// A bit for each byte that begins an instruction, where a frame may begin.
    starts: u16,
    /// The number of memo entries that the instructions make: by MEMOIZE.
    pub(super) entries: u8,
}

impl Word {
    const MOST: usize = 16;

    /// Returns whether there are no instructions.
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Says that the first instruction is that of a row: a frame before it is not of the row.
    pub(super) fn begins_row(&mut self) {
        self.starts = 0;
    }

    /// Adds an instruction; `false` where there is no room for it.
    pub(super) fn push(&mut self, instruction: &[u8]) -> bool {
        if self.size + instruction.len() > Word::MOST {
            return false;
        }
        self.starts |= 1 << self.size;
        self.entries += u8::from(instruction == [MEMOIZE]);
        for &byte in instruction {
            self.bytes |= u128::from(byte) << (8 * self.size);
            self.mask |= 0xff << (8 * self.size);
            self.size += 1;
        }
        true
    }

    /// Returns the size of these instructions if `input` begins with them.
    #[inline(always)]
    pub(super) fn strip(&self, input: &[u8]) -> Option<usize> {
        match input.first_chunk() {
            Some(bytes) if u128::from_le_bytes(*bytes) & self.mask == self.bytes => Some(self.size),
            _ => self.strip_rarely(input),
        }
    }

    /// Does the same where the input ends soon, or where the bytes differ.
    #[cold]
    #[inline(never)]
    fn strip_rarely(&self, input: &[u8]) -> Option<usize> {
        let mut bytes = [0; Word::MOST];
        let len = input.len().min(Word::MOST);
        bytes[..len].copy_from_slice(&input[..len]);
        let bytes = u128::from_le_bytes(bytes);
        if bytes & self.mask == self.bytes {
            if self.size <= input.len() { Some(self.size) } else { None }
        } else {
            self.strip_in_frames(input, bytes)
        }
    }

    /// Does the same where the bytes differ, which they may in a frame that begins among them.
    fn strip_in_frames(&self, input: &[u8], bytes: u128) -> Option<usize> {
        let first = (((bytes & self.mask) ^ self.bytes).trailing_zeros() / 8) as usize;
        let begins = self.starts & (1 << first) != 0 && input.get(first) == Some(&FRAME);
        let rest = input.get(first + FRAME_SIZE..).filter(|_| begins)?;
        let rest_of_word = Word {
            bytes: self.bytes >> (8 * first),
            mask: self.mask >> (8 * first),
            size: self.size - first,
            // One frame in sixteen bytes is enough.
            starts: 0,
            entries: 0,
        };
        Some(first + FRAME_SIZE + rest_of_word.strip(rest)?)
    }
}
