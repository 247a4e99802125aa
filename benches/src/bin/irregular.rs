//! Does one of the irregular works once, `irregular NAME`, for `compare.py`: see [`run`].

use std::process::ExitCode;

use npy_object_benches::{IRREGULAR, run};

fn main() -> ExitCode {
    run(&IRREGULAR)
}
