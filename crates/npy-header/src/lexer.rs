//! [`token`], which splits the text of a header into the [`Token`]s of Python, with nom.
//!
//! The parsers are nom's complete ones, not the streaming ones: the length of a header is stored
//! before it, so [`preamble`](crate::preamble) has all of the text before it lexes any of it, and
//! the end of the text is the end of the last token. A streaming parser would ask for more there.
//!
//! Line ends are blanks, as they are in Python inside brackets. `ast.literal_eval` does not accept
//! them outside brackets; this lexer does.
//!
//! The reference is "Lexical analysis" in the Python language reference.

use alloc::string::String;
use alloc::{borrow::Cow, format};

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
    /// A string with its escapes resolved.
    Str(String),
    /// A bytes literal. Its content is dropped, as no header can use it.
    Bytes,
    /// A name. The parser accepts `True`, `False`, `None` and, after an integer, `L`.
    Name(String),
    /// The end of the header.
    End,
}

/// A number. The value of a float or imaginary number is dropped, as no header can use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// An integer, or `None` if it does not fit an `i64`. No valid header has such an integer.
    Int(Option<i64>),
    Float,
    Imaginary,
}

/// The reason why there is no token.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    /// The text from the fault on.
    pub(crate) at: &'a str,
    pub(crate) kind: ErrorKind,
    /// `None` if no token begins with the first character of `at`. nom makes such a fault for each
    /// alternative that does not match, so it must cost nothing.
    message: Option<&'static str>,
}

impl Fault<'_> {
    pub(crate) fn message(&self) -> Cow<'static, str> {
        match (self.message, self.at.chars().next()) {
            (Some(message), _) => message.into(),
            (None, Some(c)) => format!("unexpected character {c:?}").into(),
            (None, None) => "unexpected end of the header".into(),
        }
    }
}

type Lexed<'a, T> = IResult<&'a str, T, Fault<'a>>;

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(at: &'a str, _: nom::error::ErrorKind) -> Self {
        Fault { at, kind: ErrorKind::Malformed, message: None }
    }

    fn append(_: &'a str, _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// Lexes the next token. Returns the text after it, the text from its start on, and the token.
pub(crate) fn token(text: &str) -> Result<(&str, &str, Token), Fault<'_>> {
    let lexed = blanks(text).and_then(|(start, ())| {
        if start.is_empty() {
            return Ok((start, start, Token::End));
        }
        let (rest, token) = alt((
            map(one_of("()[]{},:+-"), Token::Punct),
            string, // before names, because the prefix of a string is a name too
            map(number, Token::Number),
            map(name, |name| Token::Name(name.into())),
        ))
        .parse(start)?;
        Ok((rest, start, token))
    });
    lexed.map_err(|error| match error {
        Err::Error(fault) | Err::Failure(fault) => fault,
        // Complete parsers never return it.
        Err::Incomplete(_) => ParseError::from_error_kind(text, nom::error::ErrorKind::Complete),
    })
}

/// Skips blanks, line ends, comments, and backslashes before a line end.
fn blanks(text: &str) -> Lexed<'_, ()> {
    let space = take_while1(|c| matches!(c, ' ' | '\t' | '\x0c' | '\n' | '\r'));
    let comment = preceded(tag("#"), take_till(|c| matches!(c, '\n' | '\r')));
    let continuation = preceded(tag("\\"), line_end);
    value((), many0_count(alt((space, comment, continuation)))).parse(text)
}

/// Lexes one line end: LF, CR or CRLF.
fn line_end(text: &str) -> Lexed<'_, &str> {
    alt((tag("\r\n"), tag("\n"), tag("\r"))).parse(text)
}

fn name(text: &str) -> Lexed<'_, &str> {
    take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_').parse(text)
}

// Numbers. The character after a number is not checked, because the grammar has no name and no
// number directly after a number: `1_` and `2if` are two tokens, which the parser refuses.

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
        return malformed(text, "decimal integer must not begin with 0");
    }
    Ok((rest, integer_value(digits, 10)))
}

fn integer_value(digits: &str, radix: u32) -> Option<i64> {
    digits
        .chars()
        .filter_map(|c| c.to_digit(radix))
        .try_fold(0i64, |number, digit| number.checked_mul(radix.into())?.checked_add(digit.into()))
}

/// Lexes a float such as `1.`, `.5`, `1.5e3` or `1e3`.
fn float(text: &str) -> Lexed<'_, &str> {
    let point = alt((recognize((digits, tag("."), opt(digits))), recognize((tag("."), digits))));
    let exponent = || recognize((tag_no_case("e"), opt(one_of("+-")), digits));
    alt((recognize((point, opt(exponent()))), recognize((digits, exponent())))).parse(text)
}

fn digits(text: &str) -> Lexed<'_, &str> {
    grouped(10).parse(text)
}

/// Lexes digits, with single underscores between them.
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
                return malformed(rest, "string is not closed before the end of the line");
            }
            Some('\n' | '\r') => {
                out.push('\n');
                line_end(rest)?.0
            }
            Some('\\') if raw => {
                // In a raw string the backslash stays, and a quote after it does not close it.
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
                // Copy up to the next character that needs a case above. The first one has none.
                let special =
                    |&(_, c): &(usize, char)| matches!(c, '\\' | '\n' | '\r' | '\'' | '"');
                let next = rest.char_indices().skip(1).find(special);
                let (run, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
                if bytes && !run.is_ascii() {
                    return malformed(rest, "bytes literal must be ASCII");
                }
                out.push_str(run);
                after
            }
        };
    }
}

