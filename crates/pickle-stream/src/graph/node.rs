//! Nodes, and the parts that they are made of.

use super::id::NodeId;

/// A value, or a part of a value.
// With a tag of 8 bytes a node is copied as three words.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u64)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An int beyond 64 bits: little-endian two's complement.
    Long(Payload),
    Float(f64),
    /// UTF-8 that may contain lone surrogates.
    Str(Payload),
    /// A Python 2 str: bytes of an encoding that the stream does not name.
    Str2(Payload),
    Bytes(Payload),
    ByteArray(Payload),
    Tuple(Run),
    List(Chain),
    Set(Chain),
    FrozenSet(Run),
    /// Keys and values alternate.
    Dict(Chain),
    Global {
        module: NodeId,
        name: NodeId,
    },
    /// An index into the region's objects.
    Object(u32),
    PersistentId(NodeId),
    Extension(i32),
    Buffer {
        index: u32,
        readonly: bool,
    },
    /// The object with this memo index, which contains the value and is not in the graph.
    Outer(u64),
}

impl Node {
    /// Returns whether Python can hash the value. The items of a tuple are not checked.
    pub(crate) fn is_hashable(self) -> bool {
        !matches!(self, Node::List(_) | Node::Dict(_) | Node::Set(_) | Node::ByteArray(_))
    }
}

/// Bytes of the source, by offset, or of the region's scratch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Payload {
    pub(super) offset: u64,
    /// The top bit says that the bytes are in the scratch.
    pub(super) len: u64,
}

impl Payload {
    pub(super) const SCRATCH: u64 = 1 << 63;

    pub(crate) fn source(offset: u64, len: usize) -> Payload {
        Payload { offset, len: len as u64 }
    }

    pub(super) fn scratch(offset: usize, len: usize) -> Payload {
        Payload { offset: offset as u64, len: len as u64 | Payload::SCRATCH }
    }

    /// Returns the offset of the bytes in the source; `None` where they are in the scratch.
    pub(super) fn source_offset(self) -> Option<u64> {
        (self.len & Payload::SCRATCH == 0).then_some(self.offset)
    }
}

/// Consecutive ids in the links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub(super) start: u32,
    pub(crate) len: u32,
}

/// A sequence of ids that grows in batches: a linked list of chunks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chain {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) len: u32,
}

impl Chain {
    pub(super) const END: u32 = u32::MAX;
    pub(crate) const EMPTY: Chain = Chain { first: Chain::END, last: Chain::END, len: 0 };

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The way in which Python would make an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Construct {
    /// By calling the callable with the arguments: REDUCE, and INST and OBJ where there are
    /// arguments.
    Call,
    /// By the class's `__new__`: NEWOBJ, NEWOBJ_EX, and INST and OBJ where there are no arguments.
    New,
}

/// An object that Python would make, and the changes that the pickle makes to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectNode {
    pub(crate) construct: Construct,
    pub(crate) callable: NodeId,
    pub(crate) args: NodeId,
    /// [`NodeId::NONE`] if there are none.
    pub(crate) kwargs: NodeId,
    /// The arguments of all BUILD instructions.
    pub(crate) states: Chain,
    pub(crate) appended: Chain,
    /// Keys and values alternate.
    pub(crate) items: Chain,
    pub(crate) added: Chain,
}
