//! `npyo audit`: the imports and calls that `np.load` would run.
//!
//! `files` finds the files, `text`, `json`, `sarif` and `github` write the reports.

mod files;
mod github;
mod json;
mod sarif;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use clap::{Args, ValueEnum};
use npy_object::audit::{Part, Policy, Report, Site, Verdict};
use npy_object::pickle::audit::{Act, Subject};
use npy_object::{ErrorKind, Limits, Options, Source};

use self::files::Entry;
use crate::command::{Output, Run};
use crate::failure::{Failure, display};
use crate::input::{Bounds, source};
use crate::progress::{file_bar, watched};

/// Print what np.load(allow_pickle=True) would import and call, without doing it
///
/// Reads every array, pickle and archive member to the last byte, in constant memory. The
/// verdict is `inert` where the file only makes plain values; `dangerous` where it runs code or
/// commands, opens files, changes objects of the program or corrupts memory; `unknown` for
/// everything else, and for a file that cannot be read to its end.
///
/// In a folder, every file that is named like a pickle or begins like one is audited, except those
/// that a .gitignore excludes.
///
/// Exit code: 0 all files are inert and complete, 3 a file is dangerous, 4 a file is unknown or
/// incomplete, 1 a file cannot be opened, 2 wrong usage. Of several files, 3 comes before 4, and 4
/// before 1.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    /// Files, and folders with all that is in them; ARCHIVE.npz:NAME for a member of an archive; -
    /// for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The member of this name, of an archive
    #[arg(long, value_name = "NAME")]
    member: Option<String>,

    /// The array or pickle of this number, counted from 0, where several follow one another
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    array: u64,

    /// Trust names: `pandas`, `sklearn`, `scipy`, `torch` and `joblib` are the names that pickles of
    /// these libraries have; `module.name`; `package.*` for all undotted names in its modules that
    /// are not known to be dangerous; `persistent_id`; or a file with one of these a line, # for
    /// remarks
    ///
    /// A module also holds what it imports from other modules, and `package.*` allows that too: list
    /// full names where it matters.
    #[arg(long, value_name = "NAMES|FILE", value_delimiter = ',')]
    allow: Vec<String>,

    /// Call names dangerous, in the same forms; a name that is trusted too is dangerous
    #[arg(long, value_name = "NAMES|FILE", value_delimiter = ',')]
    deny: Vec<String>,

    /// Trust, deny and skip as a TOML file says, by path
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// In folders, also audit the files that a .gitignore excludes
    #[arg(long)]
    no_ignore: bool,

    /// Print every instruction that imports, calls or changes something
    #[arg(long)]
    sites: bool,

    /// The form of the output: text, lines of JSON, SARIF 2.1.0 for code scanning, or annotations of
    /// GitHub Actions
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    /// Print lines of JSON: one for each of the --sites, and one for each file
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// In text, also print the names that are inert
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    bounds: Bounds,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Github,
}

const EXAMPLES: &str = "\
Examples:
  npyo audit mail.npy && python train.py mail.npy
  npyo audit models/ data/                    every file in two folders
  npyo audit --allow pandas,ours.txt frame.pkl
  npyo audit --policy npyo.toml .
  npyo audit --json data.npy | jq '.issues[]'
  npyo audit --format sarif . > npyo.sarif    for code scanning";

/// What became of a file.
enum Outcome {
    Report(Report),
    /// It cannot be opened.
    Failed(Failure),
    /// It was found in a folder, and is not a pickle, an array or an archive of these.
    Other,
    /// The policy of the project skips it.
    Skipped,
}

impl Run for Audit {
    /// Returns the first path.
    fn file(&self) -> &Path {
        &self.paths[0]
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let files: Vec<_> =
            files::files(&self.paths, self.member.as_deref(), self.no_ignore).collect();
        let mut printer = Printer::new(self, self.paths.len() > 1 || self.paths[0].is_dir());
        if self.sites && matches!(printer.format, Format::Sarif | Format::Github) {
            let why = "--sites needs the format text or json".to_owned();
            return Err(Failure::Usage(why));
        }
        // The instructions of a file are printed while it is read, so one file is read at a time.
        let threads = match self.sites {
            true => 1,
            false => thread::available_parallelism().map_or(1, usize::from).min(files.len()),
        };
        let limits = self.bounds.limits(threads);
        let policies = self.policies(&limits)?;
        if self.sites {
            for file in &files {
                let outcome = match file {
                    Ok(entry) => {
                        let mut written = Ok(());
                        let outcome = read(entry, &policies, &limits, |site| {
                            if written.is_ok() {
                                written = printer.site(site, &entry.path, out);
                            }
                        });
                        written?;
                        outcome
                    }
                    Err((_, why)) => Outcome::Failed(Failure::Refused(why.clone())),
                };
                printer.file(path_of(file), outcome, out)?;
            }
        } else {
            let is_single = files.len() == 1;
            let work = |number: usize| match &files[number] {
                Ok(entry) if is_single => read_from(entry, &policies, &limits, watched, |_| ()),
                Ok(entry) => read(entry, &policies, &limits, |_| ()),
                Err((_, why)) => Outcome::Failed(Failure::Refused(why.clone())),
            };
            let bar = file_bar(files.len());
            in_order(files.len(), threads, work, |number, outcome| {
                bar.inc(1);
                bar.suspend(|| printer.file(path_of(&files[number]), outcome, out))
            })?;
        }
        printer.end(out)
    }
}

