//! What each instruction does, on abstract values.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::bounds::{MAX_ENTRIES, MAX_HEAP, MAX_INDEX_AHEAD, MAX_TEXT};
use super::finding::{Act, Finding, Subject};
use super::heap::Heap;
use super::location::{Location, underflow};
use super::memo::Memo;
use super::names::{Name, NameId, Names};
use super::operand::{AbstractOperands, Operands};
use super::slice::Slice;
use super::stack::Stack;
use super::value::{AbstractValue, ObjectId, ObjectKind};
use crate::error::{Error, Result};
use crate::graph::twos_complement;
use crate::lex::text::{self, Int};
use crate::lex::{Head, check_protocol};
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode, StackItem};

/// The state of the abstract machine.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// The offset of the pickle.
    start: u64,
    limits: Limits,
    protocol: i64,
    stack: Stack,
    memo: Memo,
    heap: Heap,
    names: Names,
    /// The values of the last act.
    operands: AbstractOperands,
    /// The values that the last instruction took from the stack. It is a field so that its memory
    /// is used again.
    slice: Slice,
    /// Findings of the last instruction that were not returned yet.
    findings: VecDeque<Finding>,
    has_stopped: bool,
}

impl Interpreter {
    pub(super) fn new(offset: u64, limits: &Limits) -> Interpreter {
        Interpreter {
            start: offset,
            limits: limits.clone(),
            protocol: 0,
            stack: Stack::default(),
            memo: Memo::default(),
            heap: Heap::default(),
            names: Names::default(),
            operands: AbstractOperands::UNKNOWN,
            slice: Slice::default(),
            findings: VecDeque::new(),
            has_stopped: false,
        }
    }

    pub(super) fn protocol(&self) -> i64 {
        self.protocol
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.names.list
    }

