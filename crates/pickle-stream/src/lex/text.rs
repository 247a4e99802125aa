//! The text arguments of protocol 0: numbers and strings on lines.
//!
//! Each function takes a line without its newline, and the offset of its instruction for errors.
//! Where CPython's C and Python unpicklers differ, the functions follow the rule of both since
//! Python 3.14: decimal numbers only.

use alloc::string::String;
use alloc::vec::Vec;
use core::str;

use num_bigint::BigInt;

use crate::error::{Error, Result};
use crate::limits;

/// The value of a line of INT.
#[derive(Debug, PartialEq)]
pub(crate) enum Int {
    Bool(bool),
    Small(i64),
    Big(BigInt),
}

/// Reads a line of INT: `00` and `01` are bools, all others are decimal numbers.
pub(crate) fn int(line: &[u8], digits: usize, offset: u64) -> Result<Int> {
    match line {
        b"00" => Ok(Int::Bool(false)),
        b"01" => Ok(Int::Bool(true)),
        _ => decimal(line, digits, offset),
    }
}

/// Reads a line of LONG: a decimal number with an optional `L`.
pub(crate) fn long(line: &[u8], digits: usize, offset: u64) -> Result<Int> {
    decimal(line.strip_suffix(b"L").unwrap_or(line), digits, offset)
}

/// Reads a line of GET or PUT: a decimal number that is not negative.
pub(crate) fn index(line: &[u8], offset: u64) -> Result<u64> {
    match decimal(line, 19, offset)? {
        Int::Small(index) if index >= 0 => Ok(index as u64),
        _ => Err(not_a(line, "memo index", "pickle.text.int", offset)),
    }
}

/// Reads a number as `int(text)` does: white space around it, a sign, digits with single
/// underscores between them.
fn decimal(line: &[u8], digits: usize, offset: u64) -> Result<Int> {
    let refuse = || not_a(line, "decimal int", "pickle.text.int", offset);
    let blank = |&byte: &u8| byte.is_ascii_whitespace() || byte == b'\x0b';
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let trimmed = &line[start..end];
    let unsigned = trimmed.strip_prefix(b"-").or(trimmed.strip_prefix(b"+")).unwrap_or(trimmed);
    let mut text = String::with_capacity(trimmed.len().min(32));
    if trimmed.starts_with(b"-") {
        text.push('-');
    }
    let mut count: usize = 0;
    let mut underscore = true;
    for &byte in unsigned {
        match byte {
            b'0'..=b'9' => {
                count += 1;
                limits::check(digits as u64, count as u64, "pickle.limit.digits", offset)?;
                text.push(byte as char);
                underscore = false;
            }
            b'_' if !underscore => underscore = true,
            _ => return Err(refuse()),
        }
    }
    if underscore {
        return Err(refuse());
    }
    if let Ok(small) = text.parse() {
        return Ok(Int::Small(small));
    }
    text.parse().map(Int::Big).map_err(|_| refuse())
}

/// Reads a line of FLOAT.
pub(crate) fn float(line: &[u8], offset: u64) -> Result<f64> {
    // Rust and CPython accept the same decimal numbers here, with `inf`, `nan` and `infinity` in
    // any case.
    let parsed = str::from_utf8(line).ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| not_a(line, "float", "pickle.text.float", offset))
}

/// A function that appends the decoded text of a line: [`write_string`] or [`write_unicode`].
pub(crate) type Write = fn(&[u8], u64, &mut Vec<u8>) -> Result<()>;

fn written(write: Write, line: &[u8], offset: u64) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(longest(line));
    write(line, offset, &mut out)?;
    Ok(out)
}

/// Returns an upper bound for the bytes of a decoded line of STRING or UNICODE: an escape is never
/// shorter than its value, and a latin-1 character becomes at most two bytes.
pub(crate) fn longest(line: &[u8]) -> usize {
    line.len() + line.iter().filter(|byte| !byte.is_ascii()).count()
}

/// Returns the bytes of a line of STRING.
pub(crate) fn string(line: &[u8], offset: u64) -> Result<Vec<u8>> {
    written(write_string, line, offset)
}

/// Returns the text of a line of UNICODE.
pub(crate) fn unicode(line: &[u8], offset: u64) -> Result<Vec<u8>> {
    written(write_unicode, line, offset)
}

/// Appends the bytes of a line of STRING: a Python 2 literal in quotes, its escapes undone.
pub(crate) fn write_string(line: &[u8], offset: u64, out: &mut Vec<u8>) -> Result<()> {
    let body = match line {
        [b'\'', body @ .., b'\''] | [b'"', body @ .., b'"'] => body,
        _ => return Err(not_a(line, "quoted string", "pickle.text.string", offset)),
    };
    let mut rest = body;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((&escape, tail)) = rest.split_first() else {
            return Err(not_a(line, "string with whole escapes", "pickle.text.string", offset));
        };
        rest = tail;
        match escape {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(escape),
            b'a' => out.push(0x07),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(0x0b),
            b'0'..=b'7' => {
                let mut value = u32::from(escape - b'0');
                for _ in 0..2 {
                    let [digit @ b'0'..=b'7', tail @ ..] = rest else {
                        break;
                    };
                    value = value * 8 + u32::from(digit - b'0');
                    rest = tail;
                }
                // Three octal digits can exceed a byte; Python keeps the low 8 bits.
                out.push(value as u8);
            }
            b'x' => {
                let Some((value, tail)) = hex(rest, 2) else {
                    let what = "string with two digits after \\x";
                    return Err(not_a(line, what, "pickle.text.string", offset));
                };
                out.push(value as u8);
                rest = tail;
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    Ok(())
}

/// Appends the text of a line of UNICODE, as UTF-8 that may hold surrogates: the line is latin-1,
/// with `\uXXXX` and `\UXXXXXXXX`.
pub(crate) fn write_unicode(line: &[u8], offset: u64, out: &mut Vec<u8>) -> Result<()> {
    let mut rest = line;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let width = match (byte, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(&next)) => {
                // A backslash escapes no other character, but a backslash after it does not begin
                // an escape.
                out.push(b'\\');
                push_code_point(out, next.into());
                rest = &rest[1..];
                continue;
            }
            _ => {
                push_code_point(out, (*byte).into());
                continue;
            }
        };
        match hex(&rest[1..], width) {
            Some((code_point, tail)) if code_point <= 0x10_ffff => {
                push_code_point(out, code_point);
                rest = tail;
            }
            _ => {
                let what = "line of raw-unicode-escape";
                return Err(not_a(line, what, "pickle.text.unicode", offset));
            }
        }
    }
    Ok(())
}

