//! The error of this crate. Every room uses it; it uses no room.

use std::borrow::Cow;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

use pickle_stream::printable;

/// An error of reading or writing a file. It is one word wide.
///
/// It is displayed as `file: message (element 17, ['key'][3], at byte N) [clause]`, without the
/// parts that are not known. `N` is counted from the start of the file. Control characters in names
/// from the file are escaped, see [`printable`](crate::pickle::printable).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    limit: Option<u64>,
    offset: Option<u64>,
    clause: &'static str,
    message: Cow<'static, str>,
    source: Option<Arc<io::Error>>,
    /// Whether the text adds that `salvage` saves the elements before the error.
    salvageable: bool,
    /// The name of the file, escaped.
    file: Option<Arc<str>>,
    element: Option<u64>,
    /// The path into the element, as Python writes it: `['key'][3]`.
    path: String,
}

/// The result of a function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file breaks a rule of its format.
    Malformed,
    /// The file ends before its array does.
    Truncated,
    /// The file may be valid, but this crate does not support it.
    Unsupported,
    /// The file exceeds a limit: [`Error::limit`].
    Limit,
    /// The caller asked for something that is not there: another type than the element has, an
    /// element past the last.
    Usage,
    /// The system failed to read or write.
    Io,
}

impl Error {
    #[cold]
    pub(crate) fn new(
        kind: ErrorKind,
        clause: &'static str,
        offset: impl Into<Option<u64>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error(Box::new(Inner {
            kind,
            limit: None,
            offset: offset.into(),
            clause,
            message: escaped(message.into()),
            source: None,
            salvageable: false,
            file: None,
            element: None,
            path: String::new(),
        }))
    }

    /// Creates an error of kind [`ErrorKind::Limit`]: the file exceeds `limit`.
    #[cold]
    pub(crate) fn over_limit(
        limit: u64,
        clause: &'static str,
        offset: impl Into<Option<u64>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        let mut error = Error::new(ErrorKind::Limit, clause, offset, message);
        error.0.limit = Some(limit);
        error
    }

    #[cold]
    pub(crate) fn usage(clause: &'static str, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Usage, clause, None, message)
    }

    /// Creates an error of reading at an offset, unless the error has one.
    #[cold]
    pub(crate) fn io_at(offset: u64, error: io::Error) -> Error {
        let mut error = Error::from(error);
        error.0.offset = error.0.offset.or(Some(offset));
        error
    }

    /// Adds to the text of a truncation that `salvage` saves the elements before it. Every reader
    /// of elements goes through [`Batches`](crate::locate::batches::Batches), which calls this.
    pub(crate) fn naming_salvage(mut self) -> Error {
        self.0.salvageable = self.0.kind == ErrorKind::Truncated;
        self
    }

    /// Removes the text that [`naming_salvage`](Self::naming_salvage) added, for the report of a
    /// salvage.
    pub(crate) fn without_salvage(mut self) -> Error {
        self.0.salvageable = false;
        self
    }

    /// Adds the name of the file, unless the error has one.
    #[cold]
    pub(crate) fn in_file(mut self, name: &str) -> Error {
        self.0.file.get_or_insert_with(|| printable(name).into());
        self
    }

    /// Adds the path of the file as its name, unless the error has one.
    #[cold]
    pub(crate) fn in_path(self, path: &Path) -> Error {
        self.in_file(&path.to_string_lossy())
    }

    /// Adds the number of the element, unless the error has one.
    #[cold]
    pub(crate) fn of_element(mut self, number: u64) -> Error {
        self.0.element.get_or_insert(number);
        self
    }

    /// Adds a key or index to the front of the path: the error is in the value under it.
    #[cold]
    #[cfg(any(test, feature = "serde", feature = "arrow"))]
    pub(crate) fn under(mut self, subscript: impl fmt::Display) -> Error {
        // A person does not read a longer path. The innermost keys are kept.
        const LONGEST: usize = 200;
        if self.0.path.len() < LONGEST {
            self.0.path.insert_str(0, &printable(&format!("[{subscript}]")));
        }
        self
    }

