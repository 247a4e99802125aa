//! Output files: each has its name only when it is whole.

use std::fs;
use std::path::Path;

use npy_object::{ArrayWriter, WriteOptions};

use super::{file_of_child, kill_while_running};

const LEN: i64 = 3000;

/// Writes an array of which every element is `number`.
fn write(path: &Path, number: i64) -> npy_object::Result<()> {
    let mut writer = WriteOptions::new().create(path)?;
    for _ in 0..LEN {
        writer.append_with(|build| build.int(number))?;
    }
    writer.finish()
}

/// Returns the number that every element of a file is.
fn read(path: &Path) -> i64 {
    let mut array = npy_object::open(path).expect("a whole file");
    assert_eq!(array.len(), LEN as u64);
    let first = array.get(0).unwrap().unwrap().as_i64().unwrap();
    while let Some(element) = array.next_element().expect("a whole file") {
        assert_eq!(element.as_i64().unwrap(), first);
    }
    first
}

/// The process that the next test kills; not a test of its own.
#[test]
#[ignore = "is run by another test"]
fn write_for_ever() {
    let path = file_of_child();
    for number in 0.. {
        write(&path, number).unwrap();
    }
}

#[test]
fn writer_killed_at_any_time_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    write(&path, -1).unwrap();
    let (mut replaced, mut broken_off) = (0, 0);
    let mut random = 1u64;
    for _ in 0..200 {
        kill_while_running("write::files::write_for_ever", &path, &mut random);
        replaced += u32::from(read(&path) >= 0);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let left = entry.unwrap().path();
            if left != path {
                broken_off += 1;
                fs::remove_file(left).unwrap();
            }
        }
        write(&path, -1).unwrap();
    }
    assert!(replaced > 0 && broken_off > 0, "{replaced} were replaced, {broken_off} broken off");
}

#[test]
fn writer_dropped_before_finish_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let mut writer = ArrayWriter::create(&path).unwrap();
    writer.append_with(|build| build.int(1)).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    write(&path, 3).unwrap();
    let writer = WriteOptions::new().shape(&[2]).create(&path).unwrap();
    writer.finish().unwrap_err();
    assert_eq!(read(&path), 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A link stays a link, and the file keeps its permissions.
#[cfg(unix)]
#[test]
fn create_at_a_link_replaces_the_file_it_leads_to() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file.npy"), folder.path().join("link.npy"));
    write(&file, 1).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&file, &link).unwrap();
    write(&link, 2).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&file), 2);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

/// The temporary name is short enough wherever the name of the file is.
#[test]
fn create_with_the_longest_name_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for length in [243, 244, 251, 252, 255] {
        let path = folder.path().join("n".repeat(length));
        write(&path, 1).unwrap();
        assert_eq!(read(&path), 1);
        let index = npy_object::open(&path).unwrap().write_index();
        assert_eq!(index.is_ok(), length <= 251, "{length}");
        assert_eq!(npy_object::open(&path).unwrap().get(0).unwrap().unwrap().as_i64().unwrap(), 1);
    }
    let path = folder.path().join("n".repeat(256));
    let error = write(&path, 1).unwrap_err();
    assert_eq!((error.kind(), error.file()), (npy_object::ErrorKind::Io, path.to_str()));
}

#[test]
fn create_in_a_missing_folder_fails_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/fo\x1blder.npy");
    let error = write(&path, 1).unwrap_err().to_string();
    assert!(error.contains(r"no/such/fo\x1blder.npy: "), "{error}");
}

/// As root, the rename would replace a device.
#[cfg(unix)]
#[test]
fn create_at_a_socket_or_folder_fails() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [folder.path(), &socket] {
        let error = write(path, 1).unwrap_err();
        assert_eq!(error.file(), path.to_str());
        assert!(error.message().contains("not a regular file"), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
