//! Why a run failed, and how a person is told.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use npy_object::{ErrorKind, Verdict, json, pickle};
use serde::Serialize;

/// Why a run failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The file cannot be read, or not to its end.
    Input(npy_object::Error),
    /// The file is not one for this command.
    Refused(String),
    /// A line of standard input is not one that can be written.
    Line(String),
    /// The command line, or a file that it names, is wrong.
    Usage(String),
    /// An audit came to this verdict, which was printed already.
    Found(Verdict),
    /// Some of the file was saved, and some was lost; that was said already.
    Lost,
    /// Nothing of the file was saved; that was said already.
    Nothing,
    /// Standard output cannot be written to.
    Output(io::Error),
}

impl Failure {
    /// Says on stderr what went wrong, unless the output was no longer wanted, and gives the exit
    /// code.
    pub(crate) fn report(&self, file: &Path) -> ExitCode {
        let file = display(file);
        match self {
            // As in `npyo cat big.npy | head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Failure::Output(error) => eprintln!("npyo: standard output: cannot write: {error}"),
            Failure::Found(verdict) => {
                return ExitCode::from(match verdict {
                    Verdict::Inert => 0,
                    Verdict::Unknown => 4,
                    Verdict::Dangerous => 3,
                });
            }
            Failure::Usage(why) => {
                eprintln!("npyo: {}", printable(why));
                return ExitCode::from(2);
            }
            Failure::Lost => return ExitCode::from(5),
            Failure::Nothing => return ExitCode::FAILURE,
            Failure::Refused(why) => eprintln!("npyo: {file}: {}", printable(why)),
            Failure::Line(why) => eprintln!("npyo: standard input: {}", printable(why)),
            Failure::Input(error) => {
                match error.file() {
                    Some(_) => eprintln!("npyo: {error}"),
                    None => eprintln!("npyo: {file}: {error}"),
                }
                if let Some(hint) = hint(error) {
                    eprintln!("npyo: {hint}");
                }
            }
        }
        ExitCode::FAILURE
    }
}

/// A text in which a file may have a say, without what would control a terminal.
pub(crate) fn printable(text: &str) -> String {
    pickle::printable(text).into_owned()
}

/// Writes a line of JSON without what would control a terminal.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(out, "{}", json::escape(&json))
}

/// A path without what would control a terminal.
pub(crate) fn display(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// What may help.
fn hint(error: &npy_object::Error) -> Option<&'static str> {
    match (error.kind(), error.clause()) {
        (ErrorKind::Limit, "npy.header.length") => {
            Some("to read it all the same, allow a longer header with --max-header N")
        }
        (_, "npy.object.agreement") => {
            Some("to believe the pickle, as NumPy does, use --trust-payload")
        }
        _ if error.is_over_memory() => {
            Some("to let it take more memory, raise --max-memory, or leave it out")
        }
        (_, "npz.choice") => Some("to choose one, write FILE:NAME, or add --member NAME"),
        _ => None,
    }
}

impl From<npy_object::Error> for Failure {
    fn from(error: npy_object::Error) -> Failure {
        Failure::Input(error)
    }
}

/// Of writing: what reads a file returns [`npy_object::Error`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        // An element that cannot be written as JSON is no error of the output.
        match error.get_ref() {
            Some(inner) if inner.is::<npy_object::Error>() => Failure::Input(error.into()),
            _ => Failure::Output(error),
        }
    }
}
