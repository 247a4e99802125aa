//! The directory of a zip file, at its end, and the header before each member.
//!
//! ```text
//! header  name  extra  data          a member
//! header  name  extra  data          another member
//! entry   name  extra  comment       the directory: an entry for each member
//! entry   name  extra  comment
//! [ zip64 end   zip64 locator ]      where a number does not fit into the end record
//! end     comment
//! ```
//!
//! No crate reads this. What is needed here, and the crate `zip` does not offer: a directory whose
//! memory has a limit; a member whose data stay where they are, so that elements borrow them and
//! are read in any order; the offset and clause of every error; members of an archive without a
//! directory; and bytes that belong to no member, which an audit reports.
//!
//! Offsets are read as Python's `zipfile` reads them: the directory ends where the end record
//! begins. If that is not the offset in the end record, bytes were put before the archive, and
//! every offset is moved by their number.

use std::io::Read;
use std::ops::Range;

use super::deflated::CLAUSES;
use super::member::{Member, Method};
use crate::error::{Error, ErrorKind, Result};
use crate::options::ReadSize;
use crate::source::Source;
use crate::source::inflate::{Allowance, Inflate};
use crate::source::window::Window;

const END: usize = 22;
const LOCATOR: usize = 20;
const END_64: usize = 56;
const ENTRY: usize = 46;
const HEADER: usize = 30;

mod flags {
    pub(super) const ENCRYPTED: u16 = 1;
    pub(super) const DESCRIPTOR: u16 = 1 << 3;
    pub(super) const PATCH: u16 = 1 << 5;
    pub(super) const STRONG_ENCRYPTION: u16 = 1 << 6;
    pub(super) const UTF_8: u16 = 1 << 11;
}

/// The position of the directory.
struct Directory {
    begin: u64,
    end: u64,
    /// Bytes that were put before the archive.
    prefix: u64,
}

/// Reads the directory of an archive. Fails where it has over `limit` bytes.
pub(super) fn read(source: &Source, limit: u64) -> Result<Vec<Member>> {
    let mut window = Window::new(source.clone(), ReadSize::default(), 0);
    let directory = locate(&mut window)?;
    check_size(directory.end - directory.begin, limit, directory.begin)?;
    let mut members = Vec::new();
    let mut begin = directory.begin;
    while begin < directory.end {
        let (member, size) = entry(&mut window, begin, &directory)?;
        members.push(member);
        begin += size;
    }
    set_ends(&mut members, directory.begin);
    Ok(members)
}

/// Finds the end record, and by it the directory.
fn locate(window: &mut Window) -> Result<Directory> {
    // A comment may follow it, whose length has two bytes.
    const LAST: u64 = END as u64 + u16::MAX as u64;
    let size = window.len()?;
    let from = size.saturating_sub(LAST);
    let last = window.fill(from, (size - from) as usize)?;
    let found = last.windows(END).rposition(|bytes| bytes.starts_with(b"PK\x05\x06"));
    let Some(found) = found else {
        let message = "not a zip file, or truncated: no end-of-central-directory record";
        return Err(Error::new(ErrorKind::Truncated, "npz.end", size, message));
    };
    let end = &last[found..];
    let mut size = u64::from(u32::from_le_bytes(field(end, 12)));
    let mut offset = u64::from(u32::from_le_bytes(field(end, 16)));
    let mut end_record = from + found as u64;
    if let Some(before) = end_record.checked_sub((LOCATOR + END_64) as u64) {
        let record = window.fill(before, END_64 + LOCATOR)?;
        // It is shorter where another program has just shortened the file.
        let locator = record.get(END_64..).unwrap_or_default();
        if locator.starts_with(b"PK\x06\x07") && record.starts_with(b"PK\x06\x06") {
            size = u64::from_le_bytes(field(record, 40));
            offset = u64::from_le_bytes(field(record, 48));
            end_record = before;
        }
    }
    let begin = end_record.checked_sub(size);
    match begin.and_then(|begin| Some((begin, begin.checked_sub(offset)?))) {
        Some((begin, prefix)) => Ok(Directory { begin, end: end_record, prefix }),
        None => {
            let message = "the directory of the archive begins before the file does";
            Err(Error::new(ErrorKind::Malformed, "npz.directory", end_record, message))
        }
    }
}

