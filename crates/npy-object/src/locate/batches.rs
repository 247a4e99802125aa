//! Where the members of a container are, batch by batch.
//!
//! One survey goes through the pickle from the first member to STOP, once, as far as members are
//! asked for, and leaves checkpoints behind. What it has passed is found again from them: a second
//! survey goes on from the last checkpoint before the member to the next one. With an index that is
//! read part by part this is how all members are found.

use std::path::Path;
use std::sync::Arc;

use pickle_stream::{Container, Event, Limits, Opcode, Slot, Span, Survey};

use crate::decode::decoder::Start;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ContainerKind;
use crate::locate::checkpoints::{Addresses, Checkpoint, Checkpoints, Level, Route, Stretch};
use crate::locate::index::{Contents, Fingerprint, Index, IndexUse};
use crate::source::window::Window;

/// Members that lie behind one another in the file: those of an APPENDS, or some of those.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Where the first of them is.
    begin: Checkpoint,
    /// One for each member, or, for each entry, one for its key and one for its value.
    spans: Vec<Span>,
    /// Where the next batch begins.
    next: Checkpoint,
}

impl Batch {
    /// None of them, before the members at `next`.
    pub(crate) fn before(next: Checkpoint) -> Batch {
        Batch { begin: next, spans: Vec::new(), next }
    }

    /// Where the first of them is.
    pub(crate) fn begin(&self) -> Checkpoint {
        self.begin
    }

    /// Where the first member behind them is.
    pub(crate) fn next(&self) -> Checkpoint {
        self.next
    }

    /// The place of a member among them; `None` where it is not one of them.
    #[inline]
    pub(crate) fn place(&self, member: u64) -> Option<usize> {
        if (self.begin.member..self.next.member).contains(&member) {
            Some((member - self.begin.member) as usize)
        } else {
            None
        }
    }

    /// The spans of the values of the member at a place.
    #[inline]
    pub(crate) fn values(&self, place: usize, width: usize) -> &[Span] {
        &self.spans[place * width..(place + 1) * width]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        (self.next.member - self.begin.member) as usize
    }

    /// The number of the first member behind them.
    pub(crate) fn end(&self) -> u64 {
        self.next.member
    }

    pub(crate) fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
    }

    /// Makes it the one, without members, behind those that it has.
    fn pass(&mut self) {
        self.spans.clear();
        self.begin = self.next;
    }

    /// Adds the batch behind it, which `survey` has found.
    fn extend(&mut self, survey: &Survey, width: usize) {
        let found = survey.batch();
        self.spans.extend_from_slice(found);
        let member = self.next.member + (found.len() / width) as u64;
        self.next = Checkpoint::between(member, survey.offset(), survey.memo());
    }

    /// Adds the members behind it up to `to`, a place in the same batch, to which `survey` has come
    /// on the stack that it begins with; `false` where that is no such place.
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

    /// Whether the place that it has come to can be before a checkpoint, or be it.
    fn is_on_the_way(&self, to: Checkpoint) -> bool {
        let here = self.next;
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
    /// Goes through the pickle once.
    survey: Survey,
    /// Where that survey is.
    frontier: Checkpoint,
    progress: Progress,
    /// How many members there have to be, where something says so.
    promised: Option<u64>,
    /// How many members an index says that there are.
    indexed: Option<u64>,
    /// Where the container's own instructions end, where it is in another one.
    end: Option<u64>,
    /// The slot of the container, where it has to become the only element of an array.
    element: Option<usize>,
    /// Whether it has become that.
    closed: bool,
    /// Members that were not found by batches: those of a tuple.
    parts: Vec<Span>,
    route: Route,
    /// More checkpoints of these members, which are read as they are asked for.
    index: Option<Arc<Index>>,
    /// The instructions that make the container, before its members.
    head: Option<Span>,
    /// Why a tuple has no members: the pickle breaks off before the instruction that makes it. Its
    /// items are in `parts`.
    cut: Option<Error>,
    /// What is given of the batch in which the pickle breaks off, once that was asked for.
    tail: Option<Arc<Tail>>,
}

