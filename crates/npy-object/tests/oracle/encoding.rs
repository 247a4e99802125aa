//! What a pickler wrote, decoded and encoded again.

use npy_object::header::{self, Progress};
use npy_object::pickle::{Limits, decode, encode};

use npy_object::{Encoding, Options};

use crate::fixtures::fixtures;

/// A frozenset of protocol 2 that contains itself. While it is pickled the pickler lists its
/// members twice; of the two lists one is in the value.
const LISTED_TWICE: &str = "cycles/frozenset-p2-";

#[test]
fn a_pickle_is_encoded_as_cpython_wrote_it() {
    let mut compared = [0; 6];
    for fixture in fixtures().into_iter().filter(|fixture| fixture.is_by_python_3) {
        let bytes = fixture.bytes();
        let Ok(Progress::Done { header, length }) = header::parse(&bytes, &Default::default())
        else {
            continue;
        };
        let pickle = &bytes[length..];
        let is_listed_twice = fixture.file.starts_with(LISTED_TWICE);
        let [0x80, protocol, ..] = *pickle else { continue };
        if !header.dtype.has_object() || is_listed_twice {
            continue;
        }
        let Ok(decoded) = decode(pickle, &Limits::default()) else { continue };
        let encoded = encode(decoded.value(), protocol).unwrap();
        assert!(encoded == pickle[..decoded.end() as usize], "{}", fixture.file);
        compared[usize::from(protocol)] += 1;
    }
    assert!(compared[2..].iter().all(|&count| count > 100), "{compared:?}");
}

/// The texts of Python 2 may be asked for as bytes; those that say what the array is are none of
/// them.
#[test]
fn an_array_opens_in_every_encoding() {
    let mut opened = 0;
    for fixture in fixtures().into_iter().filter(|fixture| !fixture.is_by_python_3) {
        let open = |encoding| {
            let array = Options::new().encoding(encoding).open(fixture.bytes()).ok()?;
            Some((array.shape().to_vec(), array.item().map(ToString::to_string)))
        };
        let text = open(Encoding::Latin1);
        assert_eq!(open(Encoding::Bytes), text, "{}", fixture.file);
        opened += u32::from(text.is_some());
    }
    assert!(opened > 100, "{opened}");
}
