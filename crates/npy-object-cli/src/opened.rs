//! An open file: its arrays, pickles and members, and what follows them.

use std::cell::{Cell, OnceCell};
use std::path::Path;

use npy_object::header::Header;
use npy_object::write::is_interrupted_append;
use npy_object::{
    Contents, ErrorKind, Format, IndexUse, Npz, Options, ReadBudget, Salvage, Source, nested,
};

use crate::failure::{Failure, display};
use crate::input::{Input, Reading};
use crate::url;

/// Bytes of an element that is decoded for a look at a file.
pub(crate) const LOOK: usize = 1 << 20;
/// Bytes that are read for a look at a file, and at one that is requested from a server.
const READ: u64 = 16 << 20;
const REQUESTED: u64 = 1 << 20;

impl Input {
    /// Opens the file. In an archive, finds the member of the given name, if there is one.
    pub(crate) fn open(&self) -> Result<Opened<'_>, Failure> {
        let (file, _) = self.place();
        let (source, name) = self.source()?;
        let format = Format::of(&source).map_err(npy_object::Error::from)?;
        let npy = OnceCell::new();
        let mut opened = Opened {
            input: self,
            file,
            source,
            format,
            archive: None,
            member: None,
            npy,
            is_first: self.array == 0,
            end: Cell::new(None),
        };
        if name.is_some() || format == Format::Zip {
            // A truncated archive opens with the members before the cut; `check_archive` reports
            // it.
            let archive = self.options().recover_npz(opened.source.clone())?;
            if let Some(name) = name {
                // In a truncated archive, a name that is not found may be that of a missing member.
                let chosen = archive.choose(name);
                let missing = |error| archive.broken_off().cloned().unwrap_or(error);
                opened.member = Some(chosen.map_err(missing)?);
            }
            opened.archive = Some(archive);
        }
        Ok(opened)
    }
}

/// An open file.
pub(crate) struct Opened<'a> {
    input: &'a Input,
    file: &'a Path,
    pub(crate) source: Source,
    pub(crate) format: Format,
    archive: Option<Npz>,
    /// The number of the member whose name was given.
    member: Option<usize>,
    /// The bytes of the array, after the first call of `npy`: their source keeps the unpacked data.
    npy: OnceCell<Source>,
    /// Whether it is the first array or pickle of the file.
    is_first: bool,
    /// The offset of its end, once that is known.
    end: Cell<Option<u64>>,
}

