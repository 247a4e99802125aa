//! Typed JSON: see `spec/typed-json.md`.

use std::collections::HashMap;
use std::io::{self, Write};

use npy_header::{DType, Field, Header};
use pickle_stream::{Construct, Global, NodeId, ValueRef};

use super::{comma, write_base64, write_str};
use crate::container::Member;
use crate::value::array::{Array, ArrayItems, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::{Entries, Items, Kind, Object};
use crate::value::time::{Date, Time};

/// Writes elements as typed JSON. One writer can write any number of them.
#[derive(Debug, Default)]
pub struct TypedJson {
    /// The numbers of the objects of the line that have an identity.
    numbers: HashMap<NodeId, u64>,
    next: u64,
}

/// What is still to be written, last first.
enum Task<'a> {
    Text(&'static str),
    Value(Element<'a>),
    /// A value that is never numbered itself: the arguments of a call.
    Unnumbered(Element<'a>),
    Items {
        items: Items<'a>,
        first: bool,
    },
    ArrayItems {
        items: ArrayItems<'a>,
        first: bool,
    },
    Entries {
        entries: Entries<'a>,
        first: bool,
    },
    /// An array behind its dtype.
    ArrayBody(Box<Array<'a>>),
    /// An array behind its items.
    ArrayEnd(Box<Array<'a>>),
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
        self.run(out, vec![Task::Value(element)])
    }

    /// Writes a member of a container, without a newline: an entry as the key and the value in
    /// brackets.
    ///
    /// Fails only where `out` does.
    pub fn write_member(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let Member { key: Some(key), value } = member else { return self.write(out, member.value) };
        let (begin, end) = (Task::Text("["), Task::Text("]"));
        self.run(out, vec![end, Task::Value(value), Task::Text(","), Task::Value(key), begin])
    }

    /// Does the tasks, the last first.
    fn run<'a>(&mut self, out: &mut impl Write, mut tasks: Vec<Task<'a>>) -> io::Result<()> {
        self.numbers.clear();
        self.next = 0;
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(text) => out.write_all(text.as_bytes())?,
                Task::Value(value) => self.value(out, value, true, &mut tasks)?,
                Task::Unnumbered(value) => self.value(out, value, false, &mut tasks)?,
                Task::ArrayBody(array) => array_body(out, array, &mut tasks)?,
                Task::ArrayEnd(array) => array_end(out, &array, &mut tasks)?,
                Task::Items { mut items, first } => {
                    if let Some(item) = items.next() {
                        comma(out, first)?;
                        tasks.push(Task::Items { items, first: false });
                        tasks.push(Task::Value(item));
                    }
                }
                Task::ArrayItems { mut items, first } => {
                    if let Some(item) = items.next() {
                        comma(out, first)?;
                        tasks.push(Task::ArrayItems { items, first: false });
                        tasks.push(Task::Value(item));
                    }
                }
                Task::Entries { mut entries, first } => {
                    if let Some((key, value)) = entries.next() {
                        comma(out, first)?;
                        out.write_all(b"[")?;
                        tasks.push(Task::Entries { entries, first: false });
                        tasks.push(Task::Text("]"));
                        tasks.push(Task::Value(value));
                        tasks.push(Task::Text(","));
                        tasks.push(Task::Value(key));
                    }
                }
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
        tasks: &mut Vec<Task<'a>>,
    ) -> io::Result<bool> {
        // A row of an array without objects is met once.
        let Some(id) = value.identity().filter(|_| numbered) else {
            self.next += u64::from(numbered);
            return Ok(true);
        };
        if let Some(number) = self.numbers.get(&id) {
            write!(out, "{{\"ref\":{number}}}")?;
            return Ok(false);
        }
        self.numbers.insert(id, self.next);
        self.next += 1;
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
        tasks: &mut Vec<Task<'a>>,
    ) -> io::Result<()> {
        let kind = value.kind();
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
            Kind::List(items) => list(out, "[", items, "]", tasks),
            Kind::Tuple(items) => list(out, "{\"tuple\":[", items, "]}", tasks),
            Kind::Set(items) => list(out, "{\"set\":[", items, "]}", tasks),
            Kind::FrozenSet(items) => list(out, "{\"frozenset\":[", items, "]}", tasks),
            Kind::Dict(entries) => dict(out, "{\"dict\":[", entries, "]}", tasks),
            Kind::OrderedDict(entries) => dict(out, "{\"ordereddict\":[", entries, "]}", tasks),
            Kind::DefaultDict(factory, entries) => {
                out.write_all(b"{\"defaultdict\":[")?;
                match factory {
                    Some(factory) => global(out, factory)?,
                    None => out.write_all(b"null")?,
                }
                dict(out, ",[", entries, "]]}", tasks)
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
                let (item, na_object) = (array.item().clone(), array.na_object());
                tasks.push(Task::ArrayBody(array));
                item_type(out, &item, na_object, "", tasks)
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
                    tasks.push(Task::Value(value));
                    if index > 0 {
                        tasks.push(Task::Text(","));
                    }
                }
                Ok(())
            }
            Kind::DType(item) => {
                out.write_all(b"{\"dtype\":")?;
                item_type(out, &item, crate::value::dtype::na_object(value), "}", tasks)
            }
            Kind::Global(name) => global(out, name),
            Kind::Object(value) => object(out, value, tasks),
            // As the call that makes it.
            Kind::Deque(..) => match value.object() {
                Some(value) => object(out, value, tasks),
                None => unreachable!("a deque is a call"),
            },
            Kind::PersistentId(id) => {
                out.write_all(b"{\"persistent\":")?;
                tasks.extend([Task::Text("}"), Task::Value(id)]);
                Ok(())
            }
            Kind::Extension(code) => write!(out, "{{\"extension\":{code}}}"),
            Kind::Buffer(index) => write!(out, "{{\"buffer\":{index}}}"),
            Kind::Root => out.write_all(b"{\"root\":true}"),
        }
    }
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
    items: Items<'a>,
    close: &'static str,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    tasks.extend([Task::Text(close), Task::Items { items, first: true }]);
    out.write_all(open.as_bytes())
}

fn dict<'a>(
    out: &mut impl Write,
    open: &'static str,
    entries: Entries<'a>,
    close: &'static str,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    tasks.extend([Task::Text(close), Task::Entries { entries, first: true }]);
    out.write_all(open.as_bytes())
}

