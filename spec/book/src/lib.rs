//! Builds the specification as a site.
//!
//! The chapters are the Markdown files of `spec/`. Lines such as `{{#dis plain/0d.npy}}` in them are
//! directives: what stands in the book in their place is made from the oracle's files, by the
//! crates of this project, when the book is built.
//!
//! # In which order to read the modules
//!
//! `site` (what is done), `chapter` (what becomes of the text), `directives` and `figures` (what
//! the lines stand for), `clauses` (who checks what), `fixtures` and `stream` (the oracle's files
//! and what is in them), `links` (what is checked at the end).
#![forbid(unsafe_code)]

mod chapter;
pub mod clauses;
mod directives;
mod figures;
pub mod fixtures;
pub mod links;
mod site;
mod stream;

pub use site::build;

use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with the book, for people: a line for each fault.
pub type Complaint = String;

/// The folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources below a folder, in order.
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

/// The Rust examples of the chapters are compiled and run.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/examples.md"))]
struct Examples;
