//! Pictures of files, as SVG. Colours are those of `book.css`, so that they follow the theme.

use std::fmt::Write as _;

use npy_object::pickle::{MemoEffect, Span, StackItem};

use crate::Complaint;
use crate::directives::escape;
use crate::fixtures::Fixture;
use crate::stream::{self, Row};

/// The picture of that name of a file.
pub(crate) fn draw(name: &str, fixture: &Fixture) -> Result<String, Complaint> {
    let bytes = fixture.bytes();
    let parts = Parts::of(&bytes).ok_or("no pickle of an object array, or no whole batch")?;
    match name {
        "bytes" => Ok(parts.bytes(&bytes)),
        "stack" => Ok(parts.stack()),
        "memo" => Ok(parts.memo()),
        "life" => Ok(parts.life(&bytes, fixture)),
        _ => Err(format!("there is no figure {name}")),
    }
}

/// What is in a file of objects.
struct Parts {
    /// Where the pickle begins.
    start: usize,
    rows: Vec<Row>,
    /// The index of the row that makes the list.
    list: usize,
    /// The elements of the first batch.
    spans: Vec<Span>,
    /// Where that batch ends.
    end: usize,
}

impl Parts {
    fn of(bytes: &[u8]) -> Option<Parts> {
        let (_, start) = stream::preamble(bytes)?;
        let rows = stream::instructions(bytes, start);
        let list = stream::list(&rows)?;
        let (spans, end) = stream::first_batch(bytes, &rows, list)?;
        Some(Parts { start, rows, list, spans, end })
    }

    /// The element in whose span an offset lies.
    fn element(&self, offset: usize) -> Option<usize> {
        let offset = offset as u64;
        self.spans.iter().position(|span| (span.begin..span.end).contains(&offset))
    }

