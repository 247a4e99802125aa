//! The envelope: the pickle instructions before the first member of a container.
//!
//! ```text
//!  an array of objects, as NumPy writes it
//!  _reconstruct(ndarray, (0,), b'b')                       the array, empty, on the stack
//!  ( 1  shape  dtype  is_fortran  [                        its state, up to the list of elements
//!      ( element element ... e   ( element ... e           batches, after the envelope
//!  ] ) BUILD .                                             the rest of the state, and the end
//!
//!  }   ( key value key value ... u                         a dict: the envelope is }
//!  OrderedDict()   ( key value ... u                       an object that is filled like a dict
//! ```
//!
//! The envelope is run in the shared region of the graph, because members read memo entries that it
//! makes. The container is not whole before its last member, so a member that reads the entry of
//! the container contains the container around it.

use std::ops::Range;

use npy_header::DType;
use pickle_stream::{
    Action, Container, Graph, Items, Kind, Limits, Machine, NodeId, Source, Survey, ValueRef,
};

use crate::error::Result;
use crate::value::calls::{Call, maxlen};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::globals::{ArrayClass, Callable};
use crate::value::shape::Shape;
use crate::value::state::NdarrayState;

/// The instructions before the first member of a container.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// The container that they begin.
    pub(crate) kind: ContainerKind,
    /// The array that the container is, or whose only element it is.
    pub(crate) array: Option<ArrayState>,
    pub(crate) bytes: Vec<u8>,
    /// Where they begin in the file.
    pub(crate) offset: u64,
    /// The memo entries that they make: from the first index on, before the second.
    pub(crate) memo: Range<u64>,
    /// The memo entries that are the container, or one around it.
    pub(crate) unfinished: Vec<u64>,
}

impl Envelope {
    /// Returns the state of the array that the container is; `None` of another container.
    pub(crate) fn array(&self) -> Option<&ArrayState> {
        self.array.as_ref().filter(|_| self.kind == ContainerKind::Array)
    }

    /// Returns a survey that is before the first member, and watches the container.
    pub(crate) fn survey(&self, limits: &Limits) -> Result<Survey> {
        let mut survey = Survey::new(self.offset, self.memo.start, limits);
        survey.advance(&self.bytes)?;
        survey.watch(survey.slots().len() - 1, self.kind.container());
        Ok(survey)
    }

    /// Stores the memo entries of these instructions, which `machine` has run, as definitions of
    /// the graph. An entry of an unfinished container becomes a reference to the container around a
    /// member.
    pub(crate) fn define(&self, machine: &Machine, graph: &mut Graph) {
        machine.define_entries(graph);
        self.unfinished.iter().for_each(|&entry| graph.define_outer(entry));
    }
}

/// A sort of container whose members come one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerKind {
    /// `list`
    List,
    /// `tuple`
    Tuple,
    /// `set`
    Set,
    /// `frozenset`
    FrozenSet,
    /// `dict`: its members are entries.
    Dict,
    /// `collections.OrderedDict`: its members are entries.
    OrderedDict,
    /// `collections.defaultdict`: its members are entries.
    DefaultDict,
    /// `collections.deque`
    Deque,
    /// An array of objects: its members are its elements in C order.
    Array,
}

impl ContainerKind {
    /// Returns the kind of batch by which it grows.
    pub(crate) fn container(self) -> Container {
        use ContainerKind as K;
        match self {
            K::List | K::Tuple | K::FrozenSet | K::Deque | K::Array => Container::List,
            K::Set => Container::Set,
            K::Dict | K::OrderedDict | K::DefaultDict => Container::Dict,
        }
    }

    /// Returns its name in Python.
    pub fn name(self) -> &'static str {
        use ContainerKind as K;
        match self {
            K::List => "list",
            K::Tuple => "tuple",
            K::Set => "set",
            K::FrozenSet => "frozenset",
            K::Dict => "dict",
            K::OrderedDict => "OrderedDict",
            K::DefaultDict => "defaultdict",
            K::Deque => "deque",
            K::Array => "array",
        }
    }
}

