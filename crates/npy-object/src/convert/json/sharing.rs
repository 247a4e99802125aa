//! Which objects several elements have.

use std::sync::Arc;

use pickle_stream::{Graph, Lexer, Machine, Progress, Span};
use roaring::RoaringTreemap;

use crate::array::npy_array::NpyArray;
use crate::decode::definitions::Observe;
use crate::decode::members::Members;
use crate::error::Result;

/// The memo entries that one element made and another one reads: a bit for each, and less where
/// there are few.
#[derive(Default)]
struct Sharing {
    entries: RoaringTreemap,
}

impl NpyArray {
    /// Goes through all elements for the objects that several of them have. From here on
    /// [`TypedJson`](crate::convert::json::TypedJson) marks those, so that what is made of its lines has them
    /// once.
    ///
    /// That takes as long as to count the elements, and up to a bit for each object in the file. What
    /// comes behind an error in the file is not looked at: no element behind it will come.
    pub fn mark_shared(&mut self) {
        let Some(members) = self.members_mut() else { return };
        let mut sharing = Sharing::default();
        for number in 0.. {
            let Ok(Some(span)) = members.span(number) else { break };
            if sharing.look(span, members).is_err() {
                break;
            }
        }
        if !sharing.entries.is_empty() {
            members.decoder.observe(Arc::new(sharing));
        }
    }
}

impl Sharing {
    /// Looks through an element, whose payloads are stepped over.
    fn look(&mut self, span: Span, members: &mut Members) -> Result<()> {
        let mut lexer = Lexer::new(span.begin, &members.decoder.context.limits.pickle);
        // What stands before the elements is of none of them.
        let first = members.decoder.opening().map_or(0, |opening| opening.memo.end);
        let window = &mut members.decoder.window;
        window.set_anchor(span.begin);
        let mut needed = 1;
        while lexer.offset() < span.end {
            let place = lexer.offset();
            let input = window.fill(place, needed)?;
            let seen = place + input.len() as u64;
            needed = 1;
            while lexer.offset() < span.end.min(seen) {
                match lexer.pass(&input[(lexer.offset() - place) as usize..])? {
                    Progress::Need(more) => {
                        needed = window.needed(seen, lexer.offset(), more)?;
                        break;
                    }
                    Progress::Done(head) => match head.memo_index()? {
                        Some(entry) if (first..span.memo).contains(&entry) => {
                            self.entries.insert(entry);
                        }
                        _ => {}
                    },
                }
            }
            if seen == place {
                return Err(window.truncated(place + 1));
            }
        }
        Ok(())
    }
}

impl Observe for Sharing {
    fn observe(&self, machine: &Machine, graph: &mut Graph) {
        for (entry, node) in machine.entries() {
            if self.entries.contains(entry) {
                graph.set_label(node, entry);
            }
        }
    }
}
