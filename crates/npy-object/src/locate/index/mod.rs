//! The index file: the checkpoints of a file, next to it.
//!
//! With an index, any element is found at once; without one, the file is surveyed up to the element.
//! An index of the file as it was before a change is not used. The spec's chapter on the index file
//! has the format. The checkpoints are in blocks, and the first checkpoint of each block is at the
//! front, so that two parts of an index lead to an element: an index in an object store is read by
//! parts, one next to a file as a whole.
//!
//! A dense index has the place of every element too, in runs between two checkpoints. A run is read
//! when an element in it is asked for.
//!
//! - `fingerprint`: the properties of a file by which its index is recognised
//! - `format`: the bytes of an index
//! - `run`: the places of the elements between two checkpoints
//! - `parts`: an index that is read by parts
//! - `file`: the index next to a file, of which the checkpoints are read as a whole

mod file;
mod fingerprint;
mod format;
mod parts;
mod run;

pub(crate) use file::IndexFile;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use parts::{Index, Runs};

/// What an index has: see [`NpyArray::write_index_as`](crate::NpyArray::write_index_as).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexKind {
    /// The place of every element if the index then takes at most a tenth of the file's size,
    /// otherwise checkpoints.
    #[default]
    Auto,
    /// The place of every element: about 2 bytes for each, besides the checkpoints.
    Dense,
    /// A checkpoint for each 32 KiB of the file, or for each larger element.
    Sparse,
}

/// Whether an index was used when a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexUse {
    /// There is no index, or [`Options::index`](crate::Options::index) is off.
    None,
    /// The index is used.
    Used,
    /// The index is of the file before a change, and not used.
    Stale,
    /// The index is malformed or truncated, and not used.
    Damaged,
}
