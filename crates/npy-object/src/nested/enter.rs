//! Enters a value along a path: finds out whether it is a container, and where its members are.

use pickle_stream::{Container as Grown, Span};

use crate::decode::decoder::{Bounds, Decoder};
use crate::decode::envelope_reader::EnvelopeReader;
use crate::error::{ErrorKind, Result};
use crate::layout::envelope::{ContainerKind, Envelope};
use crate::locate::batches::Batches;
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Level, Route};
use crate::locate::index::IndexUse;
use crate::nested::parent::Parent;
use crate::nested::tuple::{Parts, parts};

/// A value along the path.
pub(super) enum Entered {
    Container(Box<Parent>),
    /// Not a container: its instructions, and the way there.
    Leaf(Span, Route),
}

/// Opens a value.
pub(super) fn enter(decoder: &mut Decoder, value: Bounds, route: Route) -> Result<Entered> {
    let made = decoder.made_at(value, &route)?;
    let mut reader = EnvelopeReader::new(made, decoder, &route)?;
    let found = reader.next(decoder, &route);
    let found = found.and_then(|first| innermost(first, &mut reader, decoder, &route));
    enter_found(decoder, value, &reader, found, false, route)
}

/// Returns the container that a value is, if its instructions begin one; of an array without
/// dimensions the container that is its element.
pub(super) fn innermost(
    first: Option<Envelope>,
    reader: &mut EnvelopeReader,
    decoder: &mut Decoder,
    route: &Route,
) -> Result<Option<Envelope>> {
    match first {
        Some(first) if first.array().is_some_and(|state| state.shape.is_empty()) => {
            reader.next(decoder, route)
        }
        first => Ok(first),
    }
}

/// Opens a value that begins with the container that was found, if one was. It was not seen yet
/// whether the container is all of the value.
pub(super) fn enter_found(
    decoder: &mut Decoder,
    value: Bounds,
    reader: &EnvelopeReader,
    found: Result<Option<Envelope>>,
    uses_index: bool,
    route: Route,
) -> Result<Entered> {
    let made = reader.value();
    let found = match found {
        // It may be a tuple: the items before the end of the truncated pickle are there.
        Err(error) if error.kind() == ErrorKind::Truncated => None,
        found => found?,
    };
    if let Some(envelope) = found {
        let mut here = Parent::new(&envelope, reader, decoder, made.end, route.clone())?;
        if uses_index && here.array.is_none() {
            here.find_index(decoder)?;
        }
        // The container was the whole value when its index was written.
        if here.index == IndexUse::Used || here.is_whole(decoder)? {
            return Ok(Entered::Container(Box::new(here)));
        }
        decoder.leave();
    }
    decoder.set_item(None);
    let (kind, batches) = match parts(decoder, made)? {
        Parts::Whole(kind, parts) => {
            let route = way_into(made, route);
            (kind, Batches::of_parts(parts, route, &decoder.context.limits.pickle))
        }
        Parts::Cut(parts, error) => {
            let route = way_into(made, route);
            let limits = &decoder.context.limits.pickle;
            (ContainerKind::Tuple, Batches::of_cut_parts(parts, error, route, limits))
        }
        Parts::None(end) => {
            let end = value.end.unwrap_or(end);
            return Ok(Entered::Leaf(Span { begin: value.begin, memo: value.memo, end }, route));
        }
    };
    Ok(Entered::Container(Box::new(Parent { kind, array: None, batches, index: IndexUse::None })))
}

/// Returns the route to the members of a tuple: that of the tuple, unless it is the whole pickle.
fn way_into(tuple: Bounds, mut route: Route) -> Route {
    if route.levels.is_empty() {
        let start = Checkpoint::between(0, tuple.begin, tuple.memo);
        let checkpoints = Checkpoints::starting(start);
        route.levels.push(Level { container: Grown::List, checkpoints });
    }
    route
}