impl Audit {
    /// Returns the policies of the arguments.
    fn policies(&self, limits: &Limits) -> Result<Policies, Failure> {
        let mut audit = npy_object::Audit::new().options(Options::new().limits(limits.clone()));
        if self.array > 0 {
            audit = audit.only(self.array);
        }
        for name in &self.allow {
            audit = match list(name)? {
                Some(lines) => audit.allow_lines(&lines),
                None => audit.allow(name),
            }
            .map_err(|error| wrong(name, error.message()))?;
        }
        for name in &self.deny {
            audit = match list(name)? {
                Some(lines) => audit.deny_lines(&lines),
                None => audit.deny(name),
            }
            .map_err(|error| wrong(name, error.message()))?;
        }
        let Some(file) = &self.policy else { return Ok(Policies { audit, project: None }) };
        let name = display(file);
        let text = fs::read_to_string(file).map_err(|error| wrong(&name, error))?;
        let policy = Policy::parse(&text).map_err(|error| wrong(&name, error.message()))?;
        let folder = folder_of(file).map_err(|error| wrong(&name, error))?;
        Ok(Policies { audit, project: Some((policy, folder)) })
    }
}

/// Returns the failure for an argument.
fn wrong(argument: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("{argument}: {why}"))
}

/// Returns the lines of the file that an item of --allow or --deny names; `None` where the item is
/// no path.
fn list(item: &str) -> Result<Option<String>, Failure> {
    let is_path = item.contains(['/', '\\']) || item.ends_with(".txt") || Path::new(item).is_file();
    match is_path {
        true => fs::read_to_string(item).map(Some).map_err(|error| wrong(item, error)),
        false => Ok(None),
    }
}

/// Returns the folder that a file is in, with all links followed.
fn folder_of(file: &Path) -> io::Result<PathBuf> {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.canonicalize(),
        _ => Path::new(".").canonicalize(),
    }
}

/// The policy for each file.
struct Policies {
    /// The audit of a file for which the project has no policy.
    audit: npy_object::Audit,
    /// The policy of the project, and the folder to which its paths are relative.
    project: Option<(Policy, PathBuf)>,
}

impl Policies {
    /// Returns the audit of a file; `None` for a file that the policy skips.
    fn audit_of(&self, file: &Path) -> Option<Cow<'_, npy_object::Audit>> {
        let Some((policy, folder)) = &self.project else { return Some(Cow::Borrowed(&self.audit)) };
        let full =
            folder_of(file).ok().zip(file.file_name()).map(|(folder, name)| folder.join(name));
        let path = full.as_deref().and_then(|full| full.strip_prefix(folder).ok()).unwrap_or(file);
        match policy.skips(path) {
            Some(_) => None,
            None => Some(Cow::Owned(policy.apply(self.audit.clone(), path))),
        }
    }
}

fn path_of(file: &Result<Entry, (PathBuf, String)>) -> &Path {
    match file {
        Ok(entry) => &entry.path,
        Err((path, _)) => path,
    }
}

/// Audits a file, and calls `each` for every instruction that imports, calls or changes something.
fn read(
    entry: &Entry,
    policies: &Policies,
    limits: &Limits,
    each: impl FnMut(&Site<'_>),
) -> Outcome {
    read_from(entry, policies, limits, |source| source, each)
}

/// Does what [`read`] does, from the source that `of` makes of that of the file.
fn read_from(
    entry: &Entry,
    policies: &Policies,
    limits: &Limits,
    of: impl FnOnce(Source) -> Source,
    mut each: impl FnMut(&Site<'_>),
) -> Outcome {
    let Some(audit) = policies.audit_of(&entry.path) else { return Outcome::Skipped };
    let source = match source(&entry.path, limits) {
        Ok(source) => of(source),
        Err(failure) => return Outcome::Failed(failure),
    };
    let member = entry.member.as_deref();
    let mut report = audit.read_each(source.clone(), |site| {
        if member.is_none_or(|name| is_member(site.member, name)) {
            each(site);
        }
    });
    if let [Part { arrays: 0, pickles: 0, error: Some(error), .. }] = &report.parts[..]
        && error.kind() == ErrorKind::Io
    {
        return Outcome::Failed(Failure::Input(error.clone()));
    }
    if let Some(name) = member {
        report.parts.retain(|part| is_member(part.member.as_deref(), name));
        if report.parts.is_empty() {
            let why = format!("no member {name:?} in the archive");
            return Outcome::Failed(Failure::Refused(why));
        }
    }
    if entry.is_other(&source, &report) {
        return Outcome::Other;
    }
    Outcome::Report(report)
}

/// Returns whether the member has this name, with or without `.npy`, as in NumPy.
fn is_member(member: Option<&str>, name: &str) -> bool {
    member.is_some_and(|member| member == name || member.strip_suffix(".npy") == Some(name))
}

/// Calls `work` with the numbers below `count` on several threads, and `each` on this one with the
/// results in the order of the numbers. After an error of `each`, no more work begins.
fn in_order<T: Send, E>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, work(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (number, result) in &results {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&due) {
                if let Err(error) = each(due, result) {
                    next.store(count, Ordering::Relaxed);
                    return Err(error);
                }
                due += 1;
            }
        }
        Ok(())
    })
}

