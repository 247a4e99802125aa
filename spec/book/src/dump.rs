//! Directives that show one file: its bytes, its instructions, its elements, its error.

use std::fmt::Write as _;
use std::ops::Range;

use crate::fixtures::Fixture;
use crate::pickle::{self, Instruction};

/// The number of bytes in a row.
const WIDTH: usize = 16;

/// Shows every byte of a file that holds an object array, coloured by the part that it is in.
pub(crate) fn map(fixture: &Fixture) -> Result<String, String> {
    let bytes = fixture.bytes();
    let (_, start) = pickle::preamble(&bytes).ok_or("the preamble is not valid")?;
    let elements = pickle::first_batch(&bytes, &pickle::instructions(&bytes, start))
        .ok_or("the file has no whole batch of elements")?;
    let text_end = bytes[..start].iter().rposition(|&byte| byte == b'}').unwrap_or(0);
    let part = |offset: usize| match offset {
        0..8 => "magic",
        8..10 => "length",
        _ if offset <= text_end => "header",
        _ if offset < start => "padding",
        _ => {
            let within =
                |span: &npy_object::pickle::Span| (span.begin..span.end).contains(&(offset as u64));
            match elements.iter().position(within) {
                Some(index) if index % 2 == 0 => "even",
                Some(_) => "odd",
                None => "envelope",
            }
        }
    };
    let mut out = String::from("<pre class=\"map\">");
    for (index, row) in bytes.chunks(WIDTH).enumerate() {
        let _ = write!(out, "{:>5}  ", index * WIDTH);
        let offsets: Vec<usize> = (0..row.len()).map(|column| index * WIDTH + column).collect();
        for run in offsets.chunk_by(|&one, &next| part(one) == part(next)) {
            let shown = hex(&bytes[run[0]..run[0] + run.len()]);
            let _ = write!(out, "<b class=\"{}\">{shown}</b> ", part(run[0]));
        }
        let padding = 3 * (WIDTH - row.len());
        let _ = writeln!(out, "{:padding$} {}", "", escape(&ascii(row)));
    }
    out.push_str("</pre>\n<p class=\"legend\">");
    for (part, text) in [
        ("magic", "magic and version"),
        ("length", "length of the header"),
        ("header", "header"),
        ("padding", "padding"),
        ("envelope", "envelope, and the end of the pickle"),
        ("even", "element 0"),
        ("odd", "element 1"),
    ] {
        let _ = write!(out, "<b class=\"{part}\">{text}</b> ");
    }
    Ok(out + "</p>\n")
}

/// Shows a range of bytes.
pub(crate) fn bytes(fixture: &Fixture, range: &str) -> Result<String, String> {
    let bytes = fixture.bytes();
    Ok(code(&hex_rows(&bytes, parse_range(range, bytes.len())?)))
}

/// Shows Python's lines for a file, or a range of them. Long lines and files are cut.
pub(crate) fn typed(fixture: &Fixture, range: &str) -> Result<String, String> {
    const LINES: usize = 12;
    let lines = fixture.lines();
    let lines = &lines[parse_range(range, lines.len())?];
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| cut(line, 240)).collect();
    if lines.len() > LINES {
        shown.push(format!("... {} lines in all", lines.len()));
    }
    Ok(code(&shown))
}

/// Shows the parts of a preamble, one a row, and the header in as many rows as it needs.
pub(crate) fn preamble(fixture: &Fixture) -> Result<String, String> {
    let bytes = fixture.bytes();
    let (_, end) = pickle::preamble(&bytes).ok_or("the preamble is not valid")?;
    let header = if bytes[6] == 1 { 10 } else { 12 };
    let row = |range: Range<usize>, name: &str| {
        format!("{:>5}  {:<47}  {name}", range.start, hex(&bytes[range.clone()]))
    };
    let mut rows = vec![
        row(0..6, "magic"),
        row(6..7, "major version"),
        row(7..8, "minor version"),
        row(8..header, "length of the header, little-endian"),
    ];
    let text_end = bytes[..end].iter().rposition(|&byte| byte == b'}').map_or(end, |at| at + 1);
    rows.extend(hex_rows(&bytes, header..text_end));
    rows.extend(hex_rows(&bytes, text_end..end));
    rows.push(format!("{end:>5}  the data"));
    Ok(code(&rows))
}

/// Shows the instructions that begin in a range of a file.
pub(crate) fn disassembly(fixture: &Fixture, range: &str) -> Result<String, String> {
    let bytes = fixture.bytes();
    let (_, start) = pickle::preamble(&bytes).ok_or("the preamble is not valid")?;
    let range = parse_range(range, bytes.len())?;
    let mut instructions = pickle::instructions(&bytes, start);
    instructions.retain(|one| range.contains(&one.offset));
    if instructions.is_empty() {
        return Err("no instruction begins in the range".to_owned());
    }
    Ok(code(&dis_rows(&bytes, &instructions)))
}

