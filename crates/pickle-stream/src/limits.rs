//! How much one pickle may ask for.

use crate::error::{Error, Result};

/// What a stream may make the reader hold. The defaults are never met by real files.
///
/// Every limit is charged before anything is allocated. A value equal to the limit passes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Values on the stack at once: guards against floods of pushes that nothing consumes.
    pub stack: usize,
    /// Open marks at once: guards against floods of `MARK`.
    pub marks: usize,
    /// Nodes of one decoded value, and entries of its memo: guards the memory of one value.
    pub nodes: usize,
    /// Bytes of one argument (a string, a line, an int): guards against a length that the source
    /// cannot hold, where the length of the source is not known.
    pub argument: u64,
    /// Bytes of the text lines of one argument, where they are read: guards the memory of lines,
    /// which have no length before them. Lines that are skipped have the limit of `argument`.
    pub line: u64,
    /// Digits of an int written in decimal. CPython refuses more than 4,300 too, as reading them
    /// takes quadratic time.
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

/// Refuses `value` where it is above `limit`.
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
