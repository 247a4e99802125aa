//! The tokens of a Python literal, lexed with nom as CPython's tokenizer has them.
//!
//! Line ends count as blanks: a header is lexed as if it stood in parentheses. That is a little
//! more than `ast.literal_eval` allows, which wants no line end inside a literal outside brackets.
//!
//! See "Lexical analysis" in the Python language reference.

use alloc::string::String;

use nom::{
    Err, IResult, Parser,
    branch::alt,
    bytes::complete::{tag, tag_no_case, take_till, take_while_m_n, take_while1},
    character::complete::{anychar, one_of},
    combinator::{map, opt, recognize, value},
    error::ParseError,
    multi::many0_count,
    sequence::{pair, preceded, terminated},
};

use crate::error::ErrorKind;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// One of `()[]{},:+-`.
    Punct(char),
    /// A number, without its sign.
    Number(Number),
    /// A string, its escapes resolved.
    Str(String),
    /// A bytes literal. No header has a use for what is in it.
    Bytes,
    /// A name; only `True`, `False`, `None` and the `L` of Python 2 mean anything.
    Name(String),
    /// The end of the header.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// An integer; `None` where it does not fit 64 bits, as nothing in a header may.
    Int(Option<i64>),
    /// A float. No header has a use for its value.
    Float,
    /// An imaginary number. No header has a use for its value.
    Imaginary,
}

/// Why no token could be lexed: `at` is what was left of the text when it went wrong.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    pub(crate) at: &'a str,
    pub(crate) kind: ErrorKind,
    pub(crate) message: &'static str,
}

type Lexed<'a, T> = IResult<&'a str, T, Fault<'a>>;

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(at: &'a str, _: nom::error::ErrorKind) -> Self {
        Fault { at, kind: ErrorKind::Malformed, message: "unexpected character" }
    }

    fn append(_: &'a str, _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// The next token: what is left after it, where it began, and the token.
pub(crate) fn token(text: &str) -> Result<(&str, &str, Token), Fault<'_>> {
    let lexed = blanks(text).and_then(|(start, ())| {
        if start.is_empty() {
            return Ok((start, start, Token::End));
        }
        let (rest, token) = alt((
            map(one_of("()[]{},:+-"), Token::Punct),
            string, // before names: a prefix looks like one
            map(number, Token::Number),
            map(name, |name| Token::Name(name.into())),
        ))
        .parse(start)?;
        Ok((rest, start, token))
    });
    lexed.map_err(|error| match error {
        Err::Error(fault) | Err::Failure(fault) => fault,
        // Cannot be: the parsers used are the complete ones.
        Err::Incomplete(_) => ParseError::from_error_kind(text, nom::error::ErrorKind::Complete),
    })
}

/// Blanks, line ends, comments, and backslashes that hide a line end.
fn blanks(text: &str) -> Lexed<'_, ()> {
    let space = take_while1(|c| matches!(c, ' ' | '\t' | '\x0c' | '\n' | '\r'));
    let comment = preceded(tag("#"), take_till(|c| matches!(c, '\n' | '\r')));
    let continuation = preceded(tag("\\"), line_end);
    value((), many0_count(alt((space, comment, continuation)))).parse(text)
}

/// A line end as Python sources may have it.
fn line_end(text: &str) -> Lexed<'_, &str> {
    alt((tag("\r\n"), tag("\n"), tag("\r"))).parse(text)
}

fn name(text: &str) -> Lexed<'_, &str> {
    take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_').parse(text)
}

// Numbers. Nothing checks what follows them: a number never stands right before a name or another
// number in a literal, so `1_`, `2L` and `2if` fail in the grammar.

fn number(text: &str) -> Lexed<'_, Number> {
    alt((
        map(terminated(alt((float, digits)), tag_no_case("j")), |_| Number::Imaginary),
        map(float, |_| Number::Float),
        map(integer, Number::Int),
    ))
    .parse(text)
}

fn integer(text: &str) -> Lexed<'_, Option<i64>> {
    alt((prefixed("0x", 16), prefixed("0o", 8), prefixed("0b", 2), decimal)).parse(text)
}

fn prefixed<'a>(
    prefix: &'static str,
    radix: u32,
) -> impl Parser<&'a str, Output = Option<i64>, Error = Fault<'a>> {
    let digits = preceded(pair(tag_no_case(prefix), opt(tag("_"))), grouped(radix));
    map(digits, move |digits| integer_value(digits, radix))
}

fn decimal(text: &str) -> Lexed<'_, Option<i64>> {
    let (rest, digits) = digits(text)?;
    if digits.starts_with('0') && digits.contains(|c| !matches!(c, '0' | '_')) {
        return malformed(text, "decimal integer begins with 0");
    }
    Ok((rest, integer_value(digits, 10)))
}

