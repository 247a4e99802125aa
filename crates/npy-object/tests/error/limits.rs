//! Every limit is the last value that passes: a file that takes exactly so much is read, one that
//! takes one more is refused, and the error names the limit, the value and the offset.

use std::io::{Cursor, Write as _};
use std::ops::Range;

use flate2::{Compression, write::GzEncoder};
use npy_object::{Error, ErrorKind, Limits, Options};

/// A limit, and files that take some of what it limits.
struct Row {
    clause: &'static str,
    set: fn(&mut Limits, usize),
    /// A file that takes so much, and where.
    file: fn(usize) -> (Vec<u8>, Range<usize>),
}

const ROWS: [Row; 16] = [
    Row {
        clause: "npy.header.length",
        set: |limits, most| limits.header.header_chars = most,
        file: |most| {
            let header = preamble("'<f8'", "(0,)", most);
            // The length itself is what is wrong.
            (header, 8..10)
        },
    },
    Row {
        clause: "npy.header.shape",
        set: |limits, most| limits.header.dimensions = most,
        file: |most| {
            let header = preamble("'<f8'", &format!("(0,{})", "1,".repeat(most - 1)), 1000);
            let end = header.len();
            (header, 10..end)
        },
    },
    Row {
        clause: "npy.object.envelope",
        set: |limits, most| limits.envelope = most,
        file: |most| {
            let comment = [&b"U"[..], &[(most - ENVELOPE.len() - 5) as u8]].concat();
            let text = vec![b'a'; most - ENVELOPE.len() - 5];
            let begin = preamble("'|O'", "(1,)", 100);
            let range = begin.len()..begin.len() + most + 1;
            let pickle = [b"\x80\x02", &comment[..], &text, b"0", &ENVELOPE[2..], b"]Natb."];
            ([begin, pickle.concat()].concat(), range)
        },
    },
    Row {
        clause: "npy.limit.element",
        set: |limits, most| limits.element = most,
        file: |most| object(&text(most - 5)),
    },
    Row {
        clause: "pickle.limit.argument",
        set: |limits, most| limits.pickle.argument = most as u64,
        file: |most| object(&text(most)),
    },
    Row {
        // A line, whose end is looked for, and is in it.
        clause: "pickle.limit.argument",
        set: |limits, most| limits.pickle.argument = most as u64,
        file: |most| object(&[b"V", &vec![b'a'; most - 1][..], b"\n"].concat()),
    },
    Row {
        clause: "pickle.limit.line",
        set: |limits, most| limits.pickle.line = most as u64,
        file: |most| object(&[b"V", &vec![b'a'; most - 1][..], b"\n"].concat()),
    },
    Row {
        clause: "pickle.limit.digits",
        set: |limits, most| limits.pickle.digits = most,
        file: |most| object(format!("L{}L\n", "7".repeat(most)).as_bytes()),
    },
    Row {
        // Below are the array, and what there is of its state: version, shape, dtype, order, list.
        clause: "pickle.limit.stack",
        set: |limits, most| limits.pickle.stack = most,
        file: |most| object(&[b"(", &b"N".repeat(most - 6)[..], b"t"].concat()),
    },
    Row {
        // The list is after a mark: that of the state.
        clause: "pickle.limit.marks",
        set: |limits, most| limits.pickle.marks = most,
        file: |most| object(&[b"(".repeat(most - 1), b"t".repeat(most - 1)].concat()),
    },
    Row {
        // None takes no node.
        clause: "pickle.limit.nodes",
        set: |limits, most| limits.pickle.nodes = most,
        file: |most| object(&[b"N", &b"K\x010".repeat(most)[..]].concat()),
    },
    Row {
        // Text that a line stands for counts before it is written: 32 bytes are a node.
        clause: "pickle.limit.nodes",
        set: |limits, most| limits.pickle.nodes = most,
        file: |most| object(&[b"NV", &vec![b'a'; 32 * (most - 1)][..], b"\n0"].concat()),
    },
    Row {
        clause: "pickle.limit.memo",
        set: |limits, most| limits.pickle.nodes = most,
        file: |most| object(&[b"N", &b"\x94".repeat(most)[..]].concat()),
    },
    Row {
        clause: "gzip.limit",
        set: |limits, most| (limits.decompressed, limits.expansion) = (most as u64, 0),
        file: |most| {
            let rest = object(&text(0)).0.len();
            let file = gzip(&object(&text(most - rest)).0);
            let end = file.len();
            (file, 0..end)
        },
    },
    Row {
        clause: "npz.limit.directory",
        set: |limits, most| limits.directory = most as u64,
        file: |most| {
            // An entry takes 46 bytes and its name.
            let file = zip_of(&"a".repeat(most - 46), &object(&text(0)).0);
            let end = file.len();
            (file, 0..end)
        },
    },
    Row {
        clause: "npz.limit",
        set: |limits, most| (limits.decompressed, limits.expansion) = (most as u64, 0),
        file: |most| {
            let rest = object(&text(0)).0.len();
            let file = zip(&object(&text(most - rest)).0);
            let end = file.len();
            (file, 0..end)
        },
    },
];

const ENVELOPE: &[u8] =
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
    (K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
    (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89";

/// A preamble whose header has so many characters.
fn preamble(descr: &str, shape: &str, chars: usize) -> Vec<u8> {
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}");
    let length = u16::try_from(chars).expect("a header of version 1").to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], text.as_bytes(), &b" ".repeat(chars - text.len())].concat()
}

/// A file of one element, which these instructions make, and where they are.
fn object(element: &[u8]) -> (Vec<u8>, Range<usize>) {
    let before = [&preamble("'|O'", "(1,)", 100)[..], ENVELOPE, b"]"].concat();
    let range = before.len()..before.len() + element.len();
    ([&before, element, b"atb."].concat(), range)
}

/// A str of so many bytes.
fn text(size: usize) -> Vec<u8> {
    [&b"X"[..], &(size as u32).to_le_bytes(), &vec![b'a'; size]].concat()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zip(data: &[u8]) -> Vec<u8> {
    zip_of("a.npy", data)
}

fn zip_of(name: &str, data: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(data).unwrap();
    archive.finish().unwrap().into_inner()
}

/// Reads all elements.
fn read(file: Vec<u8>, limits: Limits) -> Result<(), Error> {
    let mut array = Options::new().limits(limits).open(file)?;
    while array.next_element()?.is_some() {}
    Ok(())
}

#[test]
fn file_one_over_a_limit_is_refused() {
    // Checks npz.limit.directory.
    for Row { clause, set, file } in ROWS {
        for most in [300, 350] {
            let mut limits = Limits::default();
            set(&mut limits, most);
            read(file(most).0, limits.clone()).unwrap_or_else(|error| panic!("{most}: {error:?}"));
            let (file, range) = file(most + 1);
            let error = read(file, limits).expect_err(clause);
            let found = (error.kind(), error.clause());
            assert_eq!(found, (ErrorKind::Limit, clause), "{error}");
            let offset = error.offset().expect("an offset") as usize;
            assert!(range.contains(&offset), "{error}, not in {range:?}");
            assert!(error.message().contains(&most.to_string()), "{error}");
        }
    }
}
