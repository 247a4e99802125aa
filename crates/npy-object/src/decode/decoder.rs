//! Decoding one member at a time, each alone.

use std::sync::Arc;

use pickle_stream::{
    Flow, Graph, Lexer, Machine, MemoEffect, NodeId, Opcode, Pattern, Progress, Ran, Region,
    Repeater, Source, Span, Survey, ValueRef,
};

#[cfg(feature = "json")]
use crate::decode::definitions::Observe;
use crate::decode::definitions::{Definitions, never_made};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{self, ArrayState, Base, Begun, ContainerKind, Opening};
use crate::locate::checkpoints::Addresses;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::plain::PlainParts;

/// A window on the file, and what members are decoded into, one after another.
pub(crate) struct Decoder {
    pub(crate) window: Window,
    pub(crate) context: Arc<Context>,
    graph: Graph,
    machine: Machine,
    repeater: Repeater,
    /// What was looked for in the last pattern that was repeated: the parts of a plain array, if the
    /// values of that pattern are such arrays.
    recognised: Option<(Pattern, Option<PlainParts>)>,
    definitions: Definitions,
    /// Of the containers around a member, from the outermost in.
    openings: Vec<Opening>,
    /// Whether the graph has what those define.
    is_defined: bool,
}

/// Where a value is that may be a container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Where its instructions begin.
    pub(crate) offset: u64,
    /// Memo entries before it.
    pub(crate) memo: u64,
    /// Where its instructions end; `None` where it is the whole pickle.
    pub(crate) end: Option<u64>,
}

/// A container whose first member comes next.
pub(crate) struct Start {
    pub(crate) kind: ContainerKind,
    /// The survey stands before the first member.
    pub(crate) survey: Survey,
    /// Of the array that it is, or, for the one element of an array without dimensions, that it is
    /// in.
    pub(crate) array: Option<ArrayState>,
}

/// What is looked for in a [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// An array of objects.
    Array,
    /// A container of any kind; of an array without dimensions, the one that is its element.
    Any,
}

/// A member that was decoded: the values that it left, one, or a key and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded {
    begin: u64,
    end: u64,
    pub(crate) first: NodeId,
    pub(crate) last: NodeId,
}

impl Decoded {
    /// Where its instructions begin.
    pub(crate) fn offset(self) -> u64 {
        self.begin
    }

    /// Where its instructions end.
    pub(crate) fn end(self) -> u64 {
        self.end
    }
}

impl Decoder {
    pub(crate) fn new(window: Window, context: Context) -> Decoder {
        Decoder {
            window,
            graph: Graph::new(),
            machine: Machine::new(&context.limits.pickle),
            repeater: Repeater::new(),
            recognised: None,
            definitions: Definitions::default(),
            openings: Vec::new(),
            is_defined: true,
            context: Arc::new(context),
        }
    }

    /// Another one for the same members, for another thread.
    pub(crate) fn sibling(&self, addresses: &dyn Addresses) -> Result<Decoder> {
        let mut sibling = Decoder::new(self.window.sibling(), self.context.fresh());
        sibling.graph.set_protocol(self.graph.protocol());
        sibling.openings.clone_from(&self.openings);
        sibling.definitions.observer.clone_from(&self.definitions.observer);
        sibling.define_openings(addresses)?;
        Ok(sibling)
    }

    /// Bytes that the window and the graph hold.
    pub(crate) fn memory(&self) -> usize {
        self.window.memory() + self.graph.bytes()
    }

    /// Shows to `observer` all that is made from here on.
    #[cfg(feature = "json")]
    pub(crate) fn observe(&mut self, observer: Arc<dyn Observe>) {
        // What was made before is made again.
        self.is_defined = false;
        self.definitions.observer = Some(observer);
    }

    /// Says what dtype the members are items of.
    pub(crate) fn set_item(&mut self, item: Option<ItemType>) {
        let mut context = self.context.fresh();
        context.item = item;
        self.context = Arc::new(context);
    }

