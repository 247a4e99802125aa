//! Decodes one member at a time, each alone.
//!
//! The instructions of a member are run on an empty stack, in a graph that is used again for the next
//! member. Memo entries that were made elsewhere are in the shared region of the graph: those of the
//! envelope, and [`Definitions`] that other members made.

use std::sync::Arc;

use pickle_stream::{
    Action, Flow, Form, Graph, Hole, Holes, Lexer, Machine, Matcher, NodeId, Progress, Ran, Region,
    Row, Skeleton, Source, Span, ValueRef,
};

#[cfg(feature = "json")]
use crate::decode::definitions::Observe;
use crate::decode::definitions::{Definitions, never_made};
use crate::decode::forms::Forms;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::Envelope;
use crate::locate::batches::{Filling, Values};
use crate::locate::checkpoints::Addresses;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::plain::PlainParts;

/// A window on the file, and the graph into which members are decoded, one after another.
pub(crate) struct Decoder {
    pub(crate) window: Window,
    pub(crate) context: Arc<Context>,
    pub(super) graph: Graph,
    machine: Machine,
    forms: Forms,
    /// Finds the rows of large members, whose payloads the survey has skipped.
    matcher: Option<Box<Matcher>>,
    definitions: Definitions,
    /// The envelopes of the containers around a member, from the outermost in.
    envelopes: Vec<Arc<Envelope>>,
    /// Whether the shared region of the graph has the memo entries of the envelopes, and is not over
    /// [`Limits::shared`](crate::Limits::shared).
    shared_is_current: bool,
}

/// The range of the instructions of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Where they begin.
    pub(crate) begin: u64,
    /// The number of memo entries before them.
    pub(crate) memo: u64,
    /// Where they end; `None` where the value is the whole pickle, whose end is not known.
    pub(crate) end: Option<u64>,
}

impl Bounds {
    /// Returns the bounds of the value of the pickle that begins at `begin`.
    pub(crate) fn of_pickle(begin: u64) -> Bounds {
        Bounds { begin, memo: 0, end: None }
    }
}

impl From<Span> for Bounds {
    fn from(span: Span) -> Bounds {
        Bounds { begin: span.begin, memo: span.memo, end: Some(span.end) }
    }
}

/// A member that was decoded: one value, or a key and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded {
    begin: u64,
    end: u64,
    pub(crate) first: NodeId,
    pub(crate) last: NodeId,
}

impl Decoded {
    /// Returns where its instructions begin.
    pub(crate) fn offset(self) -> u64 {
        self.begin
    }