/// Formats instructions: offset, bytes, and the text of the disassembly.
pub(crate) fn dis_rows(bytes: &[u8], instructions: &[Instruction]) -> Vec<String> {
    const BYTES: usize = 6;
    // The text begins with the offset and the opcode's byte, which the row has already.
    let text = |one: &Instruction| one.text.get(11..).unwrap_or_default().to_owned();
    let texts: Vec<String> = instructions.iter().map(text).collect();
    // The text is indented by open marks. Marks that are open in all rows are left out.
    let indent = texts.iter().map(|text| text.len() - text.trim_start().len()).min();
    let row = |(one, text): (&Instruction, &String)| {
        let encoded = &bytes[one.offset..one.offset + one.size];
        let dots = if encoded.len() > BYTES { " .." } else { "" };
        let shown = hex(&encoded[..encoded.len().min(BYTES)]) + dots;
        format!("{:>5}  {shown:<20}  {}", one.offset, &text[indent.unwrap_or(0)..])
    };
    instructions.iter().zip(&texts).map(row).collect()
}

/// Shows the place where a file breaks `clause`, and the errors of npy-object and of Python.
pub(crate) fn refused(fixture: &Fixture, clause: Option<&str>) -> Result<String, String> {
    let error = fixture.error().ok_or("npy-object reads the file")?;
    if clause.is_some_and(|clause| clause != error.clause()) {
        return Err(format!("the file breaks {}", error.clause()));
    }
    let bytes = fixture.bytes();
    let offset = error.offset().unwrap_or_default() as usize;
    let mut rows = match pickle::preamble(&bytes) {
        _ if fixture.is_packed() => {
            let row = offset.min(bytes.len() - 1) / WIDTH;
            let from = row.saturating_sub(1) * WIDTH;
            hex_rows(&bytes, from..((row + 3) * WIDTH).min(bytes.len()))
        }
        // An error without an offset is about the header as a whole.
        Some((_, start)) if error.offset().is_none() => {
            header_rows(&bytes[..start], start).into_iter().take(1).collect()
        }
        Some((header, start)) if !header.dtype.has_object() && offset > start => {
            hex_rows(&bytes, start..bytes.len())
        }
        Some((header, start)) if header.dtype.has_object() && offset >= start => {
            let mut instructions = pickle::instructions(&bytes, start);
            instructions.retain(|one| one.offset <= offset);
            dis_rows(&bytes, &instructions[instructions.len().saturating_sub(4)..])
        }
        _ => header_rows(&bytes, offset),
    };
    let python = fixture.python_error().unwrap_or_else(|| "reads the file".to_owned());
    rows.push(String::new());
    rows.push(format!("npy-object  {}", cut(&error.to_string(), 120)));
    rows.push(format!("Python      {}", cut(&python, 120)));
    Ok(code(&rows))
}

/// Returns the preamble up to the end of the header's text, and a row with `^` below `offset`.
fn header_rows(bytes: &[u8], offset: usize) -> Vec<String> {
    let start = if bytes.get(6).is_none_or(|&major| major <= 1) { 10 } else { 12 };
    if offset < start || bytes.len() <= start {
        let shown = &bytes[..bytes.len().min(WIDTH)];
        return vec![hex(shown), format!("{}^", " ".repeat(3 * offset))];
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
    let before = text(&bytes[start..offset]);
    vec![text(&bytes[start..end.max(offset)]), format!("{}^", " ".repeat(before.len()))]
}

/// Names a file, its contents and its writers.
pub(crate) fn caption(fixture: &Fixture) -> String {
    let writers = match fixture.written_by.as_slice() {
        [] => "by hand".to_owned(),
        [one] => format!("by {}", environment(one)),
        [first, .., last] => format!("by {} to {}", environment(first), environment(last)),
    };
    format!(
        "<p class=\"from\"><code>{}</code>: {}. Written {writers}.</p>\n",
        fixture.name,
        escape(&fixture.about)
    )
}

/// Spells out the name of an environment, such as `py3.13-np2.5`.
fn environment(tag: &str) -> String {
    tag.replace("py", "CPython ").replace("-np", " and NumPy ")
}

/// Reads `FROM..TO`, of which both may be absent, as a range of `0..len`.
fn parse_range(text: &str, len: usize) -> Result<Range<usize>, String> {
    let (from, to) = text.split_once("..").unwrap_or(("", ""));
    let bound = |text: &str, default| match text {
        "" => Ok(default),
        _ => text.parse().map_err(|_| format!("expected a number, found {text}")),
    };
    let (from, to) = (bound(from, 0)?, bound(to, len)?.min(len));
    if from < to { Ok(from..to) } else { Err(format!("{from}..{to} is not a range of 0..{len}")) }
}

fn hex_rows(bytes: &[u8], range: Range<usize>) -> Vec<String> {
    let row = |(index, row): (usize, &[u8])| {
        let offset = range.start + index * WIDTH;
        format!("{offset:>5}  {:<47}  {}", hex(row), ascii(row))
    };
    bytes[range.clone()].chunks(WIDTH).enumerate().map(row).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn ascii(bytes: &[u8]) -> String {
    let shown = |&byte: &u8| if (0x20..0x7f).contains(&byte) { byte as char } else { '.' };
    bytes.iter().map(shown).collect()
}

/// Returns a code block.
fn code(rows: &[String]) -> String {
    format!("```text\n{}\n```\n", rows.join("\n"))
}

/// Returns at most `most` characters of a text.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Escapes text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes text for Markdown, also in a cell of a table.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push(' '),
            '\\' | '|' | '*' | '_' | '[' | ']' | '`' | '<' | '>' | '{' | '}' | '&' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}
