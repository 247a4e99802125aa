//! Sources: streams, sections, gzip files, archives, and broken ones.

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use npy_object::nested::{self, At};
use npy_object::npz::Method;
use npy_object::{
    Error, ErrorKind, Format, Limits, NpyArray, Npz, Options, ReadAt, Source, WriteOptions,
};

fn data(name: &str) -> PathBuf {
    Path::new("tests/data").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(data(name)).unwrap()
}

/// Returns the elements of an array of strings.
fn strings(array: npy_object::Result<NpyArray>) -> npy_object::Result<Vec<String>> {
    array?.elements().map(|element| Ok(element?.element().as_str()?.into_owned())).collect()
}

fn refused<T>(result: npy_object::Result<T>) -> (ErrorKind, &'static str) {
    let error = result.err().expect("an error");
    (error.kind(), error.clause())
}

const STRINGS: [&str; 3] = ["hello", "NumPy", "objects"];

/// A stream that counts the bytes that were read, and fails at its end.
struct Counted {
    bytes: Cursor<Vec<u8>>,
    read: Arc<AtomicUsize>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(4096);
        match self.bytes.read(&mut buffer[..size])? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line went dead")),
            read => {
                self.read.fetch_add(read, Ordering::Relaxed);
                Ok(read)
            }
        }
    }
}

/// Returns an array of bytes, of 1 KiB per row.
fn rows(count: usize) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 1024)}}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend((0..count * 1024).map(|offset| (offset * 7 % 251) as u8));
    file
}

#[test]
fn stream_is_read_only_as_far_as_needed() {
    let file = rows(1000);
    for memory in [0, 10_000, usize::MAX] {
        let read = Arc::new(AtomicUsize::new(0));
        let stream =
            Counted { bytes: Cursor::new(file[..900_000].to_vec()), read: Arc::clone(&read) };
        let source = Source::spooled(stream, memory);
        let mut array = Options::new().open(source.clone()).unwrap();
        assert!(array.next_element().unwrap().is_some());
        assert!(read.load(Ordering::Relaxed) < 20_000);
        assert!(array.get(500).unwrap().is_some());
        let so_far = read.load(Ordering::Relaxed);
        assert!((500_000..700_000).contains(&so_far));
        // What was read is not read again.
        assert!(array.get(3).unwrap().is_some());
        assert_eq!(read.load(Ordering::Relaxed), so_far);
        // Bytes after an error of the stream are an error every time, not the end of the file.
        for _ in 0..2 {
            let error = array.get(990).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Io, "the line went dead"));
        }
        assert!(array.get(870).unwrap().is_some());
        assert_eq!(source.known_size(), None);
    }
}

#[test]
fn stream_read_by_several_threads_gives_each_all_rows() {
    let file = rows(2000);
    let source = Source::spooled(Cursor::new(file.clone()), 100_000);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (source, file) = (source.clone(), &file);
            scope.spawn(move || {
                let mut array = Options::new().open(source).unwrap();
                for step in 0..500 {
                    let row = (step * 37 + thread * 501) % 2000;
                    let offset = file.len() - (2000 - row) * 1024;
                    let element = array.get(row as u64).unwrap().unwrap();
                    let items = element.as_array::<u8>().unwrap();
                    assert_eq!(*items.data(), file[offset..offset + 1024]);
                }
            });
        }
    });
    assert_eq!(source.size().unwrap(), file.len() as u64);
    assert_eq!(source.memory(), 0, "it is in a file");
}

#[test]
fn bytes_in_memory_are_borrowed() {
    let file = bytes_of("strings.npy");
    let kept: &'static [u8] = file.leak();
    let mut array = Options::new().open(kept).unwrap();
    let element = array.next_element().unwrap().unwrap();
    let text = element.as_str().unwrap();
    assert!(kept.as_ptr_range().contains(&text.as_ptr()));
}

