//! Compressed files that an audit reads: zlib, bzip2, LZMA, xz, Zstandard and LZ4.
//!
//! Each is decompressed by a crate in Rust. Added here: the limit on the expansion, the clause and
//! offset of an error, and errors for bytes after the data and for data that end too early, which
//! some of the crates accept.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, PoisonError};

use lzma_rust2::{Action, LzmaStream, Status as LzmaStatus, XzStream};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Source;
use super::inflate::{Allowance, Compressed};
use crate::error::{Error, ErrorKind};
use crate::options::Options;

/// Bytes of the window of a stream, which are in memory. The highest presets of xz and zstd have as
/// much; Zstandard has more with its option `--ultra`.
const WINDOW: u64 = 64 << 20;

/// KiB that LZMA takes besides its window.
const LZMA_EXTRA: u32 = 1 << 10;

/// Bytes of a file that tell its compression.
const MAGIC: usize = 6;

/// A compression, by the first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Zlib,
    Bzip2,
    Lzma,
    Xz,
    Zstd,
    Lz4,
}

impl Packing {
    /// Returns the compression of a source; `None` where it has another format.
    pub(crate) fn of(source: &Source) -> io::Result<Option<Packing>> {
        let mut start = Vec::new();
        source.to_reader().take(MAGIC as u64).read_to_end(&mut start)?;
        Ok(match *start {
            // A window of 32 KiB, which every writer has: other first bytes of zlib are opcodes.
            [b'x', second, ..] if u16::from_be_bytes([b'x', second]).is_multiple_of(31) => {
                Some(Packing::Zlib)
            }
            // The first block, or the end.
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A']
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72] => Some(Packing::Bzip2),
            [0x5d, 0, ..] => Some(Packing::Lzma),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Packing::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Packing::Lz4),
            _ => None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Packing::Zlib => "zlib",
            Packing::Bzip2 => "bzip2",
            Packing::Lzma => "LZMA",
            Packing::Xz => "xz",
            Packing::Zstd => "Zstandard",
            Packing::Lz4 => "LZ4",
        }
    }
}

impl Options {
    /// Returns a source of the data of a compressed file.
    pub(crate) fn decompress(&self, source: Source, packing: Packing) -> Source {
        let name = source.name().map(str::to_owned);
        let unpack = Unpack::new(source, packing, Allowance::of(self));
        let data = Source::spooled(unpack, self.spooled());
        name.into_iter().fold(data, Source::named)
    }
}

/// The compressed bytes, shared with the decoders that read them on their own.
#[derive(Clone)]
struct Input(Arc<Mutex<Shared>>);

struct Shared {
    bytes: Compressed,
    /// Whether more bytes were asked for at the end.
    is_short: bool,
    /// The error of the source, which a decoder may hide in one of its own.
    failed: Option<Error>,
    /// The last bytes that were read.
    last: [u8; 8],
}

impl Input {
    fn new(source: Source) -> Input {
        let bytes = Compressed::new(source);
        Input(Arc::new(Mutex::new(Shared { bytes, is_short: false, failed: None, last: [0; 8] })))
    }

    /// Calls `work` with the bytes.
    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn offset(&self) -> u64 {
        self.with(|shared| shared.bytes.offset)
    }

    fn is_at_end(&self) -> io::Result<bool> {
        self.with(|shared| shared.bytes.fill_buf().map(<[u8]>::is_empty))
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.with(|shared| match shared.bytes.read(out) {
            Ok(read) => {
                shared.is_short |= read == 0 && !out.is_empty();
                for &byte in &out[read.saturating_sub(8)..read] {
                    shared.last.rotate_left(1);
                    shared.last[7] = byte;
                }
                Ok(read)
            }
            Err(error) => {
                let error = Error::from(error);
                shared.failed = Some(error.clone());
                Err(error.into())
            }
        })
    }
}

/// A decompressor. Those of the first four take bytes, the others read them.
enum Decoder {
    Zlib(flate2::Decompress),
    Bzip2(bzip2::Decompress),
    Lzma(Box<LzmaStream>),
    Xz(Box<XzStream>),
    Zstd(Box<Zstd>),
    Lz4(Box<Lz4>),
}

