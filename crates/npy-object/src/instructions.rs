//! The instructions of a pickle, for a disassembler.

use pickle_stream::{Argument, Head, Instruction, Lexer, Progress};

use crate::error::Result;
use crate::options::{Limits, ReadSize};
use crate::source::Source;
use crate::source::window::Window;

/// The instructions of a pickle in a source, one after another. Of a long argument, a part is in
/// memory.
///
/// ```
/// use npy_object::pickle::Disassembler;
/// use npy_object::{Instructions, Limits, Source};
///
/// let source = Source::open("tests/data/ragged.npy")?;
/// let limits = Limits::default();
/// let mut instructions = Instructions::new(source, 128, Some(64), &limits);
/// let mut disassembler = Disassembler::new(&limits.pickle);
/// let first = disassembler.line(&instructions.next()?)?.to_string();
/// assert_eq!(first, "  128: \\x80 PROTO      4");
/// # Ok::<(), npy_object::Error>(())
/// ```
pub struct Instructions {
    window: Window,
    lexer: Lexer,
    /// Bytes of an argument that are kept.
    kept: usize,
}

/// Bytes of text lines that are kept to show the beginning of the text that they spell.
const LINE: usize = 64 << 10;

impl Instructions {
    /// Reads the instructions from `offset` on, in bytes from the start of the source.
    ///
    /// Keeps at least the first `kept` bytes of each argument. With `None` it keeps all of it, up to
    /// [`Limits::element`] bytes.
    pub fn new(source: Source, offset: u64, kept: Option<usize>, limits: &Limits) -> Instructions {
        let mut pickle = limits.pickle.clone();
        match kept {
            Some(_) => pickle.line = pickle.line.min(LINE as u64),
            None => pickle.argument = pickle.argument.min(limits.element as u64),
        }
        Instructions {
            window: Window::new(source, ReadSize::default(), 0),
            lexer: Lexer::new(offset, &pickle),
            kept: kept.unwrap_or(usize::MAX),
        }
    }

    /// Returns the next instruction.
    ///
    /// Of a payload that is longer than what is kept, the argument has the first bytes, one more than
    /// are kept. Of longer text lines it has their first 65,536 bytes, unparsed.
    ///
    /// Fails where the source cannot be read, where it ends before STOP (a caller who has seen STOP
    /// stops), and where the bytes are no instruction.
    #[expect(clippy::should_implement_trait, reason = "the instruction borrows from the window")]
    pub fn next(&mut self) -> Result<Instruction<'_>> {
        let mut before = self.lexer.clone();
        let head = self.pass()?;
        let Head { offset, size, payload, .. } = head;
        let end = offset.saturating_add(size as u64).saturating_add(payload);
        // Of a payload that is skipped, the last byte tells whether it is there.
        if !self.window.holds(offset, end) && self.window.source().read_at(&mut [0], end - 1)? == 0
        {
            self.window.len()?;
            return Err(self.window.truncated(end));
        }
        let most = match head.has_lines() {
            true => self.kept.max(LINE),
            false => self.kept.saturating_add(1),
        };
        let part = usize::try_from(payload).map_or(most, |payload| payload.min(most));
        let input = self.window.fill(offset, size + part)?;
        if part as u64 == payload {
            return match before.instruction(input)? {
                Progress::Done(instruction) => Ok(instruction),
                Progress::Need(more) => Err(pickle_stream::Error::truncated(offset, more).into()),
            };
        }
        Ok(head.with_part(&input[size..size + part]))
    }

    /// Skips the next instruction, and returns where it is and how long.
    fn pass(&mut self) -> Result<Head<'static>> {
        self.window.set_anchor(self.lexer.offset());
        let mut needed = 1;
        loop {
            let from = self.lexer.offset();
            let input = self.window.fill(from, needed)?;
            let seen = from.saturating_add(input.len() as u64);
            match self.lexer.pass(input)? {
                Progress::Done(head) => return Ok(Head { argument: Argument::None, ..head }),
                Progress::Need(more) => {
                    needed = self.window.needed(seen, self.lexer.offset(), more)?;
                }
            }
        }
    }
}