#[test]
fn section_ends_no_later_than_its_source() {
    let source = Source::bytes(b"0123456789".to_vec());
    let all = |source: &Source| {
        let mut bytes = String::new();
        source.to_reader().read_to_string(&mut bytes).unwrap();
        assert_eq!(source.size().unwrap(), bytes.len() as u64);
        bytes
    };
    let stream = || Source::stream(Cursor::new(b"0123456789".to_vec()));
    for source in [source, stream(), Source::reader(Cursor::new(b"0123456789")).unwrap()] {
        assert_eq!(all(&source.section(2..5)), "234");
        assert_eq!(all(&source.section(2..=5).section(1..)), "345");
        assert_eq!(all(&source.section(2..5).section(1..9)), "34");
        assert_eq!(all(&source.section(..)), "0123456789");
        assert_eq!(all(&source.section(8..20)), "89");
        assert_eq!(all(&source.section(20..30)), "");
        assert_eq!(all(&source.section(u64::MAX..)), "");
        assert_eq!(all(&source.section(5..).section(u64::MAX - 2..)), "");
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = source.section(5..2);
        assert_eq!(all(&backwards), "");
    }
}

#[test]
fn length_in_a_stream_allocates_nothing() {
    // BINBYTES8 with a length of 2^60, before ten bytes.
    let mut file = bytes_of("strings.npy");
    let offset = file.windows(7).position(|bytes| bytes == b"\x8c\x05hello").unwrap();
    file.splice(offset..offset + 7, *b"\x8e\0\0\0\0\0\0\0\x10");
    let outcome = |array: npy_object::Result<NpyArray>| {
        let mut array = array?;
        let error = array.next_element().map(drop).unwrap_err();
        assert!(array.memory() < 16 << 20, "{}", array.memory());
        Err::<(), Error>(error)
    };
    let mut limits = Limits::default();
    limits.pickle.argument = u64::MAX;
    let options = Options::new().limits(limits);
    let known = outcome(options.clone().open(file.clone())).unwrap_err();
    assert_eq!(known.kind(), ErrorKind::Truncated);
    let unknown = outcome(options.open(Source::stream(Cursor::new(file)))).unwrap_err();
    assert_eq!(unknown.to_string(), known.to_string());
}

#[test]
fn named_pipe_is_read_as_a_stream() {
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let to = pipe.clone();
        let writer = thread::spawn(move || fs::write(to, bytes_of("strings.npy")).unwrap());
        assert_eq!(strings(npy_object::open(&pipe)).unwrap(), STRINGS);
        writer.join().unwrap();
    }
}