/// Reads the entry at an offset in the directory. Returns the member and the length of the entry.
fn entry(window: &mut Window, begin: u64, directory: &Directory) -> Result<(Member, u64)> {
    let malformed = || {
        let message = "expected an entry of the directory of the archive (PK\\x01\\x02)";
        Error::new(ErrorKind::Malformed, "npz.directory", begin, message)
    };
    let room = usize::try_from(directory.end - begin).unwrap_or(usize::MAX);
    let bytes = window.fill(begin, ENTRY)?;
    if bytes.len().min(room) < ENTRY || !bytes.starts_with(b"PK\x01\x02") {
        return Err(malformed());
    }
    let flags = u16::from_le_bytes(field(bytes, 8));
    let [name, extra, comment] =
        [28, 30, 32].map(|at| u16::from_le_bytes(field(bytes, at)) as usize);
    let size = ENTRY + name + extra + comment;
    let bytes = window.fill(begin, size)?;
    if bytes.len().min(room) < size {
        return Err(malformed());
    }
    let (raw_name, extra) = bytes[ENTRY..ENTRY + name + extra].split_at(name);
    let [compressed_size, uncompressed_size, offset] =
        [20, 24, 42].map(|at| u32::from_le_bytes(field(bytes, at)));
    let mut wide = Wide { fields: zip64(extra), begin };
    // The extra field has them in this order, and only those that do not fit.
    let uncompressed_size = wide.widen(uncompressed_size)?;
    let compressed_size = wide.widen(compressed_size)?;
    let offset = wide.widen(offset)?;
    let offset = offset.checked_add(directory.prefix).filter(|&at| at < directory.begin);
    let member = Member {
        name: decode_name(raw_name, flags),
        raw_name: raw_name.to_vec(),
        method: method_of(u16::from_le_bytes(field(bytes, 10))),
        encrypted: is_encrypted(flags),
        crc32: u32::from_le_bytes(field(bytes, 16)),
        size: uncompressed_size,
        compressed_size,
        offset: offset.ok_or_else(malformed)?,
        end: directory.begin,
    };
    Ok((member, size as u64))
}

/// Finds the members of an archive without a directory, by the header before each.
///
/// ```text
/// header  name  extra  data  [ descriptor ]     a member
/// ```
///
/// Where the writer could not go back to the header, the sizes are in a descriptor after the data.
/// A deflate stream marks its end. Stored data end where a descriptor has their length. Fails where
/// a directory of the members would have over `limit` bytes.
pub(super) fn recover(source: &Source, allowance: &Allowance, limit: u64) -> Result<Vec<Member>> {
    let mut window = Window::new(source.clone(), ReadSize::default(), 0);
    let end = window.len()?;
    let (mut members, mut begin, mut size) = (Vec::new(), 0, 0);
    while let Some(member) = recovered(&mut window, begin, end, allowance)? {
        size += (ENTRY + member.raw_name.len()) as u64;
        check_size(size, limit, begin)?;
        begin = member.end;
        members.push(member);
    }
    Ok(members)
}

/// Fails where a directory has over `limit` bytes.
fn check_size(size: u64, limit: u64, offset: u64) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("the directory of the archive has {size} bytes; the limit is {limit}");
    Err(Error::over_limit(limit, "npz.limit.directory", offset, message))
}

/// Returns the member whose header is at an offset; `None` where there is none, or it is truncated.
fn recovered(
    window: &mut Window,
    begin: u64,
    end: u64,
    allowance: &Allowance,
) -> Result<Option<Member>> {
    let header = window.fill(begin, HEADER)?;
    if header.len() < HEADER || !header.starts_with(b"PK\x03\x04") {
        return Ok(None);
    }
    let [flags, method] = [6, 8].map(|at| u16::from_le_bytes(field(header, at)));
    let [crc32, narrow_compressed, narrow_size] =
        [14, 18, 22].map(|at| u32::from_le_bytes(field(header, at)));
    let [name, extra] = [26, 28].map(|at| u16::from_le_bytes(field(header, at)) as usize);
    let whole = HEADER + name + extra;
    let header = window.fill(begin, whole)?;
    let Some(header) = header.get(..whole) else { return Ok(None) };
    let (raw_name, extra) = header[HEADER..].split_at(name);
    let mut wide = Wide { fields: zip64(extra), begin };
    let is_wide = !wide.fields.is_empty();
    let (size, compressed_size) = (wide.widen(narrow_size)?, wide.widen(narrow_compressed)?);
    let mut member = Member {
        name: decode_name(raw_name, flags),
        raw_name: raw_name.to_vec(),
        method: method_of(method),
        encrypted: is_encrypted(flags),
        crc32,
        size,
        compressed_size,
        offset: begin,
        end: 0,
    };
    let data = begin + whole as u64;
    let has_descriptor = flags & flags::DESCRIPTOR != 0;
    // A writer that has stopped inside a member has not gone back to fill in its sizes. An empty
    // member is followed by the next header.
    let is_unknown = has_descriptor
        || (compressed_size, crc32) == (0, 0) && !window.fill(data, 4)?.starts_with(b"PK");
    if is_unknown && member.method == Method::Deflated {
        inflated(window.source(), data, &mut member, allowance)?;
    } else if is_unknown && member.method == Method::Stored {
        stored(window, data, end, is_wide, &mut member)?;
    }
    let data_end = data.saturating_add(member.compressed_size);
    let descriptor = match has_descriptor {
        false => 0,
        true => descriptor_size(window.fill(data_end.min(end), DESCRIPTOR_64)?, is_wide),
    };
    member.end = data_end.saturating_add(descriptor);
    Ok(Some(member))
}

