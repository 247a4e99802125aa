//! [`Tree`]: describes what is in a file. Walks through containers by their spans, and decodes only
//! keys and small values.

use npy_header::Header;
use pickle_stream::Span;

use crate::decode::cursor::Cursor;
use crate::decode::decoder::Decoder;
use crate::decode::objects::unfinished_values;
use crate::decode::opened::{Data, Opened};
use crate::decode::outline::{Outline, OutlineKind};
use crate::decode::rows::Rows;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ContainerKind;
use crate::locate::batches::{Batches, Values};
use crate::locate::checkpoints::Route;
use crate::nested::at::{Found, Place, no_element};
use crate::nested::enter::{Entered, enter};
use crate::nested::node::{Key, Node, Scope, Sort, Work};
use crate::nested::parent::Parent;
use crate::nested::path::Path;
use crate::options::{Limits, Options};
use crate::source::Source;
use crate::value::dtype::ItemType;

/// Bytes of a value that is decoded to be described.
const DECODED: u64 = 64 << 10;
/// Bytes of a value that is decoded where its outline says nothing.
const LARGEST: usize = 1 << 20;
/// What is done for a tree at most.
const WORK: Work = Work { members: 4 << 20, bytes: 256 << 20, entered: 64 };
/// The greatest depth. The tree is walked by recursion.
const DEEPEST: usize = 64;

/// A description of what is in a file: keys, types, dtypes, shapes, lengths and bytes.
///
/// Values of more than 1 MiB are not decoded, whatever they are: the containers among them are
/// surveyed, of arrays the dtype and the shape are read. The members of long lists and arrays are
/// described together, by the first of them; of those of more than 1 MiB, 64 are entered in the whole
/// tree, and at most 256 MiB are decoded. Takes the memory of the tree and of a reader.
///
/// ```
/// use npy_object::nested::Tree;
///
/// // {'train': [3, 4, 5], 'test': [6]}, as numpy.save writes a dict
/// let root = Tree::new().read("tests/data/splits.npy")?;
/// assert_eq!((&*root.sorts[0].name, root.sorts[0].lengths), ("dict", Some([2, 2])));
/// let train = &root.entries[0];
/// assert_eq!((train.key.to_string(), train.node.all_items()), ("'train'".to_owned(), 3));
/// let items = train.node.items.as_ref().expect("of a list");
/// assert_eq!((&*items.sorts[0].name, items.count), ("int", 3));
/// # Ok::<(), npy_object::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Tree {
    options: Options,
    depth: usize,
    width: usize,
    sample: usize,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { options: Options::new(), depth: 8, width: 100, sample: 1000 }
    }
}

impl Tree {
    /// Returns a description with the default limits.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// Sets how files are read.
    pub fn options(mut self, options: Options) -> Tree {
        self.options = options;
        self
    }

    /// Sets how many levels of members are described, at most 64; 0 describes the value at the path
    /// alone. By default 8.
    pub fn depth(mut self, levels: usize) -> Tree {
        self.depth = levels.min(DEEPEST);
        self
    }

    /// Sets how many entries of a node are described, by default 100. Of several dicts that are
    /// described by one node these are at most 256.
    pub fn width(mut self, entries: usize) -> Tree {
        self.width = entries;
        self
    }

    /// Sets how many items of a list or an array are looked at, from the first on; by default 1,000.
    pub fn sample(mut self, items: usize) -> Tree {
        self.sample = items;
        self
    }