#[test]
fn format_is_told_by_the_first_bytes() {
    let of = |name: &str| Format::of(&Source::open(data(name)).unwrap()).unwrap();
    assert_eq!(of("strings.npy"), Format::Npy);
    assert_eq!(of("archive.npz"), Format::Zip);
    assert_eq!(of("strings.npy.gz"), Format::Gzip);
    assert_eq!(of("generate.py"), Format::Other);
    assert_eq!(Format::of(&Source::bytes(b"P")).unwrap(), Format::Other);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn gzip_file_of_several_members_is_read() {
    assert_eq!(strings(npy_object::open(data("strings.npy.gz"))).unwrap(), STRINGS);
    // Two members and an empty one, with zeros after them.
    assert_eq!(strings(npy_object::open(data("members.npy.gz"))).unwrap(), STRINGS);
    let twice = gzip(&bytes_of("strings.npy.gz"));
    assert_eq!(strings(Options::new().open(twice)).unwrap(), STRINGS);
    let too_deep = gzip(&gzip(&gzip(&bytes_of("strings.npy.gz"))));
    let error = refused(Options::new().open(gzip(&too_deep)));
    assert_eq!(error, (ErrorKind::Limit, "gzip.depth"));
}

#[test]
fn broken_gzip_file_fails_after_its_elements() {
    let whole = bytes_of("strings.npy.gz");
    let read = |bytes: Vec<u8>| strings(Options::new().open(Source::stream(Cursor::new(bytes))));
    // Truncated anywhere, it is an error.
    for cut in 2..whole.len() {
        let error = refused(read(whole[..cut].to_vec()));
        assert_eq!(error, (ErrorKind::Truncated, "gzip.truncated"), "cut at {cut}");
    }
    // All elements come before the error where all their bytes are there.
    for end in [&whole[..whole.len() - 8], &whole[..whole.len() - 1], &[&whole[..], b"x"].concat()]
    {
        let mut array = Options::new().open(end.to_vec()).unwrap();
        for text in STRINGS {
            assert_eq!(array.next_element().unwrap().unwrap().as_str().unwrap(), text);
        }
        assert!(array.next_element().unwrap_err().clause().starts_with("gzip."));
        assert!(Options::new().load(Source::bytes(end.to_vec())).is_err());
        let mut rows = Vec::new();
        let kinds = |kinds: &mut Vec<_>, element: npy_object::Element<'_>| {
            kinds.push(element.kind().name());
        };
        let each = |kinds: Vec<_>| {
            rows.extend(kinds);
            std::ops::ControlFlow::Continue(())
        };
        let mut array = Options::new().open(end.to_vec()).unwrap();
        array.fold_parallel(2, Vec::new, kinds, each).unwrap_err();
        assert_eq!(rows, ["str"; 3]);
    }
    let with = |offset: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[offset] = byte;
        read(bytes)
    };
    let last = whole.len() - 1;
    assert_eq!(refused(with(last, 9)), (ErrorKind::Malformed, "gzip.checksum"));
    assert_eq!(refused(with(last - 4, 9)), (ErrorKind::Malformed, "gzip.checksum"));
    assert_eq!(refused(with(2, 7)), (ErrorKind::Malformed, "gzip.magic"));
    // After the name "strings.npy" in the header and its NUL, a block of type 3.
    assert_eq!(refused(with(10 + 12, 7)), (ErrorKind::Malformed, "gzip.data"));
    // Text after the gzip data is an error after the last element.
    let with_text = [&whole[..], b"text"].concat();
    assert_eq!(refused(read(with_text.clone())), (ErrorKind::Malformed, "gzip.magic"));
    let sections = Options::new().sections(with_text).unwrap();
    let mut arrays = sections.map(|section| Options::new().open(section?));
    arrays.next().unwrap().unwrap();
    assert_eq!(refused(arrays.next().unwrap()), (ErrorKind::Malformed, "gzip.magic"));
}

#[test]
fn spool_over_its_limit_is_in_a_file() {
    let file = rows(2000);
    let options = || Options::new().limits(Limits::within(8 << 20));
    let archive = zip(&[("a.npy", &file)], zip::CompressionMethod::Deflated);
    let npz = options().read_npz(Source::bytes(archive)).unwrap();
    let sources = [
        npz.source(0).unwrap(),
        options().unpack(Source::bytes(gzip(&file))).unwrap(),
        options().unpack(Source::stream(Cursor::new(file.clone()))).unwrap(),
    ];
    for source in sources {
        let mut array = options().open(source.clone()).unwrap();
        assert!(array.get(1999).unwrap().is_some());
        assert_eq!(source.memory(), 0);
    }
    // Bytes that are in memory already move to the file.
    let source = Source::stream(Cursor::new(file.clone()));
    assert_eq!(source.size().unwrap(), file.len() as u64);
    assert!(source.memory() >= file.len());
    source.limit_memory(file.len() - 1).unwrap();
    assert_eq!(source.memory(), 0);
    let mut read = Vec::new();
    source.to_reader().read_to_end(&mut read).unwrap();
    assert_eq!(read, file);
}

#[test]
fn data_that_expand_over_the_limit_are_refused() {
    let mut limits = Limits::default();
    (limits.decompressed, limits.expansion) = (50_000, 2);
    let options = Options::new().limits(limits);
    let all = |array: NpyArray| {
        let mut array = array;
        while array.next_element()?.is_some() {}
        Ok(())
    };
    // Zeros, which deflate compresses 1000 to 1.
    let mut zeros = rows(1000);
    let start = zeros.len() - 1000 * 1024;
    zeros[start..].fill(0);
    let error = options.clone().open(gzip(&zeros)).and_then(all).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Limit, "gzip.limit"));
    let archive = zip(&[("a.npy", &zeros)], zip::CompressionMethod::Deflated);
    let npz = options.read_npz(Source::bytes(archive)).unwrap();
    let error = npz.verify(0).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Limit, "npz.limit"));
}

