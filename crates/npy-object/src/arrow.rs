//! Elements as Arrow record batches, for what reads Arrow: DataFusion, Parquet writers, and,
//! through Python, pyarrow, polars and DuckDB.
//!
//! | elements | column |
//! |---|---|
//! | bool, int, float, str, bytes | `Boolean`, `Int64`, `Float64`, `LargeUtf8`, `LargeBinary` |
//! | NumPy scalars of numbers, datetimes, timedeltas | the Arrow type of the same width and unit |
//! | arrays of these, lists, tuples and deques | `LargeList`, one for each dimension |
//! | dicts with str for keys | a column for each key; inside an element, a `Struct` |
//! | `datetime`, `date`, `timedelta` | `Timestamp(us)`, `Date32`, `Duration(us)` |
//! | None | null |
//!
//! The types are those of the first batch; an element further on that is of another is an error.

use std::ops::RangeBounds;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, LargeBinaryBuilder, LargeStringBuilder};
use arrow_array::{
    ArrayRef, LargeListArray, NullArray, RecordBatch, RecordBatchReader, StructArray, make_array,
};
use arrow_buffer::{MutableBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use npy_header::{ByteOrder, DType, Scalar, ScalarKind, TimeBase};

use crate::elements::bounds;
use crate::error::{Cause, Error, Result};
use crate::npy_array::NpyArray;
use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::time::{Date, DateTime};

/// How deep types may be nested.
const DEPTH: usize = 16;
/// Bytes after which a batch ends, though it has fewer rows.
const BATCH_BYTES: usize = 16 << 20;
/// The name of the column, where elements are no dicts.
const COLUMN: &str = "element";

/// The elements of an array as record batches: see [`NpyArray::record_batches`].
#[derive(Debug)]
pub struct RecordBatches {
    array: NpyArray,
    /// The number of the first element that does not come.
    end: u64,
    /// Of a batch, at most.
    rows: usize,
    schema: SchemaRef,
    /// Whether the elements are dicts, whose keys are the columns.
    are_dicts: bool,
    done: bool,
}

impl NpyArray {
    /// The elements of these numbers as Arrow record batches, of so many rows or of 16 MiB,
    /// whichever comes first. Without a beginning, they are those from here on.
    ///
    /// Fails with clause `access.type` where the elements of the first batch are not of one type
    /// that Arrow has, and as reading does.
    ///
    /// ```
    /// use arrow_array::cast::AsArray;
    ///
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let batch = array.record_batches(.., 1000)?.next().unwrap()?;
    /// assert_eq!(batch.column(0).as_string::<i64>().value(1), "NumPy");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_batches(
        mut self,
        range: impl RangeBounds<u64>,
        rows: usize,
    ) -> Result<RecordBatches> {
        let ((begin, end), rows) = (bounds(&self, range), rows.max(1));
        self.seek(begin);
        let (mut found, mut are_dicts, mut bytes) = (DataType::Null, begin < end, 0);
        for _ in begin..end.min(begin.saturating_add(rows as u64)) {
            let Some(element) = self.next_element()? else { break };
            bytes += element.value().map_or(0, |value| value.graph_bytes());
            are_dicts &= matches!(element.kind(), Kind::Dict(_) | Kind::OrderedDict(_));
            found = merge(found, type_of(element, DEPTH)?)?;
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        self.seek(begin);
        let fields = match found {
            DataType::Struct(fields) if are_dicts => fields,
            other => Fields::from(vec![Field::new(COLUMN, other, true)]),
        };
        let schema = Arc::new(Schema::new(fields));
        Ok(RecordBatches { array: self, end, rows, schema, are_dicts, done: false })
    }
}

impl RecordBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let fields = self.schema.fields();
        let mut columns: Vec<Column> =
            fields.iter().map(|field| Column::new(field.data_type())).collect();
        let mut rows = 0;
        while rows < self.rows && columns.iter().map(Column::bytes).sum::<usize>() < BATCH_BYTES {
            // Behind the last element of the array the rest of the file is seen through.
            if self.array.position() == self.end && self.end < self.array.len() {
                break;
            }
            let Some(element) = self.array.next_element().map_err(external)? else { break };
            match (&mut columns[..], self.are_dicts) {
                (columns, true) => append_entries(columns, fields, element),
                ([column], false) => column.append(element),
                _ => unreachable!("elements that are no dicts are one column"),
            }
            .map_err(external)?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map(Some)
    }
}

