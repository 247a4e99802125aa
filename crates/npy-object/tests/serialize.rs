//! Rust types to elements through serde, and back.
#![cfg(feature = "serde")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Cursor;

use npy_object::{Options, WriteOptions};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn written<T: Serialize>(values: &[T]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    values.iter().for_each(|value| writer.serialize(value).unwrap());
    writer.finish().unwrap();
    file.into_inner()
}

fn check<T: Serialize + for<'a> Deserialize<'a> + PartialEq + Debug>(values: &[T]) {
    let mut array = Options::new().open(written(values)).unwrap();
    for value in values {
        let element = array.next_element().unwrap().expect("as many as were written");
        assert_eq!(&element.deserialize::<T>().unwrap(), value);
    }
    assert!(array.next_element().unwrap().is_none());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f64),
    Line((i8, i8), (i8, i8)),
    Box { width: u64, height: u128 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Track {
    id: i128,
    name: String,
    shapes: Vec<Shape>,
    tags: BTreeMap<String, Option<bool>>,
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Empty),
        (-1e300..1e300).prop_map(Shape::Circle),
        any::<((i8, i8), (i8, i8))>().prop_map(|(from, to)| Shape::Line(from, to)),
        any::<(u64, u128)>().prop_map(|(width, height)| Shape::Box { width, height }),
    ]
}

fn track() -> impl Strategy<Value = Track> {
    let shapes = prop::collection::vec(shape(), 0..4);
    let tags = prop::collection::btree_map(".{0,3}", any::<Option<bool>>(), 0..3);
    (any::<i128>(), ".{0,9}", shapes, tags).prop_map(|(id, name, shapes, tags)| Track {
        id,
        name,
        shapes,
        tags,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn serialized_values_deserialize_to_themselves(tracks in prop::collection::vec(track(), 0..5)) {
        check(&tracks);
    }
}

#[test]
fn serialized_values_of_any_number_are_read_again() {
    for len in [0, 1, 999, 1000, 1001, 2000, 2001] {
        check(&(0..len).collect::<Vec<u32>>());
    }
}

#[test]
fn serialized_structs_write_field_names_once() {
    let track = Track { id: 1, name: String::new(), shapes: Vec::new(), tags: BTreeMap::new() };
    let file = written(&[track.clone(), track]);
    assert_eq!(file.windows(6).filter(|bytes| bytes == b"shapes").count(), 1);
}

#[test]
fn serialize_of_deep_value_fails_and_writer_goes_on() {
    #[derive(Serialize)]
    struct Deep(Vec<Deep>);
    let deep = (0..200).fold(Deep(Vec::new()), |inner, _| Deep(vec![inner]));
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    assert_eq!(writer.serialize(&deep).unwrap_err().clause(), "access.depth");
    writer.serialize("flat").unwrap();
    writer.finish().unwrap();
    let mut array = Options::new().open(file.into_inner()).unwrap();
    assert_eq!(array.len(), 1);
    assert_eq!(array.get(0).unwrap().unwrap().as_str().unwrap(), "flat");
}
