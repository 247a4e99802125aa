//! Values to typed JSON, which is lossless. `spec/typed-json.md` specifies it.
//!
//! | value | JSON |
//! |---|---|
//! | None, bool, int below 2^53, str, list | themselves |
//! | any other value of [`Kind`] | an object of one member, named after its type: `{"tuple": [..]}` |
//! | a datetime, date, time, timedelta | its parts: `{"date": [2024, 2, 29]}` |
//! | an array, a NumPy scalar, a datetime64 | its dtype, and its bytes in base64 |
//! | an object of an unknown class | the call: `{"call": {"callable": .., "args": ..}}` |
//! | an object that the line has already | `{"ref": n}`, where `n` counts the containers of the line |
//! | an object that other elements have too | `{"shared": [n, value]}`: see [`sharing`](super::sharing) |
//!
//! Every value can be written: this fails only where the output does. [`read`](super::read) is the
//! way back.

use std::io::{self, Write};

use npy_header::{DType, Field, Header};
use pickle_stream::{Construct, Global, NodeId, NodeMap, ValueRef};

use super::text::{comma, write_base64, write_lossy, write_str};
use super::walk::{Form, Rest, Task, Tasks, node_of, walk};
use crate::decode::objects::Member;
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::items::{Entries, Items};
use crate::value::kind::Kind;
use crate::value::object::Object;
use crate::value::time::{Date, Time};

/// Writes elements as typed JSON. One writer can write any number of them.
#[derive(Debug, Default)]
pub struct TypedJson {
    /// One more than the number of each object of the line that has an identity.
    numbers: NodeMap<u32>,
    /// The number of objects so far.
    next: u32,
}

/// A task that only typed JSON has.
pub(super) enum Own<'a> {
    /// A value that is never numbered itself: the arguments of a call.
    Unnumbered(NodeId),
    ArrayItems(Box<ArrayItems<'a>>, bool),
    /// The next part of a call.
    Call(NodeId, Part),
    /// An array after its dtype.
    ArrayBody(NodeId),
    /// An array after its items.
    ArrayEnd(NodeId),
}

/// The text after the members of a container.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// `]`
    List,
    /// `]}`
    Tagged,
    /// `]]}`
    DefaultDict,
    Call(Part),
}

/// A part of a call that was not made, in the order in which they are written.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Args,
    Kwargs,
    States,
    Appended,
    Added,
    Items,
    End,
}

impl TypedJson {
    /// Returns a writer.
    pub fn new() -> TypedJson {
        TypedJson::default()
    }

    /// Writes an element, without a newline.
    ///
    /// Fails only where `out` does.
    pub fn write(&mut self, out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
        self.begin_line(element);
        walk(self, out, element)
    }

    /// Writes a member of a container, without a newline; an entry of a dict as a list of key and
    /// value.
    ///
    /// Fails only where `out` does.
    pub fn write_member(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let Member { key: Some(key), value } = member else { return self.write(out, member.value) };
        self.begin_line(value);
        out.write_all(b"[")?;
        walk(self, out, key)?;
        out.write_all(b",")?;
        walk(self, out, value)?;
        out.write_all(b"]")
    }

    fn begin_line(&mut self, element: Element<'_>) {
        if let Some(value) = element.value() {
            self.numbers.reset(value);
        }
        self.next = 0;
    }

    /// Numbers a value, and marks it where other elements have it too. If it has a number already,
    /// writes a reference to it and returns `false`.
    fn begin<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        numbered: bool,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<bool> {
        // A row of an array without objects has no identity, and is written once.
        let Some(id) = value.identity().filter(|_| numbered) else {
            self.next += u32::from(numbered);
            return Ok(true);
        };
        if let Some(number) = self.numbers.get(id).checked_sub(1) {
            write!(out, "{{\"ref\":{number}}}")?;
            return Ok(false);
        }
        self.next += 1;
        self.numbers.set(id, self.next);
        if let Some(entry) = value.value().and_then(ValueRef::label) {
            write!(out, "{{\"shared\":[{entry},")?;
            tasks.push(Task::Text("]}"));
        }
        Ok(true)
    }

