//! Files that ask for more memory than their size justifies do not get it.
//!
//! Each is read in every way, on a stack that leaves no room for recursion, with an allocator that
//! fails where a bomb asks for more than it may have. Time is not tested; `--nocapture` prints it.

use std::collections::BTreeMap;
use std::io::{Write, sink};

use npy_object::json::{PlainJson, TypedJson};
use npy_object::{Audit, ErrorKind, Limits, NpyArray, Options, Result, Salvage, Source, nested};
use npy_object_fuzz_bodies::bombs::{bombs, objects};
use tempfile::NamedTempFile;

use crate::allocator::peak_of;

/// Bytes of memory that a bomb may have.
const HEAP: usize = 8 << 20;

/// Reads a file in every way. It may fail with any error that has a clause.
fn read_in_every_way(file: &Source, limits: &Limits) {
    let options = || Options::new().limits(limits.clone()).spool_memory(1 << 20);
    let whole = |array: Result<NpyArray>| -> Result<()> {
        let mut array = array?;
        let (mut typed, mut plain) = (TypedJson::new(), PlainJson::new());
        while let Some(element) = array.next_element()? {
            typed.write(&mut sink(), element)?;
            // A value that contains itself has no plain JSON.
            let _ = plain.write(&mut sink(), element);
        }
        Ok(())
    };
    let check = |done: Result<()>| {
        if let Err(error) = done {
            assert!(error.clause().contains('.') && error.kind() != ErrorKind::Io, "{error:?}");
        }
    };
    check(whole(options().open(file.clone())));
    check(options().open(file.clone()).and_then(|mut array| {
        let last = array.len().saturating_sub(1);
        array.get(last).map(drop)
    }));
    check(options().at(file.clone(), &nested::Path::default()).map(drop));
    check(options().load(file.clone()).map(drop));
    let output = std::io::Cursor::new(Vec::new());
    check(Salvage::new().options(options()).write_to(file.clone(), output).map(drop));
    Audit::new().options(options()).read(file.clone());
}

/// The smallest fixture of each case.
fn small_fixtures() -> Vec<Vec<u8>> {
    let mut cases: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for fixture in npy_object_fixtures::fixtures() {
        let case = fixture.file.split("-p").next().unwrap_or(&fixture.file);
        let known = cases.entry(case).or_insert(fixture.bytes());
        if fixture.bytes().len() < known.len() {
            *known = fixture.bytes();
        }
    }
    cases.into_values().filter(|file| file.len() <= 2000).map(<[u8]>::to_vec).collect()
}

#[test]
fn bomb_read_in_every_way_stays_within_its_memory() {
    let bombs = bombs();
    assert!(bombs.len() >= 60, "{}", bombs.len());
    for (name, file) in bombs {
        let size = file.len();
        let source = Source::bytes(file);
        let begin = std::time::Instant::now();
        // The process ends if it asks for more.
        let (peak, ()) = peak_of(HEAP, move || read_in_every_way(&source, &Limits::within(HEAP)));
        let time = begin.elapsed().as_millis();
        eprintln!("{size:>9} bytes, {peak:>8} held, {time:>4} ms: {name}");
    }
}

#[test]
fn loop_over_a_large_file_holds_a_small_part() {
    let text = [&b"X"[..], &(16u32 << 10).to_le_bytes(), &vec![b'a'; 16 << 10]].concat();
    let mut file = NamedTempFile::new().unwrap();
    let elements = [&b"("[..], &text.repeat(1000), b"e"].concat();
    file.write_all(&objects("(4000,)", &elements.repeat(4))).unwrap();
    peak_of(4 << 20, move || {
        let mut array = Options::new().trust_payload(true).open(file.path()).unwrap();
        for _ in 0..4000 {
            let element = array.next_element().unwrap().unwrap();
            assert_eq!(element.as_str().unwrap().len(), 16 << 10);
        }
    });
}

#[test]
fn element_larger_than_memory_fails() {
    let text = [&b"X"[..], &(64u32 << 20).to_le_bytes(), &vec![b'a'; 64 << 20]].concat();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&objects("(2,)", &[b"K\x01a", &text[..], b"a"].concat())).unwrap();
    peak_of(16 << 20, move || {
        let mut array = Options::new().trust_payload(true).open(file.path()).unwrap();
        assert_eq!(array.next_element().unwrap().unwrap().as_i64().unwrap(), 1);
        let error = array.next_element().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Io, "out of memory"));
    });
}

/// Truncates fixtures, and flips bits in them, at one of `step` positions.
fn break_fixtures(step: usize) {
    let (mut files, mut worst) = (0, 0.0f64);
    for file in small_fixtures() {
        let size = file.len();
        let broken = move || {
            let cuts = (0..size).map(|end| file[..end].to_vec());
            let bits = (0..size * 8).map(|bit| {
                let mut turned = file.clone();
                turned[bit / 8] ^= 1 << (bit % 8);
                turned
            });
            for bytes in cuts.step_by(step).chain(bits.step_by(step)) {
                read_in_every_way(&Source::bytes(bytes), &Limits::default());
            }
        };
        let most = (264 << 10) + 4 * size;
        let (peak, ()) = peak_of(usize::MAX, broken);
        assert!(peak <= most, "{peak} bytes held of {size}");
        worst = worst.max(peak as f64 / most as f64);
        files += 1;
    }
    eprintln!("{files} files, at most {worst:.2} of what they may take");
    assert!(files > 100);
}

#[test]
fn broken_fixtures_stay_within_their_memory() {
    // A prime number, so that every bit of a byte is flipped somewhere.
    break_fixtures(17);
}

#[test]
#[ignore = "takes minutes: every cut, and every bit, of every small fixture"]
fn every_broken_fixture_stays_within_its_memory() {
    break_fixtures(1);
}
