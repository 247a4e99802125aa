//! Elements to Arrow record batches, for DataFusion, Parquet writers and, through Python, pyarrow,
//! Polars and DuckDB.
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
//! The types are those of the first batch; where its elements are all missing, elements after it are
//! read until one has a type. Fails with clause `access.type` for a later element of another type,
//! and for values that Arrow has no type for: complex numbers, sets, masked and structured arrays,
//! objects of unknown classes.
//!
//! Rows of skeletons are copied column by column, as `plan` says; other elements are decoded.
//!
//! `infer` finds the type of a column, with an arm for each dtype. `column` fills the column: it copies
//! bytes, and converts only times and floats of 2 bytes.

mod column;
mod infer;
mod known;
mod plan;

use std::ops::RangeBounds;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use pickle_stream::Skeleton;

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::column::{Column, append_entries};
use crate::convert::arrow::infer::{DEPTH, Inferred, merge, type_of};
use crate::convert::arrow::known::Known;
use crate::convert::arrow::plan::{Fitting, Plan, Texts, all_fitting, append_all};
use crate::decode::block::Run;
use crate::decode::elements::bounds;
use crate::error::{Error, Result};
use crate::value::kind::Kind;

/// The number of bytes after which a batch ends, though it has fewer rows.
const BATCH_BYTES: usize = 16 << 20;
/// The name of the column, where the elements are not dicts.
const COLUMN: &str = "element";
/// The most skeletons whose plans are kept.
const PLANS: usize = 16;
/// The most texts of memo entries that are kept.
const TEXTS: usize = 1 << 16;

/// The elements of an array as record batches: see [`NpyArray::record_batches`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct RecordBatches {
    array: NpyArray,
    /// The number of the first element after the last one.
    end: u64,
    /// The greatest number of rows of a batch.
    rows: usize,
    schema: SchemaRef,
    /// Whether the elements are dicts, whose keys are the columns.
    are_dicts: bool,
    /// The plans of the skeletons, of the columns in order; `None` of one whose values are decoded.
    plans: Vec<(Arc<Skeleton>, Option<Vec<Option<Plan>>>)>,
    texts: Texts,
    /// The bytes of the columns of the last batch.
    sizes: Vec<usize>,
    /// The error that comes after the last batch.
    failed: Option<Error>,
    done: bool,
}

impl NpyArray {
    /// Returns the elements with these numbers as Arrow record batches. A batch ends after `rows` rows
    /// or 16 MiB. A range without a beginning begins at the next element.
    ///
    /// None, NaT and `pandas.NA` become null, and so does NaN among values that are not floats, as in
    /// `pyarrow.array(x, from_pandas=True)`.
    ///
    /// Fails with clause `access.type` where the elements of the first batch are not of one Arrow
    /// type, and as reading does.
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
        let ((begin, end), rows) = (bounds(self.cursor(), range), rows.max(1));
        self.seek(begin);
        let (mut found, mut are_dicts, mut bytes) = (Inferred::NOTHING, begin < end, 0);
        let mut known = Known::default();
        while self.position() < end {
            let number = self.position();
            let is_over = number - begin >= rows as u64 || bytes >= BATCH_BYTES;
            if is_over && !matches!(found, Inferred::Missing(_)) {
                break;
            }
            let passed = known.pass(&mut self, end - number);
            if passed > 0 {
                bytes += passed;
                continue;
            }
            let element = match self.next_element() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                // It comes up again after the elements before it, which have a type.
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
        Ok(RecordBatches {
            array: self,
            end,
            rows,
            schema,
            are_dicts,
            plans: Vec::new(),
            texts: Texts::new(),
            sizes: Vec::new(),
            failed: None,
            done: false,
        })
    }
}

impl RecordBatches {
    /// Reads the next batch.
    fn read(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if let Some(error) = self.failed.take() {
            return Err(external(error));
        }
        let first = self.array.position();
        match self.read_columns(true)? {
            None => Ok(None),
            Some(columns) => match finish(&self.schema, columns) {
                // A text is not UTF-8: decode the elements, to say which one.
                Err(_) => {
                    self.failed = None;
                    self.array.seek(first);
                    let columns = self.read_columns(false)?;
                    columns.map(|columns| finish(&self.schema, columns)).transpose()
                }
                batch => batch.map(Some),
            },
        }
    }

