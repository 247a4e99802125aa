//! Errors of a run: their text on stderr, and their exit codes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use npy_object::audit::Verdict;
use npy_object::{ErrorKind, json, pickle};
use serde::Serialize;

use crate::url;

/// The exit code of wrong arguments.
pub(crate) const WRONG_ARGUMENTS: u8 = 2;

/// The reason why a run failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The file cannot be read to its end.
    Input(npy_object::Error),
    /// The command does not apply to the file.
    Refused(String),
    /// A line of standard input cannot be written as an element.
    Line(String),
    /// The command line, or a file that it names, is wrong.
    Usage(String),
    /// An audit came to this verdict; the report has been printed.
    Found(Verdict),
    /// A salvage saved a part of the file; the report has been printed.
    Lost,
    /// The reason has been printed.
    Reported,
    /// Standard output cannot be written to.
    Output(io::Error),
}

impl Failure {
    /// Prints the failure on stderr, except that of a closed pipe, and returns the exit code.
    pub(crate) fn report(&self, file: &Path) -> u8 {
        self.print(file);
        match self {
            // As in `npyo cat big.npy | head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Found(Verdict::Inert) => 0,
            Failure::Usage(_) => WRONG_ARGUMENTS,
            Failure::Found(Verdict::Dangerous) => 3,
            Failure::Found(Verdict::Unknown) => 4,
            Failure::Lost => 5,
            _ => 1,
        }
    }

    /// Prints the failure on stderr, except that of a closed pipe.
    pub(crate) fn print(&self, file: &Path) {
        for line in self.text(file).lines() {
            eprintln!("npyo: {line}");
        }
    }

    /// Returns the lines that are printed; none of a closed pipe, and of what has been printed.
    pub(crate) fn text(&self, file: &Path) -> String {
        let file = display(file);
        match self {
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => String::new(),
            Failure::Output(error) => format!("standard output: cannot write: {error}"),
            Failure::Found(_) | Failure::Lost | Failure::Reported => String::new(),
            Failure::Usage(why) => printable(why),
            Failure::Refused(why) => format!("{file}: {}", printable(why)),
            Failure::Line(why) => {
                let hint = "`npyo cat --typed` prints the lines of elements of every type";
                format!("standard input: {}\n{hint}", printable(why))
            }
            Failure::Input(error) => {
                let named = match error.file() {
                    Some(_) => error.to_string(),
                    None => format!("{file}: {error}"),
                };
                match hint(error) {
                    Some(hint) => format!("{named}\n{hint}"),
                    None => named,
                }
            }
        }
    }
}

/// Escapes the control characters of a text that may come from a file.
pub(crate) fn printable(text: &str) -> String {
    pickle::printable(text).into_owned()
}

/// Writes a line of JSON with its control characters escaped.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(out, "{}", json::escape(&json))
}

/// Returns a path, or a URL without its secrets, with its control characters escaped.
pub(crate) fn display(path: &Path) -> String {
    printable(&shown(path))
}

/// Returns the text of a path, or of a URL without its secrets.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    url::of(path).map_or_else(|| path.to_string_lossy(), url::shown)
}

/// Returns which option helps against an error.
fn hint(error: &npy_object::Error) -> Option<&'static str> {
    match (error.kind(), error.clause()) {
        (ErrorKind::Limit, "npy.header.length") => {
            Some("to read the file, allow a longer header with --max-header N")
        }
        (_, "npy.object.agreement") => {
            Some("to believe the pickle, as NumPy does, use --trust-payload")
        }
        _ if error.is_over_memory() => {
            Some("to allow more memory, raise --max-memory or leave it out")
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

/// An error of the output: reading a file returns [`npy_object::Error`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        // An element that cannot be written as JSON comes through the writer.
        match error.get_ref() {
            Some(inner) if inner.is::<npy_object::Error>() => Failure::Input(error.into()),
            _ => Failure::Output(error),
        }
    }
}