fn zip(members: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn archive_that_numpy_writes_is_read() {
    for name in ["archive.npz", "deflated.npz", "zip64.npz"] {
        let npz = Npz::open(data(name)).unwrap();
        let members: Vec<_> = npz.members().iter().map(|member| member.name()).collect();
        assert_eq!(members, ["words.npy", "numbers.npy"], "{name}");
        let method = if name == "deflated.npz" { Method::Deflated } else { Method::Stored };
        assert!(npz.members().iter().all(|member| member.method() == method), "{name}");
        for number in 0..2 {
            npz.verify(number).unwrap();
        }
        let numbers = npz.source(npz.find("numbers").unwrap()).unwrap();
        let mut array = Options::new().open(numbers).unwrap();
        assert_eq!(array.shape(), [3, 2]);
        let row = array.get(2).unwrap().unwrap();
        assert_eq!(*row.as_array::<f64>().unwrap().data(), [4.0, 5.0]);
        assert!(npz.find("letters").is_none());

        let error = npy_object::open(data(name)).unwrap_err();
        assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "npz.choice"));
        assert!(error.message().contains("words, numbers"), "{error}");
    }
    assert_eq!(strings(npy_object::open(data("one.npz"))).unwrap(), ["alone"]);
    let in_gzip = gzip(&bytes_of("one.npz"));
    assert_eq!(strings(Options::new().open(in_gzip)).unwrap(), ["alone"]);
}

#[test]
fn archive_with_odd_names_is_read_as_python_does() {
    let npz = Npz::open(data("odd.npz")).unwrap();
    let read = |number: usize| strings(Options::new().open(npz.source(number)?));
    let named = |name: &str| read(npz.find(name).unwrap()).unwrap().concat();
    // Of two members with one name, Python reads the last. The first can be read by its number.
    assert_eq!(named("twice"), "last");
    assert_eq!(read(0).unwrap(), ["first"]);
    assert_eq!(named("größe"), "Größe");
    assert_eq!(named("ü"), "cp437");
    assert_eq!(npz.members()[npz.find("ü").unwrap()].raw_name(), b"\x81.npy");
    assert_eq!(named("no suffix"), "no suffix");
    assert_eq!(named("folder/inner.npy"), "inner");
    // Bytes were put before it, so its first bytes are not those of an archive.
    let prefixed = Npz::open(data("prefixed.npz")).unwrap();
    assert_eq!(strings(Options::new().open(prefixed.source(0).unwrap())).unwrap(), ["alone"]);

    let bzip2 = npz.find("bzip2").unwrap();
    assert_eq!(npz.members()[bzip2].method(), Method::Other(12));
    assert_eq!(refused(npz.source(bzip2)), (ErrorKind::Unsupported, "npz.method"));
    assert_eq!(refused(npz.verify(bzip2)), (ErrorKind::Unsupported, "npz.method"));
}

/// Returns an archive with changed bytes: those `by` bytes after the last occurrence of `at`.
fn changed(archive: &[u8], at: &[u8], by: usize, to: &[u8]) -> npy_object::Result<Npz> {
    let mut bytes = archive.to_vec();
    let found = bytes.windows(at.len()).rposition(|bytes| bytes == at).unwrap() + by;
    bytes[found..found + to.len()].copy_from_slice(to);
    Options::new().read_npz(Source::bytes(bytes))
}

/// A `ReadAt` that counts the bytes that were read.
struct CountedAt {
    bytes: Vec<u8>,
    read: Arc<AtomicUsize>,
}

