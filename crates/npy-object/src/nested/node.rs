//! [`Node`]: what is known of the values at one place of a [`Tree`](crate::nested::Tree), and how a
//! decoded value is added to it.

use std::borrow::Cow;
use std::fmt;

use crate::decode::outline::{Outline, OutlineKind};
use crate::error::Error;
use crate::nested::path::Subscript;
use crate::value::array::Data;
use crate::value::debug::scalar_text;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::kind::Kind;

/// The sorts of a node that are told apart.
const SORTS: usize = 16;
/// The entries of a node that describes several dicts.
const MERGED: usize = 256;
/// The most items of a list or tuple that get an entry each.
const POSITIONS: usize = 8;
/// Bytes of a key that is kept whole.
const KEY: usize = 1 << 10;
/// The sorts that are displayed.
const DISPLAYED: usize = 4;
/// The number of dimensions that are described.
const DIMENSIONS: usize = 64;

/// The description of the value at one place of a [`Tree`](crate::nested::Tree), or of the values
/// there: the items of a list share one node.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Node {
    /// The number of values that are described. Of the items of a long list these are the first:
    /// [`Tree::sample`](crate::nested::Tree::sample).
    pub count: u64,
    /// The sorts of the values, in the order in which they were met. At most 16 are told apart, and
    /// others are counted in `count` only.
    pub sorts: Vec<Sort>,
    /// Bytes that the values take in the file; `None` for values inside an element that was decoded.
    pub bytes: Option<u64>,
    /// The value in short, as Python writes it, if it is a small one that is no container.
    pub value: Option<String>,
    /// The entries of dicts, the attributes of objects, and the items of tuples and lists that are
    /// described one by one, in the order of the file.
    pub entries: Vec<Entry>,
    /// The number of entries that were left out.
    pub more: u64,
    /// The other members of lists, tuples, sets, deques and arrays of objects.
    pub items: Option<Box<Node>>,
    /// The error that ended the description.
    pub error: Option<Error>,
}

/// An entry of a [`Node`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// What leads to it.
    pub key: Key,
    /// Its value, or the values under this key of several dicts.
    pub node: Node,
}

/// The key of an [`Entry`]. It is displayed as Python writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// A key or an index that a [`Path`](crate::nested::Path) can have.
    Subscript(Subscript),
    /// Any other key, in short.
    Other(String),
    /// The name of an attribute of an object.
    Attribute(String),
}

/// Values of one type at the place of a [`Node`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sort {
    /// The number of values.
    pub count: u64,
    /// The name of the type, as by [`Kind::name`](crate::Kind::name); of an object the name of its
    /// class.
    pub name: Cow<'static, str>,
    /// The dtype of an array or of a NumPy scalar.
    pub item: Option<ItemType>,
    /// The least and the greatest length of each dimension of an array.
    pub shape: Option<Vec<[usize; 2]>>,
    /// The least and the greatest number of members of a container, items of an array of objects,
    /// code points of a str, or bytes of a bytes, where they are known.
    pub lengths: Option<[u64; 2]>,
    /// The sum of these numbers.
    pub members: u64,
}

impl Node {
    /// Returns the number of dicts whose values are in [`entries`](Self::entries).
    pub fn dicts(&self) -> u64 {
        let dicts = ["dict", "OrderedDict", "defaultdict", "record"];
        let sorts = self.sorts.iter().filter(|sort| dicts.contains(&&*sort.name));
        sorts.map(|sort| sort.count).sum()
    }

    /// Returns the number of items that [`items`](Self::items) could have described.
    pub fn all_items(&self) -> u64 {
        let others = self.sorts.iter().filter(|sort| sort.is_sequence());
        others.map(|sort| sort.members).sum()
    }

