//! Follows a path to a value inside nested containers. Surveys the members beside the path, and
//! decodes nothing but the keys of dicts.

use std::sync::Arc;

use pickle_stream::{Action, Container as Grown, Lexer, Progress, Span, Survey};

use crate::decode::cursor::Cursor;
use crate::decode::decoder::{Bounds, Decoder};
use crate::decode::envelope_reader::EnvelopeReader;
use crate::decode::objects::Objects;
use crate::decode::opened::{Data, Opened, Pickle};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{ArrayState, ContainerKind, Envelope};
use crate::layout::preamble::Preamble;
use crate::locate::batches::{Batches, Values, spans};
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Level, Route};
use crate::locate::index::IndexUse;
use crate::nested::container::Container;
use crate::nested::path::{Path, Subscript};
use crate::options::Options;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::owned::OwnedElement;

/// The value that a [`Path`] leads to.
#[derive(Debug)]
pub enum At {
    /// A container, of which nothing was decoded.
    Container(Box<Container>),
    /// Any other value.
    Value(Box<OwnedElement>),
}

impl At {
    /// Follows a path from the value that a file holds: its array; of an array without dimensions,
    /// the element; or the object of a bare pickle.
    pub(crate) fn find(opened: Opened, path: &Path, options: &Options) -> Result<At> {
        let Opened { preamble, data } = opened;
        match data {
            Data::Rows(rows) => {
                let has_rows = preamble.header.as_ref().is_some_and(|it| !it.shape.is_empty());
                in_array(Cursor::of_rows(rows), has_rows, path)
            }
            Data::Pickle(pickle) if preamble.header.is_some() => {
                after_header(&preamble, pickle, path, options)
            }
            Data::Pickle(Pickle { mut decoder, mut reader, first }) => {
                let outer = Route::default();
                let first =
                    first.and_then(|first| innermost(first, &mut reader, &mut decoder, &outer));
                let value = Bounds::of_pickle(preamble.data);
                let uses_index = options.index;
                let entered = enter_found(&mut decoder, value, &reader, first, uses_index, outer)?;
                let is_all = path.as_slice().is_empty()
                    && matches!(&entered, Entered::Container(here) if here.array.is_none());
                let mut at = descend(decoder, entered, path, options)?;
                if let (At::Container(container), true) = (&mut at, is_all) {
                    container.set_all();
                }
                Ok(at)
            }
        }
    }
}

/// Follows a path from the pickle after a header: from an array of objects, or from something else
/// that was saved in its place.
fn after_header(preamble: &Preamble, pickle: Pickle, path: &Path, options: &Options) -> Result<At> {
    let Pickle { mut decoder, mut reader, first } = pickle;
    let outer = Route::default();
    let first = first?;
    let state = first.as_ref().and_then(Envelope::array);
    let (Some(envelope), Some(state)) = (&first, state) else {
        let value = Bounds::of_pickle(preamble.data);
        let entered = enter_found(&mut decoder, value, &reader, Ok(first), false, outer)?;
        let at = descend(decoder, entered, path, options)?;
        if let (At::Value(value), [], false) = (&at, path.as_slice(), options.trust_payload)
            && let Kind::Array(array) = value.element().kind()
        {
            preamble.check_shape(array.shape(), array.fortran_order())?;
        }
        return Ok(at);
    };
    if !options.trust_payload {
        preamble.check_agreement(state)?;
    }
    if !state.shape.is_empty() {
        let here = Here::new(envelope, &reader, &mut decoder, None, outer)?;
        return descend(decoder, Entered::Container(Box::new(here)), path, options);
    }
    if let Some(element) = reader.next(&mut decoder, &outer)? {
        let mut here = Here::new(&element, &reader, &mut decoder, None, outer.clone())?;
        // The members can be shown before all of them were surveyed.
        let is_whole = path.as_slice().is_empty()
            || here.batches.survey_all(&mut decoder.window).unwrap_or(true);
        if is_whole {
            return descend(decoder, Entered::Container(Box::new(here)), path, options);
        }
        decoder.leave();
    }
    // Its element is no container.
    let here = Here::new(envelope, &reader, &mut decoder, None, outer)?;
    let objects = Objects::new(decoder, here.batches, options.unfinished);
    in_array(Cursor::of_objects(objects), false, path)
}

