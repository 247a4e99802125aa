//! Runs with wrong arguments or a missing file, and `--version`.

mod common;

use common::{command, ran};

#[test]
fn wrong_arguments_exit_2() {
    for args in [
        &[][..],
        &["cat"],
        &["frobnicate", "x.npy"],
        &["cat", "x.npy", "--to", "ten"],
        &["info", "x.npy", "--encoding", "ebcdic"],
    ] {
        let ran = ran(command(args).output());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.stderr.contains("Usage: ") || ran.stderr.contains("--help"), "{}", ran.stderr);
    }
}

#[test]
fn completions_and_man_page_name_the_commands() {
    for args in [&["completions", "bash"][..], &["completions", "fish"], &["man"]] {
        let out = ran(command(args).output()).output();
        assert!(out.contains("salvage") && out.contains("npyo"), "{args:?}: {out}");
    }
}

#[test]
fn missing_file_is_named_in_the_error() {
    for subcommand in ["info", "cat", "dis"] {
        let ran = ran(command([subcommand, "no/such.npy"]).output());
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.starts_with("npyo: no/such.npy: "), "{}", ran.stderr);
    }
}

#[cfg(not(feature = "urls"))]
#[test]
fn url_without_the_feature_is_an_error_that_names_it() {
    for subcommand in ["info", "cat", "get", "audit", "salvage"] {
        let arguments: &[&str] = match subcommand {
            "get" => &["0"],
            "salvage" => &["-o", "new.npy"],
            _ => &[],
        };
        let url = "https://name:secret@host/a.npy?key";
        let ran = ran(command([&[subcommand, url], arguments].concat()).output());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{subcommand}");
        assert!(ran.stderr.starts_with("npyo: https://host/a.npy: "), "{}", ran.stderr);
        assert!(ran.stderr.contains("--features urls"), "{}", ran.stderr);
    }
}

#[test]
fn version_option_prints_the_version() {
    let version = ran(command(["--version"]).output()).output();
    assert_eq!(version, concat!("npyo ", env!("CARGO_PKG_VERSION"), "\n"));
}
