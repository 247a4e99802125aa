//! What unpickling would import and call.
//!
//! The instructions are carried out on a stack and a memo that know of each value only what matters
//! here: whether it is text, which may become a name; a global; or what a call has given. So a name
//! is found however it came about, also where the stream breaks off behind it.
//!
//! ```text
//!  stream   \x8c os  \x94  \x8c system  \x93         K\x01      \x85     R
//!  stack    text     |     text text    global     global ..  ..       what the call gave
//!  found                                import os.system               call os.system
//! ```
//!
//! Memory does not grow with the stream. Of values that are alike and lie on one another there is one
//! entry, and of text that was memoized the oldest is forgotten, unless it has been a name. What is
//! read from there later is unknown, and what is done with it is found as that: never overlooked.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::compat::to_python_3;
use crate::error::{Cause, Error, Result};
use crate::lexer::{Argument, Head, Lexer, Progress, check_protocol};
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode, StackItem};
use crate::text;

/// Bytes of the longest text that can be a name.
const LONGEST: u64 = 1024;

/// Bytes of text after which what is old is forgotten.
const MOST_TEXT: usize = 8 << 20;

/// Entries that the stack, and the memo, hold before what is old is forgotten.
const MOST_ENTRIES: usize = 1 << 18;

/// Entries at the top of the stack whose text is never forgotten.
const TOP: usize = 64;

/// Names that may be found.
const MOST_NAMES: u64 = 1 << 16;

/// Something that a pickle names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// What is imported, by Python 3.
    Global {
        /// Its module.
        module: String,
        /// What of the module, with dots where it is an attribute of an attribute.
        name: String,
    },
    /// Whatever `copyreg` has registered under this code.
    Extension(i64),
    /// Whatever `persistent_load` makes of an id.
    PersistentId,
    /// Anything: what was forgotten.
    Unknown,
}

/// A [`Name`] that was found, by its number in [`Auditor::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    /// Its place in [`Auditor::names`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// To what something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What has the name.
    Named(NameId),
    /// What a call of it has given.
    ResultOf(NameId),
}

impl Subject {
    /// The name.
    pub fn name(self) -> NameId {
        match self {
            Subject::Named(name) | Subject::ResultOf(name) => name,
        }
    }
}

/// What an instruction would have Python do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Import something.
    Import(NameId),
    /// Call it, or make an instance of it.
    Call(Subject),
    /// Set its state, or its attributes: `__setstate__`, `__dict__`.
    SetState(Subject),
    /// Add to it, by `append`, `extend`, `__setitem__` or `add`; not to a list, dict or set.
    Add(Subject),
    /// Put another value in the place of a memo entry.
    Overwrite(u64),
    /// Read an instruction from two frames, or begin a frame inside of another one.
    Straddle,
}

/// An [`Act`], and the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the instruction stands: bytes from the start of the source.
    pub offset: u64,
    /// Which it is.
    pub opcode: Opcode,
    /// What it does.
    pub act: Act,
}

/// The answer of an [`Auditor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// At least this many bytes beyond the end of the input are needed, from [`Auditor::offset`] on.
    Need(usize),
    /// Something was found.
    Found(Found),
    /// The pickle ended.
    Stop,
}

/// Says what unpickling a stream would import and call.
///
/// ```
/// use pickle_stream::{Act, Audited, Auditor, Limits, Name, Subject};
///
/// let pickle = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.";
/// let mut auditor = Auditor::new(0, &Limits::default());
/// let mut found = Vec::new();
/// while let Audited::Found(next) = auditor.advance(&pickle[auditor.offset() as usize..])? {
///     found.push((next.offset, next.act));
/// }
/// let system = Name::Global { module: "os".into(), name: "system".into() };
/// assert_eq!(auditor.names(), [system]);
/// let [(14, Act::Import(name)), (22, Act::Call(called))] = found[..] else { panic!() };
/// assert_eq!(called, Subject::Named(name));
/// # Ok::<(), pickle_stream::Error>(())
/// ```
#[derive(Debug)]
pub struct Auditor {
    lexer: Lexer,
    limits: Limits,
    protocol: i64,
    stack: Stack,
    memo: Memo,
    names: Names,
    /// Bytes of text since some was forgotten.
    text: usize,
    /// Where the last frame ends.
    frame_end: u64,
    /// What the last instruction did, and was not said yet.
    found: VecDeque<Found>,
    stopped: bool,
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Not a value: a mark.
    Mark,
    /// A number, a list, a tuple: what has no code of its own.
    Plain,
    Text(Arc<[u8]>),
    Named(NameId),
    ResultOf(NameId),
    /// It could be any.
    Forgotten,
}

