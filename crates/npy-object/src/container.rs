//! Containers whose members come one at a time: what is in an array without dimensions, in a bare
//! pickle, or further in.

use std::fmt;

use crate::decoder::Decoded;
use crate::error::Result;
use crate::members::Members;
use crate::opening::ContainerKind;
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
        Container { kind, shape, members }
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
