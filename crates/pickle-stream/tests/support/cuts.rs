//! Push parsers fed piece by piece: what they say must not depend on where the pieces end.

use pickle_stream::{Container, Error, Event, Lexer, Limits, Progress, Span, Survey};

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

/// The batches of the list that is the lowest value on the stack of `stream`, and how it ended.
pub(crate) fn batches(
    stream: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> (Vec<Vec<Span>>, Result<Event, Error>) {
    let (mut survey, mut batches) = (Survey::new(0, 0, limits), Vec::new());
    survey.watch(0, Container::List);
    for end in ends(stream, cuts) {
        // A payload may have been stepped over that is not there yet.
        while let Some(input) = stream[..end].get(survey.offset() as usize..) {
            match survey.advance(input) {
                Ok(Event::Batch) => batches.push(survey.batch().to_vec()),
                Ok(Event::Need(_)) => break,
                Ok(Event::Stop) => return (batches, Ok(Event::Stop)),
                Ok(Event::Closed) => batches.push(Vec::new()),
                Err(error) => return (batches, Err(error)),
            }
        }
    }
    (batches, Ok(Event::Need(1)))
}

/// Where the pieces end: at the cuts, in order, and at the end of the stream.
fn ends(stream: &[u8], cuts: &[usize]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|&cut| cut.min(stream.len())).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    ends
}
