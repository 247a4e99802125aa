//! Runs of `npyo cat`.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{command, file_of, fixture, npyo, oracle, oracle_with_header, ran};

const RAGGED: &str = "arrays/ragged-p4-py3.9-np2.0.npy";
/// An array of 2,500 elements, truncated in the last batch.
const CUT_OFF: &str = "truncated/in-third-batch.npy";

#[test]
fn cat_prints_elements_as_plain_json() {
    let out = npyo("cat", RAGGED, &[]).output();
    assert_eq!(out, "[0.0,1.0,2.0]\n[0.0]\n[]\n[0.0,1.0,2.0,3.0,4.0]\n");
}

#[test]
fn cat_typed_prints_the_typed_json_of_the_oracle() {
    for file in [RAGGED, "sharing/diamond-p2-py3.6-np1.16.npy", "plain/2d-fortran-py2.7-np1.16.npy"]
    {
        let out = npyo("cat", file, &["--typed"]).output();
        assert!(out.lines().eq(oracle_with_header(file)), "{file}: {out}");
    }
}

#[test]
fn cat_raw_prints_texts_without_quotes() {
    let file = tempfile::Builder::new().suffix(".pkl").tempfile().expect("a file can be made");
    let pickle = b"\x80\x04]\x94(\x8c\x03a\"b\x8c\x01\n\x8c\x02\xc3\xa9K\x01e.";
    std::fs::write(&file, pickle).expect("it can be written");
    let path = file.path().to_str().expect("a UTF-8 path");
    let out = ran(command(["cat", "-r", path]).output()).output();
    assert_eq!(out, "a\"b\n\n\n\u{e9}\n1\n");
    let out = ran(command(["get", "--raw", path, "0", "3"]).output()).output();
    assert_eq!(out, "a\"b\n1\n");
}

#[test]
fn cat_from_to_prints_the_elements_of_a_slice() {
    let all = oracle(RAGGED);
    for (from, to, expected) in [
        (Some("1"), Some("3"), &all[1..3]),
        (Some("3"), None, &all[3..]),
        (None, Some("1"), &all[..1]),
        (None, Some("99"), &all[..]),
        (Some("4"), None, &[]),
        (Some("99"), Some("100"), &[]),
        (Some("2"), Some("1"), &[]),
        (Some("-3"), None, &all[1..]),
        (Some("-9"), Some("-1"), &all[..3]),
        (Some("1"), Some("-9"), &[]),
    ] {
        let mut options = vec!["--typed"];
        options.extend(from.iter().flat_map(|from| ["--from", from]));
        options.extend(to.iter().flat_map(|to| ["--to", to]));
        let out = npyo("cat", RAGGED, &options).output();
        assert!(out.lines().eq(expected), "{options:?}: {out}");
    }
}

#[test]
fn cat_from_to_in_later_batch_prints_elements() {
    let (all, options) = (oracle(CUT_OFF), ["--typed", "--from", "998", "--to", "1003"]);
    let out = npyo("cat", CUT_OFF, &options).output();
    assert!(out.lines().eq(&all[998..1003]), "{out}");
}

#[test]
fn cat_of_truncated_file_prints_whole_batches_then_fails() {
    let ran = npyo("cat", CUT_OFF, &["--typed"]);
    assert_eq!(ran.stdout.lines().count(), 1 + 2000);
    assert!(ran.stdout.lines().eq(oracle_with_header(CUT_OFF)));
    let error = "pickle data was truncated: at least 1 byte missing; `salvage` saves the \
                 elements that are whole (at byte 4609) [pickle.truncated]\n";
    assert_eq!(ran.complaint(), error);
}

#[test]
fn cat_unfinished_of_truncated_file_prints_last_batch_then_fails() {
    let ran = npyo("cat", CUT_OFF, &["--typed", "--unfinished"]);
    let whole = oracle_with_header(CUT_OFF);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines.len() > whole.len() && lines[..whole.len()] == whole[..]);
    assert!(ran.complaint().starts_with("pickle data was truncated"), "{ran:?}");
    let last = (lines.len() - 2).to_string();
    assert_eq!(npyo("get", CUT_OFF, &[&last]).code, Some(1));
    npyo("get", CUT_OFF, &[&last, "--unfinished"]).output();
    let stats = npyo("stats", CUT_OFF, &["--unfinished"]);
    assert!(stats.stdout.starts_with(&format!("elements  {}\n", lines.len() - 1)), "{stats:?}");
    assert_eq!(stats.code, Some(1));
}