    fn write_value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        numbered: bool,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        let kind = value.kind();
        // `None` only for the arrays and scalars that are rows.
        let node = value.identity();
        if is_numbered(&kind) && !self.begin(out, value, numbered, tasks)? {
            return Ok(());
        }
        match kind {
            Kind::None => out.write_all(b"null"),
            Kind::Bool(true) => out.write_all(b"true"),
            Kind::Bool(false) => out.write_all(b"false"),
            // The ints that a JSON reader may keep in a float without loss.
            Kind::Int(int) if int.unsigned_abs() < 1 << 53 => write!(out, "{int}"),
            Kind::Int(int) => write!(out, "{{\"int\":\"{int}\"}}"),
            Kind::Long(int) => write!(out, "{{\"int\":\"{int}\"}}"),
            Kind::Float(float) => write!(out, "{{\"float\":\"{:016x}\"}}", float.to_bits()),
            Kind::Complex(real, imaginary) => {
                let (real, imaginary) = (real.to_bits(), imaginary.to_bits());
                write!(out, "{{\"complex\":[\"{real:016x}\",\"{imaginary:016x}\"]}}")
            }
            Kind::Str(text) => match text.to_str() {
                Some(text) => write_str(out, text),
                None => tagged(out, "str", text.as_bytes()),
            },
            Kind::Bytes(bytes) => tagged(out, "bytes", &bytes),
            Kind::ByteArray(bytes) => tagged(out, "bytearray", &bytes),
            Kind::List(items) => list(out, "[", &items, node, End::List, tasks),
            Kind::Tuple(items) => list(out, "{\"tuple\":[", &items, node, End::Tagged, tasks),
            Kind::Set(items) => list(out, "{\"set\":[", &items, node, End::Tagged, tasks),
            Kind::FrozenSet(items) => {
                list(out, "{\"frozenset\":[", &items, node, End::Tagged, tasks)
            }
            Kind::Dict(entries) => dict(out, "{\"dict\":[", &entries, node, End::Tagged, tasks),
            Kind::OrderedDict(entries) => {
                dict(out, "{\"ordereddict\":[", &entries, node, End::Tagged, tasks)
            }
            Kind::DefaultDict(factory, entries) => {
                out.write_all(b"{\"defaultdict\":[")?;
                match factory {
                    Some(factory) => global(out, factory)?,
                    None => out.write_all(b"null")?,
                }
                dict(out, ",[", &entries, node, End::DefaultDict, tasks)
            }
            Kind::DateTime(datetime) => {
                let Date { year, month, day } = datetime.date;
                write!(out, "{{\"datetime\":[{year},{month},{day},")?;
                clock(out, datetime.time, tasks)
            }
            Kind::Date(Date { year, month, day }) => {
                write!(out, "{{\"date\":[{year},{month},{day}]}}")
            }
            Kind::Time(time) => {
                out.write_all(b"{\"time\":[")?;
                clock(out, time, tasks)
            }
            Kind::TimeDelta(delta) => {
                let (seconds, microseconds) = (delta.seconds, delta.microseconds);
                write!(out, "{{\"timedelta\":[{},{seconds},{microseconds}]}}", delta.days)
            }
            Kind::Decimal(digits) => {
                out.write_all(b"{\"decimal\":")?;
                write_str(out, &digits)?;
                out.write_all(b"}")
            }
            Kind::Array(array) => {
                out.write_all(b"{\"array\":{")?;
                if let Some(class) = array.class().name() {
                    write!(out, "\"class\":\"{class}\",")?;
                }
                out.write_all(b"\"dtype\":")?;
                match (array.na_object(), node) {
                    (na_object @ Some(_), Some(node)) => {
                        tasks.push(Task::Own(Own::ArrayBody(node)));
                        item_type(out, array.item(), na_object, "", tasks)
                    }
                    _ => {
                        write_item_type(out, array.item())?;
                        array_body(out, &array, node, tasks)
                    }
                }
            }
            Kind::Scalar(scalar) => {
                out.write_all(b"{\"scalar\":{\"dtype\":")?;
                write_dtype(out, scalar.dtype())?;
                out.write_all(b",\"data\":")?;
                write_base64(out, scalar.data())?;
                out.write_all(b"}}")
            }
            Kind::Record(record) => {
                out.write_all(b"{\"record\":[")?;
                tasks.push(Task::Text("]}"));
                for (index, (_, value)) in record.fields().into_iter().enumerate().rev() {
                    tasks.push(Task::of(value));
                    if index > 0 {
                        tasks.push(Task::Text(","));
                    }
                }
                Ok(())
            }
            Kind::DType(item) => {
                out.write_all(b"{\"dtype\":")?;
                item_type(out, &item, value.na_object(), "}", tasks)
            }
            Kind::Global(name) => global(out, name),
            Kind::Object(value) => object(out, value, node, tasks),
            // Written as the call that makes it.
            Kind::Deque(..) => match value.object() {
                Some(value) => object(out, value, node, tasks),
                None => unreachable!("a deque is a call"),
            },
            Kind::PersistentId(id) => {
                out.write_all(b"{\"persistent\":")?;
                tasks.extend([Task::Text("}"), Task::of(id)]);
                Ok(())
            }
            Kind::Extension(code) => write!(out, "{{\"extension\":{code}}}"),
            Kind::Buffer(index) => write!(out, "{{\"buffer\":{index}}}"),
            Kind::Root => out.write_all(b"{\"root\":true}"),
        }
    }
}

