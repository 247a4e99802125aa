//! The text of errors: the file, the element and offset, another kind of file, a changed file.

use std::fs;
use std::path::PathBuf;

use npy_object::{Error, ErrorKind, IndexUse, NpyArray, Options, Source, WriteOptions};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Writes an array of dicts. The last has a str in place of an int.
fn write_dicts(path: &std::path::Path) {
    let mut writer = WriteOptions::new().create(path).unwrap();
    for number in 0..3 {
        let array = format!(
            "{{\"dict\":[[\"id\",{number}],[\"points\",[1,2,{}]]]}}",
            match number {
                2 => "\"x\\u001b\"",
                _ => "3",
            }
        );
        npy_object::json::ElementReader::new().append(&mut writer, &array).unwrap();
    }
    writer.finish().unwrap();
}

fn last_error(array: NpyArray) -> Error {
    error_of(array).expect("an error ends it")
}

fn error_of(mut array: NpyArray) -> Option<Error> {
    loop {
        match array.next_element() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn error_of_opening_names_the_path() {
    for error in [
        npy_object::open("/no/such/\u{1b}file.npy").unwrap_err(),
        npy_object::Npz::open("/no/such/\u{1b}file.npy").unwrap_err(),
        npy_object::at("/no/such/\u{1b}file.npy", &Default::default()).unwrap_err(),
    ] {
        assert!(error.to_string().starts_with(r"/no/such/\x1bfile.npy: No such file"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Io);
    }
    let error = npy_object::open(data("")).unwrap_err();
    assert!(error.to_string().contains("tests/data/: Is a directory"), "{error}");
}

#[test]
fn error_of_reading_names_file_and_member() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.npy");
    let whole = fs::read(data("strings.npy")).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let error = last_error(npy_object::open(&path).unwrap());
    assert_eq!((error.kind(), error.file()), (ErrorKind::Truncated, path.to_str()));

    let mut damaged = fs::read(data("deflated.npz")).unwrap();
    let offset = damaged.len() / 4;
    damaged[offset] ^= 0xff;
    let path = folder.path().join("damaged.npz");
    fs::write(&path, damaged).unwrap();
    let archive = npy_object::Npz::open(&path).unwrap();
    let errors = (0..2).filter_map(|member| {
        let array = archive.source(member).and_then(|source| Options::new().open(source));
        array.map_or_else(Some, error_of)
    });
    let names: Vec<_> = errors.map(|error| error.to_string()).collect();
    assert!(
        !names.is_empty() && names.iter().all(|name| name.contains("damaged.npz")),
        "{names:?}"
    );
}

#[test]
fn error_of_serde_names_path_and_offset() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Track {
        id: u32,
        points: Vec<i64>,
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dicts.npy");
    write_dicts(&path);
    let mut array = npy_object::open(&path).unwrap();
    assert_eq!(array.get(1).unwrap().unwrap().deserialize::<Track>().unwrap().points, [1, 2, 3]);
    let error = array.get(2).unwrap().unwrap().deserialize::<Track>().unwrap_err();
    assert_eq!(error.path(), "['points'][2]");
    assert!(error.offset().is_some_and(|offset| offset > 128), "{error}");
    assert!(error.to_string().contains(r"(['points'][2], at byte "), "{error}");
    assert!(!error.to_string().contains('\u{1b}'));
}

#[test]
fn error_of_arrow_names_element_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dicts.npy");
    write_dicts(&path);
    let error = npy_object::open(&path).unwrap().record_batches(.., 1000).err().unwrap();
    assert_eq!((error.element(), error.path()), (Some(2), "['points'][2]"));
    let mut batches = npy_object::open(&path).unwrap().record_batches(.., 2).unwrap();
    batches.next().unwrap().unwrap();
    let error = batches.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("element 2, ['points'][2]"), "{error}");
}

#[test]
fn error_of_a_changed_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let mut writer = WriteOptions::new().create(&path).unwrap();
    for _ in 0..1000 {
        writer.append_with(|build| build.str(&"x".repeat(2000))).unwrap();
    }
    writer.finish().unwrap();
    let whole = fs::read(&path).unwrap();
    let open = || npy_object::open(&path).unwrap();
    let is_changed = |array: NpyArray| {
        let error = last_error(array);
        assert_eq!((error.kind(), error.file()), (ErrorKind::Io, path.to_str()));
        assert!(error.message().contains("the file was changed while it was read"), "{error}");
    };
    let shortened = open();
    fs::File::options().write(true).open(&path).unwrap().set_len(900_000).unwrap();
    is_changed(shortened);
    fs::write(&path, &whole).unwrap();
    let overwritten = open();
    // Some systems count modification times in steps of some milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(50));
    fs::write(&path, vec![b'~'; whole.len()]).unwrap();
    is_changed(overwritten);
    // A file that was truncated before it was opened has not changed.
    fs::write(&path, &whole[..900_000]).unwrap();
    assert_eq!(last_error(open()).kind(), ErrorKind::Truncated);
}

#[cfg(unix)]
#[test]
fn index_that_is_not_a_regular_file_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let index = folder.path().join("array.npy.idx");
    fs::copy(data("strings.npy"), &path).unwrap();
    let make: [&dyn Fn(); 4] = [
        &|| assert!(std::process::Command::new("mkfifo").arg(&index).status().unwrap().success()),
        &|| fs::create_dir(&index).unwrap(),
        &|| std::os::unix::fs::symlink("/dev/zero", &index).unwrap(),
        &|| std::os::unix::fs::symlink(folder.path(), &index).unwrap(),
    ];
    for make in make {
        make();
        let mut array = npy_object::open(&path).unwrap();
        assert_eq!(array.index_use(), IndexUse::None);
        assert_eq!(array.get(1).unwrap().unwrap().as_str().unwrap(), "NumPy");
        let error = array.write_index().unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Io, index.to_str()));
        fs::remove_file(&index).or_else(|_| fs::remove_dir(&index)).unwrap();
    }
}

#[test]
fn error_of_another_kind_of_file_names_it() {
    let zlib = b"\x78\x9c\x4b\x04\0\0\x62\0\x62".to_vec();
    for source in [Source::bytes(zlib.clone()), Source::stream(std::io::Cursor::new(zlib))] {
        let error = Options::new().open(source).unwrap_err();
        assert!(error.message().starts_with("this is data compressed by zlib"), "{error}");
    }
}
