//! What a pickle says of a container before its first member.
//!
//! ```text
//!  an array of objects, as NumPy writes it
//!  _reconstruct(ndarray, (0,), b'b')                       the array, empty, on the stack
//!  ( 1  shape  dtype  is_fortran  [                        its state, up to the list of elements
//!      ( element element ... e   ( element ... e           batches
//!  ] ) BUILD .                                             the rest of the state, and the end
//!
//!  }   ( key value key value ... u                         a dict, after its opening, which is }
//!  OrderedDict()   ( key value ... u                       an object that is filled like one
//! ```
//!
//! An opening is everything before the first batch. It is run once, in the shared region of the
//! graph, as members read what it put in the memo. The container itself is not whole before its
//! last member is: a member that reads it contains what contains it.

use std::ops::Range;

use npy_header::DType;
use pickle_stream::{Container, Graph, Items, Kind, Machine, NodeId, Opcode, Source, ValueRef};

use crate::value::calls::{Call, flag, maxlen};
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::globals::{ArrayClass, Callable};
use crate::value::shape::Shape;

/// The instructions before the first member, to be run again when a graph has forgotten them.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) bytes: Vec<u8>,
    /// Where they begin in the file.
    pub(crate) offset: u64,
    /// The memo entries that they make: from the first index on, before the second.
    pub(crate) memo: Range<u64>,
    /// The memo entries that are the container, or one around it.
    pub(crate) unfinished: Vec<u64>,
}

/// What sort of container it is whose members come one at a time.
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
    /// How it grows.
    pub(crate) fn container(self) -> Container {
        use ContainerKind as K;
        match self {
            K::List | K::Tuple | K::FrozenSet | K::Deque | K::Array => Container::List,
            K::Set => Container::Set,
            K::Dict | K::OrderedDict | K::DefaultDict => Container::Dict,
        }
    }

    /// Its name in Python.
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

/// What the state of an array of objects says before its elements.
#[derive(Clone, Debug)]
pub(crate) struct ArrayState {
    /// `None` where it is not NumPy's.
    pub(crate) class: Option<ArrayClass>,
    pub(crate) shape: Shape,
    pub(crate) fortran_order: bool,
    pub(crate) item: ItemType,
}

impl ArrayState {
    /// How many elements the shape promises; `None` over 2^64.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |count, &length| count.checked_mul(length as u64))
    }
}

/// What lies below a value on the stack that is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Base {
    pub(crate) values: usize,
    pub(crate) marks: usize,
}

/// A container that an instruction has just begun.
pub(crate) enum Begun {
    Array(ArrayState),
    Other(ContainerKind),
}

/// What `opcode` began, if that is a container which has no members yet.
pub(crate) fn begun(
    opcode: Opcode,
    base: Base,
    machine: &Machine,
    graph: &Graph,
    context: &Context,
) -> Option<Begun> {
    use Opcode as O;
    let stack = machine.stack().get(base.values..).filter(|stack| !stack.is_empty())?;
    let marks = &machine.marks()[base.marks.min(machine.marks().len())..];
    // All of an opening is in the shared region, which does not look at the source.
    let source = Source { bytes: &[], offset: 0 };
    let at = |id: NodeId| graph.value(id, source);
    match (opcode, stack, marks) {
        (O::EmptyList | O::List, [_, .., list], &[mark])
            if mark as usize == base.values + 1 && is_empty(at(*list)) =>
        {
            array_state(stack, at, context).map(Begun::Array)
        }
        (O::EmptyList | O::List, &[list], []) if is_empty(at(list)) => {
            Some(Begun::Other(ContainerKind::List))
        }
        (O::EmptyDict | O::Dict, &[dict], []) if is_empty(at(dict)) => {
            Some(Begun::Other(ContainerKind::Dict))
        }
        (O::EmptySet, [_], []) => Some(Begun::Other(ContainerKind::Set)),
        (O::Reduce, &[made], []) => {
            let call = Call::of(at(made))?;
            let kind = match call.callable {
                Callable::OrderedDict if call.args()?.len() == 0 => ContainerKind::OrderedDict,
                // The factory is its only argument.
                Callable::DefaultDict if call.args()?.len() <= 1 => ContainerKind::DefaultDict,
                Callable::Deque if is_empty_deque(call.args()?) => ContainerKind::Deque,
                _ => return None,
            };
            Some(Begun::Other(kind))
        }
        _ => None,
    }
}

/// Whether LIST or DICT made it of nothing: it has no members that no batch brings.
fn is_empty(container: ValueRef<'_>) -> bool {
    match container.kind() {
        Kind::List(items) => items.len() == 0,
        Kind::Dict(entries) => entries.len() == 0,
        _ => false,
    }
}

/// Whether these are the arguments of a deque that is filled afterwards: `()`, or `((), maxlen)`.
fn is_empty_deque(mut args: Items<'_>) -> bool {
    let is_empty =
        |items: ValueRef<'_>| matches!(items.kind(), Kind::Tuple(items) if items.len() == 0);
    args.next().is_none_or(is_empty)
        && args.next().is_none_or(|arg| maxlen(arg).is_some())
        && args.next().is_none()
}

/// Reads the state of an array of objects, if that is what the stack holds with a new list on top
/// of it.
fn array_state<'a>(
    stack: &[NodeId],
    at: impl Fn(NodeId) -> ValueRef<'a>,
    context: &Context,
) -> Option<ArrayState> {
    // Pickles from before NumPy 1.0 have no version before the shape.
    let (array, shape, dtype, fortran_order) = match *stack {
        [array, shape, dtype, order, _] | [array, _, shape, dtype, order, _] => {
            (at(array), at(shape), at(dtype), at(order))
        }
        _ => return None,
    };
    let call = Call::of(array)?;
    if !matches!(call.callable, Callable::Reconstruct | Callable::MaskedReconstruct) {
        return None;
    }
    let fortran_order = flag(fortran_order)?;
    let class = call.args()?.next().and_then(ArrayClass::of);
    let (shape, item) = (Shape::read(shape)?, context.item_types.read(dtype)?);
    Some(ArrayState { class, shape, fortran_order, item })
}

impl ItemType {
    /// Whether a header may say `header` where the pickle says this. StringDType has no name that a
    /// header could say.
    pub(crate) fn is_in_header_as(&self, header: &DType) -> bool {
        match self {
            ItemType::Plain(dtype) => dtype == header,
            ItemType::String { .. } => *header == DType::OBJECT,
        }
    }
}
