//! What fills the holes of a skeleton, row by row.

use alloc::vec::Vec;

/// A part of a sequence: of the bytes from the beginning of a row, or of a list in [`Holes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The index of the first.
    pub start: u32,
    /// How many there are.
    pub len: u32,
}

impl Extent {
    /// Returns the part of `all`; an empty one where `all` does not have it.
    #[inline]
    pub fn of<T>(self, all: &[T]) -> &[T] {
        let start = self.start as usize;
        all.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// What fills one hole of one row.
// With a tag of 8 bytes it is copied as two words. With one byte it would be copied in parts that
// overlap, and the processor waits for one part before it reads the other.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u64)]
pub enum Hole {
    /// None.
    None,
    /// A bool.
    Bool(bool),
    /// An int of up to 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str: bytes from the beginning of the row, which were not checked for UTF-8.
    Str(Extent),
    /// A Python 2 str: bytes from the beginning of the row.
    Str2(Extent),
    /// Bytes, from the beginning of the row.
    Bytes(Extent),
    /// The value of a memo entry that was made before the row.
    Get(u64),
    /// A list of ints, in [`Holes::ints`].
    Ints(Extent),
    /// A list of floats, in [`Holes::floats`].
    Floats(Extent),
    /// A list of other scalars, in [`Holes::items`].
    Items(Extent),
}

impl Hole {
    /// Returns whether the instruction that fills the hole has no payload and is no list.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Hole::None | Hole::Bool(_) | Hole::Int(_) | Hole::Float(_) | Hole::Get(_))
    }

    /// Returns whether two holes are filled with the same instruction.
    pub(super) fn is_same(self, other: Hole) -> bool {
        match (self, other) {
            (Hole::Float(one), Hole::Float(other)) => one.to_bits() == other.to_bits(),
            _ => self == other,
        }
    }
}

/// A row: the skeleton of an element, and where its holes are in [`Holes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the skeleton in those of the batch.
    pub(crate) skeleton: u32,
    /// The index of its first hole.
    pub(crate) first: u32,
}

impl Row {
    /// The row of an element without a skeleton.
    pub const NONE: Row = Row { skeleton: u32::MAX, first: 0 };

    /// Returns whether the element has a skeleton.
    #[inline]
    pub fn is_some(self) -> bool {
        self.skeleton != u32::MAX
    }

    /// Returns whether another row has the same skeleton, and its holes come `holes` after those of
    /// this one.
    #[inline]
    pub fn is_followed(self, other: Row, holes: usize) -> bool {
        self.skeleton == other.skeleton && self.first as usize + holes == other.first as usize
    }

    /// Returns the index of the skeleton in those of the batch; `None` of an element without one.
    #[inline]
    pub fn skeleton(self) -> Option<usize> {
        if self.is_some() { Some(self.skeleton as usize) } else { None }
    }
}

/// What fills the holes of several rows.
#[derive(Clone, Debug)]
pub struct Holes {
    /// The bytes after which no row is added.
    most: usize,
    pub(super) holes: Vec<Hole>,
    pub(super) ints: Vec<i64>,
    pub(super) floats: Vec<f64>,
    pub(super) items: Vec<Hole>,
}

/// The lengths of [`Holes`], to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Savepoint {
    holes: usize,
    ints: usize,
    floats: usize,
    items: usize,
}

impl Default for Holes {
    fn default() -> Holes {
        let most = Holes::MOST;
        Holes { most, holes: Vec::new(), ints: Vec::new(), floats: Vec::new(), items: Vec::new() }
    }
}

impl Holes {
    /// The most bytes that the holes of a batch take. The elements after them have no rows.
    const MOST: usize = 4 << 20;
    /// The same, for each value that may be on the stack.
    const MOST_OF_SLOT: usize = 64;

    /// Creates those of a survey on whose stack `stack` values may be.
    pub(crate) fn with_stack(stack: usize) -> Holes {
        let mut holes = Holes::default();
        holes.reset(stack);
        holes
    }

    /// Removes everything, and keeps the memory. From here on, `stack` values may be on the stack.
    pub(crate) fn reset(&mut self, stack: usize) {
        self.clear();
        self.most = stack.saturating_mul(Holes::MOST_OF_SLOT).min(Holes::MOST);
    }

    /// Returns what fills the `count` holes of a row.
    #[inline]
    pub fn of(&self, row: Row, count: usize) -> &[Hole] {
        let first = row.first as usize;
        self.holes.get(first..first + count).unwrap_or_default()
    }

    /// Returns what fills all holes, one row after another.
    #[inline]
    pub fn all(&self) -> &[Hole] {
        &self.holes
    }

    /// Returns the ints of all [`Hole::Ints`].
    #[inline]
    pub fn ints(&self) -> &[i64] {
        &self.ints
    }

    /// Returns the floats of all [`Hole::Floats`].
    #[inline]
    pub fn floats(&self) -> &[f64] {
        &self.floats
    }

    /// Returns the scalars of all [`Hole::Items`].
    #[inline]
    pub fn items(&self) -> &[Hole] {
        &self.items
    }

    /// Removes everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.holes.clear();
        self.ints.clear();
        self.floats.clear();
        self.items.clear();
    }

    /// Returns the bytes that are allocated.
    pub fn memory(&self) -> usize {
        let holes = self.holes.capacity() + self.items.capacity();
        holes * size_of::<Hole>() + (self.ints.capacity() + self.floats.capacity()) * 8
    }

    /// Adds what fills the only hole of a row. Returns the index of the hole.
    #[inline(always)]
    pub(crate) fn push(&mut self, hole: Hole) -> u32 {
        let first = self.holes.len() as u32;
        self.holes.push(hole);
        first
    }

    /// Removes the holes of the last row, and those of any after it. The entries of its lists stay.
    pub(crate) fn truncate(&mut self, row: Row) {
        self.holes.truncate(row.first as usize);
    }

    /// Returns whether no row may be added.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.bytes() > self.most
    }

    /// Returns how many more bytes may be added.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.most.saturating_sub(self.bytes())
    }

    #[inline]
    fn bytes(&self) -> usize {
        let holes = self.holes.len() + self.items.len();
        holes * size_of::<Hole>() + (self.ints.len() + self.floats.len()) * 8
    }

    #[inline]
    pub(super) fn savepoint(&self) -> Savepoint {
        Savepoint {
            holes: self.holes.len(),
            ints: self.ints.len(),
            floats: self.floats.len(),
            items: self.items.len(),
        }
    }

    #[inline]
    pub(super) fn go_back(&mut self, to: Savepoint) {
        self.holes.truncate(to.holes);
        self.ints.truncate(to.ints);
        self.floats.truncate(to.floats);
        self.items.truncate(to.items);
    }
}
