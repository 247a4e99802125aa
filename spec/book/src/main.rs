//! `cargo run -p spec-book [FOLDER]`: builds the site, by default into `target/book`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // What mdBook has to complain about.
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    match spec_book::build(std::env::args_os().nth(1).map(Into::into)) {
        Ok(index) => {
            println!("{}", index.display());
            ExitCode::SUCCESS
        }
        Err(complaints) => {
            eprintln!("{complaints}");
            ExitCode::FAILURE
        }
    }
}
