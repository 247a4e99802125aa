//! Breaks a program in a few places, so that most of it is still read.

use arbitrary::Unstructured;
use pickle_stream::Opcode;

/// Bytes at which an integer overflows or a line ends.
const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, b'\n'];

/// Changes `bytes` in up to four places. `choices` decide where, and how: flips a bit, replaces or
/// inserts an opcode, replaces an argument, removes bytes, truncates, repeats a piece, or inserts a
/// piece of `other`.
pub fn mutate(mut bytes: Vec<u8>, other: &[u8], choices: &[u8]) -> Vec<u8> {
    let mut choices = Unstructured::new(choices);
    let mut up_to = |most: usize| choices.int_in_range(0..=most).unwrap_or(0);
    for _ in 0..=up_to(3) {
        let Some(last) = bytes.len().checked_sub(1) else { break };
        let at = up_to(last);
        match up_to(7) {
            0 => bytes[at] ^= 1 << up_to(7),
            1 | 2 => bytes[at] = Opcode::ALL[up_to(Opcode::ALL.len() - 1)].byte(),
            3 => bytes[at] = EDGES[up_to(EDGES.len() - 1)],
            4 => bytes.insert(at, Opcode::ALL[up_to(Opcode::ALL.len() - 1)].byte()),
            5 => drop(bytes.drain(at..(at + 1 + up_to(3)).min(bytes.len()))),
            6 if up_to(3) == 0 => bytes.truncate(at),
            6 => {
                let piece = bytes[at..(at + 1 + up_to(11)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = up_to(other.len());
                let piece = &other[from..(from + up_to(15)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}
