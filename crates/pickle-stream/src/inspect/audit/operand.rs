//! The values of a call or a change, as a policy sees them.

use super::heap::Heap;
use super::names::NameId;
use super::value::{AbstractValue, ObjectId, ObjectKind};

/// The values of the last [`Act::Call`](super::Act::Call), [`Act::SetState`](super::Act::SetState)
/// or [`Act::Add`](super::Act::Add).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operands<'a> {
    /// The object that is called, given a state, or added to.
    pub object: Operand<'a>,
    /// Of a call the tuple of arguments, of [`Act::SetState`](super::Act::SetState) the state;
    /// unknown of [`Act::Add`](super::Act::Add).
    pub arguments: Operand<'a>,
    /// The keyword arguments of NEWOBJ_EX.
    pub keywords: Option<Operand<'a>>,
    /// Of a call, its result.
    pub result: Option<ObjectId>,
}

/// What is known of a Python value. Each variant but [`Operand::Unknown`] is certain.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Operand<'a> {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int that fits in 64 bits.
    Int(i64),
    /// A float, a larger int, or an int whose value was forgotten.
    Number,
    /// A str, or a str of Python 2, of up to 1,024 bytes: UTF-8, in which there may be surrogates.
    Text(&'a [u8]),
    /// A longer str, or one that was forgotten.
    LongText,
    /// Bytes or a bytearray. The byte is known of bytes that have exactly one, unless it was
    /// forgotten.
    Bytes(Option<u8>),
    /// A tuple of up to 1,024 items.
    Tuple(OperandItems<'a>),
    /// A list.
    List(OperandList),
    /// A dict.
    Dict(OperandDict<'a>),
    /// A set.
    Set,
    /// A global, such as a class or a function.
    Global(NameId),
    /// The result of a call.
    Result(OperandResult),
    /// Another value of a built-in type, such as a frozenset or a longer tuple.
    Other,
    /// Any value, objects with code of their own included.
    Unknown,
}

/// The items of a tuple.
#[derive(Clone, Copy, Debug)]
pub struct OperandItems<'a> {
    heap: &'a Heap,
    items: &'a [AbstractValue],
}

/// A list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OperandList {
    /// The number of its items when the instruction runs; `None` where it is not known.
    pub len: Option<u64>,
    /// Whether making a set of its items is not [`Act::Costly`](super::Act::Costly).
    pub is_hashable: bool,
}

/// The entries of a dict.
#[derive(Clone, Copy, Debug)]
pub struct OperandDict<'a> {
    items: OperandItems<'a>,
    is_whole: bool,
}

/// The result of a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OperandResult {
    /// The object.
    pub object: ObjectId,
    /// The global that was called, or whose result was called.
    pub callee: NameId,
    /// The number that [`Auditor::set_fact`](super::Auditor::set_fact) gave it, at first 0.
    pub fact: u64,
}

/// The abstract values that [`Operands`] shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct AbstractOperands {
    pub(super) object: AbstractValue,
    pub(super) arguments: AbstractValue,
    pub(super) keywords: Option<AbstractValue>,
    pub(super) result: Option<ObjectId>,
}

impl AbstractOperands {
    /// The operands before the first act, and after objects were renumbered.
    pub(super) const UNKNOWN: AbstractOperands = AbstractOperands {
        object: AbstractValue::Unknown,
        arguments: AbstractValue::Unknown,
        keywords: None,
        result: None,
    };

    /// Returns the operands with the objects that they refer to.
    pub(super) fn with<'a>(&self, heap: &'a Heap) -> Operands<'a> {
        let operand = |value| Operand::of(heap, value);
        Operands {
            object: operand(self.object),
            arguments: operand(self.arguments),
            keywords: self.keywords.map(operand),
            result: self.result,
        }
    }
}

impl<'a> Operand<'a> {
    fn of(heap: &'a Heap, value: AbstractValue) -> Operand<'a> {
        match value {
            AbstractValue::None => Operand::None,
            AbstractValue::Bool(bool) => Operand::Bool(bool),
            AbstractValue::Int(int) => Operand::Int(int),
            AbstractValue::LongText => Operand::LongText,
            AbstractValue::Bytes(byte) => Operand::Bytes(byte),
            AbstractValue::Number => Operand::Number,
            AbstractValue::Other => Operand::Other,
            AbstractValue::Global(name) => Operand::Global(name),
            AbstractValue::Mark | AbstractValue::Unknown => Operand::Unknown,
            AbstractValue::Object(object) => Operand::of_object(heap, value, object),
        }
    }

    fn of_object(heap: &'a Heap, value: AbstractValue, object: ObjectId) -> Operand<'a> {
        match heap.get(value) {
            Some(&ObjectKind::Text(text)) => Operand::Text(heap.text_of(text)),
            Some(&ObjectKind::Tuple(Some(items))) => {
                Operand::Tuple(OperandItems { heap, items: heap.items_of(items) })
            }
            Some(ObjectKind::Tuple(None)) => Operand::Other,
            Some(&ObjectKind::List(len)) => {
                let is_hashable = heap.cost_of_items(value).is_hashable();
                Operand::List(OperandList { len, is_hashable })
            }
            Some(ObjectKind::Dict { items, is_whole, .. }) => Operand::Dict(OperandDict {
                items: OperandItems { heap, items },
                is_whole: *is_whole,
            }),
            Some(ObjectKind::Set) => Operand::Set,
            Some(&ObjectKind::Result { callee, fact, .. }) => {
                Operand::Result(OperandResult { object, callee, fact })
            }
            None => Operand::Unknown,
        }
    }
}

impl<'a> OperandItems<'a> {
    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the item at an index.
    pub fn get(&self, index: usize) -> Option<Operand<'a>> {
        self.items.get(index).map(|&item| Operand::of(self.heap, item))
    }

    /// Returns the items in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Operand<'a>> {
        self.items.iter().map(move |&item| Operand::of(self.heap, item))
    }
}

impl<'a> OperandDict<'a> {
    /// Returns the keys with their values, in the order in which they were set; `None` where there
    /// are more than 1,024, or they were forgotten. A key may occur twice: for Python its last
    /// value counts.
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (Operand<'a>, Operand<'a>)>> {
        let OperandItems { heap, items } = self.items;
        let entries = items.chunks_exact(2);
        self.is_whole.then(|| {
            entries.map(move |entry| (Operand::of(heap, entry[0]), Operand::of(heap, entry[1])))
        })
    }
}
