//! A pickled list, decoded whole and element by element.

use std::sync::Arc;

use pickle_stream::{
    Container, Error, Event, Form, Graph, Kind, Lexer, Limits, Located, Locator, Machine,
    MemoEffect, NodeId, Opcode, Progress, Ran, Region, Skeleton, Source, Span, Survey, TreeLimits,
    ValueRef,
};

/// Returns the elements of a pickle that is a list, each as text, from the graph of the whole
/// pickle; `None` where the pickle is not a list.
pub(crate) fn whole(stream: &[u8], limits: &Limits) -> Result<Option<Vec<String>>, Error> {
    let (mut machine, mut graph) = (Machine::new(limits), Graph::new());
    let root = match machine.run(&mut graph, &mut Lexer::new(0, limits), stream)? {
        Ran::Stop(root) if machine.stack().is_empty() => root,
        Ran::Stop(_) => return Ok(None),
        Ran::Need(more) => return Err(Error::truncated(stream.len() as u64, more)),
        Ran::Missing(index) => unreachable!("entry {index} of an empty memo"),
    };
    let source = Source { bytes: stream, offset: 0 };
    Ok(match graph.value(root, source).kind() {
        Kind::List(items) => Some(items.map(show).collect()),
        _ => None,
    })
}

/// How the elements of a list are decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// A machine runs each element. The survey is given one byte at a time, so that it finds no rows.
    Machine,
    /// Rows are filled into the forms of their skeletons. The survey is given the stream in pieces, which
    /// end at these places.
    Rows(&'a [usize]),
    /// The same by a survey that begins with the skeletons that another one has learnt of the whole
    /// stream.
    Learnt,
}

/// Returns the elements of a list by a survey, a machine that runs one element at a time, and a locator
/// for definitions; `None` where an instruction takes the list before STOP.
pub(crate) fn by_element(
    stream: &[u8],
    way: Way<'_>,
    limits: &Limits,
) -> Result<Option<Vec<String>>, Error> {
    let elements = elements(stream, way, limits)?;
    Ok(elements.map(|elements| elements.into_iter().map(|(shown, ..)| shown).collect()))
}

/// Returns the same, each with whether it has a row.
pub(crate) fn elements(
    stream: &[u8],
    way: Way<'_>,
    limits: &Limits,
) -> Result<Option<Vec<(String, bool)>>, Error> {
    let (mut graph, mut machine) = (Graph::new(), Machine::new(limits));
    let Some(start) = preamble(stream, &mut machine, &mut graph, limits)? else {
        return Ok(None);
    };

    let watch = || -> Result<Survey, Error> {
        let mut survey = Survey::new(0, 0, limits);
        survey.advance(&stream[..start as usize])?;
        survey.watch(0, Container::List);
        Ok(survey)
    };
    let mut survey = watch()?;
    if let Way::Learnt = way {
        let mut first = watch()?;
        while let Some(rest) = stream.get(first.offset() as usize..)
            && let Ok(Event::Batch) = first.advance(rest)
        {}
        survey.learn_from(&first);
    }
    let mut forms = Forms::default();
    let mut checkpoints = vec![(start, survey.memo())];
    let mut elements = Vec::new();
    loop {
        match advance(&mut survey, stream, way)? {
            Event::Stop => return Ok(Some(elements)),
            Event::Closed => return Ok(None),
            Event::Need(more) => return Err(Error::truncated(stream.len() as u64, more)),
            Event::Batch => {}
        }
        for (index, span) in survey.batch().iter().copied().enumerate() {
            let filled = match way {
                Way::Machine => None,
                _ => forms.filled(&survey, index, &mut graph, stream, limits),
            };
            let shown = match filled {
                Some(shown) => shown,
                None => {
                    forms.leave(&mut graph);
                    graph.clear();
                    machine.reset(&graph, Region::Own, span.memo);
                    let value = run(&mut machine, &mut graph, stream, span, &checkpoints, limits)?;
                    let shown = show(graph.value(value, Source { bytes: stream, offset: 0 }));
                    forms.learn(&survey, index, &mut machine, &mut graph);
                    shown
                }
            };
            elements.push((shown, survey.rows()[index].is_some()));
        }
        checkpoints.push((survey.offset(), survey.memo()));
    }
}

/// Returns the next event of a survey that is given `stream` in pieces.
fn advance(survey: &mut Survey, stream: &[u8], way: Way<'_>) -> Result<Event, Error> {
    loop {
        let start = survey.offset() as usize;
        let end = match way {
            Way::Machine => Some(start + 1),
            Way::Rows(cuts) => cuts.iter().copied().filter(|&cut| cut > start).min(),
            Way::Learnt => None,
        };
        let mut end = end.unwrap_or(stream.len()).min(stream.len());
        loop {
            match survey.advance(stream.get(start..end).unwrap_or_default())? {
                Event::Need(more) if end >= stream.len() => return Ok(Event::Need(more)),
                Event::Need(_) if survey.offset() as usize > start => break,
                Event::Need(more) => end += more,
                event => return Ok(event),
            }
            end = end.min(stream.len());
        }
    }
}

/// The forms of skeletons. The own region of the current one is that of the graph.
#[derive(Default)]
struct Forms {
    known: Vec<(Arc<Skeleton>, Option<Form>)>,
    current: Option<usize>,
}

