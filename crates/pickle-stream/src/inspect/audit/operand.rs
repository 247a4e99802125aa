//! The operands of an instruction, as a policy sees them.

use super::heap::{Abstract, Heap, ObjectId, ObjectKind};
use super::names::NameId;

/// The operands of a call or a change.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operands<'a> {
    /// The object that is called, changed, or added to.
    pub object: Operand<'a>,
    /// The tuple of arguments; for BUILD the state; for instructions that add, unknown.
    pub arguments: Operand<'a>,
    /// The keyword arguments of NEWOBJ_EX.
    pub keywords: Option<Operand<'a>>,
    /// The object that a call returned.
    pub result: Option<ObjectId>,
}

/// An operand, as far as it is known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Operand<'a> {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int of 64 bits.
    Int(i64),
    /// A float, or a larger int.
    Number,
    /// A str, or a str of Python 2, of up to 1,024 bytes: UTF-8 that may contain surrogates.
    Text(&'a [u8]),
    /// A longer str.
    LongText,
    /// Bytes or a bytearray, with its byte if it has exactly one.
    Bytes(Option<u8>),
    /// A tuple of up to 1,024 items.
    Tuple(OperandItems<'a>),
    /// A list.
    List(OperandList),
    /// A dict.
    Dict(OperandDict<'a>),
    /// A set.
    Set,
    /// A global: a class, a function.
    Global(NameId),
    /// The result of a call.
    Result(OperandResult),
    /// Another value that has no code of its own: a frozenset, a longer tuple.
    Other,
    /// An unknown value, which may be any.
    Unknown,
}

/// The items of a tuple.
#[derive(Clone, Copy, Debug)]
pub struct OperandItems<'a> {
    pub(super) heap: &'a Heap,
    pub(super) items: &'a [Abstract],
}

/// A list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OperandList {
    /// The number of items at this instruction; `None` if it is unknown.
    pub len: Option<u64>,
    /// Whether each item takes little time and stack to hash: see [`Act::Costly`].
    ///
    /// [`Act::Costly`]: super::Act::Costly
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
    /// The name that was called, or whose result was called.
    pub callee: NameId,
    /// The fact set by [`Auditor::set_fact`](super::Auditor::set_fact); 0 before.
    pub fact: u64,
}

impl<'a> Operand<'a> {
    pub(super) fn of(heap: &'a Heap, value: Abstract) -> Operand<'a> {
        match value {
            Abstract::None => Operand::None,
            Abstract::Bool(bool) => Operand::Bool(bool),
            Abstract::Int(int) => Operand::Int(int),
            Abstract::LongText => Operand::LongText,
            Abstract::Bytes(byte) => Operand::Bytes(byte),
            Abstract::Number => Operand::Number,
            Abstract::Other => Operand::Other,
            Abstract::Global(name) => Operand::Global(name),
            Abstract::Mark | Abstract::Forgotten => Operand::Unknown,
            Abstract::Object(object) => Operand::of_object(heap, value, object),
        }
    }

    fn of_object(heap: &'a Heap, value: Abstract, object: ObjectId) -> Operand<'a> {
        match heap.get(value) {
            Some(ObjectKind::Text(text)) => Operand::Text(text),
            Some(ObjectKind::Tuple(Some(items))) => Operand::Tuple(OperandItems { heap, items }),
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

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the item at an index.
    pub fn get(&self, place: usize) -> Option<Operand<'a>> {
        self.items.get(place).map(|&item| Operand::of(self.heap, item))
    }

    /// Returns all items, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Operand<'a>> {
        self.items.iter().map(move |&item| Operand::of(self.heap, item))
    }
}

impl<'a> OperandDict<'a> {
    /// Returns the keys with their values, in the order in which they were set; `None` if there are
    /// more than 1,024. A key may occur twice: the last one counts.
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (Operand<'a>, Operand<'a>)>> {
        let OperandItems { heap, items } = self.items;
        let entries = items.chunks_exact(2);
        self.is_whole.then(|| {
            entries.map(move |entry| (Operand::of(heap, entry[0]), Operand::of(heap, entry[1])))
        })
    }
}
