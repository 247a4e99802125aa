//! The one error of this crate: what, where, and which clause of the spec.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// Why a pickle could not be read. One word wide.
///
/// Displayed as `what (at byte N) [clause]`, where `N` counts from the start of the source.
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

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes break a rule of the format.
    Malformed,
    /// The bytes end before the pickle does.
    Truncated,
    /// The bytes are, or may be, a pickle, but one that is not handled here.
    Unsupported,
    /// The bytes ask for more than a limit in [`Limits`](crate::Limits) allows.
    Limit,
    /// The caller asked for something that cannot be.
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

    /// An error of kind [`ErrorKind::Limit`]: the input asks for more than `limit`.
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

    /// The error for a source that ends at `offset` although the reader needs `needed` bytes more.
    ///
    /// Being incomplete is no error to anything in this crate; whoever knows that no more bytes
    /// will come makes it one with this.
    #[cold]
    pub fn truncated(offset: u64, needed: usize) -> Error {
        let bytes = if needed == 1 { "byte" } else { "bytes" };
        let message =
            alloc::format!("pickle data was truncated: at least {needed} {bytes} missing");
        Error::new(ErrorKind::Truncated, "pickle.truncated", offset, message)
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the value of the limit that the input exceeds; `None` for an error of another kind.
    /// The [clause](Self::clause) says which limit it is.
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// Where: bytes from the start of the source.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The permanent id of the clause of the spec that is broken, such as `pickle.stack.underflow`.
    pub fn clause(&self) -> &'static str {
        self.0.clause
    }

    /// What, without the place and the clause.
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
