//! [`parse`], which turns the bytes at the start of a file into a [`Header`].
//!
//! ```text
//! offset     bytes    content
//! 0          6        magic: 93 'N' 'U' 'M' 'P' 'Y'
//! 6          1        major version
//! 7          1        minor version
//! 8          2 or 4   length of the header, little-endian
//! 10 or 12   length   header: a Python dict
//! ```

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use crate::{
    descr,
    error::{Clause, Error, ErrorKind},
    header::{Header, LENGTH_AT, MAGIC, Version},
    literal::{self, Node, Value},
};

/// The limits of [`parse`]. The defaults are those of `numpy.load`.
///
/// # Examples
/// ```
/// use npy_header::Limits;
///
/// let mut limits = Limits::default();
/// limits.header_chars = 1_000_000; // for tables of many columns
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// The largest number of characters in the header: 10,000 by default. `numpy.load` has no such
    /// limit with `allow_pickle=True`. A structured dtype of several hundred fields exceeds it.
    pub header_chars: usize,
    /// The largest number of dimensions of the array: 64 by default, as in NumPy 2 (32 in NumPy 1).
    pub dimensions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { header_chars: 10_000, dimensions: 64 }
    }
}

/// The answer of [`parse`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "the preamble may need more input"]
pub enum Progress {
    /// The input ends inside the preamble: append at least this number of bytes and call [`parse`]
    /// again. The number is never larger than the rest of the preamble, so a caller can wait for
    /// all of them.
    Need(usize),
    /// The input has the whole preamble.
    Done {
        /// The header.
        header: Header,
        /// The number of bytes in the preamble. The data of the array begins after them.
        length: usize,
    },
}

/// Parses the preamble at the start of `input`, the first bytes of a `.npy` file.
///
/// `input` may end anywhere. An input that ends inside the preamble is not an error: the answer is
/// [`Progress::Need`]. An error in the magic, the version or the length is returned as soon as its
/// byte is there, an error in the header as soon as the whole header is there. More input does not
/// change an error.
///
/// Nothing is kept between calls. A call with an incomplete preamble reads at most 12 bytes of it,
/// so a repeated call costs little.
///
/// # Errors
/// Malformed:
/// - `npy.magic`: the input does not begin with `\x93NUMPY`;
/// - `npy.header.charset`: the header of version 3.0 is not UTF-8;
/// - `npy.header.literal`: the header is not a Python literal;
/// - `npy.header.keys`, `npy.header.order`, `npy.header.shape`: the literal is not a dict with
///   `descr`, `fortran_order` and `shape`, or one of the last two has a wrong value;
/// - `npy.descr.*`: `descr` is not a dtype, see [`DType`](crate::DType).
///
/// Unsupported:
/// - `npy.version`: the version is not 1.0, 2.0 or 3.0;
/// - `npy.header.literal`: a string has a `\N{...}` escape or a lone surrogate;
/// - `npy.descr.field`: the title of a field is not a string.
///
/// Over a limit: `npy.header.length`, `npy.header.depth`, `npy.header.shape`,
/// `npy.descr.subarray`, `npy.descr.size` and `npy.descr.depth`, see
/// [`Error::limit`].
///
/// Offsets count from the start of `input`.
///
/// # Examples
/// ```
/// use npy_header::{Limits, Progress, parse};
///
/// let file = b"\x93NUMPY\x01\0\x37\0{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}...";
/// assert_eq!(parse(&file[..8], &Limits::default())?, Progress::Need(2));
/// assert_eq!(parse(&file[..10], &Limits::default())?, Progress::Need(55));
/// assert!(matches!(parse(file, &Limits::default())?, Progress::Done { length: 65, .. }));
/// # Ok::<(), npy_header::Error>(())
/// ```
pub fn parse(input: &[u8], limits: &Limits) -> Result<Progress, Error> {
    check(input, limits).map_err(|mut errors| errors.swap_remove(0))
}

