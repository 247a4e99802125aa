//! Tables back to arrays of objects.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float64Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{ArrowError, DataType, Field, SchemaRef, TimeUnit};
use npy_header::DType;
use pickle_stream::{Builder, NodeId};

use super::flat::{OFFSETS, SHAPES, VALUES};
use super::numpy::{bytes_of, dtype_of, parts, tensor};
use crate::array::npy_array::NpyArray;
use crate::convert::arrow::column::fixed_shape;
use crate::convert::arrow::infer::VARIABLE_TENSOR;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;
use crate::value::calendar::date_of;
use crate::value::globals::ArrayClass;
use crate::write::numpy;
use crate::write::writer::{ArrayWriter, WriteOptions};

/// Rows that are read at once.
#[cfg(feature = "parquet")]
const ROWS: usize = 1 << 10;

/// The name of the column of elements that are not dicts.
const COLUMN: &str = "element";

/// Returns whether a path is that of a file or folder that [`import`] reads: it looks at the first bytes.
pub fn is_table(path: impl AsRef<Path>) -> bool {
    matches!(Table::of(path.as_ref()), Ok(Some(_)))
}

/// A kind of table.
enum Table {
    Parquet,
    Ipc,
    Flat,
}

impl Table {
    /// Returns the kind of a file by its first bytes, or of a folder; `None` of anything else.
    fn of(path: &Path) -> io::Result<Option<Table>> {
        if path.join(OFFSETS).is_file() {
            return Ok(Some(Table::Flat));
        }
        // A pipe would lose its first bytes.
        if !fs::metadata(path)?.is_file() {
            return Ok(None);
        }
        let mut magic = Vec::new();
        File::open(path)?.take(6).read_to_end(&mut magic)?;
        Ok(match magic[..] {
            [b'P', b'A', b'R', b'1', ..] => Some(Table::Parquet),
            _ if magic == b"ARROW1" => Some(Table::Ipc),
            _ => None,
        })
    }
}

/// Writes the rows of a Parquet or Arrow IPC file, or the elements of a flat pair, to an array of
/// objects. Returns the number of elements.
///
/// A row of one column `element` is its value; any other row is a dict. Lists of numbers become arrays,
/// other lists lists, structs dicts, nulls None. Ints of 64 bits, floats, texts, bytes, dates, times in
/// microseconds and decimals become Python's; other numbers and times NumPy's scalars. Text that is JSON
/// stays text.
///
/// The array gets its name when it is whole.
///
/// Fails where a file cannot be read or written, and with clause `access.type` where a column has a type
/// that no element becomes.
pub fn import(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<u64> {
    import_with(from, to, |_, _| Ok(()))
}

/// Does what [`import`] does, and calls `progress` with the number of elements that are written, and that
/// of all. An error of `progress` ends it.
pub fn import_with(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    mut progress: impl FnMut(u64, u64) -> Result<()>,
) -> Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let table = Table::of(from).map_err(|error| Error::from(error).in_path(from))?;
    if let Some(Table::Flat) = table {
        return of_flat(from, to, &mut progress);
    }
    let (schema, rows, batches) = open(from, table)?;
    let mut writer = WriteOptions::new().create(to)?;
    let is_element = matches!(&schema.fields()[..], [field] if field.name() == COLUMN);
    for batch in batches {
        let batch = batch.map_err(|error| Error::from(error).in_path(from))?;
        for row in 0..batch.num_rows() {
            let number = writer.len();
            let appended = writer.append_with(|build| match is_element {
                true => value(build, schema.field(0), batch.column(0), row),
                false => dict(build, &schema, &batch, row),
            });
            appended.map_err(|error| error.of_element(number))?;
        }
        progress(writer.len(), rows)?;
    }
    let count = writer.len();
    writer.finish()?;
    Ok(count)
}

