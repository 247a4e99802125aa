//! Runs on archives, gzip files, pipes and standard input.

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Ran, command, fixture, npyo, oracle_with_header, ran};

/// Returns the path of a file that `generate.py`, next to it, has written.
fn data(file: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../npy-object/tests/data").join(file);
    // The name of a member may follow the path, after a colon.
    let archive = path.to_str().unwrap().rsplit_once(".npz:");
    assert!(path.exists() || archive.is_some(), "no file {file}");
    path
}

fn run(subcommand: &str, file: &str, options: &[&str]) -> Ran {
    let mut command = command([subcommand.as_ref(), data(file).as_os_str()]);
    ran(command.args(options).output())
}

/// Runs a command that reads `bytes` from a pipe.
fn piped(mut command: Command, bytes: Vec<u8>) -> Ran {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // The program may exit before it has read all of the input.
        let _ = input.write_all(&bytes);
    });
    let ran = ran(child.wait_with_output());
    writer.join().unwrap();
    ran
}

const STRINGS: &str = "\"hello\"\n\"NumPy\"\n\"objects\"\n";

#[test]
fn gzip_file_is_read_like_its_contents() {
    for file in ["strings.npy", "strings.npy.gz", "members.npy.gz"] {
        assert_eq!(run("cat", file, &[]).output(), STRINGS, "{file}");
        assert_eq!(run("get", file, &["-1"]).output(), "\"objects\"\n");
    }
    let [plain, packed] = ["strings.npy", "strings.npy.gz"].map(|file| run("dis", file, &[]));
    assert_eq!(plain.output(), packed.output());
}

#[test]
fn standard_input_is_read_from_pipe_and_file() {
    for file in ["strings.npy", "strings.npy.gz"] {
        let bytes = fs::read(data(file)).unwrap();
        assert_eq!(piped(command(["cat", "-"]), bytes.clone()).output(), STRINGS);
        assert_eq!(piped(command(["get", "-", "1"]), bytes.clone()).output(), "\"NumPy\"\n");
        let dis = run("dis", file, &[]).output();
        assert_eq!(piped(command(["dis", "-"]), bytes).output(), dis);
        let mut cat = command(["cat", "-"]);
        let cat = cat.stdin(File::open(data(file)).unwrap());
        assert_eq!(ran(cat.output()).output(), STRINGS);
    }
    let bytes = fs::read(data("archive.npz")).unwrap();
    let first = piped(command(["get", "-", "0", "--member", "words"]), bytes).output();
    assert_eq!(first, "\"loop\"\n");
}

/// A pipe, as in `npyo cat <(producer)`, can be opened only once.
#[cfg(target_os = "linux")]
#[test]
fn named_pipe_is_read() {
    for file in ["strings.npy", "strings.npy.gz"] {
        let bytes = fs::read(data(file)).unwrap();
        assert_eq!(piped(command(["cat", "/dev/stdin"]), bytes).output(), STRINGS);
    }
}

