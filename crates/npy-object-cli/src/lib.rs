//! `npyo`: looks into NumPy object arrays from the shell.
//!
//! [`run`] is the whole command. The binary calls it, and so does the command `npyo` of the Python
//! package. It parses the command line, runs the command and returns an exit code:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | success, also where the reader of the output closed the pipe |
//! | 1 | a file could not be read to its end, or a validation found a broken rule |
//! | 2 | wrong arguments |
//! | 3, 4 | an audit found the file dangerous, unknown |
//! | 5 | a salvage has lost something |
//!
//! To read files from Rust, use the crate [`npy_object`].
#![forbid(unsafe_code)]

// `command` has a file for each command. They share `input` (which file), `opened` (what is in it),
// `failure` (errors and exit codes), `show` (values
// in short), `tree` (the lines of a tree), `tally` (the counters of `stats`), `table` (how elements become
// columns), `terminal` (its width and colours), `progress` and `signals`. `url` and `remote` read URLs. `view` is the server and the
// page of `npyo view`.
mod command;
mod failure;
mod input;
mod opened;
mod progress;
#[cfg(feature = "urls")]
mod remote;
mod show;
mod signals;
mod table;
mod tally;
mod terminal;
mod tree;
mod url;
#[cfg(feature = "view")]
mod view;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{CommandFactory, Parser, Subcommand};

use crate::command::{Output, Run};
use crate::failure::Failure;

/// Looks into NumPy arrays of Python objects (.npy, .npz), one element at a time.
///
/// Files may be larger than memory and need not be trusted: nothing that they name is imported or
/// called.
#[derive(Parser)]
#[command(name = "npyo", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  npyo info data.npy              its header, its writer and its first elements
  npyo tree data.npy              what is in it: keys, types, shapes, sizes
  npyo head data.npy              the first elements as a table; also tail, sample
  npyo cat data.npy | head -3     the first three elements, as JSON
  npyo get data.npy -1            the last element
  npyo cat arrays.npz:train       an array of an archive
  npyo cat log.npy --all          every array that was appended to one file
  npyo info https://host/data.npy a URL of http, https or s3
  curl URL | npyo cat -           standard input
  npyo stats data.npy             count kinds, dtypes, shapes and sizes
  npyo validate data.npy          every rule of the format that it breaks
  npyo dis data.npy | less        the instructions of its pickle
  npyo audit mail.npy             what np.load would run
  npyo salvage cut.npy -o ok.npy  save the whole elements of a broken file
  npyo write new.npy < lines      elements from typed JSON; --append adds them to a file
  npyo concat a.npy b.npy -o c.npy      the elements of several files in one
  npyo slice big.npy --to 100 -o x.npy  a range of the elements in a new file
  npyo schema data.npy            the columns of a table of the elements
  npyo convert data.npy -o x.parquet    that table as Parquet, Arrow, JSON, CSV, flat .npy
  npyo refs data.npy              where the bytes of each array are
  npyo view data.npy              all of this as a page in a browser";

#[derive(Subcommand)]
enum Command {
    Info(command::info::Info),
    Tree(command::tree::Tree),
    Head(command::rows::Head),
    Tail(command::rows::Tail),
    Sample(command::rows::Sample),
    Cat(command::cat::Cat),
    Get(command::get::Get),
    Index(command::index::Index),
    Stats(command::stats::Stats),
    Validate(command::validate::Validate),
    Dis(command::dis::Dis),
    Audit(command::audit::Audit),
    Salvage(command::salvage::Salvage),
    Write(command::write::Write),
    Concat(command::concat::Concat),
    Slice(command::slice::Slice),
    Schema(command::schema::Schema),
    Convert(command::convert::Convert),
    Refs(command::refs::Refs),
    #[cfg(feature = "view")]
    View(command::view::View),
    Completions(command::shell::Completions),
    Man(command::shell::Man),
}

impl Command {
    /// Returns what the command does.
    fn into_run(self) -> Box<dyn Run> {
        match self {
            Command::Info(info) => Box::new(info),
            Command::Tree(tree) => Box::new(tree),
            Command::Head(head) => Box::new(head),
            Command::Tail(tail) => Box::new(tail),
            Command::Sample(sample) => Box::new(sample),
            Command::Cat(cat) => Box::new(cat),
            Command::Get(get) => Box::new(get),
            Command::Index(index) => Box::new(index),
            Command::Stats(stats) => Box::new(stats),
            Command::Validate(validate) => Box::new(validate),
            Command::Dis(dis) => Box::new(dis),
            Command::Audit(audit) => Box::new(audit),
            Command::Salvage(salvage) => Box::new(salvage),
            Command::Write(write) => Box::new(write),
            Command::Concat(concat) => Box::new(concat),
            Command::Slice(slice) => Box::new(slice),
            Command::Schema(schema) => Box::new(schema),
            Command::Convert(convert) => Box::new(convert),
            Command::Refs(refs) => Box::new(refs),
            #[cfg(feature = "view")]
            Command::View(view) => Box::new(view),
            Command::Completions(shell) => Box::new(shell.of(Cli::command())),
            Command::Man(page) => Box::new(page.of(Cli::command())),
        }
    }
}

/// Bytes of output that are buffered.
const OUTPUT_BUFFER: usize = 64 << 10;

/// Runs the command `npyo` and returns its exit code. The first argument is the name of the program, as
/// in [`std::env::args_os`].
///
/// Reads standard input and writes to standard output and standard error. A command that writes a file
/// installs handlers of SIGINT, SIGTERM and SIGHUP that remove the unfinished file and end the process,
/// so call this function once, as the last thing that a process does.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let command = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command.into_run(),
        Err(error) => {
            // There is nowhere to report that standard error is closed.
            let _ = error.print();
            return if error.use_stderr() { failure::WRONG_ARGUMENTS } else { 0 };
        }
    };
    if command.writes() {
        signals::remove_unfinished_files();
    }
    let mut stdout = io::stdout().lock();
    let mut out = Output::with_capacity(OUTPUT_BUFFER, &mut stdout);
    let result = command.run(&mut out);
    // The output is written before the error, as its elements come before it in the file.
    let flushed = out.flush().map_err(Failure::Output);
    match result.and(flushed) {
        Ok(()) => 0,
        Err(failure) => failure.report(command.file()),
    }
}

/// Returns what `npyo info --json FILE` prints: one line of JSON.
///
/// Fails with the text that the command prints on standard error.
pub fn info(file: OsString) -> Result<String, String> {
    let arguments = ["npyo".into(), "info".into(), "--json".into(), "--".into(), file];
    let cli = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let command = cli.command.into_run();
    let mut json = Vec::new();
    let mut out = Output::new(&mut json);
    let result = command.run(&mut out).and_then(|()| Ok(out.flush()?));
    drop(out);
    result.map_err(|failure| failure.text(command.file()))?;
    String::from_utf8(json).map_err(|error| error.to_string())
}
