//! What a process that is ended by a signal does with its unfinished files. It is about all of those
//! of a process, so it is alone in one.

use std::fs;

use npy_object::{ErrorKind, WriteOptions};

#[test]
fn unfinished_files_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let mut writer = WriteOptions::new().create(&path).unwrap();
    writer.append_with(|build| build.int(1)).unwrap();
    let files = || fs::read_dir(folder.path()).unwrap().count();
    assert_eq!((files(), npy_object::remove_unfinished(files)), (1, 0));
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(files(), 0);
}
