//! A stream that a machine runs at once, and one instruction after another.

use std::fmt;

use pickle_stream::{
    Error, Flow, Graph, Lexer, Limits, Machine, NodeId, Progress, Ran, Region, Source, ValueRef,
};

/// Included here, so that a fuzz target which includes this file has it too.
#[path = "same.rs"]
pub(crate) mod same;

/// Definitions that a stream may read: entries 0 to 4 are a list, a dict, a global, an empty tuple
/// and a str.
const DEFINITIONS: &[u8] = b"]q\0}q\x01cm\nn\nq\x02)q\x03X\x01\0\0\0tq\x04";

/// A machine that has run a stream as far as it could.
///
/// Two runs are equal if they ended in the same way at the same offset, and left the same values on
/// the stack and in the memo. How the graphs keep the values does not matter.
pub(crate) struct Run<'a> {
    stream: &'a [u8],
    machine: Machine,
    graph: Graph,
    /// Where it ended.
    offset: u64,
    /// How it ended.
    ran: Result<Ran, Error>,
}

impl Run<'_> {
    /// Returns everything but the values, as text.
    fn state(&self) -> String {
        let ran = match &self.ran {
            Ok(Ran::Stop(_)) => "Stop".to_owned(),
            other => format!("{other:?}"),
        };
        let entries: Vec<u64> = self.machine.entries().map(|(index, _)| index).collect();
        format!(
            "{ran} at {}, {} values, marks {:?}, entries {entries:?}, memo end {}, {} shared bytes",
            self.offset,
            self.machine.stack().len(),
            self.machine.marks(),
            self.machine.memo_end(),
            self.graph.shared_bytes(),
        )
    }

    /// Returns the values on the stack and in the memo, and the one that STOP took.
    fn values(&self) -> Vec<ValueRef<'_>> {
        let stopped = match self.ran {
            Ok(Ran::Stop(value)) => Some(value),
            _ => None,
        };
        let stack = self.machine.stack().iter().copied();
        let entries = self.machine.entries().map(|(_, value)| value);
        let values: Vec<NodeId> = stack.chain(entries).chain(stopped).collect();
        let source = Source { bytes: self.stream, offset: 0 };
        values.into_iter().map(|value| self.graph.value(value, source)).collect()
    }
}

impl PartialEq for Run<'_> {
    fn eq(&self, other: &Self) -> bool {
        let pairs: Vec<_> = self.values().into_iter().zip(other.values()).collect();
        self.state() == other.state() && same::difference(&pairs).is_none()
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.state(), self.values())
    }
}

/// Runs a stream, which may read some definitions, by [`Machine::run`].
pub(crate) fn at_once<'a>(stream: &'a [u8], limits: &Limits) -> Run<'a> {
    let (mut machine, mut graph, mut lexer) = start(limits);
    let ran = machine.run(&mut graph, &mut lexer, stream);
    Run { stream, machine, graph, offset: lexer.offset(), ran }
}

/// Runs it by [`Machine::execute`], one instruction after another.
pub(crate) fn one_by_one<'a>(stream: &'a [u8], limits: &Limits) -> Run<'a> {
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
    let ran = loop {
        if let Some(ran) = step().transpose() {
            break ran;
        }
    };
    Run { stream, machine, graph, offset: lexer.offset(), ran }
}

/// Returns a machine whose graph has the definitions, and a lexer.
fn start(limits: &Limits) -> (Machine, Graph, Lexer) {
    let (mut machine, mut graph) = (Machine::new(limits), Graph::new());
    machine.reset(&graph, Region::Shared, 0);
    machine.run(&mut graph, &mut Lexer::new(0, limits), DEFINITIONS).unwrap();
    machine.define_entries(&mut graph);
    machine.reset(&graph, Region::Own, 5);
    (machine, graph, Lexer::new(0, limits))
}