struct Zstd {
    decoder: FrameDecoder,
    is_in_frame: bool,
}

struct Lz4 {
    decoder: lz4_flex::frame::FrameDecoder<Input>,
    /// Whether a checksum of the data follows the mark of the end.
    has_checksum: bool,
}

/// What a step of a decoder did.
struct Step {
    used: usize,
    made: usize,
    is_end: bool,
}

impl Decoder {
    fn new(packing: Packing, input: &Input) -> Decoder {
        let lzma_limit = (WINDOW >> 10) as u32 + LZMA_EXTRA;
        match packing {
            Packing::Zlib => Decoder::Zlib(flate2::Decompress::new(true)),
            Packing::Bzip2 => Decoder::Bzip2(bzip2::Decompress::new(false)),
            Packing::Lzma => Decoder::Lzma(Box::new(LzmaStream::new_mem_limit(lzma_limit, None))),
            Packing::Xz => Decoder::Xz(Box::new(XzStream::new_mem_limit(true, lzma_limit))),
            Packing::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(WINDOW);
                Decoder::Zstd(Box::new(Zstd { decoder, is_in_frame: false }))
            }
            Packing::Lz4 => {
                let flags = input.with(|shared| {
                    let start = shared.bytes.fill_buf().unwrap_or_default();
                    start.get(4).copied().unwrap_or_default()
                });
                let decoder = lz4_flex::frame::FrameDecoder::new(input.clone());
                Decoder::Lz4(Box::new(Lz4 { decoder, has_checksum: flags & 4 != 0 }))
            }
        }
    }

    /// Decompresses bytes into `out`. `is_last` is whether there are no more.
    fn step(&mut self, bytes: &[u8], out: &mut [u8], is_last: bool) -> io::Result<Step> {
        let action = if is_last { Action::Finish } else { Action::Run };
        let lzma = |result: lzma_rust2::StreamResult| Step {
            used: result.bytes_consumed,
            made: result.bytes_produced,
            is_end: result.status == LzmaStatus::StreamEnd,
        };
        match self {
            Decoder::Zlib(decoder) => {
                let (used, made) = (decoder.total_in(), decoder.total_out());
                let status = decoder.decompress(bytes, out, flate2::FlushDecompress::None)?;
                Ok(Step {
                    used: (decoder.total_in() - used) as usize,
                    made: (decoder.total_out() - made) as usize,
                    is_end: status == flate2::Status::StreamEnd,
                })
            }
            Decoder::Bzip2(decoder) => {
                let (used, made) = (decoder.total_in(), decoder.total_out());
                let status = decoder.decompress(bytes, out)?;
                Ok(Step {
                    used: (decoder.total_in() - used) as usize,
                    made: (decoder.total_out() - made) as usize,
                    is_end: status == bzip2::Status::StreamEnd,
                })
            }
            Decoder::Lzma(decoder) => {
                let mut step = lzma(decoder.process(bytes, out, action)?);
                if step.is_end {
                    // The decoder has taken bytes after the end, which it gives back. They may be
                    // from an earlier step.
                    let unused = decoder.unused_input().len();
                    let used = step.used.checked_sub(unused);
                    step.used = used.ok_or_else(|| io::Error::other("bytes follow the data"))?;
                }
                Ok(step)
            }
            Decoder::Xz(decoder) => Ok(lzma(decoder.process(bytes, out, action)?)),
            Decoder::Zstd(_) | Decoder::Lz4(_) => unreachable!("they read the bytes"),
        }
    }
}

/// A reader of the data of a compressed file.
struct Unpack {
    packing: Packing,
    source: Source,
    input: Input,
    decoder: Decoder,
    /// Bytes that came out.
    out: u64,
    allowance: Allowance,
    /// Whether the decoder is at the end of the data.
    is_done: bool,
    /// Whether the end was returned.
    has_ended: bool,
}

impl Unpack {
    fn new(source: Source, packing: Packing, allowance: Allowance) -> Unpack {
        let input = Input::new(source.clone());
        let decoder = Decoder::new(packing, &input);
        let (is_done, has_ended) = (false, false);
        Unpack { packing, source, input, decoder, out: 0, allowance, is_done, has_ended }
    }