    /// Returns where its instructions end.
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
            forms: Forms::default(),
            matcher: None,
            definitions: Definitions::default(),
            envelopes: Vec::new(),
            shared_is_current: true,
            context: Arc::new(context),
        }
    }

    /// Returns another decoder of the same members, with a window and a graph of its own.
    ///
    /// Shares the envelopes. Runs their instructions, about 20 for an array, in the new graph
    /// before the first member: a copy of the nodes takes as long, and copies definitions that the
    /// new decoder may not need.
    pub(crate) fn sibling(&self) -> Decoder {
        let mut sibling = Decoder::new(self.window.sibling(), self.context.fresh());
        sibling.graph.set_protocol(self.graph.protocol());
        sibling.envelopes.clone_from(&self.envelopes);
        sibling.definitions.observer.clone_from(&self.definitions.observer);
        sibling.shared_is_current = self.envelopes.is_empty();
        sibling
    }

    /// Returns the bytes that the window and the graph hold.
    pub(crate) fn memory(&self) -> usize {
        let matcher = self.matcher.as_ref().map_or(0, |matcher| matcher.memory());
        self.window.memory() + self.graph.bytes() + matcher
    }

    /// Shows to `observer` every member and definition that is made from here on.
    #[cfg(feature = "json")]
    pub(crate) fn observe(&mut self, observer: Arc<dyn Observe>) {
        // Definitions that were made before are made again.
        self.shared_is_current = false;
        self.definitions.observer = Some(observer);
    }

    /// Sets the type of the items that the members are.
    pub(crate) fn set_item(&mut self, item: Option<ItemType>) {
        let mut context = self.context.fresh();
        context.item = item;
        self.context = Arc::new(context);
    }

    /// Decodes the member with these values.
    pub(crate) fn decode(
        &mut self,
        values: Values<'_>,
        addresses: &dyn Addresses,
    ) -> Result<Decoded> {
        let (Some(first), Some(last)) = (values.spans.first(), values.spans.last()) else {
            unreachable!("a member has a value at least");
        };
        let span = Span { end: last.end, ..*first };
        let Span { begin, end, .. } = span;
        self.define_envelopes(addresses)?;
        let size = usize::try_from(end - begin).unwrap_or(usize::MAX);
        self.window.check_element(begin, size)?;
        self.window.set_anchor(begin);
        if self.window.fill(begin, size)?.len() < size {
            return Err(self.window.truncated(end));
        }
        if let Some(observer) = self.definitions.observer.clone() {
            self.run(span, addresses)?;
            observer.observe(&self.machine, &mut self.graph);
        } else if let Some([first, last]) = self.fill(values, addresses)? {
            return Ok(Decoded { begin, end, first, last });
        } else {
            self.run(span, addresses)?;
        }
        match (values.spans, self.machine.stack(), self.machine.marks()) {
            ([_, _], &[first, last], []) => Ok(Decoded { begin, end, first, last }),
            _ => {
                let value = self.machine.finish(end)?;
                Ok(Decoded { begin, end, first: value, last: value })
            }
        }
    }

    /// Fills the row of a member whose value is one scalar, or has the form of a skeleton that was
    /// entered before. Returns `None` where [`decode`](Self::decode) has to decode it: more than the
    /// row is needed, or the member is not resident.
    #[inline(always)]
    pub(crate) fn fill_member(
        &mut self,
        span: Span,
        row: Row,
        filling: &Filling,
    ) -> Option<Decoded> {
        let Span { begin, end, .. } = span;
        let is_ready = self.shared_is_current && self.definitions.observer.is_none();
        let Decoder { forms, graph, window, context, .. } = self;
        let source = Source { bytes: window.resident(begin, end), offset: begin };
        let size = (end - begin) as usize;
        if !is_ready || source.bytes.len() < size {
            return None;
        }
        window.check_element(begin, size).ok()?;
        let skeleton = filling.skeleton(row)?;
        if !skeleton.is_scalar() && !forms.is_current(skeleton) && !forms.enter(skeleton, graph) {
            return None;
        }
        let value = fill_row(forms, graph, context, source, row, skeleton, &filling.holes)?;
        Some(Decoded { begin, end, first: value, last: value })
    }

    /// Fills the values of a member, which are resident, into the forms of their skeletons. Returns
    /// the nodes of the first value and of the last; `None` where a machine has to decode them.
    fn fill(
        &mut self,
        values: Values<'_>,
        addresses: &dyn Addresses,
    ) -> Result<Option<[NodeId; 2]>> {
        let Some((rows, filling)) = values.rows else {
            return self.match_and_fill(values, addresses);
        };
        let (&[.., row], &[.., span]) = (rows, values.spans) else { return Ok(None) };
        let Some(skeleton) = filling.skeleton(row) else {
            return self.match_and_fill(values, addresses);
        };
        // The key of an entry is not in a form, so that the form of the value can be filled beside it.
        let key = match (rows, values.spans) {
            (&[row, _], &[span, _]) => match filling.scalar(row) {
                Some(hole) if !skeleton.is_scalar() => Some((hole, span)),
                _ => return Ok(None),
            },
            _ => None,
        };
        let last = self.fill_into_form(span, row, skeleton, &filling.holes, addresses)?;
        let Some(last) = last else { return Ok(None) };
        let Some((hole, span)) = key else { return Ok(Some([last, last])) };
        let Decoder { graph, window, context, .. } = self;
        let source = Source { bytes: window.resident(span.begin, span.end), offset: span.begin };
        let first = graph.scalar(hole, source, &context.limits.pickle);
        Ok(first.map(|first| [first, last]))
    }

    /// Makes the form of a skeleton the current one, and fills a row, which is resident, into it.
    /// Returns the node of the row; `None` where a machine has to decode it.
    #[inline]
    fn fill_into_form(
        &mut self,
        span: Span,
        row: Row,
        skeleton: &Arc<Skeleton>,
        holes: &Holes,
        addresses: &dyn Addresses,
    ) -> Result<Option<NodeId>> {
        if !self.prepare_form(span, skeleton, addresses)? {
            return Ok(None);
        }
        let Decoder { forms, graph, window, context, .. } = self;
        let source = Source { bytes: window.resident(span.begin, span.end), offset: span.begin };
        Ok(fill_row(forms, graph, context, source, row, skeleton, holes))
    }

    /// Looks for the row of a member that has none, and fills it as [`fill`](Self::fill) does.
    fn match_and_fill(
        &mut self,
        values: Values<'_>,
        addresses: &dyn Addresses,
    ) -> Result<Option<[NodeId; 2]>> {
        /// The survey reads a member that is smaller whole, mostly, and has looked for its row.
        const LEAST: u64 = 1 << 12;
        let &[span] = values.spans else { return Ok(None) };
        if span.end - span.begin < LEAST {
            return Ok(None);
        }
        let limits = &self.context.limits.pickle;
        let mut matcher = self.matcher.take().unwrap_or_else(|| Box::new(Matcher::new(limits)));
        matcher.find(&[span], self.window.resident(span.begin, span.end), span.begin);
        let row = matcher.rows().first();
        let found = row.and_then(|row| Some((*row, matcher.skeletons().get(row.skeleton()?)?)));
        let filled = found.map_or(Ok(None), |(row, skeleton)| {
            self.fill_into_form(span, row, skeleton, matcher.holes(), addresses)
        });
        self.matcher = Some(matcher);
        Ok(filled?.map(|value| [value, value]))
    }

    /// Returns the value of a row, which is resident, and the nodes of its holes; `None` where the
    /// skeleton has no form. See [`Form::outline`].
    pub(super) fn outline_row(
        &mut self,
        span: Span,
        row: Row,
        skeleton: &Arc<Skeleton>,
        holes: &Holes,
        addresses: &dyn Addresses,
    ) -> Result<Option<(Element<'_>, &[NodeId])>> {
        self.define_envelopes(addresses)?;
        if !self.prepare_form(span, skeleton, addresses)? {
            return Ok(None);
        }
        let Decoder { forms, graph, window, context, .. } = self;
        let Some(current) = forms.current_mut() else { return Ok(None) };
        let source = Source { bytes: window.resident(span.begin, span.end), offset: span.begin };
        current.form.outline(graph, holes.of(row, skeleton.holes()), source);
        let (&[value], holes) = (current.form.values(), current.form.holes()) else {
            return Ok(None);
        };
        Ok(Some((Element::of_array(graph.value(value, source), context), holes)))
    }

    /// Returns the value of a memo entry that was made before a row.
    pub(super) fn definition(
        &mut self,
        memo: u64,
        offset: u64,
        addresses: &dyn Addresses,
    ) -> Result<Option<Element<'_>>> {
        self.define_envelopes(addresses)?;
        if self.graph.shared_entry(memo).is_none() {
            self.resolve(memo, offset, addresses)?;
        }
        let Some(id) = self.graph.shared_entry(memo) else { return Ok(None) };
        let value = self.graph.value(id, Source { bytes: &[], offset: 0 });
        Ok(Some(Element::of_array(value, &self.context)))
    }

    /// Makes the form of a skeleton, unless that is one scalar, the current one. Returns `false` where
    /// it has none.
    #[inline]
    fn prepare_form(
        &mut self,
        span: Span,
        skeleton: &Arc<Skeleton>,
        addresses: &dyn Addresses,
    ) -> Result<bool> {
        let is_ready = skeleton.is_scalar() || self.forms.is_current(skeleton);
        if is_ready { Ok(true) } else { self.enter_form(span, skeleton, addresses) }
    }

    #[cold]
    fn enter_form(
        &mut self,
        span: Span,
        skeleton: &Arc<Skeleton>,
        addresses: &dyn Addresses,
    ) -> Result<bool> {
        if !self.forms.has(skeleton) {
            // Brings all definitions that the form reads into the shared region.
            self.run(span, addresses)?;
            // The region may have become too large, and would be emptied with the form.
            self.define_envelopes(addresses)?;
            let Decoder { machine, graph, .. } = self;
            let form = Form::new(skeleton, machine, graph, span.memo);
            self.forms.add(skeleton, form);
        }
        Ok(self.forms.enter(skeleton, &mut self.graph))
    }

    /// Runs the instructions of a member, which are resident, on an empty stack.
    fn run(&mut self, span: Span, addresses: &dyn Addresses) -> Result<()> {
        self.forms.leave(&mut self.graph);
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
        self.define_envelopes(addresses)?;
        self.forms.leave(&mut self.graph);
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

    /// Returns the graph, and the values on the stack.
    pub(crate) fn own(&self) -> (&Graph, &[NodeId]) {
        (&self.graph, self.machine.stack())
    }

    /// Decodes the whole pickle at `offset`, from its first instruction to STOP.
    pub(crate) fn decode_all(&mut self, offset: u64) -> Result<Decoded> {
        self.forms.leave(&mut self.graph);
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
                    // The bytes that were run, those that the lexer has seen, and those that it needs.
                    let from_here = self.window.needed(seen_to, lexer.offset(), more)?;
                    needed = (lexer.offset() - offset) as usize + from_here;
                }
                Ran::Missing(memo) => return Err(never_made(memo, lexer.offset())),
            }
        }
    }

    /// Returns a value of the member that was decoded last.
    #[inline]
    pub(crate) fn element(&self, decoded: Decoded, id: NodeId) -> Element<'_> {
        let value = self.value(decoded, id);
        match self.forms.current().and_then(|current| current.parts.as_ref()) {
            Some(parts) if parts.are_of(id) => Element::plain(value, parts, &self.context),
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
        // The bound on what is kept: over it, the region is emptied before the next member.
        self.shared_is_current &= graph.shared_bytes() <= limits.shared;
        done
    }

    /// Returns the envelope of the innermost container.
    pub(crate) fn envelope(&self) -> Option<&Arc<Envelope>> {
        self.envelopes.last()
    }

    /// Returns whether a container was entered.
    pub(crate) fn is_in_container(&self) -> bool {
        !self.envelopes.is_empty()
    }

    /// Returns whether the members are those of a container in another one.
    pub(crate) fn is_in_another(&self) -> bool {
        self.envelopes.len() > 1
    }

    /// Returns the protocol of the pickle that was opened.
    pub(crate) fn protocol(&self) -> u8 {
        self.graph.protocol()
    }

    /// Returns whether an envelope makes a memo entry.
    pub(crate) fn is_in_envelope(&self, memo: u64) -> bool {
        self.envelopes.iter().any(|envelope| envelope.memo.contains(&memo))
    }

    /// Returns the value of a memo entry, if it is in the shared region of the graph.
    pub(crate) fn defined(&self, memo: u64) -> Option<ValueRef<'_>> {
        let id = self.graph.shared_entry(memo)?;
        Some(self.graph.value(id, Source { bytes: &[], offset: 0 }))
    }

    /// Finds the instructions that made a memo entry.
    pub(crate) fn locate(
        &mut self,
        memo: u64,
        offset: u64,
        addresses: &dyn Addresses,
    ) -> Result<Span> {
        let limits = &self.context.limits.pickle;
        crate::decode::definitions::locate(memo, offset, addresses, &mut self.window, limits)
    }

    /// Returns the bounds of the instructions that made a value, where the value is only read from the
    /// memo.
    pub(crate) fn made_at(
        &mut self,
        mut value: Bounds,
        addresses: &dyn Addresses,
    ) -> Result<Bounds> {
        // Every step leads to an earlier offset.
        loop {
            let mut lexer = Lexer::new(value.begin, &self.context.limits.pickle);
            let bytes = self.window.fill(value.begin, NAME)?;
            let Progress::Done(head) = lexer.head(bytes)? else { return Ok(value) };
            let (Some(memo), Some(end)) = (head.memo_index()?, value.end) else {
                return Ok(value);
            };
            let is_all = head.action() == Action::Get && lexer.offset() == end;
            if !is_all || self.is_in_envelope(memo) {
                return Ok(value);
            }
            value = self.locate(memo, value.begin, addresses)?.into();
        }
    }

    /// Makes the members of the container with this envelope the ones that are decoded. `machine` has
    /// run the envelope, and nothing else, in the shared region of the graph; without it the envelope
    /// is run again before it is needed.
    pub(crate) fn enter(&mut self, envelope: Arc<Envelope>, machine: Option<&Machine>) {
        match machine {
            Some(machine) => envelope.define(machine, &mut self.graph),
            None => self.shared_is_current = false,
        }
        self.envelopes.push(envelope);
    }

    /// Goes back to the container around the one that was entered last.
    pub(crate) fn leave(&mut self) {
        self.envelopes.pop();
        self.shared_is_current = false;
    }

    /// Returns the number of containers that were entered, and the type of the items of the last.
    pub(crate) fn place(&self) -> (usize, Option<ItemType>) {
        (self.envelopes.len(), self.context.item.clone())
    }

    /// Goes back to the container that [`place`](Self::place) was called in.
    pub(crate) fn leave_to(&mut self, (containers, item): (usize, Option<ItemType>)) {
        if self.envelopes.len() > containers {
            self.envelopes.truncate(containers);
            self.shared_is_current = false;
        }
        if self.context.item != item {
            self.set_item(item);
        }
    }

    /// Puts the memo entries of the envelopes into the graph, unless they are there.
    #[inline]
    pub(crate) fn define_envelopes(&mut self, addresses: &dyn Addresses) -> Result<()> {
        if self.shared_is_current { Ok(()) } else { self.forget_shared(addresses) }
    }

    /// Empties the shared region of the graph, and runs the envelopes there again. Definitions that
    /// the region held are found again by address.
    #[cold]
    fn forget_shared(&mut self, addresses: &dyn Addresses) -> Result<()> {
        self.forms.clear(&mut self.graph);
        self.graph.forget_shared();
        self.definitions.clear();
        // The dtypes in the context belong to the nodes that were forgotten.
        self.context = Arc::new(self.context.fresh());
        let envelopes = self.envelopes.clone();
        envelopes.iter().try_for_each(|envelope| self.run_envelope(envelope, addresses))?;
        self.shared_is_current = true;
        Ok(())
    }

    fn run_envelope(&mut self, envelope: &Envelope, addresses: &dyn Addresses) -> Result<()> {
        let limits = Arc::clone(&self.context.limits);
        let mut machine = Machine::new(&limits.pickle);
        machine.reset(&self.graph, Region::Shared, envelope.memo.start);
        let mut lexer = Lexer::new(envelope.offset, &limits.pickle);
        loop {
            let rest = &envelope.bytes[(lexer.offset() - envelope.offset) as usize..];
            match machine.run(&mut self.graph, &mut lexer, rest)? {
                Ran::Missing(memo) => self.resolve(memo, lexer.offset(), addresses)?,
                Ran::Need(_) | Ran::Stop(_) => break,
            }
        }
        envelope.define(&machine, &mut self.graph);
        Ok(())
    }
}

