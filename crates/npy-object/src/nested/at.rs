//! Follows a path to a value inside nested containers. Surveys the members beside the path, and
//! decodes nothing but the keys of dicts.

use std::sync::Arc;

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
        let here = Parent::new(envelope, &reader, &mut decoder, None, outer)?;
        return descend(decoder, Entered::Container(Box::new(here)), path, options);
    }
    if let Some(element) = reader.next(&mut decoder, &outer)? {
        let mut here = Parent::new(&element, &reader, &mut decoder, None, outer.clone())?;
        // The members can be shown before all of them were surveyed.
        let is_whole = path.as_slice().is_empty()
            || here.batches.survey_all(&mut decoder.window).unwrap_or(true);
        if is_whole {
            return descend(decoder, Entered::Container(Box::new(here)), path, options);
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