/// After an error nothing comes.
impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.read().transpose();
        self.done = !matches!(batch, Some(Ok(_)));
        batch
    }
}

impl RecordBatchReader for RecordBatches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

fn external(error: Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

#[cold]
fn no_type(what: &str) -> Error {
    Error::new(Cause::Unsupported, "access.type", None, format!("Arrow has no column for {what}"))
}

#[cold]
fn mixed(one: &DataType, other: &str) -> Error {
    let message = format!("a column of {one} in which there is {other}");
    Error::new(Cause::Unsupported, "access.type", None, message)
}

fn list_of(item: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(item, true)))
}

/// The type of the column that an element could be in.
fn type_of(element: Element<'_>, depth: usize) -> Result<DataType> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(no_type(&format!("values nested over {DEPTH} deep")));
    };
    Ok(match element.kind() {
        Kind::None => DataType::Null,
        Kind::Bool(_) => DataType::Boolean,
        Kind::Int(_) => DataType::Int64,
        Kind::Float(_) => DataType::Float64,
        Kind::Str(_) => DataType::LargeUtf8,
        Kind::Bytes(_) | Kind::ByteArray(_) => DataType::LargeBinary,
        Kind::Date(_) => DataType::Date32,
        Kind::DateTime(DateTime { time, .. }) => match time.zone {
            None => DataType::Timestamp(TimeUnit::Microsecond, None),
            Some(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        },
        Kind::TimeDelta(_) => DataType::Duration(TimeUnit::Microsecond),
        Kind::Scalar(scalar) => match scalar.dtype() {
            DType::Scalar(scalar) => type_of_scalar(*scalar)?,
            other => return Err(no_type(&format!("scalars of dtype {other}"))),
        },
        Kind::Array(array) => type_of_array(&array, depth)?,
        Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => {
            let mut types = items.map(|item| type_of(item, depth));
            list_of(types.try_fold(DataType::Null, |so_far, next| merge(so_far, next?))?)
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) => {
            let fields = entries.map(|(key, value)| {
                let name = key.as_str().map_err(|_| no_type("a dict with keys that are no str"))?;
                Ok(Field::new(name, type_of(value, depth)?, true))
            });
            DataType::Struct(fields.collect::<Result<Vec<_>>>()?.into())
        }
        other => return Err(no_type(&format!("a {}", other.name()))),
    })
}

fn type_of_array(array: &Array<'_>, depth: usize) -> Result<DataType> {
    let item = match (array.item(), array.data()) {
        (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(_)) => type_of_scalar(*scalar)?,
        (_, Data::Items(items)) => {
            let mut types = items.clone().map(|item| type_of(item, depth));
            types.try_fold(DataType::Null, |so_far, next| merge(so_far, next?))?
        }
        (other, _) => return Err(no_type(&format!("arrays of dtype {other}"))),
    };
    if array.mask().is_some() {
        return Err(no_type("masked arrays"));
    }
    Ok(array.shape().iter().fold(item, |item, _| list_of(item)))
}

