//! Targets that read the preamble of a `.npy` file, or a dtype.

use npy_header::{DType, Limits, Padding, Progress, parse};

/// Checks that every prefix of a preamble gives the same answer as the whole, or asks for no more
/// bytes than the preamble has; and that a header is written and parsed again as the same.
pub fn header(bytes: &[u8]) {
    let answer = |end: usize| parse(&bytes[..end], &Limits::default());
    let whole = answer(bytes.len());
    let mut answered = false;
    for end in 0..=bytes.len() {
        match answer(end) {
            Ok(Progress::Need(more)) => {
                assert!(!answered && more > 0, "asks for more bytes after the answer");
                if let Ok(Progress::Done { length, .. }) = &whole {
                    assert!(more <= length - end, "asks for more bytes than the preamble has");
                }
            }
            other => {
                assert_eq!(other, whole);
                answered = true;
            }
        }
    }
    if let Ok(Progress::Done { header, .. }) = whole
        && let Ok(written) = header.to_bytes(Padding::Align64)
        && let Progress::Done { header: read, length } =
            parse(&written, &Limits::default()).expect("what was written")
    {
        assert_eq!(length, written.len());
        assert_eq!((read.dtype, read.shape), (header.dtype, header.shape));
    }
}

/// Checks that a scalar dtype written as a string is parsed as the same dtype.
pub fn descr(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(dtype) = text.parse::<DType>()
        && let Some(scalar) = dtype.as_scalar()
    {
        assert_eq!(scalar.to_string().parse::<DType>(), Ok(dtype));
    }
}
