//! `npyo concat`: the elements of several files in one.

use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::{ArrayWriter, Contents, NpyArray, WriteOptions};

use crate::command::{Output, Run};
use crate::failure::{Failure, display};
use crate::input::{Bounds, Input, Reading};
use crate::progress::conversion_bar;
use crate::show::write_count;

/// Write the elements of files to a new file, one file after another
///
/// Each file holds an array of objects. All have the same dtype, and the same lengths of all dimensions
/// but the first. Elements are copied as they are in the files, with the objects that they share, in the
/// memory of one element. The new file has the highest protocol of all.
///
/// `npyo write --append` adds elements to a file without writing it anew.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Concat {
    /// The files; ARCHIVE.npz:NAME for an array of an archive
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    bounds: Bounds,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo concat monday.npy tuesday.npy -o week.npy
  npyo concat parts.npz:a parts.npz:b -o both.npy";

impl Run for Concat {
    fn file(&self) -> &Path {
        &self.output
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let open = |file: &PathBuf| {
            let input = Input::of(file.clone(), self.bounds);
            array(&input, &self.reading)
        };
        let mut arrays = self.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let mut writer = WriteOptions::joining(&mut arrays)?.create(&self.output)?;
        let count = arrays.iter().map(NpyArray::len).sum();
        let bar = conversion_bar(Some(count), 0);
        for array in &mut arrays {
            copy(&mut writer, array, 0..array.len(), &bar)?;
        }
        writer.finish()?;
        Ok(write_count(out, &self.output, count, "element")?)
    }
}

/// Opens a file that holds an array of objects.
pub(super) fn array(input: &Input, reading: &Reading) -> Result<NpyArray, Failure> {
    let opened = input.open()?;
    let found = match opened.contents(reading, None, false)? {
        Contents::Array(array) if array.has_objects() => return Ok(array),
        Contents::Array(_) => "one without, which NumPy maps into memory",
        _ => "a pickle of another value",
    };
    let file = display(opened.file());
    Err(Failure::Usage(format!("{file}: expected an array of objects, found {found}")))
}

/// Copies elements of an array.
pub(super) fn copy(
    writer: &mut ArrayWriter<'_>,
    array: &mut NpyArray,
    elements: std::ops::Range<u64>,
    bar: &indicatif::ProgressBar,
) -> Result<(), Failure> {
    const AT_ONCE: u64 = 1000;
    let mut copy = writer.copy_from(array);
    let mut from = elements.start;
    while from < elements.end {
        let to = elements.end.min(from + AT_ONCE);
        copy.elements(from..to)?;
        bar.inc(to - from);
        from = to;
    }
    Ok(())
}
