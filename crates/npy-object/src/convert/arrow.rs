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
//! | None, NaT, `pandas.NA`, `pandas.NaT` | null |
//! | NaN | NaN in a column of floats, null in any other |
//!
//! The types are those of the first batch, and of as many elements more as it takes to find one that
//! is not missing; an element further on that is of another type is an error.

use std::collections::HashSet;
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
use pickle_stream::short_str;

use crate::array::elements::bounds;
use crate::array::npy_array::NpyArray;
use crate::error::{Error, ErrorKind, Result};
use crate::value::array::{Array, Data};
use crate::value::calendar::{NOT_A_TIME, days_since_1970};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::object::Object;
use crate::value::time::DateTime;

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
    /// What comes after the last batch.
    failed: Option<Error>,
    done: bool,
}

impl NpyArray {
    /// The elements of these numbers as Arrow record batches, of so many rows or of 16 MiB,
    /// whichever comes first. Without a beginning, they are those from here on.
    ///
    /// None, NaT and `pandas.NA` are null, and so is NaN among values that are not floats, as in
    /// `pyarrow.array(x, from_pandas=True)`.
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
        let (mut found, mut are_dicts, mut bytes) = (Found::NOTHING, begin < end, 0);
        for number in begin..end {
            let is_over = number - begin >= rows as u64 || bytes >= BATCH_BYTES;
            if is_over && !matches!(found, Found::Missing(_)) {
                break;
            }
            let element = match self.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                // It comes after the elements that have a type.
                Err(_) if number > begin => break,
                Err(error) => return Err(error),
            };
            bytes += element.value().map_or(0, |value| value.graph_bytes());
            are_dicts &= matches!(element.kind(), Kind::Dict(_) | Kind::OrderedDict(_));
            let merged = type_of(element, DEPTH).and_then(|next| merge(found, next));
            found = merged.map_err(|error| error.of_element(number))?;
        }
        self.seek(begin);
        let fields = match found.data_type() {
            DataType::Struct(fields) if are_dicts => fields,
            other => Fields::from(vec![Field::new(COLUMN, other, true)]),
        };
        let schema = Arc::new(Schema::new(fields));
        Ok(RecordBatches { array: self, end, rows, schema, are_dicts, failed: None, done: false })
    }
}

impl RecordBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if let Some(error) = self.failed.take() {
            return Err(external(error));
        }
        let fields = self.schema.fields();
        let mut columns: Vec<Column> =
            fields.iter().map(|field| Column::new(field.data_type())).collect();
        let mut rows = 0;
        while rows < self.rows && columns.iter().map(Column::bytes).sum::<usize>() < BATCH_BYTES {
            // Behind the last element of the array the rest of the file is seen through.
            if self.array.position() == self.end && self.end < self.array.len() {
                break;
            }
            let number = self.array.position();
            let element = match self.array.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                Err(error) if rows > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(external(error)),
            };
            match (&mut columns[..], self.are_dicts) {
                (columns, true) => append_entries(columns, fields, element),
                ([column], false) => column.append(element),
                _ => unreachable!("elements that are no dicts are one column"),
            }
            .map_err(|error| external(error.of_element(number)))?;
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
    Error::new(
        ErrorKind::Unsupported,
        "access.type",
        None,
        format!("Arrow has no column for {what}"),
    )
}

#[cold]
fn mixed(one: &DataType, other: &str) -> Error {
    let message = format!("a column of {one} in which there is {other}");
    Error::new(ErrorKind::Unsupported, "access.type", None, message)
}

/// What the values of a column that were seen are.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    /// Missing, or NaN: the column may be of any type, and is of this one if no other value comes.
    Missing(DataType),
    Plain(DataType),
    List(Box<Found>),
    Struct(Vec<(String, Found)>),
}

impl Found {
    const NOTHING: Found = Found::Missing(DataType::Null);

    fn list_of(items: Found) -> Found {
        Found::List(Box::new(items))
    }

    /// Goes no deeper than [`DEPTH`].
    fn data_type(&self) -> DataType {
        match self {
            Found::Missing(data_type) | Found::Plain(data_type) => data_type.clone(),
            Found::List(items) => list_of(items.data_type()),
            Found::Struct(fields) => {
                let fields =
                    fields.iter().map(|(name, field)| Field::new(name, field.data_type(), true));
                DataType::Struct(fields.collect())
            }
        }
    }
}

fn list_of(item: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(item, true)))
}

/// A value that stands for a missing one.
enum Missing {
    /// It is null in every column.
    Null,
    /// It is null, but in a column of floats.
    NaN,
}

