//! Names of nodes: which region of a graph, and which index in it.

/// The name of a node of a [`Graph`](crate::Graph): a region, and an index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    // The top bits say where the node is; the others are its index there.
    pub(super) const SHARED: u32 = 1 << 31;
    pub(super) const INT: u32 = 1 << 30;
    pub(super) const FLOAT: u32 = 1 << 29;
    pub(super) const PLACES: u32 = NodeId::SHARED | NodeId::INT | NodeId::FLOAT;

    pub(crate) const NONE: NodeId = NodeId(0);
    pub(crate) const FALSE: NodeId = NodeId(1);
    pub(crate) const TRUE: NodeId = NodeId(2);
    pub(crate) const EMPTY_TUPLE: NodeId = NodeId(3);
    pub(super) const LEAF: NodeId = NodeId(4);

    // The limit on nodes is below the index that would reach these bits: see `most_nodes`.

    pub(super) fn new(region: Region, index: usize) -> NodeId {
        NodeId(index as u32 | if region == Region::Shared { NodeId::SHARED } else { 0 })
    }

    /// Returns the node of the own region at this index.
    #[inline]
    pub(crate) fn own(index: usize) -> NodeId {
        NodeId(index as u32)
    }

    /// Returns the int of the own region that has this index among its unboxed ints.
    #[inline]
    pub(super) fn int(index: usize) -> NodeId {
        NodeId(index as u32 | NodeId::INT)
    }

    /// Returns the float of the own region that has this index among its unboxed floats.
    #[inline]
    pub(super) fn float(index: usize) -> NodeId {
        NodeId(index as u32 | NodeId::FLOAT)
    }

    /// Returns whether the node is one of those that every graph begins with.
    pub(super) fn is_constant(self) -> bool {
        self <= NodeId::EMPTY_TUPLE
    }

    /// Returns whether the id names an unboxed number, which has no node.
    #[inline]
    pub(crate) fn is_number(self) -> bool {
        self.0 & (NodeId::INT | NodeId::FLOAT) != 0
    }

    #[inline]
    pub(crate) fn region(self) -> Region {
        if self.0 & NodeId::SHARED == 0 { Region::Own } else { Region::Shared }
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        (self.0 & !NodeId::PLACES) as usize
    }
}

/// One of the two arenas of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// The arena of the value that is decoded now.
    Own,
    /// The arena of definitions, which several values read.
    Shared,
}
