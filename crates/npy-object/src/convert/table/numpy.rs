//! Arrays without objects, `.npy`; and columns as the items of one.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use npy_header::DType;

use super::Sink;
use crate::convert::arrow::number::NAT;
use crate::error::{Error, ErrorKind, Result};
use crate::write::{RowWriter, WriteOptions};

/// Bytes that no array has.
const MOST: usize = 1 << 62;

pub(super) struct Writer {
    path: PathBuf,
    dtype: DType,
    /// The shape of each element, and the array of them; `None` before the first one.
    rows: Option<(Vec<usize>, RowWriter<'static>)>,
}

impl Writer {
    pub(super) fn create(path: &Path, schema: &SchemaRef) -> Result<Writer> {
        let found = match &schema.fields()[..] {
            [field] => field.data_type(),
            _ => return Err(no_place(".npy array of numbers", "dicts")),
        };
        let mut item = found;
        while let DataType::LargeList(inner) = item {
            item = inner.data_type();
        }
        if let Some((inner, _)) = tensor(item) {
            item = inner;
        }
        let Some(dtype) = dtype_of(item) else {
            return Err(no_place(".npy array of numbers", &found.to_string()));
        };
        Ok(Writer { path: path.to_owned(), dtype, rows: None })
    }

    fn rows(&mut self, shape: Vec<usize>) -> Result<&mut (Vec<usize>, RowWriter<'static>)> {
        if self.rows.is_none() {
            let size = shape.iter().fold(self.dtype.itemsize(), |size, &n| size.saturating_mul(n));
            let most = MOST.checked_div(size).unwrap_or(MOST);
            let whole: Vec<usize> = [most].into_iter().chain(shape.iter().copied()).collect();
            let options = WriteOptions::new().dtype(self.dtype.clone()).shape(&whole).or_shorter();
            self.rows = Some((shape, options.create_rows(&self.path)?));
        }
        Ok(self.rows.as_mut().expect("it was made above"))
    }
}

impl Sink for Writer {
    fn write(&mut self, batch: &RecordBatch, first: u64) -> Result<()> {
        let Dense { shape, items } = dense(batch.column(0), first, None)?;
        let (expected, rows) = self.rows(shape.clone())?;
        if *expected != shape {
            return Err(other_shape(expected, &shape, first));
        }
        let bytes = bytes_of(&items);
        if bytes.is_empty() {
            return (0..batch.num_rows()).try_for_each(|_| rows.append(&[]));
        }
        rows.append_all(&bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.rows(Vec::new())?;
        self.rows.take().map_or(Ok(()), |(_, rows)| rows.finish())
    }
}

/// Elements of one shape.
struct Dense {
    shape: Vec<usize>,
    items: ArrayRef,
}

/// Returns the shape that all values of a column have, and their items. `first` is the number of the
/// first element, and `per` how many values an element has, where the column is inside of it.
///
/// Fails where the values have several shapes, and where one is missing.
fn dense(column: &ArrayRef, first: u64, per: Option<u64>) -> Result<Dense> {
    let element = |row: usize| first + row as u64 / per.unwrap_or(1).max(1);
    let is_time = column.data_type().is_temporal();
    if !is_time && let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
        return Err(missing("an array of numbers", element(row)));
    }
    let inner = |length: usize, items: ArrayRef| {
        let per = per.unwrap_or(1) * length as u64;
        let Dense { mut shape, items } = dense(&items, first, Some(per))?;
        shape.insert(0, length);
        Ok(Dense { shape, items })
    };
    match column.data_type() {
        DataType::LargeList(_) => {
            let lists = column.as_list::<i64>();
            let offsets = lists.value_offsets();
            let length = |row: usize| (offsets[row + 1] - offsets[row]) as usize;
            let len = if column.is_empty() { 0 } else { length(0) };
            if let Some(row) = (0..column.len()).find(|&row| length(row) != len) {
                return Err(other_shape(&[len], &[length(row)], element(row)));
            }
            inner(len, lists.values().slice(offsets[0] as usize, len * column.len()))
        }
        DataType::Struct(_) => {
            let (_, ndim) = tensor(column.data_type()).ok_or_else(|| {
                no_place(".npy array of numbers", &column.data_type().to_string())
            })?;
            let (lists, shapes) = parts(column);
            let shape = |row: usize| &shapes[row * ndim..(row + 1) * ndim];
            let all = if column.is_empty() { vec![0; ndim] } else { shape(0).to_vec() };
            if let Some(row) = (0..column.len()).find(|&row| shape(row) != all) {
                return Err(other_shape(&all, shape(row), element(row)));
            }
            let (begin, end) = (lists.value_offsets()[0], lists.value_offsets()[column.len()]);
            let items = lists.values().slice(begin as usize, (end - begin) as usize);
            let Dense { items, .. } =
                dense(&items, first, Some(all.iter().map(|&n| n as u64).product()))?;
            Ok(Dense { shape: all, items })
        }
        _ => Ok(Dense { shape: Vec::new(), items: column.clone() }),
    }
}

/// Returns the type of the items and the number of dimensions of a column of tensors of any shape.
pub(super) fn tensor(data_type: &DataType) -> Option<(&DataType, usize)> {
    let DataType::Struct(fields) = data_type else { return None };
    match &fields[..] {
        [data, shape] => match (data.data_type(), shape.data_type()) {
            (DataType::List(item), DataType::FixedSizeList(_, ndim)) => {
                Some((item.data_type(), *ndim as usize))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the items, and the lengths of all dimensions, of a column of tensors.
pub(super) fn parts(column: &ArrayRef) -> (&arrow_array::ListArray, Vec<usize>) {
    let columns = column.as_struct().columns();
    let lengths = columns[1].as_fixed_size_list();
    let lengths = lengths.values().as_primitive::<Int32Type>();
    (columns[0].as_list(), lengths.values().iter().map(|&length| length as usize).collect())
}

/// Returns the dtype of the items of a column; `None` where NumPy has none without objects.
pub(super) fn dtype_of(data_type: &DataType) -> Option<DType> {
    use DataType as D;
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    let text = match data_type {
        D::Boolean => "|b1",
        D::Int8 => "|i1",
        D::Int16 => "<i2",
        D::Int32 => "<i4",
        D::Int64 => "<i8",
        D::UInt8 => "|u1",
        D::UInt16 => "<u2",
        D::UInt32 => "<u4",
        D::UInt64 => "<u8",
        D::Float16 => "<f2",
        D::Float32 => "<f4",
        D::Float64 => "<f8",
        // No item is there, and NumPy makes float64 of none.
        D::Null => "<f8",
        D::Date32 => "<M8[D]",
        D::Timestamp(of, None) => &format!("<M8[{}]", unit(of)),
        D::Duration(of) => &format!("<m8[{}]", unit(of)),
        _ => return None,
    };
    text.parse().ok()
}

/// Returns the bytes of the items of a column of a type that has a [dtype](dtype_of). A null is NaT.
pub(super) fn bytes_of(items: &ArrayRef) -> Cow<'_, [u8]> {
    match items.data_type() {
        DataType::Null => Cow::Borrowed(&[]),
        DataType::Boolean => items.as_boolean().values().iter().map(u8::from).collect(),
        DataType::Date32 => {
            let days = items.as_primitive::<Date32Type>().iter();
            days.flat_map(|day| day.map_or(NAT, |day| i64::from(day).to_le_bytes())).collect()
        }
        data_type => {
            let width = data_type.primitive_width().unwrap_or(1);
            let data = items.to_data();
            let (offset, len) = (data.offset() * width, data.len() * width);
            let mut bytes = Cow::from(data.buffers()[0].as_slice()[offset..offset + len].to_vec());
            if let Some(nulls) = items.nulls().filter(|nulls| nulls.null_count() > 0) {
                let bytes = bytes.to_mut();
                let rows = bytes.chunks_exact_mut(width).zip(nulls.iter());
                rows.filter(|(_, is_valid)| !is_valid)
                    .for_each(|(item, _)| item.copy_from_slice(&NAT));
            }
            bytes
        }
    }
}

/// Returns the error for elements that a target has no place for.
pub(super) fn no_place(target: &str, found: &str) -> Error {
    let message = format!("expected elements with a place in a {target}, found {found}");
    Error::new(ErrorKind::Unsupported, "access.type", None, message)
}

/// Returns the error for a missing value.
pub(super) fn missing(target: &str, element: u64) -> Error {
    let message =
        format!("expected a value, as {target} has no place for a missing one, found None");
    Error::new(ErrorKind::Unsupported, "access.type", None, message).of_element(element)
}

fn other_shape(expected: &[usize], found: &[usize], element: u64) -> Error {
    let message = format!(
        "expected an element of shape {expected:?}, as the first one, found shape {found:?}: elements \
         of several shapes are a flat pair"
    );
    Error::new(ErrorKind::Unsupported, "access.shape", None, message).of_element(element)
}
