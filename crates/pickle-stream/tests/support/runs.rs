//! A stream that a machine runs in one go, and instruction by instruction.

use pickle_stream::{Error, Flow, Graph, Lexer, Limits, Machine, Progress, Ran, Region};

/// Definitions that a stream may read: entries 0 to 4 are a list, a dict, a global, an empty tuple
/// and a str.
const DEFINITIONS: &[u8] = b"]q\0}q\x01cm\nn\nq\x02)q\x03X\x01\0\0\0tq\x04";

/// What a machine came to: the graph, the machine itself, where it stopped, and why.
pub(crate) type Outcome = (String, String, u64, Result<Ran, Error>);

/// What [`Machine::run`] makes of a stream that begins behind some definitions.
pub(crate) fn at_once(stream: &[u8], limits: &Limits) -> Outcome {
    let (mut machine, mut graph, mut lexer) = start(limits);
    let end = machine.run(&mut graph, &mut lexer, stream);
    (format!("{graph:?}"), format!("{machine:?}"), lexer.offset(), end)
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
    (format!("{graph:?}"), format!("{machine:?}"), lexer.offset(), end)
}

fn start(limits: &Limits) -> (Machine, Graph, Lexer) {
    let (mut machine, mut graph) = (Machine::new(limits), Graph::new());
    machine.reset(&graph, Region::Shared, 0);
    machine.run(&mut graph, &mut Lexer::new(0, limits), DEFINITIONS).unwrap();
    machine.define_entries(&mut graph);
    machine.reset(&graph, Region::Own, 5);
    (machine, graph, Lexer::new(0, limits))
}
