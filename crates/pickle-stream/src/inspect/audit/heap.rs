//! Abstract values: what the auditor knows of the values of the pickle.
//!
//! An [`Abstract`] is a word on the stack or in the memo. Values with contents or an identity are
//! objects in the [`Heap`]. They refer to one another by index, so cycles need no care and dropping
//! never recurses. [`Heap::collect`] removes objects that neither stack nor memo refer to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::names::NameId;

/// The limit on kept items of a tuple or a dict. Of a longer one only the type is known.
pub(super) const MOST_ITEMS: usize = 1024;

/// The cost to hash and to remove a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// The work of hashing it: values in the tuples in it, counted as often as they occur, as hashing
    /// recurses into every place. Of a list, that of its worst item.
    pub(super) hash: u32,
    /// The levels of nested containers and objects. Python may recurse to remove them.
    pub(super) depth: u32,
}

impl Cost {
    const NONE: Cost = Cost { hash: 1, depth: 0 };

    /// Returns the larger of both.
    pub(super) fn max(self, other: Cost) -> Cost {
        Cost { hash: self.hash.max(other.hash), depth: self.depth.max(other.depth) }
    }

    /// Whether hashing the value takes no work or stack that its bytes do not pay for.
    pub(super) fn is_hashable(self) -> bool {
        self.hash <= 10_000
    }

    /// Whether removing the value takes no more stack than there is.
    pub(super) fn is_shallow(self) -> bool {
        self.depth <= 5_000
    }
}

/// An abstract value, or a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Abstract {
    Mark,
    None,
    Bool(bool),
    Int(i64),
    /// A str that is too long for a name.
    LongText,
    /// Bytes or a bytearray, with its byte if it has exactly one.
    Bytes(Option<u8>),
    /// A float, or a large int.
    Number,
    /// Another value without code of its own, such as a frozenset.
    Other,
    Global(NameId),
    /// Any value: it was forgotten.
    Forgotten,
    Object(ObjectId),
}

/// An object on the heap of an [`Auditor`](super::Auditor). Only valid until the auditor advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectId(u32);

#[derive(Debug)]
struct HeapObject {
    kind: ObjectKind,
    cost: Cost,
    /// Whether it is in another one.
    is_inside: bool,
}

#[derive(Debug)]
pub(super) enum ObjectKind {
    /// A str, or a str of Python 2.
    Text(Box<[u8]>),
    /// The items; None where there were too many, or they were removed.
    Tuple(Option<Box<[Abstract]>>),
    /// The number of items; None after SETITEM, which may change it.
    List(Option<u64>),
    Dict {
        /// Keys and values in turn, and whether these are all.
        items: Vec<Abstract>,
        is_whole: bool,
        /// Whether it is in the state of an object, which may refer to it.
        is_in_state: bool,
    },
    Set,
    /// What a call of `callee` returned, or a call of what that returned.
    Result {
        callee: NameId,
        fact: u64,
        /// Whether it is kept longer than others.
        is_kept: bool,
    },
}

/// Bytes that objects take before unused ones are looked for.
const LEAST_COLLECTED: usize = 1 << 19;

#[derive(Debug)]
pub(super) struct Heap {
    objects: Vec<HeapObject>,
    /// Bytes that the objects take.
    size: usize,
    /// The size from which on unused objects are removed.
    collect_at: usize,
    /// The worst of what was forgotten.
    forgotten: Cost,
    /// How often an object got deeper when it was in another one already.
    late: u32,
    /// The worst work of hashing what was put into an object that was in another one already.
    late_cost: Cost,
}

impl Default for Heap {
    fn default() -> Heap {
        Heap {
            objects: Vec::new(),
            size: 0,
            collect_at: LEAST_COLLECTED,
            forgotten: Cost::NONE,
            late: 0,
            late_cost: Cost::NONE,
        }
    }
}

impl Heap {
    pub(super) fn add(&mut self, kind: ObjectKind) -> Abstract {
        let object = HeapObject { kind, cost: Cost::NONE, is_inside: false };
        self.size += object.size();
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(object);
        Abstract::Object(id)
    }

    /// Makes a tuple of the values of a slice.
    pub(super) fn tuple(&mut self, slice: &Slice) -> Abstract {
        let items = (slice.values.len() <= MOST_ITEMS).then(|| slice.values[..].into());
        let tuple = self.add(ObjectKind::Tuple(items));
        self.put_into(tuple, slice);
        tuple
    }

    /// Makes a frozenset of the values of a slice. Comparing two of them takes as much work as hashing
    /// a tuple of the values.
    pub(super) fn frozen_set(&mut self, slice: &Slice) -> Abstract {
        let set = self.add(ObjectKind::Tuple(None));
        self.put_into(set, slice);
        set
    }

