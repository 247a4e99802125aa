//! `npyo audit`: the imports and calls that `np.load` would run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::ErrorKind;
use npy_object::audit::{Part, Report, Site, Status, Tally, Use, Verdict};
use npy_object::pickle::audit::{Act, Name, Subject};
use serde_json::{Value, json};

use crate::failure::{self, Failure, display, printable};
use crate::input::Input;

/// Print what np.load(allow_pickle=True) would import and call, without doing it
///
/// Reads every array, pickle and archive member to the last byte, in constant memory. The
/// verdict is `inert` where the file only makes plain values; `dangerous` where it runs code or
/// commands, opens files, changes objects of the program or corrupts memory; `unknown` for
/// everything else, and for a file that cannot be read to its end.
///
/// Exit code: 0 inert and complete, 3 dangerous, 4 unknown or incomplete, 1 the file cannot be
/// opened, 2 wrong usage.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    #[command(flatten)]
    input: Input,

    /// Trust the names listed in a file, one a line, # for remarks: `module.name`, or `package.*`
    /// for all undotted names in its modules that are not known to be dangerous
    ///
    /// A module also holds what it imports from other modules, and `package.*` allows that too: list
    /// full names where it matters.
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,

    /// Print every instruction that imports, calls or changes something
    #[arg(long)]
    sites: bool,

    /// Print JSON: one object, after one for each of the --sites
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  npyo audit mail.npy && python train.py mail.npy
  npyo audit --allow ours.txt model.npz
  npyo audit --json data.npy | jq '.parts[].uses[] | select(.verdict != \"inert\")'";

impl Audit {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let mut audit = self.input.audit();
        if let Some(list) = &self.allow {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::Usage(format!("{}: {error}", display(list)))
            };
            let lines = fs::read_to_string(list).map_err(|error| wrong(&error))?;
            audit = audit.allow_lines(&lines).map_err(|error| wrong(&error))?;
        }
        let (source, member) = self.input.source()?;
        let mut sites = Sites { json: self.json, written: Ok(()) };
        let mut report = audit.read_each(source, |site| {
            if self.sites && member.is_none_or(|name| is_member(site.member, name)) {
                sites.see(site, out);
            }
        });
        sites.written?;
        // A folder can be opened, but not read.
        if let [Part { arrays: 0, pickles: 0, error: Some(error), .. }] = &report.parts[..]
            && error.kind() == ErrorKind::Io
        {
            return Err(Failure::Input(error.clone()));
        }
        if let Some(name) = member {
            report.parts.retain(|part| is_member(part.member.as_deref(), name));
            if report.parts.is_empty() {
                return Err(Failure::Refused(format!("no member {name:?} in the archive")));
            }
        }
        match self.json {
            true => write_json(&report, out)?,
            false => write_text(&report, self.file(), out)?,
        }
        match report.verdict() {
            Verdict::Inert => Ok(()),
            verdict => Err(Failure::Found(verdict)),
        }
    }
}

/// Returns whether the member has this name, with or without `.npy`, as in NumPy.
fn is_member(member: Option<&str>, name: &str) -> bool {
    member.is_some_and(|member| member == name || member.strip_suffix(".npy") == Some(name))
}

/// A writer of each instruction that imports, calls or changes something.
struct Sites {
    json: bool,
    written: io::Result<()>,
}

impl Sites {
    fn see(&mut self, site: &Site<'_>, out: &mut impl Write) {
        if self.written.is_ok() {
            self.written = if self.json { json_site(site, out) } else { text_site(site, out) };
        }
    }
}

fn json_site(site: &Site<'_>, out: &mut impl Write) -> io::Result<()> {
    let line = json!({
        "member": site.member,
        "offset": site.offset,
        "opcode": site.opcode,
        "act": act(site.act),
        "verdict": site.verdict.name(),
        "what": site.name.map(written),
    });
    failure::write_json(out, &line)
}

