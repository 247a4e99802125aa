//! Reads NumPy object arrays that are larger than memory, one element at a time.
//!
//! NumPy saves an array of dtype `object` (ragged arrays, strings, dicts) as one pickle after a
//! `.npy` header. `numpy.load` reads that pickle whole, and runs the code that it names. This crate
//! decodes one element at a time, in the memory of one element, and runs nothing.
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
//! [`open`] takes a path, a [`File`](std::fs::File), bytes, or any other [`Source`], and opens an
//! array. [`Options`] has the same methods with options set, and the other ways into a file:
//!
//! | to open | call |
//! |---|---|
//! | an array | [`Options::open`] |
//! | whatever a file holds: an array, a container or a single value | [`Options::contents`] |
//! | all arrays and pickles that follow one another in a file | [`Options::all_contents`] |
//! | a container, or a value in one: the list under `['train']` of a dict | [`Options::at`] |
//! | the whole object of a pickle, as `numpy.load` does | [`Options::load`] |
//! | the header, the end, the outline, and nothing else | [`Options::header`], [`end_of`](Options::end_of), [`outline`](Options::outline) |
//!
//! An [`NpyArray`] gives its elements in one of these ways:
//!
//! - [`next_element`](NpyArray::next_element) lends one element after another, and decodes each
//!   into the memory of the last: nothing is allocated per element.
//! - [`next_block`](NpyArray::next_block) lends many elements at once. Those that have the same
//!   instructions are rows of one [`RowPlan`]: their numbers and payloads are taken from columns, and
//!   nothing is decoded.
//! - [`elements`](NpyArray::elements) and [`into_elements`](NpyArray::into_elements) are iterators
//!   of elements that own what they hold, from either end; [`elements_in`](NpyArray::elements_in)
//!   is a part of them.
//! - `into_deserialize::<T>()` is an iterator of values of your own type, through serde.
//! - [`get`](NpyArray::get) goes to any element. The first time, the file is surveyed up to there.
//!   An index, which [`write_index`](NpyArray::write_index) puts next to the file, makes that
//!   unnecessary.
//! - [`map_parallel`](NpyArray::map_parallel) decodes on several threads, in order.
//!   [`splits`](NpyArray::splits) are parts for several processes or machines.
//!
//! A [`nested::Container`] does the same for the members of a list, tuple, set, dict or deque, and a
//! [`nested::Tree`] describes what is in a file: keys, types, dtypes, shapes, lengths and bytes.
//!
//! The [cookbook] has a recipe for each of the usual tasks.
//!
//! # What an element is
//!
//! [`Element::kind`] returns a [`Kind`], which has a variant for every Python type that NumPy's
//! users pickle, for arrays and scalars of every dtype, and, for objects of classes that are not
//! known, the call that would have made them. If you know the type, call
//! [`as_array`](Element::as_array), [`as_str`](Element::as_str), [`as_f64`](Element::as_f64) and so
//! on; or, with the feature `serde`, `deserialize`.
//!
//! The file's bytes are borrowed where they can be. An object that an element holds twice has one
//! [`identity`](Element::identity).
//!
//! Files without objects open too; their elements are their rows along the first axis.
//!
//! # Tables
//!
//! With the feature `arrow`, `table::Export` writes elements to formats that engines read, in the
//! memory of a batch, and `record_batches` hands them to programs.
//!
//! # Writing
//!
//! [`ArrayWriter`] appends elements, one at a time, to an array whose length need not be known:
//! [of another file](ArrayWriter::copy_from), with the objects that they share, through serde, as
//! arrays, or [made of their parts](ArrayWriter::append_with). [`WriteOptions`] set shape, dtype
//! and protocol. A file gets its name when it is whole. [`Salvage`] writes the whole elements of a
//! file that is damaged or truncated.
//!
//! # Memory
//!
//! Reading an array of any length takes at most
//!
//! ```text
//! 16 MiB + the bytes of the largest element + 96 bytes for each of its instructions
//!        + 96 bytes for each element of the largest batch (NumPy writes 1,000)
//! ```
//!
//! and usually less than 4 MiB besides the element. The constant is two windows on the file of 1
//! MiB each, definitions that elements share up to [`Limits::shared`] (8 MiB), and at most 4.5 MiB
//! of checkpoints, by which elements and definitions are found: 24 bytes for 32 KiB of the file, or
//! for an element that is larger, further apart from 6 GiB on. [`Limits::within`] sets a bound of
//! your own: a file that needs more is an error before memory is taken. With a file in memory, or
//! mapped into it, elements are borrowed from there.
//!
//! # Errors
//!
//! An [`Error`] says what is wrong, at which byte, and which clause of the [specification] is
//! broken. The elements before it are valid: a truncated file gives every element of its whole
//! batches first. [`Options::validate`] returns all errors of a file.
//!
//! [specification]: https://github.com/npy-object/npy-object/blob/main/spec/README.md
//!
//! # Audit
//!
//! [`Audit`] reports what `numpy.load(allow_pickle=True)` would import and call, in every member of
//! an archive and in the bytes after the array, and how dangerous that is.
//!
//! # Over a network
//!
//! The crate does no I/O of its own on a [`Fetched`] file, which holds bytes that your code has
//! fetched. A call that needs other bytes fails with an error that names them, [`Error::need`];
//! made again with these bytes, it continues. A large element needs only its own bytes. A loop
//! makes requests of a size that you choose, and needs each byte once. With an index next to the
//! file, [`Options::open_with_index`] reads the few kilobytes of it that lead to an element.
//!
//! With the feature `object_store`, `Remote` opens objects in Amazon S3 and other stores in this
//! way: `get(i).await`, and a stream of elements. `examples/remote.rs` shows it.
//!
//! The bytes that are kept take up to [`Fetched::memory`] on top of the memory above.
//!
//! # Features
//!
//! - `serde` (default): `Element::deserialize`, `NpyArray::into_deserialize`,
//!   `ArrayWriter::serialize`
//! - `npz` (default): `Npz`, archives of arrays
//! - `gzip` (default): `.npy.gz`, wherever a file is opened
//! - `mmap`: `Source::map`, files mapped into memory
//! - `arrow`: `NpyArray::record_batches`, elements as Arrow record batches; the module `table`, elements
//!   as flat `.npy` files
//! - `parquet`, `ipc`, `jsonl`, `csv`: the same module, elements as Parquet, Arrow IPC, JSON lines, CSV
//! - `ndarray`: `TypedArray::to_ndarray` and `ArrayWriter::append_ndarray`
//! - `object_store`: `Remote`, arrays in object stores
//! - `json`: the module `json`, elements as JSON for people, and lossless
//!
//! # Reading the code
//!
//! Each room says at its top what it is for. From the bytes up:
//!
//! 1. `source`: bytes at offsets: files, streams, gzip, zip, remote; and the window on them
//! 2. `value`: what an element is
//! 3. `layout`: everything before the elements: preamble and envelope
//! 4. `locate`: where the elements are: batches, checkpoints, index, splits
//! 5. `decode`: from the span of an element to its value; the cursor
//! 6. `nested`: containers, and paths into them
//! 7. `array`: the open array, and the ways into a file
//!
//! `convert` (serde, Arrow, ndarray, JSON), `write` and `audit` build on these. Four files are in no
//! room: `error` and `options`, `output` (a file that gets its name when it is whole), and
//! `instructions` (the instructions of a pickle, for a disassembler), which needs only `source`. The
//! encoding of instructions is known to [`pickle`] alone, and that of headers to [`header`].
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "mmap"), forbid(unsafe_code))]

