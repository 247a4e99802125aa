//! [`Header`], the content of a preamble: [`parse`](crate::parse) returns it, and
//! [`Header::to_bytes`] writes it.

use alloc::vec::Vec;
use core::fmt;

use crate::dtype::DType;

/// The first bytes of a file.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The offset of the length of the header, after the magic and the two bytes of the version.
pub(crate) const LENGTH_AT: usize = MAGIC.len() + 2;

/// The header of a `.npy` file: its version, and the dtype, order and shape of its array.
///
/// # Examples
/// ```
/// use npy_header::Header;
///
/// let header = Header::new("<f8".parse()?, false, vec![2, 3]);
/// assert_eq!(header.count(), Some(6));
/// assert_eq!(header.nbytes(), Some(48));
/// # Ok::<(), npy_header::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The version that the file has, or the oldest one that it may be written in.
    pub version: Version,
    /// The type of one item (`descr`).
    pub dtype: DType,
    /// Whether the data is in Fortran order (the first index varies fastest) and not in C order
    /// (the last index varies fastest). An array of objects is in C order in either case, because
    /// NumPy pickles its elements in C order.
    pub fortran_order: bool,
    /// The length of each dimension. A 0-d array has none, and one item.
    pub shape: Vec<usize>,
}

impl Header {
    /// Creates a header for a new file, with the oldest version.
    #[must_use]
    pub fn new(dtype: DType, fortran_order: bool, shape: Vec<usize>) -> Header {
        Header { version: Version::V1, dtype, fortran_order, shape }
    }

    /// Returns the number of items, or `None` if it does not fit a `u64`.
    pub fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0); // even where the product of the other lengths does not fit
        }
        self.shape.iter().try_fold(1u64, |count, &length| count.checked_mul(length as u64))
    }

    /// Returns the number of bytes of data after the preamble, or `None` if it does not fit a
    /// `u64`.
    ///
    /// This is not the size of the data if the dtype [has objects](DType::has_object): the data is
    /// a pickle then.
    pub fn nbytes(&self) -> Option<u64> {
        self.count()?.checked_mul(self.dtype.itemsize() as u64)
    }
}

/// A version of the format. Versions differ in the width of the length field and in the charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// 1.0: a length of 2 bytes, Latin-1.
    V1,
    /// 2.0: a length of 4 bytes, Latin-1; for headers over 65,535 bytes. Since NumPy 1.9.
    V2,
    /// 3.0: a length of 4 bytes, UTF-8; for field names outside Latin-1. Since NumPy 1.17.
    V3,
}

impl Version {
    /// Returns the major number. The minor number of every version is 0.
    pub fn major(self) -> u8 {
        match self {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    /// Returns the width of the field with the length of the header, in bytes.
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn version_displays_with_minor_number() {
        let versions = [Version::V1, Version::V2, Version::V3].map(|version| version.to_string());
        assert_eq!(versions, ["1.0", "2.0", "3.0"]);
    }

    #[test]
    fn overflowing_size_is_none() {
        let sizes = |shape: &[usize]| {
            let header = Header::new("<f8".parse().unwrap(), false, shape.to_vec());
            (header.count(), header.nbytes())
        };
        assert_eq!(sizes(&[]), (Some(1), Some(8)));
        assert_eq!(sizes(&[2, 3]), (Some(6), Some(48)));
        let huge = 1 << (usize::BITS - 2);
        assert_eq!(sizes(&[huge, huge, huge]), (None, None));
        assert_eq!(sizes(&[huge, huge, 0, huge]), (Some(0), Some(0)));
        #[cfg(target_pointer_width = "64")]
        assert_eq!(sizes(&[1 << 62]), (Some(1 << 62), None));
    }
}
