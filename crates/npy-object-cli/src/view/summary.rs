//! What is known of a file before its elements: header and writer.

use npy_object::header::Header;
use npy_object::{Contents, Provenance, Result};
use serde::Serialize;

use super::answer::Problem;
use super::place::{Place, Survey};
use crate::show::{describe, python_tuple};

/// The facts about the array or container at a place.
#[derive(Serialize)]
pub(super) struct Summary {
    /// Pairs of a name and a value, in the order in which they are shown.
    facts: Vec<(&'static str, String)>,
    /// Whether the elements are rows of an array without objects.
    has_rows: bool,
    /// Whether elements have keys.
    has_keys: bool,
    #[serde(flatten)]
    survey: Progress,
}

/// How far the elements are found.
#[derive(Serialize)]
pub(super) struct Progress {
    #[serde(flatten)]
    survey: Survey,
    /// The error at which the survey ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

impl Progress {
    pub(super) fn of(place: &Place) -> Progress {
        let survey = place.survey();
        let error = survey.error.as_ref().map(Problem::of);
        Progress { survey, error }
    }
}

impl Summary {
    /// Reads the header and the first bytes of the pickle.
    pub(super) fn of(place: &Place) -> Result<Summary> {
        let mut facts = Vec::new();
        let mut fact = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
        fact("bytes", place.source.known_size().map(|size| size.to_string()));
        let header = place.options.header(&place.source)?;
        let offset = header.as_ref().map_or(0, |&(_, offset)| offset);
        match &header {
            Some((header, _)) => {
                let version = header.version;
                fact("format", Some(format!(".npy {version}, data at byte {offset}")));
            }
            None => fact("format", Some("pickle, without a header".to_owned())),
        }
        let (mut has_rows, mut has_keys) = (false, false);
        let mut holds = None;
        let shown = place.with(|contents| match contents {
            Contents::Array(array) => {
                has_rows = !array.has_objects();
                Some(array.to_header())
            }
            Contents::Container(container) => {
                let shape = container.shape().map(python_tuple);
                let name = container.kind().name();
                has_keys = name.to_lowercase().ends_with("dict");
                holds = Some(shape.map_or(name.to_owned(), |shape| format!("{name} {shape}")));
                None
            }
            Contents::Value(value) => {
                holds = Some(describe(&value.element().kind()));
                None
            }
            _ => None,
        });
        let header = header.map(|(header, _)| header);
        if let Some(Header { dtype, fortran_order, shape, .. }) = shown.or(header.clone()) {
            fact("dtype", Some(dtype.to_string()));
            fact("shape", Some(python_tuple(&shape)));
            let order = if fortran_order { "Fortran" } else { "C" };
            fact("order", (shape.len() > 1).then(|| order.to_owned()));
        }
        fact("holds", holds);
        fact("path", place.at.as_ref().map(ToString::to_string));
        let is_pickle = header.as_ref().is_none_or(|header| header.dtype.has_object());
        if is_pickle && let Some(written) = Provenance::read(&place.source, offset)? {
            fact("protocol", Some(written.protocol().to_string()));
            let writer = written.writer(header.is_some());
            fact("writer", writer.map(|writer| format!("{writer} (judging by {written})")));
        }
        Ok(Summary { facts, has_rows, has_keys, survey: Progress::of(place) })
    }
}
