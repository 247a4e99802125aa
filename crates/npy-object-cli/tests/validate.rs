//! Runs of `npyo validate`.

mod common;

use std::fs;

use common::{command, npyo, ran};
use serde_json::{Value, json};

const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";

#[test]
fn validate_of_whole_file_exits_0() {
    let out = npyo("validate", RAGGED, &[]).output();
    assert!(out.ends_with(".npy: valid, 4 elements\n"), "{out}");
    let report: Value =
        serde_json::from_str(&npyo("validate", RAGGED, &["--json"]).output()).unwrap();
    assert_eq!(report, json!({"valid": true, "elements": 4, "findings": [], "more": 0}));
}

#[test]
fn validate_lists_every_clause_with_its_byte() {
    // The header has another shape than the pickle, and text follows.
    let mut bytes = fs::read(common::fixture(RAGGED)).unwrap();
    let shape = bytes.windows(5).position(|bytes| bytes == b"(4,),").unwrap();
    bytes[shape + 1] = b'5';
    let end = bytes.len();
    bytes.extend(b"and more");
    let file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    fs::write(&file, bytes).unwrap();
    let ran = ran(command(["validate", "--json"]).arg(file.path()).output());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found: Vec<_> = findings.iter().map(|it| (&it["clause"], &it["offset"])).collect();
    let expected = [("npy.object.agreement", 128), ("npy.magic", end)];
    let expected = expected.map(|(clause, offset)| (json!(clause), json!(offset)));
    assert_eq!(found, expected.each_ref().map(|(clause, offset)| (clause, offset)));
    assert_eq!((&report["valid"], &report["elements"]), (&json!(false), &json!(4)));
}

#[test]
fn validate_goes_on_after_a_header_that_cannot_be_read() {
    let mut bytes = fs::read(common::fixture("truncated/after-appends.npy")).unwrap();
    let order = bytes.windows(5).position(|bytes| bytes == b"False").unwrap();
    bytes[order..order + 5].copy_from_slice(b"Wrong");
    let file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    fs::write(&file, bytes).unwrap();
    let ran = ran(command(["validate"]).arg(file.path()).output());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("[npy.header.literal]"), "{}", ran.stdout);
    assert!(ran.stdout.contains("[pickle.truncated]"), "{}", ran.stdout);
}

#[test]
fn validate_finds_an_error_of_each_key_of_the_header() {
    let text = b"{'descr': '|O', 'fortran_order': None, 'shape': [4], 'extra': 1}";
    let pickle = &fs::read(common::fixture(RAGGED)).unwrap()[128..];
    let file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    let start = [b"\x93NUMPY\x01\0".as_slice(), &[text.len() as u8, 0], text].concat();
    fs::write(&file, [&start, pickle].concat()).unwrap();
    let ran = ran(command(["validate"]).arg(file.path()).output());
    assert_eq!(ran.code, Some(1));
    let clauses = ["npy.header.keys", "npy.header.shape", "npy.header.order"];
    for (line, clause) in ran.stdout.lines().zip(clauses) {
        assert!(line.ends_with(&format!("[{clause}]")), "{line}");
    }
    assert!(ran.stdout.ends_with(": 3 errors, 4 elements can be read\n"), "{}", ran.stdout);
}

#[test]
fn validate_of_archive_names_the_member() {
    let data = format!("{}/../npy-object/tests/data/", env!("CARGO_MANIFEST_DIR"));
    let whole = ran(command(["validate", &format!("{data}archive.npz")]).output());
    assert!(whole.output().ends_with("archive.npz: valid, 6 elements\n"));
    let odd = ran(command(["validate", &format!("{data}odd.npz")]).output());
    assert_eq!(odd.code, Some(1));
    // A text file in the archive breaks no rule.
    let expected = "odd.npz:bzip2.npy: byte 1382: bzip2.npy is compressed by method 12, which is not \
                    supported [npz.method]\n";
    assert!(odd.stdout.contains(expected) && odd.stdout.contains(": 1 error, "), "{}", odd.stdout);
}

#[test]
fn validate_says_what_kind_of_file_another_file_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "<!DOCTYPE html><html><body>404</body></html>").unwrap();
    let ran = ran(command(["validate"]).arg(file.path()).output());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("this is an HTML page"), "{}", ran.stdout);
}
