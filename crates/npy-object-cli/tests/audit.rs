//! Runs of `npyo audit`.

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
fn file_written_by_numpy_is_inert() {
    for file in ["arrays/ragged-p4-py3.9-np2.0.npy", "plain/1d-py2.7-np1.16.npy"] {
        let said = npyo("audit", file, &[]).output();
        assert!(said.lines().next().unwrap().ends_with(": inert"), "{said}");
    }
}

#[test]
fn dangerous_name_is_printed_with_its_place() {
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
fn json_has_verdict_status_and_uses() {
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
    assert_eq!((&report["verdict"], &report["status"]), (&"dangerous".into(), &"complete".into()));
    assert!(report["incomplete"].is_null());
}

#[test]
fn name_in_allow_file_is_inert() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allowed.txt");
    for (lines, code) in [
        ("os.system  # we know why\n", 0),
        // A pattern does not allow a name that is known to be dangerous.
        ("# nothing\nos.*\n", 3),
        ("posix.*\n", 3),
        ("os.system\ngarbage line\n", 2),
    ] {
        fs::write(&list, lines).unwrap();
        let file = fixture("hand-pickled/os-system.npy");
        let found = audit(&file, &["--allow", list.to_str().unwrap()]);
        assert_eq!(found.code, Some(code), "{lines}");
        let names_line = found.stderr.contains("allowed.txt: line 2: expected module.name");
        assert_eq!(names_line, code == 2, "{}", found.stderr);
    }
}

#[test]
fn dangerous_pickle_is_found_anywhere_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    let evil = fs::read(fixture("hand-pickled/os-system.npy")).unwrap();
    // After a good array, as an array or as a pickle; as a truncated bare pickle.
    for bytes in [[&good[..], &evil].concat(), [&good, EVIL].concat(), EVIL[..24].to_vec()] {
        fs::write(&path, bytes).unwrap();
        let found = audit(&path, &[]);
        assert_eq!(found.code, Some(3));
        assert!(found.stdout.contains("os.system"), "{}", found.stdout);
    }
    // In an archive, under any name, whole or truncated.
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
        assert!(found.stdout.contains(&format!("\n{name}: dangerous")), "{}", found.stdout);
        assert!(found.stdout.contains("\nnotes: inert\n"), "{}", found.stdout);
        assert_eq!(audit(&path, &["--member", "good"]).code, Some(0));
        assert_eq!(audit(&path, &["--member", name]).code, Some(3));
    }
}

#[test]
fn truncated_file_is_unknown() {
    let found = npyo("audit", "truncated/in-first-batch.npy", &[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(4), ""), "{found:?}");
    assert!(found.stdout.contains("  inert      numpy.ndarray"), "{}", found.stdout);
    let first = found.stdout.lines().next().unwrap();
    assert!(first.contains(": unknown, incomplete: pickle data was truncated"), "{first}");
    let json = npyo("audit", "truncated/in-first-batch.npy", &["--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["verdict"], &report["status"]), (&"unknown".into(), &"incomplete".into()));
    assert!(report["incomplete"]["offset"].is_u64());
}

#[test]
fn missing_file_exits_1() {
    assert_eq!(audit(Path::new("/nosuch/file.npy"), &[]).code, Some(1));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(audit(folder.path(), &[]).code, Some(1));
}

#[test]
fn array_option_audits_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    let evil = fs::read(fixture("hand-pickled/os-system.npy")).unwrap();
    fs::write(&path, [&good[..], &evil, &good].concat()).unwrap();
    assert_eq!(audit(&path, &[]).code, Some(3));
    assert_eq!(audit(&path, &["--array", "1"]).code, Some(3));
    assert_eq!(audit(&path, &["--array", "2"]).code, Some(0));
    assert_eq!(audit(&path, &["--array", "3"]).code, Some(4));
}