    /// Notes what an object costs with the values of a slice in it.
    pub(super) fn put_into(&mut self, object: Abstract, slice: &Slice) {
        let mut worst = slice.rest;
        let more = u32::try_from(slice.count - slice.values.len() as u64).unwrap_or(u32::MAX);
        let mut sum = more.saturating_mul(slice.rest.hash);
        for &value in &slice.values {
            let cost = self.cost(value);
            sum = sum.saturating_add(cost.hash);
            worst = worst.max(cost);
            if let Some(inner) = self.object_mut(value) {
                inner.is_inside = true;
            }
        }
        let late = self.late;
        let Some(outer) = self.object_mut(object) else { return };
        let is_inside = outer.is_inside;
        let is_late = is_inside && worst.depth > 0;
        let hash = match outer.kind {
            ObjectKind::Tuple(_) => sum.saturating_add(1),
            ObjectKind::List(_) => worst.hash,
            _ => 1,
        };
        // What is around it does not get to know of its new depth, so that counts for all.
        let depth = worst.depth.saturating_add(1).saturating_add(late);
        outer.cost = outer.cost.max(Cost { hash, depth });
        self.late += u32::from(is_late);
        if is_inside {
            self.late_cost = self.late_cost.max(Cost { hash, depth: 0 });
        }
    }

    /// What a value costs. What was forgotten may be the worst that ever was.
    pub(super) fn cost(&self, value: Abstract) -> Cost {
        match value {
            Abstract::Object(ObjectId(id)) => self.objects[id as usize].cost,
            Abstract::Forgotten | Abstract::Other => self.forgotten,
            _ => Cost::NONE,
        }
    }

    /// Notes that a value is forgotten.
    pub(super) fn forget(&mut self, value: Abstract) {
        self.forgotten = self.forgotten.max(self.cost(value));
    }

    /// Returns the worst cost that an item of a list may have, also of those that were put into it
    /// after it was put into another object.
    pub(super) fn cost_of_items(&self, list: Abstract) -> Cost {
        self.cost(list).max(self.late_cost)
    }

    pub(super) fn get(&self, value: Abstract) -> Option<&ObjectKind> {
        match value {
            Abstract::Object(ObjectId(id)) => Some(&self.objects[id as usize].kind),
            _ => None,
        }
    }

    fn get_mut(&mut self, value: Abstract) -> Option<&mut ObjectKind> {
        self.object_mut(value).map(|object| &mut object.kind)
    }

    fn object_mut(&mut self, value: Abstract) -> Option<&mut HeapObject> {
        match value {
            Abstract::Object(ObjectId(id)) => self.objects.get_mut(id as usize),
            _ => None,
        }
    }

    /// Notes that the values of a slice are appended to a list.
    pub(super) fn append(&mut self, list: Abstract, slice: &Slice) {
        if let Some(ObjectKind::List(len)) = self.get_mut(list) {
            *len = len.map(|len| len + slice.count);
        }
        self.put_into(list, slice);
    }

    /// Notes that the values of a slice, keys and values in turn, are set in a dict or a list. Returns
    /// whether no pickler does that: to a list, or to a dict that is in a state already.
    pub(super) fn set_items(&mut self, object: Abstract, slice: &Slice) -> bool {
        self.put_into(object, slice);
        let mut size = self.size;
        let is_odd = match self.get_mut(object) {
            Some(ObjectKind::List(len)) => {
                *len = None;
                true
            }
            Some(ObjectKind::Dict { items, is_whole, is_in_state }) => {
                match slice.entries() {
                    Some(added) if *is_whole && items.len() + added.len() <= 2 * MOST_ITEMS => {
                        items.extend(added);
                        size += size_of_val(added);
                    }
                    _ => {
                        size -= size_of_val(&items[..]);
                        *items = Vec::new();
                        *is_whole = false;
                    }
                }
                *is_in_state
            }
            _ => false,
        };
        self.size = size;
        is_odd
    }

    /// Notes that a value is the state of an object: the dicts in it must not change any more.
    pub(super) fn use_as_state(&mut self, state: Abstract) {
        let items = match self.get(state) {
            Some(ObjectKind::Tuple(Some(items))) => items.clone(),
            _ => return,
        };
        for &item in &items {
            if let Some(ObjectKind::Dict { is_in_state, .. }) = self.get_mut(item) {
                *is_in_state = true;
            }
        }
    }

    pub(super) fn set_fact(&mut self, ObjectId(id): ObjectId, new: u64, keep: bool) {
        if let Some(ObjectKind::Result { fact, is_kept, .. }) =
            self.get_mut(Abstract::Object(ObjectId(id)))
        {
            (*fact, *is_kept) = (new, keep);
        }
    }

