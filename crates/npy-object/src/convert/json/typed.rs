//! Typed JSON: see `spec/typed-json.md`.

use std::io::{self, Write};

use npy_header::{DType, Field, Header};
use pickle_stream::{Construct, Global, NodeId, NodeMap, ValueRef};

use super::stack::{Next, Rest, Stack};
use super::{comma, write_base64, write_lossy, write_str};
use crate::nested::container::Member;
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
    /// One more than the numbers of the objects of the line that have an identity.
    numbers: NodeMap<u32>,
    next: u32,
}

/// What is still to be written, last first. There can be as many as an element is deep, so they are
/// small: values are nodes, and what is seldom met is in a box.
enum Task<'a> {
    Text(&'static str),
    Value(NodeId),
    /// A value that does not say itself what it is.
    Typed(Box<Element<'a>>),
    /// A value that is never numbered itself: the arguments of a call.
    Unnumbered(NodeId),
    Members(Rest<End>),
    ArrayItems(Box<ArrayItems<'a>>, bool),
    /// The next part of a call.
    Call(NodeId, Part),
    /// An array behind its dtype.
    ArrayBody(NodeId),
    /// An array behind its items.
    ArrayEnd(NodeId),
}

/// What comes after members.
#[derive(Clone, Copy)]
enum End {
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
enum Part {
    Args,
    Kwargs,
    States,
    Appended,
    Added,
    Items,
    End,
}

impl<'a> Task<'a> {
    fn of(value: Element<'a>) -> Task<'a> {
        value.untyped().map_or_else(|| Task::Typed(Box::new(value)), Task::Value)
    }
}

impl TypedJson {
    /// A writer.
    pub fn new() -> TypedJson {
        TypedJson::default()
    }

    /// Writes an element, without a newline.
    ///
    /// Fails only where `out` does.
    pub fn write(&mut self, out: &mut impl Write, element: Element<'_>) -> io::Result<()> {
        self.begin_line(element);
        self.run(out, element)
    }

    /// Writes a member of a container, without a newline: an entry as the key and the value in
    /// brackets.
    ///
    /// Fails only where `out` does.
    pub fn write_member(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let Member { key: Some(key), value } = member else { return self.write(out, member.value) };
        self.begin_line(value);
        out.write_all(b"[")?;
        self.run(out, key)?;
        out.write_all(b",")?;
        self.run(out, value)?;
        out.write_all(b"]")
    }

    fn begin_line(&mut self, element: Element<'_>) {
        if let Some(value) = element.value() {
            self.numbers.reset(value);
        }
        self.next = 0;
    }

    /// Writes a value.
    fn run<'a>(&mut self, out: &mut impl Write, root: Element<'a>) -> io::Result<()> {
        let mut tasks = Stack::of(Task::of(root));
        let at = |node| root.at(node).expect("only values have nodes");
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(text) => out.write_all(text.as_bytes())?,
                Task::Value(node) => self.value(out, at(node), true, &mut tasks)?,
                Task::Typed(value) => self.value(out, *value, true, &mut tasks)?,
                Task::Unnumbered(node) => self.value(out, at(node), false, &mut tasks)?,
                Task::ArrayBody(node) => {
                    if let Kind::Array(array) = at(node).kind() {
                        array_body(out, &array, Some(node), &mut tasks)?;
                    }
                }
                Task::ArrayEnd(node) => {
                    if let Kind::Array(array) = at(node).kind() {
                        array_end(out, &array, &mut tasks)?;
                    }
                }
                Task::ArrayItems(mut items, first) => {
                    if let Some(item) = items.next() {
                        comma(out, first)?;
                        tasks.extend([Task::ArrayItems(items, false), Task::of(item)]);
                    }
                }
                Task::Call(node, part) => call_part(out, at(node), part, &mut tasks)?,
                Task::Members(mut rest) => match rest.next(root) {
                    Some(next) => {
                        comma(out, rest.first)?;
                        rest.first = false;
                        tasks.push(Task::Members(rest));
                        match next {
                            Next::Item(item) => tasks.push(Task::of(item)),
                            Next::Entry(key, value) => {
                                out.write_all(b"[")?;
                                tasks.extend([Task::Text("]"), Task::of(value)]);
                                tasks.extend([Task::Text(","), Task::of(key)]);
                            }
                        }
                    }
                    None => match rest.end {
                        End::List => out.write_all(b"]")?,
                        End::Tagged => out.write_all(b"]}")?,
                        End::DefaultDict => out.write_all(b"]]}")?,
                        End::Call(part) => {
                            out.write_all(b"]")?;
                            call_part(out, at(rest.of), part, &mut tasks)?;
                        }
                    },
                },
            }
        }
        Ok(())
    }

    /// Gives a value its number, or writes a reference to it where it has one already; then
    /// `false`. What other elements have too is marked.
    fn begin<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        numbered: bool,
        tasks: &mut Stack<Task<'a>>,
    ) -> io::Result<bool> {
        // A row of an array without objects is met once.
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
        if let Some(entry) = value.value().and_then(ValueRef::memo_entry) {
            write!(out, "{{\"shared\":[{entry},")?;
            tasks.push(Task::Text("]}"));
        }
        Ok(true)
    }

    fn value<'a>(
        &mut self,
        out: &mut impl Write,
        value: Element<'a>,
        numbered: bool,
        tasks: &mut Stack<Task<'a>>,
    ) -> io::Result<()> {
        let kind = value.kind();
        // Only arrays and scalars, of rows, are no nodes.
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
                        tasks.push(Task::ArrayBody(node));
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
            // As the call that makes it.
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

/// Writes the call that makes an object, up to what is called.
fn object<'a>(
    out: &mut impl Write,
    object: Object<'a>,
    node: Option<NodeId>,
    tasks: &mut Stack<Task<'a>>,
) -> io::Result<()> {
    let verb = match object.construct() {
        Construct::Call => "call",
        Construct::New => "new",
    };
    write!(out, "{{\"{verb}\":{{\"callable\":")?;
    tasks.extend(node.map(|node| Task::Call(node, Part::Args)));
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
    tasks: &mut Stack<Task<'a>>,
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
    tasks: &mut Stack<Task<'a>>,
) -> io::Result<()> {
    tasks.extend(of.map(|of| Task::Members(Rest::of_entries(entries, of, end))));
    out.write_all(open.as_bytes())
}