    /// Adds an offset, unless the error has one.
    #[cold]
    pub(crate) fn or_at(mut self, offset: u64) -> Error {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Replaces the message, for a file of another kind, of which nothing can be salvaged.
    #[cold]
    pub(crate) fn with_message(mut self, message: String) -> Error {
        self.0.message = escaped(message.into());
        self.without_salvage()
    }

    /// Replaces this error with one for a file that has changed since it was opened, of which this
    /// error is a consequence.
    #[cold]
    pub(crate) fn of_changed_file(mut self, how: &str) -> Error {
        let message = format!("the file was changed while it was read ({how}): {}", self.message());
        (self.0.kind, self.0.clause, self.0.message) = (ErrorKind::Io, "io", message.into());
        self.without_salvage()
    }

    /// Returns the name of the file, where it is known. Its control characters are escaped.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// Returns the error without the name of the file, for a message that names it already.
    #[must_use]
    pub fn without_file(mut self) -> Error {
        self.0.file = None;
        self
    }

    /// Returns the number of the element, where it is known.
    pub fn element(&self) -> Option<u64> {
        self.0.element
    }

    /// Returns the path into the element, as Python writes it (`['key'][3]`). It is empty where the
    /// error is not in a part of an element.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the value of the limit that the file exceeds; `None` for an error of another kind.
    /// The [clause](Self::clause) is the id of the limit.
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// Returns the offset of the error: bytes from the start of the file. `None` where it has none.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Returns the id of the clause of the specification that is broken, such as
    /// `npy.header.shape`. An id does not change.
    pub fn clause(&self) -> &'static str {
        self.0.clause
    }

    /// Returns whether the file exceeds a limit that [`Limits::within`](crate::Limits::within)
    /// sets, so that it can be read with more memory.
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
        self.kind() == ErrorKind::Limit && set.contains(&self.clause())
    }

    /// Returns the message, without file, element, offset and clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

/// Escapes the control characters of a message, which may have names from the file.
fn escaped(message: Cow<'static, str>) -> Cow<'static, str> {
    match message {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => match printable(&text) {
            Cow::Borrowed(_) => text.into(),
            Cow::Owned(text) => text.into(),
        },
    }
}

impl From<pickle_stream::Error> for Error {
    fn from(error: pickle_stream::Error) -> Error {
        use pickle_stream::ErrorKind as C;
        let kind = match error.kind() {
            C::Malformed => ErrorKind::Malformed,
            C::Truncated => ErrorKind::Truncated,
            C::Limit => ErrorKind::Limit,
            C::Usage => ErrorKind::Usage,
            _ => ErrorKind::Unsupported,
        };
        let mut converted =
            Error::new(kind, error.clause(), error.offset(), error.message().to_owned());
        converted.0.limit = error.limit();
        converted
    }
}

impl From<npy_header::Error> for Error {
    fn from(error: npy_header::Error) -> Error {
        use npy_header::ErrorKind as K;
        let kind = match error.kind() {
            K::Malformed => ErrorKind::Malformed,
            K::Limit => ErrorKind::Limit,
            K::Usage => ErrorKind::Usage,
            _ => ErrorKind::Unsupported,
        };
        let mut converted =
            Error::new(kind, error.clause(), error.offset(), error.message().to_owned());
        converted.0.limit = error.limit();
        converted
    }
}

impl From<io::Error> for Error {
    /// Converts an I/O error. An error of this crate that went through a reader is returned as it
    /// was.
    fn from(error: io::Error) -> Error {
        let error = match error.downcast::<Error>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        let mut read = Error::new(ErrorKind::Io, "io", None, error.to_string());
        read.0.source = Some(Arc::new(error));
        read
    }
}

/// Some sources cannot fail to open.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match (&error.0.source, error.kind()) {
            (Some(source), _) => source.kind(),
            (None, ErrorKind::Truncated) => io::ErrorKind::UnexpectedEof,
            (None, ErrorKind::Usage) => io::ErrorKind::InvalidInput,
            (None, _) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, offset, clause, message, salvageable, file, element, path, .. } =
            &*self.0;
        if let Some(file) = file {
            write!(f, "{file}: ")?;
        }
        write!(f, "{message}")?;
        if *salvageable {
            write!(f, "; `salvage` saves the elements that are whole")?;
        }
        let places = [
            element.map(|element| format!("element {element}")),
            (!path.is_empty()).then(|| path.clone()),
            offset.map(|offset| format!("at byte {offset}")),
        ];
        let places: Vec<String> = places.into_iter().flatten().collect();
        if !places.is_empty() {
            write!(f, " ({})", places.join(", "))?;
        }
        match kind {
            ErrorKind::Io => Ok(()),
            _ => write!(f, " [{clause}]"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The error inside the Arc, which can be downcast.
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_file_element_path_and_byte() {
        let error = Error::usage("access.type", "expected an int, found \x1b[2J".to_owned());
        let error = error.under("3").under("'a\n'").of_element(17).or_at(4096).in_file("e\x1b.npy");
        let expected = r"e\x1b.npy: expected an int, found \x1b[2J (element 17, ['a\n'][3], at byte 4096) [access.type]";
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.element(), error.path()), (Some(17), r"['a\n'][3]"));
        // What the error has already stays.
        assert_eq!(error.of_element(1).or_at(1).in_file("other").to_string(), expected);
    }

    #[test]
    fn source_of_a_reader_error_can_be_downcast() {
        let error = Error::from(io::Error::new(io::ErrorKind::PermissionDenied, "not you"));
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied));
    }
}