impl ReadAt for CountedAt {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let read = (&*rest).read(buffer)?;
        self.read.fetch_add(read, Ordering::Relaxed);
        Ok(read)
    }

    fn known_size(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

/// Returns an archive of three stored members, whole or with a flipped bit in each: an array of
/// numbers, one of objects with payloads that a survey skips, and a dict.
fn stored(is_damaged: bool) -> Vec<u8> {
    let mut objects = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut objects).unwrap();
    for size in [10, 200_000, 3, 300_000, 70_000] {
        writer.append_with(|build| build.bytes(&vec![b'x'; size])).unwrap();
    }
    writer.finish().unwrap();
    let members = [
        ("numbers.npy", rows(2000)),
        ("objects.npy", objects.into_inner()),
        ("splits.npy", bytes_of("splits.npy")),
    ];
    let mut archive = zip(
        &members.each_ref().map(|(name, bytes)| (*name, &bytes[..])),
        zip::CompressionMethod::Stored,
    );
    for (name, bytes) in members.iter().filter(|_| is_damaged) {
        let begin = archive.windows(bytes.len()).position(|window| window == bytes).unwrap();
        let offset = if *name == "splits.npy" {
            archive.windows(5).rposition(|window| window == b"train").unwrap()
        } else {
            begin + bytes.len() - 3000
        };
        archive[offset] ^= 1;
    }
    archive
}

