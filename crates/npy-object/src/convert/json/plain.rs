//! Values to plain JSON, which is for people and loses types.
//!
//! | Python | JSON |
//! |---|---|
//! | None, bool | themselves |
//! | int | a number; a string of hexadecimal digits, `"0x.."`, where it has more than 8,192 bits |
//! | float | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | complex | `{"real": 1.0, "imag": 2.0}` |
//! | str | a string; a lone surrogate becomes U+FFFD |
//! | bytes, bytearray | a string of base64 |
//! | list, tuple, set, frozenset, deque, array | an array; of a NumPy array, nested as its dimensions are, also where one of them is 0 |
//! | dict | an object; a key that is not a str becomes its own JSON text, as in Python's `json`, and inside that `"..."`; keys that are then equal (`1` and `"1"`) come twice |
//! | a masked item, NaT | `null`, `"NaT"` |
//! | date, time, datetime, datetime64 | ISO 8601 |
//! | timedelta | its seconds, a number |
//! | timedelta64 | its count of units, a number |
//! | Decimal | a string |
//! | a record, an item of a structured array | an object |
//! | class, function | a string, `"module.name"` |
//! | an object of an unknown class | `{"callable": .., "args": [..]}`, and `state`, `items` where it has them |
//! | a value inside itself | `"..."` |
//!
//! This fails where the output does, and where a value that is shared many times would be written
//! out too often (clause `access.sharing`).

use std::borrow::Cow;
use std::io::{self, Write};

use npy_header::{DType, Scalar, ScalarKind, TimeBase};
use pickle_stream::{Global, Long, NodeId, NodeMap, ValueRef};
use serde::Serialize;

use super::text::{comma, write_base64, write_lossy, write_pieces, write_str};
use super::walk::{Form, Rest, Task, Tasks, node_of, walk};
use crate::decode::objects::Member;
use crate::error::Error;
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::calendar::{Instant, NOT_A_TIME};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::numbers::read;
use crate::value::scalar::{NumPyScalar, long_double};
use crate::value::text::Text;

/// Writes elements as plain JSON. One writer can write any number of them.
#[derive(Debug, Default)]
pub struct PlainJson {
    /// The containers around the value that is written.
    open: NodeMap<bool>,
    /// The number of values that may still be written.
    left: u64,
    /// Whether the writer is inside a key.
    in_key: bool,
}

/// The number of values that may be written of any element. A shared value is written each time it
/// is met, so without a limit a few bytes could fill a disk.
const FREE: u64 = 1 << 20;
/// The number of values that may be written in addition for each value that the element has.
const REPEATED: u64 = 16;

/// A task that only plain JSON has.
pub(super) enum Own<'a> {
    /// The name of a field, and whether it is the first.
    Name(Box<(Cow<'a, str>, bool)>),
    /// The next part of a call.
    Call(NodeId, Part),
    Nested(Box<Nested<'a>>),
    Close(NodeId),
}

/// The text after the members of a container.
#[derive(Clone, Copy)]
pub(super) enum End {
    List,
    Dict,
    Call(Part),
}

/// A part of a call that was not made, in the order in which they are written.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Args,
    Kwargs,
    State,
    Items,
    Added,
    Entries,
    End,
}

/// The remaining items of an array of objects, with the state that nests them in lists.
pub(super) struct Nested<'a> {
    items: ArrayItems<'a>,
    shape: Vec<usize>,
    fortran_order: bool,
    mask: Option<Cow<'a, [u8]>>,
    index: usize,
}

impl PlainJson {
    /// Returns a writer.
    pub fn new() -> PlainJson {
        PlainJson::default()
    }

    /// Writes an element, without a newline.
    ///
    /// Fails where `out` does, and with clause `access.sharing` where it would write more than 2^20
    /// values and 16 for each that the element has in the file: what is shared is written each time
    /// it is met. The items of an array count only where they take no bytes.
    pub fn write(&mut self, out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
        self.begin(element);
        walk(self, out, element)
    }

    /// Writes a member of a container, without a newline; an entry of a dict as an object of one
    /// key.
    ///
    /// Fails as [`write`](Self::write) does.
    pub fn write_member(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let Member { key: Some(key), value } = member else { return self.write(out, member.value) };
        self.begin(value);
        out.write_all(b"{")?;
        self.key(out, key)?;
        out.write_all(b":")?;
        walk(self, out, value)?;
        out.write_all(b"}")
    }

