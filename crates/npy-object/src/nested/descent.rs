//! The way down to a value inside nested containers. Siblings on the way are surveyed, and of dicts
//! the keys are decoded; nothing else is.

use std::path::Path;
use std::sync::Arc;

use pickle_stream::{Container, Lexer, MemoEffect, Opcode, Progress, Span, Survey};

use crate::array::contents::Contents;
use crate::array::npy_array::NpyArray;
use crate::array::open::{check_agreement, check_shape, is_no_array, open_array, preamble};
use crate::decode::decoder::{Decoder, Place, Wanted};
use crate::decode::members::Members;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{ArrayState, ContainerKind};
use crate::locate::batches::{Batches, spans};
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Level, Route};
use crate::locate::index::IndexUse;
use crate::nested::container::Container as Opened;
use crate::nested::subscripts::{Subscript, Subscripts};
use crate::options::Options;
use crate::source::Source;
use crate::source::format::Format;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::owned::OwnedElement;

/// What [`Subscripts`] lead to.
#[derive(Debug)]
pub enum At {
    /// A container, of which nothing was decoded.
    Container(Box<Opened>),
    /// Any other value.
    Value(Box<OwnedElement>),
}

impl At {
    /// Goes down from the value that a file holds: the array, or, of an array without dimensions,
    /// its element.
    pub(crate) fn find(
        mut window: Window,
        options: Options,
        subscripts: &Subscripts,
    ) -> Result<At> {
        let source = window.source().clone();
        let (header, offset) = match preamble(&mut window, &options)? {
            None => (None, 0),
            Some((header, _)) if !header.dtype.has_object() => {
                return in_array(open_array(window, &options)?, subscripts);
            }
            Some((header, offset)) => (Some(header), offset),
        };
        let mut decoder = Decoder::new(window, Context::new(&options));
        let place = Place { offset, memo: 0, end: None };
        let Some(header) = header else {
            let entered = enter(&mut decoder, place, Route::default())?;
            return descend(decoder, entered, subscripts, options.unfinished);
        };
        if let Some(mut here) = open(&mut decoder, place, Route::default())?
            && let Some(state) = here.array.as_ref()
        {
            if !options.trust_payload {
                check_agreement(&header, state, offset)?;
            }
            // The members can be shown before all of them were surveyed.
            let is_whole = subscripts.as_slice().is_empty()
                || here.kind == ContainerKind::Array
                || here.batches.survey_all(&mut decoder.window).unwrap_or(true);
            if is_whole {
                let here = Entered::Container(Box::new(here));
                return descend(decoder, here, subscripts, options.unfinished);
            }
        }
        match open_array(decoder.window, &options) {
            // Its element is no container.
            Ok(array) => in_array(array, subscripts),
            Err(error) if is_no_array(&error) => {
                let window = Window::new(source, options.read_size, options.limits.element);
                let mut decoder = Decoder::new(window, Context::new(&options));
                let entered = enter(&mut decoder, place, Route::default())?;
                let at = descend(decoder, entered, subscripts, options.unfinished)?;
                if let (At::Value(value), [], false) =
                    (&at, subscripts.as_slice(), options.trust_payload)
                    && let Kind::Array(array) = value.element().kind()
                {
                    check_shape(&header, array.shape(), array.fortran_order(), offset)?;
                }
                Ok(at)
            }
            Err(error) => Err(error),
        }
    }
}

