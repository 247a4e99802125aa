//! References to the arrays in a file, as kerchunk's JSON: zarr reads them where they are.
//!
//! | arrays | zarr arrays of the group |
//! |---|---|
//! | of one dtype and one shape besides the first dimension | `values`, the arrays one after another, a chunk for each array with items; and `offsets`, where each one begins and the last one ends |
//! | others | one for each, with its number as its name |
//!
//! `values` has a regular grid where all chunks have one length, and else a rectilinear grid.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use npy_header::{ByteOrder, DType, Scalar, ScalarKind};
use serde_json::{Value, json};

use crate::array::npy_array::NpyArray;
use crate::convert::json::text::write_str;
use crate::error::{Error, Result};
use crate::value::range::ByteRange;

/// Writes references to the arrays of a file, which zarr version 3 reads in place through fsspec's
/// `reference` file system. `url` is where the reader finds the file. Returns the number of elements.
///
/// The elements are read twice. Takes up to 24 bytes for each of them besides the memory of reading.
///
/// Fails as [`NpyArray::byte_ranges`] does, and with clause `access.type` where zarr has no data type
/// for a dtype.
///
/// ```
/// let array = npy_object::open("tests/data/ragged.npy")?;
/// let mut json = Vec::new();
/// assert_eq!(npy_object::json::write_kerchunk(&mut json, &array, "https://host/ragged.npy")?, 3);
/// let json = String::from_utf8(json)?;
/// assert!(json.contains(r#""values/c/0":["{{u}}",334,8]"#), "{json}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_kerchunk(out: &mut impl Write, array: &NpyArray, url: &str) -> Result<u64> {
    write_kerchunk_with(out, array, url, |_| Ok(()))
}

/// Does what [`write_kerchunk`] does, and calls `progress` with the number of elements that were read,
/// up to twice that of all. An error of `progress` ends it.
pub fn write_kerchunk_with(
    out: &mut impl Write,
    array: &NpyArray,
    url: &str,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let mut each = |from: u64, see: &mut dyn FnMut(u64, ByteRange) -> Result<()>| {
        let mut array = array.clone();
        array.seek(0);
        let mut count = 0;
        for range in array.byte_ranges() {
            let range = range?;
            see(count, range).map_err(|error| error.of_element(count))?;
            count += 1;
            progress(from + count)?;
        }
        Ok::<u64, Error>(count)
    };
    let mut first: Option<ByteRange> = None;
    let mut are_alike = true;
    let count = each(0, &mut |_, range| {
        zarr_type(&range)?;
        are_alike &= !range.fortran_order && first.as_ref().is_none_or(|it| is_like(&range, it));
        first.get_or_insert(range);
        Ok(())
    })?;
    out.write_all(br#"{"version":1,"templates":{"u":"#)?;
    write_str(out, url)?;
    out.write_all(br#"},"refs":{"#)?;
    write_text(out, "zarr.json", &json!({ "zarr_format": 3, "node_type": "group" }))?;
    match first.filter(|_| are_alike) {
        Some(first) => {
            let mut values = Values::default();
            each(count, &mut |_, range| values.add(out, &range))?;
            values.finish(out, &first)?;
        }
        None => {
            each(count, &mut |number, range| write_array(out, number, &range))?;
        }
    }
    out.write_all(b"}}\n")?;
    Ok(count)
}

/// Returns whether two arrays fit one zarr array, one after the other.
fn is_like(range: &ByteRange, other: &ByteRange) -> bool {
    range.dtype == other.dtype
        && range.shape.is_empty() == other.shape.is_empty()
        && range.shape.get(1..) == other.shape.get(1..)
}

/// The arrays that were written as chunks of one zarr array.
#[derive(Default)]
struct Values {
    chunks: u64,
    /// Where each array ends, in items along the first dimension.
    ends: Vec<u64>,
    /// The lengths of the chunks, and how many chunks in a row have each.
    lengths: Vec<(u64, u64)>,
}

impl Values {
    fn add(&mut self, out: &mut impl Write, range: &ByteRange) -> Result<()> {
        let rows = range.shape.first().map_or(1, |&rows| rows as u64);
        self.ends.push(self.ends.last().unwrap_or(&0) + rows);
        // A chunk has at least one item.
        if range.length == 0 {
            return Ok(());
        }
        write!(out, ",\"values/c/{}", self.chunks)?;
        for _ in range.shape.iter().skip(1) {
            out.write_all(b"/0")?;
        }
        write_place(out, range)?;
        self.chunks += 1;
        match self.lengths.last_mut() {
            Some((length, times)) if *length == rows => *times += 1,
            _ => self.lengths.push((rows, 1)),
        }
        Ok(())
    }

    /// Writes what zarr has to know about the array of these chunks, which are like `first`.
    fn finish(self, out: &mut impl Write, first: &ByteRange) -> Result<()> {
        let inner = first.shape.get(1..).unwrap_or_default();
        let rows = self.ends.last().copied().unwrap_or(0);
        let mut shape = vec![rows];
        shape.extend(inner.iter().map(|&length| length as u64));
        let grid = match self.lengths[..] {
            [] => regular(&shape),
            [(length, _)] => regular(&[&[length], &shape[1..]].concat()),
            _ => {
                let run = |&(length, times): &(u64, u64)| match times {
                    1 => json!(length),
                    _ => json!([length, times]),
                };
                let mut lengths = vec![self.lengths.iter().map(run).collect::<Vec<_>>()];
                lengths.extend(shape[1..].iter().map(|&length| vec![json!(length)]));
                json!({
                    "name": "rectilinear",
                    "configuration": { "kind": "inline", "chunk_shapes": lengths },
                })
            }
        };
        let array = array_of(&zarr_type(first)?, &shape, grid, false);
        write_text(out, ",values/zarr.json", &array)?;

        let mut offsets = Vec::with_capacity(8 * (self.ends.len() + 1));
        offsets.extend(0u64.to_le_bytes());
        offsets.extend(self.ends.iter().flat_map(|end| end.to_le_bytes()));
        let shape = [self.ends.len() as u64 + 1];
        let int = ZarrType { name: json!("int64"), fill: json!(0), order: ByteOrder::Little };
        write_text(out, ",offsets/zarr.json", &array_of(&int, &shape, regular(&shape), false))?;
        write!(out, ",\"offsets/c/0\":\"base64:")?;
        out.write_all(STANDARD.encode(&offsets).as_bytes())?;
        Ok(out.write_all(b"\"")?)
    }
}

/// Writes an array as a zarr array of one chunk.
fn write_array(out: &mut impl Write, number: u64, range: &ByteRange) -> Result<()> {
    let shape: Vec<u64> = range.shape.iter().map(|&length| length as u64).collect();
    let array = array_of(&zarr_type(range)?, &shape, regular(&shape), range.fortran_order);
    write_text(out, &format!(",{number}/zarr.json"), &array)?;
    if range.length > 0 {
        write!(out, ",\"{number}/c{}", "/0".repeat(shape.len()))?;
        write_place(out, range)?;
    }
    Ok(())
}

/// Ends the name of a chunk, and writes where its bytes are.
fn write_place(out: &mut impl Write, range: &ByteRange) -> io::Result<()> {
    write!(out, "\":[\"{{{{u}}}}\",{},{}]", range.offset, range.length)
}

/// Writes a file of JSON, with a comma before its name if the name begins with one.
fn write_text(out: &mut impl Write, name: &str, content: &Value) -> io::Result<()> {
    if name.starts_with(',') {
        out.write_all(b",")?;
    }
    let content = Value::String(content.to_string());
    write!(out, "\"{}\":{content}", name.trim_start_matches(','))
}

/// Returns a grid of chunks of one shape. A chunk has at least one item.
fn regular(shape: &[u64]) -> Value {
    let shape: Vec<u64> = shape.iter().map(|&length| length.max(1)).collect();
    json!({ "name": "regular", "configuration": { "chunk_shape": shape } })
}

/// Returns the metadata of a zarr array.
fn array_of(data_type: &ZarrType, shape: &[u64], grid: Value, fortran_order: bool) -> Value {
    let bytes = match data_type.order {
        ByteOrder::NotApplicable => json!({ "name": "bytes" }),
        ByteOrder::Little => json!({ "name": "bytes", "configuration": { "endian": "little" } }),
        ByteOrder::Big => json!({ "name": "bytes", "configuration": { "endian": "big" } }),
    };
    let reversed: Vec<usize> = (0..shape.len()).rev().collect();
    let transpose = json!({ "name": "transpose", "configuration": { "order": reversed } });
    let codecs = if fortran_order { vec![transpose, bytes] } else { vec![bytes] };
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": data_type.name,
        "chunk_grid": grid,
        "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
        "fill_value": data_type.fill,
        "codecs": codecs,
        "attributes": {},
    })
}

