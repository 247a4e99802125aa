//! Values, dtypes and shapes in short, for the commands that describe a file.

use std::io::{self, Write};

use npy_object::header::Header;
use npy_object::json::{PlainJson, write_dtype};
use npy_object::{Element, ItemType, Kind, Outline, OutlineKind, Shape};

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
        OutlineKind::Array { item, shape } => describe_array("array", item, shape),
        OutlineKind::Container(kind) => kind.name().to_owned(),
        OutlineKind::Str => "str".to_owned(),
        OutlineKind::Bytes => "bytes".to_owned(),
        _ => "value".to_owned(),
    }
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
        Kind::List(items)
        | Kind::Tuple(items)
        | Kind::Set(items)
        | Kind::FrozenSet(items)
        | Kind::Deque(items, _) => {
            format!("{name} of {}", items.len())
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            format!("{name} of {}", entries.len())
        }
        Kind::Bytes(bytes) | Kind::ByteArray(bytes) => format!("{name} of {}", bytes.len()),
        _ => name.to_owned(),
    }
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
