//! The heap: abstract values with contents or an identity.
//!
//! References between objects are indices, so cycles are harmless and removing objects never
//! recurses. [`Heap::collect`] removes the objects that neither the stack nor the memo leads to.

use alloc::vec::Vec;

use super::bounds::{MAX_ITEMS, MIN_COLLECTED};
use super::cost::Cost;
use super::slice::Slice;
use super::value::{AbstractValue, ObjectId, ObjectKind, Part};

/// The objects.
#[derive(Debug)]
pub(super) struct Heap {
    objects: Vec<HeapObject>,
    contents: Contents,
    /// The memory of the objects and contents before the last collection, for the next one.
    spare: (Vec<HeapObject>, Contents),
    /// Bytes that the objects take, those that are no longer used included.
    size: usize,
    /// The size above which unused objects are to be removed.
    collect_at: usize,
    /// The largest costs among the values that were forgotten. An unknown value may have them.
    forgotten: Cost,
    /// How often an object with something in it was put into one that was in another one already.
    ///
    /// The objects around that one keep the depth that they had. To make up for it, every depth
    /// that is computed later is larger by this number. It stays an estimate: after the n-th such
    /// change, a chain of up to `MAX_DEPTH / (n + 1)` more objects is not reported.
    late_changes: u32,
    /// The largest hash of a value that was put into an object that was in another one already.
    late_cost: Cost,
}

/// What is in texts and tuples: a [`Part`] for each of them, so that none is allocated.
#[derive(Debug, Default)]
struct Contents {
    text: Vec<u8>,
    items: Vec<AbstractValue>,
}

impl Contents {
    fn add_text(&mut self, text: &[u8]) -> Part {
        add(&mut self.text, text)
    }

    fn add_items(&mut self, items: &[AbstractValue]) -> Part {
        add(&mut self.items, items)
    }
}

fn add<T: Copy>(all: &mut Vec<T>, new: &[T]) -> Part {
    let part = Part { begin: all.len() as u32, len: new.len() as u32 };
    all.extend_from_slice(new);
    part
}

/// An object, with what it costs.
#[derive(Debug)]
struct HeapObject {
    kind: ObjectKind,
    cost: Cost,
    /// Whether it was put into another object, whose cost was computed from its cost at that time.
    is_inside: bool,
}

impl Default for Heap {
    fn default() -> Heap {
        Heap {
            objects: Vec::new(),
            contents: Contents::default(),
            spare: Default::default(),
            size: 0,
            collect_at: MIN_COLLECTED,
            forgotten: Cost::LEAF,
            late_changes: 0,
            late_cost: Cost::LEAF,
        }
    }
}

impl Heap {
    /// Adds an object that nothing is in yet.
    pub(super) fn add(&mut self, kind: ObjectKind) -> AbstractValue {
        let object = HeapObject { kind, cost: Cost::LEAF, is_inside: false };
        self.size += object.size();
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(object);
        AbstractValue::Object(id)
    }

    /// Adds a text.
    pub(super) fn text(&mut self, text: &[u8]) -> AbstractValue {
        let text = self.contents.add_text(text);
        self.add(ObjectKind::Text(text))
    }

    /// Adds a tuple of the values of a slice.
    pub(super) fn tuple(&mut self, slice: &Slice) -> AbstractValue {
        let is_kept = slice.values.len() <= MAX_ITEMS;
        let items = is_kept.then(|| self.contents.add_items(&slice.values));
        let tuple = self.add(ObjectKind::Tuple(items));
        self.put_into(tuple, slice);
        tuple
    }

    /// Adds a frozenset of the values of a slice. As a key it costs as much as a tuple of them:
    /// hashing it is cheap, but comparing two equal ones visits every item.
    pub(super) fn frozen_set(&mut self, slice: &Slice) -> AbstractValue {
        let set = self.add(ObjectKind::Tuple(None));
        self.put_into(set, slice);
        set
    }

