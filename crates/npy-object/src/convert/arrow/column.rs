//! A column of a record batch, filled with elements.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, LargeBinaryBuilder};
use arrow_array::{
    ArrayRef, FixedSizeListArray, Int32Array, LargeListArray, LargeStringArray, ListArray,
    NullArray, StructArray, UnionArray, make_array,
};
use arrow_buffer::{MutableBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, UnionFields};
use npy_header::{ByteOrder, DType, Scalar, ScalarKind};
use pickle_stream::short_str;

use crate::convert::arrow::dictionary::Dictionary;
use crate::convert::arrow::infer::{
    DEPTH, FIXED_TENSOR, Inferred, Missing, Rules, VARIABLE_TENSOR, entries, is_row, kind_in,
    missing, mixed, no_type, of_type, type_of, type_of_scalar,
};
use crate::convert::arrow::number::{NAT, Number, item_number, may_hold, number, put, units_in};
#[cfg(feature = "json")]
use crate::convert::{arrow::infer::JSON, json::PlainJson};
use crate::error::{Error, ErrorKind, Result};
use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::scalar::NumPyScalar;

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
    /// Texts that are the same in many rows.
    Dictionary(Box<Dictionary>),
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
    /// Arrays with their shapes.
    Tensors(Box<Tensors>),
    /// Values of several kinds, as JSON.
    #[cfg(feature = "json")]
    Json {
        json: Box<PlainJson>,
        values: Vec<u8>,
        ends: Vec<i64>,
        nulls: NullBufferBuilder,
    },
    /// Values of several kinds, each in the column of its kind.
    Union {
        fields: UnionFields,
        kinds: Vec<Inferred>,
        columns: Vec<Column>,
        types: Vec<i8>,
        offsets: Vec<i32>,
    },
}