fn type_of_scalar(scalar: Scalar) -> Result<DataType> {
    use DataType as D;
    use ScalarKind as K;
    if scalar.order() == ByteOrder::Big {
        return Err(no_type(&format!("items of dtype {scalar}")));
    }
    let unit = |unit: npy_header::TimeUnit| match (unit.base(), unit.num()) {
        (TimeBase::Second, 1) => Some(TimeUnit::Second),
        (TimeBase::Millisecond, 1) => Some(TimeUnit::Millisecond),
        (TimeBase::Microsecond, 1) => Some(TimeUnit::Microsecond),
        (TimeBase::Nanosecond, 1) => Some(TimeUnit::Nanosecond),
        _ => None,
    };
    let found = match (scalar.kind(), scalar.itemsize()) {
        (K::Bool, _) => Some(D::Boolean),
        (K::Int, 1) => Some(D::Int8),
        (K::Int, 2) => Some(D::Int16),
        (K::Int, 4) => Some(D::Int32),
        (K::Int, 8) => Some(D::Int64),
        (K::Uint, 1) => Some(D::UInt8),
        (K::Uint, 2) => Some(D::UInt16),
        (K::Uint, 4) => Some(D::UInt32),
        (K::Uint, 8) => Some(D::UInt64),
        (K::Float, 2) => Some(D::Float16),
        (K::Float, 4) => Some(D::Float32),
        (K::Float, 8) => Some(D::Float64),
        (K::Datetime(time), _) => unit(time).map(|unit| D::Timestamp(unit, None)),
        (K::Timedelta(time), _) => unit(time).map(D::Duration),
        _ => None,
    };
    found.ok_or_else(|| no_type(&format!("items of dtype {scalar}")))
}

/// The type of a column that has values of both.
fn merge(one: DataType, other: DataType) -> Result<DataType> {
    use DataType as D;
    Ok(match (one, other) {
        (D::Null, other) | (other, D::Null) => other,
        (one, other) if one == other => one,
        (D::Int64, D::Float64) | (D::Float64, D::Int64) => D::Float64,
        (D::LargeList(one), D::LargeList(other)) => {
            list_of(merge(one.data_type().clone(), other.data_type().clone())?)
        }
        (D::Struct(one), D::Struct(other)) => {
            let mut fields: Vec<FieldRef> = one.iter().cloned().collect();
            for field in &other {
                match fields.iter_mut().find(|known| known.name() == field.name()) {
                    Some(known) if known == field => {}
                    Some(known) => {
                        let merged = merge(known.data_type().clone(), field.data_type().clone())?;
                        *known = Arc::new(Field::new(field.name(), merged, true));
                    }
                    None => fields.push(Arc::clone(field)),
                }
            }
            D::Struct(fields.into())
        }
        (one, other) => return Err(mixed(&one, &other.to_string())),
    })
}

/// A column that grows.
enum Column {
    Null(usize),
    Boolean(BooleanBuilder),
    Text(LargeStringBuilder),
    Binary(LargeBinaryBuilder),
    /// Numbers and times: their bytes.
    Fixed {
        data_type: DataType,
        bytes: MutableBuffer,
        nulls: NullBufferBuilder,
    },
    List {
        field: FieldRef,
        items: Box<Column>,
        ends: Vec<i64>,
        nulls: NullBufferBuilder,
    },
    Struct {
        fields: Fields,
        columns: Vec<Column>,
        nulls: NullBufferBuilder,
    },
}

impl Column {
    /// An empty one. Types are nested no deeper than [`DEPTH`].
    fn new(data_type: &DataType) -> Column {
        let nulls = NullBufferBuilder::new(0);
        match data_type {
            DataType::Null => Column::Null(0),
            DataType::Boolean => Column::Boolean(BooleanBuilder::new()),
            DataType::LargeUtf8 => Column::Text(LargeStringBuilder::new()),
            DataType::LargeBinary => Column::Binary(LargeBinaryBuilder::new()),
            DataType::LargeList(field) => {
                let items = Box::new(Column::new(field.data_type()));
                Column::List { field: Arc::clone(field), items, ends: vec![0], nulls }
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().map(|field| Column::new(field.data_type())).collect();
                Column::Struct { fields: fields.clone(), columns, nulls }
            }
            fixed => {
                let (data_type, bytes) = (fixed.clone(), MutableBuffer::new(0));
                Column::Fixed { data_type, bytes, nulls }
            }
        }
    }

