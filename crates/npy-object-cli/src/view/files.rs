//! The files that are shown: those that the arguments name, those in folders, and the members of
//! archives.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ignore::WalkBuilder;
use npy_object::npz::Member;
use npy_object::{Format, Limits, Options, Source, nested};
use serde::Serialize;

use super::lock;
use super::place::Place;
use crate::failure::{Failure, display};
use crate::input::{place, source};

/// Files of folders, and members of an archive, that are listed.
const MOST: usize = 10_000;
/// Values that are open at the same time. Each holds windows on its file and the last element.
const OPEN: usize = 8;

/// The files that are shown.
pub(super) struct Files {
    entries: Vec<Entry>,
    limits: Limits,
    options: Options,
    /// The values that were opened last, the last one first.
    open: Mutex<VecDeque<(Key, Arc<Place>)>>,
}

/// A file, or a member of an archive.
#[derive(Serialize)]
pub(super) struct Entry {
    /// The path as it is shown: `ARCHIVE:NAME` for a member.
    pub(super) name: String,
    /// Bytes of the file, or of the member, unpacked.
    size: Option<u64>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    pub(super) path: PathBuf,
    /// The name of the member, as its archive has it.
    #[serde(skip)]
    pub(super) member: Option<String>,
}

/// The number of an entry, and a path into it.
type Key = (usize, String);

impl Files {
    /// Finds the files. A folder is searched for arrays, pickles and archives of them.
    pub(super) fn find(paths: &[PathBuf], limits: Limits, options: Options) -> Files {
        let mut files = Files { entries: Vec::new(), limits, options, open: Mutex::default() };
        for path in paths {
            if path.is_dir() {
                files.add_folder(path);
                continue;
            }
            let (file, member) = place(path, None);
            match member {
                Some(_) => files.push(file, member, None, None),
                None => files.add(file),
            }
        }
        files
    }

    /// Returns the limits on each file.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the options with which each file is read.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the files, in the order of the arguments.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the value at a path in a file; an empty path is all that the file holds.
    pub(super) fn open(&self, number: usize, at: &str) -> Result<Arc<Place>, Failure> {
        let key = (number, at.to_owned());
        let find = |open: &mut VecDeque<(Key, Arc<Place>)>| {
            let found = open.iter().position(|(known, _)| *known == key)?;
            let found = open.remove(found)?;
            open.push_front(found);
            open.front().map(|(_, place)| Arc::clone(place))
        };
        if let Some(place) = find(&mut lock(&self.open)) {
            return Ok(place);
        }
        let source = self.source(self.entry(number)?)?;
        let path: Option<nested::Path> = match at {
            "" => None,
            path => Some(path.parse()?),
        };
        let place = Place::open(source, path, self.options.clone())?;
        let mut open = lock(&self.open);
        // Another request may have opened it in the meantime.
        if let Some(place) = find(&mut open) {
            return Ok(place);
        }
        open.truncate(OPEN - 1);
        open.push_front((key, Arc::clone(&place)));
        Ok(place)
    }

    /// Returns the file of this number.
    pub(super) fn entry(&self, number: usize) -> Result<&Entry, Failure> {
        let entry = self.entries.get(number);
        entry.ok_or_else(|| Failure::Refused(format!("there is no file {number}")))
    }

    /// Returns the bytes of an array or pickle, unpacked.
    fn source(&self, entry: &Entry) -> Result<Source, Failure> {
        let source = source(&entry.path, &self.limits)?;
        match &entry.member {
            Some(name) => {
                let archive = self.options.recover_npz(source)?;
                let missing = |error| archive.broken_off().cloned().unwrap_or(error);
                let member = archive.choose(name).map_err(missing)?;
                Ok(archive.source(member)?)
            }
            None => Ok(self.options.unpack(source)?),
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let mut walk = WalkBuilder::new(folder);
        walk.standard_filters(false).hidden(true).sort_by_file_path(Path::cmp);
        for entry in walk.build() {
            let path = match entry {
                Ok(entry) if entry.path().is_file() => entry.into_path(),
                Ok(_) => continue,
                Err(error) => {
                    self.push(folder, None, None, Some(error.to_string()));
                    continue;
                }
            };
            let format = Source::open(&path).and_then(|source| Format::of(&source));
            if !matches!(format, Ok(Format::Other) | Err(_)) {
                self.add(&path);
            }
        }
    }

    /// Adds a file, or the members of an archive.
    fn add(&mut self, path: &Path) {
        let source = match source(path, &self.limits) {
            Ok(source) => source,
            Err(failure) => {
                return self.push(path, None, None, Some(failure.text(path)));
            }
        };
        let size = source.known_size();
        if !matches!(Format::of(&source), Ok(Format::Zip)) {
            return self.push(path, None, size, None);
        }
        match self.options.recover_npz(source) {
            Ok(archive) => {
                let is_shown = |member: &&Member| !member.name().ends_with('/');
                for member in archive.members().iter().filter(is_shown) {
                    self.push(path, Some(member.name()), Some(member.size()), None);
                }
                if let Some(error) = archive.broken_off() {
                    self.push(path, None, size, Some(error.to_string()));
                }
            }
            Err(error) => self.push(path, None, size, Some(error.to_string())),
        }
    }

    fn push(
        &mut self,
        path: &Path,
        member: Option<&str>,
        size: Option<u64>,
        error: Option<String>,
    ) {
        if self.entries.len() >= MOST {
            return;
        }
        let mut name = display(path);
        if let Some(member) = member {
            name.push(':');
            name.push_str(member.strip_suffix(".npy").unwrap_or(member));
        }
        let (path, member) = (path.to_owned(), member.map(str::to_owned));
        self.entries.push(Entry { name, size, error, path, member });
    }
}
