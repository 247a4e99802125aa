//! Limits on what a pickle may use.

use crate::error::{Error, Result};

/// Limits on the memory and time that a pickle takes. Real files stay below the defaults.
///
/// A value equal to the limit passes. Lengths are charged before memory is allocated for them: in
/// `lex/lexer.rs` for `argument`, `line` and `digits`. Slots, marks and nodes are charged by the
/// instruction that makes them, which makes at most three: in `machine/execute.rs` (`charge` in
/// `graph/arena.rs` counts nodes) and in `survey/walk.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Values on the stack at once. Guards against floods of pushes.
    pub stack: usize,
    /// Open marks at once. Guards against floods of `MARK`.
    pub marks: usize,
    /// Nodes of one decoded value, and entries of its memo. Guards the memory of a value.
    pub nodes: usize,
    /// Bytes of one argument (a string, a line, an int). Guards against a length past the end of
    /// the source, if the length of the source is not known.
    pub argument: u64,
    /// Bytes of the text lines of one argument that is read. Guards the memory of lines, which have
    /// no length before them. Skipped lines have the limit of `argument`.
    pub line: u64,
    /// Digits of an int in decimal. CPython has the same limit of 4,300, because the time to read
    /// them is quadratic.
    pub digits: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stack: 1 << 28,
            marks: 1 << 28,
            nodes: 1 << 28,
            argument: 1 << 40,
            line: 1 << 40,
            digits: 4300,
        }
    }
}

/// Fails if `value` is above `limit`.
#[inline]
pub(crate) fn check(limit: u64, value: u64, clause: &'static str, offset: u64) -> Result<()> {
    if value <= limit { Ok(()) } else { Err(over(limit, value, clause, offset)) }
}

#[cold]
fn over(limit: u64, value: u64, clause: &'static str, offset: u64) -> Error {
    let what = clause.rsplit('.').next().unwrap_or(clause);
    let message = alloc::format!("{what} limit: {value} is more than {limit}");
    Error::over_limit(limit, clause, offset, message)
}