/// Reads a member to its end in every way. Returns the results.
fn ways_to_the_end(source: &Source) -> Vec<npy_object::Result<()>> {
    use std::ops::ControlFlow::Continue;
    let open = || Options::new().open(source.clone()).unwrap();
    let within = || match Options::new().at(source.clone(), &nested::Path::default()) {
        Ok(At::Container(container)) => Some(container),
        _ => None,
    };
    let mut ways = vec![
        open().elements().try_for_each(|element| element.map(drop)),
        open().fold_parallel(2, || (), |(), _| (), |()| Continue(())),
        open().map_parallel(2, |_| (), |()| Continue(())),
        open().verify(),
        source.verify(),
    ];
    let mut array = open();
    let looped = loop {
        match array.next_element() {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // Nothing comes after an error.
    assert!(array.next_element().unwrap().is_none());
    ways.push(looped);
    if array.has_objects() {
        ways.push(Options::new().load(source.clone()).map(drop));
    }
    if let Some(mut container) = within().filter(|_| array.shape().is_empty()) {
        ways.push(loop {
            match container.next_member() {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        });
        ways.push(container.verify());
    }
    ways
}

#[test]
fn stored_member_read_to_its_end_is_verified() {
    for is_damaged in [false, true] {
        let archive = stored(is_damaged);
        let read = Arc::new(AtomicUsize::new(0));
        let sources = [
            Source::bytes(archive.clone()),
            Source::new(CountedAt { bytes: archive.clone(), read }),
            Source::stream(Cursor::new(archive)),
        ];
        for source in sources {
            let npz = Options::new().read_npz(source).unwrap();
            for member in 0..3 {
                assert_eq!(npz.verify(member).is_err(), is_damaged);
                for way in ways_to_the_end(&npz.source(member).unwrap()) {
                    match is_damaged {
                        true => assert_eq!(refused(way), (ErrorKind::Malformed, "npz.checksum")),
                        false => way.unwrap(),
                    }
                }
            }
            // Reading one element verifies nothing.
            let mut array = Options::new().open(npz.source(1).unwrap()).unwrap();
            assert!(array.get(4).unwrap().is_some());
        }
    }
}

#[test]
fn loop_over_a_stored_member_reads_it_once() {
    let archive = stored(false);
    let read = Arc::new(AtomicUsize::new(0));
    let bytes = CountedAt { bytes: archive.clone(), read: Arc::clone(&read) };
    let npz = Options::new().read_npz(Source::new(bytes)).unwrap();
    for member in 0..2 {
        let source = npz.source(member).unwrap();
        let mut array = Options::new().open(source.clone()).unwrap();
        while array.next_element().unwrap().is_some() {}
        let before = read.load(Ordering::Relaxed);
        source.verify().unwrap();
        assert_eq!(read.load(Ordering::Relaxed), before);

        // Without the checksum, the same number of bytes is read.
        read.store(0, Ordering::Relaxed);
        let source = npz.source(member).unwrap();
        let mut array = Options::new().open(source.clone()).unwrap();
        while array.next_element().unwrap().is_some() {}
        let checked = read.swap(0, Ordering::Relaxed);
        let mut array = Options::new().open(source.section(..)).unwrap();
        while array.next_element().unwrap().is_some() {}
        let unchecked = read.load(Ordering::Relaxed);
        assert!(checked <= unchecked + 1024, "{checked} {unchecked}");
    }
}

#[test]
fn choose_of_a_misspelled_member_suggests_the_name() {
    let npz = Options::new().read_npz(Source::bytes(stored(false))).unwrap();
    assert_eq!(npz.choose("splits.npy").unwrap(), 2);
    let error = npz.choose("split").unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "npz.choice"));
    assert!(error.message().ends_with("did you mean \"splits\"?"), "{error}");
}

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const HEADER: &[u8] = b"PK\x03\x04";

#[test]
fn broken_archive_fails_by_its_clause() {
    use ErrorKind::{Malformed, Truncated, Unsupported};
    let words = bytes_of("strings.npy");
    let archive = zip(&[("a.npy", &words), ("b.npy", &words)], zip::CompressionMethod::Stored);
    // The last occurrence is changed: that of the member b.
    let change = |at, by, to: &[u8]| changed(&archive, at, by, to);
    let source = |npz: npy_object::Result<Npz>| npz.and_then(|npz| npz.source(1));
    let verify = |npz: npy_object::Result<Npz>| npz.and_then(|npz| npz.verify(1));
    verify(change(END, 0, END)).unwrap();

    assert_eq!(refused(change(END, 0, b"PKPK")), (Truncated, "npz.end"));
    assert_eq!(refused(change(END, 12, &[0xff; 3])), (Malformed, "npz.directory"));
    assert_eq!(refused(change(END, 16, &[0xff; 4])), (Malformed, "npz.directory"));
    assert_eq!(refused(change(ENTRY, 0, b"PKPK")), (Malformed, "npz.directory"));
    assert_eq!(refused(change(ENTRY, 28, &[0xff; 2])), (Malformed, "npz.directory"));
    assert_eq!(refused(change(ENTRY, 42, &[0xff, 0xff, 0xff, 0])), (Malformed, "npz.directory"));
    assert_eq!(refused(change(ENTRY, 24, &[0xff; 4])), (Malformed, "npz.wide"));
    assert_eq!(refused(source(change(ENTRY, 46, b"c"))), (Malformed, "npz.header"));
    assert_eq!(refused(source(change(HEADER, 0, b"PKPK"))), (Malformed, "npz.header"));
    assert_eq!(refused(source(change(HEADER, 26, &[9]))), (Malformed, "npz.header"));
    assert_eq!(refused(source(change(HEADER, 28, &[1]))), (Malformed, "npz.overlap"));
    assert_eq!(refused(source(change(ENTRY, 20, &[0xff]))), (Malformed, "npz.overlap"));
    assert_eq!(refused(source(change(ENTRY, 24, &[1]))), (Malformed, "npz.size"));
    assert_eq!(refused(source(change(ENTRY, 8, &[1]))), (Unsupported, "npz.encrypted"));
    assert_eq!(refused(source(change(ENTRY, 10, &[93]))), (Unsupported, "npz.method"));
    let damaged = change(b"objects", 0, b"O").unwrap();
    assert_eq!(refused(damaged.verify(1)), (Malformed, "npz.checksum"));
    let array = Options::new().open(damaged.source(1).unwrap());
    assert_eq!(refused(strings(array)), (Malformed, "npz.checksum"));

    // Two entries with one header.
    let twice = change(ENTRY, 42, &[0; 4]).unwrap();
    assert_eq!(refused(twice.source(1)), (Malformed, "npz.header"));
    let mut name_too = archive.clone();
    let entry = name_too.windows(4).rposition(|bytes| bytes == ENTRY).unwrap();
    name_too[entry + 42..entry + 46].fill(0);
    name_too[entry + 46] = b'a';
    let npz = Options::new().read_npz(Source::bytes(name_too)).unwrap();
    assert_eq!(refused(npz.source(0)), (Malformed, "npz.overlap"));
    assert_eq!(refused(npz.source(1)), (Malformed, "npz.overlap"));

    let deflated = zip(&[("b.npy", &words)], zip::CompressionMethod::Deflated);
    let change = |at, by, to: &[u8]| changed(&deflated, at, by, to);
    let read = |npz: npy_object::Result<Npz>| {
        let source = npz.unwrap().source(0).unwrap();
        strings(Options::new().open(source))
    };
    assert_eq!(read(change(END, 0, END)).unwrap(), STRINGS);
    assert_eq!(refused(read(change(ENTRY, 16, &[0, 0]))), (Malformed, "npz.checksum"));
    assert_eq!(refused(read(change(ENTRY, 24, &[1, 0]))), (Malformed, "npz.size"));
    assert_eq!(refused(read(change(ENTRY, 24, &[1, 9]))), (Malformed, "npz.size"));
    assert_eq!(refused(read(change(ENTRY, 20, &[9]))), (Truncated, "npz.truncated"));
}

#[test]
fn archive_broken_anywhere_does_not_panic() {
    for name in ["archive.npz", "deflated.npz", "zip64.npz", "odd.npz", "members.npy.gz"] {
        let whole = bytes_of(name);
        let read = |bytes: Vec<u8>| {
            let source = Source::bytes(bytes);
            if let Ok(npz) = Options::new().read_npz(source.clone()) {
                for number in 0..npz.members().len() {
                    let _ = npz.verify(number);
                    let array = npz.source(number).and_then(|one| Options::new().open(one));
                    let _ = array.map(|mut array| array.elements().take(100).count());
                }
            }
            let _ = Options::new().open(source);
        };
        for offset in 0..whole.len() {
            read(whole[..offset].to_vec());
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[offset] ^= change;
                read(bytes);
            }
        }
    }
}

