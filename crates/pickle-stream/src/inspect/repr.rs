//! Floats, bytes and strings as Python's `repr` writes them, so that output can be compared with
//! that of `pickletools`.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::{self, Write};

/// Returns a text in which the characters that are not printable in Python are escaped: control
/// characters, line ends, invisible characters, and those that change the direction of text.
///
/// Names of files, members, classes and keys come from the writer of the file. If they are printed
/// unescaped, they can clear a screen, forge a line of output, or show `exe.npy` for `ypn.exe`. The
/// escapes are Python's (`\x1b`, `\n`, `\u202e`); a backslash in the text is not escaped.
///
/// ```
/// assert_eq!(pickle_stream::printable("é \u{1b}[2J\n"), r"é \x1b[2J\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| is_printable(c.into());
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        // Writing to a String does not fail.
        let _ = if is_plain(c) { out.write_char(c) } else { escape(&mut out, c.into()) };
    }
    Cow::Owned(out)
}

/// Writes the `repr` of a float: the fewest digits that read back as the same number, with an
/// exponent below 1e-4 and from 1e16.
pub(super) fn float(f: &mut impl Write, value: f64) -> fmt::Result {
    if value.is_nan() {
        return f.write_str("nan"); // Python shows no sign of a NaN.
    }
    if value.is_infinite() {
        return write!(f, "{value}");
    }
    let shortest = alloc::format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = digits.bytes().filter(u8::is_ascii_digit).count() as i32;
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Where two numbers of that many digits are equally near, Rust writes the larger one and Python
    // the one with an even last digit. Rust's rounding to a number of digits gives the even one
    // too.
    if (-4..16).contains(&exponent) {
        let decimals = (digits - 1 - exponent).max(1) as usize;
        return write!(f, "{value:.decimals$}");
    }
    let decimals = (digits - 1) as usize;
    let even = alloc::format!("{value:.decimals$e}");
    // Just below a power of two, floats are closer together, so the even one may read back as
    // another float.
    let reads_back = even.parse() == Ok(value);
    let text = if reads_back { &even } else { &shortest };
    let mantissa = text.split('e').next().unwrap_or(text);
    write!(f, "{mantissa}e{exponent:+03}")
}

/// Writes the `repr` of bytes.
pub(super) fn bytes(f: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    f.write_char('b')?;
    quoted(f, bytes.iter().map(|&byte| byte.into()), |code_point| matches!(code_point, 0x20..0x7f))
}

/// Writes the `repr` of a str, given as code points, which may include lone surrogates.
pub(super) fn str(
    f: &mut impl Write,
    code_points: impl Iterator<Item = u32> + Clone,
) -> fmt::Result {
    quoted(f, code_points, is_printable)
}

/// Writes code points in quotes, of which Python prefers single ones, with escapes.
fn quoted(
    f: &mut impl Write,
    code_points: impl Iterator<Item = u32> + Clone,
    is_printable: fn(u32) -> bool,
) -> fmt::Result {
    let has = |quote: char| code_points.clone().any(|c| c == quote.into());
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for code_point in code_points {
        match (code_point, char::from_u32(code_point)) {
            (_, Some(c)) if c == quote || c == '\\' => write!(f, "\\{c}")?,
            (_, Some(c)) if is_printable(code_point) => f.write_char(c)?,
            _ => escape(f, code_point)?,
        }
    }
    f.write_char(quote)
}

/// Writes the escape of a code point.
fn escape(f: &mut impl Write, code_point: u32) -> fmt::Result {
    match code_point {
        0x0a => f.write_str("\\n"),
        0x0d => f.write_str("\\r"),
        0x09 => f.write_str("\\t"),
        0..0x100 => write!(f, "\\x{code_point:02x}"),
        0x100..0x1_0000 => write!(f, "\\u{code_point:04x}"),
        _ => write!(f, "\\U{code_point:08x}"),
    }
}

/// Whether `str.isprintable` of Python holds: the code point is a space, or of no category among
/// Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs.
///
/// Rust's `escape_debug` has the same rule, for the version of Unicode that the compiler knows.
fn is_printable(code_point: u32) -> bool {
    match char::from_u32(code_point) {
        Some(' '..='~') => true,
        // After a letter, as `escape_debug` escapes a combining accent that is the first character.
        Some(c) => {
            let mut buffer = [b'a'; 5];
            let len = 1 + c.encode_utf8(&mut buffer[1..]).len();
            core::str::from_utf8(&buffer[..len]).is_ok_and(|text| text.escape_debug().count() == 2)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn float_is_written_as_in_python() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-1234.5, "-1234.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (9007199254740993e0, "9007199254740992.0"),
            (0.216_175_079_345_703_13, "0.21617507934570312"),
            (2f64.powi(-24), "5.960464477539063e-08"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (-f64::NAN, "nan"),
        ] {
            let mut out = String::new();
            float(&mut out, value).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn bytes_are_written_as_in_python() {
        for (value, expected) in [
            (&b""[..], "b''"),
            (b"a'b", r#"b"a'b""#),
            (b"a'\"b", r#"b'a\'"b'"#),
            (b"\\\n\r\t\0\x7f\xff", r"b'\\\n\r\t\x00\x7f\xff'"),
        ] {
            let mut out = String::new();
            bytes(&mut out, value).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn printable_escapes_characters_that_a_terminal_acts_on() {
        for (text, expected) in [
            ("données [0]\\x", "données [0]\\x"),
            ("\u{1b}]0;x\u{7}\u{9b}", r"\x1b]0;x\x07\x9b"),
            ("a\nb\r\tc\u{2028}", r"a\nb\r\tc\u2028"),
            ("\u{202e}yp\u{2066}\u{200b}\u{feff}", r"\u202eyp\u2066\u200b\ufeff"),
            ("e\u{301}", "e\u{301}"),
        ] {
            assert_eq!(printable(text), expected);
            assert_eq!(printable(expected), expected);
        }
    }

    #[test]
    fn str_is_written_as_in_python() {
        for (value, expected) in [
            ("é€😀", "'é€😀'"),
            ("a\u{301}\u{301}", "'a\u{301}\u{301}'"),
            ("\0\x7f\u{85}\u{a0}\u{ad}", r"'\x00\x7f\x85\xa0\xad'"),
            ("\u{200b}\u{2028}\u{3000}\u{e000}", r"'\u200b\u2028\u3000\ue000'"),
            ("\u{e0001}\u{10ffff}", r"'\U000e0001\U0010ffff'"),
        ] {
            let mut out = String::new();
            str(&mut out, value.chars().map(u32::from)).unwrap();
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        str(&mut out, [0x61, 0xd800].into_iter()).unwrap();
        assert_eq!(out, r"'a\ud800'");
    }
}
