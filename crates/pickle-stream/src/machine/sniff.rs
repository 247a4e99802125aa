//! The test of whether bytes begin a pickle.

use crate::graph::{Graph, Region};
use crate::lex::{Lexer, Progress};
use crate::limits::Limits;
use crate::machine::execute::{Machine, Ran};
use crate::opcode::Opcode;

/// A test of whether bytes begin a pickle.
///
/// From protocol 2 on, the first two bytes say it. Before, a pickle may begin with almost any byte,
/// so its first instructions are run on an empty stack: at least one must be whole, and none may
/// fail before STOP or the end of the first [`MOST`](Self::MOST) bytes.
///
/// ```
/// use pickle_stream::{Progress, Sniffer};
///
/// let mut sniffer = Sniffer::new();
/// assert_eq!(sniffer.advance(b"I", false), Progress::Need(1));
/// assert_eq!(sniffer.advance(b"I1\n.", false), Progress::Done(true));
/// assert_eq!(Sniffer::new().advance(b"PNG", true), Progress::Done(false));
/// ```
#[derive(Debug)]
pub struct Sniffer {
    graph: Graph,
    lexer: Lexer,
    machine: Machine,
}

impl Default for Sniffer {
    fn default() -> Sniffer {
        Sniffer::new()
    }
}

impl Sniffer {
    /// The most bytes that are looked at.
    pub const MOST: usize = 512;

    /// Creates a sniffer that has seen no bytes.
    pub fn new() -> Sniffer {
        let limits = Limits::default();
        let graph = Graph::new();
        let mut machine = Machine::new(&limits);
        machine.reset(&graph, Region::Own, 0);
        Sniffer { graph, lexer: Lexer::new(0, &limits), machine }
    }

    /// Looks at `input`: all bytes from the first on, more of them with each call. `is_all` says that
    /// no byte follows them.
    pub fn advance(&mut self, input: &[u8], is_all: bool) -> Progress<bool> {
        if self.lexer.offset() == 0 {
            match *input {
                [] if is_all => return Progress::Done(false),
                [] => return Progress::Need(1),
                [first] if first == Opcode::Proto as u8 && !is_all => return Progress::Need(1),
                [first, 0..=5, ..] if first == Opcode::Proto as u8 => return Progress::Done(true),
                _ => {}
            }
        }
        let before = self.lexer.offset();
        let rest = input.get(before as usize..).unwrap_or_default();
        match self.machine.run(&mut self.graph, &mut self.lexer, rest) {
            Ok(Ran::Stop(_)) => Progress::Done(true),
            Ok(Ran::Need(_)) if is_all => Progress::Done(self.lexer.offset() > 0),
            Ok(Ran::Need(_)) if input.len() >= Sniffer::MOST => {
                Progress::Done(self.lexer.offset() > 0 || may_be_line(input))
            }
            Ok(Ran::Need(more)) => Progress::Need(more.min(Sniffer::MOST - input.len())),
            Ok(Ran::Missing(_)) | Err(_) => Progress::Done(false),
        }
    }
}

/// Returns whether these may be the first bytes of an instruction whose argument is a long line: of
/// a number, a quoted string, or any text.
fn may_be_line(bytes: &[u8]) -> bool {
    match bytes {
        [b'I' | b'L' | b'F' | b'g' | b'p', line @ ..] => {
            line.iter().all(|byte| byte.is_ascii_digit() || b"+-.eEL_ ".contains(byte))
        }
        [b'S', line @ ..] => matches!(line.first(), Some(b'\'' | b'"')),
        _ => true,
    }
}

/// Returns whether these may be the first bytes of a pickle of protocol 2 or later whose value is
/// made by a call, as that of an array is: PROTO, and then FRAME, or the name of a global.
///
/// Three bytes are looked at, so that the pickle can be found among other bytes.
pub fn may_begin_with_global(bytes: &[u8]) -> bool {
    use Opcode as O;
    let &[proto, 2..=5, next, ..] = bytes else { return false };
    proto == O::Proto as u8
        && matches!(Opcode::from_byte(next), Some(O::Frame | O::Global | O::ShortBinUnicode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn may_begin_with_global_looks_at_three_bytes() {
        assert!(may_begin_with_global(b"\x80\x02cnumpy"));
        assert!(may_begin_with_global(b"\x80\x04\x95\0"));
        assert!(!may_begin_with_global(b"\x80\x04"));
        assert!(!may_begin_with_global(b"\x80\x01c"));
        assert!(!may_begin_with_global(b"\x80\x04]"));
    }
}
