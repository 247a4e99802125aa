//! Elements that own what they hold.

use std::fmt;
use std::sync::Arc;

use npy_header::DType;
use pickle_stream::{Graph, NodeId, Source, ValueRef};

use crate::value::element::{Context, Element, Row};

/// An element that owns what it holds: it can be kept, and sent to another thread.
pub struct OwnedElement {
    context: Arc<Context>,
    owned: Owned,
}

#[expect(clippy::large_enum_variant, reason = "nearly all of them are values")]
enum Owned {
    Value { graph: Graph, root: NodeId },
    Row { dtype: DType, shape: Vec<usize>, bytes: Vec<u8> },
}

impl OwnedElement {
    pub(crate) fn of_value(value: ValueRef<'_>, context: Arc<Context>) -> OwnedElement {
        let (graph, root) = value.to_graph();
        OwnedElement { context, owned: Owned::Value { graph, root } }
    }

    pub(crate) fn of_row(row: Row<'_>, context: Arc<Context>) -> OwnedElement {
        let (dtype, shape, bytes) = (row.dtype.clone(), row.shape.to_vec(), row.bytes.to_vec());
        OwnedElement { context, owned: Owned::Row { dtype, shape, bytes } }
    }

    /// The element.
    pub fn element(&self) -> Element<'_> {
        match &self.owned {
            Owned::Value { graph, root } => {
                let value = graph.value(*root, Source { bytes: &[], offset: 0 });
                Element::of_array(value, &self.context)
            }
            Owned::Row { dtype, shape, bytes } => {
                Element::row(Row { dtype, shape, bytes }, &self.context)
            }
        }
    }
}

impl fmt::Debug for OwnedElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.element(), f)
    }
}
