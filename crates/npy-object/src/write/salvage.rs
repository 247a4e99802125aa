//! Saves what is whole of a file that is cut off or damaged.
//!
//! # Which elements are certain
//!
//! An element of a closed batch is certain: the APPENDS that took it is there, and a pickler never
//! goes back to an element that it has appended. In the batch in which the pickle breaks off there
//! are values on the stack, and **none of them is certainly an element**. A tuple of two or three
//! items is pickled as its items and then TUPLE2 or TUPLE3; nothing before the items tells that a
//! tuple was begun. So for any whole values `a`, `b`, `c`, ... in that batch, in any number, a pickler
//! that writes the single element `(a, (b, (c, ...` has written the same bytes up to there. Neither
//! how many values follow one nor what earlier elements look like excludes this.
//!
//! So these values are *doubtful*, and kept only where the caller wants them. No element before the
//! place where the pickle breaks off is missing then, but the last values may be parts of one.
//! Dropped from them are values after the first that cannot be decoded or is to be called, and a
//! last one that can still get items or a state.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::array::npy_array::NpyArray;
use crate::error::{Error, Result};
use crate::layout::envelope::ContainerKind;
use crate::nested::container::Container;
use crate::nested::descent::At;
use crate::nested::subscripts::Subscripts;
use crate::options::Options;
use crate::source::Source;
#[cfg(feature = "npz")]
use crate::source::format::Format;
#[cfg(feature = "npz")]
use crate::source::npz::Npz;
use crate::value::element::Repr;
use crate::value::globals::ArrayClass;
use crate::value::owned::OwnedElement;
#[cfg(feature = "npz")]
use crate::write::archive::ArchiveWriter;
use crate::write::copy::Copy;
use crate::write::rows::RowWriter;
use crate::write::writer::{ArrayWriter, WriteOptions};

/// In how many bytes a pickle is looked for.
const SEARCHED: u64 = 64 << 10;

/// How many places are tried there.
const TRIED: usize = 64;

/// How many errors are kept of elements that were lost one by one.
const ERRORS: usize = 100;

/// Copies the elements of a broken file that can be saved into a new `.npy` file.
///
/// | the file holds | the new one is |
/// |---|---|
/// | an array, of which nothing is lost | an array of the same shape |
/// | an array, of which something is lost | an array of one dimension, of the elements in C order |
/// | an array without dimensions that holds a dict, list or set | the same, with the entries that are whole |
/// | a bare pickle of a dict, list, tuple or set | an array without dimensions that holds it, as `numpy.save` makes of a dict |
/// | an array without objects | the rows that are whole |
/// | an archive | that of its only array; [`write_archive`](Self::write_archive) saves several |
///
/// Elements of closed batches are saved. Of the batch in which a pickle breaks off, no value is
/// certainly an element: CPython writes the items of a tuple `(a, (b, c))` before anything tells
/// that there is a tuple, so `a` and `b` look like two elements if the file ends after them. These
/// values are counted in [`Salvaged::doubtful`], and saved with
/// [`keep_doubtful`](Self::keep_doubtful).
///
/// ```
/// use npy_object::{Salvage, Source};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("saved.npy");
/// let mut bytes = std::fs::read("tests/data/strings.npy")?;
/// bytes.truncate(bytes.len() - 10);
/// let saved = Salvage::new().keep_doubtful(true).write(Source::bytes(bytes), &path)?;
/// assert_eq!((saved.elements, saved.promised), (2, Some(3)));
/// assert!(!saved.is_whole());
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    options: Options,
    keep_doubtful: bool,
    in_place: bool,
}

/// What came of a [`Salvage`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Salvaged {
    /// Elements, entries or rows that were saved.
    pub elements: u64,
    /// Elements that there should be, where the file says how many.
    pub promised: Option<u64>,
    /// Elements that were lost although later ones were not: each with what is wrong with it, for the
    /// first 100.
    pub damaged: Vec<(u64, Error)>,
    /// How many those are in all.
    pub damaged_count: u64,
    /// Values of the last batch that may be elements, or parts of one that was cut off, and were not
    /// saved.
    pub doubtful: u64,
    /// Whether the array had a mask, which is never saved.
    pub mask_lost: bool,
    /// Where and why the file breaks off; `None` where all of it was read.
    pub broken_off: Option<Error>,
}

impl Salvaged {
    /// Whether nothing was lost.
    pub fn is_whole(&self) -> bool {
        self.broken_off.is_none() && self.damaged_count == 0 && !self.mask_lost
    }