    /// Computes the cost of an object anew after the values of a slice were put into it.
    pub(super) fn put_into(&mut self, object: AbstractValue, slice: &Slice) {
        let mut max = slice.rest;
        let more = u32::try_from(slice.count - slice.values.len() as u64).unwrap_or(u32::MAX);
        let mut sum = more.saturating_mul(slice.rest.hash);
        for &value in &slice.values {
            let cost = self.cost(value);
            sum = sum.saturating_add(cost.hash);
            max = max.max(cost);
            if let Some(inner) = self.object_mut(value) {
                inner.is_inside = true;
            }
        }
        let late_changes = self.late_changes;
        let Some(outer) = self.object_mut(object) else { return };
        let is_inside = outer.is_inside;
        let is_late = is_inside && max.depth > 0;
        let hash = match outer.kind {
            ObjectKind::Tuple(_) => sum.saturating_add(1),
            // A list is not hashed itself, but its items are where a set is made of it.
            ObjectKind::List(_) => max.hash,
            _ => 1,
        };
        let depth = max.depth.saturating_add(1).saturating_add(late_changes);
        outer.cost = outer.cost.max(Cost { hash, depth });
        self.late_changes += u32::from(is_late);
        if is_inside {
            self.late_cost = self.late_cost.max(Cost { hash, depth: 0 });
        }
    }

    /// Returns the cost of a value: of an unknown one, the largest of those that were forgotten.
    pub(super) fn cost(&self, value: AbstractValue) -> Cost {
        match value {
            AbstractValue::Object(ObjectId(id)) => self.objects[id as usize].cost,
            AbstractValue::Unknown | AbstractValue::Other => self.forgotten,
            _ => Cost::LEAF,
        }
    }

    /// Notes the cost of a value that is being forgotten.
    pub(super) fn note_forgotten(&mut self, value: AbstractValue) {
        self.forgotten = self.forgotten.max(self.cost(value));
    }

    /// Returns the largest costs that an item of a list may have. An item may contain an object
    /// that was changed after it was put into the list, so the changes of all such objects count.
    pub(super) fn cost_of_items(&self, list: AbstractValue) -> Cost {
        self.cost(list).max(self.late_cost)
    }

    /// Returns what an object is; `None` for a value without an object.
    pub(super) fn get(&self, value: AbstractValue) -> Option<&ObjectKind> {
        match value {
            AbstractValue::Object(ObjectId(id)) => Some(&self.objects[id as usize].kind),
            _ => None,
        }
    }

    /// Returns the bytes of a text.
    pub(super) fn text_of(&self, text: Part) -> &[u8] {
        &self.contents.text[text.range()]
    }

    /// Returns the items of a tuple.
    pub(super) fn items_of(&self, items: Part) -> &[AbstractValue] {
        &self.contents.items[items.range()]
    }

    fn get_mut(&mut self, value: AbstractValue) -> Option<&mut ObjectKind> {
        self.object_mut(value).map(|object| &mut object.kind)
    }

    fn object_mut(&mut self, value: AbstractValue) -> Option<&mut HeapObject> {
        match value {
            AbstractValue::Object(ObjectId(id)) => self.objects.get_mut(id as usize),
            _ => None,
        }
    }

    /// Appends the values of a slice to a list, or puts them into another object.
    pub(super) fn append(&mut self, list: AbstractValue, slice: &Slice) {
        if let Some(ObjectKind::List(len)) = self.get_mut(list) {
            *len = len.map(|len| len + slice.count);
        }
        self.put_into(list, slice);
    }

