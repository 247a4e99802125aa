//! `npyo view`: a page that shows what is in files.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::{Limits, Options};

use crate::command::{Output, Run};
use crate::failure::{Failure, display};
use crate::input::{Bounds, Reading, place};
use crate::{url, view};

/// Show what is in files in a browser, on this machine only
///
/// Prints the address of a page and serves it until the command is stopped. The address holds a
/// token: only who has it can see the page. The page reads and never writes, runs nothing that a
/// file names, and loads nothing from the network.
///
/// The page shows the header, a list of the elements, and each element as a tree, text, plot, image,
/// histogram and instructions, besides statistics and the audit. Elements of any size are read in
/// parts.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct View {
    /// Files, and folders with all arrays, pickles and archives in them; or
    /// URLs (http, https, s3); ARCHIVE.npz:NAME for an array of an archive
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    bounds: Bounds,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo view data.npy
  npyo view arrays.npz models/
  ssh -L PORT:127.0.0.1:PORT host    to see the page of another machine: the port is in its address";

/// Bytes of memory of a file, unless --max-memory is given.
const MEMORY: usize = 1 << 30;

impl Run for View {
    /// Returns the first path.
    fn file(&self) -> &Path {
        &self.paths[0]
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        for path in &self.paths {
            let (file, _) = place(path, None);
            if url::of(file).is_none()
                && let Err(error) = file.metadata()
            {
                let why = format!("{}: {error}", display(file));
                return Err(Failure::Usage(why));
            }
        }
        let limits = match self.bounds.max_memory {
            Some(_) => self.bounds.limits(1),
            None => {
                let default = self.bounds.limits(1).header;
                let mut limits = Limits::within(MEMORY);
                limits.header = default;
                limits
            }
        };
        let options = self.reading.apply(Options::new().limits(limits.clone()));
        view::serve(&self.paths, limits, options, |address| {
            writeln!(out, "{address}")?;
            out.flush()
        })?;
        Ok(())
    }
}
