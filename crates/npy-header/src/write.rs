//! [`Header::to_bytes`]: a header as NumPy writes it, byte for byte.

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    error::{Clause, Error, ErrorKind},
    header::{Header, Version},
    preamble::{LENGTH_AT, MAGIC},
    repr,
};

/// What NumPy puts between the header's text and the line end that closes it. Readers ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// NumPy 1.24 and later: room for the length of the axis that grows to take 21 digits, then
    /// spaces up to a multiple of 64 bytes, so that the data is aligned for vector instructions.
    #[default]
    Growable,
    /// NumPy 1.14 to 1.23: up to a multiple of 64 bytes.
    Align64,
    /// Before NumPy 1.14: up to a multiple of 16 bytes.
    Align16,
}

/// `GROWTH_AXIS_MAX_DIGITS` in `numpy/lib/format.py`: digits of the bits in 2^64 bytes.
const GROWTH_AXIS_MAX_DIGITS: usize = 21;

impl Header {
    /// The preamble of a file with this header, as `numpy.save` writes it.
    ///
    /// The version is the oldest, from [`version`](Header::version) on, that can hold the header.
    /// So with [`Version::V1`], which [`Header::new`] sets, it is the one NumPy chooses.
    ///
    /// # Errors
    /// `npy.descr.layout` where fields overlap or are out of order, see
    /// [`DType::descr`](crate::DType::descr); `npy.header.length` over 4 GiB.
    pub fn to_bytes(&self, padding: Padding) -> Result<Vec<u8>, Error> {
        let text = self.text(padding)?;
        [Version::V1, Version::V2, Version::V3]
            .into_iter()
            .filter(|version| *version >= self.version)
            .find_map(|version| assemble(&text, version, padding))
            .ok_or_else(|| {
                let message = format!("header of {} bytes is over 4 GiB", text.len());
                Error::new(ErrorKind::Misuse, Clause::HeaderLength, 0, message)
            })
    }

    fn text(&self, padding: Padding) -> Result<String, Error> {
        let mut text = format!(
            "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}",
            self.dtype.descr()?,
            if self.fortran_order { "True" } else { "False" },
            repr::Tuple(&self.shape),
        );
        let axis = if self.fortran_order {
            self.shape.last()
        } else {
            self.shape.first()
        };
        if let (Padding::Growable, Some(length)) = (padding, axis) {
            let digits = format!("{length}").len();
            text.extend((digits..GROWTH_AXIS_MAX_DIGITS).map(|_| ' '));
        }
        Ok(text)
    }
}

/// The whole preamble; none where this version cannot hold the text.
fn assemble(text: &str, version: Version, padding: Padding) -> Option<Vec<u8>> {
    let encoded = match version {
        Version::V3 => text.as_bytes().to_vec(),
        Version::V1 | Version::V2 => text
            .chars()
            .map(|c| u8::try_from(c).ok())
            .collect::<Option<Vec<_>>>()?,
    };
    let (align, prefix) = match padding {
        Padding::Growable | Padding::Align64 => (64, LENGTH_AT + version.length_width()),
        // Old writers reckoned with a length of two bytes, also in version 2.
        Padding::Align16 => (16, LENGTH_AT + Version::V1.length_width()),
    };
    // A header that is aligned as it is gets a full measure of spaces.
    let spaces = align - (prefix + encoded.len() + 1) % align;
    let length = u32::try_from(encoded.len() + spaces + 1).ok()?;
    let length = match version {
        Version::V1 => u16::try_from(length).ok()?.to_le_bytes().to_vec(),
        Version::V2 | Version::V3 => length.to_le_bytes().to_vec(),
    };
    Some(
        [
            MAGIC,
            &[version.major(), 0][..],
            &length,
            &encoded,
            &vec![b' '; spaces],
            b"\n",
        ]
        .concat(),
    )
}
