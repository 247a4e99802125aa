//! What is in a fixture: its preamble, the instructions of its pickle, the spans of its elements.

use npy_object::header::{Header, Limits as HeaderLimits, Progress as HeaderProgress, parse};
use npy_object::pickle::{
    Container, Disassembler, Event, Lexer, Limits, MemoEffect, Opcode, Progress, Span, Survey,
};

/// An instruction.
pub(crate) struct Row {
    /// Its first byte, in the file.
    pub(crate) offset: usize,
    /// Its bytes.
    pub(crate) size: usize,
    pub(crate) opcode: Opcode,
    /// The memo entry that it writes or reads.
    pub(crate) memo: Option<(MemoEffect, u64)>,
    /// Its line in a disassembly, beginning with the offset.
    pub(crate) text: String,
}

/// The header, and where the data begin. `None` where it is broken or not whole.
pub(crate) fn preamble(bytes: &[u8]) -> Option<(Header, usize)> {
    let mut limits = HeaderLimits::default();
    limits.header_chars = usize::MAX >> 1;
    match parse(bytes, &limits) {
        Ok(HeaderProgress::Done { header, length }) => Some((header, length)),
        _ => None,
    }
}

/// The instructions of the pickle that begins at `offset`, up to STOP or to what cannot be read.
pub(crate) fn instructions(bytes: &[u8], offset: usize) -> Vec<Row> {
    let limits = Limits::default();
    let mut lexer = Lexer::new(offset as u64, &limits);
    let mut disassembler = Disassembler::new(&limits);
    let (mut rows, mut entries) = (Vec::new(), 0);
    let mut place = offset;
    while let Ok(Progress::Done(instruction)) = lexer.instruction(&bytes[place..]) {
        let effect = instruction.opcode.info().memo;
        let Ok(line) = disassembler.line(&instruction) else { break };
        let index = match effect {
            MemoEffect::Memoize => Some(entries),
            _ => instruction.memo_index().ok().flatten(),
        };
        entries += u64::from(matches!(effect, MemoEffect::Put | MemoEffect::Memoize));
        rows.push(Row {
            offset: place,
            size: instruction.size,
            opcode: instruction.opcode,
            memo: index.map(|index| (effect, index)),
            text: line.abbreviate(32).to_string(),
        });
        place += instruction.size;
        if instruction.opcode == Opcode::Stop {
            break;
        }
    }
    rows
}

/// The list of elements in a pickle that NumPy wrote: the index of the row that makes it.
pub(crate) fn list(rows: &[Row]) -> Option<usize> {
    // The list is made after the state of the dtype, which is the first BUILD.
    let build = rows.iter().position(|row| row.opcode == Opcode::Build)?;
    let list = rows[build..].iter().position(|row| row.opcode == Opcode::EmptyList)?;
    Some(build + list)
}

/// The spans of the elements in the first batch, and where the batch ends.
pub(crate) fn first_batch(bytes: &[u8], rows: &[Row], list: usize) -> Option<(Vec<Span>, usize)> {
    let memo = rows[..list]
        .iter()
        .filter(|row| matches!(row.memo, Some((MemoEffect::Put | MemoEffect::Memoize, _))));
    let start = rows[list].offset;
    let mut survey = Survey::new(start as u64, memo.count() as u64, &Limits::default());
    survey.watch(0, Container::List);
    match survey.advance(&bytes[start..]) {
        Ok(Event::Batch) => Some((survey.batch().to_vec(), survey.offset() as usize)),
        _ => None,
    }
}
