//! An element takes at most the memory that `spec/guide.md` promises, and a reader at most what
//! `Limits::within` allows.

use std::io::{Cursor, Read, Write as _, sink};

use npy_object::header::{DType, Header, Padding};
use npy_object::json::{PlainJson, TypedJson};
use npy_object::pickle::{Lexer, Limits as PickleLimits, Progress};
use npy_object::{ErrorKind, Limits, NpyArray, Options, Result, Salvage, Source, nested};
use tempfile::NamedTempFile;

use crate::allocator;

/// What an element is decoded or written to.
#[derive(Clone, Copy, Debug)]
enum Output {
    Element,
    Plain,
    Typed,
}

const OUTPUTS: [Output; 3] = [Output::Element, Output::Plain, Output::Typed];

/// Runs `work` with any amount of memory. Returns the most bytes that it held, and its result.
fn peak_of(work: impl FnOnce() -> Result<()> + Send + 'static) -> (usize, Result<()>) {
    allocator::peak_of(usize::MAX, work)
}

/// Reads each element, and writes it to the output.
fn make(array: Result<NpyArray>, output: Output) -> Result<()> {
    let mut array = array?;
    let (mut plain, mut typed) = (PlainJson::new(), TypedJson::new());
    while let Some(element) = array.next_element()? {
        match output {
            Output::Element => {}
            // A value that contains itself has no plain JSON.
            Output::Plain => _ = plain.write(&mut sink(), element),
            Output::Typed => typed.write(&mut sink(), element)?,
        }
    }
    Ok(())
}

/// Returns the memory that `spec/guide.md` promises for an element.
fn promised(element: &[u8]) -> usize {
    let mut lexer = Lexer::new(0, &PickleLimits::default());
    let mut count = 0;
    while let Some(rest) = element.get(lexer.offset() as usize..)
        && let Progress::Done(instruction) = lexer.instruction(rest).unwrap()
    {
        count += match instruction.opcode.info().argument.lines() {
            0 => 1,
            1 => 1 + instruction.size / 16,
            // A name of a class.
            _ => 3 + instruction.size / 16,
        };
    }
    (16 << 20) + element.len() + 96 * count
}

