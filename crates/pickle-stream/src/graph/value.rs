//! Values as owned trees.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use num_bigint::BigInt;

use super::id::NodeId;
use super::node::Construct;
use super::view::{Entries, Items, Kind, ObjectRef, ValueRef};
use crate::error::{Error, Result};

/// A value as an owned tree, independent of the bytes from which it was decoded.
///
/// A tree has neither sharing nor cycles: a node that the graph names twice occurs twice.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` of at most 64 bits.
    Int(i64),
    /// `int` of more than 64 bits.
    Long(BigInt),
    /// `float`
    Float(f64),
    /// `str`
    Str(String),
    /// `str` with a lone surrogate: UTF-8 with `surrogatepass`.
    Surrogates(Vec<u8>),
    /// The `str` of Python 2.
    Str2(Vec<u8>),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `list`
    List(Vec<Value>),
    /// `set`
    Set(Vec<Value>),
    /// `frozenset`
    FrozenSet(Vec<Value>),
    /// `dict`, as in [`Kind::Dict`].
    Dict(Vec<(Value, Value)>),
    /// A class or function: module and qualified name.
    Global(String, String),
    /// An object that a call would make.
    Object(Box<Object>),
    /// A persistent id.
    PersistentId(Box<Value>),
    /// An extension code.
    Extension(i32),
    /// An out-of-band buffer, by number.
    Buffer(u32),
}

/// An object that a call would make: see [`ObjectRef`](crate::ObjectRef).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the method of the same name of ObjectRef")]
pub struct Object {
    pub construct: Construct,
    pub callable: Value,
    pub args: Value,
    pub kwargs: Option<Value>,
    pub states: Vec<Value>,
    pub appended: Vec<Value>,
    pub items: Vec<(Value, Value)>,
    pub added: Vec<Value>,
}

/// The largest size of a tree. A graph of a few nodes can stand for a tree of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// The deepest nesting. Trees are walked and dropped by recursion.
    pub depth: usize,
    /// The number of values in all.
    pub values: usize,
}

impl Default for TreeLimits {
    fn default() -> TreeLimits {
        TreeLimits { depth: 128, values: 1 << 20 }
    }
}

impl ValueRef<'_> {
    /// Copies the value into a tree.
    ///
    /// Fails where the value is nested deeper, or the tree would be larger, than `limits` allow. A
    /// value that contains itself is nested too deep.
    pub fn to_value(self, limits: TreeLimits) -> Result<Value> {
        Copier { limits, left: limits.values, open: Vec::new() }.copy(self, limits.depth)
    }
}

struct Copier {
    limits: TreeLimits,
    /// How many values may still be copied.
    left: usize,
    /// The nodes of the values around the one that is copied.
    open: Vec<NodeId>,
}

impl Copier {
    // The depth is limited, so this may recurse.
    fn copy(&mut self, value: ValueRef<'_>, depth: usize) -> Result<Value> {
        let Some(depth) = depth.checked_sub(1) else {
            let contains_itself = self.open.contains(&value.id());
            let message = match contains_itself {
                true => "the value contains itself, which a tree cannot",
                false => "the value is nested too deep for a tree",
            };
            return Err(refused(self.limits.depth, "pickle.limit.depth", message));
        };
        let Some(left) = self.left.checked_sub(1) else {
            let message =
                "the value is too large for a tree, where shared objects occur repeatedly";
            return Err(refused(self.limits.values, "pickle.limit.tree", message));
        };
        self.left = left;
        self.open.push(value.id());
        let copied = match value.kind() {
            Kind::None => Value::None,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Int(value) => Value::Int(value),
            Kind::Long(value) => Value::Long(value.to_big_int()),
            Kind::Float(value) => Value::Float(value),
            Kind::Str(text) => match text.to_str() {
                Some(text) => Value::Str(text.into()),
                None => Value::Surrogates(text.as_bytes().into()),
            },
            Kind::Str2(bytes) => Value::Str2(bytes.into()),
            Kind::Bytes(bytes) => Value::Bytes(bytes.into()),
            Kind::ByteArray(bytes) => Value::ByteArray(bytes.into()),
            Kind::Tuple(items) => Value::Tuple(self.items(items, depth)?),
            Kind::List(items) => Value::List(self.items(items, depth)?),
            Kind::Set(items) => Value::Set(self.items(items, depth)?),
            Kind::FrozenSet(items) => Value::FrozenSet(self.items(items, depth)?),
            Kind::Dict(entries) => Value::Dict(self.entries(entries, depth)?),
            Kind::Global(global) => Value::Global(
                global.module.to_string_lossy().into_owned(),
                global.name.to_string_lossy().into_owned(),
            ),
            Kind::Object(object) => Value::Object(self.object(object, depth)?),
            Kind::PersistentId(id) => Value::PersistentId(Box::new(self.copy(id, depth)?)),
            Kind::Extension(code) => Value::Extension(code),
            Kind::Buffer { index, .. } => Value::Buffer(index),
            Kind::Outer(_) => {
                let message = "the value contains an object that is not in its graph";
                return Err(refused(self.limits.depth, "pickle.limit.depth", message));
            }
        };
        self.open.pop();
        Ok(copied)
    }

