//! [`Pickled`]: elements that Python has pickled, many at a time, as elements of an array.
//!
//! CPython's pickler writes a list of elements. Their instructions become those of the array as they
//! are; only memo entries get other numbers. Nothing is decoded.

use pickle_stream::{Encoder, Limits, ListItems, Renumbering, Transcribed, Transcriber};

use crate::error::{Error, ErrorKind, Result};
use crate::write::writer::ArrayWriter;

/// The memo of a pickler of Python whose lists become elements of an array. Elements of all lists share
/// the objects that the pickler has in its memo.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Pickled {
    entries: Renumbering,
    /// The number of memo entries of the pickler.
    count: u64,
}

impl Pickled {
    /// Creates the memo of a new pickler.
    pub fn new() -> Pickled {
        Pickled::default()
    }

    /// Returns the number of memo entries of the pickler.
    pub fn entries(&self) -> u64 {
        self.count
    }

    /// Notes that the pickler is given its next memo entry: an object that has this entry in the array.
    pub fn know(&mut self, entry: u64) {
        self.entries.note(self.count, entry);
        self.count += 1;
    }

    /// Copies the items of a pickled list.
    fn copy(&mut self, pickle: &[u8], count: usize, to: &mut Encoder) -> Result<()> {
        let mut limits = Limits::default();
        limits.argument = u64::MAX;
        let ListItems { span, protocol, .. } = ListItems::find(pickle, count, self.count, &limits)?;
        let mut transcriber = Transcriber::new(span, protocol, &limits);
        let items = &pickle[span.begin as usize..span.end as usize];
        let done = transcriber.advance(items, &mut self.entries, to)?;
        self.count = transcriber.next_entry();
        match done {
            Transcribed::Need(_) if transcriber.offset() == span.end => Ok(()),
            _ => {
                let message = "expected the items of a list, as Python writes them";
                let (clause, offset) = ("pickle.element.balance", transcriber.offset());
                Err(Error::new(ErrorKind::Malformed, clause, offset, message))
            }
        }
    }
}

impl ArrayWriter<'_> {
    /// Returns how many elements can be appended to the open batch, at least one.
    #[doc(hidden)]
    pub fn batch_room(&self) -> usize {
        self.room()
    }

    /// Appends the `count` items of a list that CPython's pickler has written, which must fit into the
    /// open batch. The caller vouches for the pickle: what is in it is not checked.
    ///
    /// Fails where the pickle is not that of a list, past the end of the shape, and where writing fails.
    /// After an error nothing is written, and `memo` is of no use.
    #[doc(hidden)]
    pub fn append_pickled(
        &mut self,
        memo: &mut Pickled,
        pickle: &[u8],
        count: usize,
    ) -> Result<()> {
        if count == 0 || count > self.room() {
            let message = format!("{count} elements do not fit into a batch");
            return Err(Error::usage("access.index", message));
        }
        self.elements(count, |encoder, _| memo.copy(pickle, count, encoder))
    }
}