/// Values of a batch in which the pickle breaks off, which are given as its members.
#[derive(Debug)]
struct Tail {
    batch: Batch,
    /// What comes after them.
    error: Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Going,
    /// All was seen, to the end.
    Whole,
    /// The container is not a value by itself but a part of another one.
    Part,
    Failed,
}

impl Batches {
    /// Those of a container that was opened. `end` is where its instructions end, if that is
    /// known, and `outer` leads to it.
    pub(crate) fn new(
        start: Start,
        end: Option<u64>,
        mut outer: Route,
        limits: &Limits,
    ) -> Result<Batches> {
        let Start { kind, survey, array } = start;
        let frontier = Checkpoint::between(0, survey.offset(), survey.memo());
        let container = kind.container();
        let is_array = kind == ContainerKind::Array;
        let promised = match &array {
            Some(state) if is_array => Some(state.count().ok_or_else(|| {
                let message = "the shape promises over 2^64 elements";
                Error::new(ErrorKind::Malformed, "npy.object.count", frontier.offset, message)
            })?),
            _ => None,
        };
        outer.levels.push(Level { container, checkpoints: Checkpoints::starting(frontier) });
        let head = survey.slots().last().map(|slot| Span {
            begin: slot.begin,
            end: frontier.offset,
            memo: slot.memo,
        });
        Ok(Batches {
            container,
            limits: limits.clone(),
            frontier,
            progress: Progress::Going,
            promised,
            indexed: None,
            end,
            element: (array.is_some() && !is_array).then(|| survey.slots().len() - 1),
            closed: false,
            survey,
            parts: Vec::new(),
            route: outer,
            index: None,
            head,
            cut: None,
            tail: None,
        })
    }

    /// The members of a tuple, which are all known.
    pub(crate) fn of_parts(parts: Vec<Span>, route: Route, limits: &Limits) -> Batches {
        let frontier = Checkpoint::between(0, 0, 0);
        Batches {
            container: Container::List,
            limits: limits.clone(),
            survey: Survey::new(0, 0, limits),
            frontier,
            progress: Progress::Whole,
            promised: Some(parts.len() as u64),
            indexed: None,
            end: None,
            element: None,
            closed: false,
            parts,
            route,
            index: None,
            head: None,
            cut: None,
            tail: None,
        }
    }

    /// No members: those of a tuple of which the pickle has some items, and breaks off.
    pub(crate) fn of_cut_parts(
        parts: Vec<Span>,
        error: Error,
        route: Route,
        limits: &Limits,
    ) -> Batches {
        Batches {
            progress: Progress::Failed,
            promised: None,
            cut: Some(error.naming_salvage()),
            ..Batches::of_parts(parts, route, limits)
        }
    }

    /// The instructions that make the container, before its members; `None` for a tuple.
    pub(crate) fn head(&self) -> Option<Span> {
        self.head
    }

    /// How many values make a member.
    pub(crate) fn width(&self) -> usize {
        self.container.width()
    }

