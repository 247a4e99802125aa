//! Reads the elements of a work as Arrow record batches, on one thread: `batches NAME [--keep | --fresh]`.
//! Prints the least seconds of three runs, the rows, the values in the columns, and the peak of memory
//! in KiB (0 where the system does not report it). Used by `tables.py`.
//!
//! A batch is dropped before the next one is read; with `--keep`, all are held, as a table holds them.
//! With `--fresh`, reads the bytes of the file into buffers of 16 MiB instead, each allocated anew and
//! dropped, as a batch is. The values are then the bytes.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use npy_object_benches::{IRREGULAR, WORKS, best, peak};

/// Rows of a record batch, as the Python package has them.
const ROWS: usize = 1 << 13;
/// Bytes of a buffer: the size that ends a record batch.
const BUFFER: usize = 16 << 20;

type Done = Result<(u64, f64), Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let mut works = WORKS.iter().chain(&IRREGULAR);
    let work = works.find(|work| work.name == name).ok_or("no work has this name")?;
    let file = work.file()?;
    let (seconds, count, values) = match arguments.next().as_deref() {
        None => best(|| batches(&file, false))?,
        Some("--keep") => best(|| batches(&file, true))?,
        Some("--fresh") => {
            let count = npy_object::open(&file)?.len();
            best(|| fresh(&file, count))?
        }
        _ => return Err("usage: batches NAME [--keep | --fresh]".into()),
    };
    println!("{seconds} {count} {values} {}", peak());
    Ok(())
}

fn batches(file: &Path, keep: bool) -> Done {
    let (mut rows, mut values, mut kept) = (0, 0, Vec::new());
    for batch in npy_object::open(file)?.record_batches(.., ROWS)? {
        let batch: RecordBatch = batch?;
        rows += batch.num_rows() as u64;
        values += batch.columns().iter().map(|column| values_of(column)).sum::<usize>();
        if keep {
            kept.push(batch);
        }
    }
    Ok((rows, values as f64))
}

/// Returns the numbers in a column, and the bytes of its text.
fn values_of(column: &dyn Array) -> usize {
    if let Some(lists) = column.as_list_opt::<i64>() {
        values_of(lists.values())
    } else if let Some(texts) = column.as_string_opt::<i64>() {
        texts.value_data().len()
    } else {
        column.len() - column.null_count()
    }
}

fn fresh(file: &Path, count: u64) -> Done {
    let (mut file, mut bytes) = (File::open(file)?, 0);
    loop {
        let mut buffer = Vec::with_capacity(BUFFER);
        match file.by_ref().take(BUFFER as u64).read_to_end(&mut buffer)? {
            0 => return Ok((count, bytes as f64)),
            read => bytes += read,
        }
    }
}
