//! `npyo info`: what a file is, and what it begins with.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::header::Header;
use npy_object::json::{PlainJson, write_dtype};
use npy_object::npz::Method;
use npy_object::{Element, Format, ItemType, Kind, NpyArray};
use serde::Serialize;

use crate::archive::Listing;
use crate::failure::{Failure, write_json};
use crate::input::{Input, Opened, Reading};
use crate::writer::Writer;

/// Show the header, the shape, who wrote the file, and the first elements
///
/// Reads only the beginning of the file, however large it is. Of an archive, its arrays are listed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Info {
    #[command(flatten)]
    input: Input,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo info data.npy
  npyo info arrays.npz            what is in the archive
  npyo info arrays.npz:train      one of its arrays
  npyo info --json data.npy | jq .shape";

/// Elements that are shown.
const FIRST: u64 = 5;
/// Bytes of an element that are shown.
const PREVIEW: usize = 60;

/// What there is to say of a file, in the order in which it is said.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    size: Size,
    version: [u8; 2],
    /// Where the data begin.
    data_offset: u64,
    /// As typed JSON has it.
    dtype: serde_json::Value,
    fortran_order: bool,
    shape: Vec<usize>,
    /// Where the pickle has another, and is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pickled_shape: Option<Vec<usize>>,
    /// How many elements `cat` would print; `null` where the file cannot be read so far.
    elements: Option<u64>,
    /// Of the pickle: `null` where there is none.
    protocol: Option<u8>,
    /// A conclusion.
    writer: Option<&'static str>,
    first: Vec<Sample>,
}

/// How large a file is, as far as that is known without reading it.
#[derive(Serialize)]
struct Size {
    /// Of the `.npy` file.
    size: Option<u64>,
    /// Where it is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
}

impl Size {
    fn of(opened: &Opened<'_>) -> npy_object::Result<Size> {
        let known = opened.source.known_size();
        Ok(match opened.member()? {
            Some((archive, member)) => {
                let member = &archive.members()[member];
                let compression = (member.method() == Method::Deflated).then_some("deflate");
                Size {
                    size: Some(member.size()),
                    compressed_size: compression.map(|_| member.compressed_size()),
                    compression,
                }
            }
            None if opened.format == Format::Gzip => {
                Size { size: None, compressed_size: known, compression: Some("gzip") }
            }
            None => Size { size: known, compressed_size: None, compression: None },
        })
    }

    /// For a person; `None` where nothing is known.
    fn text(&self) -> Option<String> {
        let bytes = |what: &str, size| format!("{size} bytes{what}");
        let compressed = self.compression.map(|by| format!(" compressed by {by}"));
        let compressed = compressed.and_then(|by| Some(bytes(&by, self.compressed_size?)));
        let parts: Vec<_> =
            self.size.map(|size| bytes("", size)).into_iter().chain(compressed).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// An element, in short.
#[derive(Serialize)]
struct Sample {
    kind: String,
    /// The beginning of its JSON.
    preview: String,
}

impl Info {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let opened = self.input.open()?;
        if let Some(archive) = opened.whole_archive() {
            Listing::of(archive, &opened)?.write(self.json, out).map_err(Failure::Output)?;
            return Ok(opened.check_archive()?);
        }
        let npy = opened.npy()?;
        let Some((header, data_offset)) = opened.header(&npy)? else {
            let why = "a bare pickle, without a header: npyo cat prints what it holds";
            return Err(Failure::Refused(why.to_owned()));
        };
        let writer = if header.dtype.has_object() {
            Writer::of(&mut npy.to_reader(), data_offset)?
        } else {
            None
        };
        let mut report = Report {
            size: Size::of(&opened)?,
            version: [header.version.major(), 0],
            data_offset,
            dtype: dtype_as_json(&header)?,
            fortran_order: header.fortran_order,
            shape: header.shape.clone(),
            pickled_shape: None,
            elements: None,
            protocol: writer.map(|writer| writer.protocol),
            writer: writer.map(Writer::generation),
            first: Vec::new(),
        };
        // What could be read is shown, whatever comes after it.
        let result = opened
            .array(&self.reading)
            .and_then(|mut array| report.look_into(&mut array))
            .and_then(|()| opened.check_archive());
        if self.json {
            write_json(out, &report)?;
        } else {
            report.write(out, &header, writer)?;
        }
        Ok(result?)
    }
}

impl Report {
    /// Adds what only an array that was opened tells.
    fn look_into(&mut self, array: &mut NpyArray) -> npy_object::Result<()> {
        self.elements = Some(array.len());
        self.pickled_shape = (array.shape() != self.shape).then(|| array.shape().to_vec());
        for _ in 0..FIRST {
            let Some(element) = array.next_element()? else {
                break;
            };
            self.first.push(Sample::of(element));
        }
        Ok(())
    }

