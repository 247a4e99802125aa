//! Where the members of a container are, batch by batch.
//!
//! One survey goes through the pickle from the first member to STOP, once, as far as members are
//! asked for, and notes checkpoints. Members that it has passed are found again from them: a second
//! survey goes from the last checkpoint before the member to the next one. With an index that is read
//! by parts, all members are found in the second way.

use std::path::Path;
use std::sync::Arc;

use pickle_stream::{Container, Event, Hole, Holes, Limits, Row, Skeleton, Slot, Span, Survey};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::Envelope;
use crate::locate::checkpoints::{Addresses, Checkpoint, Checkpoints, Interval, Level, Route};
use crate::locate::index::{Fingerprint, Index, IndexFile, IndexUse, Runs};
use crate::source::Source;
use crate::source::window::Window;

/// A run of consecutive members, from a part of one batch or from several batches.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Where the first of them is.
    begin: Checkpoint,
    /// A span for each member, or, for each entry, one for its key and one for its value.
    spans: Vec<Span>,
    /// The rows of the spans, of all or of the first ones.
    rows: Vec<Row>,
    /// What fills the rows.
    fillings: Vec<Filling>,
    /// Where the next batch begins.
    next: Checkpoint,
}

/// What fills the rows of the spans up to one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filling {
    /// The index of the first span after them.
    end: usize,
    pub(crate) holes: Holes,
    pub(crate) skeletons: Vec<Arc<Skeleton>>,
}

impl Filling {
    /// Returns the skeleton of a row; `None` where it has none.
    #[inline(always)]
    pub(crate) fn skeleton(&self, row: Row) -> Option<&Arc<Skeleton>> {
        self.skeletons.get(row.skeleton()?)
    }

    /// Returns what a row is, if it is one scalar.
    #[inline]
    pub(crate) fn scalar(&self, row: Row) -> Option<Hole> {
        let skeleton = self.skeleton(row)?;
        if skeleton.is_scalar() { self.holes.of(row, 1).first().copied() } else { None }
    }
}

/// The values of a member: one, or a key and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) spans: &'a [Span],
    /// The rows of the values, and what fills them, where the survey has found rows.
    pub(crate) rows: Option<(&'a [Row], &'a Filling)>,
}

impl<'a> From<&'a [Span]> for Values<'a> {
    fn from(spans: &'a [Span]) -> Values<'a> {
        Values { spans, rows: None }
    }
}

impl Batch {
    /// Creates a batch without members, before the member at `next`.
    pub(crate) fn before(next: Checkpoint) -> Batch {
        Batch { begin: next, spans: Vec::new(), rows: Vec::new(), fillings: Vec::new(), next }
    }

    /// Returns where the first member is.
    pub(crate) fn begin(&self) -> Checkpoint {
        self.begin
    }

    /// Returns where the first member after the batch is.
    pub(crate) fn next(&self) -> Checkpoint {
        self.next
    }

    /// Returns the index of a member in the batch; `None` where it is not there.
    #[inline]
    pub(crate) fn place(&self, member: u64) -> Option<usize> {
        if (self.begin.member..self.next.member).contains(&member) {
            Some((member - self.begin.member) as usize)
        } else {
            None
        }
    }

    /// Returns the spans of the values of the member at an index.
    #[inline]
    pub(crate) fn spans(&self, place: usize, width: usize) -> &[Span] {
        &self.spans[place * width..(place + 1) * width]
    }

    /// Returns the spans of all values, and, where all come from one batch of the pickle, their rows
    /// and what fills them.
    pub(crate) fn all(&self) -> (&[Span], Option<(&[Row], &Filling)>) {
        let rows = match &self.fillings[..] {
            [only] if self.rows.len() == self.spans.len() => Some((&self.rows[..], only)),
            _ => None,
        };
        (&self.spans, rows)
    }

