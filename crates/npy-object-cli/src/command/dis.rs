//! `npyo dis`: the instructions of a pickle, as text.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use clap::Args;
use npy_object::pickle::{
    self, Argument, Disassembler, Head, Instruction, Lexer, Opcode, Progress,
};
use npy_object::{Limits, Source, SourceReader};

use crate::failure::Failure;
use crate::input::Input;

/// Print the instructions of the pickle behind the header
///
/// As Python's pickletools.dis does, with offsets from the start of the file, and without loading
/// anything. Works on broken files too, as far as they can be read. Each open mark indents by 4
/// spaces, up to 64 marks. Text lines of over 65,536 bytes are shown as bytes, unless --full is given.
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

/// Bytes of text lines that are read to show the beginning of what they stand for.
const LINE: usize = 64 << 10;

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
        let limits = self.input.limits();
        let mut disassembler = Disassembler::new(&limits.pickle);
        let mut instructions = Instructions::new(npy, offset, shown, &limits);
        loop {
            let instruction = instructions.next().map_err(|error| source.explain(error))?;
            let line = disassembler.line(&instruction).map_err(|error| source.explain(error))?;
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
    fn new(source: Source, offset: u64, shown: usize, limits: &Limits) -> Instructions {
        let mut limits = limits.clone();
        if shown == usize::MAX {
            // Arguments are held in memory whole.
            limits.pickle.argument = limits.pickle.argument.min(limits.element as u64);
        } else {
            limits.pickle.line = limits.pickle.line.min(LINE as u64);
        }
        let lexer = Lexer::new(offset, &limits.pickle);
        Instructions { tape: Tape::new(source), lexer, shown }
    }

    /// Returns the next instruction. Of a longer payload it has one byte more than is shown; of
    /// longer text lines it has the first 65,536 bytes, in the place of the lines.
    fn next(&mut self) -> npy_object::Result<Instruction<'_>> {
        let mut before = self.lexer.clone();
        let Head { opcode, offset, size, payload, .. } = self.pass()?;
        let end = offset.saturating_add(size as u64).saturating_add(payload);
        if !self.tape.reaches(end)? {
            let len = self.tape.source.size()?;
            let missing = usize::try_from(end - len).unwrap_or(usize::MAX);
            return Err(pickle::Error::truncated(len, missing).into());
        }
        let most = match opcode.info().argument.lines() {
            0 => self.shown.saturating_add(1),
            _ => self.shown.max(LINE),
        };
        let part = usize::try_from(payload).map_or(most, |payload| payload.min(most));
        let input = self.tape.fill(offset, size + part)?;
        if part as u64 == payload {
            return match before.instruction(input)? {
                Progress::Done(instruction) => Ok(instruction),
                Progress::Need(more) => Err(pickle::Error::truncated(offset, more).into()),
            };
        }
        let argument = Argument::Bytes(&input[size..size + part]);
        Ok(Instruction { opcode, argument, offset, size: size + part })
    }

    /// Skips the next instruction, and returns how long it is.
    fn pass(&mut self) -> npy_object::Result<Head<'static>> {
        let mut needed = 1;
        loop {
            let from = self.lexer.offset();
            let input = self.tape.fill(from, needed)?;
            match self.lexer.pass(input)? {
                Progress::Done(head) => return Ok(Head { argument: Argument::None, ..head }),
                Progress::Need(more) if input.len() < needed => {
                    let end = from + input.len() as u64;
                    return Err(pickle::Error::truncated(end, more).into());
                }
                Progress::Need(more) => {
                    let unread = from + input.len() as u64 - self.lexer.offset();
                    needed = unread as usize + more;
                }
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