    /// Whether something was lost and nothing was saved.
    pub fn is_nothing(&self) -> bool {
        self.elements == 0 && !self.is_whole()
    }

    fn lose(&mut self, number: u64, error: Error) {
        self.damaged_count += 1;
        if self.damaged.len() < ERRORS {
            self.damaged.push((number, error));
        }
    }

    /// Finishes the new file, unless it is one, and would hold nothing of what was looked for.
    fn finish(self, is_file: bool, finish: impl FnOnce() -> Result<()>) -> Result<Salvaged> {
        if !(is_file && self.is_nothing()) {
            finish()?;
        }
        Ok(self)
    }

    fn break_off(&mut self, error: Error) {
        self.broken_off = Some(error.without_salvage());
    }
}

/// Where a new file is written.
enum Target<'p, W> {
    File(&'p Path),
    Output(W),
}

impl<'p, W: Write + Seek + Send + 'p> Target<'p, W> {
    fn elements(self, options: WriteOptions) -> Result<ArrayWriter<'p>> {
        match self {
            Target::File(path) => options.create(path),
            Target::Output(output) => options.write_to(output),
        }
    }

    fn rows(self, options: WriteOptions) -> Result<RowWriter<'p>> {
        match self {
            Target::File(path) => options.create_rows(path),
            Target::Output(output) => options.write_rows_to(output),
        }
    }
}

/// What a file holds, as far as it can be read.
enum Found {
    Array(Box<NpyArray>),
    Container(Box<Container>),
    Value(Box<OwnedElement>),
}

impl Salvage {
    /// Saves the elements that are certain.
    pub fn new() -> Salvage {
        Salvage::default()
    }

    /// How the broken file is read. Its pickle is believed where the header disagrees.
    pub fn options(mut self, options: Options) -> Salvage {
        self.options = options;
        self
    }

    /// Saves the values of the last batch too that may be elements. The last of them may be parts of
    /// an element that was cut off.
    pub fn keep_doubtful(mut self, keep: bool) -> Salvage {
        self.keep_doubtful = keep;
        self
    }

    /// Allows [`file`](Self::file) to replace the broken file by the new one.
    pub fn in_place(mut self, in_place: bool) -> Salvage {
        self.in_place = in_place;
        self
    }

