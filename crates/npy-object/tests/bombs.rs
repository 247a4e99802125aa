//! Files that ask for more than they pay for: none gets it.
//!
//! Each is read in every way there is, on a stack that leaves no room for recursion, with an
//! allocator that counts, and has no more to give than a bomb may take. Time is not measured here;
//! with `--nocapture` it is printed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Write, sink};
use std::path::Path;
use std::ptr::null_mut;
use std::{fs, thread};

use npy_object::json::{PlainJson, TypedJson};
use npy_object::{Audit, Cause, Limits, NpyArray, Options, Result, Salvage, Source, Subscripts};
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
            assert!(error.clause().contains('.') && error.cause() != Cause::Io, "{error:?}");
        }
    };
    check(whole(options().read_source(file.clone())));
    check(options().read_source(file.clone()).and_then(|mut array| {
        let last = array.len().saturating_sub(1);
        array.get(last).map(drop)
    }));
    check(options().at_source(file.clone(), &Subscripts::default()).map(drop));
    check(options().read_pickle(file.clone()).map(drop));
    check(Salvage::open(options(), file.clone()).and_then(|mut array| {
        let mut output = std::io::Cursor::new(Vec::new());
        Salvage::new().write_to(&mut array, &mut output).map(drop)
    }));
    Audit::new().options(options()).read(file.clone());
}

/// The smallest fixture of each case.
fn small_fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracle/fixtures");
    let mut cases: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for group in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(group.path()).unwrap().flatten() {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "npy") {
                continue;
            }
            let name = path.to_str().expect("a name in ASCII");
            let case = name.split("-p").next().unwrap_or(name).to_owned();
            let bytes = fs::read(&path).unwrap();
            let known = cases.entry(case).or_insert_with(|| bytes.clone());
            if bytes.len() < known.len() {
                *known = bytes;
            }
        }
    }
    cases.into_values().filter(|file| file.len() <= 2000).collect()
}

/// A file whose header says this.
fn npy(version: u8, header: &[u8], data: &[u8]) -> Vec<u8> {
    let length = match version {
        1 => (header.len() as u16).to_le_bytes().to_vec(),
        _ => (header.len() as u32).to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY", &[version, 0][..], &length, header, data].concat()
}

/// An array of objects whose list of elements is made by these instructions, behind `]`.
fn objects(shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}");
    let begin =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
        (K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
        (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]";
    npy(1, header.as_bytes(), &[begin, elements, b"tb."].concat())
}

/// An array of one object, which these instructions make.
fn object(element: &[u8]) -> Vec<u8> {
    let mut file = objects("(1,)", &[element, b"a"].concat());
    // The pickle says the length too.
    let long = b"J\xff\xff\xff\x7f";
    let place = file.windows(5).position(|bytes| bytes == long).expect("the length is there");
    file.splice(place..place + 5, *b"K\x01");
    file
}

fn zip(name: &str, size: u64, method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    archive.start_file(name, options).unwrap();
    let header = npy(1, b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", b"");
    archive.write_all(&header).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), size), &mut archive).unwrap();
    archive.finish().unwrap().into_inner()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The bombs, by what they are.
