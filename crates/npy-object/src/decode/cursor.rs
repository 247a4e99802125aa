//! A position in an array or a container, and the state to go on from it.
//!
//! The elements are objects, which are found by batches and decoded, or rows of an array without
//! objects, which are read. This is the only file that tells them apart.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode::block::{Block, Lent};
use crate::decode::objects::{Member, Objects};
use crate::decode::outline::Outline;
use crate::decode::parallel::{self, Work};
use crate::decode::position::Position;
use crate::decode::rows::Rows;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::index::{Index, IndexKind, IndexUse};
use crate::locate::split::Split;
use crate::source::Source;
use crate::value::context::Context;
use crate::value::element::Element;
use crate::value::owned::OwnedElement;
use crate::value::range::{ByteRange, in_pieces};

/// A position in an array or a container. A clone goes on from the same position, independently.
#[derive(Clone)]
pub(crate) struct Cursor {
    items: Items,
    position: Position,
    index: IndexUse,
}

#[derive(Clone)]
enum Items {
    Objects(Box<Objects>),
    Rows(Box<Rows>),
}

impl Cursor {
    /// Creates a cursor at the first of these members.
    pub(crate) fn of_objects(objects: Objects) -> Cursor {
        Cursor::new(Items::Objects(Box::new(objects)))
    }

    /// Creates a cursor at the first row.
    pub(crate) fn of_rows(rows: Rows) -> Cursor {
        Cursor::new(Items::Rows(Box::new(rows)))
    }

    fn new(items: Items) -> Cursor {
        Cursor { items, position: Position::default(), index: IndexUse::None }
    }

    /// Returns the members, where they are objects.
    pub(crate) fn objects_mut(&mut self) -> Option<&mut Objects> {
        match &mut self.items {
            Items::Objects(objects) => Some(objects),
            Items::Rows(_) => None,
        }
    }

    /// Returns whether the elements are objects.
    pub(crate) fn has_objects(&self) -> bool {
        matches!(self.items, Items::Objects(_))
    }

    /// Returns the source of the elements.
    pub(crate) fn source(&self) -> &Source {
        match &self.items {
            Items::Objects(objects) => objects.decoder.window.source(),
            Items::Rows(rows) => rows.source(),
        }
    }

    /// Returns the context of the elements. It is replaced when the definitions are forgotten.
    pub(crate) fn context(&self) -> &Arc<Context> {
        match &self.items {
            Items::Objects(objects) => &objects.decoder.context,
            Items::Rows(rows) => rows.context(),
        }
    }

