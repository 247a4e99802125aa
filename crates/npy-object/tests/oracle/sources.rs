//! Every source of the same bytes gives the same elements, or the same error at the same offset.

use std::io::{self, Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use npy_object::{Options, Source};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::fixtures::{fixtures, typed_lines_of};

/// A stream that gives what it has in pieces of 1 to 40 bytes.
struct Trickle {
    bytes: Cursor<Vec<u8>>,
    size: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.size = self.size * 7 % 41 + 1;
        let size = self.size.min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

fn trickle(bytes: &[u8]) -> Trickle {
    Trickle { bytes: Cursor::new(bytes.to_vec()), size: 1 }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// The bytes as the second member of an archive.
fn npz(bytes: &[u8], method: CompressionMethod) -> Source {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in [("first.txt", &b"first"[..]), ("a.npy", bytes)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let archive =
        Options::new().read_npz(Source::bytes(zip.finish().unwrap().into_inner())).unwrap();
    archive.source(archive.find("a").unwrap()).unwrap()
}

#[test]
fn every_source_gives_the_same() {
    let mut compared = 0;
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let outcome = |source: Source, options: Options| {
            let (lines, error) = typed_lines_of(source, &bytes, options);
            (
                lines,
                error.map(|error| {
                    // But for the name of the file, which not every source has.
                    let file = error.file().map_or(0, |file| file.len() + 2);
                    // Nor is a part of a source without bytes an empty file.
                    match bytes.is_empty() {
                        true => error.clause().to_owned(),
                        false => error.to_string()[file..].to_owned(),
                    }
                }),
            )
        };
        let padded = [&b"before"[..], &bytes, b"after"].concat();
        let part = 6..6 + bytes.len() as u64;
        let in_pieces = fixture.options().read_size(3, 50);
        let whole = outcome(Source::bytes(bytes.clone()), fixture.options());
        let path = fixture.to_path();
        // SAFETY: only this test knows the file, and writes nothing to it.
        let map = unsafe { Source::map(&path) }.unwrap();
        let sources = [
            ("a file", Source::open(&path).unwrap()),
            ("a map", map),
            ("a stream", Source::stream(Cursor::new(bytes.clone()))),
            ("a stream in memory", Source::spooled(trickle(&bytes), usize::MAX)),
            ("a stream in a file", Source::spooled(trickle(&bytes), 0)),
            ("a stream in both", Source::spooled(trickle(&bytes), bytes.len() / 2)),
            ("a section of memory", Source::bytes(padded.clone()).section(part.clone())),
            ("a section of a stream", Source::spooled(trickle(&padded), 100).section(part)),
            ("a gzip file", Source::bytes(gzip(&bytes))),
            ("a gzip stream", Source::spooled(trickle(&gzip(&bytes)), 10)),
            ("a stored member", npz(&bytes, CompressionMethod::Stored)),
            ("a deflated member", npz(&bytes, CompressionMethod::Deflated)),
        ];
        for (name, source) in sources {
            for options in [fixture.options(), in_pieces.clone().spool_memory(64)] {
                let same = outcome(source.clone(), options);
                assert_eq!(same, whole, "{} from {name}", fixture.file);
            }
        }
        compared += 1;
    }
    assert!(compared >= 1000, "{compared}");
}