/// The record batches of a file.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Opens a file of record batches: returns its schema, the number of its rows where that is known, else
/// 0, and its batches.
fn open(path: &Path, table: Option<Table>) -> Result<(SchemaRef, u64, Batches)> {
    let name = |error: Error| error.in_path(path);
    match table {
        #[cfg(feature = "parquet")]
        Some(Table::Parquet) => {
            use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

            let file = File::open(path).map_err(|error| name(error.into()))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file);
            let reader = reader
                .map_err(|error| damaged("Parquet", super::parquet::of_parquet(error), path))?;
            let rows = reader.metadata().file_metadata().num_rows();
            let schema = reader.schema().clone();
            let batches = reader.with_batch_size(ROWS).build();
            let batches = batches.map_err(|error| name(super::parquet::of_parquet(error)))?;
            Ok((schema, rows.try_into().unwrap_or(0), Box::new(batches)))
        }
        #[cfg(feature = "ipc")]
        Some(Table::Ipc) => {
            let file = File::open(path).map_err(|error| name(error.into()))?;
            let reader = arrow_ipc::reader::FileReader::try_new_buffered(file, None);
            let reader = reader.map_err(|error| damaged("Arrow IPC", error.into(), path))?;
            Ok((reader.schema(), 0, Box::new(reader)))
        }
        other => {
            let message = match other {
                Some(_) => {
                    "a Parquet or Arrow IPC file, which needs the feature `parquet` or `ipc`"
                }
                None => "expected a Parquet or Arrow IPC file, or the folder of a flat pair",
            };
            Err(name(Error::new(ErrorKind::Unsupported, "access.target", None, message)))
        }
    }
}

/// Returns the error of a table that has no footer, or a damaged one.
#[cold]
#[cfg(any(feature = "parquet", feature = "ipc"))]
fn damaged(format: &str, error: Error, path: &Path) -> Error {
    if error.kind() == ErrorKind::Io {
        return error.in_path(path);
    }
    let why = error.message();
    let message =
        format!("expected a whole {format} file, found one that is damaged or cut off: {why}");
    Error::new(ErrorKind::Malformed, "access.target", None, message).in_path(path)
}

/// Builds the dict of a row.
fn dict(
    build: &mut Builder,
    schema: &SchemaRef,
    batch: &RecordBatch,
    row: usize,
) -> Result<NodeId> {
    let mut entries = Vec::with_capacity(2 * batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        // Keys are one object in all rows.
        entries.push(build.interned(field.name())?);
        entries.push(value(build, field, column, row)?);
    }
    Ok(build.dict(&entries)?)
}

/// Builds a value of a column. Recurses as deep as its type.
fn value(build: &mut Builder, field: &Field, column: &ArrayRef, row: usize) -> Result<NodeId> {
    use DataType as D;
    if column.is_null(row) {
        return Ok(build.none());
    }
    Ok(match column.data_type() {
        D::Null => build.none(),
        D::Boolean => build.bool(column.as_boolean().value(row)),
        D::Int64 => build.int(column.as_primitive::<Int64Type>().value(row))?,
        D::UInt64 => {
            let value = i128::from(column.as_primitive::<UInt64Type>().value(row));
            build.int_of_bytes(&value.to_le_bytes())?
        }
        D::Float64 => build.float(column.as_primitive::<Float64Type>().value(row))?,
        D::Utf8 => build.str(column.as_string::<i32>().value(row))?,
        D::LargeUtf8 => build.str(column.as_string::<i64>().value(row))?,
        D::Utf8View => build.str(column.as_string_view().value(row))?,
        D::Binary => build.bytes(column.as_binary::<i32>().value(row))?,
        D::LargeBinary => build.bytes(column.as_binary::<i64>().value(row))?,
        D::BinaryView => build.bytes(column.as_binary_view().value(row))?,
        D::FixedSizeBinary(_) => build.bytes(column.as_fixed_size_binary().value(row))?,
        D::Decimal128(_, scale) => {
            let digits = column.as_primitive::<Decimal128Type>().value(row);
            decimal(build, i256::from_i128(digits), *scale)?
        }
        D::Decimal256(_, scale) => {
            decimal(build, column.as_primitive::<Decimal256Type>().value(row), *scale)?
        }
        D::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            match date_state(days.into()) {
                Some(state) => {
                    let (class, state) = (build.global("datetime", "date")?, build.bytes(&state)?);
                    build.call(class, &[state])?
                }
                None => scalar(build, column, row)?,
            }
        }
        D::Time64(TimeUnit::Microsecond) => {
            let time = column.as_primitive::<Time64MicrosecondType>().value(row);
            let state = build.bytes(&time_state(time))?;
            let class = build.global("datetime", "time")?;
            build.call(class, &[state])?
        }
        D::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let (day, clock) = (time.div_euclid(DAY), time.rem_euclid(DAY));
            match date_state(day) {
                Some(date) => {
                    let class = build.global("datetime", "datetime")?;
                    let state = build.bytes(&[&date[..], &time_state(clock)].concat())?;
                    match zone {
                        None => build.call(class, &[state])?,
                        // The time is in UTC, whatever zone it is to be shown in.
                        Some(_) => {
                            let utc = utc(build)?;
                            build.call(class, &[state, utc])?
                        }
                    }
                }
                None => scalar(build, column, row)?,
            }
        }
        D::Duration(TimeUnit::Microsecond) => {
            let time = column.as_primitive::<DurationMicrosecondType>().value(row);
            let (days, rest) = (time.div_euclid(DAY), time.rem_euclid(DAY));
            let class = build.global("datetime", "timedelta")?;
            let args = [days, rest / 1_000_000, rest % 1_000_000].map(|part| build.int(part));
            let [days, seconds, microseconds] = args;
            build.call(class, &[days?, seconds?, microseconds?])?
        }
        D::LargeList(item) => {
            let items = column.as_list::<i64>().value(row);
            list(build, item, &items, None)?
        }
        D::List(item) => {
            let items = column.as_list::<i32>().value(row);
            list(build, item, &items, None)?
        }
        D::FixedSizeList(item, _) => {
            let items = column.as_fixed_size_list().value(row);
            list(build, item, &items, fixed_shape(field))?
        }
        D::Struct(_) if is_variable_tensor(field) => {
            let (_, ndim) = tensor(column.data_type()).ok_or_else(|| no_element(column))?;
            let (lists, shapes) = parts(column);
            let shape = shapes[row * ndim..(row + 1) * ndim].to_vec();
            let DataType::List(item) = lists.data_type() else { return Err(no_element(column)) };
            list(build, item, &lists.value(row), Some(shape))?
        }
        D::Struct(fields) => {
            let columns = column.as_struct().columns();
            let mut entries = Vec::with_capacity(2 * columns.len());
            for (field, column) in fields.iter().zip(columns) {
                entries.push(build.interned(field.name())?);
                entries.push(value(build, field, column, row)?);
            }
            build.dict(&entries)?
        }
        D::Union(fields, _) => {
            let union = column.as_union();
            let id = union.type_id(row);
            let field = fields.iter().find(|(of, _)| *of == id).map(|(_, field)| field);
            let field = field.ok_or_else(|| no_element(column))?;
            value(build, field, union.child(id), union.value_offset(row))?
        }
        D::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            value(build, field, dictionary.values(), key)?
        }
        _ => scalar(build, column, row)?,
    })
}

