//! Runs SQL over a NumPy object array, with DataFusion. The table is called `elements`; of dicts, its
//! columns are the keys.
//!
//! ```text
//! python3 -c 'import numpy as np; np.save("dicts.npy", np.array([{"id": i, "word": "odd" if i % 2 else "even"} for i in range(1000)]))'
//! cargo run --release --manifest-path crates/npy-object/examples/datafusion/Cargo.toml -- \
//!     dicts.npy 'SELECT word, count(*), sum(id) FROM elements GROUP BY word'
//! ```

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use npy_object::{Inference, Options, Split};

/// Rows of a batch.
const ROWS: usize = 8192;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(file), Some(sql)) = (arguments.next(), arguments.next()) else {
        return Err("expected a file and a query".into());
    };
    let context = SessionContext::new();
    let partitions = context.state().config().target_partitions();
    context.register_table("elements", Arc::new(table(Path::new(&file), partitions)?))?;
    context.sql(&sql).await?.show().await?;
    Ok(())
}

/// Returns the elements of a file as a table. A first pass finds the columns; each query reads the file
/// again, a split in each partition.
fn table(path: &Path, partitions: usize) -> std::result::Result<StreamingTable, Box<dyn Error>> {
    let mut array = npy_object::open(path)?;
    let mut inference = Inference::new();
    inference.add(&mut array, 0..)?;
    let schema = inference.schema();
    let partition = |split| -> Arc<dyn PartitionStream> {
        Arc::new(Partition { path: path.to_owned(), split, schema: schema.clone() })
    };
    let partitions = array.splits(partitions)?.into_iter().map(partition).collect();
    Ok(StreamingTable::try_new(schema.clone(), partitions)?)
}

/// A part of the elements of a file.
#[derive(Debug)]
struct Partition {
    path: PathBuf,
    split: Split,
    schema: SchemaRef,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (path, split, schema) = (self.path.clone(), self.split.clone(), self.schema.clone());
        // A reader blocks, so it runs on a thread for that, two batches ahead.
        let mut builder = RecordBatchReceiverStreamBuilder::new(schema.clone(), 2);
        let batches = builder.tx();
        builder.spawn_blocking(move || {
            for batch in read(&path, &split, schema)? {
                // The query may need no more.
                if batches.blocking_send(batch.map_err(Into::into)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// Opens a split and returns its record batches.
fn read(path: &Path, split: &Split, schema: SchemaRef) -> Result<npy_object::RecordBatches> {
    let external = |error| DataFusionError::External(Box::new(error));
    let array = Options::new().open_split(path, split).map_err(external)?;
    array.record_batches_as(.., ROWS, schema).map_err(external)
}
