//! The beginning of a value as text, for `Debug`: bounded in depth and length, without recursion.
//!
//! [`sketch`] writes any type of value that can be taken apart into [`Shown`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::repr;
use crate::graph::{Entries, Items, Kind, ObjectRef, Str, ValueRef};

/// How deep containers are shown in one another.
const DEPTH: usize = 4;
/// How many values of one container are shown. A key and its value count as one.
const VALUES: usize = 8;
/// How many values are shown in all.
const ALL: usize = 64;
/// How many characters of a str, or bytes of a bytes object, are shown.
const CHARS: usize = 40;

/// How a [`sketch`] shows a value.
pub enum Shown<'a, T> {
    /// As this text.
    Text(String),
    /// As other values between two texts.
    Values(String, Parts<'a, T>, &'static str),
}

/// Values, each with the text that separates it from the one before.
type Parts<'a, T> = Box<dyn Iterator<Item = (&'static str, T)> + 'a>;

impl<'a, T: 'a> Shown<'a, T> {
    /// Returns values with commas between them.
    pub fn list(
        begin: impl Into<String>,
        values: impl Iterator<Item = T> + 'a,
        end: &'static str,
    ) -> Shown<'a, T> {
        Shown::Values(begin.into(), Box::new(values.map(|value| (", ", value))), end)
    }

    /// Returns keys and values as in a dict.
    pub fn dict(
        begin: impl Into<String>,
        entries: impl Iterator<Item = (T, T)> + 'a,
        end: &'static str,
    ) -> Shown<'a, T> {
        let values = entries.flat_map(|(key, value)| [(", ", key), (": ", value)]);
        Shown::Values(begin.into(), Box::new(values), end)
    }
}

/// Writes the beginning of a value: 4 levels of 8 values each, and at most 64 values in all.
pub fn sketch<'a, T>(
    f: &mut fmt::Formatter<'_>,
    value: Shown<'a, T>,
    show: impl Fn(T) -> Shown<'a, T>,
) -> fmt::Result {
    // The containers that are open: the values that are left, how many were shown, the closing
    // text.
    let mut open: Vec<(Parts<'a, T>, usize, &'static str)> = Vec::new();
    let (mut next, mut left) = (Some(value), ALL);
    loop {
        match next.take() {
            Some(Shown::Text(text)) => f.write_str(&text)?,
            Some(Shown::Values(begin, values, end)) if open.len() < DEPTH => {
                f.write_str(&begin)?;
                open.push((values, 0, end));
            }
            Some(Shown::Values(begin, _, end)) => write!(f, "{begin}...{end}")?,
            None => {}
        }
        let Some((values, shown, end)) = open.last_mut() else { return Ok(()) };
        match values.next() {
            None => {
                f.write_str(end)?;
                open.pop();
            }
            Some((before, value)) => {
                if *shown > 0 {
                    f.write_str(before)?;
                }
                // A key and its value count as one of `VALUES`.
                let is_cut = left == 0 || (*shown >= VALUES && before != ": ");
                if is_cut {
                    write!(f, "...{end}")?;
                    open.pop();
                    continue;
                }
                *shown += usize::from(before != ": ");
                left -= 1;
                next = Some(show(value));
            }
        }
    }
}

/// Returns the `repr` of a str, or of its first 40 characters and `...`.
pub fn short_str(text: &str) -> String {
    let mut out = String::new();
    let _ = repr::str(&mut out, text.chars().take(CHARS).map(u32::from));
    if text.chars().nth(CHARS).is_some() {
        out.push_str("...");
    }
    out
}

/// Returns the `repr` of bytes, or of the first 40 and `...`.
pub fn short_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    let _ = repr::bytes(&mut out, &bytes[..bytes.len().min(CHARS)]);
    if bytes.len() > CHARS {
        out.push_str("...");
    }
    out
}

fn of_str(text: Str<'_>) -> String {
    short_str(&text.to_string_lossy())
}

