//! The index file: the checkpoints of a file, next to it.
//!
//! With an index, any element is found at once; without one, the file is surveyed up to the element.
//! An index of the file as it was before a change is not used. The spec's chapter on the index file
//! has the format. The checkpoints are in blocks, and the first checkpoint of each block is at the
//! front, so that two parts of an index lead to an element: an index in an object store is read by
//! parts, one next to a file as a whole.
//!
//! - `fingerprint`: the properties of a file by which its index is recognised
//! - `format`: the bytes of an index
//! - `parts`: an index that is read by parts
//! - `file`: the index next to a file, read and written as a whole

mod file;
mod fingerprint;
mod format;
mod parts;

pub(crate) use file::IndexFile;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use parts::Index;

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
