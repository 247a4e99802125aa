//! What the directives in the chapters stand for: `{{#name arguments}}` on a line of its own.
//!
//! | directive | stands for |
//! |---|---|
//! | `bytes FIXTURE FROM..TO` | bytes of a file, 16 to a row |
//! | `preamble FIXTURE` | the parts of a preamble, with their bytes |
//! | `dis FIXTURE [FROM..TO]` | instructions of the pickle in a file, with their bytes |
//! | `typed FIXTURE [FROM..TO]` | what Python says of a file, or some lines of it |
//! | `refused FIXTURE` | what is wrong with a file, and what is said of it |
//! | `descr TEXT` | the same of a header with this `descr`, which no fixture has |
//! | `opcodes` | the reference of all opcodes |
//! | `clauses` | the index of all clauses |
//! | `errors` | every rule for files, and what is said of a file that breaks it |
//! | `writers` | what each environment writes |
//! | `conformance` | which clauses each implementation meets |
//! | `figure NAME FIXTURE` | a picture of a file: `bytes`, `stack`, `memo` or `life` |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;

use npy_object::header::{Limits, parse};
use npy_object::pickle::{ArgumentKind, MemoEffect, Opcode, StackItem};
use serde_json::Value;

use crate::chapter::Book;
use crate::fixtures::{Fixture, find};
use crate::stream::{self, Row};
use crate::{Complaint, clauses, figures, root};

/// Bytes in a row.
const WIDTH: usize = 16;

/// The Markdown or HTML that a directive stands for, within the section of `clause`.
pub(crate) fn run(directive: &str, book: &Book, clause: Option<&str>) -> Result<String, Complaint> {
    let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let (file, range) = rest.split_once(' ').unwrap_or((rest, ""));
    let fixture = || find(&book.fixtures, file);
    match name {
        "bytes" => {
            let (fixture, bytes) = (fixture()?, fixture()?.bytes());
            let rows = hex_rows(&bytes, parse_range(range, bytes.len())?);
            Ok(block(&rows, &from(fixture)))
        }
        "preamble" => preamble(fixture()?),
        "dis" => disassembly(fixture()?, range),
        "typed" => typed(fixture()?, range),
        "refused" => refused(fixture()?, clause),
        "descr" => descr(rest, clause),
        "opcodes" => Ok(opcodes(book)),
        "clauses" => Ok(index(book)),
        "errors" => Ok(errors(book)),
        "writers" => Ok(writers(book)),
        "conformance" => conformance(book),
        "figure" => {
            let (name, file) = rest.split_once(' ').unwrap_or((rest, ""));
            let fixture = find(&book.fixtures, file)?;
            Ok(figures::draw(name, fixture)? + &from(fixture))
        }
        _ => Err(format!("there is no directive {name}")),
    }
}

/// Text as it stands in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Lines as they are, and where they are from.
fn block(lines: &[String], from: &str) -> String {
    format!("```text\n{}\n```\n\n{from}", lines.join("\n"))
}

/// Where an example is from.
fn from(fixture: &Fixture) -> String {
    let writers = match fixture.written_by.as_slice() {
        [] => "by hand".to_owned(),
        [one] => format!("by {}", environment(one)),
        [first, .., last] => format!("by {} to {}", environment(first), environment(last)),
    };
    format!(
        "<p class=\"from\"><code>{}</code>: {}. Written {writers}.</p>\n",
        escape(&fixture.file),
        escape(&fixture.about)
    )
}

/// `py3.13-np2.5` in words.
fn environment(tag: &str) -> String {
    let (python, numpy) = tag.split_once('-').unwrap_or((tag, ""));
    format!("CPython {} and NumPy {}", &python[2..], &numpy[2..])
}

