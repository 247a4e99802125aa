//! Containers whose members come one at a time: what is in an array without dimensions, in a bare
//! pickle, or further in.

use std::fmt;
use std::path::PathBuf;

use crate::decode::block::Block;
use crate::decode::cursor::Cursor;
use crate::decode::objects::{Member, Objects};
use crate::decode::outline::Outline;
use crate::error::{Error, Result};
use crate::layout::envelope::ContainerKind;
use crate::locate::index::{IndexKind, IndexUse};
use crate::value::element::Element;

/// A list, tuple, set, dict or array of objects, whose members come one after another, or in any
/// order, in the memory of one of them.
///
/// ```
/// use npy_object::nested::{At, Path};
///
/// // {'train': [3, 4, 5], 'test': [6]}, as numpy.save writes a dict
/// let At::Container(mut splits) = npy_object::at("tests/data/splits.npy", &Path::default())?
/// else {
///     panic!("a dict is a container")
/// };
/// let mut names = Vec::new();
/// while let Some(member) = splits.next_member()? {
///     let key = member.key.expect("members of a dict have keys");
///     names.push(key.as_str()?.into_owned());
/// }
/// assert_eq!(names, ["train", "test"]);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone)]
pub struct Container {
    kind: ContainerKind,
    /// Of an array.
    shape: Option<Vec<usize>>,
    cursor: Cursor,
    /// Whether its file holds nothing else.
    is_all: bool,
}

impl Container {
    pub(crate) fn new(kind: ContainerKind, shape: Option<Vec<usize>>, cursor: Cursor) -> Container {
        Container { kind, shape, cursor, is_all: false }
    }

    /// Says that the file holds nothing else.
    pub(crate) fn set_all(&mut self) {
        self.is_all = true;
    }

    /// Returns the sort of the container.
    pub fn kind(&self) -> ContainerKind {
        self.kind
    }

    /// Returns the length of each dimension of an array; `None` of another container.
    pub fn shape(&self) -> Option<&[usize]> {
        self.shape.as_deref()
    }

    /// Returns the members, which are objects in every container.
    pub(crate) fn objects_mut(&mut self) -> Option<&mut Objects> {
        self.cursor.objects_mut()
    }

    /// Returns the number of members, where it is known without a survey to the end.
    pub fn known_len(&self) -> Option<u64> {
        self.cursor.len()
    }

    /// Returns the number of members, from the first on, that are found without a survey.
    pub(crate) fn known(&self) -> u64 {
        self.cursor.known()
    }

    /// Returns the number of members. What was not surveyed is surveyed.
    pub fn count(&mut self) -> Result<u64> {
        self.cursor.count()
    }

    /// Returns the next member, until there are no more. After an error there are no more.
    ///
    /// Of two entries with equal keys, of which Python would keep the last, both are returned.
    pub fn next_member(&mut self) -> Result<Option<Member<'_>>> {
        self.cursor.next_member()
    }

    /// Returns the next members as a block, which is lent, at most `most` of them: see
    /// [`NpyArray::next_block`](crate::NpyArray::next_block). Of a dict these are its values.
    pub fn next_block(&mut self, most: usize) -> Result<Option<Block<'_>>> {
        self.cursor.next_block(most)
    }

    /// Compares size and checksum of the archive's member that the container is in: see
    /// [`Source::verify`](crate::Source::verify).
    pub fn verify(&self) -> Result<()> {
        self.cursor.source().verify()
    }

    /// Returns the member of this number, counted from 0 in the order of the file; `None` past the
    /// last. This does not move a loop.
    pub fn get(&mut self, index: u64) -> Result<Option<Member<'_>>> {
        self.cursor.get_member(index)
    }

    /// Returns the outline of the member of this number: of an entry the key, which is decoded, and
    /// the outline of the value. For members that are too large to be decoded.
    pub fn outline(&mut self, index: u64) -> Result<Option<(Option<Element<'_>>, Outline)>> {
        self.cursor.outline(index)
    }

    /// Writes the index of the container next to its file, as `FILE.idx`, and returns where it is.
    /// With it, a container that [`Options::contents`](crate::Options::contents) opens goes to any
    /// member at once. The container is surveyed to its end.
    ///
    /// Fails as reading does, and with clause `access.index` unless the container is the whole
    /// contents of a file that was opened by its path. A tuple or frozenset has no index, because
    /// its members are known.
    pub fn write_index(&mut self) -> Result<PathBuf> {
        self.write_index_as(IndexKind::Auto)
    }

    /// Writes an index as [`write_index`](Self::write_index) does, of this kind.
    pub fn write_index_as(&mut self, kind: IndexKind) -> Result<PathBuf> {
        if !self.is_all || self.cursor.source().path().is_none() {
            let message = "only the container of a file that was opened by its path has an index";
            return Err(Error::usage("access.index", message));
        }
        if matches!(self.kind, ContainerKind::Tuple | ContainerKind::FrozenSet) {
            let message = format!("a {} needs no index", self.kind.name());
            return Err(Error::usage("access.index", message));
        }
        self.cursor.write_index(kind)
    }

    /// Returns whether the index of the file is used.
    pub fn index_use(&self) -> IndexUse {
        self.cursor.index_use()
    }

    /// Returns the shape, of an array, and the members.
    pub(crate) fn into_parts(self) -> (Option<Vec<usize>>, Cursor) {
        (self.shape, self.cursor)
    }

    /// Returns the number of the next member.
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Makes the member of this number the next one.
    pub fn seek(&mut self, index: u64) {
        self.cursor.seek(index);
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("kind", &self.kind).finish_non_exhaustive()
    }
}
