//! A folder of `.npy` files that NumPy maps into memory: the numbers of all elements, and where each
//! element begins.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use npy_header::DType;

use super::Sink;
use super::numpy::{bytes_of, dtype_of, missing, no_place, parts, tensor};
use crate::error::Result;
use crate::output::Folder;
use crate::write::{RowWriter, WriteOptions};

/// The names of the files.
pub(crate) const VALUES: &str = "values.npy";
pub(crate) const OFFSETS: &str = "offsets.npy";
pub(crate) const SHAPES: &str = "shapes.npy";

pub(super) struct Writer {
    folder: Folder,
    values: RowWriter<'static>,
    offsets: RowWriter<'static>,
    shapes: Option<RowWriter<'static>>,
    end: i64,
}

impl Writer {
    pub(super) fn create(path: &Path, schema: &SchemaRef) -> Result<Writer> {
        let found = match &schema.fields()[..] {
            [field] => field.data_type(),
            _ => return Err(no_place("flat pair", "dicts")),
        };
        let (item, ndim) = match found {
            DataType::LargeList(item) => (item.data_type(), 1),
            // The type of no elements.
            DataType::Null => (found, 1),
            other => match tensor(other) {
                Some(tensor) => tensor,
                None => return Err(no_place("flat pair", &found.to_string())),
            },
        };
        let Some(dtype) = dtype_of(item) else {
            return Err(no_place("flat pair", &found.to_string()));
        };
        let folder = Folder::create(path)?;
        let create = |name: &str, dtype: DType| {
            WriteOptions::new().dtype(dtype).create_rows(folder.path().join(name))
        };
        let int = || "<i8".parse::<DType>();
        let values = create(VALUES, dtype)?;
        let mut offsets = create(OFFSETS, int()?)?;
        offsets.append(&0i64.to_le_bytes())?;
        let shapes = match ndim {
            1 => None,
            ndim => {
                let options = WriteOptions::new().dtype(int()?).shape(&[MOST_ROWS, ndim]);
                Some(options.or_shorter().create_rows(folder.path().join(SHAPES))?)
            }
        };
        Ok(Writer { folder, values, offsets, shapes, end: 0 })
    }

    /// Writes the items from `begin` on, and where each element ends, counted from `begin`.
    fn append(
        &mut self,
        items: &ArrayRef,
        begin: usize,
        ends: impl Iterator<Item = i64>,
    ) -> Result<()> {
        let mut bytes = Vec::new();
        let mut last = 0;
        for end in ends {
            last = end;
            bytes.extend_from_slice(&(self.end + end).to_le_bytes());
        }
        self.offsets.append_all(&bytes)?;
        self.values.append_all(&bytes_of(&items.slice(begin, last as usize)))?;
        self.end += last;
        Ok(())
    }
}

/// More rows than there are.
const MOST_ROWS: usize = 1 << 48;

impl Sink for Writer {
    fn write(&mut self, batch: &RecordBatch, first: u64) -> Result<()> {
        let column = batch.column(0);
        // All values of a column of type Null are missing, and it has no bits for them.
        let is_null = |row: &usize| column.is_null(*row) || *column.data_type() == DataType::Null;
        if let Some(row) = (0..column.len()).find(is_null) {
            return Err(missing("a flat pair", first + row as u64));
        }
        let (items, offsets): (_, Vec<i64>) = match column.data_type() {
            DataType::Struct(_) => {
                let (lists, lengths) = parts(column);
                if let Some(shapes) = &mut self.shapes {
                    let lengths = lengths.iter().flat_map(|&length| (length as i64).to_le_bytes());
                    shapes.append_all(&lengths.collect::<Vec<u8>>())?;
                }
                (lists.values(), lists.value_offsets().iter().map(|&end| end.into()).collect())
            }
            _ => {
                let lists = column.as_list::<i64>();
                (lists.values(), lists.value_offsets().to_vec())
            }
        };
        let is_time = items.data_type().is_temporal();
        if !is_time && let Some(item) = (0..items.len()).find(|&item| items.is_null(item)) {
            let row = offsets.partition_point(|&end| end <= item as i64) - 1;
            return Err(missing("a flat pair", first + row as u64));
        }
        let begin = offsets[0];
        let ends = offsets[1..].iter().map(|end| end - begin);
        self.append(items, begin as usize, ends).map_err(|error| self.folder.name(error))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Writer { folder, values, offsets, shapes, .. } = *self;
        let finished = values.finish().and_then(|()| offsets.finish());
        let finished = finished.and_then(|()| shapes.map_or(Ok(()), RowWriter::finish));
        finished.map_err(|error| folder.name(error))?;
        folder.finish()
    }
}
