//! [`Error`], the only error type of this crate: a message, the byte it is about, and the clause of
//! the specification that is broken.

use alloc::{boxed::Box, string::String};
use core::fmt;

/// The reason why a preamble or a dtype cannot be read or written.
///
/// An error is one word wide, so a `Result` that holds one is cheap to return.
///
/// # Examples
/// ```
/// use npy_header::{ErrorKind, Limits, parse};
///
/// let error = parse(b"\x93NUMPY\x04\0", &Limits::default()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// assert_eq!(error.offset(), 6);
/// assert_eq!(error.clause(), "npy.version");
/// assert_eq!(
///     error.to_string(),
///     "expected version 1.0, 2.0 or 3.0, found major version 4 (at byte 6) [npy.version]"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inner {
    kind: ErrorKind,
    limit: Option<u64>,
    clause: Clause,
    offset: u64,
    message: String,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule of the format.
    Malformed,
    /// The input is valid, or may be valid in a later version of NumPy, but this crate cannot
    /// read it.
    Unsupported,
    /// The input exceeds a limit: see [`Error::limit`].
    Limit,
    /// The caller asked to write something that the format cannot hold.
    Usage,
}

impl Error {
    #[cold]
    pub(crate) fn new(
        kind: ErrorKind,
        clause: Clause,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        let offset = offset as u64;
        Error(Box::new(Inner { kind, limit: None, clause, offset, message: message.into() }))
    }

    /// Creates an error of kind [`ErrorKind::Limit`] for a limit of this value.
    #[cold]
    pub(crate) fn over_limit(
        limit: usize,
        clause: Clause,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        let mut error = Self::new(ErrorKind::Limit, clause, offset, message);
        error.0.limit = Some(limit as u64);
        error
    }

    #[cold]
    pub(crate) fn malformed(clause: Clause, offset: usize, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, clause, offset, message)
    }

    /// Replaces the offset, which counts from the start of a part, by what `to` returns for it: an
    /// offset from the start of the whole.
    pub(crate) fn relocated(mut self, to: impl FnOnce(u64) -> u64) -> Self {
        self.0.offset = to(self.0.offset);
        self
    }

    /// Adds `by` to the offset, for input that begins `by` bytes into a file.
    #[must_use]
    pub fn shifted(self, by: u64) -> Self {
        self.relocated(|offset| offset.saturating_add(by))
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the value of the limit that the input exceeds, or `None` for an error of another
    /// kind. The [clause](Self::clause) tells which limit it is:
    ///
    /// | clause | limit |
    /// |---|---|
    /// | `npy.header.length` | [`Limits::header_chars`](crate::Limits::header_chars) |
    /// | `npy.header.shape` | [`Limits::dimensions`](crate::Limits::dimensions) |
    /// | `npy.header.depth` | 100 brackets inside one another |
    /// | `npy.descr.subarray` | [`DType::MAX_DIMENSIONS`](crate::DType::MAX_DIMENSIONS) |
    /// | `npy.descr.size` | [`DType::MAX_ITEMSIZE`](crate::DType::MAX_ITEMSIZE) |
    /// | `npy.descr.depth` | [`DType::MAX_DEPTH`](crate::DType::MAX_DEPTH) |
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// Returns the offset of the byte that the error is about, from the start of the input.
    ///
    /// It is 0 where there is no input: in errors of writing, and of the constructors of dtypes.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Returns the message without the offset and the clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the clause of the [specification] that is broken, such as `"npy.header.shape"`. The
    /// names of clauses are permanent.
    ///
    /// [specification]: https://github.com/npy-object/npy-object/blob/main/spec/README.md
    pub fn clause(&self) -> &'static str {
        self.0.clause.id()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}) [{}]", self.0.message, self.0.offset, self.0.clause.id())
    }
}

impl core::error::Error for Error {}

macro_rules! clauses {
    ($($name:ident = $id:literal,)*) => {
        /// A clause: the name of a section in `spec/preamble.md` or `spec/header.md`.
        ///
        /// Clauses are an enum so that a test can compare all of them with the specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Clause {
            $($name,)*
        }

        impl Clause {
            #[cfg(test)]
            const ALL: &[Clause] = &[$(Clause::$name,)*];

            fn id(self) -> &'static str {
                match self {
                    $(Clause::$name => $id,)*
                }
            }
        }
    };
}

clauses! {
    Magic = "npy.magic",
    Version = "npy.version",
    HeaderLength = "npy.header.length",
    Charset = "npy.header.charset",
    Literal = "npy.header.literal",
    Depth = "npy.header.depth",
    Keys = "npy.header.keys",
    Order = "npy.header.order",
    Shape = "npy.header.shape",
    DescrForm = "npy.descr.form",
    DescrType = "npy.descr.type",
    DescrUnit = "npy.descr.unit",
    DescrField = "npy.descr.field",
    DescrLayout = "npy.descr.layout",
    DescrSubarray = "npy.descr.subarray",
    DescrSize = "npy.descr.size",
    DescrDepth = "npy.descr.depth",
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use alloc::{format, string::ToString, vec::Vec};

    #[test]
    fn error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn error_can_cross_threads() {
        fn check<E: core::error::Error + Send + Sync + 'static>() {}
        check::<Error>();
    }

    #[test]
    fn error_displays_message_offset_and_clause() {
        let error = Error::malformed(Clause::Shape, 61, "shape must be a tuple, found 2");
        assert_eq!(
            error.to_string(),
            "shape must be a tuple, found 2 (at byte 61) [npy.header.shape]"
        );
        assert_eq!(error.message(), "shape must be a tuple, found 2");
    }

    #[test]
    fn shifted_error_counts_from_the_start_of_the_file() {
        let error = Error::malformed(Clause::Shape, 61, "");
        assert_eq!(error.clone().shifted(100).offset(), 161);
        assert_eq!(error.shifted(u64::MAX).offset(), u64::MAX);
    }

    /// Compares names and order. A rule for readers is not a clause of an error.
    #[test]
    fn clauses_are_those_of_the_specification() {
        let chapter = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/");
            std::fs::read_to_string(format!("{folder}{name}"))
        };
        let (Ok(preamble), Ok(header)) = (chapter("preamble.md"), chapter("header.md")) else {
            return; // the published crate does not contain the specification
        };
        let spec = [preamble, header].concat();
        let sections: Vec<(&str, &str)> = spec
            .split("\n### ")
            .skip(1)
            .filter_map(|section| {
                // `npy.magic: Magic`, an empty line, and the rule.
                let (heading, rule) = section.split_once("\n\n")?;
                Some((heading.split_once(": ")?.0, rule))
            })
            .filter(|(_, rule)| !rule.starts_with("A reader MUST"))
            .collect();
        let headings: Vec<&str> = sections.iter().map(|(heading, _)| name_of(heading)).collect();
        let clauses: Vec<&str> = Clause::ALL.iter().map(|clause| clause.id()).collect();
        assert_eq!(headings, clauses);
        for (heading, rule) in sections {
            let rule = rule.split("\n\n").next().unwrap_or_default();
            assert!(rule.contains("MUST"), "the first paragraph of {heading} has no MUST");
        }
    }

    /// Returns the clause that a heading names: `npy.magic`, or `npy.magic` with a title after it.
    fn name_of(heading: &str) -> &str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let end = heading.find(|c| !is_part(c)).unwrap_or(heading.len());
        &heading[..end]
    }
}
