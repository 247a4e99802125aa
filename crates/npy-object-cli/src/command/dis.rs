//! `npyo dis`: the instructions of a pickle as text.

use std::io::Write;
use std::path::Path;

use clap::Args;
use npy_object::Instructions;
use npy_object::pickle::{Disassembler, Opcode};

use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::{At, Input, Reading};
use crate::progress::byte_bar;

/// Print the instructions of the pickle after the header
///
/// Prints what Python's pickletools.dis prints, with offsets from the start of the file. Of a broken
/// file, the instructions before the error are printed. Each open mark indents by 4 spaces, up to 64
/// marks. Text lines of over 65,536 bytes are shown as bytes, unless --full is given.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dis {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    #[command(flatten)]
    reading: Reading,

    /// Print whole arguments, not only their first 64 bytes
    #[arg(long)]
    full: bool,
}

const EXAMPLES: &str = "\
Examples:
  npyo dis data.npy | less
  npyo dis data.npy --at [3]      the instructions of an element";

/// Bytes of an argument that are shown.
const SHOWN: usize = 64;

impl Run for Dis {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
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
        let shown = (!self.full).then_some(SHOWN);
        let source = npy.clone();
        let part = match self.at.given() {
            Some(path) => opened.options(&self.reading).instructions_at(npy.clone(), path)?,
            None => None,
        };
        let limits = self.input.limits();
        let mut disassembler = Disassembler::new(&limits.pickle);
        let bar = byte_bar(source.known_size());
        let mut instructions = Instructions::new(npy, offset, shown, &limits);
        loop {
            let instruction = instructions.next().map_err(|error| source.explain(error))?;
            let here = instruction.offset;
            if part.as_ref().is_some_and(|part| here >= part.end) {
                return Ok(opened.check_archive()?);
            }
            // The instructions before a part are read for the marks and memo entries that it uses.
            let line = disassembler.line(&instruction).map_err(|error| source.explain(error))?;
            if part.as_ref().is_none_or(|part| here >= part.start) {
                writeln!(out, "{}", line.abbreviate(shown.unwrap_or(usize::MAX)))?;
            }
            bar.set_position(here);
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