/// A column of arrays with their shapes.
pub(super) struct Tensors {
    data_type: DataType,
    /// The shape of all arrays, where they have one.
    shape: Option<Vec<usize>>,
    ndim: usize,
    item: FieldRef,
    items: Column,
    ends: Vec<i32>,
    lengths: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Column {
    /// Returns an empty column, with room for as many bytes as `sizes` says: see
    /// [`sizes`](Self::sizes). Recurses as deep as the type, which is at most [`DEPTH`] and the
    /// dimensions of an array.
    pub(super) fn new(field: &Field, sizes: &mut dyn Iterator<Item = usize>) -> Column {
        let nulls = NullBufferBuilder::new(0);
        let extension = field.metadata().get(EXTENSION_TYPE_NAME_KEY).map(String::as_str);
        if let Some(FIXED_TENSOR | VARIABLE_TENSOR) = extension
            && let Some(tensors) = Tensors::new(field, sizes)
        {
            return Column::Tensors(Box::new(tensors));
        }
        match field.data_type() {
            DataType::Null => Column::Null(0),
            DataType::Boolean => Column::Boolean(BooleanBuilder::new()),
            #[cfg(feature = "json")]
            DataType::LargeUtf8 if extension == Some(JSON) => {
                let json = Box::new(PlainJson::new());
                Column::Json { json, values: Vec::new(), ends: vec![0], nulls }
            }
            DataType::LargeUtf8 => Column::Text {
                values: Vec::with_capacity(sizes.next().unwrap_or(0)),
                ends: vec![0],
                nulls,
            },
            DataType::Dictionary(..) => Column::Dictionary(Box::new(Dictionary::new())),
            DataType::LargeBinary => Column::Binary(LargeBinaryBuilder::new()),
            DataType::LargeList(field) => {
                let items = Box::new(Column::new(field, sizes));
                Column::List { field: Arc::clone(field), items, ends: vec![0], nulls }
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().map(|field| Column::new(field, sizes)).collect();
                Column::Struct { fields: fields.clone(), columns, nulls }
            }
            DataType::Union(fields, _) => Column::Union {
                fields: fields.clone(),
                kinds: fields.iter().map(|(_, field)| of_type(field.data_type())).collect(),
                columns: fields.iter().map(|(_, field)| Column::new(field, sizes)).collect(),
                types: Vec::new(),
                offsets: Vec::new(),
            },
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
            Column::Dictionary(dictionary) => dictionary.len(),
            Column::Binary(builder) => builder.len(),
            Column::Fixed { nulls, .. }
            | Column::Text { nulls, .. }
            | Column::List { nulls, .. }
            | Column::Struct { nulls, .. } => nulls.len(),
            #[cfg(feature = "json")]
            Column::Json { nulls, .. } => nulls.len(),
            Column::Tensors(tensors) => tensors.nulls.len(),
            Column::Union { types, .. } => types.len(),
        }
    }

    /// Returns the number of bytes that the column takes, without its nulls.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Column::Null(_) => 0,
            Column::Boolean(builder) => builder.len(),
            Column::Text { values, ends, .. } => values.len() + 8 * ends.len(),
            Column::Dictionary(dictionary) => dictionary.bytes(),
            Column::Binary(builder) => builder.values_slice().len() + 8 * builder.len(),
            Column::Fixed { bytes, .. } => bytes.len(),
            Column::List { items, ends, .. } => items.bytes() + 8 * ends.len(),
            Column::Struct { columns, .. } => columns.iter().map(Column::bytes).sum(),
            #[cfg(feature = "json")]
            Column::Json { values, ends, .. } => values.len() + 8 * ends.len(),
            Column::Tensors(tensors) => {
                let Tensors { items, ends, lengths, .. } = &**tensors;
                items.bytes() + 4 * ends.len() + 4 * lengths.len()
            }
            Column::Union { columns, types, .. } => {
                columns.iter().map(Column::bytes).sum::<usize>() + 5 * types.len()
            }
        }
    }

    /// Appends the number of bytes of each column of texts or numbers in this one.
    pub(super) fn sizes(&self, sizes: &mut Vec<usize>) {
        match self {
            Column::Text { values, .. } => sizes.push(values.len()),
            Column::Fixed { bytes, .. } => sizes.push(bytes.len()),
            Column::List { items, .. } => items.sizes(sizes),
            Column::Struct { columns, .. } | Column::Union { columns, .. } => {
                columns.iter().for_each(|column| column.sizes(sizes));
            }
            Column::Tensors(tensors) => tensors.items.sizes(sizes),
            #[cfg(feature = "json")]
            Column::Json { .. } => {}
            Column::Null(_) | Column::Boolean(_) | Column::Dictionary(_) | Column::Binary(_) => {}
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
            Column::Dictionary(dictionary) => dictionary.append_null(),
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
            #[cfg(feature = "json")]
            Column::Json { values, ends, nulls, .. } => {
                ends.push(values.len() as i64);
                nulls.append_null();
            }
            Column::Tensors(tensors) => tensors.append_null(),
            // A union has no nulls of its own.
            Column::Union { columns, types, offsets, .. } => {
                types.push(0);
                offsets.push(columns.first().map_or(0, Column::len) as i32);
                columns.iter_mut().take(1).for_each(Column::append_null);
            }
        }
    }

    /// Appends a text to a column of texts.
    pub(super) fn append_text(&mut self, text: &str) {
        match self {
            Column::Text { values, ends, nulls } => {
                values.extend_from_slice(text.as_bytes());
                ends.push(values.len() as i64);
                nulls.append_non_null();
            }
            Column::Dictionary(dictionary) => dictionary.append(text.as_bytes()),
            _ => unreachable!("the caller has looked at the column"),
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
    ///
    /// Fails where it has no place in the column, with the offset of the value.
    pub(super) fn append(&mut self, element: Element<'_>) -> Result<()> {
        self.append_value(element).map_err(|error| element.located(error))
    }

    fn append_value(&mut self, element: Element<'_>) -> Result<()> {
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
            Some(Missing::NaN) if matches!(self, Column::Union { .. }) => {}
            Some(_) => {
                self.append_null();
                return Ok(());
            }
            None => {}
        }
        match &mut *self {
            #[cfg(feature = "json")]
            Column::Json { json, values, ends, nulls } => {
                json.write(values, element)?;
                ends.push(values.len() as i64);
                nulls.append_non_null();
                return Ok(());
            }
            Column::Union { kinds, columns, types, offsets, .. } => {
                let found = type_of(element, DEPTH, Rules { looks: true, ..Rules::default() })?;
                let Some(kind) = kind_in(kinds, &found) else {
                    return Err(mixed(&self.data_type(), kind.name()));
                };
                let column = &mut columns[kind];
                let (id, len) = (kind as i8, column.len() as i32);
                column.append(element)?;
                types.push(id);
                offsets.push(len);
                return Ok(());
            }
            _ => {}
        }
        match (kind, &mut *self) {
            (Kind::Bool(value), Column::Boolean(builder)) => builder.append_value(value),
            (Kind::Str(text), column @ (Column::Text { .. } | Column::Dictionary(_))) => {
                let Some(text) = text.to_str() else {
                    return Err(no_type("a str with a lone surrogate"));
                };
                column.append_text(text);
            }
            (Kind::Bytes(value) | Kind::ByteArray(value), Column::Binary(builder)) => {
                builder.append_value(&*value);
            }
            (Kind::Scalar(scalar), column) => column.append_dtype(scalar.dtype(), scalar.data())?,
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
            (Kind::Array(array), Column::Tensors(tensors)) => tensors.append(&array)?,
            (Kind::Array(array), column) => column.append_array(&array)?,
            (kind, Column::Struct { fields, columns, nulls }) if is_row(&kind) => {
                append_row(columns, fields, element, false)?;
                nulls.append_non_null();
            }
            (kind, Column::Fixed { data_type, bytes, nulls }) => {
                let number = number(&kind, data_type);
                if !number.is_some_and(|number| put(data_type, bytes, number)) {
                    return Err(misfit(data_type, &kind));
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
            Column::Dictionary(_) => Dictionary::data_type(),
            Column::Binary(_) => DataType::LargeBinary,
            Column::Fixed { data_type, .. } => data_type.clone(),
            Column::List { field, .. } => DataType::LargeList(Arc::clone(field)),
            Column::Struct { fields, .. } => DataType::Struct(fields.clone()),
            #[cfg(feature = "json")]
            Column::Json { .. } => DataType::LargeUtf8,
            Column::Tensors(tensors) => tensors.data_type.clone(),
            Column::Union { fields, .. } => {
                DataType::Union(fields.clone(), arrow_schema::UnionMode::Dense)
            }
        }
    }

    /// Appends an array as lists, or its one item if it has no dimensions.
    fn append_array(&mut self, array: &Array<'_>) -> Result<()> {
        if array.mask().is_some() {
            return Err(no_type("masked arrays"));
        }
        match (array.item(), array.data()) {
            (ItemType::Plain(item), Data::Bytes(bytes)) => {
                let size = item.itemsize();
                let bytes = array.to_c_order(bytes, size);
                self.append_nested(array.shape(), bytes.len(), &mut |column, place, count| {
                    let items = &bytes[place * size..(place + count) * size];
                    column.append_all(item, items, count)
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

    /// Appends items of a dtype, `count` of them, given as bytes.
    fn append_all(&mut self, dtype: &DType, items: &[u8], count: usize) -> Result<()> {
        match dtype {
            // Items without bytes are not worth a fast path.
            DType::Scalar(scalar) if scalar.itemsize() > 0 => self.append_items(*scalar, items),
            _ => {
                let size = dtype.itemsize();
                (0..count).try_for_each(|item| {
                    self.append_dtype(dtype, &items[item * size..(item + 1) * size])
                })
            }
        }
    }

    /// Appends one item of a dtype. Recurses as deep as the dtype.
    fn append_dtype(&mut self, dtype: &DType, item: &[u8]) -> Result<()> {
        match (dtype, self) {
            (DType::Scalar(scalar), column) => match scalar.itemsize() {
                0 => column.append_empty(*scalar),
                _ => column.append_items(*scalar, item),
            },
            (DType::Struct(record), Column::Struct { fields, columns, nulls }) => {
                append_fields(columns, fields, record, item, false)?;
                nulls.append_non_null();
                Ok(())
            }
            (DType::Subarray(array), column) => {
                let (base, size) = (array.base(), array.base().itemsize());
                column.append_nested(array.shape(), item.len(), &mut |column, place, count| {
                    let items = &item[place * size..(place + count) * size];
                    column.append_all(base, items, count)
                })
            }
            (other, column) => Err(mixed(&column.data_type(), &format!("dtype {other}"))),
        }
    }

    /// Appends an item that has no bytes: an empty text.
    fn append_empty(&mut self, scalar: Scalar) -> Result<()> {
        match (scalar.kind(), self) {
            (ScalarKind::Unicode, column @ (Column::Text { .. } | Column::Dictionary(_))) => {
                column.append_text("");
            }
            (ScalarKind::Bytes, Column::Binary(builder)) => builder.append_value(b""),
            (_, column) => return Err(mixed(&column.data_type(), &format!("dtype {scalar}"))),
        }
        Ok(())
    }

    /// Appends items of a dtype that has a size, given as bytes.
    fn append_items(&mut self, item: Scalar, items: &[u8]) -> Result<()> {
        let found = type_of_scalar(item)?;
        let size = item.itemsize().max(1);
        match self {
            Column::Boolean(builder) if found == DataType::Boolean => {
                items.iter().for_each(|&byte| builder.append_value(byte != 0));
            }
            Column::Fixed { data_type, bytes, nulls }
                if *data_type == found && item.order() != ByteOrder::Big && is_unscaled(item) =>
            {
                bytes.extend_from_slice(items);
                match item.kind() {
                    ScalarKind::Datetime(_) | ScalarKind::Timedelta(_) => {
                        items.chunks_exact(NAT.len()).for_each(|it| nulls.append(it != NAT));
                    }
                    _ => nulls.append_n_non_nulls(items.len() / size),
                }
            }
            Column::Fixed { data_type, bytes, nulls } if may_hold(data_type, &found) => {
                let is_time =
                    matches!(item.kind(), ScalarKind::Datetime(_) | ScalarKind::Timedelta(_));
                let nat = match item.order() {
                    ByteOrder::Big => i64::MIN.to_be_bytes(),
                    _ => NAT,
                };
                let units = units_in(data_type, &found);
                for bits in items.chunks_exact(size) {
                    let is_null = is_time && bits == nat;
                    if is_null {
                        bytes.extend_zeros(data_type.primitive_width().unwrap_or(0));
                    } else {
                        let number = match item_number(item, bits) {
                            Some(Number::Int(int)) => Some(Number::Int(int * units)),
                            other => other,
                        };
                        if !number.is_some_and(|number| put(data_type, bytes, number)) {
                            let message =
                                format!("an item of dtype {item} that it has no room for");
                            return Err(mixed(data_type, &message));
                        }
                    }
                    nulls.append(!is_null);
                }
            }
            column @ (Column::Text { .. } | Column::Dictionary(_))
                if found == DataType::LargeUtf8 =>
            {
                for text in items.chunks_exact(size) {
                    let text = NumPyScalar::new(item.into(), text.into());
                    let text = text.as_ref().and_then(NumPyScalar::to_text);
                    let text = text.ok_or_else(|| no_type("a str with a lone surrogate"))?;
                    column.append_text(&text);
                }
            }
            Column::Binary(builder) if found == DataType::LargeBinary => {
                for bytes in items.chunks_exact(size) {
                    let len = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                    builder.append_value(&bytes[..len]);
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
            Column::Dictionary(dictionary) => Arc::new(dictionary.finish()?),
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
            #[cfg(feature = "json")]
            Column::Json { values, ends, nulls, .. } => {
                Column::Text { values, ends, nulls }.finish()?
            }
            Column::Tensors(tensors) => tensors.finish()?,
            Column::Union { fields, columns, types, offsets, .. } => {
                let columns = columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
                let (types, offsets) = (types.into(), Some(offsets.into()));
                Arc::new(UnionArray::try_new(fields, types, offsets, columns)?)
            }
        })
    }
}

impl Tensors {
    /// Returns an empty column of tensors; `None` where the field is not one of them.
    fn new(field: &Field, sizes: &mut dyn Iterator<Item = usize>) -> Option<Tensors> {
        let (item, shape, ndim) = match field.data_type() {
            DataType::FixedSizeList(item, _) => {
                let shape = fixed_shape(field)?;
                let ndim = shape.len();
                (item, Some(shape), ndim)
            }
            DataType::Struct(fields) => {
                let (data, shape) = (fields.first()?, fields.get(1)?);
                let DataType::List(item) = data.data_type() else { return None };
                let DataType::FixedSizeList(_, ndim) = shape.data_type() else { return None };
                (item, None, *ndim as usize)
            }
            _ => return None,
        };
        Some(Tensors {
            data_type: field.data_type().clone(),
            shape,
            ndim,
            items: Column::new(item, sizes),
            item: Arc::clone(item),
            ends: vec![0],
            lengths: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        })
    }

    /// Appends an array.
    fn append(&mut self, array: &Array<'_>) -> Result<()> {
        let (expected, found) = (&self.shape, array.shape());
        if array.mask().is_some() {
            return Err(no_type("masked arrays"));
        }
        if found.len() != self.ndim || expected.as_ref().is_some_and(|shape| shape != found) {
            return Err(mixed(&self.data_type, &format!("an array of shape {found:?}")));
        }
        let (ItemType::Plain(item), Data::Bytes(bytes)) = (array.item(), array.data()) else {
            return Err(mixed(&self.data_type, &format!("an array of dtype {}", array.item())));
        };
        for &length in found {
            let length = i32::try_from(length).map_err(|_| too_long(length))?;
            self.lengths.push(length);
        }
        let bytes = array.to_c_order(bytes, item.itemsize());
        self.items.append_all(
            item,
            &bytes,
            bytes.len().checked_div(item.itemsize()).unwrap_or(0),
        )?;
        self.ends.push(i32::try_from(self.items.len()).map_err(|_| too_long(self.items.len()))?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        let size = self.shape.as_ref().map_or(0, |shape| shape.iter().product());
        (0..size).for_each(|_| self.items.append_null());
        self.lengths.extend((0..self.ndim).map(|_| 0));
        self.ends.push(self.items.len() as i32);
        self.nulls.append_null();
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let Tensors { data_type, item, items, ends, lengths, mut nulls, .. } = self;
        let (len, items, nulls) = (nulls.len(), items.finish()?, nulls.finish());
        Ok(match data_type {
            DataType::FixedSizeList(_, size) => {
                Arc::new(FixedSizeListArray::try_new_with_length(item, size, items, nulls, len)?)
            }
            DataType::Struct(fields) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                let data = ListArray::try_new(item, offsets, items, None)?;
                let DataType::FixedSizeList(length, ndim) = fields[1].data_type() else {
                    unreachable!("the column was made of a field of tensors")
                };
                let lengths = Arc::new(Int32Array::from(lengths));
                let shapes = FixedSizeListArray::try_new(Arc::clone(length), *ndim, lengths, None)?;
                Arc::new(StructArray::try_new(
                    fields,
                    vec![Arc::new(data), Arc::new(shapes)],
                    nulls,
                )?)
            }
            _ => unreachable!("the column was made of a field of tensors"),
        })
    }
}

/// Returns the shape in the metadata of a field of tensors: `{"shape":[2, 3]}`, as this crate writes it.
pub(crate) fn fixed_shape(field: &Field) -> Option<Vec<usize>> {
    let metadata = field.metadata().get(arrow_schema::extension::EXTENSION_TYPE_METADATA_KEY)?;
    let lengths = metadata.strip_prefix("{\"shape\":[")?.strip_suffix("]}")?;
    lengths.split(',').map(|length| length.trim().parse().ok()).collect()
}

#[cold]
fn too_long(length: usize) -> Error {
    let message = format!("expected at most 2^31 - 1 items of a tensor in a batch, found {length}");
    Error::new(ErrorKind::Unsupported, "access.type", None, message)
}

/// Returns whether a unit of a dtype of times is a unit of its column.
fn is_unscaled(item: Scalar) -> bool {
    match item.kind() {
        ScalarKind::Datetime(unit) | ScalarKind::Timedelta(unit) => {
            unit.num() == 1 && unit.base() >= npy_header::TimeBase::Second
        }
        _ => true,
    }
}

/// Returns the error for a value that a column has no room for.
#[cold]
fn misfit(data_type: &DataType, kind: &Kind<'_>) -> Error {
    let found = match kind {
        Kind::Int(value) if data_type.is_numeric() => format!("int {value}"),
        Kind::Long(value) if data_type.is_numeric() => {
            format!("an int of {} bits", 8 * value.as_le_bytes().len())
        }
        Kind::Decimal(text) if data_type.is_numeric() => format!("Decimal({})", short_str(text)),
        kind => kind.name().to_owned(),
    };
    mixed(data_type, &found)
}

/// Appends the values of a dict or record to the columns of these names. With `leaves_out`, values of
/// other names are left out; they are an error without.
pub(super) fn append_row(
    columns: &mut [Column],
    fields: &Fields,
    element: Element<'_>,
    leaves_out: bool,
) -> Result<()> {
    let len = columns.first().map_or(0, Column::len);
    let kind = element.kind();
    let entries = match (entries(&kind), &kind) {
        (Some(entries), _) => entries?,
        (None, Kind::Scalar(scalar)) if let DType::Struct(record) = scalar.dtype() => {
            return append_fields(columns, fields, record, scalar.data(), leaves_out);
        }
        (None, kind) => {
            return Err(mixed(&DataType::Struct(fields.clone()), kind.name()));
        }
    };
    for (place, (name, value)) in entries.into_iter().enumerate() {
        // The keys of dicts are mostly in the order of the columns.
        let is_there = fields.get(place).is_some_and(|field| *field.name() == *name);
        let place = if is_there { Some(place) } else { fields.find(&name).map(|(place, _)| place) };
        let Some(place) = place else {
            if leaves_out {
                continue;
            }
            let message =
                format!("expected a dict with the keys of the schema, found key {name:?}");
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

/// Appends the fields of an item of a structured dtype to the columns of these names.
fn append_fields(
    columns: &mut [Column],
    fields: &Fields,
    record: &npy_header::Struct,
    item: &[u8],
    leaves_out: bool,
) -> Result<()> {
    let len = columns.first().map_or(0, Column::len);
    for field in record.fields() {
        let Some((place, _)) = fields.find(&field.name) else {
            if leaves_out {
                continue;
            }
            return Err(mixed(&DataType::Struct(fields.clone()), "a record of other fields"));
        };
        let bytes = &item[field.offset..field.offset + field.dtype.itemsize()];
        let appended = columns[place].append_dtype(&field.dtype, bytes);
        appended.map_err(|error| error.under(short_str(&field.name)))?;
    }
    columns.iter_mut().filter(|column| column.len() == len).for_each(Column::append_null);
    Ok(())
}