impl Auditor {
    /// Of a pickle that begins at `offset` in the source.
    pub fn new(offset: u64, limits: &Limits) -> Auditor {
        Auditor {
            lexer: Lexer::new(offset, limits),
            limits: limits.clone(),
            protocol: 0,
            stack: Stack::default(),
            memo: Memo::default(),
            names: Names::default(),
            text: 0,
            frame_end: offset,
            found: VecDeque::new(),
            stopped: false,
        }
    }

    /// Where the next input must begin.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// The protocol that the stream says it is in.
    pub fn protocol(&self) -> i64 {
        self.protocol
    }

    /// Everything that was named, in the order in which it was found.
    pub fn names(&self) -> &[Name] {
        &self.names.list
    }

    /// Goes on through `input`, which begins at [`offset`](Self::offset), to the next thing that is
    /// found.
    ///
    /// Fails where the stream is no pickle, and where it names more than 65,536 things. What was
    /// found before stays.
    pub fn advance(&mut self, input: &[u8]) -> Result<Audited> {
        let start = self.offset();
        loop {
            if let Some(found) = self.found.pop_front() {
                return Ok(Audited::Found(found));
            }
            if self.stopped {
                return Ok(Audited::Stop);
            }
            let place = usize::try_from(self.offset() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(place..) else { return Ok(Audited::Need(1)) };
            let before = self.lexer.clone();
            let head = match self.lexer.head(rest)? {
                Progress::Need(more) => return Ok(Audited::Need(more)),
                Progress::Done(head) => head,
            };
            let payload = match is_text(head.opcode) && head.payload <= LONGEST {
                false => None,
                true => match rest[head.size..].get(..head.payload as usize) {
                    Some(payload) => Some(payload),
                    None => {
                        self.lexer = before;
                        let have = rest.len() - head.size;
                        return Ok(Audited::Need(head.payload as usize - have));
                    }
                },
            };
            self.frame(&head);
            self.execute(&head, payload)?;
        }
    }

    /// Follows the frames.
    fn frame(&mut self, head: &Head<'_>) {
        let is_inside = head.offset < self.frame_end;
        let is_straddled = is_inside && self.lexer.offset() > self.frame_end;
        if is_straddled || (is_inside && head.opcode == Opcode::Frame) {
            self.find(head, Act::Straddle);
        }
        match head.argument {
            Argument::Size(size) => self.frame_end = self.lexer.offset().saturating_add(size),
            _ if is_straddled => self.frame_end = self.lexer.offset(),
            _ => {}
        }
    }

    fn execute(&mut self, head: &Head<'_>, payload: Option<&[u8]>) -> Result<()> {
        use Opcode as O;
        let at = At { opcode: head.opcode, offset: head.offset };
        match head.opcode {
            O::Proto => {
                self.protocol = head.argument.int();
                check_protocol(self.protocol, head.offset)
            }
            O::Stop => {
                self.stopped = true;
                self.stack.pop(at).map(drop)
            }
            O::Mark => self.push(Value::Mark, at),
            O::Pop => {
                self.stack.pop_value_or_mark(at)?;
                Ok(())
            }
            O::Dup => {
                let top = self.stack.pop(at)?;
                self.push(top.clone(), at)?;
                self.push(top, at)
            }
            O::BinUnicode
            | O::ShortBinUnicode
            | O::BinUnicode8
            | O::BinString
            | O::ShortBinString => match payload {
                Some(payload) => self.push_text(payload, at),
                None => self.push(Value::Forgotten, at),
            },
            O::Unicode | O::String => {
                let line = head.argument.line();
                let text = match head.opcode {
                    O::Unicode => text::unicode(line, head.offset)?,
                    _ => text::string(line, head.offset)?,
                };
                match text.len() as u64 <= LONGEST {
                    true => self.push_text(&text, at),
                    false => self.push(Value::Forgotten, at),
                }
            }

            O::Global => {
                let (module, name) = head.argument.lines();
                let name = self.import(module, name, at)?;
                self.push(Value::Named(name), at)
            }
            O::StackGlobal => {
                let name = self.stack.pop(at)?;
                match (self.stack.pop(at)?, name) {
                    (Value::Text(module), Value::Text(name)) => {
                        let name = self.import(&module, &name, at)?;
                        self.push(Value::Named(name), at)
                    }
                    (Value::Text(_) | Value::Forgotten, Value::Text(_) | Value::Forgotten) => {
                        let name = self.names.find(Name::Unknown, at)?;
                        self.find_at(at, Act::Import(name));
                        self.push(Value::Named(name), at)
                    }
                    _ => {
                        let message = "STACK_GLOBAL needs a module and a name, which are str";
                        Err(Error::malformed("pickle.stack.type", at.offset, message))
                    }
                }
            }
            O::Ext1 | O::Ext2 | O::Ext4 => {
                let name = self.names.find(Name::Extension(head.argument.int()), at)?;
                self.find_at(at, Act::Import(name));
                self.push(Value::Named(name), at)
            }
            O::PersId | O::BinPersId => {
                if head.opcode == O::BinPersId {
                    self.stack.pop(at)?;
                }
                let name = self.names.find(Name::PersistentId, at)?;
                self.find_at(at, Act::Call(Subject::Named(name)));
                self.push(Value::ResultOf(name), at)
            }

            O::Reduce | O::NewObj | O::NewObjEx => {
                let arguments = if head.opcode == O::NewObjEx { 2 } else { 1 };
                for _ in 0..arguments {
                    self.stack.pop(at)?;
                }
                let callee = self.stack.pop(at)?;
                self.call(&callee, at)
            }
            O::Inst => {
                self.stack.pop_mark(at)?;
                let (module, name) = head.argument.lines();
                let class = self.import(module, name, at)?;
                self.call(&Value::Named(class), at)
            }
            O::Obj => {
                let class = self.stack.pop_mark(at)?.ok_or_else(|| underflow(at))?;
                self.call(&class, at)
            }
            O::Build => {
                self.stack.pop(at)?;
                let object = self.stack.top(at)?.clone();
                if let Some(object) = self.subject(&object, at)? {
                    self.find_at(at, Act::SetState(object));
                }
                Ok(())
            }
            O::Append | O::SetItem => {
                self.stack.pop(at)?;
                if head.opcode == O::SetItem {
                    self.stack.pop(at)?;
                }
                self.add(at)
            }
            O::Appends | O::SetItems | O::AddItems => match self.stack.pop_mark(at)? {
                Some(_) => self.add(at),
                None => self.stack.top(at).map(drop),
            },
            _ => self.follow_table(head, at),
        }
    }

    /// What the opcode table says, of instructions that nothing has to be known of.
    fn follow_table(&mut self, head: &Head<'_>, at: At) -> Result<()> {
        let info = head.opcode.info();
        match info.memo {
            MemoEffect::Get => {
                let index = head.argument.index(head.offset)?;
                let value = self.memo.get(index, at)?;
                return self.push(value, at);
            }
            MemoEffect::Put | MemoEffect::Memoize => {
                let index = match info.memo {
                    MemoEffect::Put => head.argument.index(head.offset)?,
                    _ => self.memo.next_index(at)?,
                };
                let value = self.stack.top(at)?.clone();
                if self.memo.put(index, value) {
                    self.find_at(at, Act::Overwrite(index));
                }
                if self.memo.values.len() > MOST_ENTRIES {
                    self.forget();
                }
                return Ok(());
            }
            MemoEffect::Untouched => {}
        }
        for taken in info.before {
            match taken {
                StackItem::Slice => {
                    self.stack.pop_mark(at)?;
                }
                StackItem::Mark => {}
                _ => {
                    self.stack.pop(at)?;
                }
            }
        }
        match info.after {
            [] => Ok(()),
            _ => self.push(Value::Plain, at),
        }
    }

    fn push(&mut self, value: Value, at: At) -> Result<()> {
        self.stack.push(value);
        if self.stack.runs.len() > MOST_ENTRIES {
            self.forget();
            let runs = self.stack.runs.len() as u64;
            limits::check(MOST_ENTRIES as u64 / 2, runs, "pickle.limit.stack", at.offset)?;
        }
        let most = self.limits.stack as u64;
        limits::check(most, self.stack.height, "pickle.limit.stack", at.offset)
    }

    fn push_text(&mut self, text: &[u8], at: At) -> Result<()> {
        self.text += text.len();
        if self.text > MOST_TEXT {
            self.forget();
        }
        self.push(Value::Text(text.into()), at)
    }

    /// Calls something. Python refuses to call what is no global and no result.
    fn call(&mut self, callee: &Value, at: At) -> Result<()> {
        let Some(subject) = self.subject(callee, at)? else { return self.push(Value::Plain, at) };
        self.find_at(at, Act::Call(subject));
        self.push(Value::ResultOf(subject.name()), at)
    }

    /// Something was added to what is on top of the stack.
    fn add(&mut self, at: At) -> Result<()> {
        let object = self.stack.top(at)?.clone();
        if let Some(object) = self.subject(&object, at)? {
            self.find_at(at, Act::Add(object));
        }
        Ok(())
    }

    /// The value as one that has code of its own, if it may have.
    fn subject(&mut self, value: &Value, at: At) -> Result<Option<Subject>> {
        Ok(match *value {
            Value::Named(name) => Some(Subject::Named(name)),
            Value::ResultOf(name) => Some(Subject::ResultOf(name)),
            Value::Forgotten => Some(Subject::Named(self.names.find(Name::Unknown, at)?)),
            Value::Mark | Value::Plain | Value::Text(_) => None,
        })
    }

    /// Finds a global that is imported.
    fn import(&mut self, module: &[u8], name: &[u8], at: At) -> Result<NameId> {
        let [module, name] = [module, name].map(String::from_utf8_lossy);
        // Python 3 reads what Python 2 may have written by the names that it has.
        let (module, name) = match self.protocol < 3 {
            true => to_python_3(&module, &name),
            false => (&*module, &*name),
        };
        let name = Name::Global { module: module.to_owned(), name: name.to_owned() };
        let name = self.names.find(name, at)?;
        self.find_at(at, Act::Import(name));
        Ok(name)
    }

    fn find(&mut self, head: &Head<'_>, act: Act) {
        self.find_at(At { opcode: head.opcode, offset: head.offset }, act);
    }

    fn find_at(&mut self, At { opcode, offset }: At, act: Act) {
        self.found.push_back(Found { offset, opcode, act });
    }

    /// Makes room: what is old and was no name is forgotten.
    fn forget(&mut self) {
        self.text = 0;
        self.stack.forget(&self.names);
        self.memo.forget(&self.names);
    }
}

/// The instruction that is carried out: what is said of it.
#[derive(Clone, Copy)]
struct At {
    opcode: Opcode,
    offset: u64,
}

/// Values, of which those that are alike and lie on one another are one run.
#[derive(Debug, Default)]
struct Stack {
    runs: Vec<Run>,
    /// Values and marks.
    height: u64,
}

#[derive(Debug)]
struct Run {
    value: Value,
    length: u64,
}

impl Stack {
    fn push(&mut self, value: Value) {
        self.height += 1;
        match self.runs.last_mut() {
            Some(run) if run.value == value => run.length += 1,
            _ => self.runs.push(Run { value, length: 1 }),
        }
    }