/// `FROM..TO`, of which both may be absent, within `len`.
fn parse_range(text: &str, len: usize) -> Result<Range<usize>, Complaint> {
    if text.is_empty() {
        return Ok(0..len);
    }
    let (from, to) = text.split_once("..").ok_or("a range has the form FROM..TO")?;
    let bound = |text: &str, default| match text {
        "" => Ok(default),
        _ => text.parse().map_err(|_| format!("{text} is no offset")),
    };
    let (from, to) = (bound(from, 0)?, bound(to, len)?);
    if from < to.min(len) { Ok(from..to.min(len)) } else { Err(format!("there are only {len}")) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn ascii(bytes: &[u8]) -> String {
    let shown = |&byte: &u8| if (0x20..0x7f).contains(&byte) { byte as char } else { '.' };
    bytes.iter().map(shown).collect()
}

fn hex_rows(bytes: &[u8], range: Range<usize>) -> Vec<String> {
    let row = |(index, row): (usize, &[u8])| {
        let offset = range.start + index * WIDTH;
        format!("{offset:>5}  {:<47}  {}", hex(row), ascii(row))
    };
    bytes[range.clone()].chunks(WIDTH).enumerate().map(row).collect()
}

/// A line of text of at most so many characters.
fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first lines, each of a length that can be read.
fn shortened(lines: &[String]) -> Vec<String> {
    const LINES: usize = 12;
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| short(line, 240)).collect();
    if lines.len() > LINES {
        shown.push(format!("... {} lines in all", lines.len()));
    }
    shown
}

fn typed(fixture: &Fixture, range: &str) -> Result<String, Complaint> {
    let lines = fixture.lines();
    let range = parse_range(range, lines.len())?;
    Ok(block(&shortened(&lines[range]), &from(fixture)))
}

/// The parts of a preamble, one to a row; the header, which is longer, to several.
fn preamble(fixture: &Fixture) -> Result<String, Complaint> {
    let bytes = fixture.bytes();
    let (_, end) = stream::preamble(&bytes).ok_or("the preamble is broken")?;
    let width = if bytes[6] == 1 { 2 } else { 4 };
    let text_end = bytes[..end].iter().rposition(|&byte| byte == b'}').map_or(end, |at| at + 1);
    let parts = [
        (0..6, "magic"),
        (6..7, "major version"),
        (7..8, "minor version"),
        (8..8 + width, "length of the header, little-endian"),
        (8 + width..text_end, ""),
        (text_end..end, ""),
    ];
    let mut rows = Vec::new();
    for (range, what) in parts {
        if what.is_empty() {
            rows.extend(hex_rows(&bytes, range));
        } else {
            rows.push(format!("{:>5}  {:<47}  {what}", range.start, hex(&bytes[range.clone()])));
        }
    }
    rows.push(format!("{end:>5}  the data"));
    Ok(block(&rows, &from(fixture)))
}

/// Rows of a disassembly: the offset, the bytes, the instruction. Of the indentation, which says how
/// many marks are open, only what differs between the rows is left.
fn dis_rows<'a>(bytes: &[u8], rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    const BYTES: usize = 6;
    // The line begins with the offset and the opcode as text; they are in the bytes.
    let rows: Vec<(&Row, &str)> =
        rows.into_iter().map(|row| (row, row.text.get(11..).unwrap_or_default())).collect();
    let indent = rows.iter().map(|(_, text)| text.len() - text.trim_start().len()).min();
    let line = |(row, text): &(&Row, &str)| {
        let encoded = &bytes[row.offset..row.offset + row.size];
        let shown = hex(&encoded[..encoded.len().min(BYTES)]);
        let dots = if encoded.len() > BYTES { " .." } else { "" };
        format!("{:>5}  {:<20}  {}", row.offset, shown + dots, &text[indent.unwrap_or(0)..])
    };
    rows.iter().map(line).collect()
}

fn disassembly(fixture: &Fixture, range: &str) -> Result<String, Complaint> {
    let bytes = fixture.bytes();
    let (_, start) = stream::preamble(&bytes).ok_or("the preamble is broken")?;
    let range = parse_range(range, bytes.len())?;
    let rows = stream::instructions(&bytes, start);
    let rows: Vec<&Row> = rows.iter().filter(|row| range.contains(&row.offset)).collect();
    if rows.is_empty() {
        return Err("there are no instructions".to_owned());
    }
    Ok(block(&dis_rows(&bytes, rows), &from(fixture)))
}

