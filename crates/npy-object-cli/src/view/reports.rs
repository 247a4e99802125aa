//! The reports on a whole file, audit and statistics: each is made once, in a thread of its own.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Parser;
use npy_object::audit::Report;
use npy_object::{Audit, Limits, Options};
use serde::Serialize;

use super::answer::{Problem, to_json};
use super::files::{Entry, Files};
use super::lock;
use crate::command::stats::Stats;
use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::source;

/// The report that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    Audit,
    Statistics,
}

/// The reports that were asked for, and those that are being made.
#[derive(Default)]
pub(super) struct Reports {
    made: Mutex<HashMap<(Sort, usize), Slot>>,
}

/// The JSON of a report; `None` while it is being made.
type Slot = Arc<Mutex<Option<Vec<u8>>>>;

/// A report that is being made.
#[derive(Serialize)]
struct Running {
    running: bool,
}

impl Reports {
    /// Returns the report on a file as JSON, or that it is being made. The first call begins it.
    ///
    /// Fails where there is no file of this number.
    pub(super) fn get(&self, sort: Sort, number: usize, files: &Files) -> Result<Vec<u8>, Failure> {
        let entry = files.entry(number)?;
        let mut made = lock(&self.made);
        let report = made.entry((sort, number)).or_insert_with(|| {
            let report = Arc::new(Mutex::new(None));
            let (slot, work) = (Arc::clone(&report), Work::new(sort, entry, files));
            thread::spawn(move || {
                let json = work.run();
                *lock(&slot) = Some(json);
            });
            report
        });
        Ok(lock(report).clone().unwrap_or_else(|| to_json(&Running { running: true })))
    }
}

/// The work of a thread.
struct Work {
    sort: Sort,
    path: PathBuf,
    member: Option<String>,
    limits: Limits,
    options: Options,
}

/// The result of a thread: a report, and the error that ended it.
#[derive(Serialize)]
struct Outcome<R: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// The command line of `npyo stats`.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    stats: Stats,
}

impl Work {
    fn new(sort: Sort, entry: &Entry, files: &Files) -> Work {
        let (path, member) = (entry.path.clone(), entry.member.clone());
        let (limits, options) = (files.limits().clone(), files.options().clone());
        Work { sort, path, member, limits, options }
    }

    fn run(self) -> Vec<u8> {
        match self.sort {
            Sort::Audit => match self.audit() {
                Ok(report) => {
                    to_json(&Outcome { report: Some(Verdict::of(&report, &self)), error: None })
                }
                Err(failure) => {
                    let error = Some(Problem::of_failure(&failure));
                    to_json(&Outcome::<Verdict> { report: None, error })
                }
            },
            Sort::Statistics => to_json(&self.statistics()),
        }
    }

    fn audit(&self) -> Result<Report, Failure> {
        let source = source(&self.path, &self.limits)?;
        Ok(Audit::new().options(self.options.clone()).read(source))
    }

    /// Does what `npyo stats --json` does. Of a broken file, there are counts and an error.
    fn statistics(&self) -> Outcome<serde_json::Value> {
        let mut line: Vec<OsString> = ["stats", "--json"].map(OsString::from).to_vec();
        if let Some(member) = &self.member {
            line.extend(["--member".into(), member.into()]);
        }
        line.extend(["--".into(), self.path.clone().into()]);
        let mut json = Vec::new();
        let outcome = match Line::try_parse_from(line) {
            Ok(line) => {
                let mut out = Output::new(&mut json);
                let counted = line.stats.run(&mut out);
                counted.and(out.flush().map_err(Failure::Output))
            }
            Err(error) => Err(Failure::Refused(error.to_string())),
        };
        Outcome {
            report: serde_json::from_slice(&json).ok(),
            error: outcome.err().map(|failure| Problem::of_failure(&failure)),
        }
    }
}

/// Names, and issues, of an audit that are sent.
const MOST: usize = 500;

/// The verdict of an audit and its reasons.
#[derive(Serialize)]
struct Verdict {
    verdict: &'static str,
    status: &'static str,
    issues: Vec<Issue>,
    /// The names that the file imports, with the number of imports and calls.
    names: Vec<Name>,
}

#[derive(Serialize)]
struct Issue {
    check: &'static str,
    verdict: &'static str,
    member: Option<String>,
    name: Option<String>,
    offset: Option<u64>,
    message: String,
}

#[derive(Serialize)]
struct Name {
    name: String,
    verdict: &'static str,
    reason: &'static str,
    imported: u64,
    called: u64,
}

impl Verdict {
    /// Takes what concerns the file, or its member, from a report.
    fn of(report: &Report, work: &Work) -> Verdict {
        let is_shown =
            |member: Option<&str>| work.member.as_deref().is_none_or(|shown| member == Some(shown));
        let issues = report.issues().into_iter().filter(|issue| is_shown(issue.member));
        let issue = |issue: npy_object::audit::Issue<'_>| Issue {
            check: issue.check.id(),
            verdict: issue.check.verdict().name(),
            member: issue.member.map(str::to_owned),
            name: issue.name.map(ToString::to_string),
            offset: issue.offset,
            message: issue.message.to_string(),
        };
        let issues = issues.take(MOST).map(issue).collect();
        let parts = || report.parts.iter().filter(|part| is_shown(part.member.as_deref()));
        let uses = parts().flat_map(|part| &part.uses).take(MOST);
        let names = uses.map(|(name, used)| Name {
            name: name.to_string(),
            verdict: used.verdict.name(),
            reason: used.reason,
            imported: used.imported.count,
            called: used.called.count,
        });
        let verdict = parts().map(npy_object::audit::Part::verdict).max();
        Verdict {
            verdict: verdict.unwrap_or(report.verdict()).name(),
            status: report.status().name(),
            issues,
            names: names.collect(),
        }
    }
}