    /// Returns the values of the member at an index.
    #[inline]
    pub(crate) fn values(&self, place: usize, width: usize) -> Values<'_> {
        let range = place * width..(place + 1) * width;
        let filling = match &self.fillings[..] {
            [only] => Some(only),
            many => many.get(many.partition_point(|filling| filling.end <= range.start)),
        };
        let rows = self.rows.get(range.clone());
        Values { spans: &self.spans[range], rows: rows.zip(filling) }
    }

    /// Returns the span of a member that is one value, its row, and what fills the row; `None` where
    /// the member is not in the batch, or has no row. The rows of all are from one batch of the
    /// pickle.
    #[inline(always)]
    pub(crate) fn row(&self, member: u64, width: usize) -> Option<(Span, Row, &Filling)> {
        let [filling] = &self.fillings[..] else { return None };
        let place = self.place(member).filter(|_| width == 1)?;
        Some((*self.spans.get(place)?, *self.rows.get(place)?, filling))
    }

    /// Returns the number of members.
    pub(crate) fn len(&self) -> usize {
        (self.next.member - self.begin.member) as usize
    }

    /// Returns the number of the first member after the batch.
    pub(crate) fn end(&self) -> u64 {
        self.next.member
    }

    pub(crate) fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
            + self.rows.capacity() * size_of::<Row>()
            + self.fillings.iter().map(|filling| filling.holes.memory()).sum::<usize>()
    }

    /// Removes the members, and moves past them.
    fn pass(&mut self) {
        self.spans.clear();
        self.rows.clear();
        self.fillings.truncate(1);
        self.begin = self.next;
    }

    /// Adds the members of the next batch, which `survey` has found.
    fn extend(&mut self, survey: &mut Survey, width: usize) {
        let first = self.spans.len();
        if first == 0 {
            let mut filling = self.fillings.pop().unwrap_or_default();
            survey.swap_batch(&mut self.spans, &mut self.rows, &mut filling.holes);
            self.fillings.push(filling);
        } else {
            let (mut spans, mut rows, mut filling) = (Vec::new(), Vec::new(), Filling::default());
            survey.swap_batch(&mut spans, &mut rows, &mut filling.holes);
            // Values that were found in another way have no rows.
            self.rows.resize(first, Row::NONE);
            self.spans.append(&mut spans);
            self.rows.append(&mut rows);
            self.fillings.push(filling);
        }
        if let Some(filling) = self.fillings.last_mut() {
            filling.end = self.rows.len();
            filling.skeletons.clear();
            filling.skeletons.extend_from_slice(survey.skeletons());
        }
        let member = self.next.member + ((self.spans.len() - first) / width) as u64;
        self.next = Checkpoint::between(member, survey.offset(), survey.memo());
    }

    /// Adds the members up to `to`. Returns `false` unless `survey` has reached `to` inside the
    /// same batch, on the stack with which it began.
    fn extend_inside(&mut self, survey: &Survey, width: usize, to: Checkpoint) -> bool {
        let found = &survey.slots()[1..];
        let members = (found.len() / width) as u64;
        let is_right = found.len().is_multiple_of(width)
            && survey.depth() == 1
            && (survey.offset(), survey.memo()) == (to.offset, to.memo())
            && self.next.member + members == to.member;
        if is_right {
            self.spans.extend(spans(found, to.offset));
            self.next = to;
        }
        is_right
    }

    /// Returns whether the member at a checkpoint is in the batch there, or can follow the batch.
    fn leads_to(&self, to: Checkpoint, width: usize) -> bool {
        let here = self.next;
        if let Some(place) = self.place(to.member) {
            let first = self.spans(place, width)[0];
            return (first.begin, first.memo) == (to.offset, to.memo());
        }
        if here.offset == to.offset {
            here == to
        } else {
            here.offset < to.offset && here.member <= to.member
        }
    }
}

