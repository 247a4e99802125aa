//! The schema of the columns: inferred from elements, or given.

use std::ops::RangeBounds;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::infer::{DEPTH, Inferred, merge, no_type, type_of};
use crate::convert::arrow::known::Known;
use crate::decode::elements::bounds;
use crate::error::Result;
use crate::value::element::Element;
use crate::value::kind::Kind;

/// The number of bytes after which a batch ends, though it has fewer rows.
pub(super) const BATCH_BYTES: usize = 16 << 20;
/// The name of the column, where the elements are not dicts.
const COLUMN: &str = "element";

/// The schema that all elements of several arrays fit, for
/// [`NpyArray::record_batches_as`]: the batches of every part then have one schema.
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
    found: Inferred,
    /// Whether all elements are dicts, whose keys are the columns, and whether there are any elements.
    are_dicts: bool,
    is_empty: bool,
}

impl Default for Inference {
    fn default() -> Inference {
        Inference { found: Inferred::NOTHING, are_dicts: true, is_empty: true }
    }
}

impl Inference {
    /// Looks at the elements with these numbers, after which the array is at the next one. A range
    /// without a beginning begins at the next element.
    ///
    /// Fails with clause `access.type` where an element has no Arrow type, or one that does not fit
    /// the types of the elements before it, and as reading does.
    pub fn add(&mut self, array: &mut NpyArray, range: impl RangeBounds<u64>) -> Result<()> {
        let (begin, end) = bounds(array.cursor(), range);
        array.seek(begin);
        self.look(array, end, |_, _| false).map_err(|error| match error.file() {
            Some(_) => error,
            None => array.cursor().source().explain(error),
        })
    }

    /// Returns the schema of the elements that were looked at.
    pub fn schema(&self) -> SchemaRef {
        let fields = match self.found.data_type() {
            DataType::Struct(fields) if self.are_dicts() => fields,
            other => Fields::from(vec![Field::new(COLUMN, other, true)]),
        };
        Arc::new(Schema::new(fields))
    }

    /// Returns whether there are elements, and all are dicts.
    pub(super) fn are_dicts(&self) -> bool {
        self.are_dicts && !self.is_empty
    }

    /// Looks at the next elements up to the number `end`, until `is_enough`, which is called with the
    /// number of the next one and the bytes so far, and one of them has a type.
    pub(super) fn look(
        &mut self,
        array: &mut NpyArray,
        end: u64,
        is_enough: impl Fn(u64, usize) -> bool,
    ) -> Result<()> {
        let (begin, mut bytes, mut known) = (array.position(), 0, Known::default());
        while array.position() < end {
            let number = array.position();
            if is_enough(number, bytes) && !matches!(self.found, Inferred::Missing(_)) {
                break;
            }
            let passed = known.pass(array, end - number);
            if passed > 0 {
                bytes += passed;
                continue;
            }
            let element = match array.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                // It comes up again after the elements before it, which have a type.
                Err(_) if number > begin => break,
                Err(error) => return Err(error),
            };
            bytes += element.value().map_or(0, |value| value.graph_bytes());
            self.is_empty = false;
            self.are_dicts &= is_dict(element);
            let before = std::mem::replace(&mut self.found, Inferred::NOTHING);
            let merged = type_of(element, DEPTH).and_then(|next| merge(before, next));
            self.found = merged.map_err(|error| error.of_element(number))?;
        }
        Ok(())
    }
}

fn is_dict(element: Element<'_>) -> bool {
    matches!(element.kind(), Kind::Dict(_) | Kind::OrderedDict(_))
}

/// Returns the fields of the columns that are made for a schema that was asked for.
///
/// Fails with clause `access.type` where elements never become a type.
pub(super) fn made_for(fields: &Fields) -> Result<Fields> {
    fields.iter().map(|field| made(field)).collect()
}

fn made(field: &Field) -> Result<Field> {
    let data_type = type_made_for(field.data_type(), DEPTH);
    let data_type = data_type.map_err(|error| error.under(field.name().as_str()))?;
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
        _ => return Err(unfit()),
    })
}

/// Returns whether the columns of this schema are the keys of dicts, if `first` is one of the
/// elements.
pub(super) fn is_of_dicts(fields: &Fields, first: Element<'_>) -> bool {
    let [field] = &fields[..] else { return true };
    if field.name() != COLUMN {
        return true;
    }
    // Dicts with None among them are one column of structs. So are the values of the key `element`, if
    // no other column was asked for.
    let Ok(mut entries) = first.as_entries() else { return false };
    match field.data_type() {
        DataType::Struct(fields) => {
            entries.any(|(key, _)| key.as_str().is_ok_and(|name| fields.find(&name).is_none()))
        }
        _ => true,
    }
}
