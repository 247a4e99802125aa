//! Deflate streams (RFC 1951) inside a source.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use super::Source;
use crate::error::{Error, ErrorKind};

/// Bytes of the source that are read at once.
const READ: usize = 32 << 10;

/// Reads a source forwards: plain bytes, and deflate streams between them.
pub(crate) struct Inflate {
    source: Source,
    /// Bytes that were read and not yet used: `buffer[head..tail]`.
    buffer: Box<[u8]>,
    head: usize,
    tail: usize,
    /// Where `head` is in the source.
    place: u64,
    stream: Decompress,
    /// Whether the stream was seen to its end.
    ended: bool,
    /// Bytes that came out, of all streams.
    out: u64,
    allowance: Allowance,
    clauses: Clauses,
}

/// How much may come out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Bytes, however few go in.
    pub(crate) least: u64,
    /// For each that goes in, where that is more.
    pub(crate) ratio: u64,
}

/// The clauses of the format that the streams are in.
#[derive(Clone, Copy)]
pub(crate) struct Clauses {
    pub(crate) truncated: &'static str,
    pub(crate) data: &'static str,
    pub(crate) limit: &'static str,
}

impl Inflate {
    /// Reads from the start of a source, at a deflate stream.
    pub(crate) fn new(source: Source, allowance: Allowance, clauses: Clauses) -> Inflate {
        Inflate {
            source,
            buffer: vec![0; READ].into(),
            head: 0,
            tail: 0,
            place: 0,
            stream: Decompress::new(false),
            ended: false,
            out: 0,
            allowance,
            clauses,
        }
    }

    /// What is read.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Where the next byte is in the source.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Bytes that came out, of all streams.
    #[cfg(feature = "npz")]
    pub(crate) fn out(&self) -> u64 {
        self.out
    }

    /// Whether the stream was seen to its end.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// The next byte, if there is one, which stays the next.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        self.fill()?;
        Ok(self.buffer[self.head..self.tail].first().copied())
    }

    /// The next `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.peek()?.ok_or_else(|| self.truncated())?;
            self.consume(1);
        }
        Ok(bytes)
    }

    /// Makes the next byte the first of a deflate stream.
    pub(crate) fn begin(&mut self) {
        self.stream.reset(false);
        self.ended = false;
    }

    /// As many bytes of the stream as there is room for, or as come before its end or an error,
    /// which then comes up the next time.
    ///
    /// Where the last byte of a stream is among them, [`ended`](Self::ended) is said at once.
    pub(crate) fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.check_limit()?;
        let mut made = 0;
        while !self.ended {
            match self.step(&mut out[made..]) {
                Ok(0) if !self.ended => break,
                Ok(more) => made += more,
                Err(_) if made > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }

    /// Some more bytes of the stream: none only at its end or where there is no room.
    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            self.fill()?;
            let at_end = self.head == self.tail;
            let before = (self.stream.total_in(), self.stream.total_out());
            // Without room, too: the mark of its end may be all that is left of the stream.
            let input = &self.buffer[self.head..self.tail];
            let status = self.stream.decompress(input, out, FlushDecompress::None);
            let used = (self.stream.total_in() - before.0) as usize;
            let made = (self.stream.total_out() - before.1) as usize;
            self.consume(used);
            self.out += made as u64;
            self.check_limit()?;
            match status {
                Ok(Status::StreamEnd) => {
                    self.ended = true;
                    return Ok(made);
                }
                _ if made > 0 => return Ok(made),
                Ok(_) if at_end => return Err(self.truncated().into()),
                Ok(_) if used == 0 => return Ok(0),
                Ok(_) => {}
                Err(_) => {
                    let message = "the compressed data are corrupt";
                    let clause = self.clauses.data;
                    return Err(
                        Error::new(ErrorKind::Malformed, clause, self.place, message).into()
                    );
                }
            }
        }
    }

    /// Makes sure that there is a next byte, unless the source ends.
    fn fill(&mut self) -> io::Result<()> {
        while self.head == self.tail {
            match self.source.read_at(&mut self.buffer, self.place) {
                Ok(0) => break,
                Ok(read) => (self.head, self.tail) = (0, read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn consume(&mut self, size: usize) {
        self.head += size;
        self.place += size as u64;
    }

    fn check_limit(&self) -> Result<(), Error> {
        let Allowance { least, ratio } = self.allowance;
        let used = self.place;
        let limit = least.max(used.saturating_mul(ratio));
        if self.out <= limit {
            return Ok(());
        }
        let message = format!(
            "{used} compressed bytes become over {limit}: \
             the limit is {least}, or {ratio} for each"
        );
        Err(Error::over_limit(limit, self.clauses.limit, self.place, message))
    }

    #[cold]
    fn truncated(&self) -> Error {
        let message = "the compressed data were truncated";
        Error::new(ErrorKind::Truncated, self.clauses.truncated, self.place, message)
    }
}
