//! What the auditor knows of values: a heap of the few facts that a policy asks for.
//!
//! A [`Value`] is a word on the stack or in the memo. Values with contents or an identity are
//! objects in the [`Heap`], where references are indices, so cycles cost nothing and dropping never
//! recurses. Objects that neither stack nor memo refer to are removed by [`Heap::collect`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::names::NameId;
use super::stack::Slice;

/// Items that are kept of a tuple or a dict. Of a longer one only the kind is known.
pub(super) const MOST_ITEMS: usize = 1024;

/// What it costs to hash and to remove a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// The work of hashing it: values in the tuples in it, counted as often as they occur, as hashing
    /// recurses into every place. Of a list, that of its worst item.
    pub(super) hash: u32,
    /// How many containers and objects are in one another. Removing them may recurse.
    pub(super) depth: u32,
}

impl Cost {
    const NONE: Cost = Cost { hash: 1, depth: 0 };

    /// The larger of both.
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

/// A value, or a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Mark,
    None,
    Bool(bool),
    Int(i64),
    /// A str of more bytes than a name may have.
    LongText,
    /// Bytes or a bytearray. The first byte is kept where it is the only one.
    Bytes(Option<u8>),
    /// A float, or a large int.
    Number,
    /// A frozenset, for instance: a value without code of its own.
    Other,
    Global(NameId),
    /// Any value: it was removed to make room.
    Forgotten,
    Object(ObjectId),
}

/// An object on the heap of an [`Auditor`](super::Auditor). Only valid until the auditor advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectId(u32);