/// Bytes in which a read of the memo is whole: in protocol 0, up to 20 digits and a newline.
const NAME: usize = 24;

/// Fills a row into the form of its skeleton, which is the current one, unless the skeleton is one
/// scalar; `source` has the instructions of the row. Returns `None` where a machine has to decode it.
#[inline(always)]
fn fill_row(
    forms: &mut Forms,
    graph: &mut Graph,
    context: &Context,
    source: Source<'_>,
    row: Row,
    skeleton: &Skeleton,
    all: &Holes,
) -> Option<NodeId> {
    let limits = &context.limits.pickle;
    let holes = all.of(row, skeleton.holes());
    if skeleton.is_scalar() {
        return match *holes.first()? {
            Hole::Get(memo) => graph.shared_entry(memo),
            hole => graph.scalar(hole, source, limits),
        };
    }
    let current = forms.current_mut()?;
    if !current.form.fill(graph, holes, all.ints(), all.floats(), source, limits) {
        return None;
    }
    let &[value] = current.form.values() else { return None };
    if current.changes != Some(current.form.changes()) {
        current.changes = Some(current.form.changes());
        // The items of a structured array are records, also where they look like arrays.
        current.parts = match context.record_dtype().is_some() {
            true => None,
            false => PlainParts::find(graph.value(value, source), context),
        };
    }
    Some(value)
}