impl Form for TypedJson {
    type End = End;
    type Own<'a> = Own<'a>;

    fn value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        self.write_value(out, value, true, tasks)
    }

    fn entry<'a>(
        &mut self,
        out: &mut impl Write,
        key: Element<'a>,
        value: Element<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        tasks.extend([Task::Text("]"), Task::of(value), Task::Text(","), Task::of(key)]);
        out.write_all(b"[")
    }

    fn end<'a>(
        &mut self,
        out: &mut impl Write,
        container: Element<'a>,
        end: End,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        match end {
            End::List => out.write_all(b"]"),
            End::Tagged => out.write_all(b"]}"),
            End::DefaultDict => out.write_all(b"]]}"),
            End::Call(part) => {
                out.write_all(b"]")?;
                call_part(out, container, part, tasks)
            }
        }
    }

    fn own<'a>(
        &mut self,
        out: &mut impl Write,
        root: Element<'a>,
        task: Own<'a>,
        tasks: &mut Tasks<'a, Self>,
    ) -> io::Result<()> {
        match task {
            Own::Unnumbered(node) => self.write_value(out, node_of(root, node), false, tasks),
            Own::Call(node, part) => call_part(out, node_of(root, node), part, tasks),
            Own::ArrayBody(node) => match node_of(root, node).kind() {
                Kind::Array(array) => array_body(out, &array, Some(node), tasks),
                _ => unreachable!("the task is that of an array"),
            },
            Own::ArrayEnd(node) => match node_of(root, node).kind() {
                Kind::Array(array) => array_end(out, &array, tasks),
                _ => unreachable!("the task is that of an array"),
            },
            Own::ArrayItems(mut items, first) => {
                let Some(item) = items.next() else { return Ok(()) };
                comma(out, first)?;
                tasks.extend([Task::Own(Own::ArrayItems(items, false)), Task::of(item)]);
                Ok(())
            }
        }
    }
}

/// Writes the call that makes an object, up to its callable.
fn object<'a>(
    out: &mut impl Write,
    object: Object<'a>,
    node: Option<NodeId>,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    let verb = match object.construct() {
        Construct::Call => "call",
        Construct::New => "new",
    };
    write!(out, "{{\"{verb}\":{{\"callable\":")?;
    tasks.extend(node.map(|node| Task::Own(Own::Call(node, Part::Args))));
    tasks.push(Task::of(object.callable()));
    Ok(())
}

