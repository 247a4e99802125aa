//! Push parsers fed piece by piece: what they say must not depend on where the pieces end.

use pickle_stream::{
    Container, Error, Event, Lexer, Limits, Progress, PushDecoder, Slot, Span, Survey,
};

use super::by_element::show;

/// Every instruction of `stream`, as text, and how it ended, when the lexer sees it cut at `cuts`.
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

/// The value of `stream`, as text, and where it ends, when a push decoder sees it cut at `cuts`.
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

/// What a survey came to.
#[derive(Debug, PartialEq)]
pub(crate) struct Surveyed {
    /// Every batch of the container that is the lowest value on the stack.
    batches: Vec<Vec<Span>>,
    /// How it ended; of what was needed, only that it was.
    end: Result<Option<Event>, Error>,
    /// What was on the stack then.
    slots: Vec<Slot>,
    depth: usize,
    memo: u64,
    offset: u64,
}

/// What a survey of `stream` comes to when it sees it cut at `cuts`.
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
        // A payload may have been stepped over that is not there yet.
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

/// Where the pieces end: at the cuts, in order, and at the end of the stream.
fn ends(stream: &[u8], cuts: &[usize]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|&cut| cut.min(stream.len())).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    ends
}
