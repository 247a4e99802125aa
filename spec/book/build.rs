//! Collects the Rust examples of the chapters, which are compiled and run as tests of the
//! documentation of this crate. (What is indented there is bytes; rustdoc would take it for code.)

use std::path::Path;
use std::{env, fs};

fn main() {
    let spec = Path::new("..");
    println!("cargo::rerun-if-changed={}", spec.display());
    let mut examples = String::new();
    for entry in fs::read_dir(spec).expect("the chapters") {
        let path = entry.expect("a chapter").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a chapter");
        for example in text.split("\n```rust\n").skip(1) {
            let code = example.split("\n```").next().unwrap_or_default();
            examples.push_str(&format!("From {}:\n\n```\n{code}\n```\n\n", path.display()));
        }
    }
    let out = env::var("OUT_DIR").expect("cargo's folder");
    fs::write(Path::new(&out).join("examples.md"), examples).expect("a file there");
}
