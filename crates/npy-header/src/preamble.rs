//! [`parse`]: from the bytes at the start of a file to a [`Header`].
//!
//! ```text
//! 93 'N' 'U' 'M' 'P' 'Y'   major minor   length       header
//! 6 bytes                  1     1       2 or 4, LE   length bytes, a Python dict
//! ```

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use crate::{
    descr,
    error::{Clause, Error, ErrorKind, Limit},
    header::{Header, Version},
    literal::{self, Node, Value},
};

pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Where the length of the header stands: after the magic and the version.
pub(crate) const LENGTH_AT: usize = MAGIC.len() + 2;

/// What a preamble may take. The defaults are NumPy's own, and no file that NumPy reads by default
/// meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most characters of the header: 10,000. `numpy.load` lifts this one for
    /// `allow_pickle=True`; files of many named fields need it.
    pub header_chars: usize,
    /// The most dimensions of the array: 64 (32 in NumPy 1).
    pub dimensions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { header_chars: 10_000, dimensions: 64 }
    }
}

/// How far [`parse`] came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The preamble goes on after this input: call again with at least so many more bytes at its
    /// end. Never more than the preamble has.
    Need(usize),
    /// The preamble is whole.
    Done {
        /// What it says.
        header: Header,
        /// How many bytes it takes; the array's data follows.
        length: usize,
    },
}

/// Parses the preamble that `input`, the beginning of a `.npy` file, starts with.
///
/// Input may end anywhere: what is missing is an answer, not an error. The answer depends on the
/// bytes alone, so a caller may cut them as it likes; what is wrong is said as soon as the byte
/// that makes it so is there. Nothing is kept between calls and little is done before the preamble
/// is whole, so calling again from the start costs next to nothing.
///
/// # Errors
/// See the clauses in `spec/preamble.md` and `spec/header.md`. Offsets count from the start of `input`.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Progress, Error> {
    let Some(version) = parse_version(input)? else {
        return Ok(Progress::Need(LENGTH_AT + Version::V1.length_width() - input.len()));
    };
    let text_at = LENGTH_AT + version.length_width();
    let Some(field) = input.get(LENGTH_AT..text_at) else {
        return Ok(Progress::Need(text_at - input.len()));
    };
    let length = field.iter().rev().fold(0u32, |length, &byte| length << 8 | u32::from(byte));
    let length = check_length(length, version, limits)?;
    let end = text_at.saturating_add(length);
    let Some(bytes) = input.get(text_at..end) else {
        return Ok(Progress::Need(end - input.len()));
    };
    let text = decode(bytes, version).map_err(|error| error.shifted(text_at as u64))?;
    check_chars(text.chars().count(), limits)?;
    let header = parse_text(&text, version, limits).map_err(|error| {
        error.relocated(|at| (text_at + encoded_length(&text, at, version)) as u64)
    })?;
    Ok(Progress::Done { header, length: end })
}

/// The version, or none where the input ends before it.
fn parse_version(input: &[u8]) -> Result<Option<Version>, Error> {
    if let Some(at) = input.iter().zip(MAGIC).position(|(found, expected)| found != expected) {
        let message = "not a .npy file: it does not begin with \\x93NUMPY";
        return Err(Error::malformed(Clause::Magic, at, message));
    }
    let unknown = |at, part, found| {
        let message = format!("versions are 1.0, 2.0 and 3.0, found {part} version {found}");
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

/// Refuses a header that must be too long before anything is asked for or allocated.
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
    Error::new(
        ErrorKind::OverLimit(Limit::HeaderChars, max as u64),
        Clause::HeaderLength,
        LENGTH_AT,
        format!("header of {found} is over the limit of {max} characters"),
    )
}

fn decode(bytes: &[u8], version: Version) -> Result<Cow<'_, str>, Error> {
    match (core::str::from_utf8(bytes), version) {
        (Ok(text), Version::V3) => Ok(text.into()),
        (Ok(text), _) if text.is_ascii() => Ok(text.into()),
        (Err(error), Version::V3) => {
            let message = "header is not UTF-8";
            Err(Error::malformed(Clause::Charset, error.valid_up_to(), message))
        }
        _ => Ok(bytes.iter().copied().map(char::from).collect::<String>().into()),
    }
}

/// How many bytes of the file the first `at` bytes of `text` were decoded from.
fn encoded_length(text: &str, at: u64, version: Version) -> usize {
    let at = at as usize; // within the text
    match version {
        Version::V3 => at,
        Version::V1 | Version::V2 => text[..at].chars().count(),
    }
}

