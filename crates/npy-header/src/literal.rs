//! The Python literal that the header is, as a tree: the part of `ast.literal_eval` that a header
//! can have a use for.
//!
//! What stands in it is kept only as far as some header means something by it: strings, integers
//! and booleans are, floats and bytes are not.

use alloc::{format, string::String, vec::Vec};

use crate::{
    error::{Clause, Error, ErrorKind, Limit},
    lexer::{self, Number, Token},
};

/// How deep brackets may nest. CPython has given up at about 100 (before 3.9) or 200 (since).
const MAX_DEPTH: usize = 100;

/// A value, and where it begins: bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    /// `None` where it does not fit 64 bits.
    Int(Option<i64>),
    Str(String),
    Tuple(Vec<Node>),
    List(Vec<Node>),
    /// In the order of the source, duplicates and all.
    Dict(Vec<(Node, Node)>),
    /// A float, a complex number, bytes or a set: nothing that a header means something by.
    Other,
}

impl Value {
    /// What this is, for a message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Value::None => "None".into(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::Int(Some(number)) => format!("{number}"),
            Value::Int(None) => "an integer over 64 bits".into(),
            Value::Str(_) => "a string".into(),
            Value::Tuple(_) => "a tuple".into(),
            Value::List(_) => "a list".into(),
            Value::Dict(_) => "a dict".into(),
            Value::Other => "a value of another type".into(),
        }
    }
}

