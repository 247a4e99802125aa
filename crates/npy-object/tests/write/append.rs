//! Elements that are appended to files.

use std::fs;
use std::path::{Path, PathBuf};

use npy_object::{ArrayWriter, Error, ErrorKind, IndexKind, IndexUse, Options, WriteOptions, json};
use tempfile::TempDir;

use super::{file_of_child, kill_while_running};

/// Returns the elements of a file as typed JSON.
fn lines(path: &Path) -> Vec<String> {
    let mut array = npy_object::open(path).unwrap();
    let mut lines = Vec::new();
    while let Some(element) = array.next_element().unwrap() {
        let mut line = Vec::new();
        json::TypedJson::new().write(&mut line, element).unwrap();
        lines.push(String::from_utf8(line).unwrap());
    }
    assert_eq!(lines.len() as u64, array.len());
    lines
}

/// Appends `(number, "text")` for each number.
fn append(path: &Path, numbers: impl IntoIterator<Item = i64>) -> npy_object::Result<()> {
    let mut writer = ArrayWriter::append_to(path)?;
    for number in numbers {
        append_to(&mut writer, number)?;
    }
    writer.finish()
}

fn append_to(writer: &mut ArrayWriter<'_>, number: i64) -> npy_object::Result<()> {
    writer.append_with(|build| {
        let (number, text) = (build.int(number)?, build.str(&format!("text {number}"))?);
        build.tuple(&[number, text])
    })
}

