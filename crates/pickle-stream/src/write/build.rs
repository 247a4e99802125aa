//! Values that are made to be encoded.

use alloc::collections::BTreeMap;
use alloc::string::String;

use num_bigint::BigInt;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{
    Chain, Construct, Graph, Kind, Node, NodeId, ObjectNode, Region, Source, ValueRef, copy,
    twos_complement, utf8,
};
use crate::limits::{self, Limits};

/// A maker of values, in a graph of its own.
///
/// A value stays until [`clear`](Self::clear). One that is made [as shared](Self::shared), and a
/// global, stays for the values after that, so that an [`Encoder`](crate::Encoder) writes it once.
///
/// Every method fails over [`Limits::nodes`].
///
/// ```
/// use pickle_stream::{Builder, Encoder, Limits};
///
/// let mut build = Builder::new(&Limits::default());
/// let list = build.list(&[])?;
/// let one = build.int(1)?;
/// build.extend(list, &[one, list])?;
/// let mut encoder = Encoder::new(2)?;
/// encoder.value(build.value(list))?;
/// encoder.stop();
/// assert_eq!(encoder.ready(), b"\x80\x02]q\0(K\x01h\0e."); // l = [1]; l.append(l)
/// # Ok::<(), pickle_stream::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    graph: Graph,
    region: Region,
    globals: Globals,
    /// The values that [`once`](Builder::once) has made, by name.
    named: BTreeMap<String, NodeId>,
    /// The shared strs, by their text.
    interned: BTreeMap<String, NodeId>,
    most_nodes: usize,
}

/// The globals of a graph, by module and name: each module's str with the names in it. They share
/// the str, as Python interns it.
#[derive(Debug, Default)]
struct Globals(BTreeMap<String, (NodeId, BTreeMap<String, NodeId>)>);

impl Globals {
    fn get(&mut self, graph: &mut Graph, module: &str, name: &str) -> NodeId {
        let new = || (str(graph, module), BTreeMap::new());
        let (module, names) = self.0.entry(module.into()).or_insert_with(new);
        if let Some(&known) = names.get(name) {
            return known;
        }
        let text = str(graph, name);
        let global = graph.push(Region::Shared, Node::Global { module: *module, name: text });
        names.insert(name.into(), global);
        global
    }
}

fn str(graph: &mut Graph, text: &str) -> NodeId {
    let payload = graph.push_scratch(Region::Shared, text.as_bytes());
    graph.push(Region::Shared, Node::Str(payload))
}

impl Builder {
    /// Creates a builder.
    pub fn new(limits: &Limits) -> Builder {
        Builder {
            graph: Graph::new(),
            region: Region::Own,
            globals: Globals::default(),
            named: BTreeMap::new(),
            interned: BTreeMap::new(),
            most_nodes: limits.nodes,
        }
    }

    /// Forgets all values except shared ones.
    pub fn clear(&mut self) {
        self.graph.clear();
    }

    /// Forgets all values. An encoder must [forget them too](crate::Encoder::forget_shared).
    pub fn forget_shared(&mut self) {
        self.graph.forget_shared();
        self.globals.0.clear();
        self.named.clear();
        self.interned.clear();
    }

    /// Returns the bytes that shared values take.
    pub fn shared_bytes(&self) -> usize {
        self.graph.shared_bytes()
    }

    /// Makes the values that `make` makes shared. They may contain only shared values.
    pub fn shared<T>(&mut self, make: impl FnOnce(&mut Builder) -> T) -> T {
        let region = core::mem::replace(&mut self.region, Region::Shared);
        let made = make(self);
        self.region = region;
        made
    }

