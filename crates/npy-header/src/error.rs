//! The one error of this crate: what is wrong, where, and which clause of `spec/` says so.

use alloc::{boxed::Box, string::String};
use core::fmt;

/// Why a preamble was refused, or could not be written.
///
/// One word wide, so that a `Result` of it is cheap to return. Displays as
/// `shape must be a tuple of integers, found 2 (at byte 61) [npy.header.shape]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    clause: Clause,
    offset: u64,
    message: String,
}

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes break the format.
    Malformed,
    /// NumPy may read this; this crate does not.
    Unsupported,
    /// The bytes ask for more than a limit allows: which one, and the value it was set to.
    OverLimit(Limit, u64),
    /// The caller asked for something that cannot be written.
    Misuse,
}

/// The limits that an [`ErrorKind::OverLimit`] can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Characters in the header: [`Limits::header_chars`](crate::Limits::header_chars).
    HeaderChars,
    /// Dimensions of an array or subarray: [`Limits::dimensions`](crate::Limits::dimensions) and
    /// [`DType::MAX_DIMENSIONS`](crate::DType::MAX_DIMENSIONS).
    Dimensions,
    /// Brackets inside brackets in the header, or dtypes inside dtypes
    /// ([`DType::MAX_DEPTH`](crate::DType::MAX_DEPTH)).
    Depth,
    /// Bytes in one item: [`DType::MAX_ITEMSIZE`](crate::DType::MAX_ITEMSIZE).
    ItemSize,
}

impl Error {
    #[cold]
    pub(crate) fn new(
        kind: ErrorKind,
        clause: Clause,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        Error(Box::new(Inner { kind, clause, offset: offset as u64, message: message.into() }))
    }

    #[cold]
    pub(crate) fn malformed(clause: Clause, offset: usize, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, clause, offset, message)
    }

    /// The same error, its offset replaced by what `to` makes of it: from a position in a part to
    /// one in the whole.
    pub(crate) fn relocated(mut self, to: impl FnOnce(u64) -> u64) -> Self {
        self.0.offset = to(self.0.offset);
        self
    }

    /// The same error for input that begins `by` bytes into a larger file.
    pub fn shifted(self, by: u64) -> Self {
        self.relocated(|offset| offset.saturating_add(by))
    }

    /// What sort of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where: bytes from the start of the input that was given; 0 where there was no input, as
    /// when a dtype is put together from parts.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// What is wrong, in words, without the offset and the clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The clause of `spec/` that is broken, such as `"npy.header.shape"`. These names are
    /// permanent.
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
        /// A heading of `spec/preamble.md` or `spec/header.md`. The list stands here once, so that no clause can be
        /// returned that the test below does not look up in the specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    fn is_one_word_and_says_what_where_and_why() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let error = Error::malformed(Clause::Shape, 61, "shape must be a tuple, found 2");
        assert_eq!(
            error.to_string(),
            "shape must be a tuple, found 2 (at byte 61) [npy.header.shape]"
        );
        assert_eq!(error.message(), "shape must be a tuple, found 2");
        assert_eq!(error.shifted(100).offset(), 161);
    }

    /// The clauses and the rules for files in the specification are the same list, in the same
    /// order.
    #[test]
    fn specification_has_every_clause() {
        let chapter = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/");
            std::fs::read_to_string(format!("{folder}{name}"))
        };
        let (Ok(preamble), Ok(header)) = (chapter("preamble.md"), chapter("header.md")) else {
            return; // the published crate does not carry the specification
        };
        let spec = [preamble, header].concat();
        let sections: Vec<(&str, &str)> = spec
            .split("\n### ")
            .skip(1)
            .filter_map(|section| section.split_once("\n\n"))
            .filter(|(_, rule)| !rule.starts_with("A reader MUST"))
            .collect();
        let headings: Vec<&str> = sections.iter().map(|(clause, _)| *clause).collect();
        let clauses: Vec<&str> = Clause::ALL.iter().map(|clause| clause.id()).collect();
        assert_eq!(headings, clauses);
        for (clause, rule) in sections {
            let rule = rule.split("\n\n").next().unwrap_or_default();
            assert!(rule.contains("MUST"), "{clause} says nothing that MUST hold");
        }
    }
}
