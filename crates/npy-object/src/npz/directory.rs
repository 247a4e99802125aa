//! The directory of a zip file, at its end, and what stands before each member.
//!
//! ```text
//! header  name  extra  data          a member
//! header  name  extra  data          another one
//! entry   name  extra  comment       the directory: an entry for each member
//! entry   name  extra  comment
//! [ zip64 end   zip64 locator ]      where a number does not fit the end
//! end     comment
//! ```
//!
//! Places are read as Python's `zipfile` reads them: the directory ends where the end begins, and if
//! that is not where the end says, something was put before the archive, and every place is moved by
//! as much.

use super::{Member, Method};
use crate::error::{Cause, Error, Result};
use crate::source::Source;
use crate::window::{ReadSize, Window};

const END: usize = 22;
const LOCATOR: usize = 20;
const END_64: usize = 56;
const ENTRY: usize = 46;
const HEADER: usize = 30;

mod flags {
    pub(super) const ENCRYPTED: u16 = 1;
    pub(super) const PATCH: u16 = 1 << 5;
    pub(super) const STRONG_ENCRYPTION: u16 = 1 << 6;
    pub(super) const UTF_8: u16 = 1 << 11;
}

/// Where the directory is.
struct Directory {
    begin: u64,
    end: u64,
    /// What was put before the archive.
    prefix: u64,
}

/// Reads the directory of an archive, which may have up to `limit` bytes.
pub(super) fn read(source: &Source, limit: u64) -> Result<Vec<Member>> {
    let mut window = Window::new(source.clone(), ReadSize::default(), 0);
    let directory = locate(&mut window)?;
    let size = directory.end - directory.begin;
    if size > limit {
        let message = format!("a directory of {size} bytes; the limit is {limit}");
        return Err(Error::new(Cause::Limit, "npz.limit.directory", directory.begin, message));
    }
    let mut members = Vec::new();
    let mut place = directory.begin;
    while place < directory.end {
        let (member, size) = entry(&mut window, place, &directory)?;
        members.push(member);
        place += size;
    }
    set_ends(&mut members, directory.begin);
    Ok(members)
}

/// Finds the end of the archive, and by it the directory.
fn locate(window: &mut Window) -> Result<Directory> {
    // Behind it there may be a comment, whose length takes two bytes.
    const LAST: u64 = END as u64 + u16::MAX as u64;
    let size = window.len()?;
    let from = size.saturating_sub(LAST);
    let last = window.fill(from, (size - from) as usize)?;
    let found = last.windows(END).rposition(|bytes| bytes.starts_with(b"PK\x05\x06"));
    let Some(found) = found else {
        let message = "the archive has no end: it was cut off, or is none";
        return Err(Error::new(Cause::Truncated, "npz.end", size, message));
    };
    let end = &last[found..];
    let mut size = u64::from(u32::from_le_bytes(field(end, 12)));
    let mut offset = u64::from(u32::from_le_bytes(field(end, 16)));
    let mut behind = from + found as u64;
    if let Some(before) = behind.checked_sub((LOCATOR + END_64) as u64) {
        let record = window.fill(before, END_64 + LOCATOR)?;
        // It is shorter where somebody has shortened the file.
        let locator = record.get(END_64..).unwrap_or_default();
        if locator.starts_with(b"PK\x06\x07") && record.starts_with(b"PK\x06\x06") {
            size = u64::from_le_bytes(field(record, 40));
            offset = u64::from_le_bytes(field(record, 48));
            behind = before;
        }
    }
    let begin = behind.checked_sub(size);
    match begin.and_then(|begin| Some((begin, begin.checked_sub(offset)?))) {
        Some((begin, prefix)) => Ok(Directory { begin, end: behind, prefix }),
        None => {
            let message = "the directory of the archive does not fit before its end";
            Err(Error::new(Cause::Malformed, "npz.directory", behind, message))
        }
    }
}

/// Reads the entry at a place in the directory, and says how long it is.
fn entry(window: &mut Window, place: u64, directory: &Directory) -> Result<(Member, u64)> {
    let malformed = || {
        let message = "no entry of the archive's directory";
        Error::new(Cause::Malformed, "npz.directory", place, message)
    };
    let room = usize::try_from(directory.end - place).unwrap_or(usize::MAX);
    let bytes = window.fill(place, ENTRY)?;
    if bytes.len().min(room) < ENTRY || !bytes.starts_with(b"PK\x01\x02") {
        return Err(malformed());
    }
    let flags = u16::from_le_bytes(field(bytes, 8));
    let [name, extra, comment] =
        [28, 30, 32].map(|at| u16::from_le_bytes(field(bytes, at)) as usize);
    let size = ENTRY + name + extra + comment;
    let bytes = window.fill(place, size)?;
    if bytes.len().min(room) < size {
        return Err(malformed());
    }
    let (raw_name, extra) = bytes[ENTRY..ENTRY + name + extra].split_at(name);
    let [compressed_size, uncompressed_size, offset] =
        [20, 24, 42].map(|at| u32::from_le_bytes(field(bytes, at)));
    let mut wide = Wide { fields: zip64(extra), place };
    // In this order, and only those that do not fit.
    let uncompressed_size = wide.widen(uncompressed_size)?;
    let compressed_size = wide.widen(compressed_size)?;
    let offset = wide.widen(offset)?;
    let offset = offset.checked_add(directory.prefix).filter(|&at| at < directory.begin);
    let member = Member {
        name: decode_name(raw_name, flags),
        raw_name: raw_name.to_vec(),
        method: match u16::from_le_bytes(field(bytes, 10)) {
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Other(other),
        },
        encrypted: flags & (flags::ENCRYPTED | flags::PATCH | flags::STRONG_ENCRYPTION) != 0,
        crc32: u32::from_le_bytes(field(bytes, 16)),
        size: uncompressed_size,
        compressed_size,
        offset: offset.ok_or_else(malformed)?,
        end: directory.begin,
    };
    Ok((member, size as u64))
}

