//! A deflate stream (RFC 1951) inside a source, under a limit on its expansion.
//!
//! flate2's [`DeflateDecoder`] decompresses. Added here: the offset in the source of every error,
//! the clause of the format around the stream, and the limit, which is checked after each read into
//! the caller's buffer, so before the caller takes memory for more.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::Source;
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::source::budget::Budget;

/// Bytes of the source that are read at once.
const READ: usize = 32 << 10;

/// A reader of the deflate streams in a source, and of the plain bytes before and after them.
pub(crate) struct Inflate {
    stream: DeflateDecoder<Compressed>,
    /// The checksum of the bytes that came out of the current stream.
    crc: Crc,
    /// Whether the end of the current stream was read.
    ended: bool,
    /// Bytes that came out of all streams.
    out: u64,
    allowance: Allowance,
    clauses: Clauses,
}

/// How many bytes may come out.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    /// Bytes that may come out of any input, however small.
    least: u64,
    /// Bytes that may come out for each byte of input, where that is more.
    ratio: u64,
    /// What may come out of all inputs together; `None` where that is not limited.
    budget: Option<Arc<Budget>>,
}

impl Allowance {
    pub(crate) fn of(options: &Options) -> Allowance {
        let budget = options.budget.clone();
        Allowance { least: options.limits.decompressed, ratio: options.limits.expansion, budget }
    }

    /// Checks that as many bytes may come out: `made` now, and `out` in all, of `used` bytes.
    pub(crate) fn check(
        &self,
        made: u64,
        out: u64,
        used: u64,
        clause: &'static str,
    ) -> Result<(), Error> {
        let Allowance { least, ratio, budget } = self;
        let limit = (*least).max(used.saturating_mul(*ratio));
        if out > limit {
            let message = format!(
                "{used} compressed bytes expand to over {limit} bytes: \
                 the limit is {least}, or {ratio} for each compressed byte"
            );
            return Err(Error::over_limit(limit, clause, used, message));
        }
        if let Some(budget) = budget
            && !budget.take(made)
        {
            let limit = budget.limit();
            let message =
                format!("all compressed data in the file expand to over {limit} bytes together");
            return Err(Error::over_limit(limit, clause, used, message));
        }
        Ok(())
    }
}

/// The clauses of the format that the streams are in.
#[derive(Clone, Copy)]
pub(crate) struct Clauses {
    pub(crate) truncated: &'static str,
    pub(crate) data: &'static str,
    pub(crate) limit: &'static str,
}

impl Inflate {
    /// Reads from the start of a source, where a deflate stream begins.
    pub(crate) fn new(source: Source, allowance: Allowance, clauses: Clauses) -> Inflate {
        Inflate {
            stream: DeflateDecoder::new(Compressed::new(source)),
            crc: Crc::new(),
            ended: false,
            out: 0,
            allowance,
            clauses,
        }
    }

    /// Returns the source of the compressed bytes.
    pub(crate) fn source(&self) -> &Source {
        &self.stream.get_ref().source
    }

    /// Returns the offset of the next byte in the source.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.get_ref().offset
    }

    /// Returns how many bytes came out of all streams.
    #[cfg(feature = "npz")]
    pub(crate) fn out(&self) -> u64 {
        self.out
    }

    /// Returns the checksum of the bytes that came out of the current stream, and their number.
    pub(crate) fn crc(&self) -> &Crc {
        &self.crc
    }

    /// Returns the next byte of the source without consuming it; `None` at the end.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.stream.get_mut().fill_buf()?.first().copied())
    }

    /// Reads the next `N` bytes of the source.
    pub(crate) fn read_plain<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.stream.get_mut().read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Skips bytes of the source. A source that ends before makes the next read fail.
    pub(crate) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        io::copy(&mut self.stream.get_mut().take(bytes), &mut io::sink()).map(drop)
    }

    /// Skips bytes of the source up to a zero, and the zero. A source that ends before makes the
    /// next read fail.
    pub(crate) fn skip_text(&mut self) -> io::Result<()> {
        self.stream.get_mut().skip_until(0).map(drop)
    }

    /// Begins a deflate stream at the next byte of the source.
    pub(crate) fn begin(&mut self) {
        self.stream.reset_data();
        self.crc.reset();
        self.ended = false;
    }

    /// Returns an error of the source as it is, and one of flate2 with clause and offset.
    #[cold]
    fn explain(&self, error: io::Error) -> io::Error {
        let error = match error.downcast::<Error>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        let Clauses { truncated, data, .. } = self.clauses;
        let (kind, clause, message) = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                (ErrorKind::Truncated, truncated, "the compressed data were truncated")
            }
            _ => (ErrorKind::Malformed, data, "the compressed data are corrupt"),
        };
        Error::new(kind, clause, self.offset(), message).into()
    }
}

impl Read for Inflate {
    /// Reads bytes of the current stream; none at its end. The bytes before an error come first,
    /// and the error comes from the next call.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let before = self.stream.total_out();
        let read = self.stream.read(out);
        // flate2 does not return the bytes before a corruption, but has written and counted them.
        let made = (self.stream.total_out() - before) as usize;
        self.crc.update(&out[..made]);
        self.out += made as u64;
        self.allowance.check(made as u64, self.out, self.offset(), self.clauses.limit)?;
        match read {
            _ if made > 0 => Ok(made),
            Err(error) => Err(self.explain(error)),
            Ok(_) => {
                self.ended = true;
                Ok(0)
            }
        }
    }
}

/// The bytes of a source, buffered, with the offset of the next.
pub(super) struct Compressed {
    pub(super) source: Source,
    /// Bytes that were read and not yet consumed: `buffer[head..tail]`.
    buffer: Box<[u8]>,
    head: usize,
    tail: usize,
    /// The offset of `head` in the source.
    pub(super) offset: u64,
}

impl Compressed {
    pub(super) fn new(source: Source) -> Compressed {
        Compressed { source, buffer: vec![0; READ].into(), head: 0, tail: 0, offset: 0 }
    }
}

impl BufRead for Compressed {
    /// Returns the next bytes; none at the end. An error is one of this crate, so that it can be
    /// told from those of flate2.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.head == self.tail {
            match self.source.read_at(&mut self.buffer, self.offset) {
                Ok(0) => break,
                Ok(read) => (self.head, self.tail) = (0, read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from(error).into()),
            }
        }
        Ok(&self.buffer[self.head..self.tail])
    }

    fn consume(&mut self, size: usize) {
        self.head += size;
        self.offset += size as u64;
    }
}

impl Read for Compressed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}