/// Whether a value stands for a missing one.
fn missing(kind: &Kind<'_>) -> Option<Missing> {
    match kind {
        Kind::None => Some(Missing::Null),
        Kind::Float(value) if value.is_nan() => Some(Missing::NaN),
        Kind::Scalar(scalar) => {
            let DType::Scalar(item) = scalar.dtype() else { return None };
            let bytes = <[u8; 8]>::try_from(scalar.data()).ok()?;
            match item.kind() {
                _ if item.order() == ByteOrder::Big => None,
                ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => {
                    (bytes == NAT).then_some(Missing::Null)
                }
                ScalarKind::Float => f64::from_le_bytes(bytes).is_nan().then_some(Missing::NaN),
                _ => None,
            }
        }
        Kind::Global(name) => {
            let module = name.module.to_str()?;
            let is_pandas = module == "pandas" || module.starts_with("pandas.");
            (is_pandas && name.name == "NA").then_some(Missing::Null)
        }
        Kind::Object(object) => is_pandas_nat(*object).then_some(Missing::Null),
        _ => None,
    }
}

/// Whether an object is `pandas.NaT`, which pickles itself as a call.
fn is_pandas_nat(object: Object<'_>) -> bool {
    match object.callable().kind() {
        Kind::Global(name) => {
            let module = name.module.to_str();
            name.name == "_nat_unpickle" && module.is_some_and(|it| it.starts_with("pandas."))
        }
        _ => false,
    }
}

/// The bytes of a NaT.
const NAT: [u8; 8] = NOT_A_TIME.to_le_bytes();

/// The type of the column that an element could be in.
fn type_of(element: Element<'_>, depth: usize) -> Result<Found> {
    let kind = element.kind();
    match missing(&kind) {
        Some(Missing::NaN) => return Ok(Found::Missing(DataType::Float64)),
        Some(Missing::Null) => {
            // A NaT has a unit, mostly.
            let data_type = match &kind {
                Kind::Scalar(scalar) => match scalar.dtype() {
                    DType::Scalar(scalar) => type_of_scalar(*scalar).unwrap_or(DataType::Null),
                    _ => DataType::Null,
                },
                _ => DataType::Null,
            };
            return Ok(Found::Missing(data_type));
        }
        None => {}
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(no_type(&match contains_itself(element) {
            true => "a value that contains itself".to_owned(),
            false => format!("values nested over {DEPTH} deep"),
        }));
    };
    Ok(Found::Plain(match kind {
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
        Kind::Array(array) => return type_of_array(&array, depth),
        Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => {
            return Ok(Found::list_of(type_of_items(items, depth)?));
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) => {
            let fields = entries.map(|(key, value)| {
                let name = key.as_str().map_err(|_| no_type("a dict with keys that are no str"))?;
                let found = type_of(value, depth).map_err(|error| error.under(short_str(&name)))?;
                Ok((name.into_owned(), found))
            });
            return Ok(Found::Struct(fields.collect::<Result<_>>()?));
        }
        other => return Err(no_type(&format!("values of kind {}", other.name()))),
    }))
}

/// Whether a value can be reached from itself.
#[cold]
fn contains_itself(element: Element<'_>) -> bool {
    let id = element.identity();
    let (mut seen, mut waiting) = (HashSet::new(), vec![element]);
    while let Some(value) = waiting.pop() {
        let mut see = |value: Element<'_>| value.identity().is_none_or(|id| seen.insert(id));
        let mut inside = Vec::new();
        match value.kind() {
            Kind::List(items) | Kind::Tuple(items) | Kind::Deque(items, _) => inside.extend(items),
            Kind::Dict(entries) | Kind::OrderedDict(entries) => {
                inside.extend(entries.map(|(_, value)| value));
            }
            Kind::Array(array) => {
                if let Data::Items(items) = array.data() {
                    inside.extend(items.clone());
                }
            }
            _ => {}
        }
        if id.is_some() && inside.iter().any(|value| value.identity() == id) {
            return true;
        }
        waiting.extend(inside.into_iter().filter(|value| see(*value)));
    }
    false
}

/// The type of a column that has all of these values.
fn type_of_items<'a>(items: impl Iterator<Item = Element<'a>>, depth: usize) -> Result<Found> {
    let mut items = items.enumerate();
    items.try_fold(Found::NOTHING, |so_far, (number, item)| {
        let merged = type_of(item, depth).and_then(|next| merge(so_far, next));
        merged.map_err(|error| error.under(number))
    })
}

