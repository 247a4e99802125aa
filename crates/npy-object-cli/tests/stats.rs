//! Runs of `npyo stats`.

mod common;

use std::fs;

use common::{command, npyo, oracle, ran};
use serde_json::{Value, json};

const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";

fn stats(file: &str, options: &[&str]) -> Value {
    let said = npyo("stats", file, &[&["--json"], options].concat()).output();
    serde_json::from_str(&said).unwrap()
}

#[test]
fn stats_counts_dtypes_and_shapes() {
    let said = npyo("stats", RAGGED, &[]).output();
    assert!(said.starts_with("elements  4\nkinds                4  array\n"), "{said}");
    assert!(said.contains("dtypes               4  <f8\n"), "{said}");
    assert!(
        said.contains("lengths   0 to 5, 2.2 on average, median 1, half from 0 to 3\n"),
        "{said}"
    );
    let found = stats(RAGGED, &[]);
    assert_eq!(found["shapes"], json!({"(0,)": 1, "(1,)": 1, "(3,)": 1, "(5,)": 1}));
    let histogram = json!([[[0, 0], 1], [[1, 1], 1], [[2, 3], 1], [[4, 7], 1]]);
    assert_eq!(found["lengths"]["histogram"], histogram);
    // The elements are contiguous, so the size of each is known.
    assert_eq!(found["bytes"]["count"], 4);
}

#[test]
fn stats_lengths_equal_those_of_python() {
    for file in ["strings/whole-p5-py3.9-np2.0.npy", "strings/whole-2d-p2-py3.9-np2.0.npy"] {
        let texts: Vec<String> =
            oracle(file).iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let found = stats(file, &[]);
        let sum: usize = texts.iter().map(|text| text.chars().count()).sum();
        assert!(!texts.is_empty());
        assert_eq!(found["kinds"]["str"], texts.len(), "{file}");
        assert_eq!(found["lengths"]["sum"], sum, "{file}");
    }
}

#[test]
fn stats_counts_shared_elements_and_globals() {
    assert_eq!(stats("sharing/array-of-objects-p0-py3.13-np2.5.npy", &[])["shared"], 1);
    let globals = &stats("classes/array-child-p0-py3.13-np2.5.npy", &[])["globals"];
    assert_eq!(*globals, json!({"numpy._core.multiarray._reconstruct": 1}));
}

#[test]
fn stats_with_threads_equals_stats_without() {
    assert_eq!(stats(RAGGED, &["--threads", "1"]), stats(RAGGED, &["--threads", "3"]));
}

#[test]
fn stats_of_broken_file_prints_counts_before_the_error() {
    let found = npyo("stats", "truncated/after-appends.npy", &[]);
    assert_eq!(found.complaint().split(':').next(), Some("pickle data was truncated"));
    let elements = oracle("truncated/after-appends.npy").len();
    assert!(found.stdout.starts_with(&format!("elements  {elements}\n")), "{}", found.stdout);
}

#[test]
fn stats_of_dicts_has_the_numbers_of_each_key() {
    let data = format!("{}/../npy-object/tests/data/", env!("CARGO_MANIFEST_DIR"));
    let run = |file: &str, options: &[&str]| {
        ran(command(["stats", &format!("{data}{file}")]).args(options).output()).output()
    };
    let fields = "fields               2  id: from 7 to 8, 7.5 on average\n                     2  \
                  name\n                     2  points: from 0 to 5, 2.5 on average\n";
    assert!(run("tracks.npy", &[]).ends_with(fields));
    // The members of a dict that was saved alone.
    let found: Value = serde_json::from_str(&run("splits.npy", &["--json"])).unwrap();
    assert_eq!((&found["elements"], &found["kinds"]), (&json!(2), &json!({"list": 2})));
    let train = json!({"count": 3, "nan": 0, "min": 3.0, "max": 5.0, "mean": 4.0});
    assert_eq!(found["fields"]["train"], json!({"values": 1, "numbers": train}));
    assert_eq!(found["lengths"]["quantiles"]["0.5"], 1);
    assert!(run("splits.npy", &["--at", ".train"]).starts_with("elements  3\nkinds "));
}

#[test]
fn stats_outlines_the_members_that_are_too_large_to_be_decoded() {
    let long = [b"(".to_vec(), b"K\x01".repeat(500), b"e".to_vec()].concat().repeat(10);
    let pickle = [b"\x80\x04}(\x8c\x04long]", &*long, b"\x8c\x05short](K\x01K\x06eu."].concat();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, pickle).unwrap();
    let limited = |memory: &str| {
        let stats = command(["stats", "--json", "--max-memory", memory]).arg(file.path()).output();
        serde_json::from_str::<Value>(&ran(stats).output()).unwrap()
    };
    let (all, small) = (limited("10MB"), limited("4KB"));
    assert_eq!((&small["elements"], &small["kinds"]), (&json!(2), &json!({"list": 2})));
    assert_eq!(all["fields"]["long"]["numbers"]["count"], 5000);
    let expected = json!({"long": {"values": 1}, "short": all["fields"]["short"]});
    assert_eq!(small["fields"], expected);
}
