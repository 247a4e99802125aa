//! Tasks that are left to do while an element becomes a Python object, and the members that they wait
//! for.

use std::borrow::Cow;

use npy_object::header::DType;
use npy_object::pickle::{Kind as Raw, NodeId};
use npy_object::{Array, ArrayItems, Data, Element, Entries, Items, Object, StandardClass, Time};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

/// A task.
pub(super) enum Task<'a, 'py> {
    /// Make the objects of these members, and push them to the values.
    Members(Members<'a>),
    /// Finish an object from its members.
    Finish(Finish<'a, 'py>),
    /// Fill the containers that were made empty after the first `n`.
    Fill(usize),
}

// Each level of nesting keeps two tasks on the stack, so their large parts are boxed.
const _: () = assert!(size_of::<Task<'_, '_>>() <= 104);

/// The members of an object, in order.
#[derive(Clone)]
pub(super) enum Members<'a> {
    One(Option<Element<'a>>),
    Items(Items<'a>),
    ArrayItems(Box<ArrayItems<'a>>),
    /// The entries, and the value of the last key.
    Entries(Box<(Entries<'a>, Option<Element<'a>>)>),
    Fields(std::vec::IntoIter<Element<'a>>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Members::One(one) => one.take(),
            Members::Items(items) => items.next(),
            Members::ArrayItems(items) => items.next(),
            Members::Entries(state) => {
                let (entries, value) = &mut **state;
                value.take().or_else(|| {
                    let (key, next) = entries.next()?;
                    *value = Some(next);
                    Some(key)
                })
            }
            Members::Fields(fields) => fields.next(),
        }
    }
}

/// An object that is made or filled once its members are made.
pub(super) enum Finish<'a, 'py> {
    Tuple {
        id: NodeId,
        items: Items<'a>,
    },
    FrozenSet {
        id: NodeId,
        items: Items<'a>,
    },
    List {
        list: Bound<'py, PyList>,
        items: Items<'a>,
    },
    Deque {
        deque: Bound<'py, PyAny>,
        items: Items<'a>,
    },
    Set {
        set: Bound<'py, PySet>,
        items: Items<'a>,
    },
    Dict {
        dict: Bound<'py, PyAny>,
        entries: Entries<'a>,
    },
    /// An array of objects: its items.
    Array {
        made: Bound<'py, PyAny>,
        array: Box<Array<'a>>,
    },
    /// A StringDType, with its object for a missing str.
    StringDType {
        coerce: bool,
        na_object: Option<Box<Element<'a>>>,
    },
    /// An array of StringDType: its items, and the object for a missing one.
    Strings {
        id: NodeId,
        array: Box<Array<'a>>,
    },
    /// A masked array: its items, if they are objects, and its fill value.
    Masked {
        id: NodeId,
        array: Box<Array<'a>>,
    },
    Record {
        dtype: Cow<'a, DType>,
        fields: Vec<Element<'a>>,
    },
    /// A datetime or a time with a time zone.
    Moment {
        date: Option<[u32; 3]>,
        time: Box<Time<'a>>,
    },
    /// A call of a class of the standard library.
    Standard {
        id: NodeId,
        class: StandardClass,
        object: Object<'a>,
    },
    /// An Opaque in place of an object that is not made. If the callable is not a name, it is made too.
    Opaque {
        opaque: Bound<'py, PyAny>,
        makes_callable: bool,
        object: Object<'a>,
    },
    /// An Opaque in place of the object of a persistent id.
    Persistent {
        opaque: Bound<'py, PyAny>,
        of: Box<Element<'a>>,
    },
    /// A call whose callable is not a name.
    Callable {
        id: NodeId,
        object: Object<'a>,
    },
    /// A call of a class or function that `find_class` gave.
    Call {
        id: NodeId,
        object: Object<'a>,
        callable: Bound<'py, PyAny>,
    },
    /// The states, items and entries that an object gets after its call.
    Build {
        made: Bound<'py, PyAny>,
        object: Object<'a>,
    },
}

impl<'a> Finish<'a, '_> {
    /// Returns whether the members have to be filled first, as finishing calls them, hashes them or
    /// passes them to a call.
    pub(super) fn needs_filled_members(&self) -> bool {
        match self {
            Finish::Tuple { .. }
            | Finish::List { .. }
            | Finish::Deque { .. }
            | Finish::Array { .. }
            | Finish::Opaque { .. }
            | Finish::Persistent { .. } => false,
            Finish::Set { items, .. } | Finish::FrozenSet { items, .. } => {
                items.clone().any(may_be_filled)
            }
            Finish::Dict { entries, .. } => entries.clone().any(|(key, _)| may_be_filled(key)),
            Finish::StringDType { .. }
            | Finish::Strings { .. }
            | Finish::Masked { .. }
            | Finish::Record { .. }
            | Finish::Moment { .. }
            | Finish::Standard { .. }
            | Finish::Callable { .. }
            | Finish::Call { .. }
            | Finish::Build { .. } => true,
        }
    }

    /// Returns the members, in order.
    pub(super) fn members(&self) -> Vec<Members<'a>> {
        let items = |items: &Items<'a>| Members::Items(items.clone());
        let entries = |entries: Entries<'a>| Members::Entries(Box::new((entries, None)));
        let array_items = |array: &Array<'a>| match array.data() {
            Data::Items(items) => Some(Members::ArrayItems(Box::new(items.clone()))),
            Data::Bytes(_) => None,
        };
        match self {
            Finish::Tuple { items: members, .. }
            | Finish::FrozenSet { items: members, .. }
            | Finish::List { items: members, .. }
            | Finish::Deque { items: members, .. }
            | Finish::Set { items: members, .. } => vec![items(members)],
            Finish::Dict { entries: members, .. } => vec![entries(members.clone())],
            Finish::Array { array, .. } => array_items(array).into_iter().collect(),
            Finish::StringDType { na_object, .. } => {
                vec![Members::One(na_object.as_deref().copied())]
            }
            Finish::Strings { array, .. } => {
                array_items(array).into_iter().chain([Members::One(array.na_object())]).collect()
            }
            Finish::Masked { array, .. } => {
                let fill_value = Members::One(array.mask().map(|mask| mask.fill_value));
                array_items(array).into_iter().chain([fill_value]).collect()
            }
            Finish::Record { fields, .. } => vec![Members::Fields(fields.clone().into_iter())],
            Finish::Moment { time, .. } => vec![Members::One(time.zone)],
            Finish::Standard { object, .. } => {
                vec![Members::One(Some(object.args())), items(&object.states())]
            }
            Finish::Opaque { makes_callable, object, .. } => vec![
                Members::One(makes_callable.then(|| object.callable())),
                Members::One(Some(object.args())),
                Members::One(object.kwargs()),
                items(&object.states()),
                items(&object.appended()),
                entries(object.items()),
                items(&object.added()),
            ],
            Finish::Persistent { of, .. } => vec![Members::One(Some(**of))],
            Finish::Callable { object, .. } => vec![Members::One(Some(object.callable()))],
            Finish::Call { object, .. } => {
                vec![Members::One(Some(object.args())), Members::One(object.kwargs())]
            }
            Finish::Build { object, .. } => vec![
                items(&object.states()),
                items(&object.appended()),
                entries(object.items()),
                items(&object.added()),
            ],
        }
    }
}

/// Returns whether a key may be, or contain, an object that gets its state after it is made.
pub(super) fn may_be_filled(key: Element<'_>) -> bool {
    let kind = key.value().map(|value| value.kind());
    !matches!(
        kind,
        Some(
            Raw::None
                | Raw::Bool(_)
                | Raw::Int(_)
                | Raw::Long(_)
                | Raw::Float(_)
                | Raw::Str(_)
                | Raw::Str2(_)
                | Raw::Bytes(_)
        )
    )
}
