//! `npyo slice`: a range of the elements of a file in a new file.

use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::WriteOptions;

use crate::command::concat::{array, copy};
use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::{Input, Range, Reading};
use crate::progress::conversion_bar;
use crate::show::write_count;

/// Write a range of the elements of a file to a new file
///
/// The file holds an array of objects; of several dimensions, the range is one of the first. Elements are
/// copied as they are in the file, with the objects that they share, in the memory of one element. With an
/// index next to the file (see `npyo index`), only the range is read.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Slice {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    range: Range,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo slice big.npy --from 1000 --to 2000 -o part.npy
  npyo slice big.npy --from -5 -o last.npy        the last five elements";

impl Run for Slice {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut array = array(&self.input, &self.reading)?;
        let mut shape = array.shape().to_vec();
        let Some(rows) = shape.first_mut() else {
            let why = "expected an array with a dimension, found one without";
            return Err(Failure::Refused(why.to_owned()));
        };
        let (count, size) = (*rows as u64, array.len().checked_div(*rows as u64).unwrap_or(0));
        let (from, to) = self.range.of(count);
        let (from, to) = (from.min(count), to.clamp(from.min(count), count));
        *rows = (to - from) as usize;
        let mut writer = WriteOptions::like(&mut array)?.shape(&shape).create(&self.output)?;
        let bar = conversion_bar(Some((to - from) * size), 0);
        copy(&mut writer, &mut array, from * size..to * size, &bar)?;
        writer.finish()?;
        Ok(write_count(out, &self.output, (to - from) * size, "element")?)
    }
}
