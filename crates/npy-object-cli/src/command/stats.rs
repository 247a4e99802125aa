//! `npyo stats`: counts of kinds, dtypes, shapes, lengths, bytes and classes.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use clap::Args;
use indicatif::ProgressBar;
use npy_object::pickle::Global;
use npy_object::{Contents, Element, ErrorKind, ItemType, Kind, Outline, OutlineKind};
use serde::{Serialize, Serializer};

use crate::command::{Output, Run};
use crate::failure::{Failure, printable, write_json};
use crate::input::{At, Input, Inputs, Names, Reading, Several};
use crate::opened::Opened;
use crate::progress::progress_bar;
use crate::show::python_tuple;
use crate::tally::{Numbers, QUANTILES, Sizes, Tally};

/// Count the kinds, dtypes, shapes, lengths, bytes and classes of the elements
///
/// Decodes every element. Numbers are those that elements are, or that arrays and lists of numbers have;
/// of dicts, the values under each key are counted, and the numbers among them. A quantile of 64 or more is
/// at most 1.6 % off. Of a dict that was saved alone, or a pickle of a list, tuple, set, dict or deque, the
/// members are counted; a member of over 256 MiB, or half of --max-memory, is not decoded, and has a kind,
/// a dtype and a shape, but no numbers: --at leads into it. Where the file has an error, the elements before
/// it are counted and the counts are printed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stats {
    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    at: At,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,

    /// Decode on N threads; by default on as many as the machine runs at once
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,

    /// Of a file that was cut off, also count the values of its last batch: the last of them may be
    /// parts of an element
    #[arg(long)]
    unfinished: bool,

    #[command(flatten)]
    several: Several,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo stats data.npy
  npyo stats --json data.npy | jq .kinds";

/// Bytes of a member of a container that is decoded.
const MEMBER: usize = 256 << 20;
/// Lines that are printed of each count, the most frequent first.
const RANKS: usize = 8;
/// Characters of the longest bar.
const BAR: u64 = 30;

impl Run for Stats {
    fn file(&self) -> &Path {
        self.inputs.first()
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.inputs.each(Names::beside(self.json), out, |input, out| self.run_on(input, out))
    }
}

impl Stats {
    fn run_on(&self, input: &Input, out: &mut impl Write) -> Result<(), Failure> {
        let mut opened = input.open()?;
        let mut summary = Summary::default();
        let all = self.several.all;
        let result = opened.each(all, |opened| self.count(opened, &mut summary));
        if result.is_err() && !summary.begun {
            return result;
        }
        if self.json {
            write_json(out, &summary)?;
        } else {
            summary.write(out)?;
        }
        result?;
        if !all && self.at.given().is_none() {
            opened.note_rest(false)?;
        }
        Ok(opened.check_archive()?)
    }

    /// Counts the elements of what the file holds.
    fn count(&self, opened: &Opened<'_>, summary: &mut Summary) -> Result<(), Failure> {
        let reading = self.reading.with_unfinished(self.unfinished);
        let mut contents = opened.members_within(&reading, self.at.given(), MEMBER)?;
        summary.begun = true;
        let bar = progress_bar(contents.known_len(), 0);
        match &mut contents {
            // Only an array is decoded on several threads, and only an array knows where its data end.
            Contents::Array(array) => {
                array.fold_parallel(self.threads, Summary::default, Summary::add, |part| {
                    bar.inc(part.elements);
                    summary.merge(part);
                    ControlFlow::Continue(())
                })?;
                opened.ends_at(array.data_end()?);
            }
            // Its size in the file is not known.
            Contents::Value(value) => summary.add_value(value.element()),
            members => summary.add_members(members, &bar)?,
        }
        drop(bar);
        opened.verify()
    }
}

/// The counts.
#[derive(Default, Serialize)]
struct Summary {
    /// Whether the file was opened.
    #[serde(skip)]
    begun: bool,
    elements: u64,
    kinds: Tally<&'static str>,
    /// Dtypes of arrays and of NumPy scalars.
    dtypes: Tally<ItemType>,
    /// Shapes of arrays.
    shapes: Tally<Shape>,
    /// Items of arrays, members of containers, code points of str, bytes of bytes.
    lengths: Sizes,
    /// Bytes of each element in the file.
    bytes: Sizes,
    /// The numbers that elements are, or that arrays and lists of numbers have.
    #[serde(skip_serializing_if = "Numbers::is_empty")]
    numbers: Numbers,
    /// The values under each key of dicts.
    #[serde(skip_serializing_if = "Fields::is_empty")]
    fields: Fields,
    /// Elements that are shared: another element is, or contains, the same object.
    shared: u64,
    /// Classes and functions of objects that are not known, and names that are elements.
    globals: Tally<String>,
}

