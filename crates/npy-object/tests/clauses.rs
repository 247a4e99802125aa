//! Every clause that an error can name has its heading in the spec, and every heading of
//! `spec/objects.md` its error.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// String literals of the code that are names of clauses.
fn named() -> BTreeSet<String> {
    let mut clauses = BTreeSet::new();
    let mut folders = vec![root().join("crates/npy-object/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let literals = text.split('"').filter(|literal| is_clause(literal));
            clauses.extend(literals.map(str::to_owned));
        }
    }
    clauses
}

fn is_clause(text: &str) -> bool {
    let known = ["npy.", "pickle.", "access."].iter().any(|prefix| text.starts_with(prefix));
    known && text.chars().all(|c| c == '.' || c.is_ascii_lowercase())
}

fn headings(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("spec").join(file)).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect()
}

#[test]
fn the_spec_has_every_clause() {
    let mut known = headings("objects.md");
    known.extend(headings("npy.md"));
    known.extend(headings("pickle.md"));
    let unknown: Vec<String> = named().difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "not in the spec: {unknown:?}");
}

#[test]
fn the_code_names_every_clause() {
    let unused: Vec<String> = headings("objects.md").difference(&named()).cloned().collect();
    assert!(unused.is_empty(), "named by no error: {unused:?}");
}
