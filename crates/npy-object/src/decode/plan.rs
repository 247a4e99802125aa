//! [`RowPlan`]: where the parts of a value are in the holes of its row.
//!
//! A plan is made once for each skeleton, from the value of one row. A caller that makes values of
//! its own, such as Python objects, follows the plan for each row, and decodes nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem::discriminant;

use npy_header::Scalar;
use pickle_stream::{Hole, Holes, NodeId, ValueRef};

#[cfg(feature = "arrow")]
use crate::decode::resident::{Resident, Run};
use crate::options::Encoding;
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::plain::PlainParts;
use crate::value::text::Text;

/// How the rows of one skeleton become values.
#[derive(Debug)]
pub struct RowPlan {
    value: Plan,
    /// The holes that are no part of the value, and what fills them in the row that was looked at.
    /// What fills them in another row has to be of the same kind.
    others: Vec<(usize, Hole)>,
    /// The holes that are keys of dicts, and the key.
    keys: Vec<(usize, Box<str>)>,
    /// The holes that are lists, and the most items that a list may have.
    lists: Vec<usize>,
    most_items: usize,
    encoding: Encoding,
}

/// An element of a block: what fills the holes of its plan.
#[derive(Clone, Copy, Debug)]
pub struct BlockRow<'a> {
    /// The instructions of the element, and what comes after them in the block: the bytes in which
    /// the extents of holes are.
    pub bytes: &'a [u8],
    /// What fills each hole.
    pub holes: &'a [Hole],
    /// The items of the holes that are lists.
    pub lists: &'a Holes,
}

/// A value, or a part of one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Plan {
    /// A scalar, or a list of scalars: the hole of this number.
    Hole(usize),
    /// A scalar that is the same in all rows.
    Constant(Constant),
    /// An array of items of a fixed size.
    Array(ArrayPlan),
    /// A list of these items.
    List(Vec<Plan>),
    /// A tuple of these items.
    Tuple(Vec<Plan>),
    /// A dict with these entries, in order.
    Dict(Vec<(Box<str>, Plan)>),
    /// Any other value, an object that is in the value twice, or a container that other elements have
    /// too: an element with it has to be decoded.
    Other,
}

/// A scalar that is the same in all rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Constant {
    /// None.
    None,
    /// A bool.
    Bool(bool),
    /// An int of up to 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str.
    Str(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
}

/// Where the parts of an array are.
#[derive(Clone, Debug)]
pub struct ArrayPlan {
    item: Scalar,
    fortran_order: bool,
    pub(crate) shape: Vec<Length>,
    /// The number of the hole of the bytes.
    pub(crate) bytes: usize,
}

/// The length of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Fixed(usize),
    /// The hole of this number.
    Hole(usize),
}

impl RowPlan {
    /// More nodes than a value with a skeleton has, without the items of its lists.
    const NODES: usize = 1 << 10;
    /// The levels of containers that a plan has at most.
    const DEPTH: usize = 16;

    /// Makes the plan of rows that are one scalar.
    pub(crate) fn of_scalar(context: &Context) -> RowPlan {
        RowPlan::of_value(Plan::Hole(0), context)
    }

    fn of_value(value: Plan, context: &Context) -> RowPlan {
        // A value with an item for each node that a graph may have is an error.
        let most_items = context.limits.pickle.nodes.saturating_sub(RowPlan::NODES);
        let (others, keys, lists) = (Vec::new(), Vec::new(), Vec::new());
        RowPlan { value, others, keys, lists, most_items, encoding: context.encoding() }
    }

    /// Makes the plan of rows like `row`, whose value is `element`. `holes` are the nodes of its holes.
    pub(crate) fn new(element: Element<'_>, row: &[Hole], holes: &[NodeId]) -> Option<RowPlan> {
        let context = element.context();
        let (used, keys, seen) = (vec![false; row.len()], Vec::new(), HashSet::new());
        let mut finder = Finder { holes, context, used, keys, seen };
        let value = finder.find(element.value()?, 0);
        let others = row.iter().enumerate().filter(|(hole, _)| !finder.used[*hole]);
        let lists = row.iter().enumerate().filter(|(_, hole)| list_len(hole).is_some());
        Some(RowPlan {
            others: others.map(|(hole, filling)| (hole, *filling)).collect(),
            lists: lists.map(|(hole, _)| hole).collect(),
            keys: finder.keys,
            ..RowPlan::of_value(value, context)
        })
    }

