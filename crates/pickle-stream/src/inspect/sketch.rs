//! Short forms of values for `Debug`, bounded in depth and length, without recursion.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::repr;
use crate::graph::{Entries, Items, Kind, ObjectRef, Str, ValueRef};

/// The levels of containers that are shown.
const DEPTH: usize = 4;
/// The values of a container that are shown, and the values in all.
const VALUES: usize = 8;
const ALL: usize = 64;
/// The characters of a str, or bytes, that are shown.
const CHARS: usize = 40;

/// The short form of a value, for [`sketch`].
pub enum Shown<'a, T> {
    /// A text.
    Text(String),
    /// Values between two texts, each with the text before it.
    Values(String, Parts<'a, T>, &'static str),
}

/// Values, each with the text before it.
type Parts<'a, T> = Box<dyn Iterator<Item = (&'static str, T)> + 'a>;

impl<'a, T: 'a> Shown<'a, T> {
    /// Makes the form of values side by side.
    pub fn list(
        begin: impl Into<String>,
        values: impl Iterator<Item = T> + 'a,
        end: &'static str,
    ) -> Shown<'a, T> {
        Shown::Values(begin.into(), Box::new(values.map(|value| (", ", value))), end)
    }

    /// Makes the form of keys with values.
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
    // Values that are to come, how many came, and what closes them.
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
                // The value of an entry comes with its key.
                let is_whole = left == 0 || (*shown >= VALUES && before != ": ");
                if is_whole {
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

/// Returns Python's `repr` of the first 40 characters of a str.
pub fn short_str(text: &str) -> String {
    let mut out = String::new();
    let _ = repr::str(&mut out, text.chars().take(CHARS).map(u32::from));
    if text.chars().nth(CHARS).is_some() {
        out.push_str("...");
    }
    out
}

/// Returns Python's `repr` of the first 40 bytes.
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
            Kind::Outer(_) => "<a value around this one>".into(),
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
        let parts = parts.enumerate().map(|(place, (before, value))| {
            // The first part opens the brackets that hold all of them.
            (if place == 0 && before == ", " { " of " } else { before }, value)
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
    fn debug_shows_the_value() {
        shows(b"(K\x01\x88N]X\x01\0\0\0\x1bat.", r"(1, True, None, ['\x1b'])");
        shows(b"K\x01\x85.", "(1,)");
        shows(b"}X\x01\0\0\0aG?\xf8\0\0\0\0\0\0s.", "{'a': 1.5}");
        shows(b"cos\nsystem\nU\x02ls\x85R.", "<call os.system of b'ls'>");
        shows(b"cmod\nNew\n)\x81}X\x01\0\0\0aK\x01sb.", "<call mod.New; state {'a': 1}>");
    }

    #[test]
    fn debug_is_bounded_in_depth_and_length() {
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
