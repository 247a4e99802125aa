//! A file whose elements are copied into another one, in order and backwards, and one that is
//! salvaged: what is written has the elements that were read.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use npy_object::json::TypedJson;
use npy_object::{Element, Error, NpyArray, Options, Salvage, Source, WriteOptions};

/// A file can promise any number of elements.
const MOST: u64 = 200;

fn line(element: Element<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    TypedJson::new().write(&mut line, element).expect("written to memory");
    line
}

fn lines(array: &mut NpyArray) -> Result<Vec<Vec<u8>>, Error> {
    array.elements().take(MOST as usize).map(|element| Ok(line(element?.element()))).collect()
}

/// The elements of these numbers, copied into a file, and read from there.
fn copied(array: &mut NpyArray, numbers: impl Iterator<Item = u64>) -> Option<Vec<Vec<u8>>> {
    let mut file = Cursor::new(Vec::new());
    let options = WriteOptions::like(array).expect("it has objects").any_length().protocol(5);
    let mut writer = options.write_to(&mut file).ok()?;
    let mut copy = writer.copy_from(array);
    for number in numbers {
        copy.elements(number..=number).ok()?;
    }
    writer.finish().expect("written to memory");
    let mut written =
        Options::new().trust_payload(true).read_bytes(file.into_inner()).expect("a file");
    Some(lines(&mut written).expect("elements that can be read"))
}

fuzz_target!(|bytes: &[u8]| {
    let open = || Salvage::open(Options::new(), Source::bytes(bytes.to_vec()));
    let Ok(mut array) = open() else { return };
    if !array.has_objects() {
        return;
    }
    if let Ok(mut all) = lines(&mut array) {
        let len = all.len() as u64;
        if let Some(forwards) = copied(&mut array, 0..len) {
            assert_eq!(forwards, all);
        }
        if let Some(backwards) = copied(&mut array, (0..len).rev()) {
            all.reverse();
            assert_eq!(backwards, all);
        }
    }
    for doubtful in [false, true] {
        let mut saved = Cursor::new(Vec::new());
        let mut array = open().expect("it was opened before");
        let salvage = Salvage::new().keep_doubtful(doubtful);
        let salvaged = match salvage.write_to(&mut array, &mut saved) {
            Ok(salvaged) => salvaged,
            // What stands before the elements has no form in the protocol that it is said to be in.
            Err(error) => {
                assert_eq!(error.clause(), "pickle.protocol");
                return;
            }
        };
        let saved = Options::new().trust_payload(true).read_bytes(saved.into_inner());
        let mut saved = saved.expect("a file");
        assert_eq!(saved.len(), salvaged.elements);
        lines(&mut saved).expect("elements that can be read");
    }
});