fn text_site(site: &Site<'_>, out: &mut impl Write) -> io::Result<()> {
    let (member, opcode) = (site.member.map(printable), site.opcode);
    let what = site.name.map(|name| printable(&written(name))).unwrap_or_default();
    if let Some(member) = member {
        write!(out, "{member}: ")?;
    }
    writeln!(out, "{:>8}  {opcode:<12}  {} {what}", site.offset, act(site.act))
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

fn written(name: &Name) -> String {
    match name {
        Name::Global { module, name } => format!("{module}.{name}"),
        Name::Extension(code) => format!("extension code {code}"),
        Name::PersistentId => "a persistent id".to_owned(),
        Name::Unknown => "an unknown value".to_owned(),
    }
}

/// Describes the verdict, and why it is not one of the whole file.
fn verdict(verdict: Verdict, status: &Status) -> String {
    match status.is_complete() {
        true => verdict.name().to_owned(),
        false => format!("{}, {}", verdict.name(), printable(&status.to_string())),
    }
}

fn write_text(report: &Report, file: &Path, out: &mut impl Write) -> io::Result<()> {
    let file = display(file);
    writeln!(out, "{file}: {}", verdict(report.verdict(), &report.status()))?;
    for part in &report.parts {
        if let Some(member) = &part.member {
            writeln!(out, "{}: {}", printable(member), verdict(part.verdict(), &part.status()))?;
        }
        let mut uses: Vec<_> = part.uses.iter().collect();
        // The most dangerous first.
        uses.sort_by_key(|(_, used)| std::cmp::Reverse(used.verdict));
        for (name, used) in uses {
            let reason = match used.reason {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            let name = printable(&written(name));
            writeln!(out, "  {:<9}  {name}{reason}", used.verdict.name())?;
            writeln!(out, "             {}", tallies(used).join(", "))?;
        }
        for oddity in part.oddities() {
            writeln!(out, "  odd        {}", printable(&oddity))?;
        }
    }
    Ok(())
}

/// Describes how a name is used.
fn tallies(used: &Use) -> Vec<String> {
    let tallies = [
        ("imported", used.imported),
        ("called", used.called),
        ("its result called", used.result_called),
        ("changed", used.changed),
        ("its result given a state", used.result_changed),
        ("added to", used.added),
    ];
    let found = tallies.into_iter().filter(|(_, tally)| tally.count > 0);
    found
        .map(|(what, Tally { count, first })| match count {
            1 => format!("{what} at byte {first}"),
            _ => format!("{what} {count} times from byte {first}"),
        })
        .collect()
}

/// Returns as JSON where and why the file was not read to its end; null where it was.
fn incomplete(status: &Status) -> Value {
    match status {
        Status::Complete => Value::Null,
        Status::Incomplete { member, offset, reason, .. } => {
            json!({ "member": member, "offset": offset, "reason": reason })
        }
    }
}

fn write_json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let tally = |Tally { count, first }| match count {
        0 => Value::Null,
        _ => json!({ "count": count, "first": first }),
    };
    let used = |(name, used): (&Name, &Use)| {
        let (module, attribute) = match name {
            Name::Global { module, name } => (Some(module), Some(name)),
            _ => (None, None),
        };
        json!({
            "what": written(name),
            "module": module,
            "name": attribute,
            "verdict": used.verdict.name(),
            "reason": used.reason,
            "imported": tally(used.imported),
            "called": tally(used.called),
            "result_called": tally(used.result_called),
            "changed": tally(used.changed),
            "result_changed": tally(used.result_changed),
            "added": tally(used.added),
        })
    };
    let part = |part: &Part| {
        json!({
            "member": part.member,
            "content": part.content.name(),
            "verdict": part.verdict().name(),
            "status": part.status().name(),
            "incomplete": incomplete(&part.status()),
            "arrays": part.arrays,
            "pickles": part.pickles,
            "uses": part.uses.iter().map(used).collect::<Vec<_>>(),
            "overwritten": tally(part.overwritten),
            "straddled": tally(part.straddled),
            "altered": tally(part.altered),
            "costly": tally(part.costly),
            "trailing": tally(part.trailing),
            "error": part.error.as_ref().map(ToString::to_string),
        })
    };
    let parts: Vec<_> = report.parts.iter().map(part).collect();
    let status = report.status();
    let report = json!({
        "verdict": report.verdict().name(),
        "status": status.name(),
        "incomplete": incomplete(&status),
        "parts": parts,
    });
    failure::write_json(out, &report)
}