    fn begin(&mut self, element: Element<'_>) {
        if let Some(value) = element.value() {
            self.open.reset(value);
        }
        let values = element.value().map_or(0, ValueRef::graph_len) as u64;
        self.left = values.saturating_mul(REPEATED).saturating_add(FREE);
        self.in_key = false;
    }

    /// Fails where more values than are left would be written.
    fn pay(&mut self, values: u64) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(values) else {
            let message = "the element has too many values: what it shares is written each time";
            return Err(Error::usage("access.sharing", message).into());
        };
        self.left = left;
        Ok(())
    }

    /// Writes a list of numbers that the graph stores as an array.
    fn numbers<T: Copy, W: Write>(
        &mut self,
        out: &mut W,
        numbers: &[T],
        write: impl Fn(&mut W, T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.pay(numbers.len() as u64)?;
        out.write_all(b"[")?;
        for (index, &number) in numbers.iter().enumerate() {
            comma(out, index == 0)?;
            write(out, number)?;
        }
        out.write_all(b"]")
    }

    /// Writes the next part that a call has.
    fn part<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        mut part: Part,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        let Some(node) = value.identity() else { return Ok(()) };
        // A persistent id has no parts, but ends as a call does.
        let Some(object) = value.object().filter(|_| !matches!(part, Part::End)) else {
            self.open.set(node, false);
            return out.write_all(b"}");
        };
        loop {
            let (open, found, next) = match part {
                Part::Args => (",\"args\":", Some(Task::of(object.args())), Part::Kwargs),
                Part::Kwargs => (",\"kwargs\":", object.kwargs().map(Task::of), Part::State),
                Part::State => (",\"state\":", object.states().last().map(Task::of), Part::Items),
                Part::Items | Part::Added => {
                    let (open, items, next) = match part {
                        Part::Items => (",\"items\":[", object.appended(), Part::Added),
                        _ => (",\"members\":[", object.added(), Part::Entries),
                    };
                    if items.len() > 0 {
                        tasks.push(Task::Members(Rest::of_items(&items, node, End::Call(next))));
                        return out.write_all(open.as_bytes());
                    }
                    (open, None, next)
                }
                Part::Entries => {
                    let entries = object.items();
                    if entries.len() > 0 {
                        let rest = Rest::of_entries(&entries, node, End::Call(Part::End));
                        tasks.push(Task::Members(rest));
                        return out.write_all(b",\"entries\":{");
                    }
                    ("", None, Part::End)
                }
                Part::End => {
                    self.open.set(node, false);
                    return out.write_all(b"}");
                }
            };
            if let Some(found) = found {
                tasks.extend([Task::Own(Own::Call(node, next)), found]);
                return out.write_all(open.as_bytes());
            }
            part = next;
        }
    }

    /// Writes a key of a dict as a string.
    fn key(&mut self, out: &mut impl Write, key: Element<'_>) -> io::Result<()> {
        if let Kind::Str(text) = key.kind() {
            return write_text(out, &text);
        }
        // The text of a key in a key would be escaped twice, of one in that four times, and so on.
        if self.in_key {
            return out.write_all(b"\"...\"");
        }
        self.in_key = true;
        let mut text = KeyText { out, is_string: None };
        walk(self, &mut text, key)?;
        let is_string = text.is_string == Some(true);
        self.in_key = false;
        if is_string { Ok(()) } else { out.write_all(b"\"") }
    }
}

impl Form for PlainJson {
    type End = End;
    type Own<'a> = Own<'a>;

