//! The members of a container, one after another or in any order.

use std::path::{Path, PathBuf};

use pickle_stream::Span;

use crate::decode::decoder::{Decoded, Decoder};
use crate::decode::outline::Outline;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::batches::{Batch, Batches};
use crate::locate::index::{Contents, Fingerprint, IndexUse};
use crate::value::element::Element;
use crate::value::kind::Kind;

/// A container, and the place in it where a loop stands.
pub(crate) struct Members {
    pub(crate) decoder: Decoder,
    pub(crate) batches: Batches,
    /// The batch that was looked at last.
    batch: Batch,
    /// The number of the next member.
    position: u64,
    /// The number of the first member that a loop does not come to.
    end: u64,
    /// Whether a loop has met an error, behind which nothing comes.
    failed: bool,
    /// Whether the values of a batch in which the pickle breaks off are given before the error.
    unfinished: bool,
}

impl Members {
    pub(crate) fn new(decoder: Decoder, batches: Batches) -> Members {
        let batch = batches.start();
        let (position, end, failed, unfinished) = (0, u64::MAX, false, false);
        Members { decoder, batches, batch, position, end, failed, unfinished }
    }

    /// Says whether the values of a batch in which the pickle breaks off are given before the error.
    pub(crate) fn with_unfinished(mut self, unfinished: bool) -> Members {
        self.unfinished = unfinished;
        self
    }

    /// As [`with_unfinished`](Self::with_unfinished), from here on.
    pub(crate) fn give_unfinished(&mut self, unfinished: bool) {
        self.unfinished = unfinished;
    }

    /// Whether they are.
    pub(crate) fn gives_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Another one of the same members, which stands where this one stands.
    pub(crate) fn try_clone(&self) -> Result<Members> {
        let Members { decoder, batches, batch, position, end, failed, unfinished } = self;
        Ok(Members {
            decoder: decoder.sibling(batches)?,
            batches: batches.clone(),
            batch: batch.clone(),
            position: *position,
            end: *end,
            failed: *failed,
            unfinished: *unfinished,
        })
    }

    /// Whether the next member was found and read, and is of no more than so many bytes.
    #[inline]
    pub(crate) fn is_at_hand(&self, bytes: usize) -> bool {
        let Some(place) = self.batch.place(self.position) else { return false };
        let width = self.batches.width();
        let values = self.batch.values(place, width);
        let (begin, end) = (values[0].begin, values[width - 1].end);
        end - begin <= bytes as u64 && self.decoder.window.holds(begin, end)
    }