fn on_disk(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A file of one element.
fn file(element: &[u8]) -> NamedTempFile {
    file_of(1, &[element, b"a"].concat())
}

/// A file of `count` elements, with the instructions that add them to the list.
fn file_of(count: usize, elements: &[u8]) -> NamedTempFile {
    let count_bytes = (count as u32).to_le_bytes();
    let pickle = [
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01J",
        &count_bytes[..],
        b"\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
          (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]",
        elements,
        b"tb.",
    ];
    let header = Header::new(DType::OBJECT, false, vec![count]).to_bytes(Padding::default());
    on_disk(&[header.unwrap(), pickle.concat()].concat())
}

/// One more than a power of two: vectors that double have just grown.
const MANY: usize = (1 << 19) + 1;

fn nested(before: &[u8], core: &[u8], after: &[u8], depth: usize) -> Vec<u8> {
    [&before.repeat(depth)[..], core, &after.repeat(depth)].concat()
}

fn line(before: &[u8], text: &[u8], size: usize, after: &[u8]) -> Vec<u8> {
    [before, &text.repeat(size / text.len()), after].concat()
}

fn payload(opcode: u8, text: &[u8], size: usize) -> Vec<u8> {
    [&[opcode][..], &(size as u32).to_le_bytes(), &text.repeat(size / text.len())].concat()
}

/// Elements of `many` parts, or bytes: deep ones, wide ones, long lines, many marks.
fn elements(many: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("tuples in one another", nested(b"", b"N", b"\x85", many)),
        ("tuples of a mark in one another", nested(b"(", b"N", b"t", many)),
        ("tuples in one another, memoized", nested(b"", b"N", b"\x85\x94", many / 2)),
        ("lists in one another", nested(b"]", b"N", b"a", many / 2)),
        ("lists of a mark in one another", nested(b"](", b"N", b"e", many / 2)),
        ("dicts in one another", nested(b"}N", b"N", b"s", many / 2)),
        ("frozensets in one another", nested(b"(", b"N", b"\x91", many / 2)),
        ("keys in one another", nested(b"}", b"N", b"\x85Ns\x85", many / 8)),
        ("sets in one another", nested(b"\x8f(", b"N", b"\x90\x85", many / 4)),
        ("calls of calls", [&b"cm\nn\n"[..], &b")R".repeat(many / 2)].concat()),
        ("calls of a call", nested(b"cm\nn\n", b"N", b"\x85R", many / 4)),
        ("states of objects", nested(b"cm\nn\n)R", b"N", b"b", many / 4)),
        ("states of one object", [&b"cm\nn\n)R"[..], &b"Nb".repeat(many / 2)].concat()),
        ("persistent ids of one another", nested(b"", b"N", b"Q", many)),
        ("ints in a tuple", nested(b"", b"(", b"K\x01", many)),
        ("Nones in a list", nested(b"", b"](", b"N", many)),
        ("ints in a list", nested(b"", b"](", b"K\x01", many)),
        ("texts in a list", nested(b"", b"](", b"\x8c\x01a", many)),
        ("memoized texts in a list", nested(b"", b"](", b"\x8c\x01a\x94", many / 2)),
        ("lists in a list", nested(b"", b"](", b"]", many)),
        ("entries of a dict", nested(b"", b"}(", b"K\x01N", many / 2)),
        ("marks", nested(b"", b"(", b"(1", many / 2)),
        ("open marks", nested(b"(", b"N", b"t", many)),
        ("copies", nested(b"", b"(]", b"2", many)),
        ("reads of the memo", nested(b"", b"(N\x94", b"h\0", many)),
        ("STRING", line(b"S'", b"a", 32 * many, b"'\n")),
        ("UNICODE", line(b"V", b"a", 32 * many, b"\n")),
        ("UNICODE in latin-1", line(b"V", b"\xe9", 32 * many, b"\n")),
        ("UNICODE with escapes", line(b"V", b"\\u20ac", 6 * many, b"\n")),
        ("INT", line(b"I", b" ", 32 * many, b"1\n")),
        ("LONG", line(b"L", b" ", 32 * many, b"1L\n")),
        ("FLOAT", line(b"F", b"1", 32 * many, b"\n")),
        ("GLOBAL", line(b"c", b"a", 32 * many, b"\nn\n")),
        ("PERSID", line(b"P", b"a", 32 * many, b"\n")),
        ("lines in a list", nested(b"", b"](", b"Va\n", many)),
        ("str", payload(b'X', b"a", 32 * many)),
        ("str of surrogates", payload(b'X', b"\xed\xa0\x80", 33 * many)),
        ("bytes", payload(b'B', b"\xff", 32 * many)),
        ("str of Python 2", payload(b'T', b"\xff", 32 * many)),
        ("int", payload(b'\x8b', b"\x7f", 32 * many)),
    ]
    .into_iter()
    .map(|(name, element)| match name {
        "ints in a tuple" => (name, [&element[..], b"t"].concat()),
        "Nones in a list"
        | "ints in a list"
        | "texts in a list"
        | "memoized texts in a list"
        | "lists in a list"
        | "lines in a list" => (name, [&element[..], b"e"].concat()),
        "entries of a dict" => (name, [&element[..], b"u"].concat()),
        "marks" => (name, [&element[..], b"t"].concat()),
        "copies" | "reads of the memo" => (name, [&element[..], b"t"].concat()),
        _ => (name, element),
    })
    .collect()
}

#[test]
fn element_takes_no_more_than_promised() {
    let mut failed = false;
    for (name, element) in elements(MANY) {
        let file = file(&element);
        let promised = promised(&element);
        for output in OUTPUTS {
            let path = file.path().to_owned();
            let (peak, done) = peak_of(move || make(Options::new().open(path), output));
            let over = peak > promised;
            failed |= over;
            assert!(done.is_ok(), "{name}: {done:?}");
            eprintln!(
                "{} {:>6} KB, {:>7} KB held, {:>7} KB promised: {name}, {output:?}",
                if over { "OVER" } else { "    " },
                element.len() >> 10,
                peak >> 10,
                promised >> 10,
            );
        }
    }
    assert!(!failed);
}