    /// Returns the number of elements, where it is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match &self.items {
            Items::Objects(objects) => objects.len(),
            Items::Rows(rows) => Some(rows.len()),
        }
    }

    /// Returns the number of elements. Surveys the rest of the pickle for it.
    pub(crate) fn count(&mut self) -> Result<u64> {
        match &mut self.items {
            Items::Objects(objects) => objects.count(),
            Items::Rows(rows) => Ok(rows.len()),
        }
    }

    /// Returns how many elements, from the first on, are found without a survey.
    pub(crate) fn known(&self) -> u64 {
        match &self.items {
            Items::Objects(objects) => objects.batches.known(),
            Items::Rows(rows) => rows.len(),
        }
    }

    /// Returns the number of the next element.
    pub(crate) fn position(&self) -> u64 {
        self.position.next
    }

    /// Makes an element the next one, also after an error.
    pub(crate) fn seek(&mut self, number: u64) {
        self.position.seek(number);
    }

    /// Returns the number of the first element after the end of a loop.
    pub(crate) fn end(&self) -> u64 {
        self.position.end.min(self.len().unwrap_or(u64::MAX))
    }

    /// Returns whether the next element was found and read, and takes at most `bytes`.
    #[inline]
    pub(crate) fn is_at_hand(&self, bytes: usize) -> bool {
        match &self.items {
            Items::Objects(objects) => objects.is_at_hand(self.position.next, bytes),
            Items::Rows(rows) => rows.is_at_hand(self.position.next, bytes),
        }
    }

    /// Returns the next element, until there are no more. After an error there are no more either.
    // Inlined, so that an element, of which a loop mostly wants a part, is never put together.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<Element<'_>>> {
        match &mut self.items {
            Items::Objects(objects) => {
                let Some(decoded) = objects.next(&mut self.position)? else { return Ok(None) };
                Ok(Some(objects.decoder.element(decoded, decoded.first)))
            }
            Items::Rows(rows) => rows.next(&mut self.position),
        }
    }

    /// Returns the next elements as a block, at most `most`; `None` at the end.
    pub(crate) fn next_block(&mut self, most: usize) -> Result<Option<Block<'_>>> {
        let first = self.position.next;
        let left = usize::try_from(self.position.end.saturating_sub(first)).unwrap_or(usize::MAX);
        let Cursor { items, position, .. } = self;
        let lent = match items {
            Items::Objects(objects) => {
                let read =
                    position.advance_by(|first| objects.next_block(first, most.clamp(1, left)))?;
                match read {
                    Some(Some(members)) => Lent::Members(objects, members),
                    Some(None) => Lent::Object(objects),
                    None => return Ok(None),
                }
            }
            Items::Rows(rows) => match rows.next(position)? {
                Some(_) => Lent::Row(rows),
                None => return Ok(None),
            },
        };
        Ok(Some(Block::new(lent, position, first)))
    }

    /// Returns the next member: the element, and the key of an entry.
    #[inline]
    pub(crate) fn next_member(&mut self) -> Result<Option<Member<'_>>> {
        match &mut self.items {
            Items::Objects(objects) => {
                let Some(decoded) = objects.next(&mut self.position)? else { return Ok(None) };
                objects.member(decoded).map(Some)
            }
            Items::Rows(rows) => Ok(rows.next(&mut self.position)?.map(Member::of_value)),
        }
    }

    /// Returns the element of this number; `None` past the last.
    #[inline]
    pub(crate) fn get(&mut self, number: u64) -> Result<Option<Element<'_>>> {
        match &mut self.items {
            Items::Objects(objects) => {
                let Some(decoded) = objects.get(number)? else { return Ok(None) };
                Ok(Some(objects.decoder.element(decoded, decoded.first)))
            }
            Items::Rows(rows) => rows.get(number),
        }
    }

    /// Returns the member of this number: the element, and the key of an entry.
    pub(crate) fn get_member(&mut self, number: u64) -> Result<Option<Member<'_>>> {
        match &mut self.items {
            Items::Objects(objects) => {
                let Some(decoded) = objects.get(number)? else { return Ok(None) };
                objects.member(decoded).map(Some)
            }
            Items::Rows(rows) => Ok(rows.get(number)?.map(Member::of_value)),
        }
    }

    /// Returns the place of the next element in the file, which is an array or a scalar of NumPy.
    /// Returns `None` after an error.
    pub(crate) fn next_byte_range(&mut self) -> Result<Option<ByteRange>> {
        let Some(origin) = self.source().origin() else {
            return Err(in_pieces("it is compressed", None));
        };
        let Cursor { items, position, .. } = self;
        let found = position.advance(|number| match items {
            Items::Objects(objects) => {
                objects.decoder.window.set_reading_on(true);
                objects.byte_range(number)
            }
            Items::Rows(rows) => rows.byte_range(number),
        });
        let found = found?;
        Ok(found.map(|range| ByteRange { offset: range.offset + origin, ..range }))
    }

    /// Returns the next element, owning what it holds.
    pub(crate) fn next_owned(&mut self) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(self.context());
        let Some(element) = self.next()? else { return Ok(None) };
        Ok(Some(element.into_owned(context)))
    }

    /// Returns the element of this number, owning what it holds.
    pub(crate) fn get_owned(&mut self, number: u64) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(self.context());
        let Some(element) = self.get(number)? else { return Ok(None) };
        Ok(Some(element.into_owned(context)))
    }

    /// Sets whether an index is used.
    pub(crate) fn with_index(self, index: IndexUse) -> Cursor {
        Cursor { index, ..self }
    }

    /// Returns the key, if it has one, and the outline of the element of this number.
    pub(crate) fn outline(
        &mut self,
        number: u64,
    ) -> Result<Option<(Option<Element<'_>>, Outline)>> {
        match &mut self.items {
            Items::Objects(objects) => {
                let Some((key, outline)) = objects.outline(number)? else { return Ok(None) };
                let decoder = &objects.decoder;
                Ok(Some((key.map(|key| decoder.element(key, key.first)), outline)))
            }
            Items::Rows(rows) => Ok((number < rows.len()).then(|| (None, rows.outline(number)))),
        }
    }

    /// Returns where the data end: bytes from the start of the file. What was not surveyed is
    /// surveyed.
    pub(crate) fn data_end(&mut self) -> Result<u64> {
        match &mut self.items {
            Items::Objects(objects) => objects.survey_all(),
            Items::Rows(rows) => Ok(rows.data_end()),
        }
    }

    /// Folds the elements from here on, on several threads: see
    /// [`NpyArray::fold_parallel`](crate::NpyArray::fold_parallel).
    pub(crate) fn fold_parallel<A: Send>(
        &mut self,
        threads: usize,
        new: impl Fn() -> A + Sync,
        fold: impl Fn(&mut A, Element<'_>) + Sync,
        mut each: impl FnMut(A) -> ControlFlow<()>,
    ) -> Result<()> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let work = Work { new, fold };
        if let Items::Objects(objects) = &mut self.items {
            self.position.seek(self.position.next);
            let outcome =
                parallel::fold(objects, &mut self.position.next, threads, &work, &mut each);
            // Threads decode only closed batches. The values of the last batch come one by one.
            if outcome.is_ok() || !objects.has_unfinished() {
                return outcome;
            }
        }
        let Work { new, fold } = work;
        while let Some(element) = self.next()? {
            let mut result = new();
            fold(&mut result, element);
            if each(result).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns up to `count` parts with about as many elements each. Objects that have no index are
    /// surveyed to the end.
    pub(crate) fn splits(&mut self, count: usize) -> Result<Vec<Split>> {
        if self.index != IndexUse::Used {
            self.data_end()?;
        }
        let file_size = self.source().size()?;
        let known = match &self.items {
            Items::Objects(objects) => objects.batches.indexed_checkpoints()?,
            Items::Rows(_) => None,
        };
        let (len, parts) = (u128::from(self.len().unwrap_or(0)), count as u128);
        let bounds = (0..=parts).map(|part| (len * part / parts.max(1)) as u64);
        let firsts = bounds.clone().zip(bounds.skip(1)).filter(|(first, end)| first < end);
        let split = |(first, end)| Split::new(first, end - first, file_size, known.as_ref());
        Ok(firsts.map(split).collect())
    }

    /// Goes to the first element of a part, and ends after its last.
    ///
    /// Fails with clause `access.split` where the part is of another file.
    pub(crate) fn enter(&mut self, split: &Split) -> Result<()> {
        let end = split.first().checked_add(split.len());
        let end = end.filter(|&end| self.len().is_some_and(|len| end <= len));
        let adopted = match &mut self.items {
            Items::Objects(objects) => objects.batches.adopt(split.checkpoints()),
            Items::Rows(_) => true,
        };
        let size = self.source().size()?;
        let Some(end) = end.filter(|_| size == split.file_size() && adopted) else {
            return Err(Error::usage("access.split", "the part is of another file"));
        };
        self.position.end = end;
        self.seek(split.first());
        Ok(())
    }

    /// Returns whether an index is used.
    pub(crate) fn index_use(&self) -> IndexUse {
        self.index
    }

    /// Uses the index of the file that the source was opened from, if there is one.
    pub(crate) fn find_index(&mut self) -> Result<()> {
        let Items::Objects(objects) = &mut self.items else { return Ok(()) };
        let source = objects.decoder.window.source().clone();
        if let Some(file) = source.path() {
            self.index = objects.batches.find_index(file, &mut objects.decoder.window)?;
        } else if let Some(index) = source.index()? {
            self.use_index(index)?;
        }
        Ok(())
    }

    /// Uses an index that is read part by part.
    pub(crate) fn use_index(&mut self, index: Source) -> Result<()> {
        let Items::Objects(objects) = &mut self.items else { return Ok(()) };
        self.index = match Index::open(index) {
            Ok(index) => {
                let elements = objects.len();
                let is_of_file = index.is_of(&mut objects.decoder.window, elements)?;
                if is_of_file && objects.batches.use_index(index) {
                    IndexUse::Used
                } else {
                    IndexUse::Stale
                }
            }
            Err(error) if error.kind() == ErrorKind::Malformed => IndexUse::Damaged,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Writes the index of the file that the source was opened from, and returns where it is.
    pub(crate) fn write_index(&mut self, kind: IndexKind) -> Result<PathBuf> {
        let Some(file) = self.source().path().map(Path::to_owned) else {
            let message = "only a file that was opened by its path has an index";
            return Err(Error::usage("access.index", message));
        };
        let Some(objects) = self.objects_mut() else {
            let message = "an array without objects needs no index";
            return Err(Error::usage("access.index", message));
        };
        objects.write_index(&file, kind)
    }

    /// Returns the bytes of memory that are held.
    pub(crate) fn memory(&self) -> usize {
        match &self.items {
            Items::Objects(objects) => objects.memory(),
            Items::Rows(rows) => rows.memory(),
        }
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("position", &self.position()).finish_non_exhaustive()
    }
}
