//! `npyo get`: elements by their numbers, as JSON.

use std::path::Path;

use clap::Args;

use crate::command::cat::Lines;
use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::{At, Input, Reading};
use crate::show::counted;

/// Print elements by their numbers, as JSON, one a line
///
/// With an index next to the file (see `npyo index`) an element is found at once; without one, the
/// file is surveyed up to the element first.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    #[command(flatten)]
    input: Input,

    /// The numbers of the elements, counted from 0, or from the end if negative
    #[arg(value_name = "N", required = true, allow_negative_numbers = true)]
    indices: Vec<i64>,

    /// Print typed JSON, which keeps every difference between values and every shared object
    #[arg(long)]
    typed: bool,

    /// Print an element that is a str as it is, without quotes and escapes
    #[arg(long, short, conflicts_with = "typed")]
    raw: bool,

    #[command(flatten)]
    at: At,

    /// Of a file that was cut off, also count the values of its last batch: the last of them may be
    /// parts of an element
    #[arg(long)]
    unfinished: bool,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo get data.npy 41
  npyo get data.npy 0 41 -1
  npyo get splits.npy --at .train -1";

impl Run for Get {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let reading = self.reading.with_unfinished(self.unfinished);
        let mut contents = opened.contents(&reading, self.at.given(), !self.typed)?;
        let mut lines = Lines::new(self.typed, self.raw);
        for &index in &self.indices {
            let number = match u64::try_from(index) {
                Ok(number) => Some(number),
                Err(_) => contents.count()?.checked_add_signed(index),
            };
            let Some(member) = number.map_or(Ok(None), |number| contents.get(number))? else {
                let count = contents.count()?;
                let message =
                    format!("no element {index}: there are {}", counted(count, "element"));
                return Err(Failure::Refused(message));
            };
            lines.write(out, member)?;
        }
        Ok(opened.check_archive()?)
    }
}
