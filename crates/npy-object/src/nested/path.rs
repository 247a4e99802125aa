//! [`Path`]: the way into nested containers, written as in Python.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The way into nested containers, such as `['train'][3]`: a subscript for each container.
///
/// A subscript is a str (the key of a dict), an int (the index of a list or a tuple, from the end
/// if it is negative, or the key of a dict), or ints with commas between them (the indices of an
/// array, one for each dimension). `.train` is short for `['train']`, up to the next `.` or `[`.
///
/// ```
/// let path: npy_object::nested::Path = "['train'][3]".parse()?;
/// assert_eq!(path.to_string(), "['train'][3]");
/// assert_eq!(".train[3]".parse::<npy_object::nested::Path>()?, path);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Subscript>);

/// A step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subscript {
    /// The key of a dict.
    Key(String),
    /// An index, or a key of a dict.
    Index(i64),
    /// An index for each dimension of an array.
    Indices(Vec<i64>),
}

impl Path {
    /// Creates the path of these subscripts, from the outermost container in.
    pub fn new(subscripts: impl IntoIterator<Item = Subscript>) -> Path {
        Path(subscripts.into_iter().collect())
    }

    /// Returns the subscripts, from the outermost container in.
    pub fn as_slice(&self) -> &[Subscript] {
        &self.0
    }
}

/// Fails with clause `access.subscript` where it is not written as Python would have it.
impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Path> {
        let mut parser = Parser { text, rest: text.trim_start() };
        let mut subscripts = Vec::new();
        while !parser.rest.is_empty() {
            subscripts.push(parser.subscript()?);
        }
        Ok(Path(subscripts))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|subscript| write!(f, "[{subscript}]"))
    }
}

impl fmt::Display for Subscript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subscript::Key(key) => {
                let escaped = key.replace('\\', r"\\").replace('\'', r"\'");
                write!(f, "'{}'", escaped.replace('\n', r"\n"))
            }
            Subscript::Index(index) => write!(f, "{index}"),
            Subscript::Indices(indices) => {
                let indices: Vec<String> = indices.iter().map(i64::to_string).collect();
                let comma = if indices.len() == 1 { "," } else { "" };
                write!(f, "{}{comma}", indices.join(", "))
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    fn subscript(&mut self) -> Result<Subscript> {
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let name = rest[..end].trim_end();
            if name.is_empty() {
                return Err(self.refuse("a name after the point"));
            }
            self.rest = &rest[end..];
            return Ok(Subscript::Key(name.to_owned()));
        }
        self.expect('[')?;
        let subscript = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => Subscript::Key(self.string(quote)?),
            _ => self.indices()?,
        };
        self.expect(']')?;
        Ok(subscript)
    }

    fn indices(&mut self) -> Result<Subscript> {
        let mut indices = vec![self.int()?];
        let mut comma = false;
        while self.rest.starts_with(',') {
            comma = true;
            self.expect(',')?;
            if self.rest.starts_with(']') {
                break;
            }
            indices.push(self.int()?);
        }
        Ok(if comma { Subscript::Indices(indices) } else { Subscript::Index(indices[0]) })
    }

    fn int(&mut self) -> Result<i64> {
        let digit = |c: char| c.is_ascii_digit() || c == '-' || c == '+';
        let end = self.rest.find(|c| !digit(c)).unwrap_or(self.rest.len());
        let int = self.rest[..end].parse().map_err(|_| self.refuse("a str or an int"))?;
        self.rest = self.rest[end..].trim_start();
        Ok(int)
    }

    /// Parses a str with the escapes of a shell command.
    fn string(&mut self, quote: char) -> Result<String> {
        let mut string = String::new();
        let mut chars = self.rest[1..].chars();
        loop {
            match chars.next() {
                Some(c) if c == quote => break,
                Some('\\') => string.push(match chars.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(c @ ('\\' | '\'' | '"')) => c,
                    _ => {
                        return Err(self.refuse(r#"\\, \', \", \n, \r or \t after the backslash"#));
                    }
                }),
                Some(c) => string.push(c),
                None => return Err(self.refuse("the end of the str")),
            }
        }
        self.rest = chars.as_str().trim_start();
        Ok(string)
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.trim_start();
                Ok(())
            }
            None => Err(self.refuse(&format!("'{wanted}'"))),
        }
    }

    #[cold]
    fn refuse(&self, wanted: &str) -> Error {
        let offset = self.text.len() - self.rest.len();
        let message = format!("{:?} is not a subscript: expected {wanted} at {offset}", self.text);
        Error::usage("access.subscript", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Vec<Subscript> {
        text.parse::<Path>().unwrap().0
    }

    #[test]
    fn path_parses_as_in_python() {
        use Subscript as S;
        assert_eq!(parse(""), []);
        assert_eq!(parse(r#"['a'] ["it's"]"#), [S::Key("a".into()), S::Key("it's".into())]);
        assert_eq!(
            parse("[ 3 ][-1][1, 2][0,]"),
            [S::Index(3), S::Index(-1), S::Indices(vec![1, 2]), S::Indices(vec![0])]
        );
        assert_eq!(parse(r"['\'\\\n']"), [S::Key("'\\\n".into())]);
    }

    #[test]
    fn malformed_path_fails_at_offset() {
        for (text, offset) in [
            ("train", 0),
            ("['train'", 8),
            ("['train", 1),
            ("[3", 2),
            ("[3]x", 3),
            ("[a]", 1),
            ("[]", 1),
            ("[1:2]", 2),
            ("[99999999999999999999]", 1),
            (r"['\q']", 1),
        ] {
            let error = text.parse::<Path>().unwrap_err();
            assert!(error.message().ends_with(&format!(" at {offset}")), "{text}: {error}");
            assert_eq!(error.clause(), "access.subscript");
        }
    }

    proptest! {
        #[test]
        fn path_round_trips_through_display(key in ".*", index: i64, indices in prop::collection::vec(any::<i64>(), 1..4)) {
            let path = Path::new([
                Subscript::Key(key),
                Subscript::Index(index),
                Subscript::Indices(indices),
            ]);
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }
}
