//! A column of a record batch, filled with elements.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, LargeBinaryBuilder};
use arrow_array::{ArrayRef, LargeListArray, LargeStringArray, NullArray, StructArray, make_array};
use arrow_buffer::{MutableBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, TimeUnit};
use npy_header::{DType, Scalar, ScalarKind};
use pickle_stream::short_str;

use crate::convert::arrow::infer::{Missing, NAT, missing, mixed, no_type, type_of_scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::value::array::{Array, Data};
use crate::value::calendar::days_since_1970;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::time::DateTime;

/// A column to which elements are appended.
pub(super) enum Column {
    Null(usize),
    Boolean(BooleanBuilder),
    /// UTF-8, which is checked when the column is finished.
    Text {
        values: Vec<u8>,
        ends: Vec<i64>,
        nulls: NullBufferBuilder,
    },
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
    /// Returns an empty column, with room for as many bytes as `sizes` says: see
    /// [`sizes`](Self::sizes). Recurses as deep as the type, which is at most
    /// [`DEPTH`](super::infer::DEPTH).
    pub(super) fn new(data_type: &DataType, sizes: &mut impl Iterator<Item = usize>) -> Column {
        let nulls = NullBufferBuilder::new(0);
        match data_type {
            DataType::Null => Column::Null(0),
            DataType::Boolean => Column::Boolean(BooleanBuilder::new()),
            DataType::LargeUtf8 => Column::Text {
                values: Vec::with_capacity(sizes.next().unwrap_or(0)),
                ends: vec![0],
                nulls,
            },
            DataType::LargeBinary => Column::Binary(LargeBinaryBuilder::new()),
            DataType::LargeList(field) => {
                let items = Box::new(Column::new(field.data_type(), sizes));
                Column::List { field: Arc::clone(field), items, ends: vec![0], nulls }
            }
            DataType::Struct(fields) => {
                let columns =
                    fields.iter().map(|field| Column::new(field.data_type(), sizes)).collect();
                Column::Struct { fields: fields.clone(), columns, nulls }
            }
            fixed => {
                let (data_type, bytes) =
                    (fixed.clone(), MutableBuffer::new(sizes.next().unwrap_or(0)));
                Column::Fixed { data_type, bytes, nulls }
            }
        }
    }

    /// Returns the number of values.
    pub(super) fn len(&self) -> usize {
        match self {
            Column::Null(len) => *len,
            Column::Boolean(builder) => builder.len(),
            Column::Binary(builder) => builder.len(),
            Column::Fixed { nulls, .. }
            | Column::Text { nulls, .. }
            | Column::List { nulls, .. }
            | Column::Struct { nulls, .. } => nulls.len(),
        }
    }

    /// Returns the number of bytes that the column takes, without its nulls.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Column::Null(_) => 0,
            Column::Boolean(builder) => builder.len(),
            Column::Text { values, ends, .. } => values.len() + 8 * ends.len(),
            Column::Binary(builder) => builder.values_slice().len() + 8 * builder.len(),
            Column::Fixed { bytes, .. } => bytes.len(),
            Column::List { items, ends, .. } => items.bytes() + 8 * ends.len(),
            Column::Struct { columns, .. } => columns.iter().map(Column::bytes).sum(),
        }
    }

    /// Appends the number of bytes of each column of texts or numbers in this one.
    pub(super) fn sizes(&self, sizes: &mut Vec<usize>) {
        match self {
            Column::Text { values, .. } => sizes.push(values.len()),
            Column::Fixed { bytes, .. } => sizes.push(bytes.len()),
            Column::List { items, .. } => items.sizes(sizes),
            Column::Struct { columns, .. } => {
                columns.iter().for_each(|column| column.sizes(sizes));
            }
            Column::Null(_) | Column::Boolean(_) | Column::Binary(_) => {}
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Column::Null(len) => *len += 1,
            Column::Boolean(builder) => builder.append_null(),
            Column::Text { values, ends, nulls } => {
                ends.push(values.len() as i64);
                nulls.append_null();
            }
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

    /// Appends a NaN, if the column is of floats shorter than 64 bits.
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

    /// Appends an element. Recurses as deep as the type of the column.
    pub(super) fn append(&mut self, element: Element<'_>) -> Result<()> {
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
            (Kind::Str(text), Column::Text { values, ends, nulls }) => {
                values.extend_from_slice(text.to_string_lossy().as_bytes());
                ends.push(values.len() as i64);
                nulls.append_non_null();
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
                append_entries(columns, fields, element, false)?;
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
            Column::Text { .. } => DataType::LargeUtf8,
            Column::Binary(_) => DataType::LargeBinary,
            Column::Fixed { data_type, .. } => data_type.clone(),
            Column::List { field, .. } => DataType::LargeList(Arc::clone(field)),
            Column::Struct { fields, .. } => DataType::Struct(fields.clone()),
        }
    }

    /// Appends an array as lists, or its one item if it has no dimensions.
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

    /// Appends the lists of an array of this shape. `append(column, index, count)` appends `count`
    /// items from `index` on; `size` is the size of the array in bytes, or in objects.
    ///
    /// Fails where there would be more than 2^20 lists or items and more than `size`: the lists of an
    /// array of shape `(9999, 0)` take no bytes in the file.
    fn append_nested(
        &mut self,
        shape: &[usize],
        size: usize,
        append: &mut impl FnMut(&mut Column, usize, usize) -> Result<()>,
    ) -> Result<()> {
        // From the outermost list in: the column of each dimension gets its lists in order.
        let Some((&inner, outer)) = shape.split_last() else { return append(self, 0, 1) };
        const FREE: usize = 1 << 20;
        let product = |lengths: &[usize]| {
            // In order, as a dimension has its lists even where a later one is 0.
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

    /// Appends items of a dtype, given as bytes.
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

    /// Returns the array of the column.
    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Null(len) => Arc::new(NullArray::new(len)),
            Column::Boolean(mut builder) => Arc::new(builder.finish()),
            Column::Text { values, ends, mut nulls } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(LargeStringArray::try_new(offsets, values.into(), nulls.finish())?)
            }
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

/// Appends the entries of a dict to the columns named after their keys. With `leaves_out`, entries of
/// other keys are left out; they are an error without.
pub(super) fn append_entries(
    columns: &mut [Column],
    fields: &Fields,
    element: Element<'_>,
    leaves_out: bool,
) -> Result<()> {
    let len = columns.first().map_or(0, Column::len);
    for (key, value) in element.as_entries()? {
        let name = key.as_str().map_err(|_| no_type("a dict with keys that are not str"))?;
        let Some((place, _)) = fields.find(&name) else {
            if leaves_out {
                continue;
            }
            let message =
                format!("expected a dict with the keys of the first batch, found key {name:?}");
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

/// Converts a value to a type of fixed size; `None` where it is of another type.
fn fixed(kind: &Kind<'_>, data_type: &DataType) -> Option<Number> {
    let eight = |number: i64| Some(Number::Eight(number.to_le_bytes()));
    match (kind, data_type) {
        (Kind::Int(value), DataType::Int64) => eight(*value),
        (Kind::Int(value), DataType::Float64) => Some(Number::Eight((*value as f64).to_le_bytes())),
        (Kind::Float(value), DataType::Float64) => Some(Number::Eight(value.to_le_bytes())),
        (Kind::Date(date), DataType::Date32) => {
            Some(Number::Four(days_since_1970(*date).to_le_bytes()))
        }
        (
            Kind::DateTime(DateTime { date, time }),
            DataType::Timestamp(TimeUnit::Microsecond, zone),
        ) => {
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
        (Kind::TimeDelta(delta), DataType::Duration(TimeUnit::Microsecond)) => {
            let seconds = delta.days.checked_mul(86_400)?.checked_add(delta.seconds.into())?;
            eight(seconds.checked_mul(1_000_000)?.checked_add(delta.microseconds.into())?)
        }
        _ => None,
    }
}