    fn value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        if let Some(array) = value.as_plain_array().filter(|array| !array.data().is_empty()) {
            self.pay(1)?;
            let (dtype, order) = (array.item().into(), array.fortran_order());
            return write_items(out, &dtype, array.shape(), order, array.data(), None);
        }
        let kind = value.kind();
        self.pay(unpaid(&kind).saturating_add(1))?;
        // `None` only for the arrays and scalars that are rows.
        let node = value.identity();
        if let (true, Some(node)) = (is_container(&kind), node)
            && self.open.set(node, true)
        {
            return out.write_all(b"\"...\"");
        }
        match kind {
            Kind::None => out.write_all(b"null"),
            Kind::Bool(value) => write!(out, "{value}"),
            Kind::Int(int) => write_number(out, int),
            Kind::Long(int) => write_long(out, int),
            Kind::Float(float) => write_float(out, float),
            Kind::Complex(real, imaginary) => write_complex(out, real, imaginary),
            Kind::Str(text) => write_text(out, &text),
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => write_base64(out, &bytes),
            Kind::List(items)
            | Kind::Tuple(items)
            | Kind::Set(items)
            | Kind::FrozenSet(items)
            | Kind::Deque(items, _) => {
                if let Some(ints) = items.raw().as_ints() {
                    self.numbers(out, ints, write_number)?;
                } else if let Some(floats) = items.raw().as_floats() {
                    self.numbers(out, floats, write_float)?;
                } else {
                    let rest = node.map(|node| Rest::of_items(&items, node, End::List));
                    tasks.extend(rest.map(Task::Members));
                    return out.write_all(b"[");
                }
                node.map(|node| self.open.set(node, false));
                Ok(())
            }
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                let rest = node.map(|node| Rest::of_entries(&entries, node, End::Dict));
                tasks.extend(rest.map(Task::Members));
                out.write_all(b"{")
            }
            Kind::DateTime(datetime) => write!(out, "\"{datetime}\""),
            Kind::Date(date) => write!(out, "\"{date}\""),
            Kind::Time(time) => write!(out, "\"{time}\""),
            Kind::TimeDelta(delta) => write_float(out, delta.total_seconds()),
            Kind::Decimal(digits) => write_str(out, &digits),
            Kind::Array(array) => match array.data() {
                Data::Bytes(_) => {
                    write_array(out, &array)?;
                    node.map(|node| self.open.set(node, false));
                    Ok(())
                }
                Data::Items(items) => {
                    tasks.extend(node.map(|node| Task::Own(Own::Close(node))));
                    tasks.push(Task::Own(Own::Nested(Box::new(Nested {
                        items: items.clone(),
                        shape: array.shape().to_vec(),
                        fortran_order: array.fortran_order(),
                        mask: array.item_mask().map(|mask| mask.to_vec().into()),
                        index: 0,
                    }))));
                    Ok(())
                }
            },
            Kind::Scalar(scalar) => write_item(out, scalar.dtype(), scalar.data()),
            Kind::Record(record) => {
                tasks.extend(node.map(|node| Task::Own(Own::Close(node))));
                tasks.push(Task::Text("}"));
                for (index, (name, value)) in record.fields().into_iter().enumerate().rev() {
                    tasks.extend([
                        Task::of(value),
                        Task::Own(Own::Name(Box::new((name, index == 0)))),
                    ]);
                }
                out.write_all(b"{")
            }
            Kind::DType(item) => match *item {
                ItemType::Plain(dtype) => write_str(out, &dtype.to_string()),
                ItemType::String { .. } => write_str(out, "StringDType"),
            },
            Kind::Global(global) => write_global(out, global),
            Kind::Object(object) => {
                tasks.extend(node.map(|node| Task::Own(Own::Call(node, Part::Args))));
                tasks.push(Task::of(object.callable()));
                out.write_all(b"{\"callable\":")
            }
            Kind::PersistentId(id) => {
                tasks.extend(node.map(|node| Task::Own(Own::Call(node, Part::End))));
                tasks.push(Task::of(id));
                out.write_all(b"{\"persistent_id\":")
            }
            Kind::Extension(code) => write!(out, "{{\"extension\":{code}}}"),
            Kind::Buffer(index) => write!(out, "{{\"buffer\":{index}}}"),
            Kind::Root => out.write_all(b"\"...\""),
        }
    }

    fn entry<'a>(
        &mut self,
        out: &mut impl Write,
        key: Element<'a>,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        tasks.push(Task::of(value));
        self.key(out, key)?;
        out.write_all(b":")
    }

    fn end<'a>(
        &mut self,
        out: &mut impl Write,
        container: Element<'a>,
        end: End,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        match end {
            End::List => out.write_all(b"]")?,
            End::Dict => out.write_all(b"}")?,
            End::Call(part) => {
                out.write_all(if matches!(part, Part::End) { b"}" } else { b"]" })?;
                return self.part(out, container, part, tasks);
            }
        }
        if let Some(node) = container.identity() {
            self.open.set(node, false);
        }
        Ok(())
    }

    fn own<'a>(
        &mut self,
        out: &mut impl Write,
        root: Element<'a>,
        task: Own<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        match task {
            Own::Name(name) => {
                let (name, first) = *name;
                comma(out, first)?;
                write_str(out, &name)?;
                out.write_all(b":")
            }
            Own::Call(node, part) => self.part(out, node_of(root, node), part, tasks),
            Own::Nested(mut nested) => {
                brackets(out, &nested.shape, nested.index)?;
                if let Some(item) = nested.items.next() {
                    let masked = nested.is_masked();
                    nested.index += 1;
                    tasks.push(Task::Own(Own::Nested(nested)));
                    tasks.push(if masked { Task::Text("null") } else { Task::of(item) });
                }
                Ok(())
            }
            Own::Close(node) => {
                self.open.set(node, false);
                Ok(())
            }
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

/// A writer that turns JSON text into a JSON string, unless it is a string already.
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
    let quote = if int.is_hexadecimal() { "\"" } else { "" };
    write!(out, "{quote}{int}{quote}")
}

