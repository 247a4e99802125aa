//! The schema of the columns: inferred from elements, or given.

use std::ops::{ControlFlow, RangeBounds};
use std::sync::Arc;

use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use npy_header::DType;
use pickle_stream::short_str;

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::dictionary::Dictionary;
use crate::convert::arrow::infer::{
    DEPTH, Inferred, Mixed, Rules, Tensors, entries, is_row, merge, no_type, type_of,
};
use crate::convert::arrow::known::Known;
use crate::convert::arrow::of_element;
use crate::decode::elements::bounds;
use crate::error::Result;
use crate::value::element::Element;
use crate::value::kind::Kind;

/// The name of the column, where the elements are not dicts.
const COLUMN: &str = "element";

/// Elements that are decoded one by one before the others are decoded on several threads.
const PATIENCE: u64 = 1 << 12;

/// Elements that are decoded between two calls of `progress`.
const PROGRESS: u64 = 1 << 10;

/// The schema that all elements of one or several arrays fit, for
/// [`NpyArray::record_batches_as`]: the batches of every part then have one schema.
///
/// It has a column for each key where all elements are dicts, or for each field where they are
/// structured; else one column, `element`.
///
/// ```
/// use npy_object::Inference;
///
/// let mut array = npy_object::open("tests/data/strings.npy")?;
/// let mut inference = Inference::default();
/// inference.add(&mut array, ..)?;
/// let batches = array.record_batches_as(1.., 1000, inference.schema())?;
/// assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inference {
    rules: Rules,
    tensors: Tensors,
    inferred: Inferred,
    /// Whether all elements are rows, and whether there are any elements.
    are_rows: bool,
    is_empty: bool,
}

impl Default for Inference {
    fn default() -> Inference {
        let (rules, tensors) = (Rules::default(), Tensors::default());
        Inference { rules, tensors, inferred: Inferred::NOTHING, are_rows: true, is_empty: true }
    }
}

impl Inference {
    /// Returns an inference of no elements. Several kinds of values in one column are an error, and
    /// arrays become lists.
    pub fn new() -> Inference {
        Inference::default()
    }

    /// Sets the type of a column of values of several kinds.
    #[must_use]
    pub fn mixed(mut self, mixed: Mixed) -> Inference {
        self.rules.mixed = mixed;
        self
    }

    /// Sets the type of a column of arrays.
    #[must_use]
    pub fn tensors(mut self, tensors: Tensors) -> Inference {
        self.tensors = tensors;
        // Whether arrays have one shape is seen only in each of them.
        self.rules.looks = tensors == Tensors::Fixed;
        self
    }

    /// Looks at the elements with these numbers, after which the array is at the next one. A range
    /// without a beginning begins at the next element. Elements with instructions that were met before
    /// are not decoded; at the end of the array, others are decoded on all cores.
    ///
    /// Fails as reading does, and with clause `access.type`, element and offset, where an element has
    /// no Arrow type, or one that does not fit the types of the elements before it.
    pub fn add(&mut self, array: &mut NpyArray, range: impl RangeBounds<u64>) -> Result<()> {
        self.add_with(array, range, |_| Ok(()))
    }

    /// Does what [`add`](Self::add) does, and calls `progress` with the number of elements that were
    /// looked at so far. An error of `progress` ends it.
    pub fn add_with(
        &mut self,
        array: &mut NpyArray,
        range: impl RangeBounds<u64>,
        mut progress: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let (begin, end) = bounds(array.cursor(), range);
        array.seek(begin);
        self.look(array, end, Stop::default(), &mut progress).map_err(|error| match error.file() {
            Some(_) => error,
            None => array.cursor().source().explain(error),
        })
    }

    /// Looks at the first `rows` of the next elements up to `end`, or as many as have `bytes`, and at
    /// more where they are all missing.
    pub(super) fn add_first(
        &mut self,
        array: &mut NpyArray,
        end: u64,
        rows: u64,
        bytes: usize,
    ) -> Result<()> {
        self.look(array, end, Stop { rows, bytes }, &mut |_| Ok(()))
    }

    /// Returns the schema of the elements that were looked at.
    pub fn schema(&self) -> SchemaRef {
        let field = self.inferred.field(COLUMN, self.tensors);
        let fields = match field.data_type() {
            DataType::Struct(fields) if self.are_rows() => fields.clone(),
            _ => Fields::from(vec![field]),
        };
        Arc::new(Schema::new(fields))
    }