    /// How many values there are.
    fn len(&self) -> usize {
        match self {
            Column::Null(len) => *len,
            Column::Boolean(builder) => builder.len(),
            Column::Text(builder) => builder.len(),
            Column::Binary(builder) => builder.len(),
            Column::Fixed { nulls, .. }
            | Column::List { nulls, .. }
            | Column::Struct { nulls, .. } => nulls.len(),
        }
    }

    /// Bytes that it takes, about.
    fn bytes(&self) -> usize {
        match self {
            Column::Null(_) => 0,
            Column::Boolean(builder) => builder.len(),
            Column::Text(builder) => builder.values_slice().len() + 8 * builder.len(),
            Column::Binary(builder) => builder.values_slice().len() + 8 * builder.len(),
            Column::Fixed { bytes, .. } => bytes.len(),
            Column::List { items, ends, .. } => items.bytes() + 8 * ends.len(),
            Column::Struct { columns, .. } => columns.iter().map(Column::bytes).sum(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Column::Null(len) => *len += 1,
            Column::Boolean(builder) => builder.append_null(),
            Column::Text(builder) => builder.append_null(),
            Column::Binary(builder) => builder.append_null(),
            Column::Fixed { data_type, bytes, nulls } => {
                bytes.extend_zeros(data_type.primitive_width().unwrap_or(0));
                nulls.append_null();
            }
            Column::List { items, ends, nulls, .. } => {
                ends.push(items.len() as i64);
                nulls.append_null();
            }
            Column::Struct { columns, nulls, .. } => {
                columns.iter_mut().for_each(Column::append_null);
                nulls.append_null();
            }
        }
    }

    /// Adds an element. Goes no deeper than the type of the column does.
    fn append(&mut self, element: Element<'_>) -> Result<()> {
        if let Some(plain) = element.as_plain_array()
            && let (Column::List { items, ends, nulls, .. }, [_]) = (&mut *self, plain.shape())
        {
            items.append_items(plain.item(), plain.data())?;
            ends.push(items.len() as i64);
            nulls.append_non_null();
            return Ok(());
        }
        match (element.kind(), &mut *self) {
            (Kind::None, column) => column.append_null(),
            (Kind::Bool(value), Column::Boolean(builder)) => builder.append_value(value),
            (Kind::Str(text), Column::Text(builder)) => {
                builder.append_value(text.to_string_lossy());
            }
            (Kind::Bytes(value) | Kind::ByteArray(value), Column::Binary(builder)) => {
                builder.append_value(&*value);
            }
            (Kind::Scalar(scalar), column) => match scalar.dtype() {
                DType::Scalar(item) => column.append_items(*item, scalar.data())?,
                other => return Err(no_type(&format!("scalars of dtype {other}"))),
            },
            (
                Kind::List(members) | Kind::Tuple(members) | Kind::Deque(members, _),
                Column::List { items, ends, nulls, .. },
            ) => {
                members.into_iter().try_for_each(|member| items.append(member))?;
                ends.push(items.len() as i64);
                nulls.append_non_null();
            }
            (Kind::Array(array), column) => column.append_array(&array)?,
            (Kind::Dict(_) | Kind::OrderedDict(_), Column::Struct { fields, columns, nulls }) => {
                append_entries(columns, fields, element)?;
                nulls.append_non_null();
            }
            (kind, Column::Fixed { data_type, bytes, nulls }) => {
                match fixed(&kind, data_type) {
                    Some(Number::Eight(value)) => bytes.extend_from_slice(&value),
                    Some(Number::Four(value)) => bytes.extend_from_slice(&value),
                    None => return Err(mixed(data_type, kind.name())),
                }
                nulls.append_non_null();
            }
            (kind, column) => return Err(mixed(&column.data_type(), kind.name())),
        }
        Ok(())
    }

    fn data_type(&self) -> DataType {
        match self {
            Column::Null(_) => DataType::Null,
            Column::Boolean(_) => DataType::Boolean,
            Column::Text(_) => DataType::LargeUtf8,
            Column::Binary(_) => DataType::LargeBinary,
            Column::Fixed { data_type, .. } => data_type.clone(),
            Column::List { field, .. } => DataType::LargeList(Arc::clone(field)),
            Column::Struct { fields, .. } => DataType::Struct(fields.clone()),
        }
    }

    /// Adds an array, or, if it has no dimensions, its item.
    fn append_array(&mut self, array: &Array<'_>) -> Result<()> {
        match (array.item(), array.data()) {
            (ItemType::Plain(DType::Scalar(item)), Data::Bytes(bytes)) => {
                let bytes = array.to_c_order(bytes, item.itemsize());
                self.append_nested(array.shape(), bytes.len(), &mut |column, place, count| {
                    let size = item.itemsize();
                    column.append_items(*item, &bytes[place * size..(place + count) * size])
                })
            }
            (_, Data::Items(items)) => {
                let items: Vec<Element<'_>> = items.clone().collect();
                self.append_nested(array.shape(), items.len(), &mut |column, place, count| {
                    items[place..place + count].iter().try_for_each(|item| column.append(*item))
                })
            }
            (other, _) => Err(no_type(&format!("arrays of dtype {other}"))),
        }
    }

    /// Adds the lists of an array of this shape, which is so large; `append` adds so many items from
    /// a place on.
    ///
    /// Fails where there would be more lists or items than the array has bytes: those of `(9999, 0)`.
    /// Up to a million of them come for free.
    fn append_nested(
        &mut self,
        shape: &[usize],
        size: usize,
        append: &mut impl FnMut(&mut Column, usize, usize) -> Result<()>,
    ) -> Result<()> {
        // The columns of the lists, from the outermost in; each gets its lists in order.
        let Some((&inner, outer)) = shape.split_last() else { return append(self, 0, 1) };
        const FREE: usize = 1 << 20;
        let product = |lengths: &[usize]| {
            // In order, as each dimension has its lists, whatever is in them.
            lengths.iter().try_fold(1usize, |count, &length| {
                count.checked_mul(length).filter(|&count| count <= size.max(FREE))
            })
        };
        let (Some(lists), Some(_)) = (product(outer), product(shape)) else {
            return Err(no_type(&format!("an array of shape {shape:?} and {size} bytes")));
        };
        let mut column = self;
        let mut count = 1;
        for &length in outer {
            let Column::List { items, ends, nulls, .. } = column else {
                return Err(mixed(&column.data_type(), "an array"));
            };
            let first = items.len();
            for list in 1..=count {
                ends.push((first + list * length) as i64);
                nulls.append_non_null();
            }
            count *= length;
            column = items;
        }
        let Column::List { items, ends, nulls, .. } = column else {
            return Err(mixed(&column.data_type(), "an array"));
        };
        append(items, 0, lists * inner)?;
        let first = items.len() - lists * inner;
        for list in 1..=lists {
            ends.push((first + list * inner) as i64);
            nulls.append_non_null();
        }
        Ok(())
    }

    /// Adds the items of these bytes.
    fn append_items(&mut self, item: Scalar, items: &[u8]) -> Result<()> {
        let found = type_of_scalar(item)?;
        match self {
            Column::Boolean(builder) if found == DataType::Boolean => {
                items.iter().for_each(|&byte| builder.append_value(byte != 0));
            }
            Column::Fixed { data_type, bytes, nulls } if *data_type == found => {
                bytes.extend_from_slice(items);
                nulls.append_n_non_nulls(items.len() / item.itemsize().max(1));
            }
            Column::Null(_) if items.is_empty() => {}
            column => return Err(mixed(&column.data_type(), &found.to_string())),
        }
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Null(len) => Arc::new(NullArray::new(len)),
            Column::Boolean(mut builder) => Arc::new(builder.finish()),
            Column::Text(mut builder) => Arc::new(builder.finish()),
            Column::Binary(mut builder) => Arc::new(builder.finish()),
            Column::Fixed { data_type, bytes, mut nulls } => {
                let data = ArrayData::builder(data_type).len(nulls.len()).add_buffer(bytes.into());
                make_array(data.nulls(nulls.finish()).build()?)
            }
            Column::List { field, items, ends, mut nulls } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(LargeListArray::try_new(field, offsets, items.finish()?, nulls.finish())?)
            }
            Column::Struct { fields, columns, mut nulls } => {
                let (len, nulls) = (nulls.len(), nulls.finish());
                let columns = columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields, columns, nulls, len)?)
            }
        })
    }
}

