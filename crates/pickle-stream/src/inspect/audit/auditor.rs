//! The instructions, carried out on abstract values.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::at::{At, MOST_ENTRIES, underflow};
use super::finding::{Act, Audited, Finding, Subject};
use super::heap::{Abstract, Heap, ObjectId, ObjectKind, Slice};
use super::memo::Memo;
use super::names::{Name, NameId, Names};
use super::operand::{Operand, Operands};
use super::stack::Stack;
use crate::error::{Error, Result};
use crate::graph::twos_complement;
use crate::lex::text::{self, Int};
use crate::lex::{Argument, Head, Lexer, Progress, check_protocol};
use crate::limits::{self, Limits};
use crate::opcode::{MemoEffect, Opcode, StackItem};

/// The bytes of the longest text that can be a name or an argument.
const LONGEST: u64 = 1024;

/// The bytes of the longest int that is kept.
const LONGEST_INT: u64 = 8;

/// The highest memo index that a pickle of any size may have.
const MOST_FREE_ENTRIES: u64 = 1 << 16;

/// The bytes of abstract values above which old ones are forgotten.
const MOST_FACTS: usize = 1 << 20;

/// An auditor of one pickle: it reports what unpickling would import and call.
///
/// ```
/// use pickle_stream::Limits;
/// use pickle_stream::audit::{Act, Audited, Auditor, Name, Subject};
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
    /// The offset of the pickle.
    start: u64,
    lexer: Lexer,
    limits: Limits,
    protocol: i64,
    stack: Stack,
    memo: Memo,
    heap: Heap,
    names: Names,
    /// The operands of the last instruction.
    operands: Box<Worked>,
    /// The values above the mark that the last instruction has taken.
    slice: Slice,
    /// The offset at which the last frame ends.
    frame_end: u64,
    /// The findings of the last instruction that were not returned yet.
    found: VecDeque<Finding>,
    stopped: bool,
}

/// The values of [`Operands`].
#[derive(Clone, Copy, Debug)]
struct Worked {
    object: Abstract,
    arguments: Abstract,
    keywords: Option<Abstract>,
    result: Abstract,
}

impl Auditor {
    /// Creates an auditor of the pickle that begins at `offset` in the source.
    pub fn new(offset: u64, limits: &Limits) -> Auditor {
        let nothing = Abstract::Forgotten;
        let worked =
            Worked { object: nothing, arguments: nothing, keywords: None, result: nothing };
        Auditor {
            start: offset,
            lexer: Lexer::new(offset, limits),
            limits: limits.clone(),
            protocol: 0,
            stack: Stack::default(),
            memo: Memo::default(),
            heap: Heap::default(),
            names: Names::default(),
            operands: Box::new(worked),
            slice: Slice::default(),
            frame_end: offset,
            found: VecDeque::new(),
            stopped: false,
        }
    }

    /// Returns the offset at which the next input must begin.
    pub fn offset(&self) -> u64 {
        self.lexer.offset()
    }

    /// Returns the protocol in the pickle's PROTO.
    pub fn protocol(&self) -> i64 {
        self.protocol
    }

    /// Returns every name in the pickle, in the order in which they were found.
    pub fn names(&self) -> &[Name] {
        &self.names.list
    }

