//! The value of a pickle as data: a flat arena of nodes that name one another by index.
//!
//! Uses `lex` for runs of numbers, and `compat` for the names of globals. It knows neither how a
//! graph is made from instructions (`machine`) nor how one is encoded (`write`).
//!
//! Read `id` and `node` (what a graph is made of), `arena` (the [`Graph`]), then `view` (looking at
//! a value). `memo` maps memo indices to nodes, `node_map` maps nodes to anything, `copy` copies a
//! value into another graph, and `value` makes an owned tree of one. `utf8` and `twos_complement`
//! read the payloads of strings and ints.

mod arena;
mod copy;
mod id;
mod memo;
mod node;
mod node_map;
pub(crate) mod twos_complement;
pub(crate) mod utf8;
mod value;
mod view;

pub(crate) use arena::Fill;
pub use arena::{Graph, Source};
pub(crate) use copy::copy;
pub use id::{NodeId, Region};
pub(crate) use memo::Memo;
pub use node::Construct;
pub(crate) use node::{Chain, Node, ObjectNode, Payload, Run};
pub use node_map::NodeMap;
pub use value::{Object, TreeLimits, Value};
pub use view::{Entries, Global, Items, Kind, Long, ObjectRef, Paused, Str, ValueRef};
