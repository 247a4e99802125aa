//! [`Copy`]: elements of one file, copied to another.
//!
//! The instructions of an element are copied as they are; only memo entries get other numbers. An
//! element may read an entry that another element or the envelope has made. If that entry was
//! copied before, the copy reads it too. If not, the instructions that make it replace the first
//! read. So elements share in the copy the objects that they share in the file.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use pickle_stream::{
    Action, Lexer, Limits, Progress, Renumbering, Savepoint, Span, Transcribed, Transcriber,
};

use crate::array::npy_array::NpyArray;
use crate::decode::decoder::Decoder;
use crate::decode::objects::Objects;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ContainerKind;
use crate::source::window::Window;
use crate::write::writer::ArrayWriter;

/// A copier of elements of one array to the end of another: see
/// [`ArrayWriter::copy_from`](ArrayWriter::copy_from).
///
/// All elements that it copies, in any order, share the objects that they share in the file. It
/// takes about 32 bytes of memory for each run of consecutive elements.
#[must_use = "it copies nothing before `elements`"]
pub struct Copy<'w, 'a> {
    writer: &'w mut ArrayWriter<'a>,
    /// `None` for an array without objects.
    members: Option<&'w mut Objects>,
    copied: Copied,
}

/// The parts of a file that were copied.
#[derive(Default)]
pub(crate) struct Copied {
    entries: Renumbering,
    /// Definitions that were copied into other elements, by their extent.
    definitions: BTreeMap<Extent, Definition>,
    /// The notes since the current element began, in order.
    of_element: Vec<Noted>,
}

/// The begin and the end of a definition. Of definitions with the same begin the longest is the
/// first, because it contains the others.
type Extent = (u64, Reverse<u64>);

/// A note that is removed if the element cannot be written.
enum Noted {
    /// The definition of this extent.
    Definition(Extent),
    /// The entry of the envelope.
    Envelope(u64),
}

/// A definition that was copied, or is being copied.
#[derive(Clone, Copy)]
struct Definition {
    /// The number of memo entries before it in its file.
    first_entry: u64,
    /// The number of memo entries after it in its file.
    entries: u64,
    /// The memo entry of its value in its file.
    entry: u64,
}

/// A span that is being copied.
struct Copying {
    span: Span,
    transcriber: Transcriber,
    role: Role,
    /// The position in the output where it began, and the number of notes at that time.
    savepoint: Savepoint,
    known: usize,
}

/// The reason why a span is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is the element.
    Element,
    /// It replaces a read of this entry.
    Entry(u64),
    /// It makes the value of this entry, which was read, and contains it.
    Around(u64),
}

/// Definitions that may be inside one another.
const DEPTH: usize = 10_000;

impl<'a> ArrayWriter<'a> {
    /// Returns a copier of elements of another file, with the objects that they share.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use npy_object::WriteOptions;
    ///
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut file = Cursor::new(Vec::new());
    /// let mut writer = WriteOptions::new().write_to(&mut file)?;
    /// writer.copy_from(&mut array).elements(1..3)?;
    /// writer.finish()?;
    /// # let mut array = npy_object::Options::new().open(file.into_inner())?;
    /// # assert_eq!(array.get(0)?.unwrap().as_str()?, "NumPy");
    /// # assert_eq!(array.len(), 2);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn copy_from<'w>(&'w mut self, array: &'w mut NpyArray) -> Copy<'w, 'a> {
        Copy::new(self, array)
    }
}

impl<'w, 'a> Copy<'w, 'a> {
    pub(crate) fn new(writer: &'w mut ArrayWriter<'a>, array: &'w mut NpyArray) -> Copy<'w, 'a> {
        Copy::of_members(writer, array.objects_mut())
    }

