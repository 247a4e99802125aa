//! Containers whose members come one at a time: what is in an array without dimensions, in a bare
//! pickle, or further in.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::decode::decoder::Decoded;
use crate::decode::members::Members;
use crate::decode::outline::Outline;
use crate::error::{Error, Result};
use crate::layout::envelope::ContainerKind;
use crate::locate::index::IndexUse;
use crate::value::element::Element;

/// A list, tuple, set, dict or array of objects, whose members come one after another, or in any
/// order, in the memory of one of them.
///
/// ```
/// use npy_object::{At, Options, Subscripts};
///
/// // {'train': [3, 4, 5], 'test': [6]}, as numpy.save writes a dict
/// let At::Container(mut splits) = npy_object::at("tests/data/splits.npy", &Subscripts::default())?
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
pub struct Container {
    kind: ContainerKind,
    /// Of an array.
    shape: Option<Vec<usize>>,
    members: Members,
    /// The file that holds nothing else, where it was opened by its path.
    file: Option<PathBuf>,
    index: IndexUse,
}

/// A member of a [`Container`].
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Of an entry.
    pub key: Option<Element<'a>>,
    /// The member itself, or the value of the entry.
    pub value: Element<'a>,
}

impl Container {
    pub(crate) fn new(
        kind: ContainerKind,
        shape: Option<Vec<usize>>,
        members: Members,
    ) -> Container {
        Container { kind, shape, members, file: None, index: IndexUse::None }
    }

    /// What it is.
    pub fn kind(&self) -> ContainerKind {
        self.kind
    }

    /// The length of each dimension of an array.
    pub fn shape(&self) -> Option<&[usize]> {
        self.shape.as_deref()
    }

    pub(crate) fn members_mut(&mut self) -> &mut Members {
        &mut self.members
    }

    /// How many members it has, where that is known without a walk to its end.
    pub fn known_len(&self) -> Option<u64> {
        self.members.len()
    }

    /// How many members it has. What was not surveyed is surveyed.
    pub fn count(&mut self) -> Result<u64> {
        self.members.count()
    }

    /// The next member, until there are no more. After an error there are no more either.
    ///
    /// Where Python would let the last of two equal keys win, both entries come.
    pub fn next_member(&mut self) -> Result<Option<Member<'_>>> {
        let Some(decoded) = self.members.next()? else { return Ok(None) };
        self.member(decoded).map(Some)
    }

    /// Compares size and checksum of the archive's member that the container is in: see
    /// [`Source::verify`](crate::Source::verify).
    pub fn verify(&self) -> Result<()> {
        self.members.decoder.window.source().verify()
    }

    /// The member of this number, counted from 0 in the order of the file; `None` where there are
    /// not so many. A loop goes on where it was.
    pub fn get(&mut self, index: u64) -> Result<Option<Member<'_>>> {
        let Some(decoded) = self.members.get(index)? else { return Ok(None) };
        self.member(decoded).map(Some)
    }

    /// Tells what the member of this number is without reading its payload: of an entry its key,
    /// which is decoded, and what its value is. For members that are too large to be decoded.
    pub fn outline(&mut self, index: u64) -> Result<Option<(Option<Element<'_>>, Outline)>> {
        let Some((key, outline)) = self.members.outline(index)? else { return Ok(None) };
        let decoder = &self.members.decoder;
        Ok(Some((key.map(|key| decoder.element(key, key.first)), outline)))
    }

    /// Returns where the index of the container was written: next to its file, as `FILE.idx`. With it,
    /// a container that [`Options::open_contents`](crate::Options::open_contents) opens goes to any
    /// member at once. The container is surveyed to its end.
    ///
    /// Fails as reading does, and with clause `access.index` where the container was not opened by
    /// the path of its file, and where it is a tuple or a frozenset, whose members are known.
    pub fn write_index(&mut self) -> Result<PathBuf> {
        let Some(file) = &self.file else {
            let message = "only the container of a file that was opened by its path has an index";
            return Err(Error::usage("access.index", message));
        };
        if matches!(self.kind, ContainerKind::Tuple | ContainerKind::FrozenSet) {
            let message = format!("a {} needs no index", self.kind.name());
            return Err(Error::usage("access.index", message));
        }
        self.members.write_index(file)
    }

    /// Returns whether the index of the file is used.
    pub fn index_use(&self) -> IndexUse {
        self.index
    }

    /// Says which file it is in, and whether its index is used.
    pub(crate) fn set_file(&mut self, file: &Path, index: IndexUse) {
        (self.file, self.index) = (Some(file.to_owned()), index);
    }

    /// The number of the member that comes next.
    pub fn position(&self) -> u64 {
        self.members.position()
    }

    /// Makes the member of this number the one that comes next.
    pub fn seek(&mut self, index: u64) {
        self.members.seek(index);
    }

    fn member(&self, decoded: Decoded) -> Result<Member<'_>> {
        let Members { decoder, batches, .. } = &self.members;
        let value = decoder.element(decoded, decoded.last);
        if batches.width() == 1 {
            return Ok(Member { key: None, value });
        }
        self.members.check_key(decoded)?;
        let key = decoder.element(decoded, decoded.first);
        Ok(Member { key: Some(key), value })
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("kind", &self.kind).finish_non_exhaustive()
    }
}
