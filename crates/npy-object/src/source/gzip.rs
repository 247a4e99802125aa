//! Gzip files (RFC 1952): members behind one another, each a deflate stream and its checksum.
//!
//! What Python's `gzip` reads is read: any number of members, with zeros between them and behind
//! the last.

use std::io::{self, Read};

use flate2::Crc;

use super::Source;
use super::inflate::{Allowance, Clauses, Inflate};
use crate::error::{Error, ErrorKind};

/// What every member begins with: the magic, and the method, of which there is one.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

const CLAUSES: Clauses =
    Clauses { truncated: "gzip.truncated", data: "gzip.data", limit: "gzip.limit" };

// Which fields follow the header.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// What a gzip file holds.
pub(super) struct Gunzip {
    inflate: Inflate,
    /// Of what came out of the member.
    crc: Crc,
    state: State,
}

#[derive(PartialEq)]
enum State {
    /// Before the first member.
    Start,
    Member,
    /// Behind the data of a member, before its checksum.
    Trailer,
    Between,
}

impl Gunzip {
    pub(super) fn new(source: Source, allowance: Allowance) -> Gunzip {
        let inflate = Inflate::new(source, allowance, CLAUSES);
        Gunzip { inflate, crc: Crc::new(), state: State::Start }
    }

    /// Goes to the data of the next member, if there is one.
    fn next_member(&mut self) -> io::Result<bool> {
        while self.state == State::Between && self.inflate.peek()? == Some(0) {
            self.inflate.bytes::<1>()?;
        }
        if self.inflate.peek()?.is_none() {
            return Ok(false);
        }
        let place = self.inflate.place();
        let [a, b, method, flags] = self.inflate.bytes()?;
        if [a, b, method] != MAGIC {
            let message = "after the gzip data come bytes that are not gzip data";
            return Err(Error::new(ErrorKind::Malformed, "gzip.magic", place, message).into());
        }
        // Time, level and system.
        self.inflate.bytes::<6>()?;
        if flags & EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.inflate.bytes()?) {
                self.inflate.bytes::<1>()?;
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.inflate.bytes()? != [0] {}
        }
        if flags & HEADER_CRC != 0 {
            self.inflate.bytes::<2>()?;
        }
        self.inflate.begin();
        self.crc.reset();
        self.state = State::Member;
        Ok(true)
    }

    fn read_on(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if self.state == State::Trailer {
                self.check()?;
                self.state = State::Between;
            }
            if self.state != State::Member && !self.next_member()? {
                break;
            }
            let made = self.inflate.inflate(out)?;
            self.crc.update(&out[..made]);
            if self.inflate.ended() {
                self.state = State::Trailer;
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }

    /// Compares what came out of a member with what stands behind it.
    fn check(&mut self) -> io::Result<()> {
        let place = self.inflate.place();
        let sums = (self.inflate.bytes()?, self.inflate.bytes()?);
        if sums == (self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()) {
            return Ok(());
        }
        let message = "gzip checksum mismatch: the data are not those that were compressed";
        Err(Error::new(ErrorKind::Malformed, "gzip.checksum", place, message).into())
    }
}

impl Read for Gunzip {
    /// All bytes of a member come before the error that says that its checksum is wrong, or that it
    /// is missing.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_on(out).map_err(|error| self.inflate.source().explain(error).into())
    }
}