    /// The topmost value. What is below a mark cannot be reached.
    fn top(&self, at: At) -> Result<&Value> {
        match self.runs.last() {
            Some(Run { value, .. }) if *value != Value::Mark => Ok(value),
            _ => Err(underflow(at)),
        }
    }

    fn pop(&mut self, at: At) -> Result<Value> {
        self.top(at)?;
        self.pop_value_or_mark(at)
    }

    fn pop_value_or_mark(&mut self, at: At) -> Result<Value> {
        let Some(run) = self.runs.last_mut() else { return Err(underflow(at)) };
        run.length -= 1;
        self.height -= 1;
        match run.length {
            0 => Ok(self.runs.pop().map_or(Value::Plain, |run| run.value)),
            _ => Ok(run.value.clone()),
        }
    }

    /// Takes everything off down to the topmost mark, and that. Returns the lowest of the values.
    fn pop_mark(&mut self, at: At) -> Result<Option<Value>> {
        let mut lowest = None;
        while self.runs.last().is_some_and(|run| run.value != Value::Mark) {
            lowest = self.runs.pop();
            self.height -= lowest.as_ref().map_or(0, |run| run.length);
        }
        if self.runs.is_empty() {
            let message = format!("{} finds no mark", at.opcode.name());
            return Err(Error::malformed("pickle.stack.mark", at.offset, message));
        }
        self.pop_value_or_mark(at)?;
        Ok(lowest.map(|run| run.value))
    }