    /// Returns the operands of the instruction that was found last.
    ///
    /// Valid after [`advance`](Self::advance) returned [`Act::Call`], [`Act::SetState`] or
    /// [`Act::Add`], until it is called again.
    pub fn operands(&self) -> Operands<'_> {
        let Worked { object, arguments, keywords, result } = *self.operands;
        let known = |value| Operand::of(&self.heap, value);
        Operands {
            object: known(object),
            arguments: known(arguments),
            keywords: keywords.map(known),
            result: match result {
                Abstract::Object(object) => Some(object),
                _ => None,
            },
        }
    }

    /// Sets a fact about the result of a call, for
    /// [`OperandResult::fact`](super::OperandResult::fact). It means something to the caller alone.
    /// With `keep`, the object is forgotten later than others, because later calls are likely to
    /// have it as an argument.
    ///
    /// `object` must be one of the [`operands`](Self::operands) that were found last.
    pub fn set_fact(&mut self, object: ObjectId, fact: u64, keep: bool) {
        self.heap.set_fact(object, fact, keep);
    }

    /// Continues through `input`, which begins at [`offset`](Self::offset), to the next finding.
    ///
    /// Fails on bytes that are not a pickle, and on more than 65,536 names. Earlier findings stay
    /// valid.
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
            let payload = match head.payload <= longest(head.opcode) {
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
            if self.heap.is_full() {
                self.collect();
            }
            self.frame(&head);
            self.execute(&head, payload)?;
        }
    }

    /// Removes objects that nothing refers to, and, if that is not enough, those least likely to be
    /// read: old memo entries, the contents of nested containers, the middle of the stack.
    fn collect(&mut self) {
        let forget: [fn(&mut Auditor); 4] = [
            |_| {},
            |it| it.memo.forget(&mut it.heap, &it.names),
            |it| it.heap.strip(),
            |it| it.stack.forget(&mut it.heap),
        ];
        for forget in forget {
            forget(self);
            self.remove_unused();
            if self.heap.size() <= MOST_FACTS {
                break;
            }
        }
    }

    fn remove_unused(&mut self) {
        let Self { heap, stack, memo, operands, .. } = self;
        **operands = Worked {
            object: Abstract::Forgotten,
            arguments: Abstract::Forgotten,
            keywords: None,
            result: Abstract::Forgotten,
        };
        heap.collect(|each| {
            stack.each_value(each);
            memo.each_value(each);
        });
    }

    /// Follows the frames, and reports an instruction that straddles them.
    fn frame(&mut self, head: &Head<'_>) {
        let is_inside = head.offset < self.frame_end;
        let is_straddled = is_inside && self.lexer.offset() > self.frame_end;
        if is_straddled || (is_inside && head.opcode == Opcode::Frame) {
            self.find(At { opcode: head.opcode, offset: head.offset }, Act::Straddle);
        }
        match head.argument {
            Argument::Size(size) => self.frame_end = self.lexer.offset().saturating_add(size),
            _ if is_straddled => self.frame_end = self.lexer.offset(),
            // The bytes after it would be read from the frame, as a part of this pickle.
            _ if head.opcode == Opcode::Stop && self.lexer.offset() < self.frame_end => {
                self.find(At { opcode: head.opcode, offset: head.offset }, Act::Straddle);
            }
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
            O::Mark => self.push(Abstract::Mark, at),
            O::Pop => {
                self.stack.pop_value_or_mark(at)?;
                Ok(())
            }
            O::Dup => {
                let top = self.stack.top(at)?;
                self.push(top, at)
            }

            O::None => self.push(Abstract::None, at),
            O::NewTrue => self.push(Abstract::Bool(true), at),
            O::NewFalse => self.push(Abstract::Bool(false), at),
            O::BinInt | O::BinInt1 | O::BinInt2 => {
                self.push(Abstract::Int(head.argument.int()), at)
            }
            O::Int | O::Long => {
                let (line, digits) = (head.argument.line(), self.limits.digits);
                let int = match head.opcode {
                    O::Int => text::int(line, digits, head.offset),
                    _ => text::long(line, digits, head.offset),
                };
                // CPython's readers read what is not a plain decimal number in different ways.
                let value = match int.ok().filter(|_| is_plain_decimal(line)) {
                    Some(Int::Small(int)) => Abstract::Int(int),
                    Some(Int::Bool(bool)) => Abstract::Bool(bool),
                    Some(Int::Big(_)) | None => Abstract::Number,
                };
                self.push(value, at)
            }
            O::Long1 | O::Long4 => {
                let int = payload.and_then(twos_complement::to_i64);
                self.push(int.map_or(Abstract::Number, Abstract::Int), at)
            }
            O::Float | O::BinFloat => self.push(Abstract::Number, at),
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
                let text = Some(&text[..]).filter(|text| text.len() as u64 <= LONGEST);
                self.push_text(text, at)
            }
            O::BinBytes | O::ShortBinBytes | O::BinBytes8 | O::ByteArray8 => {
                let byte = match payload {
                    Some(&[byte]) => Some(byte),
                    _ => None,
                };
                self.push(Abstract::Bytes(byte), at)
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
                self.push(Abstract::Global(name), at)
            }
            O::StackGlobal => {
                let [name, module] = [self.stack.pop(at)?, self.stack.pop(at)?];
                let name = self.stack_global(module, name, at)?;
                self.push(Abstract::Global(name), at)
            }
            O::Ext1 | O::Ext2 | O::Ext4 => {
                let name = self.names.find(Name::Extension(head.argument.int()), at.offset)?;
                self.find(at, Act::Import(name));
                self.push(Abstract::Global(name), at)
            }
            O::PersId | O::BinPersId => {
                let id = match head.opcode {
                    O::BinPersId => self.stack.pop(at)?,
                    _ => Abstract::Other,
                };
                let name = self.names.find(Name::PersistentId, at.offset)?;
                self.call(Abstract::Global(name), id, None, at)
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
                self.call(Abstract::Global(class), arguments, None, at)
            }
            O::Obj => {
                self.pop_slice(at)?;
                if self.slice.values.is_empty() {
                    return Err(underflow(at));
                }
                let class = self.slice.values.remove(0);
                self.slice.count -= 1;
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
                self.work_on(list, Abstract::Forgotten, at, Act::Add)
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
                self.work_on(dict, Abstract::Forgotten, at, Act::Add)
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

    /// Follows the opcode table, for instructions whose values need not be known.
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
                let value = self.stack.top(at)?;
                if index > at.offset - self.start + MOST_FREE_ENTRIES {
                    self.find(at, Act::Costly);
                }
                if self.memo.put(index, value) {
                    self.find(at, Act::Overwrite(index));
                }
                if self.memo.held() > MOST_ENTRIES {
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
            _ => self.push(Abstract::Other, at),
        }
    }

    fn push(&mut self, value: Abstract, at: At) -> Result<()> {
        self.stack.push(value);
        if self.stack.runs() > MOST_ENTRIES {
            self.stack.forget(&mut self.heap);
            let runs = self.stack.runs() as u64;
            limits::check(MOST_ENTRIES as u64 / 2, runs, "pickle.limit.stack", at.offset)?;
        }
        let most = self.limits.stack as u64;
        limits::check(most, self.stack.height(), "pickle.limit.stack", at.offset)
    }

    fn make(&mut self, kind: ObjectKind, at: At) -> Result<()> {
        let value = self.heap.add(kind);
        self.push(value, at)
    }

    fn make_tuple(&mut self, count: usize, at: At) -> Result<()> {
        let mut items = [Abstract::None; 3];
        for item in items[..count].iter_mut().rev() {
            *item = self.stack.pop(at)?;
        }
        self.slice.set(&items[..count]);
        let tuple = self.heap.tuple(&self.slice);
        self.push(tuple, at)
    }

    /// Sets the values of the slice, keys and values in turn, in a dict.
    fn set_items(&mut self, dict: Abstract, at: At) {
        self.check_keys(2, at);
        let is_odd = self.heap.set_items(dict, &self.slice);
        if is_odd && self.slice.count > 0 {
            self.find(at, Act::Alter);
        }
    }

    /// Notes that values are part of an object that a call returned.
    fn put_into(&mut self, object: Abstract, values: &[Abstract]) {
        self.slice.set(values);
        self.heap.put_into(object, &self.slice);
    }

    /// Reports an object that is so deep that Python may exhaust its stack when it removes it.
    fn check_depth(&mut self, object: Abstract, at: At) {
        let is_result = matches!(self.heap.get(object), Some(ObjectKind::Result { .. }));
        if is_result && !self.heap.cost(object).is_shallow() {
            self.find(at, Act::Costly);
        }
    }

    /// Reports keys that are costly to hash. Keys are every `step`th value of the slice.
    fn check_keys(&mut self, step: usize, at: At) {
        let mut keys = self.slice.values.iter().step_by(step);
        let is_hashable = keys.all(|&key| self.heap.cost(key).is_hashable());
        if !is_hashable || !self.slice.rest.is_hashable() {
            self.find(at, Act::Costly);
        }
    }

    /// Pushes a text; `None` is one that is too long to be kept.
    fn push_text(&mut self, text: Option<&[u8]>, at: At) -> Result<()> {
        match text {
            Some(text) => self.make(ObjectKind::Text(text.into()), at),
            None => self.push(Abstract::LongText, at),
        }
    }

    /// Takes the topmost mark and the values above it, into `slice`.
    fn pop_slice(&mut self, at: At) -> Result<()> {
        self.stack.pop_mark(&mut self.slice, &self.heap, at)
    }

    /// Returns the global that STACK_GLOBAL imports.
    fn stack_global(&mut self, module: Abstract, name: Abstract, at: At) -> Result<NameId> {
        let text = |value| match (self.heap.get(value), value) {
            (Some(ObjectKind::Text(text)), _) => Ok(Some(&text[..])),
            // It may be a str: a long one, or one that a call returned.
            (Some(ObjectKind::Result { .. }), _)
            | (_, Abstract::LongText | Abstract::Forgotten) => Ok(None),
            _ => {
                let message = "STACK_GLOBAL needs a module and a name, which are str";
                Err(Error::malformed("pickle.stack.type", at.offset, message))
            }
        };
        let name = match (text(module)?, text(name)?) {
            (Some(module), Some(name)) => {
                self.names.find_global(self.protocol, module, name, at.offset)?
            }
            _ => self.names.find(Name::Unknown, at.offset)?,
        };
        self.find(at, Act::Import(name));
        Ok(name)
    }

    /// Reports a call. Python fails to call a value that is neither a global nor a result.
    fn call(
        &mut self,
        callee: Abstract,
        arguments: Abstract,
        keywords: Option<Abstract>,
        at: At,
    ) -> Result<()> {
        let Some(subject) = self.subject(callee, at)? else {
            return self.push(Abstract::Other, at);
        };
        let result =
            self.heap.add(ObjectKind::Result { callee: subject.name(), fact: 0, is_kept: false });
        *self.operands = Worked { object: callee, arguments, keywords, result };
        self.find(at, Act::Call(subject));
        self.put_into(result, &[arguments, keywords.unwrap_or(Abstract::None)]);
        self.check_depth(result, at);
        self.push(result, at)
    }

    /// Notes that the values of the slice were added to an object.
    fn added(&mut self, object: Abstract, at: At) -> Result<()> {
        // CPython's readers look at the object only if there are items.
        if self.slice.count == 0 {
            return Ok(());
        }
        self.work_on(object, Abstract::Forgotten, at, Act::Add)
    }

    /// Reports a change of an object that may have code of its own.
    fn work_on(
        &mut self,
        object: Abstract,
        arguments: Abstract,
        at: At,
        act: fn(Subject) -> Act,
    ) -> Result<()> {
        self.check_depth(object, at);
        if let Some(subject) = self.subject(object, at)? {
            *self.operands =
                Worked { object, arguments, keywords: None, result: Abstract::Forgotten };
            self.find(at, act(subject));
        }
        Ok(())
    }

    /// Returns the subject that a value is, if it may have code of its own.
    fn subject(&mut self, value: Abstract, at: At) -> Result<Option<Subject>> {
        Ok(match value {
            Abstract::Global(name) => Some(Subject::Named(name)),
            Abstract::Forgotten => Some(Subject::Named(self.names.find(Name::Unknown, at.offset)?)),
            value => match self.heap.get(value) {
                Some(ObjectKind::Result { callee, .. }) => Some(Subject::ResultOf(*callee)),
                _ => None,
            },
        })
    }

    /// Reports the import of a global.
    fn import(&mut self, module: &[u8], name: &[u8], at: At) -> Result<NameId> {
        let name = self.names.find_global(self.protocol, module, name, at.offset)?;
        self.find(at, Act::Import(name));
        Ok(name)
    }

    fn find(&mut self, At { opcode, offset }: At, act: Act) {
        self.found.push_back(Finding { offset, opcode, act });
    }
}

const EMPTY_LIST: ObjectKind = ObjectKind::List(Some(0));
const EMPTY_DICT: ObjectKind =
    ObjectKind::Dict { items: Vec::new(), is_whole: true, is_in_state: false };

/// Returns the bytes of the longest payload of this opcode that is read.
fn longest(opcode: Opcode) -> u64 {
    use Opcode as O;
    match opcode {
        O::BinUnicode | O::ShortBinUnicode | O::BinUnicode8 | O::BinString | O::ShortBinString => {
            LONGEST
        }
        O::Long1 | O::Long4 => LONGEST_INT,
        O::BinBytes | O::ShortBinBytes | O::BinBytes8 | O::ByteArray8 => 1,
        _ => 0,
    }
}

/// Whether a line of INT or LONG is a bool, or the same number in every base that readers guess.
fn is_plain_decimal(line: &[u8]) -> bool {
    if matches!(line, b"00" | b"01") {
        return true;
    }
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || !digits.starts_with(b"0"))
}