    /// How many members there are, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        self.batches.len()
    }

    /// How many members there are. What was not surveyed is surveyed.
    pub(crate) fn count(&mut self) -> Result<u64> {
        if let Some(len) = self.len() {
            return Ok(len);
        }
        let counted = self.batches.count(&mut self.decoder.window);
        counted.map_err(|error| self.explain(error))
    }

    /// An error of the members, with the name of their file.
    #[cold]
    fn explain(&self, error: Error) -> Error {
        self.decoder.window.source().explain(error)
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Says that nothing comes behind the members before `end`.
    pub(crate) fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    /// The number of the first member that does not come.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Surveys what was not surveyed, and says where the pickle ends.
    pub(crate) fn see_through(&mut self) -> Result<u64> {
        let counted = self.batches.count(&mut self.decoder.window);
        counted.map_err(|error| self.explain(error))?;
        self.verify()?;
        Ok(self.batches.offset())
    }

    /// Surveys what was not surveyed, and writes the index of `file`, which the members are all of.
    pub(crate) fn write_index(&mut self, file: &Path) -> Result<PathBuf> {
        self.see_through()?;
        let fingerprint = Fingerprint::of(file, &mut self.decoder.window)?;
        let elements = self.len().unwrap_or(0);
        let checkpoints = self.batches.all_checkpoints();
        Contents { fingerprint, elements, checkpoints }.write(file)
    }

    /// Uses the index of `file`, if there is one of it.
    pub(crate) fn find_index(&mut self, file: &Path) -> Result<IndexUse> {
        self.batches.find_index(file, &mut self.decoder.window)
    }

    /// Bytes that are held.
    pub(crate) fn memory(&self) -> usize {
        self.decoder.memory() + self.batches.memory() + self.batch.memory()
    }

    /// Makes this member the next one, also after an error.
    pub(crate) fn seek(&mut self, member: u64) {
        self.position = member;
        self.failed = false;
    }

    /// The next member, until there are no more. After an error there are no more either.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Decoded>> {
        if self.failed || self.position >= self.end {
            return Ok(None);
        }
        self.decoder.window.set_reading_on(true);
        let decoded = self.decode(self.position);
        match &decoded {
            Ok(Some(_)) => self.position += 1,
            Ok(None) => {}
            Err(error) => self.failed = error.need().is_none(),
        }
        decoded
    }

    /// Compares the checksum of what was read to its end.
    pub(crate) fn verify(&self) -> Result<()> {
        // The end of an inner container is not the end of the file.
        if self.decoder.is_in_another() {
            return Ok(());
        }
        self.decoder.window.source().verify_to(self.batches.offset())
    }

    /// A member, if there are so many.
    pub(crate) fn get(&mut self, member: u64) -> Result<Option<Decoded>> {
        self.decoder.window.set_reading_on(false);
        self.decode(member)
    }

    #[inline]
    fn decode(&mut self, member: u64) -> Result<Option<Decoded>> {
        let Some(place) = self.place_of(member)? else { return Ok(None) };
        let values = self.batch.values(place, self.batches.width());
        match self.decoder.decode(values, &self.batches) {
            Ok(decoded) => {
                self.decoder.window.release();
                Ok(Some(decoded))
            }
            Err(error) => Err(self.explain(error).of_element(member)),
        }
    }

    /// Refuses an entry whose key cannot be hashed, which Python could not load.
    pub(crate) fn check_key(&self, decoded: Decoded) -> Result<()> {
        let key = || self.decoder.element(decoded, decoded.first);
        if self.batches.width() == 1 || key().value().is_none_or(|key| key.is_hashable()) {
            return Ok(());
        }
        let message = "a key that cannot be hashed";
        let clause = "pickle.items.unhashable";
        Err(Error::new(ErrorKind::Malformed, clause, decoded.offset(), message))
    }

    /// Where a member is, if there are so many.
    #[inline]
    pub(crate) fn span(&mut self, member: u64) -> Result<Option<Span>> {
        let Some(place) = self.place_of(member)? else { return Ok(None) };
        let width = self.batches.width();
        let values = self.batch.values(place, width);
        Ok(Some(Span { end: values[width - 1].end, ..values[0] }))
    }

    /// The key of a member, decoded, where it is an entry, and what its value is without its payload.
    pub(crate) fn outline(&mut self, member: u64) -> Result<Option<(Option<Decoded>, Outline)>> {
        let Some(place) = self.place_of(member)? else { return Ok(None) };
        let values = self.batch.values(place, self.batches.width());
        let (key, value) = match *values {
            [key, value] => (Some(key), value),
            _ => (None, values[0]),
        };
        let outline = self.decoder.outline(value, &self.batches)?;
        let key = key.map(|key| self.decoder.decode(&[key], &self.batches)).transpose()?;
        Ok(Some((key, outline)))
    }

    /// The place of a member in the batch, once that is the one that has it.
    #[inline]
    fn place_of(&mut self, member: u64) -> Result<Option<usize>> {
        match self.batch.place(member) {
            Some(place) => Ok(Some(place)),
            None => self.load(member).map_err(|error| self.explain(error)),
        }
    }

    /// Makes the batch the one that has a member.
    #[cold]
    fn load(&mut self, member: u64) -> Result<Option<usize>> {
        match self.find(member) {
            Err(error)
                if self.unfinished && error.need().is_none() && self.batches.is_broken_off() =>
            {
                let values = self.unfinished_values();
                self.batches.give_unfinished(values, error);
                self.find(member)
            }
            found => found,
        }
    }

    fn find(&mut self, member: u64) -> Result<Option<usize>> {
        let Members { decoder, batches, batch, .. } = self;
        // Whoever comes to the end by going on sees the pickle through to its STOP.
        while batch.end() == member {
            if !batches.next(&mut decoder.window, batch)? {
                return self.verify().map(|()| None);
            }
        }
        if batch.place(member).is_none() {
            let beyond = batches.len().is_some_and(|len| member >= len);
            if beyond || !batches.find(member, &mut decoder.window, batch)? {
                return Ok(None);
            }
        }
        Ok(batch.place(member))
    }

    /// The values of the batch in which the pickle breaks off that may be its members: all of them
    /// up to the first that cannot be decoded, that is to be called, or, at the end, that may still
    /// get items or a state. See [`Salvage`](crate::Salvage) on why none of them is certain.
    pub(crate) fn unfinished_values(&mut self) -> Vec<Span> {
        let width = self.batches.width();
        let mut values = self.batches.unfinished();
        let last = (values.len() / width).saturating_sub(1);
        let ends = |(place, values): (usize, &[Span])| {
            let Ok(decoded) = self.decoder.decode(values, &self.batches) else { return true };
            let outlooks = [decoded.first, decoded.last]
                .map(|value| Outlook::of(self.decoder.element(decoded, value)));
            match outlooks {
                [Outlook::MayBeCalled, _] | [_, Outlook::MayBeCalled] => true,
                [_, Outlook::MayGrow] => place == last,
                _ => false,
            }
        };
        let kept = values.chunks_exact(width).enumerate().position(ends);
        values.truncate(kept.map_or(values.len(), |members| members * width));
        values
    }
}

/// What a pickler may still do to a value, apart from making it a part of another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlook {
    /// Nothing.
    Whole,
    /// Put more into it, or give it a state.
    MayGrow,
    /// Call it.
    MayBeCalled,
}

impl Outlook {
    fn of(element: Element<'_>) -> Outlook {
        // After a full batch, or none, another one may come.
        let may_grow = |len: usize| len.is_multiple_of(1000);
        let has_no_state = |element: Element<'_>| match element.value().map(|value| value.kind()) {
            Some(pickle_stream::Kind::Object(object)) => object.states().len() == 0,
            _ => false,
        };
        let grows = match element.kind() {
            Kind::Global(_) => return Outlook::MayBeCalled,
            Kind::List(items) | Kind::Set(items) | Kind::Deque(items, _) => may_grow(items.len()),
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                may_grow(entries.len())
            }
            Kind::Object(_) | Kind::DType(_) => has_no_state(element),
            _ => false,
        };
        if grows { Outlook::MayGrow } else { Outlook::Whole }
    }
}
