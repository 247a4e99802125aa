//! The auditor: bytes in, findings out.

use super::bounds::{MAX_INT_BYTES, MAX_TEXT};
use super::finding::{Act, Audited};
use super::frames::Frames;
use super::interpreter::Interpreter;
use super::location::Location;
use super::names::Name;
use super::operand::Operands;
use super::value::ObjectId;
use crate::error::Result;
use crate::lex::{Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::Opcode;

/// An audit of one pickle: it reports what `pickle.load` would import, call and change.
///
/// ```
/// use pickle_stream::Limits;
/// use pickle_stream::audit::{Act, Audited, Auditor, Name, Subject};
///
/// let pickle = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.";
/// let mut auditor = Auditor::new(0, &Limits::default());
/// let mut found = Vec::new();
/// while let Audited::Found(next) = auditor.advance(&pickle[auditor.offset() as usize..])? {
///     found.push((next.offset, next.act));
/// }
/// let system = Name::Global { module: "os".into(), name: "system".into() };
/// assert_eq!(auditor.names(), [system]);
/// let [(14, Act::Import(name)), (22, Act::Call(called))] = found[..] else { panic!() };
/// assert_eq!(called, Subject::Named(name));
/// # Ok::<(), pickle_stream::Error>(())
/// ```
#[derive(Debug)]
pub struct Auditor {
    lexer: Lexer,
    frames: Frames,
    interpreter: Interpreter,
}

impl Auditor {
    /// Returns an auditor of the pickle that begins at `offset` in the source.
    pub fn new(offset: u64, limits: &Limits) -> Auditor {
        Auditor {
            lexer: Lexer::new(offset, limits),
            frames: Frames::new(offset),
            interpreter: Interpreter::new(offset, limits),
        }
    }

    /// Returns the offset at which the next input must begin.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// Returns the protocol that PROTO gave, 0 before.
    pub fn protocol(&self) -> i64 {
        self.interpreter.protocol()
    }

    /// Returns every name that was found, in the order in which they were found.
    pub fn names(&self) -> &[Name] {
        self.interpreter.names()
    }

    /// Returns the values of the instruction of the last finding.
    ///
    /// They are valid after [`advance`](Self::advance) returned [`Act::Call`], [`Act::SetState`] or
    /// [`Act::Add`], until it is called again.
    pub fn operands(&self) -> Operands<'_> {
        self.interpreter.operands()
    }

    /// Sets a number for the result of a call, which the auditor does not interpret:
    /// [`OperandResult::fact`](super::OperandResult::fact) returns it. With `keep`, the memo entry
    /// of the result is kept longer than others, as later calls are likely to read it.
    ///
    /// `object` must be one of the last [`operands`](Self::operands).
    pub fn set_fact(&mut self, object: ObjectId, fact: u64, keep: bool) {
        self.interpreter.set_fact(object, fact, keep);
    }

    /// Moves to the instruction that begins at `offset`, where the loader itself reads the bytes
    /// before it, as joblib does with the bytes of arrays.
    pub fn skip_to(&mut self, offset: u64) {
        self.lexer.move_to(offset);
    }

    /// Returns whether the next instruction is inside a frame. Its bytes are those that the
    /// unpickler has fetched, and not the next ones of the file.
    pub fn is_in_frame(&self) -> bool {
        self.frames.is_inside(self.offset())
    }

    /// Reads `input`, which begins at [`offset`](Self::offset), up to the next finding.
    ///
    /// Fails where CPython's unpicklers cannot go on, and over a limit, such as 65,536 names. All
    /// findings before the error have been returned by then.
    pub fn advance(&mut self, input: &[u8]) -> Result<Audited> {
        let start = self.offset();
        loop {
            if let Some(finding) = self.interpreter.next_finding() {
                return Ok(Audited::Found(finding));
            }
            if self.interpreter.has_stopped() {
                return Ok(Audited::Stop);
            }
            let begin = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            // The lexer skips a payload that is not looked at, also past the end of the input.
            let Some(rest) = input.get(begin..) else { return Ok(Audited::Need(1)) };
            let before = self.offset();
            let head = match self.lexer.head(rest)? {
                Progress::Need(more) => return Ok(Audited::Need(more)),
                Progress::Done(head) => head,
            };
            let payload = match head.payload <= max_payload(head.opcode) {
                false => None,
                true => match rest[head.size..].get(..head.payload as usize) {
                    Some(payload) => Some(payload),
                    None => {
                        self.lexer.move_to(before);
                        let have = rest.len() - head.size;
                        return Ok(Audited::Need(head.payload as usize - have));
                    }
                },
            };
            self.interpreter.make_room();
            if self.frames.follow(&head, self.lexer.offset()) {
                let at = Location { opcode: head.opcode, offset: head.offset };
                self.interpreter.report(at, Act::Straddle);
            }
            self.interpreter.execute(&head, payload)?;
        }
    }
}

/// Returns the length of the longest payload that the interpreter looks at.
fn max_payload(opcode: Opcode) -> u64 {
    use Opcode as O;
    match opcode {
        O::BinUnicode | O::ShortBinUnicode | O::BinUnicode8 | O::BinString | O::ShortBinString => {
            MAX_TEXT
        }
        O::Long1 | O::Long4 => MAX_INT_BYTES,
        O::BinBytes | O::ShortBinBytes | O::BinBytes8 => 1,
        _ => 0,
    }
}
