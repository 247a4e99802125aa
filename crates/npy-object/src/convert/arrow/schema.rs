//! The schema of a table of all elements, inferred before any of them is converted.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::{DataType, Fields, Schema, SchemaRef};
#[cfg(feature = "parquet")]
use arrow_schema::{Field, FieldRef, TimeUnit};

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::infer::{
    DEPTH, Inferred, Mixed, Rules, Tensors, is_row, merge, type_of,
};
use crate::convert::arrow::known::Known;
use crate::error::{Error, Result};
use crate::value::element::Element;

/// The name of the column, where the elements are not dicts.
const COLUMN: &str = "element";

/// Elements that are decoded one by one before the others are decoded on several threads.
const PATIENCE: u64 = 1 << 12;

/// The schema of a table of the elements of an array.
///
/// It has a column for each key where all elements are dicts, or for each field where they are
/// structured; else one column, `element`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    schema: SchemaRef,
    are_rows: bool,
}

impl TableSchema {
    /// Returns the Arrow schema.
    pub fn arrow(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the schema with times in milliseconds where they are in seconds, which Parquet lacks.
    #[cfg(feature = "parquet")]
    pub(crate) fn without_seconds(&self) -> TableSchema {
        let fields: Fields =
            self.schema.fields().iter().map(|field| without_seconds(field)).collect();
        TableSchema { schema: Arc::new(Schema::new(fields)), are_rows: self.are_rows }
    }

    /// Returns whether the elements are rows, with a column for each of their keys.
    pub fn are_rows(&self) -> bool {
        self.are_rows
    }
}

/// Recurses as deep as the type, which has a limit.
#[cfg(feature = "parquet")]
fn without_seconds(field: &FieldRef) -> Field {
    let data_type = match field.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::LargeList(item) => DataType::LargeList(without_seconds(item).into()),
        DataType::List(item) => DataType::List(without_seconds(item).into()),
        DataType::FixedSizeList(item, size) => {
            DataType::FixedSizeList(without_seconds(item).into(), *size)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(without_seconds).collect()),
        other => other.clone(),
    };
    Field::clone(field).with_data_type(data_type)
}

/// How a [`TableSchema`] is inferred.
///
/// ```
/// use npy_object::table::SchemaOptions;
///
/// let array = npy_object::open("tests/data/ragged.npy")?;
/// let schema = SchemaOptions::new().sample(2).infer(&array)?;
/// assert_eq!(schema.arrow().field(0).name(), "element");
/// # Ok::<(), npy_object::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct SchemaOptions {
    mixed: Mixed,
    tensors: Tensors,
    sample: Option<u64>,
}

impl SchemaOptions {
    /// Returns the default options: all elements are read, several kinds of values in one column are
    /// an error, and arrays become lists.
    pub fn new() -> SchemaOptions {
        SchemaOptions::default()
    }

    /// Sets the type of a column of values of several kinds.
    pub fn mixed(mut self, mixed: Mixed) -> SchemaOptions {
        self.mixed = mixed;
        self
    }

    /// Sets the type of a column of arrays.
    pub fn tensors(mut self, tensors: Tensors) -> SchemaOptions {
        self.tensors = tensors;
        self
    }

    /// Sets how many elements are read, from the first one on. An element after them that does not
    /// fit the schema is an error when it is converted.
    pub fn sample(mut self, elements: u64) -> SchemaOptions {
        self.sample = Some(elements);
        self
    }

    /// Reads the elements, or a sample, and returns the schema of a table of them. Elements with
    /// instructions that were met before are not decoded; others are decoded on all cores.
    ///
    /// Fails as reading does, and with clause `access.type`, element and offset, where an element has
    /// no column type, or another one than the elements before it.
    pub fn infer(&self, array: &NpyArray) -> Result<TableSchema> {
        self.infer_with(array, |_| Ok(()))
    }

    /// Does what [`infer`](Self::infer) does, and calls `progress` with the number of elements that were
    /// read so far. An error of `progress` ends it.
    pub fn infer_with(
        &self,
        array: &NpyArray,
        mut progress: impl FnMut(u64) -> Result<()>,
    ) -> Result<TableSchema> {
        let mut array = array.clone();
        array.seek(0);
        let end = self.sample.map_or(array.len(), |sample| sample.min(array.len()));
        self.run(&mut array, end, Stop::default(), &mut progress)
    }

    /// Infers the schema of the elements from here on up to `end`, from the first `rows` of them or
    /// `bytes`, and from more where they are all missing.
    pub(super) fn of_first_batch(
        &self,
        array: &mut NpyArray,
        end: u64,
        rows: u64,
        bytes: usize,
    ) -> Result<TableSchema> {
        self.run(array, end, Stop { rows, bytes }, &mut |_| Ok(()))
    }