    /// Writes what can be saved of the file at `input` to a new file at `output`.
    ///
    /// Fails as [`check_paths`](Self::check_paths) and [`write`](Self::write) do.
    pub fn file(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<Salvaged> {
        self.check_paths(&input, &output)?;
        self.write(Source::open(input)?, output)
    }

    /// Fails with clause `access.in_place` where both paths lead to one file, by whatever names,
    /// unless [`in_place`](Self::in_place) allows that. For a caller that opens `input` itself.
    pub fn check_paths(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<()> {
        if self.in_place || !is_same_file(input.as_ref(), output.as_ref()) {
            return Ok(());
        }
        let message = "the output is the input, of which nothing else would be left";
        Err(Error::usage("access.in_place", message))
    }

    /// Writes what can be saved of `source` to a new file. Where something is lost and nothing can be
    /// saved, there is no new file: see [`Salvaged::is_nothing`].
    ///
    /// If the preamble cannot be read, the first pickle of an array that begins in the first 64 KiB is
    /// read, if it is one of the first 64 places that look like one.
    ///
    /// Fails where nothing can be opened, and where writing fails. What else is wrong with the file is
    /// in the answer.
    pub fn write(&self, source: Source, output: impl AsRef<Path>) -> Result<Salvaged> {
        self.save(source, Target::<io::Empty>::File(output.as_ref()))
    }

    /// As [`write`](Self::write), to any output, to which an array without elements is written where
    /// nothing can be saved.
    pub fn write_to(&self, source: Source, output: impl Write + Seek + Send) -> Result<Salvaged> {
        self.save(source, Target::Output(output))
    }

    /// As [`write`](Self::write), of a member of an archive, whose checksum is looked at too.
    ///
    /// # Panics
    ///
    /// Where there is no such member.
    #[cfg(feature = "npz")]
    pub fn write_member(
        &self,
        archive: &Npz,
        member: usize,
        output: impl AsRef<Path>,
    ) -> Result<Salvaged> {
        let mut saved = self.write(archive.source(member)?, output)?;
        if let Err(error) = archive.verify(member) {
            // Elements may all be there, and not be what was saved.
            saved.broken_off.get_or_insert(error.without_salvage());
        }
        Ok(saved)
    }

    /// Writes an archive of what can be saved of one: members that are whole, compressed no more, and
    /// what can be saved of the others. Members of which nothing can be saved are not in it. Returns
    /// the names of all members that were found, with what came of each.
    ///
    /// Fails where nothing can be opened, and where writing fails. Where nothing can be saved, there is
    /// no new file. [`Npz::broken_off`] says whether members may be missing.
    #[cfg(feature = "npz")]
    pub fn write_archive(
        &self,
        archive: &Npz,
        output: impl AsRef<Path>,
    ) -> Result<Vec<(String, Salvaged)>> {
        let mut writer = ArchiveWriter::create(output.as_ref())?;
        let mut saved = Vec::new();
        for (number, member) in archive.members().iter().enumerate() {
            let found = self.member(archive, number, &mut writer)?;
            saved.push((member.array_name().to_owned(), found));
        }
        if saved.iter().any(|(_, saved)| !saved.is_nothing()) {
            writer.finish()?;
        }
        Ok(saved)
    }

    /// Adds what can be saved of a member.
    #[cfg(feature = "npz")]
    fn member(&self, archive: &Npz, member: usize, writer: &mut ArchiveWriter) -> Result<Salvaged> {
        let name = archive.members()[member].name();
        let lost = |error: Error| {
            Ok(Salvaged { broken_off: Some(error.without_salvage()), ..Salvaged::default() })
        };
        let source = match archive.source(member) {
            Ok(source) => source,
            Err(error) => return lost(error),
        };
        let verified = archive.verify(member);
        let is_array = matches!(Format::of(&source), Ok(Format::Npy));
        let mut file = tempfile::tempfile()?;
        match (verified, self.write_to(source.clone(), &mut file)) {
            // It is what it was, with the mask that it may have.
            (Ok(()), Ok(saved)) if saved.broken_off.is_none() && saved.damaged_count == 0 => {
                writer.add(name, &source)?;
                Ok(Salvaged { mask_lost: false, ..saved })
            }
            // Not an array: bytes.
            (Ok(()), Err(_)) if !is_array => {
                writer.add(name, &source)?;
                Ok(Salvaged::default())
            }
            (verified, Ok(mut saved)) => {
                // Elements may all be there, and not be what was saved.
                if let Err(error) = verified {
                    saved.broken_off.get_or_insert(error.without_salvage());
                }
                if !saved.is_nothing() {
                    writer.add(name, &Source::file(file)?)?;
                }
                Ok(saved)
            }
            (Ok(()), Err(error)) | (Err(error), Err(_)) => lost(error),
        }
    }

    fn save<W: Write + Seek + Send>(&self, source: Source, to: Target<'_, W>) -> Result<Salvaged> {
        let is_file = matches!(to, Target::File(_));
        match self.find(source)? {
            Found::Array(mut array) if array.has_objects() => {
                let mut writer = to.elements(like(&mut array)?)?;
                let mask_lost = array.class() == Some(ArrayClass::Masked);
                let saved =
                    Salvaged { promised: Some(array.len()), mask_lost, ..Salvaged::default() };
                let saved = self.copy(Copy::new(&mut writer, &mut array), saved)?;
                saved.finish(is_file, || writer.finish())
            }
            Found::Container(mut container) => {
                let mut writer = to.elements(around(&mut container))?;
                let (kind, promised) = (container.kind(), container.known_len());
                let mut copy = Copy::of_members(&mut writer, Some(container.members_mut()));
                copy.enter(kind)?;
                let saved = self.copy(copy, Salvaged { promised, ..Salvaged::default() })?;
                saved.finish(is_file, || writer.finish())
            }
            Found::Value(value) => {
                let mut writer = to.elements(WriteOptions::new().shape(&[]))?;
                writer.append(value.element())?;
                let saved = Salvaged { elements: 1, promised: Some(1), ..Salvaged::default() };
                saved.finish(is_file, || writer.finish())
            }
            Found::Array(mut array) => {
                let options = WriteOptions::new().header(&array.to_header()).or_shorter();
                let mut writer = to.rows(options)?;
                let saved = rows(&mut array, |row| writer.append(row))?;
                saved.finish(is_file, || writer.finish())
            }
        }
    }

    /// Opens what a file holds.
    fn find(&self, source: Source) -> Result<Found> {
        let options =
            self.options.clone().trust_payload(true).index(false).unfinished(self.keep_doubtful);
        let source = options.unpack(source)?;
        let within = || options.clone().at_source(source.clone(), &Subscripts::default());
        match options.clone().read_source(source.clone()) {
            Ok(array) if array.has_objects() && array.shape().is_empty() => {
                if let Ok(At::Container(mut container)) = within()
                    && is_only_element(&mut container)
                {
                    return Ok(Found::Container(container));
                }
                Ok(Found::Array(Box::new(array)))
            }
            Ok(array) => Ok(Found::Array(Box::new(array))),
            Err(error) => {
                let is_bare = matches!(options.read_header(source.clone()), Ok(None));
                if is_bare && let Ok(found) = within() {
                    return Ok(match found {
                        At::Container(container) => Found::Container(container),
                        At::Value(value) => Found::Value(value),
                    });
                }
                search(&options, &source).ok_or_else(|| error.without_salvage())
            }
        }
    }

    fn copy(&self, mut copy: Copy<'_, '_>, mut saved: Salvaged) -> Result<Salvaged> {
        for number in 0.. {
            match copy.has(number) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    saved.break_off(error);
                    if !self.keep_doubtful {
                        saved.doubtful = copy.doubtful();
                    }
                    break;
                }
            }
            match copy.elements(number..=number) {
                Ok(()) => saved.elements += 1,
                Err(error) if copy.output_failed() => return Err(error),
                Err(error) => saved.lose(number, error),
            }
        }
        Ok(saved)
    }
}

