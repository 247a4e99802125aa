//! [`parse`], which turns the text of a header into a tree of [`Node`]s: the literals that
//! `ast.literal_eval` of Python accepts.
//!
//! The parser is our own, for these reasons:
//! - It reads the literals that NumPy reads, except `\N{...}` escapes and lone surrogates. The
//!   crate `py_literal` 0.4 refuses prefixed strings (`u'descr'`), joined strings, line ends,
//!   comments, a value in parentheses, and the longs of Python 2 (`2L`).
//! - Hostile headers cost little. The time that `py_literal` takes doubles with each nested
//!   bracket; this parser is linear, and limits the nesting that its recursion follows
//!   ([`MAX_DEPTH`]).
//! - Every value has an offset, because an error about a key, a length or a field names its byte.
//!   The values of `py_literal` have none.
//! - It needs no more than `alloc`, and keeps no more than a header can use: strings, integers and
//!   booleans. Floats, bytes and sets are checked and dropped.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use crate::{
    error::{Clause, Error},
    lexer::{self, Number, Token},
    repr,
};

/// The deepest nesting of brackets. CPython refuses more than about 100 before 3.9, and 200 since.
const MAX_DEPTH: usize = 100;

/// A value and the offset where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Bytes from the start of the text.
    pub(crate) at: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    /// `None` if it does not fit an `i64`.
    Int(Option<i64>),
    Str(String),
    Tuple(Vec<Node>),
    List(Vec<Node>),
    /// The entries in the order of the text, with repeated keys.
    Dict(Vec<(Node, Node)>),
    /// A float, a complex number, bytes or a set. In a valid header they occur only in metadata,
    /// which is ignored.
    Other,
}

impl Node {
    /// Returns the value of an integer that can be the length of a dimension, and `None` for all
    /// other values.
    pub(crate) fn as_length(&self) -> Option<usize> {
        match self.value {
            Value::Int(Some(length)) => usize::try_from(length).ok(),
            _ => None,
        }
    }

    /// Returns an error that says what was expected here and what this value is.
    pub(crate) fn refuse(&self, clause: Clause, expected: &str) -> Error {
        Error::malformed(clause, self.at, format!("{expected}, found {}", self.value))
    }
}

/// A value as an error names it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(Some(number)) => write!(f, "{number}"),
            Value::Int(None) => f.write_str("an integer over 64 bits"),
            Value::Str(text) => write!(f, "{}", repr::start(text)),
            Value::Tuple(items) => write!(f, "a tuple of length {}", items.len()),
            Value::List(_) => f.write_str("a list"),
            Value::Dict(_) => f.write_str("a dict"),
            Value::Other => f.write_str("a value of another type"),
        }
    }
}

