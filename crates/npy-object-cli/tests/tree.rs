//! Runs of `npyo tree`.

mod common;

use std::io::Write;

use common::{Ran, command, ran};
use tempfile::NamedTempFile;

/// Returns the path of a file of the crate `npy-object`.
fn data(file: &str) -> String {
    format!("{}/../npy-object/tests/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn tree(file: &str, options: &[&str]) -> Ran {
    ran(command(["tree", file]).args(options).output())
}

/// Writes a file with these bytes.
fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn pickled(bytes: &[u8], options: &[&str]) -> Ran {
    let file = file_of(bytes);
    tree(file.path().to_str().unwrap(), options)
}

#[test]
fn tree_of_dict_has_a_line_for_each_key() {
    let expected = "\
dict of 2
├─ 'train': list[int] of 3  10 bytes
└─ 'test': list[int] of 1  5 bytes
";
    assert_eq!(tree(&data("splits.npy"), &[]).output(), expected);
    assert_eq!(tree(&data("splits.npy"), &["--at", ".train"]).output(), "list[int] of 3\n");
    assert_eq!(tree(&data("splits.npy"), &["--depth", "0"]).output(), "dict of 2\n");
    let narrow = "dict of 2\n├─ 'train': list[int] of 3  10 bytes\n└─ … 1 more\n";
    assert_eq!(tree(&data("splits.npy"), &["--width", "1"]).output(), narrow);
}

#[test]
fn tree_of_dicts_describes_them_together() {
    let expected = "\
array |O (2,)
└─ 2 × dict of 3
   ├─ 'id': int
   ├─ 'name': str of 4
   └─ 'points': array <f4 (0-3, 2)
";
    assert_eq!(tree(&data("tracks.npy"), &[]).output(), expected);
    let first = "└─ first 1 of 2: dict of 3\n";
    assert!(tree(&data("tracks.npy"), &["--sample", "1"]).output().contains(first));
}

#[test]
fn tree_of_dicts_says_how_many_have_no_such_key() {
    // pickle.dumps([{"a": 1, "b": [2]}, {"a": None}, {"a": 1}, {"a": 1}])
    let bytes = b"\x80\x04](}(\x8c\x01aK\x01\x8c\x01b]K\x02au}\x8c\x01aNs}\x8c\x01aK\x01s}\x8c\x01aK\x01se.";
    let expected = "\
list of 4
└─ 4 × dict of 1-2
   ├─ 'a': int or None (25.0 % missing)
   └─ 'b': list[int] of 1 (75.0 % missing)
";
    assert_eq!(pickled(bytes, &[]).output(), expected);
}

#[test]
fn tree_shows_small_values_and_short_lists_one_by_one() {
    // pickle.dumps({"rate": 0.5, "name": "x", "none": None, "parts": [1, "two"]})
    let bytes = b"\x80\x04}(\x8c\x04rateG?\xe0\0\0\0\0\0\0\x8c\x04name\x8c\x01x\x8c\x04noneN\
                  \x8c\x05parts](K\x01\x8c\x03twoeu.";
    let expected = "\
dict of 4
├─ 'rate': float 0.5
├─ 'name': str of 1 'x'
├─ 'none': None  1 byte
└─ 'parts': list of 2  10 bytes
   ├─ 0: int 1
   └─ 1: str of 3 'two'
";
    assert_eq!(pickled(bytes, &[]).output(), expected);
}

#[test]
fn tree_of_archive_has_a_tree_for_each_member() {
    let out = tree(&data("archive.npz"), &[]).output();
    assert!(out.starts_with("ragged: array |O (3,) of array <f8 (1-3,)\n"), "{out}");
    let json = tree(&data("archive.npz"), &["--json"]).output();
    let members: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(members[0]["name"], "ragged");
    assert_eq!(members[0]["sorts"][0]["dtype"], "|O");
}

#[test]
fn tree_json_has_keys_types_and_steps_of_paths() {
    let json = tree(&data("splits.npy"), &["--json"]).output();
    let root: serde_json::Value = serde_json::from_str(&json).unwrap();
    let train = &root["entries"][0];
    assert_eq!((&train["key"], &train["step"]), (&"'train'".into(), &"['train']".into()));
    assert_eq!(train["node"]["sorts"][0]["lengths"], serde_json::json!([3, 3]));
    assert_eq!(train["node"]["items"]["text"], "int");
}

#[test]
fn tree_of_truncated_dict_shows_what_is_there_then_the_error() {
    // pickle.dumps({"a": [1], "b": [2]}), cut inside the second list
    let ran = pickled(b"\x80\x04}(\x8c\x01a]K\x01a\x8c\x01b]K", &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.starts_with("dict\n├─ 'a': list[int] of 1  4 bytes\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("└─ error: pickle data was truncated"), "{}", ran.stdout);
    assert!(ran.stderr.contains("[pickle.truncated]"), "{}", ran.stderr);
}

#[test]
fn tree_escapes_control_characters_and_has_no_colours_in_a_pipe() {
    let out = pickled(b"\x80\x04}\x8c\x06\x1b[31m\nK\x01s.", &[]).output();
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
    assert!(out.contains(r"'\x1b[31m\n'") || out.contains("[31m"), "{out:?}");
}

#[test]
fn tree_of_lists_inside_one_another_ends_at_the_depth() {
    let deep = [&b"\x80\x04"[..], &b"]".repeat(2000), &b"a".repeat(1999), b"."].concat();
    let out = pickled(&deep, &["--depth", "100000"]).output();
    assert!(out.starts_with("list of 1\n"), "{out}");
    assert!(out.lines().count() < 70, "{out}");
}
