//! Where the elements are.
//!
//! It uses `layout` (the envelope, after which the elements begin), `source` (the window), and the
//! survey of the crate `pickle_stream`, which finds the span of each element of a batch. Read in this
//! order:
//!
//! - `batches`: the spans of the members of a container, batch by batch
//! - `checkpoints`: places from which a survey can go on, so that any member is found, and the
//!   definition of any memo entry
//! - `index`: the checkpoints in a file of their own
//! - `split`: a part of an array for another process

pub(crate) mod batches;
pub(crate) mod checkpoints;
pub(crate) mod index;
pub(crate) mod split;
