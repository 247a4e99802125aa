//! `npyo index`: the index of a file.

use std::io::Write;
use std::path::Path;

use clap::Args;
use npy_object::IndexKind;

use crate::command::{Output, Run};
use crate::failure::{Failure, display};
use crate::input::{Input, Reading};
use crate::show::counted;

/// Write an index next to the file, as FILE.idx, with which any element is found at once
///
/// The file holds an array of objects, or a pickle of a list, set, dict or deque. The index has the
/// place of every element (about 2 bytes for each) if that takes at most a tenth of the file's size,
/// and otherwise 24 bytes for 32 KiB of the file. Every command and the libraries use it until the file
/// is changed.
#[derive(Args)]
pub(crate) struct Index {
    #[command(flatten)]
    input: Input,

    /// Write the place of every element, whatever that takes
    #[arg(long, conflicts_with = "sparse")]
    dense: bool,

    /// Write no place of every element
    #[arg(long)]
    sparse: bool,

    #[command(flatten)]
    reading: Reading,
}

impl Run for Index {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn writes(&self) -> bool {
        true
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut contents = self.input.open()?.contents(&self.reading, None, false)?;
        let kind = match (self.dense, self.sparse) {
            (true, _) => IndexKind::Dense,
            (_, true) => IndexKind::Sparse,
            _ => IndexKind::Auto,
        };
        let index = contents.write_index_as(kind)?;
        let size = index.metadata().map_err(npy_object::Error::from)?.len();
        let (index, count) = (display(&index), contents.count()?);
        writeln!(out, "{index}: {}, {size} bytes", counted(count, "element"))?;
        Ok(())
    }
}