    /// Infers the schema of the elements from here on up to `end`.
    fn run(
        &self,
        array: &mut NpyArray,
        end: u64,
        stop: Stop,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<TableSchema> {
        let begin = array.position();
        // Whether arrays have one shape is seen only in each of them.
        let looks = self.tensors == Tensors::Fixed;
        let mut rules = Rules { mixed: self.mixed, looks };
        let found = match Inference::new(rules, stop).run(array, end, progress) {
            // Ints and floats in one column: look at the items of arrays.
            Err(error) if !looks && error.clause() == "access.type" => {
                array.seek(begin);
                rules.looks = true;
                Inference::new(rules, stop).run(array, end, progress)?
            }
            Ok(found) if found.is_mixed && !looks => {
                array.seek(begin);
                rules.looks = true;
                Inference::new(rules, stop).run(array, end, progress)?
            }
            found => found?,
        };
        let are_rows = found.are_rows && begin < end;
        let field = found.inferred.field(COLUMN, self.tensors);
        let fields = match field.data_type() {
            DataType::Struct(fields) if are_rows => fields.clone(),
            _ => Fields::from(vec![field]),
        };
        Ok(TableSchema { schema: Arc::new(Schema::new(fields)), are_rows })
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

/// The type of the elements that were read.
struct Inference {
    rules: Rules,
    stop: Stop,
    inferred: Inferred,
    are_rows: bool,
    /// Whether there is a column of several kinds of values.
    is_mixed: bool,
}

impl Inference {
    fn new(rules: Rules, stop: Stop) -> Inference {
        let inferred = Inferred::NOTHING;
        Inference { rules, stop, inferred, are_rows: true, is_mixed: false }
    }

    /// Reads the elements from here on up to `end`.
    fn run(
        mut self,
        array: &mut NpyArray,
        end: u64,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Inference> {
        let (begin, mut bytes, mut decoded) = (array.position(), 0, 0);
        let mut known = Known::default();
        // Only elements up to the end of the array are decoded on several threads.
        let mut may_fork = end == array.len() && self.stop.rows == u64::MAX;
        while array.position() < end {
            let number = array.position();
            let is_over = number - begin >= self.stop.rows || bytes >= self.stop.bytes;
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
                Err(_) if number > begin && self.stop.rows < u64::MAX => break,
                Err(error) => return Err(error),
            };
            bytes += element.value().map_or(0, |value| value.graph_bytes());
            let depends = self.add(element).map_err(|error| error.of_element(number))?;
            if depends {
                known.forget_noted();
            }
            decoded += 1;
            if decoded % PROGRESS == 0 {
                progress(number - begin)?;
            }
        }
        // Past the last element, the rest of the file is checked.
        if array.position() == array.len() && self.stop.rows == u64::MAX {
            array.next_element()?;
        }
        self.is_mixed = self.inferred.is_mixed();
        Ok(self)
    }

    /// Adds an element. Returns whether other elements with the same instructions may have other types.
    fn add(&mut self, element: Element<'_>) -> Result<bool> {
        self.are_rows &= is_row(&element.kind());
        let found = type_of(element, DEPTH, self.rules)?;
        let depends = found.depends_on_text();
        let before = std::mem::replace(&mut self.inferred, Inferred::NOTHING);
        let merged = merge(before, found, self.rules);
        self.inferred = merged.map_err(|error| element.located(error))?;
        Ok(depends)
    }

    /// Reads the elements from here on, on all cores, up to the first few thousand that do not all fit
    /// the ones before them. The next element is then the first of those.
    fn fork(
        &mut self,
        array: &mut NpyArray,
        begin: u64,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        struct Part {
            inference: Inference,
            count: u64,
            failed: Option<Error>,
        }
        let rules = self.rules;
        let new =
            || Part { inference: Inference::new(rules, Stop::default()), count: 0, failed: None };
        let fold = |part: &mut Part, element: Element<'_>| {
            if part.failed.is_none() {
                match part.inference.add(element) {
                    Ok(_) => part.count += 1,
                    Err(error) => part.failed = Some(error),
                }
            }
        };
        let (mut number, mut outcome) = (array.position(), Ok(()));
        array.fold_parallel(0, new, fold, |part| {
            let merged = merge(self.inferred.clone(), part.inference.inferred, rules);
            let (Ok(merged), None) = (merged, part.failed) else { return ControlFlow::Break(()) };
            self.inferred = merged;
            self.are_rows &= part.inference.are_rows;
            number += part.count;
            outcome = progress(number - begin);
            if outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        array.seek(number);
        outcome
    }
}

/// Elements that are decoded between two calls of `progress`.
const PROGRESS: u64 = 1 << 10;
