//! The objects that several elements share, for the marks of typed JSON.
//!
//! A first pass over the file finds them; the decoder then tells which nodes they are. Errors in
//! the file end the first pass and come up again where the elements are read.

use std::sync::Arc;

use pickle_stream::{Graph, Lexer, Machine, Progress, Span};
use roaring::RoaringTreemap;

use crate::array::npy_array::NpyArray;
use crate::decode::definitions::Observe;
use crate::decode::objects::Objects;
use crate::error::Result;

/// The memo entries that one element made and another one reads, in a compressed bitmap.
#[derive(Default)]
struct Sharing {
    entries: RoaringTreemap,
}

impl NpyArray {
    /// Finds the objects that several elements have. From then on
    /// [`TypedJson`](crate::convert::json::TypedJson) marks them, so that an array made of its
    /// lines has each of them once.
    ///
    /// Takes as long as to count the elements, and up to a bit of memory for each object in the
    /// file. Stops at an error in the file, as reading the elements does.
    pub fn mark_shared(&mut self) {
        let Some(members) = self.objects_mut() else { return };
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
    /// Finds the memo entries that an element reads and another one made. Skips payloads.
    fn look(&mut self, span: Span, members: &mut Objects) -> Result<()> {
        let mut lexer = Lexer::new(span.begin, &members.decoder.context.limits.pickle);
        // The objects of the envelope belong to no element.
        let first = members.decoder.envelope().map_or(0, |envelope| envelope.memo.end);
        let window = &mut members.decoder.window;
        window.set_anchor(span.begin);
        let mut needed = 1;
        while lexer.offset() < span.end {
            let begin = lexer.offset();
            let input = window.fill(begin, needed)?;
            let seen = begin + input.len() as u64;
            needed = 1;
            while lexer.offset() < span.end.min(seen) {
                match lexer.pass(&input[(lexer.offset() - begin) as usize..])? {
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
            if seen == begin {
                return Err(window.truncated(begin + 1));
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