/// Goes down into an array whose elements are no containers.
fn in_array(mut array: NpyArray, subscripts: &Subscripts) -> Result<At> {
    let index = match subscripts.as_slice() {
        [] if array.shape().is_empty() => 0,
        [Subscript::Index(index)] if !array.has_objects() => {
            let from_end = if *index < 0 { array.len() } else { 0 };
            from_end.checked_add_signed(*index).unwrap_or(u64::MAX)
        }
        [] => {
            let message = "an array of numbers is no container of objects";
            return Err(Error::usage("access.subscript", message));
        }
        [first, ..] => return Err(no_container(first)),
    };
    array.seek(index);
    match if index < array.len() { array.next_owned()? } else { None } {
        Some(element) => Ok(At::Value(Box::new(element))),
        None => {
            let message = format!("there is no {subscripts} in the array");
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

impl Options {
    /// Opens whatever a file holds, as [`read_contents`](Self::read_contents) does, and uses its
    /// index if there is one: see [`NpyArray::write_index`] and [`Opened::write_index`].
    pub fn open_contents(self, path: impl AsRef<Path>) -> Result<Contents> {
        let path = path.as_ref();
        match self.clone().open(path) {
            Ok(array) => return Ok(Contents::Array(array)),
            Err(error) if is_no_array(&error) => {}
            Err(error) => return Err(error),
        }
        Source::open_path(path)?.explained(|source| self.pickle_contents(path, source))
    }

    /// Opens a pickle that is no array.
    fn pickle_contents(self, path: &Path, source: Source) -> Result<Contents> {
        let source = self.unpack(source)?;
        let mut index = IndexUse::None;
        if self.index && Format::of(&source)? == Format::Pickle {
            let window = Window::new(source.clone(), self.read_size, self.limits.element);
            let mut decoder = Decoder::new(window, Context::new(&self));
            let place = Place { offset: 0, memo: 0, end: None };
            if let Some(mut here) = open(&mut decoder, place, Route::default())?
                && here.array.is_none()
            {
                index = here.batches.find_index(path, &mut decoder.window)?;
                // Who wrote the index has seen that the container is the whole value.
                if index == IndexUse::Used {
                    let members = Members::new(decoder, here.batches);
                    let members = members.with_unfinished(self.unfinished);
                    let mut container = Opened::new(here.kind, None, members);
                    container.set_file(path, index);
                    return Ok(Contents::Container(Box::new(container)));
                }
            }
        }
        let mut at = self.at_source(source, &Subscripts::default())?;
        if let At::Container(container) = &mut at {
            container.set_file(path, index);
        }
        Ok(at.into())
    }
}

/// A container on the way.
struct Here {
    kind: ContainerKind,
    /// Of the array that it is, or is the one element of.
    array: Option<ArrayState>,
    batches: Batches,
}

/// Goes down from a value.
fn descend(
    mut decoder: Decoder,
    mut entered: Entered,
    subscripts: &Subscripts,
    unfinished: bool,
) -> Result<At> {
    for subscript in subscripts.as_slice() {
        let Entered::Container(mut here) = entered else { return Err(no_container(subscript)) };
        let span = here.find(subscript, &mut decoder)?;
        let span = span.ok_or_else(|| absent(subscript, here.kind))?;
        // Of a structured array, a tuple stands for an item.
        if decoder.context.record_dtype().is_some() {
            entered = Entered::Leaf(span, here.batches.into_route());
            continue;
        }
        let place = Place { offset: span.begin, memo: span.memo, end: Some(span.end) };
        entered = enter(&mut decoder, place, here.batches.into_route())?;
    }
    match entered {
        Entered::Container(here) => {
            let Here { kind, array, batches } = *here;
            let array = array.filter(|_| kind == ContainerKind::Array);
            let shape = array.map(|state| state.shape.to_vec());
            let members = Members::new(decoder, batches).with_unfinished(unfinished);
            Ok(At::Container(Box::new(Opened::new(kind, shape, members))))
        }
        Entered::Leaf(span, route) => {
            let decoded = decoder.decode(&[span], &route)?;
            let context = Arc::clone(&decoder.context);
            let element = decoder.element(decoded, decoded.first);
            Ok(At::Value(Box::new(element.into_owned(context))))
        }
    }
}

/// A value on the way.
enum Entered {
    Container(Box<Here>),
    /// No container: its instructions, and the way there.
    Leaf(Span, Route),
}

/// Opens the value at a place.
fn enter(decoder: &mut Decoder, place: Place, route: Route) -> Result<Entered> {
    let made = made_at(decoder, place, &route)?;
    let opened = match open(decoder, made, route.clone()) {
        // It may be a tuple, of which the items before the place where the pickle breaks off are
        // there.
        Err(error) if error.kind() == ErrorKind::Truncated => None,
        opened => opened?,
    };
    if let Some(mut here) = opened {
        let is_container = match here.batches.survey_all(&mut decoder.window) {
            Ok(is_whole) => is_whole,
            // Members that change one another can only be decoded together.
            Err(error) if error.clause().contains(".independence.") => false,
            Err(error) if error.need().is_some() => return Err(error),
            // A survey that fails will fail again, for those who come that far.
            Err(_) => true,
        };
        if is_container {
            return Ok(Entered::Container(Box::new(here)));
        }
        decoder.close(&route)?;
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
            let end = place.end.unwrap_or(end);
            return Ok(Entered::Leaf(Span { begin: place.offset, memo: place.memo, end }, route));
        }
    };
    Ok(Entered::Container(Box::new(Here { kind, array: None, batches })))
}

/// Opens the container at a place, if there is one. It was not seen whether what begins there is
/// all of the value.
fn open(decoder: &mut Decoder, place: Place, route: Route) -> Result<Option<Here>> {
    let Some(start) = decoder.open(place, Wanted::Any, &route)? else { return Ok(None) };
    let (kind, array) = (start.kind, start.array.clone());
    let is_array = kind == ContainerKind::Array;
    decoder.set_item(array.as_ref().filter(|_| is_array).map(|state| state.item.clone()));
    let batches = Batches::new(start, place.end, route, &decoder.context.limits.pickle)?;
    Ok(Some(Here { kind, array, batches }))
}

impl Here {
    /// The instructions of the member under a subscript, or of the value of the entry.
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
        Ok(batch.place(index).map(|place| batch.values(place, 1)[0]))
    }

    /// The number of the member under a subscript.
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

    /// The value of the first entry whose key is this.
    fn find_key(&mut self, subscript: &Subscript, decoder: &mut Decoder) -> Result<Option<Span>> {
        let mut batch = self.batches.start();
        while self.batches.next(&mut decoder.window, &mut batch)? {
            for place in 0..batch.len() {
                let &[key, value] = batch.values(place, 2) else { unreachable!("an entry is two") };
                let decoded = decoder.decode(&[key], &self.batches)?;
                if is_key(decoder.element(decoded, decoded.first), subscript) {
                    return Ok(Some(value));
                }
            }
        }
        Ok(None)
    }
}

/// Whether a key is equal to the subscript in Python.
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

/// Where the value at a place was made, if it is only named there, by its memo entry.
fn made_at(decoder: &mut Decoder, mut place: Place, route: &Route) -> Result<Place> {
    // Every step leads to an earlier place.
    loop {
        let mut lexer = Lexer::new(place.offset, &decoder.context.limits.pickle);
        let bytes = decoder.window.fill(place.offset, NAME)?;
        let Progress::Done(head) = lexer.head(bytes)? else { return Ok(place) };
        let (Some(memo), Some(end)) = (head.memo_index()?, place.end) else { return Ok(place) };
        let is_all = head.opcode.info().memo == MemoEffect::Get && lexer.offset() == end;
        if !is_all || decoder.is_in_opening(memo) {
            return Ok(place);
        }
        let span = decoder.locate(memo, place.offset, route)?;
        place = Place { offset: span.begin, memo: span.memo, end: Some(span.end) };
    }
}

/// Bytes in which a GET is whole: in protocol 0, an opcode, digits and a newline.
const NAME: usize = 24;

/// The way to the members of a tuple: that to the tuple, unless it is the whole pickle.
fn way_into(place: Place, mut route: Route) -> Route {
    if route.levels.is_empty() {
        let start = Checkpoint::between(0, place.offset, place.memo);
        route
            .levels
            .push(Level { container: Container::List, checkpoints: Checkpoints::starting(start) });
    }
    route
}

/// What is at a place that may be a tuple or frozenset.
enum Parts {
    /// One of them: its members.
    Whole(ContainerKind, Vec<Span>),
    /// The items above a mark, which nothing has taken before the pickle breaks off.
    Cut(Vec<Span>, Error),
    /// Something else, which ends here.
    None(u64),
}

/// Finds the members of the tuple or frozenset at a place.
///
/// What an instruction makes is only known to be all of the value when nothing but PUT comes behind
/// it.
fn parts(decoder: &mut Decoder, place: Place) -> Result<Parts> {
    let limits = decoder.context.limits.pickle.clone();
    let mut lexer = Lexer::new(place.offset, &limits);
    // Above the lowest slot, as the members of a list would be, so that it is seen what they use.
    let mut survey = Survey::resume(place.offset, place.memo, Container::List, &limits);
    let (mut made, mut needed) = (None, 1);
    let found = |made: Option<(ContainerKind, Vec<Span>)>, end| {
        made.map_or(Parts::None(end), |(kind, parts)| Parts::Whole(kind, parts))
    };
    loop {
        let here = lexer.offset();
        if place.end == Some(here) {
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
        let kind = match head.opcode {
            Opcode::Stop => return Ok(found(made, head.offset)),
            Opcode::EmptyTuple | Opcode::Tuple1 | Opcode::Tuple2 | Opcode::Tuple3 => {
                Some(ContainerKind::Tuple)
            }
            Opcode::Tuple => Some(ContainerKind::Tuple),
            Opcode::FrozenSet => Some(ContainerKind::FrozenSet),
            opcode if opcode.info().memo == MemoEffect::Untouched && opcode != Opcode::Frame => {
                made = None;
                None
            }
            _ => None,
        };
        let taken = match kind {
            // Only what takes everything on the stack makes the whole value.
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
