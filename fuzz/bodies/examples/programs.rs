//! Prints generated programs and our answers to them, for `oracle/differential.py`.
//!
//! - `programs SEED COUNT` generates programs, and mutates half of them.
//! - `programs SEED COUNT whole` mutates none.
//! - `programs given` reads programs from standard input, each after its length.
//!
//! A record is three lengths, followed by three byte strings of these lengths: the program; the
//! answer, which is the digest of the value, or `!` and the violated clause; and the program
//! without its FRAMEs, which is empty where it has none. Lengths have 4 bytes, little-endian.

use std::io::{self, BufWriter, ErrorKind, Read, Write, stdin, stdout};

use npy_object_fuzz_bodies::digest::{TooLarge, digest};
use npy_object_fuzz_bodies::{mutate::mutate, program};
use pickle_stream::{Lexer, Limits, Opcode, Progress, decode};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(stdout().lock());
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["given"] => given(&mut out)?,
        [seed, count] => generated(seed, count, false, &mut out)?,
        [seed, count, "whole"] => generated(seed, count, true, &mut out)?,
        _ => panic!("usage: programs given | programs SEED COUNT [whole]"),
    }
    out.flush()
}

fn generated(seed: &str, count: &str, whole: bool, out: &mut impl Write) -> io::Result<()> {
    let mut random = Random(seed.parse().expect("a seed"));
    let count: u64 = count.parse().expect("a count");
    let mut written = 0;
    while written < count {
        let well_formed = make(&mut random);
        // Mutate every other program.
        let stream = if random.next().is_multiple_of(2) || whole {
            well_formed
        } else {
            let (other, choices) = (make(&mut random), random.bytes(64));
            mutate(well_formed, &other, &choices)
        };
        if let Ok(answer) = answer(&stream) {
            record(&stream, &answer, out)?;
            written += 1;
        }
    }
    Ok(())
}

fn given(out: &mut impl Write) -> io::Result<()> {
    let mut programs = stdin().lock();
    let mut len = [0; 4];
    loop {
        match programs.read_exact(&mut len) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let mut stream = vec![0; u32::from_le_bytes(len) as usize];
        programs.read_exact(&mut stream)?;
        record(&stream, &answer(&stream).expect("a value whose digest fits the limit"), out)?;
    }
}

/// Returns the digest of the value that the program makes, or `!` and the clause that it violates.
fn answer(stream: &[u8]) -> Result<Vec<u8>, TooLarge> {
    match decode(stream, &Limits::default()) {
        Ok(decoded) => digest(decoded.value()),
        Err(error) => Ok(format!("!{}", error.clause()).into_bytes()),
    }
}

/// Writes one record.
fn record(stream: &[u8], answer: &[u8], out: &mut impl Write) -> io::Result<()> {
    let unframed = unframed(stream, &Limits::default());
    let parts = [stream, answer, &unframed];
    for part in parts {
        out.write_all(&(part.len() as u32).to_le_bytes())?;
    }
    parts.into_iter().try_for_each(|part| out.write_all(part))
}

/// Returns the program without the FRAMEs before the first instruction that the lexer refuses, or
/// nothing where it has none.
fn unframed(stream: &[u8], limits: &Limits) -> Vec<u8> {
    let (mut lexer, mut kept) = (Lexer::new(0, limits), Vec::new());
    let mut offset = 0;
    while let Ok(Progress::Done(instruction)) = lexer.instruction(&stream[offset..]) {
        let end = lexer.offset() as usize;
        if instruction.opcode != Opcode::Frame {
            kept.extend_from_slice(&stream[offset..end]);
        }
        offset = end;
        if instruction.opcode == Opcode::Stop {
            break;
        }
    }
    kept.extend_from_slice(&stream[offset..]);
    if kept.len() == stream.len() { Vec::new() } else { kept }
}

/// Generates a program, one in four of which is a list.
fn make(random: &mut Random) -> Vec<u8> {
    let len = 8 + random.next() % 250;
    let choices = random.bytes(len as usize);
    match random.next() % 8 {
        0 => program::list(&choices),
        4 => program::long_list(&choices),
        _ => program::program(&choices),
    }
}

/// SplitMix64: a short generator with the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next() as u8).take(len).collect()
    }
}