#[derive(Debug)]
struct Object {
    kind: Kind,
    cost: Cost,
    /// Whether it is in another one.
    is_inside: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A str, or a str of Python 2.
    Text(Box<[u8]>),
    /// The items; None where there were too many, or they were removed.
    Tuple(Option<Box<[Value]>>),
    /// How many items; None after one was set by SETITEM, which may change that.
    List(Option<u64>),
    Dict {
        /// Keys and values in turn, and whether these are all.
        items: Vec<Value>,
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
    objects: Vec<Object>,
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
    pub(super) fn add(&mut self, kind: Kind) -> Value {
        let object = Object { kind, cost: Cost::NONE, is_inside: false };
        self.size += object.size();
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(object);
        Value::Object(id)
    }

    /// Makes a tuple of the values of a slice.
    pub(super) fn tuple(&mut self, slice: &Slice) -> Value {
        let items = (slice.values.len() <= MOST_ITEMS).then(|| slice.values[..].into());
        let tuple = self.add(Kind::Tuple(items));
        self.put_into(tuple, slice);
        tuple
    }

    /// Makes a frozenset of the values of a slice. Comparing two of them takes as much work as hashing
    /// a tuple of the values.
    pub(super) fn frozen_set(&mut self, slice: &Slice) -> Value {
        let set = self.add(Kind::Tuple(None));
        self.put_into(set, slice);
        set
    }

    /// Notes what an object costs with the values of a slice in it.
    pub(super) fn put_into(&mut self, object: Value, slice: &Slice) {
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
            Kind::Tuple(_) => sum.saturating_add(1),
            Kind::List(_) => worst.hash,
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
    pub(super) fn cost(&self, value: Value) -> Cost {
        match value {
            Value::Object(ObjectId(id)) => self.objects[id as usize].cost,
            Value::Forgotten | Value::Other => self.forgotten,
            _ => Cost::NONE,
        }
    }

    /// Notes that a value is forgotten.
    pub(super) fn forget(&mut self, value: Value) {
        self.forgotten = self.forgotten.max(self.cost(value));
    }

    pub(super) fn get(&self, value: Value) -> Option<&Kind> {
        match value {
            Value::Object(ObjectId(id)) => Some(&self.objects[id as usize].kind),
            _ => None,
        }
    }

    fn get_mut(&mut self, value: Value) -> Option<&mut Kind> {
        self.object_mut(value).map(|object| &mut object.kind)
    }

    fn object_mut(&mut self, value: Value) -> Option<&mut Object> {
        match value {
            Value::Object(ObjectId(id)) => self.objects.get_mut(id as usize),
            _ => None,
        }
    }

    /// Notes that the values of a slice are appended to a list.
    pub(super) fn append(&mut self, list: Value, slice: &Slice) {
        if let Some(Kind::List(len)) = self.get_mut(list) {
            *len = len.map(|len| len + slice.count);
        }
        self.put_into(list, slice);
    }

    /// Notes that the values of a slice, keys and values in turn, are set in a dict or a list. Returns
    /// whether no pickler does that: to a list, or to a dict that is in a state already.
    pub(super) fn set_items(&mut self, object: Value, slice: &Slice) -> bool {
        self.put_into(object, slice);
        let mut size = self.size;
        let is_odd = match self.get_mut(object) {
            Some(Kind::List(len)) => {
                *len = None;
                true
            }
            Some(Kind::Dict { items, is_whole, is_in_state }) => {
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
    pub(super) fn use_as_state(&mut self, state: Value) {
        let items = match self.get(state) {
            Some(Kind::Tuple(Some(items))) => items.clone(),
            _ => return,
        };
        for &item in &items {
            if let Some(Kind::Dict { is_in_state, .. }) = self.get_mut(item) {
                *is_in_state = true;
            }
        }
    }

    pub(super) fn set_fact(&mut self, ObjectId(id): ObjectId, new: u64, keep: bool) {
        if let Some(Kind::Result { fact, is_kept, .. }) = self.get_mut(Value::Object(ObjectId(id)))
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
        let holds_more =
            |item: &Value| self.get(*item).is_some_and(|kind| !matches!(kind, Kind::Result { .. }));
        let is_nested = |object: &Object| match &object.kind {
            Kind::Tuple(Some(items)) => items.iter().any(holds_more),
            Kind::Dict { .. } => true,
            _ => false,
        };
        let nested: Vec<bool> = self.objects.iter().map(is_nested).collect();
        for (object, _) in self.objects.iter_mut().zip(nested).filter(|(_, nested)| *nested) {
            match &mut object.kind {
                Kind::Dict { items, is_whole, .. } => (*items, *is_whole) = (Vec::new(), false),
                Kind::Tuple(items) => *items = None,
                _ => {}
            }
        }
    }

    /// Removes every object that none of the roots leads to. `each_root` shows every root to the
    /// function that it is given, which may change the reference.
    pub(super) fn collect(&mut self, mut each_root: impl FnMut(&mut dyn FnMut(&mut Value))) {
        const UNUSED: u32 = u32::MAX;
        let mut new_ids = alloc::vec![UNUSED; self.objects.len()];
        let mut kept: Vec<u32> = Vec::new();
        let mut move_value = |value: &mut Value, kept: &mut Vec<u32>| {
            let Value::Object(ObjectId(id)) = value else { return };
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
            let removed = Object { kind: Kind::Set, cost: Cost::NONE, is_inside: false };
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

impl Object {
    fn size(&self) -> usize {
        size_of::<Object>()
            + match &self.kind {
                Kind::Text(text) => text.len(),
                Kind::Tuple(Some(items)) => size_of_val(&items[..]),
                Kind::Dict { items, .. } => size_of_val(&items[..]),
                _ => 0,
            }
    }

    fn items_mut(&mut self) -> &mut [Value] {
        match &mut self.kind {
            Kind::Tuple(Some(items)) => items,
            Kind::Dict { items, .. } => items,
            _ => &mut [],
        }
    }
}

/// What is known of a value that an instruction works on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Known<'a> {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int of 64 bits.
    Int(i64),
    /// A float, or a larger int.
    Number,
    /// A str, or a str of Python 2, of up to 1,024 bytes: UTF-8, in which there may be surrogates.
    Text(&'a [u8]),
    /// A longer str.
    LongText,
    /// Bytes or a bytearray, with its byte where it has one.
    Bytes(Option<u8>),
    /// A tuple of up to 1,024 items.
    Tuple(KnownItems<'a>),
    /// A list.
    List(KnownList),
    /// A dict.
    Dict(KnownDict<'a>),
    /// A set.
    Set,
    /// A global: a class, a function.
    Global(NameId),
    /// The result of a call.
    Result(KnownResult),
    /// Another value that has no code of its own: a frozenset, a longer tuple.
    Other,
    /// Any value: nothing is known.
    Unknown,
}

/// The items of a tuple.
#[derive(Clone, Copy, Debug)]
pub struct KnownItems<'a> {
    pub(super) heap: &'a Heap,
    pub(super) items: &'a [Value],
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub struct KnownList {
    /// How many items it has at this instruction; `None` where that is not known.
    pub len: Option<u64>,
    /// Whether hashing any of its items takes little work, and little stack: see [`Act::Costly`].
    ///
    /// [`Act::Costly`]: super::Act::Costly
    pub is_hashable: bool,
}

/// The entries of a dict.
#[derive(Clone, Copy, Debug)]
pub struct KnownDict<'a> {
    items: KnownItems<'a>,
    is_whole: bool,
}

/// What a call returned.
#[derive(Clone, Copy, Debug)]
pub struct KnownResult {
    /// Which object it is.
    pub object: ObjectId,
    /// What was called: this, or what a call of this returned.
    pub callee: NameId,
    /// What [`Auditor::set_fact`](super::Auditor::set_fact) noted of it; 0 before.
    pub fact: u64,
}

impl<'a> Known<'a> {
    pub(super) fn of(heap: &'a Heap, value: Value) -> Known<'a> {
        match value {
            Value::None => Known::None,
            Value::Bool(bool) => Known::Bool(bool),
            Value::Int(int) => Known::Int(int),
            Value::LongText => Known::LongText,
            Value::Bytes(byte) => Known::Bytes(byte),
            Value::Number => Known::Number,
            Value::Other => Known::Other,
            Value::Global(name) => Known::Global(name),
            Value::Mark | Value::Forgotten => Known::Unknown,
            Value::Object(object) => match &heap.objects[object.0 as usize].kind {
                Kind::Text(text) => Known::Text(text),
                Kind::Tuple(Some(items)) => Known::Tuple(KnownItems { heap, items }),
                Kind::Tuple(None) => Known::Other,
                Kind::List(len) => {
                    let is_hashable = heap.cost(value).max(heap.late_cost).is_hashable();
                    Known::List(KnownList { len: *len, is_hashable })
                }
                Kind::Dict { items, is_whole, .. } => Known::Dict(KnownDict {
                    items: KnownItems { heap, items },
                    is_whole: *is_whole,
                }),
                Kind::Set => Known::Set,
                Kind::Result { callee, fact, .. } => {
                    Known::Result(KnownResult { object, callee: *callee, fact: *fact })
                }
            },
        }
    }
}

impl<'a> KnownItems<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item at a place.
    pub fn get(&self, place: usize) -> Option<Known<'a>> {
        self.items.get(place).map(|&item| Known::of(self.heap, item))
    }

    /// All of them, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Known<'a>> {
        self.items.iter().map(move |&item| Known::of(self.heap, item))
    }
}

impl<'a> KnownDict<'a> {
    /// The keys and their values, in the order in which they were set; `None` where there are more
    /// than 1,024. A key may occur twice: the last one counts.
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (Known<'a>, Known<'a>)>> {
        let KnownItems { heap, items } = self.items;
        let entries = items.chunks_exact(2);
        self.is_whole.then(|| {
            entries.map(move |entry| (Known::of(heap, entry[0]), Known::of(heap, entry[1])))
        })
    }
}