/// The batches of one container.
#[derive(Clone, Debug)]
pub(crate) struct Batches {
    container: Container,
    limits: Limits,
    /// The survey that goes through the pickle once.
    survey: Survey,
    /// Where that survey is.
    frontier: Checkpoint,
    state: State,
    /// The number of members that the shape of an array promises.
    promised: Option<u64>,
    /// The number of members in the index.
    indexed: Option<u64>,
    /// Where the instructions of the container end, if it is in another one.
    end: Option<u64>,
    /// The slot of the container, if it has to become the only element of an array.
    element: Option<usize>,
    /// Whether it has become the element.
    closed: bool,
    /// The members of a tuple, which are not in batches.
    parts: Vec<Span>,
    route: Route,
    /// An index of these members that is read by parts.
    index: Option<Arc<Index>>,
    /// The places of all members, of a dense index whose checkpoints are in memory.
    runs: Option<Arc<Runs>>,
    /// Has the skeletons that resumed surveys have learnt.
    learnt: Survey,
    /// The instructions of the container before its members.
    head: Option<Span>,
    /// The error of a tuple that is not whole: the pickle is truncated before the instruction that
    /// makes it. Its items are in `parts`.
    cut: Option<Error>,
    /// The values of a truncated batch that are given, once they were asked for.
    tail: Option<Arc<Tail>>,
}

/// Values of a truncated batch that are given as its members.
#[derive(Debug)]
struct Tail {
    batch: Batch,
    /// The error that comes after them.
    error: Error,
}

/// The state of the survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Members may follow.
    Going,
    /// It has seen the end.
    Whole,
    /// It has seen that the container is not the whole value, but a part of another one.
    Part,
    /// It has met an error.
    Failed,
}

impl Batches {
    /// Creates the batches of a container after its envelope. `end` is the end of its instructions,
    /// if that is known, and `outer` leads to it.
    pub(crate) fn new(
        envelope: &Envelope,
        end: Option<u64>,
        mut outer: Route,
        limits: &Limits,
    ) -> Result<Batches> {
        let survey = envelope.survey(limits)?;
        let frontier = Checkpoint::between(0, survey.offset(), survey.memo());
        let container = envelope.kind.container();
        let promised = match envelope.array() {
            Some(state) => Some(state.count().ok_or_else(|| {
                let message = "the shape promises over 2^64 elements";
                Error::new(ErrorKind::Malformed, "npy.object.count", frontier.offset, message)
            })?),
            _ => None,
        };
        outer.levels.push(Level { container, checkpoints: Checkpoints::starting(frontier) });
        let is_element = envelope.array.is_some() && envelope.array().is_none();
        let head = survey.slots().last().map(|slot| Span {
            begin: slot.begin,
            end: frontier.offset,
            memo: slot.memo,
        });
        Ok(Batches {
            container,
            limits: limits.clone(),
            frontier,
            state: State::Going,
            promised,
            indexed: None,
            end,
            element: is_element.then(|| survey.slots().len() - 1),
            closed: false,
            survey,
            parts: Vec::new(),
            route: outer,
            index: None,
            runs: None,
            learnt: Survey::new(0, 0, limits),
            head,
            cut: None,
            tail: None,
        })
    }

    /// Creates the members of a tuple, all of which are known.
    pub(crate) fn of_parts(parts: Vec<Span>, route: Route, limits: &Limits) -> Batches {
        let frontier = Checkpoint::between(0, 0, 0);
        Batches {
            container: Container::List,
            limits: limits.clone(),
            survey: Survey::new(0, 0, limits),
            frontier,
            state: State::Whole,
            promised: Some(parts.len() as u64),
            indexed: None,
            end: None,
            element: None,
            closed: false,
            parts,
            route,
            index: None,
            runs: None,
            learnt: Survey::new(0, 0, limits),
            head: None,
            cut: None,
            tail: None,
        }
    }

