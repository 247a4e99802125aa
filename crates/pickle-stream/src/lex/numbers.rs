//! Runs of numbers. A number is often followed by many more, so they have loops of their own.
//!
//! The loops read four instructions at a time: one by one, each would wait for the size of the one
//! before it.

use alloc::vec::Vec;

use crate::opcode::{BIN_INT, BIN_INT_1, BIN_INT_2, Opcode};

const BIN_FLOAT: u8 = Opcode::BinFloat as u8;
const APPENDS: u8 = Opcode::Appends as u8;

/// Returns the first four instructions, each of `N` bytes, if all of them have this opcode. This is
/// one branch instead of four.
#[inline(always)]
fn four<const N: usize>(input: &[u8], opcode: u8) -> Option<&[[u8; N]; 4]> {
    let (instructions, _) = input.get(..4 * N)?.as_chunks();
    let four = instructions.first_chunk()?;
    four.iter().fold(true, |all, instruction| all & (instruction[0] == opcode)).then_some(four)
}

/// Returns the size of MARK, numbers and APPENDS, if `input` begins with them.
#[inline(never)]
pub(crate) fn batch_size(input: &[u8]) -> Option<usize> {
    let mut rest = input.strip_prefix(&[Opcode::Mark as u8])?;
    loop {
        while four::<5>(rest, BIN_INT).is_some() {
            rest = &rest[20..];
        }
        while let [BIN_INT, ..] = rest {
            rest = rest.get(5..)?;
        }
        let size = match *rest.first()? {
            BIN_INT_1 => 2,
            BIN_INT_2 => 3,
            BIN_FLOAT if four::<9>(rest, BIN_FLOAT).is_some() => 36,
            BIN_FLOAT => 9,
            APPENDS => return Some(input.len() - rest.len() + 1),
            _ => return None,
        };
        rest = rest.get(size..)?;
    }
}

/// Returns whether an instruction with this opcode makes a number that this file reads.
#[inline(always)]
pub(crate) fn is_number(opcode: u8) -> bool {
    matches!(opcode, BIN_INT | BIN_INT_2 | BIN_INT_1 | BIN_FLOAT)
}

/// Returns the int that `input` begins with, and the size of its instruction.
#[inline(always)]
pub(crate) fn int(input: &[u8]) -> Option<(i64, usize)> {
    match *input {
        [BIN_INT, a, b, c, d, ..] => Some((i32::from_le_bytes([a, b, c, d]).into(), 5)),
        [BIN_INT_2, a, b, ..] => Some((u16::from_le_bytes([a, b]).into(), 3)),
        [BIN_INT_1, a, ..] => Some((a.into(), 2)),
        _ => None,
    }
}

/// Appends the ints, or the floats, after a MARK to the others. Returns their size with that of the
/// APPENDS after them; `None` where there is no APPENDS.
#[inline(always)]
pub(crate) fn read_batch(
    input: &[u8],
    ints: &mut Vec<i64>,
    floats: &mut Vec<f64>,
) -> Option<usize> {
    let rest = if input.first() == Some(&BIN_FLOAT) {
        read_floats(input, floats)
    } else {
        read_ints(input, ints)
    };
    (rest.first() == Some(&APPENDS)).then_some(input.len() - rest.len() + 1)
}

/// Appends the ints that `input` begins with. Returns the bytes after them.
fn read_ints<'i>(input: &'i [u8], ints: &mut Vec<i64>) -> &'i [u8] {
    let mut rest = input;
    loop {
        let (int, after) = match rest {
            [BIN_INT_2, a, b, after @ ..] => (u16::from_le_bytes([*a, *b]).into(), after),
            [BIN_INT_1, a, after @ ..] => ((*a).into(), after),
            [BIN_INT, ..] => {
                let (longs, _) = rest.as_chunks::<5>();
                let run = longs.iter().take_while(|long| long[0] == BIN_INT).count();
                if run == 0 {
                    return rest;
                }
                let int = |&[_, a, b, c, d]: &[u8; 5]| i64::from(i32::from_le_bytes([a, b, c, d]));
                ints.extend(longs[..run].iter().map(int));
                rest = &rest[5 * run..];
                continue;
            }
            _ => return rest,
        };
        ints.push(int);
        rest = after;
    }
}

/// Appends the floats that `input` begins with. Returns the bytes after them.
fn read_floats<'i>(input: &'i [u8], floats: &mut Vec<f64>) -> &'i [u8] {
    let (instructions, _) = input.as_chunks::<9>();
    let found = instructions.iter().take_while(|instruction| instruction[0] == BIN_FLOAT);
    let before = floats.len();
    floats.extend(
        found.map(|&[_, a, b, c, d, e, f, g, h]| f64::from_be_bytes([a, b, c, d, e, f, g, h])),
    );
    &input[9 * (floats.len() - before)..]
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_batch_of_numbers_is_seen_whole() {
        let mixed = b"(K\x01M\x01\x02J\0\0\0\0G\0\0\0\0\0\0\0\0K\x01e";
        let ints = [b"(".as_slice(), &b"J\x01\0\0\0".repeat(9), b"M\x01\x02e"].concat();
        let floats = [b"(".as_slice(), &b"G\0\0\0\0\0\0\0\0".repeat(9), b"e"].concat();
        for batch in [&mixed[..], &ints, &floats, b"(e"] {
            for after in [&b""[..], b"]", b"JJJJJJJJJJJJJJJJJJJJJJJJ"] {
                assert_eq!(batch_size(&[batch, after].concat()), Some(batch.len()));
            }
            for size in 0..batch.len() {
                assert_eq!(batch_size(&batch[..size]), None, "{size}");
            }
        }
        for other in [&b"K\x01e"[..], b"(N", b"(K\x01(e"] {
            assert_eq!(batch_size(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn numbers_of_a_batch_are_read() {
        let (mut ints, mut floats) = (Vec::new(), Vec::new());
        let batch = [&b"K\x01"[..], &b"J\xff\xff\xff\xff".repeat(5), b"M\x01\x02e"].concat();
        for size in 0..batch.len() {
            assert_eq!(read_batch(&batch[..size], &mut ints, &mut floats), None);
        }
        ints.clear();
        assert_eq!(read_batch(&batch, &mut ints, &mut floats), Some(batch.len()));
        assert_eq!(ints, [1, -1, -1, -1, -1, -1, 513]);
        let batch = [&b"G?\xf8\0\0\0\0\0\0".repeat(3)[..], b"ee"].concat();
        assert_eq!(read_batch(&batch, &mut ints, &mut floats), Some(batch.len() - 1));
        assert_eq!((ints.len(), floats), (7, vec![1.5; 3]));
    }
}
