//! Definitions that elements share, found by address.
//!
//! An element may read a memo entry that another element made: a dtype, the key of a dict, or an
//! object that is in both. Memo entries are not kept in case they are read later. Instead, the
//! checkpoints say in which interval of elements the entry was made, a survey of these finds the
//! instructions that made it, and these are run once, in the shared region of the graph.
//!
//! A definition may read others, made before it or around it, and those again; they wait for one
//! another on a stack of their own. To keep identity exact, a definition that is run skips over any
//! part of itself that was run before.

use std::collections::BTreeMap;
use std::sync::Arc;

use pickle_stream::{Action, Graph, Lexer, Limits, Located, Machine, NodeId, Ran, Region, Span};

use crate::error::{Error, ErrorKind, Result};
use crate::locate::checkpoints::{Addresses, Interval};
use crate::source::window::Window;

/// The definitions in the shared region, and where they came from.
#[derive(Default)]
pub(crate) struct Definitions {
    /// By offset; of several definitions at one offset, the longest.
    known: BTreeMap<u64, Definition>,
    /// A resolution that needs bytes which are still to be fetched; it goes on with the next call.
    left: Option<Resolution>,
    pub(crate) observer: Option<Arc<dyn Observe>>,
}

/// Sees the members and the definitions that were made, with their memo entries.
pub(crate) trait Observe: Send + Sync {
    /// Notes, in the graph, what `machine` has made there.
    fn observe(&self, machine: &Machine, graph: &mut Graph);
}

/// A memo entry that is being resolved, and the definitions that it needs.
struct Resolution {
    memo: u64,
    pending: Vec<Pending>,
    /// The entry for which the last pending definition waits.
    wanted: Option<u64>,
}

#[derive(Clone, Copy)]
struct Definition {
    end: u64,
    value: NodeId,
    memo: u64,
    memo_end: u64,
}

/// A definition that is being run.
struct Pending {
    span: Span,
    machine: Machine,
    lexer: Lexer,
}

/// How many definitions may wait for one another. In files that NumPy writes it is one or two.
const DEPTH: usize = 10_000;

impl Definitions {
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.left = None;
    }

    /// Brings memo entry `memo` into the shared region of `graph`.
    pub(crate) fn resolve(
        &mut self,
        memo: u64,
        offset: u64,
        addresses: &dyn Addresses,
        window: &mut Window,
        graph: &mut Graph,
        limits: &Limits,
    ) -> Result<()> {
        let left = self.left.take().filter(|left| left.memo == memo);
        let new = || Resolution { memo, pending: Vec::new(), wanted: Some(memo) };
        let mut resolution = left.unwrap_or_else(new);
        let done = self.go_on(&mut resolution, offset, addresses, window, graph, limits);
        if done.as_ref().is_err_and(|error| error.need().is_some()) {
            self.left = Some(resolution);
        }
        done
    }

    fn go_on(
        &mut self,
        resolution: &mut Resolution,
        offset: u64,
        addresses: &dyn Addresses,
        window: &mut Window,
        graph: &mut Graph,
        limits: &Limits,
    ) -> Result<()> {
        let Resolution { memo, pending, wanted } = resolution;
        loop {
            if let Some(memo) = *wanted {
                let span = locate(memo, offset, addresses, window, limits)?;
                *wanted = None;
                // A definition around one that is being run makes that one too.
                while pending.last().is_some_and(|last| encloses(span, last.span)) {
                    pending.pop();
                }
                if pending.len() == DEPTH {
                    let message = format!("over {DEPTH} shared definitions wait for one another");
                    return Err(Error::over_limit(
                        DEPTH as u64,
                        "npy.object.shared",
                        offset,
                        message,
                    ));
                }
                let mut machine = Machine::new(limits);
                machine.reset(graph, Region::Shared, span.memo);
                pending.push(Pending { span, machine, lexer: Lexer::new(span.begin, limits) });
            }
            let Some(last) = pending.last_mut() else {
                break;
            };
            *wanted = self.run(last, window, graph)?;
            if wanted.is_none() {
                pending.pop();
            }
        }
        match graph.shared_entry(*memo) {
            Some(_) => Ok(()),
            None => Err(never_made(*memo, offset)),
        }
    }

    /// Runs a definition on, to its end or to a memo entry that it needs, which is returned.
    fn run(
        &mut self,
        definition: &mut Pending,
        window: &mut Window,
        graph: &mut Graph,
    ) -> Result<Option<u64>> {
        let Pending { span, machine, lexer } = definition;
        let size = usize::try_from(span.end - span.begin).unwrap_or(usize::MAX);
        window.check_element(span.begin, size)?;
        if window.fill_aside(span.begin, size)?.len() < size {
            return Err(window.truncated(span.end));
        }
        let bytes = window.resident_aside(span.begin, span.end);
        check_begin(bytes, span.begin)?;
        while lexer.offset() < span.end {
            let place = lexer.offset();
            // Up to here nothing inside this definition is known, so it can be run in one go.
            let stop = self.known.range(place..span.end).find(|(_, known)| known.end < span.end);
            match stop {
                Some((&begin, known)) if begin == place => {
                    machine.push_known(graph, known.value, known.memo..known.memo_end);
                    *lexer = Lexer::new(known.end, machine.limits());
                }
                stop => {
                    let to = stop.map_or(span.end, |(&begin, _)| begin);
                    let part = &bytes[(place - span.begin) as usize..(to - span.begin) as usize];
                    match machine.run(graph, lexer, part)? {
                        Ran::Missing(memo) => return Ok(Some(memo)),
                        Ran::Need(_) if lexer.offset() == to => {}
                        Ran::Need(_) | Ran::Stop(_) => {
                            let message = "a shared definition does not end where it should";
                            let clause = "pickle.element.balance";
                            return Err(Error::new(ErrorKind::Malformed, clause, to, message));
                        }
                    }
                }
            }
        }
        let value = machine.finish(span.end)?;
        machine.define_entries(graph);
        if let Some(observer) = &self.observer {
            observer.observe(machine, graph);
        }
        let known =
            Definition { end: span.end, value, memo: span.memo, memo_end: machine.memo_end() };
        let longest = self.known.entry(span.begin).or_insert(known);
        if longest.end < known.end {
            *longest = known;
        }
        Ok(None)
    }
}