/// Appends a code point in UTF-8, also a surrogate (Python's `surrogatepass`).
fn push_code_point(out: &mut Vec<u8>, code_point: u32) {
    match char::from_u32(code_point) {
        Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xe0 | (code_point >> 12) as u8,
            0x80 | (code_point >> 6 & 0x3f) as u8,
            0x80 | (code_point & 0x3f) as u8,
        ]),
    }
}

/// Reads `width` hexadecimal digits.
fn hex(bytes: &[u8], width: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(width)?;
    let value = digits
        .iter()
        .try_fold(0u32, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?))?;
    Some((value, rest))
}

#[cold]
fn not_a(line: &[u8], what: &str, clause: &'static str, offset: u64) -> Error {
    const SHOWN: usize = 40;
    let dots = if line.len() > SHOWN { "..." } else { "" };
    let shown = line[..line.len().min(SHOWN)].escape_ascii();
    Error::malformed(clause, offset, alloc::format!("\"{shown}{dots}\" is not a {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_int_is_read_as_in_python() {
        let read = |line: &[u8]| int(line, 4300, 0);
        assert_eq!(read(b"00").unwrap(), Int::Bool(false));
        assert_eq!(read(b"01").unwrap(), Int::Bool(true));
        assert_eq!(read(b"0").unwrap(), Int::Small(0));
        assert_eq!(read(b"+0").unwrap(), Int::Small(0));
        assert_eq!(read(b" -1_000").unwrap(), Int::Small(-1000));
        assert_eq!(read(b"-9223372036854775808").unwrap(), Int::Small(i64::MIN));
        let big: BigInt = BigInt::from(u64::MAX) + 1;
        assert_eq!(read(b"18446744073709551616").unwrap(), Int::Big(big.clone()));
        assert_eq!(long(b"-18446744073709551616L", 4300, 0).unwrap(), Int::Big(-big));
        for refused in
            [&b""[..], b"-", b"1__0", b"_1", b"1_", b"0x10", b"1.0", b"--1", b"1L", b"1\0"]
        {
            assert_eq!(read(refused).unwrap_err().clause(), "pickle.text.int", "{refused:?}");
        }
    }

    #[test]
    fn digits_over_their_limit_fail() {
        assert!(int(&[b'1'; 4300], 4300, 0).is_ok());
        assert_eq!(int(&[b'1'; 4301], 4300, 0).unwrap_err().clause(), "pickle.limit.digits");
    }

    #[test]
    fn line_of_index_is_read_as_in_python() {
        assert_eq!(index(b"12", 0).unwrap(), 12);
        assert!(index(b"-1", 0).is_err());
        assert!(index(b"99999999999999999999", 0).is_err());
    }

    #[test]
    fn line_of_float_is_read_as_in_python() {
        assert_eq!(float(b"1e-3", 0).unwrap(), 0.001);
        assert_eq!(float(b"-inf", 0).unwrap(), f64::NEG_INFINITY);
        assert!(float(b"nan", 0).unwrap().is_nan());
        assert_eq!(float(b"-0.0", 0).unwrap().to_bits(), (-0.0f64).to_bits());
        for refused in [&b""[..], b"1.0 ", b"1_0", b"0x1p3", b"e5"] {
            assert_eq!(float(refused, 0).unwrap_err().clause(), "pickle.text.float");
        }
    }

    #[test]
    fn line_of_string_is_read_as_in_python() {
        assert_eq!(string(br#"'a\'\"\\\n\x41\101\7\q'"#, 0).unwrap(), b"a'\"\\\nAA\x07\\q");
        assert_eq!(string(br#""\777""#, 0).unwrap(), b"\xff");
        assert_eq!(string(b"'a\r'", 0).unwrap(), b"a\r");
        for refused in [&b"a"[..], b"'", b"'a\"", b"'\\'", b"'\\x4'", b"'a' "] {
            assert_eq!(string(refused, 0).unwrap_err().clause(), "pickle.text.string");
        }
    }

    #[test]
    fn line_of_unicode_is_read_as_in_python() {
        let read = |line: &[u8]| unicode(line, 0);
        assert_eq!(read(b"a\\u00e9\xe9\\U0001F600").unwrap(), "a\u{e9}\u{e9}\u{1f600}".as_bytes());
        assert_eq!(read(b"\\\\u0041\\n").unwrap(), b"\\\\u0041\\n");
        assert_eq!(read(b"\\ud800").unwrap(), b"\xed\xa0\x80");
        assert_eq!(read(b"a\\").unwrap(), b"a\\");
        for refused in [&b"\\u12"[..], b"\\u00g0", b"\\U00110000"] {
            assert_eq!(read(refused).unwrap_err().clause(), "pickle.text.unicode");
        }
    }
}
