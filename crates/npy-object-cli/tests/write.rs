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
fn write_of_plain_json_writes_dicts_lists_and_floats() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain.npy");
    let lines = "{\"z\":1,\"a\":[0.5,null,true],\"text\":\"\u{e9}\"}\n{\"only\":{}}\n[18446744073709551615]\n";
    assert_eq!(write(&file, &[], lines).output(), format!("{}: 3 elements\n", file.display()));
    let all = ran(command(["cat"]).arg(&file).output()).output();
    assert_eq!(all, lines);
    let typed = ran(command(["cat", "--typed"]).arg(&file).output()).output();
    assert!(
        typed.contains("{\"dict\":[[\"z\",1],[\"a\",[{\"float\":\"3fe0000000000000\"},null,true]]")
    );
}

#[test]
fn append_adds_elements_to_a_file_or_creates_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.npy");
    let wrote = |count| format!("{}: {count}\n", file.display());
    assert_eq!(write(&file, &["--append"], "1\n").output(), wrote("1 element"));
    assert_eq!(write(&file, &["--append"], "[2]\n\"three\"\n").output(), wrote("3 elements"));
    assert_eq!(write(&file, &["--append"], "").output(), wrote("3 elements"));
    let all = ran(command(["cat"]).arg(&file).output());
    assert_eq!((all.stdout.as_str(), all.stderr.as_str()), ("1\n[2]\n\"three\"\n", ""));
    // The index next to it was written by the first one.
    assert!(folder.path().join("log.npy.idx").is_file());
    let before = fs::read(&file).unwrap();
    write(&file, &["--append"], "4\n{\"tuple\":1}\n").stderr.contains("expected a list");
    assert!(fs::read(&file).unwrap() == before);
    let refused = write(&folder.path().join("missing").join("log.npy"), &["--append"], "1\n");
    assert!(refused.stderr.contains("No such file"), "{}", refused.stderr);
}

#[test]
fn append_to_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.npy");
    fs::copy(fixture("plain/1d-py2.7-np1.16.npy"), &file).unwrap();
    let refused = write(&file, &["--append"], "1\n");
    assert!(
        refused.stderr.contains("cannot append to the file: its dtype is"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.code, Some(1));
}

#[test]
fn write_of_refused_line_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ints.npy");
    write(&file, &[], "1\n").output();
    let before = fs::read(&file).unwrap();
    for (lines, why) in [
        (
            "1\n{\"tuple\":1}\n",
            "line 2: expected a list, found 1 [access.json]\nnpyo: `npyo cat --typed`",
        ),
        ("1\n2 3\n", "line 2: column 3: trailing characters"),
        (
            "{\"no\":1}\n{\"tuple\":[]}",
            "line 2: expected plain JSON, as before (or all typed), found {\"tuple\":[]} [access.json]\n",
        ),
        (
            "[{\"tuple\":[]},0.5]",
            "line 1: expected typed JSON, as before, found 0.5 [access.json]\nnpyo: `npyo cat --typed`",
        ),
        ("1e300", "line 1: expected a number below 2^64"),
        (
            "{\"header\":{\"version\":[1,0],\"descr\":\"|O\",\"fortran_order\":false,\"shape\":[1]}}\n0.5",
            "line 2: expected an int, found 0.5",
        ),
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
