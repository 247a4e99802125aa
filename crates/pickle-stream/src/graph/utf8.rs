//! UTF-8 as Python's `surrogatepass` reads it: it may contain lone surrogates, encoded like any
//! other code point.

use core::str;

/// Checks that `bytes` are UTF-8 that may contain surrogates. Returns the index of the first byte
/// that is not.
#[inline]
pub(crate) fn validate(bytes: &[u8]) -> Result<(), usize> {
    // Most text is ASCII, which is faster to check than UTF-8 in short strings.
    if bytes.is_ascii() {
        return Ok(());
    }
    match str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(error) => validate_surrogates(bytes, error.valid_up_to()),
    }
}

#[cold]
fn validate_surrogates(bytes: &[u8], mut valid: usize) -> Result<(), usize> {
    loop {
        if surrogate(&bytes[valid..]).is_none() {
            return Err(valid);
        }
        valid += 3;
        match str::from_utf8(&bytes[valid..]) {
            Ok(_) => return Ok(()),
            Err(error) => valid += error.valid_up_to(),
        }
    }
}

/// Returns the surrogate at the beginning of `bytes`.
pub(super) fn surrogate(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
            Some(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f))
        }
        _ => None,
    }
}

/// Returns the code points, with surrogates.
pub(crate) fn code_points(mut rest: &[u8]) -> impl Iterator<Item = u32> + Clone + '_ {
    core::iter::from_fn(move || {
        let (code_point, len) = match surrogate(rest) {
            Some(surrogate) => (surrogate, 3),
            None => {
                let width = match rest.first()? {
                    0..0x80 => 1,
                    0x80..0xe0 => 2,
                    0xe0..0xf0 => 3,
                    0xf0.. => 4,
                };
                let char = str::from_utf8(rest.get(..width)?).ok()?.chars().next()?;
                (char.into(), width)
            }
        };
        rest = &rest[len..];
        Some(code_point)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_pass_and_nothing_else_does() {
        assert_eq!(validate("aé€😀".as_bytes()), Ok(()));
        assert_eq!(validate(b"a\xed\xa0\x80b\xed\xbf\xbf"), Ok(()));
        assert_eq!(validate(b"\xed\xa0"), Err(0));
        assert_eq!(validate(b"ab\xff"), Err(2));
        assert_eq!(validate(b"\xed\xa0\x80\xc0\x80"), Err(3));
        assert_eq!(surrogate(b"\xed\xa0\x80"), Some(0xd800));
        assert_eq!(surrogate(b"\xed\xbf\xbf"), Some(0xdfff));
        assert_eq!(surrogate(b"\xed\x9f\xbf"), None);
    }
}
