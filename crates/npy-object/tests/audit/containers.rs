//! The files of `oracle/containers`: every form of container with a harmless pickle, a dangerous
//! one, and truncated.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use npy_object::audit::Verdict;
use npy_object::{Audit, Limits, Options, Source};
use serde::Deserialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[derive(Deserialize)]
struct Entry {
    file: String,
    verdict: String,
    allow: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracle/containers"))
}

fn entries() -> Vec<Entry> {
    let manifest = fs::read(folder().join("manifest.json")).unwrap();
    serde_json::from_slice(&manifest).unwrap()
}

fn audit_of(entry: &Entry) -> Audit {
    entry.allow.iter().fold(Audit::new(), |audit, name| audit.allow(name).unwrap())
}

/// Checks packed.data, packed.truncated, tar.truncated, tar.header and tar.trailing.
#[test]
fn container_has_the_verdict_of_its_manifest() {
    let mut wrong = Vec::new();
    for entry in entries() {
        let report = audit_of(&entry).open(folder().join(&entry.file)).unwrap();
        if report.verdict().name() != entry.verdict {
            wrong.push(format!("{}: {}, {}", entry.file, report.verdict(), report.status()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn container_cut_anywhere_is_not_inert() {
    for entry in entries().iter().filter(|entry| entry.file.starts_with("harmless-")) {
        let bytes = fs::read(folder().join(&entry.file)).unwrap();
        let cuts = (1..bytes.len()).rev().take(600);
        for cut in cuts {
            let report = audit_of(entry).read(Source::bytes(bytes[..cut].to_vec()));
            assert_ne!(report.verdict(), Verdict::Inert, "{} cut at {cut}", entry.file);
        }
    }
}

#[test]
fn container_with_any_changed_byte_never_panics() {
    for entry in entries() {
        let bytes = fs::read(folder().join(&entry.file)).unwrap();
        for at in 0..bytes.len().min(700) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            let _report = audit_of(&entry).read(Source::bytes(bytes));
        }
    }
}

/// The clauses of the errors of all fixtures.
#[test]
fn error_in_a_container_has_the_clause_of_its_cause() {
    let clauses: BTreeSet<&str> = entries()
        .iter()
        .flat_map(|entry| audit_of(entry).open(folder().join(&entry.file)).unwrap().parts)
        .filter_map(|part| part.error.map(|error| error.clause()))
        .collect();
    for clause in ["packed.data", "packed.truncated", "tar.truncated", "tar.header", "tar.trailing"]
    {
        assert!(clauses.contains(clause), "no {clause} in {clauses:?}");
    }
}

/// Checks packed.limit. The file has 1 MiB of data.
#[test]
fn bomb_is_over_the_limit_of_each_file_and_of_all_together() {
    let bomb = fs::read(folder().join("bomb.pkl.z")).unwrap();
    let mut two = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for name in ["a.pkl", "b.pkl"] {
        two.start_file(name, stored).unwrap();
        two.write_all(&bomb).unwrap();
    }
    let two = two.finish().unwrap().into_inner();
    let clauses = |file: &[u8], limit: u64| -> Vec<&'static str> {
        let mut limits = Limits::default();
        (limits.decompressed, limits.expansion) = (limit, 10);
        let audit = Audit::new().options(Options::new().limits(limits));
        let parts = audit.read(Source::bytes(file.to_vec())).parts;
        parts.iter().filter_map(|part| part.error.as_ref().map(|error| error.clause())).collect()
    };
    assert_eq!(clauses(&bomb, 100 << 10), ["packed.limit"]);
    assert!(clauses(&bomb, 3 << 19).is_empty());
    assert_eq!(clauses(&two, 3 << 19), ["packed.limit"]);
    assert!(clauses(&two, 3 << 20).is_empty());
}

/// Checks tar.limit.
#[test]
fn tar_of_too_many_members_is_over_the_limit() {
    let mut member = [0; 512];
    member[0] = b'a';
    member[124..135].copy_from_slice(b"00000000000");
    member[156] = b'0';
    member[148..156].copy_from_slice(b"        ");
    let sum: u32 = member.iter().map(|&byte| u32::from(byte)).sum();
    member[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let tar = [member.repeat((1 << 16) + 1), vec![0; 1024]].concat();
    let report = Audit::new().read(Source::bytes(tar));
    assert_eq!(report.parts[0].error.as_ref().unwrap().clause(), "tar.limit");
}

#[test]
fn pickle_that_begins_like_a_zlib_header_is_read_as_a_pickle() {
    for pickle in [&b"(S'a'\ntp0\n."[..], b"X\x09\0\0\x00123456789."] {
        let report = Audit::new().read(Source::bytes(pickle));
        assert_eq!((report.verdict(), report.parts[0].pickles), (Verdict::Inert, 1));
    }
}

/// `tarfile` accepts the sum of signed bytes too, so such a file is a tar archive for it.
#[test]
fn tar_with_a_checksum_of_signed_bytes_is_read() {
    let mut header = [0; 512];
    header[..2].copy_from_slice(&[b'a', 0xe4]);
    header[124..135].copy_from_slice(b"00000000000");
    header[156] = b'0';
    header[148..156].copy_from_slice(b"        ");
    let sum: i64 = header.iter().map(|&byte: &u8| i64::from(byte.cast_signed())).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let report = Audit::new().read(Source::bytes([&header[..], &[0; 1024]].concat()));
    assert_eq!(report.parts[0].member.as_deref(), Some("a\u{fffd}"));
}
