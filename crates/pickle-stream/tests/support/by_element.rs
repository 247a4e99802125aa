//! A pickled list, decoded whole and element by element.

use pickle_stream::{
    Container, Error, Event, Form, Graph, Kind, Lexer, Limits, Located, Locator, Machine,
    MemoEffect, NodeId, Progress, Ran, Region, Source, Span, Survey, TreeLimits, ValueRef,
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

/// Returns the same by a survey, a machine that runs one element at a time, and a locator for
/// definitions; `None` where an instruction takes the list before STOP. With `fill`, rows are filled
/// into the forms of their skeletons, and only the other elements are run.
pub(crate) fn by_element(
    stream: &[u8],
    fill: bool,
    limits: &Limits,
) -> Result<Option<Vec<String>>, Error> {
    let (mut graph, mut machine) = (Graph::new(), Machine::new(limits));
    let Some(start) = preamble(stream, &mut machine, &mut graph, limits)? else {
        return Ok(None);
    };

    let mut survey = Survey::new(0, 0, limits);
    survey.advance(&stream[..start as usize])?;
    survey.watch(0, Container::List);
    let mut checkpoints = vec![(start, survey.memo())];
    let mut elements = Vec::new();
    loop {
        let rest = stream.get(survey.offset() as usize..).unwrap_or_default();
        match survey.advance(rest)? {
            Event::Stop => return Ok(Some(elements)),
            Event::Closed => return Ok(None),
            Event::Need(more) => return Err(Error::truncated(stream.len() as u64, more)),
            Event::Batch => {}
        }
        let spans = survey.batch().to_vec();
        for (index, span) in spans.into_iter().enumerate() {
            let shown = match fill {
                true => filled(&mut survey, index, &mut machine, &mut graph, stream, limits),
                false => None,
            };
            elements.push(match shown {
                Some(shown) => shown,
                None => {
                    graph.clear();
                    machine.reset(&graph, Region::Own, span.memo);
                    let value = run(&mut machine, &mut graph, stream, span, &checkpoints, limits)?;
                    show(graph.value(value, Source { bytes: stream, offset: 0 }))
                }
            });
        }
        checkpoints.push((survey.offset(), survey.memo()));
    }
}

/// Fills an element of the last batch into the form of its skeleton, if it has one whose definitions
/// were all read before.
fn filled(
    survey: &mut Survey,
    index: usize,
    machine: &mut Machine,
    graph: &mut Graph,
    stream: &[u8],
    limits: &Limits,
) -> Option<String> {
    let (span, row) = (survey.batch()[index], survey.rows()[index]);
    let skeleton = survey.skeletons()[row.skeleton()?].clone();
    let holes = survey.holes();
    let bytes = &stream[span.begin as usize..span.end as usize];
    let source = Source { bytes, offset: span.begin };
    if skeleton.is_scalar() {
        graph.clear();
        let value = graph.scalar(holes.of(row, 1)[0], source, limits)?;
        return Some(show(graph.value(value, source)));
    }
    let mut form = Form::new(&skeleton, machine, graph, span.memo)?;
    form.swap(graph);
    let row = holes.of(row, skeleton.holes());
    let fills = form.fill(graph, row, holes.ints(), holes.floats(), source, limits);
    fills.then(|| show(graph.value(form.values()[0], source)))
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
        let names = matches!(instruction.opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize);
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
