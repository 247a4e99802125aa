//! Parquet files.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{self, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{Compression, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::output::Output;

pub(super) struct Writer(ArrowWriter<Output<'static>>);

impl Writer {
    pub(super) fn create(
        path: &Path,
        schema: &SchemaRef,
        compression: Compression,
        row_group: usize,
    ) -> Result<Writer> {
        for field in schema.flattened_fields() {
            if let DataType::Union(..) = field.data_type() {
                let message = format!(
                    "Parquet has no column of several kinds of values, such as {:?}: write them as \
                     JSON, or an Arrow IPC file",
                    field.name()
                );
                return Err(Error::new(ErrorKind::Unsupported, "access.type", None, message));
            }
        }
        let compression = match compression {
            Compression::None => basic::Compression::UNCOMPRESSED,
            Compression::Snappy => basic::Compression::SNAPPY,
            Compression::Zstd => basic::Compression::ZSTD(ZstdLevel::default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(Some(row_group))
            .build();
        let output = Output::create(path)?;
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties));
        writer.map(Writer).map_err(of_parquet)
    }
}

impl Sink for Writer {
    fn write(&mut self, batch: &RecordBatch, _: u64) -> Result<()> {
        self.0.write(batch).map_err(of_parquet)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish().map_err(of_parquet)?;
        self.0.into_inner().map_err(of_parquet)?.finish()
    }
}

/// Returns the error of the output that is in an error of Parquet.
pub(super) fn of_parquet(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => Error::from(*error),
            Err(other) => {
                Error::new(ErrorKind::Unsupported, "access.type", None, other.to_string())
            }
        },
        other => Error::new(ErrorKind::Unsupported, "access.type", None, other.to_string()),
    }
}