mod array;
pub mod audit;
mod convert;
mod decode;
mod error;
mod instructions;
mod layout;
mod locate;
pub mod nested;
mod options;
mod output;
mod source;
#[cfg(feature = "arrow")]
pub use convert::table;
mod value;
pub mod write;

pub use npy_header as header;
pub use pickle_stream as pickle;

pub use array::contents::{AllContents, Contents, Sections};
pub use array::npy_array::NpyArray;
#[cfg(feature = "object_store")]
pub use array::remote::{Remote, RemoteArray};
pub use array::validate::{Finding, Validation};
pub use audit::Audit;
#[cfg(feature = "arrow")]
pub use convert::arrow::{RecordBatches, schema::Inference};
#[cfg(feature = "serde")]
pub use convert::de::from_slice;
#[cfg(feature = "json")]
pub use convert::json;
pub use decode::block::{Block, BlockRows};
#[cfg(feature = "serde")]
pub use decode::elements::IntoDeserialize;
pub use decode::elements::{ByteRanges, Elements, IntoElements};
pub use decode::memo_cache::MemoCache;
pub use decode::outline::{Outline, OutlineKind};
pub use decode::plan::{ArrayPlan, BlockRow, Constant, Plan, RowPlan};
pub use error::{Error, ErrorKind, Result};
pub use instructions::Instructions;
pub use layout::provenance::Provenance;
pub use locate::index::{IndexKind, IndexUse};
pub use locate::split::Split;
pub use options::{Encoding, Limits, Options};
pub use source::format::Format;
#[cfg(feature = "npz")]
pub use source::npz;
#[cfg(feature = "npz")]
pub use source::npz::Npz;
pub use source::{Access, Fetched, Need, ReadAt, ReadBudget, Source, SourceReader};
pub use value::{
    Array, ArrayClass, ArrayItems, ByteRange, Data, Date, DateTime, Element, Entries, Floats,
    ItemType, Items, Kind, Mask, NumPyScalar, Object, OwnedElement, PlainArray, Primitive, Record,
    Shape, StandardClass, Text, Time, TimeDelta, TypedArray,
};
#[doc(hidden)]
pub use write::Pickled;
pub use write::{ArrayWriter, RowWriter, Salvage, Salvaged, WriteOptions, remove_unfinished};

/// Opens an array with the default [`Options`]: from a path, a [`File`](std::fs::File), bytes, or
/// any other [`Source`].
///
/// Fails where the source cannot be read, where its preamble or the envelope of its pickle break
/// the format, and where the two disagree.
///
/// ```
/// let mut array = npy_object::open("tests/data/strings.npy")?;
/// assert_eq!(array.get(1)?.unwrap().as_str()?, "NumPy");
/// # Ok::<(), npy_object::Error>(())
/// ```
pub fn open(source: impl TryInto<Source, Error: Into<Error>>) -> Result<NpyArray> {
    Options::new().open(source)
}

/// Follows a path into the containers of a file, with the default [`Options`].
///
/// The path begins at the array that the file holds; if that has no dimensions, at its one element
/// (`numpy.save` makes such an array of a dict); or at the object of a bare pickle. Each subscript
/// leads to a member. The other members are surveyed and not decoded.
///
/// Fails as reading does, and with clause `access.subscript` where there is no such member.
///
/// ```
/// use npy_object::nested::At;
///
/// let path = "['train'][-1]".parse()?;
/// let At::Value(value) = npy_object::at("tests/data/splits.npy", &path)? else { panic!("an int") };
/// assert_eq!(value.element().as_i64()?, 5);
/// # Ok::<(), npy_object::Error>(())
/// ```
pub fn at(
    source: impl TryInto<Source, Error: Into<Error>>,
    path: &nested::Path,
) -> Result<nested::At> {
    Options::new().at(source, path)
}

#[cfg(any(doc, doctest))]
pub mod cookbook;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
