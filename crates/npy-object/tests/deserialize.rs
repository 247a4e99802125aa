//! Elements to Rust types through serde. `tests/data/generate.py` defines the values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use npy_object::{Element, Error, ErrorKind, Options, Result, Source};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

/// Applies `read` to the value of this name.
fn with<T>(name: &str, read: impl FnOnce(Element<'_>) -> T) -> T {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/values.npy");
    let mut array = npy_object::open(file).expect("the file of values");
    while let Some(element) = array.next_element().expect("a whole file") {
        let mut named = element.as_items().expect("a name and a value");
        if named.next().expect("a name").as_str().expect("a name") == name {
            return read(named.next().expect("a value"));
        }
    }
    panic!("no value {name}");
}

fn read<T: for<'de> Deserialize<'de>>(name: &str) -> Result<T> {
    with(name, |element| element.deserialize())
}

#[track_caller]
fn is<T: for<'de> Deserialize<'de> + PartialEq + Debug>(name: &str, expected: T) {
    assert_eq!(read::<T>(name).unwrap(), expected, "{name}");
}

#[track_caller]
fn refused<T: for<'de> Deserialize<'de> + Debug>(name: &str) -> Error {
    let error = read::<T>(name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    error
}

#[test]
fn deserialize_of_python_scalar_is_its_number_or_text() {
    is("none", ());
    is("true", true);
    is("int", 7u8);
    is("int", 7i64);
    is("int", 7.0f64);
    is("negative", -7i32);
    is("u64", u64::MAX);
    is("i128", -(1i128 << 100));
    is("u128", u128::MAX);
    is("float", 1.5f32);
    is("complex", (1.5, -2.0));
    is("complex", [Some(1.5), Some(-2.0)]);
    is("str", "naïve".to_owned());
    is("timedelta", -86_399.5);
    is("decimal", "1.10".to_owned());
}

#[test]
fn deserialize_of_numpy_scalar_is_its_number_or_text() {
    is("f2", 0.5f32);
    is("f4", 0.1f32);
    is("f8", 0.1f64);
    is("longdouble", 0.5f64);
    is("i1", -1i64);
    is("u8", u64::MAX);
    is("bool_", true);
    is("str_", "né".to_owned());
    is("bytes_", "ab".to_owned());
    is("bytes_", b"ab".to_vec());
    is("complex64", [1.0f32, -2.0]);
    is("complex64", [Some(1.0f32), Some(-2.0)]);
    is("timedelta64", 90);
    is("0-d", 4u8);
}

#[test]
fn deserialize_of_str_and_bytes_borrows_from_the_file() {
    with("str", |element| assert_eq!(element.deserialize::<&str>().unwrap(), "naïve"));
    with("bytes", |element| assert_eq!(element.deserialize::<&[u8]>().unwrap(), b"\0\xff"));
    with("bytearray", |element| assert_eq!(element.deserialize::<&[u8]>().unwrap(), b"ab"));
    with("ordereddict", |element| {
        assert_eq!(
            element.deserialize::<BTreeMap<&str, u8>>().unwrap(),
            BTreeMap::from([("a", 1)])
        );
    });
    is("bytes", vec![0u8, 255]);
    is("bytes", vec![Some(0u8), Some(255)]);
}

#[test]
fn deserialize_of_date_is_iso_8601() {
    for (name, expected) in [
        ("date", "2024-02-29"),
        ("time", "23:59:01"),
        ("datetime", "2024-02-29T12:30:00.000250"),
        ("zoned", "2024-01-01T00:00:00-03:30"),
        ("datetime64", "2024-02-29T12:30:00"),
    ] {
        is(name, expected.to_owned());
    }
    is("datetime64", 1_709_209_800i64);
    is("dates", vec![Some("2024-02-29".to_owned()), None]);
    is("dates", vec![19_782, i64::MIN]);
}

#[test]
fn deserialize_of_missing_value_is_none() {
    is("none", None::<u8>);
    is("int", Some(7));
    is("nat", None::<String>);
    is("masked", vec![vec![Some(0), None, Some(2)], vec![Some(3), Some(4), None]]);
    is("masked fortran", json!([[0, null, 2], [3, 4, null]]));
    is("stringdtype", vec![Some("a".to_owned()), None]);
    is("array", Some(vec![1.0, 2.0, -0.5]));
}

#[test]
fn deserialize_of_list_tuple_or_set_is_a_sequence() {
    is("tuple", (1u8, "a".to_owned(), 2.5f32));
    is("list", vec![1, 2, 3]);
    is("list", [1, 2, 3]);
    is("set", BTreeSet::from([5]));
    is("frozenset", BTreeSet::from([5]));
}

#[test]
fn deserialize_of_dict_is_a_map() {
    is("dict", BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]));
    is("int keys", BTreeMap::from([(1, "one".to_owned()), (2, "two".to_owned())]));
    is("defaultdict", BTreeMap::from([("a".to_owned(), [1])]));
}

