//! Runs a value up to its first member, if it is a container.

use std::sync::Arc;

use pickle_stream::{Action, Flow, Lexer, Machine, NodeId, Progress, Region};

use crate::decode::decoder::{Bounds, Decoder};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::{self, ArrayState, Base, Envelope};
use crate::locate::checkpoints::Addresses;

/// Runs the instructions of a value in the shared region of a decoder's graph, and stops where a
/// container begins.
///
/// An array without dimensions has one element, which may be a container too: then
/// [`next`](Self::next) finds two containers, one after the other, with one run.
pub(crate) struct EnvelopeReader {
    value: Bounds,
    machine: Machine,
    /// What is on the stack below the element of an array without dimensions, once that is run.
    base: Base,
    /// Where the next instruction begins.
    here: u64,
    /// The array of objects that has begun.
    array: Option<ArrayState>,
    /// The containers that have begun.
    unfinished: Vec<NodeId>,
    /// Where the limit on the envelope was reached.
    over_limit: Option<u64>,
}

impl EnvelopeReader {
    /// Creates a reader at the first instruction of a value.
    pub(crate) fn new(
        value: Bounds,
        decoder: &mut Decoder,
        addresses: &dyn Addresses,
    ) -> Result<EnvelopeReader> {
        decoder.define_envelopes(addresses)?;
        let mut machine = Machine::new(&decoder.context.limits.pickle);
        machine.reset(&decoder.graph, Region::Shared, value.memo);
        Ok(EnvelopeReader {
            value,
            machine,
            base: Base::default(),
            here: value.begin,
            array: None,
            unfinished: Vec::new(),
            over_limit: None,
        })
    }

    /// Runs on to the next container and returns its envelope; `None` where the value ends, or the
    /// limit on envelopes is reached, before a container begins, and where none can begin any more.
    ///
    /// Fails where the instructions do.
    pub(crate) fn next(
        &mut self,
        decoder: &mut Decoder,
        addresses: &dyn Addresses,
    ) -> Result<Option<Envelope>> {
        let limits = Arc::clone(&decoder.context.limits);
        let begin = self.value.begin;
        let (mut found, mut needed) = (None, 1);
        while self.value.end != Some(self.here) {
            let read = (self.here - begin) as usize;
            if read + needed > limits.envelope {
                self.over_limit = (!self.is_marked()).then_some(self.here);
                return Ok(None);
            }
            let bytes = decoder.window.fill(begin, read + needed)?;
            // A line may end anywhere, and is not looked for past the limit.
            let bytes = &bytes[..bytes.len().min(limits.envelope)];
            let rest = bytes.get(read..).unwrap_or_default();
            // The memo entries of the container itself are made after it. Any other instruction is
            // of its first member, and may be of any size.
            let next = Action::of_first(rest);
            if found.is_some() && next.is_some_and(|next| next != Action::Put) {
                break;
            }
            let mut lexer = Lexer::new(self.here, &limits.pickle);
            let instruction = match lexer.instruction(rest)? {
                Progress::Done(instruction) => instruction,
                Progress::Need(more) if rest.len() >= needed => {
                    needed = rest.len() + more;
                    continue;
                }
                Progress::Need(_) if self.is_marked() => return Ok(None),
                Progress::Need(more) => {
                    let wanted = self.here.saturating_add((rest.len() + more) as u64);
                    return Err(decoder.window.truncated(wanted));
                }
            };
            let action = instruction.action();
            if action == Action::Stop {
                return Ok(None);
            }
            if let Flow::Missing(memo) = self.machine.execute(&mut decoder.graph, &instruction)? {
                decoder.resolve(memo, self.here, addresses)?;
                continue;
            }
            (self.here, needed) = (lexer.offset(), 1);
            if !decoder.is_in_container() {
                decoder.graph.set_protocol(self.machine.protocol());
            }
            let begun =
                envelope::begun(action, self.base, &self.machine, &decoder.graph, &decoder.context);
            match begun {
                Some((kind, Some(state))) if self.array.is_none() => {
                    let stack = self.machine.stack();
                    self.unfinished.extend([stack[self.base.values], top(&self.machine)]);
                    let marks = self.machine.marks().len();
                    self.base = Base { values: stack.len(), marks };
                    self.array = Some(state);
                    found = Some(kind);
                }
                Some((kind, None)) => {
                    self.unfinished.push(top(&self.machine));
                    found = Some(kind);
                }
                _ if found.is_none()
                    && self.is_marked()
                    && self.machine.stack().len() > self.base.values =>
                {
                    return Ok(None);
                }
                _ => {}
            }
        }
        Ok(found.map(|kind| Envelope {
            kind,
            array: self.array.clone(),
            bytes: decoder.window.resident(begin, self.here).to_vec(),
            offset: begin,
            memo: self.value.memo..self.machine.memo_end(),
            unfinished: self
                .machine
                .entries()
                .filter_map(|(entry, node)| self.unfinished.contains(&node).then_some(entry))
                .collect(),
        }))
    }

    /// Returns whether the value begins with a mark. A LIST or DICT right after the mark makes a
    /// container without members. A value after the mark usually belongs to a tuple, of any size.
    fn is_marked(&self) -> bool {
        let marks = self.machine.marks().get(self.base.marks..).unwrap_or_default();
        marks.first() == Some(&(self.base.values as u32))
    }

    /// Returns the bounds of the value.
    pub(crate) fn value(&self) -> Bounds {
        self.value
    }

    /// Makes `decoder` decode the members of a container that was found.
    pub(crate) fn enter(&self, envelope: &Arc<Envelope>, decoder: &mut Decoder) {
        let is_last = envelope.offset + envelope.bytes.len() as u64 == self.here;
        decoder.enter(Arc::clone(envelope), is_last.then_some(&self.machine));
    }

    /// Returns the error for a value that is not an array of objects.
    #[cold]
    pub(crate) fn no_array(&self, limit: usize) -> Error {
        let clause = "npy.object.envelope";
        match self.over_limit {
            Some(offset) => {
                let message =
                    format!("no list of elements in the first {limit} bytes of the pickle");
                Error::over_limit(limit as u64, clause, offset, message)
            }
            None => {
                let message = "the pickle is not an array of objects as NumPy writes it";
                Error::new(ErrorKind::Unsupported, clause, self.value.begin, message)
            }
        }
    }
}

fn top(machine: &Machine) -> NodeId {
    *machine.stack().last().expect("an instruction has begun a container")
}
