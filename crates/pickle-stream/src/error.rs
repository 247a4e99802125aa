//! The error of this crate: what is wrong, where, and which clause of the spec it breaks.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::opcode::Opcode;

/// The reason why a pickle could not be read or written. It is one word wide.
///
/// Displayed as `message (at byte N) [clause]`, where `N` counts from the start of the source.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    limit: Option<u64>,
    offset: u64,
    clause: &'static str,
    message: String,
}

/// The result of an operation that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes break a rule of the format.
    Malformed,
    /// The bytes end before the pickle does.
    Truncated,
    /// The bytes are, or may be, a pickle that this crate does not support.
    Unsupported,
    /// The bytes exceed a limit in [`Limits`](crate::Limits).
    Limit,
    /// The caller passed arguments that do not fit.
    Usage,
}

impl Error {
    #[cold]
    pub(crate) fn new(
        kind: ErrorKind,
        clause: &'static str,
        offset: u64,
        message: impl Into<String>,
    ) -> Error {
        Error(Box::new(Inner { kind, limit: None, offset, clause, message: message.into() }))
    }

    /// Creates an error of kind [`ErrorKind::Limit`]: the input asks for more than `limit`.
    #[cold]
    pub(crate) fn over_limit(
        limit: u64,
        clause: &'static str,
        offset: u64,
        message: impl Into<String>,
    ) -> Error {
        let mut error = Error::new(ErrorKind::Limit, clause, offset, message);
        error.0.limit = Some(limit);
        error
    }

    #[cold]
    pub(crate) fn malformed(
        clause: &'static str,
        offset: u64,
        message: impl Into<String>,
    ) -> Error {
        Error::new(ErrorKind::Malformed, clause, offset, message)
    }

    /// Creates the error for an instruction that takes `needed` values off a stack of `found`.
    #[cold]
    pub(crate) fn underflow(opcode: Opcode, offset: u64, needed: usize, found: usize) -> Error {
        let plural = if needed == 1 { "" } else { "s" };
        let name = opcode.name();
        let message =
            alloc::format!("stack underflow: {name} needs {needed} value{plural}, found {found}");
        Error::malformed("pickle.stack.underflow", offset, message)
    }

    /// Creates the error for an instruction that takes all values above a mark, on a stack without a mark.
    #[cold]
    pub(crate) fn no_mark(opcode: Opcode, offset: u64) -> Error {
        let message = alloc::format!("{} needs a mark, found none", opcode.name());
        Error::malformed("pickle.stack.mark", offset, message)
    }

    /// Creates the error for a source that ends at `offset` although at least `needed` more bytes
    /// are needed.
    ///
    /// A reader of this crate that needs more bytes does not fail. A caller that has no more bytes
    /// makes this error.
    #[cold]
    pub fn truncated(offset: u64, needed: usize) -> Error {
        let bytes = if needed == 1 { "byte" } else { "bytes" };
        let message =
            alloc::format!("pickle data was truncated: at least {needed} {bytes} missing");
        Error::new(ErrorKind::Truncated, "pickle.truncated", offset, message)
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the value of the limit that the input exceeds; `None` for an error of another kind.
    /// The [clause](Self::clause) says which limit it is.
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// Returns the offset of the error: bytes from the start of the source.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Returns the permanent id of the broken clause of the spec, such as `pickle.stack.underflow`.
    pub fn clause(&self) -> &'static str {
        self.0.clause
    }

    /// Returns the message, without offset and clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { offset, clause, message, .. } = &*self.0;
        write!(f, "{message} (at byte {offset}) [{clause}]")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl core::error::Error for Error {}
