//! Reading an object array: survey a batch, decode its elements one by one.

use pickle_stream::ValueRef;
use pickle_stream::{Event, Graph, Lexer, Machine, NodeId, Ran, Region, Source, Span, Survey};

use crate::envelope::Envelope;
use crate::error::{Cause, Error, Result};
use crate::shared::{Checkpoint, Definitions};
use crate::value::element::Context;
use crate::window::Window;

/// Elements between two checkpoints: as many as CPython puts in a batch.
const CHECKPOINT_EVERY: u64 = 1000;

/// The elements of an object array, in order.
pub(crate) struct Objects {
    window: Window,
    envelope: Envelope,
    /// How many elements the shape promises.
    promised: u64,
    survey: Survey,
    /// The elements of the batch that was surveyed last, and how many of them were handed out.
    batch: Vec<Span>,
    taken: usize,
    /// The number of the first element behind the batch.
    surveyed: u64,
    checkpoints: Vec<Checkpoint>,
    done: bool,
    graph: Graph,
    machine: Machine,
    definitions: Definitions,
}

impl Objects {
    /// Opens the pickle at `offset`.
    pub(crate) fn open(mut window: Window, offset: u64, context: &Context) -> Result<Objects> {
        let mut graph = Graph::new();
        let (envelope, survey) = Envelope::read(&mut window, offset, context, &mut graph)?;
        let count = envelope.shape.iter().try_fold(1u64, |n, &len| n.checked_mul(len as u64));
        let promised = if envelope.shape.contains(&0) { Some(0) } else { count };
        let promised = promised.ok_or_else(|| {
            let message = "the shape promises over 2^64 elements";
            Error::new(Cause::Malformed, "npy.object.count", offset, message)
        })?;
        let machine = Machine::new(&context.limits.pickle);
        Ok(Objects {
            window,
            envelope,
            promised,
            survey,
            batch: Vec::new(),
            taken: 0,
            surveyed: 0,
            checkpoints: Vec::new(),
            done: false,
            graph,
            machine,
            definitions: Definitions::default(),
        })
    }

    /// How many elements there are in all.
    pub(crate) fn len(&self) -> u64 {
        self.promised
    }

    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The next element, until there are no more. After an error there are no more either.
    #[inline]
    pub(crate) fn next(&mut self, context: &Context) -> Result<Option<ValueRef<'_>>> {
        let advanced = self.advance(context);
        self.done |= advanced.is_err();
        let Some((span, root)) = advanced? else {
            return Ok(None);
        };
        let bytes = self.window.resident(span.begin, span.end);
        Ok(Some(self.graph.value(root, Source { bytes, offset: span.begin })))
    }

    /// Decodes the next element, and says where it is in the file and in the graph.
    fn advance(&mut self, context: &Context) -> Result<Option<(Span, NodeId)>> {
        let Some(span) = self.next_span()? else { return Ok(None) };
        Ok(Some((span, self.decode(span, context)?)))
    }

    /// Steps over elements without decoding them. Says how many there were to step over.
    pub(crate) fn skip(&mut self, mut count: u64) -> Result<u64> {
        let wanted = count;
        while count > 0 {
            let left = (self.batch.len() - self.taken) as u64;
            if left == 0 && !self.survey_batch().inspect_err(|_| self.done = true)? {
                break;
            }
            let here = count.min((self.batch.len() - self.taken) as u64);
            self.taken += here as usize;
            count -= here;
        }
        Ok(wanted - count)
    }

    fn next_span(&mut self) -> Result<Option<Span>> {
        if self.done {
            return Ok(None);
        }
        while self.taken == self.batch.len() {
            if !self.survey_batch()? {
                return Ok(None);
            }
        }
        self.taken += 1;
        Ok(Some(self.batch[self.taken - 1]))
    }

    /// Surveys the next batch; `false` behind the last one.
    fn survey_batch(&mut self) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let start = self.survey.offset();
        self.window.set_anchor(start);
        let fresh = self
            .checkpoints
            .last()
            .is_none_or(|last| self.surveyed - last.element >= CHECKPOINT_EVERY);
        if fresh {
            let memo = self.survey.memo();
            self.checkpoints.push(Checkpoint { element: self.surveyed, offset: start, memo });
        }
        let mut needed = 1;
        loop {
            let place = self.survey.offset();
            let input = self.window.fill(place, needed)?;
            let end = place + input.len() as u64;
            match self.survey.advance(input)? {
                Event::Need(more) => {
                    needed = self.window.needed(end, self.survey.offset(), more)?;
                }
                Event::Batch => break,
                // What is behind the list is still walked through: the array is whole only with its
                // STOP.
                Event::Closed => {}
                Event::Stop => {
                    self.done = true;
                    return self.check_count(self.survey.offset(), true).map(|()| false);
                }
            }
        }
        self.batch.clear();
        self.batch.extend_from_slice(self.survey.batch());
        self.taken = 0;
        self.surveyed += self.batch.len() as u64;
        self.check_count(self.survey.offset(), false)?;
        Ok(true)
    }

    /// Holds the number of elements against the shape.
    fn check_count(&self, offset: u64, ended: bool) -> Result<()> {
        if self.surveyed == self.promised || (!ended && self.surveyed < self.promised) {
            return Ok(());
        }
        let more = if ended { "" } else { " or more" };
        let message = format!(
            "the array's shape promises {} elements, its list has {}{more}",
            self.promised, self.surveyed
        );
        Err(Error::new(Cause::Malformed, "npy.object.count", offset, message))
    }

    /// Decodes the element of a span into the graph's own region.
    fn decode(&mut self, span: Span, context: &Context) -> Result<NodeId> {
        let limits = &context.limits;
        if self.graph.shared_bytes() > limits.shared {
            self.graph.forget_shared();
            self.definitions.clear();
            context.item_types.clear();
            self.envelope.define(&mut self.graph, &limits.pickle)?;
        }
        let size = usize::try_from(span.end - span.begin).unwrap_or(usize::MAX);
        if self.window.fill(span.begin, size)?.len() < size {
            return Err(self.window.truncated(span.end));
        }
        self.graph.clear();
        self.machine.reset(&self.graph, Region::Own, span.memo);
        let mut lexer = Lexer::new(span.begin, &limits.pickle);
        loop {
            let bytes = &self.window.resident(lexer.offset(), span.end);
            match self.machine.run(&mut self.graph, &mut lexer, bytes)? {
                Ran::Need(_) => return Ok(self.machine.finish(span.end)?),
                Ran::Missing(memo) => self.definitions.resolve(
                    memo,
                    lexer.offset(),
                    &self.checkpoints,
                    &mut self.window,
                    &mut self.graph,
                    &limits.pickle,
                )?,
                Ran::Stop(_) => {
                    let message = "the pickle stops inside an element";
                    let clause = "pickle.element.balance";
                    return Err(Error::new(Cause::Malformed, clause, lexer.offset(), message));
                }
            }
        }
    }
}
