//! References to decoded values.
//!
//! A [`ValueRef`] is a few words long and cheap to copy. To walk a deep value without recursion,
//! keep a stack of them.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;
use core::iter::FusedIterator;
use core::{fmt, str};

use num_bigint::BigInt;

use super::arena::{self, Graph, Links, Source};
use super::id::{NodeId, Region};
use super::node::{Chain, Construct, Node, ObjectNode, Payload};
use super::twos_complement;
use super::utf8;
use crate::compat;

/// A reference to a value of a graph, and to the bytes from which it was decoded.
#[derive(Clone, Copy)]
pub struct ValueRef<'a> {
    graph: &'a Graph,
    source: Source<'a>,
    id: NodeId,
}

/// The type and content of a value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kind<'a> {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` of at most 64 bits.
    Int(i64),
    /// `int` of more than 64 bits.
    Long(Long<'a>),
    /// `float`
    Float(f64),
    /// `str`
    Str(Str<'a>),
    /// The `str` of Python 2: bytes of an encoding that the stream does not name.
    Str2(&'a [u8]),
    /// `bytes`
    Bytes(&'a [u8]),
    /// `bytearray`
    ByteArray(&'a [u8]),
    /// `tuple`
    Tuple(Items<'a>),
    /// `list`
    List(Items<'a>),
    /// `set`
    Set(Items<'a>),
    /// `frozenset`
    FrozenSet(Items<'a>),
    /// `dict`: every key and value that was set, in the order of the pickle. A key that was set
    /// twice occurs twice; in Python the later value counts.
    Dict(Entries<'a>),
    /// A class or function, by name.
    Global(Global<'a>),
    /// An object that a call would make.
    Object(ObjectRef<'a>),
    /// An object that `persistent_load` of the reading application finds, by its id.
    PersistentId(ValueRef<'a>),
    /// A global that is registered with `copyreg`, by its code.
    Extension(i32),
    /// An out-of-band buffer.
    Buffer {
        /// Its number in the pickle, from 0.
        index: u32,
        /// Whether the pickle asks for a read-only view of it.
        readonly: bool,
    },
    /// The object of this memo index, which is not in the graph: it contains the value, and the
    /// value contains it.
    Outer(u64),
}

impl Graph {
    /// Returns a reference to a node. `source` is the bytes from which the own region was decoded.
    #[inline]
    pub fn value<'a>(&'a self, id: NodeId, source: Source<'a>) -> ValueRef<'a> {
        ValueRef { graph: self, source, id }
    }
}

impl<'a> ValueRef<'a> {
    /// Returns the node. Two values of one graph are the same object if they have the same node.
    #[inline]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// Returns whether the value is in the shared region. Its [`id`](Self::id) then stays valid
    /// from one value to the next, until [`Graph::forget_shared`].
    #[inline]
    pub fn is_shared(self) -> bool {
        self.id.region() == Region::Shared
    }

    /// Returns another value of the same graph.
    ///
    /// # Panics
    /// Its methods panic if the node is of another graph, or was made before this one was cleared;
    /// or the value is any other value of the graph.
    #[inline]
    pub fn at(self, id: NodeId) -> ValueRef<'a> {
        ValueRef { id, ..self }
    }

    /// Returns items of the same graph that were [paused](Items::pause).
    #[inline]
    pub fn resume(self, paused: Paused) -> Items<'a> {
        self.items(Links::resume(paused.0, self.graph))
    }

    /// Returns the [label](Graph::set_label) of the node, if it has one.
    pub fn label(self) -> Option<u64> {
        self.graph.label(self.id)
    }

    /// Returns whether Python can hash the value, as the key of a dict or the element of a set. The
    /// items of a tuple are not checked.
    pub fn is_hashable(self) -> bool {
        self.graph.node(self.id).is_hashable()
    }

    /// Returns the type and content of the value.
    // Inlined, so that a match on one kind does not pay for the others.
    #[inline(always)]
    pub fn kind(self) -> Kind<'a> {
        match self.graph.node(self.id) {
            Node::None => Kind::None,
            Node::Bool(value) => Kind::Bool(value),
            Node::Int(value) => Kind::Int(value),
            Node::Long(payload) => Kind::Long(Long(self.bytes(payload))),
            Node::Float(value) => Kind::Float(value),
            Node::Str(payload) => Kind::Str(Str(self.bytes(payload))),
            Node::Str2(payload) => Kind::Str2(self.bytes(payload)),
            Node::Bytes(payload) => Kind::Bytes(self.bytes(payload)),
            Node::ByteArray(payload) => Kind::ByteArray(self.bytes(payload)),
            Node::Tuple(run) => Kind::Tuple(self.items(self.graph.run(self.id.region(), run))),
            Node::FrozenSet(run) => {
                Kind::FrozenSet(self.items(self.graph.run(self.id.region(), run)))
            }
            Node::List(chain) => Kind::List(self.chain(chain)),
            Node::Set(chain) => Kind::Set(self.chain(chain)),
            Node::Dict(chain) => Kind::Dict(Entries(self.chain(chain))),
            Node::Global { module, name } => Kind::Global(self.global(module, name)),
            Node::Object(index) => Kind::Object(ObjectRef { value: self, index }),
            Node::PersistentId(id) => Kind::PersistentId(self.at(id)),
            Node::Extension(code) => Kind::Extension(code),
            Node::Buffer { index, readonly } => Kind::Buffer { index, readonly },
            Node::Outer(memo) => Kind::Outer(memo),
        }
    }

    // Direct accessors, for callers that expect a type: they are faster than `kind`.

    /// Returns the value of a `bool`.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self.graph.node(self.id) {
            Node::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value of an `int` of at most 64 bits.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        match self.graph.node(self.id) {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value of a `float`.
    #[inline]
    pub fn as_float(self) -> Option<f64> {
        match self.graph.node(self.id) {
            Node::Float(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value of `bytes`.
    #[inline]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self.graph.node(self.id) {
            Node::Bytes(payload) => Some(self.bytes(payload)),
            _ => None,
        }
    }

    /// Returns the items of a `tuple`.
    #[inline]
    pub fn as_tuple(self) -> Option<impl ExactSizeIterator<Item = ValueRef<'a>>> {
        match self.graph.node(self.id) {
            Node::Tuple(run) => {
                let ids = self.graph.run_ids(self.id.region(), run);
                Some(ids.iter().map(move |&id| self.at(id)))
            }
            _ => None,
        }
    }

    /// Returns the parts of an object that a call would make.
    #[inline]
    pub fn as_object(self) -> Option<ObjectRef<'a>> {
        match self.graph.node(self.id) {
            Node::Object(index) => Some(ObjectRef { value: self, index }),
            _ => None,
        }
    }

    /// Returns the items of a `tuple` of exactly `N` items.
    #[inline]
    pub fn to_tuple<const N: usize>(self) -> Option<[ValueRef<'a>; N]> {
        let Node::Tuple(run) = self.graph.node(self.id) else { return None };
        let ids = self.graph.run_ids(self.id.region(), run);
        let ids: &[NodeId; N] = ids.try_into().ok()?;
        Some(ids.map(|id| self.at(id)))
    }

    /// Returns the module and the name of a global as the strings they are in the graph; `None` for
    /// another value, and for the names of Python 2.
    pub(crate) fn names(self) -> Option<[ValueRef<'a>; 2]> {
        match self.graph.node(self.id) {
            Node::Global { module, name } if !self.graph.has_python_2_names() => {
                Some([self.at(module), self.at(name)])
            }
            _ => None,
        }
    }

    /// Returns the number of nodes of the graph, for all values in it.
    pub fn graph_len(self) -> usize {
        self.graph.len(Region::Own) + self.graph.numbers() + self.graph.len(Region::Shared)
    }

    /// Returns the number of nodes in the own region.
    pub(super) fn graph_nodes(self) -> usize {
        self.graph.len(Region::Own)
    }

    /// Returns the number of bytes from which the element with this value was decoded.
    #[inline]
    pub fn source_len(self) -> usize {
        self.source.bytes.len()
    }

    /// Returns the offset of the element with this value: bytes from the start of the source.
    /// `None` if the value owns its bytes.
    pub fn source_offset(self) -> Option<u64> {
        (!self.source.bytes.is_empty()).then_some(self.source.offset)
    }

    /// Returns the offset of the bytes of a `str`, `bytes` or `bytearray`: bytes from the start of the
    /// source. `None` for another value, for bytes that the pickle has in another form (escaped, or in
    /// pieces), and for a value of the shared region, which keeps a copy.
    pub fn payload_offset(self) -> Option<u64> {
        match self.graph.node(self.id) {
            Node::Str(payload)
            | Node::Str2(payload)
            | Node::Bytes(payload)
            | Node::ByteArray(payload) => payload.source_offset(),
            _ => None,
        }
    }

    /// Returns the bytes that the graph takes, for all values in it, and the bytes from which they
    /// were decoded.
    pub fn graph_bytes(self) -> usize {
        self.graph.bytes() + self.source.bytes.len()
    }

    /// Returns the graph, the bytes, and the node.
    pub(super) fn into_parts(self) -> (&'a Graph, Source<'a>, NodeId) {
        (self.graph, self.source, self.id)
    }

    #[inline]
    fn bytes(self, payload: Payload) -> &'a [u8] {
        self.graph.payload(self.id.region(), payload, self.source)
    }

    #[inline]
    fn items(self, links: Links<'a>) -> Items<'a> {
        Items { links, graph: self.graph, source: self.source }
    }

    #[inline]
    fn chain(self, chain: Chain) -> Items<'a> {
        self.items(self.graph.chain(self.id.region(), chain))
    }

    /// Returns the names of a global in Python 3.
    fn global(self, module: NodeId, name: NodeId) -> Global<'a> {
        let global = Global { module: self.text(module), name: self.text(name) };
        let has_python_2_names = self.graph.has_python_2_names();
        match has_python_2_names && compat::may_be_of_python_2(global.module.as_bytes()) {
            true => global.to_python_3(),
            false => global,
        }
    }

    /// Returns the text of the module or the name of a global.
    fn text(self, id: NodeId) -> Str<'a> {
        match self.graph.node(id) {
            Node::Str(payload) | Node::Str2(payload) => Str(self.at(id).bytes(payload)),
            _ => Str(&[]),
        }
    }
}

/// An int of any size.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Long<'a>(&'a [u8]);

impl<'a> Long<'a> {
    /// Returns the int in little-endian two's complement, of any length.
    pub fn as_le_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns whether it is displayed in hexadecimal digits, which it is above 8,192 bits.
    pub fn is_hexadecimal(self) -> bool {
        const DECIMAL_BITS: u64 = 8192;
        let bytes = twos_complement::trim(self.0);
        let is_near = bytes.len() as u64 <= DECIMAL_BITS / 8 + 1;
        !is_near || BigInt::from_signed_bytes_le(bytes).bits() > DECIMAL_BITS
    }

    /// Returns the int.
    pub fn to_big_int(self) -> BigInt {
        BigInt::from_signed_bytes_le(self.0)
    }
}

/// Writes decimal digits, or above 8,192 bits hexadecimal ones after `0x`, because the time for
/// decimal digits grows faster than their number.
impl fmt::Display for Long<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_hexadecimal() {
            true => write_hexadecimal(f, twos_complement::trim(self.0)),
            false => fmt::Display::fmt(&self.to_big_int(), f),
        }
    }
}

/// Writes an int of two's complement in hexadecimal, without a buffer for its digits.
fn write_hexadecimal(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let is_negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let lowest = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    // The magnitude of a negative int: one more than the complement.
    let byte = |index: usize| match (is_negative, index.cmp(&lowest)) {
        (false, _) => bytes[index],
        (true, Ordering::Less) => 0,
        (true, Ordering::Equal) => bytes[index].wrapping_neg(),
        (true, Ordering::Greater) => !bytes[index],
    };
    f.write_str(if is_negative { "-0x" } else { "0x" })?;
    let highest = (0..bytes.len()).rposition(|index| byte(index) != 0).unwrap_or(0);
    write!(f, "{:x}", byte(highest))?;
    (0..highest).rev().try_for_each(|index| write!(f, "{:02x}", byte(index)))
}

impl fmt::Debug for Long<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A Python `str`: Unicode text that may contain lone surrogates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str<'a>(&'a [u8]);

impl<'a> Str<'a> {
    /// Returns the text, unless it contains a lone surrogate.
    #[inline]
    pub fn to_str(self) -> Option<&'a str> {
        str::from_utf8(self.0).ok()
    }

    /// Returns the text, with U+FFFD in place of lone surrogates.
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        if let Some(text) = self.to_str() {
            return Cow::Borrowed(text);
        }
        let code_points = self.code_points();
        let chars = code_points.map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER));
        Cow::Owned(chars.collect::<String>())
    }

    /// Returns the text in UTF-8, with lone surrogates encoded as Python's `surrogatepass` does.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the code points, with lone surrogates.
    pub fn code_points(self) -> impl Iterator<Item = u32> + 'a {
        utf8::code_points(self.0)
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