/// Reads a deflate stream to its end, and sets the sizes and the checksum of the member.
fn inflated(source: &Source, data: u64, member: &mut Member, allowance: &Allowance) -> Result<()> {
    let mut inflate = Inflate::new(source.section(data..), allowance.clone(), CLAUSES);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match inflate.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                let error = Error::from(error);
                if matches!(error.kind(), ErrorKind::Io | ErrorKind::Limit) {
                    return Err(error);
                }
                // It is truncated: its data end with the archive.
                member.compressed_size = source.size()?.saturating_sub(data);
                member.size = u64::MAX;
                return Ok(());
            }
        }
    }
    (member.size, member.crc32) = (inflate.out(), inflate.crc().sum());
    member.compressed_size = inflate.offset();
    Ok(())
}

/// Finds the descriptor after stored data, which has the length of the data, and sets the sizes and
/// the checksum of the member.
fn stored(
    window: &mut Window,
    data: u64,
    end: u64,
    is_wide: bool,
    member: &mut Member,
) -> Result<()> {
    let mut offset = data;
    while offset < end {
        let bytes = window.fill(offset, READ)?;
        let found = bytes.windows(4).position(|four| four == DESCRIPTOR);
        let Some(found) = found else {
            offset += bytes.len().saturating_sub(3).max(1) as u64;
            continue;
        };
        offset += found as u64;
        let bytes = window.fill(offset, DESCRIPTOR_64)?;
        if bytes.len() as u64 >= descriptor_size(bytes, is_wide) {
            let (size, compressed_size) = match is_wide {
                true => (u64::from_le_bytes(field(bytes, 16)), u64::from_le_bytes(field(bytes, 8))),
                false => (
                    u64::from(u32::from_le_bytes(field(bytes, 12))),
                    u64::from(u32::from_le_bytes(field(bytes, 8))),
                ),
            };
            if (size, compressed_size) == (offset - data, offset - data) {
                member.crc32 = u32::from_le_bytes(field(bytes, 4));
                (member.size, member.compressed_size) = (size, size);
                return Ok(());
            }
        }
        offset += 1;
    }
    (member.size, member.compressed_size) = (end.saturating_sub(data), end.saturating_sub(data));
    Ok(())
}

/// Returns the length of a descriptor, whose signature is optional.
fn descriptor_size(bytes: &[u8], is_wide: bool) -> u64 {
    let signature = if bytes.starts_with(DESCRIPTOR) { 4 } else { 0 };
    signature + if is_wide { 20 } else { 12 }
}

/// The signature of a descriptor.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// Bytes of the longest descriptor.
const DESCRIPTOR_64: usize = 24;

/// Bytes in which a descriptor is searched for at once.
const READ: usize = 64 << 10;

fn method_of(number: u16) -> Method {
    match number {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => Method::Other(other),
    }
}

fn is_encrypted(flags: u16) -> bool {
    flags & (flags::ENCRYPTED | flags::PATCH | flags::STRONG_ENCRYPTION) != 0
}

/// The 64-bit numbers of an entry, for those that do not fit 32 bits.
struct Wide<'a> {
    fields: &'a [u8],
    /// The offset of the entry.
    begin: u64,
}

impl Wide<'_> {
    fn widen(&mut self, narrow: u32) -> Result<u64> {
        if narrow != u32::MAX {
            return Ok(u64::from(narrow));
        }
        let Some((wide, rest)) = self.fields.split_first_chunk() else {
            let message = "an entry of the directory of the archive lacks its 64-bit numbers";
            return Err(Error::new(ErrorKind::Malformed, "npz.wide", self.begin, message));
        };
        self.fields = rest;
        Ok(u64::from_le_bytes(*wide))
    }
}

/// Returns the data of the zip64 extra field; none where there is no such field.
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

