//! [`Header::to_bytes`], which writes a preamble with the same bytes as NumPy.

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    error::{Clause, Error, ErrorKind},
    header::{Header, LENGTH_AT, MAGIC, Version},
    repr,
};

/// The spaces between the text of a header and its last line end. Each release of NumPy writes one
/// of these forms, and readers ignore them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding {
    /// NumPy 1.24 and later: spaces for a length of 21 digits in the axis that an append changes,
    /// then spaces up to a multiple of 64 bytes.
    #[default]
    Growable,
    /// NumPy 1.14 to 1.23: spaces up to a multiple of 64 bytes.
    Align64,
    /// Before NumPy 1.14: spaces up to a multiple of 16 bytes.
    Align16,
}

/// `GROWTH_AXIS_MAX_DIGITS` in `numpy/lib/format.py`: the digits of the number of bits in 2^64
/// bytes.
const GROWTH_AXIS_MAX_DIGITS: usize = 21;

impl Header {
    /// Returns the preamble of a file with this header, with the bytes that `numpy.save` writes.
    ///
    /// The version is the oldest one that can hold the header and is not older than
    /// [`version`](Header::version). NumPy chooses in the same way from [`Version::V1`] on, which
    /// is the version that [`Header::new`] sets.
    ///
    /// # Errors
    /// Usage: `npy.header.length` if the header is over 4 GiB; `npy.descr.layout` if fields overlap
    /// or are out of order, see [`DType::to_descr`](crate::DType::to_descr).
    ///
    /// # Examples
    /// ```
    /// use npy_header::{DType, Header, Padding};
    ///
    /// let header = Header::new(DType::OBJECT, false, vec![3]);
    /// let bytes = header.to_bytes(Padding::default())?;
    /// assert!(bytes[10..].starts_with(b"{'descr': '|O', 'fortran_order': False, "));
    /// assert_eq!(bytes.len() % 64, 0);
    /// # Ok::<(), npy_header::Error>(())
    /// ```
    pub fn to_bytes(&self, padding: Padding) -> Result<Vec<u8>, Error> {
        let text = self.text(padding)?;
        [Version::V1, Version::V2, Version::V3]
            .into_iter()
            .filter(|version| *version >= self.version)
            .find_map(|version| assemble(&text, version, padding))
            .ok_or_else(|| {
                let message = format!("header of {} bytes is over the limit of 4 GiB", text.len());
                Error::new(ErrorKind::Usage, Clause::HeaderLength, 0, message)
            })
    }

    /// Returns a preamble with this header, of `size` bytes, and in its [version](Header::version):
    /// for a file whose data must not move when its header changes. NumPy reads a preamble of any size.
    ///
    /// # Errors
    /// Usage: `npy.header.length` if the header has more bytes or not the version; and as
    /// [`to_bytes`](Self::to_bytes).
    ///
    /// # Examples
    /// ```
    /// use npy_header::{DType, Header, Padding};
    ///
    /// let bytes = Header::new(DType::OBJECT, false, vec![1000]).to_bytes_of_size(127)?;
    /// assert!(bytes.ends_with(b" \n") && bytes.len() == 127);
    /// assert!(Header::new(DType::OBJECT, false, vec![1000]).to_bytes_of_size(60).is_err());
    /// # Ok::<(), npy_header::Error>(())
    /// ```
    pub fn to_bytes_of_size(&self, size: usize) -> Result<Vec<u8>, Error> {
        let text = self.text(Padding::Align64)?;
        encode(&text, self.version)
            .and_then(|encoded| {
                let prefix = LENGTH_AT + self.version.length_width();
                let spaces = size.checked_sub(prefix + encoded.len() + 1)?;
                preamble(&encoded, self.version, spaces)
            })
            .ok_or_else(|| {
                let message = format!(
                    "a header of {} bytes does not fit into a preamble of {size} bytes",
                    text.len()
                );
                Error::new(ErrorKind::Usage, Clause::HeaderLength, 0, message)
            })
    }

    fn text(&self, padding: Padding) -> Result<String, Error> {
        let mut text = format!(
            "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}",
            self.dtype.to_descr()?,
            if self.fortran_order { "True" } else { "False" },
            repr::Tuple(&self.shape),
        );
        let axis = if self.fortran_order { self.shape.last() } else { self.shape.first() };
        if let (Padding::Growable, Some(length)) = (padding, axis) {
            let digits = format!("{length}").len();
            text.extend((digits..GROWTH_AXIS_MAX_DIGITS).map(|_| ' '));
        }
        Ok(text)
    }
}

/// Returns the text in the encoding of a version; `None` if the version cannot hold it.
fn encode(text: &str, version: Version) -> Option<Vec<u8>> {
    match version {
        Version::V3 => Some(text.as_bytes().to_vec()),
        Version::V1 | Version::V2 => text.chars().map(|c| u8::try_from(c).ok()).collect(),
    }
}

/// Assembles the preamble, or returns `None` if `version` cannot hold the text.
fn assemble(text: &str, version: Version, padding: Padding) -> Option<Vec<u8>> {
    let encoded = encode(text, version)?;
    let (align, prefix) = match padding {
        Padding::Growable | Padding::Align64 => (64, LENGTH_AT + version.length_width()),
        // NumPy before 1.14 counts 2 bytes for the length in version 2 too, where it takes 4.
        Padding::Align16 => (16, LENGTH_AT + Version::V1.length_width()),
    };
    // A header that is aligned without spaces gets `align` spaces, as in NumPy.
    let spaces = align - (prefix + encoded.len() + 1) % align;
    preamble(&encoded, version, spaces)
}

