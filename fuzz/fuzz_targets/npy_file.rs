//! A whole file: however it is read, the same elements, as the same JSON, and the same error.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use npy_object::json::{PlainJson, TypedJson};
use npy_object::{Options, Source};

/// A file can promise any number of items that take no bytes.
const MOST: usize = 2000;

/// What a person would see of a file.
fn lines(source: Source, options: Options) -> (Vec<Vec<u8>>, Option<String>) {
    let mut lines = Vec::new();
    let result = options.trust_payload(true).read_source(source).and_then(|mut array| {
        let (mut typed, mut plain) = (TypedJson::new(), PlainJson::new());
        while let Some(element) = array.next_element()? {
            let mut line = Vec::new();
            typed.write(&mut line, element)?;
            plain.write(&mut line, element)?;
            lines.push(line);
            if lines.len() == MOST {
                break;
            }
        }
        Ok(())
    });
    (lines, result.err().map(|error| error.to_string()))
}

fuzz_target!(|file: &[u8]| {
    let whole = lines(Source::bytes(file.to_vec()), Options::new());
    let reader = Source::reader(Cursor::new(file.to_vec())).expect("it is in memory");
    assert_eq!(lines(reader, Options::new().read_size(1, 1)), whole);
    // Its length is not known before its end.
    let stream = Source::spooled(Cursor::new(file.to_vec()), 100);
    assert_eq!(lines(stream, Options::new().read_size(5, 33)), whole);
});