fn bombs() -> Vec<(String, Vec<u8>)> {
    const MILLION: usize = 1_000_000;
    let mut bombs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, file: Vec<u8>| bombs.push((name.to_owned(), file));

    // Headers.
    add("a header of 4 GiB", b"\x93NUMPY\x02\0\xff\xff\xff\xff".to_vec());
    add("a header of 4 GiB, version 3", b"\x93NUMPY\x03\0\xff\xff\xff\xff{".to_vec());
    let header = |descr: &str, shape: &str| {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
        npy(2, header.as_bytes(), b"")
    };
    add("10^12 numbers and no data", header("'<f8'", "(1000000000000,)"));
    add("10^12 objects and no data", header("'|O'", "(1000000000000,)"));
    add("rows of 2^62 bytes", header("'|u1'", "(1, 4611686018427387904)"));
    add("an itemsize of 2^31", header("'|V2147483647'", "(1,)"));
    add("an itemsize of 2^60", header("'|S1152921504606846976'", "(1,)"));
    add("a million dimensions", header("'<f8'", &format!("({})", "1,".repeat(MILLION))));
    add("a shape of many digits", header("'<f8'", &format!("({},)", "9".repeat(MILLION))));
    add("lists in one another", header(&"[".repeat(MILLION), "()"));
    add("parentheses in one another", header("'<f8'", &"(".repeat(MILLION)));
    add("dtypes in one another", header(&"[('a', ".repeat(100_000), "()"));
    add("a million fields", header(&format!("[{}]", "('a','u1'),".repeat(MILLION)), "(1,)"));
    let subarrays = format!("{}'u1'{}", "(".repeat(60), ", (1000,))".repeat(60));
    add("subarrays of subarrays", header(&subarrays, "(1,)"));
    add("a header of comments", npy(2, &b"#\n".repeat(MILLION), b""));
    add("a string without end", npy(2, &[b"'".to_vec(), vec![b'a'; MILLION]].concat(), b""));
    let fortran = b"{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000, 1000), }";
    add("a terabyte in Fortran order", npy(1, fortran, &[0; 64]));

    // Lengths that nothing stands behind.
    for (name, opcode) in [
        ("BINUNICODE8", &b"\x8d"[..]),
        ("BINBYTES8", b"\x8e"),
        ("BYTEARRAY8", b"\x96"),
        ("FRAME", b"\x95"),
    ] {
        for length in [1u64 << 40, u64::MAX] {
            let element = [opcode, &length.to_le_bytes()].concat();
            add(&format!("{name} of {length}"), object(&element));
        }
    }
    for (name, element) in [
        ("BINUNICODE", &b"X\xff\xff\xff\x7f"[..]),
        ("BINBYTES", b"B\xff\xff\xff\xff"),
        ("BINSTRING", b"T\xff\xff\xff\x7f"),
        ("LONG4", b"\x8b\xff\xff\xff\x7f"),
    ] {
        add(&format!("{name} of 2 GiB"), object(element));
    }

    // The memo.
    add("a memo slot of 2^31", object(b"Nr\xff\xff\xff\x7f"));
    let far: Vec<u8> = (0..100_000u32)
        .flat_map(|n| [b"Nr".to_vec(), (n * 40_000).to_le_bytes().to_vec(), b"0".to_vec()].concat())
        .collect();
    add("memo slots far apart", object(&[far, b"N".to_vec()].concat()));
    add("a slot of 2^63 in text", object(b"Np9223372036854775807\n"));
    add("MEMOIZE", object(&[b"N".to_vec(), vec![0x94; MILLION]].concat()));
    add("BINPUT of one slot", object(&[b"N".to_vec(), b"q\x07".repeat(MILLION)].concat()));
    add("BINGET of one slot", object(&[&b"(Nq\x07"[..], &b"h\x07".repeat(MILLION), b"t"].concat()));

    // Floods, and values in one another.
    for (name, instruction) in [
        ("MARK", &b"("[..]),
        ("NONE", b"N"),
        ("EMPTY_LIST", b"]"),
        ("EMPTY_DICT", b"}"),
        ("EMPTY_SET", b"\x8f"),
        ("EMPTY_TUPLE", b")"),
        ("BININT1", b"K\x01"),
        ("SHORT_BINUNICODE", b"\x8c\x00"),
        ("NEXT_BUFFER", b"\x97"),
        ("EXT1", b"\x82\x01"),
        ("PERSID", b"P\n"),
        ("GLOBAL", b"ca\nb\n"),
        ("PROTO", b"\x80\x04"),
        ("FRAME", b"\x95\0\0\0\0\0\0\0\0"),
        ("INST", b"(ia\nb\n"),
    ] {
        add(&format!("a flood of {name}"), object(&instruction.repeat(MILLION)));
    }
    add("a flood of DUP", object(&[b"N".to_vec(), b"2".repeat(MILLION)].concat()));
    for (name, element) in [
        ("lists", [b"]".repeat(MILLION), b"a".repeat(MILLION - 1)].concat()),
        ("tuples", [b"N".to_vec(), b"\x85".repeat(MILLION)].concat()),
        ("pairs", [b"N".to_vec(), b"2\x86".repeat(MILLION)].concat()),
        ("dicts", [b"}K\x01".repeat(MILLION), b"N".to_vec(), b"s".repeat(MILLION)].concat()),
        ("calls", [b"ca\nb\n".to_vec(), b")R".repeat(MILLION)].concat()),
        ("states", [b"ca\nb\n)R".repeat(MILLION), b"b".repeat(MILLION - 1)].concat()),
        ("persistent ids", [b"N".to_vec(), b"Q".repeat(MILLION)].concat()),
        ("frozensets", [b"(".repeat(MILLION), b"N".to_vec(), b"\x91".repeat(MILLION)].concat()),
    ] {
        add(&format!("a million {name} in one another"), object(&element));
    }

    // Keys.
    let pair = [b"N".to_vec(), b"2\x86".repeat(40)].concat();
    add("a key of 2^40 parts", object(&[b"}", &pair[..], b"Ns"].concat()));
    let colliding: Vec<u8> = (0..50_000u64)
        .flat_map(|n| {
            let key = u128::from(n) * ((1 << 61) - 1); // The same hash in CPython.
            [&b"\x8a\x0a"[..], &key.to_le_bytes()[..10], b"N"].concat()
        })
        .collect();
    add("keys that collide", object(&[b"}(", &colliding[..], b"u"].concat()));
    add("members that collide", object(&[b"\x8f(", &colliding[..], b"\x90"].concat()));

    // Text.
    add("an int of a million digits", object(format!("L{}L\n", "9".repeat(MILLION)).as_bytes()));
    add("the same as INT", object(format!("I{}\n", "9".repeat(MILLION)).as_bytes()));
    add("a float of a million digits", object(format!("F{}\n", "9".repeat(MILLION)).as_bytes()));
    add("a line without end", object(&[b"V".to_vec(), vec![b'a'; MILLION]].concat()));
    add("escapes", object(format!("V{}\n", "\\u0041".repeat(100_000)).as_bytes()));

    // Lists of elements.
    add("a promise of 2^31 elements", objects("(2147483647,)", b"(Ne"));
    add("batches of none", objects("(2147483647,)", &b"(e".repeat(MILLION)));
    add("elements that are dropped", objects("(2147483647,)", &b"N0".repeat(MILLION)));
    add(
        "one batch of a million",
        objects("(2147483647,)", &[&b"("[..], &b"N".repeat(MILLION)].concat()),
    );

    // Archives and compression.
    add("zeros, deflated", zip("a.npy", 100 << 20, zip::CompressionMethod::Deflated));
    add("a gigabyte of zeros in gzip", gzip(&vec![0; 64 << 20]));
    add("gzip in gzip", gzip(&gzip(&gzip(&gzip(&gzip(&vec![0; 1 << 20]))))));
    let mut stored = zip("a.npy", 100, zip::CompressionMethod::Stored);
    let end = stored.len() - 22;
    stored[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    add("an archive that claims 65,535 members", stored);
    let mut stored = zip("a.npy", 100, zip::CompressionMethod::Stored);
    let end = stored.len() - 22;
    stored[end + 12..end + 16].copy_from_slice(&[0xff; 4]);
    add("a directory of 4 GiB", stored);
    bombs
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
fn an_element_that_memory_has_no_room_for_is_an_error() {
    let text = [&b"X"[..], &(64u32 << 20).to_le_bytes(), &vec![b'a'; 64 << 20]].concat();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&objects("(2,)", &[b"K\x01a", &text[..], b"a"].concat())).unwrap();
    peak_of(16 << 20, move || {
        let mut array = Options::new().trust_payload(true).open(file.path()).unwrap();
        assert_eq!(array.next_element().unwrap().unwrap().as_i64().unwrap(), 1);
        let error = array.next_element().unwrap_err();
        assert_eq!((error.cause(), error.to_string()), (Cause::Io, "out of memory".to_owned()));
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