/// Parses a header's text. `python2` allows integers to end in `L`, as Python 2 wrote longs.
///
/// The offset of an error counts bytes of `text`.
pub(crate) fn parse(text: &str, python2: bool) -> Result<Node, Error> {
    if let Some(at) = text.find('\0') {
        return Err(Error::malformed(Clause::Literal, at, "NUL in the header"));
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
    /// What comes after `token`.
    rest: &'a str,
    /// Where `token` begins.
    at: usize,
    /// The token to be parsed next.
    token: Token,
    python2: bool,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Takes the next token, and gives back the one before it.
    fn advance(&mut self) -> Result<Token, Error> {
        let offset = |tail: &str| self.text.len() - tail.len();
        let (rest, start, token) = lexer::token(self.rest).map_err(|fault| {
            Error::new(fault.kind, Clause::Literal, offset(fault.at), fault.message)
        })?;
        self.at = offset(start);
        self.rest = rest;
        Ok(core::mem::replace(&mut self.token, token))
    }

    /// Takes the next token if it is this one.
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
            Token::Name(name) => name.chars().take(20).collect(),
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

    /// A number with at most one sign, or a sum that makes a complex number.
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

    /// One or more strings in a row, which Python joins.
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
                    return Err(self.unexpected("more of the same kind of string"));
                }
                _ => return Ok(joined),
            }
            self.advance()?;
        }
    }

    fn bracketed(&mut self, open: char) -> Result<Value, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::new(
                ErrorKind::OverLimit(Limit::Depth, MAX_DEPTH as u64),
                Clause::Depth,
                self.at,
                format!("brackets nest over {MAX_DEPTH} deep"),
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

    /// Values up to the bracket that closes them.
    fn items(&mut self, close: char) -> Result<Vec<Node>, Error> {
        let mut items = Vec::new();
        while !self.eat(close)? {
            items.push(self.value()?);
            self.comma_or(close)?;
        }
        Ok(items)
    }

    /// A comma, unless the bracket is closed next.
    fn comma_or(&mut self, close: char) -> Result<(), Error> {
        if self.token != Token::Punct(close) && !self.eat(',')? {
            return Err(self.unexpected(&format!("',' or '{close}'")));
        }
        Ok(())
    }

    /// A tuple, or what stands in parentheses without a comma.
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

    /// The value as Python would print it, so that tests read as Python does.
    fn repr(node: &Node) -> String {
        let list = |nodes: &[Node]| nodes.iter().map(repr).collect::<Vec<_>>().join(", ");
        match &node.value {
            Value::Str(text) => format!("{text:?}"),
            Value::Other => "...".into(),
            Value::Tuple(nodes) => format!("({})", list(nodes)),
            Value::List(nodes) => format!("[{}]", list(nodes)),
            Value::Dict(entries) => {
                let entry = |(key, value): &(Node, Node)| format!("{}: {}", repr(key), repr(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.describe(),
        }
    }

    #[track_caller]
    fn reads(text: &str, expected: &str) {
        assert_eq!(repr(&parse(text, false).unwrap()), expected, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(parse(text, false).unwrap_err().to_string(), expected, "{text}");
    }

    #[test]
    fn containers() {
        reads("()", "()");
        reads("(1)", "1");
        reads("(1,)", "(1)");
        reads("(1, (2, 3,), [])", "(1, (2, 3), [])");
        reads("{'a': 1, 'a': {}, }", r#"{"a": 1, "a": {}}"#);
        reads("[{1}, {1, 2,}]", "[..., ...]");
        reads("{\n'a' :# why\r\n(None, True)}\r", r#"{"a": (None, True)}"#);
    }

    #[test]
    fn scalars() {
        reads("-2", "-2");
        reads("+ 2", "2");
        reads("(-1.5, 2j, -1+2j, b'a' rb'b')", "(..., ..., ..., ...)");
        reads("'a' u'b' '''c'''", r#""abc""#);
        // In bytes these escape nothing.
        reads(r"(b'\u', b'\U', b'\N')", "(..., ..., ...)");
        reads("99999999999999999999", "an integer over 64 bits");
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", "expected a value, found the end of the header (at byte 0)"),
            ("(,)", "expected a value, found ',' (at byte 1)"),
            ("(1,,)", "expected a value, found ',' (at byte 3)"),
            ("(1", "expected ',' or ')', found the end of the header (at byte 2)"),
            ("(1]", "expected ',' or ')', found ']' (at byte 2)"),
            ("1+1", "expected an imaginary number, found a number (at byte 2)"),
            ("--1", "expected a number, found '-' (at byte 1)"),
            ("-True", "expected a number, found True (at byte 1)"),
            ("017", "decimal integer begins with 0 (at byte 0)"),
            ("2L", "expected the end of the header, found L (at byte 1)"),
            ("'a' b'b'", "expected more of the same kind of string, found bytes (at byte 4)"),
            ("{1: 2, 3}", "expected ':', found '}' (at byte 8)"),
            ("{1, 2: 3}", "expected ',' or '}', found ':' (at byte 5)"),
            ("[] + []", "expected the end of the header, found '+' (at byte 3)"),
            ("('a'*3)", "unexpected character (at byte 4)"),
            ("true", "expected a value, found true (at byte 0)"),
            ("f'a'", "expected a value, found f (at byte 0)"),
            ("{}\0", "NUL in the header (at byte 2)"),
        ] {
            refused(text, &format!("{error} [npy.header.literal]"));
        }
    }

    #[test]
    fn longs_of_python_2() {
        let reads = |text| parse(text, true).map(|node| repr(&node));
        assert_eq!(reads("(2L, -0x3L, 4 L)").unwrap(), "(2, -3, 4)");
        for text in ["(2l,)", "(2LL,)", "('2'L,)", "(L,)"] {
            assert!(reads(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        reads(&nested(MAX_DEPTH), "1");
        let side_by_side = "(),".repeat(MAX_DEPTH + 1);
        assert!(parse(&format!("[{side_by_side}]"), false).is_ok());
        refused(
            &nested(MAX_DEPTH + 1),
            "brackets nest over 100 deep (at byte 100) [npy.header.depth]",
        );
        refused(
            &"[".repeat(1_000_000),
            "brackets nest over 100 deep (at byte 100) [npy.header.depth]",
        );
    }
}