    /// Forgets the text that is not near the top.
    fn forget(&mut self, names: &Names) {
        let top = self.runs.len().saturating_sub(TOP);
        let mut kept: Vec<Run> = Vec::new();
        for (place, mut run) in self.runs.drain(..).enumerate() {
            if place < top && names.can_forget(&run.value) {
                run.value = Value::Forgotten;
            }
            match kept.last_mut() {
                Some(last) if last.value == run.value => last.length += run.length,
                _ => kept.push(run),
            }
        }
        self.runs = kept;
    }
}

/// The memo entries that are not plain, and which there are.
#[derive(Debug, Default)]
struct Memo {
    values: BTreeMap<u64, Value>,
    /// The entries below this were all made.
    dense: u64,
    /// Those above it, unless they are too many.
    sparse: BTreeSet<u64>,
    is_sparse_full: bool,
    /// What of the entries below this is not in `values` may have been forgotten.
    forgotten: u64,
}

impl Memo {
    /// Makes an entry. Returns whether it was there with another value before.
    fn put(&mut self, index: u64, value: Value) -> bool {
        let is_new = self.make(index);
        let before = match value {
            Value::Plain => self.values.remove(&index),
            value => self.values.insert(index, value),
        };
        !is_new && before.as_ref() != self.values.get(&index)
    }

