//! Runs of `npyo salvage`.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, command, fixture, oracle, ran};

#[test]
fn salvage_of_truncated_file_saves_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.npy");
    let file = fixture("truncated/in-third-batch.npy");
    let mut salvage = command(["salvage"]);
    let ran_on = ran(salvage.arg(&file).arg("-o").arg(&saved).output());
    assert_eq!((ran_on.code, ran_on.stderr.as_str()), (Some(5), ""));
    let report = ran_on.stdout;
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with(&saved.display().to_string()), "{report}");
    assert!(rest.starts_with("lost: what comes after: pickle data was truncated"), "{report}");

    let mut cat = command(["cat"]);
    let lines = ran(cat.arg(&saved).arg("--typed").output()).output();
    let all = oracle("truncated/in-third-batch.npy");
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    assert!(lines == all, "{}", lines.len());
}

#[test]
fn salvage_of_truncated_header_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, saved) = (folder.path().join("broken.npy"), folder.path().join("saved.npy"));
    fs::write(&broken, b"\x93NUMPY\x01\0v\0{'descr': '|O'").unwrap();
    let mut salvage = command(["salvage"]);
    let refused = ran(salvage.arg(&broken).arg("-o").arg(&saved).output());
    assert!(refused.complaint().starts_with("the preamble was truncated"), "{refused:?}");
    assert!(fs::read_dir(folder.path()).unwrap().count() == 1);
}

/// Runs `npyo salvage` on a file.
fn salvage(file: &Path, saved: &Path, options: &[&str]) -> Ran {
    ran(command(["salvage"]).arg(file).arg("-o").arg(saved).args(options).output())
}

#[test]
fn salvage_exit_code_tells_whole_part_and_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, saved) = (folder.path().join("file.npy"), folder.path().join("saved.npy"));
    let whole = fs::read(fixture("truncated/in-third-batch.npy")).unwrap();
    fs::write(&file, &whole).unwrap();
    assert_eq!(salvage(&file, &saved, &[]).code, Some(5));
    assert_eq!(salvage(&saved, &folder.path().join("again.npy"), &[]).code, Some(0));
    let doubtful = salvage(&file, &saved, &["--doubtful"]);
    assert!(doubtful.code == Some(5) && !doubtful.stdout.contains("--doubtful"), "{doubtful:?}");
    // Truncated in the first batch.
    fs::write(&file, &whole[..1000]).unwrap();
    fs::remove_file(&saved).unwrap();
    let nothing = salvage(&file, &saved, &[]);
    assert_eq!((nothing.code, saved.exists()), (Some(1), false));
    assert!(nothing.stdout.contains(": nothing could be saved"), "{nothing:?}");
    assert!(nothing.stdout.contains("--doubtful saves them"), "{nothing:?}");
    assert_eq!(salvage(&file, &saved, &["--doubtful"]).code, Some(5));
}

#[test]
fn salvage_onto_its_input_fails_without_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.npy");
    fs::copy(fixture("truncated/in-third-batch.npy"), &file).unwrap();
    let before = fs::read(&file).unwrap();
    let refused = salvage(&file, &folder.path().join(".").join("file.npy"), &[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.ends_with("add --in-place\n"), "{refused:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(salvage(&file, &file, &["--in-place"]).code, Some(5));
    assert_eq!(salvage(&file, &file, &["--in-place"]).code, Some(0));
}

#[test]
fn salvage_of_bare_pickle_writes_0d_array() {
    let folder = tempfile::tempdir().unwrap();
    let (file, saved) = (folder.path().join("file.pkl"), folder.path().join("saved.npy"));
    // {"a": 1, "b": 2, "c": 3} in batches of two, truncated in the second.
    fs::write(&file, b"\x80\x04}\x94(\x8c\x01aK\x01\x8c\x01bK\x02u(\x8c\x01c").unwrap();
    let report = salvage(&file, &saved, &[]);
    assert!(report.code == Some(5) && report.stdout.contains(": 2 elements\n"), "{report:?}");
    let entries = ran(command(["cat"]).arg(&saved).output()).output();
    assert_eq!(entries, "{\"a\":1}\n{\"b\":2}\n");
}

#[test]
fn archive_without_directory_is_read_and_salvaged() {
    let folder = tempfile::tempdir().unwrap();
    let (file, saved) = (folder.path().join("cut.npz"), folder.path().join("saved.npy"));
    for archive in ["archive.npz", "deflated.npz"] {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../npy-object/tests/data");
        let bytes = fs::read(data.join(archive)).unwrap();
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        fs::write(&file, &bytes[..directory]).unwrap();
        let list = ran(command(["info"]).arg(&file).output());
        assert_eq!(list.code, Some(1));
        let name = list.stdout.lines().nth(2).unwrap().split_whitespace().next().unwrap();
        let member = format!("{}:{name}", file.display());
        let whole = ran(command(["cat"]).arg(data.join(archive)).args(["--member", name]).output());
        let cut = ran(command(["cat", &member]).output());
        assert_eq!(cut.stdout, whole.stdout);
        assert!(cut.code == Some(1) && cut.stderr.contains("`salvage`"), "{cut:?}");
        assert_eq!(salvage(Path::new(&member), &saved, &[]).code, Some(5));
        assert_eq!(ran(command(["cat"]).arg(&saved).output()).output(), whole.stdout);
        let archive = folder.path().join("saved.npz");
        assert_eq!(salvage(&file, &archive, &[]).code, Some(5));
        let saved = ran(command(["cat"]).arg(&archive).args(["--member", name]).output());
        assert_eq!(saved.output(), whole.stdout);
        let none = ran(command(["cat"]).arg(&file).args(["--member", "none"]).output());
        assert!(none.code == Some(1) && none.stderr.contains("[npz.end]"), "{none:?}");
    }
}
