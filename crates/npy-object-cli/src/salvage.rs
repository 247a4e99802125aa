//! `npyo salvage`: saves what can be saved of a broken file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::{Salvage as Saving, Salvaged};

use crate::failure::{Failure, display};
use crate::input::{Input, Reading};

/// Save the elements of a file that is cut off or damaged
///
/// Every element that is whole beyond doubt is written to a new file, and what was lost is said. If
/// writing fails, there is no new file.
#[derive(Args)]
pub(crate) struct Salvage {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    reading: Reading,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Save the last values too, of which it cannot be known whether each is an element or a part of
    /// one that was cut off
    #[arg(long)]
    doubtful: bool,
}

impl Salvage {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let mut array = self.input.open()?.broken_array(&self.reading)?;
        let saved = Saving::new().keep_doubtful(self.doubtful).write(&mut array, &self.output)?;
        report(&saved, &self.output, out)?;
        Ok(())
    }
}

fn report(saved: &Salvaged, output: &Path, out: &mut impl Write) -> std::io::Result<()> {
    let Salvaged { elements, promised, damaged, damaged_count, doubtful, broken_off, .. } = saved;
    writeln!(out, "{}: {elements} of {promised} elements", display(output))?;
    for (number, error) in damaged {
        writeln!(out, "lost: element {number}: {}", error.clone().without_file())?;
    }
    if *damaged_count > damaged.len() as u64 {
        writeln!(out, "lost: {} more", damaged_count - damaged.len() as u64)?;
    }
    if let Some(error) = broken_off {
        writeln!(out, "lost: what comes behind: {}", error.clone().without_file())?;
    }
    if *doubtful > 0 {
        let values = if *doubtful == 1 { "value is" } else { "values are" };
        writeln!(
            out,
            "{doubtful} more {values} whole, but may be parts of an element that was cut off: \
             --doubtful saves them"
        )?;
    }
    Ok(())
}
