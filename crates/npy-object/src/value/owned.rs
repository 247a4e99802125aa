//! [`OwnedElement`]: an element that owns what it holds.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use npy_header::DType;
use pickle_stream::{Graph, NodeId, Source, ValueRef};

use crate::error::Result;
use crate::value::context::Context;
use crate::value::element::{Element, Repr};
use crate::value::items::{Entries, Items};
use crate::value::kind::Kind;
use crate::value::numbers::{Primitive, TypedArray};
use crate::value::plain::PlainArray;
use crate::value::row::Row;

/// An element that owns what it holds: it can be stored, and sent to another thread.
///
/// It has the methods of [`Element`]; their results borrow from it.
pub struct OwnedElement {
    context: Arc<Context>,
    repr: OwnedRepr,
}

#[expect(clippy::large_enum_variant, reason = "nearly all elements are values")]
enum OwnedRepr {
    Value { graph: Graph, root: NodeId },
    Row { dtype: DType, shape: Vec<usize>, bytes: Vec<u8> },
}

impl OwnedElement {
    fn of_value(value: ValueRef<'_>, context: Arc<Context>) -> OwnedElement {
        let (graph, root) = value.to_graph();
        OwnedElement { context, repr: OwnedRepr::Value { graph, root } }
    }

    fn of_row(row: Row<'_>, context: Arc<Context>) -> OwnedElement {
        let (dtype, shape, bytes) = (row.dtype.clone(), row.shape.to_vec(), row.bytes.to_vec());
        OwnedElement { context, repr: OwnedRepr::Row { dtype, shape, bytes } }
    }

    /// Returns the element as a reference.
    #[must_use]
    pub fn element(&self) -> Element<'_> {
        match &self.repr {
            OwnedRepr::Value { graph, root } => {
                let value = graph.value(*root, Source { bytes: &[], offset: 0 });
                Element::of_array(value, &self.context)
            }
            OwnedRepr::Row { dtype, shape, bytes } => {
                Element::row(Row { dtype, shape, bytes }, &self.context)
            }
        }
    }
}

impl Element<'_> {
    /// Copies an element of an array out of the decoder; `context` is its context.
    pub(crate) fn into_owned(self, context: Arc<Context>) -> OwnedElement {
        match self.repr() {
            Repr::Value(value) | Repr::Typed(value, _) | Repr::Plain(value, _) => {
                OwnedElement::of_value(value, context)
            }
            Repr::Row(row) => OwnedElement::of_row(row, context),
        }
    }
}

/// Methods of [`Element`], called on what [`OwnedElement::element`] returns.
macro_rules! delegate {
    ($($name:ident $(<$type:ident>)? -> $result:ty;)*) => {
        impl OwnedElement {$(
            #[doc = concat!("Calls [`Element::", stringify!($name), "`].")]
            pub fn $name $(<$type: Primitive>)? (&self) -> $result {
                self.element().$name()
            }
        )*}
    };
}

delegate! {
    kind -> Kind<'_>;
    value -> Option<ValueRef<'_>>;
    as_bool -> Result<bool>;
    as_i64 -> Result<i64>;
    as_f64 -> Result<f64>;
    as_str -> Result<Cow<'_, str>>;
    as_bytes -> Result<Cow<'_, [u8]>>;
    as_items -> Result<Items<'_>>;
    as_ints -> Result<Cow<'_, [i64]>>;
    as_floats -> Result<Cow<'_, [f64]>>;
    as_entries -> Result<Entries<'_>>;
    as_array<T> -> Result<TypedArray<'_, T>>;
    as_plain_array -> Option<PlainArray<'_>>;
    as_slice<T> -> Result<Cow<'_, [T]>>;
    as_scalar<T> -> Result<T>;
}

impl Clone for OwnedElement {
    fn clone(&self) -> OwnedElement {
        self.element().into_owned(Arc::clone(&self.context))
    }
}

impl fmt::Debug for OwnedElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.element(), f)
    }
}
