//! Typed JSON to elements: the inverse of [`typed`](super::typed), which has the table of types.
//!
//! Fails with clause `access.json` where a line is not typed JSON, and with `access.depth` where it
//! is nested more than 1,000 deep. `spec/typed-json.md` specifies the form.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use npy_header::{DType, Field, Header, Struct, Version};
use num_bigint::{BigInt, BigUint, Sign};
use pickle_stream::{Builder, Construct, NodeId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::untyped::{self, Form, expected, malformed};
use crate::error::{Error, Result};
use crate::value::globals::ArrayClass;
use crate::write::numpy;
use crate::write::writer::ArrayWriter;

/// The greatest depth of nested lines. They are read by recursion.
const DEPTH: usize = 1000;

/// Reads the line of a header; `None` for any other line.
///
/// Fails with clause `access.json` where the line is not JSON, or is an invalid header.
pub fn read_header(line: &str) -> Result<Option<Header>> {
    let line = parse(line)?;
    let Some(header) = tag(&line, "header").filter(|header| header.is_object()) else {
        return Ok(None);
    };
    let version = member(header, "version")?;
    let version = match version.get(0).and_then(Value::as_i64) {
        Some(1) => Version::V1,
        Some(2) => Version::V2,
        Some(3) => Version::V3,
        _ => return Err(expected("a version of 1, 2 or 3", &version.to_string())),
    };
    let dtype = read_dtype(member(header, "descr")?)?;
    let fortran_order = member(header, "fortran_order")?;
    let fortran_order =
        fortran_order.as_bool().ok_or_else(|| expected("a bool", &fortran_order.to_string()))?;
    let shape = lengths(member(header, "shape")?)?;
    Ok(Some(Header { version, ..Header::new(dtype, fortran_order, shape) }))
}

/// A reader of lines of typed JSON, each of which is an element that it appends to an array.
///
/// ```
/// use std::io::Cursor;
/// use npy_object::json::ElementReader;
/// use npy_object::{Options, WriteOptions};
///
/// let mut file = Cursor::new(Vec::new());
/// let mut writer = WriteOptions::new().write_to(&mut file)?;
/// let mut reader = ElementReader::new();
/// for line in ["[1, 2]", r#"{"tuple": ["a", null]}"#] {
///     reader.append(&mut writer, line)?;
/// }
/// writer.finish()?;
/// let array = Options::new().open(file.into_inner())?;
/// assert_eq!(array.len(), 2);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ElementReader {
    /// Whether lines may be plain JSON.
    plain: bool,
    /// The form of the lines before, where it is known.
    form: Option<Form>,
    /// The memo entries of the objects that several lines have, by their numbers in `shared`.
    shared: HashMap<u64, u64>,
}

impl ElementReader {
    /// Returns a reader that has read no line.
    pub fn new() -> ElementReader {
        ElementReader::default()
    }

    /// Also reads plain JSON: objects are dicts, and numbers with a fraction or an exponent are floats.
    /// An object of one member that has the name of a type, such as `{"tuple": [1]}`, is typed JSON.
    /// All lines are of one form.
    ///
    /// ```
    /// use npy_object::json::ElementReader;
    /// use npy_object::{Options, WriteOptions};
    ///
    /// let mut file = std::io::Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// let mut reader = ElementReader::new().accept_plain();
    /// reader.append(&mut writer, r#"{"id": 7, "values": [0.5, null]}"#)?;
    /// assert!(reader.append(&mut writer, r#"{"tuple": [1]}"#).is_err());
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    #[must_use]
    pub fn accept_plain(self) -> ElementReader {
        ElementReader { plain: true, ..self }
    }

    /// Appends the element of a line. If that fails, nothing is written.
    ///
    /// Fails with clause `access.json` where the line is not JSON of the form, with clause `access.depth`
    /// where it is nested more than 1,000 deep, and as [`ArrayWriter::append`] does.
    pub fn append(&mut self, writer: &mut ArrayWriter<'_>, line: &str) -> Result<()> {
        let text = line;
        let line = parse(line)?;
        if self.plain {
            let form = Form::of(&line)?;
            self.form = self.form.map_or(Ok(form), |before| before.and(form, &line).map(Some))?;
            if form == Some(Form::Plain) {
                return writer.append_with(|build| untyped::build(build, text));
            }
        }
        let (root, mut marked) = (writer.root(), Vec::new());
        writer.append_with(|build| {
            let mut reader = Reader {
                build,
                root,
                numbered: Vec::new(),
                shared: &self.shared,
                marked: &mut marked,
            };
            reader.value(&line)
        })?;
        // An object that was written before is not written again, nor is what it contains.
        let written = |(mark, made)| Some((mark, writer.entry_of(made)?));
        self.shared.extend(marked.into_iter().filter_map(written));
        Ok(())
    }
}

