//! Arrow IPC files.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::SchemaRef;

use super::{Compression, Sink};
use crate::error::{Error, Result};
use crate::output::Output;

pub(super) struct Writer(FileWriter<Output<'static>>);

impl Writer {
    pub(super) fn create(
        path: &Path,
        schema: &SchemaRef,
        compression: Compression,
    ) -> Result<Writer> {
        let compression = match compression {
            Compression::None => None,
            Compression::Zstd => Some(CompressionType::ZSTD),
            Compression::Snappy => {
                let message = "compression: expected none or zstd of an IPC file, found snappy";
                return Err(Error::usage("access.target", message));
            }
        };
        let options = IpcWriteOptions::default().try_with_compression(compression);
        let output = Output::create(path)?;
        let writer = FileWriter::try_new_with_options(output, schema, options?);
        Ok(Writer(writer?))
    }
}

impl Sink for Writer {
    fn write(&mut self, batch: &RecordBatch, _: u64) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        self.0.into_inner()?.finish()
    }
}