/// A broken file: the place, what this project says of it, and what Python does.
fn refused(fixture: &Fixture, clause: Option<&str>) -> Result<String, Complaint> {
    let error = fixture.error().ok_or("the file is not refused")?;
    if clause.is_some_and(|clause| clause != error.clause()) {
        return Err(format!("the file breaks {}", error.clause()));
    }
    let bytes = fixture.bytes();
    let place = error.offset().unwrap_or_default() as usize;
    let mut lines = match stream::preamble(&bytes) {
        _ if fixture.is_packed() => hex_rows(&bytes, rows_around(place, bytes.len())),
        // No place is to blame: the header it is.
        Some((_, start)) if error.offset().is_none() => {
            header_lines(&bytes[..start], start).into_iter().take(1).collect()
        }
        Some((header, start)) if !header.dtype.has_object() && place > start => {
            hex_rows(&bytes, start..bytes.len())
        }
        Some((header, start)) if header.dtype.has_object() && place >= start => {
            let rows = stream::instructions(&bytes, start);
            let before = rows.iter().take_while(|row| row.offset <= place).count();
            dis_rows(&bytes, &rows[before.saturating_sub(4)..before])
        }
        _ => header_lines(&bytes, place),
    };
    lines.push(String::new());
    lines.push(format!("here    {}", short(&error.to_string(), 120)));
    let python = fixture.python_error().unwrap_or_else(|| "reads it".to_owned());
    lines.push(format!("Python  {}", short(&python, 120)));
    Ok(block(&lines, &from(fixture)))
}

/// The row of a place, and some around it.
fn rows_around(place: usize, len: usize) -> Range<usize> {
    let row = place.min(len - 1) / WIDTH;
    row.saturating_sub(1) * WIDTH..((row + 3) * WIDTH).min(len)
}

/// What stands at a place in the preamble, and a pointer to it.
fn header_lines(bytes: &[u8], place: usize) -> Vec<String> {
    let start = if bytes.get(6).is_none_or(|&major| major <= 1) { 10 } else { 12 };
    if place < start || bytes.len() <= start {
        let shown = &bytes[..bytes.len().min(WIDTH)];
        return vec![hex(shown), format!("{}^", " ".repeat(3 * place))];
    }
    let text = |bytes: &[u8]| -> String {
        let shown = |&byte: &u8| match byte {
            b'\n' => "\\n".to_owned(),
            0x20..0x7f => (byte as char).to_string(),
            byte => format!("\\x{byte:02x}"),
        };
        bytes.iter().map(shown).collect()
    };
    let end = bytes.iter().rposition(|&byte| byte == b'}').map_or(bytes.len(), |at| at + 1);
    let before = text(&bytes[start..place.max(start)]);
    vec![text(&bytes[start..end.max(place)]), format!("{}^", " ".repeat(before.len()))]
}

/// A header with this `descr`, and what is said of it.
fn descr(descr: &str, clause: Option<&str>) -> Result<String, Complaint> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3,)}}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    let Err(error) = parse(&bytes, &Limits::default()) else {
        return Err(format!("{descr} is accepted"));
    };
    if clause != Some(error.clause()) {
        return Err(format!("{descr} breaks {}", error.clause()));
    }
    let mut lines = header_lines(&bytes, error.offset() as usize);
    lines[0] = short(&lines[0], 110);
    lines.truncate(if error.offset() < 110 { 2 } else { 1 });
    lines.extend([String::new(), format!("here    {}", short(&error.to_string(), 120))]);
    Ok(block(&lines, ""))
}

// The reference of the opcodes.