    /// Returns the description of the items, unless the text of this node has it: `list[int] of 3`.
    pub fn nested_items(&self) -> Option<&Node> {
        let items = self.items.as_deref()?;
        let is_in_text =
            items.is_simple() && self.sorts.iter().filter(|it| it.is_sequence()).count() == 1;
        (!is_in_text).then_some(items)
    }

    /// Returns whether this description of all `len` items of a list is enough, so that they need none
    /// each: there are many, or they are alike.
    pub(super) fn describes(&self, len: usize) -> bool {
        let are_alike = self.sorts.len() < 2 && (len > 1 || self.is_simple());
        len > POSITIONS || are_alike
    }

    /// Returns whether the values have no members that are described.
    fn is_simple(&self) -> bool {
        self.items.is_none() && self.entries.is_empty() && self.more == 0
    }

    /// Returns the first error of this node and of those inside it.
    pub fn first_error(&self) -> Option<&Error> {
        let entries = self.entries.iter().map(|entry| &entry.node);
        let mut inner = entries.chain(self.items.as_deref());
        inner.find_map(Node::first_error).or(self.error.as_ref())
    }

    /// Counts a value of this sort.
    pub(super) fn add_sort(&mut self, sort: Sort) {
        self.count += 1;
        match self.sorts.iter().position(|known| known.is_like(&sort)) {
            Some(place) => self.sorts[place].merge(&sort),
            None if self.sorts.len() < SORTS => self.sorts.push(sort),
            None => {}
        }
    }

    /// Adds bytes of the file.
    pub(super) fn add_bytes(&mut self, bytes: u64) {
        *self.bytes.get_or_insert(0) += bytes;
    }

    /// Returns the node of a key, which is probably the one at `place`; `None` where there is no room for
    /// another one.
    pub(super) fn entry(&mut self, place: usize, key: Key, scope: &Scope) -> Option<&mut Node> {
        let is_alone = scope.is_alone;
        let found = match self.entries.get(place) {
            Some(entry) if entry.key == key && !is_alone => Some(place),
            _ if is_alone => None,
            _ => self.entries.iter().position(|entry| entry.key == key),
        };
        let most = if is_alone { scope.width } else { scope.width.min(MERGED) };
        let place = match found {
            Some(place) => place,
            None if self.entries.len() < most => {
                self.entries.push(Entry { key, node: Node::default() });
                self.entries.len() - 1
            }
            None => {
                self.more += 1;
                return None;
            }
        };
        Some(&mut self.entries[place].node)
    }

    /// Describes a value that was not decoded.
    pub(super) fn add_outline(&mut self, outline: &Outline) {
        self.add_sort(match &outline.kind {
            kind @ OutlineKind::Array { item, shape } => Sort::array(kind.name(), item, shape),
            kind => Sort::named(kind.name()),
        });
    }