/// Whether the container that an array without dimensions begins with is its element, and not a part
/// of it, as far as the file goes.
fn is_only_element(container: &mut Container) -> bool {
    if container.kind() == ContainerKind::Array {
        return false;
    }
    let members = container.members_mut();
    members.batches.survey_all(&mut members.decoder.window).unwrap_or(true)
}

/// Looks for the pickle of an array in a file whose preamble cannot be read.
fn search(options: &Options, source: &Source) -> Option<Found> {
    let mut head = Vec::new();
    source.to_reader().take(SEARCHED).read_to_end(&mut head).ok()?;
    let begins = head.windows(3).enumerate().filter(|(_, bytes)| {
        // PROTO, and FRAME, GLOBAL or SHORT_BINUNICODE: the name of what makes an array.
        matches!(bytes, [0x80, 2..=5, 0x95 | b'c' | 0x8c])
    });
    let mut arrays = begins
        .take(TRIED)
        .filter_map(|(place, _)| options.clone().read_source(source.section(place as u64..)).ok());
    arrays.find(NpyArray::has_objects).map(|array| Found::Array(Box::new(array)))
}

/// How an array of objects is written: in its shape if nothing is lost.
fn like(array: &mut NpyArray) -> Result<WriteOptions> {
    let options = WriteOptions::like(array)?;
    if array.shape().len() != 1 && is_whole(array)? {
        return Ok(options);
    }
    // No more are there than the file has bytes.
    let most = usize::try_from(array.len()).unwrap_or(usize::MAX);
    Ok(options.up_to(most))
}

/// Returns whether every element can be read. A shape of several dimensions is written before the
/// elements, and is right only if all of them follow.
fn is_whole(array: &mut NpyArray) -> Result<bool> {
    let mut all = array.try_clone()?;
    if let Some(members) = all.members_mut() {
        members.give_unfinished(false);
    }
    loop {
        match all.next_element() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        }
    }
}

/// Copies rows.
fn rows(array: &mut NpyArray, mut append: impl FnMut(&[u8]) -> Result<()>) -> Result<Salvaged> {
    let mut saved = Salvaged { promised: Some(array.len()), ..Salvaged::default() };
    let has_rows = !array.shape().is_empty();
    loop {
        match array.next_element() {
            Ok(Some(element)) => {
                if let Repr::Row(row) = element.repr() {
                    append(row.bytes)?;
                }
                saved.elements += 1;
            }
            Ok(None) => return Ok(saved),
            // Of a single item there are no rows.
            Err(error) if !has_rows => return Err(error.without_salvage()),
            Err(error) => {
                saved.break_off(error);
                return Ok(saved);
            }
        }
    }
}

/// How an array without dimensions is written that holds a container.
fn around(container: &mut Container) -> WriteOptions {
    // Protocols 0 and 1 are not written.
    let protocol = container.members_mut().decoder.protocol().max(2);
    WriteOptions::new().protocol(protocol).shape(&[])
}

/// Whether two paths lead to one file, as the system knows it: a link is the file that it links to.
fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
        matches!((identity(a), identity(b)), (Ok(a), Ok(b)) if a == b)
    }
    #[cfg(not(unix))]
    {
        matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
    }
}