/// Fails where a definition begins with a copy of the value below it on the stack: the definition is
/// run alone, on an empty stack.
pub(crate) fn check_begin(bytes: &[u8], offset: u64) -> Result<()> {
    if Action::of_first(bytes) != Some(Action::Dup) {
        return Ok(());
    }
    let message = "a memo entry that elements share begins with DUP, a copy of a value below it";
    Err(Error::new(ErrorKind::Unsupported, "npy.object.dup", offset, message))
}

fn encloses(outer: Span, inner: Span) -> bool {
    outer.begin <= inner.begin && inner.end <= outer.end
}

/// Finds the instructions that made a memo entry.
pub(crate) fn locate(
    memo: u64,
    offset: u64,
    addresses: &dyn Addresses,
    window: &mut Window,
    limits: &Limits,
) -> Result<Span> {
    let never_made = || never_made(memo, offset);
    let (Interval { from, to }, container) =
        addresses.around_entry(memo)?.ok_or_else(never_made)?;
    let mut locator = from.locator(container, memo, limits);
    // Elements are independent: none changes what another one made, so the search ends with the
    // interval.
    let stop = to.filter(|to| to.is_inside()).map(|to| to.offset);
    if let Some(to) = to.filter(|to| to.member - from.member > 1) {
        window.expect_aside(from.offset..to.offset)?;
    }
    let ends = |seen: u64| stop.is_some_and(|stop| stop <= seen);
    let mut needed = 1;
    loop {
        let place = locator.offset();
        if ends(place) {
            return locator.so_far()?.ok_or_else(never_made);
        }
        let input = window.fill_aside(place, needed)?;
        let seen = place + input.len() as u64;
        let input = &input[..(stop.map_or(seen, |stop| stop.min(seen)) - place) as usize];
        let broken_off = match locator.advance(input) {
            Ok(Located::Found(span)) => return Ok(span),
            Ok(Located::Absent) => return Err(never_made()),
            // The checkpoint of a damaged index may be inside an instruction.
            Ok(Located::Need(_)) if ends(seen.max(locator.offset())) => {
                return locator.so_far()?.ok_or_else(never_made);
            }
            Ok(Located::Need(more)) => match window.needed(seen, locator.offset(), more) {
                Ok(more) => {
                    needed = more;
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error.into(),
        };
        // In a truncated batch the entry may be there. Only a salvage asks for it.
        return locator.so_far()?.ok_or(broken_off);
    }
}

#[cold]
pub(crate) fn never_made(memo: u64, offset: u64) -> Error {
    let message = format!("memo entry {memo} is read but was never written");
    Error::new(ErrorKind::Malformed, "pickle.memo.missing", offset, message)
}
