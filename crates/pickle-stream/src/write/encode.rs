//! Values to bytes, as CPython's pickler writes them.
//!
//! The bytes are those of CPython's C pickler (`Modules/_pickle.c`) for the same objects, in
//! protocols 2 to 5: the shortest form of each int, batches of 1,000, a memo entry for every object
//! that the pickler gives one, frames with large payloads between them. A pickle of CPython 3.7 or
//! later, decoded here and encoded again in its protocol, has the same bytes.
//!
//! Values nest to any depth, so the tasks still to be done are on a stack.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::frames::{self, Frames};
use crate::compat;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{
    Construct, Entries, Global, Items, Kind, NodeId, ObjectRef, ValueRef, twos_complement,
};
use crate::lex::{Argument, Instruction};
use crate::opcode::{ArgumentKind, Opcode};

/// Items between a MARK and its APPENDS, SETITEMS or ADDITEMS: `BATCHSIZE`.
const BATCH: usize = 1000;

/// Encodes a whole pickle: PROTO, the value, STOP.
///
/// Fails as [`Encoder::new`] and [`Encoder::value`] do.
///
/// ```
/// use pickle_stream::{Limits, decode, encode};
///
/// // l = [1]; l.append(l); pickle.dumps(l, protocol=4)
/// let bytes = b"\x80\x04\x95\x09\0\0\0\0\0\0\0]\x94(K\x01h\0e.";
/// let decoded = decode(bytes, &Limits::default())?;
/// assert_eq!(encode(decoded.value(), 4)?, bytes);
/// # Ok::<(), pickle_stream::Error>(())
/// ```
pub fn encode(value: ValueRef<'_>, protocol: u8) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(protocol)?;
    encoder.value(value)?;
    encoder.stop();
    Ok(encoder.ready().to_vec())
}

/// A writer of one pickle, in pieces.
///
/// [`value`](Self::value) writes a whole value. For a container larger than memory, its parts are
/// written as values, and the opcodes that put them together have methods:
/// [`empty_list`](Self::empty_list), [`mark`](Self::mark), [`appends`](Self::appends) and so on.
/// These are not checked against the stack that the pickle will have.
///
/// The bytes are in [`ready`](Self::ready) until [`take`](Self::take).
#[derive(Debug)]
pub struct Encoder {
    protocol: u8,
    frames: Frames,
    /// The number of memo entries.
    entries: u64,
    own: Written,
    shared: Written,
    /// The number of nodes written.
    nodes: u64,
    /// Whether the memo index of [`Kind::Outer`] is an entry of this pickle.
    has_outer: bool,
    /// Sets whose items are being written, or were, with the number of nodes that were written
    /// before.
    started_sets: BTreeMap<NodeId, u64>,
    /// The memo entries of globals and of a str that the encoder itself needs.
    known: Vec<(&'static str, &'static str, u64)>,
}

/// A state of an [`Encoder`] to go back to: see [`Encoder::savepoint`].
#[derive(Clone, Copy, Debug)]
pub struct Savepoint {
    frames: frames::Saved,
    entries: u64,
    known: usize,
}

/// The memo entries of the nodes of a region that were written, by node: one more than the entry,
/// or 0 for none.
#[derive(Debug, Default)]
struct Written(Vec<u64>);

impl Written {
    #[inline]
    fn get(&self, id: NodeId) -> Option<u64> {
        if id.is_number() {
            return None;
        }
        self.0.get(id.index())?.checked_sub(1)
    }

    fn put(&mut self, id: NodeId, entry: u64) {
        debug_assert!(!id.is_number());
        if id.index() >= self.0.len() {
            self.0.resize(id.index() + 1, 0);
        }
        self.0[id.index()] = entry + 1;
    }
}