    /// Returns whether there are elements, and all are dicts or records, whose keys are the columns.
    pub fn are_rows(&self) -> bool {
        self.are_rows && !self.is_empty
    }

    /// Looks at the next elements up to `end`.
    fn look(
        &mut self,
        array: &mut NpyArray,
        end: u64,
        stop: Stop,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let (begin, mut before) = (array.position(), self.clone());
        let looked = self.look_once(array, end, stop, progress);
        let is_mixed = match &looked {
            Ok(()) => self.inferred.is_mixed() && !before.inferred.is_mixed(),
            Err(error) => error.clause() == "access.type",
        };
        if !is_mixed || self.rules.looks {
            return looked;
        }
        // There may be ints and floats in one column: look at the items of arrays.
        array.seek(begin);
        before.rules.looks = true;
        let looked = before.look_once(array, end, stop, progress);
        before.rules.looks = false;
        *self = before;
        looked
    }

    fn look_once(
        &mut self,
        array: &mut NpyArray,
        end: u64,
        stop: Stop,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let (begin, mut bytes, mut decoded) = (array.position(), 0, 0);
        let mut known = Known::default();
        // Threads decode the elements up to the end of the array.
        let mut may_fork = stop.rows == u64::MAX && end == array.len();
        while array.position() < end {
            let number = array.position();
            let is_over = number - begin >= stop.rows || bytes >= stop.bytes;
            if is_over && !matches!(self.inferred, Inferred::Missing(_)) {
                break;
            }
            if !self.rules.looks {
                let passed = known.pass(array, end - number);
                if passed > 0 {
                    bytes += passed;
                    progress(array.position() - begin)?;
                    continue;
                }
            }
            if may_fork && decoded >= PATIENCE && decoded * 2 > number - begin {
                self.fork(array, begin, progress)?;
                // Elements that do not fit the ones before them come again, to find the first one.
                may_fork = false;
                continue;
            }
            let element = match array.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                // It comes up again after the elements before it, which have a type.
                Err(_) if number > begin && stop.rows < u64::MAX => break,
                Err(error) => return Err(error),
            };
            bytes += element.value().map_or(0, |value| value.graph_bytes());
            let depends = self.take(element);
            let depends = depends.map_err(|error| of_element(array, error, number))?;
            if depends {
                known.forget_noted();
            }
            decoded += 1;
            if decoded % PROGRESS == 0 {
                progress(number - begin)?;
            }
        }
        Ok(())
    }

    /// Adds an element. Returns whether other elements with the same instructions may have other types.
    fn take(&mut self, element: Element<'_>) -> Result<bool> {
        self.is_empty = false;
        self.are_rows &= is_row(&element.kind());
        let found = type_of(element, DEPTH, self.rules)?;
        let depends = found.depends_on_text();
        let before = std::mem::replace(&mut self.inferred, Inferred::NOTHING);
        let merged = merge(before, found, self.rules);
        self.inferred = merged.map_err(|error| element.located(error))?;
        Ok(depends)
    }

    /// Looks at the elements from here on, on all cores, up to the first few thousand that do not all
    /// fit the ones before them. The next element is then the first of those.
    fn fork(
        &mut self,
        array: &mut NpyArray,
        begin: u64,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        struct Part {
            inference: Inference,
            count: u64,
            failed: bool,
        }
        let rules = self.rules;
        let new = || {
            let inference = Inference { rules, ..Inference::default() };
            Part { inference, count: 0, failed: false }
        };
        let fold = |part: &mut Part, element: Element<'_>| {
            part.failed |= part.inference.take(element).is_err();
            part.count += 1;
        };
        let (mut number, mut outcome) = (array.position(), Ok(()));
        let folded = array.fold_parallel(0, new, fold, |part| {
            if part.failed {
                return ControlFlow::Break(());
            }
            let merged = merge(self.inferred.clone(), part.inference.inferred, rules);
            let Ok(merged) = merged else { return ControlFlow::Break(()) };
            self.inferred = merged;
            self.are_rows &= part.inference.are_rows;
            number += part.count;
            outcome = progress(number - begin);
            if outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        array.seek(number);
        folded.and(outcome)
    }
}

