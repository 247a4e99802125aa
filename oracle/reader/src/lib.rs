//! Reads the fixtures of `oracle/fixtures`: the manifest, and each file with its typed JSON, from
//! the archive of its group or from a file of its own. `oracle/manifest.py` describes the layout.
//!
//! All of them are read once, at the first use, and stay in memory: 4 MB.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::Deserialize;
use zip::ZipArchive;

/// A file that Python or NumPy wrote, or one made by hand, and what Python reads from it.
#[derive(Deserialize)]
pub struct Fixture {
    /// Its name: `GROUP/CASE.npy`.
    pub file: String,
    /// What it holds.
    pub about: String,
    /// The clauses of the specification that it is a case of.
    pub clauses: Vec<String>,
    /// The environments that wrote these bytes, such as `py3.13-np2.5`; empty if made by hand.
    #[serde(default)]
    pub written_by: Vec<String>,
    /// The pickle protocol, where one was chosen.
    pub protocol: Option<u64>,
    /// The pickler, where it is not the one written in C.
    pub pickler: Option<String>,
    /// How the `str` of Python 2 is read: `latin1`, or `None` for ASCII.
    pub encoding: Option<String>,
    #[serde(skip)]
    bytes: Vec<u8>,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Fixture {
    /// Returns the bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the typed JSON: the header, the elements, and an error if Python stops with one.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(read);

/// Returns all fixtures, in the order of the manifest: sorted by name.
pub fn fixtures() -> &'static [Fixture] {
    &FIXTURES
}

/// Returns the fixture of this name, if there is one.
pub fn find(file: &str) -> Option<&'static Fixture> {
    let index = fixtures().binary_search_by(|fixture| fixture.file.as_str().cmp(file));
    index.ok().map(|index| &fixtures()[index])
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn read() -> Vec<Fixture> {
    let folder = folder();
    let open =
        |name: &str| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = |name: &str| String::from_utf8(open(name)).expect("JSON is UTF-8");
    let mut fixtures: Vec<Fixture> =
        serde_json::from_slice(&open("manifest.json")).expect("the manifest lists fixtures");
    let (mut archived, mut described) = (HashMap::new(), HashMap::new());
    for entry in fs::read_dir(&folder).expect("the folder of the fixtures") {
        let name = entry.expect("an entry of the folder").file_name();
        let name = name.to_str().expect("a name in UTF-8");
        if name.ends_with(".zip") {
            archived.extend(members(open(name)));
        } else if name.ends_with(".jsonl") {
            described.extend(sections(&text(name)));
        }
    }
    for fixture in &mut fixtures {
        let file = &fixture.file;
        fixture.bytes = archived.remove(file).unwrap_or_else(|| open(file));
        fixture.lines = described
            .remove(file)
            .unwrap_or_else(|| lines(&text(&file.replace(".npy", ".jsonl"))).collect());
    }
    fixtures
}

/// Returns the files of an archive.
fn members(archive: Vec<u8>) -> HashMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("a zip file");
    let mut members = HashMap::new();
    for number in 0..archive.len() {
        let mut member = archive.by_index(number).expect("a member");
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).expect("a member without errors");
        members.insert(member.name().expect("a name in UTF-8").into_owned(), bytes);
    }
    members
}

/// Returns the lines of each fixture of a group, which follow a line with its name.
fn sections(text: &str) -> HashMap<String, Vec<String>> {
    #[derive(Deserialize)]
    struct Name {
        file: String,
    }

    let mut sections = HashMap::new();
    let mut section = &mut Vec::new();
    for line in lines(text) {
        if line.starts_with("{\"file\":") {
            let name: Name = serde_json::from_str(&line).expect("the name of a fixture");
            section = sections.entry(name.file).or_default();
        } else {
            section.push(line);
        }
    }
    sections
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split_terminator('\n').map(str::to_owned)
}
