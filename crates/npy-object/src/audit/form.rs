//! The form of a file in an audit: a compressed file, an archive, or neither.

#[cfg(feature = "containers")]
use super::tar;
use crate::error::Result;
use crate::source::Source;
use crate::source::format::Format;
#[cfg(feature = "containers")]
use crate::source::packed::Packing;

/// A compressed file, or an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Gzip,
    Zip,
    #[cfg(feature = "containers")]
    Tar,
    #[cfg(feature = "containers")]
    Compressed(Packing),
}

impl Packed {
    /// Returns the form of a source by its first bytes; `None` for an array, a pickle, and a file
    /// of another kind.
    pub(super) fn of(source: &Source) -> Result<Option<Packed>> {
        #[cfg(feature = "containers")]
        if tar::is_tar(source)? {
            return Ok(Some(Packed::Tar));
        }
        match Format::of(source)? {
            Format::Gzip => Ok(Some(Packed::Gzip)),
            Format::Zip => Ok(Some(Packed::Zip)),
            #[cfg(feature = "containers")]
            Format::Pickle | Format::Other => Ok(Packing::of(source)?.map(Packed::Compressed)),
            _ => Ok(None),
        }
    }
}

/// The form of a member, as far as it decides whether a loader would unpickle it.
#[cfg(feature = "npz")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Array,
    /// A pickle, a compressed file or an archive.
    Loadable,
    Other,
}

#[cfg(feature = "npz")]
impl Form {
    pub(super) fn of(source: &Source) -> Result<Form> {
        Ok(match (Format::of(source)?, Packed::of(source)?) {
            (_, Some(_)) | (Format::Pickle, None) => Form::Loadable,
            (Format::Npy, None) => Form::Array,
            _ => Form::Other,
        })
    }
}
