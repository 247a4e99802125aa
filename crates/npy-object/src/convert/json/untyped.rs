//! Plain JSON to elements: objects are dicts, numbers with a fraction or an exponent are floats.
//!
//! An object with one member that is named after a type is typed JSON, and any other object is
//! plain. Lines are of one form, so that no line is read as the other one by accident.

use std::fmt;

use pickle_stream::{Builder, NodeId};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// The form of lines of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Typed,
    Plain,
}

impl Form {
    /// Returns the form of a value; `None` where it is the same in both.
    ///
    /// Fails where one part of it has one form and another part the other.
    pub(super) fn of(value: &Value) -> Result<Option<Form>> {
        match value {
            Value::Number(number) if number.as_i64().is_none() => Ok(Some(Form::Plain)),
            Value::Array(items) => items.iter().try_fold(None, |form, item| {
                let next = Form::of(item)?;
                form.map_or(Ok(next), |form: Form| form.and(next, item).map(Some))
            }),
            Value::Object(members) => match members.iter().next() {
                Some((name, _)) if members.len() == 1 && is_type(name) => Ok(Some(Form::Typed)),
                _ => members.values().try_fold(Some(Form::Plain), |_, item| {
                    Form::Plain.and(Form::of(item)?, item).map(Some)
                }),
            },
            _ => Ok(None),
        }
    }

    /// Returns this form. Fails where it is not the one of a value that comes with it.
    pub(super) fn and(self, form: Option<Form>, value: &Value) -> Result<Form> {
        match (self, form) {
            (Form::Plain, Some(Form::Typed)) => {
                Err(expected("plain JSON, as before (or all typed)", &value.to_string()))
            }
            (Form::Typed, Some(Form::Plain)) => {
                Err(expected("typed JSON, as before", &value.to_string()))
            }
            _ => Ok(self),
        }
    }
}

/// Builds the value of a line of plain JSON, which is nested to a limited depth.
pub(super) fn build(build: &mut Builder, line: &str) -> Result<NodeId> {
    let mut reader = serde_json::Deserializer::from_str(line);
    reader.disable_recursion_limit();
    let mut failed = None;
    let made = Plain { build, failed: &mut failed }.deserialize(&mut reader);
    made.map_err(|error| failed.unwrap_or_else(|| expected("plain JSON", &error.to_string())))
}

/// A value that is built.
struct Plain<'b> {
    build: &'b mut Builder,
    /// The error of building it.
    failed: &'b mut Option<Error>,
}

impl Plain<'_> {
    fn inner(&mut self) -> Plain<'_> {
        Plain { build: self.build, failed: self.failed }
    }

    fn made<E: de::Error>(self, made: pickle_stream::Result<NodeId>) -> Result<NodeId, E> {
        made.map_err(|error| {
            let error = Error::from(error);
            let text = E::custom(&error);
            *self.failed = Some(error);
            text
        })
    }
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = NodeId;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<NodeId, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = NodeId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<NodeId, E> {
        Ok(self.build.none())
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeId, E> {
        Ok(self.build.bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<NodeId, E> {
        let made = self.build.int(value);
        self.made(made)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<NodeId, E> {
        let made = self.build.big_int(&value.into());
        self.made(made)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<NodeId, E> {
        // An int of this size has been read as a float.
        const LEAST: f64 = 18_446_744_073_709_551_616.0;
        if value.abs() >= LEAST {
            let wanted = "a number below 2^64 (typed JSON has larger ones)";
            *self.failed = Some(expected(wanted, &value.to_string()));
            return Err(E::custom(wanted));
        }
        let made = self.build.float(value);
        self.made(made)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<NodeId, E> {
        let made = self.build.str(value);
        self.made(made)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<NodeId, A::Error> {
        let mut made = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            made.push(item);
        }
        let made = self.build.list(&made);
        self.made(made)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<NodeId, A::Error> {
        let mut made = Vec::new();
        while let Some(key) = members.next_key::<std::borrow::Cow<'_, str>>()? {
            let key = self.build.interned(&key);
            made.push(self.inner().made(key)?);
            made.push(members.next_value_seed(self.inner())?);
        }
        let made = self.build.dict(&made);
        self.made(made)
    }
}

/// The names of the types that an object of one member has.
const TYPES: [&str; 30] = [
    "array",
    "bytearray",
    "bytes",
    "call",
    "complex",
    "date",
    "datetime",
    "decimal",
    "defaultdict",
    "dict",
    "dtype",
    "extension",
    "float",
    "frozenset",
    "global",
    "int",
    "new",
    "ordereddict",
    "persistent",
    "record",
    "ref",
    "root",
    "scalar",
    "set",
    "shared",
    "str",
    "time",
    "timedelta",
    "tuple",
    "header",
];

/// Returns whether an object of one member with this name is typed JSON.
fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

/// Returns the error for a line in which something else stands than was expected.
#[cold]
pub(super) fn expected(what: &str, found: &str) -> Error {
    const SHOWN: usize = 40;
    let shown: String = found.chars().take(SHOWN).collect();
    malformed(format!("expected {what}, found {shown}"))
}

#[cold]
pub(super) fn malformed(message: String) -> Error {
    Error::new(ErrorKind::Malformed, "access.json", None, message)
}
