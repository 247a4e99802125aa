//! The preamble of `.npy` files, and dtypes.

use npy_header::{DType, Limits, Padding, Progress, parse};

/// However a preamble is cut, it has the same answer, and asks for no more bytes than there are;
/// what is read is written again, and read as the same.
pub fn header(bytes: &[u8]) {
    let answer = |end: usize| parse(&bytes[..end], &Limits::default());
    let whole = answer(bytes.len());
    let mut answered = false;
    for end in 0..=bytes.len() {
        match answer(end) {
            Ok(Progress::Need(more)) => {
                assert!(!answered && more > 0, "more is asked for after the answer");
                if let Ok(Progress::Done { length, .. }) = &whole {
                    assert!(more <= length - end, "more is asked for than there is");
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

/// A dtype that is one string is, written out, the same dtype.
pub fn descr(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(dtype) = text.parse::<DType>()
        && let Some(scalar) = dtype.as_scalar()
    {
        assert_eq!(scalar.to_string().parse::<DType>(), Ok(dtype));
    }
}
