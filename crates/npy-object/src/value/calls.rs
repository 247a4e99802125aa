//! [`Call`]: a call of a recognised callable, whose arguments are plain values of the graph.
//!
//! The files that recognise values (`shape`, `dtype`, `bytes`, `array`, `time`, `kind`) look at the
//! arguments as [`ValueRef`]s, never as [`Element`](crate::Element)s: the kind of an element would
//! recognise the arguments of its arguments in turn, as deep as the file is nested.

use pickle_stream::{Construct, Items, Kind as Raw, ObjectRef, ValueRef};

use crate::value::globals::Callable;

/// A call of a recognised callable.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) callable: Callable,
    object: ObjectRef<'a>,
}

impl<'a> Call<'a> {
    /// Returns the call that a value is; `None` for any other value, and for a call of a callable
    /// that is not recognised.
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Call<'a>> {
        Call::of_object(value.as_object()?)
    }

    /// Returns the call that an object is, as [`of`](Self::of) does.
    pub(crate) fn of_object(object: ObjectRef<'a>) -> Option<Call<'a>> {
        let Raw::Global(name) = object.callable().kind() else { return None };
        if object.construct() != Construct::Call {
            return None;
        }
        Some(Call { callable: Callable::named(name)?, object })
    }

    /// Returns the arguments.
    pub(crate) fn args(self) -> Option<Items<'a>> {
        tuple(self.object.args())
    }

    /// Returns the state that the last BUILD set.
    pub(crate) fn state(self) -> Option<ValueRef<'a>> {
        self.object.state()
    }

    /// Returns whether nothing was added to the call that its callable does not take: states,
    /// items.
    pub(crate) fn is_whole(self) -> bool {
        use Callable as C;
        let (object, callable) = (self.object, self.callable);
        let state = match callable {
            C::Reconstruct | C::MaskedReconstruct | C::DType | C::OrderedDict => true,
            _ => object.states().len() == 0,
        };
        let items = match callable {
            C::OrderedDict | C::DefaultDict => true,
            _ => object.items().len() == 0,
        };
        let added = matches!(callable, C::Set | C::FrozenSet) || object.added().len() == 0;
        let appended = callable == C::Deque || object.appended().len() == 0;
        state && items && added && appended
    }
}

/// Returns the members of a tuple.
pub(crate) fn tuple(value: ValueRef<'_>) -> Option<Items<'_>> {
    match value.kind() {
        Raw::Tuple(items) => Some(items),
        _ => None,
    }
}

/// Reads a flag: a bool, or an int as old versions of NumPy wrote it.
pub(crate) fn flag(value: ValueRef<'_>) -> Option<bool> {
    value.as_bool().or_else(|| value.as_int().map(|flag| flag != 0))
}

/// Reads the second argument of a deque: an int from 0 on, or None. `None` where it is neither.
pub(crate) fn maxlen(arg: ValueRef<'_>) -> Option<Option<u64>> {
    match arg.kind() {
        Raw::None => Some(None),
        Raw::Int(most) => u64::try_from(most).ok().map(Some),
        _ => None,
    }
}