fn is_numbered(kind: &Kind<'_>) -> bool {
    match kind {
        Kind::Tuple(items) | Kind::FrozenSet(items) => items.len() > 0,
        Kind::List(_)
        | Kind::ByteArray(_)
        | Kind::Set(_)
        | Kind::Dict(_)
        | Kind::OrderedDict(_)
        | Kind::DefaultDict(..)
        | Kind::Array(_)
        | Kind::Deque(..)
        | Kind::Object(_) => true,
        _ => false,
    }
}

fn tagged(out: &mut impl Write, tag: &str, bytes: &[u8]) -> io::Result<()> {
    write!(out, "{{\"{tag}\":")?;
    write_base64(out, bytes)?;
    out.write_all(b"}")
}

fn list<'a>(
    out: &mut impl Write,
    open: &'static str,
    items: &Items<'a>,
    of: Option<NodeId>,
    end: End,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    tasks.extend(of.map(|of| Task::Members(Rest::of_items(items, of, end))));
    out.write_all(open.as_bytes())
}

fn dict<'a>(
    out: &mut impl Write,
    open: &'static str,
    entries: &Entries<'a>,
    of: Option<NodeId>,
    end: End,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    tasks.extend(of.map(|of| Task::Members(Rest::of_entries(entries, of, end))));
    out.write_all(open.as_bytes())
}

/// Writes the part that a datetime and a time have in common, to the end.
fn clock<'a>(
    out: &mut impl Write,
    time: Time<'a>,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    let Time { hour, minute, second, microsecond, fold, zone } = time;
    write!(out, "{hour},{minute},{second},{microsecond},{},", u8::from(fold))?;
    tasks.push(Task::Text("]}"));
    tasks.push(zone.map_or(Task::Text("null"), Task::of));
    Ok(())
}

fn global(out: &mut impl Write, global: Global<'_>) -> io::Result<()> {
    out.write_all(b"{\"global\":[")?;
    write_lossy(out, global.module)?;
    out.write_all(b",")?;
    write_lossy(out, global.name)?;
    out.write_all(b"]}")
}

/// Writes the part of an array after its dtype, up to its items.
fn array_body<'a>(
    out: &mut impl Write,
    array: &Array<'a>,
    node: Option<NodeId>,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    let order = if array.fortran_order() { "F" } else { "C" };
    out.write_all(b",\"shape\":")?;
    shape(out, array.shape())?;
    write!(out, ",\"order\":\"{order}\",")?;
    let end = match (array.mask(), node) {
        (Some(_), Some(node)) => Task::Own(Own::ArrayEnd(node)),
        _ => Task::Text("}}"),
    };
    tasks.push(end);
    match array.data() {
        Data::Bytes(bytes) => {
            out.write_all(b"\"data\":")?;
            write_base64(out, bytes)
        }
        Data::Items(items) => {
            tasks.push(Task::Text("]"));
            tasks.push(Task::Own(Own::ArrayItems(Box::new(items.clone()), true)));
            out.write_all(b"\"items\":[")
        }
    }
}

/// Writes the part of an array after its items.
fn array_end<'a>(
    out: &mut impl Write,
    array: &Array<'a>,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    tasks.push(Task::Text("}}"));
    let Some(mask) = array.mask() else {
        return Ok(());
    };
    out.write_all(b",\"mask\":")?;
    write_base64(out, &mask.mask)?;
    out.write_all(b",\"fill_value\":")?;
    tasks.push(Task::of(mask.fill_value));
    Ok(())
}