/// Lexes the escape at the start of `text`. Returns its character, or `None` for a backslash before
/// a line end, which is dropped with it. A backslash before any other character is a character.
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
        'N' if !bytes => return unsupported(text, "\\N{...} escapes are not supported"),
        _ => return Ok((rest, Some('\\'))),
    };
    Ok((after, Some(character)))
}

/// Reads the `width` hexadecimal digits at the start of `digits` as a code point. Errors are at
/// `escape`, where the escape begins.
fn code_point<'a>(escape: &'a str, digits: &'a str, width: usize) -> Lexed<'a, Option<char>> {
    let hex = |code: &str| code.bytes().all(|digit| digit.is_ascii_hexdigit());
    let Some((code, rest)) = digits.split_at_checked(width).filter(|(code, _)| hex(code)) else {
        return malformed(escape, "escape has too few hexadecimal digits");
    };
    match u32::from_str_radix(code, 16) {
        Ok(0xd800..=0xdfff) => unsupported(escape, "lone surrogates are not supported"),
        Ok(code @ ..=0x10_ffff) => Ok((rest, char::from_u32(code))),
        _ => malformed(escape, "escape is over U+10FFFF, the last code point"),
    }
}

fn malformed<'a, T>(at: &'a str, message: &'static str) -> Lexed<'a, T> {
    Err(Err::Failure(Fault { at, kind: ErrorKind::Malformed, message: Some(message) }))
}

fn unsupported<'a, T>(at: &'a str, message: &'static str) -> Lexed<'a, T> {
    Err(Err::Failure(Fault { at, kind: ErrorKind::Unsupported, message: Some(message) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn tokens(text: &str) -> Result<Vec<Token>, String> {
        let (mut rest, mut tokens) = (text, Vec::new());
        loop {
            match token(rest) {
                Ok((_, _, Token::End)) => return Ok(tokens),
                Ok((left, _, token)) => {
                    rest = left;
                    tokens.push(token);
                }
                Err(fault) => return Err(fault.message().into_owned()),
            }
        }
    }

    #[track_caller]
    fn one(text: &str) -> Token {
        let mut tokens = tokens(text).unwrap();
        assert_eq!(tokens.len(), 1, "{text}: {tokens:?}");
        tokens.remove(0)
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(tokens(text), Err(message.into()), "{text}");
    }

    #[test]
    fn integer_is_read() {
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
    }

    #[test]
    fn integer_of_another_syntax_is_refused_or_two_tokens() {
        refused("0_17", "decimal integer must not begin with 0");
        for text in ["1__0", "1_", "2L", "0x", "0b2", "1if"] {
            assert_eq!(tokens(text).unwrap().len(), 2, "{text}");
        }
    }

    #[test]
    fn float_and_imaginary_number_are_dropped() {
        for text in ["1.", ".5", "1.5e3", "1E-3", "0_1.5", "09.5", "1e1_0"] {
            assert_eq!(one(text), Token::Number(Number::Float), "{text}");
        }
        for text in ["1j", "09J", "1.5e3j", ".5j"] {
            assert_eq!(one(text), Token::Number(Number::Imaginary), "{text}");
        }
    }

    #[test]
    fn string_is_read() {
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
    }

    #[test]
    fn bytes_are_dropped() {
        for text in ["b'a'", "rB'\\''", "bR'\\x'", r"b'\xff\u'"] {
            assert_eq!(one(text), Token::Bytes, "{text}");
        }
    }

    #[test]
    fn broken_string_is_refused() {
        let faults = [
            ("'a", "string is not closed"),
            ("'''a''", "string is not closed"),
            (r"r'a\'", "string is not closed"),
            (r"'a\", "string is not closed"),
            ("'a\nb'", "string is not closed before the end of the line"),
            (r"'\x4'", "escape has too few hexadecimal digits"),
            (r"'\ud800'", "lone surrogates are not supported"),
            (r"'\U00110000'", "escape is over U+10FFFF, the last code point"),
            (r"'\N{BULLET}'", "\\N{...} escapes are not supported"),
            ("b'é'", "bytes literal must be ASCII"),
        ];
        for (text, message) in faults {
            refused(text, message);
        }
    }

    #[test]
    fn prefix_of_another_literal_is_a_name() {
        for text in ["f'a'", "ur'a'", "rr'a'"] {
            assert_eq!(tokens(text).unwrap().len(), 2, "{text}");
        }
    }

    #[test]
    fn blank_is_skipped() {
        let text = " \t\x0c\r\n# a comment\r1 \\\r\n # another";
        assert_eq!(one(text), Token::Number(Number::Int(Some(1))));
    }

    #[test]
    fn character_that_begins_no_token_is_refused() {
        refused("\\ \n", "unexpected character '\\\\'");
        refused("\u{a0}1", "unexpected character '\\u{a0}'");
        refused("\x0b1", "unexpected character '\\u{b}'");
    }
}
