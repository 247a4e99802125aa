//! Where the items of a pickled list are, for a copy of their instructions.

use crate::error::{Error, Result};
use crate::lex::{Argument, Instruction, Lexer, Progress};
use crate::limits::Limits;
use crate::opcode::Opcode;
use crate::survey::Span;

/// The instructions of the items of a list that CPython's pickler has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListItems {
    /// Where they are in the pickle, and the number of memo entries before them.
    pub span: Span,
    /// The protocol of the pickle.
    pub protocol: u8,
}

impl ListItems {
    /// Finds the items of a pickled list of `count` items, of a pickler that has `memo` entries. The
    /// list itself has the next entry. There is at least one item, and at most 1,000, which the
    /// pickler writes as one batch.
    ///
    /// Fails with clause `pickle.element.balance` where the pickle is not that of a list, as far as
    /// its first instructions and its end say it: the items are not looked at.
    pub fn find(pickle: &[u8], count: usize, memo: u64, limits: &Limits) -> Result<ListItems> {
        let mut lexer = Lexer::new(0, limits);
        let mut protocol = 0;
        let put = if memo < 256 { Opcode::BinPut } else { Opcode::LongBinPut };
        let expected: &[Opcode] = match count {
            // APPEND, which needs no mark.
            1 => &[Opcode::EmptyList, put],
            _ => &[Opcode::EmptyList, put, Opcode::Mark],
        };
        let mut expected = expected.iter().copied();
        while expected.len() > 0 {
            let at = lexer.offset();
            let rest = pickle.get(at as usize..).unwrap_or_default();
            let Progress::Done(Instruction { opcode, argument, .. }) = lexer.instruction(rest)?
            else {
                return Err(not_a_list(at));
            };
            match (opcode, argument) {
                (Opcode::Proto, Argument::Int(version)) => protocol = version as u8,
                (Opcode::Frame, _) => {}
                _ => {
                    let next = expected.next();
                    let is_put = opcode == Opcode::Memoize && next == Some(put);
                    if Some(opcode) != next && !is_put {
                        return Err(not_a_list(at));
                    }
                }
            }
        }
        let (begin, last) =
            (lexer.offset(), if count == 1 { Opcode::Append } else { Opcode::Appends });
        let end = match pickle {
            [.., before, stop] if [*before, *stop] == [last as u8, Opcode::Stop as u8] => {
                pickle.len() as u64 - 2
            }
            _ => return Err(not_a_list(pickle.len() as u64)),
        };
        if end < begin {
            return Err(not_a_list(end));
        }
        Ok(ListItems { span: Span { begin, end, memo: memo + 1 }, protocol })
    }
}

#[cold]
fn not_a_list(offset: u64) -> Error {
    let message = "expected the pickle of a list, as Python writes it";
    Error::malformed("pickle.element.balance", offset, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pickle: &[u8], count: usize, memo: u64) -> Result<ListItems> {
        ListItems::find(pickle, count, memo, &Limits::default())
    }

    #[test]
    fn items_are_between_the_start_and_the_end_of_the_list() {
        // pickle.dumps([1, 2], 4), ([1, 2], 2), ([1], 4), and of a pickler with 300 entries
        for (pickle, count, memo, span, protocol) in [
            (&b"\x80\x04\x95\x09\0\0\0\0\0\0\0]\x94(K\x01K\x02e."[..], 2, 0, (14, 18, 1), 4),
            (b"\x80\x02]q\0(K\x01K\x02e.", 2, 0, (6, 10, 1), 2),
            (b"\x80\x04\x95\x06\0\0\0\0\0\0\0]\x94K\x01a.", 1, 0, (13, 15, 1), 4),
            (b"\x80\x02]r\x2c\x01\0\0(K\x01K\x02e.", 2, 300, (9, 13, 301), 2),
        ] {
            let (begin, end, memo_before) = span;
            let span = Span { begin, end, memo: memo_before };
            assert_eq!(find(pickle, count, memo), Ok(ListItems { span, protocol }));
        }
    }

    #[test]
    fn other_pickle_is_refused() {
        for (pickle, count) in [
            (&b""[..], 2),
            (b"\x80\x04N.", 2),
            (b"\x80\x04]\x94.", 2),
            (b"\x80\x04]\x94(K\x01K\x02e.", 1),
            (b"\x80\x04]\x94K\x01a.", 2),
            (b"\x80\x04]\x94(K\x01K\x02u.", 2),
            (b"\x80\x04]\x94(K\x01K\x02e", 2),
        ] {
            let error = find(pickle, count, 0).unwrap_err();
            assert_eq!(error.clause(), "pickle.element.balance", "{}", pickle.escape_ascii());
        }
    }
}