    /// Describes what a file holds: its array, or the element of an array without dimensions, or the
    /// object of a bare pickle.
    ///
    /// Fails where the file cannot be opened. An error further on is in [`Node::error`], and the
    /// values before it are described; of a truncated file also those of its last batch.
    pub fn read(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Node> {
        self.read_at(source, &Path::default())
    }

    /// Describes the value that a path leads to, as [`read`](Self::read) does.
    ///
    /// Fails with clause `access.subscript` where there is no such value.
    pub fn read_at(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
        path: &Path,
    ) -> Result<Node> {
        let options = self.options.clone().limits(self.limits());
        source.try_into().map_err(Into::into)?.explained(|source| {
            let opened = Opened::new(source, &options)?;
            let Opened { preamble, data } = opened;
            let data = match (data, path.as_slice(), &preamble.header) {
                (Data::Rows(rows), [], Some(header)) => {
                    return of_rows(rows, header, preamble.data);
                }
                (data, ..) => data,
            };
            let opened = Opened { preamble, data };
            self.describe(Found::find(opened, path, true, &options)?, path)
        })
    }

    /// Returns the limits, with which no large value is decoded.
    fn limits(&self) -> Limits {
        let mut limits = Limits::clone(&self.options.limits);
        limits.element = limits.element.min(LARGEST);
        limits.pickle.nodes = limits.pickle.nodes.min(LARGEST / 16);
        limits
    }

    fn describe(&self, found: Found, path: &Path) -> Result<Node> {
        let mut left = WORK;
        let Tree { depth, width, sample, .. } = *self;
        let mut scope = Scope { depth, width, sample, is_alone: true, left: &mut left };
        let mut node = Node::default();
        match found.value {
            Place::Element(array, index) => add_element(array, index, path, &mut node, &mut scope)?,
            Place::Entered { mut decoder, entered, .. } => match entered {
                Entered::Container(parent) => {
                    add_container(&mut decoder, *parent, &mut node, &mut scope)?;
                }
                Entered::Leaf(span, route) => {
                    add_value(&mut decoder, span, &route, &mut node, &mut scope)?;
                }
            },
        }
        Ok(node)
    }
}

/// Describes an array without objects, whose data begin at `begin`.
fn of_rows(rows: Rows, header: &Header, begin: u64) -> Result<Node> {
    let mut node = Node::default();
    let item = ItemType::Plain(header.dtype.clone());
    node.add_sort(Sort::array("array", &item, &header.shape));
    node.add_bytes(rows.data_end() - begin);
    // The last row is there if all are.
    let Some(last) = rows.len().checked_sub(1) else { return Ok(node) };
    match Cursor::of_rows(rows).get(last).err() {
        Some(error) if error.need().is_some() => Err(error),
        error => {
            node.error = error.filter(|error| error.kind() != ErrorKind::Limit);
            Ok(node)
        }
    }
}

/// Describes the element of an array that has no containers.
fn add_element(
    mut array: Cursor,
    index: u64,
    path: &Path,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<()> {
    let Some((_, outline)) = array.outline(index)? else { return Err(no_element(path)) };
    node.add_bytes(outline.bytes);
    match array.get(index) {
        Ok(Some(element)) => node.add(element, scope),
        Ok(None) => return Err(no_element(path)),
        Err(error) => give_up(error, &outline, node)?,
    }
    Ok(())
}

/// Describes the value of a span.
fn add_value(
    decoder: &mut Decoder,
    span: Span,
    route: &Route,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<()> {
    node.add_bytes(span.end - span.begin);
    let bytes = span.end - span.begin;
    // Of several values, those that are decoded keep the definitions that they share.
    if !scope.is_alone
        && bytes <= LARGEST as u64
        && scope.may_decode(bytes)
        && add_decoded(decoder, span, route, node, scope)?
    {
        return Ok(());
    }
    match outlined(decoder, span, route) {
        Ok((span, outline)) => {
            // A tuple in a structured array is an item.
            if outline.kind.has_members()
                && decoder.context.record_dtype().is_none()
                && scope.may_enter()
                && add_entered(decoder, span, route, node, scope)?
            {
                return Ok(());
            }
            let is_known = !matches!(outline.kind, OutlineKind::Other);
            let most = if is_known { DECODED } else { LARGEST as u64 };
            let bytes = span.end - span.begin;
            let is_decoded = bytes <= most && scope.may_decode(bytes);
            if !is_decoded || !add_decoded(decoder, span, route, node, scope)? {
                node.add_outline(&outline);
            }
        }
        Err(error) if error.need().is_some() => return Err(error),
        Err(error) => {
            node.add_sort(Sort::named("value"));
            node.error = Some(error);
        }
    }
    Ok(())
}

/// Returns the outline of a value, and the span of the instructions that make it, which are those
/// of an earlier value where it is read from the memo.
fn outlined(decoder: &mut Decoder, span: Span, route: &Route) -> Result<(Span, Outline)> {
    let made = decoder.made_at(span.into(), route)?;
    let span = Span { begin: made.begin, memo: made.memo, end: made.end.unwrap_or(span.end) };
    Ok((span, decoder.outline(span, route)?))
}

/// Decodes a value and describes it; `false` where it cannot be decoded.
fn add_decoded(
    decoder: &mut Decoder,
    span: Span,
    route: &Route,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<bool> {
    match decoder.decode(Values::from(&[span][..]), route) {
        Ok(decoded) => {
            node.add(decoder.element(decoded, decoded.first), scope);
            Ok(true)
        }
        Err(error) if error.need().is_some() => Err(error),
        Err(error) => {
            if error.kind() != ErrorKind::Limit {
                node.error = Some(error);
            }
            Ok(false)
        }
    }
}

/// Enters a value and describes its members; `false` where it is no container.
fn add_entered(
    decoder: &mut Decoder,
    span: Span,
    route: &Route,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<bool> {
    let place = decoder.place();
    let entered = match enter(decoder, span.into(), route.clone()) {
        Ok(Entered::Container(parent)) => {
            add_container(decoder, *parent, node, scope).map(|()| true)
        }
        Ok(Entered::Leaf(..)) => Ok(false),
        Err(error) if error.need().is_some() => Err(error),
        Err(error) => {
            node.error = Some(error);
            Ok(false)
        }
    };
    decoder.leave_to(place);
    entered
}

/// Describes a container that was entered, and its members.
fn add_container(
    decoder: &mut Decoder,
    parent: Parent,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<()> {
    let Parent { kind, array, mut batches, .. } = parent;
    let has_keys = batches.width() == 2;
    let inner = scope.inside();
    let most = match &inner {
        Some(inner) if has_keys => inner.width,
        Some(inner) => inner.sample,
        None => 0,
    };
    let members = Members::find(decoder, &mut batches, most)?;
    let array = array.filter(|_| kind == ContainerKind::Array);
    let sort = match &array {
        Some(state) => {
            let name = state.class.and_then(|class| class.name()).unwrap_or("array");
            Sort::array(name, &state.item, &state.shape)
        }
        None => Sort::named(kind.name()),
    };
    node.add_sort(match members.len {
        Some(len) => sort.with_length(len),
        None => sort,
    });
    if node.error.is_none() {
        node.error.clone_from(&members.error);
    }
    let Some(mut inner) = inner else { return Ok(()) };
    let route = batches.route();
    if !has_keys {
        let shape = array.as_ref().map(|state| &*state.shape);
        return add_items(decoder, &members, shape, route, node, &mut inner);
    }
    add_entries(decoder, &members.spans, route, node, &mut inner)?;
    let described = (members.spans.len() / 2) as u64;
    node.more += members.len.map_or(0, |len| len.saturating_sub(described));
    Ok(())
}

fn add_entries(
    decoder: &mut Decoder,
    spans: &[Span],
    route: &Route,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<()> {
    for (place, entry) in spans.chunks_exact(2).enumerate() {
        if !scope.visit() {
            node.more += 1;
            continue;
        }
        let key = key_of(decoder, entry[0], route)?;
        if let Some(node) = node.entry(place, key, scope) {
            add_value(decoder, entry[1], route, node, scope)?;
        }
    }
    Ok(())
}

fn add_items(
    decoder: &mut Decoder,
    members: &Members,
    shape: Option<&[usize]>,
    route: &Route,
    node: &mut Node,
    scope: &mut Scope<'_>,
) -> Result<()> {
    let Members { spans, len, .. } = members;
    let mut merged = Node::default();
    let is_alone = std::mem::replace(&mut scope.is_alone, false);
    for &span in spans {
        if !scope.visit() {
            break;
        }
        let items = if is_alone { &mut merged } else { node.items.get_or_insert_default() };
        add_value(decoder, span, route, items, scope)?;
    }
    scope.is_alone = is_alone;
    if !is_alone {
        return Ok(());
    }
    if *len != Some(spans.len() as u64) || merged.describes(spans.len()) {
        node.items = (merged.count > 0).then(|| Box::new(merged));
        return Ok(());
    }
    for (index, &span) in spans.iter().enumerate() {
        if let Some(node) = node.entry(index, Key::index(index, shape), scope) {
            add_value(decoder, span, route, node, scope)?;
        }
    }
    Ok(())
}

/// Decodes the key of an entry, if it is small enough.
fn key_of(decoder: &mut Decoder, span: Span, route: &Route) -> Result<Key> {
    match decoder.decode(Values::from(&[span][..]), route) {
        Ok(decoded) => Ok(Key::of(decoder.element(decoded, decoded.first))),
        Err(error) if error.need().is_some() => Err(error),
        Err(_) => Ok(Key::Other(format!("a key of {} bytes", span.end - span.begin))),
    }
}

/// Stores the error of a value that cannot be decoded, unless it is too large, and describes it by its
/// outline.
fn give_up(error: Error, outline: &Outline, node: &mut Node) -> Result<()> {
    if error.need().is_some() {
        return Err(error);
    }
    node.add_outline(outline);
    if error.kind() != ErrorKind::Limit {
        node.error = Some(error);
    }
    Ok(())
}

/// The first members of a container.
struct Members {
    /// The spans of their values: one for each, or two, of a key and a value.
    spans: Vec<Span>,
    /// The number of all members, if it is known.
    len: Option<u64>,
    /// The error that ended the survey.
    error: Option<Error>,
}

impl Members {
    /// Finds at most `most` members. Surveys all of them where their number is not known.
    fn find(decoder: &mut Decoder, batches: &mut Batches, most: usize) -> Result<Members> {
        let most = most.saturating_mul(batches.width());
        let (mut spans, mut batch) = (Vec::new(), batches.start());
        let mut error = None;
        while spans.len() < most {
            match batches.next(&mut decoder.window, &mut batch) {
                Ok(true) => {
                    let (found, _) = batch.all();
                    let room = most - spans.len();
                    spans.extend_from_slice(&found[..found.len().min(room)]);
                }
                Ok(false) => break,
                Err(failed) if failed.need().is_some() => return Err(failed),
                Err(failed) if error.is_none() && batches.is_broken_off() => {
                    let values = unfinished_values(decoder, batches);
                    batches.give_unfinished(values, failed.clone());
                    error = Some(failed);
                }
                Err(failed) => {
                    error.get_or_insert(failed);
                    break;
                }
            }
        }
        if batches.len().is_none() && error.is_none() {
            error = batches.count(&mut decoder.window).err();
        }
        match error {
            Some(error) if error.need().is_some() => Err(error),
            error => Ok(Members { spans, len: batches.len(), error }),
        }
    }
}
