//! Values, dtypes and shapes in short, for the commands that describe a file.

use std::io::{self, Write};
use std::path::Path;

use npy_object::header::Header;
use npy_object::json::{PlainJson, write_dtype};
use npy_object::{Element, ItemType, Kind, Outline, OutlineKind, Shape};
use serde::Serialize;

use crate::failure::display;

/// Bytes of an element that are shown.
const PREVIEW: usize = 60;

/// Returns the first 60 bytes of the JSON of a value.
pub(crate) fn beginning(value: Element<'_>) -> String {
    let mut preview = Preview::default();
    // Writing fails once the preview is full.
    let whole = PlainJson::new().write(&mut preview, value).is_ok();
    let mut preview = preview.into_text();
    if !whole {
        preview.push('…');
    }
    preview
}

/// Describes a value that was not decoded.
pub(crate) fn describe_outline(outline: &Outline) -> String {
    match &outline.kind {
        kind @ OutlineKind::Array { item, shape } => describe_array(kind.name(), item, shape),
        kind => kind.name().to_owned(),
    }
}

/// An element in short, in the columns of a table.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// Of an entry of a dict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    pub(crate) kind: String,
    pub(crate) dtype: Option<String>,
    /// The shape of an array, the length of a container.
    pub(crate) shape: Option<String>,
    /// A line of bars: the numbers of an array or list of one dimension, from the least to the greatest.
    #[serde(skip)]
    pub(crate) bars: Option<String>,
    pub(crate) preview: String,
}

impl Shown {
    pub(crate) fn of(key: Option<Element<'_>>, element: Element<'_>) -> Shown {
        let kind = element.kind();
        let (dtype, shape) = match &kind {
            Kind::Array(array) => {
                (Some(array.item().to_string()), Some(python_tuple(array.shape())))
            }
            Kind::Scalar(scalar) => (Some(scalar.dtype().to_string()), None),
            _ => (None, length(&kind).map(|length| length.to_string())),
        };
        let bars = element.to_floats().filter(|floats| floats.shape().len() == 1);
        Shown {
            key: key.map(beginning),
            kind: kind_name(&kind),
            dtype,
            shape,
            bars: bars.and_then(|floats| bars_of(&floats.sample(BARS))),
            preview: beginning(element),
        }
    }

    /// Describes an element that is too large to be decoded here.
    pub(crate) fn of_outline(key: Option<Element<'_>>, outline: &Outline) -> Shown {
        let (dtype, shape) = match &outline.kind {
            OutlineKind::Array { item, shape } => {
                (Some(item.to_string()), Some(python_tuple(shape)))
            }
            _ => (None, None),
        };
        let kind = match &outline.kind {
            OutlineKind::Array { .. } => "array".to_owned(),
            _ => describe_outline(outline),
        };
        let preview = format!("… {} bytes", outline.bytes);
        Shown { key: key.map(beginning), kind, dtype, shape, bars: None, preview }
    }
}

/// Returns the name of the kind, of an object the name of its class.
fn kind_name(kind: &Kind<'_>) -> String {
    if let Kind::Object(object) = kind
        && let Kind::Global(class) = object.callable().kind()
    {
        return class.name.to_string_lossy().into_owned();
    }
    kind.name().to_owned()
}

/// Returns the number of members of a container, or of bytes.
fn length(kind: &Kind<'_>) -> Option<usize> {
    match kind {
        Kind::List(items)
        | Kind::Tuple(items)
        | Kind::Set(items)
        | Kind::FrozenSet(items)
        | Kind::Deque(items, _) => Some(items.len()),
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            Some(entries.len())
        }
        Kind::Bytes(bytes) | Kind::ByteArray(bytes) => Some(bytes.len()),
        _ => None,
    }
}

/// Bars of a line of bars.
const BARS: usize = 16;

/// Draws numbers as bars of eight heights; a space where one is NaN or infinite. `None` of fewer than
/// two numbers.
fn bars_of(numbers: &[f64]) -> Option<String> {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite = numbers.iter().copied().filter(|number| number.is_finite());
    let (least, most) = (finite.clone().fold(f64::MAX, f64::min), finite.fold(f64::MIN, f64::max));
    if numbers.len() < 2 || least > most {
        return None;
    }
    // Halves, because the difference may be infinite.
    let span = most / 2.0 - least / 2.0;
    let bar = |&number: &f64| match number.is_finite() {
        true if span > 0.0 => {
            let height = (number / 2.0 - least / 2.0) / span * 7.0;
            HEIGHTS[(height.round() as usize).min(7)]
        }
        true => HEIGHTS[0],
        false => ' ',
    };
    Some(numbers.iter().map(bar).collect())
}

fn describe_array(name: &str, item: &ItemType, shape: &[usize]) -> String {
    let shape = python_tuple(shape);
    match item {
        ItemType::Plain(dtype) => format!("{name} {dtype} {shape}"),
        ItemType::String { .. } => format!("{name} StringDType {shape}"),
        _ => format!("{name} {shape}"),
    }
}

/// Describes a value: its kind and how large it is.
pub(crate) fn describe(kind: &Kind<'_>) -> String {
    let name = kind.name();
    match kind {
        Kind::Array(array) => describe_array(name, array.item(), array.shape()),
        Kind::Scalar(scalar) => format!("{name} {}", scalar.dtype()),
        _ => length(kind).map_or_else(|| name.to_owned(), |length| format!("{name} of {length}")),
    }
}

/// Returns a number with its noun: `1 element`, `2 elements`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Prints how many elements, or other things, a new file has.
pub(crate) fn write_count(
    out: &mut impl Write,
    file: &Path,
    count: u64,
    noun: &str,
) -> io::Result<()> {
    writeln!(out, "{}: {}", display(file), counted(count, noun))
}

/// Returns a shape as Python writes it.
pub(crate) fn python_tuple(lengths: &[usize]) -> String {
    Shape::from(lengths).to_string()
}

/// Returns the dtype of a header as typed JSON.
pub(crate) fn dtype_as_json(header: &Header) -> io::Result<serde_json::Value> {
    let mut json = Vec::new();
    write_dtype(&mut json, &header.dtype)?;
    Ok(serde_json::from_slice(&json)?)
}

/// A writer that takes the first bytes and then refuses more.
#[derive(Default)]
struct Preview(Vec<u8>);

impl Preview {
    /// Returns the text without an incomplete character at its end.
    fn into_text(self) -> String {
        let whole = self.0.utf8_chunks().next();
        whole.map_or_else(String::new, |chunk| chunk.valid().to_owned())
    }
}

impl Write for Preview {
    /// Returns 0, which is an error to `write_all`, once there is no more room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PREVIEW - self.0.len();
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_from_the_least_to_the_greatest() {
        assert_eq!(bars_of(&[0.0, 3.5, 7.0, f64::NAN]).as_deref(), Some("▁▅█ "));
        assert_eq!(bars_of(&[f64::MIN, f64::MAX]).as_deref(), Some("▁█"));
        assert_eq!(bars_of(&[2.0, 2.0]).as_deref(), Some("▁▁"));
        assert_eq!([bars_of(&[1.0]), bars_of(&[f64::NAN, f64::INFINITY])], [None, None]);
    }
}