impl<'a> Shown<'a, ValueRef<'a>> {
    fn of(value: ValueRef<'a>) -> Shown<'a, ValueRef<'a>> {
        use alloc::format;
        Shown::Text(match value.kind() {
            Kind::None => "None".into(),
            Kind::Bool(true) => "True".into(),
            Kind::Bool(false) => "False".into(),
            Kind::Int(int) => format!("{int}"),
            Kind::Long(int) => format!("{int}"),
            Kind::Float(float) => {
                let mut out = String::new();
                let _ = repr::float(&mut out, float);
                out
            }
            Kind::Str(text) => of_str(text),
            Kind::Str2(bytes) | Kind::Bytes(bytes) => short_bytes(bytes),
            Kind::ByteArray(bytes) => format!("bytearray({})", short_bytes(bytes)),
            Kind::Tuple(items) => {
                let end = if items.len() == 1 { ",)" } else { ")" };
                return Shown::list("(", items, end);
            }
            Kind::List(items) => return Shown::list("[", items, "]"),
            Kind::Set(items) => return Shown::list("{", items, "}"),
            Kind::FrozenSet(items) => return Shown::list("frozenset({", items, "})"),
            Kind::Dict(entries) => return Shown::dict("{", entries, "}"),
            Kind::Global(global) => {
                let (module, name) =
                    (global.module.to_string_lossy(), global.name.to_string_lossy());
                repr::printable(&format!("{module}.{name}")).into_owned()
            }
            Kind::Object(object) => return Shown::of_object(object),
            Kind::PersistentId(id) => {
                return Shown::list("persistent_id(", core::iter::once(id), ")");
            }
            Kind::Extension(code) => format!("extension({code})"),
            Kind::Buffer { index, .. } => format!("buffer({index})"),
            Kind::Outer(_) => "<an object that contains this value>".into(),
        })
    }

    fn of_object(object: ObjectRef<'a>) -> Shown<'a, ValueRef<'a>> {
        let args = match object.args().kind() {
            Kind::Tuple(args) => Some(args),
            _ => None,
        };
        let whole = args.is_none().then(|| (", ", object.args()));
        let args = args.into_iter().flatten().map(|value| (", ", value)).chain(whole);
        let kwargs = object.kwargs().into_iter().map(|value| (", **", value));
        let states = object.states().map(|value| ("; state ", value));
        let appended = object.appended().map(|value| ("; append ", value));
        let added = object.added().map(|value| ("; add ", value));
        let items = object.items().flat_map(|(key, value)| [("; item ", key), (": ", value)]);
        let parts = args.chain(kwargs).chain(states).chain(appended).chain(added).chain(items);
        let callable = core::iter::once(("", object.callable()));
        let parts = parts.enumerate().map(|(index, (before, value))| {
            // "of" separates the callable from the first argument.
            (if index == 0 && before == ", " { " of " } else { before }, value)
        });
        Shown::Values("<call ".into(), Box::new(callable.chain(parts)), ">")
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::of(*self), Shown::of)
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::list("[", self.clone(), "]"), Shown::of)
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::dict("{", self.clone(), "}"), Shown::of)
    }
}

impl fmt::Debug for ObjectRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::of_object(*self), Shown::of)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use crate::{Limits, decode};

    #[track_caller]
    fn shows(stream: &[u8], expected: &str) {
        let decoded = decode(stream, &Limits::default()).unwrap();
        assert_eq!(format!("{:?}", decoded.value()), expected);
    }

    #[test]
    fn debug_of_a_small_value_shows_all_of_it() {
        shows(b"(K\x01\x88N]X\x01\0\0\0\x1bat.", r"(1, True, None, ['\x1b'])");
        shows(b"K\x01\x85.", "(1,)");
        shows(b"}X\x01\0\0\0aG?\xf8\0\0\0\0\0\0s.", "{'a': 1.5}");
        shows(b"cos\nsystem\nU\x02ls\x85R.", "<call os.system of b'ls'>");
        shows(b"cmod\nNew\n)\x81}X\x01\0\0\0aK\x01sb.", "<call mod.New; state {'a': 1}>");
    }

    #[test]
    fn debug_of_a_large_value_is_short() {
        // l = [l]
        shows(b"]q\0h\0a.", "[[[[[...]]]]]");
        shows(
            &[b"(".as_slice(), &b"K\x07".repeat(20), b"l."].concat(),
            "[7, 7, 7, 7, 7, 7, 7, 7, ...]",
        );
        let deep = [b"]".repeat(100_000), b"a".repeat(99_999), b".".to_vec()].concat();
        shows(&deep, "[[[[[...]]]]]");
        let long = [b"X\x10\x27\0\0".as_slice(), &b"a".repeat(10_000), b"."].concat();
        shows(&long, &format!("'{}'...", "a".repeat(40)));
        // 8 lists of 8 lists of 8 lists of ints
        let list = |items: Vec<u8>| [b"(".to_vec(), items.repeat(8), b"l".to_vec()].concat();
        let stream = [list(list(list(b"K\x01".to_vec()))), b".".to_vec()].concat();
        let decoded = decode(&stream, &Limits::default()).unwrap();
        assert!(format!("{:?}", decoded.value()).len() < 400);
    }
}
