//! Directives that list what the whole specification has: opcodes, clauses, errors, test results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use npy_object::pickle::{MemoEffect, Opcode, StackItem};
use serde_json::Value;

use crate::clauses::fixtures_by_clause;
use crate::dump::{cut, dis_rows, plain};
use crate::expand::Specification;
use crate::{pickle, root};

/// Lists all opcodes, by protocol.
pub(crate) fn opcodes(specification: &Specification) -> String {
    let examples = opcode_examples(specification);
    let mut by_code: Vec<Opcode> = Opcode::ALL.to_vec();
    by_code.sort_by_key(|opcode| opcode.byte());
    let mut out = String::from("<div class=\"opcodes\">\n");
    for opcode in &by_code {
        let (name, anchor) = (opcode.name(), anchor(*opcode));
        let _ = writeln!(out, "<a href=\"#{anchor}\"><b>{:02x}</b> {name}</a>", opcode.byte());
    }
    out.push_str("</div>\n\n");
    for protocol in 0..=5 {
        let _ = writeln!(out, "## Protocol {protocol}\n");
        for opcode in by_code.iter().filter(|opcode| opcode.info().protocol == protocol) {
            out.push_str(&one_opcode(*opcode, examples.get(&opcode.byte())));
        }
    }
    out
}

fn anchor(opcode: Opcode) -> String {
    format!("op-{}", opcode.name().to_ascii_lowercase().replace('_', "-"))
}

/// Describes an opcode. The example is an instruction and the name of its fixture.
fn one_opcode(opcode: Opcode, example: Option<&(String, String)>) -> String {
    let info = opcode.info();
    let code = opcode.byte();
    let letter = match code {
        0x21..0x7f => format!(", the character `{}`", code as char),
        _ => String::new(),
    };
    let stack = |items: &[StackItem]| match items {
        [] => "nothing".to_owned(),
        items => items.iter().map(|item| item.name()).collect::<Vec<_>>().join(", "),
    };
    let memo = match info.memo {
        MemoEffect::Untouched => "",
        MemoEffect::Get => "- Reads the memo entry that the argument names.\n",
        MemoEffect::Put => "- Writes the memo entry that the argument names.\n",
        MemoEffect::Memoize => "- Writes the memo entry whose index is the number of entries.\n",
    };
    let example = match example {
        Some((line, file)) => {
            format!("```text\n{line}\n```\n\n<p class=\"from\"><code>{file}</code></p>\n\n")
        }
        None => "No fixture has it.\n\n".to_owned(),
    };
    format!(
        "### {} {{#{} .opcode}}\n\n{}\n\n- Code: `{code:02x}`{letter}.\n- Argument: `{}`.\n- Stack: takes {}; leaves {}.\n{memo}\n{example}",
        info.name,
        anchor(opcode),
        info.summary,
        info.argument.name(),
        stack(info.before),
        stack(info.after),
    )
}

/// Returns the shortest instruction of each opcode in a fixture, and the name of that fixture.
fn opcode_examples(specification: &Specification) -> BTreeMap<u8, (String, String)> {
    let mut found: BTreeMap<u8, (usize, String, String)> = BTreeMap::new();
    for fixture in &specification.fixtures {
        if fixture.name.starts_with("plain/")
            || fixture.is_packed()
            || fixture.python_error().is_some()
        {
            continue;
        }
        let bytes = fixture.bytes();
        let Some((_, start)) = pickle::preamble(&bytes) else { continue };
        for instruction in pickle::instructions(&bytes, start) {
            // An instruction that Python's pickler wrote ranks before one that was written by hand.
            let by_hand = if fixture.written_by.is_empty() { 1 << 20 } else { 0 };
            let rank = instruction.size + by_hand;
            let code = instruction.opcode.byte();
            if found.get(&code).is_none_or(|(best, ..)| rank < *best) {
                let line = dis_rows(&bytes, &[instruction]).concat();
                found.insert(code, (rank, line, fixture.name.clone()));
            }
        }
    }
    found.into_iter().map(|(code, (_, line, file))| (code, (line, file))).collect()
}

/// Lists all clauses by id.
pub(crate) fn clauses(specification: &Specification) -> String {
    let fixtures = fixtures_by_clause(&specification.fixtures);
    let mut out = String::from("| clause | | for | fixtures |\n|---|---|---|--:|\n");
    let mut clauses: Vec<_> = specification.clauses.iter().collect();
    clauses.sort_by(|one, other| one.id.cmp(&other.id));
    for clause in clauses {
        let count = fixtures.get(clause.id.as_str()).map_or(0, Vec::len);
        let whom = if clause.is_for_readers() { "readers" } else { "files" };
        let _ = writeln!(out, "| {} | {} | {whom} | {count} |", clause.link(), clause.title);
    }
    out
}

/// Lists the rules for files, each with the errors for the first fixture that breaks it.
pub(crate) fn errors(specification: &Specification) -> String {
    let mut found = BTreeMap::new();
    for fixture in &specification.fixtures {
        let Some(error) = fixture.error() else { continue };
        let place = error.offset().map_or(String::new(), |offset| format!(" (at byte {offset})"));
        let message = plain(&cut(error.message(), 90));
        let python = fixture.python_error().unwrap_or_else(|| "reads the file".to_owned());
        let python = plain(&cut(&python, 90));
        let name = fixture.name.trim_end_matches(".npy");
        let cell = format!("`{name}`<br>{message}{place}<br>*Python:* {python}");
        found.entry(error.clause()).or_insert(cell);
    }
    let mut out = String::from("| clause | a file that breaks it |\n|---|---|\n");
    for clause in specification.clauses.iter().filter(|clause| !clause.is_for_readers()) {
        let cell = found.get(clause.id.as_str()).map_or("", String::as_str);
        let _ = writeln!(out, "| {} | {cell} |", clause.link());
    }
    out
}

/// Lists the clauses that each reader meets, from the results of `oracle/conformance/run.py`.
pub(crate) fn conformance(specification: &Specification) -> Result<String, String> {
    let path = root().join("oracle/conformance/results.json");
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let runs: Vec<Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut out = String::from("| clause | fixtures |");
    for run in &runs {
        let _ = write!(out, " {} |", run["name"].as_str().unwrap_or_default());
    }
    let _ = writeln!(out, "\n|---|--:|{}", "---|".repeat(runs.len()));
    // The kit has no archives and no indexes.
    let in_kit = || specification.fixtures.iter().filter(|fixture| !fixture.is_packed());
    for clause in &specification.clauses {
        let count = in_kit().filter(|fixture| fixture.clauses.contains(&clause.id)).count();
        if count == 0 {
            continue;
        }
        let _ = write!(out, "| {} | {count} |", clause.link());
        for run in &runs {
            let text = match run["clauses"][&clause.id].as_u64() {
                Some(passed) if passed == count as u64 => "meets".to_owned(),
                Some(passed) => format!("{passed} of {count}"),
                None => return Err(format!("results.json has no {}", clause.id)),
            };
            let _ = write!(out, " {text} |");
        }
        out.push('\n');
    }
    let _ = write!(out, "| **all files** | {} |", in_kit().count());
    for run in &runs {
        let _ = write!(out, " {} |", run["passed"]);
    }
    out.push('\n');
    Ok(out)
}
