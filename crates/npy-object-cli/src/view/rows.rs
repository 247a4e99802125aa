//! The rows of the list: each element in short.

use npy_object::nested::{ContainerKind, Path, Subscript};
use npy_object::{Contents, Data, Element, Kind, Result};
use serde::Serialize;

use super::place::Place;
use super::tree::{kind_of, subscript};
use crate::show::{beginning, describe_outline};

/// Rows that are sent at once.
const MOST: u64 = 200;
/// Bytes of an element that is decoded for its row.
const DECODED: u64 = 64 << 10;
/// Numbers of a sparkline.
const SPARKS: usize = 32;

/// An element in short.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    index: u64,
    /// The beginning of the JSON of the key, for an entry of a dict.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    kind: String,
    /// The beginning of the JSON of the element.
    preview: String,
    /// Bytes in the file; `None` of a single value.
    bytes: Option<u64>,
    /// Some of the numbers of an array of one dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    sparks: Option<Vec<f64>>,
    /// The step of a path that leads into the element, where it is a container.
    #[serde(skip)]
    step: Option<Subscript>,
    /// The path by which the element is opened as a list of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<String>,
}

/// Returns the rows from `from` on, at most `count`, as far as they are found.
///
/// Fails where an element cannot be read.
pub(super) fn rows(place: &Place, from: u64, count: u64) -> Result<Vec<Row>> {
    let known = place.survey().known;
    place.with(|contents| {
        let mut found = Vec::new();
        for number in from..known.min(from.saturating_add(count.min(MOST))) {
            // An element that cannot be decoded does not hide the others.
            let row = row(contents, number).unwrap_or_else(|error| Some(broken(number, &error)));
            let Some(mut row) = row else { break };
            row.open = open_path(place, row.step.take());
            found.push(row);
        }
        Ok(found)
    })
}

/// Returns the path of a row's element, from the start of the file.
fn open_path(place: &Place, step: Option<Subscript>) -> Option<String> {
    let outer = place.at.as_ref().map(Path::as_slice).unwrap_or_default();
    Some(Path::new(outer.iter().cloned().chain([step?])).to_string())
}

fn broken(index: u64, error: &npy_object::Error) -> Row {
    let preview = error.message().to_owned();
    let kind = "error".to_owned();
    Row { index, key: None, kind, preview, bytes: None, sparks: None, step: None, open: None }
}

/// Returns the row of an element; `None` past the last. Of a large element, its outline is shown.
pub(super) fn row(contents: &mut Contents, index: u64) -> Result<Option<Row>> {
    let step_of = step_of(contents);
    let outlined = match contents.outline(index)? {
        Some((key, outline)) if outline.bytes > DECODED => {
            let step = step_of(index, key).filter(|_| outline.kind.has_members());
            let preview = "…".to_owned();
            let (key, kind) = (key.map(beginning), describe_outline(&outline));
            let bytes = Some(outline.bytes);
            return Ok(Some(Row {
                index,
                key,
                kind,
                preview,
                bytes,
                sparks: None,
                step,
                open: None,
            }));
        }
        outlined => outlined.map(|(_, outline)| outline.bytes),
    };
    let Some(member) = contents.get(index)? else { return Ok(None) };
    Ok(Some(Row {
        index,
        key: member.key.map(beginning),
        kind: kind_of(member.value),
        preview: beginning(member.value),
        bytes: outlined,
        sparks: sparks(member.value),
        step: step_of(index, member.key).filter(|_| has_members(member.value)),
        open: None,
    }))
}

/// Returns a function from the number and the key of an element to its step in a path.
fn step_of(contents: &Contents) -> impl Fn(u64, Option<Element<'_>>) -> Option<Subscript> + use<> {
    use ContainerKind as C;
    let (is_list, shape) = match contents {
        Contents::Array(array) if array.has_objects() => (false, Some(array.shape().to_vec())),
        Contents::Container(container) => {
            let is_list = matches!(container.kind(), C::List | C::Tuple | C::Deque);
            (is_list, container.shape().map(<[usize]>::to_vec))
        }
        _ => (false, None),
    };
    move |index, key| match (key, &shape) {
        (Some(key), _) => subscript(key),
        (None, _) if is_list => i64::try_from(index).ok().map(Subscript::Index),
        (None, Some(shape)) if !shape.is_empty() => indices(index, shape),
        _ => None,
    }
}

/// Returns the indices of an item of an array in C order.
fn indices(index: u64, shape: &[usize]) -> Option<Subscript> {
    if shape.len() == 1 {
        return i64::try_from(index).ok().map(Subscript::Index);
    }
    let (mut rest, mut indices) = (index, Vec::new());
    for &length in shape.iter().rev() {
        let length = (length as u64).max(1);
        indices.push(i64::try_from(rest % length).ok()?);
        rest /= length;
    }
    indices.reverse();
    Some(Subscript::Indices(indices))
}

/// Returns whether a value is a container with members, which a path leads into.
fn has_members(value: Element<'_>) -> bool {
    match value.kind() {
        Kind::List(items)
        | Kind::Tuple(items)
        | Kind::Set(items)
        | Kind::FrozenSet(items)
        | Kind::Deque(items, _) => items.len() > 0,
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            entries.len() > 0
        }
        Kind::Array(array) => matches!(array.data(), Data::Items(items) if items.len() > 0),
        _ => false,
    }
}

/// Returns some of the numbers of an array or list of one dimension.
fn sparks(value: Element<'_>) -> Option<Vec<f64>> {
    let floats = value.to_floats()?;
    (floats.shape().len() == 1 && floats.len() > 1).then(|| floats.sample(SPARKS))
}

#[cfg(test)]
mod tests {
    use npy_object::{Options, Source};

    use super::*;

    fn row_of(pickle: &'static [u8], index: u64) -> Row {
        let mut contents = Options::new().contents(Source::bytes(pickle)).unwrap();
        row(&mut contents, index).unwrap().unwrap()
    }

    #[test]
    fn row_has_key_kind_beginning_and_step() {
        // {'a': [1, 2], 'b': None}
        let dict = b"}(X\x01\0\0\0a](K\x01K\x02eX\x01\0\0\0bNu.";
        let first = row_of(dict, 0);
        assert_eq!((first.key.as_deref(), first.kind.as_str()), (Some("\"a\""), "list of 2"));
        assert_eq!((first.preview.as_str(), first.bytes), ("[1,2]", Some(7)));
        assert_eq!(first.step, Some(Subscript::Key("a".to_owned())));
        assert_eq!(first.sparks, Some(vec![1.0, 2.0]));
        assert_eq!(row_of(dict, 1).step, None);
    }

    #[test]
    fn large_element_is_not_decoded_for_its_row() {
        let list = [&b"](]("[..], &b"K\x01".repeat(40_000), b"eK\x02e."].concat();
        let mut contents = Options::new().contents(Source::bytes(list)).unwrap();
        let large = row(&mut contents, 0).unwrap().unwrap();
        assert_eq!((large.kind.as_str(), large.step), ("list", Some(Subscript::Index(0))));
        assert_eq!((large.preview.as_str(), large.bytes), ("…", Some(80_003)));
        assert!(row(&mut contents, 2).unwrap().is_none());
    }

    #[test]
    fn indices_of_an_item_are_in_c_order() {
        assert_eq!(indices(5, &[2, 3]), Some(Subscript::Indices(vec![1, 2])));
        assert_eq!(indices(5, &[9]), Some(Subscript::Index(5)));
    }
}