fn parse_text(text: &str, version: Version, limits: &Limits) -> Result<Header, Error> {
    let root = literal::parse(text, version < Version::V3)?;
    let [descr, fortran_order, shape] = entries(&root)?;
    Ok(Header {
        version,
        shape: read_shape(shape, limits)?,
        fortran_order: match fortran_order.value {
            Value::Bool(order) => order,
            _ => {
                return Err(refuse(Clause::Order, fortran_order, "fortran_order must be a bool"));
            }
        },
        dtype: descr::read(descr)?,
    })
}

/// The keys of a header, in the order in which NumPy writes them.
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// The values of the three keys. Where a key is there twice, the last counts, as in Python.
fn entries(root: &Node) -> Result<[&Node; 3], Error> {
    let Value::Dict(entries) = &root.value else {
        return Err(refuse(Clause::Keys, root, "header must be a dict"));
    };
    let mut values = [None; 3];
    for (key, value) in entries {
        let index = match &key.value {
            Value::Str(name) => KEYS.iter().position(|known| known == name),
            _ => None,
        };
        let Some(index) = index else {
            let message = "keys must be 'descr', 'fortran_order' and 'shape', found another";
            return Err(Error::malformed(Clause::Keys, key.at, message));
        };
        values[index] = Some(value);
    }
    let missing = |index: usize| {
        let message = format!("key '{}' is missing", KEYS[index]);
        Error::malformed(Clause::Keys, root.at, message)
    };
    let [descr, order, shape] = values;
    Ok([
        descr.ok_or_else(|| missing(0))?,
        order.ok_or_else(|| missing(1))?,
        shape.ok_or_else(|| missing(2))?,
    ])
}

fn read_shape(shape: &Node, limits: &Limits) -> Result<Vec<usize>, Error> {
    let Value::Tuple(lengths) = &shape.value else {
        return Err(refuse(Clause::Shape, shape, "shape must be a tuple of integers"));
    };
    if lengths.len() > limits.dimensions {
        return Err(Error::new(
            ErrorKind::OverLimit(Limit::Dimensions, limits.dimensions as u64),
            Clause::Shape,
            shape.at,
            format!("shape has {} dimensions, over {}", lengths.len(), limits.dimensions),
        ));
    }
    let length = |node: &Node| match node.value {
        Value::Int(Some(length)) => usize::try_from(length).ok(),
        _ => None,
    };
    let expected = "shape must be a tuple of integers from 0 that fit 64 bits";
    lengths
        .iter()
        .map(|node| length(node).ok_or_else(|| refuse(Clause::Shape, node, expected)))
        .collect()
}