/// The part that a datetime and a time have in common, to the end.
fn clock<'a>(out: &mut impl Write, time: Time<'a>, tasks: &mut Vec<Task<'a>>) -> io::Result<()> {
    let Time { hour, minute, second, microsecond, fold, zone } = time;
    write!(out, "{hour},{minute},{second},{microsecond},{},", u8::from(fold))?;
    tasks.push(Task::Text("]}"));
    tasks.push(zone.map_or(Task::Text("null"), Task::Value));
    Ok(())
}

fn global(out: &mut impl Write, global: Global<'_>) -> io::Result<()> {
    out.write_all(b"{\"global\":[")?;
    write_str(out, &global.module.to_string_lossy())?;
    out.write_all(b",")?;
    write_str(out, &global.name.to_string_lossy())?;
    out.write_all(b"]}")
}

/// The part of an array behind its dtype, up to its items.
fn array_body<'a>(
    out: &mut impl Write,
    array: Box<Array<'a>>,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    let order = if array.fortran_order() { "F" } else { "C" };
    out.write_all(b",\"shape\":")?;
    shape(out, array.shape())?;
    write!(out, ",\"order\":\"{order}\",")?;
    match array.data() {
        Data::Bytes(bytes) => {
            out.write_all(b"\"data\":")?;
            write_base64(out, bytes)?;
            tasks.push(Task::ArrayEnd(array));
        }
        Data::Items(items) => {
            out.write_all(b"\"items\":[")?;
            let items = items.clone();
            tasks.extend([Task::ArrayEnd(array), Task::Text("]")]);
            tasks.push(Task::ArrayItems { items, first: true });
        }
    }
    Ok(())
}

/// The part of an array behind its items.
fn array_end<'a>(
    out: &mut impl Write,
    array: &Array<'a>,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    tasks.push(Task::Text("}}"));
    let Some(mask) = array.mask() else {
        return Ok(());
    };
    out.write_all(b",\"mask\":")?;
    write_base64(out, &mask.mask)?;
    out.write_all(b",\"fill_value\":")?;
    tasks.push(Task::Value(mask.fill_value));
    Ok(())
}

fn object<'a>(
    out: &mut impl Write,
    object: Object<'a>,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    let verb = match object.construct() {
        Construct::Call => "call",
        Construct::New => "new",
    };
    write!(out, "{{\"{verb}\":{{\"callable\":")?;
    let mut parts = vec![
        Task::Value(object.callable()),
        Task::Text(",\"args\":"),
        Task::Unnumbered(object.args()),
    ];
    let is_empty = |kwargs: &Element<'_>| matches!(kwargs.kind(), Kind::Dict(it) if it.len() == 0);
    if let Some(kwargs) = object.kwargs().filter(|kwargs| !is_empty(kwargs)) {
        parts.extend([Task::Text(",\"kwargs\":"), Task::Unnumbered(kwargs)]);
    }
    let lists = [
        (",\"state\":[", object.states()),
        (",\"appended\":[", object.appended()),
        (",\"added\":[", object.added()),
    ];
    for (open, items) in lists {
        if items.len() > 0 {
            parts.extend([Task::Text(open), Task::Items { items, first: true }, Task::Text("]")]);
        }
    }
    let entries = object.items();
    if entries.len() > 0 {
        parts.push(Task::Text(",\"items\":["));
        parts.extend([Task::Entries { entries, first: true }, Task::Text("]")]);
    }
    parts.push(Task::Text("}}"));
    tasks.extend(parts.into_iter().rev());
    Ok(())
}

fn item_type<'a>(
    out: &mut impl Write,
    item: &ItemType,
    na_object: Option<Element<'a>>,
    close: &'static str,
    tasks: &mut Vec<Task<'a>>,
) -> io::Result<()> {
    tasks.push(Task::Text(close));
    match (item, na_object) {
        (ItemType::Plain(dtype), _) => write_dtype(out, dtype),
        (ItemType::String { coerce, .. }, None) => {
            write!(out, "{{\"string\":{{\"coerce\":{coerce}}}}}")
        }
        (ItemType::String { coerce, .. }, Some(na_object)) => {
            tasks.extend([Task::Text("}}"), Task::Value(na_object)]);
            write!(out, "{{\"string\":{{\"coerce\":{coerce},\"na_object\":")
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