/// Sets the end of each member: the offset of the next member, or its own offset if another member
/// begins there too, so that both overlap.
fn set_ends(members: &mut [Member], directory: u64) {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&member| members[member].offset);
    let begins: Vec<u64> = order.iter().map(|&member| members[member].offset).collect();
    for (index, &member) in order.iter().enumerate() {
        let twice = index > 0 && begins[index - 1] == begins[index];
        let next = begins.get(index + 1).copied().unwrap_or(directory);
        members[member].end = if twice { begins[index] } else { next };
    }
}

/// Returns a source of the data of a member, as they are in the archive.
pub(super) fn data(source: &Source, member: &Member) -> Result<Source> {
    let name = &member.name;
    let refused = |cause, clause, message| Err(member.error(cause, clause, message));
    if member.encrypted {
        let message = format!("{name} is encrypted");
        return refused(ErrorKind::Unsupported, "npz.encrypted", message);
    }
    if let Method::Other(method) = member.method {
        let message = format!("{name} is compressed by method {method}, which is not supported");
        return refused(ErrorKind::Unsupported, "npz.method", message);
    }
    let range = data_range(source, member)?;
    if member.method == Method::Stored && member.size != member.compressed_size {
        let message = format!(
            "{name} is stored without compression, but has {} bytes, and {} in the archive",
            member.size, member.compressed_size
        );
        return refused(ErrorKind::Malformed, "npz.size", message);
    }
    Ok(source.section(range))
}

/// Returns the range of the data of a member in the archive.
fn data_range(source: &Source, member: &Member) -> Result<Range<u64>> {
    let Member { name, offset, .. } = member;
    let refused = |cause, clause, message| Err(member.error(cause, clause, message));
    let mut window = Window::new(source.clone(), ReadSize { least: 1, most: 1 }, 0);
    let wanted = HEADER + member.raw_name.len();
    let header = window.fill(*offset, wanted)?;
    let name_is = |bytes: &[u8]| {
        usize::from(u16::from_le_bytes(field(bytes, 26))) == member.raw_name.len()
            && bytes[HEADER..].starts_with(&member.raw_name)
    };
    if header.len() < wanted || !header.starts_with(b"PK\x03\x04") || !name_is(header) {
        let message = format!("the header of {name} is not the one that the directory describes");
        return refused(ErrorKind::Malformed, "npz.header", message);
    }
    let extra = u64::from(u16::from_le_bytes(field(header, 28)));
    let begin = offset + wanted as u64 + extra;
    let end = begin.checked_add(member.compressed_size).filter(|&end| end <= member.end);
    let Some(end) = end else {
        let message = format!("{name} overlaps the next member or the directory");
        return refused(ErrorKind::Malformed, "npz.overlap", message);
    };
    Ok(begin..end)
}

/// Returns the first range of an archive that belongs neither to a member nor to the directory:
/// before it, after it, in its comment, or between members. `None` where there is none.
pub(super) fn unlisted(source: &Source, members: &[Member]) -> Result<Option<Range<u64>>> {
    let mut window = Window::new(source.clone(), ReadSize::default(), 0);
    let directory = locate(&mut window)?;
    let mut order: Vec<&Member> = members.iter().collect();
    order.sort_by_key(|member| member.offset);
    let mut reached = 0;
    for member in order {
        if member.offset > reached {
            return Ok(Some(reached..member.offset));
        }
        let end = data_range(source, member)?.end;
        // A descriptor may follow the data.
        let next = member.end.max(end);
        let is_descriptor = next - end <= DESCRIPTOR_64 as u64;
        reached = reached.max(if is_descriptor { next } else { end });
    }
    // The window may have more bytes.
    let end_record = match window.fill(directory.end, 4)?.starts_with(b"PK\x06\x06") {
        true => directory.end + (END_64 + LOCATOR) as u64,
        false => directory.end,
    };
    let (end, size) = (end_record + END as u64, window.len()?);
    Ok(match (reached < directory.begin, end < size) {
        (true, _) => Some(reached..directory.begin),
        (_, true) => Some(end..size),
        _ => None,
    })
}

fn decode_name(raw: &[u8], flags: u16) -> String {
    if flags & flags::UTF_8 != 0 {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let character = |&byte: &u8| match byte.checked_sub(128) {
        None => char::from(byte),
        Some(index) => CODE_PAGE_437[usize::from(index)],
    };
    raw.iter().map(character).collect()
}

/// The characters of the bytes from 128 on, in names that are not UTF-8.
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

/// Returns bytes of a record, which is long enough.
fn field<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    *record[at..].first_chunk().expect("records are read whole")
}
