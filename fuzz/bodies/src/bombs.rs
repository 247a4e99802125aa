//! Small files that ask a reader for much time or memory: lengths far beyond the end of the file,
//! one opcode a million times, deeply nested values, colliding keys.
//!
//! The tests of npy-object hold what each of them may take, and `benches/peers/bombs.py` gives them
//! to other readers.

use std::io::{self, Cursor, Read, Write};

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const MILLION: usize = 1_000_000;

/// Returns a file with this version, header and data.
fn npy(version: u8, header: &[u8], data: &[u8]) -> Vec<u8> {
    let length = match version {
        1 => (header.len() as u16).to_le_bytes().to_vec(),
        _ => (header.len() as u32).to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY", &[version, 0][..], &length, header, data].concat()
}

/// Returns an array of objects of this shape. `elements` are the instructions after `]` that fill
/// its list of elements.
pub fn objects(shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}");
    let begin =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R\
        (K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R\
        (K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]";
    npy(1, header.as_bytes(), &[begin, elements, b"tb."].concat())
}

/// Returns an array of one object, made by these instructions.
fn object(element: &[u8]) -> Vec<u8> {
    let mut file = objects("(1,)", &[element, b"a"].concat());
    // The pickle repeats the shape: 2^31 - 1 becomes 1.
    let long = b"J\xff\xff\xff\x7f";
    let offset = file.windows(5).position(|bytes| bytes == long).expect("the length is there");
    file.splice(offset..offset + 5, *b"K\x01");
    file
}

/// Returns an archive of one member, which has `size` zero bytes of data.
fn zip(name: &str, size: u64, method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    archive.start_file(name, options).unwrap();
    let header = npy(1, b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", b"");
    archive.write_all(&header).unwrap();
    io::copy(&mut io::repeat(0).take(size), &mut archive).unwrap();
    archive.finish().unwrap().into_inner()
}

/// Compresses the data.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Returns every bomb, with its name.
pub fn bombs() -> Vec<(String, Vec<u8>)> {
    let mut bombs = Bombs(Vec::new());
    bombs.headers();
    bombs.lengths();
    bombs.memo();
    bombs.floods();
    bombs.keys();
    bombs.text();
    bombs.lists();
    bombs.archives();
    bombs.0
}

struct Bombs(Vec<(String, Vec<u8>)>);

impl Bombs {
    fn add(&mut self, name: &str, file: Vec<u8>) {
        self.0.push((name.to_owned(), file));
    }

    /// Headers that claim more than follows them, or that take long to parse.
    fn headers(&mut self) {
        self.add("a header of 4 GiB", b"\x93NUMPY\x02\0\xff\xff\xff\xff".to_vec());
        self.add("a header of 4 GiB, version 3", b"\x93NUMPY\x03\0\xff\xff\xff\xff{".to_vec());
        let header = |descr: &str, shape: &str| {
            let header =
                format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
            npy(2, header.as_bytes(), b"")
        };
        self.add("10^12 numbers and no data", header("'<f8'", "(1000000000000,)"));
        self.add("10^12 objects and no data", header("'|O'", "(1000000000000,)"));
        self.add("rows of 2^62 bytes", header("'|u1'", "(1, 4611686018427387904)"));
        self.add("an itemsize of 2^31", header("'|V2147483647'", "(1,)"));
        self.add("an itemsize of 2^60", header("'|S1152921504606846976'", "(1,)"));
        self.add("a million dimensions", header("'<f8'", &format!("({})", "1,".repeat(MILLION))));
        self.add("a shape of many digits", header("'<f8'", &format!("({},)", "9".repeat(MILLION))));
        self.add("nested lists", header(&"[".repeat(MILLION), "()"));
        self.add("nested parentheses", header("'<f8'", &"(".repeat(MILLION)));
        self.add("nested dtypes", header(&"[('a', ".repeat(100_000), "()"));
        self.add(
            "a million fields",
            header(&format!("[{}]", "('a','u1'),".repeat(MILLION)), "(1,)"),
        );
        let subarrays = format!("{}'u1'{}", "(".repeat(60), ", (1000,))".repeat(60));
        self.add("nested subarrays", header(&subarrays, "(1,)"));
        self.add("a header of comments", npy(2, &b"#\n".repeat(MILLION), b""));
        self.add(
            "an unterminated string",
            npy(2, &[b"'".to_vec(), vec![b'a'; MILLION]].concat(), b""),
        );
        let fortran = b"{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000, 1000), }";
        self.add("a terabyte in Fortran order", npy(1, fortran, &[0; 64]));
    }

    /// Arguments whose length exceeds the file, and one as long as it says.
    fn lengths(&mut self) {
        for (name, opcode) in [
            ("BINUNICODE8", &b"\x8d"[..]),
            ("BINBYTES8", b"\x8e"),
            ("BYTEARRAY8", b"\x96"),
            ("FRAME", b"\x95"),
        ] {
            for length in [1u64 << 40, u64::MAX] {
                let element = [opcode, &length.to_le_bytes()].concat();
                self.add(&format!("{name} of {length}"), object(&element));
            }
        }
        for (name, element) in [
            ("BINUNICODE", &b"X\xff\xff\xff\x7f"[..]),
            ("BINBYTES", b"B\xff\xff\xff\xff"),
            ("BINSTRING", b"T\xff\xff\xff\x7f"),
            ("LONG4", b"\x8b\xff\xff\xff\x7f"),
        ] {
            self.add(&format!("{name} of 2 GiB"), object(element));
        }
        let digits = [&b"\x8b"[..], &(MILLION as u32).to_le_bytes(), &vec![0x5a; MILLION]].concat();
        self.add("a LONG4 of a million bytes", object(&digits));
    }

    /// Memo entries at high indices, and many of them.
    fn memo(&mut self) {
        self.add("memo index 2^31", object(b"Nr\xff\xff\xff\x7f"));
        let far: Vec<u8> = (0..100_000u32)
            .flat_map(|n| {
                [b"Nr".to_vec(), (n * 40_000).to_le_bytes().to_vec(), b"0".to_vec()].concat()
            })
            .collect();
        self.add("sparse memo indices", object(&[far, b"N".to_vec()].concat()));
        self.add("memo index 2^63 in text", object(b"Np9223372036854775807\n"));
        self.add("a flood of MEMOIZE", object(&[b"N".to_vec(), vec![0x94; MILLION]].concat()));
        self.add("a flood of BINPUT", object(&[b"N".to_vec(), b"q\x07".repeat(MILLION)].concat()));
        self.add(
            "a flood of BINGET",
            object(&[&b"(Nq\x07"[..], &b"h\x07".repeat(MILLION), b"t"].concat()),
        );
        // A reader that forgets entries keeps those that were read lately.
        let mut tuples = Vec::new();
        for index in 0..1200u32 {
            tuples.extend([&b"(N"[..], &b"2".repeat(1023), b"t\x940"].concat());
            if index.is_multiple_of(32) {
                tuples.extend((0..index).flat_map(|read| {
                    let [low, high, ..] = read.to_le_bytes();
                    [b'j', low, high, 0, 0, b'0']
                }));
            }
        }
        self.add("tuples that are read again and again", object(&[&tuples[..], b"N"].concat()));
    }

    /// One instruction a million times, and values nested a million levels deep.
    fn floods(&mut self) {
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
            self.add(&format!("a flood of {name}"), object(&instruction.repeat(MILLION)));
        }
        self.add("a flood of DUP", object(&[b"N".to_vec(), b"2".repeat(MILLION)].concat()));
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
            self.add(&format!("a million nested {name}"), object(&element));
        }
    }

    /// Keys that are expensive to hash or to compare.
    fn keys(&mut self) {
        let pair = [b"N".to_vec(), b"2\x86".repeat(40)].concat();
        self.add("a key of 2^40 parts", object(&[b"}", &pair[..], b"Ns"].concat()));
        let colliding: Vec<u8> = (0..50_000u64)
            .flat_map(|n| {
                let key = u128::from(n) * ((1 << 61) - 1); // The same hash in CPython.
                [&b"\x8a\x0a"[..], &key.to_le_bytes()[..10], b"N"].concat()
            })
            .collect();
        self.add("colliding keys", object(&[b"}(", &colliding[..], b"u"].concat()));
        self.add(
            "colliding members of a set",
            object(&[b"\x8f(", &colliding[..], b"\x90"].concat()),
        );
    }

    /// Numbers and text of a million characters.
    fn text(&mut self) {
        self.add(
            "a LONG of a million digits",
            object(format!("L{}L\n", "9".repeat(MILLION)).as_bytes()),
        );
        self.add(
            "an INT of a million digits",
            object(format!("I{}\n", "9".repeat(MILLION)).as_bytes()),
        );
        self.add(
            "a FLOAT of a million digits",
            object(format!("F{}\n", "9".repeat(MILLION)).as_bytes()),
        );
        self.add("an unterminated line", object(&[b"V".to_vec(), vec![b'a'; MILLION]].concat()));
        self.add("100,000 escapes", object(format!("V{}\n", "\\u0041".repeat(100_000)).as_bytes()));
    }

    /// Shapes and batches that do not agree with the elements.
    fn lists(&mut self) {
        self.add("a promise of 2^31 elements", objects("(2147483647,)", b"(Ne"));
        self.add("a million empty batches", objects("(2147483647,)", &b"(e".repeat(MILLION)));
        self.add("a million popped elements", objects("(2147483647,)", &b"N0".repeat(MILLION)));
        self.add(
            "one batch of a million",
            objects("(2147483647,)", &[&b"("[..], &b"N".repeat(MILLION)].concat()),
        );
    }

    /// Archives and gzip files that expand to more than they hold.
    fn archives(&mut self) {
        self.add(
            "100 MiB of zeros, deflated",
            zip("a.npy", 100 << 20, CompressionMethod::Deflated),
        );
        self.add("64 MiB of zeros in gzip", gzip(&vec![0; 64 << 20]));
        self.add("nested gzip", gzip(&gzip(&gzip(&gzip(&gzip(&vec![0; 1 << 20]))))));
        let mut stored = zip("a.npy", 100, CompressionMethod::Stored);
        let end = stored.len() - 22;
        stored[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
        self.add("an archive that claims 65,535 members", stored);
        let mut stored = zip("a.npy", 100, CompressionMethod::Stored);
        let end = stored.len() - 22;
        stored[end + 12..end + 16].copy_from_slice(&[0xff; 4]);
        self.add("a directory of 4 GiB", stored);
    }
}