    /// Creates a copier of members of a container, or elements of an array.
    pub(crate) fn of_members(
        writer: &'w mut ArrayWriter<'a>,
        members: Option<&'w mut Objects>,
    ) -> Copy<'w, 'a> {
        let mut copied = Copied::default();
        let envelope = members.as_ref().and_then(|members| members.decoder.envelope());
        if let (Some(written), Some(envelope)) = (&writer.same_as, envelope)
            && written.bytes == envelope.bytes
        {
            envelope.memo.clone().for_each(|entry| copied.entries.note(entry, entry));
        }
        Copy { writer, members, copied }
    }

    /// Copies the elements of a range of numbers.
    ///
    /// Fails where reading or writing fails, after the elements before are copied; past the last
    /// element; for an array without objects; and where an instruction is of a later protocol than
    /// the one that is written.
    pub fn elements(&mut self, numbers: impl RangeBounds<u64>) -> Result<()> {
        let members = self.members.as_deref_mut().ok_or_else(without_objects)?;
        let first = match numbers.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match numbers.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => members.count()?,
        };
        for number in first..end {
            let Some(span) = members.span(number)? else {
                let message = format!("there is no element {number}");
                return Err(Error::usage("access.index", message));
            };
            // An element that cannot be decoded is not copied.
            if let Some(decoded) = members.get(number)? {
                members.check_key(decoded)?;
            }
            self.copied.append(span, members, self.writer)?;
        }
        Ok(())
    }

    /// Begins a copy of the container. Its members are copied next.
    pub(crate) fn enter(&mut self, kind: ContainerKind) -> Result<()> {
        let members = self.members.as_deref_mut().ok_or_else(without_objects)?;
        let (copied, head, root) = (&mut self.copied, members.batches.head(), self.writer.root);
        self.writer.enter(kind, |encoder, build| {
            let Some(span) = head else { return Ok(()) };
            members.decoder.window.fill(span.begin, (span.end - span.begin) as usize)?;
            copied.copy(span, &mut Target { members, encoder, build, root })
        })
    }

    /// Returns whether there is an element of this number. If there is, an error of
    /// [`elements`](Self::elements) concerns only that element.
    pub(crate) fn has(&mut self, number: u64) -> Result<bool> {
        match &mut self.members {
            Some(members) => Ok(members.span(number)?.is_some()),
            None => Ok(false),
        }
    }

    /// Returns whether the output has failed.
    pub(crate) fn output_failed(&self) -> bool {
        self.writer.has_failed()
    }

    /// Returns how many values may be elements in the batch in which the pickle is truncated.
    pub(crate) fn doubtful(&mut self) -> u64 {
        let Some(members) = &mut self.members else { return 0 };
        let width = members.batches.width();
        (members.unfinished_values().len() / width) as u64
    }
}

impl fmt::Debug for Copy<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy").field("writer", &self.writer).finish_non_exhaustive()
    }
}

/// The input and the output of a copy.
struct Target<'t> {
    members: &'t mut Objects,
    encoder: &'t mut pickle_stream::Encoder,
    build: &'t mut pickle_stream::Builder,
    /// The memo entry of the array that is written.
    root: u64,
}

impl Copied {
    /// Copies the value of a span, which was decoded, as the next element.
    fn append(
        &mut self,
        span: Span,
        members: &mut Objects,
        writer: &mut ArrayWriter<'_>,
    ) -> Result<()> {
        let root = writer.root;
        writer.element(|encoder, build| {
            let mut target = Target { members, encoder, build, root };
            let copied = self.copy(span, &mut target);
            if copied.is_err() {
                self.undo(span, &target.members.decoder)?;
            }
            copied
        })
    }

    /// Forgets the entries and definitions of an element that was not written.
    fn undo(&mut self, span: Span, decoder: &Decoder) -> Result<()> {
        let bytes = decoder.window.resident(span.begin, span.end);
        let entries = entries_after(span, bytes, &decoder.context.limits.pickle)?;
        self.entries.forget(span.memo..entries);
        self.forget(0);
        Ok(())
    }