/// The state of an array of objects, up to its elements.
#[derive(Clone, Debug)]
pub(crate) struct ArrayState {
    /// `None` where it is not NumPy's.
    pub(crate) class: Option<ArrayClass>,
    pub(crate) shape: Shape,
    pub(crate) fortran_order: bool,
    pub(crate) item: ItemType,
}

impl ArrayState {
    /// Returns the number of elements that the shape promises; `None` from 2^64 on.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |count, &length| count.checked_mul(length as u64))
    }
}

/// The stack below a value that is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Base {
    pub(crate) values: usize,
    pub(crate) marks: usize,
}

/// Returns the container that an instruction with this action has just begun, if there is one and
/// it has no members; of an array of objects its state too.
pub(crate) fn begun(
    action: Action,
    base: Base,
    machine: &Machine,
    graph: &Graph,
    context: &Context,
) -> Option<(ContainerKind, Option<ArrayState>)> {
    let other = |kind| Some((kind, None));
    let stack = machine.stack().get(base.values..).filter(|stack| !stack.is_empty())?;
    let marks = &machine.marks()[base.marks.min(machine.marks().len())..];
    // All of an envelope is in the shared region, which does not look at the source.
    let source = Source { bytes: &[], offset: 0 };
    let at = |id: NodeId| graph.value(id, source);
    match (action, stack, marks) {
        (Action::List, [_, .., list], &[mark])
            if mark as usize == base.values + 1 && is_empty(at(*list)) =>
        {
            array_state(stack, at, context).map(|state| (ContainerKind::Array, Some(state)))
        }
        (Action::List, &[list], []) if is_empty(at(list)) => other(ContainerKind::List),
        (Action::Dict, &[dict], []) if is_empty(at(dict)) => other(ContainerKind::Dict),
        (Action::Set, [_], []) => other(ContainerKind::Set),
        (Action::Call, &[made], []) => {
            let call = Call::of(at(made))?;
            let kind = match call.callable {
                Callable::OrderedDict if call.args()?.len() == 0 => ContainerKind::OrderedDict,
                // The factory is its only argument.
                Callable::DefaultDict if call.args()?.len() <= 1 => ContainerKind::DefaultDict,
                Callable::Deque if is_empty_deque(call.args()?) => ContainerKind::Deque,
                _ => return None,
            };
            other(kind)
        }
        _ => None,
    }
}

/// Returns whether a new container is empty, so that all of its members come in batches.
fn is_empty(container: ValueRef<'_>) -> bool {
    match container.kind() {
        Kind::List(items) => items.len() == 0,
        Kind::Dict(entries) => entries.len() == 0,
        _ => false,
    }
}

/// Returns whether these are the arguments of a deque that is filled later: `()` or `((), maxlen)`.
fn is_empty_deque(mut args: Items<'_>) -> bool {
    let is_empty =
        |items: ValueRef<'_>| matches!(items.kind(), Kind::Tuple(items) if items.len() == 0);
    args.next().is_none_or(is_empty)
        && args.next().is_none_or(|arg| maxlen(arg).is_some())
        && args.next().is_none()
}

/// Reads the state of an array of objects, if the stack holds one, with a new list on top of it.
fn array_state<'a>(
    stack: &[NodeId],
    at: impl Fn(NodeId) -> ValueRef<'a>,
    context: &Context,
) -> Option<ArrayState> {
    let (&array, parts) = stack.split_first()?;
    let mut parts = parts.iter().map(|&part| at(part));
    let state = NdarrayState::take(&mut parts)?;
    if state.data.is_none() || parts.next().is_some() {
        return None;
    }
    let call = Call::of(at(array))?;
    if !matches!(call.callable, Callable::Reconstruct | Callable::MaskedReconstruct) {
        return None;
    }
    let fortran_order = state.fortran_order()?;
    let class = call.args()?.next().and_then(ArrayClass::of);
    let (shape, item) = (state.shape()?, state.item(context)?);
    Some(ArrayState { class, shape, fortran_order, item })
}

impl ItemType {
    /// Returns whether a header agrees with this dtype of the pickle. StringDType has no name in
    /// headers, which say `|O`.
    pub(crate) fn is_in_header_as(&self, header: &DType) -> bool {
        match self {
            ItemType::Plain(dtype) => dtype == header,
            ItemType::String { .. } => *header == DType::OBJECT,
        }
    }
}
