//! Elements as what somebody knows that they are.

use std::borrow::Cow;
use std::path::Path;

use npy_object::{Kind, NpyArray, OwnedElement};

fn open(name: &str) -> NpyArray {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    npy_object::open(folder.join(name).with_extension("npy")).unwrap()
}

/// A hundred ints, twenty floats, a tuple of ints, an int and a float, nothing.
#[test]
fn lists_of_numbers() {
    let mut array = open("counts");
    let elements: Vec<OwnedElement> = array.elements().collect::<Result<_, _>>().unwrap();
    let ints: Vec<Option<Vec<i64>>> =
        elements.iter().map(|owned| Some(owned.element().as_ints().ok()?.into_owned())).collect();
    assert_eq!(ints, [Some((0..100).collect()), None, Some(vec![1, 2, 3]), None, Some(vec![])]);
    let floats: Vec<Option<Vec<f64>>> =
        elements.iter().map(|owned| Some(owned.element().as_floats().ok()?.into_owned())).collect();
    let halves = (0..20).map(|n| f64::from(n) / 2.0).collect();
    assert_eq!(floats, [None, Some(halves), None, None, Some(vec![])]);
    // In the array they are where they were decoded.
    assert!(matches!(array.get(0).unwrap().unwrap().as_ints(), Ok(Cow::Borrowed(_))));
    assert!(matches!(array.get(1).unwrap().unwrap().as_floats(), Ok(Cow::Borrowed(_))));
    let error = open("strings").next_element().unwrap().unwrap().as_ints().unwrap_err();
    assert_eq!(error.clause(), "access.type");
}

/// `datetime.datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3661)))`, as `isoformat` has it.
#[test]
fn a_utc_offset_may_have_seconds() {
    let time = b"cdatetime\ndatetime\nC\x0a\x07\xe8\x01\x01\0\0\0\0\0\0\
        cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0M\x4d\x0eK\0\x87R\x85R\x86R";
    let pickle = [b"\x80\x03", &time[..], b"."].concat();
    let whole = npy_object::Options::new().read_pickle(npy_object::Source::bytes(pickle)).unwrap();
    let Kind::DateTime(time) = whole.element().kind() else { panic!("a datetime") };
    assert_eq!(time.to_string(), "2024-01-01T00:00:00+01:01:01");
}
