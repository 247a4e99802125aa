//! Running the program, and finding the fixtures of the oracle.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use npy_object_fixtures::Fixture;
use tempfile::NamedTempFile;

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

/// Writes a fixture to a file and returns its path.
pub(crate) fn fixture(file: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures").join(file);
    let folder = path.parent().expect("the folder of the group");
    std::fs::create_dir_all(folder).expect("a folder for the file");
    // Another test may read the same file, so it is replaced at once.
    let mut new = NamedTempFile::new_in(folder).expect("a temporary file");
    new.write_all(stored(file).bytes()).expect("written to the temporary file");
    new.persist(&path).expect("renamed");
    path
}

/// Returns the typed JSON of the elements of a fixture.
pub(crate) fn oracle(file: &str) -> Vec<String> {
    let elements = stored(file).lines().iter().skip(1);
    elements.filter(|line| !line.starts_with("{\"error\"")).cloned().collect()
}

/// Returns the typed JSON of the header and the elements of a fixture, as a whole array is printed.
pub(crate) fn oracle_with_header(file: &str) -> Vec<String> {
    let header = stored(file).lines().first().expect("the line of the header").clone();
    [vec![header], oracle(file)].concat()
}

fn stored(file: &str) -> &'static Fixture {
    npy_object_fixtures::find(file).unwrap_or_else(|| panic!("no fixture {file}"))
}

/// A file of a header and what follows it, made for one test.
pub(crate) fn file_of(descr: &str, shape: &str, data: &[u8]) -> NamedTempFile {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).expect("the header is short").to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat();
    let file = tempfile::Builder::new().suffix(".npy").tempfile().expect("a file can be made");
    std::fs::write(&file, bytes).expect("it can be written");
    file
}