/// A task still to be done.
enum Task<'a> {
    Value(ValueRef<'a>),
    Opcode(Opcode),
    /// Gives the value a memo entry, after the instructions that make it.
    Memoize(ValueRef<'a>),
    /// Before protocol 4: the call that makes a set, after the list of its items.
    Set(ValueRef<'a>),
    /// The opcode that makes a tuple or frozenset, after its items, with their number.
    Tuple(ValueRef<'a>, Opcode, usize),
    /// A call, after its callable and arguments.
    Call(ObjectRef<'a>, ValueRef<'a>),
    /// The items of a container, after the empty container.
    Items(Batches<'a>),
}

/// The items of a container, which are added to it in batches.
struct Batches<'a> {
    items: Items<'a>,
    /// The number of values in an item.
    width: usize,
    /// The opcode that adds a single item, if there is one.
    one: Option<Opcode>,
    /// The opcode that adds a batch.
    many: Opcode,
    ends: Ends,
    stage: Stage,
}

/// How CPython's pickler finds the end of the items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// It knows their number: `batch_list_exact`.
    Counted,
    /// After a full batch it begins another one, which may be empty: `batch_dict_exact`,
    /// `save_set`.
    WithEmptyBatch,
    /// It reads one item ahead, and adds the last one by itself: `batch_list`, `batch_dict`.
    Foreseen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before all items.
    Start,
    /// Between batches.
    Between,
    /// After a MARK and this many items.
    Batch(usize),
    /// After a single item.
    Single,
}

impl Encoder {
    /// Creates an encoder of a new pickle.
    ///
    /// Fails on a protocol other than 2, 3, 4 and 5.
    pub fn new(protocol: u8) -> Result<Encoder> {
        if !(2..=5).contains(&protocol) {
            let message = format!("expected protocol 2, 3, 4 or 5, found {protocol}");
            return Err(Error::new(ErrorKind::Usage, "pickle.protocol", 0, message));
        }
        Ok(Encoder {
            protocol,
            frames: Frames::new(protocol),
            entries: 0,
            own: Written::default(),
            shared: Written::default(),
            nodes: 0,
            has_outer: false,
            started_sets: BTreeMap::new(),
            known: Vec::new(),
        })
    }

    /// Returns the protocol.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Returns the number of memo entries of the pickle so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Returns the bytes that are final. Those of a frame are final once it is full.
    pub fn ready(&self) -> &[u8] {
        self.frames.ready()
    }

    /// Drops the bytes that are [`ready`](Self::ready).
    pub fn take(&mut self) {
        self.frames.take();
    }

    /// Drops all bytes, and goes on after `entries` memo entries: in the middle of a pickle that
    /// begins with the instructions written so far, and has others after them. The values that were
    /// written keep their memo entries.
    pub fn resume(&mut self, entries: u64) {
        self.frames.clear();
        self.entries = entries;
    }

    /// Returns the state of the encoder, to [go back](Self::go_back) to as long as no bytes were
    /// [taken](Self::take).
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { frames: self.frames.save(), entries: self.entries, known: self.known.len() }
    }

    /// Drops the instructions that were written after the savepoint, and forgets which values have
    /// memo entries.
    pub fn go_back(&mut self, to: Savepoint) {
        self.frames.go_back(to.frames);
        self.entries = to.entries;
        self.known.truncate(to.known);
        self.own.0.clear();
        self.shared.0.clear();
    }

    /// Forgets the values of the [shared region](crate::Region::Shared). Call it when that region
    /// was emptied, or when the next value is of another graph.
    pub fn forget_shared(&mut self) {
        self.shared.0.clear();
    }

    /// Writes a value. An object that occurs several times in it, or that is in the shared region
    /// of its graph, is written once, and then read from the memo.
    ///
    /// In protocol 2 the names of globals are [those of Python 2](crate::to_python_2), which Python
    /// 3 reads too.
    ///
    /// Fails where the protocol has no form for a value (out-of-band buffers before 5; before 4
    /// keyword arguments, globals with a line end in their name, 4 GiB of text or bytes, and a set
    /// that is needed to make one of its items), on [`Kind::Outer`], and on a read of a memo entry
    /// from 2^32 on. After an error the pickle cannot be continued.
    pub fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.own.0.clear();
        self.started_sets.clear();
        let mut tasks = Vec::new();
        self.begin(value, &mut tasks)?;
        while let Some(task) = tasks.pop() {
            match task {
                Task::Value(value) => self.begin(value, &mut tasks)?,
                Task::Opcode(opcode) => self.opcode(opcode),
                Task::Memoize(value) => self.memoize_node(value)?,
                Task::Tuple(value, opcode, len) => self.tuple_of(value, opcode, len)?,
                Task::Set(value) => self.set_of_list(value)?,
                Task::Call(object, value) => self.call(object, value, &mut tasks)?,
                Task::Items(batches) => self.items(batches, &mut tasks),
            }
        }
        Ok(())
    }

    /// Writes a value as [`value`](Self::value) does, in which [`Kind::Outer`] is an object that
    /// this encoder has written before, by its memo entry: see
    /// [`Builder::outer`](crate::Builder::outer).
    pub fn value_with_outer(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.has_outer = true;
        let written = self.value(value);
        self.has_outer = false;
        written
    }

    /// Writes a value without items, or the first instructions of a value with items.
    fn begin<'a>(&mut self, value: ValueRef<'a>, tasks: &mut Vec<Task<'a>>) -> Result<()> {
        self.frames.boundary();
        if let Some(entry) = self.entry(value) {
            return self.get(entry);
        }
        match value.kind() {
            Kind::None => self.opcode(Opcode::None),
            Kind::Bool(false) => self.opcode(Opcode::NewFalse),
            Kind::Bool(true) => self.opcode(Opcode::NewTrue),
            Kind::Int(int) => self.shortest_int(int),
            Kind::Long(long) => self.long(long.as_le_bytes())?,
            Kind::Float(float) => self.float(float),
            Kind::Str(text) => {
                self.text(text.as_bytes())?;
                self.memoize_node(value)?;
            }
            Kind::Str2(bytes) => {
                self.payload(&[Opcode::ShortBinString, Opcode::BinString], bytes)?;
                self.memoize_node(value)?;
            }
            Kind::Bytes(bytes) => {
                self.bytes(bytes)?;
                self.memoize_node(value)?;
            }
            Kind::ByteArray(bytes) => {
                self.byte_array(bytes)?;
                self.memoize_node(value)?;
            }
            Kind::Tuple(items) if items.len() == 0 => self.opcode(Opcode::EmptyTuple),
            Kind::Tuple(items) => {
                let len = items.len();
                let opcode = match len {
                    1 => Opcode::Tuple1,
                    2 => Opcode::Tuple2,
                    3 => Opcode::Tuple3,
                    _ => Opcode::Tuple,
                };
                if opcode == Opcode::Tuple {
                    self.opcode(Opcode::Mark);
                }
                tasks.push(Task::Tuple(value, opcode, len));
                push_reversed(tasks, items.map(Task::Value));
            }
            Kind::List(items) => {
                self.opcode(Opcode::EmptyList);
                self.memoize_node(value)?;
                tasks.push(Task::Items(Batches::of_list(items, Ends::Counted)));
            }
            Kind::Dict(entries) => {
                self.opcode(Opcode::EmptyDict);
                self.memoize_node(value)?;
                tasks.push(Task::Items(Batches::of_dict(entries, Ends::WithEmptyBatch)));
            }
            Kind::Set(items) if self.protocol >= 4 => {
                self.opcode(Opcode::EmptySet);
                self.memoize_node(value)?;
                tasks.push(Task::Items(Batches::of_set(items)));
            }
            Kind::FrozenSet(items) if self.protocol >= 4 => {
                self.opcode(Opcode::Mark);
                tasks.push(Task::Tuple(value, Opcode::FrozenSet, items.len()));
                push_reversed(tasks, items.map(Task::Value));
            }
            Kind::Set(items) => self.set_by_call("set", value, items, tasks)?,
            Kind::FrozenSet(items) => self.set_by_call("frozenset", value, items, tasks)?,
            Kind::Global(global) if self.protocol < 4 => {
                self.named(Opcode::Global, global)?;
                self.memoize_node(value)?;
            }
            Kind::Global(global) => {
                tasks.push(Task::Memoize(value));
                tasks.push(Task::Opcode(Opcode::StackGlobal));
                match value.names() {
                    Some(names) => push_reversed(tasks, names.into_iter().map(Task::Value)),
                    None => self.texts([global.module.as_bytes(), global.name.as_bytes()])?,
                }
            }
            Kind::Object(object) => {
                let kwargs = object.kwargs();
                if kwargs.is_some() && self.protocol < 4 {
                    return Err(self.cannot("keyword arguments"));
                }
                tasks.push(Task::Call(object, value));
                tasks.extend(kwargs.map(Task::Value));
                tasks.push(Task::Value(object.args()));
                tasks.push(Task::Value(object.callable()));
            }
            Kind::PersistentId(id) => {
                tasks.push(Task::Opcode(Opcode::BinPersId));
                tasks.push(Task::Value(id));
            }
            Kind::Extension(code) => match (u8::try_from(code), u16::try_from(code)) {
                (Ok(code), _) => self.frames.write(&[Opcode::Ext1 as u8, code]),
                (_, Ok(code)) => self.with_argument(Opcode::Ext2, &code.to_le_bytes()),
                _ => self.with_argument(Opcode::Ext4, &code.to_le_bytes()),
            },
            Kind::Buffer { readonly, .. } => {
                if self.protocol < 5 {
                    return Err(self.cannot("out-of-band buffers"));
                }
                self.opcode(Opcode::NextBuffer);
                if readonly {
                    self.opcode(Opcode::ReadonlyBuffer);
                }
            }
            Kind::Outer(entry) if self.has_outer && entry < self.entries => self.get(entry)?,
            Kind::Outer(_) => return Err(self.cannot("an object that contains the value")),
        }
        Ok(())
    }

    /// Writes the opcode that makes a tuple or frozenset of the items on the stack. A value that
    /// contains itself was made while its items were written.
    fn tuple_of(&mut self, value: ValueRef<'_>, opcode: Opcode, len: usize) -> Result<()> {
        let Some(entry) = self.entry(value) else {
            self.opcode(opcode);
            return self.memoize_node(value);
        };
        match opcode {
            Opcode::Tuple | Opcode::FrozenSet => self.opcode(Opcode::PopMark),
            _ => (0..len).for_each(|_| self.opcode(Opcode::Pop)),
        }
        self.get(entry)
    }

    /// Writes the call, and begins with the changes of the result. If the object was among its own
    /// arguments, it was made while they were written.
    fn call<'a>(
        &mut self,
        object: ObjectRef<'a>,
        value: ValueRef<'a>,
        tasks: &mut Vec<Task<'a>>,
    ) -> Result<()> {
        self.opcode(match (object.construct(), object.kwargs()) {
            (Construct::Call, _) => Opcode::Reduce,
            (Construct::New, None) => Opcode::NewObj,
            (Construct::New, Some(_)) => Opcode::NewObjEx,
        });
        if let Some(entry) = self.entry(value) {
            self.opcode(Opcode::Pop);
            return self.get(entry);
        }
        self.memoize_node(value)?;
        let states = object.states();
        push_reversed(
            tasks,
            states.flat_map(|state| [Task::Value(state), Task::Opcode(Opcode::Build)]),
        );
        tasks.push(Task::Items(Batches::of_set(object.added())));
        tasks.push(Task::Items(Batches::of_dict(object.items(), Ends::Foreseen)));
        tasks.push(Task::Items(Batches::of_list(object.appended(), Ends::Foreseen)));
        Ok(())
    }

    /// Continues with the items of a container.
    fn items<'a>(&mut self, mut batches: Batches<'a>, tasks: &mut Vec<Task<'a>>) {
        while let Some(item) = self.next_item(&mut batches) {
            // Lists of numbers are long, and it is faster to write a number than to make a task of
            // it.
            if let [Some(number), None] = item
                && self.number(number)
            {
                continue;
            }
            tasks.push(Task::Items(batches));
            return push_reversed(tasks, item.into_iter().flatten().map(Task::Value));
        }
    }

    /// Adds the values on top of a container to it, if it is time to, and returns the next item:
    /// one value or two.
    fn next_item<'a>(&mut self, batches: &mut Batches<'a>) -> Option<[Option<ValueRef<'a>>; 2]> {
        let left = batches.items.len() / batches.width;
        match batches.stage {
            Stage::Single => {
                batches.one.into_iter().for_each(|one| self.opcode(one));
                return None;
            }
            Stage::Batch(len) if len == BATCH || left == 0 => {
                self.opcode(batches.many);
                if left == 0 && len == BATCH && batches.ends == Ends::WithEmptyBatch {
                    self.opcode(Opcode::Mark);
                    self.opcode(batches.many);
                }
                batches.stage = Stage::Between;
            }
            _ => {}
        }
        if left == 0 {
            return None;
        }
        batches.stage = match batches.stage {
            Stage::Batch(len) => Stage::Batch(len + 1),
            stage => {
                let looks = stage == Stage::Start || batches.ends == Ends::Foreseen;
                if left == 1 && looks && batches.one.is_some() {
                    Stage::Single
                } else {
                    self.opcode(Opcode::Mark);
                    Stage::Batch(1)
                }
            }
        };
        let first = batches.items.next();
        Some([first, if batches.width == 2 { batches.items.next() } else { None }])
    }

    /// Writes an int of at most 64 bits or a float, which have no memo entries. Returns whether it
    /// was one.
    fn number(&mut self, value: ValueRef<'_>) -> bool {
        self.frames.boundary();
        if let Some(int) = value.as_int() {
            self.shortest_int(int);
        } else if let Some(float) = value.as_float() {
            self.float(float);
        } else {
            return false;
        }
        true
    }

    /// Begins a call of the class with a list, before protocol 4.
    fn set_by_call<'a>(
        &mut self,
        class: &'static str,
        value: ValueRef<'a>,
        items: Items<'a>,
        tasks: &mut Vec<Task<'a>>,
    ) -> Result<()> {
        // The set occurs among its own items, and no node was written since: it would never end.
        if self.started_sets.insert(value.id(), self.nodes) == Some(self.nodes) {
            return Err(self.cannot("a set that is needed to make one of its items"));
        }
        self.builtin(class)?;
        self.opcode(Opcode::EmptyList);
        self.memoize();
        tasks.push(Task::Set(value));
        tasks.push(Task::Items(Batches::of_list(items, Ends::Counted)));
        Ok(())
    }

    fn set_of_list(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.opcode(Opcode::Tuple1);
        self.memoize();
        self.opcode(Opcode::Reduce);
        match self.entry(value) {
            Some(entry) => {
                self.opcode(Opcode::Pop);
                self.get(entry)
            }
            None => self.memoize_node(value),
        }
    }

    /// Writes an int with the shortest opcode for it. Returns the range of its bytes, from the
    /// start of the pickle, little-endian: a smaller int that is not negative can be put there
    /// later.
    pub fn int(&mut self, int: i64) -> Range<u64> {
        self.frames.boundary();
        let opcode = self.frames.len();
        self.shortest_int(int);
        let length = u64::from(i32::try_from(int).is_err());
        opcode + 1 + length..self.frames.len()
    }

    fn shortest_int(&mut self, int: i64) {
        if let Ok(byte) = u8::try_from(int) {
            self.frames.write(&[Opcode::BinInt1 as u8, byte]);
        } else if let Ok(short) = u16::try_from(int) {
            self.with_argument(Opcode::BinInt2, &short.to_le_bytes());
        } else if let Ok(int) = i32::try_from(int) {
            self.with_argument(Opcode::BinInt, &int.to_le_bytes());
        } else {
            let bytes = int.to_le_bytes();
            let digits = twos_complement::trim(&bytes);
            self.with_argument(Opcode::Long1, &[digits.len() as u8]);
            self.frames.write(digits);
        }
    }

    fn float(&mut self, float: f64) {
        self.with_argument(Opcode::BinFloat, &float.to_be_bytes());
    }

    /// Writes an int in 8 bytes, so that another one can be put there later. Returns their range,
    /// as [`int`](Self::int) does.
    pub fn int_of_8_bytes(&mut self, int: i64) -> Range<u64> {
        self.frames.boundary();
        self.with_argument(Opcode::Long1, &[8]);
        self.frames.write(&int.to_le_bytes());
        self.frames.len() - 8..self.frames.len()
    }

    /// Writes an int of any size, from little-endian two's complement.
    fn long(&mut self, bytes: &[u8]) -> Result<()> {
        let digits = twos_complement::trim(bytes);
        match (u8::try_from(digits.len()), i32::try_from(digits.len())) {
            (Ok(len), _) => self.with_argument(Opcode::Long1, &[len]),
            (_, Ok(len)) => self.with_argument(Opcode::Long4, &len.to_le_bytes()),
            _ => return Err(self.cannot("an int of 2 GiB")),
        }
        self.frames.write(digits);
        Ok(())
    }

    /// Writes a str: UTF-8 that may contain lone surrogates.
    fn text(&mut self, text: &[u8]) -> Result<()> {
        match self.protocol {
            ..4 => self.payload(&[Opcode::BinUnicode], text),
            _ => {
                let opcodes = [Opcode::ShortBinUnicode, Opcode::BinUnicode, Opcode::BinUnicode8];
                self.payload(&opcodes, text)
            }
        }
    }

    /// Writes bytes. In protocol 2, which has no opcode for them, writes a call that encodes a str.
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match (self.protocol, bytes) {
            (2, []) => {
                self.builtin("bytes")?;
                self.opcode(Opcode::EmptyTuple);
                self.opcode(Opcode::Reduce);
                Ok(())
            }
            (2, _) => {
                self.known("_codecs", "encode")?;
                self.text(latin1(bytes).as_bytes())?;
                self.memoize();
                self.known("latin1", "")?;
                self.opcode(Opcode::Tuple2);
                self.memoize();
                self.opcode(Opcode::Reduce);
                Ok(())
            }
            (3, _) => self.payload(&[Opcode::ShortBinBytes, Opcode::BinBytes], bytes),
            _ => {
                let opcodes = [Opcode::ShortBinBytes, Opcode::BinBytes, Opcode::BinBytes8];
                self.payload(&opcodes, bytes)
            }
        }
    }

    /// Writes a bytearray. Before protocol 5, writes a call of the class with bytes.
    fn byte_array(&mut self, bytes: &[u8]) -> Result<()> {
        if self.protocol >= 5 {
            let mut head = [Opcode::ByteArray8 as u8; 9];
            head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            self.frames.write_payload(&head, bytes);
            return Ok(());
        }
        self.builtin("bytearray")?;
        if bytes.is_empty() {
            self.opcode(Opcode::EmptyTuple);
        } else {
            self.bytes(bytes)?;
            self.memoize();
            self.opcode(Opcode::Tuple1);
            self.memoize();
        }
        self.opcode(Opcode::Reduce);
        Ok(())
    }

    /// Writes a builtin, by its name in the protocol.
    fn builtin(&mut self, name: &'static str) -> Result<()> {
        self.known(if self.protocol == 2 { "__builtin__" } else { "builtins" }, name)
    }

    /// Writes a global, or a str if `name` is empty, that may have been written before.
    fn known(&mut self, module: &'static str, name: &'static str) -> Result<()> {
        let mut known = self.known.iter();
        if let Some(&(.., entry)) = known.find(|known| (known.0, known.1) == (module, name)) {
            return self.get(entry);
        }
        if name.is_empty() {
            self.text(module.as_bytes())?;
        } else if self.protocol < 4 {
            self.lines(Opcode::Global, module.as_bytes(), name.as_bytes())?;
        } else {
            self.texts([module.as_bytes(), name.as_bytes()])?;
            self.opcode(Opcode::StackGlobal);
        }
        let entry = self.memoize();
        self.known.push((module, name, entry));
        Ok(())
    }

    /// Writes strs, each with a memo entry.
    fn texts(&mut self, texts: [&[u8]; 2]) -> Result<()> {
        for text in texts {
            self.text(text)?;
            self.memoize();
        }
        Ok(())
    }

    /// Writes GLOBAL or INST with a name of Python 3, or in protocol 2 with its name in Python 2.
    pub(super) fn named(&mut self, opcode: Opcode, global: Global<'_>) -> Result<()> {
        let global = match compat::has_python_2_names(self.protocol) {
            true => global.to_python_2(),
            false => global,
        };
        self.lines(opcode, global.module.as_bytes(), global.name.as_bytes())
    }

    /// Writes GLOBAL or INST.
    fn lines(&mut self, opcode: Opcode, module: &[u8], name: &[u8]) -> Result<()> {
        if module.contains(&b'\n') || name.contains(&b'\n') {
            return Err(self.cannot("a global with a line end in its name"));
        }
        self.opcode(opcode);
        for part in [module, b"\n", name, b"\n"] {
            self.frames.write(part);
        }
        Ok(())
    }

    /// Writes a payload with the first of `opcodes`, which have lengths of 1, 4 and 8 bytes, that
    /// has room for it.
    fn payload(&mut self, opcodes: &[Opcode], payload: &[u8]) -> Result<()> {
        let len = payload.len() as u64;
        let Some((opcode, width)) = opcodes.iter().find_map(|&opcode| {
            let (width, most) = match opcode.info().argument {
                ArgumentKind::Bytes1 | ArgumentKind::String1 | ArgumentKind::Unicode1 => (1, 0xff),
                ArgumentKind::String4 => (4, i32::MAX as u64),
                ArgumentKind::Bytes4 | ArgumentKind::Unicode4 => (4, u32::MAX.into()),
                _ => (8, u64::MAX),
            };
            (len <= most).then_some((opcode, width))
        }) else {
            return Err(self.cannot("text or bytes of this length"));
        };
        let mut head = [opcode as u8; 9];
        head[1..].copy_from_slice(&len.to_le_bytes());
        self.frames.write_payload(&head[..1 + width], payload);
        Ok(())
    }

    /// Writes a new list and its memo entry, which is returned.
    pub fn empty_list(&mut self) -> u64 {
        self.frames.boundary();
        self.opcode(Opcode::EmptyList);
        self.memoize()
    }

    /// Writes POP, which drops the top value.
    pub fn pop(&mut self) {
        self.opcode(Opcode::Pop);
    }

    /// Writes MARK.
    pub fn mark(&mut self) {
        self.opcode(Opcode::Mark);
    }

    /// Writes APPEND, which adds the top value to the list below it.
    pub fn append(&mut self) {
        self.opcode(Opcode::Append);
    }

    /// Writes APPENDS, which adds the values above the mark to the list below it.
    pub fn appends(&mut self) {
        self.opcode(Opcode::Appends);
    }

    /// Writes SETITEMS, which adds the keys and values above the mark to the dict below it.
    pub fn set_items(&mut self) {
        self.opcode(Opcode::SetItems);
    }

    /// Writes ADDITEMS of protocol 4, which adds the values above the mark to the set below it.
    pub fn add_items(&mut self) {
        self.opcode(Opcode::AddItems);
    }

    /// Writes FROZENSET of protocol 4, which makes a frozenset of the values above the mark, and
    /// its memo entry, which is returned.
    pub fn frozen_set(&mut self) -> u64 {
        self.opcode(Opcode::FrozenSet);
        self.memoize()
    }

    /// Writes TUPLE, which makes a tuple of the values above the mark, and its memo entry, which is
    /// returned.
    pub fn tuple(&mut self) -> u64 {
        self.opcode(Opcode::Tuple);
        self.memoize()
    }

    /// Writes TUPLE1, which makes a tuple of the top value, and its memo entry, which is returned.
    pub fn tuple1(&mut self) -> u64 {
        self.opcode(Opcode::Tuple1);
        self.memoize()
    }

    /// Writes BUILD, which gives the top value to the object below it as its state.
    pub fn build(&mut self) {
        self.opcode(Opcode::Build);
    }

    /// Writes a read of a memo entry.
    ///
    /// Fails on an entry from 2^32 on, for which there is no opcode.
    pub fn get(&mut self, entry: u64) -> Result<()> {
        if let Ok(entry) = u8::try_from(entry) {
            self.frames.write(&[Opcode::BinGet as u8, entry]);
        } else if let Ok(entry) = u32::try_from(entry) {
            self.with_argument(Opcode::LongBinGet, &entry.to_le_bytes());
        } else {
            return Err(self.cannot("a memo entry from 2^32 on"));
        }
        Ok(())
    }

    /// Writes STOP, which ends the pickle.
    pub fn stop(&mut self) {
        self.opcode(Opcode::Stop);
        self.frames.close();
    }

    /// Ends the frame if it is full, as before each value. [`value`](Self::value) and the like do
    /// it themselves.
    pub(super) fn boundary(&mut self) {
        self.frames.boundary();
    }

    /// Writes an instruction of another pickle, which has these bytes there. PROTO and FRAME are
    /// left out: the encoder writes its own.
    pub(super) fn instruction(&mut self, instruction: &Instruction<'_>, bytes: &[u8]) {
        match (instruction.opcode, instruction.argument) {
            (Opcode::Proto | Opcode::Frame, _) => {}
            (_, Argument::Bytes(payload)) => {
                self.frames.write_payload(&bytes[..bytes.len() - payload.len()], payload);
            }
            _ => self.frames.write(bytes),
        }
    }

    /// Returns the bytes up to the size at which the open frame is full.
    pub(super) fn frame_room(&self) -> usize {
        self.frames.room()
    }

    /// Writes instructions as they are, which make this many memo entries, with MEMOIZE. Returns the
    /// number of entries before them.
    pub(super) fn instructions(&mut self, bytes: &[u8], made: u64) -> u64 {
        self.frames.write(bytes);
        self.entries += made;
        self.entries - made
    }

    /// Returns the memo entry of a value of the last graph, if it was written and has one.
    pub fn entry(&self, value: ValueRef<'_>) -> Option<u64> {
        let written = if value.is_shared() { &self.shared } else { &self.own };
        written.get(value.id())
    }

    /// Writes a memo entry of the value on top of the stack, and returns its index.
    pub fn memoize(&mut self) -> u64 {
        let entry = self.entries;
        self.entries += 1;
        match (self.protocol, u8::try_from(entry), u32::try_from(entry)) {
            (4.., ..) => self.opcode(Opcode::Memoize),
            (_, Ok(entry), _) => self.frames.write(&[Opcode::BinPut as u8, entry]),
            (.., Ok(entry)) => self.with_argument(Opcode::LongBinPut, &entry.to_le_bytes()),
            // There is no opcode for it, and none to read it.
            _ => {}
        }
        entry
    }

    fn memoize_node(&mut self, value: ValueRef<'_>) -> Result<()> {
        let entry = self.memoize();
        let written = if value.is_shared() { &mut self.shared } else { &mut self.own };
        written.put(value.id(), entry);
        self.nodes += 1;
        Ok(())
    }

    #[inline]
    fn opcode(&mut self, opcode: Opcode) {
        self.frames.write(&[opcode as u8]);
    }

    fn with_argument(&mut self, opcode: Opcode, argument: &[u8]) {
        self.opcode(opcode);
        self.frames.write(argument);
    }

    #[cold]
    fn cannot(&self, what: &str) -> Error {
        let message = format!("protocol {} has no form for {what}", self.protocol);
        Error::new(ErrorKind::Unsupported, "pickle.protocol", self.frames.len(), message)
    }
}

