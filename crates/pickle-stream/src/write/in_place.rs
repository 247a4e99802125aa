//! Instructions that change a pickle where it stands: what follows them in the file does not move.
//!
//! An array that grows in its file needs them. Its pickle ends in `TUPLE MEMOIZE BUILD STOP`, which
//! [`no_effect`] overwrites so that the pickle goes on behind it; and the length in its state is written
//! anew, by [`int`], in as many bytes as there is room.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Result;
use crate::lex::{Argument, Instruction, Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::Opcode;

/// Returns instructions of `size` bytes, 2 or more, that have no effect.
pub fn no_effect(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    if !size.is_multiple_of(2) {
        bytes.extend([Opcode::BinInt1 as u8, 0, Opcode::Pop as u8]);
    }
    while bytes.len() < size {
        bytes.extend([Opcode::None as u8, Opcode::Pop as u8]);
    }
    bytes
}

/// Returns instructions that hold a text of at most 255 bytes of ASCII, and have no effect. Every
/// version of Python runs them.
pub fn note(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from([Opcode::ShortBinString as u8, text.len() as u8]);
    bytes.extend_from_slice(text);
    bytes.push(Opcode::Pop as u8);
    bytes
}

/// Returns the text of the [`note`] that `input` begins with; `None` where it begins otherwise.
pub fn read_note(input: &[u8]) -> Option<&[u8]> {
    let (&[opcode, len], rest) = input.split_first_chunk()?;
    let (text, after) = rest.split_at_checked(len.into())?;
    let is_note =
        opcode == Opcode::ShortBinString as u8 && after.first() == Some(&(Opcode::Pop as u8));
    is_note.then_some(text)
}

/// Returns the shortest instruction of at least `least` bytes that makes an int; `None` where there is
/// none, and from 2^63 on.
pub fn int(int: u64, least: usize) -> Option<Vec<u8>> {
    let bytes = int.to_le_bytes();
    let forms = [
        (Opcode::BinInt1, 1, 0xff),
        (Opcode::BinInt2, 2, 0xffff),
        (Opcode::BinInt, 4, i32::MAX as u64),
    ];
    let short = forms
        .into_iter()
        .filter(|&(_, width, most)| int <= most && 1 + width >= least)
        .map(|(opcode, width, _)| [&[opcode as u8], &bytes[..width]].concat());
    let long = (1..=8usize)
        .filter(|&width| int < 1 << (8 * width - 1) && 2 + width >= least)
        .map(|width| [&[Opcode::Long1 as u8, width as u8], &bytes[..width]].concat());
    short.chain(long).min_by_key(Vec::len)
}

/// Returns the value of an instruction that [`int`] writes.
fn int_of(instruction: &Instruction<'_>) -> Option<u64> {
    match (instruction.opcode, instruction.argument) {
        (Opcode::BinInt | Opcode::BinInt1 | Opcode::BinInt2, Argument::Int(int)) => {
            u64::try_from(int).ok()
        }
        (Opcode::Long1, Argument::Bytes(bytes)) if bytes.len() <= 8 => {
            let mut long = [0; 8];
            long[..bytes.len()].copy_from_slice(bytes);
            bytes.last().is_none_or(|&high| high < 0x80).then_some(u64::from_le_bytes(long))
        }
        _ => None,
    }
}

/// The end of a pickle whose object gets a tuple as its state: TUPLE, maybe its memo entry, BUILD, STOP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateEnd<'a> {
    /// The instructions.
    pub bytes: &'a [u8],
    /// Whether the memo entry is of MEMOIZE, which gives entries the next numbers.
    pub is_memoized: bool,
}

impl<'a> StateEnd<'a> {
    /// Returns the end that `input` begins with; `None` where it begins otherwise.
    pub fn of_first(input: &'a [u8]) -> Option<StateEnd<'a>> {
        let memo = input.get(1).and_then(|&byte| Opcode::from_byte(byte));
        let put = match memo {
            Some(Opcode::Memoize) => 1,
            Some(Opcode::BinPut) => 2,
            Some(Opcode::LongBinPut) => 5,
            _ => 0,
        };
        let bytes = input.get(..put + 3)?;
        let is_end = bytes[0] == Opcode::Tuple as u8
            && bytes[put + 1..] == [Opcode::Build as u8, Opcode::Stop as u8];
        is_end.then_some(StateEnd { bytes, is_memoized: put == 1 })
    }
}

/// Returns the bytes of the FRAME that `input` begins with; 0 where it begins otherwise.
pub fn frame_len(input: &[u8]) -> usize {
    match input.first() {
        Some(&first) if first == Opcode::Frame as u8 => 9.min(input.len()),
        _ => 0,
    }
}

/// Where the length of an array is in its pickle: bytes from the start of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LengthPlace {
    /// The instruction that makes it.
    pub instruction: Range<u64>,
    /// The size in the FRAME that it is in; `None` where it is in no frame.
    pub frame: Option<Range<u64>>,
}