    /// Notes that there is an entry. Returns whether it is new.
    fn make(&mut self, index: u64) -> bool {
        if index == self.dense {
            self.dense += 1;
            while self.sparse.remove(&self.dense) {
                self.dense += 1;
            }
            return true;
        }
        if index < self.dense {
            return false;
        }
        let is_new = self.sparse.insert(index);
        if self.sparse.len() > MOST_ENTRIES {
            self.is_sparse_full = true;
            self.sparse.pop_first();
        }
        is_new
    }

    /// The index that MEMOIZE gives: the number of entries.
    fn next_index(&self, at: At) -> Result<u64> {
        if self.is_sparse_full {
            let message = "MEMOIZE after too many entries with gaps between them";
            return Err(Error::new(Cause::Limit, "pickle.limit.memo", at.offset, message));
        }
        Ok(self.dense + self.sparse.len() as u64)
    }

    fn get(&self, index: u64, at: At) -> Result<Value> {
        if let Some(value) = self.values.get(&index) {
            return Ok(value.clone());
        }
        let is_there = index < self.dense || self.sparse.contains(&index) || self.is_sparse_full;
        match is_there {
            true if index < self.forgotten => Ok(Value::Forgotten),
            true => Ok(Value::Plain),
            false => {
                let message = format!("memo entry {index} is read but was never written");
                Err(Error::malformed("pickle.memo.missing", at.offset, message))
            }
        }
    }

    /// Forgets the older half of the entries, but for names.
    fn forget(&mut self, names: &Names) {
        let Some(&middle) = self.values.keys().nth(self.values.len() / 2) else { return };
        self.values.retain(|&index, value| index >= middle || !names.can_forget(value));
        self.forgotten = self.forgotten.max(middle);
    }
}

/// Everything that was named, once.
#[derive(Debug, Default)]
struct Names {
    list: Vec<Name>,
    known: BTreeMap<Name, NameId>,
    /// Modules and names, which are not forgotten.
    words: BTreeSet<String>,
}

impl Names {
    fn find(&mut self, name: Name, at: At) -> Result<NameId> {
        if let Some(&id) = self.known.get(&name) {
            return Ok(id);
        }
        let count = self.list.len() as u64 + 1;
        limits::check(MOST_NAMES, count, "pickle.limit.names", at.offset)?;
        if let Name::Global { module, name } = &name {
            self.words.extend([module.clone(), name.clone()]);
        }
        let id = NameId(self.list.len() as u32);
        self.list.push(name.clone());
        self.known.insert(name, id);
        Ok(id)
    }

    /// Whether a value that is old is not likely to be a name, or to be called.
    fn can_forget(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => {
                !core::str::from_utf8(text).is_ok_and(|text| self.words.contains(text))
            }
            Value::ResultOf(_) => true,
            Value::Mark | Value::Plain | Value::Named(_) | Value::Forgotten => false,
        }
    }
}

/// Whether an instruction pushes text with a counted payload.
fn is_text(opcode: Opcode) -> bool {
    use Opcode as O;
    matches!(
        opcode,
        O::BinUnicode | O::ShortBinUnicode | O::BinUnicode8 | O::BinString | O::ShortBinString
    )
}

#[cold]
fn underflow(at: At) -> Error {
    let message = format!("stack underflow: {} needs more values", at.opcode.name());
    Error::malformed("pickle.stack.underflow", at.offset, message)
}