fn integer_value(digits: &str, radix: u32) -> Option<i64> {
    digits
        .chars()
        .filter_map(|c| c.to_digit(radix))
        .try_fold(0i64, |number, digit| number.checked_mul(radix.into())?.checked_add(digit.into()))
}

/// `1.`, `.5`, `1.5e3`, `1e3`.
fn float(text: &str) -> Lexed<'_, &str> {
    let point = alt((recognize((digits, tag("."), opt(digits))), recognize((tag("."), digits))));
    let exponent = || recognize((tag_no_case("e"), opt(one_of("+-")), digits));
    alt((recognize((point, opt(exponent()))), recognize((digits, exponent())))).parse(text)
}

fn digits(text: &str) -> Lexed<'_, &str> {
    grouped(10).parse(text)
}

/// Digits that single underscores may divide.
fn grouped<'a>(radix: u32) -> impl Parser<&'a str, Output = &'a str, Error = Fault<'a>> {
    let digits = move || take_while1(move |c: char| c.is_digit(radix));
    recognize(pair(digits(), many0_count(preceded(tag("_"), digits()))))
}

// Strings.

fn string(text: &str) -> Lexed<'_, Token> {
    let prefix = alt((
        recognize((one_of("rR"), opt(one_of("bB")))),
        recognize((one_of("bB"), opt(one_of("rR")))),
        recognize(opt(one_of("uU"))),
    ));
    let quote = alt((tag("'''"), tag("\"\"\""), tag("'"), tag("\"")));
    let (body, (prefix, quote)) = pair(prefix, quote).parse(text)?;
    let has = |letter| prefix.chars().any(|c| c.eq_ignore_ascii_case(&letter));
    let (raw, bytes) = (has('r'), has('b'));

    let mut out = String::new();
    let mut rest = body;
    loop {
        if let Some(rest) = rest.strip_prefix(quote) {
            return Ok((rest, if bytes { Token::Bytes } else { Token::Str(out) }));
        }
        rest = match rest.chars().next() {
            None => return malformed(text, "string is not closed"),
            Some('\n' | '\r') if quote.len() == 1 => {
                return malformed(rest, "line ends in a string");
            }
            Some('\n' | '\r') => {
                out.push('\n');
                line_end(rest)?.0
            }
            Some('\\') if raw => {
                // What follows the backslash does not close the string, and both stay.
                let Ok((rest, hidden)) = alt((value('\n', line_end), anychar)).parse(&rest[1..])
                else {
                    return malformed(text, "string is not closed");
                };
                out.extend(['\\', hidden]);
                rest
            }
            Some('\\') => {
                let (rest, character) = escape(rest, bytes)?;
                out.extend(character);
                rest
            }
            Some(_) => {
                // Up to the next character that may mean something; the first one does not.
                let special =
                    |&(_, c): &(usize, char)| matches!(c, '\\' | '\n' | '\r' | '\'' | '"');
                let next = rest.char_indices().skip(1).find(special);
                let (run, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
                if bytes && !run.is_ascii() {
                    return malformed(rest, "bytes literal has a character outside ASCII");
                }
                out.push_str(run);
                after
            }
        };
    }
}

/// The escape that `text` begins with, and the character it stands for; none for a hidden line end.
/// A backslash that escapes nothing stands for itself.
fn escape(text: &str, bytes: bool) -> Lexed<'_, Option<char>> {
    let (rest, _) = tag("\\").parse(text)?;
    if let Ok((rest, _)) = line_end(rest) {
        return Ok((rest, None));
    }
    let mut chars = rest.chars();
    let Some(letter) = chars.next() else {
        return malformed(text, "string is not closed");
    };
    let after = chars.as_str();
    let character = match letter {
        '\\' | '\'' | '"' => letter,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => {
            let (rest, code) = take_while_m_n(1, 3, |c: char| c.is_digit(8)).parse(rest)?;
            return Ok((rest, u32::from_str_radix(code, 8).ok().and_then(char::from_u32)));
        }
        'x' => return code_point(text, after, 2),
        'u' if !bytes => return code_point(text, after, 4),
        'U' if !bytes => return code_point(text, after, 8),
        'N' if !bytes => return unsupported(text, "character escaped by its Unicode name"),
        _ => return Ok((rest, Some('\\'))),
    };
    Ok((after, Some(character)))
}

/// The character whose code is the `width` hexadecimal digits that `digits` begins with, in the
/// escape at `escape`.
fn code_point<'a>(escape: &'a str, digits: &'a str, width: usize) -> Lexed<'a, Option<char>> {
    let hex = |code: &str| code.bytes().all(|digit| digit.is_ascii_hexdigit());
    let Some((code, rest)) = digits.split_at_checked(width).filter(|(code, _)| hex(code)) else {
        return malformed(escape, "escape has too few hexadecimal digits");
    };
    match u32::from_str_radix(code, 16) {
        Ok(0xd800..=0xdfff) => unsupported(escape, "lone surrogate in a string"),
        Ok(code @ ..=0x10_ffff) => Ok((rest, char::from_u32(code))),
        _ => malformed(escape, "escape is beyond the last Unicode character"),
    }
}

