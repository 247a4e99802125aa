//! The pickle machine: executes instructions and builds a value in a graph.
//!
//! It has the stack, marks and memo of CPython's unpickler, and accepts and rejects what
//! `Modules/_pickle.c` does. It has nothing to call: a global is its name, and a call is a node
//! with the callable and its arguments.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{
    Chain, Construct, Graph, Memo, Node, NodeId, ObjectNode, Payload, Region, Run, twos_complement,
    utf8,
};
use crate::lex::{
    Argument, Fetch, Instruction, Lexer, Parsed, Progress, Raw, check_protocol, text,
};
use crate::limits::{self, Limits};
use crate::opcode::Opcode;

/// The result of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It was executed.
    Next,
    /// It was STOP, and this is the value of the pickle.
    Stop(NodeId),
    /// It reads this memo entry, which was made before the machine started, and which has no
    /// definition in the graph's shared region. It was not executed: define the entry, then execute
    /// the instruction again.
    Missing(u64),
}

/// The reason why [`Machine::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// See [`Flow::Stop`].
    Stop(NodeId),
    /// See [`Flow::Missing`].
    Missing(u64),
    /// The input ends; the next instruction needs at least this many bytes past its end.
    Need(usize),
}

/// A machine that executes instructions, and builds nodes in one region of a [`Graph`].
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) limits: Limits,
    pub(super) region: Region,
    /// The index of the first node that this run may change: those before it were made by others.
    first: usize,
    pub(super) stack: Vec<NodeId>,
    pub(super) marks: Vec<u32>,
    pub(super) memo: Memo,
    buffers: u32,
    protocol: u8,
}

impl Machine {
    /// Creates a machine that runs a pickle from its beginning and builds in the own region.
    pub fn new(limits: &Limits) -> Machine {
        Machine {
            limits: limits.clone(),
            region: Region::Own,
            first: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::default(),
            buffers: 0,
            protocol: 0,
        }
    }

    /// Empties stack, marks and memo, for instructions after `memo` memo entries.
    ///
    /// With [`Region::Own`] the graph must have been cleared. The nodes of [`Region::Shared`] stay.
    pub fn reset(&mut self, graph: &Graph, region: Region, memo: u64) {
        self.region = region;
        self.first = graph.len(region);
        self.stack.clear();
        self.marks.clear();
        self.memo.reset(memo);
        self.buffers = 0;
        self.protocol = 0;
    }

    /// Returns the values on the stack, bottom first, without marks.
    pub fn stack(&self) -> &[NodeId] {
        &self.stack
    }

    /// Returns the number of values below each open mark, outermost first.
    pub fn marks(&self) -> &[u32] {
        &self.marks
    }

    /// Returns the value that the instructions of a span have left: the only one on the stack, with
    /// no mark open.
    ///
    /// Fails, with `offset` in the error, where they have left anything else.
    pub fn finish(&self, offset: u64) -> Result<NodeId> {
        match (self.stack.as_slice(), self.marks.as_slice()) {
            (&[value], &[]) => Ok(value),
            (values, marks) => {
                let message = alloc::format!(
                    "an element leaves {} values and {} marks",
                    values.len(),
                    marks.len()
                );
                Err(Error::malformed("pickle.element.balance", offset, message))
            }
        }
    }

    /// Makes each memo entry of this run, which was in [`Region::Shared`], a shared definition of
    /// the graph.
    pub fn define_entries(&self, graph: &mut Graph) {
        debug_assert_eq!(self.region, Region::Shared);
        for (index, id) in self.memo.entries() {
            graph.define(index, id);
        }
    }

    /// Returns the memo entries of this run, in order, with their nodes.
    pub fn entries(&self) -> impl Iterator<Item = (u64, NodeId)> + '_ {
        self.memo.entries()
    }

    /// Returns the limits of the machine.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the protocol in this run's PROTO; 0 without one.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Returns one more than the highest memo index of this run.
    pub fn memo_end(&self) -> u64 {
        self.memo.end()
    }

    /// Pushes a definition of the shared region, in place of the instructions that made it, and
    /// takes over their memo entries, which have the indices `memo`.
    pub fn push_known(&mut self, graph: &Graph, value: NodeId, memo: Range<u64>) {
        self.stack.push(value);
        for (index, id) in graph.shared_entries(memo) {
            self.memo.put(index, id);
        }
    }

    /// Pushes a node that is filled in later, and makes a memo entry of it where `has_put` says so.
    pub(crate) fn push_hole(&mut self, graph: &mut Graph, has_put: bool) -> NodeId {
        let id = graph.push(self.region, Node::None);
        self.stack.push(id);
        if has_put {
            self.memo.put(self.memo.next_index(), id);
        }
        id
    }

    /// Returns whether this run made the node, and may change it.
    pub(super) fn is_own(&self, node: NodeId) -> bool {
        node.region() == self.region && node.index() >= self.first
    }

    /// Executes the instructions of `input`, which begins at the lexer's offset, up to its end or
    /// STOP.
    pub fn run(&mut self, graph: &mut Graph, lexer: &mut Lexer, input: &[u8]) -> Result<Ran> {
        let start = lexer.offset();
        loop {
            let rest = &input[(lexer.offset() - start) as usize..];
            let room = rest.len().min(self.room(graph)).min(lexer.room());
            if let Some(ran) = self.run_unchecked(graph, lexer, &rest[..room])? {
                return Ok(ran);
            }
            let rest = &input[(lexer.offset() - start) as usize..];
            if rest.is_empty() {
                return Ok(Ran::Need(1));
            }
            let before = lexer.clone();
            let instruction = match lexer.instruction(rest)? {
                Progress::Done(instruction) => instruction,
                Progress::Need(more) => return Ok(Ran::Need(more)),
            };
            match self.execute(graph, &instruction)? {
                Flow::Next => {}
                Flow::Stop(value) => return Ok(Ran::Stop(value)),
                Flow::Missing(index) => {
                    *lexer = before;
                    return Ok(Ran::Missing(index));
                }
            }
        }
    }

    /// Returns a number of bytes whose frequent instructions cannot exceed a limit: each takes at least
    /// one byte, and pushes at most one value or mark, makes at most one node, and writes at most one
    /// memo entry. A link is made for each value that leaves the stack. Returns 0 for the shared region,
    /// in which each instruction is checked.
    fn room(&self, graph: &Graph) -> usize {
        if self.region != Region::Own {
            return 0;
        }
        let stack = most(self.limits.stack).saturating_sub(self.stack.len());
        let marks = most(self.limits.marks).saturating_sub(self.marks.len());
        let memo = most(self.limits.nodes).saturating_sub(self.memo.len());
        let nodes = graph.room(Region::Own, self.limits.nodes, self.stack.len());
        stack.min(marks).min(memo).min(nodes)
    }

    /// Executes the frequent instructions at the beginning of `input`, which begins at the lexer's
    /// offset, without a check of limits: there is [room](Self::room) for all of `input`. Returns `None`
    /// before an instruction that the lexer has to read.
    fn run_unchecked(
        &mut self,
        graph: &mut Graph,
        lexer: &mut Lexer,
        input: &[u8],
    ) -> Result<Option<Ran>> {
        let start = lexer.offset();
        let mut rest = input;
        let ran = loop {
            let Some((&byte, after)) = rest.split_first() else { break Ok(None) };
            let Some(opcode) = Opcode::from_byte(byte) else { break Ok(None) };
            let offset = start + (input.len() - rest.len()) as u64;
            let mut argument = Raw(after);
            let mut step = Step::<false> { machine: self, graph, opcode, offset };
            match step.execute(&mut argument) {
                Ok(Some(Flow::Next)) => rest = argument.rest(),
                Ok(Some(Flow::Stop(value))) => {
                    rest = argument.rest();
                    break Ok(Some(Ran::Stop(value)));
                }
                Ok(Some(Flow::Missing(index))) => break Ok(Some(Ran::Missing(index))),
                Ok(None) => break Ok(None),
                Err(error) => {
                    rest = argument.rest();
                    break Err(error);
                }
            }
        };
        lexer.skip(input.len() - rest.len());
        ran
    }

    /// Executes one instruction.
    ///
    /// Fails where CPython's unpickler does, on what is not supported, and over a limit. After an
    /// error the machine must be reset.
    pub fn execute(&mut self, graph: &mut Graph, instruction: &Instruction<'_>) -> Result<Flow> {
        let &Instruction { opcode, argument, offset, .. } = instruction;
        let mut step = Step::<true> { machine: self, graph, opcode, offset };
        let flow = step.execute(&mut Parsed(argument))?.expect("the lexer has read the argument");
        // An instruction makes at most five nodes, and a link for each value that it takes off the
        // stack.
        graph.charge(self.region, self.limits.nodes, 0, offset)?;
        Ok(flow)
    }
}

