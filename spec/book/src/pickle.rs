//! Finds the parts of a fixture: its preamble, the instructions of its pickle, its elements.

use npy_object::header::{Header, Limits as HeaderLimits, Progress as HeaderProgress, parse};
use npy_object::pickle::{
    Container, Disassembler, Event, Lexer, Limits, MemoEffect, Opcode, Progress, Span, Survey,
};

/// An instruction in a file.
pub(crate) struct Instruction {
    /// The offset of its first byte in the file.
    pub(crate) offset: usize,
    /// The number of its bytes.
    pub(crate) size: usize,
    pub(crate) opcode: Opcode,
    /// Its line in a disassembly, which begins with the offset.
    pub(crate) text: String,
}

/// Returns the header and the offset of the data, or `None` for a preamble that is not valid.
pub(crate) fn preamble(bytes: &[u8]) -> Option<(Header, usize)> {
    let mut limits = HeaderLimits::default();
    limits.header_chars = usize::MAX >> 1;
    match parse(bytes, &limits) {
        Ok(HeaderProgress::Done { header, length }) => Some((header, length)),
        _ => None,
    }
}

/// Returns the instructions of the pickle at `offset`, up to STOP or the first that is not valid.
pub(crate) fn instructions(bytes: &[u8], offset: usize) -> Vec<Instruction> {
    let limits = Limits::default();
    let mut lexer = Lexer::new(offset as u64, &limits);
    let mut disassembler = Disassembler::new(&limits);
    let mut found = Vec::new();
    let mut offset = offset;
    while let Ok(Progress::Done(instruction)) = lexer.instruction(&bytes[offset..]) {
        let Ok(line) = disassembler.line(&instruction) else { break };
        let (opcode, size) = (instruction.opcode, instruction.size);
        found.push(Instruction { offset, size, opcode, text: line.abbreviate(32).to_string() });
        offset += size;
        if opcode == Opcode::Stop {
            break;
        }
    }
    found
}

/// Returns the elements of the first batch of an array that NumPy pickled.
pub(crate) fn first_batch(bytes: &[u8], instructions: &[Instruction]) -> Option<Vec<Span>> {
    // The first BUILD gives the dtype its state. The next list is the list of elements.
    let build = instructions.iter().position(|one| one.opcode == Opcode::Build)?;
    let list = instructions[build..].iter().position(|one| one.opcode == Opcode::EmptyList)?;
    let (before, rest) = instructions.split_at(build + list);
    let writes = |one: &&Instruction| {
        matches!(one.opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize)
    };
    let memo = before.iter().filter(writes).count() as u64;
    let start = rest[0].offset;
    let mut survey = Survey::new(start as u64, memo, &Limits::default());
    survey.watch(0, Container::List);
    match survey.advance(&bytes[start..]) {
        Ok(Event::Batch) => Some(survey.batch().to_vec()),
        _ => None,
    }
}
