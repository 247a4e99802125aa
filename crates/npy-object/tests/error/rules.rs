//! The rules of `spec/` that no other test here breaks: what is around the elements, what they
//! share, indexes, and wrong use.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use npy_object::header::{DType, Header, Padding, Version};
use npy_object::{
    Error, ErrorKind, Fetched, IndexUse, Limits, NpyArray, Options, Source, WriteOptions,
};

/// What NumPy 1 writes with protocol 2 for an array of so many elements, up to their list.
fn envelope(count: u16) -> Vec<u8> {
    let [low, high] = count.to_le_bytes();
    let mut pickle =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
        (K\x01M"
            .to_vec();
    pickle.extend([low, high]);
    pickle.extend_from_slice(
        b"\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
          (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]",
    );
    pickle
}

/// A file of so many elements, as its header and its pickle say, with these instructions after the
/// empty list.
fn file(count: u16, elements: &[u8]) -> Vec<u8> {
    [preamble(count), envelope(count), elements.to_vec(), b"tb.".to_vec()].concat()
}

fn preamble(count: u16) -> Vec<u8> {
    let (dtype, shape) = (DType::OBJECT, vec![count.into()]);
    let header = Header { version: Version::V1, dtype, fortran_order: false, shape };
    header.to_bytes(Padding::default()).unwrap()
}

fn open(file: Vec<u8>) -> NpyArray {
    Options::new().open(file).unwrap()
}

/// How many elements come, and the error after them.
fn read(mut array: NpyArray) -> (usize, Option<Error>) {
    let mut count = 0;
    loop {
        match array.next_element() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error)),
        }
    }
}

fn refused<T>(result: npy_object::Result<T>) -> (ErrorKind, &'static str) {
    let error = result.err().expect("an error");
    (error.kind(), error.clause())
}

/// Returns a copy of a file in a folder of its own.
fn copied(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::copy(Path::new("tests/data").join(name), &path).unwrap();
    (folder, path)
}

#[test]
fn pickle_without_an_array_is_refused() {
    let list = [preamble(1), b"\x80\x02]K\x01a.".to_vec()].concat();
    let (_, clause) = refused(Options::new().open(list));
    assert_eq!(clause, "npy.object.envelope");
    // Elements that begin too late: the shape is an int of many bytes.
    let mut limits = Limits::default();
    limits.envelope = 100;
    let error = refused(Options::new().limits(limits).open(file(1, b"Na")));
    assert_eq!(error, (ErrorKind::Limit, "npy.object.envelope"));
}

/// NumPy fails on these states: `array_setstate` in `multiarray/methods.c`.
#[test]
fn state_with_another_version_or_shape_is_refused() {
    let whole = file(2, b"(NNe");
    let (version, shape) = (&b"K\x01"[..], &b"M\x02\0\x85"[..]);
    let old = [b"(", version, shape].concat();
    let begin = whole.windows(old.len()).position(|bytes| bytes == old).unwrap();
    let with = |state: &[u8]| [&whole[..begin], b"(", state, &whole[begin + old.len()..]].concat();
    assert_eq!(read(open(with(&[version, shape].concat()))).0, 2);
    for version in [
        &b"K\x02"[..],
        b"J\xff\xff\xff\xff",
        b"\x8a\x05\x01\0\0\0\x01",
        b"N",
        b"G\x3f\xf0\0\0\0\0\0\0",
        b"X\x01\0\0\x001",
    ] {
        let (_, clause) = refused(Options::new().open(with(&[version, shape].concat())));
        assert_eq!(clause, "npy.object.envelope", "{}", version.escape_ascii());
    }
    for state in [&b"K\x01K\x02"[..], b"K\x02", b"K\x01](K\x02e", b"K\x01\x88\x85"] {
        let (_, clause) = refused(Options::new().open(with(state)));
        assert_eq!(clause, "npy.object.envelope", "{}", state.escape_ascii());
    }
}

#[test]
fn element_count_other_than_the_shape_is_refused() {
    for (elements, come) in [(&b"(NNNe"[..], 0), (b"Na", 1), (b"(NNe", 2)] {
        let (count, error) = read(open(file(2, elements)));
        assert_eq!(count, come);
        match error {
            Some(error) => assert_eq!(error.clause(), "npy.object.count"),
            None => assert_eq!(come, 2),
        }
    }
}

#[test]
fn definitions_nested_too_deep_are_refused() {
    // Each element is a batch, and a list that holds the one before it, read through the memo.
    let mut elements = b"]r\0\0\0\0a".to_vec();
    for index in 1..10_200_u32 {
        let (this, last) = (index.to_le_bytes(), (index - 1).to_le_bytes());
        elements.extend([b"]r", &this[..], b"j", &last[..], b"aa"].concat());
    }
    let mut array = open(file(10_200, &elements));
    assert!(array.get(100).unwrap().is_some());
    assert_eq!(refused(array.get(10_199)), (ErrorKind::Limit, "npy.object.shared"));
}