/// Parses as [`parse`] does, and finds each key of the header that is unknown, missing or has a wrong
/// value, not only the first one.
///
/// # Errors
/// Those of [`parse`], at least one; the first is the one that [`parse`] returns. There are several only
/// where the header is a dict.
///
/// # Examples
/// ```
/// use npy_header::{Limits, check};
///
/// let file = b"\x93NUMPY\x01\0\x34\0{'descr': '<q8', 'fortran_order': 0, 'shape': (-1,)}";
/// let errors = check(file, &Limits::default()).unwrap_err();
/// let clauses: Vec<_> = errors.iter().map(|error| error.clause()).collect();
/// assert_eq!(clauses, ["npy.header.shape", "npy.header.order", "npy.descr.type"]);
/// ```
pub fn check(input: &[u8], limits: &Limits) -> Result<Progress, Vec<Error>> {
    let (version, text_at, end) = match parse_prefix(input, limits).map_err(alone)? {
        Prefix::Need(more) => return Ok(Progress::Need(more)),
        Prefix::Done { version, text_at, end } => (version, text_at, end),
    };
    let Some(bytes) = input.get(text_at..end) else {
        return Ok(Progress::Need(end - input.len()));
    };
    let text = decode(bytes, version).map_err(|error| alone(error.shifted(text_at as u64)))?;
    check_chars(text.chars().count(), limits).map_err(alone)?;
    let in_file =
        |error: Error| error.relocated(|at| (text_at + encoded_length(&text, at, version)) as u64);
    let header = literal::parse(&text, version < Version::V3)
        .map_err(alone)
        .and_then(|root| read_header(&root, version, limits))
        .map_err(|errors| errors.into_iter().map(in_file).collect::<Vec<_>>())?;
    Ok(Progress::Done { header, length: end })
}

fn alone(error: Error) -> Vec<Error> {
    Vec::from([error])
}

/// What comes before the header.
enum Prefix {
    /// The input ends inside it: at least this number of bytes is missing.
    Need(usize),
    /// The header is at the offsets from `text_at` to `end`.
    Done { version: Version, text_at: usize, end: usize },
}

/// Reads the magic, the version and the length of the header.
fn parse_prefix(input: &[u8], limits: &Limits) -> Result<Prefix, Error> {
    let Some(version) = parse_version(input)? else {
        return Ok(Prefix::Need(LENGTH_AT + Version::V1.length_width() - input.len()));
    };
    let text_at = LENGTH_AT + version.length_width();
    let Some(field) = input.get(LENGTH_AT..text_at) else {
        return Ok(Prefix::Need(text_at - input.len()));
    };
    let length = field.iter().rev().fold(0u32, |length, &byte| length << 8 | u32::from(byte));
    let length = check_length(length, version, limits)?;
    Ok(Prefix::Done { version, text_at, end: text_at.saturating_add(length) })
}

/// Reads the magic and the version. Returns `None` if the input ends inside them.
fn parse_version(input: &[u8]) -> Result<Option<Version>, Error> {
    if let Some(at) = input.iter().zip(MAGIC).position(|(found, expected)| found != expected) {
        let found = input[at];
        let message =
            format!("not a .npy file: expected the magic \\x93NUMPY, found byte {found:#04x}");
        return Err(Error::malformed(Clause::Magic, at, message));
    }
    let unknown = |at, part, found| {
        let message = format!("expected version 1.0, 2.0 or 3.0, found {part} version {found}");
        Err(Error::new(ErrorKind::Unsupported, Clause::Version, at, message))
    };
    let version = match input.get(MAGIC.len()) {
        None => return Ok(None),
        Some(1) => Version::V1,
        Some(2) => Version::V2,
        Some(3) => Version::V3,
        Some(major) => return unknown(MAGIC.len(), "major", major),
    };
    match input.get(MAGIC.len() + 1) {
        None => Ok(None),
        Some(0) => Ok(Some(version)),
        Some(minor) => unknown(MAGIC.len() + 1, "minor", minor),
    }
}

/// Returns the length of the header if it can be within the limit.
///
/// This is checked before the caller is asked for the header, so that no caller waits or allocates
/// for a false length. A character of UTF-8 takes up to 4 bytes, so the number of characters is
/// known only when the header is there; [`check_chars`] checks it then.
fn check_length(length: u32, version: Version, limits: &Limits) -> Result<usize, Error> {
    let bytes_per_char = if version == Version::V3 { 4 } else { 1 };
    match usize::try_from(length) {
        Ok(length) if length.div_ceil(bytes_per_char) <= limits.header_chars => Ok(length),
        _ => Err(too_long(format!("{length} bytes"), limits)),
    }
}

fn check_chars(chars: usize, limits: &Limits) -> Result<(), Error> {
    if chars <= limits.header_chars {
        return Ok(());
    }
    Err(too_long(format!("{chars} characters"), limits))
}

fn too_long(found: String, limits: &Limits) -> Error {
    let max = limits.header_chars;
    Error::over_limit(
        max,
        Clause::HeaderLength,
        LENGTH_AT,
        format!("header of {found} is over the limit of {max} characters"),
    )
}

