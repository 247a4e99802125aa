//! Follows a path to a value inside nested containers. Surveys the members beside the path, and
//! decodes nothing but the keys of dicts.

use std::ops::Range;
use std::sync::Arc;

use pickle_stream::Span;

use crate::decode::cursor::Cursor;
use crate::decode::decoder::{Bounds, Decoder};
use crate::decode::objects::Objects;
use crate::decode::opened::{Data, Opened, Pickle};
use crate::error::{Error, Result};
use crate::layout::envelope::{ContainerKind, Envelope};
use crate::layout::preamble::Preamble;
use crate::locate::batches::Values;
use crate::locate::checkpoints::Route;
use crate::nested::container::Container;
use crate::nested::enter::{Entered, enter, enter_found, innermost};
use crate::nested::parent::Parent;
use crate::nested::path::{Path, Subscript};
use crate::options::Options;
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
        // The members of an element can be shown before all of them were surveyed.
        let is_surveyed = !path.as_slice().is_empty();
        let Found { value, replaces, .. } = Found::find(opened, path, is_surveyed, options)?;
        let (decoder, entered, is_all) = match value {
            Place::Element(array, index) => return element(array, index, path),
            Place::Entered { decoder, entered, is_all } => (decoder, entered, is_all),
        };
        let mut at = At::of(*decoder, entered, options)?;
        match (&mut at, replaces) {
            (At::Container(container), _) if is_all => container.set_all(),
            (At::Value(value), Some(preamble)) if !options.trust_payload => {
                if let Kind::Array(array) = value.element().kind() {
                    preamble.check_shape(array.shape(), array.fortran_order())?;
                }
            }
            _ => {}
        }
        Ok(at)
    }

    fn of(mut decoder: Decoder, entered: Entered, options: &Options) -> Result<At> {
        match entered {
            Entered::Container(here) => {
                let Parent { kind, array, batches, index } = *here;
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
}

/// The place that a [`Path`] leads to, where nothing was decoded yet.
pub(super) struct Found {
    pub(super) value: Place,
    /// The instructions of the value; `None` where the path is empty.
    pub(super) span: Option<Span>,
    /// The preamble of the array that the value was saved in place of.
    replaces: Option<Preamble>,
}

pub(super) enum Place {
    /// A container, or another value.
    Entered {
        decoder: Box<Decoder>,
        entered: Entered,
        /// Whether the file holds nothing else.
        is_all: bool,
    },
    /// The element of this number of an array whose elements are no containers.
    Element(Cursor, u64),
}

impl Found {
    /// Follows a path as [`At::find`] does. With `is_surveyed`, the element of an array without
    /// dimensions is only taken for a container if that is all of it.
    pub(super) fn find(
        opened: Opened,
        path: &Path,
        is_surveyed: bool,
        options: &Options,
    ) -> Result<Found> {
        let Opened { preamble, data } = opened;
        match data {
            Data::Rows(rows) => {
                let has_rows = preamble.header.as_ref().is_some_and(|it| !it.shape.is_empty());
                in_array(Cursor::of_rows(rows), has_rows, path)
            }
            Data::Pickle(pickle) if preamble.header.is_some() => {
                after_header(preamble, pickle, path, is_surveyed, options)
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
                let mut found = descend(decoder, entered, path)?;
                if let Place::Entered { is_all: known, .. } = &mut found.value {
                    *known = is_all;
                }
                Ok(found)
            }
        }
    }
}

/// Follows a path from the pickle after a header: from an array of objects, or from something else
/// that was saved in its place.
fn after_header(
    preamble: Preamble,
    pickle: Pickle,
    path: &Path,
    is_surveyed: bool,
    options: &Options,
) -> Result<Found> {
    let Pickle { mut decoder, mut reader, first } = pickle;
    let outer = Route::default();
    let first = first?;
    let state = first.as_ref().and_then(Envelope::array);
    let (Some(envelope), Some(state)) = (&first, state) else {
        let value = Bounds::of_pickle(preamble.data);
        let entered = enter_found(&mut decoder, value, &reader, Ok(first), false, outer)?;
        let found = descend(decoder, entered, path)?;
        let replaces = path.as_slice().is_empty().then_some(preamble);
        return Ok(Found { replaces, ..found });
    };
    if !options.trust_payload {
        preamble.check_agreement(state)?;
    }
    if !state.shape.is_empty() {
        let here = Parent::new(envelope, &reader, &mut decoder, None, outer)?;
        return descend(decoder, Entered::Container(Box::new(here)), path);
    }
    if let Some(element) = reader.next(&mut decoder, &outer)? {
        let mut here = Parent::new(&element, &reader, &mut decoder, None, outer.clone())?;
        if !is_surveyed || here.batches.survey_all(&mut decoder.window).unwrap_or(true) {
            return descend(decoder, Entered::Container(Box::new(here)), path);
        }
        decoder.leave();
    }
    // Its element is no container.
    let here = Parent::new(envelope, &reader, &mut decoder, None, outer)?;
    let objects = Objects::new(decoder, here.batches, options.unfinished);
    in_array(Cursor::of_objects(objects), false, path)
}

/// Follows a path into an array whose elements are no containers: its rows, or the only element of
/// an array without dimensions.
fn in_array(array: Cursor, has_rows: bool, path: &Path) -> Result<Found> {
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
    Ok(Found { value: Place::Element(array, index), span: None, replaces: None })
}

/// Decodes the element of an array that a path leads to.
fn element(mut array: Cursor, index: u64, path: &Path) -> Result<At> {
    array.seek(index);
    let found = if index < array.len().unwrap_or(0) { array.next_owned()? } else { None };
    found.map(|element| At::Value(Box::new(element))).ok_or_else(|| no_element(path))
}

/// Follows a path from a value.
fn descend(mut decoder: Decoder, mut entered: Entered, path: &Path) -> Result<Found> {
    let mut last = None;
    for subscript in path.as_slice() {
        let Entered::Container(mut here) = entered else { return Err(no_container(subscript)) };
        let span = here.find(subscript, &mut decoder)?;
        let span = span.ok_or_else(|| absent(subscript, here.kind))?;
        last = Some(span);
        // A tuple in a structured array is an item.
        if decoder.context.record_dtype().is_some() {
            entered = Entered::Leaf(span, here.batches.into_route());
            continue;
        }
        entered = enter(&mut decoder, span.into(), here.batches.into_route())?;
    }
    let value = Place::Entered { decoder: Box::new(decoder), entered, is_all: false };
    Ok(Found { value, span: last, replaces: None })
}

/// Returns where the instructions of the value at a path are: bytes from the start of the file.
pub(crate) fn instructions_at(
    opened: Opened,
    path: &Path,
    options: &Options,
) -> Result<Option<Range<u64>>> {
    let found = Found::find(opened, path, false, options)?;
    Ok(found.span.map(|span| span.begin..span.end))
}

#[cold]
pub(super) fn no_element(path: &Path) -> Error {
    Error::usage("access.subscript", format!("there is no {path} in the array"))
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