    /// Creates the members of a tuple that is truncated after these items: none, and the error.
    pub(crate) fn of_cut_parts(
        parts: Vec<Span>,
        error: Error,
        route: Route,
        limits: &Limits,
    ) -> Batches {
        Batches {
            state: State::Failed,
            promised: None,
            cut: Some(error.naming_salvage()),
            ..Batches::of_parts(parts, route, limits)
        }
    }

    /// Returns the instructions of the container before its members; `None` for a tuple.
    pub(crate) fn head(&self) -> Option<Span> {
        self.head
    }

    /// Returns the number of values of a member.
    pub(crate) fn width(&self) -> usize {
        self.container.width()
    }

    /// Returns the number of members, where it is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self.state {
            State::Whole if self.parts.is_empty() => Some(self.frontier.member),
            _ => self.promised.or(self.indexed),
        }
    }

    /// Returns a batch without members, before the first member.
    pub(crate) fn start(&self) -> Batch {
        let first = self.checkpoints().and_then(|known| known.as_slice().first());
        Batch::before(first.copied().filter(|_| self.parts.is_empty()).unwrap_or(self.frontier))
    }

    /// Returns the containers around the members of a member.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Returns the containers around the members of a member.
    pub(crate) fn into_route(self) -> Route {
        self.route
    }

    /// Returns the nearest known place at or before a member.
    fn before_member(&self, member: u64) -> Result<Checkpoint> {
        Ok(match self.around_member(member, false)?.map(|interval| interval.from) {
            Some(known) if self.frontier.member > member || known.member > self.frontier.member => {
                known
            }
            _ => self.frontier,
        })
    }

    /// Returns the nearest known places at or before a member, and after it.
    fn around_member(&self, member: u64, reads_on: bool) -> Result<Option<Interval>> {
        if let Some(index) = &self.index {
            return index.around_member(member, reads_on);
        }
        let level = self.route.levels.last().filter(|_| self.parts.is_empty());
        Ok(level.and_then(|level| level.checkpoints.around_member(member)))
    }

    /// Returns the known checkpoints; `None` of a tuple that is a whole pickle, which needs none.
    pub(crate) fn checkpoints(&self) -> Option<&Checkpoints> {
        self.route.levels.last().map(|level| &level.checkpoints)
    }

    /// Returns the known checkpoints, or all of an index that is read by parts.
    pub(crate) fn indexed_checkpoints(&self) -> Result<Option<Checkpoints>> {
        match &self.index {
            Some(index) => index.checkpoints().map(Some),
            None => Ok(self.checkpoints().cloned()),
        }
    }

    /// Uses these checkpoints, if they are of these members.
    pub(crate) fn adopt(&mut self, checkpoints: Checkpoints) -> bool {
        let Some(level) = self.route.levels.last_mut() else { return false };
        let is_same = checkpoints.as_slice().first() == level.checkpoints.as_slice().first();
        if is_same {
            level.checkpoints = checkpoints;
            // They are those of other checkpoints.
            self.runs = None;
        }
        is_same
    }

    /// Returns all checkpoints, after the survey has seen the end, and one after the last member.
    pub(crate) fn all_checkpoints(&self) -> Checkpoints {
        let places = self.checkpoints().map_or(&[][..], Checkpoints::as_slice);
        let end = Some(self.frontier)
            .filter(|end| places.last().is_some_and(|last| last.member < end.member));
        places.iter().copied().chain(end).collect()
    }

    /// Returns the place after the last member: from the index, or else by a survey to the end.
    pub(crate) fn find_end(&mut self, window: &mut Window) -> Result<Checkpoint> {
        let last = self.checkpoints().and_then(|known| known.as_slice().last().copied());
        match last {
            Some(last) if self.indexed == Some(last.member) && !last.is_inside() => Ok(last),
            _ => self.count(window).map(|_| self.frontier),
        }
    }

    /// Returns the place up to which members were found by a survey.
    pub(crate) fn frontier(&self) -> Checkpoint {
        self.frontier
    }

    /// Returns all checkpoints, also one after the last member, and the runs of a dense index, after
    /// [`find_end`](Self::find_end).
    pub(crate) fn to_index(&self) -> (Checkpoints, Option<Arc<Runs>>) {
        let of_index = self.checkpoints().filter(|_| self.indexed.is_some()).cloned();
        (of_index.unwrap_or_else(|| self.all_checkpoints()), self.runs.clone())
    }

    /// Uses the index of `file`, if there is one and it is of these members. It has their number too.
    pub(crate) fn find_index(&mut self, file: &Path, window: &mut Window) -> Result<IndexUse> {
        Ok(match IndexFile::read(file) {
            Ok(None) => IndexUse::None,
            Ok(Some(index)) => {
                let is_of_file = index.fingerprint == Fingerprint::of(file, window)?;
                self.use_file(index, is_of_file)
            }
            Err(_) => IndexUse::Damaged,
        })
    }

    /// Reads all checkpoints of an index, and uses it if it can be of these members, whose file has no
    /// time that is known.
    pub(crate) fn read_index(&mut self, index: Source, window: &mut Window) -> Result<IndexUse> {
        match IndexFile::of(index) {
            Ok(index) => {
                let is_of_file = index.fingerprint.can_be_of(window)?;
                Ok(self.use_file(index, is_of_file))
            }
            Err(error) if error.kind() == ErrorKind::Malformed => Ok(IndexUse::Damaged),
            Err(error) => Err(error),
        }
    }

    fn use_file(&mut self, index: IndexFile, is_of_file: bool) -> IndexUse {
        let is_of_members =
            is_of_file && self.promised.is_none_or(|promised| index.elements == promised);
        if !is_of_members || !self.adopt(index.checkpoints) {
            return IndexUse::Stale;
        }
        self.indexed = Some(index.elements);
        self.runs = index.runs;
        IndexUse::Used
    }

    /// Uses an index that is read by parts, if it is of these members.
    pub(crate) fn use_index(&mut self, index: Index) -> bool {
        let first = self.checkpoints().and_then(|known| known.as_slice().first());
        let is_same = first.is_some_and(|&first| index.first() == Some(first));
        if is_same {
            self.index = Some(Arc::new(index));
        }
        is_same
    }

    /// Returns the number of members, from the first on, that are found without surveying on.
    pub(crate) fn known(&self) -> u64 {
        if let (Some(_), Some(promised)) = (&self.index, self.promised) {
            return promised;
        }
        let last = self.checkpoints().and_then(|known| known.as_slice().last());
        last.map_or(0, |last| last.member).max(self.frontier.member)
    }

    /// Returns the offset up to which the pickle was surveyed.
    pub(crate) fn offset(&self) -> u64 {
        self.survey.offset()
    }

    /// Returns the values above the mark of a truncated batch, which may be its members.
    pub(crate) fn unfinished(&self) -> Vec<Span> {
        if self.cut.is_some() {
            return self.parts.clone();
        }
        if self.state != State::Failed {
            return Vec::new();
        }
        // CPython's pickler appends a single element without a mark.
        let mut values = self.survey.unfinished(self.promised != Some(1));
        let left = self.promised.map(|promised| promised.saturating_sub(self.frontier.member));
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        values.truncate(most);
        values.truncate(values.len() / self.width() * self.width());
        values
    }

    /// Returns whether the pickle is truncated, and no values of the truncated batch are given.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.state == State::Failed && self.tail.is_none()
    }

    /// Makes values of the truncated batch the last members. After them comes `error`.
    pub(crate) fn give_unfinished(&mut self, values: Vec<Span>, error: Error) {
        let begin = self.frontier;
        let end = values.last().map_or(begin.offset, |last| last.end);
        let member = begin.member + (values.len() / self.width()) as u64;
        let next = Checkpoint::between(member, end, self.survey.memo());
        let batch = Batch { begin, spans: values, next, ..Batch::before(begin) };
        self.tail = Some(Arc::new(Tail { batch, error }));
    }

    /// Replaces a batch by the next one; `false` past the last.
    pub(crate) fn next(&mut self, window: &mut Window, batch: &mut Batch) -> Result<bool> {
        batch.pass();
        window.set_anchor(batch.next.offset);
        self.extend(window, batch)
    }

    /// Adds the members of the next batch to a batch; `false` past the last.
    pub(crate) fn extend(&mut self, window: &mut Window, batch: &mut Batch) -> Result<bool> {
        if let Some(tail) = &self.tail {
            let Tail { batch: last, error } = &**tail;
            if batch.end() >= last.end() {
                return Err(error.clone());
            }
            if batch.end() >= last.begin.member {
                batch.spans.extend_from_slice(&last.spans);
                batch.next = last.next;
                return Ok(true);
            }
        }
        if let Some(error) = &self.cut {
            return Err(error.clone());
        }
        if !self.parts.is_empty() {
            let first = batch.end() == 0;
            batch.spans.clone_from(&self.parts);
            batch.next.member = self.parts.len() as u64;
            return Ok(first);
        }
        let at_frontier = batch.next.member == self.frontier.member;
        let is_surveyed = matches!(self.state, State::Going | State::Whole);
        if at_frontier && is_surveyed && self.index.is_none() {
            return self.survey_on(window, batch);
        }
        // A resumed survey never sees STOP, so the number of members tells the end.
        if self.promised.or(self.indexed) == Some(batch.next.member) {
            return Ok(false);
        }
        self.extend_to_known(window, batch)?;
        Ok(true)
    }

    /// Adds the members after a batch, up to the end of the next batch, or to a checkpoint in it.
    fn extend_to_known(&mut self, window: &mut Window, batch: &mut Batch) -> Result<()> {
        let around = self.around_member(batch.next.member, window.reads_on())?;
        self.extend_to(around.and_then(|interval| interval.to), window, batch)
    }

    /// Does the same, where the next known place is given.
    fn extend_to(
        &mut self,
        to: Option<Checkpoint>,
        window: &mut Window,
        batch: &mut Batch,
    ) -> Result<()> {
        let from = batch.next;
        // A loop goes on to the end of the batch, where the rows of its members are known.
        let is_whole = window.reads_on() && !from.is_inside();
        let inside = to.filter(|to| to.is_inside() && !is_whole);
        let held = batch.spans.len();
        let mut survey = from.survey(self.container, &self.limits);
        let learnt = if self.learnt.skeletons().is_empty() { &self.survey } else { &self.learnt };
        survey.learn_from(learnt);
        if let Some(to) = to {
            window.expect(from.offset..to.offset)?;
        }
        let end = inside.map(|to| to.offset).or(self.end);
        let is_right = match (walk(&mut survey, window, end)?, inside) {
            (Event::Batch, _) => {
                batch.extend(&mut survey, self.width());
                to.is_none_or(|to| batch.leads_to(to, self.width()))
            }
            (Event::Stop, Some(to)) => batch.extend_inside(&survey, self.width(), to),
            _ => return Err(self.miscounted(self.frontier.member, from.member, true)),
        };
        if is_right {
            if !survey.skeletons().is_empty() {
                self.learnt.learn_from(&survey);
            }
            return Ok(());
        }
        batch.spans.truncate(held);
        batch.rows.truncate(held);
        batch.next = from;
        Err(misplaced(from))
    }

    /// Replaces a batch by the one of a member; `false` where there is no such member.
    pub(crate) fn find(
        &mut self,
        member: u64,
        window: &mut Window,
        batch: &mut Batch,
    ) -> Result<bool> {
        if !window.reads_on()
            && let Some(Interval { from, to: to @ Some(_) }) = self.exact(member)?
        {
            batch.next = from;
            batch.pass();
            window.set_anchor(from.offset);
            return self.extend_to(to, window, batch).map(|()| true);
        }
        let from = self.before_member(member)?;
        batch.next = from;
        batch.pass();
        while batch.end() <= member {
            if !self.next(window, batch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the place of a member and of the next one, from a dense index.
    fn exact(&self, member: u64) -> Result<Option<Interval>> {
        match (&self.index, &self.runs, self.checkpoints()) {
            (Some(index), ..) => index.exact(member),
            (None, Some(runs), Some(known)) => runs.exact(known.as_slice(), member),
            _ => Ok(None),
        }
    }

    /// Returns the places of the members after a checkpoint, up to the next one.
    pub(crate) fn between(
        &mut self,
        interval: Interval,
        window: &mut Window,
    ) -> Result<Vec<Checkpoint>> {
        let (mut batch, mut places) = (Batch::before(interval.from), Vec::new());
        while interval.to.is_some_and(|to| batch.end() < to.member) {
            batch.pass();
            window.set_anchor(batch.next.offset);
            self.extend_to_known(window, &mut batch)?;
            places.push(batch.begin);
            let firsts = batch.spans.iter().step_by(self.width());
            let inside =
                |(member, span): (u64, &Span)| Checkpoint::inside(member, span.begin, span.memo);
            places.extend((batch.begin.member..).zip(firsts).skip(1).map(inside));
        }
        places.drain(..places.len().min(1));
        Ok(places)
    }

    /// Surveys what was not surveyed; `false` where the container is not the whole value, but a part of
    /// another one.
    pub(crate) fn survey_all(&mut self, window: &mut Window) -> Result<bool> {
        match self.count(window) {
            Ok(_) => Ok(true),
            Err(_) if self.state == State::Part => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Surveys what was not surveyed, and returns the number of members.
    pub(crate) fn count(&mut self, window: &mut Window) -> Result<u64> {
        let mut batch = Batch::before(self.frontier);
        // Not by an index, which would lead past the instructions after the last member.
        while match self.state {
            State::Going | State::Whole => {
                batch.pass();
                window.set_anchor(batch.next.offset);
                self.survey_on(window, &mut batch)?
            }
            State::Part | State::Failed => self.next(window, &mut batch)?,
        } {}
        Ok(batch.end())
    }

    /// Surveys on from the frontier, where a batch ends, to the end of the next one.
    fn survey_on(&mut self, window: &mut Window, batch: &mut Batch) -> Result<bool> {
        if self.state == State::Whole {
            return Ok(false);
        }
        let walked = self.walk_on(window);
        match &walked {
            Ok(true) => {
                let (begin, width) = (batch.next, self.width());
                let first = batch.spans.len();
                batch.extend(&mut self.survey, width);
                self.frontier = batch.next;
                if let Some(level) = self.route.levels.last_mut() {
                    level.checkpoints.note(begin, &batch.spans[first..], width);
                }
            }
            Ok(false) => self.state = State::Whole,
            // The survey goes on from here once these bytes were fetched.
            Err(error) if error.need().is_some() => window.release(),
            Err(_) if self.state == State::Going => self.state = State::Failed,
            Err(_) => {}
        }
        walked
    }

    /// Surveys on to the end of the next batch; `false` at the end of the container.
    fn walk_on(&mut self, window: &mut Window) -> Result<bool> {
        loop {
            match walk(&mut self.survey, window, self.end)? {
                Event::Batch if self.closed => return Err(self.miscounted(1, 2, false)),
                Event::Batch => {
                    let members = (self.survey.batch().len() / self.width()) as u64;
                    self.check_count(self.frontier.member + members, false)?;
                    return Ok(true);
                }
                Event::Closed => self.close()?,
                // The instructions after the members are surveyed too: the array is whole only with its
                // STOP.
                Event::Stop => return self.check_count(self.frontier.member, true).map(|()| false),
                Event::Need(_) => unreachable!("a walk goes on to an event"),
            }
        }
    }

    /// Checks what took the container off the stack.
    fn close(&mut self) -> Result<()> {
        let offset = self.survey.offset();
        let Some(slot) = self.element else {
            // The list of elements of an array goes into its state.
            if self.promised.is_some() {
                return Ok(());
            }
            self.state = State::Part;
            return Err(part(offset));
        };
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        if !self.survey.is_appended() || self.survey.slots().len() != slot {
            self.state = State::Part;
            return Err(part(offset));
        }
        // To see whether another element is appended.
        self.survey.watch(slot - 1, Container::List);
        Ok(())
    }

    /// Compares the number of members with the shape.
    fn check_count(&self, count: u64, ended: bool) -> Result<()> {
        match self.promised {
            Some(promised) if count > promised || (ended && count < promised) => {
                Err(self.miscounted(promised, count, ended))
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn miscounted(&self, promised: u64, count: u64, ended: bool) -> Error {
        let more = if ended { "" } else { " or more" };
        let mut message =
            format!("the array's shape promises {promised} elements, its list has {count}{more}");
        if count > promised && self.frontier.member == promised {
            message.push_str(
                ": an append that was interrupted leaves this, and the next one undoes it",
            );
        }
        Error::new(ErrorKind::Malformed, "npy.object.count", self.survey.offset(), message)
    }

    /// Returns the bytes of the checkpoints.
    pub(crate) fn memory(&self) -> usize {
        let runs = self.runs.as_ref().map_or(0, |runs| runs.memory());
        runs + self.route.levels.iter().map(|level| level.checkpoints.memory()).sum::<usize>()
    }
}

impl Addresses for Batches {
    fn around_entry(&self, memo: u64) -> Result<Option<(Interval, Container)>> {
        let of_index = self.index.as_ref().map_or(Ok(None), |index| index.around_entry(memo))?;
        match of_index {
            Some(interval) => Ok(Some((interval, self.container))),
            None => self.route.around_entry(memo),
        }
    }
}

/// Surveys on to the next event. The end of the container's instructions counts as the end of the
/// pickle.
pub(crate) fn walk(survey: &mut Survey, window: &mut Window, end: Option<u64>) -> Result<Event> {
    walk_to_event(survey, window, end).map_err(Error::naming_salvage)
}

fn walk_to_event(survey: &mut Survey, window: &mut Window, end: Option<u64>) -> Result<Event> {
    let mut needed = 1;
    loop {
        let place = survey.offset();
        if end.is_some_and(|end| end <= place) {
            return Ok(Event::Stop);
        }
        let input = window.fill(place, needed)?;
        let seen = place + input.len() as u64;
        let input = match end {
            Some(end) if end < seen => &input[..(end - place) as usize],
            _ => input,
        };
        match survey.advance(input)? {
            // The end that a corrupt index gives may be inside an instruction: stop there.
            Event::Need(_) if end.is_some_and(|end| end <= seen.max(survey.offset())) => {
                return Ok(Event::Stop);
            }
            Event::Need(more) => {
                let here = survey.offset();
                if here > seen
                    && let Some(top) = survey.slots().last()
                {
                    window.step_over(here - top.begin);
                }
                needed = window.needed(seen, here, more)?;
            }
            event => return Ok(event),
        }
    }
}

/// Returns the spans that begin at these slots; the last ends at `end`.
pub(crate) fn spans(slots: &[Slot], end: u64) -> impl Iterator<Item = Span> {
    let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([end]);
    let spans = slots.iter().zip(ends);
    spans.map(|(slot, end)| Span { begin: slot.begin, end, memo: slot.memo })
}

#[cold]
fn misplaced(from: Checkpoint) -> Error {
    let message = "the elements are not where the index says: it is damaged, or of another file";
    Error::new(ErrorKind::Malformed, "index.fresh", from.offset, message)
}

#[cold]
fn part(offset: u64) -> Error {
    let message = "the container is not the array's element, but a part of it";
    Error::new(ErrorKind::Unsupported, "npy.object.element", offset, message)
}
