//! [`Text`]: a Python str, also one of Python 2.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use pickle_stream::{Kind as Raw, Str, ValueRef};

use crate::options::Encoding;

/// A Python str.
#[derive(Clone, Debug)]
pub struct Text<'a>(Repr<'a>);

/// Where the text is.
#[derive(Clone, Debug)]
enum Repr<'a> {
    /// In the file; it may contain lone surrogates.
    Str(Str<'a>),
    /// In the file, as a Python 2 str.
    Borrowed(&'a str),
    /// Decoded from a Python 2 str that is not UTF-8.
    Owned(String),
}

/// Compares the text, wherever it is.
impl PartialEq for Text<'_> {
    fn eq(&self, other: &Text<'_>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text<'_> {}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl<'a> From<Str<'a>> for Text<'a> {
    #[inline(always)]
    fn from(text: Str<'a>) -> Text<'a> {
        Text(Repr::Str(text))
    }
}

impl<'a> Text<'a> {
    /// Reads a pickled str. `None` for any other value, and for a Python 2 str that this encoding
    /// leaves as bytes.
    pub(crate) fn read(value: ValueRef<'a>, encoding: Encoding) -> Option<Text<'a>> {
        match value.kind() {
            Raw::Str(text) => Some(text.into()),
            Raw::Str2(bytes) => Text::of_python_2(bytes, encoding),
            _ => None,
        }
    }

    /// Decodes a Python 2 str. `None` where this encoding leaves it as bytes.
    pub(crate) fn of_python_2(bytes: &'a [u8], encoding: Encoding) -> Option<Text<'a>> {
        let borrowed = match encoding {
            Encoding::Bytes => None,
            Encoding::Ascii if !bytes.is_ascii() => None,
            Encoding::Latin1 if !bytes.is_ascii() => {
                let text = bytes.iter().map(|&byte| char::from(byte)).collect();
                return Some(Text(Repr::Owned(text)));
            }
            Encoding::Ascii | Encoding::Latin1 | Encoding::Utf8 => std::str::from_utf8(bytes).ok(),
        };
        borrowed.map(|text| Text(Repr::Borrowed(text)))
    }

    /// Returns the text; `None` where it contains a lone surrogate.
    #[inline]
    pub fn to_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Str(text) => text.to_str(),
            Repr::Borrowed(text) => Some(text),
            Repr::Owned(text) => Some(text),
        }
    }

    /// Returns the text, borrowed from the file where it can be; `None` where it contains a lone
    /// surrogate.
    pub fn into_str(self) -> Option<Cow<'a, str>> {
        match self.0 {
            Repr::Str(text) => text.to_str().map(Cow::Borrowed),
            Repr::Borrowed(text) => Some(Cow::Borrowed(text)),
            Repr::Owned(text) => Some(Cow::Owned(text)),
        }
    }

    /// Returns the text, with U+FFFD in place of lone surrogates.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Str(text) => text.to_string_lossy(),
            Repr::Borrowed(text) => Cow::Borrowed(text),
            Repr::Owned(text) => Cow::Borrowed(text),
        }
    }

    /// Returns the text in UTF-8, with lone surrogates encoded as Python's `surrogatepass` does.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Str(text) => text.as_bytes(),
            Repr::Borrowed(text) => text.as_bytes(),
            Repr::Owned(text) => text.as_bytes(),
        }
    }

    /// Returns the str that is in the file with its lone surrogates, where it contains any.
    #[cfg(feature = "json")]
    pub(crate) fn with_surrogates(&self) -> Option<Str<'a>> {
        match self.0 {
            Repr::Str(text) if text.to_str().is_none() => Some(text),
            _ => None,
        }
    }
}