/// A `ReadAt` that records the size of each read.
struct Store {
    bytes: Vec<u8>,
    reads: Arc<Mutex<Vec<usize>>>,
}

impl Store {
    fn new(bytes: Vec<u8>) -> Store {
        Store { bytes, reads: Arc::default() }
    }
}

impl ReadAt for Store {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.bytes.get(offset as usize..).unwrap_or_default().read(buffer)?;
        self.reads.lock().unwrap().push(read);
        Ok(read)
    }

    fn known_size(&self) -> Option<u64> {
        None
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

#[test]
fn source_of_a_custom_read_at_is_read() {
    let source = Source::new(Store::new(bytes_of("strings.npy")));
    assert_eq!(strings(Options::new().open(source)).unwrap(), STRINGS);
}

/// With small payloads, reading goes straight on and reads nothing twice. With large ones, bytes
/// after a jump over a payload are read twice.
#[test]
fn loop_over_an_array_takes_few_reads() {
    for (count, size, most, again) in [
        (20_000, 100, 30, 0.01),
        (20_000, 1000, 170, 0.01),
        (1000, 20_000, 1200, 0.1),
        (1500, 32_768, 2100, 0.1),
    ] {
        let mut file = Vec::new();
        let mut writer = WriteOptions::new().write_to(Cursor::new(&mut file)).unwrap();
        for _ in 0..count {
            writer.append_with(|build| build.bytes(&vec![7; size])).unwrap();
        }
        writer.finish().unwrap();
        let whole = file.len() as f64;
        let store = Store::new(file);
        let reads = Arc::clone(&store.reads);
        let mut array = Options::new().open(Source::new(store)).unwrap();
        while let Some(element) = array.next_element().unwrap() {
            assert_eq!(element.as_bytes().unwrap().len(), size);
        }
        let reads = reads.lock().unwrap();
        let read = reads.iter().sum::<usize>() as f64 / whole;
        assert!(
            reads.len() <= most && read <= 1.0 + again,
            "{size}: {} reads of {read}",
            reads.len()
        );
    }
}
