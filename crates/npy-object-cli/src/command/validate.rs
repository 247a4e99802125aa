//! `npyo validate`: the clauses of the specification that a file breaks.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::{Error, ErrorKind, Finding, Validation};
use serde::Serialize;

use crate::command::{Output, Run};
use crate::failure::{Failure, display, printable, write_json};
use crate::input::{Input, Reading};
use crate::show::counted;
use crate::terminal::Colours;

/// List every rule of the format that the file breaks, with byte and clause
///
/// Reads all of the file and goes on after an error where it can: after a header that disagrees with the
/// pickle, after an element that cannot be decoded, with the next array or pickle, with the next member
/// of an archive. The clauses are those of the specification. Nothing is said about what the file would
/// run: see `npyo audit`.
#[derive(Args)]
#[command(after_help = CODES)]
pub(crate) struct Validate {
    #[command(flatten)]
    input: Input,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reading: Reading,
}

const CODES: &str = "\
Exit codes:
  0  no rule is broken
  1  a rule is broken, or the file cannot be read

Examples:
  npyo validate data.npy
  npyo validate --json data.npy | jq '.findings[].clause'";

/// The result as JSON.
#[derive(Serialize)]
struct Report {
    valid: bool,
    elements: u64,
    findings: Vec<Line>,
    /// Findings that are not listed.
    more: u64,
}

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    clause: &'static str,
    kind: &'static str,
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<u64>,
    message: String,
}

impl Run for Validate {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let (source, name) = self.input.source()?;
        let options = self.reading.apply(self.input.options());
        let source = match name {
            Some(_) => self.input.open()?.npy()?,
            None => source,
        };
        let validation = options.validate(source)?;
        match self.json {
            true => write_json(out, &Report::of(&validation))?,
            false => self.print(&validation, out)?,
        }
        if validation.is_valid() { Ok(()) } else { Err(Failure::Reported) }
    }
}

impl Validate {
    fn print(&self, validation: &Validation, out: &mut impl Write) -> io::Result<()> {
        let file = display(self.file());
        let colours = Colours::of_stdout();
        let Validation { elements, findings, more, .. } = validation;
        let elements = counted(*elements, "element");
        if validation.is_valid() {
            return writeln!(out, "{file}: valid, {elements}");
        }
        for Finding { member, offset, error, .. } in findings {
            let member = member.as_deref().map(|name| format!(":{}", printable(name)));
            let place = [
                offset.map(|offset| format!("byte {offset}")),
                error.element().map(|element| format!("element {element}")),
            ];
            let place: Vec<String> = place.into_iter().flatten().collect();
            let place = if place.is_empty() { String::new() } else { place.join(", ") + ": " };
            let (message, clause) = (error.message(), colours.error(error.clause()));
            writeln!(out, "{file}{}: {place}{message} [{clause}]", member.unwrap_or_default())?;
        }
        let errors = counted(findings.len() as u64 + more, "error");
        writeln!(out, "{file}: {errors}, {elements} can be read")
    }
}

impl Report {
    fn of(validation: &Validation) -> Report {
        let findings = validation.findings.iter();
        Report {
            valid: validation.is_valid(),
            elements: validation.elements,
            findings: findings.map(Line::of).collect(),
            more: validation.more,
        }
    }
}

impl Line {
    fn of(finding: &Finding) -> Line {
        let Finding { member, offset, error, .. } = finding;
        Line {
            member: member.clone(),
            clause: error.clause(),
            kind: kind(error),
            offset: *offset,
            element: error.element(),
            message: error.message().to_owned(),
        }
    }
}

/// Returns the kind of an error as `spec/errors.md` names it.
fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Malformed => "malformed",
        ErrorKind::Truncated => "truncated",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Limit => "limit",
        ErrorKind::Usage => "usage",
        _ => "I/O",
    }
}
