//! Ints as LONG1 and LONG4 hold them: little-endian two's complement of any length.

/// Returns the int, if it fits 64 bits.
pub(crate) fn to_i64(mut bytes: &[u8]) -> Option<i64> {
    while bytes.len() > 8 {
        let [rest @ .., below, top] = bytes else {
            break;
        };
        // The top byte may go only if it repeats the sign of the byte below it.
        if *top != (*below as i8 >> 7) as u8 {
            return None;
        }
        bytes = &bytes[..rest.len() + 1];
    }
    let negative = bytes.last().is_some_and(|&top| top & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 8];
    extended[..bytes.len()].copy_from_slice(bytes);
    Some(i64::from_le_bytes(extended))
}

/// Returns the shortest form of the int: without the bytes at the end that only repeat its sign.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut digits = bytes;
    while let [rest @ .., before, last] = digits
        && *last == if before >> 7 == 0 { 0 } else { 0xff }
    {
        digits = &digits[..rest.len() + 1];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_of_64_bits_fit() {
        assert_eq!(to_i64(b""), Some(0));
        assert_eq!(to_i64(b"\xff"), Some(-1));
        assert_eq!(to_i64(b"\xff\x00"), Some(255));
        assert_eq!(to_i64(b"\0\0\0\0\0\0\0\x80"), Some(i64::MIN));
        assert_eq!(to_i64(b"\0\0\0\0\0\0\0\x80\xff\xff"), Some(i64::MIN));
        assert_eq!(to_i64(b"\0\0\0\0\0\0\0\x80\0"), None);
        assert_eq!(to_i64(b"\x01\0\0\0\0\0\0\0\0\0\0"), Some(1));
    }

    #[test]
    fn trimmed_int_is_the_same_int() {
        for bytes in [&b"\0"[..], b"\x7f\0\0", b"\x80\0", b"\xff\xff", b"\x80\xff\xff", b"\x01\x80"]
        {
            let trimmed = trim(bytes);
            assert_eq!(to_i64(trimmed), to_i64(bytes));
            assert_eq!(trim(trimmed), trimmed);
        }
        assert_eq!(trim(b"\x80\0\0"), b"\x80\0");
        assert_eq!(trim(b"\x80\xff\xff"), b"\x80");
    }
}
