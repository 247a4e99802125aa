//! Elements to Arrow record batches, for DataFusion, Parquet writers and, through Python, pyarrow,
//! Polars and DuckDB.
//!
//! | elements | column |
//! |---|---|
//! | bool, float, str, bytes | `Boolean`, `Float64`, `LargeUtf8`, `LargeBinary` |
//! | int | `Int64`, or the first of `UInt64`, `Decimal128(38, 0)`, `Decimal256(76, 0)` that holds all |
//! | `Decimal` | `Decimal128` or `Decimal256`, of as many digits as all need |
//! | NumPy scalars of numbers, datetimes, timedeltas | the Arrow type of the same width and unit |
//! | NumPy scalars of `U`, `S`; structured | `LargeUtf8`, `LargeBinary`; as dicts |
//! | arrays of these, lists, tuples and deques | `LargeList`, one for each dimension |
//! | dicts with str for keys | a column for each key; inside an element, a `Struct` |
//! | `datetime`, `date`, `time`, `timedelta` | `Timestamp(us)`, `Date32`, `Time64(us)`, `Duration(us)` |
//! | datetime64 of days or weeks; hours, minutes | `Date32`; `Timestamp(s)` |
//! | None, NaT, `pandas.NA`, `pandas.NaT`, `Decimal('NaN')` | null |
//! | NaN | NaN in a column of floats, null in any other |
//!
//! Numbers of several types are a column of the smallest type that holds each exactly: ints are
//! floats only where no int is rounded. [`Mixed`] says what becomes of other kinds in one column, and
//! [`Tensors`] which type arrays have.
//!
//! The types are those of the first batch; where its elements are all missing, elements after it are
//! read until one has a type. Or they are those of a schema: of all elements, as [`Inference`] finds
//! it, or of some columns, and then no others are decoded.
//!
//! Fails with clause `access.type` for an element of another type than its column, and for values
//! that Arrow has no type for: complex numbers, `long double`, sets, masked arrays, strs with lone
//! surrogates, objects of unknown classes.
//!
//! Rows of skeletons are copied column by column, as `plan` says; other elements are decoded.
//!
//! `schema` reads the elements, or the first of them, to find the type of each column; `infer` has the
//! types, with an arm for each dtype. `column` fills the columns: it copies bytes, and converts what
//! `number` says; `dictionary` has a column of texts that are the same in many rows.

pub(crate) mod column;
mod dictionary;
pub(crate) mod infer;
mod known;
pub(crate) mod number;
mod plan;
pub(crate) mod profile;
pub(crate) mod schema;

use std::ops::RangeBounds;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::column::{Column, append_row};
use crate::convert::arrow::plan::{Fitting, TablePlan, Texts};
use crate::convert::arrow::schema::{Inference, is_of_rows, made_for};
use crate::decode::elements::bounds;
use crate::decode::plan::RowPlan;
use crate::error::{Error, ErrorKind, Result};

/// The number of bytes after which a batch ends, though it has fewer rows.
const BATCH_BYTES: usize = 16 << 20;
/// The most skeletons whose plans are kept.
const PLANS: usize = 16;
/// The most texts that are looked up for one row.
const LOOKUPS: usize = 256;

/// The elements of an array as record batches: see [`NpyArray::record_batches`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct RecordBatches {
    array: NpyArray,
    /// The number of the first element after the last one.
    end: u64,
    /// The greatest number of rows of a batch.
    rows: usize,
    /// The number of bytes after which a batch ends, though it has fewer rows.
    bytes: usize,
    schema: SchemaRef,
    /// Whether the elements are dicts, whose keys are the columns.
    are_dicts: bool,
    /// Whether the schema was given. Keys that are not in it are then left out.
    is_given: bool,
    /// The plans of the last skeletons; `None` of one whose values are decoded.
    plans: Vec<(Arc<RowPlan>, Option<TablePlan>)>,
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
        let (begin, end) = bounds(self.cursor(), range);
        let rows = rows.max(1);
        self.seek(begin);
        let mut inference = Inference::default();
        inference.add_first(&mut self, end, rows as u64, BATCH_BYTES)?;
        self.seek(begin);
        let schema = inference.schema();
        Ok(RecordBatches::new(self, end, rows, schema, inference.are_rows(), false))
    }

    /// Does what [`record_batches`](Self::record_batches) does, with a schema that is given: that of
    /// an [`Inference`], or of some of its columns, in any order. Keys of dicts that are not
    /// columns are not decoded; a column that is no key of a dict is null there. With a schema
    /// without columns, nothing is read and batches have only their number of rows.
    ///
    /// A column of `Utf8`, `Binary` or `List` has the large form of the type. One of a `Dictionary` of
    /// texts has each text once in a batch, and its number as an `Int32` for each row: for strs that
    /// many elements share.
    ///
    /// Fails with clause `access.type` for a type that no element becomes. An element of another
    /// type than its column is an error of its batch.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow_schema::{DataType, Field, Schema};
    ///
    /// let schema = Schema::new(vec![Field::new("element", DataType::LargeUtf8, true)]);
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let batch = array.record_batches_as(.., 1000, Arc::new(schema))?.next().unwrap()?;
    /// assert_eq!(batch.num_rows(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_batches_as(
        mut self,
        range: impl RangeBounds<u64>,
        rows: usize,
        schema: SchemaRef,
    ) -> Result<RecordBatches> {
        let ((begin, end), rows) = (bounds(self.cursor(), range), rows.max(1));
        let metadata = schema.metadata().clone();
        let schema = Schema::new_with_metadata(made_for(schema.fields())?, metadata);
        self.seek(begin);
        // An error comes up again when the element is read.
        let first = self.next_element().ok().flatten();
        let are_dicts = first.is_some_and(|first| is_of_rows(schema.fields(), first));
        self.seek(begin);
        Ok(RecordBatches::new(self, end, rows, Arc::new(schema), are_dicts, true))
    }
}