/// Builds items as an array where they are numbers, and else as a list.
fn list(
    build: &mut Builder,
    item: &Field,
    items: &ArrayRef,
    shape: Option<Vec<usize>>,
) -> Result<NodeId> {
    let is_whole = items.null_count() == 0 || items.data_type().is_temporal();
    if let Some(dtype) = dtype_of(items.data_type()).filter(|_| is_whole) {
        let shape = shape.unwrap_or_else(|| vec![items.len()]);
        let bytes = bytes_of(items);
        return Ok(numpy::array(build, ArrayClass::Array, &dtype, &shape, false, &bytes)?);
    }
    let values = (0..items.len()).map(|row| value(build, item, items, row));
    let values = values.collect::<Result<Vec<_>>>()?;
    Ok(build.list(&values)?)
}

/// Builds a scalar of NumPy.
fn scalar(build: &mut Builder, column: &ArrayRef, row: usize) -> Result<NodeId> {
    let dtype = dtype_of(column.data_type()).ok_or_else(|| no_element(column))?;
    Ok(numpy::scalar(build, &dtype, &bytes_of(&column.slice(row, 1)))?)
}

/// Builds an int, where there are no digits after the point, or a `Decimal`.
fn decimal(build: &mut Builder, digits: i256, scale: i8) -> Result<NodeId> {
    if scale == 0 {
        return Ok(build.int_of_bytes(&digits.to_le_bytes())?);
    }
    let exponent = -i32::from(scale);
    let (class, text) =
        (build.global("decimal", "Decimal")?, build.str(&format!("{digits}E{exponent}"))?);
    Ok(build.call(class, &[text])?)
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Returns the state of a `date`; `None` outside of the years that it has.
fn date_state(days: i64) -> Option<[u8; 4]> {
    let (year, month, day) = date_of(days.into());
    let year = u16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    let [high, low] = year.to_be_bytes();
    Some([high, low, month as u8, day as u8])
}

/// Returns the state of a `time`, of microseconds since midnight.
fn time_state(microseconds: i64) -> [u8; 6] {
    let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    let [_, high, middle, low] = (rest as u32).to_be_bytes();
    let [hour, minute, second] = [seconds / 3600, seconds / 60 % 60, seconds % 60];
    [hour as u8, minute as u8, second as u8, high, middle, low]
}

/// Builds `datetime.timezone.utc`, as `timezone.__reduce__` does.
fn utc(build: &mut Builder) -> Result<NodeId> {
    let (class, zero) = (build.global("datetime", "timedelta")?, build.int(0)?);
    let offset = build.call(class, &[zero, zero, zero])?;
    let class = build.global("datetime", "timezone")?;
    Ok(build.call(class, &[offset])?)
}

fn is_variable_tensor(field: &Field) -> bool {
    field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == VARIABLE_TENSOR)
}

