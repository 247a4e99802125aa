//! The bytes of a file: on disk, in memory, in a stream, compressed, in an archive, or far away.
//!
//! A [`Source`] answers one question: which bytes are at this offset? A stream, which cannot go
//! back, is kept as far as it was read. The rest of the crate reads through a `Window` on a source.
//!
//! Reading order:
//!
//! - `read_at`: the trait [`ReadAt`], bytes at offsets; what a source is made of
//! - `handle`: [`Source`], sections of it, and the explanation of its errors
//! - `from`: paths, files and bytes as sources
//! - `file`, `reader`, `spool`: the implementations of `ReadAt` for files, seekable readers,
//!   streams
//! - `fetched`: [`Fetched`], bytes that the caller's code fetches
//! - `window`: the part of a source that is in memory
//! - `inflate`, `gzip`: decompression, under a limit
//! - `npz`: archives
//! - `read_budget`: a source that fails after a number of bytes, for a look at a file
//! - `format`: the format of a file by its first bytes, and unpacking of compressed files
//! - `foreign`: the names of other kinds of file, for errors
//!
//! It uses `error`, `options` and `pickle_stream` (a few instructions, to tell a pickle), and no
//! other room.

#[cfg(feature = "gzip")]
pub(crate) mod budget;
mod fetched;
mod file;
mod foreign;
pub(crate) mod format;
mod from;
#[cfg(feature = "gzip")]
mod gzip;
mod handle;
#[cfg(feature = "gzip")]
pub(crate) mod inflate;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "containers")]
pub(crate) mod packed;
mod read_at;
mod read_budget;
mod reader;
mod spool;
pub(crate) mod window;

pub use fetched::{Fetched, Need};
pub use handle::{Source, SourceReader};
pub use read_at::{Access, ReadAt};
pub use read_budget::ReadBudget;
