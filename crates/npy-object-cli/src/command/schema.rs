//! `npyo schema`: the columns of a table of the elements.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::table::{ColumnProfile, Profile};
use serde::Serialize;

use crate::command::{Output, Run};
use crate::failure::{Failure, printable, write_json};
use crate::input::{At, Input, Reading};
use crate::progress::progress_bar;
use crate::table::{self, Columns};

/// Print the columns that the elements become: types, nulls and lengths
///
/// These are the columns of `npyo convert`: one, `element`, or one for each key where all elements are
/// dicts. `column[]` are the items of lists, `column.key` the values of dicts. A length is a number of
/// items, or of bytes of text. The file is read twice.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schema {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    columns: Columns,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo schema data.npy
  npyo schema data.npy --sample 10000
  npyo schema --json data.npy | jq '.columns[].type'";

/// Rows of a batch.
const ROWS: usize = 1 << 13;

impl Run for Schema {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let mut array = table::open(&opened, &self.reading, &self.at)?;
        let end = self.columns.sample().unwrap_or(u64::MAX).min(array.len());
        // A bar for both passes over the elements.
        let bar = progress_bar(end.checked_mul(2), 0);
        let mut inference = self.columns.inference();
        inference.add_with(&mut array, 0..end, |done| {
            bar.set_position(done);
            Ok(())
        })?;
        let schema = inference.schema();
        let mut profile = Profile::new(&schema);
        for batch in array.record_batches_as(0..end, ROWS, schema)? {
            let batch = batch.map_err(npy_object::Error::from)?;
            profile.add(&batch);
            bar.inc(batch.num_rows() as u64);
        }
        drop(bar);
        match self.json {
            true => write_json(out, &Summary::of(&profile))?,
            false => print(out, &profile)?,
        }
        Ok(opened.check_archive()?)
    }
}

/// Prints a line for each column, with those inside of it below.
fn print(out: &mut impl Write, profile: &Profile) -> io::Result<()> {
    let mut lines = vec![["column", "type", "nulls", "length"].map(str::to_owned)];
    let mut waiting: Vec<&ColumnProfile> = profile.columns().iter().rev().collect();
    while let Some(column) = waiting.pop() {
        let nulls = match column.nulls() {
            0 => "0".to_owned(),
            nulls => {
                let percent = 100.0 * nulls as f64 / column.values() as f64;
                format!("{nulls} ({percent:.1} %)")
            }
        };
        let lengths = match column.lengths() {
            Some((least, most)) if least == most => least.to_string(),
            Some((least, most)) => format!("{least} to {most}"),
            None => String::new(),
        };
        let data_type = printable(&column.data_type().to_string());
        lines.push([printable(column.path()), data_type, nulls, lengths]);
        waiting.extend(column.inner().iter().rev());
    }
    let width = |place: usize| {
        let lengths = lines.iter().map(|line| line[place].chars().count());
        lengths.max().unwrap_or(0).min(WIDEST)
    };
    let widths = [width(0), width(1), width(2)];
    writeln!(out, "{} rows", profile.rows())?;
    for [path, data_type, nulls, lengths] in &lines {
        let line = format!(
            "{path:0$}  {data_type:1$}  {nulls:2$}  {lengths}",
            widths[0], widths[1], widths[2]
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Characters of the widest column that is aligned.
const WIDEST: usize = 40;

/// The schema as JSON.
#[derive(Serialize)]
struct Summary {
    rows: u64,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    values: u64,
    nulls: u64,
    lengths: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inner: Vec<Column>,
}

impl Summary {
    fn of(profile: &Profile) -> Summary {
        Summary {
            rows: profile.rows(),
            columns: profile.columns().iter().map(Column::of).collect(),
        }
    }
}

impl Column {
    /// Recurses as deep as the type, which has a limit.
    fn of(profile: &ColumnProfile) -> Column {
        Column {
            name: profile.path().to_owned(),
            data_type: profile.data_type().to_string(),
            values: profile.values(),
            nulls: profile.nulls(),
            lengths: profile.lengths(),
            inner: profile.inner().iter().map(Column::of).collect(),
        }
    }
}
