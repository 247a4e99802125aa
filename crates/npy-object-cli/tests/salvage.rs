//! `npyo salvage`, as it is run.

mod common;

use std::fs;

use common::{command, fixture, oracle, ran};

#[test]
fn whole_batches_of_a_truncated_file_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.npy");
    let file = fixture("truncated/in-third-batch.npy");
    let mut salvage = command(["salvage"]);
    let report = ran(salvage.arg(&file).arg("-o").arg(&saved).output()).output();
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with(&saved.display().to_string()), "{report}");
    assert!(rest.starts_with("lost: what comes behind: pickle data was truncated"), "{report}");

    let mut cat = command(["cat"]);
    let lines = ran(cat.arg(&saved).arg("--typed").output()).output();
    let all = oracle("truncated/in-third-batch.npy");
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    assert!(lines.len() >= all.len() && lines[..all.len()] == all[..], "{}", lines.len());
}

#[test]
fn where_nothing_can_be_saved_there_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, saved) = (folder.path().join("broken.npy"), folder.path().join("saved.npy"));
    fs::write(&broken, b"\x93NUMPY\x01\0v\0{'descr': '|O'").unwrap();
    let mut salvage = command(["salvage"]);
    let refused = ran(salvage.arg(&broken).arg("-o").arg(&saved).output());
    assert!(refused.complaint().starts_with("the preamble was truncated"), "{refused:?}");
    assert!(fs::read_dir(folder.path()).unwrap().count() == 1);
}
