//! The instructions of an element, with their bytes; of an array without objects its bytes alone.

use npy_object::pickle::{Disassembler, Opcode};
use npy_object::{Instructions, Limits, Source};
use serde::Serialize;

/// Instructions that are sent at once.
const MOST: usize = 200;
/// Bytes of an instruction that are shown.
const SHOWN: usize = 8;
/// Bytes of an argument that are shown.
const ARGUMENT: usize = 48;
/// Bytes of a line of a dump.
const LINE: usize = 16;

/// Some of the instructions or bytes of an element.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    lines: Vec<Line>,
    /// Where the listing goes on; `None` at the end of the element.
    next: Option<u64>,
    /// The error at which it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    /// Bytes from the start of the file, unpacked.
    offset: u64,
    /// The bytes in hexadecimal, and `…` where there are more.
    bytes: String,
    /// The name of the opcode; `None` of bytes that are no instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    opcode: Option<&'static str>,
    /// The instruction as `pickletools.dis` prints it, without the offset; or the bytes as text.
    text: String,
}

/// Lists at most 200 instructions from `begin` on, before `end`.
pub(super) fn list(source: &Source, begin: u64, end: u64, limits: &Limits) -> Listing {
    let mut disassembler = Disassembler::new(&limits.pickle);
    let mut instructions = Instructions::new(source.clone(), begin, Some(ARGUMENT), limits);
    let mut listing = Listing { lines: Vec::new(), next: None, error: None };
    let mut last = false;
    loop {
        if last {
            break;
        }
        let instruction = match instructions.next() {
            Ok(instruction) => instruction,
            Err(error) => {
                // The last instruction of an element that ends with the file has no next one.
                if listing.lines.last().is_none_or(|line| line.offset < end) {
                    listing.error = Some(error.to_string());
                }
                break;
            }
        };
        let offset = instruction.offset;
        if offset >= end {
            break;
        }
        if listing.lines.len() == MOST {
            listing.next = Some(offset);
            break;
        }
        let opcode = instruction.opcode;
        let text = match disassembler.line(&instruction) {
            Ok(line) => line.abbreviate(ARGUMENT).to_string(),
            Err(error) => {
                listing.error = Some(error.to_string());
                break;
            }
        };
        let text = text.split_once(": ").map_or(text.as_str(), |(_, text)| text).to_owned();
        listing.lines.push(Line {
            offset,
            bytes: String::new(),
            opcode: Some(opcode.name()),
            text,
        });
        last = opcode == Opcode::Stop;
    }
    add_bytes(source, &mut listing, end);
    listing
}

/// Adds the bytes of each instruction, which end where the next begins.
fn add_bytes(source: &Source, listing: &mut Listing, end: u64) {
    let ends: Vec<u64> = listing.lines.iter().skip(1).map(|line| line.offset).collect();
    let ends = ends.into_iter().chain([listing.next.unwrap_or(end)]);
    for (line, end) in listing.lines.iter_mut().zip(ends) {
        let size = end.saturating_sub(line.offset);
        let bytes = read(source, line.offset, size.min(SHOWN as u64) as usize);
        line.bytes = hexadecimal(&bytes, size > SHOWN as u64);
    }
}

/// Lists the bytes from `begin` on, before `end`, 16 a line.
pub(super) fn dump(source: &Source, begin: u64, end: u64) -> Listing {
    let size = end.saturating_sub(begin).min((MOST * LINE) as u64) as usize;
    let bytes = read(source, begin, size);
    let line = |(number, bytes): (usize, &[u8])| Line {
        offset: begin + (number * LINE) as u64,
        bytes: hexadecimal(bytes, false),
        opcode: None,
        text: bytes.iter().map(|&byte| printable(byte)).collect(),
    };
    let lines: Vec<_> = bytes.chunks(LINE).enumerate().map(line).collect();
    let next = begin + bytes.len() as u64;
    let next = (next < end && !bytes.is_empty()).then_some(next);
    Listing { lines, next, error: None }
}

/// Reads up to `size` bytes; fewer where the source ends or cannot be read.
fn read(source: &Source, offset: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut read = 0;
    while read < size {
        match source.read_at(&mut bytes[read..], offset + read as u64) {
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    bytes.truncate(read);
    bytes
}

fn hexadecimal(bytes: &[u8], is_cut: bool) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut text = digits.join(" ");
    if is_cut {
        text.push_str(" …");
    }
    text
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '·',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_has_the_bytes_of_each_instruction() {
        let source = Source::bytes(b"\x80\x04](K\x01X\x14\0\0\0aaaaaaaaaaaaaaaaaaaae.".as_slice());
        let listing = list(&source, 4, 31, &Limits::default());
        let lines: Vec<_> = listing.lines.iter().map(|line| (line.offset, line.opcode)).collect();
        assert_eq!(lines, [(4, Some("BININT1")), (6, Some("BINUNICODE"))]);
        assert_eq!(listing.lines[0].bytes, "4b 01");
        assert_eq!(listing.lines[0].text, "K    BININT1    1");
        assert!(listing.lines[1].bytes.ends_with("61 …"));
        assert!(listing.next.is_none() && listing.error.is_none());
    }

    #[test]
    fn long_listing_goes_on_where_it_stopped() {
        let source = Source::bytes([&b"]("[..], &b"K\x01".repeat(300), b"e."].concat());
        let first = list(&source, 2, 602, &Limits::default());
        assert_eq!((first.lines.len(), first.next), (200, Some(402)));
        let rest = list(&source, 402, 602, &Limits::default());
        assert_eq!((rest.lines.len(), rest.next), (100, None));
    }

    #[test]
    fn broken_instruction_ends_the_listing_with_its_error() {
        let listing = list(&Source::bytes(b"K\x01\xff.".as_slice()), 0, 4, &Limits::default());
        assert_eq!(listing.lines.len(), 1);
        assert!(listing.error.unwrap().contains("pickle.opcode"));
    }

    #[test]
    fn dump_has_16_bytes_a_line() {
        let source = Source::bytes((0..40).collect::<Vec<u8>>());
        let dump = dump(&source, 8, 40);
        assert_eq!((dump.lines.len(), dump.lines[1].offset, dump.next), (2, 24, None));
        assert_eq!(dump.lines[1].text, "········ !\"#$%&'");
    }
}