#[derive(Debug, Deserialize, PartialEq)]
struct Id(u64);

#[test]
fn deserialize_of_dict_fills_a_struct() {
    #[derive(Debug, Deserialize)]
    struct Track<'a> {
        id: Id,
        name: &'a str,
        score: Option<f64>,
        #[serde(default)]
        length: f32,
    }
    // The field that nobody asks for is an object that could not be read.
    with("struct", |element| {
        let Track { id, name, score, length } = element.deserialize().unwrap();
        assert_eq!((id, name, score, length), (Id(3), "loop", None, 0.0));
    });
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Circle {
        radius: f32,
    },
    Line(u8, u8),
    Text(String),
    #[serde(rename = "naïve")]
    Naive,
}

#[test]
fn deserialize_of_str_or_dict_of_one_entry_is_an_enum() {
    is("enum struct", Shape::Circle { radius: 2.0 });
    is("enum tuple", Shape::Line(1, 2));
    is("enum newtype", Shape::Text("words".to_owned()));
    is("str", Shape::Naive);
    refused::<Shape>("enum two");
    refused::<Shape>("int");
    refused::<Shape>("str_");

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Letters {
        A,
        Bcd,
        #[serde(rename = "")]
        Nothing,
        #[serde(rename = "né")]
        Born,
    }
    is("strings", [Letters::A, Letters::Bcd, Letters::Nothing]);
    is("str_", Letters::Born);
}

#[test]
fn deserialize_of_array_is_nested_sequences() {
    is("array", vec![1.0, 2.0, -0.5]);
    is("big-endian", [1u16, 2, 258]);
    is("matrix", vec![vec![0.0f32, 1.0, 2.0], vec![3.0, 4.0, 5.0]]);
    is("fortran", {
        let item = |i, j, k| 12 * i + 4 * j + k;
        let line = |i, j| [item(i, j, 0), item(i, j, 1), item(i, j, 2), item(i, j, 3)];
        [0, 1].map(|i| [line(i, 0), line(i, 1), line(i, 2)])
    });
    is("empty", [Vec::<f64>::new(), Vec::new()]);
    is("strings", ["a", "bcd", ""].map(str::to_owned));
    is("objects", (1, "a".to_owned(), ()));
    is("square objects", [[1, 2], [3, 4]]);
}

#[test]
fn deserialize_of_record_is_a_struct_or_sequence() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Point {
        id: u16,
        at: [f32; 2],
        name: String,
    }
    let point = |name: &str, at, id| Point { name: name.to_owned(), at, id };
    is("void", point("ab", [1.0, 2.0], 3));
    is("void", ("ab".to_owned(), (1.0, 2.0), 3));
    is("records", vec![point("ab", [1.0, 2.0], 3), point("c", [0.5, 4.0], u16::MAX)]);

    is("holders", json!([{"id": 1, "what": "a"}, {"id": 2, "what": [3]}]));
    is("holders", ((1, "a".to_owned()), (2, [3])));
}

#[test]
fn deserialize_into_any_type_takes_every_value() {
    is("struct", IgnoredAny);
    is("unknown", IgnoredAny);
    is("cyclic", IgnoredAny);
    is("tuple", json!([1, "a", 2.5]));
    is("matrix", json!([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]));
    is("ordereddict", json!({"a": 1}));
    is(
        "records",
        json!([
            {"name": "ab", "at": [1.0, 2.0], "id": 3},
            {"name": "c", "at": [0.5, 4.0], "id": 65535},
        ]),
    );
    let twice: (Vec<f64>, Vec<f64>) = read("twice").unwrap();
    assert_eq!((twice.0.len(), &twice.0), (1000, &twice.1));

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Numbers(Vec<f64>),
    }
    is("float", Either::Number(1.5));
    is("array", Either::Numbers(vec![1.0, 2.0, -0.5]));
}

