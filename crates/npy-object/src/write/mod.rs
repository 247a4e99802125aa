//! Writing files: arrays of objects, arrays of rows, copies of elements, and salvage.
//!
//! [`ArrayWriter`] appends one element after another to an object array. [`RowWriter`] does that
//! for arrays without objects. [`struct@Copy`] appends elements of another file, with the objects
//! that they share. [`Salvage`] copies the whole elements of a file that is damaged or truncated.
// Reading order:
//
// - `numpy`: arrays, scalars and dtypes as the calls that NumPy pickles
// - `envelope`: the pickle instructions before the first element
// - `writer`: `ArrayWriter`; `rows`: `RowWriter`; `archive`: an npz writer
// - `append`: elements after those of a file
// - `pickled`: elements that Python has pickled, many at a time
// - `copy`: elements of one file as elements of another
// - `salvage`: the elements of a damaged file, and what is missing
//
// It uses all rooms that read, and `output`, a file that gets its name when it is whole.

mod append;
#[cfg(feature = "npz")]
mod archive;
mod copy;
mod envelope;
pub(crate) mod numpy;
mod pickled;
mod rows;
mod salvage;
pub(crate) mod writer;

pub use crate::output::remove_unfinished;
pub use append::is_interrupted_append;
#[cfg(feature = "npz")]
pub use archive::NpzWriter;
pub use copy::Copy;
pub use pickled::Pickled;
pub use rows::RowWriter;
pub use salvage::{Salvage, Salvaged};
pub use writer::{ArrayWriter, WriteOptions};
