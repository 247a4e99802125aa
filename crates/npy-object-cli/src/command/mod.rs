//! The commands of `npyo`, a file for each; `archive` is `info` of an archive.
//!
//! Each file has the arguments of its command, what it does ([`Run`]), and its text for `--help`. A new
//! command is a file here, a variant of `Command` in `lib.rs` and a line in its examples, a test in
//! `tests/`, and a line in the READMEs and the CHANGELOG.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod cat;
pub(crate) mod concat;
pub(crate) mod convert;
pub(crate) mod dis;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod info;
pub(crate) mod refs;
pub(crate) mod rows;
pub(crate) mod salvage;
pub(crate) mod schema;
pub(crate) mod shell;
pub(crate) mod slice;
pub(crate) mod stats;
pub(crate) mod tree;
pub(crate) mod validate;
#[cfg(feature = "view")]
pub(crate) mod view;
pub(crate) mod write;

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;

/// What the output of a command is written to.
pub(crate) type Output<'a> = BufWriter<&'a mut dyn Write>;

/// A command whose arguments were parsed.
pub(crate) trait Run {
    /// Returns the file that the command reads, or, of a command that makes a new file, that one. A command
    /// without a file can only fail to write its output, and that error names no file.
    fn file(&self) -> &Path {
        Path::new("")
    }

    /// Returns whether the command writes a file, which is removed if the command is interrupted.
    fn writes(&self) -> bool {
        false
    }

    /// Runs the command. What it prints is written to `out`, notes to standard error.
    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure>;
}
