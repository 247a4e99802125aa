//! Incremental readers that are given a stream in pieces: the result must not depend on the cuts.

use pickle_stream::{
    Container, Error, Event, Lexer, Limits, Progress, PushDecoder, Slot, Span, Survey,
};

use super::by_element::show;

/// Returns every instruction of `stream` as text, and how it ends, from a lexer that reads it in
/// pieces.
pub(crate) fn instructions(
    stream: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> (Vec<String>, Result<usize, Error>) {
    let (mut lexer, mut seen) = (Lexer::new(0, limits), Vec::new());
    let mut needed = 1;
    for end in ends(stream, cuts) {
        loop {
            match lexer.instruction(&stream[lexer.offset() as usize..end]) {
                Ok(Progress::Done(instruction)) => seen.push(format!("{instruction:?}")),
                Ok(Progress::Need(more)) => {
                    needed = more;
                    break;
                }
                Err(error) => return (seen, Err(error)),
            }
        }
    }
    (seen, Ok(needed))
}

/// Returns the value of `stream` as text, and where it ends, from a push decoder that reads it in
/// pieces.
pub(crate) fn pushed(
    stream: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> Result<(String, u64), Error> {
    let (mut decoder, mut begin) = (PushDecoder::new(limits), 0);
    for end in ends(stream, cuts) {
        match decoder.feed(&stream[begin..end])? {
            Progress::Need(_) => begin = end,
            Progress::Done(consumed) => {
                let decoded = decoder.finish()?;
                assert_eq!(decoded.end(), (begin + consumed) as u64);
                return Ok((show(decoded.value()), decoded.end()));
            }
        }
    }
    Err(decoder.finish().expect_err("the pickle has not ended"))
}

/// The result of a survey.
#[derive(Debug, PartialEq)]
pub(crate) struct Surveyed {
    /// The batches of the container that is the lowest value on the stack; an empty one where it is
    /// closed.
    batches: Vec<Vec<Span>>,
    /// How it ended; `None` where more bytes were needed, of whatever number.
    end: Result<Option<Event>, Error>,
    /// The stack at the end.
    slots: Vec<Slot>,
    depth: usize,
    memo: u64,
    offset: u64,
}

/// Returns the result of a survey that reads `stream` in pieces.
pub(crate) fn surveyed(
    stream: &[u8],
    cuts: &[usize],
    container: Container,
    limits: &Limits,
) -> Surveyed {
    let (mut survey, mut batches) = (Survey::new(0, 0, limits), Vec::new());
    survey.watch(0, container);
    let mut end = Ok(None);
    'pieces: for piece in ends(stream, cuts) {
        // The survey may have skipped a payload that ends past this piece.
        while let Some(input) = stream[..piece].get(survey.offset() as usize..) {
            match survey.advance(input) {
                Ok(Event::Batch) => batches.push(survey.batch().to_vec()),
                Ok(Event::Need(_)) => break,
                Ok(Event::Closed) => batches.push(Vec::new()),
                Ok(Event::Stop) => {
                    end = Ok(Some(Event::Stop));
                    break 'pieces;
                }
                Err(error) => {
                    end = Err(error);
                    break 'pieces;
                }
            }
        }
    }
    let (slots, depth) = (survey.slots().to_vec(), survey.depth());
    Surveyed { batches, end, slots, depth, memo: survey.memo(), offset: survey.offset() }
}

/// Returns the ends of the pieces: the cuts in order, and the end of the stream.
fn ends(stream: &[u8], cuts: &[usize]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|&cut| cut.min(stream.len())).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    ends
}