pub(super) fn parse(line: &str) -> Result<Value> {
    let (mut depth, mut most, mut in_text, mut escaped) = (0usize, 0, false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if most > DEPTH {
        let message = format!("JSON nested {most} deep; the limit is {DEPTH}");
        return Err(Error::over_limit(DEPTH as u64, "access.depth", None, message));
    }
    let mut reader = serde_json::Deserializer::from_str(line);
    reader.disable_recursion_limit();
    let value = Value::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| malformed(format!("column {}: {error}", error.column())))
}

struct Reader<'b> {
    build: &'b mut Builder,
    /// The memo entry of the array itself.
    root: u64,
    /// The objects of the line that have an identity; `None` for one that is not finished and that
    /// no `ref` names yet.
    numbered: Vec<Option<NodeId>>,
    /// The memo entries of the objects that earlier lines have, by their numbers in `shared`.
    shared: &'b HashMap<u64, u64>,
    /// The objects of this line that no earlier line has, by their numbers in `shared`.
    marked: &'b mut Vec<(u64, NodeId)>,
}

impl Reader<'_> {
    fn value(&mut self, value: &Value) -> Result<NodeId> {
        let build = &mut *self.build;
        Ok(match value {
            Value::Null => build.none(),
            Value::Bool(value) => build.bool(*value),
            Value::Number(number) => {
                let int = number.as_i64().ok_or_else(|| expected("an int", &number.to_string()))?;
                build.int(int)?
            }
            Value::String(text) => build.str(text)?,
            Value::Array(items) => {
                let number = self.begin();
                let list = self.build.list(&[])?;
                self.numbered[number] = Some(list);
                let items = self.values(items)?;
                self.build.extend(list, &items)?;
                list
            }
            Value::Object(object) => {
                let (name, value) = single(object)?;
                self.tagged(name, value)?
            }
        })
    }

    fn values(&mut self, values: &[Value]) -> Result<Vec<NodeId>> {
        values.iter().map(|value| self.value(value)).collect()
    }

    /// Reads entries: keys and values in turn.
    fn entries(&mut self, entries: &Value) -> Result<Vec<NodeId>> {
        let mut parts = Vec::new();
        for entry in array(entries)? {
            let [key, value] = array_of(entry)?;
            parts.extend([self.value(key)?, self.value(value)?]);
        }
        Ok(parts)
    }

    /// Numbers the object that begins here.
    fn begin(&mut self) -> usize {
        self.numbered.push(None);
        self.numbered.len() - 1
    }

    /// Sets the object of a number. If the object contains itself, a node was reserved for it.
    fn end(&mut self, number: usize, made: NodeId) -> NodeId {
        if let Some(reserved) = self.numbered[number] {
            self.build.fill(reserved, made);
            return reserved;
        }
        self.numbered[number] = Some(made);
        made
    }

    fn tagged(&mut self, name: &str, value: &Value) -> Result<NodeId> {
        let build = &mut *self.build;
        Ok(match name {
            "int" => build.big_int(&int(text(value)?)?)?,
            "float" => build.float(float(value)?)?,
            "complex" => {
                let [real, imaginary] = array_of(value)?;
                let parts = [build.float(float(real)?)?, build.float(float(imaginary)?)?];
                let class = build.global("builtins", "complex")?;
                build.call(class, &parts)?
            }
            "str" => build.str_with_surrogates(&bytes(value)?)?,
            "bytes" => build.bytes(&bytes(value)?)?,
            "bytearray" => {
                let made = build.byte_array(&bytes(value)?)?;
                let number = self.begin();
                self.end(number, made)
            }
            "tuple" if array(value)?.is_empty() => build.tuple(&[])?,
            "frozenset" if array(value)?.is_empty() => build.frozenset(&[])?,
            "tuple" => {
                let number = self.begin();
                let items = self.values(array(value)?)?;
                let made = self.build.tuple(&items)?;
                self.end(number, made)
            }
            "frozenset" => {
                let number = self.begin();
                let items = self.values(array(value)?)?;
                let made = self.build.frozenset(&items)?;
                self.end(number, made)
            }
            "set" => {
                let number = self.begin();
                let set = self.build.set(&[])?;
                self.end(number, set);
                let items = self.values(array(value)?)?;
                self.build.extend(set, &items)?;
                set
            }
            "dict" => {
                let number = self.begin();
                let dict = self.build.dict(&[])?;
                self.end(number, dict);
                let entries = self.entries(value)?;
                self.build.extend(dict, &entries)?;
                dict
            }
            "ordereddict" => {
                let class = build.global("collections", "OrderedDict")?;
                self.filled(class, &[], value)?
            }
            "defaultdict" => {
                let [factory, entries] = array_of(value)?;
                let class = build.global("collections", "defaultdict")?;
                let number = self.begin();
                let args = match factory {
                    Value::Null => Vec::new(),
                    factory => vec![self.value(factory)?],
                };
                self.filled_as(number, class, &args, entries)?
            }
            "datetime" => {
                let [year, month, day, hour, minute, second, micro, fold, zone] = array_of(value)?;
                let mut state = date(year, month, day)?;
                state.extend(time([hour, minute, second, micro])?);
                state[2] |= (number(fold)? as u8) << 7;
                self.moment("datetime", &state, zone)?
            }
            "time" => {
                let [hour, minute, second, micro, fold, zone] = array_of(value)?;
                let mut state = time([hour, minute, second, micro])?;
                state[0] |= (number(fold)? as u8) << 7;
                self.moment("time", &state, zone)?
            }
            "date" => {
                let [year, month, day] = array_of(value)?;
                self.moment("date", &date(year, month, day)?, &Value::Null)?
            }
            "timedelta" => {
                let parts: [&Value; 3] = array_of(value)?;
                let class = build.global("datetime", "timedelta")?;
                let parts = [
                    build.int(number(parts[0])?)?,
                    build.int(number(parts[1])?)?,
                    build.int(number(parts[2])?)?,
                ];
                build.call(class, &parts)?
            }
            "decimal" => {
                let (class, digits) = (build.global("decimal", "Decimal")?, text(value)?);
                let digits = build.str(digits)?;
                build.call(class, &[digits])?
            }
            "scalar" => {
                let dtype = read_dtype(member(value, "dtype")?)?;
                numpy::scalar(build, &dtype, &bytes(member(value, "data")?)?)?
            }
            "dtype" => self.dtype(value)?,
            "array" => self.array(value)?,
            // An item of an array with objects in its fields is pickled as a tuple.
            "record" => {
                let fields = self.values(array(value)?)?;
                self.build.tuple(&fields)?
            }
            "global" => {
                let [module, name] = array_of(value)?;
                build.global(text(module)?, text(name)?)?
            }
            "call" => self.object(Construct::Call, value)?,
            "new" => self.object(Construct::New, value)?,
            "persistent" => {
                let id = self.value(value)?;
                self.build.persistent_id(id)?
            }
            "extension" => {
                let code = i32::try_from(number(value)?)
                    .map_err(|_| expected("an int of 32 bits", &value.to_string()))?;
                build.extension(code)?
            }
            "ref" => {
                let at = usize::try_from(number(value)?).unwrap_or(usize::MAX);
                let slot = self.numbered.get_mut(at).ok_or_else(|| {
                    malformed(format!("{{\"ref\":{at}}} comes before the object that it names"))
                })?;
                match *slot {
                    Some(made) => made,
                    None => *slot.insert(build.reserve()?),
                }
            }
            "shared" => {
                let [mark, value] = array_of(value)?;
                let number =
                    mark.as_u64().ok_or_else(|| expected("an int from 0 on", &mark.to_string()))?;
                self.shared(number, value)?
            }
            "root" => build.outer(self.root)?,
            other => return Err(expected("a type of typed JSON", &format!("{other:?}"))),
        })
    }

    /// Reads an object that other lines have too; `mark` is its number in `shared`.
    fn shared(&mut self, mark: u64, value: &Value) -> Result<NodeId> {
        let number = self.numbered.len();
        let made = self.value(value)?;
        let Some(&entry) = self.shared.get(&mark) else {
            self.marked.push((mark, made));
            return Ok(made);
        };
        // It was written before. It was read only to number the objects in it.
        let written = self.build.outer(entry)?;
        if let Some(numbered) = self.numbered.get_mut(number) {
            *numbered = Some(written);
        }
        Ok(written)
    }

    /// Makes a call, and sets items on its result.
    fn filled(&mut self, class: NodeId, args: &[NodeId], entries: &Value) -> Result<NodeId> {
        let number = self.begin();
        self.filled_as(number, class, args, entries)
    }

    fn filled_as(
        &mut self,
        number: usize,
        class: NodeId,
        args: &[NodeId],
        entries: &Value,
    ) -> Result<NodeId> {
        let made = self.build.call(class, args)?;
        self.end(number, made);
        let entries = self.entries(entries)?;
        self.build.set_items(made, &entries)?;
        Ok(made)
    }

    /// Makes a date or time from its state, which is that of `datetime.__reduce__`.
    fn moment(&mut self, class: &str, state: &[u8], zone: &Value) -> Result<NodeId> {
        let mut args = vec![self.build.bytes(state)?];
        if !zone.is_null() {
            args.push(self.value(zone)?);
        }
        let class = self.build.global("datetime", class)?;
        Ok(self.build.call(class, &args)?)
    }

    fn dtype(&mut self, value: &Value) -> Result<NodeId> {
        let Some(options) = tag(value, "string") else {
            return Ok(numpy::dtype(self.build, &read_dtype(value)?)?);
        };
        let coerce = member(options, "coerce")?.as_bool().unwrap_or(true);
        let na_object = options.get("na_object").map(|value| self.value(value)).transpose()?;
        Ok(numpy::string_dtype(self.build, coerce, na_object)?)
    }

    fn array(&mut self, value: &Value) -> Result<NodeId> {
        let number = self.begin();
        let class = match value.get("class").map(text).transpose()? {
            None => ArrayClass::Array,
            Some(name) => {
                ArrayClass::named(name).ok_or_else(|| expected("an array class", name))?
            }
        };
        let shape = lengths(member(value, "shape")?)?;
        let fortran_order = member(value, "order")? == "F";
        let dtype = member(value, "dtype")?;
        if let (Some(data), None) = (value.get("data"), value.get("mask")) {
            let (dtype, data) = (read_dtype(dtype)?, bytes(data)?);
            let made = numpy::array(self.build, class, &dtype, &shape, fortran_order, &data)?;
            return Ok(self.end(number, made));
        }
        // It may be one of its own items.
        let made = numpy::new_array(self.build, class)?;
        self.end(number, made);
        let dtype = match class {
            ArrayClass::Record if dtype.get("fields").is_some() => {
                numpy::record_dtype(self.build, &read_dtype(dtype)?)?
            }
            _ => self.dtype(dtype)?,
        };
        let data = match value.get("data") {
            Some(data) => self.build.bytes(&bytes(data)?)?,
            None => {
                let items = self.values(array(member(value, "items")?)?)?;
                self.build.list(&items)?
            }
        };
        let mask = match value.get("mask") {
            None => None,
            Some(mask) => {
                let mask = self.build.bytes(&bytes(mask)?)?;
                Some([mask, self.value(member(value, "fill_value")?)?])
            }
        };
        numpy::set_state(self.build, made, dtype, &shape, fortran_order, data, mask)?;
        Ok(made)
    }

    fn object(&mut self, construct: Construct, value: &Value) -> Result<NodeId> {
        let number = self.begin();
        let callable = self.value(member(value, "callable")?)?;
        // The tuple of the arguments has no number.
        let args = member(value, "args")?;
        let args = tag(args, "tuple").ok_or_else(|| expected("a tuple", &args.to_string()))?;
        let args = self.values(array(args)?)?;
        let args = self.build.tuple(&args)?;
        let kwargs = match value.get("kwargs") {
            None => self.build.none(),
            Some(kwargs) => {
                let kwargs =
                    tag(kwargs, "dict").ok_or_else(|| expected("a dict", &kwargs.to_string()))?;
                let kwargs = self.entries(kwargs)?;
                self.build.dict(&kwargs)?
            }
        };
        let made = self.build.object(construct, callable, args, kwargs)?;
        let made = self.end(number, made);
        for state in value.get("state").map_or(Ok(&[][..]), array)? {
            let state = self.value(state)?;
            self.build.set_state(made, state)?;
        }
        let appended = self.values(value.get("appended").map_or(Ok(&[][..]), array)?)?;
        self.build.append(made, &appended)?;
        let added = self.values(value.get("added").map_or(Ok(&[][..]), array)?)?;
        self.build.add_items(made, &added)?;
        if let Some(items) = value.get("items") {
            let items = self.entries(items)?;
            self.build.set_items(made, &items)?;
        }
        Ok(made)
    }
}