    /// Sets the values of a slice, keys and values in turn, in a dict or a list, or puts them into
    /// another object. Returns whether this is [`Act::Alter`](super::Act::Alter): the object is a
    /// list, or a dict in a state.
    pub(super) fn set_items(&mut self, object: AbstractValue, slice: &Slice) -> bool {
        self.put_into(object, slice);
        let mut size = self.size;
        let alters = match self.get_mut(object) {
            Some(ObjectKind::List(len)) => {
                *len = None;
                true
            }
            Some(ObjectKind::Dict { items, is_whole, is_in_state }) => {
                match slice.entries() {
                    Some(added) if *is_whole && items.len() + added.len() <= 2 * MAX_ITEMS => {
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
        alters
    }

    /// Marks the dicts in a state: an object may refer to them from now on.
    pub(super) fn use_as_state(&mut self, state: AbstractValue) {
        let Some(&ObjectKind::Tuple(Some(items))) = self.get(state) else { return };
        for index in items.range() {
            let item = self.contents.items[index];
            if let Some(ObjectKind::Dict { is_in_state, .. }) = self.get_mut(item) {
                *is_in_state = true;
            }
        }
    }

    /// Sets what the policy notes of a result.
    pub(super) fn set_fact(&mut self, ObjectId(id): ObjectId, new: u64, keep: bool) {
        if let Some(ObjectKind::Result { fact, is_kept, .. }) =
            self.get_mut(AbstractValue::Object(ObjectId(id)))
        {
            (*fact, *is_kept) = (new, keep);
        }
    }

    /// Whether unused objects are to be removed now.
    pub(super) fn is_full(&self) -> bool {
        self.size > self.collect_at
    }

    /// Returns the bytes that the objects take.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Forgets the entries of dicts, and the items of tuples in which there is an object other than
    /// a result. So tuples of numbers, which are shapes and sizes of few bytes, stay.
    pub(super) fn forget_contents(&mut self) {
        let is_not_result = |item: &AbstractValue| {
            self.get(*item).is_some_and(|kind| !matches!(kind, ObjectKind::Result { .. }))
        };
        let is_nested = |object: &HeapObject| match &object.kind {
            ObjectKind::Tuple(Some(items)) => self.items_of(*items).iter().any(is_not_result),
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

    /// Removes every object that no root leads to, and numbers the others anew. `each_root` must
    /// call the function that it is given with every root, which is changed to the new number.
    pub(super) fn collect(
        &mut self,
        mut each_root: impl FnMut(&mut dyn FnMut(&mut AbstractValue)),
    ) {
        const UNUSED: u32 = u32::MAX;
        let mut new_ids = alloc::vec![UNUSED; self.objects.len()];
        let mut kept: Vec<u32> = Vec::new();
        let mut move_value = |value: &mut AbstractValue, kept: &mut Vec<u32>| {
            let AbstractValue::Object(ObjectId(id)) = value else { return };
            let new = &mut new_ids[*id as usize];
            if *new == UNUSED {
                *new = kept.len() as u32;
                kept.push(*id);
            }
            *id = *new;
        };
        each_root(&mut |root| move_value(root, &mut kept));
        let (mut objects, mut contents) = core::mem::take(&mut self.spare);
        let mut size = 0;
        // `kept` is also the queue: an object that is moved adds those in it that are new.
        let mut next = 0;
        while let Some(&id) = kept.get(next) {
            let object = &mut self.objects[id as usize];
            size += object.size();
            let mut kind = core::mem::replace(&mut object.kind, ObjectKind::Set);
            match &mut kind {
                ObjectKind::Text(text) => {
                    *text = contents.add_text(&self.contents.text[text.range()]);
                }
                ObjectKind::Tuple(Some(items)) => {
                    *items = contents.add_items(&self.contents.items[items.range()]);
                    let moved = &mut contents.items[items.range()];
                    moved.iter_mut().for_each(|item| move_value(item, &mut kept));
                }
                ObjectKind::Dict { items, .. } => {
                    items.iter_mut().for_each(|item| move_value(item, &mut kept));
                }
                _ => {}
            }
            objects.push(HeapObject { kind, ..*object });
            next += 1;
        }
        core::mem::swap(&mut self.objects, &mut objects);
        core::mem::swap(&mut self.contents, &mut contents);
        objects.clear();
        contents.text.clear();
        contents.items.clear();
        self.spare = (objects, contents);
        self.size = size;
        self.collect_at = MIN_COLLECTED.max(2 * size);
    }
}

impl HeapObject {
    /// Returns the bytes that the object takes.
    fn size(&self) -> usize {
        size_of::<HeapObject>()
            + match &self.kind {
                ObjectKind::Text(text) => text.len as usize,
                ObjectKind::Tuple(Some(items)) => items.len as usize * size_of::<AbstractValue>(),
                ObjectKind::Dict { items, .. } => size_of_val(&items[..]),
                _ => 0,
            }
    }
}
