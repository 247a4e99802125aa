//! Typed JSON to the rows of an array without objects.
//!
//! A line is an array of the shape of a row, or a scalar where a row has no dimensions. Fails with
//! clause `access.json` for any other line, and where its dtype is not that of the rows.

use std::borrow::Cow;

use npy_header::{DType, Header, Scalar, ScalarKind};
use serde_json::Value;

use super::read::{bytes, lengths, member, parse, read_dtype, tag};
use super::untyped::expected;
use crate::error::Result;
use crate::value::scalar::swapped;

/// Reads a row from a line: its bytes, as [`RowWriter::append`](crate::RowWriter::append) takes
/// them.
///
/// Fails with clause `access.json` where the line is not typed JSON, and where it is not a row of
/// an array with this header.
pub fn read_row(line: &str, header: &Header) -> Result<Vec<u8>> {
    let line = parse(line)?;
    let shape = header.shape.get(1..).unwrap_or_default();
    let no_row = || expected(&format!("a row of {}", header.dtype), &line.to_string());
    let row = match (tag(&line, "array"), tag(&line, "scalar")) {
        (Some(array), _) if lengths(member(array, "shape")?)? == shape => {
            is_in_c_order(array).then(|| item(array, &header.dtype)).transpose()?
        }
        (_, Some(scalar)) if shape.is_empty() => Some(item(scalar, &header.dtype)?),
        _ => None,
    };
    row.flatten().ok_or_else(no_row)
}

fn is_in_c_order(array: &Value) -> bool {
    array.get("order").and_then(Value::as_str) == Some("C")
}

/// Reads the data of an array or scalar as items of a dtype; `None` where they are of another
/// dtype. A scalar is in native order, whatever the order of the array, and its text is not padded.
fn item(value: &Value, dtype: &DType) -> Result<Option<Vec<u8>>> {
    let (found, data) = (read_dtype(member(value, "dtype")?)?, bytes(member(value, "data")?)?);
    if found == *dtype {
        return Ok(Some(data));
    }
    let (Some(found), Some(wanted)) = (found.as_scalar(), dtype.as_scalar()) else {
        return Ok(None);
    };
    Ok(found_as(found, wanted, data))
}

/// Converts a scalar to the byte order and the length of `wanted`.
fn found_as(found: Scalar, wanted: Scalar, mut data: Vec<u8>) -> Option<Vec<u8>> {
    let is_text = matches!(wanted.kind(), ScalarKind::Bytes | ScalarKind::Unicode);
    let fits = match is_text {
        true => found.itemsize() <= wanted.itemsize(),
        false => found.itemsize() == wanted.itemsize(),
    };
    if found.kind() != wanted.kind() || data.len() != found.itemsize() || !fits {
        return None;
    }
    data.resize(wanted.itemsize(), 0);
    match found.order() == wanted.order() {
        true => Some(data),
        false => Some(swapped(wanted, Cow::Owned(data)).into_owned()),
    }
}