impl Summary {
    /// Counts an element.
    fn add(&mut self, element: Element<'_>) {
        self.bytes.add(element.encoded_len());
        self.add_value(element);
    }

    /// Counts an element whose size in the file is not known.
    fn add_value(&mut self, element: Element<'_>) {
        self.elements += 1;
        self.shared += u64::from(element.value().is_some_and(|value| value.is_shared()));
        if let Some(floats) = element.to_floats() {
            floats.for_each(|number| self.numbers.add(number));
        }
        if let Some(array) = element.as_plain_array() {
            self.kinds.add("array");
            self.dtypes.add(ItemType::Plain(array.item().into()));
            self.add_shape(array.shape());
            return;
        }
        let kind = element.kind();
        self.kinds.add(kind.name());
        match kind {
            Kind::Str(text) => self.lengths.add(code_points(text.as_bytes())),
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => self.lengths.add(bytes.len()),
            Kind::List(items)
            | Kind::Tuple(items)
            | Kind::Set(items)
            | Kind::FrozenSet(items)
            | Kind::Deque(items, _) => {
                self.lengths.add(items.len());
            }
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                self.lengths.add(entries.len());
                for (place, (key, value)) in entries.enumerate() {
                    self.fields.add(place, key, Some(value));
                }
            }
            Kind::Array(array) => {
                self.dtypes.add_borrowed(array.item(), ItemType::clone);
                self.add_shape(array.shape());
            }
            Kind::Scalar(scalar) => self.dtypes.add(ItemType::Plain(scalar.dtype().clone())),
            Kind::Object(object) => {
                if let Kind::Global(class) = object.callable().kind() {
                    self.globals.add(path(class));
                }
            }
            Kind::Global(global) => self.globals.add(path(global)),
            _ => {}
        }
    }

    /// Counts the members of a container. Those that are too large to be decoded are outlined.
    fn add_members(&mut self, members: &mut Contents, bar: &ProgressBar) -> npy_object::Result<()> {
        let mut number = 0;
        loop {
            let read: npy_object::Result<()> = members.for_each(number..u64::MAX, |member| {
                bar.inc(1);
                number += 1;
                self.add(member.value);
                if let Some(key) = member.key {
                    self.fields.add(0, key, Some(member.value));
                }
                Ok(())
            });
            match read {
                Err(error) if error.kind() == ErrorKind::Limit => {
                    let Some((key, outline)) = members.outline(number)? else { return Err(error) };
                    bar.inc(1);
                    number += 1;
                    self.add_outline(&outline);
                    if let Some(key) = key {
                        self.fields.add(0, key, None);
                    }
                }
                read => return read,
            }
        }
    }

    fn add_outline(&mut self, outline: &Outline) {
        self.elements += 1;
        self.bytes.add(usize::try_from(outline.bytes).unwrap_or(usize::MAX));
        self.kinds.add(outline.kind.name());
        if let OutlineKind::Array { item, shape } = &outline.kind {
            self.dtypes.add_borrowed(item, ItemType::clone);
            self.add_shape(shape);
        }
    }

    fn add_shape(&mut self, shape: &[usize]) {
        self.shapes.add_borrowed(shape, |shape| Shape(shape.to_vec()));
        let items = shape.iter().try_fold(1usize, |items, &length| items.checked_mul(length));
        // Where one length is 0, the product of the others may overflow.
        self.lengths.add(items.unwrap_or(0));
    }

    /// Adds the counts of another summary.
    fn merge(&mut self, other: Summary) {
        self.elements += other.elements;
        self.kinds.merge(other.kinds);
        self.dtypes.merge(other.dtypes);
        self.shapes.merge(other.shapes);
        self.lengths.merge(&other.lengths);
        self.bytes.merge(&other.bytes);
        self.numbers.merge(&other.numbers);
        self.fields.merge(other.fields);
        self.shared += other.shared;
        self.globals.merge(other.globals);
    }

    /// Writes the counts as text.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "elements  {}", self.elements)?;
        write_tally(out, "kinds", &self.kinds)?;
        write_tally(out, "dtypes", &self.dtypes)?;
        write_tally(out, "shapes", &self.shapes)?;
        write_tally(out, "globals", &self.globals)?;
        write_sizes(out, "lengths", &self.lengths)?;
        write_sizes(out, "bytes", &self.bytes)?;
        if !self.numbers.is_empty() {
            writeln!(out, "numbers   {}", self.numbers)?;
        }
        self.fields.write(out)?;
        if self.shared > 0 {
            writeln!(out, "shared    {}", self.shared)?;
        }
        Ok(())
    }
}

