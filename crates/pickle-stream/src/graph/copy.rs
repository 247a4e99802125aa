//! Copies of values in other graphs.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::arena::{Graph, Links, Source};
use super::id::{NodeId, Region};
use super::node::{Chain, Node, ObjectNode, Payload};
use super::view::ValueRef;

impl ValueRef<'_> {
    /// Copies the value, with all values in it, into a graph that needs no source. Shared objects
    /// stay shared.
    pub fn to_graph(self) -> (Graph, NodeId) {
        let mut graph = Graph::new();
        graph.set_protocol(self.into_parts().0.protocol());
        let root = copy(self, &mut graph, Region::Own, |_, _| None);
        (graph, root)
    }
}

/// Copies a value, with all values in it, into a region of a graph. `known` returns the node of a
/// value that the graph has already.
pub(crate) fn copy<F>(value: ValueRef<'_>, to: &mut Graph, region: Region, known: F) -> NodeId
where
    F: FnMut(&mut Graph, ValueRef<'_>) -> Option<NodeId>,
{
    let (from, source, root) = value.into_parts();
    let mut copier =
        Copier { from, source, to, region, known, ids: Ids::default(), left: Vec::new() };
    let root = copier.id(root);
    while let Some((old, new)) = copier.left.pop() {
        *copier.to.node_mut(new) = copier.node(old);
    }
    root
}

struct Copier<'a, F> {
    from: &'a Graph,
    source: Source<'a>,
    to: &'a mut Graph,
    region: Region,
    known: F,
    /// Old ids to new ones.
    ids: Ids,
    /// Nodes that have a new id and are not copied yet. A stack, as values nest to any depth.
    left: Vec<(NodeId, NodeId)>,
}

/// A map of ids. Most values have a few nodes, for which a search takes less time than a tree.
#[derive(Default)]
struct Ids {
    few: Vec<(NodeId, NodeId)>,
    many: BTreeMap<NodeId, NodeId>,
}

impl Ids {
    /// The number of nodes from which on there is a tree.
    const FEW: usize = 32;

    fn get(&self, old: NodeId) -> Option<NodeId> {
        let found = self.few.iter().find(|(id, _)| *id == old).map(|&(_, new)| new);
        found.or_else(|| self.many.get(&old).copied())
    }

    fn insert(&mut self, old: NodeId, new: NodeId) {
        if self.few.len() < Ids::FEW {
            self.few.push((old, new));
        } else {
            self.many.insert(old, new);
        }
    }
}

impl<F> Copier<'_, F>
where
    F: FnMut(&mut Graph, ValueRef<'_>) -> Option<NodeId>,
{
    fn id(&mut self, old: NodeId) -> NodeId {
        if old.is_constant() {
            return old;
        }
        if let Some(new) = self.ids.get(old) {
            return new;
        }
        let new = (self.known)(self.to, self.from.value(old, self.source)).unwrap_or_else(|| {
            let new = self.to.push(self.region, Node::None);
            if let Some(label) = self.from.label(old) {
                self.to.set_label(new, label);
            }
            self.left.push((old, new));
            new
        });
        self.ids.insert(old, new);
        new
    }

    fn node(&mut self, old: NodeId) -> Node {
        let (from, region) = (self.from, old.region());
        match from.node(old) {
            Node::Long(payload) => Node::Long(self.payload(region, payload)),
            Node::Str(payload) => Node::Str(self.payload(region, payload)),
            Node::Str2(payload) => Node::Str2(self.payload(region, payload)),
            Node::Bytes(payload) => Node::Bytes(self.payload(region, payload)),
            Node::ByteArray(payload) => Node::ByteArray(self.payload(region, payload)),
            Node::Tuple(run) => {
                let links = self.links(from.run(region, run));
                Node::Tuple(self.to.push_run(self.region, &links))
            }
            Node::FrozenSet(run) => {
                let links = self.links(from.run(region, run));
                Node::FrozenSet(self.to.push_run(self.region, &links))
            }
            Node::List(chain) => Node::List(self.chain(region, chain)),
            Node::Set(chain) => Node::Set(self.chain(region, chain)),
            Node::Dict(chain) => Node::Dict(self.chain(region, chain)),
            Node::Global { module, name } => {
                Node::Global { module: self.id(module), name: self.id(name) }
            }
            Node::Object(index) => {
                let object = *from.object(region, index);
                let object = ObjectNode {
                    construct: object.construct,
                    callable: self.id(object.callable),
                    args: self.id(object.args),
                    kwargs: self.id(object.kwargs),
                    states: self.chain(region, object.states),
                    appended: self.chain(region, object.appended),
                    items: self.chain(region, object.items),
                    added: self.chain(region, object.added),
                };
                Node::Object(self.to.add_object(self.region, object))
            }
            Node::PersistentId(id) => Node::PersistentId(self.id(id)),
            node @ (Node::None
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Extension(_)
            | Node::Buffer { .. }
            | Node::Outer(_)) => node,
        }
    }

    fn payload(&mut self, region: Region, payload: Payload) -> Payload {
        let bytes = self.from.payload(region, payload, self.source);
        self.to.push_scratch(self.region, bytes)
    }

    fn links(&mut self, links: Links<'_>) -> Vec<NodeId> {
        links.map(|old| self.id(old)).collect()
    }

    fn chain(&mut self, region: Region, chain: Chain) -> Chain {
        let (from, mut copy) = (self.from, Chain::EMPTY);
        for run in from.runs(region, chain) {
            // Unboxed numbers stay unboxed in the own region.
            let kept = self.region == Region::Own
                && self.to.extend_with_copies(&mut copy, from.numbers_of(region, run));
            if !kept {
                let links = self.links(from.run(region, run));
                self.to.extend(self.region, &mut copy, &links);
            }
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::{Kind, Limits, Source, decode};

    #[test]
    fn copy_keeps_unboxed_numbers() {
        let batches = |number: &[u8]| {
            let batch = [b"(", &number.repeat(20)[..], b"e"].concat();
            [b"]", &batch[..], &batch, b"."].concat()
        };
        for (bytes, ints) in [(batches(b"K\x07"), true), (batches(b"G?\xf0\0\0\0\0\0\0"), false)] {
            let decoded = decode(&bytes, &Limits::default()).unwrap();
            let (graph, root) = decoded.value().to_graph();
            let source = Source { bytes: &[], offset: 0 };
            let Kind::List(items) = graph.value(root, source).kind() else { panic!() };
            assert_eq!(items.as_ints(), ints.then_some(&[7; 40][..]));
            assert_eq!(items.as_floats(), (!ints).then_some(&[1.0; 40][..]));
        }
        // Other values between them stay where they are.
        let mixed =
            [b"](", &b"K\x07".repeat(20)[..], b"eNa(", &b"K\x08".repeat(20), b"e."].concat();
        let (graph, root) = decode(&mixed, &Limits::default()).unwrap().value().to_graph();
        let Kind::List(items) = graph.value(root, Source { bytes: &[], offset: 0 }).kind() else {
            panic!()
        };
        let ints: Vec<_> = items.map(|item| item.as_int()).collect();
        assert_eq!(ints, [&[Some(7); 20][..], &[None], &[Some(8); 20]].concat());
    }

    #[test]
    fn copy_keeps_identity_and_cycles() {
        // l = [1]; l += [l, ("a", l)], protocol 2
        let bytes = b"\x80\x02]q\0(K\x01h\0X\x01\0\0\0ah\0\x86e.";
        let (graph, root) = decode(bytes, &Limits::default()).unwrap().value().to_graph();
        let value = graph.value(root, Source { bytes: &[], offset: 0 });
        let Kind::List(mut items) = value.kind() else { panic!() };
        assert!(matches!(items.next().unwrap().kind(), Kind::Int(1)));
        assert_eq!(items.next().unwrap().id(), value.id());
        let Kind::Tuple(mut pair) = items.next().unwrap().kind() else { panic!() };
        assert!(matches!(pair.next().unwrap().kind(), Kind::Str(text) if text == "a"));
        assert_eq!(pair.next().unwrap().id(), value.id());
    }
}
