//! The members of a tuple or a frozenset, which the pickle has no envelope for: the instruction that
//! makes one comes after its members.

use pickle_stream::{Action, Container as Grown, Lexer, Progress, Span, Survey};

use crate::decode::decoder::{Bounds, Decoder};
use crate::error::{Error, Result};
use crate::layout::envelope::ContainerKind;
use crate::locate::batches::spans;

/// The members of a value that may be a tuple or a frozenset.
pub(super) enum Parts {
    /// One of them: its members.
    Whole(ContainerKind, Vec<Span>),
    /// The items above a mark, which nothing has taken before the pickle breaks off.
    Cut(Vec<Span>, Error),
    /// Something else, which ends here.
    None(u64),
}

/// Finds the members of a value that is a tuple or a frozenset.
///
/// The tuple that an instruction makes is only known to be all of the value when nothing but an
/// instruction that stores it in the memo comes after it.
pub(super) fn parts(decoder: &mut Decoder, value: Bounds) -> Result<Parts> {
    let limits = decoder.context.limits.pickle.clone();
    let mut lexer = Lexer::new(value.begin, &limits);
    // Above the lowest slot, as the members of a list would be, so that it is seen what they use.
    let mut survey = Survey::resume(value.begin, value.memo, Grown::List, &limits);
    let (mut made, mut needed) = (None, 1);
    let found = |made: Option<(ContainerKind, Vec<Span>)>, end| {
        made.map_or(Parts::None(end), |(kind, parts)| Parts::Whole(kind, parts))
    };
    loop {
        let here = lexer.offset();
        if value.end == Some(here) {
            return Ok(found(made, here));
        }
        let bytes = decoder.window.fill(here, needed)?;
        let seen = here + bytes.len() as u64;
        let passed = lexer.pass(bytes)?;
        let size = bytes.len().min((lexer.offset() - here) as usize);
        let instruction = &bytes[..size];
        let head = match passed {
            Progress::Done(head) => head,
            Progress::Need(more) => {
                // A part of a text line.
                survey.advance(instruction)?;
                match decoder.window.needed(seen, lexer.offset(), more) {
                    Ok(more) => needed = more,
                    // Only a tuple or a frozenset begins with a mark.
                    Err(error) if survey.slots().len() > 1 && survey.first_mark() == Some(1) => {
                        return Ok(Parts::Cut(survey.unfinished(true), error));
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
        };
        needed = 1;
        let kind = match head.action() {
            Action::Stop => return Ok(found(made, head.offset)),
            Action::Tuple => Some(ContainerKind::Tuple),
            Action::FrozenSet => Some(ContainerKind::FrozenSet),
            Action::Put | Action::Get | Action::Frame => None,
            _ => {
                made = None;
                None
            }
        };
        let taken = match kind {
            // Only an instruction that takes everything on the stack makes the whole value.
            Some(kind) if survey.depth() <= 1 => Some((kind, survey.slots()[1..].to_vec())),
            _ => None,
        };
        survey.advance(instruction)?;
        if let (Some((kind, taken)), 2) = (taken, survey.slots().len()) {
            let parts: Vec<Span> = spans(&taken, head.offset).collect();
            made = survey.check_independence(&parts).is_ok().then_some((kind, parts));
        }
    }
}