    /// Returns a reference to a value.
    pub fn value(&self, id: NodeId) -> ValueRef<'_> {
        self.graph.value(id, Source { bytes: &[], offset: 0 })
    }

    /// Returns `None`.
    pub fn none(&self) -> NodeId {
        NodeId::NONE
    }

    /// Returns a bool.
    pub fn bool(&self, value: bool) -> NodeId {
        if value { NodeId::TRUE } else { NodeId::FALSE }
    }

    /// Makes an int.
    pub fn int(&mut self, value: i64) -> Result<NodeId> {
        self.push(Node::Int(value))
    }

    /// Makes an int of any size.
    pub fn big_int(&mut self, value: &BigInt) -> Result<NodeId> {
        self.int_of_bytes(&value.to_signed_bytes_le())
    }

    /// Makes an int of any size, from little-endian two's complement.
    pub fn int_of_bytes(&mut self, bytes: &[u8]) -> Result<NodeId> {
        if let Some(int) = twos_complement::to_i64(bytes) {
            return self.int(int);
        }
        let payload = self.graph.push_scratch(self.region, twos_complement::trim(bytes));
        self.push(Node::Long(payload))
    }

    /// Makes a float.
    pub fn float(&mut self, value: f64) -> Result<NodeId> {
        self.push(Node::Float(value))
    }

    /// Makes a str.
    pub fn str(&mut self, text: &str) -> Result<NodeId> {
        let payload = self.graph.push_scratch(self.region, text.as_bytes());
        self.push(Node::Str(payload))
    }

    /// Makes a str that may contain lone surrogates, from UTF-8 as Python's `surrogatepass` writes
    /// it.
    ///
    /// Fails on other bytes.
    pub fn str_with_surrogates(&mut self, text: &[u8]) -> Result<NodeId> {
        if let Err(valid) = utf8::validate(text) {
            let message = "the text is not UTF-8";
            return Err(Error::new(ErrorKind::Usage, "pickle.utf8", valid as u64, message));
        }
        let payload = self.graph.push_scratch(self.region, text);
        self.push(Node::Str(payload))
    }

    /// Makes a shared str, or returns the one made before: as Python interns the names of
    /// attributes.
    pub fn interned(&mut self, text: &str) -> Result<NodeId> {
        if let Some(&known) = self.interned.get(text) {
            return Ok(known);
        }
        let made = self.shared(|build| build.str(text))?;
        self.interned.insert(text.into(), made);
        Ok(made)
    }

    /// Makes a shared value, or returns the one made before under this name.
    pub fn once<E: From<Error>>(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Builder) -> Result<NodeId, E>,
    ) -> Result<NodeId, E> {
        if let Some(&known) = self.named.get(name) {
            return Ok(known);
        }
        let made = self.shared(make)?;
        self.named.insert(name.into(), made);
        Ok(made)
    }

    /// Makes a `str` of Python 2, in an encoding that is not recorded.
    pub fn str2(&mut self, bytes: &[u8]) -> Result<NodeId> {
        let payload = self.graph.push_scratch(self.region, bytes);
        self.push(Node::Str2(payload))
    }

    /// Makes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<NodeId> {
        let payload = self.graph.push_scratch(self.region, bytes);
        self.push(Node::Bytes(payload))
    }

    /// Makes a bytearray.
    pub fn byte_array(&mut self, bytes: &[u8]) -> Result<NodeId> {
        let payload = self.graph.push_scratch(self.region, bytes);
        self.push(Node::ByteArray(payload))
    }

    /// Makes a tuple of these items.
    pub fn tuple(&mut self, items: &[NodeId]) -> Result<NodeId> {
        if items.is_empty() {
            return Ok(NodeId::EMPTY_TUPLE);
        }
        self.charge(items)?;
        let run = self.graph.push_run(self.region, items);
        self.push(Node::Tuple(run))
    }

    /// Makes a frozenset of these items.
    ///
    /// Fails on an item that cannot be hashed.
    pub fn frozenset(&mut self, items: &[NodeId]) -> Result<NodeId> {
        self.charge(items)?;
        items.iter().try_for_each(|&item| self.check_hashable(item))?;
        let run = self.graph.push_run(self.region, items);
        self.push(Node::FrozenSet(run))
    }

    /// Makes a list of these items.
    pub fn list(&mut self, items: &[NodeId]) -> Result<NodeId> {
        let list = self.push(Node::List(Chain::EMPTY))?;
        self.extend(list, items)?;
        Ok(list)
    }

    /// Makes a set of these items.
    ///
    /// Fails on an item that cannot be hashed.
    pub fn set(&mut self, items: &[NodeId]) -> Result<NodeId> {
        let set = self.push(Node::Set(Chain::EMPTY))?;
        self.extend(set, items)?;
        Ok(set)
    }

    /// Makes a dict of these keys and values, which alternate.
    ///
    /// Fails on a key that cannot be hashed.
    pub fn dict(&mut self, entries: &[NodeId]) -> Result<NodeId> {
        let dict = self.push(Node::Dict(Chain::EMPTY))?;
        self.extend(dict, entries)?;
        Ok(dict)
    }

    /// Adds items to a list or set, or keys and values, which alternate, to a dict. This is how a
    /// value comes to contain itself.
    ///
    /// Fails on any other value, and on a key or an item of a set that cannot be hashed.
    pub fn extend(&mut self, container: NodeId, items: &[NodeId]) -> Result<()> {
        self.charge(items)?;
        let mut node = self.graph.node(container);
        let chain = match &mut node {
            Node::List(chain) => chain,
            Node::Set(chain) => {
                items.iter().try_for_each(|&item| self.check_hashable(item))?;
                chain
            }
            Node::Dict(chain) => {
                items.iter().step_by(2).try_for_each(|&key| self.check_hashable(key))?;
                chain
            }
            _ => return Err(usage("items can be added only to a list, set or dict")),
        };
        self.graph.extend(container.region(), chain, items);
        *self.graph.node_mut(container) = node;
        Ok(())
    }

    /// Reserves a node for a value that is made after values that contain it, such as a tuple in a
    /// list that is in the tuple. It must be [filled](Self::fill).
    pub fn reserve(&mut self) -> Result<NodeId> {
        self.push(Node::None)
    }

    /// Makes a reserved value a copy of another one, which no other value may contain.
    pub fn fill(&mut self, reserved: NodeId, value: NodeId) {
        *self.graph.node_mut(reserved) = self.graph.node(value);
    }

    /// Makes a class or function, by module and qualified name. It is shared, and made once.
    pub fn global(&mut self, module: &str, name: &str) -> Result<NodeId> {
        self.graph.charge(Region::Shared, self.most_nodes, 1, 0)?;
        Ok(self.globals.get(&mut self.graph, module, name))
    }

    /// Makes the result of a call.
    pub fn call(&mut self, callable: NodeId, args: &[NodeId]) -> Result<NodeId> {
        let args = self.tuple(args)?;
        self.object(Construct::Call, callable, args, NodeId::NONE)
    }

    /// Makes an object in any of the ways of [`ObjectRef`](crate::ObjectRef).
    pub fn object(
        &mut self,
        construct: Construct,
        callable: NodeId,
        args: NodeId,
        kwargs: NodeId,
    ) -> Result<NodeId> {
        let object = ObjectNode {
            construct,
            callable,
            args,
            kwargs,
            states: Chain::EMPTY,
            appended: Chain::EMPTY,
            items: Chain::EMPTY,
            added: Chain::EMPTY,
        };
        let index = self.graph.add_object(self.region, object);
        self.push(Node::Object(index))
    }

    /// Gives an object a state, as BUILD does.
    pub fn set_state(&mut self, object: NodeId, state: NodeId) -> Result<()> {
        self.add(object, |object| &mut object.states, &[state])
    }

    /// Appends values to an object.
    pub fn append(&mut self, object: NodeId, values: &[NodeId]) -> Result<()> {
        self.add(object, |object| &mut object.appended, values)
    }

    /// Sets items of an object: keys and values alternate.
    pub fn set_items(&mut self, object: NodeId, items: &[NodeId]) -> Result<()> {
        self.add(object, |object| &mut object.items, items)
    }

    /// Adds values to an object as to a set.
    pub fn add_items(&mut self, object: NodeId, values: &[NodeId]) -> Result<()> {
        self.add(object, |object| &mut object.added, values)
    }

    /// Makes the object of a persistent id.
    pub fn persistent_id(&mut self, id: NodeId) -> Result<NodeId> {
        self.push(Node::PersistentId(id))
    }

    /// Makes the object of an extension code.
    pub fn extension(&mut self, code: i32) -> Result<NodeId> {
        self.push(Node::Extension(code))
    }

    /// Makes a value that stands for an object written before, by its [memo
    /// entry](crate::Encoder::entry). The encoder reads that entry where the value is written by
    /// [`value_with_outer`](crate::Encoder::value_with_outer).
    pub fn outer(&mut self, entry: u64) -> Result<NodeId> {
        self.push(Node::Outer(entry))
    }

    /// Copies a value of another graph. What is one object there is one object here; a global that
    /// was made before is not made again; and `around` is the memo entry, in the pickle that is
    /// written, of the object that is [around the value](Kind::Outer) in the other one. Without it,
    /// a value that contains such an object cannot be encoded.
    pub fn copy(&mut self, value: ValueRef<'_>, around: Option<u64>) -> Result<NodeId> {
        let region = self.region;
        let nodes = value.graph_len() + self.graph.len(region);
        limits::check(self.most_nodes as u64, nodes as u64, "pickle.limit.nodes", 0)?;
        let globals = &mut self.globals;
        Ok(copy(value, &mut self.graph, region, |graph, value| match value.kind() {
            Kind::Global(global) => {
                Some(globals.get(graph, global.module.to_str()?, global.name.to_str()?))
            }
            // Its memo index in the other pickle means nothing in this one.
            Kind::Outer(_) => Some(graph.push(region, Node::Outer(around.unwrap_or(u64::MAX)))),
            _ => None,
        }))
    }

    fn add(
        &mut self,
        object: NodeId,
        part: impl Fn(&mut ObjectNode) -> &mut Chain,
        values: &[NodeId],
    ) -> Result<()> {
        self.charge(values)?;
        let Node::Object(index) = self.graph.node(object) else {
            return Err(usage("only an object that a call makes can be changed"));
        };
        let region = object.region();
        let mut chain = *part(self.graph.object_mut(region, index));
        self.graph.extend(region, &mut chain, values);
        *part(self.graph.object_mut(region, index)) = chain;
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<NodeId> {
        self.graph.charge(self.region, self.most_nodes, 1, 0)?;
        Ok(self.graph.push(self.region, node))
    }

    /// Charges links to these values.
    fn charge(&self, values: &[NodeId]) -> Result<()> {
        let room = self.graph.room(self.region, self.most_nodes, 0);
        if values.len() <= room {
            return Ok(());
        }
        let nodes = (self.most_nodes - room).saturating_add(values.len());
        limits::check(self.most_nodes as u64, nodes as u64, "pickle.limit.nodes", 0)
    }

    fn check_hashable(&self, key: NodeId) -> Result<()> {
        if self.graph.node(key).is_hashable() {
            return Ok(());
        }
        let message = "a list, dict, set or bytearray cannot be hashed";
        Err(Error::new(ErrorKind::Usage, "pickle.items.unhashable", 0, message))
    }
}