    /// Reads the columns of the next batch; `None` at the end. With `copies`, rows of skeletons are
    /// copied.
    fn read_columns(&mut self, copies: bool) -> Result<Option<Vec<Column>>, ArrowError> {
        let schema = Arc::clone(&self.schema);
        let fields = schema.fields();
        // The next batch is mostly about as large as the last one.
        let mut sizes = self.sizes.drain(..).map(|size| size + size / 8);
        let new = |field: &Arc<Field>| Column::new(field.data_type(), &mut sizes);
        let mut columns: Vec<Column> = fields.iter().map(new).collect();
        drop(sizes);
        let mut rows = 0;
        while rows < self.rows && columns.iter().map(Column::bytes).sum::<usize>() < BATCH_BYTES {
            // Not at the end of the array: there `next_element` checks the rest of the file.
            if self.array.position() == self.end && self.end < self.array.len() {
                break;
            }
            if copies {
                let copied = self.copy_rows(&mut columns, self.rows - rows);
                rows += copied;
                if copied > 0 {
                    continue;
                }
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
                _ => unreachable!("elements that are not dicts are one column"),
            }
            .map_err(|error| external(error.of_element(number)))?;
            rows += 1;
        }
        columns.iter().for_each(|column| column.sizes(&mut self.sizes));
        Ok((rows > 0).then_some(columns))
    }

    /// Copies the next elements to the columns, at most `most`, up to the first that has to be decoded.
    /// Returns how many. Errors come up again when that one is decoded.
    fn copy_rows(&mut self, columns: &mut [Column], most: usize) -> usize {
        let RecordBatches { array, end, schema, are_dicts, plans, texts, .. } = self;
        let number = array.position();
        let left = usize::try_from(end.saturating_sub(number)).unwrap_or(usize::MAX);
        let Some(objects) = array.cursor_mut().objects_mut() else { return 0 };
        let Ok(Some(members)) = objects.read_block(number, most.min(left)) else { return 0 };
        let mut copied = 0;
        while copied < members.len() {
            let run = objects.block(&members).and_then(|block| block.run(copied));
            let Some(Run { skeleton, .. }) = run else { break };
            let known = plans.iter().position(|(known, _)| Arc::ptr_eq(known, skeleton));
            let index = match known {
                Some(index) => index,
                None => {
                    let skeleton = Arc::clone(skeleton);
                    let Ok(outline) = objects.outline_row(&members, copied) else { break };
                    let plan = outline.and_then(|(value, holes)| match (&*columns, *are_dicts) {
                        (columns, true) => Plan::of_entries(value, schema.fields(), columns, holes),
                        ([column], false) => Some(vec![Some(Plan::new(value, column, holes)?)]),
                        _ => None,
                    });
                    plans.truncate(PLANS - 1);
                    plans.insert(0, (skeleton, plan));
                    0
                }
            };
            let (Some(plan), Some(block)) = (&plans[index].1, objects.block(&members)) else {
                break;
            };
            let Some(run) = block.run(copied) else { break };
            let (all, offset) = (run.members.len(), |row: usize| block.spans[row].begin);
            let Fitting { rows, needs } = all_fitting(plan, columns, &run, texts);
            append_all(plan, columns, &block, &run.first(rows), texts);
            copied += rows;
            match needs {
                Some(memo) => {
                    let offset = offset(copied);
                    let Ok(value) = objects.definition(memo, offset) else { break };
                    let text = value.and_then(|value| Some(value.as_str().ok()?.into()));
                    if texts.len() == TEXTS {
                        texts.clear();
                    }
                    texts.insert(memo, text);
                }
                None if rows < all => break,
                None => {}
            }
        }
        array.seek(number + copied as u64);
        copied
    }
}

/// Makes a batch of columns. Fails where a text is not UTF-8.
fn finish(schema: &SchemaRef, columns: Vec<Column>) -> Result<RecordBatch, ArrowError> {
    let columns = columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Ends after an error.
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