/// Returns the preamble with a header and this many spaces after it.
fn preamble(encoded: &[u8], version: Version, spaces: usize) -> Option<Vec<u8>> {
    let length = u32::try_from(encoded.len() + spaces + 1).ok()?;
    let length = match version {
        Version::V1 => u16::try_from(length).ok()?.to_le_bytes().to_vec(),
        Version::V2 | Version::V3 => length.to_le_bytes().to_vec(),
    };
    Some([MAGIC, &[version.major(), 0][..], &length, encoded, &vec![b' '; spaces], b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{DType, Field, Struct};

    const FLOAT: &str = "<f8";

    fn header(dtype: &str, fortran_order: bool, shape: &[usize]) -> Header {
        Header::new(dtype.parse().unwrap(), fortran_order, shape.to_vec())
    }

    /// Returns a header of one field, whose name is `letter`, `length` times.
    fn named(length: usize, letter: char) -> Header {
        let name = core::iter::repeat_n(letter, length).collect();
        let field = Field { name, title: None, dtype: FLOAT.parse().unwrap(), offset: 0 };
        let record = Struct::new(vec![field], 8).unwrap();
        Header::new(DType::Struct(record), false, vec![7])
    }

    fn written(header: &Header, padding: Padding) -> (u8, usize) {
        let bytes = header.to_bytes(padding).unwrap();
        (bytes[6], bytes.len())
    }

    /// The expected bytes are those of NumPy 2.5.
    #[test]
    fn preamble_has_the_bytes_of_numpy() {
        let spaces = " ".repeat(60);
        let expected = format!(
            "NUMPY\x01\0v\0{{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }}{spaces}\n"
        );
        let bytes = header(FLOAT, false, &[3]).to_bytes(Padding::default()).unwrap();
        assert_eq!(bytes[0], 0x93);
        assert_eq!(core::str::from_utf8(&bytes[1..]).unwrap(), expected);
    }

    /// The axis that can grow is the first, or the last in Fortran order.
    #[test]
    fn growable_padding_depends_on_the_axis_that_grows() {
        let spaces = |order, shape: &[usize]| {
            let text = header(FLOAT, order, shape).text(Padding::Growable).unwrap();
            text.len() - text.trim_end().len()
        };
        assert_eq!(spaces(false, &[123, 4]), 18);
        assert_eq!(spaces(true, &[123, 4]), 20);
        assert_eq!(spaces(false, &[]), 0);
        assert_eq!(spaces(false, &[usize::MAX]), 21 - format!("{}", usize::MAX).len());
    }

    /// The lengths are those that NumPy 2.5, 1.23 and 1.13 write before and after the preamble
    /// grows by one alignment.
    #[test]
    fn padding_has_the_length_of_its_numpy() {
        for (padding, length, before, after) in [
            (Padding::Growable, 32, 128, 192),
            (Padding::Growable, 96, 192, 256),
            (Padding::Align64, 52, 128, 192),
            (Padding::Align64, 116, 192, 256),
            (Padding::Align16, 4, 80, 96),
            (Padding::Align16, 132, 208, 224),
        ] {
            assert_eq!(written(&named(length - 1, 'a'), padding), (1, before), "{padding:?}");
            assert_eq!(written(&named(length, 'a'), padding), (1, after), "{padding:?}");
        }
    }

    /// The lengths are those of NumPy 2.5, 1.23 and 1.13. NumPy 1.13 does not align version 2.
    #[test]
    fn long_header_has_version_2() {
        assert_eq!(written(&named(65_430, 'a'), Padding::Growable), (1, 65_536));
        assert_eq!(written(&named(65_440, 'a'), Padding::Growable), (2, 65_600));
        assert_eq!(written(&named(65_455, 'a'), Padding::Align64), (1, 65_536));
        assert_eq!(written(&named(65_460, 'a'), Padding::Align64), (2, 65_600));
        assert_eq!(written(&named(65_455, 'a'), Padding::Align16), (1, 65_536));
        assert_eq!(written(&named(65_460, 'a'), Padding::Align16), (2, 65_554));
    }

    #[test]
    fn character_outside_latin_1_has_version_3() {
        assert_eq!(written(&named(1, 'é'), Padding::Growable), (1, 128));
        assert_eq!(written(&named(1, '€'), Padding::Growable), (3, 128));
        let later = Header { version: Version::V2, ..named(1, 'a') };
        assert_eq!(written(&later, Padding::Growable), (2, 128));
    }

    #[test]
    fn preamble_of_a_size_has_the_same_header() {
        let new = header("|O", false, &[70_000]);
        let shortest = 10 + new.text(Padding::Align64).unwrap().len() + 1;
        for size in [shortest, shortest + 1, 127, 128, 1000] {
            let bytes = new.to_bytes_of_size(size).unwrap();
            let parsed = crate::parse(&bytes, &crate::Limits::default()).unwrap();
            assert_eq!(parsed, crate::Progress::Done { header: new.clone(), length: size });
        }
        for size in [0, shortest - 1, 1 << 17] {
            let error = new.to_bytes_of_size(size).unwrap_err();
            assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "npy.header.length"));
        }
        assert!(named(1, '€').to_bytes_of_size(500).is_err(), "version 1 has no such character");
    }

    #[test]
    fn fields_out_of_order_are_refused() {
        let field = |name: &str, offset| {
            let dtype = FLOAT.parse().unwrap();
            Field { name: name.into(), title: None, dtype, offset }
        };
        let record = Struct::new(vec![field("a", 4), field("b", 0)], 12).unwrap();
        let header = Header::new(DType::Struct(record), false, vec![1]);
        let error = header.to_bytes(Padding::default()).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "npy.descr.layout"));
    }
}
