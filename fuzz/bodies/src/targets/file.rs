//! Targets that read a whole file: arrays, archives, indexes, and files that we write.

use std::fs;
use std::io::Cursor;

use npy_object::audit::Verdict;
use npy_object::json::{ElementReader, PlainJson, TypedJson};
use npy_object::{
    Audit, Element, Error, ErrorKind, Limits, NpyArray, Options, Salvage, Source, WriteOptions,
};

use crate::inputs::file;

/// How many elements of a file are read. A short file can have any number of elements, because an
/// element of itemsize 0 takes no bytes.
const MOST: usize = 200;

/// The elements of a file as JSON, and the error after the last of them.
type Read = (Vec<Vec<u8>>, Option<String>);

/// Reads up to [`MOST`] elements.
fn read(source: Source, options: Options) -> Read {
    let mut lines = Vec::new();
    let result = options.trust_payload(true).open(source).and_then(|mut array| {
        while let Some(element) = array.next_element()? {
            lines.push(line(element));
            if lines.len() == MOST {
                break;
            }
        }
        Ok(())
    });
    (lines, result.err().map(|error| error.to_string()))
}

/// Returns the typed and the plain JSON of an element.
fn line(element: Element<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    TypedJson::new().write(&mut line, element).expect("written to memory");
    PlainJson::new().write(&mut line, element).expect("written to memory");
    line
}

/// Reads up to [`MOST`] elements, or fails.
fn lines(array: &mut NpyArray) -> Result<Vec<Vec<u8>>, Error> {
    array.elements().take(MOST).map(|element| Ok(line(element?.element()))).collect()
}

/// Checks that a file gives the same elements, JSON and error from memory, byte by byte, and from a
/// stream of unknown length.
pub fn npy_file(bytes: &[u8]) {
    let file = file(bytes);
    let whole = read(Source::bytes(file.clone()), Options::new());
    let reader = Source::reader(Cursor::new(file.clone())).expect("it is in memory");
    assert_eq!(read(reader, Options::new().read_size(1, 1)), whole);
    let stream = Source::spooled(Cursor::new(file), 100);
    assert_eq!(read(stream, Options::new().read_size(5, 33)), whole);
}

/// Checks that a file gives the same elements under narrow limits as under the default ones, up to
/// an error of a limit, or the error that it also gives under the default ones.
pub fn limits(bytes: &[u8]) {
    let file = file(bytes);
    let wide = read(Source::bytes(file.clone()), Options::new());
    let mut narrow = Limits::within(16 << 10);
    narrow.element = 200;
    let mut array = match Options::new().limits(narrow).trust_payload(true).open(file) {
        Ok(array) => array,
        Err(error) => {
            return assert!(error.kind() == ErrorKind::Limit || Some(error.to_string()) == wide.1);
        }
    };
    for index in 0..MOST {
        match array.next_element() {
            Ok(Some(element)) => assert_eq!(line(element), wide.0[index]),
            Ok(None) => return assert_eq!((index, None), (wide.0.len(), wide.1)),
            Err(error) if error.kind() == ErrorKind::Limit => return,
            Err(error) => return assert_eq!(Some(error.to_string()), wide.1),
        }
    }
}

/// Checks that an archive gives the same members and elements from memory and from a reader.
pub fn npz(bytes: &[u8]) {
    let members = |source: Source| {
        let npz = Options::new().read_npz(source).map_err(|error| error.to_string())?;
        let members = npz.members().len().min(8);
        let each = |member| match npz.source(member) {
            Ok(source) => read(source, Options::new()),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Ok::<_, String>((0..members).map(each).collect::<Vec<_>>())
    };
    let reader = Source::reader(Cursor::new(bytes.to_vec())).expect("it is in memory");
    assert_eq!(members(reader), members(Source::bytes(bytes.to_vec())));
}

/// Checks that a file with a corrupt index gives the same elements as without one, or an error. The
/// first 12 bytes say which bytes of the index to change; the file is generated from the rest.
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
    for index in (0..expected.len()).rev() {
        if let Ok(Some(element)) = array.get(index as u64) {
            assert_eq!(line(element), expected[index]);
        }
    }
}

