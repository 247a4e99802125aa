//! Runs of `npyo info`.

mod common;

use common::{command, npyo, ran};

#[test]
fn info_prints_header_writer_and_first_elements() {
    let out = npyo("info", "arrays/ragged-p3-py3.7-np1.21.npy", &[]).output();
    let expected = "\
size      545 bytes
format    version 1.0, data at byte 128
dtype     |O
order     C
shape     (4,)
elements  4
pickle    protocol 3
writer    NumPy 1.17 to 1.26 (judging by protocol 3, numpy.core)
       0  array <f8 (3,): [0.0,1.0,2.0]
       1  array <f8 (1,): [0.0]
       2  array <f8 (0,): []
       3  array <f8 (5,): [0.0,1.0,2.0,3.0,4.0]
";
    assert_eq!(out, expected);
}

#[test]
fn info_json_prints_one_object() {
    let out = npyo("info", "plain/2d-fortran-py2.7-np1.16.npy", &["--json"]).output();
    let info: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out.lines().count(), 1);
    assert_eq!(info["dtype"], "<u2");
    assert_eq!(info["shape"], serde_json::json!([3, 4]));
    assert_eq!(info["fortran_order"], true);
    assert_eq!(info["elements"], 3);
    assert_eq!(info["protocol"], serde_json::Value::Null);
    let first = serde_json::json!({"kind": "array <u2 (4,)", "preview": "[256,770,1284,1798]"});
    assert_eq!(info["first"][0], first);
}

#[test]
fn info_names_the_writer_of_each_protocol() {
    for (file, writer) in [
        ("ragged-p2-py2.7-np1.16.npy", "NumPy 1.16 or earlier, on Python 2"),
        ("ragged-p2-py3.6-np1.16.npy", "NumPy 1.16 or earlier"),
        ("ragged-p3-py3.6-np1.17.npy", "NumPy 1.17 to 1.26"),
        ("ragged-p4-py3.9-np2.0.npy", "NumPy 2"),
        ("ragged-p0-py3.9-np1.26.npy", "NumPy 1, but not its numpy.save"),
        ("ragged-p5-py3.9-np2.0.npy", "NumPy 2, but not its numpy.save"),
    ] {
        let out = npyo("info", &format!("arrays/{file}"), &["--json"]).output();
        let info: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(info["writer"], writer, "{file}");
        let protocol = file.as_bytes()["ragged-p".len()] - b'0';
        assert_eq!(info["protocol"], protocol, "{file}");
    }
}

#[test]
fn info_of_long_element_prints_its_beginning() {
    let out = npyo("info", "builtin/list-of-1000-p2-py3.9-np2.0.npy", &[]);
    for line in out.output().lines() {
        assert!(line.chars().count() < 120, "{line}");
    }
}

#[test]
fn info_of_file_without_data_prints_its_header() {
    let ran = npyo("info", "truncated/header-only.npy", &[]);
    assert!(ran.stdout.contains("\ndtype     |O\n"), "{}", ran.stdout);
    assert!(ran.complaint().ends_with("(at byte 128) [pickle.truncated]\n"), "{}", ran.stderr);
}

#[test]
fn info_of_cut_preamble_names_the_byte() {
    let ran = npyo("info", "truncated/in-header.npy", &[]);
    let expected =
        "the preamble was truncated: at least 58 bytes missing (at byte 70) [npy.truncated]\n";
    assert_eq!((ran.complaint(), ran.stdout.as_str()), (expected, ""));
}

#[test]
fn info_of_container_prints_its_tree() {
    let file = format!("{}/../npy-object/tests/data/splits.npy", env!("CARGO_MANIFEST_DIR"));
    let out = ran(command(["info", &file]).output()).output();
    let tree =
        "dict of 2\n├─ 'train': list[int] of 3  10 bytes\n└─ 'test': list[int] of 1  5 bytes\n";
    assert!(out.ends_with(tree), "{out}");
    let out = ran(command(["info", &file, "--at", ".test"]).output()).output();
    assert!(out.contains("\nholds     list of 1\n") && out.ends_with("list[int] of 1\n"), "{out}");
    let out = ran(command(["info", &file, "--json"]).output()).output();
    let info: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(info["tree"]["entries"][0]["key"], "'train'");
}
