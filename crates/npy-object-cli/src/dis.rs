//! `npyo dis`: the instructions of a pickle, as text.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use clap::Args;
use npy_object::pickle::{self, Argument, Disassembler, Instruction, Lexer, Opcode, Progress};
use npy_object::{Source, SourceReader};

use crate::failure::Failure;
use crate::input::Input;

/// Print the instructions of the pickle behind the header
///
/// As Python's pickletools.dis does, with offsets from the start of the file, and without loading
/// anything. Works on broken files too, as far as they can be read.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dis {
    #[command(flatten)]
    input: Input,

    /// Print arguments whole, not only their first 64 bytes
    #[arg(long)]
    full: bool,
}

const EXAMPLES: &str = "\
Example:
  npyo dis data.npy | less";

/// Bytes of an argument that are shown.
const SHOWN: usize = 64;

impl Dis {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let npy = opened.npy()?;
        let offset = match opened.header(&npy)? {
            Some((header, _)) if !header.dtype.has_object() => {
                let why = format!("no pickle: the dtype is {}, without objects", header.dtype);
                return Err(Failure::Refused(why));
            }
            Some((_, offset)) => offset,
            None => 0,
        };
        let shown = if self.full { usize::MAX } else { SHOWN };
        let source = npy.clone();
        let mut instructions = Instructions::new(npy, offset, shown);
        let mut disassembler = Disassembler::new();
        loop {
            let instruction = instructions.next().map_err(|error| source.explain(error))?;
            let line = disassembler.line(&instruction);
            writeln!(out, "{}", line.abbreviate(shown))?;
            if instruction.opcode == Opcode::Stop {
                break;
            }
        }
        if let Some(protocol) = disassembler.highest_protocol() {
            writeln!(out, "highest protocol among opcodes = {protocol}")?;
        }
        Ok(opened.check_archive()?)
    }
}

/// The instructions of a file, of each no more in memory than is shown.
struct Instructions {
    tape: Tape,
    lexer: Lexer,
    shown: usize,
}

impl Instructions {
    /// The instructions from `offset` on.
    fn new(source: Source, offset: u64, shown: usize) -> Instructions {
        let lexer = Lexer::new(offset, &pickle::Limits::default());
        Instructions { tape: Tape::new(source), lexer, shown }
    }

    /// The next instruction. Of a longer payload it has one byte more than is shown.
    fn next(&mut self) -> npy_object::Result<Instruction<'_>> {
        let offset = self.lexer.offset();
        let (size, payload) = self.measure(offset)?;
        let end = offset.saturating_add(size as u64).saturating_add(payload);
        if !self.tape.reaches(end)? {
            let len = self.tape.source.size()?;
            let missing = usize::try_from(end - len).unwrap_or(usize::MAX);
            return Err(pickle::Error::truncated(len, missing).into());
        }
        let most = self.shown.saturating_add(1);
        let part = usize::try_from(payload).map_or(most, |payload| payload.min(most));
        let input = self.tape.fill(offset, size + part)?;
        if part as u64 == payload {
            return match self.lexer.instruction(input)? {
                Progress::Done(instruction) => Ok(instruction),
                Progress::Need(more) => Err(pickle::Error::truncated(offset, more).into()),
            };
        }
        match self.lexer.head(input)? {
            Progress::Done(head) => Ok(Instruction {
                opcode: head.opcode,
                argument: Argument::Bytes(&input[size..size + part]),
                offset,
                size: size + part,
            }),
            Progress::Need(more) => Err(pickle::Error::truncated(offset, more).into()),
        }
    }

    /// How many bytes the next instruction takes up to its payload, and for its payload.
    fn measure(&mut self, offset: u64) -> npy_object::Result<(usize, u64)> {
        let mut needed = 1;
        loop {
            let input = self.tape.fill(offset, needed)?;
            match self.lexer.clone().head(input)? {
                Progress::Done(head) => return Ok((head.size, head.payload)),
                Progress::Need(more) if input.len() < needed => {
                    let end = offset + input.len() as u64;
                    return Err(pickle::Error::truncated(end, more).into());
                }
                // A line, which may be of any length, is searched anew each time: so it is read in
                // ever larger steps.
                Progress::Need(more) => needed = input.len() * 2 + more,
            }
        }
    }
}

/// A file that is read forwards, and the part of it that is in memory.
struct Tape {
    source: Source,
    reader: SourceReader,
    bytes: Vec<u8>,
    /// Where `bytes` begin; the reader stands at their end.
    start: u64,
}

impl Tape {
    /// Bytes that are read at once.
    const CHUNK: usize = 64 << 10;

    fn new(source: Source) -> Tape {
        Tape { reader: source.to_reader(), source, bytes: Vec::new(), start: 0 }
    }

    /// Whether there are bytes up to `end`. Of a stream that is read as far for it.
    fn reaches(&self, end: u64) -> io::Result<bool> {
        let here = self.start + self.bytes.len() as u64;
        Ok(end <= here || self.source.read_at(&mut [0], end - 1)? > 0)
    }

    /// The bytes from `from` on: at least `needed`, unless the file ends before.
    fn fill(&mut self, from: u64, needed: usize) -> io::Result<&[u8]> {
        let behind = from.checked_sub(self.start).map(usize::try_from);
        let mut place = match behind {
            Some(Ok(place)) if place <= self.bytes.len() => place,
            _ => {
                self.bytes.clear();
                self.start = self.reader.seek(SeekFrom::Start(from))?;
                0
            }
        };
        if self.bytes.len() - place < needed {
            self.bytes.drain(..place);
            self.start = from;
            place = 0;
            let more = (needed - self.bytes.len()).max(Tape::CHUNK);
            self.reader.by_ref().take(more as u64).read_to_end(&mut self.bytes)?;
        }
        Ok(&self.bytes[place..])
    }
}
