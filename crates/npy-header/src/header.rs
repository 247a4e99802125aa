//! [`Header`]: what a preamble says of the array that follows it.

use alloc::vec::Vec;
use core::fmt;

use crate::dtype::DType;

/// What the preamble says of the array: `descr`, `fortran_order`, `shape`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the format that it was read from, or is written in.
    pub version: Version,
    /// What one item of the array is (`descr`).
    pub dtype: DType,
    /// Whether the first index varies fastest in the data, rather than the last. The items of an
    /// array of objects are in C order all the same.
    pub fortran_order: bool,
    /// The length of each dimension; empty for a 0-d array, which has one item.
    pub shape: Vec<usize>,
}

impl Header {
    /// The header of a new file, in the oldest [version](Self::version).
    pub fn new(dtype: DType, fortran_order: bool, shape: Vec<usize>) -> Header {
        Header { version: Version::V1, dtype, fortran_order, shape }
    }

    /// How many items the array has; `None` where that does not fit.
    pub fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0); // whatever the other dimensions are
        }
        self.shape.iter().try_fold(1u64, |count, &length| count.checked_mul(length as u64))
    }

    /// How many bytes of data follow the preamble; `None` where that does not fit. Means nothing
    /// where the dtype [holds objects](DType::has_object): a pickle follows then.
    pub fn nbytes(&self) -> Option<u64> {
        self.count()?.checked_mul(self.dtype.itemsize() as u64)
    }
}

/// A version of the format. They differ in the width of the length field and in the charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.0: length of 2 bytes, Latin-1.
    V1,
    /// 2.0: length of 4 bytes, Latin-1; for headers over 65,535 bytes. Since NumPy 1.9.
    V2,
    /// 3.0: length of 4 bytes, UTF-8; for names that Latin-1 lacks. Since NumPy 1.17.
    V3,
}

impl Version {
    /// The number before the point; the one after it is always 0.
    pub fn major(self) -> u8 {
        match self {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    /// Bytes that the length of the header takes.
    pub(crate) fn length_width(self) -> usize {
        match self {
            Version::V1 => 2,
            Version::V2 | Version::V3 => 4,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.0", self.major())
    }
}
