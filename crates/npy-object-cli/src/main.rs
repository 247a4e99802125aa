//! The binary `npyo`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(npy_object_cli::run(std::env::args_os()))
}
