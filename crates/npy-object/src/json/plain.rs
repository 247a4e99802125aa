//! JSON for people.
//!
//! | Python | JSON |
//! |---|---|
//! | int | a number; a string of hexadecimal digits, `"0x.."`, where it has more than 8,192 bits |
//! | float | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | complex | `{"real": 1.0, "imag": 2.0}` |
//! | str | a string; a surrogate that stands alone becomes U+FFFD |
//! | bytes, bytearray | a string of base64 |
//! | list, tuple, set, frozenset, deque, array | an array; of a NumPy array, nested as its dimensions are |
//! | dict | an object; a key that is no str becomes its own JSON text, as in Python's `json`, and inside that `"..."` |
//! | a masked item, NaT | `null`, `"NaT"` |
//! | date, time, datetime, datetime64 | ISO 8601 |
//! | timedelta | its seconds, a number |
//! | timedelta64 | its count of units, a number |
//! | Decimal | a string |
//! | a record, an item of a structured array | an object |
//! | class, function | a string, `"module.name"` |
//! | an object of a class that is not known | `{"callable": .., "args": [..]}`, and `state`, `items` where it has them |
//! | a value inside itself | `"..."` |

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};

use npy_header::{DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::{Global, Long, NodeId, ValueRef};

use super::{comma, write_base64, write_str};
use crate::container::Member;
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::instant::{Instant, NOT_A_TIME};
use crate::value::kind::{Entries, Items, Kind, Object};
use crate::value::scalar::{NumPyScalar, long_double};

/// Writes elements as JSON for people. One writer can write any number of them.
#[derive(Debug, Default)]
pub struct PlainJson {
    /// The values that are open around the place where the writer is.
    open: HashSet<NodeId>,
    /// Values that may still be written.
    left: u64,
    /// Whether the writer is inside a key.
    in_key: bool,
}

/// How many values may be written, whatever the element is, and how many more for each that it has:
/// what is shared is written again and again, and a few bytes can share enough to fill a disk.
const FREE: u64 = 1 << 20;
const REPEATED: u64 = 16;

/// What is still to be written, last first.
enum Task<'a> {
    Text(&'static str),
    Value(Element<'a>),
    Key(Element<'a>),
    /// The name of a field.
    Name {
        name: Cow<'a, str>,
        first: bool,
    },
    Items {
        items: Items<'a>,
        first: bool,
    },
    Entries {
        entries: Entries<'a>,
        first: bool,
    },
    /// The items of an array of objects, with how many of them lie between two brackets of each
    /// dimension.
    Nested {
        items: ArrayItems<'a>,
        array: Box<Array<'a>>,
        index: usize,
    },
    Close(NodeId),
}

impl PlainJson {
    /// A writer.
    pub fn new() -> PlainJson {
        PlainJson::default()
    }

    /// Writes an element, without a newline.
    ///
    /// Fails where `out` does, and where the element, with everything that it shares written out,
    /// has over 2^20 values and 16 times as many as it has in the file; the items of an array
    /// count only where no byte stands for them.
    pub fn write(&mut self, out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
        self.begin(element);
        self.run(out, vec![Task::Value(element)])
    }

    /// Writes a member of a container, without a newline: an entry as an object of one key.
    ///
    /// Fails as [`write`](Self::write) does.
    pub fn write_member(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let Member { key: Some(key), value } = member else { return self.write(out, member.value) };
        self.begin(value);
        let (begin, end) = (Task::Text("{"), Task::Text("}"));
        self.run(out, vec![end, Task::Value(value), Task::Text(":"), Task::Key(key), begin])
    }

    fn begin(&mut self, element: Element<'_>) {
        self.open.clear();
        let values = element.value().map_or(0, ValueRef::graph_len) as u64;
        self.left = values.saturating_mul(REPEATED).saturating_add(FREE);
        self.in_key = false;
    }

    /// Does the tasks, the last first.
    fn run<'a>(&mut self, out: &mut impl Write, mut tasks: Vec<Task<'a>>) -> io::Result<()> {
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(text) => out.write_all(text.as_bytes())?,
                Task::Value(value) => self.value(out, value, &mut tasks)?,
                Task::Key(key) => self.key(out, key)?,
                Task::Name { name, first } => {
                    comma(out, first)?;
                    write_str(out, &name)?;
                    out.write_all(b":")?;
                }
                Task::Items { mut items, first } => {
                    if let Some(item) = items.next() {
                        comma(out, first)?;
                        tasks.push(Task::Items { items, first: false });
                        tasks.push(Task::Value(item));
                    }
                }
                Task::Entries { mut entries, first } => {
                    if let Some((key, value)) = entries.next() {
                        comma(out, first)?;
                        tasks.push(Task::Entries { entries, first: false });
                        tasks.extend([Task::Value(value), Task::Text(":"), Task::Key(key)]);
                    }
                }
                Task::Nested { mut items, array, index } => {
                    brackets(out, array.shape(), index)?;
                    if let Some(item) = items.next() {
                        let masked = is_masked(&array, position(&array, index));
                        tasks.push(Task::Nested { items, array, index: index + 1 });
                        tasks.push(if masked { Task::Text("null") } else { Task::Value(item) });
                    }
                }
                Task::Close(id) => {
                    self.open.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// A key of a dict, which in JSON has to be a string.
    fn key(&mut self, out: &mut impl Write, key: Element<'_>) -> io::Result<()> {
        if let Kind::Str(text) = key.kind() {
            return write_str(out, &text.to_string_lossy());
        }
        // A key of a key would be escaped twice, one in that four times, and so on.
        if self.in_key {
            return out.write_all(b"\"...\"");
        }
        self.in_key = true;
        let mut text = KeyText { out, is_string: None };
        self.run(&mut text, vec![Task::Value(key)])?;
        let is_string = text.is_string == Some(true);
        self.in_key = false;
        if is_string { Ok(()) } else { out.write_all(b"\"") }
    }

    fn value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        tasks: &mut Vec<Task<'a>>,
    ) -> io::Result<()> {
        let kind = value.kind();
        let Some(left) = self.left.checked_sub(unpaid(&kind).saturating_add(1)) else {
            let message = "the element, with what it shares written out, has too many values";
            return Err(io::Error::other(message));
        };
        self.left = left;
        if let (true, Some(id)) = (is_container(&kind), value.identity()) {
            if !self.open.insert(id) {
                return out.write_all(b"\"...\"");
            }
            tasks.push(Task::Close(id));
        }
        match kind {
            Kind::None => out.write_all(b"null"),
            Kind::Bool(value) => write!(out, "{value}"),
            Kind::Int(int) => write!(out, "{int}"),
            Kind::Long(int) => write_long(out, int),
            Kind::Float(float) => write_float(out, float),
            Kind::Complex(real, imaginary) => write_complex(out, real, imaginary),
            Kind::Str(text) => write_str(out, &text.to_string_lossy()),
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => write_base64(out, &bytes),
            Kind::List(items)
            | Kind::Tuple(items)
            | Kind::Set(items)
            | Kind::FrozenSet(items)
            | Kind::Deque(items, _) => {
                tasks.extend([Task::Text("]"), Task::Items { items, first: true }]);
                out.write_all(b"[")
            }
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                tasks.extend([Task::Text("}"), Task::Entries { entries, first: true }]);
                out.write_all(b"{")
            }
            Kind::DateTime(datetime) => write!(out, "\"{datetime}\""),
            Kind::Date(date) => write!(out, "\"{date}\""),
            Kind::Time(time) => write!(out, "\"{time}\""),
            Kind::TimeDelta(delta) => write_float(out, delta.total_seconds()),
            Kind::Decimal(digits) => write_str(out, &digits),
            Kind::Array(array) => match array.data() {
                Data::Bytes(_) => write_array(out, &array),
                Data::Items(items) => {
                    let items = items.clone();
                    tasks.push(Task::Nested { items, array, index: 0 });
                    Ok(())
                }
            },
            Kind::Scalar(scalar) => write_item(out, scalar.dtype(), scalar.data()),
            Kind::Record(record) => {
                tasks.push(Task::Text("}"));
                for (index, (name, value)) in record.fields().into_iter().enumerate().rev() {
                    let first = index == 0;
                    tasks.extend([Task::Value(value), Task::Name { name, first }]);
                }
                out.write_all(b"{")
            }
            Kind::DType(item) => match *item {
                ItemType::Plain(dtype) => write_str(out, &dtype.to_string()),
                ItemType::String { .. } => write_str(out, "StringDType"),
            },
            Kind::Global(global) => write_global(out, global),
            Kind::Object(object) => write_object(out, object, tasks),
            Kind::PersistentId(id) => {
                tasks.extend([Task::Text("}"), Task::Value(id)]);
                out.write_all(b"{\"persistent_id\":")
            }
            Kind::Extension(code) => write!(out, "{{\"extension\":{code}}}"),
            Kind::Buffer(index) => write!(out, "{{\"buffer\":{index}}}"),
            Kind::Root => out.write_all(b"\"...\""),
        }
    }
}

fn is_container(kind: &Kind<'_>) -> bool {
    matches!(
        kind,
        Kind::List(_)
            | Kind::Tuple(_)
            | Kind::Set(_)
            | Kind::FrozenSet(_)
            | Kind::Dict(_)
            | Kind::OrderedDict(_)
            | Kind::DefaultDict(..)
            | Kind::Deque(..)
            | Kind::Array(_)
            | Kind::Record(_)
            | Kind::Object(_)
            | Kind::PersistentId(_)
    )
}

/// Makes a string of the JSON text that is written to it, unless that is a string already.
struct KeyText<'w> {
    out: &'w mut dyn Write,
    is_string: Option<bool>,
}

impl Write for KeyText<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let Some(&first) = json.first() else { return Ok(0) };
        if self.is_string.is_none() {
            self.is_string = Some(first == b'"');
            if first != b'"' {
                self.out.write_all(b"\"")?;
            }
        }
        if self.is_string == Some(true) {
            self.out.write_all(json)?;
            return Ok(json.len());
        }
        // JSON text has no other characters that a JSON string escapes.
        for piece in json.split_inclusive(|&byte| matches!(byte, b'"' | b'\\')) {
            match piece {
                [text @ .., last @ (b'"' | b'\\')] => {
                    self.out.write_all(text)?;
                    self.out.write_all(&[b'\\', *last])?;
                }
                text => self.out.write_all(text)?,
            }
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_long(out: &mut impl Write, int: Long<'_>) -> io::Result<()> {
    let digits = int.to_string();
    let quote = if digits.contains('x') { "\"" } else { "" };
    write!(out, "{quote}{digits}{quote}")
}

fn write_float(out: &mut impl Write, float: f64) -> io::Result<()> {
    if float.is_finite() {
        return serde_json::to_writer(out, &float).map_err(io::Error::from);
    }
    let name = match (float.is_nan(), float > 0.0) {
        (true, _) => "\"NaN\"",
        (false, true) => "\"Infinity\"",
        (false, false) => "\"-Infinity\"",
    };
    out.write_all(name.as_bytes())
}

fn write_complex(out: &mut impl Write, real: f64, imaginary: f64) -> io::Result<()> {
    out.write_all(b"{\"real\":")?;
    write_float(out, real)?;
    out.write_all(b",\"imag\":")?;
    write_float(out, imaginary)?;
    out.write_all(b"}")
}

fn write_global(out: &mut impl Write, global: Global<'_>) -> io::Result<()> {
    let (module, name) = (global.module.to_string_lossy(), global.name.to_string_lossy());
    write_str(out, &format!("{module}.{name}"))
}

fn write_object<'a>(
    out: &mut impl Write,
    object: Object<'a>,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    let mut parts = vec![Task::Value(object.callable()), Task::Text(",\"args\":")];
    parts.push(Task::Value(object.args()));
    if let Some(kwargs) = object.kwargs() {
        parts.extend([Task::Text(",\"kwargs\":"), Task::Value(kwargs)]);
    }
    if let Some(state) = object.states().last() {
        parts.extend([Task::Text(",\"state\":"), Task::Value(state)]);
    }
    for (open, items) in [(",\"items\":[", object.appended()), (",\"members\":[", object.added())] {
        if items.len() > 0 {
            parts.extend([Task::Text(open), Task::Items { items, first: true }, Task::Text("]")]);
        }
    }
    let entries = object.items();
    if entries.len() > 0 {
        parts.push(Task::Text(",\"entries\":{"));
        parts.extend([Task::Entries { entries, first: true }, Task::Text("}")]);
    }
    parts.push(Task::Text("}"));
    tasks.extend(parts.into_iter().rev());
    out.write_all(b"{\"callable\":")
}

/// The brackets and the comma that stand before item `index`, in C order, of an array; behind the
/// last one, those that close it. An array without items is `[]`, whatever its dimensions.
fn brackets(out: &mut impl Write, shape: &[usize], index: usize) -> io::Result<()> {
    let mut size = 1usize;
    let mut turns = 0;
    for &length in shape.iter().rev() {
        size = size.saturating_mul(length);
        if size == 0 {
            return out.write_all(b"[]");
        }
        turns += usize::from(index.is_multiple_of(size));
    }
    let closed = if index == 0 { 0 } else { turns };
    let opened = if index == size { 0 } else { turns };
    (0..closed).try_for_each(|_| out.write_all(b"]"))?;
    if index > 0 && index < size {
        out.write_all(b",")?;
    }
    (0..opened).try_for_each(|_| out.write_all(b"["))
}

/// How many items an array of this shape has. There may be more than can be where they take no
/// bytes.
fn count(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(1, |count, &length| count.saturating_mul(length))
}

/// How many values would be written that no byte of the file stands for: items of `S0`, say.
fn unpaid(kind: &Kind<'_>) -> u64 {
    fn of_item(dtype: &DType) -> u64 {
        // The depth of a dtype is limited, so this may recurse.
        match dtype {
            DType::Scalar(scalar) => u64::from(scalar.itemsize() == 0),
            DType::Struct(record) if record.fields().is_empty() => 1,
            DType::Struct(record) => record
                .fields()
                .iter()
                .fold(0, |sum: u64, field| sum.saturating_add(of_item(&field.dtype))),
            DType::Subarray(subarray) => {
                of_item(subarray.base()).saturating_mul(count(subarray.shape()) as u64)
            }
        }
    }
    match kind {
        Kind::Array(array) => match (array.item(), array.data()) {
            (ItemType::Plain(dtype), Data::Bytes(_)) => {
                of_item(dtype).saturating_mul(count(array.shape()) as u64)
            }
            _ => 0,
        },
        Kind::Scalar(scalar) => of_item(scalar.dtype()),
        _ => 0,
    }
}

/// Where item `index`, in C order, is in the order of the array.
fn position(array: &Array<'_>, mut index: usize) -> usize {
    if !array.fortran_order() {
        return index;
    }
    let count = count(array.shape());
    let mut stride = count;
    let mut place = 0;
    for &length in array.shape().iter().rev() {
        stride /= length;
        place += index % length * stride;
        index /= length;
    }
    place
}

fn is_masked(array: &Array<'_>, position: usize) -> bool {
    array.item_mask().is_some_and(|mask| mask[position] != 0)
}

fn write_array(out: &mut impl Write, array: &Array<'_>) -> io::Result<()> {
    let (ItemType::Plain(dtype), Data::Bytes(bytes)) = (array.item(), array.data()) else {
        return out.write_all(b"[]");
    };
    let itemsize = dtype.itemsize();
    let count = count(array.shape());
    for index in 0..count {
        brackets(out, array.shape(), index)?;
        let place = position(array, index);
        if is_masked(array, place) {
            out.write_all(b"null")?;
        } else {
            write_item(out, dtype, &bytes[place * itemsize..(place + 1) * itemsize])?;
        }
    }
    brackets(out, array.shape(), count)
}

/// Writes one item of an array without objects.
fn write_item(out: &mut impl Write, dtype: &DType, bytes: &[u8]) -> io::Result<()> {
    // The depth of a dtype is limited, so this may recurse.
    match dtype {
        DType::Scalar(scalar) => write_scalar(out, *scalar, bytes),
        DType::Struct(record) => {
            out.write_all(b"{")?;
            for (index, field) in record.fields().iter().enumerate() {
                comma(out, index == 0)?;
                write_str(out, &field.name)?;
                out.write_all(b":")?;
                let place = field.offset..field.offset + field.dtype.itemsize();
                write_item(out, &field.dtype, &bytes[place])?;
            }
            out.write_all(b"}")
        }
        DType::Subarray(subarray) => {
            let itemsize = subarray.base().itemsize();
            let count = count(subarray.shape());
            for index in 0..count {
                brackets(out, subarray.shape(), index)?;
                let place = index * itemsize..(index + 1) * itemsize;
                write_item(out, subarray.base(), &bytes[place])?;
            }
            brackets(out, subarray.shape(), count)
        }
    }
}

fn write_scalar(out: &mut impl Write, scalar: Scalar, bytes: &[u8]) -> io::Result<()> {
    use ScalarKind as K;
    let Some(value) = NumPyScalar::new(scalar.into(), bytes.into()) else {
        return out.write_all(b"null");
    };
    match scalar.kind() {
        K::Bool => write!(out, "{}", bytes != [0]),
        K::Int | K::Uint => match value.to_i64() {
            Some(int) => write!(out, "{int}"),
            None => write!(out, "{}", value.get::<u64>().unwrap_or_default()),
        },
        K::Float => write_float(out, value.to_f64().unwrap_or_else(|| value.long_double_to_f64())),
        K::Complex => match (value.get::<[f32; 2]>(), value.get::<[f64; 2]>()) {
            (Ok([real, imaginary]), _) => write_complex(out, real.into(), imaginary.into()),
            (_, Ok([real, imaginary])) => write_complex(out, real, imaginary),
            _ => {
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                let part = |bytes: &[u8]| long_double(bytes, scalar.order());
                write_complex(out, part(real), part(imaginary))
            }
        },
        K::Bytes => {
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            match std::str::from_utf8(&bytes[..end]) {
                Ok(text) => write_str(out, text),
                Err(_) => write_base64(out, &bytes[..end]),
            }
        }
        K::Unicode => write_str(out, &value.to_text().unwrap_or_default()),
        K::Datetime(unit) => match value.get::<i64>().unwrap_or(NOT_A_TIME) {
            count if unit.base() == TimeBase::Generic && count != NOT_A_TIME => {
                write!(out, "{count}")
            }
            count => write!(out, "\"{}\"", Instant { count, unit }),
        },
        K::Timedelta(_) => match value.get::<i64>().unwrap_or(NOT_A_TIME) {
            NOT_A_TIME => write_str(out, "NaT"),
            count => write!(out, "{count}"),
        },
        K::Void | K::Object => write_base64(out, bytes),
    }
}
