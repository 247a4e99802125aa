//! The members of a tar archive, as Python's `tarfile` finds them.
//!
//! The crate `tar` reads the fields of a header. The headers are followed here, because programs
//! disagree about where a member ends in some archives: such an archive is refused, so that no
//! reading of it is missed.

use std::io::Read;

use tar::{EntryType, Header, PaxExtensions};

use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;

const BLOCK: u64 = 512;

/// Members that an archive may have. Each takes memory for its name.
const MOST_MEMBERS: usize = 1 << 16;

/// Bytes of a header that extends the next one, which is in memory.
const MOST_EXTENSION: u64 = 64 << 10;

/// A file in an archive.
pub(super) struct Member {
    pub(super) name: String,
    /// Where its bytes begin, and how many there are; `None` for a link.
    pub(super) data: Option<(u64, u64)>,
}

/// Returns whether a source begins with a header: its checksum is right.
pub(super) fn is_tar(source: &Source) -> Result<bool> {
    let header = header_at(source, 0)?;
    Ok(header.is_some_and(|header| !is_zero(&header) && check(&header).is_some()))
}

/// Returns the members, in the order of the archive.
///
/// Fails where the archive is truncated, has bytes after its end, has a header that is not known, or
/// one that `tarfile` and other programs may take for another.
pub(super) fn members(source: &Source) -> Result<Vec<Member>> {
    let (mut members, mut next, mut long_name) = (Vec::new(), 0, None);
    let size = source.size()?;
    loop {
        let begin = next;
        let truncated = |message| Error::new(ErrorKind::Truncated, "tar.truncated", size, message);
        let header = header_at(source, begin)?
            .ok_or_else(|| truncated("the tar archive ends before its end of two empty blocks"))?;
        if is_zero(&header) {
            return check_end(source, begin, size).map(|()| members);
        }
        let wrong = |what: &str| {
            let message = format!("the header of a tar archive {what}");
            Error::new(ErrorKind::Unsupported, "tar.header", begin, message)
        };
        let Some(length) = check(&header) else { return Err(wrong("has another checksum")) };
        let data = begin + BLOCK;
        let end =
            length.checked_next_multiple_of(BLOCK).and_then(|length| data.checked_add(length));
        next = end
            .filter(|&end| end <= size)
            .ok_or_else(|| truncated("a member of the tar archive is truncated"))?;
        let header = Header::from_byte_slice(&header);
        let extension = |source: &Source| -> Result<Vec<u8>> {
            if length > MOST_EXTENSION {
                return Err(wrong("is extended by over 64 KiB"));
            }
            let mut bytes = Vec::new();
            source.section(data..data + length).to_reader().read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let name = match header.entry_type() {
            EntryType::GNULongName => {
                let mut name = extension(source)?;
                name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
                long_name = Some(String::from_utf8_lossy(&name).into_owned());
                continue;
            }
            EntryType::GNULongLink => continue,
            EntryType::XHeader | EntryType::XGlobalHeader => {
                let is_global = header.entry_type() == EntryType::XGlobalHeader;
                for record in PaxExtensions::new(&extension(source)?) {
                    let record = record.map_err(|_| wrong("has a record that is not known"))?;
                    match record.key_bytes() {
                        b"path" if !is_global => {
                            long_name =
                                Some(String::from_utf8_lossy(record.value_bytes()).into_owned());
                        }
                        b"path" | b"size" | b"hdrcharset" => {
                            return Err(wrong("gives the size or the names of other headers"));
                        }
                        key if key.starts_with(b"GNU.sparse") => {
                            return Err(wrong("is of a sparse file"));
                        }
                        _ => {}
                    }
                }
                continue;
            }
            _ => long_name
                .take()
                .unwrap_or_else(|| String::from_utf8_lossy(&header.path_bytes()).into_owned()),
        };
        let data = match header.entry_type() {
            // `tarfile` takes a file of such a name for a folder, and does not skip its bytes.
            EntryType::Regular | EntryType::Continuous if !name.ends_with('/') => {
                Some((data, length))
            }
            EntryType::Regular | EntryType::Directory if length == 0 => continue,
            EntryType::Link | EntryType::Symlink if length == 0 => None,
            _ => return Err(wrong("has a type that is not known")),
        };
        members.push(Member { name, data });
        if members.len() > MOST_MEMBERS {
            let message = format!("over {MOST_MEMBERS} members in a tar archive");
            return Err(Error::over_limit(MOST_MEMBERS as u64, "tar.limit", begin, message));
        }
    }
}

/// Checks that an archive ends with two empty blocks or more, and nothing else.
fn check_end(source: &Source, begin: u64, size: u64) -> Result<()> {
    let mut rest = source.section(begin..).to_reader();
    let mut block = vec![0; 64 << 10];
    let mut offset = begin;
    loop {
        let read = rest.read(&mut block)?;
        if read == 0 {
            break;
        }
        if let Some(place) = block[..read].iter().position(|&byte| byte != 0) {
            let message = "bytes follow the end of the tar archive";
            let place = offset + place as u64;
            return Err(Error::new(ErrorKind::Malformed, "tar.trailing", place, message));
        }
        offset += read as u64;
    }
    if size - begin < 2 * BLOCK || !size.is_multiple_of(BLOCK) {
        let message = "the tar archive ends before its end of two empty blocks";
        return Err(Error::new(ErrorKind::Truncated, "tar.truncated", size, message));
    }
    Ok(())
}

type Bytes = [u8; BLOCK as usize];

/// Returns the header at an offset; `None` where the source ends before it ends.
fn header_at(source: &Source, offset: u64) -> Result<Option<Bytes>> {
    let mut header = Vec::new();
    source.section(offset..).to_reader().take(BLOCK).read_to_end(&mut header)?;
    Ok(header.try_into().ok())
}

fn is_zero(header: &Bytes) -> bool {
    header.iter().all(|&byte| byte == 0)
}

/// Returns the length of the data after a header; `None` where its checksum is another.
fn check(header: &Bytes) -> Option<u64> {
    // The checksum counts its own field as spaces. Old programs add signed bytes, and `tarfile`
    // accepts that sum too.
    let sum = |value: fn(u8) -> i64| -> i64 {
        let bytes = header.iter().enumerate();
        bytes.map(|(at, &byte)| value(if (148..156).contains(&at) { b' ' } else { byte })).sum()
    };
    let sums = [sum(i64::from), sum(|byte| i64::from(byte.cast_signed()))];
    let header = Header::from_byte_slice(header);
    let is_right = header.cksum().is_ok_and(|stored| sums.contains(&i64::from(stored)));
    header.entry_size().ok().filter(|_| is_right)
}