/// Decodes the header by the charset of its version. Latin-1 is decoded without a check, because
/// each of its bytes is the code point of a character.
fn decode(bytes: &[u8], version: Version) -> Result<Cow<'_, str>, Error> {
    match (core::str::from_utf8(bytes), version) {
        (Ok(text), Version::V3) => Ok(text.into()),
        (Ok(text), _) if text.is_ascii() => Ok(text.into()),
        (Err(error), Version::V3) => {
            let at = error.valid_up_to();
            let message = format!("header must be UTF-8, found byte {:#04x}", bytes[at]);
            Err(Error::malformed(Clause::Charset, at, message))
        }
        _ => Ok(bytes.iter().copied().map(char::from).collect::<String>().into()),
    }
}

/// Returns the number of bytes in the file from which the first `at` bytes of `text` were decoded.
fn encoded_length(text: &str, at: u64, version: Version) -> usize {
    let at = at as usize; // within the text
    match version {
        Version::V3 => at,
        Version::V1 | Version::V2 => text[..at].chars().count(),
    }
}

/// Returns the header, or the errors of its keys, of its shape, of its order and of its dtype, in this
/// order.
fn read_header(root: &Node, version: Version, limits: &Limits) -> Result<Header, Vec<Error>> {
    let Value::Dict(entries) = &root.value else {
        return Err(alone(root.refuse(Clause::Keys, "header must be a dict")));
    };
    let mut values = [None; 3];
    let mut errors = Vec::new();
    for (key, value) in entries {
        let index = match &key.value {
            Value::Str(name) => KEYS.iter().position(|known| known == name),
            _ => None,
        };
        match index {
            Some(index) => values[index] = Some(value), // the last one counts, as in Python
            None => {
                let expected = "keys of the header must be 'descr', 'fortran_order' and 'shape'";
                errors.push(key.refuse(Clause::Keys, expected));
            }
        }
    }
    let missing = KEYS.iter().zip(values).filter(|(_, value)| value.is_none());
    let missing: Vec<_> = missing.map(|(key, _)| format!("no key '{key}'")).collect();
    if !missing.is_empty() {
        let message = format!("header has {}", missing.join(" and "));
        errors.push(Error::malformed(Clause::Keys, root.at, message));
    }
    let [descr, order, shape] = values;
    let mut note = |error| errors.push(error);
    let shape = shape.and_then(|shape| read_shape(shape, limits).map_err(&mut note).ok());
    let fortran_order = order.and_then(|order| read_order(order).map_err(&mut note).ok());
    let dtype = descr.and_then(|descr| descr::read(descr).map_err(&mut note).ok());
    match (dtype, fortran_order, shape) {
        (Some(dtype), Some(fortran_order), Some(shape)) if errors.is_empty() => {
            Ok(Header { version, dtype, fortran_order, shape })
        }
        _ => Err(errors),
    }
}

/// The keys of a header, sorted as NumPy writes them.
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

fn read_order(order: &Node) -> Result<bool, Error> {
    match order.value {
        Value::Bool(order) => Ok(order),
        _ => Err(order.refuse(Clause::Order, "fortran_order must be a bool")),
    }
}

