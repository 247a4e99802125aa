//! A map from nodes to anything. Nodes are numbered, so it needs no hash.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::id::{NodeId, Region};
use super::view::ValueRef;

/// A map from the nodes of one graph. A node that is not in the map has the default value.
#[derive(Clone, Debug, Default)]
pub struct NodeMap<T> {
    /// By index, for each node of the own region.
    own: Vec<T>,
    shared: BTreeMap<NodeId, T>,
}

impl<T: Copy + Default + PartialEq> NodeMap<T> {
    /// Empties the map, and makes room for the nodes of a value.
    pub fn reset(&mut self, value: ValueRef<'_>) {
        let len = value.graph_nodes();
        self.own.clear();
        if self.own.capacity() < len {
            self.own = Vec::with_capacity(len);
        }
        self.own.resize(len, T::default());
        self.shared.clear();
    }

    /// Returns the value of a node.
    #[inline]
    pub fn get(&self, node: NodeId) -> T {
        match node.region() {
            _ if node.is_number() => T::default(),
            Region::Own => self.own.get(node.index()).copied().unwrap_or_default(),
            Region::Shared => self.shared.get(&node).copied().unwrap_or_default(),
        }
    }

    /// Sets the value of a node, and returns the one before. Unboxed numbers have no node, and keep
    /// the default.
    #[inline]
    pub fn set(&mut self, node: NodeId, to: T) -> T {
        match (node.is_number(), node.region()) {
            (true, _) => T::default(),
            (_, Region::Own) => match self.own.get_mut(node.index()) {
                Some(slot) => core::mem::replace(slot, to),
                None => T::default(),
            },
            (_, Region::Shared) if to == T::default() => {
                self.shared.remove(&node).unwrap_or_default()
            }
            (_, Region::Shared) => self.shared.insert(node, to).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode};

    #[test]
    fn map_is_empty_after_reset() {
        let decoded = decode(b"]q\0h\0a.", &Limits::default()).unwrap();
        let (value, mut map) = (decoded.value(), NodeMap::default());
        map.reset(value);
        assert_eq!((map.set(value.id(), 7), map.set(value.id(), 8)), (0, 7));
        assert_eq!(map.get(value.id()), 8);
        map.reset(value);
        assert_eq!(map.get(value.id()), 0);
    }

    #[test]
    fn shared_nodes_are_mapped_too() {
        let node = NodeId::new(Region::Shared, 5);
        let mut map = NodeMap::default();
        assert_eq!((map.set(node, true), map.get(node)), (false, true));
        assert_eq!((map.set(node, false), map.get(node)), (true, false));
    }
}
