//! Containers that are read member by member, wherever they are: against the same containers read
//! whole.

use std::io::Cursor;

use npy_object::nested::{At, Container, ContainerKind, Path};
use npy_object::{Element, Entries, Items, Kind, Options, Source};

use crate::fixtures::{fixtures, line};

/// What is in a container: a key, if there are keys, and a value.
type Members = Vec<(Option<String>, String)>;

/// The members of a value that was read whole; `None` where it has none.
fn whole(element: Element<'_>) -> Option<Members> {
    let items = |items: Items<'_>| items.map(|item| (None, line(item))).collect();
    let entries =
        |entries: Entries<'_>| entries.map(|(key, value)| (Some(line(key)), line(value))).collect();
    Some(match element.kind() {
        Kind::List(list)
        | Kind::Tuple(list)
        | Kind::Set(list)
        | Kind::FrozenSet(list)
        | Kind::Deque(list, _) => items(list),
        Kind::Dict(dict) | Kind::OrderedDict(dict) | Kind::DefaultDict(_, dict) => entries(dict),
        _ => return None,
    })
}

fn one_by_one(container: &mut Container) -> npy_object::Result<Members> {
    let mut members = Vec::new();
    while let Some(member) = container.next_member()? {
        members.push((member.key.map(line), line(member.value)));
    }
    Ok(members)
}

fn at(bytes: &[u8], path: &str) -> npy_object::Result<At> {
    let path: Path = path.parse()?;
    Options::new().trust_payload(true).at(Source::reader(Cursor::new(bytes.to_vec()))?, &path)
}

/// Values that contain what contains them are cut off where they would be read forever.
fn is_cyclic(members: &Members) -> bool {
    members.iter().any(|(_, value)| value.contains("{\"root\":true}"))
}

#[test]
fn members_read_one_by_one_equal_the_whole() {
    let mut compared = [0; 4];
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let name = &fixture.file;
        let Ok(mut array) = Options::new().trust_payload(true).open(bytes.clone()) else {
            continue;
        };
        if !array.has_objects() {
            continue;
        }
        let dimensions = array.shape().len();
        for index in 0..array.len().min(12) {
            let Ok(Some(element)) = array.get(index) else { break };
            let expected = (line(element), whole(element));
            let subscripts = match dimensions {
                0 => String::new(),
                1 => format!("[{index}]"),
                _ => break,
            };
            match (at(&bytes, &subscripts), expected) {
                (Ok(At::Container(mut container)), (_, Some(expected))) => {
                    let members = match one_by_one(&mut container) {
                        Ok(members) => members,
                        // Nobody has looked before whether its members change one another.
                        Err(error) if dimensions == 0 => {
                            assert!(error.clause().starts_with("pickle.independence."), "{error}");
                            continue;
                        }
                        Err(error) => panic!("{name} {subscripts}: {error}"),
                    };
                    if !is_cyclic(&members) {
                        assert_eq!(members, expected, "{name} {subscripts}");
                        assert_eq!(container.count().unwrap(), expected.len() as u64);
                        compared[usize::from(container.kind() == ContainerKind::Tuple)] += 1;
                    }
                }
                (Ok(At::Container(container)), (text, None)) => {
                    // Arrays of objects are containers too; one without dimensions leads further
                    // in.
                    let is_array = container.kind() == ContainerKind::Array;
                    assert_eq!(is_array, !text.contains("\"shape\":[]"), "{name}: {text}");
                    compared[2] += 1;
                }
                (Ok(At::Value(value)), (text, _)) => {
                    assert_eq!(line(value.element()), text, "{name} {subscripts}");
                    compared[3] += 1;
                }
                (Err(error), _) => panic!("{name} {subscripts}: {error}"),
            }
        }
    }
    assert!(compared.iter().all(|&count| count > 30), "{compared:?}");
}

#[test]
fn a_pickle_without_a_preamble_is_an_array_too() {
    for fixture in fixtures().into_iter().step_by(5) {
        let bytes = fixture.bytes();
        let Ok(mut array) = Options::new().trust_payload(true).open(bytes.clone()) else {
            continue;
        };
        if !array.has_objects() {
            continue;
        }
        let pickle = bytes[array.data_offset() as usize..].to_vec();
        let mut bare = Options::new().open(pickle).unwrap();
        assert!(bare.header().is_none());
        assert_eq!(bare.shape(), array.shape());
        loop {
            match (array.next_element(), bare.next_element()) {
                (Ok(Some(element)), Ok(Some(same))) => assert_eq!(line(element), line(same)),
                (Ok(None), Ok(None)) => break,
                (Err(error), Err(same)) => {
                    assert_eq!(error.message(), same.message());
                    break;
                }
                (element, same) => panic!("{}: {element:?} {same:?}", fixture.file),
            }
        }
    }
}

