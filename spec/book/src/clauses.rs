//! The clauses of the specification, and who checks them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::fixtures::Fixture;
use crate::{root, rust_files};

/// What the names of clauses begin with.
const FAMILIES: [&str; 6] = ["npy.", "npz.", "gzip.", "pickle.", "index.", "access."];

/// Whether text looks like the name of a clause.
pub fn is_clause(text: &str) -> bool {
    FAMILIES.iter().any(|family| text.starts_with(family))
        && !text.ends_with('.')
        && text.chars().all(|c| matches!(c, '.' | 'a'..='z' | '0'..='9'))
}

/// A heading of a chapter that is a clause.
pub struct Clause {
    /// Its permanent name.
    pub name: String,
    /// The chapter: `machine.md`.
    pub chapter: String,
    /// Its first paragraph.
    pub rule: String,
    /// Whether it says what a reader has to do, and not what a file has to be.
    pub of_readers: bool,
    /// Whether the chapter has streams that break it, which `pickle-stream` runs as a test.
    pub has_streams: bool,
}

/// The clauses of a chapter.
pub fn of_chapter(chapter: &str, text: &str) -> Vec<Clause> {
    let sections = text.split("\n### ").skip(1).filter_map(|section| section.split_once("\n\n"));
    let clauses = sections.filter(|(name, _)| is_clause(name)).map(|(name, rest)| Clause {
        name: name.to_owned(),
        chapter: chapter.to_owned(),
        rule: rest.split("\n\n").next().unwrap_or_default().to_owned(),
        of_readers: rest.starts_with("A reader MUST"),
        has_streams: rest
            .split("\n## ")
            .next()
            .is_some_and(|section| section.lines().any(|line| line.starts_with("    b\""))),
    });
    clauses.collect()
}

/// The fixtures of each clause.
pub fn fixtures_by_clause(fixtures: &[Fixture]) -> BTreeMap<String, Vec<&Fixture>> {
    let mut found: BTreeMap<String, Vec<&Fixture>> = BTreeMap::new();
    for fixture in fixtures {
        for clause in &fixture.clauses {
            found.entry(clause.clone()).or_default().push(fixture);
        }
    }
    found
}

/// The tests that name each clause: `(file, function)`, the file from the project's folder.
///
/// A test names a clause in a string, as what it expects an error to break, or in its comment
/// (`// Checks npy.element.batch.`).
pub fn tests_by_clause() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for path in rust_files(&root().join("crates")) {
        let text = fs::read_to_string(&path).expect("a source file");
        let file =
            path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        for test in text.split("#[test]").skip(1) {
            let Some(name) = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next())
            else {
                continue;
            };
            for clause in named(test) {
                found.entry(clause).or_default().insert((file.clone(), name.to_owned()));
            }
        }
    }
    found
}

/// The clauses that the code of the crates names: those that errors break.
pub fn of_errors() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["npy-header", "pickle-stream", "npy-object"] {
        for path in rust_files(&root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(path).expect("a source file");
            found.extend(text.split('"').filter(|text| is_clause(text)).map(str::to_owned));
        }
    }
    found
}

/// The clauses that are named in a test: in strings, and in comments that begin with "Checks".
fn named(test: &str) -> BTreeSet<String> {
    let strings = test.split('"').filter(|text| is_clause(text)).map(str::to_owned);
    let comments = test.lines().filter_map(|line| line.trim().strip_prefix("// Checks "));
    let words = comments.flat_map(|line| line.split([' ', ',']));
    let words = words.map(|word| word.trim_end_matches('.')).filter(|word| is_clause(word));
    strings.chain(words.map(str::to_owned)).collect()
}