fn type_of_array(array: &Array<'_>, depth: usize) -> Result<Found> {
    let item = match (array.item(), array.data()) {
        (ItemType::Plain(DType::Scalar(scalar)), Data::Bytes(_)) => {
            Found::Plain(type_of_scalar(*scalar)?)
        }
        (_, Data::Items(items)) => type_of_items(items.clone(), depth)?,
        (other, _) => return Err(no_type(&format!("arrays of dtype {other}"))),
    };
    if array.mask().is_some() {
        return Err(no_type("masked arrays"));
    }
    Ok(array.shape().iter().fold(item, |item, _| Found::list_of(item)))
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
fn merge(one: Found, other: Found) -> Result<Found> {
    use DataType as D;
    use Found as F;
    Ok(match (one, other) {
        (F::Missing(D::Null), other) | (other, F::Missing(D::Null)) => other,
        // NaT decides before NaN does.
        (F::Missing(D::Float64), other) | (other, F::Missing(_)) => other,
        (F::Missing(_), other) => other,
        (one, other) if one == other => one,
        (F::Plain(D::Int64), F::Plain(D::Float64)) | (F::Plain(D::Float64), F::Plain(D::Int64)) => {
            F::Plain(D::Float64)
        }
        (F::List(one), F::List(other)) => F::list_of(merge(*one, *other)?),
        (F::Struct(mut fields), F::Struct(other)) => {
            for (name, field) in other {
                match fields.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) if *known == field => {}
                    Some((_, known)) => {
                        let before = std::mem::replace(known, F::NOTHING);
                        let merged = merge(before, field);
                        *known = merged.map_err(|error| error.under(short_str(&name)))?;
                    }
                    None => fields.push((name, field)),
                }
            }
            F::Struct(fields)
        }
        (one, other) => return Err(mixed(&one.data_type(), &other.data_type().to_string())),
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

    /// Adds a NaN, if the column is one of shorter floats than Python's.
    fn append_nan(&mut self) -> bool {
        let Column::Fixed { data_type, bytes, nulls } = self else { return false };
        match data_type {
            DataType::Float16 => bytes.extend_from_slice(&half::f16::NAN.to_le_bytes()),
            DataType::Float32 => bytes.extend_from_slice(&f32::NAN.to_le_bytes()),
            _ => return false,
        }
        nulls.append_non_null();
        true
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
        let kind = element.kind();
        match missing(&kind) {
            Some(Missing::NaN)
                if matches!(self, Column::Fixed { data_type: DataType::Float64, .. }) => {}
            Some(Missing::NaN) if self.append_nan() => return Ok(()),
            Some(_) => {
                self.append_null();
                return Ok(());
            }
            None => {}
        }
        match (kind, &mut *self) {
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
                members.into_iter().enumerate().try_for_each(|(number, member)| {
                    items.append(member).map_err(|error| error.under(number))
                })?;
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
                match item.kind() {
                    ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => {
                        items.chunks_exact(NAT.len()).for_each(|it| nulls.append(it != NAT));
                    }
                    _ => nulls.append_n_non_nulls(items.len() / item.itemsize().max(1)),
                }
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
            return Err(Error::new(ErrorKind::Unsupported, "access.type", None, message));
        };
        if columns[place].len() > len {
            return Err(no_type("a dict that has a key twice"));
        }
        columns[place].append(value).map_err(|error| error.under(short_str(&name)))?;
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
            Some(Number::Four(days_since_1970(*date).to_le_bytes()))
        }
        (Kind::DateTime(DateTime { date, time }), DataType::Timestamp(_, zone)) => {
            let clock =
                i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second);
            let east = match (time.zone, zone) {
                (None, None) => 0,
                (Some(_), Some(_)) => time.utc_offset()?,
                _ => return None,
            };
            let seconds = i64::from(days_since_1970(*date)) * 86_400 + clock - east;
            eight(seconds * 1_000_000 + i64::from(time.microsecond))
        }
        (Kind::TimeDelta(delta), DataType::Duration(_)) => {
            let seconds = delta.days.checked_mul(86_400)?.checked_add(delta.seconds.into())?;
            eight(seconds.checked_mul(1_000_000)?.checked_add(delta.microseconds.into())?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_merged() {
        use DataType as D;
        use Found::{Missing, Plain};
        let merged = |one, other| merge(one, other).map(|merged| merged.data_type());
        assert_eq!(merged(Plain(D::Int64), Plain(D::Float64)).unwrap(), D::Float64);
        let lists = [Found::NOTHING, Plain(D::Int8)].map(Found::list_of);
        assert_eq!(merge(lists[0].clone(), lists[1].clone()).unwrap(), lists[1]);
        let (nan, nat) = (Missing(D::Float64), Missing(D::Duration(TimeUnit::Second)));
        for value in [Plain(D::LargeUtf8), Plain(D::Int64), lists[1].clone()] {
            for missing in [Found::NOTHING, nan.clone(), nat.clone()] {
                assert_eq!(merge(missing.clone(), value.clone()).unwrap(), value);
                assert_eq!(merge(value.clone(), missing).unwrap(), value);
            }
        }
        assert_eq!(merge(nan.clone(), nat.clone()).unwrap(), nat);
        assert_eq!(merge(nat.clone(), nan.clone()).unwrap(), nat);
        let error = merge(Plain(D::Int64), Plain(D::LargeUtf8)).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "access.type"));
    }
}
