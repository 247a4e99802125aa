//! The clauses that errors name are those of the specification, every one is checked, and whoever
//! says that they check one names one that exists.

use std::collections::BTreeSet;
use std::fs;

use spec_book::clauses::{self, Clause};
use spec_book::{fixtures, root};

fn all() -> Vec<Clause> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("spec")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let chapter = path.file_name().unwrap().to_string_lossy().into_owned();
            found.extend(clauses::of_chapter(&chapter, &fs::read_to_string(path).unwrap()));
        }
    }
    found
}

#[test]
fn the_spec_has_every_clause() {
    let known: BTreeSet<String> = all().into_iter().map(|clause| clause.name).collect();
    let named = clauses::of_errors();
    let unknown: Vec<&String> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "not in the spec: {unknown:?}");
}

/// A rule for readers need not be.
#[test]
fn the_code_names_every_rule_for_files() {
    let rules = all().into_iter().filter(|clause| !clause.of_readers);
    let rules: BTreeSet<String> = rules.map(|clause| clause.name).collect();
    let named = clauses::of_errors();
    let unused: Vec<&String> = rules.difference(&named).collect();
    assert!(unused.is_empty(), "named by no error: {unused:?}");
}

#[test]
fn every_clause_is_checked() {
    let fixtures = fixtures::fixtures();
    let (by_fixtures, by_tests) =
        (clauses::fixtures_by_clause(&fixtures), clauses::tests_by_clause());
    let clauses = all();
    assert!(clauses.len() > 80, "only {} clauses were found", clauses.len());
    let unchecked: Vec<&str> = clauses
        .iter()
        .filter(|clause| !clause.has_streams)
        .map(|clause| clause.name.as_str())
        .filter(|name| !by_fixtures.contains_key(*name) && !by_tests.contains_key(*name))
        .collect();
    assert!(unchecked.is_empty(), "nothing checks {unchecked:#?}");
}

#[test]
fn whatever_is_checked_is_a_clause() {
    let clauses: BTreeSet<String> = all().into_iter().map(|clause| clause.name).collect();
    let fixtures = fixtures::fixtures();
    let named = clauses::fixtures_by_clause(&fixtures).into_keys();
    let named: BTreeSet<String> = named.chain(clauses::tests_by_clause().into_keys()).collect();
    let unknown: Vec<&String> = named.difference(&clauses).collect();
    assert!(unknown.is_empty(), "the specification has no {unknown:#?}");
}

#[test]
fn clauses_are_named_once_and_say_one_thing() {
    let mut names = BTreeSet::new();
    for clause in all() {
        assert!(names.insert(clause.name.clone()), "{} is there twice", clause.name);
        assert!(clause.rule.contains("MUST"), "{}: {}", clause.name, clause.rule);
    }
}

/// A file that Python refuses breaks the clause that its row in `oracle/clauses.py` names.
#[test]
fn fixtures_break_their_clauses() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for fixture in fixtures::fixtures() {
        if fixture.python_error().is_none() {
            continue;
        }
        count += 1;
        if let Some(error) = fixture.error()
            && !fixture.clauses.iter().any(|clause| clause == error.clause())
        {
            wrong.push(format!("{}: {error}, not {:?}", fixture.file, fixture.clauses));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} files are refused");
}