    /// Forgets what was noted since the element began, except the first `kept` notes.
    fn forget(&mut self, kept: usize) {
        for noted in self.of_element.drain(kept..) {
            match noted {
                Noted::Definition(extent) => {
                    if let Some(definition) = self.definitions.remove(&extent) {
                        self.entries.forget(definition.first_entry..definition.entries);
                    }
                }
                Noted::Envelope(entry) => self.entries.forget(entry..entry + 1),
            }
        }
    }

    /// Copies the value of a span, which is an element and resident.
    fn copy(&mut self, span: Span, target: &mut Target<'_>) -> Result<()> {
        self.of_element.clear();
        let Objects { decoder, batches, .. } = &mut *target.members;
        decoder.define_envelopes(batches)?;
        let mut copying = vec![self.begin(span, Role::Element, target)];
        while let Some(last) = copying.last_mut() {
            let Some(missing) = self.advance(last, target)? else {
                if let Role::Around(entry) = last.role {
                    let here = self.entries.get(entry).ok_or_else(|| uncopied(last.span.end))?;
                    target.encoder.pop();
                    target.encoder.get(here)?;
                }
                copying.pop();
                continue;
            };
            let offset = last.transcriber.offset();
            if target.members.decoder.envelope().is_some_and(|it| it.memo.contains(&missing)) {
                self.write_from_envelope(missing, target)?;
                continue;
            }
            if copying.len() == DEPTH {
                let message = format!("shared definitions are nested over {DEPTH} deep");
                return Err(Error::over_limit(DEPTH as u64, "npy.object.shared", offset, message));
            }
            let Objects { decoder, batches, .. } = &mut *target.members;
            let span = decoder.locate(missing, offset, batches)?;
            let role = self.give_way(&mut copying, span, target).unwrap_or(Role::Entry(missing));
            self.define(missing, span, target)?;
            copying.push(self.begin(span, role, target));
        }
        Ok(())
    }

    fn begin(&self, span: Span, role: Role, target: &Target<'_>) -> Copying {
        let decoder = &target.members.decoder;
        let limits = &decoder.context.limits.pickle;
        let transcriber = Transcriber::new(span, decoder.protocol(), limits);
        let savepoint = target.encoder.savepoint();
        Copying { span, transcriber, role, savepoint, known: self.of_element.len() }
    }

    /// Handles a tuple that contains itself: it is made inside an object that it contains. If
    /// `around` contains a definition that is being copied and has no entry yet, removes the
    /// instructions of that one. The copy of `around` makes it.
    fn give_way(
        &mut self,
        copying: &mut Vec<Copying>,
        around: Span,
        target: &mut Target<'_>,
    ) -> Option<Role> {
        let (at, entry) = copying.iter().enumerate().find_map(|(at, outer)| match outer.role {
            Role::Entry(entry) | Role::Around(entry)
                if encloses(around, outer.span) && self.entries.get(entry).is_none() =>
            {
                Some((at, entry))
            }
            _ => None,
        })?;
        target.encoder.go_back(copying[at].savepoint);
        // The first note that is forgotten is that of the span itself.
        self.forget(copying[at].known - 1);
        copying.truncate(at);
        Some(Role::Around(entry))
    }

    /// Notes the definition of an entry before it is copied, because values in it may contain it.
    fn define(&mut self, entry: u64, span: Span, target: &mut Target<'_>) -> Result<()> {
        let Span { begin, end, memo: first_entry } = span;
        let decoder = &mut target.members.decoder;
        let bytes = aside(&mut decoder.window, begin, end)?;
        crate::decode::definitions::check_begin(bytes, begin)?;
        let entries = entries_after(span, bytes, &decoder.context.limits.pickle)?;
        let extent = (begin, Reverse(end));
        self.definitions.entry(extent).or_insert(Definition { first_entry, entries, entry });
        self.of_element.push(Noted::Definition(extent));
        Ok(())
    }

