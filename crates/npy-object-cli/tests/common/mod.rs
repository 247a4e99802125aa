//! Running the program, and finding the fixtures of the oracle.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, to be run with these arguments.
pub(crate) fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_npyo"));
    command.args(args);
    command
}

/// Runs a subcommand on a fixture, with options.
pub(crate) fn npyo(subcommand: &str, file: &str, options: &[&str]) -> Ran {
    let file = fixture(file);
    let mut command = command([OsStr::new(subcommand), file.as_os_str()]);
    ran(command.args(options).output())
}

pub(crate) fn ran(output: std::io::Result<Output>) -> Ran {
    let Output { status, stdout, stderr } = output.expect("the program can be started");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ran {
    /// The output of a run that had nothing to complain about.
    pub(crate) fn output(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// What a run that failed says behind the name of the file.
    pub(crate) fn complaint(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let (_, complaint) = self.stderr.split_once(".npy: ").expect("the file is named");
        complaint
    }
}

pub(crate) fn fixture(file: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../oracle/fixtures").join(file);
    assert!(path.exists(), "no fixture {file}");
    path
}

/// The lines of the oracle for the elements of a fixture.
pub(crate) fn oracle(file: &str) -> Vec<String> {
    let json = fixture(file).with_extension("jsonl");
    let text = std::fs::read_to_string(json).expect("the fixture has its elements beside it");
    let elements = text.lines().skip(1).filter(|line| !line.starts_with("{\"error\""));
    elements.map(str::to_owned).collect()
}

/// As [`oracle`], behind the line of the header: all that is printed of a whole array.
pub(crate) fn oracle_with_header(file: &str) -> Vec<String> {
    let json = fixture(file).with_extension("jsonl");
    let text = std::fs::read_to_string(json).expect("the fixture has its elements beside it");
    let header = text.lines().next().expect("the line of the header").to_owned();
    [vec![header], oracle(file)].concat()
}

/// A file of a header and what follows it, made for one test.
pub(crate) fn file_of(descr: &str, shape: &str, data: &[u8]) -> tempfile::NamedTempFile {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).expect("the header is short").to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat();
    let file = tempfile::Builder::new().suffix(".npy").tempfile().expect("a file can be made");
    std::fs::write(&file, bytes).expect("it can be written");
    file
}