/// Reads a dtype that a header can name.
pub(super) fn read_dtype(value: &Value) -> Result<DType> {
    if let Some(code) = value.as_str() {
        return Ok(code.parse::<DType>()?);
    }
    if let Some(base) = value.get("base") {
        return Ok(DType::subarray(read_dtype(base)?, lengths(member(value, "shape")?)?)?);
    }
    let field = |field: &Value| -> Result<Field> {
        Ok(Field {
            name: text(member(field, "name")?)?.to_owned(),
            title: field.get("title").map(text).transpose()?.map(str::to_owned),
            dtype: read_dtype(member(field, "dtype")?)?,
            offset: length(member(field, "offset")?)?,
        })
    };
    let fields = array(member(value, "fields")?)?.iter().map(field).collect::<Result<_>>()?;
    Ok(DType::Struct(Struct::new(fields, length(member(value, "itemsize")?)?)?))
}

fn date(year: &Value, month: &Value, day: &Value) -> Result<Vec<u8>> {
    let year = u16::try_from(number(year)?).map_err(|_| expected("a year", &year.to_string()))?;
    let [high, low] = year.to_be_bytes();
    Ok(vec![high, low, byte(month)?, byte(day)?])
}

fn time([hour, minute, second, micro]: [&Value; 4]) -> Result<Vec<u8>> {
    let micro =
        u32::try_from(number(micro)?).map_err(|_| expected("microseconds", &micro.to_string()))?;
    let mut state = vec![byte(hour)?, byte(minute)?, byte(second)?];
    state.extend(&micro.to_be_bytes()[1..]);
    Ok(state)
}

