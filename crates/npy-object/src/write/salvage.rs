//! [`Salvage`]: copies the whole elements of a file that is truncated or damaged.
//!
//! # Which elements are certain
//!
//! An element of a closed batch is certain: its APPENDS is there, and a pickler never changes an
//! element that it has appended. In the batch in which the pickle is truncated there are values on
//! the stack, and **none of them is certainly an element**. A tuple of two or three items is
//! pickled as its items and then TUPLE2 or TUPLE3; nothing before the items shows that they are in
//! a tuple. So for any whole values `a`, `b`, `c`, ... in that batch, a pickler that writes the
//! single element `(a, (b, (c, ...` has written the same bytes up to there. Neither the number of
//! the values nor earlier elements exclude this.
//!
//! So these values are *doubtful*, and kept only if the caller asks for them. No element before the
//! truncation is missing then, but the last values may be parts of one element. The first value
//! that cannot be decoded or is going to be called is dropped, with all values after it, and so is
//! a last value that can still get items or a state.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use pickle_stream::may_begin_with_global;

use crate::array::npy_array::NpyArray;
use crate::error::{Error, Result};
use crate::layout::envelope::ContainerKind;
use crate::nested::at::At;
use crate::nested::container::Container;
use crate::nested::path;
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
use crate::write::archive::NpzWriter;
use crate::write::copy::Copy;
use crate::write::rows::RowWriter;
use crate::write::writer::{ArrayWriter, WriteOptions};

/// Bytes in which the beginning of a pickle is searched for.
const SEARCHED: u64 = 64 << 10;

/// Offsets that are tried there.
const TRIED: usize = 64;

/// Errors of damaged elements that are kept.
const ERRORS: usize = 100;

/// Copies the whole elements of a truncated or damaged file to a new `.npy` file.
///
/// | the file has | the new file has |
/// |---|---|
/// | an array, of which no element is lost | an array of the same shape |
/// | an array, of which elements are lost | an array of one dimension, with the other elements in C order |
/// | an array without dimensions of a dict, list or set | the same, with the whole entries |
/// | a bare pickle of a dict, list, tuple or set | an array without dimensions of it, as `numpy.save` writes a dict |
/// | an array without objects | the whole rows |
/// | an archive | what its only array gives; [`write_archive`](Self::write_archive) saves several |
///
/// Elements of closed batches are saved. In the batch in which a pickle is truncated, no value is
/// certainly an element: CPython writes the items of a tuple `(a, (b, c))` before anything that
/// shows a tuple, so `a` and `b` look like two elements if the file ends after them. Such values
/// are counted in [`Salvaged::doubtful`], and saved with [`keep_doubtful`](Self::keep_doubtful).
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
#[must_use = "a salvage saves nothing before `file` or `write`"]
pub struct Salvage {
    options: Options,
    keep_doubtful: bool,
    in_place: bool,
}

/// The result of a [`Salvage`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Salvaged {
    /// The number of elements, entries or rows that were saved.
    pub elements: u64,
    /// The number of elements that the file should have, where it is known.
    pub promised: Option<u64>,
    /// The first 100 elements that were lost although later ones were not, by number, with their
    /// errors.
    pub damaged: Vec<(u64, Error)>,
    /// The number of all these elements.
    pub damaged_count: u64,
    /// The number of values of the last batch that were not saved: they may be elements, or parts
    /// of a truncated element.
    pub doubtful: u64,
    /// Whether the array had a mask, which is never saved.
    pub mask_lost: bool,
    /// The error that ended reading; `None` where all of the file was read.
    pub broken_off: Option<Error>,
}

impl Salvaged {
    /// Returns whether nothing was lost.
    pub fn is_whole(&self) -> bool {
        self.broken_off.is_none() && self.damaged_count == 0 && !self.mask_lost
    }

    /// Returns whether elements were lost and none was saved.
    pub fn is_nothing(&self) -> bool {
        self.elements == 0 && !self.is_whole()
    }