/// The numbers that do not fit their 32 bits.
struct Wide<'a> {
    fields: &'a [u8],
    place: u64,
}

impl Wide<'_> {
    fn widen(&mut self, narrow: u32) -> Result<u64> {
        if narrow != u32::MAX {
            return Ok(u64::from(narrow));
        }
        let Some((wide, rest)) = self.fields.split_first_chunk() else {
            let message = "an entry of the archive's directory lacks its 64-bit numbers";
            return Err(Error::new(Cause::Malformed, "npz.wide", self.place, message));
        };
        self.fields = rest;
        Ok(u64::from_le_bytes(*wide))
    }
}

/// What the extra field of zip64 holds; empty where there is none.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let size = usize::from(u16::from_le_bytes(field(extra, 2)));
        let rest = &extra[4..];
        let (data, rest) = rest.split_at(size.min(rest.len()));
        if extra[..2] == [1, 0] {
            return data;
        }
        extra = rest;
    }
    &[]
}

/// Says where each member has to end: where the next one begins, or where it begins itself, if
/// another one begins there too.
fn set_ends(members: &mut [Member], directory: u64) {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&member| members[member].offset);
    let begins: Vec<u64> = order.iter().map(|&member| members[member].offset).collect();
    for (place, &member) in order.iter().enumerate() {
        let twice = place > 0 && begins[place - 1] == begins[place];
        let next = begins.get(place + 1).copied().unwrap_or(directory);
        members[member].end = if twice { begins[place] } else { next };
    }
}

/// The data of a member, as they are in the archive.
pub(super) fn data(source: &Source, member: &Member) -> Result<Source> {
    let Member { name, offset, .. } = member;
    let refused = |cause, clause, message| Err(member.error(cause, clause, message));
    if member.encrypted {
        let message = format!("{name} is encrypted");
        return refused(Cause::Unsupported, "npz.encrypted", message);
    }
    if let Method::Other(method) = member.method {
        let message = format!("{name} is compressed by method {method}");
        return refused(Cause::Unsupported, "npz.method", message);
    }
    let mut window = Window::new(source.clone(), ReadSize { least: 1, most: 1 }, 0);
    let wanted = HEADER + member.raw_name.len();
    let header = window.fill(*offset, wanted)?;
    let name_is = |bytes: &[u8]| {
        usize::from(u16::from_le_bytes(field(bytes, 26))) == member.raw_name.len()
            && bytes[HEADER..].starts_with(&member.raw_name)
    };
    if header.len() < wanted || !header.starts_with(b"PK\x03\x04") || !name_is(header) {
        let message = format!("what stands before {name} is not what the directory says");
        return refused(Cause::Malformed, "npz.header", message);
    }
    let extra = u64::from(u16::from_le_bytes(field(header, 28)));
    let begin = offset + wanted as u64 + extra;
    let end = begin.checked_add(member.compressed_size).filter(|&end| end <= member.end);
    let Some(end) = end else {
        let message = format!("{name} overlaps what follows it");
        return refused(Cause::Malformed, "npz.overlap", message);
    };
    if member.method == Method::Stored && member.size != member.compressed_size {
        let message = format!(
            "{name} is stored, but has {} bytes, and {} in the archive",
            member.size, member.compressed_size
        );
        return refused(Cause::Malformed, "npz.size", message);
    }
    Ok(source.section(begin..end))
}

fn decode_name(raw: &[u8], flags: u16) -> String {
    if flags & flags::UTF_8 != 0 {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let character = |&byte: &u8| match byte.checked_sub(128) {
        None => char::from(byte),
        Some(place) => CODE_PAGE_437[usize::from(place)],
    };
    raw.iter().map(character).collect()
}

/// What bytes from 128 on are in names that are not UTF-8.
#[rustfmt::skip]
const CODE_PAGE_437: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å',
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ',
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»',
    '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐',
    '└', '┴', '┬', '├', '─', '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧',
    '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█', '▄', '▌', '▐', '▀',
    'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩',
    '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', '\u{a0}',
];

/// Bytes of a record, which is long enough.
fn field<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    *record[at..].first_chunk().expect("records are read whole")
}
