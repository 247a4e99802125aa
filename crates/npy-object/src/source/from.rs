//! Conversions to [`Source`], so that every function that opens a file takes a path, a file or
//! bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::handle::Source;
use crate::error::{Error, Result};

/// Each kind of path opens the file there.
macro_rules! from_path {
    ($($path:ty),*) => {$(
        impl TryFrom<$path> for Source {
            type Error = Error;

            fn try_from(path: $path) -> Result<Source> {
                Source::open_path(path.as_ref())
            }
        }
    )*};
}

from_path!(&str, &String, String, &Path, &PathBuf, PathBuf, &OsStr);

impl TryFrom<File> for Source {
    type Error = Error;

    fn try_from(file: File) -> Result<Source> {
        Ok(Source::file(file)?)
    }
}

/// A clone, which reads the same bytes.
impl From<&Source> for Source {
    fn from(source: &Source) -> Source {
        source.clone()
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Source {
        Source::bytes(bytes)
    }
}

impl From<&'static [u8]> for Source {
    fn from(bytes: &'static [u8]) -> Source {
        Source::bytes(bytes)
    }
}

impl<const N: usize> From<&'static [u8; N]> for Source {
    fn from(bytes: &'static [u8; N]) -> Source {
        Source::bytes(bytes)
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Source {
        Source::bytes(bytes)
    }
}