/// Writes the next part that a call has.
fn call_part<'a>(
    out: &mut impl Write,
    value: Element<'a>,
    mut part: Part,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    let (Some(object), Some(node)) = (value.object(), value.identity()) else { return Ok(()) };
    let is_empty = |kwargs: &Element<'_>| matches!(kwargs.kind(), Kind::Dict(it) if it.len() == 0);
    let unnumbered =
        |value: Element<'a>| value.untyped().map(|node| Task::Own(Own::Unnumbered(node)));
    loop {
        let (open, items, next) = match part {
            Part::Args => {
                tasks.push(Task::Own(Own::Call(node, Part::Kwargs)));
                tasks.extend(unnumbered(object.args()));
                return out.write_all(b",\"args\":");
            }
            Part::Kwargs => {
                let kwargs = object.kwargs().filter(|kwargs| !is_empty(kwargs));
                if let Some(kwargs) = kwargs.and_then(unnumbered) {
                    tasks.extend([Task::Own(Own::Call(node, Part::States)), kwargs]);
                    return out.write_all(b",\"kwargs\":");
                }
                part = Part::States;
                continue;
            }
            Part::States => (",\"state\":[", object.states(), Part::Appended),
            Part::Appended => (",\"appended\":[", object.appended(), Part::Added),
            Part::Added => (",\"added\":[", object.added(), Part::Items),
            Part::Items => {
                let entries = object.items();
                if entries.len() > 0 {
                    let end = End::Call(Part::End);
                    return dict(out, ",\"items\":[", &entries, Some(node), end, tasks);
                }
                return out.write_all(b"}}");
            }
            Part::End => return out.write_all(b"}}"),
        };
        if items.len() > 0 {
            return list(out, open, &items, Some(node), End::Call(next), tasks);
        }
        part = next;
    }
}

/// Writes a dtype, with the object that stands for a missing str if it has one.
fn item_type<'a>(
    out: &mut impl Write,
    item: &ItemType,
    na_object: Option<Element<'a>>,
    close: &'static str,
    tasks: &mut Tasks<'a, TypedJson>,
) -> io::Result<()> {
    tasks.push(Task::Text(close));
    match (item, na_object) {
        (ItemType::String { coerce, .. }, Some(na_object)) => {
            tasks.extend([Task::Text("}}"), Task::of(na_object)]);
            write!(out, "{{\"string\":{{\"coerce\":{coerce},\"na_object\":")
        }
        _ => write_item_type(out, item),
    }
}

/// Writes a dtype that has no object for a missing str.
fn write_item_type(out: &mut impl Write, item: &ItemType) -> io::Result<()> {
    match item {
        ItemType::Plain(dtype) => write_dtype(out, dtype),
        ItemType::String { coerce, .. } => {
            write!(out, "{{\"string\":{{\"coerce\":{coerce}}}}}")
        }
    }
}

/// Writes the line of a header, without a newline.
///
/// Fails only where `out` does.
pub fn write_header(out: &mut impl Write, header: &Header) -> io::Result<()> {
    write!(out, "{{\"header\":{{\"version\":[{},0],\"descr\":", header.version.major())?;
    write_dtype(out, &header.dtype)?;
    write!(out, ",\"fortran_order\":{},\"shape\":", header.fortran_order)?;
    shape(out, &header.shape)?;
    out.write_all(b"}}")
}

/// Writes a dtype in typed JSON.
///
/// Fails only where `out` does.
pub fn write_dtype(out: &mut impl Write, dtype: &DType) -> io::Result<()> {
    // The depth of a dtype is limited, so this may recurse.
    match dtype {
        DType::Scalar(scalar) => write!(out, "\"{scalar}\""),
        DType::Subarray(subarray) => {
            out.write_all(b"{\"base\":")?;
            write_dtype(out, subarray.base())?;
            out.write_all(b",\"shape\":")?;
            shape(out, subarray.shape())?;
            out.write_all(b"}")
        }
        DType::Struct(record) => {
            out.write_all(b"{\"fields\":[")?;
            for (index, Field { name, title, dtype, offset }) in record.fields().iter().enumerate()
            {
                comma(out, index == 0)?;
                out.write_all(b"{\"name\":")?;
                write_str(out, name)?;
                if let Some(title) = title {
                    out.write_all(b",\"title\":")?;
                    write_str(out, title)?;
                }
                out.write_all(b",\"dtype\":")?;
                write_dtype(out, dtype)?;
                write!(out, ",\"offset\":{offset}}}")?;
            }
            write!(out, "],\"itemsize\":{}}}", record.itemsize())
        }
    }
}

fn shape(out: &mut impl Write, lengths: &[usize]) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, length) in lengths.iter().enumerate() {
        comma(out, index == 0)?;
        write!(out, "{length}")?;
    }
    out.write_all(b"]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_takes_24_bytes() {
        assert!(size_of::<Task<'_, TypedJson>>() <= 24);
    }
}
