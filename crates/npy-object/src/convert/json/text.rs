//! JSON text: strings, base64 and commas.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pickle_stream::Str;

/// Writes a comma before any item but the first.
pub(super) fn comma(out: &mut impl Write, first: bool) -> io::Result<()> {
    if first { Ok(()) } else { out.write_all(b",") }
}

/// Writes text as a JSON string.
pub(super) fn write_str(out: &mut impl Write, text: &str) -> io::Result<()> {
    if !text.chars().any(controls_a_terminal) {
        return serde_json::to_writer(out, text).map_err(io::Error::from);
    }
    let json = serde_json::to_string(text).map_err(io::Error::from)?;
    out.write_all(escape(&json).as_bytes())
}

/// Escapes the characters of JSON text that control a terminal: DEL, U+0080 to U+009F, line
/// separators, and marks that change the direction of text. JSON allows them unescaped in strings;
/// the strings stay the same.
///
/// ```
/// assert_eq!(npy_object::json::escape("[\"\u{9b}2J\u{202e}\"]"), r#"["\u009b2J\u202e"]"#);
/// ```
#[must_use]
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

/// Returns whether a character controls a terminal, though JSON allows it unescaped.
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

/// Writes text as a JSON string, with U+FFFD in place of lone surrogates.
pub(super) fn write_lossy(out: &mut impl Write, text: Str<'_>) -> io::Result<()> {
    if let Some(text) = text.to_str() {
        return write_str(out, text);
    }
    out.write_all(b"\"")?;
    write_pieces(out, text)?;
    out.write_all(b"\"")
}

/// Does what [`write_lossy`] does, without the quotes. Buffers 1,024 characters at a time.
pub(super) fn write_pieces(out: &mut impl Write, text: Str<'_>) -> io::Result<()> {
    const PIECE: usize = 1 << 10;
    let chars = |c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut chars = text.code_points().map(chars).peekable();
    while chars.peek().is_some() {
        let quoted = serde_json::to_vec(&chars.by_ref().take(PIECE).collect::<String>())?;
        out.write_all(&quoted[1..quoted.len() - 1])?;
    }
    Ok(())
}

/// Writes bytes as a JSON string of base64. Buffers 4 KiB at a time.
pub(super) fn write_base64(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    // A multiple of three, so that only the last piece is padded.
    const PIECE: usize = 3 << 10;
    let mut text = [0; 4 << 10];
    out.write_all(b"\"")?;
    for piece in bytes.chunks(PIECE) {
        let written = STANDARD.encode_slice(piece, &mut text).map_err(io::Error::other)?;
        out.write_all(&text[..written])?;
    }
    out.write_all(b"\"")
}