impl LengthPlace {
    /// Finds the last `MARK 1 length TUPLE1` in instructions that begin at `offset`: with these the state
    /// of an array of one dimension begins. `None` where no instructions do this.
    ///
    /// Fails where the instructions cannot be read.
    pub fn find(instructions: &[u8], offset: u64, length: u64) -> Result<Option<LengthPlace>> {
        let mut lexer = Lexer::new(offset, &Limits::default());
        let mut rest = instructions;
        let (mut found, mut frame) = (None, None);
        let mut last: [Option<(Opcode, Option<u64>, u64)>; 3] = [None; 3];
        while let Progress::Done(instruction) = lexer.instruction(rest)? {
            let Instruction { opcode, offset, size, .. } = instruction;
            rest = &rest[size..];
            if let Argument::Size(size) = instruction.argument {
                let end = instruction.end();
                frame = Some((offset + 1..end, end.saturating_add(size)));
                continue;
            }
            if opcode == Opcode::Tuple1
                && let [Some((Opcode::Mark, ..)), Some((_, Some(1), _)), Some(last)] = last
                && let (_, Some(int), begin) = last
                && int == length
            {
                let frame = frame.clone().filter(|(_, end)| offset <= *end).map(|(size, _)| size);
                found = Some(LengthPlace { instruction: begin..offset, frame });
            }
            last = [last[1], last[2], Some((opcode, int_of(&instruction), offset))];
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Kind;

    #[test]
    fn no_effect_has_the_size_and_no_effect() {
        for size in 2..20 {
            let bytes = [b"]", &no_effect(size)[..], b"."].concat();
            assert_eq!(bytes.len(), size + 2);
            let decoded = crate::decode(&bytes, &Limits::default()).unwrap();
            assert!(matches!(decoded.value().kind(), Kind::List(items) if items.len() == 0));
        }
    }

    #[test]
    fn read_note_returns_the_text_of_a_whole_note() {
        let noted = note(b"some text");
        assert_eq!(read_note(&noted), Some(&b"some text"[..]));
        assert_eq!(read_note(&[&noted[..], b"more"].concat()), Some(&b"some text"[..]));
        for cut in 0..noted.len() {
            assert_eq!(read_note(&noted[..cut]), None);
        }
        assert_eq!(read_note(b"U\x01ab"), None);
        assert_eq!(read_note(b"C\x01a0"), None);
    }

    #[test]
    fn state_end_is_tuple_build_and_stop() {
        for (end, is_memoized) in [
            (&b"tb."[..], false),
            (b"t\x94b.", true),
            (b"tq\x90b.", false),
            (b"tr\0\xff\0\0b.", false),
        ] {
            let longer = [end, b"more"].concat();
            assert_eq!(StateEnd::of_first(&longer), Some(StateEnd { bytes: end, is_memoized }));
        }
        for bytes in [&b""[..], b"t", b"tb", b"t\x94b", b"Ntb.", b"t\x94\x94b.", b"tb0."] {
            assert_eq!(StateEnd::of_first(bytes), None);
        }
    }

    #[test]
    fn int_is_the_shortest_of_enough_bytes() {
        for (number, least, expected) in [
            (3, 2, &b"K\x03"[..]),
            (256, 2, b"M\0\x01"),
            (65_536, 3, b"J\0\0\x01\0"),
            (1 << 31, 5, b"\x8a\x05\0\0\0\x80\0"),
            (3, 3, b"M\x03\0"),
            (3, 4, b"\x8a\x02\x03\0"),
            (3, 10, b"\x8a\x08\x03\0\0\0\0\0\0\0"),
            (u64::MAX >> 1, 2, b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ] {
            assert_eq!(int(number, least).as_deref(), Some(expected), "{number}");
        }
        assert_eq!(int(1 << 63, 2), None);
        assert_eq!(int(3, 11), None);
    }

    #[test]
    fn length_is_found_with_its_frame() {
        let framed = b"\x80\x04\x95\x06\0\0\0\0\0\0\0N(K\x01K\x07\x85";
        let place = LengthPlace::find(framed, 128, 7).unwrap().unwrap();
        assert_eq!((place.instruction, place.frame), (143..145, Some(131..139)));
        let place = LengthPlace::find(b"\x80\x02(K\x01M\x2c\x01\x85", 0, 300).unwrap().unwrap();
        assert_eq!((place.instruction, place.frame), (5..8, None));
        // Another length, another version, no mark.
        for other in [&b"(K\x01K\x08\x85"[..], b"(K\x02K\x07\x85", b"NK\x01K\x07\x85"] {
            assert_eq!(LengthPlace::find(other, 0, 7), Ok(None));
        }
    }
}
