//! Runs of `npyo convert` and `npyo schema`.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, command, fixture, npyo, ran};
use serde_json::{Value, json};

const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";
const MIXED: &str = "shapes/two-p4-py3.9-np2.0.npy";

/// Runs `npyo convert` with a fixture.
fn convert(file: &str, out: &Path, options: &[&str]) -> Ran {
    let mut command = command(["convert"]);
    ran(command.arg(fixture(file)).arg("-o").arg(out).args(options).output())
}

#[cfg(feature = "tables")]
#[test]
fn convert_names_the_target_by_the_suffix() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begin) in [("x.parquet", &b"PAR1"[..]), ("x.feather", b"ARROW1"), ("x.pq", b"PAR1")]
    {
        let out = folder.path().join(name);
        let said = convert(RAGGED, &out, &[]).output();
        assert_eq!(said, format!("{}: 4 rows\n", out.display()));
        assert!(fs::read(&out).unwrap().starts_with(begin), "{name}");
    }
    let out = folder.path().join("x");
    convert(RAGGED, &out, &["--to", "jsonl"]).output();
    let lines = fs::read_to_string(&out).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert!(first["element"].is_array(), "{lines}");
}

#[test]
fn convert_to_an_unknown_suffix_names_the_targets() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["y", "y.xls"] {
        let refused = convert(RAGGED, &folder.path().join(name), &[]);
        let named = if cfg!(feature = "tables") { ".parquet" } else { "flat, npy" };
        assert!(refused.code == Some(1) && refused.stderr.contains(named), "{refused:?}");
        assert_eq!(refused.stderr.contains("feature `tables`"), cfg!(not(feature = "tables")));
    }
}

#[test]
fn convert_to_flat_writes_arrays_that_npyo_reads() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("ragged.flat");
    convert(RAGGED, &out, &[]).output();
    let read = |name: &str| {
        let lines = ran(command(["cat"]).arg(out.join(name)).output()).output();
        lines.lines().map(|line| line.parse::<f64>().unwrap()).collect::<Vec<_>>()
    };
    let elements = npyo("cat", RAGGED, &[]).output();
    let elements = elements.lines().map(|line| serde_json::from_str::<Vec<f64>>(line).unwrap());
    let elements: Vec<_> = elements.collect();
    assert_eq!(read("values.npy"), elements.concat());
    let ends = elements.iter().scan(0.0, |end, element| {
        *end += element.len() as f64;
        Some(*end)
    });
    assert_eq!(read("offsets.npy"), [0.0].into_iter().chain(ends).collect::<Vec<_>>());
    // The folder is not replaced.
    assert_eq!(convert(RAGGED, &out, &[]).code, Some(1));
}

#[cfg(feature = "tables")]
#[test]
fn convert_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let refused = convert(MIXED, &folder.path().join("x.parquet"), &[]);
    assert!(refused.complaint().contains("element 1, at byte"), "{refused:?}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    convert(MIXED, &folder.path().join("x.parquet"), &["--mixed", "json"]).output();
    let refused = convert(MIXED, &folder.path().join("y.parquet"), &["--mixed", "union"]);
    assert!(refused.stderr.contains("IPC"), "{refused:?}");
    convert(MIXED, &folder.path().join("y.arrow"), &["--mixed", "union"]).output();
}

#[test]
fn schema_prints_types_nulls_and_lengths() {
    let said = npyo("schema", RAGGED, &[]).output();
    assert!(said.starts_with("4 rows\ncolumn"), "{said}");
    let found: Value = serde_json::from_str(&npyo("schema", RAGGED, &["--json"]).output()).unwrap();
    assert_eq!(found["rows"], 4);
    let column = &found["columns"][0];
    assert_eq!((&column["name"], &column["nulls"]), (&json!("element"), &json!(0)));
    assert_eq!(
        (&column["lengths"], &column["inner"][0]["type"]),
        (&json!([0, 5]), &json!("Float64"))
    );
    let refused = npyo("schema", MIXED, &[]);
    assert!(refused.complaint().ends_with("[access.type]\n"), "{refused:?}");
    npyo("schema", MIXED, &["--mixed", "union"]).output();
}

#[test]
fn refs_prints_where_the_bytes_of_each_array_are() {
    let lines = npyo("refs", RAGGED, &[]).output();
    let file = fs::read(fixture(RAGGED)).unwrap();
    let elements = npyo("cat", RAGGED, &[]).output();
    assert_eq!(lines.lines().count(), 4);
    for (number, (line, element)) in lines.lines().zip(elements.lines()).enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        let values: Vec<f64> = serde_json::from_str(element).unwrap();
        assert_eq!((&line["element"], &line["shape"]), (&json!(number), &json!([values.len()])));
        let begin = line["offset"].as_u64().unwrap() as usize;
        let bytes = &file[begin..begin + line["length"].as_u64().unwrap() as usize];
        assert_eq!(bytes, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
}

#[test]
fn refs_as_kerchunk_names_the_file() {
    let said: Value =
        serde_json::from_str(&npyo("refs", RAGGED, &["--kerchunk"]).output()).unwrap();
    assert_eq!(said["templates"]["u"], fixture(RAGGED).to_str().unwrap());
    let options = ["--kerchunk", "--url", "https://host/a.npy"];
    let said: Value = serde_json::from_str(&npyo("refs", RAGGED, &options).output()).unwrap();
    assert_eq!(said["templates"]["u"], "https://host/a.npy");
    assert_eq!(said["refs"]["values/c/0"][0], "{{u}}");
}

#[test]
fn refs_of_what_has_no_place_fails() {
    for (file, why) in
        [(MIXED, "[access.type]"), ("arrays/ragged-p0-py3.9-np1.26.npy", "[access.range]")]
    {
        for options in [&[][..], &["--kerchunk"]] {
            let refused = npyo("refs", file, options);
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(
                refused.stderr.contains(why) && refused.stderr.contains("at byte"),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn convert_and_schema_at_a_path_take_the_members_there() {
    let file = format!("{}/../npy-object/tests/data/splits.npy", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("train.npy");
    let new = new.to_str().unwrap();
    ran(command(["convert", &file, "--at", ".train", "-o", new]).output()).output();
    assert_eq!(ran(command(["cat", new]).output()).output(), "3\n4\n5\n");
    let schema = ran(command(["schema", &file, "--at", ".train"]).output()).output();
    assert!(schema.starts_with("3 rows\n"), "{schema}");
    let int = ran(command(["schema", &file, "--at", ".train[0]"]).output());
    assert!(int.stderr.contains("found int [access.type]"), "{}", int.stderr);
}