    // Not inlined into `copy`, which recurses, so that its stack frames stay small.
    #[inline(never)]
    fn object(&mut self, object: ObjectRef<'_>, depth: usize) -> Result<Box<Object>> {
        Ok(Box::new(Object {
            construct: object.construct(),
            callable: self.copy(object.callable(), depth)?,
            args: self.copy(object.args(), depth)?,
            kwargs: object.kwargs().map(|kwargs| self.copy(kwargs, depth)).transpose()?,
            states: self.items(object.states(), depth)?,
            appended: self.items(object.appended(), depth)?,
            items: self.entries(object.items(), depth)?,
            added: self.items(object.added(), depth)?,
        }))
    }

    fn items(&mut self, items: Items<'_>, depth: usize) -> Result<Vec<Value>> {
        items.map(|item| self.copy(item, depth)).collect()
    }

    fn entries(&mut self, entries: Entries<'_>, depth: usize) -> Result<Vec<(Value, Value)>> {
        entries.map(|(key, value)| Ok((self.copy(key, depth)?, self.copy(value, depth)?))).collect()
    }
}

#[cold]
fn refused(limit: usize, clause: &'static str, message: &str) -> Error {
    Error::over_limit(limit as u64, clause, 0, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::machine::decode;

    fn tree(stream: &[u8]) -> Result<Value> {
        let limits = TreeLimits { values: 1 << 12, ..TreeLimits::default() };
        decode(stream, &Limits::default())?.value().to_value(limits)
    }

    #[test]
    fn shared_object_occurs_twice_in_a_tree() {
        // l = [1, 2]; pickle.dumps([l, l], 2)
        let list = Value::List([1, 2].map(Value::Int).to_vec());
        let pair = Value::List([list.clone(), list].to_vec());
        assert_eq!(tree(b"\x80\x02]q\0(]q\x01(K\x01K\x02eh\x01e.").unwrap(), pair);
    }

    #[test]
    fn tree_over_its_limits_fails() {
        let nested = |depth| [b"]".repeat(depth), b"a".repeat(depth - 1), b".".to_vec()].concat();
        assert!(tree(&nested(128)).is_ok());
        // 25 levels of pairs that share: x = (x, x)
        let bomb = [b"N".as_slice(), &b"2\x86".repeat(25), b"."].concat();
        for (stream, clause) in [
            (&nested(129)[..], "pickle.limit.depth"),
            // l = []; l.append(l)
            (b"]q\0h\0a.", "pickle.limit.depth"),
            (&bomb, "pickle.limit.tree"),
        ] {
            let error = tree(stream).unwrap_err();
            assert_eq!((error.kind(), error.clause()), (crate::ErrorKind::Limit, clause));
        }
    }

    #[test]
    fn error_says_that_a_value_contains_itself() {
        // l = []; l.append((l,))
        let error = tree(b"]q\0h\0\x85a.").unwrap_err();
        assert_eq!(error.message(), "the value contains itself, which a tree cannot");
    }

    #[test]
    fn limits_count_every_value() {
        // (None, (None,)) is four values, three deep.
        let decoded = decode(b"NN\x85\x86.", &Limits::default()).unwrap();
        let fits = |depth, values| decoded.value().to_value(TreeLimits { depth, values }).is_ok();
        assert!(fits(3, 4));
        assert!(!fits(2, 4) && !fits(3, 3) && !fits(0, 0));
    }
}
