//! Runs of `npyo concat` and `npyo slice`.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, command, fixture, npyo, ran};

const SHARED: &str = "sharing/list-across-elements-p5-py3.9-np2.0.npy";

fn run(arguments: &[&str], files: &[&Path], output: &Path) -> Ran {
    let mut command = command(arguments);
    ran(command.args(files).arg("-o").arg(output).output())
}

fn cat(file: &Path, options: &[&str]) -> String {
    ran(command(["cat"]).args(options).arg(file).output()).output()
}

#[test]
fn concat_writes_the_elements_of_one_file_after_those_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.npy");
    let (ragged, shared) = (fixture("arrays/ragged-p3-py3.7-np1.21.npy"), fixture(SHARED));
    let files = [&*ragged, &*shared, &*ragged];
    let joined = run(&["concat"], &files, &new).output();
    let each: String = files.iter().map(|file| cat(file, &[])).collect();
    assert_eq!(cat(&new, &[]), each);
    assert_eq!(joined, format!("{}: {} elements\n", new.display(), each.lines().count()));
    // The elements of the second file share in the new one what they share there.
    assert!(cat(&new, &["--typed"]).contains("{\"shared\":["));
    // A file may be replaced by its own elements and others.
    run(&["concat"], &[&new, &new], &new).output();
    assert_eq!(cat(&new, &[]), each.clone() + &each);
}

#[test]
fn slice_writes_a_range_of_the_elements() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.npy");
    let file = "builtin/list-of-1000-p2-py3.9-np2.0.npy";
    for range in
        [&["--from", "0"][..], &["--to", "-1"], &["--from", "9999"], &["--to", "1", "--from", "2"]]
    {
        let arguments = [&["slice"], range].concat();
        run(&arguments, &[&fixture(file)], &new).output();
        assert_eq!(cat(&new, &[]), npyo("cat", file, range).output(), "{range:?}");
    }
    // The whole range is the same file.
    run(&["slice"], &[&fixture(SHARED)], &new).output();
    assert!(fs::read(&new).unwrap() == fs::read(fixture(SHARED)).unwrap());
}

#[test]
fn files_that_cannot_be_joined_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.npy");
    let ragged = fixture("arrays/ragged-p3-py3.7-np1.21.npy");
    let rows = fixture("plain/1d-py2.7-np1.16.npy");
    let refused = run(&["concat"], &[&ragged, &rows], &new);
    assert!(refused.stderr.contains("expected an array of objects, found one without"));
    assert_eq!(refused.code, Some(2));
    let refused = run(&["slice"], &[&rows], &new);
    assert_eq!((refused.code, new.exists()), (Some(2), false));
}
