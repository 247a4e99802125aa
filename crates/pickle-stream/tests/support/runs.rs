//! A stream that a machine runs in one go, and instruction by instruction.

use pickle_stream::{
    Error, Flow, Graph, Lexer, Limits, Machine, NodeId, Progress, Ran, Region, Source,
};

/// Definitions that a stream may read: entries 0 to 4 are a list, a dict, a global, an empty tuple
/// and a str.
const DEFINITIONS: &[u8] = b"]q\0}q\x01cm\nn\nq\x02)q\x03X\x01\0\0\0tq\x04";

/// What a machine came to: what it has, where it stopped, and why.
pub(crate) type Outcome = (String, u64, Result<String, Error>);

/// What [`Machine::run`] makes of a stream that begins behind some definitions.
pub(crate) fn at_once(stream: &[u8], limits: &Limits) -> Outcome {
    let (mut machine, mut graph, mut lexer) = start(limits);
    let end = machine.run(&mut graph, &mut lexer, stream);
    outcome(&machine, &graph, stream, lexer.offset(), end)
}

/// What [`Machine::execute`] makes of it, one instruction after another.
pub(crate) fn one_by_one(stream: &[u8], limits: &Limits) -> Outcome {
    let (mut machine, mut graph, mut lexer) = start(limits);
    let mut step = || -> Result<Option<Ran>, Error> {
        let before = lexer.clone();
        let instruction = match lexer.instruction(&stream[lexer.offset() as usize..])? {
            Progress::Done(instruction) => instruction,
            Progress::Need(more) => return Ok(Some(Ran::Need(more))),
        };
        Ok(match machine.execute(&mut graph, &instruction)? {
            Flow::Next => None,
            Flow::Stop(value) => Some(Ran::Stop(value)),
            Flow::Missing(index) => {
                lexer = before;
                Some(Ran::Missing(index))
            }
        })
    };
    let end = loop {
        match step() {
            Ok(None) => {}
            Ok(Some(ran)) => break Ok(ran),
            Err(error) => break Err(error),
        }
    };
    outcome(&machine, &graph, stream, lexer.offset(), end)
}

fn outcome(
    machine: &Machine,
    graph: &Graph,
    stream: &[u8],
    end: u64,
    ran: Result<Ran, Error>,
) -> Outcome {
    let source = Source { bytes: stream, offset: 0 };
    let ran = ran.map(|ran| match ran {
        Ran::Stop(value) => format!("{:?}", graph.value(value, source).to_graph()),
        ran => format!("{ran:?}"),
    });
    (picture(machine, graph, source), end, ran)
}

/// The values on the stack and in the memo, each as a graph of its own, which says nothing of how
/// the first one keeps it, with the place of the first of them that is the same object; and the
/// marks.
fn picture(machine: &Machine, graph: &Graph, source: Source<'_>) -> String {
    let entries: Vec<(u64, NodeId)> = machine.entries().collect();
    let values = machine.stack().iter().copied().chain(entries.iter().map(|&(_, id)| id));
    let values: Vec<NodeId> = values.collect();
    let shown = values.iter().map(|&id| {
        let first = values.iter().position(|&other| other == id);
        (first, graph.value(id, source).to_graph())
    });
    let entries = entries.iter().map(|(index, _)| index);
    format!(
        "{:?} {:?} {:?} {} {}",
        shown.collect::<Vec<_>>(),
        entries.collect::<Vec<_>>(),
        machine.marks(),
        machine.memo_end(),
        graph.shared_bytes(),
    )
}

fn start(limits: &Limits) -> (Machine, Graph, Lexer) {
    let (mut machine, mut graph) = (Machine::new(limits), Graph::new());
    machine.reset(&graph, Region::Shared, 0);
    machine.run(&mut graph, &mut Lexer::new(0, limits), DEFINITIONS).unwrap();
    machine.define_entries(&mut graph);
    machine.reset(&graph, Region::Own, 5);
    (machine, graph, Lexer::new(0, limits))
}