    pub(super) fn operands(&self) -> Operands<'_> {
        self.operands.with(&self.heap)
    }

    pub(super) fn set_fact(&mut self, object: ObjectId, fact: u64, keep: bool) {
        self.heap.set_fact(object, fact, keep);
    }

    /// Takes the next finding of the last instruction.
    pub(super) fn next_finding(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }

    /// Whether STOP has been run.
    pub(super) fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    /// Removes unused objects where the heap is full. If those in use are still more than
    /// [`MAX_HEAP`], forgets what is least likely to be asked for until they fit: old memo entries,
    /// the contents of dicts and tuples, the middle of the stack, then large values of the memo.
    /// What cannot be forgotten is the bottom and the top of the stack, and small values of the
    /// memo.
    #[inline]
    pub(super) fn make_room(&mut self) {
        if !self.heap.is_full() {
            return;
        }
        let forget: [fn(&mut Interpreter); 5] = [
            |_| {},
            |it| it.memo.forget(&mut it.heap, &it.names),
            |it| it.heap.forget_contents(),
            |it| it.stack.forget(&mut it.heap),
            |it| it.memo.forget_large(&mut it.heap),
        ];
        for forget in forget {
            forget(self);
            self.remove_unused();
            if self.heap.size() <= MAX_HEAP {
                break;
            }
        }
    }

    /// Removes the objects that neither the stack nor the memo leads to.
    fn remove_unused(&mut self) {
        let Self { heap, stack, memo, operands, .. } = self;
        *operands = AbstractOperands::UNKNOWN;
        heap.collect(|each| {
            stack.each_value(each);
            memo.each_value(each);
        });
    }

    /// Runs one instruction. `payload` is its payload, where it is short enough to be looked at.
    pub(super) fn execute(&mut self, head: &Head<'_>, payload: Option<&[u8]>) -> Result<()> {
        use Opcode as O;
        let at = Location { opcode: head.opcode, offset: head.offset };
        match head.opcode {
            O::Proto => {
                self.protocol = head.argument.int();
                check_protocol(self.protocol, head.offset)
            }
            O::Stop => {
                self.has_stopped = true;
                self.stack.pop(at).map(drop)
            }
            O::Mark => self.push(AbstractValue::Mark, at),
            O::Pop => {
                self.stack.pop_value_or_mark(at)?;
                Ok(())
            }
            O::Dup => {
                let top = self.stack.top(at)?;
                self.push(top, at)
            }

            O::None => self.push(AbstractValue::None, at),
            O::NewTrue => self.push(AbstractValue::Bool(true), at),
            O::NewFalse => self.push(AbstractValue::Bool(false), at),
            O::BinInt | O::BinInt1 | O::BinInt2 => {
                self.push(AbstractValue::Int(head.argument.int()), at)
            }
            O::Int | O::Long => {
                let (line, digits) = (head.argument.line(), self.limits.digits);
                let int = match head.opcode {
                    O::Int => text::int(line, digits, head.offset),
                    _ => text::long(line, digits, head.offset),
                };
                // CPython's two unpicklers read other numbers, such as `0x10` and ` 7`,
                // differently.
                let value = match int.ok().filter(|_| is_plain_decimal(line)) {
                    Some(Int::Small(int)) => AbstractValue::Int(int),
                    Some(Int::Bool(bool)) => AbstractValue::Bool(bool),
                    Some(Int::Big(_)) | None => AbstractValue::Number,
                };
                self.push(value, at)
            }
            O::Long1 | O::Long4 => {
                let int = payload.and_then(twos_complement::to_i64);
                self.push(int.map_or(AbstractValue::Number, AbstractValue::Int), at)
            }
            O::Float | O::BinFloat => self.push(AbstractValue::Number, at),
            O::BinUnicode
            | O::ShortBinUnicode
            | O::BinUnicode8
            | O::BinString
            | O::ShortBinString => self.push_text(payload, at),
            O::Unicode | O::String => {
                let line = head.argument.line();
                let text = match head.opcode {
                    O::Unicode => text::unicode(line, head.offset)?,
                    _ => text::string(line, head.offset)?,
                };
                let text = Some(&text[..]).filter(|text| text.len() as u64 <= MAX_TEXT);
                self.push_text(text, at)
            }
            // Its bytes can change.
            O::ByteArray8 => self.push(AbstractValue::Bytes(None), at),
            O::BinBytes | O::ShortBinBytes | O::BinBytes8 => {
                let byte = match payload {
                    Some(&[byte]) => Some(byte),
                    _ => None,
                };
                self.push(AbstractValue::Bytes(byte), at)
            }

            O::EmptyTuple => self.make_tuple(0, at),
            O::Tuple1 => self.make_tuple(1, at),
            O::Tuple2 => self.make_tuple(2, at),
            O::Tuple3 => self.make_tuple(3, at),
            O::Tuple => {
                self.pop_slice(at)?;
                let tuple = self.heap.tuple(&self.slice);
                self.push(tuple, at)
            }
            O::EmptyList => self.make(EMPTY_LIST, at),
            O::List => {
                self.pop_slice(at)?;
                let list = self.heap.add(EMPTY_LIST);
                self.heap.append(list, &self.slice);
                self.push(list, at)
            }
            O::EmptyDict => self.make(EMPTY_DICT, at),
            O::Dict => {
                self.pop_slice(at)?;
                let dict = self.heap.add(EMPTY_DICT);
                self.set_items(dict, at);
                self.push(dict, at)
            }
            O::EmptySet => self.make(ObjectKind::Set, at),
            O::FrozenSet => {
                self.pop_slice(at)?;
                self.check_keys(1, at);
                let set = self.heap.frozen_set(&self.slice);
                self.push(set, at)
            }

            O::Global => {
                let (module, name) = head.argument.lines();
                let name = self.import(module, name, at)?;
                self.push(AbstractValue::Global(name), at)
            }
            O::StackGlobal => {
                let [name, module] = [self.stack.pop(at)?, self.stack.pop(at)?];
                let name = self.stack_global(module, name, at)?;
                self.push(AbstractValue::Global(name), at)
            }
            O::Ext1 | O::Ext2 | O::Ext4 => {
                let name = self.names.find(Name::Extension(head.argument.int()), at.offset)?;
                self.report(at, Act::Import(name));
                self.push(AbstractValue::Global(name), at)
            }
            O::PersId | O::BinPersId => {
                let id = match head.opcode {
                    O::BinPersId => self.stack.pop(at)?,
                    // A line of text, which no policy asks for.
                    _ => AbstractValue::Other,
                };
                let name = self.names.find(Name::PersistentId, at.offset)?;
                self.call(AbstractValue::Global(name), id, None, at)
            }

            O::Reduce | O::NewObj => {
                let arguments = self.stack.pop(at)?;
                let callee = self.stack.pop(at)?;
                self.call(callee, arguments, None, at)
            }
            O::NewObjEx => {
                let keywords = self.stack.pop(at)?;
                let arguments = self.stack.pop(at)?;
                let callee = self.stack.pop(at)?;
                self.call(callee, arguments, Some(keywords), at)
            }
            O::Inst => {
                self.pop_slice(at)?;
                let (module, name) = head.argument.lines();
                let class = self.import(module, name, at)?;
                let arguments = self.heap.tuple(&self.slice);
                self.call(AbstractValue::Global(class), arguments, None, at)
            }
            O::Obj => {
                self.pop_slice(at)?;
                let class = self.slice.take_lowest().ok_or_else(|| underflow(at))?;
                let arguments = self.heap.tuple(&self.slice);
                self.call(class, arguments, None, at)
            }
            O::Build => {
                let state = self.stack.pop(at)?;
                let object = self.stack.top(at)?;
                self.heap.use_as_state(state);
                self.put_into(object, &[state]);
                self.work_on(object, state, at, Act::SetState)
            }
            O::Append => {
                let item = self.stack.pop(at)?;
                let list = self.stack.top(at)?;
                self.slice.set(&[item]);
                self.heap.append(list, &self.slice);
                self.work_on(list, AbstractValue::Unknown, at, Act::Add)
            }
            O::Appends | O::AddItems => {
                self.pop_slice(at)?;
                let list = self.stack.top(at)?;
                if head.opcode == O::AddItems {
                    self.check_keys(1, at);
                }
                self.heap.append(list, &self.slice);
                self.added(list, at)
            }
            O::SetItem => {
                let value = self.stack.pop(at)?;
                let key = self.stack.pop(at)?;
                let dict = self.stack.top(at)?;
                self.slice.set(&[key, value]);
                self.set_items(dict, at);
                self.work_on(dict, AbstractValue::Unknown, at, Act::Add)
            }
            O::SetItems => {
                self.pop_slice(at)?;
                let dict = self.stack.top(at)?;
                self.set_items(dict, at);
                self.added(dict, at)
            }
            _ => self.follow_table(head, at),
        }
    }

    /// Runs an instruction by the opcode table alone: the memo instructions, POP_MARK, FRAME, and
    /// those of out-of-band buffers.
    fn follow_table(&mut self, head: &Head<'_>, at: Location) -> Result<()> {
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
                let value = self.stack.top(at)?;
                if index > at.offset - self.start + MAX_INDEX_AHEAD {
                    self.report(at, Act::Costly);
                }
                if self.memo.put(index, value) {
                    self.report(at, Act::Overwrite(index));
                }
                if self.memo.held() > MAX_ENTRIES {
                    self.memo.forget(&mut self.heap, &self.names);
                }
                return Ok(());
            }
            MemoEffect::Untouched => {}
        }
        for taken in info.before {
            match taken {
                StackItem::Slice => {
                    self.pop_slice(at)?;
                }
                StackItem::Mark => {}
                _ => {
                    self.stack.pop(at)?;
                }
            }
        }
        match info.after {
            [] => Ok(()),
            _ => self.push(AbstractValue::Other, at),
        }
    }

    /// Pushes a value or a mark, and forgets the middle of the stack where it takes too much
    /// memory.
    fn push(&mut self, value: AbstractValue, at: Location) -> Result<()> {
        self.stack.push(value);
        if self.stack.runs() > MAX_ENTRIES {
            self.stack.forget(&mut self.heap);
            let runs = self.stack.runs() as u64;
            limits::check(MAX_ENTRIES as u64 / 2, runs, "pickle.limit.stack", at.offset)?;
        }
        let most = self.limits.stack as u64;
        limits::check(most, self.stack.height(), "pickle.limit.stack", at.offset)
    }

    /// Pushes a new object.
    fn make(&mut self, kind: ObjectKind, at: Location) -> Result<()> {
        let value = self.heap.add(kind);
        self.push(value, at)
    }

    /// Pushes a tuple of the topmost `count` values, which is at most 3.
    fn make_tuple(&mut self, count: usize, at: Location) -> Result<()> {
        let mut items = [AbstractValue::None; 3];
        for item in items[..count].iter_mut().rev() {
            *item = self.stack.pop(at)?;
        }
        self.slice.set(&items[..count]);
        let tuple = self.heap.tuple(&self.slice);
        self.push(tuple, at)
    }

    /// Sets the values of the slice, keys and values in turn, in a dict, a list or another object.
    fn set_items(&mut self, dict: AbstractValue, at: Location) {
        self.check_keys(2, at);
        let alters = self.heap.set_items(dict, &self.slice);
        if alters && self.slice.count > 0 {
            self.report(at, Act::Alter);
        }
    }

    /// Computes the cost of an object after values were put into it.
    fn put_into(&mut self, object: AbstractValue, values: &[AbstractValue]) {
        self.slice.set(values);
        self.heap.put_into(object, &self.slice);
    }

    /// Reports the result of a call with too many objects in one another. Lists, tuples, dicts and
    /// sets alone are not reported: Python removes them without recursion.
    fn check_depth(&mut self, object: AbstractValue, at: Location) {
        let is_result = matches!(self.heap.get(object), Some(ObjectKind::Result { .. }));
        if is_result && !self.heap.cost(object).is_shallow() {
            self.report(at, Act::Costly);
        }
    }

    /// Reports keys that are too costly to hash: every `step`th value of the slice is one.
    fn check_keys(&mut self, step: usize, at: Location) {
        // `rest` may be of keys or of values; it counts as of keys.
        let mut keys = self.slice.values.iter().step_by(step);
        let is_hashable = keys.all(|&key| self.heap.cost(key).is_hashable());
        if !is_hashable || !self.slice.rest.is_hashable() {
            self.report(at, Act::Costly);
        }
    }

    /// Pushes a text, or for `None` one that is too long to be kept.
    fn push_text(&mut self, text: Option<&[u8]>, at: Location) -> Result<()> {
        match text {
            Some(text) => {
                let text = self.heap.text(text);
                self.push(text, at)
            }
            None => self.push(AbstractValue::LongText, at),
        }
    }

    /// Takes off the topmost mark and the values above it, into `slice`.
    fn pop_slice(&mut self, at: Location) -> Result<()> {
        self.stack.pop_mark(&mut self.slice, &self.heap, at)
    }

    /// Reports the import of STACK_GLOBAL and returns the name. Fails where module or name cannot
    /// be a str, as CPython does.
    fn stack_global(
        &mut self,
        module: AbstractValue,
        name: AbstractValue,
        at: Location,
    ) -> Result<NameId> {
        let text = |value| match (self.heap.get(value), value) {
            (Some(&ObjectKind::Text(text)), _) => Ok(Some(self.heap.text_of(text))),
            // It may be any str: too long, forgotten, imported (`os.name`), or the result of a
            // call.
            (Some(ObjectKind::Result { .. }), _)
            | (_, AbstractValue::LongText | AbstractValue::Global(_) | AbstractValue::Unknown) => {
                Ok(None)
            }
            _ => {
                let message = "STACK_GLOBAL expects a module and a name of type str";
                Err(Error::malformed("pickle.stack.type", at.offset, message))
            }
        };
        let name = match (text(module)?, text(name)?) {
            (Some(module), Some(name)) => {
                self.names.find_global(self.protocol, module, name, at.offset)?
            }
            _ => self.names.find(Name::Unknown, at.offset)?,
        };
        self.report(at, Act::Import(name));
        Ok(name)
    }

    /// Reports a call and pushes its result.
    fn call(
        &mut self,
        callee: AbstractValue,
        arguments: AbstractValue,
        keywords: Option<AbstractValue>,
        at: Location,
    ) -> Result<()> {
        let Some(subject) = self.subject(callee, at)? else {
            // Python raises a TypeError. What follows is audited all the same.
            return self.push(AbstractValue::Other, at);
        };
        let result =
            self.heap.add(ObjectKind::Result { callee: subject.name(), fact: 0, is_kept: false });
        self.operands = AbstractOperands {
            object: callee,
            arguments,
            keywords,
            result: match result {
                AbstractValue::Object(id) => Some(id),
                _ => None,
            },
        };
        self.report(at, Act::Call(subject));
        self.put_into(result, &[arguments, keywords.unwrap_or(AbstractValue::None)]);
        self.check_depth(result, at);
        self.push(result, at)
    }

    /// Reports that the values of the slice are added to an object.
    fn added(&mut self, object: AbstractValue, at: Location) -> Result<()> {
        // Without items CPython does not look at the object.
        if self.slice.count == 0 {
            return Ok(());
        }
        self.work_on(object, AbstractValue::Unknown, at, Act::Add)
    }

    /// Reports what is done to an object, unless it is of a built-in type.
    fn work_on(
        &mut self,
        object: AbstractValue,
        arguments: AbstractValue,
        at: Location,
        act: fn(Subject) -> Act,
    ) -> Result<()> {
        self.check_depth(object, at);
        if let Some(subject) = self.subject(object, at)? {
            self.operands = AbstractOperands { object, arguments, keywords: None, result: None };
            self.report(at, act(subject));
        }
        Ok(())
    }

    /// Returns the value as the subject of an act; `None` where it is of a built-in type whose
    /// methods are known. An unknown value is a subject of unknown name, so no act on it is lost.
    fn subject(&mut self, value: AbstractValue, at: Location) -> Result<Option<Subject>> {
        Ok(match value {
            AbstractValue::Global(name) => Some(Subject::Named(name)),
            AbstractValue::Unknown => {
                Some(Subject::Named(self.names.find(Name::Unknown, at.offset)?))
            }
            value => match self.heap.get(value) {
                Some(ObjectKind::Result { callee, .. }) => Some(Subject::ResultOf(*callee)),
                _ => None,
            },
        })
    }

    /// Reports an import and returns the name.
    fn import(&mut self, module: &[u8], name: &[u8], at: Location) -> Result<NameId> {
        let name = self.names.find_global(self.protocol, module, name, at.offset)?;
        self.report(at, Act::Import(name));
        Ok(name)
    }

    /// Adds a finding.
    pub(super) fn report(&mut self, Location { opcode, offset }: Location, act: Act) {
        self.findings.push_back(Finding { offset, opcode, act });
    }
}

const EMPTY_LIST: ObjectKind = ObjectKind::List(Some(0));
const EMPTY_DICT: ObjectKind =
    ObjectKind::Dict { items: Vec::new(), is_whole: true, is_in_state: false };

/// Whether a line of INT or LONG is a bool, or a number that is the same in base 10 and in the base
/// that Python guesses from a prefix.
fn is_plain_decimal(line: &[u8]) -> bool {
    if matches!(line, b"00" | b"01") {
        return true;
    }
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || !digits.starts_with(b"0"))
}