    /// Describes a decoded value. Recurses as deep as `scope` allows.
    pub(super) fn add(&mut self, element: Element<'_>, scope: &mut Scope) {
        let kind = element.kind();
        let sort = Sort::of(&kind);
        if scope.is_alone && sort.is_scalar() {
            self.value = Some(match &kind {
                Kind::Scalar(scalar) => scalar_text(scalar),
                _ => format!("{element:?}"),
            });
        }
        self.add_sort(sort);
        let Some(mut inner) = scope.inside() else { return };
        let inner = &mut inner;
        match kind {
            Kind::List(items)
            | Kind::Tuple(items)
            | Kind::Set(items)
            | Kind::FrozenSet(items)
            | Kind::Deque(items, _) => self.add_items(items, None, inner),
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                self.add_entries(entries.map(|(key, value)| (Key::of(key), value)), inner);
            }
            Kind::Record(record) => {
                let named = |(name, value): (Cow<'_, str>, _)| {
                    (Key::Subscript(Subscript::Key(name.into_owned())), value)
                };
                self.add_entries(record.fields().into_iter().map(named), inner);
            }
            Kind::Array(array) => {
                if let Data::Items(items) = array.data().clone() {
                    self.add_items(items, Some(array.shape()), inner);
                }
            }
            Kind::Object(object) => {
                let state = object.states().last().map(Element::kind);
                if let Some(Kind::Dict(entries)) = state {
                    let named = entries.filter_map(|(key, value)| {
                        let name = shortened(key.as_str().ok()?);
                        Some((Key::Attribute(name), value))
                    });
                    self.add_entries(named, inner);
                }
            }
            _ => {}
        }
    }

    fn add_entries<'a>(
        &mut self,
        entries: impl Iterator<Item = (Key, Element<'a>)>,
        scope: &mut Scope,
    ) {
        let mut place = 0;
        for (key, value) in entries {
            if !scope.visit() {
                self.more += 1;
                continue;
            }
            if let Some(node) = self.entry(place, key, scope) {
                node.add(value, scope);
            }
            place += 1;
        }
    }

    fn add_items<'a>(
        &mut self,
        items: impl ExactSizeIterator<Item = Element<'a>> + Clone,
        shape: Option<&[usize]>,
        scope: &mut Scope,
    ) {
        let mut merged = Node::default();
        let is_alone = std::mem::replace(&mut scope.is_alone, false);
        for item in items.clone().take(scope.sample) {
            if !scope.visit() {
                break;
            }
            let node = if is_alone { &mut merged } else { self.items.get_or_insert_default() };
            node.add(item, scope);
        }
        scope.is_alone = is_alone;
        if !is_alone {
            return;
        }
        if merged.describes(items.len()) {
            self.items = (merged.count > 0).then(|| Box::new(merged));
            return;
        }
        let entries = items.enumerate().map(|(index, item)| (Key::index(index, shape), item));
        self.add_entries(entries, scope);
    }
}

/// Writes the sorts of the values: `dict of 2`, `list[int] of 0-20`, `array <f8 (3, 4) or None`.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = match self.nested_items() {
            None => self.items.as_deref(),
            Some(_) => None,
        };
        for (number, sort) in self.sorts.iter().take(DISPLAYED).enumerate() {
            if number > 0 {
                f.write_str(" or ")?;
            }
            match items.filter(|_| sort.is_sequence()) {
                Some(items) if sort.shape.is_some() => write!(f, "{sort} of {items}")?,
                Some(items) => write!(f, "{}[{items}]{}", sort.type_name(), sort.size())?,
                None => sort.fmt(f)?,
            }
        }
        let known: u64 = self.sorts.iter().take(DISPLAYED).map(|sort| sort.count).sum();
        if known < self.count {
            f.write_str(" or others")?;
        }
        match items {
            Some(items) if items.count < self.all_items() => {
                write!(f, ", by the first {}", items.count)
            }
            _ => Ok(()),
        }
    }
}

impl Key {
    /// Returns the key of an entry of a dict.
    pub(super) fn of(key: Element<'_>) -> Key {
        let indices = |items: crate::Items<'_>| {
            if items.len() > DIMENSIONS {
                return None;
            }
            items.map(|item| item.as_i64().ok()).collect::<Option<Vec<i64>>>()
        };
        let subscript = match key.kind() {
            Kind::Str(text) => text
                .to_str()
                .filter(|text| text.len() <= KEY)
                .map(|text| Subscript::Key(text.to_owned())),
            Kind::Int(int) => Some(Subscript::Index(int)),
            Kind::Tuple(items) if items.len() > 0 => indices(items).map(Subscript::Indices),
            Kind::Scalar(scalar) => scalar.to_i64().map(Subscript::Index),
            _ => None,
        };
        match subscript {
            Some(subscript) => Key::Subscript(subscript),
            None => Key::Other(format!("{key:?}")),
        }
    }

    /// Returns the key of an item of a list or a tuple, or of an array of this shape.
    pub(super) fn index(index: usize, shape: Option<&[usize]>) -> Key {
        let as_int = |index| i64::try_from(index).unwrap_or(i64::MAX);
        let Some(shape) = shape.filter(|shape| shape.len() > 1) else {
            return Key::Subscript(Subscript::Index(as_int(index)));
        };
        let mut left = index;
        let mut indices: Vec<i64> = Vec::new();
        for &length in shape.iter().rev() {
            indices.push(as_int(left % length.max(1)));
            left /= length.max(1);
        }
        indices.reverse();
        Key::Subscript(Subscript::Indices(indices))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Subscript(subscript) => subscript.fmt(f),
            Key::Other(text) => f.write_str(text),
            Key::Attribute(name) => write!(f, ".{name}"),
        }
    }
}

