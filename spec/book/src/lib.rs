//! The mdBook preprocessor of the specification.
//!
//! The chapters are the Markdown files in `spec/`, and `spec/book.toml` configures mdBook, which
//! runs this program. It does three things:
//!
//! - replaces every directive, a line such as `{{#dis plain/0d.npy}}`, with a dump or a table that
//!   it makes from the oracle's fixtures;
//! - gives each clause an anchor and the number of the fixtures and tests that check it, and makes
//!   a link of each clause id in the text;
//! - fails on directives that do not fit the fixtures and on links that lead nowhere.
//!
//! # Modules, in reading order
//!
//! | module | job |
//! |---|---|
//! | `expand` | goes through the chapters line by line |
//! | `clauses` | finds the clauses, and the fixtures and tests of each |
//! | `directives` | lists the directives |
//! | `dump` | directives that show one file |
//! | `tables` | directives that list opcodes, clauses, errors or results |
//! | `fixtures` | reads the oracle's files |
//! | `pickle` | finds the instructions and the elements of a file |
//! | `links` | finds links that lead nowhere |
#![forbid(unsafe_code)]

pub mod clauses;
mod directives;
mod dump;
mod expand;
pub mod fixtures;
pub mod links;
mod pickle;
mod tables;

pub use expand::Specification;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the root folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the Rust files below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a folder of sources").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The Rust examples in the chapters, which rustdoc compiles and runs.
#[cfg(doctest)]
mod examples {
    #[doc = include_str!("../../audit.md")]
    struct Audit;
    #[doc = include_str!("../../elements.md")]
    struct Elements;
    #[doc = include_str!("../../errors.md")]
    struct Errors;
    #[doc = include_str!("../../limits.md")]
    struct Limits;
    #[doc = include_str!("../../npz.md")]
    struct Npz;
}
