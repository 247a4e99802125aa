//! The data of a deflated member.

use std::io::{self, Read};

use super::member::Member;
use crate::source::Source;
use crate::source::inflate::{Allowance, Clauses, Inflate};

pub(super) const CLAUSES: Clauses =
    Clauses { truncated: "npz.truncated", data: "npz.data", limit: "npz.limit" };

/// A reader of the data of a deflated member.
pub(super) struct Deflated {
    inflate: Inflate,
    member: Member,
}

impl Deflated {
    pub(super) fn new(data: Source, member: Member, allowance: Allowance) -> Deflated {
        Deflated { inflate: Inflate::new(data, allowance, CLAUSES), member }
    }

    fn read_stream(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = self.member.size.saturating_sub(self.inflate.out());
        let room = left.min(buffer.len() as u64) as usize;
        let read = self.inflate.read(&mut buffer[..room])?;
        if read == 0 {
            // The stream may be longer than the directory says.
            let _more = self.inflate.read(&mut [0])?;
            self.member.check(self.inflate.out(), self.inflate.crc().sum())?;
        }
        Ok(read)
    }
}

impl Read for Deflated {
    /// Reads all bytes before it fails on a wrong checksum.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_stream(buffer).map_err(|error| self.inflate.source().explain(error).into())
    }
}
