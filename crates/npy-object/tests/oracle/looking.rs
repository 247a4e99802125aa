//! What `Tree` and `validate` say of every fixture, beside what reading its elements gives.

use npy_object::nested::Tree;
use npy_object::{Contents, Error, ErrorKind, Source};

use crate::fixtures::fixtures;

/// Reads all members, and returns how many there are, or the error.
fn read(mut contents: Contents) -> Result<u64, Error> {
    let mut count = 0;
    contents.for_each(0..u64::MAX, |_| {
        count += 1;
        Ok::<(), Error>(())
    })?;
    Ok(count)
}

#[test]
fn tree_of_every_fixture_has_as_many_members_as_are_read() {
    let mut compared = 0;
    for fixture in fixtures() {
        let options = fixture.options();
        let members = options.members(Source::bytes(fixture.bytes()));
        let is_many = !matches!(members, Ok(Contents::Value(_)));
        let root = Tree::new().options(options).read(Source::bytes(fixture.bytes()));
        let Ok(count) = members.and_then(read) else { continue };
        let file = &fixture.file;
        let root = root.unwrap_or_else(|error| panic!("{file}: {error}"));
        if let Some(error) = root.first_error() {
            panic!("{file}: {error}");
        }
        assert_eq!(root.count, 1, "{file}");
        if let (Some([least, most]), true) = (root.sorts[0].lengths, is_many) {
            assert_eq!([least, most], [count; 2], "{file}");
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn tree_of_cut_fixture_has_the_error_that_reading_has() {
    let mut compared = 0;
    for fixture in fixtures().iter().filter(|it| it.bytes().len() < 2000).step_by(7) {
        let (bytes, options) = (fixture.bytes(), fixture.options());
        let is_whole = options.members(Source::bytes(bytes.clone())).and_then(read).is_ok();
        for end in (bytes.len() / 2..bytes.len()).step_by(bytes.len() / 8 + 1) {
            let cut = Source::bytes(bytes[..end].to_vec());
            let expected = options.members(cut.clone()).and_then(read);
            let root = Tree::new().options(options.clone()).read(cut);
            let (Err(expected), true) = (expected, is_whole) else { continue };
            let found = match &root {
                Ok(root) => root.first_error(),
                Err(error) => Some(error),
            };
            let found = found.unwrap_or_else(|| panic!("{} to {end}: {expected}", fixture.file));
            let kinds = (found.kind(), expected.kind());
            assert_eq!(kinds, (ErrorKind::Truncated, ErrorKind::Truncated), "{}", fixture.file);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn validation_of_every_fixture_finds_the_error_that_reading_has() {
    let (mut valid, mut broken) = (0, 0);
    for fixture in fixtures() {
        let (file, options) = (&fixture.file, fixture.options());
        let validation = options.validate(Source::bytes(fixture.bytes()));
        let validation = validation.unwrap_or_else(|error| panic!("{file}: {error}"));
        let clauses: Vec<_> = validation.findings.iter().map(|it| it.error.clause()).collect();
        match options.members(Source::bytes(fixture.bytes())).and_then(read) {
            Ok(_) => valid += u64::from(clauses.is_empty()),
            Err(error) => {
                assert!(clauses.contains(&error.clause()), "{file}: {error}: {clauses:?}");
                broken += 1;
            }
        }
    }
    assert!(valid > 1000 && broken > 100, "{valid}, {broken}");
}
