//! Runs of `npyo head`, `tail` and `sample`.

mod common;

use common::{Ran, command, npyo, ran};

/// Returns the path of a file of the crate `npy-object`.
fn data(file: &str) -> String {
    format!("{}/../npy-object/tests/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn run(subcommand: &str, file: &str, options: &[&str]) -> Ran {
    ran(command([subcommand, &data(file)]).args(options).output())
}

#[test]
fn head_prints_type_dtype_shape_bars_and_preview() {
    let expected = "   type   dtype  shape
0  array  <f8    (1,)   [0.0]
1  array  <f8    (2,)   ▁█ [0.0,1.0]
2  array  <f8    (3,)   ▁▅█ [0.0,1.0,2.0]
";
    assert_eq!(run("head", "ragged.npy", &[]).output(), expected);
    let dict = "   key      type  shape
0  \"train\"  list  3      ▁▅█ [3,4,5]
";
    assert_eq!(run("head", "splits.npy", &["-n", "1"]).output(), dict);
    let at = "   type\n0  int   3\n1  int   4\n2  int   5\n";
    assert_eq!(run("head", "splits.npy", &["--at", ".train"]).output(), at);
}

#[test]
fn tail_prints_the_last_elements_with_their_numbers() {
    let out = run("tail", "ragged.npy", &["-n", "1"]).output();
    assert_eq!(out.lines().nth(1), Some("2  array  <f8    (3,)   ▁▅█ [0.0,1.0,2.0]"));
    assert_eq!(run("tail", "ragged.npy", &[]).output(), run("head", "ragged.npy", &[]).output());
}

#[test]
fn sample_chooses_by_its_seed() {
    let numbers = |seed: &str| -> Vec<u64> {
        let options = ["-n", "5", "--seed", seed, "--json"];
        let out = run("sample", "values.npy", &options).output();
        let row = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        out.lines().map(|line| row(line)["index"].as_u64().unwrap()).collect()
    };
    let first = numbers("0");
    assert_eq!(first.len(), 5);
    assert!(first.windows(2).all(|pair| pair[0] < pair[1]), "{first:?}");
    assert_eq!(first, numbers("0"));
    assert_ne!(first, numbers("1"));
}

#[test]
fn head_of_every_element_fits_80_columns() {
    for file in ["values.npy", "counts.npy", "tracks.npy"] {
        for line in run("head", file, &["-n", "100"]).output().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn head_of_broken_file_prints_the_elements_before_the_error() {
    let ran = npyo("head", "truncated/after-appends.npy", &["-n", "2000"]);
    assert!(ran.complaint().contains("[pickle.truncated]"), "{ran:?}");
    assert!(ran.stdout.lines().count() > 1, "{ran:?}");
}