    /// Writes it for a person.
    fn write(
        &self,
        out: &mut impl Write,
        header: &Header,
        writer: Option<Writer>,
    ) -> io::Result<()> {
        if let Some(size) = self.size.text() {
            writeln!(out, "size      {size}")?;
        }
        let (version, offset) = (header.version, self.data_offset);
        writeln!(out, "format    version {version}, data at byte {offset}")?;
        writeln!(out, "dtype     {}", header.dtype)?;
        let order = if self.fortran_order { "Fortran" } else { "C" };
        writeln!(out, "order     {order}")?;
        write!(out, "shape     {}", python_tuple(&self.shape))?;
        match &self.pickled_shape {
            Some(shape) => writeln!(out, " in the header, {} in the pickle", python_tuple(shape))?,
            None => writeln!(out)?,
        }
        if let Some(elements) = self.elements {
            writeln!(out, "elements  {elements}")?;
        }
        if let Some(writer) = writer {
            writeln!(out, "pickle    protocol {}", writer.protocol)?;
            let (generation, evidence) = (writer.generation(), writer.evidence());
            writeln!(out, "writer    {generation} (judging by {evidence})")?;
        }
        for (number, Sample { kind, preview }) in self.first.iter().enumerate() {
            writeln!(out, "{number:>8}  {kind}: {preview}")?;
        }
        Ok(())
    }
}

impl Sample {
    fn of(element: Element<'_>) -> Sample {
        let mut preview = Preview::default();
        // It fails where the preview is full.
        let whole = PlainJson::new().write(&mut preview, element).is_ok();
        let mut preview = preview.into_text();
        if !whole {
            preview.push('…');
        }
        let kind = describe(&element.kind());
        Sample { kind, preview }
    }
}

/// What a value is, and how large.
fn describe(kind: &Kind<'_>) -> String {
    let name = kind.name();
    match kind {
        Kind::Array(array) => {
            let shape = python_tuple(array.shape());
            match array.item() {
                ItemType::Plain(dtype) => format!("{name} {dtype} {shape}"),
                ItemType::String { .. } => format!("{name} StringDType {shape}"),
            }
        }
        Kind::Scalar(scalar) => format!("{name} {}", scalar.dtype()),
        Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) | Kind::FrozenSet(items) => {
            format!("{name} of {}", items.len())
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            format!("{name} of {}", entries.len())
        }
        Kind::Bytes(bytes) | Kind::ByteArray(bytes) => format!("{name} of {}", bytes.len()),
        _ => name.to_owned(),
    }
}

/// A shape as Python writes it.
pub(crate) fn python_tuple(lengths: &[usize]) -> String {
    match lengths {
        [length] => format!("({length},)"),
        _ => {
            let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
            format!("({})", lengths.join(", "))
        }
    }
}

pub(crate) fn dtype_as_json(header: &Header) -> io::Result<serde_json::Value> {
    let mut json = Vec::new();
    write_dtype(&mut json, &header.dtype)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Takes the first bytes of what is written, and then refuses more.
#[derive(Default)]
struct Preview(Vec<u8>);

impl Preview {
    /// What was taken, but for the part of a character at its end.
    fn into_text(self) -> String {
        let whole = self.0.utf8_chunks().next();
        whole.map_or_else(String::new, |chunk| chunk.valid().to_owned())
    }
}

impl Write for Preview {
    /// Gives 0, which is an error to `write_all`, where there is no more room.
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