fn opcodes(book: &Book) -> String {
    let examples = opcode_examples(book);
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

fn one_opcode(opcode: Opcode, example: Option<&(String, String)>) -> String {
    let info = opcode.info();
    let code = opcode.byte();
    let letter = match code {
        0x21..0x7f => format!(" <code>{}</code>", escape(&(code as char).to_string())),
        _ => String::new(),
    };
    let mut out = format!("### {} {{#{} .opcode}}\n\n", info.name, anchor(opcode));
    let _ = writeln!(out, "{}\n", info.summary);
    let _ = write!(out, "<dl><dt>code</dt><dd><code>{code:02x}</code>{letter}</dd>");
    let _ = write!(out, "<dt>argument</dt><dd>{}</dd>", argument(info.argument));
    let stack = |items: &[StackItem]| match items {
        [] => "nothing".to_owned(),
        items => items.iter().map(|item| item.name()).collect::<Vec<_>>().join(", "),
    };
    let _ = write!(
        out,
        "<dt>stack</dt><dd>takes {}; leaves {}</dd>",
        stack(info.before),
        stack(info.after)
    );
    let memo = match info.memo {
        MemoEffect::Untouched => "untouched",
        MemoEffect::Get => "reads the entry that the argument names",
        MemoEffect::Put => "writes the entry that the argument names",
        MemoEffect::Memoize => "writes the entry whose index is the number of entries",
    };
    let _ = writeln!(out, "<dt>memo</dt><dd>{memo}</dd></dl>\n");
    if let Some((line, file)) = example {
        let _ =
            writeln!(out, "```text\n{line}\n```\n\n<p class=\"from\"><code>{file}</code></p>\n");
    } else {
        let _ = writeln!(out, "<p class=\"from\">No file in the oracle has it.</p>\n");
    }
    out
}

/// An instruction of each opcode, by its code, and the fixture that has it: the shortest there is.
fn opcode_examples(book: &Book) -> BTreeMap<u8, (String, String)> {
    let mut found: BTreeMap<u8, (usize, String, String)> = BTreeMap::new();
    for fixture in &book.fixtures {
        if fixture.file.starts_with("plain/")
            || fixture.is_packed()
            || fixture.python_error().is_some()
        {
            continue;
        }
        let bytes = fixture.bytes();
        let Some((_, start)) = stream::preamble(&bytes) else { continue };
        for row in stream::instructions(&bytes, start) {
            // What Python's pickler wrote is preferred to what was written by hand.
            let rank = row.size + if fixture.written_by.is_empty() { 1 << 20 } else { 0 };
            let best = found.get(&row.opcode.byte()).map_or(usize::MAX, |(rank, ..)| *rank);
            if rank < best {
                let line = dis_rows(&bytes, [&row]).concat();
                found.insert(row.opcode.byte(), (rank, line, fixture.file.clone()));
            }
        }
    }
    found.into_iter().map(|(code, (_, line, file))| (code, (line, file))).collect()
}

fn argument(kind: ArgumentKind) -> &'static str {
    use ArgumentKind as A;
    match kind {
        A::None => "none",
        A::Uint1 => "1 byte, unsigned",
        A::Uint2 => "2 bytes, unsigned, little-endian",
        A::Uint4 => "4 bytes, unsigned, little-endian",
        A::Uint8 => "8 bytes, unsigned, little-endian",
        A::Int4 => "4 bytes, signed, little-endian",
        A::Float8 => "8 bytes, IEEE 754, big-endian",
        A::Long1 => "a length of 1 byte; little-endian two's complement",
        A::Long4 => "a length of 4 bytes, signed; little-endian two's complement",
        A::String1 => "a length of 1 byte; bytes of a Python 2 str",
        A::String4 => "a length of 4 bytes, signed; bytes of a Python 2 str",
        A::Bytes1 => "a length of 1 byte; bytes",
        A::Bytes4 => "a length of 4 bytes; bytes",
        A::Bytes8 => "a length of 8 bytes; bytes",
        A::ByteArray8 => "a length of 8 bytes; bytes",
        A::Unicode1 => "a length of 1 byte; UTF-8",
        A::Unicode4 => "a length of 4 bytes; UTF-8",
        A::Unicode8 => "a length of 8 bytes; UTF-8",
        A::DecimalLine => "a line: a decimal number",
        A::LongLine => "a line: a decimal number, an optional L",
        A::FloatLine => "a line: a decimal floating-point number",
        A::StringLine => "a line: a quoted string with escapes",
        A::UnicodeLine => "a line: raw-unicode-escape",
        A::Line => "a line: text",
        A::LinePair => "two lines: module and name",
        _ => "see the table",
    }
}

// Tables of the whole book.

/// Every clause, by chapter.
fn index(book: &Book) -> String {
    let fixtures = clauses::fixtures_by_clause(&book.fixtures);
    let mut out = String::from("| clause | for | fixtures |\n|---|---|---|\n");
    let mut clauses: Vec<_> = book.clauses.iter().collect();
    clauses.sort_by(|one, other| one.name.cmp(&other.name));
    for clause in clauses {
        let count = fixtures.get(&clause.name).map_or(0, Vec::len);
        let whom = if clause.of_readers { "readers" } else { "files" };
        let _ =
            writeln!(out, "| [`{0}`]({1}#{0}) | {whom} | {count} |", clause.name, clause.chapter);
    }
    out
}

