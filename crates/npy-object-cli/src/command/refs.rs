//! `npyo refs`: where the arrays are in their file.

use std::io::{self, Write};
use std::path::{self, Path};

use clap::Args;
use npy_object::{ByteRange, json};

use crate::command::{Output, Run};
use crate::failure::{Failure, shown};
use crate::input::{At, Input, Reading, STDIN};
use crate::progress::progress_bar;
use crate::{table, url};

/// Print where the bytes of each array are in the file, for programs that read them in place
///
/// Prints a line of JSON for each element: its number, dtype, shape and order, and the offset and
/// length of its bytes in the file. Every element has to be an array or a NumPy scalar without objects,
/// in a file that is not compressed. Arrays of protocols 0 to 2, of Python 3, are text and have no
/// place.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Refs {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    /// Print references as kerchunk's JSON instead, which zarr reads through fsspec
    #[arg(long)]
    kerchunk: bool,

    /// Where the reader of the references finds the file; by default its absolute path, or its URL
    #[arg(long, value_name = "URL", requires = "kerchunk")]
    url: Option<String>,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo refs ragged.npy | head -3
  npyo refs --kerchunk ragged.npy > ragged.json
  npyo refs --kerchunk --url https://host/ragged.npy ragged.npy > ragged.json";

impl Run for Refs {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let mut array = table::open(&opened, &self.reading, &self.at)?;
        let len = array.len();
        if self.kerchunk {
            let url = self.url()?;
            let bar = progress_bar(len.checked_mul(2), 0);
            json::write_kerchunk_with(out, &array, &url, |done| {
                bar.set_position(done);
                Ok(())
            })?;
        } else {
            let bar = progress_bar(Some(len), 0);
            for (number, range) in array.byte_ranges().enumerate() {
                write_line(out, number, &range?)?;
                bar.inc(1);
            }
        }
        Ok(opened.check_archive()?)
    }
}

impl Refs {
    /// Returns where the reader of the references finds the file.
    fn url(&self) -> Result<String, Failure> {
        let (file, _) = self.input.place();
        if let Some(url) = self.url.clone().or_else(|| url::of(file).map(|_| shown(file).into())) {
            return Ok(url);
        }
        let path = match file == Path::new(STDIN) {
            true => None,
            false => path::absolute(file).ok(),
        };
        let path = path.as_deref().and_then(Path::to_str).map(str::to_owned);
        path.ok_or_else(|| {
            let why = "expected --url, as the file has no path that JSON can hold";
            Failure::Refused(why.to_owned())
        })
    }
}

fn write_line(out: &mut impl Write, number: usize, range: &ByteRange) -> io::Result<()> {
    write!(out, "{{\"element\":{number},\"dtype\":")?;
    json::write_dtype(out, &range.dtype)?;
    let (shape, order) = (&range.shape, if range.fortran_order { 'F' } else { 'C' });
    let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let ByteRange { offset, length, .. } = range;
    writeln!(
        out,
        ",\"shape\":[{shape}],\"order\":\"{order}\",\"offset\":{offset},\"length\":{length}}}"
    )
}
