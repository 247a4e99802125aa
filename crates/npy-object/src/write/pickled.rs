//! [`Pickled`]: elements that Python has pickled, many at a time, as elements of an array.
//!
//! CPython's pickler writes a list of elements. Their instructions become those of the array as they
//! are; only memo entries get other numbers. Nothing is decoded.

use pickle_stream::{
    Argument, Encoder, Instruction, Lexer, Limits, Opcode, Progress, Renumbering, Span,
    Transcribed, Transcriber,
};

use crate::error::{Error, ErrorKind, Result};
use crate::write::writer::ArrayWriter;

/// The memo of a pickler of Python whose lists become elements of an array. Elements of all lists share
/// the objects that the pickler has in its memo.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Pickled {
    entries: Renumbering,
    /// The number of memo entries of the pickler.
    count: u64,
}

impl Pickled {
    /// Creates the memo of a new pickler.
    pub fn new() -> Pickled {
        Pickled::default()
    }

    /// Returns the number of memo entries of the pickler.
    pub fn entries(&self) -> u64 {
        self.count
    }

    /// Notes that the pickler is given its next memo entry: an object that has this entry in the array.
    pub fn know(&mut self, entry: u64) {
        self.entries.note(self.count, entry);
        self.count += 1;
    }

    /// Copies the items of a pickled list.
    fn copy(&mut self, pickle: &[u8], count: usize, to: &mut Encoder) -> Result<()> {
        let mut limits = Limits::default();
        limits.argument = u64::MAX;
        let (head, protocol) = self.head(pickle, count, &limits)?;
        // APPENDS, or APPEND for one item, and STOP.
        let end = match pickle {
            [.., b'e', b'.'] if count > 1 => pickle.len() - 2,
            [.., b'a', b'.'] if count == 1 => pickle.len() - 2,
            _ => return Err(not_a_list(pickle.len() as u64)),
        };
        let span = Span { begin: head as u64, end: end as u64, memo: self.count };
        let mut transcriber = Transcriber::new(span, protocol, &limits);
        let items = pickle.get(head..end).unwrap_or_default();
        let done = transcriber.advance(items, &mut self.entries, to)?;
        self.count = transcriber.next_entry();
        match done {
            Transcribed::Need(_) if transcriber.offset() == end as u64 => Ok(()),
            _ => Err(not_a_list(transcriber.offset())),
        }
    }

    /// Passes the instructions before the items. Returns their size, and the protocol.
    fn head(&mut self, pickle: &[u8], count: usize, limits: &Limits) -> Result<(usize, u8)> {
        let mut lexer = Lexer::new(0, limits);
        let mut protocol = 0;
        let put = match self.count {
            count if count < 256 => Opcode::BinPut,
            _ => Opcode::LongBinPut,
        };
        let mut expected = [Opcode::EmptyList, put, Opcode::Mark].into_iter();
        let mut left = if count == 1 { 2 } else { 3 };
        while left > 0 {
            let at = lexer.offset() as usize;
            let Progress::Done(Instruction { opcode, argument, .. }) =
                lexer.instruction(&pickle[at..])?
            else {
                return Err(not_a_list(at as u64));
            };
            match (opcode, argument) {
                (Opcode::Proto, Argument::Int(version)) => protocol = version as u8,
                (Opcode::Frame, _) => {}
                _ => {
                    let next = expected.next();
                    if Some(opcode) != next && !(opcode == Opcode::Memoize && next == Some(put)) {
                        return Err(not_a_list(at as u64));
                    }
                    left -= 1;
                }
            }
        }
        // The list itself is not in the array.
        self.count += 1;
        Ok((lexer.offset() as usize, protocol))
    }
}

impl ArrayWriter<'_> {
    /// Returns how many elements can be appended to the open batch, at least one.
    #[doc(hidden)]
    pub fn batch_room(&self) -> usize {
        self.room()
    }

    /// Appends the `count` items of a list that CPython's pickler has written, which must fit into the
    /// open batch. The caller vouches for the pickle: what is in it is not checked.
    ///
    /// Fails where the pickle is not that of a list, past the end of the shape, and where writing fails.
    /// After an error nothing is written, and `memo` is of no use.
    #[doc(hidden)]
    pub fn append_pickled(
        &mut self,
        memo: &mut Pickled,
        pickle: &[u8],
        count: usize,
    ) -> Result<()> {
        if count == 0 || count > self.room() {
            let message = format!("{count} elements do not fit into a batch");
            return Err(Error::usage("access.index", message));
        }
        self.elements(count, |encoder, _| memo.copy(pickle, count, encoder))
    }
}

#[cold]
fn not_a_list(offset: u64) -> Error {
    let message = "expected the pickle of a list, as Python writes it";
    Error::new(ErrorKind::Malformed, "pickle.element.balance", offset, message)
}
