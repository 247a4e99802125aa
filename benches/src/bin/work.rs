//! Does one of the works once, `work NAME [--floor]`, for `compare.py`: see [`run`].

use std::process::ExitCode;

use npy_object_benches::{WORKS, run};

fn main() -> ExitCode {
    run(&WORKS)
}