fn expected(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    let line = |number| format!(r#"{{"tuple":[{number},"text {number}"]}}"#);
    numbers.into_iter().map(line).collect()
}

/// Creates a file of numbers as NumPy does, with their number known.
fn create(path: &Path, protocol: u8, numbers: std::ops::Range<i64>) {
    let options = WriteOptions::new().protocol(protocol);
    let mut writer = options.shape(&[numbers.clone().count()]).create(path).unwrap();
    numbers.for_each(|number| append_to(&mut writer, number).unwrap());
    writer.finish().unwrap();
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    (folder, path)
}

#[test]
fn appended_elements_come_after_those_of_the_file() {
    for protocol in 2..=5 {
        // The length has more bytes from 256 and 65,536 on; a batch ends after 1,000.
        for [first, second, third] in
            [[0, 1, 3], [1, 2, 300], [255, 256, 257], [999, 2001, 2002], [3, 65_535, 65_537]]
        {
            let (_folder, path) = folder();
            create(&path, protocol, 0..first);
            append(&path, first..second).unwrap();
            append(&path, second..third).unwrap();
            assert_eq!(lines(&path), expected(0..third), "protocol {protocol}, {first}, {second}");
            let (header, data) = Options::new().header(path.as_path()).unwrap().unwrap();
            assert_eq!(header.shape, [third as usize]);
            assert!(data <= 128);
            // Its pickle ends with the file.
            let end = Options::new().end_of(path.as_path()).unwrap();
            assert_eq!(end, fs::metadata(&path).unwrap().len());
        }
    }
}

#[test]
fn file_of_any_length_is_appended_to() {
    let (_folder, path) = folder();
    let mut writer = ArrayWriter::create(&path).unwrap();
    append_to(&mut writer, 0).unwrap();
    writer.finish().unwrap();
    (1..400).for_each(|number| append(&path, [number]).unwrap());
    assert_eq!(lines(&path), expected(0..400));
}

#[test]
fn appended_elements_read_the_entries_of_the_file() {
    let (_folder, path) = folder();
    let (dtype, bytes) = ("<f8".parse().unwrap(), 1.5f64.to_le_bytes());
    let mut writer = WriteOptions::new().shape(&[1]).create(&path).unwrap();
    writer.append_array(&dtype, &[1], false, &bytes).unwrap();
    writer.finish().unwrap();
    let before = fs::read(&path).unwrap().len();
    let mut writer = ArrayWriter::append_to(&path).unwrap();
    assert_eq!((writer.len(), writer.protocol()), (1, 4));
    writer.append_array(&dtype, &[1], false, &bytes).unwrap();
    assert_eq!(writer.len(), 2);
    writer.finish().unwrap();
    // Of the second array, its function and class were in the envelope.
    let after = fs::read(&path).unwrap();
    let names = after[before..].windows(12).filter(|bytes| bytes == b"_reconstruct");
    assert_eq!(names.count(), 0);
    let mut array = npy_object::open(&path).unwrap();
    assert_eq!(array.get(1).unwrap().unwrap().as_array::<f64>().unwrap().data(), [1.5]);
}

#[test]
fn nothing_appended_leaves_the_file() {
    let (_folder, path) = folder();
    create(&path, 4, 0..5);
    let before = fs::read(&path).unwrap();
    append(&path, []).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    let mut writer = ArrayWriter::append_to(&path).unwrap();
    (5..50_000).for_each(|number| append_to(&mut writer, number).unwrap());
    assert!(fs::metadata(&path).unwrap().len() > before.len() as u64);
    assert_eq!(lines(&path), expected(0..5));
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn index_is_extended() {
    for kind in [None, Some(IndexKind::Sparse), Some(IndexKind::Dense)] {
        let (folder, path) = folder();
        create(&path, 4, 0..20_000);
        if let Some(kind) = kind {
            npy_object::open(&path).unwrap().write_index_as(kind).unwrap();
        }
        append(&path, 20_000..30_000).unwrap();
        append(&path, 30_000..30_001).unwrap();
        let index = folder.path().join("array.npy.idx");
        let extended = fs::read(&index).unwrap();
        let mut array = npy_object::open(&path).unwrap();
        assert_eq!(array.index_use(), IndexUse::Used, "{kind:?}");
        for number in [0, 19_999, 20_000, 20_001, 25_555, 29_999, 30_000] {
            let element = array.get_owned(number).unwrap().unwrap();
            let (found, _): (i64, String) = element.element().deserialize().unwrap();
            assert_eq!(found, number as i64);
        }
        // The index of the whole file has the same places.
        let kind = kind.unwrap_or(IndexKind::Sparse);
        assert_eq!(extended[7], if kind == IndexKind::Dense { 3 } else { 2 });
        npy_object::open(&path).unwrap().write_index_as(kind).unwrap();
        let splits = |array: &mut npy_object::NpyArray| array.splits(7).unwrap();
        let mut again = npy_object::open(&path).unwrap();
        for (one, other) in splits(&mut array).iter().zip(splits(&mut again)) {
            assert_eq!((one.first(), one.len()), (other.first(), other.len()));
        }
    }
}

#[test]
fn dense_index_is_extended_in_place() {
    let (folder, path) = folder();
    create(&path, 4, 0..50_000);
    npy_object::open(&path).unwrap().write_index_as(IndexKind::Dense).unwrap();
    let index = folder.path().join("array.npy.idx");
    // The first one makes room for more.
    append(&path, 50_000..51_000).unwrap();
    let mut reader = npy_object::open(&path).unwrap();
    let mut before = fs::read(&index).unwrap();
    for from in (51_000..60_000).step_by(1000) {
        append(&path, from..from + 1000).unwrap();
        let after = fs::read(&index).unwrap();
        assert!((1..6000).contains(&(after.len() - before.len())), "{}", after.len());
        // The runs are where they were. Before them are the checkpoints, of 32 bytes for 32 KiB.
        let runs = before.len() / 10;
        assert!(before[runs..] == after[runs..before.len()]);
        before = after;
    }
    // A reader of the old index goes on with it.
    assert_eq!((reader.len(), reader.index_use()), (51_000, IndexUse::Used));
    let mut array = npy_object::open(&path).unwrap();
    assert_eq!((array.len(), array.index_use()), (60_000, IndexUse::Used));
    for number in (0..60_000).rev().step_by(7) {
        for array in [&mut array, &mut reader] {
            let Some(element) = array.get_owned(number).unwrap() else {
                assert!(number >= 51_000);
                continue;
            };
            let (found, _): (i64, String) = element.element().deserialize().unwrap();
            assert_eq!(found, number as i64);
        }
    }
    // It fills its room, and is written anew.
    append(&path, 60_000..200_000).unwrap();
    let mut array = npy_object::open(&path).unwrap();
    assert_eq!(array.index_use(), IndexUse::Used);
    for number in [0, 59_999, 60_000, 123_456, 199_999] {
        let element = array.get_owned(number).unwrap().unwrap();
        let (found, _): (i64, String) = element.element().deserialize().unwrap();
        assert_eq!(found, number as i64);
    }
}

#[test]
fn files_that_cannot_be_appended_to_are_refused_and_unchanged() {
    let data = Path::new("tests/data");
    let object = |shape: &[usize], fortran_order: bool, path: &Path| {
        let options = WriteOptions::new().shape(shape).fortran_order(fortran_order);
        let mut writer = options.create(path).unwrap();
        (0..shape.iter().product()).for_each(|_| append_to(&mut writer, 0).unwrap());
        writer.finish().unwrap();
    };
    let (_folder, path) = folder();
    let check = |says: &str| {
        let before = fs::read(&path).unwrap();
        let error = ArrayWriter::append_to(&path).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "access.append"), "{error}");
        assert!(error.message().contains(says), "{error}");
        assert_eq!(error.file().map(Path::new), Some(path.as_path()));
        assert_eq!(fs::read(&path).unwrap(), before);
    };
    for (file, says) in [
        ("strings.npy.gz", "it is compressed"),
        ("archive.npz", "in an archive"),
        ("splits.npy", "it has 0 dimensions"),
    ] {
        fs::copy(data.join(file), &path).unwrap();
        check(says);
    }
    let rows = WriteOptions::new().dtype("<f8".parse().unwrap());
    rows.create_rows(&path).unwrap().finish().unwrap();
    check("its dtype is <f8, which has no objects");
    object(&[2, 2], false, &path);
    check("it has 2 dimensions");
    object(&[2], true, &path);
    check("Fortran order");
    fs::write(&path, b"\x80\x04]\x94(K\x01K\x02e.").unwrap();
    check("a pickle without a header");
    let two = [fs::read(data.join("strings.npy")).unwrap(), b"\x80\x04N.".to_vec()].concat();
    fs::write(&path, two).unwrap();
    check("other data follow its array");
    // Its tuple has no memo entry, so its entries may have any numbers.
    create(&path, 4, 0..3);
    let bytes = fs::read(&path).unwrap();
    let (rest, end) = bytes.split_at(bytes.len() - 4);
    assert_eq!(end, b"t\x94b.");
    fs::write(&path, [rest, b"tb."].concat()).unwrap();
    check("may not be numbered in order");
    // No spaces are left in its header, so that its length can have no more digits.
    let (_folder, path) = folder();
    create(&path, 4, 0..3);
    let bytes = fs::read(&path).unwrap();
    let text = bytes.iter().position(|&byte| byte == b'}').unwrap() + 1;
    let short = [&bytes[..8], &[text as u8 - 9, 0], &bytes[10..text], b"\n", &bytes[128..]];
    fs::write(&path, short.concat()).unwrap();
    assert_eq!(lines(&path), expected(0..3));
    append(&path, 3..9).unwrap();
    for count in [1, 300] {
        let error = append(&path, 9..9 + count).unwrap_err();
        assert!(error.message().contains("no room for a longer shape"), "{error}");
        assert_eq!(lines(&path), expected(0..9));
    }
}