fn refuse(clause: Clause, node: &Node, expected: &str) -> Error {
    Error::malformed(clause, node.at, format!("{expected}, found {}", node.value.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// A preamble of version 1 or 3, without padding.
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
    fn asks_for_what_is_missing() {
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
    fn wrong_magic_is_said_at_the_byte() {
        refused(b"P", "not a .npy file: it does not begin with \\x93NUMPY (at byte 0) [npy.magic]");
        refused(
            b"\x93NUMpy",
            "not a .npy file: it does not begin with \\x93NUMPY (at byte 4) [npy.magic]",
        );
    }

    #[test]
    fn versions_are_written_with_their_minor_number() {
        let versions = [Version::V1, Version::V2, Version::V3].map(|version| version.to_string());
        assert_eq!(versions, ["1.0", "2.0", "3.0"]);
    }

    #[test]
    fn other_versions_are_refused() {
        refused(
            b"\x93NUMPY\x04",
            "versions are 1.0, 2.0 and 3.0, found major version 4 (at byte 6) [npy.version]",
        );
        refused(
            b"\x93NUMPY\x01\x01",
            "versions are 1.0, 2.0 and 3.0, found minor version 1 (at byte 7) [npy.version]",
        );
    }

    /// Twelve bytes that claim 4 GiB: nothing is asked for, nothing allocated.
    #[test]
    fn long_headers_are_refused_at_once() {
        refused(
            b"\x93NUMPY\x02\0\xff\xff\xff\xff",
            "header of 4294967295 bytes is over the limit of 10000 characters \
             (at byte 8) [npy.header.length]",
        );
        let error = parse(b"\x93NUMPY\x01\0\x11\x27", &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OverLimit(Limit::HeaderChars, 10_000));
        // The limit is one of characters, as in NumPy: in UTF-8 that may be four times the bytes.
        let claims = |length: u32| {
            let bytes = [b"\x93NUMPY\x03\0", &length.to_le_bytes()[..]].concat();
            parse(&bytes, &Limits::default())
        };
        assert_eq!(claims(40_000), Ok(Progress::Need(40_000)));
        assert!(claims(40_001).is_err());
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
    fn charsets() {
        let latin1 = b"{'descr': [('\xe9','f8')], 'fortran_order': False, 'shape': 2}";
        // The offset counts bytes of the file, not of the text they decode to.
        refused(
            &preamble(1, latin1),
            "shape must be a tuple of integers, found 2 (at byte 67) [npy.header.shape]",
        );
        // What happens to be UTF-8 is Latin-1 before version 3: another name, of two characters.
        let names = |version| {
            let text = "{'descr': [('é','f8')], 'fortran_order': False, 'shape': ()}";
            let bytes = preamble(version, text.as_bytes());
            match parse(&bytes, &Limits::default()) {
                Ok(Progress::Done { header, .. }) => header.dtype.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([names(1), names(3)], ["[('Ã©', '<f8')]", "[('é', '<f8')]"]);
        refused(&preamble(3, latin1), "header is not UTF-8 (at byte 25) [npy.header.charset]");
        let utf8 = "{'descr': [('é','f8')], 'fortran_order': False, 'shape': 2}";
        refused(
            &preamble(3, utf8.as_bytes()),
            "shape must be a tuple of integers, found 2 (at byte 70) [npy.header.shape]",
        );
    }

    #[test]
    fn longs_of_python_2_are_of_versions_1_and_2() {
        let text = b"{'descr': 'f8', 'fortran_order': False, 'shape': (2L, 3L)}";
        assert!(matches!(
            parse(&preamble(1, text), &Limits::default()),
            Ok(Progress::Done { header, .. }) if header.shape == [2, 3]
        ));
        refused(
            &preamble(3, text),
            "expected ',' or ')', found L (at byte 63) [npy.header.literal]",
        );
    }

    #[test]
    fn keys() {
        let clause = |text| read(text).unwrap_err().clause();
        assert_eq!(clause("[]"), "npy.header.keys");
        assert_eq!(clause("{'descr': 'f8', 'shape': ()}"), "npy.header.keys");
        let more = "{'descr': 'f8', 'fortran_order': False, 'shape': (), 'x': 1}";
        assert_eq!(read(more).unwrap_err().offset(), 10 + 53);
        assert_eq!(clause(&more.replace("'x'", "b'shape'")), "npy.header.keys");
        let again = more.replace("'x': 1", "'shape': (7,)");
        assert_eq!(read(&again).unwrap().shape, [7]);
        let order = more.replace("False", "0").replace(", 'x': 1", "");
        assert_eq!(
            read(&order).unwrap_err().to_string(),
            "fortran_order must be a bool, found 0 (at byte 43) [npy.header.order]"
        );
    }

    #[test]
    fn shapes() {
        let shape = |shape: &str| {
            let header = format!("{{'descr': 'f8', 'fortran_order': False, 'shape': {shape}}}");
            read(&header).map(|header| header.shape)
        };
        assert_eq!(shape("()"), Ok(Vec::new()));
        assert_eq!(shape("(0x10, 2L)"), Ok(Vec::from([16, 2])));
        assert_eq!(shape(&format!("({})", "1,".repeat(64))), Ok(Vec::from([1; 64])));
        let many = shape(&format!("({})", "1,".repeat(65))).unwrap_err();
        assert_eq!(many.kind(), ErrorKind::OverLimit(Limit::Dimensions, 64));
        for wrong in ["2", "[2]", "True", "(True,)", "(-1,)", "(2.0,)", "(9223372036854775808,)"] {
            assert_eq!(shape(wrong).unwrap_err().clause(), "npy.header.shape", "{wrong}");
        }
        assert_eq!(shape("(1+1,)").unwrap_err().clause(), "npy.header.literal");
    }

    #[test]
    fn counts_do_not_overflow() {
        let sized = |shape: &[usize]| {
            let header = Header::new("<f8".parse().unwrap(), false, shape.to_vec());
            (header.count(), header.nbytes())
        };
        assert_eq!(sized(&[]), (Some(1), Some(8)));
        assert_eq!(sized(&[2, 3]), (Some(6), Some(48)));
        let huge = 1 << (usize::BITS - 2);
        assert_eq!(sized(&[huge, huge, huge]), (None, None));
        assert_eq!(sized(&[huge, huge, 0, huge]), (Some(0), Some(0)));
        #[cfg(target_pointer_width = "64")]
        assert_eq!(sized(&[1 << 62]), (Some(1 << 62), None));
    }
}
