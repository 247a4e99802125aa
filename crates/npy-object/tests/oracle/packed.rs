//! Archives, gzip files and indexes of the oracle, against what Python says of them and the clause
//! that each breaks.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use npy_object::{Error, IndexUse, Options, Result, Source};
use serde_json::Value;

use crate::fixtures::{canonical, typed_lines_of};

/// A file, and what is known of it.
struct Packed {
    name: String,
    /// The clause that it breaks.
    refused: Option<String>,
    /// When the file that it is an index of was last modified.
    modified: Option<u64>,
}

impl Packed {
    fn bytes(&self) -> Vec<u8> {
        fs::read(folder().join(&self.name)).expect("a file of the oracle")
    }

    /// The elements that Python finds.
    fn elements(&self) -> Vec<Value> {
        let text = fs::read_to_string(folder().join(format!("{}.jsonl", self.name))).expect("JSON");
        let lines = text.lines().filter(|line| !line.starts_with("{\"header\":"));
        lines.map(canonical).filter(|line| line.get("member").is_none()).collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../oracle/packed")
}

fn packed() -> Vec<Packed> {
    let manifest = fs::read(folder().join("manifest.json")).expect("the oracle's manifest");
    let manifest: Vec<Value> = serde_json::from_slice(&manifest).expect("a JSON array");
    let packed = |entry: &Value| Packed {
        name: entry["file"].as_str().expect("a file name").to_owned(),
        refused: entry["refused"].as_str().map(str::to_owned),
        modified: entry["modified"].as_u64(),
    };
    manifest.iter().map(packed).collect()
}

/// The elements of all members of an archive, or of a file, up to the first error.
fn read(bytes: Vec<u8>) -> (Vec<Value>, Option<Error>) {
    let mut elements = Vec::new();
    let error = if bytes.windows(4).any(|at| at == b"PK\x01\x02") {
        read_archive(bytes, &mut elements).err()
    } else {
        read_array(Source::bytes(bytes), &mut elements)
    };
    (elements, error)
}

fn read_archive(bytes: Vec<u8>, elements: &mut Vec<Value>) -> Result<()> {
    let npz = Options::new().read_npz(Source::bytes(bytes))?;
    for number in 0..npz.members().len() {
        npz.verify(number)?;
        read_array(npz.source(number)?, elements).map_or(Ok(()), Err)?;
    }
    Ok(())
}

fn read_array(source: Source, elements: &mut Vec<Value>) -> Option<Error> {
    // The first line is the header, so it is skipped.
    let (lines, error) = typed_lines_of(source, &[], Options::new());
    elements.extend(lines.iter().skip(1).map(|line| canonical(line)));
    error
}

#[test]
fn packed_file_gives_the_elements_of_python() {
    let whole = packed();
    let whole: Vec<_> =
        whole.iter().filter(|file| file.refused.is_none() && file.modified.is_none()).collect();
    for file in &whole {
        let (elements, error) = read(file.bytes());
        assert!(error.is_none(), "{}: {}", file.name, error.unwrap());
        assert_eq!(elements, file.elements(), "{}", file.name);
    }
    assert!(whole.len() >= 9, "only {} files were found", whole.len());
}

#[test]
fn broken_packed_file_fails_with_its_clause() {
    let broken = packed();
    let broken = broken.iter().filter(|file| file.modified.is_none());
    let mut count = 0;
    for file in broken {
        let Some(clause) = &file.refused else { continue };
        let (_, error) = read(file.bytes());
        let error = error.unwrap_or_else(|| panic!("{} was read", file.name));
        assert_eq!(error.clause(), clause, "{}: {error}", file.name);
        count += 1;
    }
    assert!(count >= 16, "only {count} files were found");
}

#[test]
fn an_index_by_the_chapter_is_used_and_a_broken_one_is_not() {
    let files = packed();
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("batches.npy");
    fs::copy(folder().join("batches.npy"), &path).expect("a copy");
    let mut count = 0;
    for file in &files {
        let Some(modified) = file.modified else { continue };
        let copy = fs::File::options().write(true).open(&path).expect("the copy");
        copy.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(modified)).expect("a time");
        fs::write(scratch.path().join("batches.npy.idx"), file.bytes()).expect("an index");
        let mut array = npy_object::open(&path).expect("an array");
        let expected = match file.refused.as_deref() {
            None => IndexUse::Used,
            Some("index.fresh") => IndexUse::Stale,
            Some(_) => IndexUse::Damaged,
        };
        assert_eq!(array.index_use(), expected, "{}", file.name);
        let element = array.get(2345).expect("no error").expect("an element");
        assert_eq!(element.deserialize::<u32>().expect("a number"), 2345, "{}", file.name);
        count += 1;
    }
    assert!(count >= 5, "only {count} indexes were found");
}