#[test]
fn cat_of_truncated_bare_list_prints_whole_batches_then_fails() {
    // pickle.dumps(list(range(3)), 2) in batches of two, truncated in the last one.
    let file = tempfile::Builder::new().suffix(".npy").tempfile().unwrap();
    std::fs::write(&file, b"\x80\x02]q\0(K\0K\x01e(K\x02").unwrap();
    for (options, lines) in [(&[][..], "0\n1\n"), (&["--unfinished"], "0\n1\n2\n")] {
        let ran = ran(command(["cat"]).arg(file.path()).args(options).output());
        assert_eq!(ran.stdout, lines);
        assert!(ran.complaint().contains("`salvage`"), "{ran:?}");
    }
}

#[test]
fn cat_encoding_decides_how_python_2_str_is_read() {
    let file = "hand-pickled/binstring-not-ascii.npy";
    let first = |encoding| {
        let out = npyo("cat", file, &["--typed", "--encoding", encoding]).output();
        out.lines().nth(1).map(str::to_owned)
    };
    assert_ne!(first("latin1"), first("bytes"));
    assert_eq!(first("ascii"), first("bytes"));
}

#[test]
fn cat_of_header_that_disagrees_fails_without_trust_payload() {
    let file = "header-forms/object-other-shape.npy";
    let refused = npyo("cat", file, &[]);
    let expected =
        "the header says shape (7, 7), the pickle (3,) (at byte 68) [npy.object.agreement]";
    let (error, hint) = refused.complaint().split_once('\n').unwrap();
    assert_eq!((error, refused.stdout.as_str()), (expected, ""));
    assert!(hint.contains("--trust-payload"), "{hint}");
    let trusted = npyo("cat", file, &["--trust-payload"]).output();
    assert_eq!(trusted, "1\n\"two\"\n[3]\n");
}

#[test]
fn cat_of_long_header_fails_without_max_header() {
    let file = "header-forms/object-long-header.npy";
    let refused = npyo("cat", file, &[]);
    assert!(refused.complaint().contains("--max-header"), "{}", refused.stderr);
    assert_eq!(npyo("cat", file, &["--typed", "--max-header", "20000"]).output(), {
        oracle_with_header(file).join("\n") + "\n"
    });
}

/// `npyo cat big.npy | head -1` closes the pipe after the first line.
#[test]
fn cat_to_closed_pipe_exits_0() {
    let rows = 1_000_000; // a pipe holds 64 KiB on Linux
    let file = file_of("|i1", &format!("({rows},)"), &vec![7; rows]);
    let mut cat = command(["cat".as_ref(), file.path()]);
    let mut cat = cat.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(cat.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "7\n");
    let ran = ran(cat.wait_with_output());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn cat_of_several_files_prints_the_elements_of_each_and_names_on_stderr() {
    let (first, second) =
        (fixture("arrays/ragged-p3-py3.7-np1.21.npy"), fixture("builtin/ints-p3-py3.7-np1.21.npy"));
    let missing = first.with_file_name("missing.npy");
    let cat = |files: &[&std::path::Path]| ran(command(["cat"]).args(files).output());
    let (one, other) = (cat(&[&first]).output(), cat(&[&second]).output());
    let both = cat(&[&first, &second]);
    assert_eq!((both.stdout, both.code), (format!("{one}{other}"), Some(0)));
    let names = format!("==> {} <==\n==> {} <==\n", first.display(), second.display());
    assert_eq!(both.stderr, names);
    // The files after a missing one are printed too.
    let with_missing = cat(&[&first, &missing, &second]);
    assert_eq!((with_missing.stdout, with_missing.code), (format!("{one}{other}"), Some(1)));
    assert!(with_missing.stderr.contains("missing.npy: No such file"), "{}", with_missing.stderr);
}

#[test]
fn info_and_stats_of_several_files_head_each_with_its_name() {
    let (first, second) =
        (fixture("arrays/ragged-p3-py3.7-np1.21.npy"), fixture("builtin/ints-p3-py3.7-np1.21.npy"));
    for subcommand in ["info", "stats"] {
        let run =
            |files: &[&std::path::Path]| ran(command([subcommand]).args(files).output()).output();
        let each =
            [&*first, &*second].map(|file| format!("==> {} <==\n{}", file.display(), run(&[file])));
        assert_eq!(run(&[&first, &second]), each.join("\n"));
    }
}