impl Sort {
    pub(super) fn named(name: impl Into<Cow<'static, str>>) -> Sort {
        let (item, shape, lengths) = (None, None, None);
        Sort { count: 1, name: name.into(), item, shape, lengths, members: 0 }
    }

    pub(super) fn array(name: &'static str, item: &ItemType, shape: &[usize]) -> Sort {
        let lengths = shape.iter().map(|&length| [length, length]).collect();
        let mut sort = Sort::named(name);
        (sort.item, sort.shape) = (Some(item.clone()), Some(lengths));
        if item.has_object() {
            let items = shape.iter().try_fold(1u64, |items, &n| items.checked_mul(n as u64));
            return sort.with_length(items.unwrap_or(0));
        }
        sort
    }

    pub(super) fn with_length(mut self, length: u64) -> Sort {
        (self.lengths, self.members) = (Some([length, length]), length);
        self
    }

    fn of(kind: &Kind<'_>) -> Sort {
        let sort = Sort::named(kind.name());
        match kind {
            Kind::Array(array) => {
                let name = array.class().name().unwrap_or("array");
                Sort::array(name, array.item(), array.shape())
            }
            Kind::Scalar(scalar) => {
                Sort { item: Some(ItemType::Plain(scalar.dtype().clone())), ..sort }
            }
            Kind::List(items)
            | Kind::Tuple(items)
            | Kind::Set(items)
            | Kind::FrozenSet(items)
            | Kind::Deque(items, _) => sort.with_length(items.len() as u64),
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                sort.with_length(entries.len() as u64)
            }
            Kind::Str(text) => {
                let points = text.as_bytes().iter().filter(|&&byte| byte & 0xc0 != 0x80);
                sort.with_length(points.count() as u64)
            }
            Kind::Bytes(bytes) | Kind::ByteArray(bytes) => sort.with_length(bytes.len() as u64),
            Kind::Object(object) => match object.callable().kind() {
                Kind::Global(class) => {
                    // A subclass of ndarray is the argument of the call that makes it.
                    let subclass = object.args().as_items().ok().and_then(|mut args| args.next());
                    let class = match subclass.map(Element::kind) {
                        Some(Kind::Global(subclass)) if class.name == "_reconstruct" => subclass,
                        _ => class,
                    };
                    let (module, name) =
                        (class.module.to_string_lossy(), class.name.to_string_lossy());
                    Sort::named(shortened(format!("{module}.{name}").into()))
                }
                _ => sort,
            },
            _ => sort,
        }
    }

    /// Returns the name of the type, and the dtype.
    fn type_name(&self) -> String {
        match &self.item {
            Some(item) => format!("{} {item}", self.name),
            None => self.name.to_string(),
        }
    }

    /// Returns the shape or the length as it follows the name; an empty text for a value without both.
    fn size(&self) -> String {
        match (&self.shape, self.lengths) {
            (Some(shape), _) => {
                let lengths: Vec<String> = shape.iter().map(|&lengths| range(lengths)).collect();
                let comma = if lengths.len() == 1 { "," } else { "" };
                format!(" ({}{comma})", lengths.join(", "))
            }
            (None, Some(lengths)) => format!(" of {}", range(lengths)),
            (None, None) => String::new(),
        }
    }

    /// Returns whether the values are shown as they are: numbers, texts and times.
    fn is_scalar(&self) -> bool {
        let scalars =
            ["bool", "int", "float", "complex", "str", "bytes", "bytearray", "NumPy scalar"];
        let times = ["datetime", "date", "time", "timedelta", "Decimal", "dtype", "global"];
        scalars.contains(&&*self.name) || times.contains(&&*self.name)
    }

    /// Returns whether the values have members without keys.
    fn is_sequence(&self) -> bool {
        let has_objects = self.item.as_ref().is_some_and(ItemType::has_object);
        matches!(&*self.name, "list" | "tuple" | "set" | "frozenset" | "deque") || has_objects
    }

    /// Returns whether values of the other sort are of this one.
    fn is_like(&self, other: &Sort) -> bool {
        let ndim = |sort: &Sort| sort.shape.as_ref().map(Vec::len);
        self.name == other.name && self.item == other.item && ndim(self) == ndim(other)
    }

    fn merge(&mut self, other: &Sort) {
        let spread = |known: &mut [usize; 2], other: &[usize; 2]| {
            *known = [known[0].min(other[0]), known[1].max(other[1])];
        };
        self.count += other.count;
        self.members += other.members;
        if let (Some(known), Some(other)) = (&mut self.shape, &other.shape) {
            known.iter_mut().zip(other).for_each(|(known, other)| spread(known, other));
        }
        self.lengths = match (self.lengths, other.lengths) {
            (Some(known), Some(other)) => Some([known[0].min(other[0]), known[1].max(other[1])]),
            (known, other) => known.or(other),
        };
    }
}

