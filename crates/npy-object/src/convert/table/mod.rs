//! Elements as a table: its schema, its record batches, and files of it.
//!
//! | file | target | feature |
//! |---|---|---|
//! | Parquet | [`Target::Parquet`] | `parquet` |
//! | Arrow IPC, which is also Feather | [`Target::Ipc`] | `ipc` |
//! | JSON lines | [`Target::JsonLines`] | `jsonl` |
//! | CSV | [`Target::Csv`] | `csv` |
//! | a folder with `values.npy`, `offsets.npy`, and `shapes.npy` for arrays of several dimensions | [`Target::Flat`] | `arrow` |
//! | an array of numbers, `.npy`, where all elements have one shape | [`Target::Npy`] | `arrow` |
//!
//! ```
//! use npy_object::table::Export;
//!
//! let folder = tempfile::tempdir()?;
//! let array = npy_object::open("tests/data/ragged.npy")?;
//! let rows = Export::new().write(&array, folder.path().join("ragged.flat"))?;
//! let values = npy_object::open(folder.path().join("ragged.flat/values.npy"))?;
//! assert_eq!((rows, values.len()), (3, 6));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`import`] writes Parquet, IPC and flat pairs back to an array of objects.
//!
//! Elements are read twice: once for the [`Inference`] of the schema, and once to write. The memory is that
//! of reading, and up to about 40 MiB, or six times the largest element.

mod back;
mod flat;
#[cfg(feature = "ipc")]
mod ipc;
mod numpy;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod text;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

pub use back::{import, import_with, is_table};

pub use crate::convert::arrow::RecordBatches;
pub use crate::convert::arrow::infer::{Mixed, Tensors};
pub use crate::convert::arrow::profile::{ColumnProfile, Profile};
pub use crate::convert::arrow::schema::Inference;

use crate::array::npy_array::NpyArray;
use crate::convert::arrow::infer::unknown;
#[cfg(feature = "parquet")]
use crate::convert::arrow::schema::without_seconds;
use crate::error::{Error, Result};

/// The rows and the bytes of a batch that is written.
const BATCH_ROWS: usize = 1 << 16;
const BATCH_BYTES: usize = 4 << 20;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// Apache Parquet, for engines and archives.
    #[cfg(feature = "parquet")]
    Parquet,
    /// An Arrow IPC file, which Feather files are, for mapping into memory.
    #[cfg(feature = "ipc")]
    Ipc,
    /// One JSON object a line, with a key for each column. NaN and infinities are strs, bytes are
    /// hexadecimal.
    #[cfg(feature = "jsonl")]
    JsonLines,
    /// Comma-separated values under a line of names, for columns without lists and structs. A null is
    /// an empty field.
    #[cfg(feature = "csv")]
    Csv,
    /// A folder with the numbers of all elements in `values.npy`, and in `offsets.npy` where each
    /// element begins and the last one ends. Element `i` is `values[offsets[i]:offsets[i + 1]]`, for
    /// arrays of several dimensions reshaped to `shapes[i]`, of `shapes.npy`.
    Flat,
    /// An array without objects, of numbers or times: its rows are the elements.
    Npy,
}

impl Target {
    /// Each target, and the suffixes of its files; the first is its name.
    const ALL: &[(Target, &[&str])] = &[
        #[cfg(feature = "parquet")]
        (Target::Parquet, &["parquet", "pq"]),
        #[cfg(feature = "ipc")]
        (Target::Ipc, &["arrow", "feather", "ipc"]),
        #[cfg(feature = "jsonl")]
        (Target::JsonLines, &["jsonl", "ndjson"]),
        #[cfg(feature = "csv")]
        (Target::Csv, &["csv"]),
        (Target::Flat, &["flat"]),
        (Target::Npy, &["npy"]),
    ];

    /// Returns the target that the suffix of a path names.
    pub fn of_path(path: impl AsRef<Path>) -> Option<Target> {
        path.as_ref().extension()?.to_str()?.to_ascii_lowercase().parse().ok()
    }