impl RecordBatches {
    pub(crate) fn new(
        array: NpyArray,
        end: u64,
        rows: usize,
        schema: SchemaRef,
        are_dicts: bool,
        is_given: bool,
    ) -> RecordBatches {
        RecordBatches {
            array,
            end,
            rows,
            bytes: BATCH_BYTES,
            schema,
            are_dicts,
            is_given,
            plans: Vec::new(),
            texts: Texts::default(),
            sizes: Vec::new(),
            failed: None,
            done: false,
        }
    }

    /// Ends each batch after about this many bytes.
    pub(crate) fn of_bytes(self, bytes: usize) -> RecordBatches {
        RecordBatches { bytes, ..self }
    }

    /// Returns the number of the element after the last one that was read.
    pub(crate) fn position(&self) -> u64 {
        self.array.position()
    }

    /// Reads the next batch.
    fn read(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.schema.fields().is_empty() {
            return self.count_rows();
        }
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

    /// Returns a batch of the next rows without columns, which reads nothing; `None` at the end.
    fn count_rows(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let first = self.array.position();
        let rows = self.end.saturating_sub(first).min(self.rows as u64);
        self.array.seek(first + rows);
        let options = RecordBatchOptions::new().with_row_count(Some(rows as usize));
        let batch =
            || RecordBatch::try_new_with_options(Arc::clone(&self.schema), Vec::new(), &options);
        (rows > 0).then(batch).transpose()
    }

    /// Reads the columns of the next batch; `None` at the end. With `copies`, rows of skeletons are
    /// copied.
    fn read_columns(&mut self, copies: bool) -> Result<Option<Vec<Column>>, ArrowError> {
        let schema = Arc::clone(&self.schema);
        let fields = schema.fields();
        // The next batch is mostly about as large as the last one.
        let mut sizes = self.sizes.drain(..).map(|size| size + size / 8);
        let new = |field: &Arc<Field>| Column::new(field, &mut sizes);
        let mut columns: Vec<Column> = fields.iter().map(new).collect();
        drop(sizes);
        let mut rows = 0;
        while rows < self.rows && columns.iter().map(Column::bytes).sum::<usize>() < self.bytes {
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
                (columns, true) => append_row(columns, fields, element, self.is_given),
                ([column], false) => column.append(element),
                _ => unreachable!("elements that are not dicts are one column"),
            }
            .map_err(|error| external(of_element(&self.array, error, number)))?;
            rows += 1;
        }
        columns.iter().for_each(|column| column.sizes(&mut self.sizes));
        Ok((rows > 0).then_some(columns))
    }

    /// Copies the next elements to the columns, at most `most`, up to the first that has to be decoded.
    /// Returns how many. Errors come up again when that one is decoded.
    fn copy_rows(&mut self, columns: &mut [Column], most: usize) -> usize {
        let RecordBatches { array, end, schema, are_dicts, is_given, plans, texts, .. } = self;
        let number = array.position();
        let left = usize::try_from(end.saturating_sub(number)).unwrap_or(usize::MAX);
        let Some(objects) = array.objects_mut() else { return 0 };
        let Ok(Some(members)) = objects.read_block(number, most.min(left)) else { return 0 };
        let (mut copied, mut lookups) = (0, 0);
        while copied < members.len() {
            let Some(row) = objects.plan(&members, copied) else { break };
            let known = plans.iter().position(|(known, _)| Arc::ptr_eq(known, &row));
            let index = known.unwrap_or_else(|| {
                let fields = are_dicts.then(|| (schema.fields(), *is_given));
                let plan = TablePlan::new(Arc::clone(&row), columns, fields);
                plans.truncate(PLANS - 1);
                plans.insert(0, (row, plan));
                0
            });
            let (Some(plan), Some(block)) = (&plans[index].1, objects.block(&members)) else {
                break;
            };
            let Some(run) = block.run(copied) else { break };
            let (all, offset) = (run.members.len(), |row: usize| block.spans[row].begin);
            let Fitting { rows, needs } = plan.fitting(columns, &block, &run, texts);
            plan.append(columns, &block, &run.first(rows), texts);
            copied += rows;
            lookups = if rows > 0 { 0 } else { lookups + 1 };
            match needs {
                // A lookup may replace a text that the row needs too.
                Some(_) if lookups > LOOKUPS => break,
                Some(memo) => {
                    let offset = offset(copied);
                    let Ok(value) = objects.definition(memo, offset) else { break };
                    let text = value.and_then(|value| Some(value.as_str().ok()?.into()));
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

/// Adds the number of the element to its error, and in an array without objects its offset.
fn of_element(array: &NpyArray, error: Error, number: u64) -> Error {
    let error = error.of_element(number);
    let rows = array.len().max(1);
    match array.to_header().nbytes() {
        Some(bytes) if !array.has_objects() && !array.fortran_order() => {
            error.or_at(array.data_offset() + bytes / rows * number)
        }
        _ => error,
    }
}

fn external(error: Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

/// The error of this crate that is in an error of Arrow, or one that says the same.
impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Error {
        let message = match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Error>() {
                Ok(error) => return *error,
                Err(other) => other.to_string(),
            },
            ArrowError::IoError(_, error) => return Error::from(error),
            other => other.to_string(),
        };
        Error::new(ErrorKind::Unsupported, "access.type", None, message)
    }
}
