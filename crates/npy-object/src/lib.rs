//! Loops over NumPy object arrays that are larger than memory.
//!
//! NumPy saves an array of dtype `object` (ragged arrays, strings, dicts) as one pickle behind a
//! `.npy` header, which can only be loaded whole, and runs code when it is. Here its elements come
//! out one at a time, in the memory of one element, and nothing is ever run.
//!
//! ```
//! let mut array = npy_object::open("tests/data/ragged.npy")?;
//! assert_eq!(array.shape(), [3]);
//! let mut sums = Vec::new();
//! while let Some(element) = array.next_element()? {
//!     let values = element.as_array::<f64>()?;
//!     sums.push(values.data().iter().sum::<f64>());
//! }
//! assert_eq!(sums, [0.0, 1.0, 3.0]);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Ways to the elements
//!
//! - [`NpyArray::next_element`] lends one element after another and decodes each into the memory of
//!   the last: nothing is allocated per element.
//! - [`NpyArray::elements`] is an iterator of elements that own what they hold, to keep or to send,
//!   from either end; [`elements_in`](NpyArray::elements_in) is a part of them.
//! - [`NpyArray::get`] goes to any element. The first time, the file is surveyed up to there; an
//!   index, which [`write_index`](NpyArray::write_index) puts beside the file, saves even that.
//! - [`NpyArray::map_parallel`] decodes on several threads, in order. [`NpyArray::splits`] are parts
//!   for several processes or machines.
//! - [`at`] goes into containers, whatever holds them: the dict that was saved alone, the list under
//!   one of its keys, a bare pickle. It leads to a [`Container`], whose members come one at a time
//!   too.
//!
//! - [`Options::read_contents`] reads whatever a file holds, an array, a container or a single
//!   value; [`Options::read_all`] reads all arrays and pickles that follow one another in it.
//!
//! A file can be anything that is a [`Source`].
//!
//! # What an element is
//!
//! [`Element::kind`] says: a [`Kind`] has a variant for every Python type that NumPy's users
//! pickle, arrays and scalars of every dtype, and, for objects of classes that are not known, the
//! call that would have made them. Those who know what they read ask for it:
//! [`as_array`](Element::as_array), [`as_str`](Element::as_str), [`as_f64`](Element::as_f64) and so
//! on; or, with the feature `serde`, `deserialize` it into a type of their own.
//!
//! The file's bytes are not copied where they can be borrowed. An object that an element holds
//! twice has one [`identity`](Element::identity).
//!
//! Files without objects open too; their elements are their rows.
//!
//! # Writing
//!
//! [`ArrayWriter`] appends elements, one at a time, to an array whose length need not be known:
//! [of another file](ArrayWriter::copy_from), with what they share, through serde, as arrays, or
//! [made of their parts](ArrayWriter::append_with). [`WriteOptions`] say how. A file gets its name
//! when it is whole. [`Salvage`] writes what is whole of a file that is damaged or was cut off.
//!
//! # Memory
//!
//! However long the array is, reading it takes at most
//!
//! ```text
//! 16 MiB + the bytes of the largest element + 96 bytes for each of its instructions
//!        + 80 bytes for each element of the largest batch (NumPy writes 1,000)
//! ```
//!
//! and mostly less than 4 MiB beside the element. The constant is two windows on the file of 1 MiB
//! each, definitions that elements share up to [`Limits::shared`] (8 MiB), and at most 4.5 MiB of
//! checkpoints, by which elements and definitions are found: 24 bytes for 32 KiB of the file, or for
//! an element that is larger, further apart from 6 GiB on. [`Limits::within`] makes sure of a bound of your own:
//! whatever needs more is an error before memory is taken. With a file in memory, or mapped into it,
//! elements are borrowed from there.
//!
//! # Errors
//!
//! An [`Error`] says what is wrong, at which byte, and which clause of the [specification] is
//! broken. Elements that came before it are what they are: a file that was cut off gives every
//! element of its whole batches first.
//!
//! [specification]: https://github.com/npy-object/npy-object/blob/main/spec/README.md
//!
//! # Before others load a file
//!
//! [`Audit`] says what `numpy.load(allow_pickle=True)` would import and call, with every member of an
//! archive and what stands behind the array, and what there is to fear of it.
//!
//! # Over a network
//!
//! Nothing here has to read. A [`Fetched`] file holds the bytes that code of your own has brought,
//! and whatever needs others fails with an error that names them, [`Error::need`]; then it goes on
//! from where it stood. It asks for what it will read: of a large element its bytes, of a loop
//! requests of a size that you choose, each byte once. An index, put beside the file, leads to any
//! element: [`Options::read_with_index`] reads the few kilobytes of it that this takes.
//!
//! With the feature `object_store`, `Remote` opens objects in Amazon S3 and other stores in this
//! way: `get(i).await`, and a stream of elements. `examples/remote.rs` shows it.
//!
//! The bytes that are kept take up to [`Fetched::memory`] in addition to what is said above.
//!
//! # Features
//!
//! - `serde` (default): `Element::deserialize`, `ArrayWriter::serialize`
//! - `npz` (default): `Npz`, archives of arrays
//! - `gzip` (default): `.npy.gz`, wherever a file is opened
//! - `mmap`: `Source::map`, files mapped into memory
//! - `arrow`: `NpyArray::record_batches`, elements as Arrow record batches
//! - `ndarray`: `TypedArray::to_ndarray` and `ArrayWriter::append_ndarray`
//! - `object_store`: `Remote`, arrays in object stores
//! - `json`: the module `json`, elements as JSON for people, and lossless
//!
//! # In which order to read the modules
//!
//! `npy_array` (what a user holds) and `open` (how it comes about); `opening` (what stands before
//! the elements), `batches` (where they are), `checkpoints`, `decoder` (one element at a time),
//! `shared` (what elements share), `members` (all of these together); `rows` (arrays without
//! objects); `value` (what an element is), and `de` and `json`, which write it otherwise. Beside
//! these stand `container`, `subscripts` and `descent` (going into containers), `contents` (whatever a file
//! holds), `outline` (elements too large to be shown), `index`, `split`
//! and `parallel`. `write` is the way back, with `ser` and `salvage`. `audit`
//! reads for itself. All reading goes through `window`, from a `source`, whose `format` is told by its
//! first bytes: `npz` are archives. `remote` requests what a source lacks. Opcodes are the business
//! of [`pickle`], the preamble that of [`header`].
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "mmap"), forbid(unsafe_code))]