    /// Returns the names of all targets that this build has.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Target::ALL.iter().map(|(_, suffixes)| suffixes[0])
    }
}

/// Displays the name, which is a suffix.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Target::ALL.iter().find(|(target, _)| target == self);
        f.write_str(names.map_or("", |(_, suffixes)| suffixes[0]))
    }
}

/// Parses a name or another suffix.
impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Target> {
        let found = Target::ALL.iter().find(|(_, suffixes)| suffixes.contains(&name));
        found.map(|(target, _)| *target).ok_or_else(|| {
            let names = Target::names().collect::<Vec<_>>().join(", ");
            unknown("target", &format!("one of {names}"), name)
        })
    }
}

/// How the data of a Parquet or IPC file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy, of Parquet only.
    Snappy,
    /// Zstandard.
    Zstd,
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(name: &str) -> Result<Compression> {
        match name {
            "none" => Ok(Compression::None),
            "snappy" => Ok(Compression::Snappy),
            "zstd" => Ok(Compression::Zstd),
            _ => Err(unknown("compression", "none, snappy or zstd", name)),
        }
    }
}

/// How elements are written as a table.
#[must_use]
#[derive(Clone, Debug)]
pub struct Export {
    inference: Inference,
    elements: Range<u64>,
    sample: Option<u64>,
    target: Option<Target>,
    compression: Option<Compression>,
    row_group: usize,
}

impl Default for Export {
    fn default() -> Export {
        let inference = Inference::new();
        Export {
            inference,
            elements: 0..u64::MAX,
            sample: None,
            target: None,
            compression: None,
            row_group: ROW_GROUP,
        }
    }
}

/// The bytes of a row group, unless the caller says otherwise.
const ROW_GROUP: usize = 8 << 20;

/// The part of a conversion that makes progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The schema is inferred.
    Infer,
    /// The elements are written.
    Write,
}

impl Export {
    /// Returns the default options: the suffix of the path names the target.
    pub fn new() -> Export {
        Export::default()
    }

    /// Sets the target.
    pub fn target(mut self, target: Target) -> Export {
        self.target = Some(target);
        self
    }

    /// Sets how the schema is inferred, and from which elements besides those of the array.
    /// [`Target::Flat`] and [`Target::Npy`] have tensors of their own.
    pub fn inference(mut self, inference: Inference) -> Export {
        self.inference = inference;
        self
    }

    /// Sets the numbers of the elements that are written. By default these are all.
    pub fn elements(mut self, elements: Range<u64>) -> Export {
        self.elements = elements;
        self
    }

    /// Sets how many elements the schema is inferred from, from the first on. A later one that does
    /// not fit is an error when it is written.
    pub fn sample(mut self, elements: u64) -> Export {
        self.sample = Some(elements);
        self
    }

    /// Sets the compression of a Parquet or IPC file. By default Parquet is compressed with Snappy, and
    /// IPC is not compressed, so that it can be mapped into memory.
    pub fn compression(mut self, compression: Compression) -> Export {
        self.compression = Some(compression);
        self
    }

    /// Sets the bytes of a row group of Parquet, compressed. By default 8 MiB, which is also the
    /// memory that it takes.
    pub fn row_group(mut self, bytes: usize) -> Export {
        self.row_group = bytes.max(1);
        self
    }

    /// Writes the elements of an array to a new file or, for [`Target::Flat`], folder. It gets its name
    /// when it is whole. An old file is replaced; a folder has to be empty. Returns the number of rows.
    ///
    /// Fails as reading and [`Inference::add`] do, where the file cannot be written, and with
    /// clause `access.type` where the target has no place for a value.
    pub fn write(&self, array: &NpyArray, path: impl AsRef<Path>) -> Result<u64> {
        self.write_with(array, path, |_, _| Ok(()))
    }