    /// Decodes a member, of which these are the values.
    pub(crate) fn decode(&mut self, values: &[Span], addresses: &dyn Addresses) -> Result<Decoded> {
        let (Some(first), Some(last)) = (values.first(), values.last()) else {
            unreachable!("a member has a value at least");
        };
        let span = Span { end: last.end, ..*first };
        let Span { begin, end, memo } = span;
        if !self.is_defined {
            self.forget_shared(addresses)?;
        }
        let limits = &self.context.limits;
        let size = usize::try_from(end - begin).unwrap_or(usize::MAX);
        self.window.check_element(begin, size)?;
        self.window.set_anchor(begin);
        let resident = self.window.fill(begin, size)?;
        let Some(bytes) = resident.get(..size) else {
            return Err(self.window.truncated(end));
        };
        let pickle = &limits.pickle;
        if let Some(observer) = self.definitions.observer.clone() {
            self.run(span, addresses)?;
            observer.observe(&self.machine, &mut self.graph);
        } else if let Some(leaf) = self.graph.leaf(bytes, begin, pickle) {
            return Ok(Decoded { begin, end, first: leaf, last: leaf });
        } else if let Some(found) =
            self.repeater.repeat(&mut self.graph, resident, size, begin, memo, pickle)
            && let (&[first], true) | (&[first, _], false) = (found, values.len() == 1)
        {
            let decoded = Decoded { begin, end, first, last: *found.last().unwrap_or(&first) };
            if self.recognised.as_ref().map(|(pattern, _)| *pattern)
                != self.repeater.pattern(&self.graph)
            {
                self.recognise(decoded);
            }
            return Ok(decoded);
        } else {
            self.run(span, addresses)?;
            let bytes = self.window.resident(begin, end);
            self.repeater.learn(&self.graph, &self.machine, bytes);
        }
        match (values, self.machine.stack(), self.machine.marks()) {
            ([_, _], &[first, last], []) => Ok(Decoded { begin, end, first, last }),
            _ => {
                let value = self.machine.finish(end)?;
                Ok(Decoded { begin, end, first: value, last: value })
            }
        }
    }

    /// Runs the instructions of a member, which are resident, on an empty stack.
    fn run(&mut self, span: Span, addresses: &dyn Addresses) -> Result<()> {
        self.graph.clear();
        self.machine.reset(&self.graph, Region::Own, span.memo);
        let mut lexer = Lexer::new(span.begin, &self.context.limits.pickle);
        loop {
            let bytes = self.window.resident(lexer.offset(), span.end);
            match self.machine.run(&mut self.graph, &mut lexer, bytes)? {
                Ran::Need(_) => return Ok(()),
                Ran::Missing(memo) => self.resolve(memo, lexer.offset(), addresses)?,
                Ran::Stop(_) => {
                    let message = "the pickle stops inside an element";
                    let clause = "pickle.element.balance";
                    return Err(Error::new(ErrorKind::Malformed, clause, lexer.offset(), message));
                }
            }
        }
    }

    /// Clears the graph and the machine for instructions that follow `memo` entries.
    pub(crate) fn begin_own(&mut self, memo: u64, addresses: &dyn Addresses) -> Result<()> {
        if !self.is_defined {
            self.forget_shared(addresses)?;
        }
        self.graph.clear();
        self.machine.reset(&self.graph, Region::Own, memo);
        Ok(())
    }

    /// Executes the next instruction after [`begin_own`](Self::begin_own); `None` where it is not
    /// resident before `end`.
    pub(crate) fn execute_own(&mut self, lexer: &mut Lexer, end: u64) -> Result<Option<Flow>> {
        let bytes = self.window.resident(lexer.offset(), end);
        let Progress::Done(instruction) = lexer.instruction(bytes)? else { return Ok(None) };
        Ok(Some(self.machine.execute(&mut self.graph, &instruction)?))
    }

    /// The graph, and the values on the stack.
    pub(crate) fn own(&self) -> (&Graph, &[NodeId]) {
        (&self.graph, self.machine.stack())
    }

    /// Decodes the whole pickle at `offset`, from its first instruction to STOP.
    pub(crate) fn decode_all(&mut self, offset: u64) -> Result<Decoded> {
        self.graph.clear();
        self.machine.reset(&self.graph, Region::Own, 0);
        self.window.set_anchor(offset);
        let mut lexer = Lexer::new(offset, &self.context.limits.pickle);
        let mut needed = 1;
        loop {
            self.window.check_element(offset, needed)?;
            let bytes = self.window.fill(offset, needed)?;
            let (run, seen) = ((lexer.offset() - offset) as usize, bytes.len());
            match self.machine.run(&mut self.graph, &mut lexer, &bytes[run..])? {
                Ran::Stop(value) => {
                    let end = lexer.offset();
                    self.graph.set_protocol(self.machine.protocol());
                    return Ok(Decoded { begin: offset, end, first: value, last: value });
                }
                Ran::Need(more) => {
                    let seen_to = offset + seen as u64;
                    // From where it goes on, as many as it has seen and needs.
                    let from_here = self.window.needed(seen_to, lexer.offset(), more)?;
                    needed = (lexer.offset() - offset) as usize + from_here;
                }
                Ran::Missing(memo) => return Err(never_made(memo, lexer.offset())),
            }
        }
    }