/// Follows a path into an array whose elements are no containers: its rows, or the only element of
/// an array without dimensions.
fn in_array(mut array: Cursor, has_rows: bool, path: &Path) -> Result<At> {
    let len = array.len().unwrap_or(0);
    let index = match path.as_slice() {
        [] if !has_rows => 0,
        [Subscript::Index(index)] if !array.has_objects() => {
            let from_end = if *index < 0 { len } else { 0 };
            from_end.checked_add_signed(*index).unwrap_or(u64::MAX)
        }
        [] => {
            let message = "expected a container of objects, found an array without objects";
            return Err(Error::usage("access.subscript", message));
        }
        [first, ..] => return Err(no_container(first)),
    };
    array.seek(index);
    match if index < len { array.next_owned()? } else { None } {
        Some(element) => Ok(At::Value(Box::new(element))),
        None => {
            let message = format!("there is no {path} in the array");
            Err(Error::usage("access.subscript", message))
        }
    }
}

#[cold]
fn absent(subscript: &Subscript, kind: ContainerKind) -> Error {
    let message = format!("there is no [{subscript}] in the {}", kind.name());
    Error::usage("access.subscript", message)
}

#[cold]
fn no_container(subscript: &Subscript) -> Error {
    let message = format!("there is no [{subscript}] in a value that is not a container");
    Error::usage("access.subscript", message)
}

/// A value along the path.
enum Entered {
    Container(Box<Here>),
    /// Not a container: its instructions, and the way there.
    Leaf(Span, Route),
}

/// A container along the path.
struct Here {
    kind: ContainerKind,
    /// Of the array that it is, or is the one element of.
    array: Option<ArrayState>,
    batches: Batches,
    index: IndexUse,
}

/// Follows a path from a value.
fn descend(
    mut decoder: Decoder,
    mut entered: Entered,
    path: &Path,
    options: &Options,
) -> Result<At> {
    for subscript in path.as_slice() {
        let Entered::Container(mut here) = entered else { return Err(no_container(subscript)) };
        let span = here.find(subscript, &mut decoder)?;
        let span = span.ok_or_else(|| absent(subscript, here.kind))?;
        // A tuple in a structured array is an item.
        if decoder.context.record_dtype().is_some() {
            entered = Entered::Leaf(span, here.batches.into_route());
            continue;
        }
        entered = enter(&mut decoder, span.into(), here.batches.into_route())?;
    }
    match entered {
        Entered::Container(here) => {
            let Here { kind, array, batches, index } = *here;
            let array = array.filter(|_| kind == ContainerKind::Array);
            let shape = array.map(|state| state.shape.to_vec());
            let objects = Objects::new(decoder, batches, options.unfinished);
            let cursor = Cursor::of_objects(objects).with_index(index);
            Ok(At::Container(Box::new(Container::new(kind, shape, cursor))))
        }
        Entered::Leaf(span, route) => {
            let decoded = decoder.decode(Values::from(&[span][..]), &route)?;
            let context = Arc::clone(&decoder.context);
            let element = decoder.element(decoded, decoded.first);
            Ok(At::Value(Box::new(element.into_owned(context))))
        }
    }
}

/// Opens a value.
fn enter(decoder: &mut Decoder, value: Bounds, route: Route) -> Result<Entered> {
    let made = decoder.made_at(value, &route)?;
    let mut reader = EnvelopeReader::new(made, decoder, &route)?;
    let found = reader.next(decoder, &route);
    let found = found.and_then(|first| innermost(first, &mut reader, decoder, &route));
    enter_found(decoder, value, &reader, found, false, route)
}