impl Opened<'_> {
    /// Returns the path of the file.
    pub(crate) fn file(&self) -> &Path {
        self.file
    }

    /// Returns the archive, if no member of it was named.
    pub(crate) fn whole_archive(&self) -> Option<&Npz> {
        self.archive.as_ref().filter(|_| self.member.is_none())
    }

    /// Returns the archive, and the number of the member that was named, or is its only array.
    pub(crate) fn member(&self) -> npy_object::Result<Option<(&Npz, usize)>> {
        let Some(archive) = &self.archive else { return Ok(None) };
        let member = self.member.map_or_else(|| archive.only(), Ok)?;
        Ok(Some((archive, member)))
    }

    /// Returns the bytes of the array.
    pub(crate) fn npy(&self) -> Result<Source, Failure> {
        if let Some(npy) = self.npy.get() {
            return Ok(npy.clone());
        }
        let mut npy = match self.member()? {
            Some((archive, member)) => archive.source(member)?,
            None => self.input.options().unpack(self.source.clone())?,
        };
        if self.input.array > 0 {
            let mut sections = self.input.options().sections(npy)?;
            let mut count = 0;
            npy = loop {
                match sections.next() {
                    Some(section) if count == self.input.array => break section?,
                    Some(section) => drop(section?),
                    None => {
                        let wanted = self.input.array;
                        return Err(Failure::Refused(format!(
                            "no array or pickle {wanted}, counted from 0: the file holds {count}"
                        )));
                    }
                }
                count += 1;
            };
        }
        Ok(self.npy.get_or_init(|| npy).clone())
    }

    /// Calls `each` with the array or pickle that `--array` names, or with `all` for every one of
    /// the file.
    pub(crate) fn each(
        &mut self,
        all: bool,
        mut each: impl FnMut(&Opened<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !all {
            return each(self);
        }
        for section in self.input.options().sections(self.npy()?)? {
            self.npy = OnceCell::from(section?);
            self.end.set(None);
            each(self)?;
            self.is_first = false;
        }
        Ok(())
    }

    /// Stores the offset of the end of the array or pickle.
    pub(crate) fn ends_at(&self, end: u64) {
        self.end.set(Some(end));
    }

    /// Prints a note on stderr if data follow the array or pickle. With `look`, reads at most 16
    /// MiB to find out, or 1 MiB of a URL.
    pub(crate) fn note_rest(&self, look: bool) -> Result<(), Failure> {
        let npy = self.npy()?;
        let (source, _) = self.within_look(&npy);
        let rest = self.rest(if look { &source } else { &npy });
        let (begin, format) = match rest {
            Ok(Some(rest)) => rest,
            Ok(None) => return Ok(()),
            // An error further on is reported when it is reached.
            Err(_) if look => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let file = display(self.file);
        match format {
            Format::Other => {
                let why = match is_interrupted_append(&npy, begin) {
                    Ok(true) => ": an append was interrupted, and the next one removes them",
                    _ => "",
                };
                eprintln!(
                    "npyo: {file}: the bytes from {begin} on are no array and no pickle{why}"
                );
            }
            format => {
                let what = if format == Format::Pickle { "pickle" } else { "array" };
                let next = self.input.array + 1;
                eprintln!(
                    "npyo: {file}: another {what} follows at byte {begin}: --array {next} shows \
                     it, --all everything"
                );
            }
        }
        Ok(())
    }

    /// Returns the offset and the format of the data after the array or pickle; `None` at the end
    /// of the file.
    fn rest(&self, source: &Source) -> npy_object::Result<Option<(u64, Format)>> {
        let end = self.end.get().map_or_else(|| self.input.options().end_of(source), Ok)?;
        // A pipe may stay open after the array, so this does not wait for more data.
        let is_pipe = !self.file.is_file();
        if (is_pipe && !source.is_ready(end)) || source.read_at(&mut [0], end)? == 0 {
            return Ok(None);
        }
        Ok(Some((end, Format::of(&source.section(end..))?)))
    }

    /// Returns the options of the arguments.
    pub(crate) fn options(&self, reading: &Reading) -> Options {
        reading.apply(self.input.options())
    }

    /// Returns a source of the same bytes for a look, whose reads fail when its budget is spent.
    pub(crate) fn within_look(&self, source: &Source) -> (Source, ReadBudget) {
        source.within(if url::of(self.file).is_some() { REQUESTED } else { READ })
    }

    /// Returns the options for a look at the file, in constant memory: elements of more than `most` bytes
    /// are not decoded.
    pub(crate) fn options_for_look(&self, reading: &Reading, most: usize) -> Options {
        let mut limits = self.input.limits();
        limits.element = limits.element.min(most);
        limits.pickle.nodes = limits.pickle.nodes.min(most / 16);
        self.options(reading).limits(limits)
    }

    /// Reads the preamble, and returns it with the place where the data begin; `None` in a bare pickle.
    pub(crate) fn header(&self, npy: &Source) -> npy_object::Result<Option<(Header, u64)>> {
        self.input.options().header(npy.clone())
    }

    /// Returns a salvage with the options of the arguments.
    pub(crate) fn salvage(&self, reading: &Reading) -> Salvage {
        Salvage::new().options(self.options(reading))
    }

    /// Opens the contents of the file, and prints a note if its index is not used. With `at`, opens
    /// the value at that path; with `entries`, the members of a container that is alone in its
    /// array.
    pub(crate) fn contents(
        &self,
        reading: &Reading,
        at: Option<&nested::Path>,
        entries: bool,
    ) -> Result<Contents, Failure> {
        let (options, npy) = (self.options(reading), self.npy()?);
        if let Some(path) = at {
            return Ok(options.at(npy, path)?.into());
        }
        let contents = match entries {
            true => options.members(npy)?,
            false => options.contents(npy)?,
        };
        self.note_index(contents.index_use());
        Ok(contents)
    }

    /// Opens the members of what the file holds, or the value at a path, as `contents` does, for a look
    /// in constant memory: an element of more than `most` bytes is not decoded, and has an outline.
    pub(crate) fn contents_for_look(
        &self,
        reading: &Reading,
        at: Option<&nested::Path>,
        most: usize,
    ) -> Result<Contents, Failure> {
        self.open_limited(reading, at, most, |_| true)
    }

    /// Does the same where elements of an array are decoded whatever their size.
    pub(crate) fn members_within(
        &self,
        reading: &Reading,
        at: Option<&nested::Path>,
        most: usize,
    ) -> Result<Contents, Failure> {
        self.open_limited(reading, at, most, |contents| !matches!(contents, Contents::Array(_)))
    }

    /// Opens members of which those of more than `most` bytes are not decoded, or without that limit where
    /// they are not `limited`.
    fn open_limited(
        &self,
        reading: &Reading,
        at: Option<&nested::Path>,
        most: usize,
        limited: impl Fn(&Contents) -> bool,
    ) -> Result<Contents, Failure> {
        let npy = self.npy()?;
        let open = |options: &Options| match at {
            Some(path) => options.at(npy.clone(), path).map(Contents::from),
            None => options.members(npy.clone()),
        };
        let contents = match open(&self.options_for_look(reading, most)) {
            Ok(contents) if limited(&contents) => contents,
            // A single value has no outline.
            Err(error) if error.kind() != ErrorKind::Limit => return Err(error.into()),
            _ => open(&self.options(reading))?,
        };
        self.note_index(contents.index_use());
        Ok(contents)
    }

    /// Fails where the archive was cut off, so that members may be missing.
    pub(crate) fn check_archive(&self) -> npy_object::Result<()> {
        let broken_off = self.archive.as_ref().and_then(Npz::broken_off);
        broken_off.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Prints a note if an index is not used.
    fn note_index(&self, index: IndexUse) {
        let why = match index {
            IndexUse::Stale => "out of date",
            IndexUse::Damaged => "damaged",
            _ => return,
        };
        let file = display(self.file);
        let help = match url::of(self.file) {
            Some(_) => String::new(),
            None => format!(": `npyo index {file}` writes it again"),
        };
        eprintln!("npyo: {file}.idx is {why} and not used{help}");
    }

    /// Compares the checksum of a member of an archive that was read to its end.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        match self.archive {
            Some(_) => Ok(self.npy()?.verify()?),
            None => Ok(()),
        }
    }
}