impl PartialEq<&str> for Str<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// The name of a class or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global<'a> {
    /// The module, as Python 3 imports it.
    pub module: Str<'a>,
    /// The qualified name.
    pub name: Str<'a>,
}

impl<'a> Global<'a> {
    /// Returns the global that the lines of GLOBAL or INST name.
    pub(crate) fn of_lines(module: &'a [u8], name: &'a [u8]) -> Global<'a> {
        Global { module: Str(module), name: Str(name) }
    }

    /// Returns the name by which Python 3 imports a global of Python 2.
    pub(crate) fn to_python_3(self) -> Global<'a> {
        self.renamed(compat::to_python_3)
    }

    /// Returns the name by which Python 2 imports a global of Python 3.
    pub(crate) fn to_python_2(self) -> Global<'a> {
        self.renamed(compat::to_python_2)
    }

    fn renamed(self, rename: fn(&'a str, &'a str) -> (&'a str, &'a str)) -> Global<'a> {
        let (Some(module), Some(name)) = (self.module.to_str(), self.name.to_str()) else {
            return self;
        };
        let (module, name) = rename(module, name);
        Global { module: Str(module.as_bytes()), name: Str(name.as_bytes()) }
    }
}

/// An iterator over the items of a tuple, list, set or frozenset, in the order of the pickle.
#[derive(Clone)]
pub struct Items<'a> {
    links: Links<'a>,
    graph: &'a Graph,
    source: Source<'a>,
}

