//! The clauses that errors name, in all three crates, are those of `spec/`; and every rule for
//! files there is named by an error. A rule for readers need not be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files below a folder that end in `.extension`.
fn files(folder: PathBuf, extension: &str) -> Vec<String> {
    let (mut folders, mut texts) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                texts.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

/// String literals of the code that are names of clauses.
fn named() -> BTreeSet<String> {
    let mut clauses = BTreeSet::new();
    for name in ["npy-header", "pickle-stream", "npy-object"] {
        for text in files(root().join("crates").join(name).join("src"), "rs") {
            let literals = text.split('"').filter(|literal| is_clause(literal));
            clauses.extend(literals.map(str::to_owned));
        }
    }
    clauses
}

fn is_clause(text: &str) -> bool {
    let known = ["npy.", "npz.", "gzip.", "pickle.", "access.", "index."];
    known.iter().any(|prefix| text.starts_with(prefix))
        && !text.ends_with('.')
        && text.chars().all(|c| matches!(c, '.' | 'a'..='z' | '0'..='9'))
}

/// The clauses of the spec: the rules for files, then those for readers.
fn rules() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut of_files, mut of_readers) = (BTreeSet::new(), BTreeSet::new());
    for text in files(root().join("spec"), "md") {
        for section in text.split("\n### ").skip(1) {
            let Some((clause, rule)) = section.split_once("\n\n") else { continue };
            if is_clause(clause) {
                let is_for_readers = rule.starts_with("A reader MUST");
                let rules = if is_for_readers { &mut of_readers } else { &mut of_files };
                rules.insert(clause.to_owned());
            }
        }
    }
    (of_files, of_readers)
}

#[test]
fn the_spec_has_every_clause() {
    let (of_files, of_readers) = rules();
    let known = of_files.union(&of_readers).cloned().collect();
    let unknown: Vec<String> = named().difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "not in the spec: {unknown:?}");
}

#[test]
fn the_code_names_every_clause() {
    let unused: Vec<String> = rules().0.difference(&named()).cloned().collect();
    assert!(unused.is_empty(), "named by no error: {unused:?}");
}