fn read_shape(shape: &Node, limits: &Limits) -> Result<Vec<usize>, Error> {
    let Value::Tuple(lengths) = &shape.value else {
        return Err(shape.refuse(Clause::Shape, "shape must be a tuple of integers"));
    };
    if lengths.len() > limits.dimensions {
        return Err(Error::over_limit(
            limits.dimensions,
            Clause::Shape,
            shape.at,
            format!(
                "shape has {} dimensions, over the limit of {}",
                lengths.len(),
                limits.dimensions
            ),
        ));
    }
    let expected = "shape must be a tuple of integers from 0 to 2^63 - 1";
    lengths
        .iter()
        .map(|node| node.as_length().ok_or_else(|| node.refuse(Clause::Shape, expected)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// Returns a preamble of version 1 or 3, without padding.
    fn preamble(version: u8, header: &[u8]) -> Vec<u8> {
        let length = (header.len() as u32).to_le_bytes();
        let width = if version == 1 { 2 } else { 4 };
        [MAGIC, &[version, 0][..], &length[..width], header].concat()
    }

    fn read(header: &str) -> Result<Header, Error> {
        match parse(&preamble(1, header.as_bytes()), &Limits::default())? {
            Progress::Done { header, .. } => Ok(header),
            Progress::Need(more) => panic!("asks for {more} more bytes of a whole preamble"),
        }
    }

    #[track_caller]
    fn refused(bytes: &[u8], expected: &str) {
        let error = parse(bytes, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn incomplete_preamble_needs_the_missing_bytes() {
        let text = b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}";
        let whole = preamble(1, text);
        let need = |n: usize| match parse(&whole[..n], &Limits::default()) {
            Ok(Progress::Need(more)) => more,
            other => panic!("{n} bytes: {other:?}"),
        };
        assert_eq!([need(0), need(6), need(9)], [10, 4, 1]);
        assert_eq!([need(10), need(63)], [text.len(), 1]);
        let header = Header::new(crate::DType::OBJECT, false, Vec::from([3]));
        let done = Progress::Done { header, length: 64 };
        assert_eq!(parse(&whole, &Limits::default()), Ok(done.clone()));
        assert_eq!(parse(&[&whole[..], b"data"].concat(), &Limits::default()), Ok(done));
        // Version 3 has a wider length.
        assert_eq!(parse(b"\x93NUMPY\x03\0", &Limits::default()), Ok(Progress::Need(4)));
    }

    #[test]
    fn check_finds_an_error_of_each_key() {
        let text = b"{'shape': 3, 'order': 'C', 'descr': 'x'}";
        let errors = check(&preamble(1, text), &Limits::default()).unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| (error.clause(), error.offset())).collect();
        let (keys, start) = ("npy.header.keys", 10);
        let expected =
            [(keys, 23), (keys, start), ("npy.header.shape", 20), ("npy.descr.type", 46)];
        assert_eq!(found, expected);
        assert_eq!(parse(&preamble(1, text), &Limits::default()).unwrap_err(), errors[0]);
    }

    #[test]
    fn wrong_magic_is_refused_at_the_first_wrong_byte() {
        let expected = "not a .npy file: expected the magic \\x93NUMPY";
        refused(b"P", &format!("{expected}, found byte 0x50 (at byte 0) [npy.magic]"));
        refused(b"\x93NUM\n", &format!("{expected}, found byte 0x0a (at byte 4) [npy.magic]"));
    }

    #[test]
    fn unknown_version_is_refused() {
        refused(
            b"\x93NUMPY\x04",
            "expected version 1.0, 2.0 or 3.0, found major version 4 (at byte 6) [npy.version]",
        );
        refused(
            b"\x93NUMPY\x01\x01",
            "expected version 1.0, 2.0 or 3.0, found minor version 1 (at byte 7) [npy.version]",
        );
    }

    /// Twelve bytes whose length says 4 GiB are refused before anything is asked for or allocated.
    #[test]
    fn header_over_the_limit_is_refused_before_it_is_read() {
        refused(
            b"\x93NUMPY\x02\0\xff\xff\xff\xff",
            "header of 4294967295 bytes is over the limit of 10000 characters \
             (at byte 8) [npy.header.length]",
        );
        let error = parse(b"\x93NUMPY\x01\0\x11\x27", &Limits::default()).unwrap_err();
        assert_eq!((error.kind(), error.limit()), (ErrorKind::Limit, Some(10_000)));
        // The limit is a number of characters, as in NumPy. In UTF-8 they take up to 4 bytes each.
        let with_length = |length: u32| {
            let bytes = [b"\x93NUMPY\x03\0", &length.to_le_bytes()[..]].concat();
            parse(&bytes, &Limits::default())
        };
        assert_eq!(with_length(40_000), Ok(Progress::Need(40_000)));
        assert!(with_length(40_001).is_err());
        let long = preamble(3, " ".repeat(10_001).as_bytes());
        refused(
            &long,
            "header of 10001 characters is over the limit of 10000 characters \
             (at byte 8) [npy.header.length]",
        );
        let limits = Limits { header_chars: 10_001, ..Limits::default() };
        assert_eq!(parse(&long, &limits).unwrap_err().clause(), "npy.header.literal");
    }

    #[test]
    fn offset_in_latin_1_header_counts_bytes_of_the_file() {
        let latin1 = b"{'descr': [('\xe9','f8')], 'fortran_order': False, 'shape': 2}";
        refused(
            &preamble(1, latin1),
            "shape must be a tuple of integers, found 2 (at byte 67) [npy.header.shape]",
        );
    }

    /// Two bytes that are one character in UTF-8 are two characters in Latin-1.
    #[test]
    fn charset_of_header_depends_on_version() {
        let names = |version| {
            let text = "{'descr': [('é','f8')], 'fortran_order': False, 'shape': ()}";
            let bytes = preamble(version, text.as_bytes());
            match parse(&bytes, &Limits::default()) {
                Ok(Progress::Done { header, .. }) => header.dtype.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([names(1), names(3)], ["[('Ã©', '<f8')]", "[('é', '<f8')]"]);
    }

    #[test]
    fn header_of_version_3_that_is_not_utf_8_is_refused() {
        let latin1 = b"{'descr': [('\xe9','f8')], 'fortran_order': False, 'shape': 2}";
        refused(
            &preamble(3, latin1),
            "header must be UTF-8, found byte 0xe9 (at byte 25) [npy.header.charset]",
        );
        let utf8 = "{'descr': [('é','f8')], 'fortran_order': False, 'shape': 2}";
        refused(
            &preamble(3, utf8.as_bytes()),
            "shape must be a tuple of integers, found 2 (at byte 70) [npy.header.shape]",
        );
    }

    #[test]
    fn long_of_python_2_is_refused_in_version_3() {
        let text = b"{'descr': 'f8', 'fortran_order': False, 'shape': (2L, 3L)}";
        assert!(matches!(
            parse(&preamble(1, text), &Limits::default()),
            Ok(Progress::Done { header, .. }) if header.shape == [2, 3]
        ));
        refused(
            &preamble(3, text),
            "expected ',' or ')', found the name 'L' (at byte 63) [npy.header.literal]",
        );
    }

    const FOUR_KEYS: &str = "{'descr': 'f8', 'fortran_order': False, 'shape': (), 'x': 1}";

    #[track_caller]
    fn header_refused(header: &str, expected: &str) {
        assert_eq!(read(header).unwrap_err().to_string(), expected, "{header}");
    }

    #[test]
    fn header_that_is_not_a_dict_is_refused() {
        header_refused("[]", "header must be a dict, found a list (at byte 10) [npy.header.keys]");
    }

    #[test]
    fn missing_key_is_refused() {
        header_refused(
            "{'descr': 'f8', 'shape': ()}",
            "header has no key 'fortran_order' (at byte 10) [npy.header.keys]",
        );
    }

    #[test]
    fn unknown_key_is_refused() {
        let expected = "keys of the header must be 'descr', 'fortran_order' and 'shape'";
        header_refused(FOUR_KEYS, &format!("{expected}, found 'x' (at byte 63) [npy.header.keys]"));
        header_refused(
            &FOUR_KEYS.replace("'x'", "7"),
            &format!("{expected}, found 7 (at byte 63) [npy.header.keys]"),
        );
        let bytes = FOUR_KEYS.replace("'x'", "b'shape'");
        assert_eq!(read(&bytes).unwrap_err().clause(), "npy.header.keys");
    }

    #[test]
    fn repeated_key_has_its_last_value() {
        let header = FOUR_KEYS.replace("'x': 1", "'shape': (7,)");
        assert_eq!(read(&header).unwrap().shape, [7]);
    }

    #[test]
    fn fortran_order_that_is_not_a_bool_is_refused() {
        header_refused(
            &FOUR_KEYS.replace("False", "0").replace(", 'x': 1", ""),
            "fortran_order must be a bool, found 0 (at byte 43) [npy.header.order]",
        );
    }

    fn shape(shape: &str) -> Result<Vec<usize>, Error> {
        let header = format!("{{'descr': 'f8', 'fortran_order': False, 'shape': {shape}}}");
        read(&header).map(|header| header.shape)
    }

    #[test]
    fn shape_is_read() {
        assert_eq!(shape("()"), Ok(Vec::new()));
        assert_eq!(shape("(0x10, 2L)"), Ok(Vec::from([16, 2])));
        assert_eq!(shape(&format!("({})", "1,".repeat(64))), Ok(Vec::from([1; 64])));
    }

    #[test]
    fn shape_over_the_limit_is_refused() {
        let error = shape(&format!("({})", "1,".repeat(65))).unwrap_err();
        assert_eq!((error.kind(), error.limit()), (ErrorKind::Limit, Some(64)));
        assert_eq!(error.message(), "shape has 65 dimensions, over the limit of 64");
    }

    #[test]
    fn shape_that_is_not_a_tuple_of_lengths_is_refused() {
        for wrong in ["2", "[2]", "True", "(True,)", "(-1,)", "(2.0,)", "(9223372036854775808,)"] {
            assert_eq!(shape(wrong).unwrap_err().clause(), "npy.header.shape", "{wrong}");
        }
        assert_eq!(shape("(1+1,)").unwrap_err().clause(), "npy.header.literal");
    }
}