    /// Returns the value.
    #[inline]
    pub fn value(&self) -> &Plan {
        &self.value
    }

    /// Returns the text of a [`Hole::Str2`], a Python 2 str; `None` where the encoding leaves it as bytes.
    pub fn text<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        Text::of_python_2(bytes, self.encoding)?.into_str()
    }

    /// Returns whether a row can become a value by this plan. If not, it has to be decoded.
    #[inline]
    pub fn fits(&self, row: BlockRow<'_>) -> bool {
        let hole = |hole: usize| row.holes.get(hole);
        self.others.iter().all(|(at, sample)| hole(*at).is_some_and(|hole| is_like(hole, sample)))
            && self
                .keys
                .iter()
                .all(|(at, key)| hole(*at).is_some_and(|it| is_key(it, key, row.bytes)))
            && self.lists.iter().all(|at| hole(*at).is_some_and(|list| self.is_short(list)))
    }

    /// Returns how many of the first rows [fit](Self::fits).
    #[cfg(feature = "arrow")]
    pub(crate) fn fitting(&self, block: &Resident<'_>, run: &Run<'_>) -> usize {
        let others = self.others.iter().map(|(hole, sample)| {
            run.column(*hole).take_while(|hole| is_like(hole, sample)).count()
        });
        let keys = self.keys.iter().map(|(hole, key)| {
            let rows = run.members.clone().zip(run.column(*hole));
            rows.take_while(|(row, hole)| is_key(hole, key, block.bytes(*row))).count()
        });
        let lists = self
            .lists
            .iter()
            .map(|hole| run.column(*hole).take_while(|list| self.is_short(list)).count());
        others.chain(keys).chain(lists).min().unwrap_or(usize::MAX).min(run.members.len())
    }

    #[inline]
    fn is_short(&self, list: &Hole) -> bool {
        list_len(list).is_none_or(|len| len <= self.most_items)
    }
}

/// Returns the number of items of a list.
#[inline]
fn list_len(hole: &Hole) -> Option<usize> {
    match hole {
        Hole::Ints(list) | Hole::Floats(list) | Hole::Items(list) => Some(list.len as usize),
        _ => None,
    }
}

/// Returns whether two holes are filled with values of one kind, or with the same memo entry.
#[inline]
fn is_like(one: &Hole, other: &Hole) -> bool {
    match (one, other) {
        (Hole::Get(one), Hole::Get(other)) => one == other,
        (one, other) => discriminant(one) == discriminant(other),
    }
}

/// Returns whether a hole of a row with these bytes is this key.
#[inline]
fn is_key(hole: &Hole, key: &str, bytes: &[u8]) -> bool {
    matches!(hole, Hole::Str(text) | Hole::Str2(text) if text.of(bytes) == key.as_bytes())
}

impl ArrayPlan {
    /// Returns the dtype of the items.
    #[inline]
    pub fn item(&self) -> Scalar {
        self.item
    }

    /// Returns the number of dimensions.
    #[inline]
    pub fn dimensions(&self) -> usize {
        self.shape.len()
    }

    /// Puts the lengths of the dimensions of the array of a row into `shape`, which has one place for
    /// each, and returns the bytes of the items, and whether they are in Fortran order; `None` where
    /// the row has to be decoded: the bytes are not as many as the shape says.
    #[inline]
    pub fn read<'a>(&self, row: BlockRow<'a>, shape: &mut [usize]) -> Option<(&'a [u8], bool)> {
        let mut size = self.item.itemsize();
        let mut longer = 0;
        for (place, length) in shape.iter_mut().zip(&self.shape) {
            *place = match *length {
                Length::Fixed(length) => length,
                Length::Hole(hole) => match row.holes.get(hole) {
                    Some(&Hole::Int(length)) => usize::try_from(length).ok()?,
                    _ => return None,
                },
            };
            longer += usize::from(*place != 1);
            size = size.checked_mul(*place)?;
        }
        let Some(&Hole::Bytes(bytes)) = row.holes.get(self.bytes) else { return None };
        let bytes = bytes.of(row.bytes);
        // C order and Fortran order differ where two dimensions have several items.
        let fortran_order = self.fortran_order && longer > 1 && size > 0;
        (bytes.len() == size).then_some((bytes, fortran_order))
    }
}

