//! Files that ask for more than they pay for: none gets it.
//!
//! Each is read in every way there is, on a stack that leaves no room for recursion, with an
//! allocator that counts, and has no more to give than a bomb may take. Time is not measured here;
//! with `--nocapture` it is printed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Write, sink};
use std::ptr::null_mut;
use std::thread;

use npy_object::json::{PlainJson, TypedJson};
use npy_object::{
    Audit, ErrorKind, Limits, NpyArray, Options, Result, Salvage, Source, Subscripts,
};
use npy_object_fuzz_bodies::bombs::{bombs, objects};
use tempfile::NamedTempFile;

/// The system's allocator, which counts what this thread holds, and fails where it would be more
/// than it may.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn may_have(more: usize) -> bool {
    // A test that fails may say so.
    HELD.get().saturating_add(more) <= MOST.get() || thread::panicking()
}

fn count(more: usize, less: usize) {
    let held = (HELD.get() + more).saturating_sub(less);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: all of it is the system's, or null, which says that there is no memory; counting
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size()) {
            return null_mut();
        }
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while one is copied into the other.
        if !may_have(size) {
            return null_mut();
        }
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const STACK: usize = 256 << 10;

/// What a bomb may take of the heap.
const HEAP: usize = 8 << 20;

/// Does something on a small stack, with so much of the heap. Returns the most that it held of it.
fn peak_of(heap: usize, work: impl FnOnce() + Send + 'static) -> usize {
    let run = move || {
        let before = HELD.get();
        PEAK.set(before);
        MOST.set(before + heap);
        work();
        MOST.set(usize::MAX);
        PEAK.get() - before
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
    thread.join().expect("no panic")
}

/// Reads a file in one way after another. Errors are fine: each says what is wrong.
fn read_in_every_way(file: &Source, limits: &Limits) {
    let options = || Options::new().limits(limits.clone()).spool_memory(1 << 20);
    let whole = |array: Result<NpyArray>| -> Result<()> {
        let mut array = array?;
        let (mut typed, mut plain) = (TypedJson::new(), PlainJson::new());
        while let Some(element) = array.next_element()? {
            typed.write(&mut sink(), element)?;
            // What is endless has no plain form.
            let _ = plain.write(&mut sink(), element);
        }
        Ok(())
    };
    let check = |done: Result<()>| {
        if let Err(error) = done {
            assert!(error.clause().contains('.') && error.kind() != ErrorKind::Io, "{error:?}");
        }
    };
    check(whole(options().read_source(file.clone())));
    check(options().read_source(file.clone()).and_then(|mut array| {
        let last = array.len().saturating_sub(1);
        array.get(last).map(drop)
    }));
    check(options().at_source(file.clone(), &Subscripts::default()).map(drop));
    check(options().read_pickle(file.clone()).map(drop));
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
fn bombs_do_no_harm() {
    let bombs = bombs();
    assert!(bombs.len() >= 60, "{}", bombs.len());
    for (name, file) in bombs {
        let size = file.len();
        let source = Source::bytes(file);
        let begin = std::time::Instant::now();
        // One that asks for more ends the process.
        let peak = peak_of(HEAP, move || read_in_every_way(&source, &Limits::within(HEAP)));
        let time = begin.elapsed().as_millis();
        eprintln!("{size:>9} bytes, {peak:>8} held, {time:>4} ms: {name}");
    }
}

#[test]
fn a_loop_holds_a_small_part_of_a_large_file() {
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
fn an_element_that_memory_has_no_room_for_is_an_error() {
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

/// Cuts fixtures off, and turns their bits over, of so many places at one.
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
        let most = (256 << 10) + 4 * size;
        let peak = peak_of(usize::MAX / 2, broken);
        assert!(peak <= most, "{peak} bytes held of {size}");
        worst = worst.max(peak as f64 / most as f64);
        files += 1;
    }
    eprintln!("{files} files, at most {worst:.2} of what they may take");
    assert!(files > 100);
}

#[test]
fn broken_fixtures_do_no_harm() {
    // A prime number, so that all bits of a byte have their turn.
    break_fixtures(17);
}

#[test]
#[ignore = "takes minutes: every cut, and every bit, of every small fixture"]
fn every_broken_fixture_does_no_harm() {
    break_fixtures(1);
}
