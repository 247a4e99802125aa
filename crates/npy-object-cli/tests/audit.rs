//! `npyo audit`, as it is run.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use common::{Ran, command, fixture, npyo, ran};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const EVIL: &[u8] = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";

fn audit(file: &Path, options: &[&str]) -> Ran {
    ran(command(["audit"]).arg(file).args(options).output())
}

#[test]
fn what_numpy_writes_is_inert() {
    for file in ["arrays/ragged-p4-py3.9-np2.0.npy", "plain/1d-py2.7-np1.16.npy"] {
        let said = npyo("audit", file, &[]).output();
        assert!(said.lines().next().unwrap().ends_with(": inert"), "{said}");
    }
}

#[test]
fn what_is_not_inert_is_said_with_its_place() {
    let found = npyo("audit", "hand-pickled/os-system.npy", &[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(3), ""));
    let said =
        "  dangerous  os.system: runs commands, changes files\n             imported at byte ";
    assert!(found.stdout.contains(said), "{}", found.stdout);
    let sites = npyo("audit", "hand-pickled/os-system.npy", &["--sites"]).stdout;
    assert!(sites.contains("GLOBAL        imports os.system\n"), "{sites}");
    assert!(sites.contains("REDUCE        calls os.system\n"), "{sites}");
}

#[test]
fn json_says_the_same() {
    let found = npyo("audit", "hand-pickled/os-system.npy", &["--json", "--sites"]);
    let lines: Vec<serde_json::Value> =
        found.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, sites) = lines.split_last().unwrap();
    let calls: Vec<_> = sites.iter().filter(|site| site["what"] == "os.system").collect();
    assert_eq!(
        (calls[0]["act"].as_str(), calls[1]["act"].as_str()),
        (Some("imports"), Some("calls"))
    );
    let uses = report["parts"][0]["uses"].as_array().unwrap();
    let used = uses.iter().find(|used| used["what"] == "os.system").unwrap();
    assert_eq!((&used["verdict"], &used["module"]), (&"dangerous".into(), &"os".into()));
    assert_eq!(used["called"]["first"], calls[1]["offset"]);
    assert_eq!(report["verdict"], "dangerous");
}

#[test]
fn what_is_allowed_is_inert() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allowed.txt");
    for (lines, code) in
        [("os.system  # we know why\n", 0), ("# nothing\nos.*\n", 0), ("posix.*\n", 3)]
    {
        fs::write(&list, lines).unwrap();
        let file = fixture("hand-pickled/os-system.npy");
        assert_eq!(audit(&file, &["--allow", list.to_str().unwrap()]).code, Some(code), "{lines}");
    }
}

#[test]
fn every_place_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    let evil = fs::read(fixture("hand-pickled/os-system.npy")).unwrap();
    // Behind a good array, as another one or as a pickle; a bare pickle; one that breaks off.
    for bytes in [[&good[..], &evil].concat(), [&good, EVIL].concat(), EVIL[..24].to_vec()] {
        fs::write(&path, bytes).unwrap();
        let found = audit(&path, &[]);
        assert_eq!(found.code, Some(3));
        assert!(found.stdout.contains("os.system"), "{}", found.stdout);
    }
    // In an archive, under any name, whole or not.
    for (name, bytes) in
        [("README.txt", &evil[..]), ("a.pkl", EVIL), ("b", &evil[..evil.len() - 1])]
    {
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in [("good.npy", &good[..]), (name, bytes), ("notes", b"none")] {
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        let found = audit(&path, &[]);
        assert_eq!(found.code, Some(3), "{found:?}");
        assert!(found.stdout.contains(&format!("\n{name}: dangerous\n")), "{}", found.stdout);
        assert!(found.stdout.contains("\n  odd        4 bytes at byte 0 are no array\n"));
        assert_eq!(audit(&path, &["--member", "good"]).code, Some(0));
        assert_eq!(audit(&path, &["--member", name]).code, Some(3));
    }
}

#[test]
fn a_broken_file_is_an_error_behind_what_was_found() {
    let found = npyo("audit", "truncated/in-first-batch.npy", &[]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stdout.contains("  inert      numpy.ndarray"), "{}", found.stdout);
    assert!(found.stdout.contains("  broken     pickle data was truncated"), "{}", found.stdout);
    let first = found.stdout.lines().next().unwrap();
    assert!(first.ends_with(": inert, as far as it can be read"), "{first}");
    assert!(found.stderr.contains("[pickle.truncated]"), "{}", found.stderr);
}

#[test]
fn an_audit_is_of_every_array_in_the_file() {
    let refused = npyo("audit", "truncated/in-first-batch.npy", &["--array", "1"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("leave out --array"), "{}", refused.stderr);
}
