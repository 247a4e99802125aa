//! Reads the oracle's files, and what Python made of them.

use std::fs;

use npy_object::{Encoding, Error, Options};
use serde_json::Value;

use crate::root;

/// A file of the oracle.
pub struct Fixture {
    /// The name below `oracle/fixtures`; or `packed/` and the name below `oracle/packed`.
    pub name: String,
    /// A description of the contents.
    pub about: String,
    /// The clauses that the file is a case of.
    pub clauses: Vec<String>,
    /// The environments that wrote it, such as `py3.13-np2.5`.
    pub written_by: Vec<String>,
    encoding: Encoding,
}

/// Returns all fixtures, in the order of the manifests.
pub fn all() -> Vec<Fixture> {
    [("oracle/fixtures", ""), ("oracle/packed", "packed/")]
        .map(in_manifest)
        .into_iter()
        .flatten()
        .collect()
}

fn in_manifest((folder, prefix): (&str, &str)) -> Vec<Fixture> {
    let path = root().join(folder).join("manifest.json");
    let manifest: Vec<Value> =
        serde_json::from_slice(&fs::read(path).expect("the oracle's manifest")).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let fixture = |entry: &Value| Fixture {
        name: format!("{prefix}{}", text(&entry["file"])),
        about: text(&entry["about"]),
        clauses: texts(&entry["clauses"]),
        written_by: texts(&entry["written_by"]),
        encoding: match entry["encoding"].as_str() {
            Some("latin1") => Encoding::Latin1,
            _ => Encoding::Ascii,
        },
    };
    manifest.iter().map(fixture).collect()
}

/// Reads a file of `oracle/packed`, whose name here begins with `packed/`.
fn read_packed(name: &str) -> Vec<u8> {
    let path = root().join("oracle").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Fixture {
    /// Returns the bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        match npy_object_fixtures::find(&self.name) {
            Some(stored) => stored.bytes().to_vec(),
            None => read_packed(&self.name),
        }
    }

    /// Returns Python's lines: the header, the elements, and an error at the end.
    pub fn lines(&self) -> Vec<String> {
        if let Some(stored) = npy_object_fixtures::find(&self.name) {
            return stored.lines().to_vec();
        }
        let text = String::from_utf8(read_packed(&format!("{}.jsonl", self.name))).expect("UTF-8");
        text.split_terminator('\n').map(str::to_owned).collect()
    }

    /// Returns the error with which Python refuses the file: `ValueError: ...`.
    pub fn python_error(&self) -> Option<String> {
        if self.is_index() {
            return None; // Python has no reader for it.
        }
        let last: Value = serde_json::from_str(self.lines().last()?).ok()?;
        Some(last.get("error")?.as_str()?.to_owned())
    }

    /// Returns the error with which npy-object refuses the file by default. Not for an index.
    pub fn error(&self) -> Option<Error> {
        if self.is_index() {
            return None;
        }
        let options = Options::new().encoding(self.encoding);
        let mut array = match options.open(self.bytes()) {
            Ok(array) => array,
            Err(error) => return Some(error),
        };
        loop {
            match array.next_element() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    /// Returns whether the file is an archive, a gzip file, an index, or the array of an index.
    pub fn is_packed(&self) -> bool {
        self.name.starts_with("packed/")
    }

    fn is_index(&self) -> bool {
        self.name.ends_with(".idx")
    }
}