fn single(object: &Map<String, Value>) -> Result<(&str, &Value)> {
    match object.iter().next() {
        Some((name, value)) if object.len() == 1 => Ok((name, value)),
        _ => Err(expected("an object of one member", &Value::from(object.clone()).to_string())),
    }
}

/// Returns the value of the only member, if it has this name.
pub(super) fn tag<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object().filter(|object| object.len() == 1)?.get(name)
}

pub(super) fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value> {
    value.get(name).ok_or_else(|| expected(&format!("an object with {name:?}"), &value.to_string()))
}

fn array(value: &Value) -> Result<&[Value]> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| expected("a list", &value.to_string()))
}

fn array_of<const N: usize>(value: &Value) -> Result<[&Value; N]> {
    let items: Vec<&Value> = array(value)?.iter().collect();
    let found = items.len();
    let wrong = |_| malformed(format!("expected a list of {N} items, found {found}"));
    items.try_into().map_err(wrong)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| expected("a string", &value.to_string()))
}

/// Reads an int of decimal digits, or of hexadecimal ones after `0x`.
fn int(text: &str) -> Result<BigInt> {
    // Python's own limit: the time to read n decimal digits grows with the square of n.
    const MOST_DECIMAL: usize = 4300;
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (Sign::Minus, unsigned),
        None => (Sign::Plus, text),
    };
    let (digits, radix, most) = match unsigned.strip_prefix("0x") {
        Some(digits) => (digits, 16, usize::MAX),
        None => (unsigned, 10, MOST_DECIMAL),
    };
    let is_int = digits.len() <= most && digits.chars().all(|digit| digit.is_digit(radix));
    let magnitude = is_int.then(|| BigUint::parse_bytes(digits.as_bytes(), radix)).flatten();
    let int = magnitude.map(|magnitude| BigInt::from_biguint(sign, magnitude));
    int.ok_or_else(|| expected("an int of at most 4,300 digits", text))
}

fn number(value: &Value) -> Result<i64> {
    value.as_i64().ok_or_else(|| expected("an int", &value.to_string()))
}

fn byte(value: &Value) -> Result<u8> {
    u8::try_from(number(value)?).map_err(|_| expected("a number below 256", &value.to_string()))
}

fn length(value: &Value) -> Result<usize> {
    usize::try_from(number(value)?).map_err(|_| expected("a length", &value.to_string()))
}

pub(super) fn lengths(value: &Value) -> Result<Vec<usize>> {
    array(value)?.iter().map(length).collect()
}

/// Reads a float from its bits in hexadecimal digits.
fn float(value: &Value) -> Result<f64> {
    let digits = text(value)?;
    match u64::from_str_radix(digits, 16) {
        Ok(bits) if digits.len() == 16 => Ok(f64::from_bits(bits)),
        _ => Err(expected("16 hex digits", digits)),
    }
}

pub(super) fn bytes(value: &Value) -> Result<Vec<u8>> {
    let text = text(value)?;
    STANDARD.decode(text).map_err(|error| malformed(format!("expected base64: {error}")))
}
