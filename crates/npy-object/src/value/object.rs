//! [`Object`]: a call that was not made.

use pickle_stream::{Construct, Items as RawItems, ObjectRef, ValueRef};

use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::items::{Entries, Items};

/// A call that was not made: the callable and its arguments, and the states and items that the
/// result would have been given.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    object: ObjectRef<'a>,
    context: &'a Context,
}

impl<'a> Object<'a> {
    #[inline(always)]
    pub(crate) fn new(object: ObjectRef<'a>, context: &'a Context) -> Object<'a> {
        Object { object, context }
    }

    fn element(self, value: ValueRef<'a>) -> Element<'a> {
        Element::new(value, self.context)
    }

    fn elements(self, items: RawItems<'a>) -> Items<'a> {
        Items::new(items, self.context)
    }

    /// Returns how the object would have been made.
    pub fn construct(self) -> Construct {
        self.object.construct()
    }

    /// Returns the callable, or the class whose `__new__` would have been called.
    pub fn callable(self) -> Element<'a> {
        self.element(self.object.callable())
    }

    /// Returns the arguments, a tuple.
    pub fn args(self) -> Element<'a> {
        self.element(self.object.args())
    }

    /// Returns the keyword arguments, a dict, where there are any.
    pub fn kwargs(self) -> Option<Element<'a>> {
        self.object.kwargs().map(|kwargs| self.element(kwargs))
    }

    /// Returns the states that the object would have been given, in most files none or one.
    pub fn states(self) -> Items<'a> {
        self.elements(self.object.states())
    }

    /// Returns the values that would have been appended.
    pub fn appended(self) -> Items<'a> {
        self.elements(self.object.appended())
    }

    /// Returns the keys and values that would have been set.
    pub fn items(self) -> Entries<'a> {
        Entries::new(self.object.items(), self.context)
    }

    /// Returns the values that would have been added as to a set.
    pub fn added(self) -> Items<'a> {
        self.elements(self.object.added())
    }
}

#[cfg(feature = "json")]
impl<'a> Element<'a> {
    /// Returns the call that the value is, also where it is recognised as a value.
    pub(crate) fn object(self) -> Option<Object<'a>> {
        self.value()?.as_object().map(|object| Object::new(object, self.context()))
    }
}
