//! The members of a container, found by batches and decoded one at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pickle_stream::{Matcher, Skeleton, Span};

use crate::decode::decoder::{Bounds, Decoded, Decoder};
use crate::decode::outline::Outline;
use crate::decode::plan::RowPlan;
use crate::decode::position::Position;
use crate::decode::resident::Matched;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::batches::{Batch, Batches, Values};
use crate::locate::checkpoints::Checkpoints;
use crate::locate::index::{Fingerprint, IndexFile, IndexKind, Runs};
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::range::ByteRange;

/// The members of one container: their batches, and the decoder.
pub(crate) struct Objects {
    pub(crate) decoder: Decoder,
    pub(crate) batches: Batches,
    /// The batch that was read last.
    pub(super) batch: Batch,
    /// Finds rows where the survey has found none.
    pub(super) matcher: Option<Box<Matcher>>,
    /// The members that it has looked at.
    pub(super) matched: Option<Matched>,
    /// The plans of the last skeletons; `None` of one whose rows have to be decoded.
    pub(super) plans: Vec<(Arc<Skeleton>, Option<Arc<RowPlan>>)>,
    /// Whether the values of a batch in which the pickle breaks off are given before the error.
    unfinished: bool,
}

/// An element of an array, or a member of a [`Container`](crate::nested::Container).
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The key of an entry; `None` of any other member.
    pub key: Option<Element<'a>>,
    /// The member itself, or the value of the entry.
    pub value: Element<'a>,
}

impl<'a> Member<'a> {
    pub(crate) fn of_value(value: Element<'a>) -> Member<'a> {
        Member { key: None, value }
    }
}

/// Another reader of the same members, with a window and a graph of its own.
impl Clone for Objects {
    fn clone(&self) -> Objects {
        Objects {
            decoder: self.decoder.sibling(),
            batches: self.batches.clone(),
            batch: self.batch.clone(),
            matcher: None,
            matched: None,
            plans: Vec::new(),
            unfinished: self.unfinished,
        }
    }
}

impl Objects {
    /// Creates a reader of the members that `batches` finds. `unfinished` says whether the values
    /// of a truncated batch are given before the error.
    pub(crate) fn new(decoder: Decoder, batches: Batches, unfinished: bool) -> Objects {
        let batch = batches.start();
        Objects {
            decoder,
            batches,
            batch,
            matcher: None,
            matched: None,
            plans: Vec::new(),
            unfinished,
        }
    }

    /// Sets whether the values of a batch in which the pickle breaks off are given from here on.
    pub(crate) fn give_unfinished(&mut self, unfinished: bool) {
        self.unfinished = unfinished;
    }

    /// Returns whether values of a truncated batch are still to be given.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.unfinished && self.batches.is_broken_off()
    }

    /// Returns whether a member was found and read, and takes at most `bytes`.
    #[inline]
    pub(crate) fn is_at_hand(&self, member: u64, bytes: usize) -> bool {
        let Some(place) = self.batch.place(member) else { return false };
        let width = self.batches.width();
        let values = self.batch.spans(place, width);
        let (begin, end) = (values[0].begin, values[width - 1].end);
        end - begin <= bytes as u64 && self.decoder.window.holds(begin, end)
    }

    /// Returns the number of members, where it is known.
    pub(crate) fn len(&self) -> Option<u64> {
        self.batches.len()
    }

    /// Returns the number of members. What was not surveyed is surveyed.
    pub(crate) fn count(&mut self) -> Result<u64> {
        if let Some(len) = self.len() {
            return Ok(len);
        }
        let counted = self.batches.count(&mut self.decoder.window);
        counted.map_err(|error| self.explain(error))
    }

    /// Names the file in an error of the members.
    #[cold]
    fn explain(&self, error: Error) -> Error {
        self.decoder.window.source().explain(error)
    }

    /// Surveys what was not surveyed, and returns where the pickle ends.
    pub(crate) fn survey_all(&mut self) -> Result<u64> {
        let counted = self.batches.count(&mut self.decoder.window);
        counted.map_err(|error| self.explain(error))?;
        self.verify()?;
        Ok(self.batches.offset())
    }

    /// Surveys what was not surveyed, writes the index of `file`, which holds these members and
    /// nothing else, and returns where it is.
    pub(crate) fn write_index(&mut self, file: &Path, kind: IndexKind) -> Result<PathBuf> {
        self.survey_all()?;
        let checkpoints: Checkpoints = self.batches.all_checkpoints();
        self.write_known_index(file, kind, checkpoints, None)
    }

    /// Writes the index of `file` with checkpoints that are known, and runs between the first of them.
    pub(crate) fn write_known_index(
        &mut self,
        file: &Path,
        kind: IndexKind,
        checkpoints: Checkpoints,
        runs: Option<Arc<Runs>>,
    ) -> Result<PathBuf> {
        let fingerprint = Fingerprint::of(file, &mut self.decoder.window)?;
        let elements = self.len().unwrap_or(0);
        let Objects { decoder, batches, .. } = self;
        let index = IndexFile { fingerprint, elements, checkpoints, runs };
        index.write(file, kind, &mut |interval| batches.between(interval, &mut decoder.window))
    }

    /// Returns the bytes of memory that are held.
    pub(crate) fn memory(&self) -> usize {
        let matcher = self.matcher.as_ref().map_or(0, |matcher| matcher.memory());
        self.decoder.memory() + self.batches.memory() + self.batch.memory() + matcher
    }

    /// Compares the checksum of what was read to its end.
    pub(crate) fn verify(&self) -> Result<()> {
        // The end of an inner container is not the end of the file.
        if self.decoder.is_in_another() {
            return Ok(());
        }
        self.decoder.window.source().verify_to(self.batches.offset())
    }