fn malformed<'a, T>(at: &'a str, message: &'static str) -> Lexed<'a, T> {
    Err(Err::Failure(Fault { at, kind: ErrorKind::Malformed, message }))
}

fn unsupported<'a, T>(at: &'a str, message: &'static str) -> Lexed<'a, T> {
    Err(Err::Failure(Fault { at, kind: ErrorKind::Unsupported, message }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
        let (mut rest, mut tokens) = (text, Vec::new());
        loop {
            match token(rest) {
                Ok((_, _, Token::End)) => return Ok(tokens),
                Ok((left, _, token)) => {
                    rest = left;
                    tokens.push(token);
                }
                Err(fault) => return Err(fault.message),
            }
        }
    }

    #[track_caller]
    fn one(text: &str) -> Token {
        let mut tokens = tokens(text).unwrap();
        assert_eq!(tokens.len(), 1, "{text}: {tokens:?}");
        tokens.remove(0)
    }

    #[test]
    fn integers() {
        let values: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("00_0", Some(0)),
            ("1_000", Some(1000)),
            ("0x_fF", Some(255)),
            ("0O17", Some(15)),
            ("0b1_01", Some(5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("100000000000000000000000000000000000000000", None),
        ];
        for &(text, value) in values {
            assert_eq!(one(text), Token::Number(Number::Int(value)), "{text}");
        }
        // No integers of Python 3; the grammar refuses two tokens in a row.
        assert_eq!(tokens("0_17"), Err("decimal integer begins with 0"));
        for text in ["1__0", "1_", "2L", "0x", "0b2", "1if"] {
            assert_eq!(tokens(text).unwrap().len(), 2, "{text}");
        }
    }

    #[test]
    fn floats_and_imaginaries() {
        for text in ["1.", ".5", "1.5e3", "1E-3", "0_1.5", "09.5", "1e1_0"] {
            assert_eq!(one(text), Token::Number(Number::Float), "{text}");
        }
        for text in ["1j", "09J", "1.5e3j", ".5j"] {
            assert_eq!(one(text), Token::Number(Number::Imaginary), "{text}");
        }
    }

    #[test]
    fn strings() {
        let values = [
            (r"'a'", "a"),
            (r#"u"a'b""#, "a'b"),
            (r"R'a\'b\n'", r"a\'b\n"),
            (r"'\a\b\f\n\r\t\v\\\'\x41\101\60\777'", "\x07\x08\x0c\n\r\t\x0b\\'AA0\u{1ff}"),
            (r"'\u20ac\U0001F600'", "\u{20ac}\u{1f600}"),
            (r"'\q\8é'", r"\q\8é"),
            ("'a\\\r\nb\\\nc'", "abc"),
            ("'''a''b\r\nc\rd'''", "a''b\nc\nd"),
            ("r'''\\\r\n'''", "\\\n"),
            ("\"\"\"'a\"\"\"", "'a"),
            ("''", ""),
        ];
        for (text, value) in values {
            assert_eq!(one(text), Token::Str(value.into()), "{text}");
        }
        for text in ["b'a'", "rB'\\''", "bR'\\x'", r"b'\xff\u'"] {
            assert_eq!(one(text), Token::Bytes, "{text}");
        }
    }

    #[test]
    fn refused_strings() {
        let faults = [
            ("'a", "string is not closed"),
            ("'''a''", "string is not closed"),
            (r"r'a\'", "string is not closed"),
            (r"'a\", "string is not closed"),
            ("'a\nb'", "line ends in a string"),
            (r"'\x4'", "escape has too few hexadecimal digits"),
            (r"'\ud800'", "lone surrogate in a string"),
            (r"'\U00110000'", "escape is beyond the last Unicode character"),
            (r"'\N{BULLET}'", "character escaped by its Unicode name"),
            ("b'é'", "bytes literal has a character outside ASCII"),
        ];
        for (text, message) in faults {
            assert_eq!(tokens(text), Err(message), "{text}");
        }
        // Prefixes of other literals are names before a string.
        for text in ["f'a'", "ur'a'", "rr'a'"] {
            assert_eq!(tokens(text).unwrap().len(), 2, "{text}");
        }
    }

    #[test]
    fn blanks_are_skipped() {
        let text = " \t\x0c\r\n# a comment\r1 \\\r\n # another";
        assert_eq!(one(text), Token::Number(Number::Int(Some(1))));
        assert_eq!(tokens("\\ \n"), Err("unexpected character"));
        assert_eq!(tokens("\u{a0}1"), Err("unexpected character"));
        assert_eq!(tokens("\x0b1"), Err("unexpected character"));
    }
}
