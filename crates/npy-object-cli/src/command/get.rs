//! `npyo get`: one element, as JSON.

use std::io::Write;
use std::path::Path;

use clap::Args;
use npy_object::nested;

use crate::command::cat::Lines;
use crate::failure::Failure;
use crate::input::{Input, Reading};

/// Print one element as JSON
///
/// With an index next to the file (see `npyo index`) the element is found at once; without one, the
/// file is surveyed up to the element first.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    #[command(flatten)]
    input: Input,

    /// The number of the element, counted from 0, or from the end if it is negative
    #[arg(value_name = "N", allow_negative_numbers = true)]
    index: i64,

    /// Print typed JSON, which keeps every difference between values and every shared object
    #[arg(long)]
    typed: bool,

    /// Get a member of the container at this path instead
    #[arg(long, value_name = "['KEY'][N]")]
    at: Option<nested::Path>,

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
  npyo get data.npy -1";

impl Get {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let reading = self.reading.with_unfinished(self.unfinished);
        let mut contents = opened.contents(&reading, self.at.as_ref(), !self.typed)?;
        let index = match u64::try_from(self.index) {
            Ok(index) => Some(index),
            Err(_) => contents.count()?.checked_add_signed(self.index),
        };
        let member = index.map_or(Ok(None), |index| contents.get(index))?;
        if let Some(member) = member {
            Lines::new(self.typed).write(out, member)?;
            return Ok(opened.check_archive()?);
        }
        let count = contents.count()?;
        let plural = if count == 1 { "" } else { "s" };
        Err(Failure::Refused(format!(
            "no element {}: there are {count} element{plural}",
            self.index
        )))
    }
}