/// As `pickle.dump` writes it in protocol 4, framing left out.
fn pickle(body: &[u8]) -> Vec<u8> {
    [b"\x80\x04", body, b"."].concat()
}

#[test]
fn bare_pickles_of_any_container() {
    for (body, kind, expected) in [
        (&b"]\x94(K\x01K\x02e"[..], ContainerKind::List, vec![(None, "1"), (None, "2")]),
        (
            b"}\x94(K\x01NK\x02\x88u",
            ContainerKind::Dict,
            vec![(Some("1"), "null"), (Some("2"), "true")],
        ),
        (b"\x8f\x94(K\x01\x90", ContainerKind::Set, vec![(None, "1")]),
        (b"(K\x01\x91\x94", ContainerKind::FrozenSet, vec![(None, "1")]),
        (b"K\x01N\x86\x94", ContainerKind::Tuple, vec![(None, "1"), (None, "null")]),
        (b")", ContainerKind::Tuple, vec![]),
        // ([1], []): what begins with a list need not be one.
        (b"]\x94K\x01a]\x94\x86\x94", ContainerKind::Tuple, vec![(None, "[1]"), (None, "[]")]),
        // l = [1]; (l, l)
        (b"]\x94K\x01ah\0\x86\x94", ContainerKind::Tuple, vec![(None, "[1]"), (None, "[1]")]),
    ] {
        let At::Container(mut container) = at(&pickle(body), "").unwrap() else {
            panic!("{} is a {kind:?}", body.escape_ascii());
        };
        assert_eq!(container.kind(), kind);
        let members = one_by_one(&mut container).unwrap();
        let members: Vec<_> =
            members.iter().map(|(key, value)| (key.as_deref(), value.as_str())).collect();
        assert_eq!(members, expected, "{}", body.escape_ascii());
    }
    let At::Value(value) = at(&pickle(b"K\x05"), "").unwrap() else { panic!("an int") };
    assert_eq!(value.element().as_i64().unwrap(), 5);
}

#[test]
fn at_with_subscripts_returns_the_nested_value() {
    // {'a': [10, (20, {'b': 30})], 'c': <the same list>, 7: 8}
    let body = b"}\x94(\x8c\x01a\x94]\x94(K\x0aK\x14}\x94\x8c\x01b\x94K\x1es\x86\x94e\x8c\x01c\x94h\x02K\x07K\x08u";
    let bytes = pickle(body);
    for (subscripts, expected) in [
        ("['a'][0]", 10),
        ("['a'][-1][0]", 20),
        ("['a'][1][1]['b']", 30),
        ("['c'][1][1]['b']", 30),
        ("[7]", 8),
    ] {
        match at(&bytes, subscripts) {
            Ok(At::Value(value)) => assert_eq!(value.element().as_i64().unwrap(), expected),
            other => panic!("{subscripts}: {other:?}"),
        }
    }
    for (subscripts, message) in [
        ("['d']", "there is no ['d'] in the dict"),
        ("[8]", "there is no [8] in the dict"),
        ("['a'][2]", "there is no [2] in the list"),
        ("['a'][-3]", "there is no [-3] in the list"),
        ("['a']['b']", "there is no ['b'] in the list"),
        ("['a'][0][0]", "there is no [0] in a value that is not a container"),
    ] {
        let error = at(&bytes, subscripts).unwrap_err();
        assert_eq!((error.clause(), error.message()), ("access.subscript", message));
    }
}

#[test]
fn entry_before_a_damaged_one_is_read() {
    let bytes = pickle(b"}\x94(K\x01K\x0auK\x02\xff");
    let At::Container(mut dict) = at(&bytes, "").unwrap() else { panic!("a dict") };
    assert_eq!(dict.next_member().unwrap().unwrap().value.as_i64().unwrap(), 10);
    assert_eq!(dict.next_member().unwrap_err().clause(), "pickle.opcode");
    assert!(dict.next_member().unwrap().is_none());
}