    fn read_data(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.has_ended || out.is_empty() {
            return Ok(0);
        }
        let made = match &mut self.decoder {
            Decoder::Zstd(zstd) => zstd.read(&mut self.input, out)?,
            Decoder::Lz4(lz4) => lz4.read(&self.input, out)?,
            _ if self.is_done => 0,
            _ => self.push(out)?,
        };
        self.out += made as u64;
        self.allowance.check(made as u64, self.out, self.input.offset(), "packed.limit")?;
        if made == 0 {
            self.has_ended = true;
            if !self.input.is_at_end()? {
                let (name, offset) = (self.packing.name(), self.input.offset());
                let message = format!("bytes follow the data of the {name} file");
                let malformed = ErrorKind::Malformed;
                return Err(Error::new(malformed, "packed.data", offset, message).into());
            }
        }
        Ok(made)
    }

    /// Gives bytes to a decoder that takes them, until data come out, or the end.
    fn push(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Unpack { input, decoder, packing, is_done, .. } = self;
        let input = &*input;
        loop {
            let Step { used, made, is_end } = input.with(|shared| {
                let bytes = shared.bytes.fill_buf()?;
                let is_last = bytes.is_empty();
                let step = decoder.step(bytes, out, is_last);
                let goes_on = step.as_ref().is_ok_and(|step| step.made > 0 || step.is_end);
                shared.is_short |= is_last && !goes_on;
                let step = step?;
                shared.bytes.consume(step.used);
                Ok::<_, io::Error>(step)
            })?;
            // A file of bzip2 may have several streams.
            if is_end && *packing == Packing::Bzip2 && !input.is_at_end()? {
                *decoder = Decoder::new(*packing, input);
            } else if is_end {
                *is_done = true;
                return Ok(made);
            }
            if made > 0 {
                return Ok(made);
            }
            if used == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// Returns an error of this crate as it is, and one of a decoder with clause and offset.
    #[cold]
    fn explain(&self, error: io::Error) -> io::Error {
        let (is_short, failed) = self.input.with(|shared| (shared.is_short, shared.failed.clone()));
        if let Some(failed) = failed {
            return self.source.explain(failed).into();
        }
        let error = match error.downcast::<Error>() {
            Ok(error) => return self.source.explain(error).into(),
            Err(error) => error,
        };
        let name = self.packing.name();
        let (kind, clause, message) = match is_short {
            true => (
                ErrorKind::Truncated,
                "packed.truncated",
                format!("the data of the {name} file were truncated"),
            ),
            false => (
                ErrorKind::Malformed,
                "packed.data",
                format!("the data of the {name} file are corrupt, or need a large window: {error}"),
            ),
        };
        Error::new(kind, clause, self.input.offset(), message).into()
    }
}

impl Read for Unpack {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_data(out).map_err(|error| self.explain(error))
    }
}

impl Zstd {
    /// Reads data of the frames, one after another; none at the end of the input.
    fn read(&mut self, input: &mut Input, out: &mut [u8]) -> io::Result<usize> {
        let other = |error: FrameDecoderError| io::Error::other(error.to_string());
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(out);
            }
            if self.is_in_frame && !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut *input, blocks).map_err(other)?;
                continue;
            }
            if self.is_in_frame {
                let stored = self.decoder.get_checksum_from_data();
                if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
                    return Err(io::Error::other("another checksum"));
                }
                self.is_in_frame = false;
                if input.is_at_end()? {
                    return Ok(0);
                }
            }
            match self.decoder.reset(&mut *input) {
                Ok(()) => self.is_in_frame = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut input.take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if input.is_at_end()? {
                        return Ok(0);
                    }
                }
                Err(error) => return Err(other(error)),
            }
        }
    }
}

impl Lz4 {
    /// Reads data of the only frame; none at its end.
    fn read(&mut self, input: &Input, out: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(out)?;
        if read == 0 {
            // The decoder takes the end of the file between two blocks for that of the frame.
            let last = input.with(|shared| shared.last);
            let mark = if self.has_checksum { &last[..4] } else { &last[4..] };
            if mark != [0; 4] {
                input.with(|shared| shared.is_short = true);
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(read)
    }
}
