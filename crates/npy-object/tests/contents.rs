//! Files whatever they hold: bare pickles of any protocol, pickles after a header, and several
//! arrays or pickles that follow one another.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use npy_object::nested::{At, Container, ContainerKind, Path};
use npy_object::{
    Contents, ErrorKind, Format, IndexUse, Kind, Limits, Options, OutlineKind, Source,
};

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("tests/data/{name}")).unwrap()
}

/// A header of this dtype and shape, and what follows it.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat()
}

/// A header that says `|O` and this shape, and a pickle after it.
fn after_header(shape: &str, pickle: &[u8]) -> Vec<u8> {
    npy("|O", shape, pickle)
}

fn contents(bytes: &[u8]) -> npy_object::Result<Contents> {
    Options::new().contents(Source::bytes(bytes.to_vec()))
}

fn container(bytes: &[u8]) -> Container {
    match contents(bytes) {
        Ok(Contents::Container(container)) => *container,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

/// The members of a container, each as its kind, and ints as what they are.
fn members(container: &mut Container) -> Vec<String> {
    let mut members = Vec::new();
    while let Some(member) = container.next_member().unwrap() {
        members.push(match member.value.as_i64() {
            Ok(int) => int.to_string(),
            Err(_) => member.value.kind().name().to_owned(),
        });
    }
    members
}

/// What a value is.
fn name_of_value(bytes: &[u8]) -> &'static str {
    match contents(bytes) {
        Ok(Contents::Value(value)) => value.element().kind().name(),
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

/// `pickle.dumps(numpy.array([1, 2, 3], "<u1"), 2)`.
const NUMBERS: &[u8] = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85\
    U\x01b\x87R(K\x01K\x03\x85cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff\
    J\xff\xff\xff\xffK\0tb\x89U\x03\x01\x02\x03tb.";

#[test]
fn pickle_of_protocol_0_or_1_may_begin_with_any_opcode() {
    for (pickle, name) in [
        (&b"I5\n."[..], "int"),
        (b"I01\n.", "bool"),
        (b"L12L\n.", "int"),
        (b"F1.5\n.", "float"),
        (b"S'a'\np0\n.", "str"),
        (b"Va\np0\n.", "str"),
        (b"N.", "None"),
        (b"K\x05.", "int"),
        (b"M\x05\x01.", "int"),
        (b"J\x05\0\0\0.", "int"),
        (b"G?\xf8\0\0\0\0\0\0.", "float"),
        (b"U\x01aq\0.", "str"),
        (b"X\x01\0\0\0aq\0.", "str"),
        (b"cmodule\nname\np0\n.", "global"),
        (b"P12\n.", "persistent id"),
        (b"(imodule\nname\np0\n.", "object of an unknown class"),
        (b"\x88.", "bool"),
        (b"\x8a\x01\x05.", "int"),
        (b"\x8c\x01a\x94.", "str"),
        (b"C\x01a.", "bytes"),
        (b"\x95\x03\0\0\0\0\0\0\0K\x05.", "int"),
    ] {
        assert_eq!(Format::of(&Source::bytes(pickle)).unwrap(), Format::Pickle);
        assert_eq!(name_of_value(pickle), name, "{}", pickle.escape_ascii());
    }
    assert_eq!(members(&mut container(b"(lp0\nI1\naI2\na.")), ["1", "2"]);
    assert_eq!(members(&mut container(b"(I1\nI2\ntp0\n.")), ["1", "2"]);
    assert_eq!(members(&mut container(b"(dp0\nI1\nI2\ns.")), ["2"]);
    assert_eq!(container(b").").kind(), ContainerKind::Tuple);
}

#[test]
fn text_that_begins_with_an_opcode_is_not_a_npy_file() {
    let lines = "I am a line of a log without an end; ".repeat(20);
    for text in [
        "Some text here\nand more\n",
        "I am a text",
        "Nothing\n",
        "(see below)\n",
        "Version 1.0",
        "cat file | less",
        "]\n",
        "} // end\n",
        "Gone",
        "12 monkeys",
        "\u{80}\u{6}",
        &lines,
        "{\"a\": 1}",
    ] {
        let error = contents(text.as_bytes()).err();
        let error = error.filter(|error| error.clause() == "npy.magic");
        let error = error.unwrap_or_else(|| panic!("{text:?} is refused"));
        let message = error.message();
        assert!(message.contains("not a .npy file") || message.contains("not an array"), "{error}");
    }
}

#[test]
fn pickle_after_a_header_is_read_as_what_it_is() {
    let list = after_header("(2,)", b"\x80\x04](K\x01K\x02e.");
    assert_eq!(members(&mut container(&list)), ["1", "2"]);
    let tuple = after_header("(2,)", b"\x80\x04](K\x01K\x02eK\x03\x86.");
    assert_eq!(container(&tuple).kind(), ContainerKind::Tuple);
    assert_eq!(members(&mut container(&tuple)), ["list", "3"]);
    let dict = after_header("()", b"\x80\x04}K\x01K\x02s.");
    assert_eq!(members(&mut container(&dict)), ["2"]);
    assert_eq!(name_of_value(&after_header("()", b"\x80\x04K\x05.")), "int");
    let numbers = after_header("(3,)", NUMBERS);
    let Contents::Value(value) = contents(&numbers).unwrap() else { panic!("an array of numbers") };
    assert_eq!(value.element().as_array::<u8>().unwrap().data(), [1, 2, 3]);
    let second: Path = "[1]".parse().unwrap();
    let at = Options::new().at(Source::bytes(list.clone()), &second).unwrap();
    assert!(matches!(at, At::Value(value) if value.element().as_i64().unwrap() == 2));
    // An array is asked for where one is opened.
    let error = Options::new().open(list).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Unsupported, "npy.object.envelope"));
}

#[test]
fn array_of_numbers_after_a_header_of_another_shape_is_refused_unless_trusted() {
    let numbers = after_header("(4,)", NUMBERS);
    let error = contents(&numbers).unwrap_err();
    assert_eq!(error.clause(), "npy.object.agreement");
    let trusting = Options::new().trust_payload(true);
    assert!(trusting.contents(Source::bytes(numbers)).is_ok());
}

#[test]
fn all_arrays_and_pickles_of_a_file_are_read() {
    let numbers = npy("|u1", "(4,)", b"1234");
    let parts = [&data("strings.npy")[..], b"I5\n.", &numbers, b"\x80\x04]K\x01a.", b"N."];
    let file = Source::bytes(parts.concat());
    let all: Vec<_> =
        Options::new().all_contents(&file).unwrap().collect::<npy_object::Result<_>>().unwrap();
    let names = all.iter().map(|contents| match contents {
        Contents::Array(array) if array.has_objects() => "objects",
        Contents::Array(_) => "numbers",
        Contents::Container(container) => container.kind().name(),
        Contents::Value(value) => value.element().kind().name(),
        _ => "other",
    });
    assert_eq!(names.collect::<Vec<_>>(), ["objects", "int", "numbers", "list", "None"]);
    assert_eq!(Options::new().sections(&file).unwrap().filter(Result::is_ok).count(), 5);
    let mut begin = 0;
    for part in parts {
        let section = file.section(begin..);
        assert_eq!(Options::new().end_of(&section).unwrap(), part.len() as u64);
        begin += part.len() as u64;
    }
}

#[test]
fn bytes_after_an_array_that_are_neither_array_nor_pickle_are_an_error() {
    for rest in [&b"\0\0\0\0"[..], b"0000", b"some text"] {
        let file = Source::bytes([&data("strings.npy")[..], rest].concat());
        let sections: Vec<_> = Options::new().sections(file).unwrap().collect();
        let [Ok(_), Err(error)] = &sections[..] else { panic!("{sections:?}") };
        let offset = Some(data("strings.npy").len() as u64);
        assert_eq!((error.clause(), error.offset()), ("npy.magic", offset));
    }
}

/// A stream that counts what is read of it.
struct Counted(io::Cursor<Vec<u8>>, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[test]
fn end_of_an_array_is_found_without_reading_past_it() {
    let list: Vec<u8> = [
        b"\x80\x03](",
        &b"K\x01U\x01a".repeat(3000)[..],
        b"eX\x10\x27\0\0",
        &[b'x'; 10_000],
        b"0.",
    ]
    .concat();
    for part in [
        data("strings.npy"),
        data("ragged.npy"),
        npy("|u1", "(4,)", b"1234"),
        b"I5\n.".to_vec(),
        b"N.".to_vec(),
        list,
    ] {
        let read = Arc::new(AtomicU64::new(0));
        let file = io::Cursor::new([&part[..], b"N.more"].concat());
        let source = Source::stream(Counted(file, Arc::clone(&read)));
        let end = Options::new().read_size(0, 0).end_of(&source).unwrap();
        assert_eq!(end, part.len() as u64);
        // Of numbers, the header is enough.
        assert!(read.load(Ordering::Relaxed) <= end, "{}", part.escape_ascii());
        let bytes = source.section(..end).size().unwrap();
        assert_eq!((bytes, read.load(Ordering::Relaxed)), (end, end));
    }
}

#[test]
fn deque_comes_member_by_member() {
    for pickle in [
        // pickle.dumps(collections.deque([1, 2], maxlen), protocol)
        &b"ccollections\ndeque\np0\n((ttp1\nRp2\nI1\naI2\na."[..],
        b"\x80\x02ccollections\ndeque\nq\0)\x85q\x01Rq\x02(K\x01K\x02e.",
        b"\x80\x04\x8c\x0bcollections\x94\x8c\x05deque\x94\x93\x94)K\x09\x86\x94R\x94(K\x01K\x02e.",
        b"\x80\x04\x8c\x0bcollections\x94\x8c\x05deque\x94\x93\x94)R\x94(K\x01K\x02e.",
        b"\x80\x02c_collections\ndeque\n)N\x86R(K\x01K\x02e.",
    ] {
        let mut deque = container(pickle);
        assert_eq!(deque.kind(), ContainerKind::Deque, "{}", pickle.escape_ascii());
        assert_eq!(deque.count().unwrap(), 2);
        assert_eq!(members(&mut deque), ["1", "2"]);
        let last = Options::new().at(Source::bytes(pickle), &"[-1]".parse().unwrap());
        assert!(
            matches!(last.unwrap(), At::Value(value) if value.element().as_i64().unwrap() == 2)
        );
    }
}

#[test]
fn deque_keeps_the_last_members_that_it_has_room_for() {
    // The deques are members of a tuple: read as a whole.
    for (deque, kept) in [
        (&b"ccollections\ndeque\n)K\x02\x86R(K\x01K\x02K\x03e"[..], Some(vec![2, 3])),
        (b"ccollections\ndeque\n)R(K\x01K\x02K\x03e", Some(vec![1, 2, 3])),
        // As Python 2 writes it.
        (b"ccollections\ndeque\n](K\x01K\x02e\x85R", Some(vec![1, 2])),
        (b"ccollections\ndeque\n](K\x01K\x02eK\x01\x86R", Some(vec![2])),
        // No deque that Python would write.
        (b"ccollections\ndeque\n)J\xff\xff\xff\xff\x86R", None),
        (b"ccollections\ndeque\n)R}K\x01K\x02sb", None),
        (b"cmypackage\ndeque\n)R(K\x01e", None),
    ] {
        let mut tuple = container(&[b"\x80\x02", deque, b"\x85."].concat());
        let member = tuple.next_member().unwrap().unwrap();
        match (member.value.kind(), kept) {
            (Kind::Deque(items, _), Some(kept)) => {
                let ints: Vec<_> = items.map(|item| item.as_i64().unwrap()).collect();
                assert_eq!(ints, kept);
            }
            (Kind::Object(_), None) => {}
            (other, kept) => panic!("{}: {other:?}, {kept:?}", deque.escape_ascii()),
        }
    }
}

#[test]
fn outline_says_what_a_value_is_that_is_too_large() {
    let array = [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01",
        &b"J\x40\x42\x0f\0\x85cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
            [..],
        b"J\xff\xff\xff\xffK\0tb\x89B\0\x09\x3d\0",
        &vec![0; 4_000_000],
        b"tb",
    ]
    .concat();
    let list = [&b"]("[..], &b"K\x01".repeat(100_000), b"e"].concat();
    let file = [
        &b"\x80\x02}(K\x01"[..],
        &array,
        b"K\x02",
        &list,
        b"K\x03",
        &array,
        b"K\x05\x86K\x04",
        &list,
        b"N\x86u.",
    ]
    .concat();
    let mut limits = Limits::default();
    limits.element = 50_000;
    let options = Options::new().limits(limits);
    let Contents::Container(mut dict) = options.contents(Source::bytes(file)).unwrap() else {
        panic!("a dict")
    };
    assert_eq!(dict.get(0).unwrap_err().clause(), "npy.limit.element");
    let mut outline = |number| {
        let (key, outline) = dict.outline(number).unwrap().unwrap();
        (key.unwrap().as_i64().unwrap(), outline)
    };
    let (key, first) = outline(0);
    let OutlineKind::Array { item, shape } = first.kind else { panic!("{first:?}") };
    assert_eq!((key, item.to_string().as_str(), &shape[..]), (1, "<f4", &[1_000_000][..]));
    assert_eq!(first.bytes, array.len() as u64);
    let range = first.range.expect("its items are in one piece");
    assert_eq!(
        (range.length, range.fortran_order, &range.shape[..]),
        (4_000_000, false, &[1_000_000][..])
    );
    assert!(first.begin < range.offset && range.offset + range.length < first.begin + first.bytes);
    let kinds = [1, 2, 3].map(|number| match outline(number).1.kind {
        OutlineKind::Container(kind) => kind,
        other => panic!("{other:?}"),
    });
    assert_eq!(kinds, [ContainerKind::List, ContainerKind::Tuple, ContainerKind::Tuple]);
    assert!(dict.outline(4).unwrap().is_none());
}

#[test]
fn row_over_the_limit_on_elements_is_refused_and_has_an_outline() {
    let mut limits = Limits::default();
    limits.element = 7;
    let file = npy("|u1", "(2, 8)", &[0; 16]);
    let mut array = Options::new().limits(limits).open(file).unwrap();
    let error = array.get(0).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Limit, "npy.limit.element"));
    assert_eq!(array.outline(1).unwrap().unwrap().bytes, 8);
    assert!(array.outline(2).unwrap().is_none());
}

#[test]
fn index_of_a_bare_pickle_is_used_until_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.pkl");
    let batch = [&b"("[..], &b"K\x01".repeat(1000), b"e"].concat();
    fs::write(&path, [&b"\x80\x04]"[..], &batch.repeat(50), b"."].concat()).unwrap();
    let open = || match Options::new().contents(&path).unwrap() {
        Contents::Container(container) => container,
        other => panic!("{other:?}"),
    };
    let mut list = open();
    assert_eq!(list.index_use(), IndexUse::None);
    list.write_index().unwrap();
    let mut list = open();
    assert_eq!((list.index_use(), list.known_len()), (IndexUse::Used, Some(50_000)));
    assert_eq!(list.get(49_999).unwrap().unwrap().value.as_i64().unwrap(), 1);
    assert!(list.get(50_000).unwrap().is_none());
    assert_eq!(members(&mut list).len(), 50_000);
    fs::write(&path, [&b"\x80\x04]"[..], &batch.repeat(51), b"."].concat()).unwrap();
    let mut list = open();
    assert_eq!((list.index_use(), list.count().unwrap()), (IndexUse::Stale, 51_000));
    fs::write(&path, b"K\x01K\x02\x86.").unwrap();
    let error = open().write_index().unwrap_err();
    assert_eq!(error.clause(), "access.index");
}