#[test]
fn deserialize_of_wrong_type_names_both_types() {
    for (error, message) in [
        (refused::<u8>("str"), "invalid type: string \"naïve\", expected u8"),
        (refused::<u8>("negative"), "invalid value: integer `-7`, expected u8"),
        (refused::<Vec<u8>>("dict"), "invalid type: map, expected a sequence"),
        (refused::<String>("array"), "invalid type: sequence, expected a string"),
        (refused::<(i8, i8)>("list"), "expected a sequence of 2 values, found 3"),
        (refused::<[f32; 2]>("array"), "expected a sequence of 2 values, found 3"),
        (refused::<u128>("too wide"), "expected int of at most 128 bits, found one of 129"),
        (
            refused::<String>("surrogate"),
            "the str contains a lone surrogate, which a Rust str cannot",
        ),
        (
            refused::<Json>("unknown"),
            "serde has no type for this value: object of an unknown class",
        ),
        (refused::<Json>("class"), "serde has no type for this value: global"),
        (refused::<Json>("cyclic"), "the value contains itself"),
        (refused::<Json>("root"), "the value contains itself"),
        (refused::<Shape>("list"), "expected str or dict of one entry, found list"),
        (
            refused::<Vec<Shape>>("array"),
            "expected str or dict of one entry, found NumPy scalar <f8",
        ),
    ] {
        assert_eq!((error.message(), error.clause()), (message, "access.type"));
    }
}

#[test]
fn deserialize_of_deep_or_shared_value_is_over_a_limit() {
    read::<Json>("nested 128").unwrap();
    assert_eq!(refused::<Json>("nested 129").clause(), "access.depth");
    assert_eq!(refused::<Json>("shared").clause(), "access.sharing");
    assert_eq!(refused::<Json>("no items").clause(), "access.sharing");
    // Nor time, where nothing is kept.
    assert_eq!(refused::<Vec<IgnoredAny>>("no bytes").clause(), "access.sharing");
    assert_eq!(refused::<Vec<IgnoredAny>>("no items").clause(), "access.sharing");
}

/// `pickle.dumps({"id": 3, "name": "loop", "score": None}, protocol=2)`
const STRUCT: &[u8] = b"\x80\x02}q\0(X\x02\0\0\0idK\x03X\x04\0\0\0nameX\x04\0\0\0loop\
    X\x05\0\0\0scoreNu.";

#[derive(Debug, Deserialize, PartialEq)]
struct Row {
    id: Id,
    name: String,
    score: Option<f64>,
}

#[test]
fn from_slice_of_a_bare_pickle_is_its_object() {
    let expected = Row { id: Id(3), name: "loop".to_owned(), score: None };
    assert_eq!(npy_object::from_slice::<Row>(STRUCT).unwrap(), expected);
    let followed = [STRUCT, b"anything"].concat();
    assert_eq!(npy_object::from_slice::<Row>(&followed).unwrap(), expected);
}

#[test]
fn from_slice_of_a_wrong_type_has_the_path() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Wrong {
        id: Id,
        name: u8,
    }
    let error = npy_object::from_slice::<Wrong>(STRUCT).unwrap_err();
    assert_eq!((error.path(), error.offset()), ("['name']", Some(0)));
    assert_eq!(error.message(), "invalid type: string \"loop\", expected u8");
}

#[test]
fn from_slice_of_anything_but_a_whole_pickle_fails() {
    let clause = |bytes: &[u8]| npy_object::from_slice::<Row>(bytes).unwrap_err().clause();
    assert_eq!(
        npy_object::from_slice::<Row>(&STRUCT[..20]).unwrap_err().kind(),
        ErrorKind::Truncated
    );
    assert_eq!(clause(b"\x93NUMPY\x01\0"), "access.type");
    assert_eq!(clause(b"cos\nsystem\nX\x02\0\0\0ls\x85R."), "access.type");
}

#[test]
fn owned_element_deserializes_and_lends_its_text() {
    let whole = Options::new().load(Source::bytes(STRUCT.to_vec())).unwrap();
    let row: BTreeMap<&str, IgnoredAny> = whole.deserialize().unwrap();
    assert_eq!(row.into_keys().collect::<Vec<_>>(), ["id", "name", "score"]);
}
