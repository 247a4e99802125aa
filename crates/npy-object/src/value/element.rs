//! [`Element`]: an element of an array, or a value inside one.
//!
//! This file is only the reference itself. `kind.rs` says what a value is, and `access.rs` adds the
//! methods that ask for it: [`kind`](Element::kind) and `as_*`.

use pickle_stream::{NodeId, ValueRef};

use crate::value::context::Context;
use crate::value::dtype::FieldType;
use crate::value::plain::PlainParts;
use crate::value::row::Row;

/// An element of an array, or a value inside one: a reference, as cheap to copy as a slice.
///
/// [`kind`](Self::kind) says what it is; the `as_` methods read it as a type that the caller
/// expects. Two values of an element with the same [`identity`](Self::identity) are the same
/// object.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    repr: Repr<'a>,
    context: &'a Context,
}

/// A reference to a value, and the way to read it.
#[derive(Clone, Copy)]
pub(crate) enum Repr<'a> {
    /// A pickled value.
    Value(ValueRef<'a>),
    /// A pickled value that stands for an item of a dtype, which the value does not name.
    Typed(ValueRef<'a>, FieldType<'a>),
    /// A pickled value that is a plain array.
    Plain(ValueRef<'a>, &'a PlainParts),
    /// A row of an array without objects.
    Row(Row<'a>),
}

impl<'a> Element<'a> {
    #[inline(always)]
    pub(crate) fn new(value: ValueRef<'a>, context: &'a Context) -> Element<'a> {
        Element { repr: Repr::Value(value), context }
    }

    /// Creates an element for a value that stands for an item of this dtype.
    pub(crate) fn typed(
        value: ValueRef<'a>,
        dtype: FieldType<'a>,
        context: &'a Context,
    ) -> Element<'a> {
        Element { repr: Repr::Typed(value, dtype), context }
    }

    /// Creates an element for a value that is the array of these parts.
    pub(crate) fn plain(
        value: ValueRef<'a>,
        parts: &'a PlainParts,
        context: &'a Context,
    ) -> Element<'a> {
        Element { repr: Repr::Plain(value, parts), context }
    }

    /// Creates an element of the array itself: of a structured array, a tuple that stands for a
    /// record.
    pub(crate) fn of_array(value: ValueRef<'a>, context: &'a Context) -> Element<'a> {
        match context.record_dtype() {
            Some(dtype) => Element::typed(value, FieldType::Parsed(dtype), context),
            None => Element::new(value, context),
        }
    }

    pub(crate) fn row(row: Row<'a>, context: &'a Context) -> Element<'a> {
        Element { repr: Repr::Row(row), context }
    }

    #[inline(always)]
    pub(crate) fn repr(self) -> Repr<'a> {
        self.repr
    }

    #[inline(always)]
    pub(crate) fn context(self) -> &'a Context {
        self.context
    }

    /// Returns the value as the pickle has it, before anything of NumPy is recognised; `None` for a
    /// row of an array without objects.
    pub fn value(self) -> Option<ValueRef<'a>> {
        match self.repr {
            Repr::Value(value) | Repr::Typed(value, _) | Repr::Plain(value, _) => Some(value),
            Repr::Row(_) => None,
        }
    }

    /// Returns an id that is the same for two values of one element if they are the same object;
    /// `None` for a row of an array without objects.
    pub fn identity(self) -> Option<NodeId> {
        self.value().map(ValueRef::id)
    }

    /// Returns the node of a value that is read without a dtype; `None` for an item of a dtype, and
    /// for a row.
    #[cfg(feature = "json")]
    pub(crate) fn untyped(self) -> Option<NodeId> {
        match self.repr {
            Repr::Value(value) | Repr::Plain(value, _) => Some(value.id()),
            Repr::Typed(..) | Repr::Row(_) => None,
        }
    }

    /// Returns another value of the same element.
    #[cfg(feature = "json")]
    pub(crate) fn at(self, node: NodeId) -> Option<Element<'a>> {
        self.value().map(|value| Element::new(value.at(node), self.context))
    }

    /// Returns the number of bytes of the element in the file, also for a value inside the element.
    /// 0 for an [`OwnedElement`](crate::OwnedElement), which is not in a file.
    #[inline]
    pub fn encoded_len(self) -> usize {
        match self.repr {
            Repr::Value(value) | Repr::Typed(value, _) | Repr::Plain(value, _) => {
                value.source_len()
            }
            Repr::Row(row) => row.bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_has_64_bytes() {
        // A loop returns one for each element, through memory.
        assert_eq!(size_of::<Element<'_>>(), 64);
    }
}