impl Forms {
    /// Fills an element of the last batch into the form of its skeleton, if it has one.
    fn filled(
        &mut self,
        survey: &Survey,
        index: usize,
        graph: &mut Graph,
        stream: &[u8],
        limits: &Limits,
    ) -> Option<String> {
        let (span, row) = (survey.batch()[index], survey.rows()[index]);
        let skeleton = &survey.skeletons()[row.skeleton()?];
        let holes = survey.holes();
        let bytes = &stream[span.begin as usize..span.end as usize];
        let source = Source { bytes, offset: span.begin };
        if skeleton.is_scalar() {
            self.leave(graph);
            graph.clear();
            let value = graph.scalar(holes.of(row, 1)[0], source, limits)?;
            return Some(show(graph.value(value, source)));
        }
        let index = self.known.iter().position(|(known, _)| Arc::ptr_eq(known, skeleton))?;
        if self.current != Some(index) {
            self.leave(graph);
            self.known[index].1.as_mut()?.swap(graph);
            self.current = Some(index);
        }
        let form = self.known[index].1.as_mut()?;
        let row = holes.of(row, skeleton.holes());
        let fills = form.fill(graph, row, holes.ints(), holes.floats(), source, limits);
        fills.then(|| show(graph.value(form.values()[0], source)))
    }

    /// Makes the form of the skeleton of an element, which was run just now, so that its definitions
    /// are there.
    fn learn(&mut self, survey: &Survey, index: usize, machine: &mut Machine, graph: &mut Graph) {
        let Some(skeleton) = survey.rows()[index].skeleton() else { return };
        let skeleton = &survey.skeletons()[skeleton];
        if !self.known.iter().any(|(known, _)| Arc::ptr_eq(known, skeleton)) {
            let memo = survey.batch()[index].memo;
            let form = Form::new(skeleton, machine, graph, memo);
            self.known.push((Arc::clone(skeleton), form));
        }
    }

    /// Gives the graph its own region back.
    fn leave(&mut self, graph: &mut Graph) {
        if let Some(form) = self.current.take().and_then(|index| self.known[index].1.as_mut()) {
            form.swap(graph);
        }
    }
}

/// Runs the stream, in the shared region, up to the end of a new list and its memo entries. Returns the
/// offset after them; `None` where the first value is not a new list.
fn preamble(
    stream: &[u8],
    machine: &mut Machine,
    graph: &mut Graph,
    limits: &Limits,
) -> Result<Option<u64>, Error> {
    let mut lexer = Lexer::new(0, limits);
    machine.reset(graph, Region::Shared, 0);
    loop {
        let offset = lexer.offset();
        let instruction = match lexer.instruction(&stream[offset as usize..])? {
            Progress::Done(instruction) => instruction,
            Progress::Need(more) => return Err(Error::truncated(stream.len() as u64, more)),
        };
        let names = matches!(instruction.opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize)
            || instruction.opcode == Opcode::Frame;
        if let (&[list], &[], false) = (machine.stack(), machine.marks(), names) {
            let source = Source { bytes: stream, offset: 0 };
            if !matches!(graph.value(list, source).kind(), Kind::List(items) if items.len() == 0) {
                return Ok(None);
            }
            let entries = machine.entries().filter(|(_, id)| *id == list);
            let entries: Vec<u64> = entries.map(|(entry, _)| entry).collect();
            machine.define_entries(graph);
            entries.into_iter().for_each(|entry| graph.define_outer(entry));
            return Ok(Some(offset));
        }
        machine.execute(graph, &instruction)?;
    }
}

/// Runs one element, and first the definitions that it reads.
fn run(
    machine: &mut Machine,
    graph: &mut Graph,
    stream: &[u8],
    span: Span,
    checkpoints: &[(u64, u64)],
    limits: &Limits,
) -> Result<NodeId, Error> {
    let mut lexer = Lexer::new(span.begin, limits);
    while lexer.offset() < span.end {
        let input = &stream[lexer.offset() as usize..span.end as usize];
        match machine.run(graph, &mut lexer, input)? {
            Ran::Missing(index) => define(index, graph, stream, checkpoints, limits)?,
            Ran::Need(_) => break,
            Ran::Stop(_) => unreachable!("no span holds a STOP"),
        }
    }
    machine.finish(span.end)
}

/// Decodes a definition into the shared region, and first the definitions that it reads. Each was
/// made before the one that reads it, so this ends.
fn define(
    index: u64,
    graph: &mut Graph,
    stream: &[u8],
    checkpoints: &[(u64, u64)],
    limits: &Limits,
) -> Result<(), Error> {
    let mut wanted = vec![index];
    while let Some(&index) = wanted.last() {
        let after = checkpoints.partition_point(|&(_, memo)| memo <= index);
        let (offset, memo) = checkpoints[after.saturating_sub(1)];
        let mut locator = Locator::new(offset, memo, Container::List, index, limits);
        let span = match locator.advance(&stream[offset as usize..])? {
            Located::Found(span) => span,
            // No instruction makes the entry: return the error of a machine with an empty memo.
            _ => {
                return Machine::new(limits)
                    .run(&mut Graph::new(), &mut Lexer::new(0, limits), b"h\0")
                    .map(drop);
            }
        };
        let mut machine = Machine::new(limits);
        machine.reset(graph, Region::Shared, span.memo);
        let input = &stream[span.begin as usize..span.end as usize];
        match machine.run(graph, &mut Lexer::new(span.begin, limits), input)? {
            Ran::Missing(other) => wanted.push(other),
            _ => {
                machine.finish(span.end)?;
                machine.define_entries(graph);
                wanted.pop();
            }
        }
    }
    Ok(())
}

/// Returns a value as text; `...` where it has more than 1,000 parts or 32 levels, or contains
/// itself.
pub(crate) fn show(value: ValueRef<'_>) -> String {
    let mut limits = TreeLimits::default();
    (limits.depth, limits.values) = (32, 1000);
    value.to_value(limits).map_or("...".into(), |value| format!("{value:?}"))
}