impl<'a> Items<'a> {
    /// Returns the remaining items as ints, if the graph holds them unboxed: those of a list of
    /// ints alone, with at least 16 in each batch. `None` does not mean that an item is not an int.
    #[inline]
    pub fn as_ints(&self) -> Option<&'a [i64]> {
        self.links.ints()
    }

    /// Returns the remaining items as floats, if the graph holds them unboxed: see
    /// [`as_ints`](Self::as_ints).
    #[inline]
    pub fn as_floats(&self) -> Option<&'a [f64]> {
        self.links.floats()
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = ValueRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<ValueRef<'a>> {
        let id = self.links.next()?;
        Some(ValueRef { graph: self.graph, source: self.source, id })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.links.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

impl FusedIterator for Items<'_> {}

/// The state of [`Items`] in a quarter of its memory, for a stack with one entry for each open
/// container. See [`ValueRef::resume`].
#[derive(Clone, Copy, Debug)]
pub struct Paused(arena::Paused);

impl Items<'_> {
    /// Returns the remaining items.
    #[inline]
    pub fn pause(&self) -> Paused {
        Paused(self.links.pause(self.graph))
    }
}

/// An iterator over keys with their values, in the order of the pickle.
#[derive(Clone)]
pub struct Entries<'a>(Items<'a>);

