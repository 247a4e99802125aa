//! A container along a path, and the search for one of its members.

use std::sync::Arc;

use pickle_stream::Span;

use crate::decode::decoder::Decoder;
use crate::decode::envelope_reader::EnvelopeReader;
use crate::error::Result;
use crate::layout::envelope::{ArrayState, ContainerKind, Envelope};
use crate::locate::batches::{Batches, Values};
use crate::locate::checkpoints::Route;
use crate::locate::index::IndexUse;
use crate::nested::path::Subscript;
use crate::value::element::Element;
use crate::value::kind::Kind;

/// A container along the path.
pub(super) struct Parent {
    pub(super) kind: ContainerKind,
    /// Of the array that it is, or is the one element of.
    pub(super) array: Option<ArrayState>,
    pub(super) batches: Batches,
    pub(super) index: IndexUse,
}

impl Parent {
    /// Enters the container after an envelope, which `reader` has found.
    pub(super) fn new(
        envelope: &Envelope,
        reader: &EnvelopeReader,
        decoder: &mut Decoder,
        end: Option<u64>,
        route: Route,
    ) -> Result<Parent> {
        let envelope = Arc::new(envelope.clone());
        reader.enter(&envelope, decoder);
        decoder.set_item(envelope.array().map(|state| state.item.clone()));
        let batches = Batches::new(&envelope, end, route, &decoder.context.limits.pickle)?;
        let (kind, array) = (envelope.kind, envelope.array.clone());
        Ok(Parent { kind, array, batches, index: IndexUse::None })
    }

    /// Uses the index of the file, if there is one of these members.
    pub(super) fn find_index(&mut self, decoder: &mut Decoder) -> Result<()> {
        let source = decoder.window.source().clone();
        if let Some(file) = source.path() {
            self.index = self.batches.find_index(file, &mut decoder.window)?;
        } else if let Some(index) = source.index()? {
            self.index = self.batches.read_index(index, &mut decoder.window)?;
        }
        Ok(())
    }

    /// Returns whether the container is all of the value that begins with it. All members are
    /// surveyed.
    pub(super) fn is_whole(&mut self, decoder: &mut Decoder) -> Result<bool> {
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
    pub(super) fn find(
        &mut self,
        subscript: &Subscript,
        decoder: &mut Decoder,
    ) -> Result<Option<Span>> {
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
