//! `npyo convert`: the elements as a table in another format.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::table::{Compression, Export, Step, Target, import_with, is_table};

use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::{At, Input, Reading};
use crate::progress::conversion_bar;
use crate::show::write_count;
use crate::table::{self, Columns};

/// Write the elements to a file of another format
///
/// Parquet, Arrow IPC (Feather), JSON lines and CSV have a column `element`, or a column for each key
/// where all elements are dicts. `flat` is a folder with values.npy and offsets.npy, which NumPy maps
/// into memory; `npy` is an array without objects, for elements of one shape.
///
/// The file is read twice: to infer the columns, then to convert. Takes the memory of a few MiB and of
/// the largest element. The new file gets its name when it is whole.
///
/// A Parquet or Arrow IPC file, or the folder of a flat pair, is converted back to an array of objects.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Convert {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    /// The new file, or the new folder of a flat pair
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// The format; by default the suffix of OUT names it
    #[arg(long, value_name = "parquet|arrow|jsonl|csv|flat|npy", value_parser = parse_target)]
    to: Option<Target>,

    /// Compress the data of Parquet (by default with snappy) or Arrow IPC (by default none)
    #[arg(long, value_name = "none|snappy|zstd")]
    compression: Option<Compression>,

    /// Bytes of a row group of Parquet, compressed: as much memory is taken
    #[arg(long, value_name = "N", value_parser = npy_object::Limits::parse_memory)]
    row_group: Option<usize>,

    #[command(flatten)]
    columns: Columns,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo convert data.npy -o data.parquet
  npyo convert data.npy -o data.parquet --compression zstd --row-group 64MB
  npyo convert ragged.npy -o ragged.flat      values.npy and offsets.npy
  npyo convert images.npy -o images.npy       an array of numbers that np.load maps
  npyo convert mixed.npy -o mixed.arrow --mixed union
  npyo convert dict.npy --at .train -o train.parquet    the list in a dict
  npyo convert data.parquet -o data.npy       back to an array of objects";

impl Run for Convert {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        if is_table(&self.input.file) {
            return self.back(out);
        }
        let target = self.to.or_else(|| Target::of_path(&self.output));
        if target.is_none() && cfg!(not(feature = "tables")) {
            let of_suffix = self.output.extension().unwrap_or_default().to_string_lossy();
            parse_target(&of_suffix).map_err(Failure::Refused)?;
        }
        let opened = self.input.open()?;
        let mut array = table::open(&opened, &self.reading, &self.at)?;
        let mut export = Export::new().inference(self.columns.inference());
        if let Some(sample) = self.columns.sample() {
            export = export.sample(sample);
        }
        if let Some(target) = self.to {
            export = export.target(target);
        }
        if let Some(compression) = self.compression {
            export = export.compression(compression);
        }
        if let Some(row_group) = self.row_group {
            export = export.row_group(row_group);
        }
        // A bar for both passes over the elements.
        let len = array.len();
        let bar = conversion_bar(len.checked_mul(2), 0);
        let rows = export.write_with(&array, &self.output, |step, done| {
            bar.set_position(if step == Step::Infer { done } else { len + done });
            Ok(())
        })?;
        drop(bar);
        if self.at.given().is_none() {
            opened.ends_at(array.data_end()?);
            opened.note_rest(false)?;
        }
        opened.check_archive()?;
        Ok(write_count(out, &self.output, rows, "row")?)
    }
}

/// Parses the name of a target.
///
/// The error says which feature the target needs that this command was built without.
fn parse_target(name: &str) -> Result<Target, String> {
    name.parse().map_err(|error: npy_object::Error| match cfg!(feature = "tables") {
        true => error.message().to_owned(),
        false => format!(
            "{}; Parquet, Arrow, JSON lines and CSV need the feature `tables`: `cargo install \
             npy-object-cli --features tables`",
            error.message()
        ),
    })
}

impl Convert {
    /// Converts a table back to an array of objects.
    fn back(&self, out: &mut impl Write) -> Result<(), Failure> {
        if self.to.or_else(|| Target::of_path(&self.output)) != Some(Target::Npy) {
            let why = "expected an output that ends with .npy, as the file is a table: only an array \
                       of objects is made of it";
            return Err(Failure::Refused(why.to_owned()));
        }
        let mut bar = None;
        let count = import_with(&self.input.file, &self.output, |done, all| {
            bar.get_or_insert_with(|| conversion_bar(Some(all), 0)).set_position(done);
            Ok(())
        })?;
        drop(bar);
        Ok(write_count(out, &self.output, count, "element")?)
    }
}
