//! [`IndexFile`]: the index next to a file, read and written as a whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fingerprint::Fingerprint;
use super::format::{Density, Entry, Head};
use super::parts::{Index, Runs};
use super::{IndexKind, run};
use crate::error::Result;
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Interval};
use crate::output::Output;
use crate::source::Source;

/// The contents of an index file: the checkpoints of a file, and its fingerprint.
#[derive(Debug)]
pub(crate) struct IndexFile {
    pub(crate) fingerprint: Fingerprint,
    /// The number of elements.
    pub(crate) elements: u64,
    pub(crate) checkpoints: Checkpoints,
    /// The places of all elements, of a dense index that was read. It has those between the first
    /// checkpoints, and maybe not all.
    pub(crate) runs: Option<Arc<Runs>>,
}

/// Finds the places of the elements between two checkpoints, for a dense index.
type Between<'a> = dyn FnMut(Interval) -> Result<Vec<Checkpoint>> + 'a;

/// The most bytes of an index that is held in memory, so that a run takes no read of the file.
const HELD: u64 = 4 << 20;

/// Returns the path of the index of a file: next to it, with `.idx` after its name.
fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".idx");
    PathBuf::from(name)
}

impl IndexFile {
    /// Writes the index of `file`, whole or not at all, and returns where it is. With
    /// [`IndexKind::Auto`], it is dense if that takes at most a tenth of the file.
    pub(crate) fn write(
        &self,
        file: &Path,
        kind: IndexKind,
        between: &mut Between<'_>,
    ) -> Result<PathBuf> {
        let path = path_of(file);
        let most = match kind {
            IndexKind::Auto => self.fingerprint.size / 10,
            IndexKind::Dense => u64::MAX,
            IndexKind::Sparse => 0,
        };
        if let Some(runs) = &self.runs
            && most == u64::MAX
            // An index that cannot be written to can be replaced.
            && self.extend(&path, runs, between).unwrap_or(false)
        {
            return Ok(path);
        }
        if most > 0 && self.write_dense(&path, most, between)? {
            return Ok(path);
        }
        let mut output = Output::create(&path)?;
        let head = self.head(Density::Sparse);
        let entry = |&place| Entry { place, run: 0 };
        let entries: Vec<_> = self.checkpoints.as_slice().iter().map(entry).collect();
        output.write(&head.to_bytes(&entries))?;
        output.finish()?;
        Ok(path)
    }

    fn head(&self, density: Density) -> Head {
        let checkpoints = self.checkpoints.as_slice().len() as u64;
        let IndexFile { fingerprint, elements, .. } = *self;
        Head { density, fingerprint, elements, checkpoints, size: 0 }
    }

    /// Writes a dense index; `false` where it would take more than `most` bytes.
    fn write_dense(&self, path: &Path, most: u64, between: &mut Between<'_>) -> Result<bool> {
        let places = self.checkpoints.as_slice();
        let mut head = self.head(Density::Dense);
        // The index of a file that was appended to is extended the next time.
        head.size = if self.runs.is_some() { head.with_room() } else { head.blocks_end() };
        // One element between any two checkpoints needs no run.
        if head.size > most || most < u64::MAX && self.elements < places.len() as u64 {
            return Ok(false);
        }
        let mut output = Output::create(path)?;
        let mut entries = Vec::with_capacity(places.len());
        // The checkpoints, which say where the runs are, are written after them.
        output.write(&vec![0; head.size as usize])?;
        if !self.write_runs(&mut output, &mut head, &mut entries, most, between)? {
            return Ok(false);
        }
        output.write_at(0, &head.to_bytes(&entries))?;
        output.finish()?;
        Ok(true)
    }

    /// Writes the new runs after those of the dense index that is at `path`, and the checkpoints at its
    /// front; `false` where it has no room for them. The old runs keep their places, so a reader that has
    /// opened the old index goes on with it.
    fn extend(&self, path: &Path, runs: &Runs, between: &mut Between<'_>) -> Result<bool> {
        let mut head = self.head(Density::Dense);
        let Some((end, old)) = runs.begins().split_last() else { return Ok(false) };
        if old.first().is_none_or(|&first| head.blocks_end() > first) {
            return Ok(false);
        }
        let mut output = Output::extend(path)?;
        // Another process may have written it again.
        if Index::open(Source::open_path(path)?)?.head != runs.head() {
            return Ok(false);
        }
        output.cut(*end)?;
        head.size = *end;
        let entry = |(&place, &run)| Entry { place, run };
        let mut entries: Vec<_> = self.checkpoints.as_slice().iter().zip(old).map(entry).collect();
        if !self.write_runs(&mut output, &mut head, &mut entries, u64::MAX, between)? {
            return Ok(false);
        }
        output.sync()?;
        output.keep()?;
        output.write_at(0, &head.to_bytes(&entries))?;
        output.finish()?;
        Ok(true)
    }

    /// Writes the runs of the checkpoints after those of `entries`; `false` where the index would have more
    /// than `most` bytes.
    fn write_runs(
        &self,
        output: &mut Output<'_>,
        head: &mut Head,
        entries: &mut Vec<Entry>,
        most: u64,
        between: &mut Between<'_>,
    ) -> Result<bool> {
        let places = self.checkpoints.as_slice();
        for (number, &place) in places.iter().enumerate().skip(entries.len()) {
            entries.push(Entry { place, run: head.size });
            let to = places.get(number + 1).copied();
            if to.is_none_or(|to| to.member == place.member + 1) {
                continue;
            }
            let run = match self.runs.as_ref().and_then(|runs| runs.of(number)) {
                Some(run) => run?,
                None => run::to_bytes(place, &between(Interval { from: place, to })?),
            };
            head.size += run.len() as u64;
            if run.len() > run::MOST || head.size > most {
                return Ok(false);
            }
            output.write(&run)?;
        }
        Ok(true)
    }

    /// Reads the index of a file; `None` where there is none. Only a regular file is an index: to open
    /// a pipe would wait for a writer.
    ///
    /// Fails with [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) where it is not an index, or not whole.
    pub(crate) fn read(file: &Path) -> Result<Option<IndexFile>> {
        use io::ErrorKind as K;
        let path = path_of(file);
        let is_file = fs::metadata(&path).map(|metadata| metadata.is_file());
        let opened = match is_file {
            Ok(true) => File::open(&path),
            Ok(false) => return Ok(None),
            Err(error) => Err(error),
        };
        let index = match opened {
            // Another file may have taken the name since.
            Ok(index) if !index.metadata()?.is_file() => return Ok(None),
            Ok(index) => index,
            // With `.idx` after it, a name may be too long.
            Err(error) if matches!(error.kind(), K::NotFound | K::InvalidFilename) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let source = match index.metadata()?.len() <= HELD {
            true => {
                let mut bytes = Vec::new();
                index.take(HELD).read_to_end(&mut bytes)?;
                Source::bytes(bytes)
            }
            false => Source::try_from(index)?,
        };
        IndexFile::of(source).map(Some)
    }

    /// Reads an index, but not its runs.
    ///
    /// Fails as [`read`](Self::read) does.
    pub(crate) fn of(source: Source) -> Result<IndexFile> {
        let index = Index::open(source)?;
        let Head { fingerprint, elements, .. } = index.head;
        let entries = index.all()?;
        let checkpoints = entries.iter().map(|entry| entry.place).collect();
        let runs = index.into_runs(&entries).map(Arc::new);
        Ok(IndexFile { fingerprint, elements, checkpoints, runs })
    }
}