/// The part that a datetime and a time have in common, to the end.
fn clock<'a>(out: &mut impl Write, time: Time<'a>, tasks: &mut Stack<Task<'a>>) -> io::Result<()> {
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

/// The part of an array behind its dtype, up to its items.
fn array_body<'a>(
    out: &mut impl Write,
    array: &Array<'a>,
    node: Option<NodeId>,
    tasks: &mut Stack<Task<'a>>,
) -> io::Result<()> {
    let order = if array.fortran_order() { "F" } else { "C" };
    out.write_all(b",\"shape\":")?;
    shape(out, array.shape())?;
    write!(out, ",\"order\":\"{order}\",")?;
    let end = match (array.mask(), node) {
        (Some(_), Some(node)) => Task::ArrayEnd(node),
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
            tasks.push(Task::ArrayItems(Box::new(items.clone()), true));
            out.write_all(b"\"items\":[")
        }
    }
}

/// The part of an array behind its items.
fn array_end<'a>(
    out: &mut impl Write,
    array: &Array<'a>,
    tasks: &mut Stack<Task<'a>>,
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
    tasks: &mut Stack<Task<'a>>,
) -> io::Result<()> {
    let (Some(object), Some(node)) = (value.object(), value.identity()) else { return Ok(()) };
    let is_empty = |kwargs: &Element<'_>| matches!(kwargs.kind(), Kind::Dict(it) if it.len() == 0);
    let unnumbered = |value: Element<'a>| value.untyped().map(Task::Unnumbered);
    loop {
        let (open, items, next) = match part {
            Part::Args => {
                tasks.push(Task::Call(node, Part::Kwargs));
                tasks.extend(unnumbered(object.args()));
                return out.write_all(b",\"args\":");
            }
            Part::Kwargs => {
                let kwargs = object.kwargs().filter(|kwargs| !is_empty(kwargs));
                if let Some(kwargs) = kwargs.and_then(unnumbered) {
                    tasks.extend([Task::Call(node, Part::States), kwargs]);
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

fn item_type<'a>(
    out: &mut impl Write,
    item: &ItemType,
    na_object: Option<Element<'a>>,
    close: &'static str,
    tasks: &mut Stack<Task<'a>>,
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

/// A dtype without an object that stands for a missing str.
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

/// Writes a dtype as typed JSON has it.
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
    fn task_stays_small() {
        assert!(size_of::<Task<'_>>() <= 24);
    }
}