/// An instruction that is executed. Where it is not `CHECKED`, it cannot exceed a limit, and makes
/// nodes of the own region: see [`Machine::room`].
pub(super) struct Step<'s, const CHECKED: bool> {
    pub(super) machine: &'s mut Machine,
    pub(super) graph: &'s mut Graph,
    opcode: Opcode,
    offset: u64,
}

impl<const CHECKED: bool> Step<'_, CHECKED> {
    /// Executes the instruction. Returns `None`, and has done nothing, where the argument has to be
    /// read first.
    #[inline(always)]
    fn execute<'a>(&mut self, argument: &mut impl Fetch<'a>) -> Result<Option<Flow>> {
        use Opcode as O;
        /// Fetches the argument, or returns `None` from this method where the lexer has to read it.
        macro_rules! fetch {
            ($form:ident) => {
                match argument.$form() {
                    Some(argument) => argument,
                    None => return Ok(None),
                }
            };
        }
        match self.opcode {
            O::Frame => fetch!(frame),
            O::Stop => return self.pop().map(|value| Some(Flow::Stop(value))),

            O::None => self.push_id(NodeId::NONE)?,
            O::NewTrue => self.push_id(NodeId::TRUE)?,
            O::NewFalse => self.push_id(NodeId::FALSE)?,
            O::BinInt1 => {
                let int = fetch!(uint1);
                self.push(Node::Int(int))?;
                argument.skip(self.push_ints(argument.rest()));
            }
            O::BinInt2 => {
                let int = fetch!(uint2);
                self.push(Node::Int(int))?;
                argument.skip(self.push_ints(argument.rest()));
            }
            O::BinInt => {
                let int = fetch!(int4);
                self.push(Node::Int(int))?;
                argument.skip(self.push_ints(argument.rest()));
            }
            O::Long1 => self.push_long(fetch!(short_payload), 2)?,
            O::BinFloat => self.push(Node::Float(fetch!(float8)))?,

            O::ShortBinString => self.push_payload(Node::Str2, fetch!(short_payload), 2)?,
            O::BinString => self.push_payload(Node::Str2, fetch!(any).bytes(), 5)?,
            O::ShortBinBytes => self.push_payload(Node::Bytes, fetch!(short_payload), 2)?,
            O::BinBytes => self.push_payload(Node::Bytes, fetch!(long_payload), 5)?,
            O::BinBytes8 => self.push_payload(Node::Bytes, fetch!(any).bytes(), 9)?,
            O::ByteArray8 => self.push_payload(Node::ByteArray, fetch!(any).bytes(), 9)?,
            O::ShortBinUnicode => self.push_str(fetch!(short_payload), 2)?,
            O::BinUnicode => self.push_str(fetch!(long_payload), 5)?,
            O::BinUnicode8 => self.push_str(fetch!(any).bytes(), 9)?,

            O::EmptyTuple => self.push_id(NodeId::EMPTY_TUPLE)?,
            O::Tuple1 => self.tuple(1)?,
            O::Tuple2 => self.tuple(2)?,
            O::Tuple3 => self.tuple(3)?,
            O::Tuple => {
                let mark = self.pop_mark()?;
                let tuple = self.collect_tuple(mark);
                self.push_id(tuple)?;
            }
            O::EmptyList => self.push(Node::List(Chain::EMPTY))?,
            O::List => self.collect(Node::List)?,
            O::EmptyDict => self.push(Node::Dict(Chain::EMPTY))?,
            O::Dict => self.collect(Node::Dict)?,
            O::EmptySet => self.push(Node::Set(Chain::EMPTY))?,
            O::FrozenSet => self.frozen_set()?,
            O::Append => {
                let items = self.below(1)?;
                self.grow(items)?;
            }
            O::Appends | O::AddItems | O::SetItems => {
                let items = self.pop_mark()?;
                self.grow(items)?;
            }
            O::SetItem => {
                let items = self.below(2)?;
                self.grow(items)?;
            }

            O::Mark => match self.append_numbers(argument.rest()) {
                Some(size) => argument.skip(size),
                None => {
                    let marks = self.machine.marks.len() as u64 + 1;
                    self.check(self.machine.limits.marks, marks, "pickle.limit.marks")?;
                    self.machine.marks.push(self.machine.stack.len() as u32);
                }
            },
            O::Pop => {
                let height = self.machine.stack.len();
                match self.machine.marks.last() {
                    Some(&mark) if mark as usize == height => {
                        self.machine.marks.pop();
                    }
                    _ => {
                        self.pop()?;
                    }
                }
            }
            O::PopMark => {
                let mark = self.pop_mark()?;
                self.machine.stack.truncate(mark);
            }
            O::Dup => {
                let top = self.top()?;
                self.push_id(top)?;
            }

            O::BinGet => return self.get(fetch!(uint1) as u64).map(Some),
            O::LongBinGet => return self.get(fetch!(uint4) as u64).map(Some),
            O::Get => return self.get(fetch!(any).index(self.offset)?).map(Some),
            O::BinPut => self.put(fetch!(uint1) as u64)?,
            O::LongBinPut => self.put(fetch!(uint4) as u64)?,
            O::Put => self.put(fetch!(any).index(self.offset)?)?,
            O::Memoize => self.put(self.machine.memo.next_index())?,

            O::StackGlobal => self.stack_global()?,
            O::Reduce => self.construct(Construct::Call, false)?,
            O::NewObj => self.construct(Construct::New, false)?,
            O::NewObjEx => self.construct(Construct::New, true)?,
            O::Build => self.build()?,
            _ => self.execute_rare(fetch!(any))?,
        }
        Ok(Some(Flow::Next))
    }

    /// Executes one of the other instructions, which are rare in files.
    #[inline(never)]
    fn execute_rare(&mut self, argument: Argument<'_>) -> Result<()> {
        use Opcode as O;
        let offset = self.offset;
        match self.opcode {
            O::Proto => {
                check_protocol(argument.int(), offset)?;
                self.machine.protocol = argument.int() as u8;
            }
            O::Int => {
                self.push_int(text::int(argument.line(), self.machine.limits.digits, offset)?)?;
            }
            O::Long => {
                self.push_int(text::long(argument.line(), self.machine.limits.digits, offset)?)?;
            }
            O::Long4 => self.push_long(argument.bytes(), 5)?,
            O::Float => self.push(Node::Float(text::float(argument.line(), offset)?))?,
            O::String => self.push_text(Node::Str2, text::write_string, argument.line())?,
            O::Unicode => self.push_text(Node::Str, text::write_unicode, argument.line())?,

            O::Global => {
                let (module, name) = argument.lines();
                let global = self.global(module, name)?;
                self.push_id(global)?;
            }
            O::Ext1 | O::Ext2 | O::Ext4 => self.extension(argument.int())?,
            O::PersId => {
                let line = argument.line();
                if !line.is_ascii() {
                    let message = "the persistent id of PERSID must be ASCII";
                    return Err(self.malformed("pickle.text.ascii", message));
                }
                let payload = self.payload(line, offset + 1);
                let id = self.graph.push(self.region(), Node::Str(payload));
                self.push(Node::PersistentId(id))?;
            }
            O::BinPersId => {
                let id = self.pop()?;
                self.push(Node::PersistentId(id))?;
            }
            O::NextBuffer => {
                let index = self.machine.buffers;
                self.machine.buffers += 1;
                self.push(Node::Buffer { index, readonly: false })?;
            }
            O::ReadonlyBuffer => match self.graph.node(self.top()?) {
                Node::Buffer { index, .. } => {
                    self.pop()?;
                    self.push(Node::Buffer { index, readonly: true })?;
                }
                other => return Err(self.wrong_type("an out-of-band buffer", other)),
            },
            O::Inst => {
                let (module, name) = argument.lines();
                // The lines of GLOBAL are UTF-8. CPython reads INST as it did before Python 3.
                if !module.is_ascii() || !name.is_ascii() {
                    return Err(
                        self.malformed("pickle.text.ascii", "the lines of INST must be ASCII")
                    );
                }
                let mark = self.pop_mark()?;
                let args = self.collect_tuple(mark);
                let class = self.global(module, name)?;
                self.instantiate(class, args)?;
            }
            O::Obj => {
                let mark = self.pop_mark()?;
                let Some(&class) = self.machine.stack.get(mark) else {
                    return Err(Error::underflow(self.opcode, self.offset, 1, 0));
                };
                let args = self.collect_tuple(mark + 1);
                self.machine.stack.pop();
                self.instantiate(class, args)?;
            }
            frequent => unreachable!("{frequent:?} is executed with the frequent ones"),
        }
        Ok(())
    }

    /// Returns the region in which nodes are made.
    #[inline(always)]
    fn region(&self) -> Region {
        if CHECKED { self.machine.region } else { Region::Own }
    }

    // The stack. No instruction may reach below the topmost mark, except through the mark itself.

    #[inline(always)]
    pub(super) fn fence(&self) -> usize {
        self.machine.marks.last().map_or(0, |&mark| mark as usize)
    }

    /// Returns the index of the lowest of the top `count` values.
    #[inline(always)]
    fn below(&self, count: usize) -> Result<usize> {
        let height = self.machine.stack.len() - self.fence();
        if height < count {
            return Err(Error::underflow(self.opcode, self.offset, count, height));
        }
        Ok(self.machine.stack.len() - count)
    }

    #[inline(always)]
    fn top(&self) -> Result<NodeId> {
        self.below(1).map(|place| self.machine.stack[place])
    }

    #[inline(always)]
    fn pop(&mut self) -> Result<NodeId> {
        let top = self.top()?;
        self.machine.stack.pop();
        Ok(top)
    }

    /// Closes the topmost mark, and returns the number of values below it.
    #[inline(always)]
    fn pop_mark(&mut self) -> Result<usize> {
        match self.machine.marks.pop() {
            Some(mark) => Ok(mark as usize),
            None => Err(Error::no_mark(self.opcode, self.offset)),
        }
    }

    #[inline(always)]
    fn push_id(&mut self, id: NodeId) -> Result<()> {
        let height = self.machine.stack.len() as u64 + 1;
        self.check(self.machine.limits.stack, height, "pickle.limit.stack")?;
        self.machine.stack.push(id);
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, node: Node) -> Result<()> {
        let id = self.graph.push(self.region(), node);
        self.push_id(id)
    }

    // Atoms.

    fn push_int(&mut self, int: text::Int) -> Result<()> {
        match int {
            text::Int::Bool(true) => self.push_id(NodeId::TRUE),
            text::Int::Bool(false) => self.push_id(NodeId::FALSE),
            text::Int::Small(int) => self.push(Node::Int(int)),
            text::Int::Big(int) => self.push_rewritten(Node::Long, &int.to_signed_bytes_le()),
        }
    }

    #[inline(always)]
    fn push_long(&mut self, bytes: &[u8], start: u64) -> Result<()> {
        if let Some(int) = twos_complement::to_i64(bytes) {
            return self.push(Node::Int(int));
        }
        self.push_payload(Node::Long, bytes, start)
    }

    /// Refers to a payload in the source. In the shared region, which outlives the source, copies
    /// it.
    #[inline(always)]
    fn payload(&mut self, bytes: &[u8], offset: u64) -> Payload {
        match self.region() {
            Region::Own => Payload::source(offset, bytes.len()),
            Region::Shared => self.graph.push_scratch(Region::Shared, bytes),
        }
    }

    /// Pushes a node of the payload of the instruction, which begins `start` bytes after it.
    #[inline(always)]
    fn push_payload(
        &mut self,
        node: impl FnOnce(Payload) -> Node,
        bytes: &[u8],
        start: u64,
    ) -> Result<()> {
        let payload = self.payload(bytes, self.offset + start);
        self.push(node(payload))
    }

    #[inline(always)]
    fn push_str(&mut self, bytes: &[u8], start: u64) -> Result<()> {
        self.check_utf8(bytes, self.offset + start)?;
        self.push_payload(Node::Str, bytes, start)
    }

    /// Pushes a node of bytes that differ from those in the source.
    fn push_rewritten(&mut self, node: impl FnOnce(Payload) -> Node, bytes: &[u8]) -> Result<()> {
        let payload = self.graph.push_scratch(self.region(), bytes);
        self.push(node(payload))
    }

    #[inline(always)]
    fn check_utf8(&self, bytes: &[u8], offset: u64) -> Result<()> {
        utf8::validate(bytes)
            .map_err(|at| Error::malformed("pickle.utf8", offset + at as u64, "a str is not UTF-8"))
    }

    /// Pushes a node of the decoded text of a line. The limit is charged before it is decoded.
    fn push_text(
        &mut self,
        node: impl FnOnce(Payload) -> Node,
        write: text::Write,
        line: &[u8],
    ) -> Result<()> {
        let (region, limit, longest) =
            (self.region(), self.machine.limits.nodes, text::longest(line));
        self.graph.charge_scratch(region, limit, longest, self.offset)?;
        let offset = self.offset;
        let write = |scratch: &mut Vec<u8>| write(line, offset, scratch);
        let payload = self.graph.write_scratch(region, longest, write)?;
        self.push(node(payload))
    }

    // Containers.

    /// Moves the values from `place` on into a run.
    #[inline(always)]
    fn take_run(&mut self, place: usize) -> Run {
        let run = self.graph.push_run(self.region(), &self.machine.stack[place..]);
        self.machine.stack.truncate(place);
        run
    }

    #[inline(always)]
    fn collect_tuple(&mut self, place: usize) -> NodeId {
        if place == self.machine.stack.len() {
            return NodeId::EMPTY_TUPLE;
        }
        let run = self.take_run(place);
        self.graph.push(self.region(), Node::Tuple(run))
    }

    #[inline(always)]
    fn tuple(&mut self, count: usize) -> Result<()> {
        let place = self.below(count)?;
        let tuple = self.collect_tuple(place);
        self.push_id(tuple)
    }

    /// Pushes a container of the values above the mark, for LIST and DICT.
    #[inline(never)]
    fn collect(&mut self, node: fn(Chain) -> Node) -> Result<()> {
        let mark = self.pop_mark()?;
        let mut chain = Chain::EMPTY;
        if matches!(node(chain), Node::Dict(_)) {
            self.check_hashable(mark, 2)?;
        }
        self.graph.extend(self.region(), &mut chain, &self.machine.stack[mark..]);
        self.machine.stack.truncate(mark);
        self.push(node(chain))
    }

    /// Moves the values from `place` on into the container below them, for APPEND, APPENDS,
    /// SETITEM, SETITEMS and ADDITEMS.
    #[inline(never)]
    fn grow(&mut self, place: usize) -> Result<()> {
        use Opcode as O;
        let region = self.region();
        let Some(below) = place.checked_sub(1).filter(|&below| below >= self.fence()) else {
            let found = self.machine.stack.len() - place;
            return Err(Error::underflow(self.opcode, self.offset, found + 1, found));
        };
        let target = self.machine.stack[below];
        if place == self.machine.stack.len() {
            return Ok(()); // CPython does not look at the target either.
        }
        let opcode = self.opcode;
        let node = self.graph.node(target);
        let mut chain = match (opcode, node) {
            (O::Append | O::Appends, Node::List(chain)) => chain,
            (O::SetItem | O::SetItems, Node::Dict(chain)) => chain,
            (O::AddItems, Node::Set(chain)) => chain,
            (O::Append | O::Appends, Node::Object(index)) => {
                self.graph.object(target.region(), index).appended
            }
            (O::SetItem | O::SetItems, Node::Object(index)) => {
                self.graph.object(target.region(), index).items
            }
            (O::AddItems, Node::Object(index)) => self.graph.object(target.region(), index).added,
            (O::Append | O::Appends, other) => return Err(self.wrong_type("a list", other)),
            (O::AddItems, other) => return Err(self.wrong_type("a set", other)),
            (_, other) => return Err(self.wrong_type("a dict", other)),
        };
        self.check_own(target)?;
        match (opcode, node) {
            (O::SetItem | O::SetItems, _) => self.check_hashable(place, 2)?,
            (_, Node::Set(_)) => self.check_hashable(place, 1)?,
            _ => {}
        }
        self.graph.extend(region, &mut chain, &self.machine.stack[place..]);
        self.machine.stack.truncate(place);
        match self.graph.node_mut(target) {
            Node::List(grown) | Node::Dict(grown) | Node::Set(grown) => *grown = chain,
            &mut Node::Object(index) => {
                let object = self.graph.object_mut(region, index);
                match opcode {
                    O::Append | O::Appends => object.appended = chain,
                    O::AddItems => object.added = chain,
                    _ => object.items = chain,
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Fails on a key that Python cannot hash, and on a key without a value. Keys are every
    /// `step`th value from `place` on.
    fn check_hashable(&self, place: usize, step: usize) -> Result<()> {
        let values = &self.machine.stack[place..];
        if !values.len().is_multiple_of(step) {
            let message = alloc::format!("odd number of items for {}", self.opcode.name());
            return Err(self.malformed("pickle.items.odd", message));
        }
        for &key in values.iter().step_by(step) {
            let node = self.graph.node(key);
            if !node.is_hashable() {
                let message = alloc::format!("a {} cannot be hashed", describe(node));
                return Err(self.malformed("pickle.items.unhashable", message));
            }
        }
        Ok(())
    }

    fn frozen_set(&mut self) -> Result<()> {
        let mark = self.pop_mark()?;
        self.check_hashable(mark, 1)?;
        let run = self.take_run(mark);
        self.push(Node::FrozenSet(run))
    }

    // The memo.

    #[inline(always)]
    fn get(&mut self, index: u64) -> Result<Flow> {
        let known = match self.machine.memo.get(index) {
            None if index < self.machine.memo.base() => {
                let Some(id) = self.graph.shared_entry(index) else {
                    return Ok(Flow::Missing(index));
                };
                Some(id)
            }
            known => known,
        };
        let Some(id) = known else {
            return Err(self.never_written(index));
        };
        self.push_id(id)?;
        Ok(Flow::Next)
    }

    #[inline(always)]
    fn put(&mut self, index: u64) -> Result<()> {
        let top = self.top()?;
        if index < self.machine.memo.base() {
            return Err(self.written_again(index));
        }
        let entries = self.machine.memo.len() as u64 + 1;
        self.check(self.machine.limits.nodes, entries, "pickle.limit.memo")?;
        self.machine.memo.put(index, top);
        Ok(())
    }

    // Globals and calls.

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<NodeId> {
        let offset = self.offset + 1;
        self.check_utf8(module, offset)?;
        let module_text = self.payload(module, offset);
        let offset = offset + module.len() as u64 + 1;
        self.check_utf8(name, offset)?;
        let name_text = self.payload(name, offset);
        let module = self.graph.push(self.region(), Node::Str(module_text));
        let name = self.graph.push(self.region(), Node::Str(name_text));
        Ok(self.graph.push(self.region(), Node::Global { module, name }))
    }

    #[inline(never)]
    fn stack_global(&mut self) -> Result<()> {
        let place = self.below(2)?;
        let (module, name) = (self.machine.stack[place], self.machine.stack[place + 1]);
        for part in [module, name] {
            let node = self.graph.node(part);
            if !matches!(node, Node::Str(_) | Node::Str2(_)) {
                return Err(self.wrong_type("a str", node));
            }
        }
        self.machine.stack.truncate(place);
        self.push(Node::Global { module, name })
    }

    #[inline(never)]
    fn extension(&mut self, code: i64) -> Result<()> {
        match i32::try_from(code) {
            Ok(code) if code > 0 => self.push(Node::Extension(code)),
            _ => {
                let message = alloc::format!("extension code {code} is not positive");
                Err(self.malformed("pickle.extension", message))
            }
        }
    }

    /// Makes the object of REDUCE, NEWOBJ or NEWOBJ_EX.
    #[inline(never)]
    fn construct(&mut self, construct: Construct, has_kwargs: bool) -> Result<()> {
        let place = self.below(2 + usize::from(has_kwargs))?;
        let (callable, args) = (self.machine.stack[place], self.machine.stack[place + 1]);
        self.check_callable(callable)?;
        let node = self.graph.node(args);
        if !matches!(node, Node::Tuple(_)) {
            return Err(self.wrong_type("a tuple of arguments", node));
        }
        let kwargs = if has_kwargs { self.machine.stack[place + 2] } else { NodeId::NONE };
        let node = self.graph.node(kwargs);
        if has_kwargs && !matches!(node, Node::Dict(_)) {
            return Err(self.wrong_type("a dict of keyword arguments", node));
        }
        self.machine.stack.truncate(place);
        self.push_object(construct, callable, args, kwargs)
    }

    /// Makes the object of INST or OBJ.
    #[inline(never)]
    fn instantiate(&mut self, class: NodeId, args: NodeId) -> Result<()> {
        self.check_callable(class)?;
        let construct = if args == NodeId::EMPTY_TUPLE { Construct::New } else { Construct::Call };
        self.push_object(construct, class, args, NodeId::NONE)
    }

    fn push_object(
        &mut self,
        construct: Construct,
        callable: NodeId,
        args: NodeId,
        kwargs: NodeId,
    ) -> Result<()> {
        let object = ObjectNode {
            construct,
            callable,
            args,
            kwargs,
            states: Chain::EMPTY,
            appended: Chain::EMPTY,
            items: Chain::EMPTY,
            added: Chain::EMPTY,
        };
        let index = self.graph.add_object(self.region(), object);
        self.push(Node::Object(index))
    }

    #[inline(never)]
    fn build(&mut self) -> Result<()> {
        let place = self.below(2)?;
        let (target, state) = (self.machine.stack[place], self.machine.stack[place + 1]);
        match self.graph.node(target) {
            Node::Object(index) => {
                self.check_own(target)?;
                let region = self.region();
                let mut states = self.graph.object(region, index).states;
                self.graph.extend(region, &mut states, &[state]);
                self.graph.object_mut(region, index).states = states;
            }
            // CPython ignores a state of None if there is no `__setstate__`.
            _ if state == NodeId::NONE => {}
            other => return Err(self.wrong_type("an object that takes a state", other)),
        }
        self.machine.stack.pop();
        Ok(())
    }

    /// Fails on a value that is certainly not callable.
    fn check_callable(&self, callable: NodeId) -> Result<()> {
        match self.graph.node(callable) {
            Node::Global { .. }
            | Node::Object(_)
            | Node::PersistentId(_)
            | Node::Extension(_)
            | Node::Outer(_) => Ok(()),
            other => Err(self.wrong_type("something callable", other)),
        }
    }

    /// Fails if the value was made before this run: an element must not change objects of another
    /// one.
    fn check_own(&self, target: NodeId) -> Result<()> {
        if self.machine.is_own(target) {
            return Ok(());
        }
        let message = alloc::format!(
            "{} changes an object that was made in another element",
            self.opcode.name()
        );
        Err(Error::new(
            ErrorKind::Unsupported,
            "pickle.independence.mutation",
            self.offset,
            message,
        ))
    }

    // Errors.

    #[inline(always)]
    fn check(&self, limit: usize, value: u64, clause: &'static str) -> Result<()> {
        if CHECKED { limits::check(most(limit) as u64, value, clause, self.offset) } else { Ok(()) }
    }

    #[cold]
    fn malformed(&self, clause: &'static str, message: impl Into<String>) -> Error {
        Error::malformed(clause, self.offset, message)
    }

    #[cold]
    fn never_written(&self, index: u64) -> Error {
        let message = alloc::format!("memo entry {index} is read but was never written");
        self.malformed("pickle.memo.missing", message)
    }

    #[cold]
    fn written_again(&self, index: u64) -> Error {
        let message = alloc::format!("memo entry {index} of another element is written again");
        self.malformed("pickle.independence.memo", message)
    }

    #[cold]
    fn wrong_type(&self, wanted: &str, found: Node) -> Error {
        let name = self.opcode.name();
        let message = alloc::format!("{name} needs {wanted}, found {}", describe(found));
        self.malformed("pickle.stack.type", message)
    }
}

/// Returns the limit that applies: indices of the stack have 32 bits.
pub(super) fn most(limit: usize) -> usize {
    limit.min(u32::MAX as usize)
}

fn describe(node: Node) -> &'static str {
    match node {
        Node::None => "None",
        Node::Bool(_) => "bool",
        Node::Int(_) | Node::Long(_) => "int",
        Node::Float(_) => "float",
        Node::Str(_) => "str",
        Node::Str2(_) => "Python 2 str",
        Node::Bytes(_) => "bytes",
        Node::ByteArray(_) => "bytearray",
        Node::Tuple(_) => "tuple",
        Node::List(_) => "list",
        Node::Set(_) => "set",
        Node::FrozenSet(_) => "frozenset",
        Node::Dict(_) => "dict",
        Node::Global { .. } => "global",
        Node::Object(_) => "object",
        Node::PersistentId(_) => "persistent id",
        Node::Extension(_) => "extension code",
        Node::Buffer { .. } => "buffer",
        Node::Outer(_) => "object around the element",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use crate::graph::{Kind, Object, Source, TreeLimits, Value};
    use crate::lex::Head;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use std::thread;

    fn show(stream: &[u8]) -> String {
        match decode(stream, &Limits::default()) {
            Ok(decoded) => match decoded.value().to_value(TreeLimits::default()) {
                Ok(value) => format!("{value:?}"),
                Err(error) => error.clause().into(),
            },
            Err(error) => error.clause().into(),
        }
    }

    fn check(cases: &[(&[u8], &str)]) {
        for (stream, expected) in cases {
            assert_eq!(show(stream), *expected, "{}", stream.escape_ascii());
        }
    }

    /// Pickles that use every opcode, with their values.
    const VALUES: &[(&[u8], &str)] = &[
        // Atoms.
        (b"\x80\x02N.", "None"),
        (b"\x80\x05\x95\x02\0\0\0\0\0\0\0\x88.", "Bool(true)"),
        (b"\x89.", "Bool(false)"),
        (b"I01\n.", "Bool(true)"),
        (b"I1\n.", "Int(1)"),
        (b"I-00\n.", "Int(0)"),
        (b"I9223372036854775808\n.", "Long(9223372036854775808)"),
        (b"J\xff\xff\xff\xff.", "Int(-1)"),
        (b"K\xff.", "Int(255)"),
        (b"M\xff\xff.", "Int(65535)"),
        (b"L-5L\n.", "Int(-5)"),
        (b"\x8a\0.", "Int(0)"),
        (b"\x8a\x01\xff.", "Int(-1)"),
        (b"\x8a\x02\xff\0.", "Int(255)"),
        (b"\x8a\x09\0\0\0\0\0\0\0\x80\0.", "Long(9223372036854775808)"),
        (b"\x8b\x02\0\0\0\0\x80.", "Int(-32768)"),
        (b"F-0.0\n.", "Float(-0.0)"),
        (b"G\xc0\x04\0\0\0\0\0\0.", "Float(-2.5)"),
        // Strings. Those of Python 2 are bytes of an unknown encoding.
        (b"S'a\\x41\\n'\n.", "Str2([97, 65, 10])"),
        (b"T\x01\0\0\0\xe9.", "Str2([233])"),
        (b"U\x01a.", "Str2([97])"),
        (b"B\x01\0\0\0a.", "Bytes([97])"),
        (b"C\x01a.", "Bytes([97])"),
        (b"\x8e\x01\0\0\0\0\0\0\0a.", "Bytes([97])"),
        (b"\x96\x01\0\0\0\0\0\0\0a.", "ByteArray([97])"),
        (b"V\\u20ac\r\n.", r#"Str("€\r")"#),
        (b"X\x02\0\0\0\xc3\xa9.", r#"Str("é")"#),
        (b"\x8c\x01a.", r#"Str("a")"#),
        (b"\x8d\x01\0\0\0\0\0\0\0a.", r#"Str("a")"#),
        (b"\x8c\x03\xed\xa0\x80.", "Surrogates([237, 160, 128])"),
        // Containers.
        (b").", "Tuple([])"),
        (b"N\x85.", "Tuple([None])"),
        (b"NK\x01\x86.", "Tuple([None, Int(1)])"),
        (b"NK\x01K\x02\x87.", "Tuple([None, Int(1), Int(2)])"),
        (b"(NK\x01K\x02K\x03t.", "Tuple([None, Int(1), Int(2), Int(3)])"),
        (b"(t.", "Tuple([])"),
        (b"].", "List([])"),
        (b"]Na(K\x01K\x02e(eK\x03a.", "List([None, Int(1), Int(2), Int(3)])"),
        (b"(NK\x01l.", "List([None, Int(1)])"),
        (
            b"}K\x01Ns(K\x02NK\x01\x88u.",
            "Dict([(Int(1), None), (Int(2), None), (Int(1), Bool(true))])",
        ),
        (b"(K\x01Nd.", "Dict([(Int(1), None)])"),
        (b"\x8f(K\x01N\x90.", "Set([Int(1), None])"),
        (b"(K\x01\x91.", "FrozenSet([Int(1)])"),
        // Equal numbers stay what they are.
        (b"(I01\nK\x01F0.0\nF-0.0\nt.", "Tuple([Bool(true), Int(1), Float(0.0), Float(-0.0)])"),
        // The stack and the marks.
        (b"NK\x010.", "None"),
        (b"N(0.", "None"),
        (b"N(K\x01K\x021.", "None"),
        (b"K\x012\x86.", "Tuple([Int(1), Int(1)])"),
        // CPython accepts this too: values left over at STOP, a mark left open below the result.
        (b"K\x01N.", "None"),
        (b"(N.", "None"),
        // The memo.
        (b"K\x05p1\n0g1\n.", "Int(5)"),
        (b"K\x05q\x010h\x01.", "Int(5)"),
        (b"K\x05r\xff\xff\xff\x7f0j\xff\xff\xff\x7f.", "Int(5)"),
        // An index that is written twice has the later value.
        (b"K\x05q\x01K\x06q\x01h\x01\x86.", "Tuple([Int(6), Int(6)])"),
        // MEMOIZE writes the index that is the number of entries: after entry 5 alone, 1.
        (b"K\x05q\x050K\x06\x94h\x01\x86.", "Tuple([Int(6), Int(6)])"),
        // Globals and other references, by name only.
        (b"cos\nsystem\n.", r#"Global("os", "system")"#),
        (b"\x8c\x02os\x8c\x06system\x93.", r#"Global("os", "system")"#),
        (b"U\x02osU\x06system\x93.", r#"Global("os", "system")"#),
        (b"\x82\x07.", "Extension(7)"),
        (b"\x83\x07\x01.", "Extension(263)"),
        (b"\x84\x07\0\0\x01.", "Extension(16777223)"),
        (b"Pid\n.", r#"PersistentId(Str("id"))"#),
        (b"K\x01Q.", "PersistentId(Int(1))"),
        (b"\x970\x97\x98.", "Buffer(1)"),
    ];

    #[test]
    fn pickles_have_their_values() {
        check(VALUES);
    }

    /// Pickles of calls, with `construct args kwargs states appended items added` of each.
    const OBJECTS: &[(&[u8], &str)] = &[
        (b"cm\nn\n(K\x01tR.", "Call Tuple([Int(1)]) - [] [] [] []"),
        (b"cm\nn\n)R(NK\x01eNa.", "Call Tuple([]) - [] [None, Int(1), None] [] []"),
        (b"cm\nn\n)RNNs.", "Call Tuple([]) - [] [] [(None, None)] []"),
        (b"cm\nn\n)R(K\x01Nu.", "Call Tuple([]) - [] [] [(Int(1), None)] []"),
        (b"cm\nn\n)R(K\x01\x90.", "Call Tuple([]) - [] [] [] [Int(1)]"),
        (b"cm\nn\n)RNbK\x01b.", "Call Tuple([]) - [None, Int(1)] [] [] []"),
        (b"cm\nn\n)\x81.", "New Tuple([]) - [] [] [] []"),
        (b"cm\nn\n)}\x92.", "New Tuple([]) Dict([]) [] [] [] []"),
        // INST and OBJ call with arguments, and make an instance of an old class without.
        (b"(im\nn\n.", "New Tuple([]) - [] [] [] []"),
        (b"(K\x01im\nn\n.", "Call Tuple([Int(1)]) - [] [] [] []"),
        // The class of OBJ is above its mark.
        (b"(cm\nn\no.", "New Tuple([]) - [] [] [] []"),
        (b"(cm\nn\nK\x01o.", "Call Tuple([Int(1)]) - [] [] [] []"),
    ];

    #[test]
    fn calls_have_their_parts() {
        for (stream, expected) in OBJECTS {
            let decoded = decode(stream, &Limits::default()).unwrap();
            let Ok(Value::Object(object)) = decoded.value().to_value(TreeLimits::default()) else {
                panic!("no object: {}", stream.escape_ascii())
            };
            let Object { construct, args, states, appended, items, added, .. } = &*object;
            let kwargs =
                object.kwargs.as_ref().map_or(String::from("-"), |kwargs| format!("{kwargs:?}"));
            let shown = format!(
                "{construct:?} {args:?} {kwargs} {states:?} {appended:?} {items:?} {added:?}"
            );
            assert_eq!(shown, *expected, "{}", stream.escape_ascii());
            assert_eq!(object.callable, Value::Global("m".into(), "n".into()));
        }
    }

    #[test]
    fn every_opcode_is_tested() {
        let mut seen = BTreeSet::new();
        for (stream, _) in VALUES.iter().chain(OBJECTS) {
            let mut lexer = Lexer::new(0, &Limits::default());
            while let Some(rest) =
                stream.get(lexer.offset() as usize..).filter(|rest| !rest.is_empty())
            {
                let Ok(Progress::Done(Head { opcode, .. })) = lexer.head(rest) else { panic!() };
                seen.insert(opcode);
            }
        }
        assert!(seen.into_iter().eq(BTreeSet::from(Opcode::ALL)));
    }

    #[test]
    fn malformed_pickles_fail() {
        check(&[
            (b"\x80\x06N.", "pickle.protocol"),
            (b"\xffN.", "pickle.opcode"),
            (b"T\xff\xff\xff\xffN.", "pickle.length"),
            (b"C\x02a", "pickle.truncated"),
            (b"", "pickle.truncated"),
            (b".", "pickle.stack.underflow"),
            (b"0.", "pickle.stack.underflow"),
            (b"(.", "pickle.stack.underflow"),
            (b"N\x86.", "pickle.stack.underflow"),
            // No instruction reaches below a mark.
            (b"](Na.", "pickle.stack.underflow"),
            (b"N(R.", "pickle.stack.underflow"),
            (b"(o.", "pickle.stack.underflow"),
            (b"(q\0.", "pickle.stack.underflow"),
            (b"(e.", "pickle.stack.underflow"),
            (b"Nt.", "pickle.stack.mark"),
            (b"1.", "pickle.stack.mark"),
            (b"NNa.", "pickle.stack.type"),
            (b"]NNs.", "pickle.stack.type"),
            (b"](N\x90.", "pickle.stack.type"),
            (b"N)R.", "pickle.stack.type"),
            (b"cm\nn\nNR.", "pickle.stack.type"),
            (b"cm\nn\n)N\x92.", "pickle.stack.type"),
            (b"NN\x93.", "pickle.stack.type"),
            (b"]K\x01b.", "pickle.stack.type"),
            (b"N\x98.", "pickle.stack.type"),
            (b"h\0.", "pickle.memo.missing"),
            (b"Nq\x02h\x01.", "pickle.memo.missing"),
            (b"}(Nu.", "pickle.items.odd"),
            (b"(Nd.", "pickle.items.odd"),
            (b"}]Ns.", "pickle.items.unhashable"),
            (b"\x8f(}\x90.", "pickle.items.unhashable"),
            (b"(]\x91.", "pickle.items.unhashable"),
            (b"\x82\0.", "pickle.extension"),
            (b"\x84\xff\xff\xff\xff.", "pickle.extension"),
            (b"P\xe9\n.", "pickle.text.ascii"),
            (b"(im\n\xc3\xa9\n.", "pickle.text.ascii"),
            (b"\x8c\x01\xff.", "pickle.utf8"),
            (b"c\xff\nn\n.", "pickle.utf8"),
            (b"I0x10\n.", "pickle.text.int"),
            (b"F1,5\n.", "pickle.text.float"),
            (b"Sa\n.", "pickle.text.string"),
            (b"V\\u12\n.", "pickle.text.unicode"),
        ]);
    }

    #[test]
    fn error_says_what_where_and_which_clause() {
        let error = decode(b"}K\x01s.", &Limits::default()).unwrap_err();
        let expected =
            "stack underflow: SETITEM needs 3 values, found 2 (at byte 3) [pickle.stack.underflow]";
        assert_eq!(format!("{error}"), expected);
    }

    #[test]
    fn floods_exceed_limits() {
        let limits = Limits { stack: 4, marks: 4, nodes: 16, digits: 4, ..Limits::default() };
        for (stream, clause) in [
            (&b"NNNNN"[..], "pickle.limit.stack"),
            (b"(((((", "pickle.limit.marks"),
            (&b"K\x010".repeat(20), "pickle.limit.nodes"),
            // Tuples of existing values: many links, few nodes.
            (&[&b"NNN"[..], &b"\x8722".repeat(9)].concat(), "pickle.limit.nodes"),
            (&[&b"N"[..], b"\x94".repeat(20).as_slice()].concat(), "pickle.limit.memo"),
            (b"I12345\n", "pickle.limit.digits"),
        ] {
            assert_eq!(
                decode(stream, &limits).unwrap_err().clause(),
                clause,
                "{}",
                stream.escape_ascii()
            );
        }
    }

    #[test]
    fn unboxed_numbers_are_charged_like_nodes() {
        let limits = |nodes| Limits { nodes, ..Limits::default() };
        for count in [3, 30] {
            let numbers = b"K\x01".repeat(count);
            let batch = |before: &[u8]| [before, b"(", &numbers, b"e."].concat();
            assert!(decode(&batch(b"]"), &limits(count + 1)).is_ok());
            for (stream, limits, clause) in [
                (batch(b"]"), limits(count), "pickle.limit.nodes"),
                (batch(b"]("), limits(99), "pickle.stack.underflow"),
                (batch(b""), limits(99), "pickle.stack.underflow"),
                (batch(b"}"), limits(99), "pickle.stack.type"),
            ] {
                let error = decode(&stream, &limits).unwrap_err();
                assert_eq!(error.clause(), clause, "{count}: {error}");
                let end = stream.len() as u64 - 2;
                assert!(error.offset() == end || clause == "pickle.limit.nodes", "{error}");
            }
        }
    }

    #[test]
    fn shared_objects_are_one_object() {
        // l = [1, 2]; pickle.dumps([l, l], 2)
        let decoded =
            decode(b"\x80\x02]q\0(]q\x01(K\x01K\x02eh\x01e.", &Limits::default()).unwrap();
        let Kind::List(mut items) = decoded.value().kind() else { panic!() };
        let (first, second) = (items.next().unwrap(), items.next().unwrap());
        assert_eq!(first.id(), second.id());
        let Kind::List(items) = second.kind() else { panic!() };
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn cycles_are_exact() {
        // l = []; l.append(l); pickle.dumps(l, 2)
        let decoded = decode(b"\x80\x02]q\0h\0a.", &Limits::default()).unwrap();
        let Kind::List(mut items) = decoded.value().kind() else { panic!() };
        assert_eq!(items.next().unwrap().id(), decoded.value().id());

        // t = ([],); t[0].append(t): pickle.dumps(t, 2) makes the tuple twice and drops the second,
        // by POP at protocol 2 and POP_MARK at 1.
        for stream in [&b"\x80\x02]q\0h\0\x85q\x01a0h\x01."[..], b"(]q\0(h\0tq\x01a1h\x01."] {
            let decoded = decode(stream, &Limits::default()).unwrap();
            let Kind::Tuple(mut items) = decoded.value().kind() else { panic!() };
            let Kind::List(mut items) = items.next().unwrap().kind() else { panic!() };
            assert_eq!(items.next().unwrap().id(), decoded.value().id());
        }
    }

    #[test]
    fn million_levels_fit_on_a_small_stack() {
        let deep = [b"]".repeat(1_000_000), b"a".repeat(999_999), b".".to_vec()].concat();
        let small = thread::Builder::new().stack_size(64 << 10);
        let run = move || {
            let decoded = decode(&deep, &Limits::default()).unwrap();
            let mut value = decoded.value();
            let mut depth = 1;
            while let Kind::List(mut items) = value.kind() {
                let Some(item) = items.next() else { break };
                (value, depth) = (item, depth + 1);
            }
            depth
        };
        assert_eq!(small.spawn(run).unwrap().join().unwrap(), 1_000_000);
    }

    #[test]
    fn element_reads_a_definition_made_before_it() {
        let limits = Limits::default();
        let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
        // Entry 3 was made before. Nothing is executed until it is defined.
        let element = b"h\x03q\x05h\x03\x86";
        machine.reset(&graph, Region::Own, 5);
        let mut lexer = Lexer::new(100, &limits);
        assert_eq!(machine.run(&mut graph, &mut lexer, element).unwrap(), Ran::Missing(3));
        assert_eq!(lexer.offset(), 100);

        let mut definer = Machine::new(&limits);
        definer.reset(&graph, Region::Shared, 3);
        definer.run(&mut graph, &mut Lexer::new(10, &limits), b"C\x02hiq\x03").unwrap();
        definer.define_entries(&mut graph);
        assert_eq!(machine.run(&mut graph, &mut lexer, element).unwrap(), Ran::Need(1));
        let value = machine.finish(lexer.offset()).unwrap();
        // The graph has its own bytes of the definition, as the source may be gone.
        let value = graph.value(value, Source { bytes: element, offset: 100 });
        let tree = value.to_value(TreeLimits::default()).unwrap();
        assert_eq!(format!("{tree:?}"), "Tuple([Bytes([104, 105]), Bytes([104, 105])])");
    }

    #[test]
    fn change_of_an_object_made_before_the_element_fails() {
        let limits = Limits::default();
        let numbers = [b"h\0(", &b"K\x01".repeat(20)[..], b"e"].concat();
        for (element, clause) in [
            (&b"h\0K\x01a"[..], "pickle.independence.mutation"),
            (&numbers, "pickle.independence.mutation"),
            (b"h\x01Nb", "pickle.independence.mutation"),
            (b"Nq\x01", "pickle.independence.memo"),
            (b"NN", "pickle.element.balance"),
            (b"N(", "pickle.element.balance"),
            (b"", "pickle.element.balance"),
        ] {
            let (mut machine, mut graph) = (Machine::new(&limits), Graph::new());
            machine.reset(&graph, Region::Shared, 0);
            machine.run(&mut graph, &mut Lexer::new(0, &limits), b"]q\0cm\nn\n)Rq\x01").unwrap();
            machine.define_entries(&mut graph);
            machine.reset(&graph, Region::Own, 2);
            let ran = machine.run(&mut graph, &mut Lexer::new(50, &limits), element);
            let refused = ran.and_then(|_| machine.finish(60)).unwrap_err();
            assert_eq!(refused.clause(), clause, "{}", element.escape_ascii());
        }
    }
}