    /// Sees what a member is whose pattern is a new one.
    #[cold]
    fn recognise(&mut self, decoded: Decoded) {
        // The items of a structured array are records, whatever else they look like.
        let parts = match self.context.record_dtype().is_some() {
            true => None,
            false => PlainParts::find(self.value(decoded, decoded.last), &self.context),
        };
        self.recognised = self.repeater.pattern(&self.graph).map(|pattern| (pattern, parts));
    }

    /// A value of the member that was decoded last.
    #[inline]
    pub(crate) fn element(&self, decoded: Decoded, id: NodeId) -> Element<'_> {
        let value = self.value(decoded, id);
        match &self.recognised {
            Some((pattern, Some(parts)))
                if parts.are_of(id) && self.repeater.pattern(&self.graph) == Some(*pattern) =>
            {
                Element::plain(value, parts, &self.context)
            }
            _ => Element::of_array(value, &self.context),
        }
    }

    #[inline]
    fn value(&self, decoded: Decoded, id: NodeId) -> ValueRef<'_> {
        let Decoded { begin, end, .. } = decoded;
        let bytes = self.window.resident(begin, end);
        self.graph.value(id, Source { bytes, offset: begin })
    }

    /// Brings a memo entry into the shared region of the graph. If that has become too large, it is
    /// emptied before the next member.
    pub(crate) fn resolve(
        &mut self,
        memo: u64,
        offset: u64,
        addresses: &dyn Addresses,
    ) -> Result<()> {
        let limits = &self.context.limits;
        let Decoder { definitions, window, graph, .. } = self;
        let done = definitions.resolve(memo, offset, addresses, window, graph, &limits.pickle);
        self.is_defined &= graph.shared_bytes() <= limits.shared;
        done
    }

    /// What stands before the members of the innermost container.
    pub(crate) fn opening(&self) -> Option<&Opening> {
        self.openings.last()
    }

    /// Whether the members are those of a container in another one.
    pub(crate) fn is_in_another(&self) -> bool {
        self.openings.len() > 1
    }

    /// Returns the protocol of the pickle that was opened.
    pub(crate) fn protocol(&self) -> u8 {
        self.graph.protocol()
    }

    /// Whether a memo entry was made by what stands before the members of a container around them.
    pub(crate) fn is_in_opening(&self, memo: u64) -> bool {
        self.openings.iter().any(|opening| opening.memo.contains(&memo))
    }

    /// What a memo entry stands for, if that is in the shared region of the graph.
    pub(crate) fn defined(&self, memo: u64) -> Option<ValueRef<'_>> {
        let id = self.graph.shared_entry(memo)?;
        Some(self.graph.value(id, Source { bytes: &[], offset: 0 }))
    }

    /// Where the instructions are that made a memo entry.
    pub(crate) fn locate(
        &mut self,
        memo: u64,
        offset: u64,
        addresses: &dyn Addresses,
    ) -> Result<Span> {
        let limits = &self.context.limits.pickle;
        crate::decode::definitions::locate(memo, offset, addresses, &mut self.window, limits)
    }

    /// Runs the value at `place` up to its first member, if it is a container of the wanted kind.
    ///
    /// Fails where the instructions do, and over the limit on what stands before the first element
    /// of an array.
    pub(crate) fn open(
        &mut self,
        place: Place,
        wanted: Wanted,
        addresses: &dyn Addresses,
    ) -> Result<Option<Start>> {
        let limits = Arc::clone(&self.context.limits);
        let mut machine = Machine::new(&limits.pickle);
        machine.reset(&self.graph, Region::Shared, place.memo);
        let mut base = Base::default();
        let (mut found, mut array, mut unfinished) = (None, None, Vec::new());
        let (mut here, mut needed) = (place.offset, 1);
        while place.end != Some(here) {
            let read = (here - place.offset) as usize;
            if read + needed > limits.envelope {
                return match wanted {
                    Wanted::Any => Ok(None),
                    Wanted::Array => Err(too_long(here, limits.envelope)),
                };
            }
            let bytes = self.window.fill(place.offset, read + needed)?;
            // A line may end anywhere, and is not looked for beyond what may be read.
            let bytes = &bytes[..bytes.len().min(limits.envelope)];
            // The memo entries of the container itself are made behind it. What else follows is of
            // its first member, and may be of any size.
            let next = bytes.get(read).map(|&byte| Opcode::from_byte(byte));
            if found.is_some() && next.is_some_and(|next| !next.is_some_and(is_put)) {
                break;
            }
            let mut lexer = Lexer::new(here, &limits.pickle);
            let instruction = match lexer.instruction(&bytes[read..])? {
                Progress::Done(instruction) => instruction,
                Progress::Need(more) => {
                    let have = bytes.len() - read;
                    if have < needed {
                        let wanted = here.saturating_add((have + more) as u64);
                        return Err(self.window.truncated(wanted));
                    }
                    needed = have + more;
                    continue;
                }
            };
            let opcode = instruction.opcode;
            if opcode == Opcode::Stop {
                return Ok(None);
            }
            if let Flow::Missing(memo) = machine.execute(&mut self.graph, &instruction)? {
                self.resolve(memo, here, addresses)?;
                continue;
            }
            (here, needed) = (lexer.offset(), 1);
            if self.openings.is_empty() {
                self.graph.set_protocol(machine.protocol());
            }
            match envelope::begun(opcode, base, &machine, &self.graph, &self.context) {
                Some(Begun::Array(state)) if array.is_none() => {
                    unfinished.extend([machine.stack()[base.values], top(&machine)]);
                    if wanted == Wanted::Any && state.shape.is_empty() {
                        // What is wanted is its one element.
                        base = Base { values: machine.stack().len(), marks: machine.marks().len() };
                    } else {
                        found = Some(ContainerKind::Array);
                    }
                    array = Some(state);
                }
                Some(Begun::Other(kind)) if wanted == Wanted::Any => {
                    unfinished.push(top(&machine));
                    found = Some(kind);
                }
                // An array begins with the name of what makes it.
                Some(Begun::Other(_)) if array.is_none() => return Ok(None),
                _ if wanted == Wanted::Array && machine.marks().first() == Some(&0) => {
                    return Ok(None);
                }
                _ => {}
            }
        }
        let Some(kind) = found else { return Ok(None) };
        let opening = Opening {
            bytes: self.window.resident(place.offset, here).to_vec(),
            offset: place.offset,
            memo: place.memo..machine.memo_end(),
            unfinished: machine
                .entries()
                .filter_map(|(entry, node)| unfinished.contains(&node).then_some(entry))
                .collect(),
        };
        define(&mut self.graph, &machine, &opening);
        let mut survey = Survey::new(place.offset, place.memo, &limits.pickle);
        survey.advance(&opening.bytes)?;
        survey.watch(survey.slots().len() - 1, kind.container());
        self.openings.push(opening);
        Ok(Some(Start { kind, survey, array }))
    }

    /// Says that the container that was opened last is none after all.
    pub(crate) fn close(&mut self, addresses: &dyn Addresses) -> Result<()> {
        self.openings.pop();
        self.forget_shared(addresses)
    }

    /// Makes room in the shared region of the graph. What it held is found again by address.
    fn forget_shared(&mut self, addresses: &dyn Addresses) -> Result<()> {
        self.graph.forget_shared();
        self.definitions.clear();
        // What it knows of dtypes is of the graph that was.
        self.context = Arc::new(self.context.fresh());
        self.define_openings(addresses)
    }

    /// Defines the entries of the openings in a graph that does not know them.
    fn define_openings(&mut self, addresses: &dyn Addresses) -> Result<()> {
        self.is_defined = false;
        let openings = std::mem::take(&mut self.openings);
        let defined = openings.iter().try_for_each(|opening| self.run_opening(opening, addresses));
        self.is_defined = defined.is_ok();
        self.openings = openings;
        defined
    }

    fn run_opening(&mut self, opening: &Opening, addresses: &dyn Addresses) -> Result<()> {
        let limits = Arc::clone(&self.context.limits);
        let mut machine = Machine::new(&limits.pickle);
        machine.reset(&self.graph, Region::Shared, opening.memo.start);
        let mut lexer = Lexer::new(opening.offset, &limits.pickle);
        loop {
            let rest = &opening.bytes[(lexer.offset() - opening.offset) as usize..];
            match machine.run(&mut self.graph, &mut lexer, rest)? {
                Ran::Missing(memo) => self.resolve(memo, lexer.offset(), addresses)?,
                Ran::Need(_) | Ran::Stop(_) => break,
            }
        }
        define(&mut self.graph, &machine, opening);
        Ok(())
    }
}

/// Makes the memo entries of an opening definitions of the graph: those of containers that are not
/// whole stand for what is around a member.
fn define(graph: &mut Graph, machine: &Machine, opening: &Opening) {
    machine.define_entries(graph);
    opening.unfinished.iter().for_each(|&entry| graph.define_outer(entry));
}

fn top(machine: &Machine) -> NodeId {
    *machine.stack().last().expect("an instruction has begun a container")
}

fn is_put(opcode: Opcode) -> bool {
    matches!(opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize)
}

#[cold]
fn too_long(offset: u64, limit: usize) -> Error {
    let message = format!("no list of elements in the first {limit} bytes of the pickle");
    Error::over_limit(limit as u64, "npy.object.envelope", offset, message)
}