    fn lose(&mut self, number: u64, error: Error) {
        self.damaged_count += 1;
        if self.damaged.len() < ERRORS {
            self.damaged.push((number, error));
        }
    }

    /// Finishes the output. A file that would have no element is not finished.
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

/// The output of a salvage.
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

/// The contents of a file, as far as they can be read.
enum Found {
    Array(Box<NpyArray>),
    Container(Box<Container>),
    Value(Box<OwnedElement>),
}

impl Salvage {
    /// Creates a salvage that saves the elements that are certain.
    pub fn new() -> Salvage {
        Salvage::default()
    }

    /// Sets the options of reading. Where the header contradicts the pickle, the pickle is used.
    pub fn options(mut self, options: Options) -> Salvage {
        self.options = options;
        self
    }

    /// Sets whether doubtful values of the last batch are saved too. The last of them may be parts
    /// of a truncated element.
    pub fn keep_doubtful(mut self, keep: bool) -> Salvage {
        self.keep_doubtful = keep;
        self
    }

    /// Sets whether [`file`](Self::file) may replace the input.
    pub fn in_place(mut self, in_place: bool) -> Salvage {
        self.in_place = in_place;
        self
    }

    /// Saves the file at `input` to a new file at `output`.
    ///
    /// Fails as [`check_paths`](Self::check_paths) and [`write`](Self::write) do.
    pub fn file(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<Salvaged> {
        self.check_paths(&input, &output)?;
        self.write(Source::open(input)?, output)
    }

    /// Checks, for a caller that opens `input` itself, that the output does not replace the input.
    ///
    /// Fails with clause `access.in_place` where both paths lead to the same file, also by a link,
    /// unless [`in_place`](Self::in_place) allows that.
    pub fn check_paths(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<()> {
        if self.in_place || !is_same_file(input.as_ref(), output.as_ref()) {
            return Ok(());
        }
        let message = "the output would replace the input";
        Err(Error::usage("access.in_place", message))
    }

    /// Saves a source to a new file. If elements are lost and none can be saved, there is no new
    /// file: see [`Salvaged::is_nothing`].
    ///
    /// If the preamble cannot be read, reads the first pickle of an array in the first 64 KiB.
    /// Tries the first 64 offsets that look like the beginning of a pickle.
    ///
    /// Fails where no array can be opened, and where writing fails. Other errors are in the result.
    pub fn write(&self, source: Source, output: impl AsRef<Path>) -> Result<Salvaged> {
        self.save(source, Target::<io::Empty>::File(output.as_ref()))
    }

    /// Saves a source to any output, as [`write`](Self::write) does. If no element can be saved,
    /// writes an array without elements.
    pub fn write_to(&self, source: Source, output: impl Write + Seek + Send) -> Result<Salvaged> {
        self.save(source, Target::Output(output))
    }

    /// Saves a member of an archive, as [`write`](Self::write) does, and compares its checksum.
    ///
    /// # Panics
    ///
    /// Panics where there is no member of this number.
    #[cfg(feature = "npz")]
    pub fn write_member(
        &self,
        archive: &Npz,
        member: usize,
        output: impl AsRef<Path>,
    ) -> Result<Salvaged> {
        let mut saved = self.write(archive.source(member)?, output)?;
        if let Err(error) = archive.verify(member) {
            // All elements may be there, but with other bytes than were saved.
            saved.broken_off.get_or_insert(error.without_salvage());
        }
        Ok(saved)
    }

    /// Saves an archive to a new archive without compression: the whole members, and of the others
    /// the elements that can be saved. Leaves out members of which nothing can be saved. Returns
    /// the name and the result of each member.
    ///
    /// Fails where writing fails. If nothing can be saved, there is no new file.
    /// [`Npz::broken_off`] returns whether members may be missing.
    #[cfg(feature = "npz")]
    pub fn write_archive(
        &self,
        archive: &Npz,
        output: impl AsRef<Path>,
    ) -> Result<Vec<(String, Salvaged)>> {
        let mut writer = NpzWriter::create(output)?;
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

    /// Saves a member.
    #[cfg(feature = "npz")]
    fn member(&self, archive: &Npz, member: usize, writer: &mut NpzWriter) -> Result<Salvaged> {
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
            // The whole member is copied, with its mask.
            (Ok(()), Ok(saved)) if saved.broken_off.is_none() && saved.damaged_count == 0 => {
                writer.add_member(name, &source)?;
                Ok(Salvaged { mask_lost: false, ..saved })
            }
            // It is not an array: its bytes are copied.
            (Ok(()), Err(_)) if !is_array => {
                writer.add_member(name, &source)?;
                Ok(Salvaged::default())
            }
            (verified, Ok(mut saved)) => {
                // All elements may be there, but with other bytes than were saved.
                if let Err(error) = verified {
                    saved.broken_off.get_or_insert(error.without_salvage());
                }
                if !saved.is_nothing() {
                    writer.add_member(name, &Source::file(file)?)?;
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
                let mut copy = Copy::of_members(&mut writer, container.objects_mut());
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

    /// Opens the contents of a file.
    fn find(&self, source: Source) -> Result<Found> {
        let options =
            self.options.clone().trust_payload(true).index(false).unfinished(self.keep_doubtful);
        let source = options.unpack(source)?;
        let within = || options.at(&source, &path::Path::default());
        match options.open(&source) {
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
                let is_bare = matches!(options.header(&source), Ok(None));
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

/// Returns whether the container at the beginning of an array without dimensions is its element,
/// and not a part of it, as far as the file can be read.
fn is_only_element(container: &mut Container) -> bool {
    if container.kind() == ContainerKind::Array {
        return false;
    }
    let Some(objects) = container.objects_mut() else { return true };
    objects.batches.survey_all(&mut objects.decoder.window).unwrap_or(true)
}

/// Finds the pickle of an array in a file whose preamble cannot be read.
fn search(options: &Options, source: &Source) -> Option<Found> {
    let mut head = Vec::new();
    source.to_reader().take(SEARCHED).read_to_end(&mut head).ok()?;
    let begins = head.windows(3).enumerate().filter(|(_, bytes)| may_begin_with_global(bytes));
    let mut arrays = begins
        .take(TRIED)
        .filter_map(|(offset, _)| options.open(source.section(offset as u64..)).ok());
    arrays.find(NpyArray::has_objects).map(|array| Found::Array(Box::new(array)))
}

/// Returns the options of writing an array of objects: in its shape, if no element is lost.
fn like(array: &mut NpyArray) -> Result<WriteOptions> {
    let options = WriteOptions::like(array)?;
    if array.shape().len() != 1 && is_whole(array)? {
        return Ok(options);
    }
    // The length is not trusted, so the array may be shorter.
    let most = usize::try_from(array.len()).unwrap_or(usize::MAX);
    Ok(options.up_to(most))
}

/// Returns whether every element can be read. A shape of several dimensions is written before the
/// elements, and is right only if all of them follow.
fn is_whole(array: &mut NpyArray) -> Result<bool> {
    let mut all = array.clone();
    if let Some(members) = all.objects_mut() {
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
            // A single item has no rows.
            Err(error) if !has_rows => return Err(error.without_salvage()),
            Err(error) => {
                saved.break_off(error);
                return Ok(saved);
            }
        }
    }
}

/// Returns the options of writing an array without dimensions that has a container.
fn around(container: &mut Container) -> WriteOptions {
    // The writer does not write protocols 0 and 1.
    let protocol = container.objects_mut().map_or(2, |objects| objects.decoder.protocol().max(2));
    WriteOptions::new().protocol(protocol).shape(&[])
}

/// Returns whether two paths lead to the same file. Links are followed.
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
