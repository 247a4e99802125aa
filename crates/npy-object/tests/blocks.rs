//! Elements as blocks of rows.

use std::io::Cursor;

use npy_object::pickle::Hole;
use npy_object::{BlockRow, Constant, NpyArray, Options, Plan, WriteOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Writes values as the elements of an array.
fn array_of(values: &[Value]) -> NpyArray {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    values.iter().for_each(|value| writer.serialize(value).unwrap());
    writer.finish().unwrap();
    Options::new().open(file.into_inner()).unwrap()
}

/// Returns the value of a part of a row; `None` where it reads the memo, or has to be decoded.
fn value(plan: &Plan, row: BlockRow<'_>) -> Option<Value> {
    let all = |plans: &[Plan]| plans.iter().map(|plan| value(plan, row)).collect::<Option<_>>();
    Some(match plan {
        Plan::Hole(hole) => of_hole(row.holes[*hole], row)?,
        Plan::Constant(Constant::None) => Value::Null,
        Plan::Constant(Constant::Bool(bool)) => json!(bool),
        Plan::Constant(Constant::Int(int)) => json!(int),
        Plan::Constant(Constant::Float(float)) => json!(float),
        Plan::Constant(Constant::Str(text)) => json!(text),
        Plan::List(items) | Plan::Tuple(items) => Value::Array(all(items)?),
        Plan::Dict(entries) => {
            let entry = |(key, part): &(Box<str>, Plan)| Some((key.to_string(), value(part, row)?));
            Value::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        Plan::Other => return None,
        other => panic!("no row of these values has {other:?}"),
    })
}

fn of_hole(hole: Hole, row: BlockRow<'_>) -> Option<Value> {
    Some(match hole {
        Hole::None => Value::Null,
        Hole::Bool(bool) => json!(bool),
        Hole::Int(int) => json!(int),
        Hole::Float(float) => json!(float),
        Hole::Str(text) => json!(std::str::from_utf8(text.of(row.bytes)).unwrap()),
        Hole::Ints(list) => json!(list.of(row.lists.ints())),
        Hole::Floats(list) => json!(list.of(row.lists.floats())),
        Hole::Items(list) => {
            let items = list.of(row.lists.items()).iter();
            Value::Array(items.map(|item| of_hole(*item, row)).collect::<Option<_>>()?)
        }
        Hole::Get(_) => return None,
        other => panic!("no row of these values has {other:?}"),
    })
}

/// Reads all elements by blocks of at most `most`. Returns them, and how many were not decoded.
fn read(array: &mut NpyArray, most: usize) -> (Vec<Value>, usize) {
    let (mut values, mut undecoded) = (Vec::new(), 0);
    while let Some(mut block) = array.next_block(most).unwrap() {
        assert_eq!(block.first(), values.len() as u64);
        assert!((1..=most).contains(&block.len()));
        let mut index = 0;
        while index < block.len() {
            let from = index;
            if let Some(rows) = block.rows(index) {
                let plan = rows.plan().clone();
                let fitting = rows.iter().take_while(|row| plan.fits(*row));
                for made in fitting.map_while(|row| value(plan.value(), row)) {
                    values.push(made);
                    undecoded += 1;
                    index += 1;
                }
            }
            if index == from {
                let element = block.element(index).unwrap().unwrap();
                values.push(element.deserialize().unwrap());
                index += 1;
            }
        }
        assert!(block.element(index).unwrap().is_none());
    }
    assert!(array.next_block(most).unwrap().is_none());
    (values, undecoded)
}

#[test]
fn rows_of_equal_dicts_are_not_decoded() {
    let dicts: Vec<Value> = (0..3000)
        .map(|id| json!({"id": id, "name": format!("name {id}"), "v": [id, id + 1], "sub": {"x": 0.5}}))
        .collect();
    let (values, undecoded) = read(&mut array_of(&dicts), 700);
    assert_eq!(values, dicts);
    assert!(undecoded > 2900, "{undecoded}");
}

#[test]
fn rows_of_dicts_of_other_keys_have_their_keys() {
    let key = |id: u64| if id.is_multiple_of(7) { "other" } else { "name" };
    let dicts: Vec<Value> = (0..500).map(|id| json!({"id": id, key(id): id})).collect();
    let (values, undecoded) = read(&mut array_of(&dicts), 100);
    assert_eq!(values, dicts);
    assert!(undecoded > 300, "{undecoded}");
}

#[test]
fn rows_of_arrays_have_their_bytes_and_shape() {
    let arrays: Vec<Vec<u8>> = (0..100u8).map(|length| (0..length).collect()).collect();
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    let dtype = "|u1".parse().unwrap();
    for array in &arrays {
        writer.append_array(&dtype, &[array.len()], false, array).unwrap();
    }
    writer.finish().unwrap();
    let mut array = Options::new().open(file.into_inner()).unwrap();
    let mut undecoded = 0;
    while let Some(mut block) = array.next_block(64).unwrap() {
        let first = block.first() as usize;
        let Some(rows) = block.rows(0) else { continue };
        let Plan::Array(plan) = rows.plan().value() else { continue };
        for (row, array) in rows.iter().zip(&arrays[first..]) {
            let mut shape = [0];
            let (bytes, fortran_order) = plan.read(row, &mut shape).unwrap();
            assert_eq!((bytes, shape, fortran_order), (&array[..], [array.len()], false));
            undecoded += 1;
        }
    }
    assert!(undecoded > 30, "{undecoded}");
}

#[test]
fn rows_of_arrays_in_either_order_have_their_order() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    let dtype = "|u1".parse().unwrap();
    let is_fortran = |index: u64| index.is_multiple_of(3);
    for index in 0..300 {
        writer.append_array(&dtype, &[2, 3], is_fortran(index), b"abcdef").unwrap();
    }
    writer.finish().unwrap();
    let mut array = Options::new().open(file.into_inner()).unwrap();
    let mut others = array.clone();
    for index in 0..300 {
        let element = array.next_element().unwrap().unwrap();
        assert_eq!(element.as_array::<u8>().unwrap().fortran_order(), is_fortran(index), "{index}");
    }
    while let Some(mut block) = others.next_block(64).unwrap() {
        let first = block.first();
        let Some(rows) = block.rows(0) else { continue };
        let Plan::Array(plan) = rows.plan().value() else { continue };
        let fitting = rows.iter().take_while(|row| rows.plan().fits(*row));
        for (row, index) in fitting.zip(first..) {
            let (_, fortran_order) = plan.read(row, &mut [0, 0]).unwrap();
            assert_eq!(fortran_order, is_fortran(index), "{index}");
        }
    }
}

#[test]
fn rows_of_one_column_are_its_values() {
    let numbers: Vec<Value> = (0..100).map(|number| json!(number * 1000)).collect();
    let mut array = array_of(&numbers);
    let mut block = array.next_block(1000).unwrap().unwrap();
    assert_eq!((block.first(), block.len()), (0, 100));
    let rows = block.rows(50).unwrap();
    assert!(matches!(rows.plan().value(), Plan::Hole(0)));
    assert_eq!(rows.column(0).next(), Some(&Hole::Int(50_000)));
}

#[test]
fn block_of_rows_without_objects_has_one_row() {
    let header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n";
    let bytes = [b"\x93NUMPY\x01\0", &[header.len() as u8, 0][..], header, b"abc"].concat();
    let mut array = Options::new().open(bytes).unwrap();
    let mut count = 0;
    while let Some(mut block) = array.next_block(10).unwrap() {
        assert_eq!((block.first(), block.len()), (count, 1));
        assert!(block.rows(0).is_none());
        assert!(block.element(0).unwrap().is_some());
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn truncated_array_gives_the_blocks_before_the_error() {
    let numbers: Vec<Value> = (0..2500).map(|number| json!(number)).collect();
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    numbers.iter().for_each(|number| writer.serialize(number).unwrap());
    writer.finish().unwrap();
    let mut bytes = file.into_inner();
    bytes.truncate(bytes.len() - 100);
    let mut array = Options::new().open(bytes).unwrap();
    let mut count = 0;
    let error = loop {
        match array.next_block(300) {
            Ok(block) => count += block.expect("the array is truncated").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(count, 2000);
    assert_eq!(error.kind(), npy_object::ErrorKind::Truncated);
    assert!(array.next_block(300).unwrap().is_none());
}

/// A value of a few forms, so that neighbours often have the same one.
fn element() -> impl Strategy<Value = Value> {
    let int = prop_oneof![0..300i64, any::<i64>()];
    let text = prop_oneof![Just("common".to_owned()), ".{0,5}", "[a-zé]{30,40}"];
    let scalar = prop_oneof![
        4 => int.clone().prop_map(|int| json!(int)),
        4 => text.clone().prop_map(|text| json!(text)),
        1 => any::<bool>().prop_map(|bool| json!(bool)),
        1 => (-1e9..1e9f64).prop_map(|float| json!(float)),
        1 => Just(Value::Null),
    ];
    let ints = prop::collection::vec(int.clone(), 0..30).prop_map(|ints| json!(ints));
    // Dicts of other keys have the same instructions.
    let keys = prop_oneof![9 => Just(["id", "name"]), 1 => Just(["key", "text"])];
    let dict = (keys, int, text, scalar.clone(), ints.clone()).prop_map(
        |([first, second], id, name, any, v)| json!({first: id, second: name, "any": any, "v": [v, any]}),
    );
    let scalars = prop::collection::vec(scalar.clone(), 0..10).prop_map(Value::Array);
    prop_oneof![3 => scalar, 2 => ints, 1 => scalars, 6 => dict]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn elements_of_blocks_are_those_of_the_loop(
        values in prop::collection::vec(element(), 1..200),
        most in 1..250usize,
    ) {
        let (read, _) = read(&mut array_of(&values), most);
        prop_assert_eq!(read, values);
    }
}