fn write_tally<K: Hash + Eq + fmt::Display>(
    out: &mut impl Write,
    title: &str,
    tally: &Tally<K>,
) -> io::Result<()> {
    let (ranked, others) = tally.ranked();
    let (first, rest) = ranked.split_at(ranked.len().min(RANKS));
    for (place, (thing, count)) in first.iter().enumerate() {
        let title = if place == 0 { title } else { "" };
        writeln!(out, "{title:<9} {count:>12}  {}", printable(thing))?;
    }
    let rest = others + rest.iter().map(|(_, count)| count).sum::<u64>();
    if rest > 0 {
        writeln!(out, "{:<9} {rest:>12}  others", "")?;
    }
    Ok(())
}

/// Writes sizes, and their histogram if it has more than one range.
fn write_sizes(out: &mut impl Write, title: &str, sizes: &Sizes) -> io::Result<()> {
    let [least, most] = sizes.extremes();
    match () {
        () if sizes.is_empty() => return Ok(()),
        () if least == most => writeln!(out, "{title:<9} {least}")?,
        () => {
            let [low, median, high, ..] = QUANTILES.map(|share| sizes.quantile(share));
            writeln!(
                out,
                "{title:<9} {least} to {most}, {:.1} on average, median {median}, half from {low} to \
                 {high}",
                sizes.mean()
            )?;
        }
    }
    let histogram = sizes.histogram();
    let highest = histogram.iter().map(|&(_, count)| count).max().unwrap_or(0);
    for &([from, to], count) in histogram.iter().filter(|_| histogram.len() > 1) {
        let range = if from == to { from.to_string() } else { format!("{from}-{to}") };
        let bar = (u128::from(count) * u128::from(BAR)).div_ceil(highest.into()) as usize;
        writeln!(out, "{:<9} {count:>12}  {range:<15} {}", "", "#".repeat(bar))?;
    }
    Ok(())
}

/// The values under each key of dicts. The keys come from the file, so only the first 256 different keys
/// are kept.
#[derive(Default)]
struct Fields {
    fields: Vec<Field>,
    /// Values under other keys.
    others: u64,
}

struct Field {
    key: String,
    count: u64,
    numbers: Numbers,
}

impl Fields {
    const MOST: usize = 256;

    /// Adds a value under a key, which is probably the one at `place`; `None` where it is not decoded. Keys that are not str are counted
    /// together.
    fn add(&mut self, place: usize, key: Element<'_>, value: Option<Element<'_>>) {
        let Ok(key) = key.as_str() else {
            self.others += 1;
            return;
        };
        let Some(field) = self.field(place, &key) else { return };
        field.count += 1;
        if let Some(floats) = value.and_then(Element::to_floats) {
            floats.for_each(|number| field.numbers.add(number));
        }
    }

    fn field(&mut self, place: usize, key: &str) -> Option<&mut Field> {
        let here = self.fields.get(place).is_some_and(|field| field.key == key);
        let known = match here {
            true => Some(place),
            false => self.fields.iter().position(|field| field.key == key),
        };
        let place = match known {
            Some(place) => place,
            None if self.fields.len() < Fields::MOST && key.len() <= Fields::MOST => {
                let (key, numbers) = (key.to_owned(), Numbers::default());
                self.fields.push(Field { key, count: 0, numbers });
                self.fields.len() - 1
            }
            None => {
                self.others += 1;
                return None;
            }
        };
        Some(&mut self.fields[place])
    }

    fn merge(&mut self, other: Fields) {
        self.others += other.others;
        for (place, field) in other.fields.into_iter().enumerate() {
            let Some(known) = self.field(place, &field.key) else {
                // Counted once there.
                self.others += field.count - 1;
                continue;
            };
            known.count += field.count;
            known.numbers.merge(&field.numbers);
        }
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (place, Field { key, count, numbers }) in self.fields.iter().enumerate() {
            let title = if place == 0 { "fields" } else { "" };
            let numbers = if numbers.is_empty() { String::new() } else { format!(": {numbers}") };
            writeln!(out, "{title:<9} {count:>12}  {}{numbers}", printable(key))?;
        }
        if self.others > 0 && !self.is_empty() {
            writeln!(out, "{:<9} {:>12}  others", "", self.others)?;
        }
        Ok(())
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Value<'a> {
            values: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            numbers: Option<&'a Numbers>,
        }
        serializer.collect_map(self.fields.iter().map(|Field { key, count, numbers }| {
            let numbers = Some(numbers).filter(|numbers| !numbers.is_empty());
            (key, Value { values: *count, numbers })
        }))
    }
}

/// The shape of an array, as Python writes it.
#[derive(PartialEq, Eq, Hash)]
struct Shape(Vec<usize>);

impl Borrow<[usize]> for Shape {
    fn borrow(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python_tuple(&self.0))
    }
}

/// Returns the name of a class or function, with its module.
fn path(global: Global<'_>) -> String {
    format!("{}.{}", global.module.to_string_lossy(), global.name.to_string_lossy())
}

/// Counts the code points of a UTF-8 text, as Python's `len` does.
fn code_points(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}