#[test]
fn element_over_the_limit_is_refused() {
    let mut limits = Limits::default();
    limits.element = 4;
    let elements = b"(NX\x04\0\0\0wideNe"; // the second takes 9 bytes
    let array = Options::new().limits(limits).open(file(3, elements)).unwrap();
    let (count, error) = read(array);
    let error = error.unwrap();
    assert_eq!((count, error.kind(), error.clause()), (1, ErrorKind::Limit, "npy.limit.element"));
}

#[test]
fn array_with_two_dimensions_is_not_a_slice() {
    let mut array = npy_object::open("tests/data/ragged.npy").unwrap();
    let element = array.next_element().unwrap().unwrap();
    assert!(element.as_slice::<f64>().is_ok());
    // Two dimensions: of the rows of a cube, one is a table.
    let (dtype, shape) = ("<f8".parse().unwrap(), vec![1, 1, 1]);
    let header = Header { version: Version::V1, dtype, fortran_order: false, shape };
    let cube = [header.to_bytes(Padding::default()).unwrap(), vec![0; 8]].concat();
    let mut array = open(cube);
    let row = array.next_element().unwrap().unwrap();
    assert_eq!(refused(row.as_slice::<f64>()), (ErrorKind::Usage, "access.shape"));
}

#[test]
fn write_index_without_a_file_fails() {
    let mut piped = open(fs::read("tests/data/strings.npy").unwrap());
    assert_eq!(refused(piped.write_index()), (ErrorKind::Usage, "access.index"));
}

#[test]
fn split_of_another_file_is_refused() {
    let mut whole = npy_object::open("tests/data/strings.npy").unwrap();
    let parts = whole.splits(2).unwrap();
    assert!(Options::new().open_split("tests/data/strings.npy", &parts[1]).is_ok());
    let other = Options::new().open_split("tests/data/ragged.npy", &parts[1]);
    assert_eq!(refused(other), (ErrorKind::Usage, "access.split"));
}

#[test]
fn first_element_larger_than_the_envelope_limit_is_read() {
    let element = [b"B\0\0\x20\0".to_vec(), vec![0; 2 << 20], b"a".to_vec()].concat();
    let mut array = open(file(1, &element));
    let element = array.next_element().unwrap().expect("an element");
    assert_eq!(element.as_bytes().unwrap().len(), 2 << 20);
}

#[test]
fn compressed_file_fetched_in_parts_is_refused() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    let element = [b"B\0\0\x08\0".to_vec(), vec![0; 1 << 19], b"a".to_vec()].concat();
    gzip.write_all(&file(1, &element)).unwrap();
    let bytes = gzip.finish().unwrap();
    let server = Fetched::new("far.npy.gz", bytes.len() as u64);
    let error = loop {
        let array = Options::new().open(server.source());
        let read = array.and_then(|mut array| array.next_element().map(|_| ()));
        let error = read.expect_err("an error before all of it is there");
        let Some(need) = error.need() else { break error };
        let (from, to) = (need.range().start as usize, need.range().end as usize);
        need.fill(bytes[from..to].to_vec()).unwrap();
    };
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "access.fetched"));
}

#[test]
fn index_that_is_damaged_or_stale_is_not_used() {
    // Checks index.layout, index.fresh.
    let (_folder, path) = copied("strings.npy");
    let uses = || npy_object::open(&path).unwrap().index_use();
    assert_eq!(uses(), IndexUse::None);
    let index = npy_object::open(&path).unwrap().write_index().unwrap();
    assert_eq!(uses(), IndexUse::Used);
    let bytes = fs::read(&index).unwrap();
    for offset in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[offset] ^= 1;
        fs::write(&index, broken).unwrap();
        assert_eq!(uses(), IndexUse::Damaged, "byte {offset}");
    }
    fs::write(&index, &bytes).unwrap();
    let mut file = fs::read(&path).unwrap();
    file.push(0);
    fs::write(&path, file).unwrap();
    assert_eq!(uses(), IndexUse::Stale);
}

#[test]
fn member_with_corrupt_deflate_data_is_refused() {
    let mut archive = fs::read("tests/data/deflated.npz").unwrap();
    let length = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let data = 30 + length(26) + length(28);
    archive[data] = 7; // a block of an unknown type
    let npz = Options::new().read_npz(Source::bytes(archive)).unwrap();
    let read = npz.source(0).and_then(|source| Options::new().open(source));
    assert_eq!(refused(read), (ErrorKind::Malformed, "npz.data"));
}

#[test]
fn shared_entry_that_begins_with_dup_is_refused() {
    // l = []; t = (l,): the tuple is entry 0, and begins with a copy of the list. [(l, t), t]
    let file = file(2, b"(]2\x85q\0\x86h\0e");
    let (count, error) = read(open(file.clone()));
    let error = error.expect("it cannot be decoded alone");
    let expected = (ErrorKind::Unsupported, "npy.object.dup");
    assert_eq!((count, error.kind(), error.clause()), (1, expected.0, expected.1));
    let mut output = std::io::Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut output).unwrap();
    let mut array = open(file.clone());
    assert_eq!(refused(writer.copy_from(&mut array).elements(1..2)), expected);
    // All at once it can be decoded.
    assert!(Options::new().load(Source::bytes(file)).is_ok());
}
