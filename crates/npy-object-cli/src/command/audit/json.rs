//! The report as lines of JSON, one for each file. `spec/audit.schema.json` is their schema.

use std::io::{self, Write};
use std::path::Path;

use npy_object::audit::{Issue, POLICY_VERSION, Part, Report, Site, Status, Tally, Use};
use npy_object::pickle::audit::Name;
use serde_json::{Value, json};

use super::act;
use crate::failure::{shown, write_json};

/// Writes the line of an instruction.
pub(super) fn write_site(site: &Site<'_>, file: &Path, out: &mut impl Write) -> io::Result<()> {
    let line = json!({
        "type": "site",
        "file": shown(file),
        "member": site.member,
        "offset": site.offset,
        "opcode": site.opcode,
        "act": act(site.act),
        "verdict": site.verdict.name(),
        "what": site.name.map(Name::to_string),
    });
    write_json(out, &line)
}

/// Writes the line of a file that cannot be opened.
pub(super) fn write_failure(message: &str, file: &Path, out: &mut impl Write) -> io::Result<()> {
    let line = json!({ "type": "failure", "file": shown(file), "message": message });
    write_json(out, &line)
}

/// Writes the line of a file.
pub(super) fn write(report: &Report, file: &Path, out: &mut impl Write) -> io::Result<()> {
    let status = report.status();
    let line = json!({
        "type": "report",
        "file": shown(file),
        "policy": POLICY_VERSION,
        "verdict": report.verdict().name(),
        "status": status.name(),
        "incomplete": incomplete(&status),
        "issues": report.issues().iter().map(issue).collect::<Vec<_>>(),
        "parts": report.parts.iter().map(part).collect::<Vec<_>>(),
    });
    write_json(out, &line)
}

fn issue(issue: &Issue<'_>) -> Value {
    json!({
        "check": issue.check.id(),
        "verdict": issue.check.verdict().name(),
        "member": issue.member,
        "what": issue.name.map(Name::to_string),
        "offset": issue.offset,
        "message": issue.message,
    })
}

fn part(part: &Part) -> Value {
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
}

fn used((name, used): (&Name, &Use)) -> Value {
    let (module, attribute) = match name {
        Name::Global { module, name } => (Some(module), Some(name)),
        _ => (None, None),
    };
    json!({
        "what": name.to_string(),
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
}

fn tally(Tally { count, first }: Tally) -> Value {
    match count {
        0 => Value::Null,
        _ => json!({ "count": count, "first": first }),
    }
}

/// Returns where and why the file was not read to its end; null where it was.
fn incomplete(status: &Status) -> Value {
    match status {
        Status::Complete => Value::Null,
        Status::Incomplete { member, offset, reason, .. } => {
            json!({ "member": member, "offset": offset, "reason": reason })
        }
    }
}
