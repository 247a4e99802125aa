//! Elements that Python has pickled.

use std::io::Cursor;

use npy_object::{ErrorKind, NpyArray, Options, Pickled, WriteOptions, json};

/// The lists `[("ab", s), s]`, `[s, "ab", 2.5, {"k": s}]` and `["one"]` of one pickler of CPython, where `s` is
/// `[1]`.
const OLD: [(&[u8], usize); 3] = [
    (b"\x80\x02]q\x00(X\x02\x00\x00\x00abq\x01]q\x02K\x01a\x86q\x03h\x02e.", 2),
    (
        b"\x80\x02]q\x04(h\x02h\x01G@\x04\x00\x00\x00\x00\x00\x00}q\x05X\x01\x00\x00\x00kq\x06h\x02se.",
        4,
    ),
    (b"\x80\x02]q\x07X\x03\x00\x00\x00oneq\x08a.", 1),
];
const NEW: [(&[u8], usize); 3] = [
    (
        b"\x80\x04\x95\x13\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x02ab\x94]\x94K\x01a\x86\x94h\x02e.",
        2,
    ),
    (
        b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00]\x94(h\x02h\x01G@\x04\x00\x00\x00\x00\x00\x00}\
          \x94\x8c\x01k\x94h\x02se.",
        4,
    ),
    (b"\x80\x04\x95\n\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x03one\x94a.", 1),
];

fn lines(array: &mut NpyArray) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(element) = array.next_element().unwrap() {
        let mut line = Vec::new();
        json::TypedJson::new().write(&mut line, element).unwrap();
        lines.push(String::from_utf8(line).unwrap());
    }
    lines
}

#[test]
fn pickled_lists_become_elements_that_share_their_objects() {
    for (protocol, lists) in [(2, OLD), (4, NEW)] {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().protocol(protocol).write_to(&mut file).unwrap();
        // Other elements before, between and after them, and so many that a batch ends.
        for _ in 0..995 {
            writer.append_with(|build| build.int(0)).unwrap();
        }
        let mut memo = Pickled::new();
        for (pickle, count) in lists {
            let room = writer.batch_room();
            if count > room {
                let error = writer.append_pickled(&mut memo, pickle, count).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Usage);
                (0..room).for_each(|_| {
                    writer.append_with(|build| Ok::<_, npy_object::Error>(build.none())).unwrap();
                });
            }
            writer.append_pickled(&mut memo, pickle, count).unwrap();
            writer.append_with(|build| build.str("between")).unwrap();
        }
        writer.finish().unwrap();
        let bytes = file.into_inner();
        let mut array = Options::new().open(bytes.clone()).unwrap();
        array.seek(995);
        let found: Vec<_> = lines(&mut array).into_iter().filter(|line| line != "null").collect();
        assert_eq!(found.len(), 10, "{found:?}");
        assert_eq!(found[0], r#"{"tuple":["ab",[1]]}"#);
        assert_eq!(found[1], "[1]");
        assert_eq!((found[3].as_str(), found[4].as_str()), ("[1]", r#""ab""#));
        assert!(found[6].contains("[1]"), "{}", found[6]);
        assert_eq!((found[8].as_str(), found[9].as_str()), (r#""one""#, r#""between""#));
        let lists = bytes.windows(2).filter(|pair| pair == b"K\x01").count();
        assert_eq!(lists, 2, "the version of the array's state, and the list that elements share");
    }
}

#[test]
fn pickle_of_no_list_is_refused_and_nothing_is_written() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    for (pickle, count) in [
        (&b""[..], 1),
        (b"\x80\x04N.", 1),
        (b"\x80\x04]\x94(NNe.", 1),
        (b"\x80\x04]\x94Na.", 2),
        (b"\x80\x04]\x94(NNe", 2),
        (b"\x80\x04]\x94(N\x8c\xffe.", 2),
        (b"\x80\x04]\x94(Nh\x07e.", 2),
        (b"\x80\x04]\x94(NNe.", 0),
        (b"\x80\x04]\x94(NNe.", 1001),
    ] {
        let refused = writer.append_pickled(&mut Pickled::new(), pickle, count);
        assert!(refused.is_err(), "{}", pickle.escape_ascii());
    }
    writer.append_pickled(&mut Pickled::new(), b"\x80\x04]\x94(NNe.", 2).unwrap();
    assert_eq!(writer.len(), 2);
    writer.finish().unwrap();
    let mut array = Options::new().open(file.into_inner()).unwrap();
    assert_eq!(lines(&mut array), ["null", "null"]);
}