    /// Copies the next instructions of a span. Returns `None` at its end, or an entry that is read
    /// and was not copied yet.
    fn advance(&mut self, span: &mut Copying, target: &mut Target<'_>) -> Result<Option<u64>> {
        let Copying { span, transcriber, role, .. } = span;
        loop {
            let offset = transcriber.offset();
            let itself = (span.begin, Reverse(span.end));
            let inside = (offset, Reverse(u64::MAX))..(span.end, Reverse(u64::MAX));
            let known = self.definitions.range(inside).find(|&(&extent, _)| {
                extent.1.0 <= span.end && (extent != itself || *role == Role::Element)
            });
            let to = match known {
                Some((&(begin, Reverse(end)), known)) if begin == offset => {
                    let here = self.entries.get(known.entry).ok_or_else(|| uncopied(offset))?;
                    target.encoder.get(here)?;
                    transcriber.skip_to(end, known.entries);
                    continue;
                }
                Some((&(begin, _), _)) => begin,
                None => span.end,
            };
            if offset == to {
                return Ok(None);
            }
            let bytes = match role {
                Role::Element => target.members.decoder.window.resident(offset, to),
                Role::Entry(_) | Role::Around(_) => {
                    aside(&mut target.members.decoder.window, offset, to)?
                }
            };
            match transcriber.advance(bytes, &mut self.entries, target.encoder)? {
                Transcribed::Missing(entry) => return Ok(Some(entry)),
                Transcribed::Need(_) if transcriber.offset() == to => {}
                Transcribed::Need(_) => return Err(uncopied(transcriber.offset())),
            }
        }
    }

    /// Writes the value of an entry of the envelope, such as a dtype or a global, or reads the
    /// array.
    fn write_from_envelope(&mut self, entry: u64, target: &mut Target<'_>) -> Result<()> {
        let Target { members, encoder, build, root } = target;
        let Some(value) = members.decoder.defined(entry) else {
            return Err(uncopied(members.decoder.window.end().unwrap_or_default()));
        };
        build.clear();
        let copy = build.copy(value, Some(*root))?;
        encoder.value_with_outer(build.value(copy))?;
        let here = match build.value(copy).kind() {
            pickle_stream::Kind::Outer(root) => Some(root),
            _ => encoder.entry(build.value(copy)),
        };
        if let Some(here) = here {
            self.entries.note(entry, here);
            self.of_element.push(Noted::Envelope(entry));
        }
        Ok(())
    }
}

#[cold]
fn without_objects() -> Error {
    Error::usage("access.type", "expected a pickle, found an array without objects")
}

fn encloses(outer: Span, inner: Span) -> bool {
    outer.begin <= inner.begin && inner.end <= outer.end
}

/// Returns the number of memo entries after a span.
fn entries_after(span: Span, mut bytes: &[u8], limits: &Limits) -> Result<u64> {
    let (mut lexer, mut entries) = (Lexer::new(span.begin, limits), span.memo);
    while let Progress::Done(head) = lexer.pass(bytes)? {
        if head.action() == Action::Put {
            let entry = head.memo_index()?.unwrap_or(entries);
            entries = entries.max(entry.saturating_add(1));
        }
        bytes = bytes.get(head.size + head.payload as usize..).unwrap_or_default();
    }
    Ok(entries)
}

/// Returns the bytes of a definition.
fn aside(window: &mut Window, from: u64, to: u64) -> Result<&[u8]> {
    let size = usize::try_from(to - from).unwrap_or(usize::MAX);
    window.check_element(from, size)?;
    if window.fill_aside(from, size)?.len() < size {
        return Err(window.truncated(to));
    }
    Ok(window.resident_aside(from, to))
}

#[cold]
fn uncopied(offset: u64) -> Error {
    let message = "cannot copy a shared object that contains itself in more than one way";
    Error::new(ErrorKind::Unsupported, "npy.object.shared", offset, message)
}
