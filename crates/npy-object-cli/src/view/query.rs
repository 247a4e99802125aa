//! The parameters of a request.

use std::str::FromStr;

use crate::failure::Failure;

/// The parameters of a request, `name=value` with `&` between them.
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Splits the part of a URL after the host into its path and its parameters.
    pub(super) fn split(url: &'a str) -> (&'a str, Query<'a>) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        (path, Query(query))
    }

    /// Returns the text of a parameter; an empty text where it is missing.
    pub(super) fn text(&self, name: &str) -> Result<String, Failure> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        match pairs.find(|(known, _)| *known == name) {
            Some((_, value)) => {
                decode(value).ok_or_else(|| wrong(name, "text in UTF-8 and %", value))
            }
            None => Ok(String::new()),
        }
    }

    /// Returns a parameter that is parsed; `None` where it is missing or empty.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| wrong(name, "a value that can be read", &text))
    }

    /// Returns a parameter that is a number; `default` where it is missing.
    pub(super) fn number(&self, name: &str, default: u64) -> Result<u64, Failure> {
        Ok(self.parsed(name)?.unwrap_or(default))
    }

    /// Returns a parameter that is a list of numbers with commas between them.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<usize>, Failure> {
        let text = self.text(name)?;
        let parts = text.split(',').filter(|part| !part.is_empty()).take(MOST_NUMBERS);
        let numbers = parts.map(|part| part.parse().map_err(|_| wrong(name, "a number", part)));
        numbers.collect()
    }
}

/// The numbers of a list that are read: the steps of a path into an element.
const MOST_NUMBERS: usize = 256;

fn wrong(name: &str, wanted: &str, found: &str) -> Failure {
    Failure::Refused(format!("parameter {name}: expected {wanted}, found {found:?}"))
}

/// Decodes `%41` and `+`.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                (digit(digits[0])? * 16 + digit(digits[1])?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_gives_text_numbers_and_defaults() {
        let (path, query) = Query::split("api/rows?file=3&at=%5B%27a+b%27%5D&path=0,12&x=");
        assert_eq!(path, "api/rows");
        assert_eq!(query.number("file", 0).unwrap(), 3);
        assert_eq!(query.number("from", 7).unwrap(), 7);
        assert_eq!(query.text("at").unwrap(), "['a b']");
        assert_eq!(query.numbers("path").unwrap(), [0, 12]);
        assert_eq!(query.parsed::<u64>("x").unwrap(), None);
        assert_eq!(Query::split("").0, "");
    }

    #[test]
    fn malformed_parameters_are_refused() {
        let (_, query) = Query::split("x?a=%4&b=%ff&c=-1&d=1,x&e=%zz&f=%e2%82");
        for name in ["a", "b", "e", "f"] {
            assert!(matches!(query.text(name), Err(Failure::Refused(_))), "{name}");
        }
        assert!(matches!(query.number("c", 0), Err(Failure::Refused(_))));
        assert!(matches!(query.numbers("d"), Err(Failure::Refused(_))));
    }
}