impl<'a> Batches<'a> {
    fn of_list(items: Items<'a>, ends: Ends) -> Batches<'a> {
        let one = Some(Opcode::Append);
        Batches { items, width: 1, one, many: Opcode::Appends, ends, stage: Stage::Start }
    }

    fn of_dict(entries: Entries<'a>, ends: Ends) -> Batches<'a> {
        let (items, one) = (entries.into_items(), Some(Opcode::SetItem));
        Batches { items, width: 2, one, many: Opcode::SetItems, ends, stage: Stage::Start }
    }

    fn of_set(items: Items<'a>) -> Batches<'a> {
        let (many, ends) = (Opcode::AddItems, Ends::WithEmptyBatch);
        Batches { items, width: 1, one: None, many, ends, stage: Stage::Start }
    }
}

fn push_reversed<'a>(tasks: &mut Vec<Task<'a>>, new: impl Iterator<Item = Task<'a>>) {
    let first = tasks.len();
    tasks.extend(new);
    tasks[first..].reverse();
}

/// Returns the text that latin-1 encodes as these bytes.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use crate::decode;
    use crate::limits::Limits;
    use alloc::vec;

    #[test]
    fn set_that_contains_itself_needs_a_new_enough_protocol() {
        // An object whose state contains the set that it is in, and one that is made from that set.
        let by_state = b"\x8fq\0(cm\nn\n)Rh\0b\x90.".as_slice();
        let by_arguments = b"\x8fq\0(cm\nn\nh\0\x85R\x90.".as_slice();
        for (stream, first) in [(by_state, 2), (by_arguments, 4)] {
            let decoded = decode(stream, &Limits::default()).unwrap();
            for protocol in 2..=5 {
                let encoded = encode(decoded.value(), protocol);
                if protocol < first {
                    assert_eq!(encoded.unwrap_err().clause(), "pickle.protocol");
                    continue;
                }
                let encoded = encoded.unwrap();
                let again = decode(&encoded, &Limits::default()).unwrap();
                assert_eq!(again.end(), encoded.len() as u64);
            }
        }
    }

    #[test]
    fn unboxed_numbers_have_no_entries() {
        // Nested lists, so that there are as many memo entries as numbers.
        let numbers = b"K\x07".repeat(30);
        let stream = [&b"]".repeat(40)[..], b"(", &numbers, b"e", &b"a".repeat(39), b"."].concat();
        let decoded = decode(&stream, &Limits::default()).unwrap();
        let mut encoder = Encoder::new(2).unwrap();
        encoder.value(decoded.value()).unwrap();
        let mut value = decoded.value();
        while let Kind::List(mut items) = value.kind() {
            assert!(encoder.entry(value).is_some());
            assert!(
                items.clone().all(|item| item.as_int().is_none() || encoder.entry(item).is_none())
            );
            value = items.next().unwrap();
        }
    }

    #[test]
    fn resumed_encoder_reads_the_entries_before_and_makes_those_after() {
        let mut build = Builder::new(&Limits::default());
        let text = build.shared(|build| build.str("shared")).unwrap();
        for (protocol, expected) in
            [(2, &b"h\0(tq\x07."[..]), (4, b"\x95\x06\0\0\0\0\0\0\0h\0(t\x94.")]
        {
            let mut encoder = Encoder::new(protocol).unwrap();
            encoder.value(build.value(text)).unwrap();
            encoder.resume(7);
            encoder.value(build.value(text)).unwrap();
            encoder.mark();
            assert_eq!(encoder.tuple(), 7);
            encoder.stop();
            assert_eq!(encoder.ready(), expected, "protocol {protocol}");
        }
    }

    #[test]
    fn go_back_drops_later_instructions() {
        let mut build = Builder::new(&Limits::default());
        let text = |build: &mut Builder, len| build.bytes(&vec![7; len]).unwrap();
        // Frames that end in between, also ones that lose their header.
        for before in [0, 1, 2, 200, 70_000] {
            for after in [0, 1, 200, 70_000] {
                let mut encoder = Encoder::new(4).unwrap();
                let mut expected = Encoder::new(4).unwrap();
                let (first, second) = (text(&mut build, before), text(&mut build, after));
                if before > 0 {
                    encoder.value(build.value(first)).unwrap();
                    expected.value(build.value(first)).unwrap();
                }
                encoder.int(1);
                expected.int(1);
                let savepoint = encoder.savepoint();
                encoder.value(build.value(second)).unwrap();
                encoder.value(build.value(first)).unwrap();
                encoder.go_back(savepoint);
                encoder.stop();
                expected.stop();
                assert_eq!(encoder.ready(), expected.ready(), "{before} {after}");
                assert_eq!(encoder.entries(), expected.entries());
            }
        }
    }
}