    /// Does what [`write`](Self::write) does, and calls `progress` with the number of elements of a step
    /// that are done. An error of `progress` ends the conversion.
    pub fn write_with(
        &self,
        array: &NpyArray,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(Step, u64) -> Result<()>,
    ) -> Result<u64> {
        let path = path.as_ref();
        let target = self.target_of(path)?;
        let mut inference = self.inference.clone();
        if matches!(target, Target::Flat | Target::Npy) {
            inference = inference.tensors(Tensors::Variable).mixed(Mixed::Error);
        }
        let mut array = array.clone();
        let end = self.elements.end.min(array.len());
        let begin = self.elements.start.min(end);
        let sample = begin.saturating_add(self.sample.unwrap_or(u64::MAX)).min(end);
        inference.add_with(&mut array, begin..sample, |done| progress(Step::Infer, done))?;
        array.seek(begin);
        if inference.are_rows() && matches!(target, Target::Flat | Target::Npy) {
            return Err(numpy::no_place(&format!("{target} file"), "dicts or records"));
        }
        let schema = inference.schema();
        #[cfg(feature = "parquet")]
        let schema = match target {
            Target::Parquet => without_seconds(&schema).into(),
            _ => schema,
        };
        let mut writer = self.create(path, &schema)?;
        let are_rows = inference.are_rows();
        let batches = RecordBatches::new(array, end, BATCH_ROWS, schema, are_rows, false);
        // A batch is not divided into row groups.
        let mut batches = batches.of_bytes(BATCH_BYTES.min(self.row_group));
        while let Some(batch) = batches.next() {
            writer.write(&batch?)?;
            progress(Step::Write, batches.position() - begin)?;
        }
        writer.finish()
    }

    /// Creates a file of a table of this schema, to which record batches are written.
    ///
    /// Fails where the file cannot be created, and where the target has no place for a column.
    pub fn create(&self, path: impl AsRef<Path>, schema: &SchemaRef) -> Result<TableWriter> {
        let path = path.as_ref();
        let sink: Box<dyn Sink> = match self.target_of(path)? {
            #[cfg(feature = "parquet")]
            Target::Parquet => {
                let compression = self.compression.unwrap_or(Compression::Snappy);
                Box::new(parquet::Writer::create(path, schema, compression, self.row_group)?)
            }
            #[cfg(feature = "ipc")]
            Target::Ipc => {
                let compression = self.compression.unwrap_or(Compression::None);
                Box::new(ipc::Writer::create(path, schema, compression)?)
            }
            #[cfg(feature = "jsonl")]
            Target::JsonLines => Box::new(text::JsonLines::create(path, schema)?),
            #[cfg(feature = "csv")]
            Target::Csv => Box::new(text::Csv::create(path, schema)?),
            Target::Flat => Box::new(flat::Writer::create(path, schema)?),
            Target::Npy => Box::new(numpy::Writer::create(path, schema)?),
        };
        Ok(TableWriter { sink, schema: schema.clone(), rows: 0 })
    }

    fn target_of(&self, path: &Path) -> Result<Target> {
        self.target.or_else(|| Target::of_path(path)).ok_or_else(|| {
            let names = Target::names().collect::<Vec<_>>().join(", .");
            let message = format!("target: expected a path that ends with one of .{names}");
            Error::usage("access.target", message).in_path(path)
        })
    }
}

/// A writer of record batches to a file, which gets its name when it is whole.
pub struct TableWriter {
    sink: Box<dyn Sink>,
    schema: SchemaRef,
    rows: u64,
}

impl TableWriter {
    /// Writes the rows of a batch.
    ///
    /// Fails where the batch has another schema than the table, where writing fails, and with clause
    /// `access.type` where the target has no place for a value. The writer cannot be used after that.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            let message = "expected a record batch of the schema of the table, found another one";
            return Err(Error::usage("access.type", message));
        }
        self.sink.write(batch, self.rows)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Ends the file, which gets its name. Returns the number of rows.
    pub fn finish(self) -> Result<u64> {
        self.sink.finish()?;
        Ok(self.rows)
    }
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// A file of one format.
trait Sink: Send {
    /// Writes a batch, whose first row has this number.
    fn write(&mut self, batch: &RecordBatch, first: u64) -> Result<()>;

    /// Ends the file.
    fn finish(self: Box<Self>) -> Result<()>;
}
