//! Removal of the temporary files of a process, as when a signal ends it. It is about all files of
//! the process, so this test has a process of its own.

use std::fs;

use npy_object::{ErrorKind, WriteOptions};

#[test]
fn remove_unfinished_removes_the_files_of_all_writers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let mut writer = WriteOptions::new().create(&path).unwrap();
    writer.append_with(|build| build.int(1)).unwrap();
    let files = || fs::read_dir(folder.path()).unwrap().count();
    assert_eq!((files(), npy_object::remove_unfinished(files)), (1, 0));
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(files(), 0);
}