impl<'a> Entries<'a> {
    /// Returns an iterator over keys and values in turn.
    pub fn into_items(self) -> Items<'a> {
        self.0
    }
}

impl<'a> From<Items<'a>> for Entries<'a> {
    /// Takes items that are keys and values in turn.
    fn from(items: Items<'a>) -> Entries<'a> {
        Entries(items)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (ValueRef<'a>, ValueRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len() / 2, Some(self.0.len() / 2))
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl FusedIterator for Entries<'_> {}

/// A reference to an object that a call would make, with the changes that the pickle makes to it.
/// Nothing was called.
#[derive(Clone, Copy)]
pub struct ObjectRef<'a> {
    value: ValueRef<'a>,
    index: u32,
}

impl<'a> ObjectRef<'a> {
    #[inline]
    fn object(self) -> &'a ObjectNode {
        self.value.graph.object(self.value.id.region(), self.index)
    }

    /// Returns the way in which Python would make the object.
    #[inline]
    pub fn construct(self) -> Construct {
        self.object().construct
    }

    /// Returns the callable, or the class whose `__new__` would be called.
    #[inline]
    pub fn callable(self) -> ValueRef<'a> {
        self.value.at(self.object().callable)
    }

    /// Returns the tuple of arguments.
    #[inline]
    pub fn args(self) -> ValueRef<'a> {
        self.value.at(self.object().args)
    }

    /// Returns the dict of keyword arguments, if there is one.
    pub fn kwargs(self) -> Option<ValueRef<'a>> {
        let kwargs = self.object().kwargs;
        (kwargs != NodeId::NONE).then(|| self.value.at(kwargs))
    }

    /// Returns the arguments of all BUILD instructions; most objects have none or one.
    #[inline]
    pub fn states(self) -> Items<'a> {
        self.value.chain(self.object().states)
    }

    /// Returns the argument of the last BUILD.
    #[inline]
    pub fn state(self) -> Option<ValueRef<'a>> {
        let ValueRef { graph, id, .. } = self.value;
        graph.last_of(id.region(), self.object().states).map(|id| self.value.at(id))
    }

    /// Returns whether values would be appended or added, or items set.
    #[inline]
    pub fn has_items(self) -> bool {
        let object = self.object();
        [object.appended, object.items, object.added].iter().any(|chain| !chain.is_empty())
    }

    /// Returns the values that would be appended.
    pub fn appended(self) -> Items<'a> {
        self.value.chain(self.object().appended)
    }

    /// Returns the items that would be set.
    pub fn items(self) -> Entries<'a> {
        Entries(self.value.chain(self.object().items))
    }

    /// Returns the values that would be added as to a set.
    pub fn added(self) -> Items<'a> {
        self.value.chain(self.object().added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::machine::{Decoded, decode};
    use alloc::format;
    use alloc::vec::Vec;

    fn read(stream: &[u8]) -> Decoded<'_> {
        decode(stream, &Limits::default()).unwrap()
    }

    #[test]
    fn lone_surrogates_are_kept() {
        let text = Str(b"a\xed\xa0\x80\xc3\xa9\xf0\x9f\x98\x80");
        assert_eq!(text.to_str(), None);
        assert_eq!(text.to_string_lossy(), "a\u{fffd}é😀");
        assert_eq!(text.code_points().collect::<Vec<_>>(), [0x61, 0xd800, 0xe9, 0x1f600]);
    }

    #[test]
    fn lengths_are_known() {
        // A list that grows in batches, with others between them.
        let decoded = read(b"](N](NNeNe(NeNa.");
        let Kind::List(mut items) = decoded.value().kind() else { panic!() };
        for left in (1..=5).rev() {
            assert_eq!(items.len(), left);
            assert!(items.next().is_some());
        }
        assert!(items.next().is_none());

        let decoded = read(b"}(K\x01NK\x02Nu.");
        let Kind::Dict(entries) = decoded.value().kind() else { panic!() };
        assert_eq!((entries.len(), entries.count()), (2, 2));
    }

    #[test]
    fn large_ints_are_displayed_in_decimal() {
        for (stream, expected) in [
            (&b"\x8a\x09\0\0\0\0\0\0\0\0\x01."[..], "18446744073709551616"),
            (b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xfe.", "-18446744073709551617"),
            (b"L-18446744073709551617L\n.", "-18446744073709551617"),
        ] {
            let decoded = read(stream);
            let Kind::Long(long) = decoded.value().kind() else { panic!() };
            assert_eq!(format!("{long:?}"), expected);
            assert_eq!(BigInt::from_signed_bytes_le(long.as_le_bytes()), long.to_big_int());
        }
    }

    #[test]
    fn int_of_many_digits_is_written_as_a_big_int() {
        for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            for last in [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff] {
                for low in [0x00, 0x01, 0xff] {
                    let mut bytes = [byte; 1200];
                    (bytes[0], bytes[1199]) = (low, last);
                    let int = BigInt::from_signed_bytes_le(&bytes);
                    let expected = match int.bits() > 8192 {
                        true => format!("{int:#x}"),
                        false => format!("{int}"),
                    };
                    assert_eq!(format!("{}", Long(&bytes)), expected);
                }
            }
        }
    }

    #[test]
    fn bytes_are_borrowed_from_the_source() {
        let stream = b"C\x03abc.";
        let decoded = read(stream);
        let Kind::Bytes(bytes) = decoded.value().kind() else { panic!() };
        assert_eq!(bytes.as_ptr(), stream[2..].as_ptr());
    }

    #[test]
    fn debug_does_not_follow_cycles() {
        // l = []; l.append(l)
        let decoded = read(b"]q\0h\0a.");
        assert!(format!("{:?} {:?}", decoded.value(), decoded.value().kind()).len() < 200);
    }
}
