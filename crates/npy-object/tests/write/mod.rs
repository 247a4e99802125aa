//! Tests of `write`, and of the output files.

mod append;
mod files;
mod pickled;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const FILE: &str = "NPY_OBJECT_TEST_FILE";

/// Starts a process that runs a test of this binary which never ends, and kills it after 2 to 14
/// milliseconds. There, [`file_of_child`] returns `file`.
fn kill_while_running(test: &str, file: &Path, random: &mut u64) {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env(FILE, file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    sleep(Duration::from_micros(2000 + (*random >> 33) % 12_000));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn file_of_child() -> PathBuf {
    env::var_os(FILE).expect("the file to write").into()
}