fn write_number(out: &mut impl Write, number: impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, &number).map_err(io::Error::from)
}

fn write_float(out: &mut impl Write, float: f64) -> io::Result<()> {
    if float.is_finite() {
        return write_number(out, float);
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
    out.write_all(b"\"")?;
    write_pieces(out, global.module)?;
    out.write_all(b".")?;
    write_pieces(out, global.name)?;
    out.write_all(b"\"")
}

fn write_text(out: &mut impl Write, text: &Text<'_>) -> io::Result<()> {
    match text.with_surrogates() {
        Some(text) => write_lossy(out, text),
        None => write_str(out, &text.to_string_lossy()),
    }
}

/// Writes the brackets and the comma before item `index`, in C order, of an array; after the last
/// item, the brackets that close it.
fn brackets(out: &mut impl Write, shape: &[usize], index: usize) -> io::Result<()> {
    let mut size = 1usize;
    let mut turns = 0;
    for &length in shape.iter().rev() {
        size = size.saturating_mul(length);
        if size == 0 {
            return write_empty(out, shape);
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

/// The greatest number of lists that are written for an array without items.
const MOST_EMPTY: usize = 1 << 16;

/// Returns the number of empty lists in an array without items, up to the first dimension that is
/// 0: for `(2, 3, 0)` 6, as in NumPy's `tolist`. An array of more than 65,536 of them is `[]`.
fn empty_lists(shape: &[usize]) -> usize {
    let outer = shape.iter().take_while(|&&length| length != 0);
    let lists = outer.fold(1usize, |lists, &length| lists.saturating_mul(length));
    if lists <= MOST_EMPTY { lists } else { 1 }
}

/// Writes an array without items.
fn write_empty(out: &mut impl Write, shape: &[usize]) -> io::Result<()> {
    let lists = empty_lists(shape);
    let end = shape.iter().position(|&length| length == 0).unwrap_or(shape.len());
    let outer = if lists == 1 && shape[..end].iter().any(|&length| length > 1) { 0 } else { end };
    if outer == 0 {
        return out.write_all(b"[]");
    }
    for index in 0..lists {
        brackets(out, &shape[..outer], index)?;
        out.write_all(b"[]")?;
    }
    brackets(out, &shape[..outer], lists)
}

/// Returns the number of items of an array of this shape; `usize::MAX` for more, which is possible
/// where items take no bytes.
fn count(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(1, |count, &length| count.saturating_mul(length))
}

/// Returns the number of values that would be written and take no bytes in the file, such as items
/// of dtype `S0`.
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
                let items = count(subarray.shape()) as u64;
                if items == 0 {
                    return empty_lists(subarray.shape()) as u64;
                }
                of_item(subarray.base()).saturating_mul(items)
            }
        }
    }
    match kind {
        Kind::Array(array) if count(array.shape()) == 0 => empty_lists(array.shape()) as u64,
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

impl Nested<'_> {
    /// Returns whether the next item is masked.
    fn is_masked(&self) -> bool {
        let position = position(&self.shape, self.fortran_order, self.index);
        self.mask.as_ref().is_some_and(|mask| mask[position] != 0)
    }
}

/// Returns the index, in the order of the array, of item `index` in C order.
fn position(shape: &[usize], fortran_order: bool, mut index: usize) -> usize {
    if !fortran_order {
        return index;
    }
    let mut stride = count(shape);
    let mut position = 0;
    for &length in shape.iter().rev() {
        stride /= length;
        position += index % length * stride;
        index /= length;
    }
    position
}

fn write_array(out: &mut impl Write, array: &Array<'_>) -> io::Result<()> {
    let (ItemType::Plain(dtype), Data::Bytes(bytes)) = (array.item(), array.data()) else {
        return out.write_all(b"[]");
    };
    write_items(out, dtype, array.shape(), array.fortran_order(), bytes, array.item_mask())
}

/// Writes the items of an array without objects, whose bytes these are. What `mask` has is `null`.
fn write_items(
    out: &mut impl Write,
    dtype: &DType,
    shape: &[usize],
    fortran_order: bool,
    bytes: &[u8],
    mask: Option<&[u8]>,
) -> io::Result<()> {
    let (itemsize, count) = (dtype.itemsize(), count(shape));
    let row = shape.last().copied().unwrap_or(1);
    for index in 0..count {
        if index.is_multiple_of(row) {
            brackets(out, shape, index)?;
        } else {
            out.write_all(b",")?;
        }
        let position = position(shape, fortran_order, index);
        if mask.is_some_and(|mask| mask[position] != 0) {
            out.write_all(b"null")?;
        } else {
            write_item(out, dtype, &bytes[position * itemsize..(position + 1) * itemsize])?;
        }
    }
    brackets(out, shape, count)
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
                let range = field.offset..field.offset + field.dtype.itemsize();
                write_item(out, &field.dtype, &bytes[range])?;
            }
            out.write_all(b"}")
        }
        DType::Subarray(subarray) => {
            write_items(out, subarray.base(), subarray.shape(), false, bytes, None)
        }
    }
}

