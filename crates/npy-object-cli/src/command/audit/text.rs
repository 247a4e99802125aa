//! The report for people.

use std::io::{self, Write};
use std::path::Path;

use npy_object::audit::{Report, Site, Status, Tally, Use, Verdict};

use super::act;
use crate::failure::{display, printable};

/// Writes the line of an instruction.
pub(super) fn write_site(site: &Site<'_>, file: &Path, out: &mut impl Write) -> io::Result<()> {
    let what = site.name.map(|name| printable(&name.to_string())).unwrap_or_default();
    write!(out, "{}:", display(file))?;
    if let Some(member) = site.member {
        write!(out, "{}:", printable(member))?;
    }
    writeln!(out, "{:>8}  {:<12}  {} {what}", site.offset, site.opcode, act(site.act))
}

/// Writes the verdict on a file, and every use of a name that is not inert; with `verbose` every
/// use, and every member.
pub(super) fn write(
    report: &Report,
    file: &Path,
    verbose: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let file = display(file);
    writeln!(out, "{file}: {}", verdict(report.verdict(), &report.status()))?;
    for part in &report.parts {
        if let Some(member) = &part.member {
            if part.verdict() == Verdict::Inert && part.oddities().is_empty() && !verbose {
                continue;
            }
            let verdict = verdict(part.verdict(), &part.status());
            writeln!(out, "{file}:{}: {verdict}", printable(member))?;
        }
        let is_shown = |used: &Use| verbose || used.verdict != Verdict::Inert;
        let mut uses: Vec<_> = part.uses.iter().filter(|(_, used)| is_shown(used)).collect();
        // The most dangerous first.
        uses.sort_by_key(|(_, used)| std::cmp::Reverse(used.verdict));
        for (name, used) in uses {
            let reason = match used.reason {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            let name = printable(&name.to_string());
            writeln!(out, "  {:<9}  {name}{reason}", used.verdict.name())?;
            writeln!(out, "             {}", tallies(used).join(", "))?;
        }
        for oddity in part.oddities() {
            writeln!(out, "  odd        {}", printable(&oddity))?;
        }
    }
    Ok(())
}

/// Describes the verdict, and why it is not one of the whole file.
fn verdict(verdict: Verdict, status: &Status) -> String {
    match status.is_complete() {
        true => verdict.name().to_owned(),
        false => format!("{}, {}", verdict.name(), printable(&status.to_string())),
    }
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