/// Every rule for files, with what is said of the first fixture that breaks it.
fn errors(book: &Book) -> String {
    let mut found = BTreeMap::new();
    for fixture in &book.fixtures {
        let Some(error) = fixture.error() else { continue };
        let place = error.offset().map_or(String::new(), |offset| format!(" (at byte {offset})"));
        let python = fixture.python_error().map_or("reads it".to_owned(), |text| cell(&text));
        let name = fixture.file.trim_end_matches(".npy");
        let said = format!("`{name}`<br>{}{place}<br>*Python:* {python}", cell(error.message()));
        found.entry(error.clause()).or_insert(said);
    }
    let mut out = String::from("| clause | a file that breaks it |\n|---|---|\n");
    for clause in book.clauses.iter().filter(|clause| !clause.of_readers) {
        let said = found.get(clause.name.as_str()).map_or("", String::as_str);
        let _ = writeln!(out, "| [`{0}`]({1}#{0}) | {said} |", clause.name, clause.chapter);
    }
    out
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    let text = short(text, 90).replace('\n', " ");
    let special = ['\\', '|', '*', '_', '[', ']', '`', '<', '>', '{', '}', '\''];
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if special.contains(&c) => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// What each environment writes, read off its files.
fn writers(book: &Book) -> String {
    let mut seen: BTreeMap<(Vec<u32>, String), Written> = BTreeMap::new();
    for fixture in &book.fixtures {
        let bytes = fixture.bytes();
        for tag in &fixture.written_by {
            let written = seen.entry((order(tag), tag.clone())).or_default();
            written.add(fixture, &bytes);
        }
    }
    let mut out = String::from(
        "| CPython | NumPy | `_reconstruct` in | growth padding |\n|---|---|---|---|\n",
    );
    for ((_, tag), written) in &seen {
        let (python, numpy) = tag.split_once('-').unwrap_or((tag, ""));
        let modules: Vec<&str> = written.modules.iter().copied().collect();
        let _ = writeln!(
            out,
            "| {} | {} | `{}` | {} |",
            &python[2..],
            &numpy[2..],
            modules.join("`, `"),
            if written.growth { "yes" } else { "no" },
        );
    }
    out
}

/// The numbers in the name of an environment, by which it sorts.
fn order(tag: &str) -> Vec<u32> {
    let numbers = tag.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    numbers.collect()
}

/// What was found in the files of one environment.
#[derive(Default)]
struct Written {
    /// Whether a header has more padding than its alignment takes.
    growth: bool,
    modules: BTreeSet<&'static str>,
}

impl Written {
    fn add(&mut self, fixture: &Fixture, bytes: &[u8]) {
        let Some((header, start)) = stream::preamble(bytes) else { return };
        // Files of `streams/` have no header that NumPy wrote.
        if fixture.file.starts_with("streams/") {
            return;
        }
        let text = bytes[..start].iter().rposition(|&byte| byte == b'}').unwrap_or(start);
        let needed = (text + 2).next_multiple_of(64);
        self.growth |= start > needed;
        for module in ["numpy._core.multiarray", "numpy.core.multiarray"] {
            let envelope = &bytes[start..bytes.len().min(start + 60)];
            let found = envelope.windows(module.len()).any(|part| part == module.as_bytes());
            if header.dtype.has_object() && found {
                self.modules.insert(module);
            }
        }
    }
}

/// Which clauses each implementation meets, as `oracle/conformance/run.py` found.
fn conformance(book: &Book) -> Result<String, Complaint> {
    let path = root().join("oracle/conformance/results.json");
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let runs: Vec<Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut out = String::from("| clause | fixtures |");
    for run in &runs {
        let _ = write!(out, " {} |", run["name"].as_str().unwrap_or_default());
    }
    let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(runs.len()));
    let fixtures = clauses::fixtures_by_clause(&book.fixtures);
    for clause in &book.clauses {
        let fixtures = fixtures.get(&clause.name).map_or(&[][..], Vec::as_slice);
        // What is packed is no part of the kit.
        let count = fixtures.iter().filter(|fixture| !fixture.is_packed()).count();
        if count == 0 {
            continue;
        }
        let _ = write!(out, "| [`{0}`]({1}#{0}) | {count} |", clause.name, clause.chapter);
        for run in &runs {
            let passed = run["clauses"][&clause.name].as_u64();
            let text = match passed {
                Some(passed) if passed == count as u64 => "meets".to_owned(),
                Some(passed) => format!("{passed} of {count}"),
                None => return Err(format!("results.json has no {}", clause.name)),
            };
            let _ = write!(out, " {text} |");
        }
        out.push('\n');
    }
    let all = book.fixtures.iter().filter(|fixture| !fixture.is_packed()).count();
    let _ = write!(out, "| **all files** | {all} |");
    for run in &runs {
        let _ = write!(out, " {} |", run["passed"]);
    }
    out.push('\n');
    Ok(out)
}
