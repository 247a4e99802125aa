//! The issues of a file as workflow commands, which GitHub Actions shows as annotations.

use std::io::{self, Write};
use std::path::Path;

use npy_object::audit::{Report, Verdict};

use super::sarif::message;
use crate::failure::{printable, shown};

/// Writes an annotation for each issue.
pub(super) fn write(report: &Report, file: &Path, out: &mut impl Write) -> io::Result<()> {
    for issue in report.issues() {
        let command = match issue.check.verdict() {
            Verdict::Dangerous => "error",
            _ => "warning",
        };
        annotate(command, issue.check.id(), &message(&issue), file, out)?;
    }
    Ok(())
}

/// Writes an annotation for a file that cannot be opened.
pub(super) fn write_failure(message: &str, file: &Path, out: &mut impl Write) -> io::Result<()> {
    annotate("error", "unreadable", &printable(message), file, out)
}

fn annotate(
    command: &str,
    title: &str,
    message: &str,
    file: &Path,
    out: &mut impl Write,
) -> io::Result<()> {
    let file = shown(file);
    let property = escaped(&file).replace(':', "%3A").replace(',', "%2C");
    // The annotation does not show the path where the file is not in the diff.
    let message = escaped(&format!("{}: {message}", printable(&file)));
    writeln!(out, "::{command} file={property},title={title}::{message}")
}

/// Escapes the characters that end a command.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