#[cold]
fn usage(message: &str) -> Error {
    Error::new(ErrorKind::Usage, "pickle.stack.type", 0, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, Lexer, Machine, decode, encode};

    #[test]
    fn copy_keeps_identity_and_merges_globals() {
        // x = [1]; x.append(x); (x, x, os.getcwd, os.getcwd) with one and with two globals
        let bytes = b"\x80\x02(]q\0(K\x01h\0eh\0cos\ngetcwd\nq\x01cos\ngetcwd\nq\x02tq\x03.";
        let decoded = decode(bytes, &Limits::default()).unwrap();
        let mut build = Builder::new(&Limits::default());
        let copy = build.copy(decoded.value(), None).unwrap();
        let expected = b"\x80\x02(]q\0(K\x01h\0eh\0cos\ngetcwd\nq\x01h\x01tq\x02.";
        assert_eq!(encode(build.value(copy), 2).unwrap(), expected);
    }

    #[test]
    fn interned_text_is_no_value_of_that_name() {
        let mut build = Builder::new(&Limits::default());
        let number = build.once("version", |build| build.int(1)).unwrap();
        let text = build.interned("version").unwrap();
        assert_eq!(build.once("version", |build| build.int(2)).unwrap(), number);
        assert_eq!(encode(build.value(text), 2).unwrap(), b"\x80\x02X\x07\0\0\0versionq\0.");
        assert_eq!(build.interned("version").unwrap(), text);
    }

    #[test]
    fn outer_object_is_read_from_the_memo_of_the_new_pickle() {
        // An element of a list with memo index 7, which contains the list.
        let (mut graph, element) = (Graph::new(), b"h\x07\x85");
        graph.define_outer(7);
        let mut machine = Machine::new(&Limits::default());
        machine.reset(&graph, Region::Own, 8);
        machine.run(&mut graph, &mut Lexer::new(0, &Limits::default()), element).unwrap();
        let tuple = machine.finish(3).unwrap();
        let value = graph.value(tuple, Source { bytes: element, offset: 0 });

        let mut build = Builder::new(&Limits::default());
        let mut encoder = Encoder::new(2).unwrap();
        let list = encoder.empty_list();
        let copy = build.copy(value, Some(list)).unwrap();
        encoder.value_with_outer(build.value(copy)).unwrap();
        encoder.append();
        encoder.stop();
        assert_eq!(encoder.ready(), b"\x80\x02]q\0h\0\x85q\x01a.");
        // The memo index of another pickle is not taken for one of this pickle.
        let without = build.copy(value, None).unwrap();
        for refused in [
            encoder.value(value),
            encoder.value(build.value(copy)),
            encoder.value_with_outer(build.value(without)),
        ] {
            assert_eq!(refused.unwrap_err().clause(), "pickle.protocol");
        }
    }

    #[test]
    fn invalid_values_fail() {
        let mut build = Builder::new(&Limits::default());
        let (list, int) = (build.list(&[]).unwrap(), build.int(1).unwrap());
        for (error, clause) in [
            (build.dict(&[list, int]).unwrap_err(), "pickle.items.unhashable"),
            (build.set(&[list]).unwrap_err(), "pickle.items.unhashable"),
            (build.frozenset(&[int, list]).unwrap_err(), "pickle.items.unhashable"),
            (build.extend(int, &[]).unwrap_err(), "pickle.stack.type"),
            (build.set_state(list, int).unwrap_err(), "pickle.stack.type"),
            (build.str_with_surrogates(b"\xff").unwrap_err(), "pickle.utf8"),
        ] {
            assert_eq!(error.clause(), clause);
        }
    }

    #[test]
    fn builder_over_its_limit_fails() {
        let limits = Limits { nodes: 20, ..Limits::default() };
        let mut build = Builder::new(&limits);
        let most = (0..100).take_while(|&int| build.int(int).is_ok()).count();
        assert!((10..=20).contains(&most), "{most}");
        build.clear();
        let int = build.int(1).unwrap();
        assert_eq!(build.list(&[int; 30]).unwrap_err().clause(), "pickle.limit.nodes");
    }
}
