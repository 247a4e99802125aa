//! Runs the program, and finds the fixtures of the oracle.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use npy_object_fixtures::Fixture;
use tempfile::NamedTempFile;

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns a command that runs the program with these arguments.
pub(crate) fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_npyo"));
    command.args(args);
    command
}

/// Runs a subcommand on a fixture.
pub(crate) fn npyo(subcommand: &str, file: &str, options: &[&str]) -> Ran {
    let file = fixture(file);
    let mut command = command([OsStr::new(subcommand), file.as_os_str()]);
    ran(command.args(options).output())
}

/// Returns the result of a run, whose output has to be UTF-8.
pub(crate) fn ran(output: std::io::Result<Output>) -> Ran {
    let Output { status, stdout, stderr } = output.expect("the program can be started");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ran {
    /// Returns the output of a run. Fails unless it exited with 0 and printed nothing on stderr.
    pub(crate) fn output(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// Returns the text on stderr after the name of the `.npy` file. Fails unless the run exited
    /// with 1.
    pub(crate) fn complaint(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let (_, complaint) = self.stderr.split_once(".npy: ").expect("the error names the file");
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

/// Returns a new file with a header and these data.
pub(crate) fn file_of(descr: &str, shape: &str, data: &[u8]) -> NamedTempFile {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).expect("the header is short").to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat();
    let file = tempfile::Builder::new().suffix(".npy").tempfile().expect("a file can be made");
    std::fs::write(&file, bytes).expect("the file can be written");
    file
}