/// Adds the entries of a dict to the columns that are called like their keys.
fn append_entries(columns: &mut [Column], fields: &Fields, element: Element<'_>) -> Result<()> {
    let len = columns.first().map_or(0, Column::len);
    for (key, value) in element.as_entries()? {
        let name = key.as_str().map_err(|_| no_type("a dict with keys that are no str"))?;
        let Some((place, _)) = fields.find(&name) else {
            let message = format!("a dict with a key {name:?}, which those before it have not");
            return Err(Error::new(Cause::Unsupported, "access.type", None, message));
        };
        if columns[place].len() > len {
            return Err(no_type("a dict that has a key twice"));
        }
        columns[place].append(value)?;
    }
    columns.iter_mut().filter(|column| column.len() == len).for_each(Column::append_null);
    Ok(())
}

/// The bytes of a number or a time.
enum Number {
    Eight([u8; 8]),
    Four([u8; 4]),
}

/// A value as one of a fixed size, if it is of this type.
fn fixed(kind: &Kind<'_>, data_type: &DataType) -> Option<Number> {
    let eight = |number: i64| Some(Number::Eight(number.to_le_bytes()));
    match (kind, data_type) {
        (Kind::Int(value), DataType::Int64) => eight(*value),
        (Kind::Int(value), DataType::Float64) => Some(Number::Eight((*value as f64).to_le_bytes())),
        (Kind::Float(value), DataType::Float64) => Some(Number::Eight(value.to_le_bytes())),
        (Kind::Date(date), DataType::Date32) => {
            Some(Number::Four((days_since_1970(*date) as i32).to_le_bytes()))
        }
        (Kind::DateTime(DateTime { date, time }), DataType::Timestamp(_, zone)) => {
            let clock =
                i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second);
            let east = match (time.zone, zone) {
                (None, None) => 0,
                (Some(_), Some(_)) => time.utc_offset()?,
                _ => return None,
            };
            let seconds = days_since_1970(*date) * 86_400 + clock - east;
            eight(seconds * 1_000_000 + i64::from(time.microsecond))
        }
        (Kind::TimeDelta(delta), DataType::Duration(_)) => {
            let seconds = delta.days.checked_mul(86_400)?.checked_add(delta.seconds.into())?;
            eight(seconds.checked_mul(1_000_000)?.checked_add(delta.microseconds.into())?)
        }
        _ => None,
    }
}

/// Days from 1970-01-01 on, in the calendar of Python.
fn days_since_1970(date: Date) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (year, month, day, expected) in
            [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (1969, 12, 31, -1), (1, 1, 1, -719_162)]
        {
            assert_eq!(days_since_1970(Date { year, month, day }), expected);
        }
    }

    #[test]
    fn types_are_merged() {
        use DataType as D;
        assert_eq!(merge(D::Int64, D::Float64).unwrap(), D::Float64);
        assert_eq!(merge(list_of(D::Null), list_of(D::Int8)).unwrap(), list_of(D::Int8));
        let error = merge(D::Int64, D::LargeUtf8).unwrap_err();
        assert_eq!((error.cause(), error.clause()), (Cause::Unsupported, "access.type"));
    }
}
