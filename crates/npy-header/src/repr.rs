//! Strings and tuples of integers as Python's `repr` shows them, for headers and for errors.

use core::fmt::{self, Write};

/// A string that displays as `repr` of Python 3 shows it.
pub(crate) struct Str<'a>(pub(crate) &'a str);

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        f.write_char(quote)?;
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str("\\\\")?,
                _ if c == quote => write!(f, "\\{c}")?,
                _ if is_printable(c) => f.write_char(c)?,
                '\0'..='\u{ff}' => write!(f, "\\x{:02x}", c as u32)?,
                '\u{100}'..='\u{ffff}' => write!(f, "\\u{:04x}", c as u32)?,
                _ => write!(f, "\\U{:08x}", c as u32)?,
            }
        }
        f.write_char(quote)
    }
}

/// Returns the first 40 characters of `text`, for an error that quotes it.
pub(crate) fn start(text: &str) -> Str<'_> {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    Str(&text[..end])
}

/// Returns the result of Python's `str.isprintable` for a string of one character.
///
/// `escape_debug` of Rust escapes the same categories of characters. It also escapes a combining
/// character at the start of a string, so the character is tested after an `a`.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let length = 1 + c.encode_utf8(&mut buffer[1..]).len();
    let escapes = |text: &str| text.escape_debug().count() > 2;
    c.is_ascii_graphic()
        || c == ' '
        || !c.is_ascii() && core::str::from_utf8(&buffer[..length]).is_ok_and(|text| !escapes(text))
}

/// A tuple of integers that displays as `repr` shows it.
pub(crate) struct Tuple<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("()"),
            [one] => write!(f, "({one},)"),
            [first, rest @ ..] => {
                write!(f, "({first}")?;
                rest.iter().try_for_each(|length| write!(f, ", {length}"))?;
                f.write_char(')')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// The expected strings are those that CPython 3.13 prints.
    #[test]
    fn string_displays_as_in_python() {
        for (text, repr) in [
            ("a", "'a'"),
            ("", "''"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\\n\r\t\x07\x7f", r"'a\\\n\r\t\x07\x7f'"),
            ("é\u{85}\u{a0}\u{ad}", r"'é\x85\xa0\xad'"),
            ("e\u{301}\u{20ac}\u{2028}\u{feff}", "'e\u{301}\u{20ac}\\u2028\\ufeff'"),
            ("\u{1f600}\u{e0001}", "'\u{1f600}\\U000e0001'"),
        ] {
            assert_eq!(Str(text).to_string(), repr);
        }
    }

    #[test]
    fn start_of_string_has_40_characters() {
        assert_eq!(start("é").to_string(), "'é'");
        assert_eq!(start(&"é".repeat(41)).to_string(), Str(&"é".repeat(40)).to_string());
    }

    #[test]
    fn tuple_displays_as_in_python() {
        assert_eq!(Tuple(&[]).to_string(), "()");
        assert_eq!(Tuple(&[2]).to_string(), "(2,)");
        assert_eq!(Tuple(&[2, 0, 3]).to_string(), "(2, 0, 3)");
    }
}