/// In `producer | npyo cat -`, the producer may be slow.
#[test]
fn elements_are_printed_before_the_pipe_ends() {
    let file = "builtin/list-of-1000-p2-py3.9-np2.0.npy";
    let bytes = fs::read(fixture(file)).unwrap();
    let mut cat = command(["cat", "--typed", "-"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = cat.stdin.take().unwrap();
    input.write_all(&bytes).unwrap();
    let lines: Vec<_> = BufReader::new(cat.stdout.take().unwrap()).lines().collect();
    assert!(lines.into_iter().map(Result::unwrap).eq(oracle_with_header(file)));
    drop(input);
    assert!(cat.wait().unwrap().success());
}

#[test]
fn output_of_truncated_pipe_equals_that_of_the_file() {
    let file = "truncated/in-third-batch.npy";
    let whole = npyo("cat", file, &[]);
    let piped = piped(command(["cat", "-"]), fs::read(fixture(file)).unwrap());
    assert_eq!((piped.code, &piped.stdout), (Some(1), &whole.stdout));
    assert_eq!(piped.stderr.strip_prefix("npyo: -: ").unwrap(), whole.complaint());
}

#[test]
fn member_is_named_by_colon_or_option() {
    for archive in ["archive.npz", "deflated.npz", "zip64.npz"] {
        for (name, expected) in [
            ("words", "\"loop\"\n\"spur\"\nnull\n"),
            ("numbers.npy", "[0.0,1.0]\n[2.0,3.0]\n[4.0,5.0]\n"),
        ] {
            let colon = run("cat", &format!("{archive}:{name}"), &[]).output();
            assert_eq!(colon, expected, "{archive}");
            assert_eq!(run("cat", archive, &["--member", name]).output(), expected);
        }
    }
}

#[test]
fn archive_of_one_array_is_read_without_a_member_name() {
    assert_eq!(run("cat", "one.npz", &[]).output(), "\"alone\"\n");
    assert_eq!(run("cat", "prefixed.npz:arr_0", &[]).output(), "\"alone\"\n");
    let ran = run("cat", "archive.npz", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("words, numbers"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--member"), "{}", ran.stderr);
}

#[test]
fn odd_archives_are_read_as_by_python() {
    for (name, expected) in [
        ("twice", "\"last\"\n"),
        ("größe", "\"Größe\"\n"),
        ("ü", "\"cp437\"\n"),
        ("no suffix", "\"no suffix\"\n"),
        ("folder/inner", "\"inner\"\n"),
    ] {
        assert_eq!(run("cat", "odd.npz", &["--member", name]).output(), expected, "{name}");
    }
    for (name, complaint) in [
        ("bzip2", "bzip2.npy is compressed by method 12"),
        ("notes.txt", "this is text, not an array"),
        ("nothing", "\"nothing\" is not a file in the archive, which has 9: \"twice\""),
        ("biz2", "did you mean \"bzip2\"?"),
    ] {
        let ran = run("cat", "odd.npz", &["--member", name]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.contains(complaint), "{}", ran.stderr);
    }
}

#[test]
fn info_of_archive_lists_members() {
    let expected = "\
size      550 bytes
format    zip, 2 members
  words    |O   (3,)    292 bytes, 209 compressed by deflate
  numbers  <f8  (3, 2)  176 bytes, 87 compressed by deflate
";
    assert_eq!(run("info", "deflated.npz", &[]).output(), expected);
    let json = run("info", "archive.npz", &["--json"]).output();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let numbers = serde_json::json!({
        "name": "numbers", "size": 176, "compressed_size": 176, "compression": null,
        "dtype": "<f8", "fortran_order": false, "shape": [3, 2],
    });
    assert_eq!((&json["size"], &json["members"][1]), (&722.into(), &numbers));
}

#[test]
fn info_of_archive_lists_members_that_are_no_arrays() {
    let json = run("info", "odd.npz", &["--json"]).output();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let members = json["members"].as_array().unwrap();
    let names: Vec<_> = members.iter().map(|member| member["name"].as_str().unwrap()).collect();
    let expected =
        ["twice", "größe", "ü", "no suffix", "folder/inner", "notes.txt", "bzip2", "twice"];
    assert_eq!(names, expected);
    for (member, error) in [(5, "[npy.magic]"), (6, "[npz.method]")] {
        assert!(members[member]["error"].as_str().unwrap().ends_with(error), "{json}");
    }
    let text = run("info", "odd.npz", &[]).output();
    assert!(text.lines().any(|line| line.contains("notes.txt") && line.contains("[npy.magic]")));
}

/// A terminal would interpret escape sequences in a name.
#[test]
fn member_names_are_printed_escaped() {
    let mut bytes = fs::read(data("archive.npz")).unwrap();
    for offset in 0..bytes.len() - 5 {
        if &bytes[offset..offset + 5] == b"words" {
            bytes[offset] = 0x1b;
        }
    }
    let listed = piped(command(["info", "-"]), bytes.clone()).output();
    assert!(listed.contains(r"\x1bords") && !listed.contains('\u{1b}'), "{listed:?}");
    let refused = piped(command(["cat", "-"]), bytes).stderr;
    assert!(refused.contains(r"\x1bords, numbers") && !refused.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn info_of_compressed_member_prints_both_sizes() {
    let size = |file: &str| {
        let out = run("info", file, &[]).output();
        out.lines().next().unwrap().to_owned()
    };
    assert_eq!(size("strings.npy.gz"), "size      248 bytes compressed by gzip");
    assert_eq!(size("archive.npz:words"), "size      292 bytes");
    let deflated = "size      292 bytes, 209 bytes compressed by deflate";
    assert_eq!(size("deflated.npz:words"), deflated);
    // `info` reads only the beginning, so it does not know the size of a long pipe.
    let long = [fs::read(data("strings.npy")).unwrap(), vec![0; 8 << 20]].concat();
    let out = piped(command(["info", "-"]), long).stdout;
    assert!(out.starts_with("format "), "{out}");
}

/// In a stored member, only the checksum detects changed bytes of a str.
#[test]
fn checksum_mismatch_of_member_fails_after_its_elements() {
    let mut bytes = fs::read(data("archive.npz")).unwrap();
    let offset = bytes.windows(4).position(|text| text == b"loop").unwrap();
    bytes[offset] = b'L';
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.npz");
    fs::write(&file, bytes).unwrap();
    let ran =
        ran(command(["cat".as_ref(), file.as_os_str(), "--member".as_ref(), "words".as_ref()])
            .output());
    assert_eq!((ran.code, ran.stdout.lines().next()), (Some(1), Some("\"Loop\"")));
    assert!(ran.stderr.contains("[npz.checksum]"), "{}", ran.stderr);
}