fn write_scalar(out: &mut impl Write, scalar: Scalar, bytes: &[u8]) -> io::Result<()> {
    use ScalarKind as K;
    let order = scalar.order();
    match (scalar.kind(), scalar.itemsize()) {
        (K::Bool, _) => write!(out, "{}", bytes != [0]),
        (K::Int, 1) => write_number(out, read::<i8>(bytes, order)),
        (K::Int, 2) => write_number(out, read::<i16>(bytes, order)),
        (K::Int, 4) => write_number(out, read::<i32>(bytes, order)),
        (K::Int, _) => write_number(out, read::<i64>(bytes, order)),
        (K::Uint, 1) => write_number(out, read::<u8>(bytes, order)),
        (K::Uint, 2) => write_number(out, read::<u16>(bytes, order)),
        (K::Uint, 4) => write_number(out, read::<u32>(bytes, order)),
        (K::Uint, _) => write_number(out, read::<u64>(bytes, order)),
        (K::Float, 2) => write_float(out, read::<half::f16>(bytes, order).into()),
        (K::Float, 4) => write_float(out, read::<f32>(bytes, order).into()),
        (K::Float, 8) => write_float(out, read(bytes, order)),
        (K::Float, _) => write_float(out, long_double(bytes, order)),
        (K::Complex, 8) => {
            let [real, imaginary] = read::<[f32; 2]>(bytes, order);
            write_complex(out, real.into(), imaginary.into())
        }
        (K::Complex, 16) => {
            let [real, imaginary] = read(bytes, order);
            write_complex(out, real, imaginary)
        }
        (K::Complex, size) => {
            let (real, imaginary) = bytes.split_at(size / 2);
            write_complex(out, long_double(real, order), long_double(imaginary, order))
        }
        (K::Bytes, _) => {
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            match std::str::from_utf8(&bytes[..end]) {
                Ok(text) => write_str(out, text),
                Err(_) => write_base64(out, &bytes[..end]),
            }
        }
        (K::Unicode, _) => {
            let value = NumPyScalar::new(scalar.into(), bytes.into());
            write_str(out, &value.and_then(|value| value.to_text()).unwrap_or_default())
        }
        (K::Datetime(unit), _) => match read(bytes, order) {
            count if unit.base() == TimeBase::Generic && count != NOT_A_TIME => {
                write_number(out, count)
            }
            count => write!(out, "\"{}\"", Instant { count, unit }),
        },
        (K::Timedelta(_), _) => match read(bytes, order) {
            NOT_A_TIME => write_str(out, "NaT"),
            count => write_number(out, count),
        },
        (K::Void | K::Object, _) => write_base64(out, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_takes_24_bytes() {
        assert!(size_of::<Task<'_, PlainJson>>() <= 24);
    }
}