    /// How many members there are, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self.progress {
            Progress::Whole if self.parts.is_empty() => Some(self.frontier.member),
            _ => self.promised.or(self.indexed),
        }
    }

    /// A batch before the first.
    pub(crate) fn start(&self) -> Batch {
        let first = self.checkpoints().and_then(|known| known.as_slice().first());
        Batch::before(first.copied().filter(|_| self.parts.is_empty()).unwrap_or(self.frontier))
    }

    /// The way to the members.
    pub(crate) fn into_route(self) -> Route {
        self.route
    }

    /// The nearest place from which a walk comes to a member.
    fn before_member(&self, member: u64) -> Result<Checkpoint> {
        Ok(match self.around_member(member, false)?.map(|stretch| stretch.from) {
            Some(known) if self.frontier.member > member || known.member > self.frontier.member => {
                known
            }
            _ => self.frontier,
        })
    }

    /// The nearest places before and behind a member that are known.
    fn around_member(&self, member: u64, reads_on: bool) -> Result<Option<Stretch>> {
        if let Some(index) = &self.index {
            return index.around_member(member, reads_on);
        }
        let level = self.route.levels.last().filter(|_| self.parts.is_empty());
        Ok(level.and_then(|level| level.checkpoints.around_member(member)))
    }

    /// The checkpoints that are known; `None` where there is no need of any.
    pub(crate) fn checkpoints(&self) -> Option<&Checkpoints> {
        self.route.levels.last().map(|level| &level.checkpoints)
    }

    /// Takes over checkpoints from elsewhere, if they are of these members.
    pub(crate) fn adopt(&mut self, checkpoints: Checkpoints) -> bool {
        let Some(level) = self.route.levels.last_mut() else { return false };
        let is_same = checkpoints.as_slice().first() == level.checkpoints.as_slice().first();
        if is_same {
            level.checkpoints = checkpoints;
        }
        is_same
    }

    /// All checkpoints, where the survey has come to the end, with one behind the last member.
    pub(crate) fn all_checkpoints(&self) -> Checkpoints {
        let places = self.checkpoints().map_or(&[][..], Checkpoints::as_slice);
        let end = Some(self.frontier)
            .filter(|end| places.last().is_some_and(|last| last.member < end.member));
        places.iter().copied().chain(end).collect()
    }

    /// Uses the index of `file`, if there is one and it is of these members. It says how many there
    /// are.
    pub(crate) fn find_index(&mut self, file: &Path, window: &mut Window) -> Result<IndexUse> {
        Ok(match Contents::read(file) {
            Ok(None) => IndexUse::None,
            Ok(Some(index)) => {
                let is_of_file = index.fingerprint == Fingerprint::of(file, window)?
                    && self.promised.is_none_or(|promised| index.elements == promised);
                if is_of_file && self.adopt(index.checkpoints) {
                    self.indexed = Some(index.elements);
                    IndexUse::Used
                } else {
                    IndexUse::Stale
                }
            }
            Err(_) => IndexUse::Damaged,
        })
    }

    /// Finds members by an index, if it is of these, from which it reads what it takes.
    pub(crate) fn use_index(&mut self, index: Index) -> bool {
        let first = self.checkpoints().and_then(|known| known.as_slice().first());
        let is_same = first.is_some_and(|&first| index.first() == Some(first));
        if is_same {
            self.index = Some(Arc::new(index));
        }
        is_same
    }

    /// How many members can be found without surveying on.
    pub(crate) fn known(&self) -> u64 {
        if let (Some(_), Some(promised)) = (&self.index, self.promised) {
            return promised;
        }
        let last = self.checkpoints().and_then(|known| known.as_slice().last());
        last.map_or(0, |last| last.member).max(self.frontier.member)
    }

    /// How far the pickle was surveyed.
    pub(crate) fn offset(&self) -> u64 {
        self.survey.offset()
    }

    /// The values that are, as far as the pickle goes, in the places of the next members, where it
    /// breaks off inside a batch.
    pub(crate) fn unfinished(&self) -> Vec<Span> {
        if self.cut.is_some() {
            return self.parts.clone();
        }
        if self.progress != Progress::Failed {
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

    /// Whether the pickle breaks off, and it was not said yet what is given of its last batch.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.progress == Progress::Failed && self.tail.is_none()
    }

    /// Makes values of the batch in which the pickle breaks off the last members. After them comes
    /// `error`.
    pub(crate) fn give_unfinished(&mut self, values: Vec<Span>, error: Error) {
        let begin = self.frontier;
        let end = values.last().map_or(begin.offset, |last| last.end);
        let member = begin.member + (values.len() / self.width()) as u64;
        let next = Checkpoint::between(member, end, self.survey.memo());
        let batch = Batch { begin, spans: values, next };
        self.tail = Some(Arc::new(Tail { batch, error }));
    }

    /// Replaces a batch by the one behind it; `false` where there is none.
    pub(crate) fn next(&mut self, window: &mut Window, batch: &mut Batch) -> Result<bool> {
        batch.pass();
        window.set_anchor(batch.next.offset);
        self.extend(window, batch)
    }

    /// Adds the batch behind it to a batch; `false` where there is none.
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
        let is_surveyed = matches!(self.progress, Progress::Going | Progress::Whole);
        if at_frontier && is_surveyed && self.index.is_none() {
            return self.survey_on(window, batch);
        }
        // Whoever begins in the middle does not see what is behind the members.
        if self.promised.or(self.indexed) == Some(batch.next.member) {
            return Ok(false);
        }
        self.extend_to_known(window, batch)?;
        Ok(true)
    }

    /// Adds the members behind a batch up to the end of the next one, or to a checkpoint.
    fn extend_to_known(&self, window: &mut Window, batch: &mut Batch) -> Result<()> {
        let from = batch.next;
        let to = self.around_member(from.member, window.reads_on())?.and_then(|stretch| stretch.to);
        let inside = to.filter(|to| to.is_inside());
        let held = batch.spans.len();
        let mut survey = from.survey(self.container, &self.limits)?;
        if let Some(to) = to {
            window.expect(from.offset..to.offset)?;
        }
        let end = inside.map(|to| to.offset).or(self.end);
        let is_right = match (walk(&mut survey, window, end)?, inside) {
            (Event::Batch, _) => {
                batch.extend(&survey, self.width());
                to.is_none_or(|to| batch.is_on_the_way(to))
            }
            (Event::Stop, Some(to)) => batch.extend_inside(&survey, self.width(), to),
            _ => return Err(self.miscounted(self.frontier.member, from.member, true)),
        };
        if is_right {
            return Ok(());
        }
        batch.spans.truncate(held);
        batch.next = from;
        Err(misplaced(from))
    }

    /// Replaces a batch by the one that a member is in; `false` where there is no such member.
    pub(crate) fn find(
        &mut self,
        member: u64,
        window: &mut Window,
        batch: &mut Batch,
    ) -> Result<bool> {
        let from = self.before_member(member)?;
        let spans = std::mem::take(&mut batch.spans);
        *batch = Batch { spans, ..Batch::before(from) };
        while batch.end() <= member {
            if !self.next(window, batch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Surveys all that was not surveyed. `false` where the container turns out to be a part of
    /// another value than the one that was looked for.
    pub(crate) fn survey_all(&mut self, window: &mut Window) -> Result<bool> {
        match self.count(window) {
            Ok(_) => Ok(true),
            Err(_) if self.progress == Progress::Part => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many members there are, once all were surveyed.
    pub(crate) fn count(&mut self, window: &mut Window) -> Result<u64> {
        let mut batch = Batch::before(self.frontier);
        // An index would lead to the end without having seen what is behind the members.
        while match self.progress {
            Progress::Going | Progress::Whole => {
                batch.pass();
                window.set_anchor(batch.next.offset);
                self.survey_on(window, &mut batch)?
            }
            Progress::Part | Progress::Failed => self.next(window, &mut batch)?,
        } {}
        Ok(batch.end())
    }

    /// Surveys on from the frontier, where a batch ends, to the end of the next one.
    fn survey_on(&mut self, window: &mut Window, batch: &mut Batch) -> Result<bool> {
        if self.progress == Progress::Whole {
            return Ok(false);
        }
        let walked = self.walk_on(window);
        match &walked {
            Ok(true) => {
                let (begin, width) = (batch.next, self.width());
                batch.extend(&self.survey, width);
                self.frontier = batch.next;
                if let Some(level) = self.route.levels.last_mut() {
                    level.checkpoints.note(begin, self.survey.batch(), width);
                }
            }
            Ok(false) => self.progress = Progress::Whole,
            // Once those bytes are there it goes on where it stands.
            Err(error) if error.need().is_some() => window.release(),
            Err(_) if self.progress == Progress::Going => self.progress = Progress::Failed,
            Err(_) => {}
        }
        walked
    }

    /// Goes on to the end of the next batch; `false` at the end of everything.
    fn walk_on(&mut self, window: &mut Window) -> Result<bool> {
        loop {
            match walk(&mut self.survey, window, self.end)? {
                Event::Batch if self.closed => return Err(self.miscounted(1, 2, false)),
                Event::Batch => {
                    let members = (self.survey.batch().len() / self.width()) as u64;
                    self.check_count(self.frontier.member + members, false)?;
                    return Ok(true);
                }
                Event::Closed => self.close(window)?,
                // What is behind the members is walked through too: the array is whole only with
                // its STOP.
                Event::Stop => return self.check_count(self.frontier.member, true).map(|()| false),
                Event::Need(_) => unreachable!("a walk goes on to an event"),
            }
        }
    }

    /// The container was taken off the stack: by what it belongs to?
    fn close(&mut self, window: &mut Window) -> Result<()> {
        let offset = self.survey.offset();
        let Some(slot) = self.element else {
            // The list of elements of an array goes into its state.
            if self.promised.is_some() {
                return Ok(());
            }
            self.progress = Progress::Part;
            return Err(part(offset));
        };
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        let last = offset - 1;
        let appended = window.fill(last, 1)?.first() == Some(&(Opcode::Append as u8));
        if !appended || self.survey.slots().len() != slot {
            self.progress = Progress::Part;
            return Err(part(offset));
        }
        // To see whether more is appended.
        self.survey.watch(slot - 1, Container::List);
        Ok(())
    }

    /// Holds the number of members against the shape.
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
        let message =
            format!("the array's shape promises {promised} elements, its list has {count}{more}");
        Error::new(ErrorKind::Malformed, "npy.object.count", self.survey.offset(), message)
    }

    /// Bytes that the checkpoints take.
    pub(crate) fn memory(&self) -> usize {
        self.route.levels.iter().map(|level| level.checkpoints.memory()).sum()
    }
}

impl Addresses for Batches {
    fn around_entry(&self, memo: u64) -> Result<Option<(Stretch, Container)>> {
        let of_index = self.index.as_ref().map_or(Ok(None), |index| index.around_entry(memo))?;
        match of_index {
            Some(stretch) => Ok(Some((stretch, self.container))),
            None => self.route.around_entry(memo),
        }
    }
}

/// Lets a survey walk to its next event. Where the container's instructions end, the pickle ends
/// for it.
fn walk(survey: &mut Survey, window: &mut Window, end: Option<u64>) -> Result<Event> {
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
            // An end that is none, of an index that lies, is stepped over.
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

/// The stretches that begin with each of some slots; the last ends at `end`.
pub(crate) fn spans(slots: &[Slot], end: u64) -> impl Iterator<Item = Span> {
    let ends = slots.iter().skip(1).map(|slot| slot.begin).chain([end]);
    let spans = slots.iter().zip(ends);
    spans.map(|(slot, end)| Span { begin: slot.begin, end, memo: slot.memo })
}

#[cold]
fn misplaced(from: Checkpoint) -> Error {
    let message = "the elements are not where the index says: it is of another file";
    Error::new(ErrorKind::Malformed, "index.fresh", from.offset, message)
}

#[cold]
fn part(offset: u64) -> Error {
    let message = "the container is not the array's element, but a part of it";
    Error::new(ErrorKind::Unsupported, "npy.object.element", offset, message)
}