/// A data type of zarr, and the byte order of the items.
struct ZarrType {
    name: Value,
    fill: Value,
    order: ByteOrder,
}

/// Returns zarr's data type of the items of an array.
fn zarr_type(range: &ByteRange) -> Result<ZarrType> {
    let DType::Scalar(scalar) = &range.dtype else { return Err(no_type(range)) };
    let (name, fill) = name_of(*scalar).ok_or_else(|| no_type(range))?;
    Ok(ZarrType { name, fill, order: scalar.order() })
}

fn name_of(scalar: Scalar) -> Option<(Value, Value)> {
    let bits = 8 * scalar.itemsize();
    let time = |name: &str, unit: npy_header::TimeUnit| {
        let configuration = json!({ "unit": unit.base().name(), "scale_factor": unit.num() });
        (json!({ "name": name, "configuration": configuration }), json!(i64::MIN))
    };
    Some(match scalar.kind() {
        ScalarKind::Bool => (json!("bool"), json!(false)),
        ScalarKind::Int => (json!(format!("int{bits}")), json!(0)),
        ScalarKind::Uint => (json!(format!("uint{bits}")), json!(0)),
        ScalarKind::Float if bits <= 64 => (json!(format!("float{bits}")), json!(0.0)),
        ScalarKind::Complex if bits <= 128 => (json!(format!("complex{bits}")), json!([0.0, 0.0])),
        ScalarKind::Datetime(unit) => time("numpy.datetime64", unit),
        ScalarKind::Timedelta(unit) => time("numpy.timedelta64", unit),
        _ => return None,
    })
}

#[cold]
fn no_type(range: &ByteRange) -> Error {
    let found = &range.dtype;
    let message = format!("expected numbers, bools or times, which zarr has, found {found}");
    Error::usage("access.type", message).or_at(range.offset)
}
