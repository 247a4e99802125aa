//! The methods of elements, and of owned elements, that read a value as an expected type.

use std::borrow::Cow;
use std::path::Path;

use npy_object::{Element, Error, Kind, NpyArray, Options, OwnedElement, Source};

fn open(name: &str) -> NpyArray {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    npy_object::open(folder.join(name).with_extension("npy")).unwrap()
}

/// The object of a bare pickle.
fn pickled(pickle: &[u8]) -> OwnedElement {
    Options::new().load(Source::bytes(pickle.to_vec())).unwrap()
}

/// The elements: 100 ints, 20 floats, a tuple of ints, an int and a float, nothing.
#[test]
fn as_ints_and_as_floats_give_lists_of_one_type() {
    let mut array = open("counts");
    let elements: Vec<OwnedElement> = array.elements().collect::<Result<_, _>>().unwrap();
    let ints: Vec<Option<Vec<i64>>> =
        elements.iter().map(|owned| Some(owned.as_ints().ok()?.into_owned())).collect();
    assert_eq!(ints, [Some((0..100).collect()), None, Some(vec![1, 2, 3]), None, Some(vec![])]);
    let floats: Vec<Option<Vec<f64>>> =
        elements.iter().map(|owned| Some(owned.as_floats().ok()?.into_owned())).collect();
    let halves = (0..20).map(|n| f64::from(n) / 2.0).collect();
    assert_eq!(floats, [None, Some(halves), None, None, Some(vec![])]);
    assert!(matches!(array.get(0).unwrap().unwrap().as_ints(), Ok(Cow::Borrowed(_))));
    assert!(matches!(array.get(1).unwrap().unwrap().as_floats(), Ok(Cow::Borrowed(_))));
    let error = open("strings").next_element().unwrap().unwrap().as_ints().unwrap_err();
    assert_eq!(error.clause(), "access.type");
}

/// `datetime.datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3661)))`, as `isoformat` has
/// it.
#[test]
fn display_of_datetime_with_seconds_in_offset_has_them() {
    let time = b"cdatetime\ndatetime\nC\x0a\x07\xe8\x01\x01\0\0\0\0\0\0\
        cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0M\x4d\x0eK\0\x87R\x85R\x86R";
    let whole = pickled(&[b"\x80\x03", &time[..], b"."].concat());
    let Kind::DateTime(time) = whole.kind() else { panic!("a datetime") };
    assert_eq!(time.to_string(), "2024-01-01T00:00:00+01:01:01");
}

#[test]
fn owned_element_has_the_methods_of_element() {
    let mut strings = open("strings");
    let text = strings.get_owned(1).unwrap().unwrap();
    assert_eq!(text.as_str().unwrap(), "NumPy");
    assert_eq!(text.as_i64().unwrap_err().clause(), "access.type");

    let values = open("ragged").get_owned(2).unwrap().unwrap();
    assert_eq!(values.as_slice::<f64>().unwrap()[..], [0.0, 1.0, 2.0]);
    assert_eq!(values.as_array::<f64>().unwrap().shape(), [3]);

    let parts = pickled(b"\x80\x02\x88G\x3f\xf8\0\0\0\0\0\0}K\x01K\x02s\x87.");
    let [flag, float, dict] = parts.as_items().unwrap().collect::<Vec<_>>()[..] else { panic!() };
    assert!(flag.as_bool().unwrap());
    assert_eq!(float.as_f64().unwrap(), 1.5);
    assert_eq!(dict.as_entries().unwrap().len(), 1);
    assert!(parts.value().is_some());
}

/// `numpy.array([1, 258], dtype)`, pickled by `_frombuffer`, which keeps the byte order.
fn numbers(dtype: &[u8; 3], bytes: &[u8; 4]) -> OwnedElement {
    let [order, code @ ..] = dtype;
    let pickle = [
        b"\x80\x05cnumpy._core.numeric\n_frombuffer\n(C\x04",
        &bytes[..],
        b"cnumpy\ndtype\n\x8c\x02",
        code,
        b"\x89\x88\x87R(K\x03\x8c\x01",
        &[*order],
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbK\x02\x85\x8c\x01CtR.",
    ];
    pickled(&pickle.concat())
}

#[test]
fn as_le_bytes_of_either_byte_order_is_little_endian() {
    for (dtype, bytes) in [(b"<u2", &[1, 0, 2, 1]), (b">u2", &[0, 1, 1, 2])] {
        let element = numbers(dtype, bytes);
        assert_eq!(element.as_array::<u16>().unwrap().data(), [1, 258]);
        assert_eq!(element.as_array::<u16>().unwrap().as_le_bytes()[..], [1, 0, 2, 1]);
        let Kind::Array(array) = element.kind() else { panic!("an array") };
        let le_bytes = array.as_le_bytes().expect("an array of numbers");
        assert_eq!(le_bytes[..], [1, 0, 2, 1]);
        assert_eq!(matches!(le_bytes, Cow::Borrowed(_)), dtype == b"<u2");
    }
}

#[test]
fn as_le_bytes_of_objects_is_none() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/strings.npy");
    let whole = Options::new().load(Source::open(path).unwrap()).unwrap();
    let Kind::Array(array) = whole.kind() else { panic!("an array") };
    assert!(array.as_le_bytes().is_none());
}

#[test]
fn error_of_a_wrong_type_names_both_types_and_the_byte() {
    fn message(read: impl FnOnce(Element<'_>) -> Error, name: &str) -> String {
        let mut array = open(name);
        let error = read(array.next_element().unwrap().unwrap());
        assert!(error.offset().is_some());
        error.message().to_owned()
    }
    for (error, expected) in [
        (message(|text| text.as_i64().unwrap_err(), "strings"), "expected int, found str"),
        (
            message(|text| text.as_array::<f64>().unwrap_err(), "strings"),
            "expected array, found str",
        ),
        (
            message(|array| array.as_array::<i8>().unwrap_err(), "ragged"),
            "expected array of i8, found array of dtype <f8",
        ),
        (
            message(|array| array.as_scalar::<f64>().unwrap_err(), "ragged"),
            "expected scalar, found array of shape (1,)",
        ),
    ] {
        assert_eq!(error, expected);
    }
}