#[test]
fn protocols_0_and_1_are_refused() {
    for protocol in [0, 1] {
        let (_folder, path) = folder();
        let pickle: &[u8] = match protocol {
            0 => {
                b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\n\
                  Rp5\n(I1\n(I1\ntp6\ncnumpy\ndtype\np7\n(S'O8'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'|'\np11\n\
                  NNNI-1\nI-1\nI63\ntp12\nbI00\n(lp13\nI5\natp14\nb."
            }
            _ => {
                b"cnumpy.core.multiarray\n_reconstruct\nq\x00(cnumpy\nndarray\nq\x01(K\x00tq\x02U\x01bq\x03tq\
                  \x04Rq\x05(K\x01(K\x01tq\x06cnumpy\ndtype\nq\x07(U\x02O8q\x08K\x00K\x01tq\x09Rq\x0a(K\x03U\
                  \x01|q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftq\x0cbI00\n]q\x0dK\x05atq\x0eb."
            }
        };
        let header = npy_object::header::Header::new("|O".parse().unwrap(), false, vec![1]);
        fs::write(&path, [&header.to_bytes(Default::default()).unwrap(), pickle].concat()).unwrap();
        assert_eq!(lines(&path), ["5"]);
        let error = ArrayWriter::append_to(&path).unwrap_err();
        assert_eq!(error.clause(), "access.append");
        assert!(error.message().contains("expected 2 or later"), "{error}");
    }
}

#[test]
fn missing_file_and_second_writer_are_errors() {
    let (_folder, path) = folder();
    let error = ArrayWriter::append_to(&path).unwrap_err();
    assert_eq!((error.kind(), error.file().is_some()), (ErrorKind::Io, true));
    create(&path, 4, 0..3);
    let first = ArrayWriter::append_to(&path).unwrap();
    if cfg!(unix) {
        let error = ArrayWriter::append_to(&path).unwrap_err();
        assert!(error.to_string().contains("another writer appends"), "{error}");
    }
    drop(first);
    append(&path, 3..5).unwrap();
    assert_eq!(lines(&path), expected(0..5));
}

/// Returns the file before each step of an append, and after the last.
fn steps(protocol: u8) -> Vec<Vec<u8>> {
    let (_folder, path) = folder();
    create(&path, protocol, 0..255);
    let old = fs::read(&path).unwrap();
    append(&path, 255..300).unwrap();
    let new = fs::read(&path).unwrap();
    let written = [&old[..], &new[old.len()..]].concat();
    let begun = written[..written.len() - 40].to_vec();
    let joined = [&old[..old.len() - 20], &new[old.len() - 20..]].concat();
    assert!(joined != written && joined != new);
    vec![old, begun, written, joined, new]
}

#[test]
fn interrupted_append_leaves_the_old_array_and_is_undone() {
    for protocol in 2..=5 {
        let steps = steps(protocol);
        for (step, file) in steps.iter().enumerate() {
            let (_folder, path) = folder();
            fs::write(&path, file).unwrap();
            let mut array = npy_object::open(&path).unwrap();
            let len = if step == 4 { 300 } else { 255 };
            assert_eq!(array.len(), len, "protocol {protocol}, step {step}");
            for number in 0..len {
                let element = array.next_element().unwrap().unwrap();
                let (found, _): (u64, String) = element.deserialize().unwrap();
                assert_eq!(found, number);
            }
            if let 1 | 2 = step {
                // They are no second array and no pickle.
                let sections: Vec<_> = Options::new().sections(path.as_path()).unwrap().collect();
                assert_eq!(sections.len(), 2);
                assert_eq!(sections[1].as_ref().unwrap_err().clause(), "npy.magic");
            }
            match array.next_element() {
                Err(error) if step == 3 => {
                    assert_eq!(error.clause(), "npy.object.count");
                    assert!(error.message().contains("append"), "{error}");
                }
                end => assert!(step != 3 && end.unwrap().is_none(), "step {step}"),
            }
            drop(ArrayWriter::append_to(&path).unwrap());
            let old = if step == 4 { &steps[4] } else { &steps[0] };
            assert!(fs::read(&path).unwrap() == *old, "protocol {protocol}, step {step}");
            append(&path, len as i64..400).unwrap();
            assert_eq!(lines(&path), expected(0..400));
        }
    }
}

/// The process that the next test kills; not a test of its own.
#[test]
#[ignore = "is run by another test"]
fn append_for_ever() {
    let path = file_of_child();
    loop {
        let len = npy_object::open(&path).unwrap().len() as i64;
        append(&path, len..len + 97).unwrap();
    }
}

#[test]
fn append_killed_at_any_time_leaves_the_old_or_the_new_array() {
    let (_folder, path) = folder();
    create(&path, 4, 0..200);
    let (mut len, mut random, mut appended) = (200, 1u64, 0);
    for _ in 0..200 {
        // It is extended in place, from the second append on. An array after which an append was
        // interrupted may have none.
        let _ = npy_object::open(&path).unwrap().write_index_as(IndexKind::Dense);
        kill_while_running("write::append::append_for_ever", &path, &mut random);
        let mut array = npy_object::open(&path).unwrap();
        let now = array.len();
        for number in (0..now).rev().step_by(13) {
            let element = array.get_owned(number).unwrap().unwrap();
            let (found, _): (u64, String) = element.element().deserialize().unwrap();
            assert_eq!(found, number);
        }
        array.seek(0);
        assert!(now >= len && (now - len).is_multiple_of(97), "{now} after {len}");
        for number in 0..now {
            let element = array.next_element().unwrap().unwrap();
            let (found, _): (u64, String) = element.deserialize().unwrap();
            assert_eq!(found, number);
        }
        let after: Result<_, Error> = array.next_element().map(|next| next.is_none());
        match after {
            Ok(is_end) => assert!(is_end),
            Err(error) => assert!(error.message().contains("append"), "{error}"),
        }
        appended += u32::from(now > len);
        len = now;
    }
    assert!(appended > 0);
    append(&path, len as i64..len as i64 + 1).unwrap();
    assert_eq!(lines(&path), expected(0..len as i64 + 1));
}
