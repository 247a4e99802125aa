//! What is found in a file is what Python does when it unpickles it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use npy_object::audit::{Site, Verdict};
use npy_object::pickle::audit::{Act, Name, Subject};
use npy_object::{Audit, Options, Source};
use serde::Deserialize;

use crate::fixtures::fixtures;

/// A line of `oracle/audit.py`.
fn line(site: &Site<'_>) -> Option<String> {
    let name = match site.name? {
        Name::Global { module, name } => format!("{module}.{name}"),
        Name::PersistentId => "persistent id".to_owned(),
        other => format!("{other:?}"),
    };
    let of = |subject| match subject {
        Subject::Named(_) => name.clone(),
        Subject::ResultOf(_) => format!("{name}()"),
    };
    Some(match site.act {
        Act::Import(_) => format!("import {name}\n"),
        Act::Call(subject) => format!("call {}\n", of(subject)),
        Act::SetState(subject) => format!("set {}\n", of(subject)),
        Act::Add(subject) => format!("add {}\n", of(subject)),
        Act::Overwrite(_) | Act::Straddle | Act::Alter | Act::Costly => return None,
    })
}

/// What Python does with a pickle: how much, the CRC-32 of the lines that say what, and whether it
/// comes to the end.
#[derive(Deserialize)]
struct Done(usize, u32, bool, #[serde(default)] String);

#[test]
fn audit_of_any_fixture_finds_the_acts_of_python() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracle/audit.json");
    let text = fs::read_to_string(path).expect("what the oracle says");
    let known: HashMap<String, Done> = serde_json::from_str(&text).unwrap();
    let (mut compared, mut tricks) = (0, 0);
    for fixture in fixtures() {
        if let Some(done) = known.get(&fixture.file) {
            compare(&fixture.file, &fixture.bytes(), fixture.options(), done);
            compared += 1;
        }
    }
    for (name, done) in known.iter().filter(|(name, _)| name.starts_with("tricks/")) {
        let byte = |digits: &[u8]| {
            let digits = str::from_utf8(digits).expect("hex");
            u8::from_str_radix(digits, 16).expect("hex")
        };
        let bytes: Vec<u8> = done.3.as_bytes().chunks(2).map(byte).collect();
        compare(name, &bytes, Options::new(), done);
        tricks += 1;
    }
    assert!(compared > 2500 && tricks > 20, "{compared} files, {tricks} tricks");
}

/// What was not read is never called harmless.
#[test]
fn truncated_fixture_is_not_inert() {
    let mut inert = 0;
    for fixture in fixtures().iter().filter(|fixture| fixture.file.ends_with(".npy")) {
        let bytes = fixture.bytes();
        let audit = Audit::new().options(fixture.options());
        let verdict = |bytes: &[u8]| audit.read(Source::bytes(bytes.to_vec())).verdict();
        if verdict(&bytes) != Verdict::Inert {
            continue;
        }
        inert += 1;
        for seventh in 0..7 {
            let end = bytes.len() * seventh / 7;
            assert_ne!(verdict(&bytes[..end]), Verdict::Inert, "{}, {end} bytes", fixture.file);
        }
    }
    assert!(inert > 2000, "{inert} files");
}

fn compare(name: &str, bytes: &[u8], options: Options, &Done(count, checksum, is_whole, _): &Done) {
    let mut lines: Vec<String> = Vec::new();
    let audit = Audit::new().options(options);
    let report = audit.read_each(Source::bytes(bytes.to_vec()), |site| {
        let new = line(site);
        if !new.as_ref().is_some_and(|new| new.starts_with("add ") && lines.last() == Some(new)) {
            lines.extend(new);
        }
    });
    assert!(lines.len() >= count, "{name}: {lines:?}, not {count}");
    let found = crc32fast::hash(lines[..count].concat().as_bytes());
    assert_eq!(found, checksum, "{name}: {lines:?}");
    // The audit also goes through the bytes after the pickle.
    if is_whole && report.parts[0].pickles == 1 {
        assert_eq!(lines.len(), count, "{name}: {lines:?}");
        assert!(report.parts[0].error.is_none(), "{name}: {report:?}");
    }
}
