//! A whole pickle that arrives in pieces.

use alloc::vec::Vec;

use super::decode::Decoded;
use super::execute::{Machine, Ran};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::lex::{Lexer, Progress};
use crate::limits::Limits;

/// A decoder of a pickle that arrives in pieces, from a socket or a decompressor.
///
/// It gives what [`decode`](crate::decode) gives for all of the bytes at once, in linear time
/// however they are cut. It keeps the bytes of the pickle, as strings and bytes of the value stay
/// where they are in the pickle. Memory grows with the bytes that have arrived: a length in the
/// pickle allocates nothing.
///
/// ```
/// use pickle_stream::{Limits, Progress, PushDecoder};
///
/// // pickle.dumps(["spam", 42], protocol=2), and two bytes that belong to something else
/// let chunks = [&b"\x80\x02]q\0(X\x04\0\0"[..], b"\0spa", b"mq\x01K*e.\r\n"];
/// let mut decoder = PushDecoder::new(&Limits::default());
/// let mut rest = &b""[..];
/// for chunk in chunks {
///     match decoder.feed(chunk)? {
///         Progress::Need(_) => {}
///         Progress::Done(consumed) => rest = &chunk[consumed..],
///     }
/// }
/// let decoded = decoder.finish()?;
/// assert_eq!(format!("{:?}", decoded.value()), "['spam', 42]");
/// assert_eq!(rest, b"\r\n");
/// # Ok::<(), pickle_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PushDecoder {
    graph: Graph,
    machine: Machine,
    lexer: Lexer,
    /// The bytes of the pickle that have arrived.
    bytes: Vec<u8>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// At least this many more bytes are needed.
    Need(usize),
    /// STOP was executed, and this is the value.
    Done(NodeId),
    /// The pickle cannot be decoded.
    Failed(Error),
}

impl PushDecoder {
    /// Creates a decoder of a pickle of which nothing has arrived.
    pub fn new(limits: &Limits) -> PushDecoder {
        PushDecoder {
            graph: Graph::new(),
            machine: Machine::new(limits),
            lexer: Lexer::new(0, limits),
            bytes: Vec::new(),
            state: State::Need(1),
        }
    }

    /// Decodes the next bytes of the pickle.
    ///
    /// The answer is [`Progress::Need`] while the pickle goes on after `chunk`, with the least number
    /// of bytes that are missing, and [`Progress::Done`] once it has ended, with the number of bytes
    /// of `chunk` that belong to it. After that, nothing more is taken.
    ///
    /// Fails as [`decode`](crate::decode) does, but for an early end; then every later call fails
    /// with the same error.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Progress<usize>> {
        let needed = match &self.state {
            State::Need(needed) => *needed,
            State::Done(_) => return Ok(Progress::Done(0)),
            State::Failed(error) => return Err(error.clone()),
        };
        let before = self.bytes.len();
        self.bytes.extend_from_slice(chunk);
        // The instruction that needs bytes is not looked at before they are there.
        let ran = match needed.checked_sub(chunk.len()) {
            Some(needed @ 1..) => Ok(Ran::Need(needed)),
            _ => {
                let rest = &self.bytes[self.lexer.offset() as usize..];
                self.machine.run(&mut self.graph, &mut self.lexer, rest)
            }
        };
        match ran {
            Ok(Ran::Need(needed)) => {
                self.state = State::Need(needed);
                Ok(Progress::Need(needed))
            }
            Ok(Ran::Stop(root)) => {
                let end = self.lexer.offset() as usize;
                self.bytes.truncate(end);
                self.state = State::Done(root);
                Ok(Progress::Done(end - before))
            }
            Ok(Ran::Missing(index)) => unreachable!("memo entry {index} of an earlier span"),
            Err(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Returns the decoded pickle.
    ///
    /// Fails where the pickle has not ended, and with the error that [`feed`](Self::feed) has
    /// failed with.
    pub fn finish(self) -> Result<Decoded<'static>> {
        match self.state {
            State::Need(needed) => Err(Error::truncated(self.bytes.len() as u64, needed)),
            State::Done(root) => {
                Ok(Decoded::new(self.graph, &self.machine, root, self.bytes.into(), &self.lexer))
            }
            State::Failed(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use alloc::format;

    #[test]
    fn payload_larger_than_a_chunk_is_decoded() {
        let stream = [b"C\xc8", &b"a".repeat(200)[..], b"."].concat();
        let mut decoder = PushDecoder::new(&Limits::default());
        assert_eq!(decoder.feed(&stream[..10]), Ok(Progress::Need(192)));
        assert_eq!(decoder.feed(&stream[10..20]), Ok(Progress::Need(182)));
        assert_eq!(decoder.feed(&[]), Ok(Progress::Need(182)));
        assert_eq!(decoder.feed(&stream[20..]), Ok(Progress::Done(183)));
        assert_eq!(decoder.feed(b"more"), Ok(Progress::Done(0)));
        let decoded = decoder.finish().unwrap();
        assert_eq!(decoded.value().as_bytes(), Some(&[b'a'; 200][..]));
        assert_eq!(decoded.end(), stream.len() as u64);
    }

    #[test]
    fn length_over_its_limit_fails_before_the_payload_arrives() {
        let limits = Limits { argument: 100, ..Limits::default() };
        let mut decoder = PushDecoder::new(&limits);
        let error = decoder.feed(b"B\xff\0\0\0").unwrap_err();
        assert_eq!(error.clause(), "pickle.limit.argument");
        assert_eq!(decoder.feed(b"a"), Err(error.clone()));
        assert_eq!(decoder.finish().unwrap_err(), error);
    }

    #[test]
    fn finish_of_an_unfinished_pickle_fails_as_decode_does() {
        let stream = b"\x80\x02]q\0(X\x04\0\0\0spamVline\n";
        for end in 0..stream.len() {
            let mut decoder = PushDecoder::new(&Limits::default());
            for byte in stream[..end].chunks(1) {
                assert!(matches!(decoder.feed(byte), Ok(Progress::Need(_))));
            }
            let expected = decode(&stream[..end], &Limits::default()).unwrap_err();
            assert_eq!(format!("{}", decoder.finish().unwrap_err()), format!("{expected}"));
        }
    }
}