#[cold]
fn no_element(column: &ArrayRef) -> Error {
    let message = format!("expected a type that elements have, found {}", column.data_type());
    Error::new(ErrorKind::Unsupported, "access.type", None, message)
}

/// Writes the elements of a flat pair.
fn of_flat(
    folder: &Path,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<u64> {
    let wrong = |name: &str, message: String| {
        let error = Error::new(ErrorKind::Malformed, "access.shape", None, message);
        error.in_path(&folder.join(name))
    };
    let (values, mut offsets) = (Items::open(folder, VALUES)?, Items::open(folder, OFFSETS)?);
    let shapes_path = folder.join(SHAPES);
    let mut shapes = match shapes_path.is_file() {
        true => Some(Items::open(folder, SHAPES)?),
        false => None,
    };
    let count = offsets.rows.checked_sub(1).ok_or_else(|| {
        wrong(OFFSETS, "expected one offset more than elements, found none".to_owned())
    })?;
    let mut writer: ArrayWriter<'_> = WriteOptions::new().create(to)?;
    let (mut begin, mut bytes) = (offsets.next_int()?, Vec::new());
    for number in 0..count {
        let end = offsets.next_int()?;
        let is_inside = begin >= 0 && end >= begin && end as u64 <= values.rows;
        if !is_inside {
            let message = format!("expected offsets in order up to {}, found {end}", values.rows);
            return Err(wrong(OFFSETS, message).of_element(number));
        }
        let len = (end - begin) as usize;
        let shape = match &mut shapes {
            None => vec![len],
            Some(shapes) => shapes.next_shape()?,
        };
        if shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)) != Some(len) {
            let message = format!("expected the shape of {len} values, found {shape:?}");
            return Err(wrong(SHAPES, message).of_element(number));
        }
        values.read(begin as u64, len, &mut bytes)?;
        writer.append_array(&values.dtype, &shape, false, &bytes)?;
        begin = end;
        if number % 1024 == 0 {
            progress(number, count)?;
        }
    }
    writer.finish()?;
    Ok(count)
}

/// An array without objects, in C order.
struct Items {
    array: NpyArray,
    source: Source,
    dtype: DType,
    data: u64,
    rows: u64,
}

impl Items {
    fn open(folder: &Path, name: &str) -> Result<Items> {
        let source = Source::open(folder.join(name))?;
        let array = crate::open(source.clone())?;
        let (dtype, data, rows) = (array.to_header().dtype, array.data_offset(), array.len());
        Ok(Items { array, source, dtype, data, rows })
    }

    /// Reads the next row, an int.
    fn next_int(&mut self) -> Result<i64> {
        let Some(element) = self.array.next_element()? else { return Err(too_short()) };
        element.as_i64()
    }

    /// Reads the next row, an array of lengths.
    fn next_shape(&mut self) -> Result<Vec<usize>> {
        let Some(element) = self.array.next_element()? else { return Err(too_short()) };
        let lengths = element.as_slice::<i64>()?;
        let lengths =
            lengths.iter().map(|&length| usize::try_from(length).map_err(|_| too_short()));
        lengths.collect()
    }

    /// Reads the bytes of rows of one item.
    fn read(&self, first: u64, count: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let size = self.dtype.itemsize();
        let offset = self.data + first * size as u64;
        bytes.clear();
        // At most as many bytes are taken as the file has.
        let reader = self.source.section(offset..).to_reader();
        reader.take((count * size) as u64).read_to_end(bytes)?;
        if bytes.len() < count * size {
            return Err(too_short());
        }
        Ok(())
    }
}

#[cold]
fn too_short() -> Error {
    let message = "expected a flat pair: values, offsets, and shapes of as many elements";
    Error::new(ErrorKind::Malformed, "access.shape", None, message)
}
