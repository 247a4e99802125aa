//! Recipes: each solves one task, and stands alone.
//!
//! 1. [Read values of your own type](#read-values-of-your-own-type)
//! 2. [Read any element at once](#read-any-element-at-once)
//! 3. [Read a value in a dict](#read-a-value-in-a-dict)
//! 4. [Read whatever a file holds](#read-whatever-a-file-holds)
//! 5. [Read an array of an archive](#read-an-array-of-an-archive)
//! 6. [Decode on all processors](#decode-on-all-processors)
//! 7. [Read a file that may be hostile](#read-a-file-that-may-be-hostile)
//! 8. [Keep what is whole of a truncated file](#keep-what-is-whole-of-a-truncated-file)
//! 9. [Write an array longer than memory, and add to it](#write-an-array-longer-than-memory-and-add-to-it)
//! 10. [Turn elements into a table](#turn-elements-into-a-table)
//! 11. [Judge a file before others load it](#judge-a-file-before-others-load-it)
//!
//! The files are those of `tests/data` in the repository; `generate.py` beside them writes them
//! with NumPy.
//!
//! # Read values of your own type
//!
//! The elements of `tracks.npy` are dicts such as `{'id': 7, 'name': 'loop', 'points':
//! array(...)}`. Keys that the type does not name are skipped. (Feature `serde`.)
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Track {
//!     id: u32,
//!     name: String,
//! }
//!
//! let mut names = Vec::new();
//! for track in npy_object::open("tests/data/tracks.npy")?.into_deserialize::<Track>() {
//!     let Track { id, name } = track?;
//!     names.push(format!("{id} {name}"));
//! }
//! assert_eq!(names, ["7 loop", "8 spur"]);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Read any element at once
//!
//! `get` goes to an element by its number. Without an index, the file is surveyed up to there the
//! first time; an index is written once, next to the file, and every later reader uses it.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("strings.npy");
//! std::fs::copy("tests/data/strings.npy", &path)?;
//! npy_object::open(&path)?.write_index()?;
//!
//! let mut array = npy_object::open(&path)?;
//! assert_eq!(array.get(2)?.expect("one of three").as_str()?, "objects");
//! assert!(array.get(3)?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Read a value in a dict
//!
//! `numpy.save` of a dict makes an array without dimensions. A path leads into it, and into the
//! containers inside; the values beside the path are not decoded.
//!
//! ```
//! use npy_object::nested::At;
//!
//! // {'train': [3, 4, 5], 'test': [6]}
//! let path = ".train".parse()?;
//! let At::Container(mut train) = npy_object::at("tests/data/splits.npy", &path)? else {
//!     panic!("a list is there");
//! };
//! let mut sum = 0;
//! while let Some(member) = train.next_member()? {
//!     sum += member.value.as_i64()?;
//! }
//! assert_eq!(sum, 12);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Read whatever a file holds
//!
//! An array of objects, an array of numbers, a pickled list or dict, one value: [`Contents`] loops
//! over the elements, rows or members of any.
//!
//! ```
//! use npy_object::{Error, Options};
//!
//! let mut kinds = Vec::new();
//! for file in ["ragged.npy", "strings.npy", "splits.npy"] {
//!     let mut contents = Options::new().members(format!("tests/data/{file}"))?;
//!     contents.for_each(0..1, |first| {
//!         kinds.push(first.value.kind().name());
//!         Ok::<(), Error>(())
//!     })?;
//! }
//! assert_eq!(kinds, ["array", "str", "list"]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Read an array of an archive
//!
//! (Feature `npz`.)
//!
//! ```
//! use npy_object::{Npz, Options};
//!
//! let archive = Npz::open("tests/data/archive.npz")?;
//! let words = archive.choose("words")?;
//! let mut array = Options::new().open(archive.source(words)?)?;
//! assert_eq!(array.next_element()?.expect("one of three").as_str()?, "loop");
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Decode on all processors
//!
//! The results come in the order of the elements.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use npy_object::Element;
//!
//! let len = |element: Element<'_>| element.as_str().map(|text| text.len());
//! let mut lengths = Vec::new();
//! npy_object::open("tests/data/strings.npy")?.map_parallel(0, len, |len| {
//!     lengths.push(len);
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(lengths.into_iter().collect::<Result<Vec<_>, _>>()?, [5, 5, 7]);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Read a file that may be hostile
//!
//! Nothing in a file is run, and no length in it is believed before the bytes are there. A limit
//! bounds the memory; what needs more is an error, before it is taken.
//!
//! ```
//! use npy_object::{ErrorKind, Limits, Options};
//!
//! let options = Options::new().limits(Limits::within(64 << 20));
//! // BINBYTES8 of 2^62 bytes, of which none follow.
//! let pickle = b"\x80\x04](\x8e\0\0\0\0\0\0\0\x40".as_slice();
//! let mut contents = options.contents(pickle)?;
//! let error = contents.get(0).unwrap_err();
//! assert!(matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Limit));
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! # Keep what is whole of a truncated file
//!
//! A loop gives the elements of all whole batches before the error. [`Salvage`] writes them to a
//! new file.
//!
//! ```
//! use npy_object::{Salvage, Source};
//!
//! let mut bytes = std::fs::read("tests/data/strings.npy")?;
//! bytes.truncate(bytes.len() - 10);
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("saved.npy");
//! // The batch is not closed, so its values are doubtful: they may be parts of one element.
//! let saved = Salvage::new().keep_doubtful(true).write(Source::bytes(bytes), &path)?;
//! assert_eq!((saved.elements, saved.promised), (2, Some(3)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Write an array longer than memory, and add to it
//!
//! The file gets its name when it is whole. An append takes the time of what it adds, and leaves
//! the old file if it is interrupted.
//!
//! ```
//! use npy_object::ArrayWriter;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("log.npy");
//! let mut writer = ArrayWriter::create(&path)?;
//! for number in 0..3 {
//!     writer.serialize(&format!("line {number}"))?;
//! }
//! writer.finish()?;
//!
//! let mut writer = ArrayWriter::append_to(&path)?;
//! writer.serialize(&"line 3")?;
//! writer.finish()?;
//! assert_eq!(npy_object::open(&path)?.len(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Turn elements into a table
//!
//! (Features `arrow` and `parquet`.) The columns of dicts are their keys.
//!
//! ```
//! use npy_object::table::Export;
//!
//! let folder = tempfile::tempdir()?;
//! let array = npy_object::open("tests/data/tracks.npy")?;
//! let rows = Export::new().write(&array, folder.path().join("tracks.parquet"))?;
//! assert_eq!(rows, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Judge a file before others load it
//!
//! ```
//! use npy_object::{Audit, Source, audit::Verdict};
//!
//! // pickle.dumps of an object whose __reduce__ gives (os.system, ("true",))
//! let report = Audit::new().read(Source::bytes(b"cos\nsystem\n(S'true'\ntR."));
//! assert_eq!(report.verdict(), Verdict::Dangerous);
//! assert_eq!(Audit::new().open("tests/data/ragged.npy")?.verdict(), Verdict::Inert);
//! # Ok::<(), npy_object::Error>(())
//! ```
//!
//! [`Contents`]: crate::Contents
//! [`Salvage`]: crate::Salvage