/// The search for the parts of a value.
struct Finder<'a> {
    holes: &'a [NodeId],
    context: &'a Context,
    /// Whether each hole is a part of the value.
    used: Vec<bool>,
    keys: Vec<(usize, Box<str>)>,
    /// The containers that were found.
    seen: HashSet<NodeId>,
}

impl Finder<'_> {
    /// Finds the parts of a value. Recurses [`RowPlan::DEPTH`] times at most.
    fn find(&mut self, value: ValueRef<'_>, depth: usize) -> Plan {
        use pickle_stream::Kind as K;
        if let Some(hole) = self.hole(value) {
            // A list with items has some that are not in the hole.
            let grows = matches!(value.kind(), K::List(items) if items.len() > 0);
            let is_again = std::mem::replace(&mut self.used[hole], true);
            return if grows || is_again { Plan::Other } else { Plan::Hole(hole) };
        }
        let kind = value.kind();
        let constant = match &kind {
            K::None => Some(Constant::None),
            K::Bool(bool) => Some(Constant::Bool(*bool)),
            K::Int(int) => Some(Constant::Int(*int)),
            K::Float(float) => Some(Constant::Float(*float)),
            K::Bytes(bytes) => Some(Constant::Bytes((*bytes).into())),
            _ => self.text(value),
        };
        if let Some(constant) = constant {
            return Plan::Constant(constant);
        }
        if value.is_shared() || !self.seen.insert(value.id()) || depth == RowPlan::DEPTH {
            return Plan::Other;
        }
        match kind {
            K::List(items) => Plan::List(items.map(|item| self.find(item, depth + 1)).collect()),
            K::Tuple(items) => Plan::Tuple(items.map(|item| self.find(item, depth + 1)).collect()),
            K::Dict(entries) => {
                let mut found = Vec::new();
                for (key, value) in entries {
                    let (hole, Some(Constant::Str(key))) = (self.hole(key), self.text(key)) else {
                        return Plan::Other;
                    };
                    // Such a hole counts as none of the value, so that its kind is compared too.
                    if let Some(hole) = hole {
                        self.keys.push((hole, key.clone()));
                    }
                    found.push((key, self.find(value, depth + 1)));
                }
                Plan::Dict(found)
            }
            K::Object(_) => self.find_array(value).map_or(Plan::Other, Plan::Array),
            _ => Plan::Other,
        }
    }

    /// Returns a str, or a Python 2 str as the encoding reads it; `None` for any other value.
    fn text(&self, value: ValueRef<'_>) -> Option<Constant> {
        match Text::read(value, self.context.encoding()) {
            Some(text) => Some(Constant::Str(text.to_str()?.into())),
            None => match value.kind() {
                pickle_stream::Kind::Str2(bytes) => Some(Constant::Bytes(bytes.into())),
                _ => None,
            },
        }
    }

    /// Finds the parts of an array.
    fn find_array(&mut self, value: ValueRef<'_>) -> Option<ArrayPlan> {
        let parts = PlainParts::find(value, self.context)?;
        parts.array(value)?;
        let order = value.at(parts.fortran_order());
        // NumPy refuses some versions.
        if self.hole(value.at(parts.version())).is_some() || self.hole(order).is_some() {
            return None;
        }
        let bytes = self.hole(value.at(parts.bytes()))?;
        self.used[bytes] = true;
        let mut shape = Vec::new();
        for length in value.at(parts.shape()).as_tuple()? {
            shape.push(match self.hole(length) {
                Some(hole) => {
                    self.used[hole] = true;
                    Length::Hole(hole)
                }
                None => Length::Fixed(usize::try_from(length.as_int()?).ok()?),
            });
        }
        let (item, fortran_order) = (parts.item(), order.as_bool()?);
        (item.itemsize() > 0).then_some(ArrayPlan { item, fortran_order, shape, bytes })
    }

    /// Returns the number of the hole that a value fills.
    fn hole(&self, value: ValueRef<'_>) -> Option<usize> {
        self.holes.iter().position(|&hole| hole == value.id())
    }
}
