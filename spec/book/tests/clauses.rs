//! Clauses, errors, fixtures and tests name one another.

use std::collections::BTreeSet;

use spec_book::{Specification, clauses};

fn load() -> Specification {
    Specification::load().unwrap()
}

fn ids(specification: &Specification) -> BTreeSet<&str> {
    specification.clauses.iter().map(|clause| clause.id.as_str()).collect()
}

#[test]
fn every_clause_of_an_error_is_in_the_specification() {
    let (specification, errors) = (load(), clauses::in_errors());
    let known = ids(&specification);
    let unknown: Vec<&String> = errors.iter().filter(|id| !known.contains(id.as_str())).collect();
    assert!(unknown.is_empty(), "not in the specification: {unknown:?}");
}

#[test]
fn every_rule_for_files_is_the_clause_of_an_error() {
    let (specification, errors) = (load(), clauses::in_errors());
    let rules = specification.clauses.iter().filter(|clause| !clause.is_for_readers());
    let unused: Vec<&String> =
        rules.map(|rule| &rule.id).filter(|id| !errors.contains(*id)).collect();
    assert!(unused.is_empty(), "no error has the clause: {unused:?}");
}

#[test]
fn every_clause_has_a_fixture_or_a_test() {
    let specification = load();
    let fixtures = clauses::fixtures_by_clause(&specification.fixtures);
    let tests = clauses::tests_by_clause();
    assert!(specification.clauses.len() > 80, "found {} clauses", specification.clauses.len());
    let is_checked = |clause: &&clauses::Clause| {
        clause.has_streams
            || fixtures.contains_key(clause.id.as_str())
            || tests.contains_key(&clause.id)
    };
    let unchecked: Vec<&String> = specification
        .clauses
        .iter()
        .filter(|clause| !is_checked(clause))
        .map(|clause| &clause.id)
        .collect();
    assert!(unchecked.is_empty(), "no fixture and no test for {unchecked:#?}");
}

#[test]
fn every_clause_that_a_fixture_or_test_names_exists() {
    let specification = load();
    let tests = clauses::tests_by_clause();
    let fixtures = clauses::fixtures_by_clause(&specification.fixtures);
    let known = ids(&specification);
    let named = fixtures.keys().copied().chain(tests.keys().map(String::as_str));
    let unknown: BTreeSet<&str> = named.filter(|id| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "not in the specification: {unknown:#?}");
}

#[test]
fn clause_has_one_heading_a_title_and_a_rule() {
    let mut seen = BTreeSet::new();
    for clause in load().clauses {
        assert!(seen.insert(clause.id.clone()), "{} is there twice", clause.id);
        assert!(!clause.title.is_empty(), "{} has no title", clause.id);
        assert!(clause.rule.contains("MUST"), "{}: {}", clause.id, clause.rule);
    }
}

/// Every heading with an id as its first word has to be found, also if its form is wrong.
#[test]
fn heading_with_a_clause_id_has_the_form_of_a_clause() {
    let folder = spec_book::root().join("spec");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let word = line.trim_start_matches('#').trim().split([' ', ':']).next().unwrap();
            if line.starts_with('#') && clauses::is_id(word) {
                assert!(clauses::heading(line).is_some(), "{}: {line}", path.display());
            }
        }
    }
}

/// A file that Python refuses breaks the clause that its row in `oracle/clauses.py` names.
#[test]
fn fixture_that_python_refuses_breaks_its_clause() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for fixture in load().fixtures {
        if fixture.python_error().is_none() {
            continue;
        }
        count += 1;
        if let Some(error) = fixture.error()
            && !fixture.clauses.iter().any(|clause| clause == error.clause())
        {
            wrong.push(format!("{}: {error}, not {:?}", fixture.name, fixture.clauses));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "Python refuses only {count} fixtures");
}
