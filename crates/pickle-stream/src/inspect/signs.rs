//! Hints of the program that wrote a pickle, from its first instructions.

use crate::lex::{Argument, Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::{ArgumentKind, Opcode};

/// Hints of the program that wrote a pickle: see [`Signs::of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signs {
    /// The protocol that PROTO gives, or a higher one that an instruction needs.
    pub protocol: u8,
    /// Whether there is a `str` of Python 2, which Python 3 does not write.
    pub has_python_2_str: bool,
}

impl Signs {
    /// Reads the instructions of `pickle` before its first list, and calls `text` with each string
    /// and each module name among their arguments. Stops at an instruction that is malformed or
    /// truncated; returns `None` if it is the first one.
    ///
    /// ```
    /// use pickle_stream::Signs;
    ///
    /// let mut texts = Vec::new();
    /// let signs = Signs::of(b"\x80\x02cnumpy\nndarray\n]", |text| texts.push(text.to_vec()));
    /// assert_eq!(signs.unwrap().protocol, 2);
    /// assert_eq!(texts, [b"numpy"]);
    /// ```
    pub fn of(pickle: &[u8], mut text: impl FnMut(&[u8])) -> Option<Signs> {
        let mut lexer = Lexer::new(0, &Limits::default());
        let mut signs = None;
        while let Ok(Progress::Done(instruction)) =
            lexer.instruction(pickle.get(lexer.offset() as usize..)?)
        {
            let signs = signs.get_or_insert(Signs::default());
            match (instruction.opcode, instruction.argument) {
                (Opcode::EmptyList | Opcode::List, _) => break,
                (Opcode::Proto, Argument::Int(protocol)) => {
                    signs.protocol = u8::try_from(protocol).unwrap_or(u8::MAX);
                }
                (_, Argument::Lines(module, _)) => text(module),
                (_, Argument::Bytes(bytes)) => text(bytes),
                _ => {}
            }
            let info = instruction.opcode.info();
            signs.protocol = signs.protocol.max(info.protocol);
            signs.has_python_2_str |= matches!(
                info.argument,
                ArgumentKind::String1 | ArgumentKind::String4 | ArgumentKind::StringLine
            );
        }
        signs
    }
}
