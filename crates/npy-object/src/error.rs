//! The one error of this crate.

use std::borrow::Cow;
use std::sync::Arc;
use std::{fmt, io};

/// Why a file could not be opened, or an element not be read. One word wide.
///
/// Displayed as `what (at byte N) [clause]`, with `N` counted from the start of the file.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    offset: Option<u64>,
    clause: &'static str,
    message: Cow<'static, str>,
    source: Option<Arc<io::Error>>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The file breaks a rule of its format.
    Malformed,
    /// The file ends before its array does.
    Truncated,
    /// The file is, or may be, right, but not handled here.
    Unsupported,
    /// The file asks for more than a limit allows.
    Limit,
    /// The caller asked for something that cannot be: a type that the element is not, an element
    /// beyond the last.
    Usage,
    /// Reading failed.
    Io,
}

impl Error {
    #[cold]
    pub(crate) fn new(
        cause: Cause,
        clause: &'static str,
        offset: impl Into<Option<u64>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        let (offset, message) = (offset.into(), message.into());
        Error(Box::new(Inner { cause, offset, clause, message, source: None }))
    }

    #[cold]
    pub(crate) fn usage(clause: &'static str, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(Cause::Usage, clause, None, message)
    }

    /// Reading failed, at this place unless the error knows better.
    #[cold]
    pub(crate) fn io_at(offset: u64, error: io::Error) -> Error {
        let mut error = Error::from(error);
        error.0.offset = error.0.offset.or(Some(offset));
        error
    }

    /// What sort of thing went wrong.
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// Where: bytes from the start of the file; `None` where no place is to blame.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The permanent id of the clause of the spec that is broken, such as `npy.header.shape`.
    pub fn clause(&self) -> &'static str {
        self.0.clause
    }

    /// Whether a limit was met that [`Limits::within`](crate::Limits::within) sets, so that the file
    /// can be read with more memory.
    pub fn is_over_memory(&self) -> bool {
        let set = [
            "npy.limit.element",
            "npz.limit.directory",
            "pickle.limit.line",
            "pickle.limit.nodes",
            "pickle.limit.memo",
            "pickle.limit.stack",
            "pickle.limit.marks",
        ];
        self.cause() == Cause::Limit && set.contains(&self.clause())
    }

    /// What, without the place and the clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl From<pickle_stream::Error> for Error {
    fn from(error: pickle_stream::Error) -> Error {
        use pickle_stream::Cause as C;
        let cause = match error.cause() {
            C::Malformed => Cause::Malformed,
            C::Truncated => Cause::Truncated,
            C::Limit => Cause::Limit,
            C::Usage => Cause::Usage,
            _ => Cause::Unsupported,
        };
        Error::new(cause, error.clause(), error.offset(), error.message().to_owned())
    }
}

impl From<npy_header::Error> for Error {
    fn from(error: npy_header::Error) -> Error {
        use npy_header::ErrorKind as K;
        let cause = match error.kind() {
            K::Malformed => Cause::Malformed,
            K::OverLimit(..) => Cause::Limit,
            K::Misuse => Cause::Usage,
            _ => Cause::Unsupported,
        };
        Error::new(cause, error.clause(), error.offset(), error.message().to_owned())
    }
}

impl From<io::Error> for Error {
    /// An error of this crate that went through a reader comes out as what it was.
    fn from(error: io::Error) -> Error {
        let error = match error.downcast::<Error>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        Error(Box::new(Inner {
            cause: Cause::Io,
            offset: None,
            clause: "io",
            message: error.to_string().into(),
            source: Some(Arc::new(error)),
        }))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match (&error.0.source, error.cause()) {
            (Some(source), _) => source.kind(),
            (None, Cause::Truncated) => io::ErrorKind::UnexpectedEof,
            (None, Cause::Usage) => io::ErrorKind::InvalidInput,
            (None, _) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { cause, offset, clause, message, .. } = &*self.0;
        write!(f, "{message}")?;
        if let Some(offset) = offset {
            write!(f, " (at byte {offset})")?;
        }
        match cause {
            Cause::Io => Ok(()),
            _ => write!(f, " [{clause}]"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.cause)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What is in the Arc, so that it can be asked for its type.
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_reader_is_there_to_be_found() {
        let error = Error::from(io::Error::new(io::ErrorKind::PermissionDenied, "not you"));
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied));
    }
}