/// A writer of the reports, which counts them.
struct Printer {
    format: Format,
    is_verbose: bool,
    /// Whether there is a line for all files at the end of the text.
    has_summary: bool,
    log: sarif::Log,
    dangerous: u64,
    unknown: u64,
    inert: u64,
    failed: u64,
    other: u64,
    skipped: u64,
}

impl Printer {
    fn new(audit: &Audit, has_summary: bool) -> Printer {
        Printer {
            format: if audit.json { Format::Json } else { audit.format },
            is_verbose: audit.verbose,
            has_summary,
            log: sarif::Log::default(),
            dangerous: 0,
            unknown: 0,
            inert: 0,
            failed: 0,
            other: 0,
            skipped: 0,
        }
    }

    /// Writes an instruction.
    fn site(&self, site: &Site<'_>, file: &Path, out: &mut impl Write) -> io::Result<()> {
        match self.format {
            Format::Json => json::write_site(site, file, out),
            _ => text::write_site(site, file, out),
        }
    }

    /// Writes the report on a file, and counts it.
    fn file(&mut self, file: &Path, outcome: Outcome, out: &mut impl Write) -> Result<(), Failure> {
        let report = match outcome {
            Outcome::Report(report) => report,
            Outcome::Failed(failure) => return self.failure(file, &failure, out),
            Outcome::Other => {
                self.other += 1;
                return Ok(());
            }
            Outcome::Skipped => {
                self.skipped += 1;
                return Ok(());
            }
        };
        match report.verdict() {
            Verdict::Dangerous => self.dangerous += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::Inert => self.inert += 1,
        }
        match self.format {
            Format::Text => text::write(&report, file, self.is_verbose, out)?,
            Format::Json => json::write(&report, file, out)?,
            Format::Sarif => self.log.add(&report, file),
            Format::Github => github::write(&report, file, out)?,
        }
        Ok(())
    }

    /// Reports a file that cannot be opened, on stderr and in the output.
    fn failure(
        &mut self,
        file: &Path,
        failure: &Failure,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        self.failed += 1;
        failure.print(file);
        let message = match failure {
            Failure::Input(error) => error.to_string(),
            Failure::Refused(why) => why.clone(),
            _ => "the file cannot be read".to_owned(),
        };
        match self.format {
            Format::Text => {}
            Format::Json => json::write_failure(&message, file, out)?,
            Format::Sarif => self.log.add_failure(&message, file),
            Format::Github => github::write_failure(&message, file, out)?,
        }
        Ok(())
    }

    /// Writes the end, and returns the failure that gives the exit code.
    fn end(&self, out: &mut impl Write) -> Result<(), Failure> {
        match self.format {
            Format::Sarif => self.log.write(out)?,
            Format::Text if self.has_summary || self.skipped > 0 => {
                writeln!(out, "{}", self.summary())?;
            }
            _ => {}
        }
        match (self.dangerous, self.unknown, self.failed) {
            (0, 0, 0) => Ok(()),
            (0, 0, _) => Err(Failure::Reported),
            (0, ..) => Err(Failure::Found(Verdict::Unknown)),
            _ => Err(Failure::Found(Verdict::Dangerous)),
        }
    }

    fn summary(&self) -> String {
        let Printer { dangerous, unknown, inert, failed, other, skipped, .. } = self;
        let files = dangerous + unknown + inert + failed;
        let mut line = format!(
            "{files} {}: {dangerous} dangerous, {unknown} unknown, {inert} inert",
            if files == 1 { "file" } else { "files" }
        );
        if *failed > 0 {
            line += &format!(", {failed} cannot be opened");
        }
        if *other > 0 {
            line += &format!("; {other} without pickles or arrays");
        }
        if *skipped > 0 {
            line += &format!("; {skipped} skipped by the policy");
        }
        line
    }
}

/// Describes what an instruction does to a name.
fn act(act: Act) -> &'static str {
    match act {
        Act::Import(_) => "imports",
        Act::Call(Subject::Named(_)) => "calls",
        Act::Call(Subject::ResultOf(_)) => "calls the result of",
        Act::SetState(Subject::Named(_)) => "changes",
        Act::SetState(Subject::ResultOf(_)) => "sets the state of the result of",
        Act::Add(Subject::Named(_)) => "adds to",
        Act::Add(Subject::ResultOf(_)) => "adds to the result of",
        Act::Overwrite(_) => "overwrites a memo entry",
        Act::Straddle => "straddles frames",
        Act::Alter => "changes an argument of an object",
        Act::Costly => "costs more than its bytes",
    }
}