    /// Decodes the next member of a loop; `None` past the last.
    #[inline]
    pub(crate) fn next(&mut self, position: &mut Position) -> Result<Option<Decoded>> {
        position.advance(|member| {
            if let Some(decoded) = self.fill(member) {
                return Ok(Some(decoded));
            }
            self.decoder.window.set_reading_on(true);
            self.decode(member)
        })
    }

    /// Fills the row of a member of the batch that was read last; `None` where it has to be decoded.
    #[inline(always)]
    fn fill(&mut self, member: u64) -> Option<Decoded> {
        let (span, row, filling) = self.batch.row(member, self.batches.width())?;
        self.decoder.fill_member(span, row, filling)
    }

    /// Decodes a member; `None` past the last.
    pub(crate) fn get(&mut self, member: u64) -> Result<Option<Decoded>> {
        self.decoder.window.set_reading_on(false);
        self.decode(member)
    }

    /// Decodes a member; `None` past the last. The source reads on, or not, as it did last.
    #[inline]
    pub(super) fn decode(&mut self, member: u64) -> Result<Option<Decoded>> {
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

    /// Returns the member that was decoded last.
    ///
    /// Fails where the key of an entry cannot be hashed.
    pub(crate) fn member(&self, decoded: Decoded) -> Result<Member<'_>> {
        let value = self.decoder.element(decoded, decoded.last);
        if self.batches.width() == 1 {
            return Ok(Member { key: None, value });
        }
        self.check_key(decoded)?;
        let key = self.decoder.element(decoded, decoded.first);
        Ok(Member { key: Some(key), value })
    }

    /// Fails where the key of an entry cannot be hashed, so that Python could not load it.
    pub(crate) fn check_key(&self, decoded: Decoded) -> Result<()> {
        let key = || self.decoder.element(decoded, decoded.first);
        if self.batches.width() == 1 || key().value().is_none_or(|key| key.is_hashable()) {
            return Ok(());
        }
        let message = "a key that cannot be hashed";
        let clause = "pickle.items.unhashable";
        Err(Error::new(ErrorKind::Malformed, clause, decoded.offset(), message))
    }

    /// Returns the span of a member; `None` past the last.
    #[inline]
    pub(crate) fn span(&mut self, member: u64) -> Result<Option<Span>> {
        let Some(place) = self.place_of(member)? else { return Ok(None) };
        let width = self.batches.width();
        let values = self.batch.spans(place, width);
        Ok(Some(Span { end: values[width - 1].end, ..values[0] }))
    }

    /// Returns the byte range of a member that is an array or a scalar, counted from the start of the
    /// source; `None` past the last.
    pub(crate) fn byte_range(&mut self, member: u64) -> Result<Option<ByteRange>> {
        let Some(span) = self.span(member)? else { return Ok(None) };
        let range = self.range_of(span);
        range.map(Some).map_err(|error| self.explain(error).of_element(member))
    }

    fn range_of(&mut self, span: Span) -> Result<ByteRange> {
        let Objects { decoder, batches, .. } = self;
        // An array that is in the file already is read from the memo: its bytes are those of the first.
        let made = decoder.made_at(span.into(), batches)?;
        let Bounds { begin, memo, end } = made;
        let span = Span { begin, memo, end: end.unwrap_or(span.end) };
        let decoded = decoder.decode(Values::from(&[span][..]), batches)?;
        decoder.window.release();
        ByteRange::of_pickled(decoder.element(decoded, decoded.first), begin)
    }

    /// Returns the key of a member, decoded, where it is an entry, and the outline of its value.
    pub(crate) fn outline(&mut self, member: u64) -> Result<Option<(Option<Decoded>, Outline)>> {
        let Some(place) = self.place_of(member)? else { return Ok(None) };
        let values = self.batch.spans(place, self.batches.width());
        let (key, value) = match *values {
            [key, value] => (Some(key), value),
            _ => (None, values[0]),
        };
        let outline = self.decoder.outline(value, &self.batches)?;
        let key = key
            .map(|key| self.decoder.decode(Values::from(&[key][..]), &self.batches))
            .transpose()?;
        Ok(Some((key, outline)))
    }

    /// Returns the index of a member in the batch. Loads the batch that has the member first.
    #[inline]
    pub(super) fn place_of(&mut self, member: u64) -> Result<Option<usize>> {
        match self.batch.place(member) {
            Some(place) => Ok(Some(place)),
            None => self.load(member).map_err(|error| self.explain(error)),
        }
    }

    /// Loads the batch that has a member, and returns the index of the member in it.
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
        let Objects { decoder, batches, batch, .. } = self;
        // At the end of a loop, this surveys the pickle to its STOP.
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

    /// Returns the values of the batch in which the pickle breaks off that may be its members: see
    /// [`unfinished_values`].
    pub(crate) fn unfinished_values(&mut self) -> Vec<Span> {
        unfinished_values(&mut self.decoder, &self.batches)
    }
}

/// Returns the values of the batch in which the pickle breaks off that may be its members: all of
/// them up to the first that cannot be decoded, that is to be called, or, at the end, that may
/// still get items or a state. See [`Salvage`](crate::Salvage) on why none of them is certain.
pub(crate) fn unfinished_values(decoder: &mut Decoder, batches: &Batches) -> Vec<Span> {
    let width = batches.width();
    let mut values = batches.unfinished();
    let last = (values.len() / width).saturating_sub(1);
    let ends = |(place, values): (usize, &[Span])| {
        let Ok(decoded) = decoder.decode(Values::from(values), batches) else {
            return true;
        };
        let outlooks =
            [decoded.first, decoded.last].map(|value| Outlook::of(decoder.element(decoded, value)));
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

/// The changes that a pickler may still make to a value, apart from putting it into another one.
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