mod array;
pub mod audit;
mod convert;
mod decode;
mod error;
mod layout;
mod locate;
mod nested;
mod options;
mod output;
mod source;
mod value;
pub mod write;

use std::path::Path;

pub use npy_header as header;
pub use pickle_stream as pickle;

pub use array::contents::{AllContents, Arrays, Contents, Sections};
pub use array::elements::Elements;
pub use array::npy_array::NpyArray;
#[cfg(feature = "object_store")]
pub use array::remote::{Remote, RemoteArray};
pub use audit::Audit;
#[cfg(feature = "arrow")]
pub use convert::arrow::RecordBatches;
#[cfg(feature = "serde")]
pub use convert::de::from_slice;
#[cfg(feature = "json")]
pub use convert::json;
pub use decode::instructions::Instructions;
pub use decode::outline::{Outline, OutlineKind};
pub use error::{Error, ErrorKind, Result};
pub use layout::envelope::ContainerKind;
pub use layout::provenance::Provenance;
pub use locate::index::IndexUse;
pub use locate::split::Split;
pub use nested::container::{Container, Member};
pub use nested::descent::At;
pub use nested::subscripts::{Subscript, Subscripts};
pub use options::{Encoding, Limits, Options};
pub use source::format::Format;
#[cfg(feature = "npz")]
pub use source::npz;
#[cfg(feature = "npz")]
pub use source::npz::Npz;
pub use source::{Access, Fetched, Need, ReadAt, Source, SourceReader};
pub use value::{
    Array, ArrayClass, ArrayItems, Data, Date, DateTime, Element, Entries, ItemType, Items, Kind,
    Mask, NumPyScalar, Object, OwnedElement, PlainArray, Primitive, Record, Shape, StandardClass,
    Text, Time, TimeDelta, TypedArray,
};
pub use write::{ArrayWriter, RowWriter, Salvage, Salvaged, WriteOptions, remove_unfinished};

/// Opens a file with the default [`Options`].
///
/// Fails where the file cannot be read, where its preamble or the beginning of its pickle break the
/// format, and where the two disagree.
pub fn open(path: impl AsRef<Path>) -> Result<NpyArray> {
    Options::new().open(path)
}

/// Goes down into the containers of a file, with the default [`Options`].
///
/// What a file holds is its array; if that has no dimensions, its one element (`numpy.save` makes
/// such an array of a dict); or the object of a bare pickle. From there each subscript leads to a
/// member. What lies beside the way is surveyed, but not decoded.
///
/// Fails as reading does, and with clause `access.subscript` where there is no such member.
///
/// ```
/// use npy_object::{At, at};
///
/// let subscripts = "['train'][-1]".parse()?;
/// let At::Value(value) = at("tests/data/splits.npy", &subscripts)? else { panic!("an int") };
/// assert_eq!(value.element().as_i64()?, 5);
/// # Ok::<(), npy_object::Error>(())
/// ```
pub fn at(path: impl AsRef<Path>, subscripts: &Subscripts) -> Result<At> {
    Options::new().at(path, subscripts)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