/// Parses the text of a header. With `python2`, integers may end in `L`, as Python 2 writes longs.
///
/// The offset of an error counts bytes of `text`.
pub(crate) fn parse(text: &str, python2: bool) -> Result<Node, Error> {
    if let Some(at) = text.find('\0') {
        return Err(Error::malformed(Clause::Literal, at, "header must not contain NUL"));
    }
    let mut parser = Parser { text, rest: text, at: 0, token: Token::End, python2, depth: 0 };
    parser.advance()?;
    let node = parser.value()?;
    match parser.token {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("the end of the header")),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// The next token. The parser decides by it alone.
    token: Token,
    /// The offset where `token` begins.
    at: usize,
    /// The text after `token`.
    rest: &'a str,
    python2: bool,
    /// The number of open brackets.
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Lexes one more token and returns the one before it.
    fn advance(&mut self) -> Result<Token, Error> {
        let offset = |tail: &str| self.text.len() - tail.len();
        let (rest, start, token) = lexer::token(self.rest).map_err(|fault| {
            Error::new(fault.kind, Clause::Literal, offset(fault.at), fault.message())
        })?;
        self.at = offset(start);
        self.rest = rest;
        Ok(core::mem::replace(&mut self.token, token))
    }

    /// Skips the next token if it is `punct`, and returns whether it was.
    fn eat(&mut self, punct: char) -> Result<bool, Error> {
        let found = self.token == Token::Punct(punct);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found = match &self.token {
            Token::Punct(punct) => format!("'{punct}'"),
            Token::Number(_) => "a number".into(),
            Token::Str(_) => "a string".into(),
            Token::Bytes => "bytes".into(),
            Token::Name(name) => format!("the name {}", repr::start(name)),
            Token::End => "the end of the header".into(),
        };
        let message = format!("expected {expected}, found {found}");
        Error::malformed(Clause::Literal, self.at, message)
    }

    fn value(&mut self) -> Result<Node, Error> {
        let at = self.at;
        let value = match &self.token {
            Token::Punct(open @ ('(' | '[' | '{')) => self.bracketed(*open)?,
            Token::Punct('+' | '-') | Token::Number(_) => self.number()?,
            Token::Str(_) | Token::Bytes => self.strings()?,
            Token::Name(name) => {
                let value = match name.as_str() {
                    "None" => Value::None,
                    "True" => Value::Bool(true),
                    "False" => Value::Bool(false),
                    _ => return Err(self.unexpected("a value")),
                };
                self.advance()?;
                value
            }
            Token::Punct(_) | Token::End => return Err(self.unexpected("a value")),
        };
        Ok(Node { at, value })
    }

    /// Parses a number with at most one sign, or a complex number such as `1+2j`.
    fn number(&mut self) -> Result<Value, Error> {
        let first = self.signed()?;
        let sum = matches!(self.token, Token::Punct('+' | '-'));
        if !sum || first == Number::Imaginary {
            return Ok(match first {
                Number::Int(number) => Value::Int(number),
                Number::Float | Number::Imaginary => Value::Other,
            });
        }
        self.advance()?;
        match self.token {
            Token::Number(Number::Imaginary) => self.advance()?,
            _ => return Err(self.unexpected("an imaginary number")),
        };
        Ok(Value::Other)
    }

    fn signed(&mut self) -> Result<Number, Error> {
        let negative = self.token == Token::Punct('-');
        if negative || self.token == Token::Punct('+') {
            self.advance()?;
        }
        let Token::Number(number) = self.token else {
            return Err(self.unexpected("a number"));
        };
        self.advance()?;
        while self.python2 && matches!(&self.token, Token::Name(name) if name == "L") {
            self.advance()?;
        }
        Ok(match number {
            Number::Int(Some(magnitude)) if negative => Number::Int(Some(-magnitude)),
            _ => number,
        })
    }

    /// Parses one or more strings in a row. Python joins them.
    fn strings(&mut self) -> Result<Value, Error> {
        let mut joined = match self.advance()? {
            Token::Str(first) => Value::Str(first),
            _ => Value::Other,
        };
        loop {
            match (&mut joined, &self.token) {
                (Value::Str(joined), Token::Str(next)) => joined.push_str(next),
                (Value::Other, Token::Bytes) => {}
                (_, Token::Str(_) | Token::Bytes) => {
                    return Err(self.unexpected(match joined {
                        Value::Str(_) => "a string to join with the string before",
                        _ => "bytes to join with the bytes before",
                    }));
                }
                _ => return Ok(joined),
            }
            self.advance()?;
        }
    }

    fn bracketed(&mut self, open: char) -> Result<Value, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::over_limit(
                MAX_DEPTH,
                Clause::Depth,
                self.at,
                format!("brackets nest deeper than {MAX_DEPTH} levels"),
            ));
        }
        self.depth += 1;
        self.advance()?;
        let value = match open {
            '(' => self.tuple()?,
            '[' => Value::List(self.items(']')?),
            _ => self.dict_or_set()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Parses values separated by commas up to the closing bracket.
    fn items(&mut self, close: char) -> Result<Vec<Node>, Error> {
        let mut items = Vec::new();
        while !self.eat(close)? {
            items.push(self.value()?);
            self.comma_or(close)?;
        }
        Ok(items)
    }

    /// Skips a comma. It may be missing before the closing bracket.
    fn comma_or(&mut self, close: char) -> Result<(), Error> {
        if self.token != Token::Punct(close) && !self.eat(',')? {
            return Err(self.unexpected(&format!("',' or '{close}'")));
        }
        Ok(())
    }

    /// Parses a tuple, or a single value in parentheses.
    fn tuple(&mut self) -> Result<Value, Error> {
        if self.eat(')')? {
            return Ok(Value::Tuple(Vec::new()));
        }
        let first = self.value()?;
        if self.eat(')')? {
            return Ok(first.value);
        }
        self.comma_or(')')?;
        let mut items = Vec::from([first]);
        items.append(&mut self.items(')')?);
        Ok(Value::Tuple(items))
    }

    fn dict_or_set(&mut self) -> Result<Value, Error> {
        if self.eat('}')? {
            return Ok(Value::Dict(Vec::new()));
        }
        let mut key = self.value()?;
        if self.token != Token::Punct(':') {
            self.comma_or('}')?;
            self.items('}')?;
            return Ok(Value::Other);
        }
        let mut entries = Vec::new();
        loop {
            if !self.eat(':')? {
                return Err(self.unexpected("':'"));
            }
            entries.push((key, self.value()?));
            self.comma_or('}')?;
            if self.eat('}')? {
                return Ok(Value::Dict(entries));
            }
            key = self.value()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// Shows a value as Python does, and `...` for a value that is dropped.
    fn shown(node: &Node) -> String {
        let list = |nodes: &[Node]| nodes.iter().map(shown).collect::<Vec<_>>().join(", ");
        match &node.value {
            Value::Str(text) => format!("{text:?}"),
            Value::Other => "...".into(),
            Value::Tuple(nodes) => format!("({})", list(nodes)),
            Value::List(nodes) => format!("[{}]", list(nodes)),
            Value::Dict(entries) => {
                let entry =
                    |(key, value): &(Node, Node)| format!("{}: {}", shown(key), shown(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.to_string(),
        }
    }

    #[track_caller]
    fn reads(text: &str, expected: &str) {
        assert_eq!(shown(&parse(text, false).unwrap()), expected, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(parse(text, false).unwrap_err().to_string(), expected, "{text}");
    }

    #[test]
    fn container_is_read() {
        reads("()", "()");
        reads("(1)", "1");
        reads("(1,)", "(1)");
        reads("(1, (2, 3,), [])", "(1, (2, 3), [])");
        reads("{'a': 1, 'a': {}, }", r#"{"a": 1, "a": {}}"#);
        reads("[{1}, {1, 2,}]", "[..., ...]");
        reads("{\n'a' :# why\r\n(None, True)}\r", r#"{"a": (None, True)}"#);
    }

    #[test]
    fn scalar_is_read() {
        reads("-2", "-2");
        reads("+ 2", "2");
        reads("(-1.5, 2j, -1+2j, b'a' rb'b')", "(..., ..., ..., ...)");
        reads("'a' u'b' '''c'''", r#""abc""#);
        // In bytes these are not escapes.
        reads(r"(b'\u', b'\U', b'\N')", "(..., ..., ...)");
        reads("99999999999999999999", "an integer over 64 bits");
    }

    #[test]
    fn text_outside_the_grammar_is_refused() {
        for (text, error) in [
            ("", "expected a value, found the end of the header (at byte 0)"),
            ("(,)", "expected a value, found ',' (at byte 1)"),
            ("(1,,)", "expected a value, found ',' (at byte 3)"),
            ("(1", "expected ',' or ')', found the end of the header (at byte 2)"),
            ("(1]", "expected ',' or ')', found ']' (at byte 2)"),
            ("1+1", "expected an imaginary number, found a number (at byte 2)"),
            ("--1", "expected a number, found '-' (at byte 1)"),
            ("-True", "expected a number, found the name 'True' (at byte 1)"),
            ("017", "decimal integer must not begin with 0 (at byte 0)"),
            ("2L", "expected the end of the header, found the name 'L' (at byte 1)"),
            (
                "'a' b'b'",
                "expected a string to join with the string before, found bytes (at byte 4)",
            ),
            (
                "b'a' 'b'",
                "expected bytes to join with the bytes before, found a string (at byte 5)",
            ),
            ("{1: 2, 3}", "expected ':', found '}' (at byte 8)"),
            ("{1, 2: 3}", "expected ',' or '}', found ':' (at byte 5)"),
            ("[] + []", "expected the end of the header, found '+' (at byte 3)"),
            ("('a'*3)", "unexpected character '*' (at byte 4)"),
            ("true", "expected a value, found the name 'true' (at byte 0)"),
            ("f'a'", "expected a value, found the name 'f' (at byte 0)"),
            ("{}\0", "header must not contain NUL (at byte 2)"),
        ] {
            refused(text, &format!("{error} [npy.header.literal]"));
        }
    }

    #[test]
    fn long_is_read_only_from_python_2() {
        let reads = |text| parse(text, true).map(|node| shown(&node));
        assert_eq!(reads("(2L, -0x3L, 4 L)").unwrap(), "(2, -3, 4)");
        refused(
            "2L",
            "expected the end of the header, found the name 'L' (at byte 1) [npy.header.literal]",
        );
        for text in ["(2l,)", "(2LL,)", "('2'L,)", "(L,)"] {
            assert!(reads(text).is_err(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        reads(&nested(MAX_DEPTH), "1");
        let side_by_side = "(),".repeat(MAX_DEPTH + 1);
        assert!(parse(&format!("[{side_by_side}]"), false).is_ok());
        refused(
            &nested(MAX_DEPTH + 1),
            "brackets nest deeper than 100 levels (at byte 100) [npy.header.depth]",
        );
        refused(
            &"[".repeat(1_000_000),
            "brackets nest deeper than 100 levels (at byte 100) [npy.header.depth]",
        );
    }
}