/// Where an inference stops before the end.
#[derive(Clone, Copy)]
struct Stop {
    rows: u64,
    bytes: usize,
}

impl Default for Stop {
    fn default() -> Stop {
        Stop { rows: u64::MAX, bytes: usize::MAX }
    }
}

/// Returns the schema with times in milliseconds where they are in seconds, which Parquet lacks.
#[cfg(feature = "parquet")]
pub(crate) fn without_seconds(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(field_without_seconds).collect::<Fields>())
}

/// Recurses as deep as the type, which has a limit.
#[cfg(feature = "parquet")]
fn field_without_seconds(field: &Arc<Field>) -> Field {
    let inner = |field: &Arc<Field>| Arc::new(field_without_seconds(field));
    let data_type = match field.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item), *size),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(field_without_seconds).collect())
        }
        other => other.clone(),
    };
    Field::clone(field).with_data_type(data_type)
}

/// Returns the fields of the columns that are made for a schema that was asked for.
///
/// Fails with clause `access.type` where elements never become a type.
pub(super) fn made_for(fields: &Fields) -> Result<Fields> {
    fields.iter().map(|field| made(field)).collect()
}

fn made(field: &Field) -> Result<Field> {
    // Text that is JSON, and tensors: their parts are as they were inferred.
    if field.metadata().contains_key(EXTENSION_TYPE_NAME_KEY) {
        return Ok(field.clone());
    }
    let data_type = type_made_for(field.data_type(), DEPTH);
    let data_type = data_type.map_err(|error| error.under(short_str(field.name())))?;
    // Any column may have nulls.
    Ok(field.clone().with_data_type(data_type).with_nullable(true))
}

/// Returns the type of the column that is made for this type: text, binary and lists are large.
fn type_made_for(data_type: &DataType, depth: usize) -> Result<DataType> {
    use DataType as D;
    let unfit = || no_type(&format!("elements as {data_type}"));
    let depth = depth.checked_sub(1).ok_or_else(unfit)?;
    let inner = |field: &Field| {
        let data_type = type_made_for(field.data_type(), depth)?;
        Ok(field.clone().with_data_type(data_type).with_nullable(true))
    };
    Ok(match data_type {
        D::Utf8 | D::LargeUtf8 | D::Utf8View => D::LargeUtf8,
        D::Dictionary(_, text) if type_made_for(text, depth)? == D::LargeUtf8 => {
            Dictionary::data_type()
        }
        D::Binary | D::LargeBinary | D::BinaryView => D::LargeBinary,
        D::List(field) | D::LargeList(field) | D::ListView(field) | D::LargeListView(field) => {
            D::LargeList(Arc::new(inner(field)?))
        }
        D::Struct(fields) => {
            D::Struct(fields.iter().map(|field| inner(field)).collect::<Result<_>>()?)
        }
        D::Null | D::Boolean | D::Float16 | D::Float32 | D::Float64 | D::Date32 => {
            data_type.clone()
        }
        number if number.is_integer() => data_type.clone(),
        D::Timestamp(_, None) | D::Timestamp(TimeUnit::Microsecond, Some(_)) | D::Duration(_) => {
            data_type.clone()
        }
        D::Time64(TimeUnit::Microsecond) | D::Union(..) => data_type.clone(),
        D::Decimal128(_, scale) | D::Decimal256(_, scale) if *scale >= 0 => data_type.clone(),
        _ => return Err(unfit()),
    })
}

/// Returns whether the columns of this schema are the keys of dicts, or the fields of records, if
/// `first` is one of the elements.
pub(super) fn is_of_rows(fields: &Fields, first: Element<'_>) -> bool {
    let [field] = &fields[..] else { return true };
    if field.name() != COLUMN {
        return true;
    }
    // Dicts with None among them are one column of structs. So are the values of the key `element`, if
    // no other column was asked for.
    let kind = first.kind();
    let DataType::Struct(fields) = field.data_type() else { return is_row(&kind) };
    match (entries(&kind), &kind) {
        (Some(Ok(entries)), _) => entries.iter().any(|(name, _)| fields.find(name).is_none()),
        (None, Kind::Scalar(scalar)) if let DType::Struct(record) = scalar.dtype() => {
            record.fields().iter().any(|field| fields.find(&field.name).is_none())
        }
        _ => false,
    }
}
