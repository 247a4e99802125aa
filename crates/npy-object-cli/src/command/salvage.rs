//! `npyo salvage`: the whole elements of a broken file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::Salvaged;

use crate::command::{Output, Run};
use crate::failure::{Failure, display, printable};
use crate::input::{Input, Reading};

/// Save the elements of a file that is cut off or damaged
///
/// Writes every element that is certain to a new .npy file, and prints what was lost. The elements of
/// whole batches are certain; NumPy writes batches of 1,000. A value of the batch in which the file
/// breaks off may be an element, or a part of one that was cut off: these are counted, and --doubtful
/// saves them too.
///
/// An array keeps its shape if nothing is lost; otherwise the new array has one dimension. Of a
/// dict, list or set in an array without dimensions, the whole entries are saved, again in an array
/// without dimensions. A dict, list, tuple or set of a bare pickle is saved in the same way:
/// numpy.load(NEW, allow_pickle=True).item() gives it. Of an array of numbers, the whole rows are
/// saved.
///
/// Of an archive of several arrays, also of one that was cut off, the new file is an archive of the
/// arrays of which something can be saved. FILE.npz:NAME saves the array of this name alone.
#[derive(Args)]
#[command(after_help = CODES)]
pub(crate) struct Salvage {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    reading: Reading,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Also save the last values, each of which may be an element or a part of one that was cut off
    #[arg(long)]
    doubtful: bool,

    /// Allow the new file to replace the broken one
    #[arg(long)]
    in_place: bool,
}

const CODES: &str = "\
Exit codes:
  0  all of the file was saved
  1  nothing was saved, and there is no new file
  2  wrong usage
  5  something was saved, and something lost";

impl Run for Salvage {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let salvage =
            opened.salvage(&self.reading).keep_doubtful(self.doubtful).in_place(self.in_place);
        salvage.check_paths(opened.file(), &self.output).map_err(|error| {
            let file = display(opened.file());
            Failure::Usage(format!("{file}: {error}: to replace the file, add --in-place"))
        })?;
        let (is_whole, is_nothing) = match opened.whole_archive() {
            Some(archive) if archive.only().is_err() => {
                let saved = salvage.write_archive(archive, &self.output)?;
                for (name, saved) in &saved {
                    report(saved, &printable(name), out)?;
                }
                let mut all = saved.iter().map(|(_, saved)| saved);
                (all.clone().all(Salvaged::is_whole), all.all(Salvaged::is_nothing))
            }
            _ => {
                let saved = match opened.member()? {
                    Some((archive, member)) if self.input.array == 0 => {
                        salvage.write_member(archive, member, &self.output)?
                    }
                    _ => salvage.write(opened.npy()?, &self.output)?,
                };
                report(&saved, &display(&self.output), out)?;
                (saved.is_whole(), saved.is_nothing())
            }
        };
        let whole_archive = opened.check_archive();
        if is_nothing {
            return Err(Failure::Reported);
        }
        if let Err(error) = &whole_archive {
            writeln!(out, "lost: other members of the archive: {}", printable(error.message()))?;
        }
        match is_whole && whole_archive.is_ok() {
            true => Ok(()),
            false => Err(Failure::Lost),
        }
    }
}

/// Prints what was saved and what was lost.
fn report(saved: &Salvaged, name: &str, out: &mut impl Write) -> std::io::Result<()> {
    let Salvaged { elements, promised, damaged, damaged_count, doubtful, broken_off, .. } = saved;
    let of = promised.map_or_else(String::new, |promised| format!(" of {promised}"));
    match saved.is_nothing() {
        true => writeln!(out, "{name}: nothing could be saved: 0{of} elements")?,
        false => writeln!(out, "{name}: {elements}{of} elements")?,
    }
    for (number, error) in damaged {
        writeln!(out, "lost: element {number}: {}", error.clone().without_file())?;
    }
    if *damaged_count > damaged.len() as u64 {
        writeln!(out, "lost: {} more", damaged_count - damaged.len() as u64)?;
    }
    if let Some(error) = broken_off {
        writeln!(out, "lost: what comes after: {}", error.clone().without_file())?;
    }
    if saved.mask_lost {
        writeln!(out, "lost: the mask of the array")?;
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
