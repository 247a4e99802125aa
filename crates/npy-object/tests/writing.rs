//! Files that are written: whole, or not there.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use npy_object::{ArrayWriter, WriteOptions};

const LEN: i64 = 3000;

/// Writes an array of which every element is `number`.
fn write(path: &Path, number: i64) -> npy_object::Result<()> {
    let mut writer = WriteOptions::new().create(path)?;
    for _ in 0..LEN {
        writer.append_with(|build| build.int(number))?;
    }
    writer.finish()
}

/// The number that every element of a file is.
fn read(path: &Path) -> i64 {
    let mut array = npy_object::open(path).expect("a whole file");
    assert_eq!(array.len(), LEN as u64);
    let first = array.get(0).unwrap().unwrap().as_i64().unwrap();
    while let Some(element) = array.next_element().expect("a whole file") {
        assert_eq!(element.as_i64().unwrap(), first);
    }
    first
}

const CHILD: &str = "NPY_OBJECT_TEST_WRITES";

/// Not a test of its own: what is killed by the next one.
#[test]
#[ignore = "is run by another test"]
fn write_for_ever() {
    let path = env::var_os(CHILD).expect("the file to write");
    for number in 0.. {
        write(Path::new(&path), number).unwrap();
    }
}

#[test]
fn who_is_killed_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    let start = || -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "write_for_ever", "--ignored"])
            .env(CHILD, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    write(&path, -1).unwrap();
    let (mut replaced, mut broken_off) = (0, 0);
    let mut random = 1u64;
    for _ in 0..200 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let mut child = start();
        sleep(Duration::from_micros(2000 + (random >> 33) % 12_000));
        child.kill().unwrap();
        child.wait().unwrap();
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
fn what_is_dropped_leaves_nothing() {
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