    /// Whether it is time to look for unused objects.
    pub(super) fn is_full(&self) -> bool {
        self.size > self.collect_at
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Removes the entries of dicts, and the items of tuples that hold more than numbers and results.
    pub(super) fn strip(&mut self) {
        let holds_more = |item: &Abstract| {
            self.get(*item).is_some_and(|kind| !matches!(kind, ObjectKind::Result { .. }))
        };
        let is_nested = |object: &HeapObject| match &object.kind {
            ObjectKind::Tuple(Some(items)) => items.iter().any(holds_more),
            ObjectKind::Dict { .. } => true,
            _ => false,
        };
        let nested: Vec<bool> = self.objects.iter().map(is_nested).collect();
        for (object, _) in self.objects.iter_mut().zip(nested).filter(|(_, nested)| *nested) {
            match &mut object.kind {
                ObjectKind::Dict { items, is_whole, .. } => {
                    (*items, *is_whole) = (Vec::new(), false);
                }
                ObjectKind::Tuple(items) => *items = None,
                _ => {}
            }
        }
    }

    /// Removes every object that none of the roots leads to. `each_root` shows every root to the
    /// function that it is given, which may change the reference.
    pub(super) fn collect(&mut self, mut each_root: impl FnMut(&mut dyn FnMut(&mut Abstract))) {
        const UNUSED: u32 = u32::MAX;
        let mut new_ids = alloc::vec![UNUSED; self.objects.len()];
        let mut kept: Vec<u32> = Vec::new();
        let mut move_value = |value: &mut Abstract, kept: &mut Vec<u32>| {
            let Abstract::Object(ObjectId(id)) = value else { return };
            let new = &mut new_ids[*id as usize];
            if *new == UNUSED {
                *new = kept.len() as u32;
                kept.push(*id);
            }
            *id = *new;
        };
        each_root(&mut |root| move_value(root, &mut kept));
        // Objects that are kept lead to others, which are kept after them.
        let mut objects = Vec::new();
        let mut size = 0;
        let mut place = 0;
        while let Some(&id) = kept.get(place) {
            let removed = HeapObject { kind: ObjectKind::Set, cost: Cost::NONE, is_inside: false };
            let mut object = core::mem::replace(&mut self.objects[id as usize], removed);
            for item in object.items_mut() {
                move_value(item, &mut kept);
            }
            size += object.size();
            objects.push(object);
            place += 1;
        }
        self.objects = objects;
        self.size = size;
        self.collect_at = LEAST_COLLECTED.max(2 * size);
    }
}

impl HeapObject {
    fn size(&self) -> usize {
        size_of::<HeapObject>()
            + match &self.kind {
                ObjectKind::Text(text) => text.len(),
                ObjectKind::Tuple(Some(items)) => size_of_val(&items[..]),
                ObjectKind::Dict { items, .. } => size_of_val(&items[..]),
                _ => 0,
            }
    }

    fn items_mut(&mut self) -> &mut [Abstract] {
        match &mut self.kind {
            ObjectKind::Tuple(Some(items)) => items,
            ObjectKind::Dict { items, .. } => items,
            _ => &mut [],
        }
    }
}

/// Values that were above a mark.
#[derive(Debug)]
pub(super) struct Slice {
    /// The lowest of them.
    pub(super) values: Vec<Abstract>,
    /// How many there are.
    pub(super) count: u64,
    /// The worst cost of those that are not in `values`.
    pub(super) rest: Cost,
}

impl Default for Slice {
    fn default() -> Slice {
        Slice { values: Vec::new(), count: 0, rest: Cost { hash: 0, depth: 0 } }
    }
}

impl Slice {
    /// One more than a dict keeps, so that a longer slice is known to be one.
    const MOST: usize = 2 * MOST_ITEMS + 1;

    /// Makes it the slice of these values.
    pub(super) fn set(&mut self, values: &[Abstract]) {
        self.clear();
        self.values.extend(values);
        self.count = values.len() as u64;
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        (self.count, self.rest) = (0, Cost { hash: 0, depth: 0 });
    }

    pub(super) fn push(&mut self, value: Abstract, length: u64, heap: &Heap) {
        let room = (Slice::MOST - self.values.len()) as u64;
        self.values.extend(core::iter::repeat_n(value, length.min(room) as usize));
        self.count += length;
        if length > room {
            self.rest = self.rest.max(heap.cost(value));
        }
    }

    /// All of them, if they are kept and can be keys and values in turn.
    pub(super) fn entries(&self) -> Option<&[Abstract]> {
        let is_whole = self.values.len() as u64 == self.count && self.count.is_multiple_of(2);
        is_whole.then_some(&self.values[..])
    }
}
