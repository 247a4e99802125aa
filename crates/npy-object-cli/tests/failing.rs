//! Runs that fail: their errors, and the files after them.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ran, command, fixture, ran};

/// A fixture of four elements: None, a class, a str and bytes.
const SAVED: &str = "numpy-tests/py3-objarr.npy";

fn npyo(args: &[&dyn AsRef<std::ffi::OsStr>]) -> Ran {
    ran(command(args.iter().map(AsRef::as_ref)).output())
}

/// Runs a command with this input.
fn with_input(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may exit before it has read all of the input.
    let _ = child.stdin.take().unwrap().write_all(input);
    ran(child.wait_with_output())
}

/// Returns whether a text has no control characters and no marks that change its direction.
fn is_harmless(text: &str) -> bool {
    let is_bidi = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    text.chars().all(|c| c == '\n' || !(c.is_control() || is_bidi(c)))
}

#[cfg(unix)]
#[test]
fn index_that_is_no_regular_file_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("array.npy");
    let index = folder.path().join("array.npy.idx");
    fs::copy(fixture(SAVED), &file).unwrap();
    let make: [&dyn Fn(); 3] = [
        &|| assert!(Command::new("mkfifo").arg(&index).status().unwrap().success()),
        &|| fs::create_dir(&index).unwrap(),
        &|| std::os::unix::fs::symlink("/dev/zero", &index).unwrap(),
    ];
    for make in make {
        make();
        assert_eq!(npyo(&[&"get", &file, &"0"]).output(), "null\n");
        assert!(npyo(&[&"stats", &file]).output().starts_with("elements  4\n"));
        let refused = npyo(&[&"index", &file]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("array.npy.idx: not a regular file"), "{}", refused.stderr);
        fs::remove_file(&index).or_else(|_| fs::remove_dir(&index)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn signal_during_write_leaves_no_part_file() {
    use std::os::unix::process::ExitStatusExt;
    for (name, signal) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = command(["write".as_ref(), folder.path().join("new.npy").as_os_str()]);
        let mut writing = writing.stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = writing.stdin.take().unwrap();
        lines.write_all(b"1\n").unwrap();
        let files = || fs::read_dir(folder.path()).unwrap().count();
        let start = Instant::now();
        while files() == 0 && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(files(), 1);
        let id = writing.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        assert_eq!(writing.wait().unwrap().signal(), Some(signal), "SIG{name}");
        assert_eq!(files(), 0, "SIG{name}");
        drop(lines);
    }
}

#[test]
fn names_from_the_file_are_printed_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e\u{1b}[31m\u{202e}\n.npy");
    let written = with_input(
        command(["write".as_ref(), file.as_os_str()]),
        "\"\u{9b}\u{202e}\"\n".as_bytes(),
    );
    let mut outputs = vec![written.output()];
    for args in [
        &[&"cat" as &dyn AsRef<std::ffi::OsStr>, &file][..],
        &[&"cat", &"--typed", &file],
        &[&"get", &file, &"9"],
        &[&"info", &file],
        &[&"info", &"--json", &file],
        &[&"stats", &file],
        &[&"dis", &file],
        &[&"index", &file],
        &[&"salvage", &file, &"-o", &folder.path().join("s\u{1b}.npy")],
        &[&"cat", &folder.path().join("no\u{1b}.npy")],
    ] {
        let ran = npyo(args);
        outputs.extend([ran.stdout, ran.stderr]);
    }
    // The warning that an index is damaged names it.
    fs::write(folder.path().join("e\u{1b}[31m\u{202e}\n.npy.idx"), "x").unwrap();
    outputs.push(npyo(&[&"cat", &file]).stderr);
    for output in outputs {
        assert!(is_harmless(&output), "{output:?}");
    }
}

#[cfg(unix)]
#[test]
fn output_that_cannot_be_written_is_named_in_the_error() {
    let lines = |file: &str, input: &str| with_input(command(["write", file]), input.as_bytes());
    let refused = lines("/no/such/folder/new.npy", "1\n");
    assert!(
        refused.stderr.starts_with("npyo: /no/such/folder/new.npy: No such"),
        "{}",
        refused.stderr
    );
    let refused = lines("/dev/null", "1\n");
    assert!(
        refused.stderr.starts_with("npyo: /dev/null: not a regular file"),
        "{}",
        refused.stderr
    );
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.npy");
    let refused = lines(new.to_str().unwrap(), "1\n[\n");
    assert!(refused.stderr.starts_with("npyo: standard input: line 2: "), "{}", refused.stderr);
    let refused = npyo(&[&"salvage", &fixture(SAVED), &"-o", &"/no/such/folder/new.npy"]);
    assert!(
        refused.stderr.starts_with("npyo: /no/such/folder/new.npy: No such"),
        "{}",
        refused.stderr
    );
    if Path::new("/dev/full").exists() {
        let full = fs::File::create("/dev/full").unwrap();
        let refused =
            ran(command(["cat".as_ref(), fixture(SAVED).as_os_str()]).stdout(full).output());
        assert!(
            refused.stderr.starts_with("npyo: standard output: cannot write"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn file_of_another_format_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("array.npy");
    for (content, kind) in [
        (&b"version https://git-lfs.github.com/spec/v1\n"[..], "a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"{\"error\": 1}", "JSON"),
        (b"", "an empty file"),
        (b"\x28\xb5\x2f\xfd\0\0\0", "a file compressed by Zstandard"),
        (b"\x04\x22\x4d\x18\0\0\0", "a file compressed by LZ4"),
        (b"\x89HDF\r\n\x1a\n\0\0\0", "an HDF5 file"),
    ] {
        fs::write(&file, content).unwrap();
        for subcommand in ["cat", "stats", "index"] {
            let ran = npyo(&[&subcommand, &file]);
            assert!(
                ran.complaint().starts_with(&format!("this is {kind}, not an array")),
                "{ran:?}"
            );
        }
    }
    let ran = npyo(&[&"cat", &folder.path()]);
    assert!(ran.stderr.contains(": Is a directory"), "{ran:?}");
}

#[test]
fn pytorch_file_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.pt.npy");
    let mut zip = zip::ZipWriter::new(fs::File::create(&file).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("model/data.pkl", &b"\x80\x02}."[..]), ("model/data/0", b"\0\0\0\0")] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    let ran = npyo(&[&"cat", &file]);
    assert!(ran.complaint().starts_with("this is a PyTorch file"), "{ran:?}");
}

#[test]
fn member_with_colons_in_its_name_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a:b.npz");
    let mut zip = zip::ZipWriter::new(fs::File::create(&file).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in ["c:d.npy", "e.npy"] {
        zip.start_file(name, options).unwrap();
        zip.write_all(&fs::read(fixture(SAVED)).unwrap()).unwrap();
    }
    zip.finish().unwrap();
    for member in ["c:d", "c:d.npy", "e"] {
        let argument = format!("{}:{member}", file.display());
        assert_eq!(npyo(&[&"get", &argument, &"0"]).output(), "null\n");
    }
}

#[test]
fn cat_rows_of_2d_array_prints_a_line_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("array.npy");
    let write = |shape: &str, elements: &str| {
        let header = format!(
            "{{\"header\":{{\"version\":[1,0],\"descr\":\"|O\",\"fortran_order\":false,\"shape\":{shape}}}}}\n"
        );
        with_input(command(["write".as_ref(), file.as_os_str()]), (header + elements).as_bytes())
            .output();
    };
    let rows = |options: &[&str]| {
        let args = ["cat", "--rows"].iter().chain(options).map(std::ffi::OsStr::new);
        ran(command(args.chain([file.as_os_str()])).output()).output()
    };
    write("[3,2]", "1\n\"a\"\nnull\n25\n[]\n{\"dict\":[]}\n");
    assert_eq!(rows(&[]), "[1,\"a\"]\n[null,25]\n[[],{}]\n");
    assert_eq!(rows(&["--from", "1", "--to", "2"]), "[null,25]\n");
    write("[2,2,2]", "0\n1\n2\n3\n4\n5\n6\n7\n");
    assert_eq!(rows(&[]), "[[0,1],[2,3]]\n[[4,5],[6,7]]\n");
    write("[2]", "0\n1\n");
    assert_eq!(rows(&[]), "0\n1\n");
}
