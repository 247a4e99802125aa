//! The clauses of the specification, and the fixtures and tests that check them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::expand::Specification;
use crate::fixtures::Fixture;
use crate::links::REPOSITORY;
use crate::{root, rust_files};

/// The first words of clause ids.
const FAMILIES: [&str; 6] = ["npy.", "npz.", "gzip.", "pickle.", "index.", "access."];

/// A heading such as `### npy.header.shape: Shape`, with the section below it.
pub struct Clause {
    /// The permanent name: `npy.header.shape`.
    pub id: String,
    /// The words of the heading: `Shape`.
    pub title: String,
    /// The file of the chapter: `header.md`.
    pub chapter: String,
    /// The first paragraph.
    pub rule: String,
    /// Whether the section has streams that break the clause, which a test of `pickle-stream` runs.
    pub has_streams: bool,
}

impl Clause {
    /// Returns whether the clause is a rule for readers, not for files.
    pub fn is_for_readers(&self) -> bool {
        self.rule.starts_with("A reader MUST")
    }

    /// Returns a Markdown link to the clause.
    pub(crate) fn link(&self) -> String {
        format!("[`{0}`]({1}#{0})", self.id, self.chapter)
    }
}

/// Returns whether text has the form of a clause id.
pub fn is_id(text: &str) -> bool {
    FAMILIES.iter().any(|family| text.starts_with(family))
        && !text.ends_with('.')
        && text.chars().all(|c| matches!(c, '.' | '_' | 'a'..='z' | '0'..='9'))
}

/// Returns the id and the title in the heading of a clause.
pub fn heading(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("### ")?.split_once(": ").filter(|(id, _)| is_id(id))
}

/// Returns the clauses of a chapter.
pub(crate) fn of_chapter(chapter: &str, text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for section in text.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap_or_default();
        let (line, rest) = section.split_once("\n\n").unwrap_or((section, ""));
        if let Some((id, title)) = heading(&format!("### {line}")) {
            clauses.push(Clause {
                id: id.to_owned(),
                title: title.to_owned(),
                chapter: chapter.to_owned(),
                rule: rest.split("\n\n").next().unwrap_or_default().to_owned(),
                has_streams: rest.contains("\nb\""),
            });
        }
    }
    clauses
}

/// Returns the fixtures of each clause.
pub fn fixtures_by_clause(fixtures: &[Fixture]) -> BTreeMap<&str, Vec<&Fixture>> {
    let mut found: BTreeMap<&str, Vec<&Fixture>> = BTreeMap::new();
    for fixture in fixtures {
        for clause in &fixture.clauses {
            found.entry(clause).or_default().push(fixture);
        }
    }
    found
}

/// Returns the tests that name each clause, as `(file, function)`.
///
/// A test names a clause in a string literal, or in a comment `// Checks npy.element.batch.`
pub fn tests_by_clause() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for path in rust_files(&root().join("crates")) {
        let text = fs::read_to_string(&path).expect("a source file");
        let file = path.strip_prefix(root()).expect("a path below the root");
        for test in text.split("#[test]").skip(1) {
            let name = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            let Some(name) = name else { continue };
            let literals = test.split('"').filter(|literal| is_id(literal));
            let comments = test.lines().filter_map(|line| line.trim().strip_prefix("// Checks "));
            let words = comments.flat_map(|line| line.split([' ', ',']));
            let words = words.map(|word| word.trim_end_matches('.')).filter(|word| is_id(word));
            for clause in literals.chain(words) {
                let test = (file.to_string_lossy().into_owned(), name.to_owned());
                found.entry(clause.to_owned()).or_default().insert(test);
            }
        }
    }
    found
}

/// Returns the ids in the string literals of the format crates: the clauses of their errors.
pub fn in_errors() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["npy-header", "pickle-stream", "npy-object"] {
        for path in rust_files(&root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(path).expect("a source file");
            found.extend(text.split('"').filter(|literal| is_id(literal)).map(str::to_owned));
        }
    }
    found
}

/// Returns, for each clause, a line with the number of its fixtures and tests, which leads to their
/// list in the chapter of checks. In the section of the clause, the list would be what a search
/// shows.
pub(crate) fn checked_by(specification: &Specification) -> BTreeMap<String, String> {
    let fixtures = fixtures_by_clause(&specification.fixtures);
    let tests = tests_by_clause();
    let line = |clause: &Clause| {
        let fixtures = fixtures.get(clause.id.as_str()).map_or(0, Vec::len);
        let tests = tests.get(&clause.id).map_or(0, BTreeSet::len);
        let counts =
            [count(fixtures, "fixture"), count(tests + usize::from(clause.has_streams), "test")];
        let counts = counts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let link = format!("[Checked by {counts}](checks.md#{})", clause.id);
        (clause.id.clone(), format!("<div class=\"checked\">\n\n{link}\n\n</div>\n\n"))
    };
    specification.clauses.iter().map(line).collect()
}

/// Returns the fixtures and the tests that check each clause, as Markdown.
pub(crate) fn checks(specification: &Specification) -> String {
    let fixtures = fixtures_by_clause(&specification.fixtures);
    let tests = tests_by_clause();
    let mut text = String::new();
    for clause in &specification.clauses {
        text += &format!("## {} {{#{}}}\n\n", clause.link(), clause.id);
        let fixtures = fixtures.get(clause.id.as_str()).map_or(&[][..], Vec::as_slice);
        for line in cases(fixtures) {
            text += &format!("- {line}\n");
        }
        if clause.has_streams {
            text += "- the streams of the section, in `crates/pickle-stream/tests/clauses.rs`\n";
        }
        for (file, name) in tests.get(&clause.id).into_iter().flatten() {
            text += &format!("- `{name}` in [`{file}`]({REPOSITORY}{file})\n");
        }
        text.push('\n');
    }
    text
}

/// Returns a number with its noun, or `None` for 0.
fn count(number: usize, noun: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{number} {noun}s")),
    }
}

/// Describes fixtures, a line for each case. Files of one case by different writers are counted.
fn cases(fixtures: &[&Fixture]) -> Vec<String> {
    let mut counts: Vec<(&str, &Fixture, usize)> = Vec::new();
    for fixture in fixtures {
        let case = fixture.name.split("-p").next().unwrap_or(&fixture.name);
        let case = case.trim_end_matches(".npy");
        match counts.last_mut() {
            Some((last, _, count)) if *last == case => *count += 1,
            _ => counts.push((case, fixture, 1)),
        }
    }
    let line = |(case, fixture, number): &(&str, &Fixture, usize)| {
        let about = crate::dump::plain(&fixture.about);
        match number {
            1 => format!("`{case}`: {about}"),
            _ => format!("`{case}` ({number} files): {about}"),
        }
    };
    counts.iter().map(line).collect()
}
