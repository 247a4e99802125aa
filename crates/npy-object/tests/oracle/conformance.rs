//! Every fixture of the oracle, against what Python says of it.

use crate::fixtures::{Fixture, canonical, fixtures, typed_lines};

/// Where we differ from Python, and why: the chapter on differences in the spec says more.
const DIFFERENCES: &[(&str, Differs, &str)] = &[
    (
        "hand-pickled/binstring-not-ascii.npy",
        Differs::Read,
        "a Python 2 str that is not ASCII is bytes, where Python refuses the file",
    ),
    (
        "hand-pickled/memoize.npy",
        Differs::Refused,
        "elements whose memo entries are out of order cannot be found by address",
    ),
    (
        "header-forms/metadata.npy",
        Differs::Read,
        "NumPy 1 wrote metadata into headers that it could not read back",
    ),
    (
        "header-forms/metadata-field.npy",
        Differs::Read,
        "NumPy 1 wrote metadata into headers that it could not read back",
    ),
];

#[derive(PartialEq)]
enum Differs {
    /// Python refuses the file.
    Read,
    /// Python reads it.
    Refused,
}

#[test]
fn elements_of_any_fixture_equal_those_of_python() {
    let (mut passed, mut failed) = (0, Vec::new());
    for fixture in fixtures() {
        match compare(&fixture) {
            Ok(()) => passed += 1,
            Err(difference) => failed.push(format!("{}: {difference}", fixture.file)),
        }
    }
    let count = passed + failed.len();
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= 1000, "only {count} fixtures were found");
}

fn compare(fixture: &Fixture) -> Result<(), String> {
    let expected = fixture.expected();
    let (lines, error) = typed_lines(&fixture.bytes(), fixture.options());
    let listed = DIFFERENCES.iter().find(|(file, ..)| *file == fixture.file);
    if let Some((_, differs, reason)) = listed {
        let still = match differs {
            Differs::Read => error.is_none() && expected.error,
            Differs::Refused => error.is_some() && !expected.error,
        };
        return if still { Ok(()) } else { Err(format!("no longer differs: {reason}")) };
    }
    for (index, (line, expected)) in lines.iter().zip(&expected.lines).enumerate() {
        if canonical(line) != canonical(expected) {
            return Err(format!("line {index}:\n  here   {line}\n  Python {expected}"));
        }
    }
    match (error, expected.error) {
        (Some(error), false) => return Err(format!("refused: {error}")),
        (None, true) => return Err("not refused".to_owned()),
        _ => {}
    }
    if lines.len() != expected.lines.len() {
        return Err(format!("{} lines, Python has {}", lines.len(), expected.lines.len()));
    }
    Ok(())
}