    /// The class of colour of an offset in the pickle.
    fn colour(&self, offset: usize) -> &'static str {
        match self.element(offset) {
            Some(index) if index % 2 == 0 => "even",
            Some(_) => "odd",
            None => "around",
        }
    }

    /// Every byte of the file, coloured by what it belongs to.
    fn bytes(&self, bytes: &[u8]) -> String {
        const CELL: usize = 22;
        const LEFT: usize = 40;
        let rows = bytes.len().div_ceil(16);
        let mut out =
            open(LEFT + 16 * CELL, rows * CELL + 4, "Every byte of the file, 16 to a row");
        let text_end = bytes[..self.start].iter().rposition(|&byte| byte == b'}').unwrap_or(0);
        for (offset, byte) in bytes.iter().enumerate() {
            let (x, y) = (LEFT + offset % 16 * CELL, offset / 16 * CELL);
            if offset % 16 == 0 {
                let _ = write!(
                    out,
                    "<text class=\"dim end\" x=\"{}\" y=\"{}\">{offset}</text>",
                    LEFT - 6,
                    y + 15
                );
            }
            let class = match offset {
                0..8 => "magic",
                8..10 => "length",
                _ if offset <= text_end => "header",
                _ if offset < self.start => "padding",
                _ => self.colour(offset),
            };
            let shown = match byte {
                0x21..0x7f => escape(&(*byte as char).to_string()),
                _ => format!("{byte:02x}"),
            };
            let small = if (0x21..0x7f).contains(byte) { "" } else { " small" };
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\"/><text class=\"mid{small}\" x=\"{}\" y=\"{}\">{shown}</text>",
                CELL - 1,
                CELL - 1,
                x + CELL / 2,
                y + 15,
            );
        }
        let legend = [
            ("magic", "magic and version"),
            ("length", "length of the header"),
            ("header", "header"),
            ("padding", "padding"),
            ("around", "what stands around the elements"),
            ("even", "elements, in turn with"),
            ("odd", "the other colour"),
        ];
        close(out, &legend)
    }

    /// The stack after each instruction, from the list to the end of its first batch.
    fn stack(&self) -> String {
        const LINE: usize = 24;
        const LEFT: usize = 190;
        const BOX: usize = 44;
        let rows: Vec<&Row> =
            self.rows[self.list..].iter().filter(|row| row.offset < self.end).collect();
        let mut stack: Vec<(usize, Option<&str>)> = Vec::new(); // where it began, and what it is
        let mut states = Vec::new();
        for row in &rows {
            let info = row.opcode.info();
            let mut begin = row.offset;
            for item in info.before.iter().rev() {
                match item {
                    StackItem::Slice => {
                        while let Some((at, None | Some("list"))) = stack.last() {
                            begin = *at;
                            stack.pop();
                        }
                    }
                    _ => begin = stack.pop().map_or(begin, |(at, _)| at),
                }
            }
            for (index, item) in info.after.iter().enumerate() {
                let name = match item {
                    StackItem::Mark => Some("mark"),
                    StackItem::List if begin == rows[0].offset => Some("list"),
                    _ => None,
                };
                let at = if index + 1 == info.after.len() { begin } else { row.offset };
                stack.push((at, name));
            }
            states.push(stack.clone());
        }
        let widest = states.iter().map(Vec::len).max().unwrap_or(0);
        let mut out = open(
            LEFT + widest * BOX,
            rows.len() * LINE + 4,
            "The stack after each instruction of a batch",
        );
        for (index, (row, state)) in rows.iter().zip(&states).enumerate() {
            let y = index * LINE;
            let _ = write!(
                out,
                "<text class=\"dim end\" x=\"34\" y=\"{0}\">{1}</text><text x=\"42\" y=\"{0}\">{2}</text>",
                y + 16,
                row.offset,
                row.opcode.name(),
            );
            for (place, (at, name)) in state.iter().enumerate() {
                let class = if name.is_some() { "around" } else { self.colour(*at) };
                let x = LEFT + place * BOX;
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\"/><text class=\"mid small\" x=\"{}\" y=\"{}\">{}</text>",
                    y + 1,
                    BOX - 2,
                    LINE - 3,
                    x + BOX / 2 - 1,
                    y + 16,
                    name.map_or_else(|| at.to_string(), str::to_owned),
                );
            }
        }
        let legend = [
            ("even", "values of one element, with the offset where each began;"),
            ("odd", "of the next element"),
        ];
        close(out, &legend)
    }

    /// Where the elements lie, and which instructions read the memo entries of which others.
    fn memo(&self) -> String {
        const WIDTH: usize = 640;
        const TOP: usize = 150;
        let (first, last) = (self.rows[self.list].offset, self.end);
        let from = self.start;
        // The envelope is long, and the same in every file: it is drawn shorter than it is.
        let x = |offset: usize| {
            let (from, to, left, width) = if offset < first {
                (from, first, 10, 130)
            } else {
                (first, last, 140, WIDTH - 150)
            };
            left as f64 + (offset - from) as f64 / (to - from).max(1) as f64 * width as f64
        };
        let mut out = open(
            WIDTH,
            TOP + 60,
            "Arcs from instructions that read the memo to where the entry was written",
        );
        let mut strip = |begin: usize, end: usize, class: &str, label: &str| {
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"26\"/><text class=\"mid\" x=\"{:.1}\" y=\"{}\">{label}</text>",
                x(begin),
                x(end) - x(begin),
                (x(begin) + x(end)) / 2.0,
                TOP + 44,
            );
        };
        strip(from, first, "around", "envelope");
        for (index, span) in self.spans.iter().enumerate() {
            let class = if index % 2 == 0 { "even" } else { "odd" };
            strip(span.begin as usize, span.end as usize, class, &index.to_string());
        }
        let mut entries = std::collections::BTreeMap::new();
        for row in &self.rows {
            match row.memo {
                Some((MemoEffect::Get, index)) if row.offset < last => {
                    let Some(&written) = entries.get(&index) else { continue };
                    let (begin, end): (f64, f64) = (x(row.offset), x(written));
                    let height = ((begin - end).abs() / 2.0).min(TOP as f64 - 20.0);
                    let _ = write!(
                        out,
                        "<path d=\"M {begin:.1} {TOP} C {begin:.1} {0:.1} {end:.1} {0:.1} {end:.1} {TOP}\"/><circle cx=\"{end:.1}\" cy=\"{TOP}\" r=\"3\"/>",
                        TOP as f64 - height * 1.3,
                    );
                }
                Some((MemoEffect::Put | MemoEffect::Memoize, index)) => {
                    entries.insert(index, row.offset);
                    let at = x(row.offset.min(last));
                    let _ = write!(out, "<path class=\"tick\" d=\"M {at:.1} {} v 7\"/>", TOP + 26);
                }
                _ => {}
            }
        }
        let legend = [
            ("line", "a read of the memo, and (dot) where the entry was written;"),
            ("ticked", "every entry that is written"),
        ];
        close(out, &legend)
    }

    /// What becomes of the first element: bytes, instructions, a span, a value.
    fn life(&self, bytes: &[u8], fixture: &Fixture) -> String {
        let span = self.spans[0];
        let (begin, end) = (span.begin as usize, span.end as usize);
        let rows = self.rows.iter().filter(|row| (begin..end).contains(&row.offset));
        let rows: Vec<&Row> = rows.collect();
        let names: Vec<&str> = rows.iter().take(6).map(|row| row.opcode.name()).collect();
        let reads = rows.iter().filter_map(|row| match row.memo {
            Some((MemoEffect::Get, index)) if index < span.memo => Some(index.to_string()),
            _ => None,
        });
        let mut reads: Vec<String> = reads.collect();
        reads.sort();
        reads.dedup();
        let hex: Vec<String> =
            bytes[begin..end.min(begin + 16)].iter().map(|byte| format!("{byte:02x}")).collect();
        let value: String = fixture.lines()[1].chars().take(100).collect();
        let steps = [
            (
                "Bytes",
                format!("<code>{} ...</code>", hex.join(" ")),
                "as they come, in any pieces".to_owned(),
            ),
            (
                "Instructions",
                format!("<code>{} ...</code>", names.join(" ")),
                format!("{} of them, stepped over one by one", rows.len()),
            ),
            (
                "A span",
                format!("bytes {begin} to {end}, first memo index {}", span.memo),
                "known when the batch closes: the value was the first above the mark".to_owned(),
            ),
            (
                "A graph",
                format!("the {} instructions run on an empty stack", rows.len()),
                match reads.as_slice() {
                    [] => "nothing is read from elsewhere".to_owned(),
                    _ => format!(
                        "memo entries {} were made elsewhere, and are found by their index",
                        reads.join(", ")
                    ),
                },
            ),
            (
                "A value",
                format!("<code>{}</code>", escape(&value)),
                "for the caller; then the memory serves the next element".to_owned(),
            ),
        ];
        let mut out = String::from("<ol class=\"life\">");
        for (name, what, note) in steps {
            let _ = write!(out, "<li><b>{name}</b><span>{what}</span><i>{note}</i></li>");
        }
        out + "</ol>\n\n"
    }
}

fn open(width: usize, height: usize, label: &str) -> String {
    format!(
        "<figure class=\"picture\"><svg viewBox=\"0 0 {width} {height}\" style=\"max-width:{width}px\" role=\"img\" aria-label=\"{label}\">"
    )
}

fn close(mut out: String, legend: &[(&str, &str)]) -> String {
    out.push_str("</svg><figcaption>");
    for (class, text) in legend {
        let _ = write!(out, "<span><i class=\"{class}\"></i>{text}</span> ");
    }
    out + "</figcaption></figure>\n\n"
}
