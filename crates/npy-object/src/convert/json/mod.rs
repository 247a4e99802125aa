//! Elements as JSON, one line each.
//!
//! [`TypedJson`] is lossless: every value can be told from every other, and what is shared is
//! shared. It is described in `spec/typed-json.md`. [`PlainJson`] is what a person expects: arrays
//! are nested lists, tuples are lists, bytes are base64.
//!
//! Both walk a value with a stack of their own, so that no depth is too deep, and write as they go.

mod plain;
mod read;
mod rows;
mod sharing;
mod stack;
mod typed;

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pickle_stream::Str;

pub use plain::PlainJson;
pub use read::{ElementReader, read_header};
pub use rows::read_row;
pub use typed::{TypedJson, write_dtype, write_header};

/// Writes what stands between an item and the one before it.
fn comma(out: &mut impl Write, first: bool) -> io::Result<()> {
    if first { Ok(()) } else { out.write_all(b",") }
}

/// Writes text as a JSON string.
fn write_str(out: &mut impl Write, text: &str) -> io::Result<()> {
    if !text.chars().any(controls_a_terminal) {
        return serde_json::to_writer(out, text).map_err(io::Error::from);
    }
    let json = serde_json::to_string(text).map_err(io::Error::from)?;
    out.write_all(escape(&json).as_bytes())
}

/// Returns JSON text in which no character is left that controls a terminal: DEL, the control
/// characters U+0080 to U+009F, line separators, and marks that change the direction of text. JSON
/// allows them in strings as they are; escaped they are the same strings.
///
/// ```
/// assert_eq!(npy_object::json::escape("[\"\u{9b}2J\u{202e}\"]"), r#"["\u009b2J\u202e"]"#);
/// ```
pub fn escape(json: &str) -> Cow<'_, str> {
    if !json.chars().any(controls_a_terminal) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        match controls_a_terminal(c) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character does something to a terminal, and JSON may have it as it is.
fn controls_a_terminal(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Writes text as a JSON string, with U+FFFD in place of surrogates that stand alone.
fn write_lossy(out: &mut impl Write, text: Str<'_>) -> io::Result<()> {
    if let Some(text) = text.to_str() {
        return write_str(out, text);
    }
    out.write_all(b"\"")?;
    write_pieces(out, text)?;
    out.write_all(b"\"")
}

/// As [`write_lossy`], without the quotes, and without holding more than a piece of the text.
fn write_pieces(out: &mut impl Write, text: Str<'_>) -> io::Result<()> {
    const PIECE: usize = 1 << 10;
    let chars = |c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut chars = text.code_points().map(chars).peekable();
    while chars.peek().is_some() {
        let quoted = serde_json::to_vec(&chars.by_ref().take(PIECE).collect::<String>())?;
        out.write_all(&quoted[1..quoted.len() - 1])?;
    }
    Ok(())
}

/// Writes bytes as a JSON string of base64, without holding more than a piece of it.
fn write_base64(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    // A multiple of three, so that padding comes at the end alone.
    const PIECE: usize = 3 << 10;
    let mut text = [0; 4 << 10];
    out.write_all(b"\"")?;
    for piece in bytes.chunks(PIECE) {
        let written = STANDARD.encode_slice(piece, &mut text).map_err(io::Error::other)?;
        out.write_all(&text[..written])?;
    }
    out.write_all(b"\"")
}