/// Returns the container that a value is, if its instructions begin one; of an array without
/// dimensions the container that is its element.
fn innermost(
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
fn enter_found(
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
        let mut here = Here::new(&envelope, reader, decoder, made.end, route.clone())?;
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
    Ok(Entered::Container(Box::new(Here { kind, array: None, batches, index: IndexUse::None })))
}

impl Here {
    /// Enters the container after an envelope, which `reader` has found.
    fn new(
        envelope: &Envelope,
        reader: &EnvelopeReader,
        decoder: &mut Decoder,
        end: Option<u64>,
        route: Route,
    ) -> Result<Here> {
        let envelope = Arc::new(envelope.clone());
        reader.enter(&envelope, decoder);
        decoder.set_item(envelope.array().map(|state| state.item.clone()));
        let batches = Batches::new(&envelope, end, route, &decoder.context.limits.pickle)?;
        let (kind, array) = (envelope.kind, envelope.array.clone());
        Ok(Here { kind, array, batches, index: IndexUse::None })
    }

    /// Uses the index of the file, if there is one of these members.
    fn find_index(&mut self, decoder: &mut Decoder) -> Result<()> {
        let source = decoder.window.source().clone();
        if let Some(file) = source.path() {
            self.index = self.batches.find_index(file, &mut decoder.window)?;
        }
        Ok(())
    }

    /// Returns whether the container is all of the value that begins with it. All members are
    /// surveyed.
    fn is_whole(&mut self, decoder: &mut Decoder) -> Result<bool> {
        match self.batches.survey_all(&mut decoder.window) {
            Ok(is_whole) => Ok(is_whole),
            // Members that change one another can only be decoded together.
            Err(error) if error.clause().contains(".independence.") => Ok(false),
            Err(error) if error.need().is_some() => Err(error),
            // A survey that fails will fail again, where a reader comes that far.
            Err(_) => Ok(true),
        }
    }

    /// Returns the span of the member under a subscript, or of the value of the entry.
    fn find(&mut self, subscript: &Subscript, decoder: &mut Decoder) -> Result<Option<Span>> {
        let Some(index) = self.index(subscript) else {
            return match self.batches.width() {
                2 => self.find_key(subscript, decoder),
                _ => Ok(None),
            };
        };
        let mut batch = self.batches.start();
        if !self.batches.find(index, &mut decoder.window, &mut batch)? {
            return Ok(None);
        }
        Ok(batch.place(index).map(|place| batch.spans(place, 1)[0]))
    }

    /// Returns the number of the member under a subscript.
    fn index(&self, subscript: &Subscript) -> Option<u64> {
        use ContainerKind as K;
        let shape = match (self.kind, &self.array) {
            (K::Array, Some(state)) => state.shape.iter().map(|&length| length as u64).collect(),
            (K::List | K::Tuple | K::Deque, _) => vec![self.batches.len()?],
            _ => return None,
        };
        let indices = match subscript {
            Subscript::Index(index) => std::slice::from_ref(index),
            Subscript::Indices(indices) => indices.as_slice(),
            Subscript::Key(_) => return None,
        };
        if indices.len() != shape.len() {
            return None;
        }
        indices.iter().zip(shape).try_fold(0u64, |flat, (&index, length)| {
            let from_end = if index < 0 { length } else { 0 };
            let index = from_end.checked_add_signed(index).filter(|&index| index < length)?;
            flat.checked_mul(length)?.checked_add(index)
        })
    }

    /// Returns the span of the value of the first entry with this key.
    fn find_key(&mut self, subscript: &Subscript, decoder: &mut Decoder) -> Result<Option<Span>> {
        let mut batch = self.batches.start();
        while self.batches.next(&mut decoder.window, &mut batch)? {
            for place in 0..batch.len() {
                let &[key, value] = batch.spans(place, 2) else { unreachable!("an entry is two") };
                let decoded = decoder.decode(Values::from(&[key][..]), &self.batches)?;
                if is_key(decoder.element(decoded, decoded.first), subscript) {
                    return Ok(Some(value));
                }
            }
        }
        Ok(None)
    }
}

/// Returns whether a key is equal to the subscript in Python.
fn is_key(key: Element<'_>, subscript: &Subscript) -> bool {
    match (subscript, key.kind()) {
        (Subscript::Key(wanted), Kind::Str(text)) => text.to_str() == Some(wanted),
        (Subscript::Key(wanted), Kind::Scalar(scalar)) => {
            scalar.to_text().as_deref() == Some(wanted.as_str())
        }
        (Subscript::Index(wanted), Kind::Int(int)) => int == *wanted,
        (Subscript::Index(wanted), Kind::Bool(bool)) => i64::from(bool) == *wanted,
        (Subscript::Index(wanted), Kind::Scalar(scalar)) => scalar.to_i64() == Some(*wanted),
        (Subscript::Indices(wanted), Kind::Tuple(items)) => {
            items.len() == wanted.len()
                && items.zip(wanted).all(|(item, &index)| is_key(item, &Subscript::Index(index)))
        }
        _ => false,
    }
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

/// The members of a value that may be a tuple or a frozenset.
enum Parts {
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
fn parts(decoder: &mut Decoder, value: Bounds) -> Result<Parts> {
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
