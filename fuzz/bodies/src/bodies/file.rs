//! Whole files: arrays, archives, indexes, and what is written.

use std::fs;
use std::io::Cursor;

use npy_object::json::{ElementReader, PlainJson, TypedJson};
use npy_object::{
    Audit, Element, Error, ErrorKind, Limits, NpyArray, Options, Salvage, Source, Verdict,
    WriteOptions,
};

use crate::inputs::file;

/// A file can promise any number of elements that take no bytes.
const MOST: usize = 200;

/// What a person would see of a file: its elements, and the error that it ends with.
type Seen = (Vec<Vec<u8>>, Option<String>);

fn seen(source: Source, options: Options) -> Seen {
    let mut seen = Vec::new();
    let result = options.trust_payload(true).read_source(source).and_then(|mut array| {
        while let Some(element) = array.next_element()? {
            seen.push(line(element));
            if seen.len() == MOST {
                break;
            }
        }
        Ok(())
    });
    (seen, result.err().map(|error| error.to_string()))
}

fn line(element: Element<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    TypedJson::new().write(&mut line, element).expect("written to memory");
    PlainJson::new().write(&mut line, element).expect("written to memory");
    line
}

fn lines(array: &mut NpyArray) -> Result<Vec<Vec<u8>>, Error> {
    array.elements().take(MOST).map(|element| Ok(line(element?.element()))).collect()
}

/// However a file is read, it has the same elements, as the same JSON, and the same error: in memory,
/// byte by byte, or as a stream whose length is not known.
pub fn npy_file(bytes: &[u8]) {
    let file = file(bytes);
    let whole = seen(Source::bytes(file.clone()), Options::new());
    let reader = Source::reader(Cursor::new(file.clone())).expect("it is in memory");
    assert_eq!(seen(reader, Options::new().read_size(1, 1)), whole);
    let stream = Source::spooled(Cursor::new(file), 100);
    assert_eq!(seen(stream, Options::new().read_size(5, 33)), whole);
}

/// Under narrow limits a file has the elements that it has without, up to an error that is one of a
/// limit, or the one that it has without.
pub fn limits(bytes: &[u8]) {
    let file = file(bytes);
    let wide = seen(Source::bytes(file.clone()), Options::new());
    let mut narrow = Limits::within(16 << 10);
    narrow.element = 200;
    let mut array = match Options::new().limits(narrow).trust_payload(true).read_bytes(file) {
        Ok(array) => array,
        Err(error) => {
            return assert!(error.kind() == ErrorKind::Limit || Some(error.to_string()) == wide.1);
        }
    };
    for number in 0..MOST {
        match array.next_element() {
            Ok(Some(element)) => assert_eq!(line(element), wide.0[number]),
            Ok(None) => return assert_eq!((number, None), (wide.0.len(), wide.1)),
            Err(error) if error.kind() == ErrorKind::Limit => return,
            Err(error) => return assert_eq!(Some(error.to_string()), wide.1),
        }
    }
}

/// An archive has the same members, with the same elements, in memory and as a reader.
pub fn npz(bytes: &[u8]) {
    let members = |source: Source| {
        let npz = Options::new().read_npz(source).map_err(|error| error.to_string())?;
        let members = npz.members().len().min(8);
        let each = |member| match npz.source(member) {
            Ok(source) => seen(source, Options::new()),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Ok::<_, String>((0..members).map(each).collect::<Vec<_>>())
    };
    let reader = Source::reader(Cursor::new(bytes.to_vec())).expect("it is in memory");
    assert_eq!(members(reader), members(Source::bytes(bytes.to_vec())));
}

/// With any index beside it, a file has the elements that it has without, or an error.
pub fn index_file(bytes: &[u8]) {
    let (changes, choices) = bytes.split_at(bytes.len().min(12));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    fs::write(&path, crate::program::file(choices)).expect("written");
    let open = |index| Options::new().trust_payload(true).index(index).open(&path);
    let Ok(mut plain) = open(false) else { return };
    let Ok(expected) = lines(&mut plain) else { return };
    let Ok(index) = plain.write_index() else { return };
    let mut broken = fs::read(&index).expect("it was written");
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % broken.len();
        broken[at] ^= change[2];
    }
    fs::write(&index, broken).expect("written");
    let Ok(mut array) = open(true) else { return };
    for number in (0..expected.len()).rev() {
        if let Ok(Some(element)) = array.get(number as u64) {
            assert_eq!(line(element), expected[number]);
        }
    }
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

/// Elements that are copied into another file, in order and backwards, or salvaged, are those that
/// were read.
pub fn written_file(bytes: &[u8]) {
    let file = file(bytes);
    let options = || Options::new().trust_payload(true);
    if let Ok(mut array) = options().read_bytes(file.clone())
        && array.has_objects()
        && let Ok(mut all) = lines(&mut array)
    {
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
        let salvage = Salvage::new().keep_doubtful(doubtful);
        // What cannot be opened, or has no form in the protocol that it is said to be in.
        let Ok(salvaged) = salvage.write_to(Source::bytes(file.clone()), &mut saved) else {
            return;
        };
        let mut saved = options().read_bytes(saved.into_inner()).expect("a file");
        let found = lines(&mut saved).expect("elements that can be read");
        if !saved.shape().is_empty() {
            assert_eq!(saved.len(), salvaged.elements);
            assert!(found.len() == MOST || found.len() as u64 == salvaged.elements);
        }
    }
}

/// What typed JSON says of an element is, written back, an element of which it says the same.
pub fn typed_json(bytes: &[u8]) {
    let typed = |element: Element<'_>| {
        let mut line = Vec::new();
        TypedJson::new().write(&mut line, element).expect("written to memory");
        String::from_utf8(line).expect("JSON is text")
    };
    let Ok(mut array) = Options::new().trust_payload(true).read_bytes(file(bytes)) else { return };
    if !array.has_objects() {
        return;
    }
    let mut expected = Vec::new();
    let mut saved = Cursor::new(Vec::new());
    let options = WriteOptions::new().any_length().protocol(5);
    let mut writer = options.write_to(&mut saved).expect("written to memory");
    while expected.len() < MOST
        && let Ok(Some(element)) = array.next_element()
    {
        let line = typed(element);
        // What has no form in JSON that can be read back is refused.
        if ElementReader::new().append(&mut writer, &line).is_ok() {
            expected.push(line);
        }
    }
    writer.finish().expect("written to memory");
    let mut written = Options::new().read_bytes(saved.into_inner()).expect("a file");
    for line in expected {
        let element = written.next_element().expect("an element").expect("as many as were written");
        assert_eq!(typed(element), line);
    }
}

/// An audit says the same of a file however it is read, and of what is read at all it says
/// something.
pub fn audit(bytes: &[u8]) {
    let file = file(bytes);
    let whole = Audit::new().read(Source::bytes(file.clone()));
    let stream = Audit::new().read(Source::spooled(Cursor::new(file.clone()), 100));
    assert_eq!(format!("{stream:?}"), format!("{whole:?}"));
    // What was not read to its end is never called harmless.
    if whole.verdict() == Verdict::Inert && !file.is_empty() {
        assert!(whole.status().is_complete());
        let cut = file[..file.len() - 1].to_vec();
        assert_ne!(Audit::new().read(Source::bytes(cut)).verdict(), Verdict::Inert);
    }
}