type Way = fn(Options, Source) -> Result<()>;

/// The ways to read a source.
const WAYS: [(&str, Way); 8] = [
    ("elements", |options, source| make(options.open(source), Output::Element)),
    ("plain JSON", |options, source| make(options.open(source), Output::Plain)),
    ("typed JSON", |options, source| make(options.open(source), Output::Typed)),
    ("the last element", |options, source| options.open(source)?.get(0).map(drop)),
    ("at", |options, source| options.at(source, &nested::Path::default()).map(drop)),
    ("the whole pickle", |options, source| options.load(source).map(drop)),
    ("marked elements", |options, source| {
        let mut array = options.open(source)?;
        array.mark_shared();
        make(Ok(array), Output::Typed)
    }),
    ("salvage", |options, source| {
        Salvage::new().options(options).write_to(source, &mut tempfile::tempfile()?).map(drop)
    }),
];

#[test]
fn reader_takes_no_more_than_its_limits_allow() {
    let mut failed = false;
    for allowed in [8 << 20, 32 << 20] {
        for (name, element) in [1 << 14, 1 << 17, 1 << 20].into_iter().flat_map(elements) {
            let file = file(&element);
            for (way, read) in WAYS {
                let path = file.path().to_owned();
                let (peak, done) = peak_of(move || {
                    let options = Options::new().limits(Limits::within(allowed));
                    read(options, Source::open(path)?)
                });
                // `within` says that 4 MiB more are always taken.
                let over = peak > allowed + (4 << 20);
                failed |= over;
                if let Err(error) = done {
                    assert_eq!(error.kind(), ErrorKind::Limit, "{name}, {way}: {error}");
                }
                if over {
                    eprintln!("{:>7} KB held under {}: {name}, {way}", peak >> 10, allowed >> 10);
                }
            }
        }
    }
    assert!(!failed);
}

/// A reader of text of any length, of which only the ends are in memory.
struct Made {
    before: Cursor<Vec<u8>>,
    left: usize,
    after: Cursor<Vec<u8>>,
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.before.read(buffer)? {
            0 if self.left > 0 => {
                let made = buffer.len().min(self.left);
                buffer[..made].fill(b'1');
                self.left -= made;
                Ok(made)
            }
            0 => self.after.read(buffer),
            read => Ok(read),
        }
    }
}

#[test]
fn stream_takes_no_more_than_its_limits_allow() {
    const SIZE: usize = 64 << 20;
    for (before, after) in [
        (&b"I"[..], &b"\n"[..]),
        (b"L", b"\n"),
        (b"F", b"\n"),
        (b"S'", b"'\n"),
        (b"V", b"\n"),
        (b"c", b"\nn\n"),
        (b"cm\n", b"\n"),
        (b"(i", b"\nn\n"),
        (b"P", b"\n"),
        (b"Np", b"\n"),
        (b"g", b"\n"),
        (b"B\0\0\0\x04", b""),
    ] {
        let file = std::fs::read(file(b"|||")).unwrap();
        let offset = file.windows(3).position(|bytes| bytes == b"|||").unwrap();
        let bytes = move || Made {
            before: Cursor::new([&file[..offset], before].concat()),
            left: SIZE,
            after: Cursor::new([after, &file[offset + 3..]].concat()),
        };
        for (way, read) in WAYS {
            let bytes = bytes();
            let (peak, done) = peak_of(move || {
                let options = Options::new().limits(Limits::within(8 << 20));
                // The source does not have the limits, only the options do.
                read(options, Source::stream(bytes))
            });
            assert!(peak <= 12 << 20, "{} KB: {way} of {}", peak >> 10, before.escape_ascii());
            if let Err(error) = done {
                assert_eq!(error.kind(), ErrorKind::Limit, "{way}: {error}");
            }
        }
    }
}

#[test]
fn batch_takes_no_more_than_promised() {
    let file = file_of(MANY, &[&b"("[..], &b"N".repeat(MANY), b"e"].concat());
    let path = file.path().to_owned();
    let (peak, done) = peak_of(move || make(Options::new().open(path), Output::Element));
    done.unwrap();
    assert!(peak <= (16 << 20) + 96 * MANY, "{} KB", peak >> 10);
}
