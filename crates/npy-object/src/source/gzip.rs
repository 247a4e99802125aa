//! Gzip files (RFC 1952): members one after another, each a header, a deflate stream, its checksum
//! and its length.
//!
//! Reads what Python's `gzip` module reads: any number of members, with zeros between them and
//! after the last. flate2 decompresses and computes the checksum, but its `GzDecoder` does not read
//! the header and the trailer here:
//!
//! - it refuses headers that Python reads: with reserved flags, a wrong CRC-16 of the header, or a
//!   name of over 64 KiB; and zeros after a member;
//! - it drops the bytes that came out before a corruption, from which whole elements can be read;
//! - it gives a wrong checksum and corrupt data the same error, and these are two clauses.

use std::io::{self, Read};

use super::Source;
use super::inflate::{Allowance, Clauses, Inflate};
use crate::error::{Error, ErrorKind};

/// The first bytes of every member: the magic, and the method, of which there is one.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

const CLAUSES: Clauses =
    Clauses { truncated: "gzip.truncated", data: "gzip.data", limit: "gzip.limit" };

// Flags: which fields follow the header.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

impl Source {
    /// Creates a source of the data of a gzip file, which keeps up to `memory` bytes in memory.
    pub(crate) fn gunzip(self, allowance: Allowance, memory: usize) -> Source {
        let name = self.name().map(str::to_owned);
        let data = Source::unpacked(Gunzip::new(self, allowance), memory);
        name.into_iter().fold(data, Source::named)
    }
}

/// A reader of the data of a gzip file.
struct Gunzip {
    inflate: Inflate,
    /// Where the reader is.
    part: Part,
}

#[derive(PartialEq)]
enum Part {
    /// Before the first member.
    Start,
    /// In the deflate stream of a member.
    Stream,
    /// After a member. There may be zeros.
    Between,
}

impl Gunzip {
    fn new(source: Source, allowance: Allowance) -> Gunzip {
        Gunzip { inflate: Inflate::new(source, allowance, CLAUSES), part: Part::Start }
    }

    fn read_stream(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.part != Part::Stream && !self.read_header()? {
                return Ok(0);
            }
            let read = self.inflate.read(out)?;
            if read > 0 {
                return Ok(read);
            }
            self.check_trailer()?;
            self.part = Part::Between;
        }
    }

    /// Reads the header of the next member. Returns whether there is a member.
    fn read_header(&mut self) -> io::Result<bool> {
        while self.part == Part::Between && self.inflate.peek()? == Some(0) {
            self.inflate.read_plain::<1>()?;
        }
        if self.inflate.peek()?.is_none() {
            return Ok(false);
        }
        let offset = self.inflate.offset();
        let [a, b, method, flags] = self.inflate.read_plain()?;
        if [a, b, method] != MAGIC {
            let message = format!(
                "expected a gzip member (bytes 1f 8b 08), found {a:02x} {b:02x} {method:02x}"
            );
            return Err(Error::new(ErrorKind::Malformed, "gzip.magic", offset, message).into());
        }
        // Time, level and operating system.
        self.inflate.read_plain::<6>()?;
        if flags & EXTRA != 0 {
            let size = u16::from_le_bytes(self.inflate.read_plain()?);
            self.inflate.skip(size.into())?;
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                self.inflate.skip_text()?;
            }
        }
        if flags & HEADER_CRC != 0 {
            self.inflate.read_plain::<2>()?;
        }
        self.inflate.begin();
        self.part = Part::Stream;
        Ok(true)
    }

    /// Reads the checksum and the length after a stream, and compares them with its data.
    fn check_trailer(&mut self) -> io::Result<()> {
        let offset = self.inflate.offset();
        let trailer = (self.inflate.read_plain()?, self.inflate.read_plain()?);
        let crc = self.inflate.crc();
        if trailer == (crc.sum().to_le_bytes(), crc.amount().to_le_bytes()) {
            return Ok(());
        }
        let message = "gzip checksum mismatch: the data are not those that were compressed";
        Err(Error::new(ErrorKind::Malformed, "gzip.checksum", offset, message).into())
    }
}

impl Read for Gunzip {
    /// Reads all bytes of a member before it fails on a checksum that is wrong or missing.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_stream(out).map_err(|error| self.inflate.source().explain(error).into())
    }
}
