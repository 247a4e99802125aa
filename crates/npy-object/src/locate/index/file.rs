//! [`IndexFile`]: the index next to a file, read and written as a whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::fingerprint::Fingerprint;
use super::format::{self, Head, MOST};
use super::parts::Index;
use crate::error::Result;
use crate::locate::checkpoints::Checkpoints;
use crate::output::Output;
use crate::source::Source;

/// The contents of an index file: the checkpoints of a file, and its fingerprint.
#[derive(Debug)]
pub(crate) struct IndexFile {
    pub(crate) fingerprint: Fingerprint,
    /// The number of elements.
    pub(crate) elements: u64,
    pub(crate) checkpoints: Checkpoints,
}

/// Returns the path of the index of a file: next to it, with `.idx` after its name.
fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".idx");
    PathBuf::from(name)
}

impl IndexFile {
    /// Writes the index of `file`, whole or not at all, and returns where it is.
    pub(crate) fn write(&self, file: &Path) -> Result<PathBuf> {
        let path = path_of(file);
        let mut output = Output::create(&path)?;
        let places = self.checkpoints.as_slice();
        output.write(&format::to_bytes(self.fingerprint, self.elements, places))?;
        output.finish()?;
        Ok(path)
    }

    /// Reads the index of a file; `None` where there is none. Only a regular file is an index: to open
    /// a pipe would wait for a writer.
    ///
    /// Fails with [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) where it is not an index, or not whole.
    pub(crate) fn read(file: &Path) -> Result<Option<IndexFile>> {
        use io::ErrorKind as K;
        let path = path_of(file);
        let mut bytes = Vec::new();
        let is_file = fs::metadata(&path).map(|metadata| metadata.is_file());
        let opened = match is_file {
            Ok(true) => File::open(&path),
            Ok(false) => return Ok(None),
            Err(error) => Err(error),
        };
        match opened {
            // Another file may have taken the name since.
            Ok(index) if !index.metadata()?.is_file() => return Ok(None),
            Ok(index) => {
                let most = Head::size_of(MOST);
                index.take(most + 1).read_to_end(&mut bytes)?;
            }
            // With `.idx` after it, a name may be too long.
            Err(error) if matches!(error.kind(), K::NotFound | K::InvalidFilename) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let index = Index::open(Source::bytes(bytes))?;
        let Head { fingerprint, elements, .. } = index.head;
        let checkpoints = index.all()?.into_iter().collect();
        Ok(Some(IndexFile { fingerprint, elements, checkpoints }))
    }
}
