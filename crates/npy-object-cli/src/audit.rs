//! `npyo audit`: what NumPy would run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use npy_object::pickle::{Act, Name, Subject};
use npy_object::{Part, Report, Site, Tally, Use, Verdict};
use serde_json::{Value, json};

use crate::failure::{Failure, printable};
use crate::input::Input;

/// Say what np.load(allow_pickle=True) would import and call, without doing it
///
/// Every array and pickle in the file is gone through to its last byte, in little memory. What makes
/// plain values is inert; what runs code or commands, or opens files, is dangerous; what is not known
/// is unknown. Ends with 0 where all is inert, 3 where something is not, 1 where the file is broken.
#[derive(Args)]
#[command(after_help = EXAMPLES, mut_arg("array", |array| array.hide(true)))]
pub(crate) struct Audit {
    #[command(flatten)]
    input: Input,

    /// Take what is listed in a file for inert: module.name or module.*, one a line, # for remarks
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,

    /// Print every instruction that imports, calls or changes something
    #[arg(long)]
    sites: bool,

    /// Print JSON: one object, behind one for each of the --sites
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
        if self.input.array > 0 {
            let why = "every array in the file is gone through: leave out --array";
            return Err(Failure::Refused(why.to_owned()));
        }
        let mut audit = self.input.audit();
        if let Some(list) = &self.allow {
            let lines = fs::read_to_string(list)
                .map_err(|error| Failure::Refused(format!("{}: {error}", list.display())))?;
            audit = audit.allow_lines(&lines);
        }
        let (source, member) = self.input.source()?;
        let mut sites = Sites { json: self.json, written: Ok(()) };
        let mut report = audit.read_each(source, |site| {
            if self.sites && member.is_none_or(|name| is_member(site.member, name)) {
                sites.see(site, out);
            }
        });
        sites.written?;
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
        let verdict = report.verdict();
        let error = report.parts.into_iter().find_map(|part| part.error);
        match (verdict, error) {
            (Verdict::Unknown | Verdict::Dangerous, _) => Err(Failure::Found),
            (Verdict::Inert, Some(error)) => Err(Failure::Input(error)),
            (Verdict::Inert, None) => Ok(()),
        }
    }
}

/// Whether a member has a name, by which NumPy knows it too: without `.npy`.
fn is_member(member: Option<&str>, name: &str) -> bool {
    member.is_some_and(|member| member == name || member.strip_suffix(".npy") == Some(name))
}

/// What was found, instruction by instruction.
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
        "opcode": site.opcode.info().name,
        "act": act(site.act),
        "what": site.name.map(written),
    });
    writeln!(out, "{line}")
}

fn text_site(site: &Site<'_>, out: &mut impl Write) -> io::Result<()> {
    let (member, opcode) = (site.member.map(printable), site.opcode.info().name);
    let what = site.name.map(|name| printable(&written(name))).unwrap_or_default();
    if let Some(member) = member {
        write!(out, "{member}: ")?;
    }
    writeln!(out, "{:>8}  {opcode:<12}  {} {what}", site.offset, act(site.act))
}

fn act(act: Act) -> &'static str {
    match act {
        Act::Import(_) => "imports",
        Act::Call(Subject::Named(_)) => "calls",
        Act::Call(Subject::ResultOf(_)) => "calls what came of",
        Act::SetState(Subject::Named(_)) => "changes",
        Act::SetState(Subject::ResultOf(_)) => "sets the state of what came of",
        Act::Add(Subject::Named(_)) => "adds to",
        Act::Add(Subject::ResultOf(_)) => "adds to what came of",
        Act::Overwrite(_) => "overwrites a memo entry",
        Act::Straddle => "straddles frames",
    }
}

fn written(name: &Name) -> String {
    match name {
        Name::Global { module, name } => format!("{module}.{name}"),
        Name::Extension(code) => format!("extension code {code}"),
        Name::PersistentId => "a persistent id".to_owned(),
        Name::Unknown => "something that cannot be known".to_owned(),
    }
}

fn write_text(report: &Report, file: &Path, out: &mut impl Write) -> io::Result<()> {
    // What is broken may go on in any way.
    let said = |verdict: Verdict, parts: &[Part]| {
        let is_broken = parts.iter().any(|part| part.error.is_some());
        let how_far = match verdict == Verdict::Inert && is_broken {
            true => ", as far as it can be read",
            false => "",
        };
        format!("{}{how_far}", verdict.name())
    };
    writeln!(out, "{}: {}", file.display(), said(report.verdict(), &report.parts))?;
    for part in &report.parts {
        if let Some(member) = &part.member {
            let verdict = said(part.verdict(), std::slice::from_ref(part));
            writeln!(out, "{}: {verdict}", printable(member))?;
        }
        let mut uses: Vec<_> = part.uses.iter().collect();
        // The worst first.
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
        write_oddities(part, out)?;
    }
    Ok(())
}

fn write_oddities(part: &Part, out: &mut impl Write) -> io::Result<()> {
    let times = |count| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    for (tally, what) in [
        (part.overwritten, "a memo entry gets another value"),
        (part.straddled, "an instruction lies in two frames"),
    ] {
        if tally.count > 0 {
            writeln!(
                out,
                "  odd        {what}, {}, first at byte {}",
                times(tally.count),
                tally.first
            )?;
        }
    }
    if part.trailing.count > 0 {
        let Tally { count, first } = part.trailing;
        writeln!(out, "  odd        {count} bytes at byte {first} are no array")?;
    }
    if let Some(error) = &part.error {
        writeln!(out, "  broken     {}", printable(&error.to_string()))?;
    }
    Ok(())
}

/// What is done with a name, in words.
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
            "verdict": part.verdict().name(),
            "arrays": part.arrays,
            "pickles": part.pickles,
            "uses": part.uses.iter().map(used).collect::<Vec<_>>(),
            "overwritten": tally(part.overwritten),
            "straddled": tally(part.straddled),
            "trailing": tally(part.trailing),
            "error": part.error.as_ref().map(ToString::to_string),
        })
    };
    let parts: Vec<_> = report.parts.iter().map(part).collect();
    writeln!(out, "{}", json!({ "verdict": report.verdict().name(), "parts": parts }))
}
