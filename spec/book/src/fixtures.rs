//! The oracle's files, and what Python says of them.

use std::fs;

use npy_object::{Encoding, Error, Options};
use serde_json::Value;

use crate::{Complaint, root};

/// A file of the oracle.
pub struct Fixture {
    /// Its name below `oracle/fixtures`, or `packed/` and its name below `oracle/packed`.
    pub file: String,
    /// The file of the project that it is in: itself, or the archive of its group.
    pub path: String,
    /// What it holds.
    pub about: String,
    /// The clauses that it is a case of.
    pub clauses: Vec<String>,
    /// The environments that wrote it, such as `py3.13-np2.5`.
    pub written_by: Vec<String>,
    /// The protocol that was asked for, where one was.
    pub protocol: Option<u64>,
    encoding: Encoding,
}

/// All of them, in the order of the manifests.
pub fn fixtures() -> Vec<Fixture> {
    [of("oracle/fixtures", ""), of("oracle/packed", "packed/")].into_iter().flatten().collect()
}

/// Those of the manifest in a folder.
fn of(folder: &str, prefix: &str) -> Vec<Fixture> {
    let path = root().join(folder).join("manifest.json");
    let manifest: Vec<Value> =
        serde_json::from_slice(&fs::read(path).expect("the oracle's manifest")).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let fixture = |entry: &Value| Fixture {
        file: format!("{prefix}{}", text(&entry["file"])),
        path: path_of(folder, &text(&entry["file"])),
        about: text(&entry["about"]),
        clauses: texts(&entry["clauses"]),
        written_by: texts(&entry["written_by"]),
        protocol: entry["protocol"].as_u64(),
        encoding: match entry["encoding"].as_str() {
            Some("latin1") => Encoding::Latin1,
            _ => Encoding::Ascii,
        },
    };
    manifest.iter().map(fixture).collect()
}

fn path_of(folder: &str, file: &str) -> String {
    let path = format!("{folder}/{file}");
    match file.split_once('/') {
        Some((group, _)) if !root().join(&path).exists() => format!("{folder}/{group}.zip"),
        _ => path,
    }
}

impl Fixture {
    /// The bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        match npy_object_fixtures::find(&self.file) {
            Some(stored) => stored.bytes().to_vec(),
            None => fs::read(root().join(&self.path)).expect("a packed file"),
        }
    }

    /// Python's lines: the header, the elements, or an error at the end.
    pub fn lines(&self) -> Vec<String> {
        if let Some(stored) = npy_object_fixtures::find(&self.file) {
            return stored.lines().to_vec();
        }
        let path = root().join(format!("{}.jsonl", self.path));
        let text = fs::read_to_string(path).expect("the JSON of a packed file");
        text.split_terminator('\n').map(str::to_owned).collect()
    }

    /// What Python refuses the file with: `ValueError: ...`. It knows no index.
    pub fn python_error(&self) -> Option<String> {
        if self.is_index() {
            return None;
        }
        let last: Value = serde_json::from_str(self.lines().last()?).ok()?;
        Some(last.get("error")?.as_str()?.to_owned())
    }

    /// Whether it is an archive, a gzip file, an index, or what that is of.
    pub fn is_packed(&self) -> bool {
        self.file.starts_with("packed/")
    }

    fn is_index(&self) -> bool {
        self.file.ends_with(".idx")
    }

    /// What this project refuses the file with, as it reads by default; an index is left alone.
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
}

/// The fixture of that name.
pub fn find<'a>(fixtures: &'a [Fixture], file: &str) -> Result<&'a Fixture, Complaint> {
    let found = fixtures.iter().find(|fixture| fixture.file == file);
    found.ok_or_else(|| format!("there is no fixture {file}"))
}