/// Writes the name of the type, the dtype, and the shape or the length.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.type_name(), self.size())
    }
}

fn range<T: PartialEq + fmt::Display>([least, most]: [T; 2]) -> String {
    if least == most { least.to_string() } else { format!("{least}-{most}") }
}

/// Returns a text of bounded length.
fn shortened(text: Cow<'_, str>) -> String {
    match text.char_indices().nth(KEY) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

/// How much of the values inside a value is described.
#[derive(Debug)]
pub(super) struct Scope<'s> {
    /// Levels of members that are described below here.
    pub(super) depth: usize,
    /// The most entries of a node.
    pub(super) width: usize,
    /// The most items that are looked at of a list.
    pub(super) sample: usize,
    /// Whether the node describes one value, whose members may be described one by one.
    pub(super) is_alone: bool,
    /// What may still be done for the whole tree.
    pub(super) left: &'s mut Work,
}

/// What is done for a tree at most, so that it takes bounded time but for the surveys of containers.
#[derive(Debug)]
pub(super) struct Work {
    /// Members that are looked at.
    pub(super) members: u64,
    /// Bytes of items that are decoded.
    pub(super) bytes: u64,
    /// Items that are entered: definitions that they share are found anew in each.
    pub(super) entered: u64,
}

impl Scope<'_> {
    /// Returns the scope of the members; `None` where they are not described.
    pub(super) fn inside(&mut self) -> Option<Scope<'_>> {
        let depth = self.depth.checked_sub(1)?;
        Some(Scope { depth, left: self.left, ..*self })
    }

    /// Counts a member that is looked at; `false` where there were enough.
    pub(super) fn visit(&mut self) -> bool {
        take(&mut self.left.members, 1)
    }

    /// Returns whether a value of this many bytes may be decoded.
    pub(super) fn may_decode(&mut self, bytes: u64) -> bool {
        self.is_alone || take(&mut self.left.bytes, bytes)
    }

    /// Returns whether a value may be entered.
    pub(super) fn may_enter(&mut self) -> bool {
        self.is_alone || take(&mut self.left.entered, 1)
    }
}

/// Takes a part of what is left; `false` where there is too little.
fn take(left: &mut u64, part: u64) -> bool {
    let rest = left.checked_sub(part);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}
