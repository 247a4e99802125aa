//! Runs of `npyo write`.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::{Ran, command, fixture, npyo, ran};

/// Runs `npyo write` with these lines as its input.
fn write(file: &Path, options: &[&str], lines: &str) -> Ran {
    let mut write = command(["write"]);
    let write = write.arg(file).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = write.stderr(Stdio::piped()).spawn().expect("the program can be started");
    // After a line that it refuses, the program reads no further.
    let _ = child.stdin.take().expect("a pipe").write_all(lines.as_bytes());
    ran(child.wait_with_output())
}

#[test]
fn write_of_typed_lines_writes_the_same_elements() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written.npy");
    for (file, protocol) in [
        ("arrays/ragged-p3-py3.7-np1.21.npy", "3"),
        ("arrays/ragged-p2-py3.6-np1.16.npy", "2"),
        ("builtin/list-of-1000-p2-py3.9-np2.0.npy", "2"),
        ("header-forms/object-version-2.npy", "4"),
    ] {
        let lines = npyo("cat", file, &["--typed"]).output();
        write(&written, &["--protocol", protocol], &lines).output();
        let again = ran(command(["cat", "--typed"]).arg(&written).output()).output();
        assert_eq!(again, lines, "{file}");
    }
    // An object that two elements share is written once, and shared again.
    let file = "sharing/list-across-elements-p5-py3.9-np2.0.npy";
    let lines = npyo("cat", file, &["--typed"]).output();
    assert!(lines.contains("{\"shared\":["), "{lines}");
    write(&written, &[], &lines).output();
    let again = ran(command(["cat", "--typed"]).arg(&written).output()).output();
    assert_eq!(again, lines);
    // Strings of this file are shared as the writer shares them, so the bytes are equal too.
    let file = "builtin/ints-p3-py3.7-np1.21.npy";
    let lines = npyo("cat", file, &["--typed"]).output();
    write(&written, &["--protocol", "3"], &lines).output();
    assert!(fs::read(&written).unwrap() == fs::read(fixture(file)).unwrap());
}

/// The rows of arrays without objects are lines too.
#[test]
fn write_of_row_lines_writes_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written.npy");
    for file in ["plain/1d-py2.7-np1.16.npy", "plain/3d-fortran-py2.7-np1.16.npy"] {
        let lines = npyo("cat", file, &["--typed"]).output();
        write(&written, &[], &lines).output();
        let again = ran(command(["cat", "--typed"]).arg(&written).output()).output();
        assert_eq!(again, lines, "{file}");
    }
    let lines = npyo("cat", "plain/1d-py2.7-np1.16.npy", &["--typed"]).output();
    let refused = write(&written, &[], &lines.replacen("<i8", "<f8", 1));
    let why = "line 2: expected a row of <f8, found {\"scalar\":";
    assert!(
        refused.stderr.starts_with(&format!("npyo: standard input: {why}")),
        "{}",
        refused.stderr
    );
}

/// The example in the help removes lines.
#[test]
fn write_of_fewer_lines_writes_a_shorter_array() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written.npy");
    for (file, left) in [("numpy-tests/py3-objarr.npy", 3), ("plain/1d-py2.7-np1.16.npy", 2)] {
        let lines = npyo("cat", file, &["--typed"]).output();
        let lines: Vec<&str> = lines.lines().filter(|line| *line != "null").collect();
        write(&written, &[], &lines[..1 + left].join("\n")).output();
        let again = ran(command(["cat", "--typed"]).arg(&written).output()).output();
        let again: Vec<&str> = again.lines().collect();
        assert_eq!(again[1..], lines[1..1 + left], "{file}");
        assert!(again[0].ends_with(&format!("\"shape\":[{left}]}}}}")), "{}", again[0]);
    }
}

#[test]
fn write_without_header_line_writes_a_1d_array() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ints.npy");
    let report = write(&file, &[], "1\n[2]\n\"three\"").output();
    assert_eq!(report, format!("{}: 3 elements\n", file.display()));
    let all = ran(command(["cat"]).arg(&file).output()).output();
    assert_eq!(all, "1\n[2]\n\"three\"\n");
}

#[test]
fn write_of_refused_line_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ints.npy");
    write(&file, &[], "1\n").output();
    let before = fs::read(&file).unwrap();
    for (lines, why) in [
        ("1\n{\"tuple\":1}\n", "line 2: expected a list, found 1 [access.json]\n"),
        ("1\n2 3\n", "line 2: column 3: trailing characters"),
        ("{\"no\":1}", "line 1: expected a type of typed JSON, found \"no\" [access.json]\n"),
        (
            "{\"ref\":3}",
            "line 1: {\"ref\":3} comes before the object that it names [access.json]\n",
        ),
    ] {
        let refused = write(&file, &[], lines);
        assert!(
            refused.stderr.starts_with(&format!("npyo: standard input: {why}")),
            "{}",
            refused.stderr
        );
        assert!(fs::read(&file).unwrap() == before);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Names are those of Python 2 in protocol 2, and those of Python 3 from protocol 3 on.
#[test]
fn write_spells_names_as_the_protocol_does() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written.npy");
    let old = [&b"__builtin__"[..], b"copy_reg", b"exceptions"];
    let has_old_names = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        old.iter().any(|name| bytes.windows(name.len()).any(|window| window == *name))
    };
    for file in [
        "stdlib/defaultdicts-p2-py3.9-np2.0.npy",
        "stdlib/globals-p0-py2.7-np1.16.npy",
        "stdlib/globals-p2-py3.6-np1.16.npy",
        "stdlib/exceptions-p2-py2.7-np1.16.npy",
        "stdlib/ranges-p1-py3.9-np1.26.npy",
        "stdlib/globals-p4-py3.9-np2.0.npy",
        "classes/points-p1-py3.9-np1.26.npy",
    ] {
        let lines = npyo("cat", file, &["--typed"]).output();
        assert!(!lines.contains("__builtin__"), "{lines}");
        for protocol in ["2", "3", "4", "5"] {
            write(&written, &["--protocol", protocol], &lines).output();
            let again = ran(command(["cat", "--typed"]).arg(&written).output()).output();
            assert_eq!(again, lines, "{file}");
            assert_eq!(has_old_names(&written), protocol == "2", "{file} {protocol}");
        }
    }
}