/// Copies the elements at these indices into another file, and reads them there. Returns `None`
/// where an element cannot be copied.
fn copied(array: &mut NpyArray, indices: impl Iterator<Item = u64>) -> Option<Vec<Vec<u8>>> {
    let mut file = Cursor::new(Vec::new());
    let options = WriteOptions::like(array).expect("it has objects").any_length().protocol(5);
    let mut writer = options.write_to(&mut file).ok()?;
    let mut copy = writer.copy_from(array);
    for index in indices {
        copy.elements(index..=index).ok()?;
    }
    writer.finish().expect("written to memory");
    let mut written = Options::new().trust_payload(true).open(file.into_inner()).expect("a file");
    Some(lines(&mut written).expect("elements that can be read"))
}

/// Checks that elements copied into another file, in order and in reverse, equal the originals, and
/// that a salvaged file can be read and has as many elements as the salvage reports.
pub fn written_file(bytes: &[u8]) {
    let file = file(bytes);
    let options = || Options::new().trust_payload(true);
    if let Ok(mut array) = options().open(file.clone())
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
        // Fails where the file cannot be opened, or an element cannot be written in its protocol.
        let Ok(salvaged) = salvage.write_to(Source::bytes(file.clone()), &mut saved) else {
            return;
        };
        let mut saved = options().open(saved.into_inner()).expect("a file");
        let found = lines(&mut saved).expect("elements that can be read");
        if !saved.shape().is_empty() {
            assert_eq!(saved.len(), salvaged.elements);
            assert!(found.len() == MOST || found.len() as u64 == salvaged.elements);
        }
    }
}

/// Checks that an element written back from its typed JSON has the same typed JSON.
pub fn typed_json(bytes: &[u8]) {
    let typed = |element: Element<'_>| {
        let mut line = Vec::new();
        TypedJson::new().write(&mut line, element).expect("written to memory");
        String::from_utf8(line).expect("JSON is text")
    };
    let Ok(mut array) = Options::new().trust_payload(true).open(file(bytes)) else { return };
    if !array.has_objects() {
        return;
    }
    let mut expected = Vec::new();
    let mut saved = Cursor::new(Vec::new());
    // Use the dtype of the file: an element of a structured dtype is a record only in such a file.
    let options = WriteOptions::like(&mut array).expect("it has objects").any_length().protocol(5);
    let mut writer = options.write_to(&mut saved).expect("written to memory");
    while expected.len() < MOST
        && let Ok(Some(element)) = array.next_element()
    {
        let line = typed(element);
        // Some elements have a typed JSON that cannot be read back; `append` refuses them.
        if ElementReader::new().append(&mut writer, &line).is_ok() {
            expected.push(line);
        }
    }
    writer.finish().expect("written to memory");
    let mut written = Options::new().trust_payload(true).open(saved.into_inner()).expect("a file");
    for line in expected {
        let element = written.next_element().expect("an element").expect("as many as were written");
        assert_eq!(typed(element), line);
    }
}

/// Checks that an audit reports the same from memory and from a stream, and does not call a file
/// inert when its last byte is missing.
pub fn audit(bytes: &[u8]) {
    let file = file(bytes);
    let whole = Audit::new().read(Source::bytes(file.clone()));
    let stream = Audit::new().read(Source::spooled(Cursor::new(file.clone()), 100));
    assert_eq!(format!("{stream:?}"), format!("{whole:?}"));
    // Without its last byte the file was not read to its end, so it must not be called inert.
    if whole.verdict() == Verdict::Inert && !file.is_empty() {
        assert!(whole.status().is_complete());
        let cut = file[..file.len() - 1].to_vec();
        assert_ne!(Audit::new().read(Source::bytes(cut)).verdict(), Verdict::Inert);
    }
}
