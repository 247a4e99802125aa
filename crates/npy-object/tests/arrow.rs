//! Elements as Arrow record batches.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayAccessor, RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use npy_object::{Inference, NpyArray, Options, WriteOptions};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn open(name: &str) -> NpyArray {
    let path = format!("{}/tests/data/{name}.npy", env!("CARGO_MANIFEST_DIR"));
    npy_object::open(path).unwrap()
}

fn batches(array: NpyArray, rows: usize) -> Vec<RecordBatch> {
    array.record_batches(.., rows).unwrap().map(Result::unwrap).collect()
}

#[test]
fn record_batches_of_ragged_arrays_are_lists() {
    let batches = batches(open("ragged"), 2);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
    let lists = batches[1].column(0).as_list::<i64>();
    assert_eq!(lists.value(0).as_primitive::<Float64Type>().values(), &[0.0, 1.0, 2.0]);
    assert_eq!(batches[0].column(0).as_list::<i64>().value_length(1), 2);
}

#[test]
fn record_batches_of_a_range_have_its_elements() {
    let mut batches = open("strings").record_batches(1..2, 10).unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.column(0).as_string::<i64>().value(0)), (1, "NumPy"));
    assert!(batches.next().is_none());
}

/// An array of objects without a preamble, as `pickle.dumps` leaves it, of these elements.
fn pickled(count: u8, elements: &[u8]) -> NpyArray {
    let envelope =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R";
    let shape = [b"(K\x01K", &[count][..], b"\x85"].concat();
    let dtype = b"cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNN\
        J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](";
    let bytes = [envelope, &shape[..], dtype, elements, b"etb."].concat();
    Options::new().open(bytes).unwrap()
}

/// An array without items has no bytes in the file for the lists in it.
#[test]
fn record_batches_of_lists_without_bytes_fail() {
    let array = |shape: &[u8]| {
        let begin =
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01(";
        let dtype = b"tcnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R(K\x03X\x01\0\0\0<NNN\
            J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89C\0tb";
        pickled(1, &[begin, shape, dtype].concat()).record_batches(.., 10).unwrap().next().unwrap()
    };
    assert_eq!(array(b"M\xe8\x03K\0").unwrap().column(0).as_list::<i64>().value_length(0), 1000);
    for shape in [&b"J\0\0\0\x40K\0"[..], b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7fK\0"]
    {
        let ArrowError::ExternalError(error) = array(shape).unwrap_err() else { panic!() };
        assert!(error.to_string().contains("0 bytes"), "{error}");
    }
}

#[test]
fn record_batches_of_missing_values_are_null() {
    // None, NaN, then texts; more than a batch of them comes before the first text.
    let nan = [&b"G"[..], &f64::NAN.to_be_bytes()].concat();
    let elements = [&b"N"[..], &nan, &nan, b"X\x01\0\0\0aN", &nan].concat();
    let batches = batches(pickled(6, &elements), 2);
    let texts = batches.iter().flat_map(|batch| batch.column(0).as_string::<i64>().iter());
    assert_eq!(texts.collect::<Vec<_>>(), [None, None, None, Some("a"), None, None]);

    let numbers = [&nan[..], b"NG\x3f\xe0\0\0\0\0\0\0"].concat();
    let batch = self::batches(pickled(3, &numbers), 10).remove(0);
    let column = batch.column(0).as_primitive::<Float64Type>();
    assert!(column.value(0).is_nan() && column.is_valid(0) && column.is_null(1));
    assert_eq!(column.value(2), 0.5);
}

#[test]
fn record_batches_of_dicts_have_their_keys_as_columns() {
    // {'a': 1}, {'a': 2, 'b': 0.5}
    let elements = b"}X\x01\0\0\0aK\x01s}(X\x01\0\0\0aK\x02X\x01\0\0\0bG\x3f\xe0\0\0\0\0\0\0u";
    let batch = batches(pickled(2, elements), 10).remove(0);
    let column = |name| batch.column_by_name(name).unwrap();
    assert_eq!(column("a").as_primitive::<Int64Type>().values(), &[1, 2]);
    let missing = column("b").as_primitive::<Float64Type>();
    assert!(missing.is_null(0));
    assert_eq!(missing.value(1), 0.5);
}

/// The texts are 65,536 memo entries apart, so that a cache of as many places has one of them at most.
#[test]
fn record_batches_of_texts_far_apart_in_the_memo_have_both() {
    let first = b"}(X\x01\0\0\0xX\x01\0\0\0aq\x01X\x01\0\0\0yX\x01\0\0\0br\x01\0\x01\0u";
    let pairs = [&b"h\x01"[..], b"j\x01\0\x01\0"];
    let mut elements = first.to_vec();
    for row in 0..199 {
        let (x, y) = (pairs[row % 2], pairs[row / 2 % 2]);
        elements.extend([&b"}(X\x01\0\0\0x"[..], x, b"X\x01\0\0\0y", y, b"u"].concat());
    }
    let batch = batches(pickled(200, &elements), 500).remove(0);
    let texts = |name| batch.column_by_name(name).unwrap().as_string::<i64>().clone();
    let (x, y) = (texts("x"), texts("y"));
    for row in 0..199 {
        let expected = (["a", "b"][row % 2], ["a", "b"][row / 2 % 2]);
        assert_eq!((x.value(row + 1), y.value(row + 1)), expected);
    }
}

#[test]
fn record_batches_have_the_types_of_the_first_batch() {
    let read = |elements: &[u8], rows| {
        let reader = pickled(3, elements).record_batches(.., rows).unwrap();
        let data_type = reader.schema().field(0).data_type().clone();
        (data_type, reader.collect::<Result<Vec<_>, ArrowError>>())
    };
    // 1, None, 0.5: an int and a float are floats.
    let mixed = b"K\x01NG\x3f\xe0\0\0\0\0\0\0";
    let (data_type, batches) = read(mixed, 3);
    assert_eq!(data_type, DataType::Float64);
    let batch = batches.unwrap().remove(0);
    let floats = batch.column(0).as_primitive::<Float64Type>();
    assert_eq!((floats.value(0), floats.is_null(1), floats.value(2)), (1.0, true, 0.5));
    let error = read(mixed, 2).1.unwrap_err().to_string();
    assert!(error.contains("expected Int64, found float"), "{error}");
    // 1, 'a', None: together they are no column.
    let error = pickled(3, b"K\x01X\x01\0\0\0aN").record_batches(.., 3).unwrap_err();
    assert_eq!(error.clause(), "access.type");
}

#[test]
fn record_batches_of_parts_have_the_inferred_schema() {
    // None, 1, 0.5: each part alone would have another type.
    let mut array = pickled(3, b"NK\x01G\x3f\xe0\0\0\0\0\0\0");
    let mut inference = Inference::default();
    inference.add(&mut array, ..2).unwrap();
    assert_eq!(inference.schema().field(0).data_type(), &DataType::Int64);
    inference.add(&mut array, ..).unwrap();
    let mut values = Vec::new();
    for part in 0..3 {
        let schema = inference.schema();
        let batches = array.clone().record_batches_as(part..part + 1, 10, schema).unwrap();
        assert_eq!(batches.schema().field(0).data_type(), &DataType::Float64);
        for batch in batches.map(Result::unwrap) {
            values.extend(batch.column(0).as_primitive::<Float64Type>().iter());
        }
    }
    assert_eq!(values, [None, Some(1.0), Some(0.5)]);
    // An array of another type.
    let error = inference.add(&mut open("strings"), ..).unwrap_err();
    assert_eq!(error.clause(), "access.type");
}

#[test]
fn record_batches_as_a_schema_have_its_columns() {
    // {'a': 1}, {'a': 2, 'b': 0.5}
    let elements = b"}X\x01\0\0\0aK\x01s}(X\x01\0\0\0aK\x02X\x01\0\0\0bG\x3f\xe0\0\0\0\0\0\0u";
    let read = |fields: Vec<Field>| {
        let schema = Arc::new(Schema::new(fields));
        let batches = pickled(2, elements).record_batches_as(.., 10, schema)?;
        Ok(batches.map(Result::unwrap).collect::<Vec<_>>())
    };
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    let fields = vec![field("c", DataType::Utf8), field("b", DataType::Float64)];
    let batch = read(fields).unwrap().remove(0);
    assert_eq!(batch.schema().field(0).data_type(), &DataType::LargeUtf8);
    assert_eq!((batch.num_columns(), batch.column(0).null_count()), (2, 2));
    assert_eq!(batch.column(1).as_primitive::<Float64Type>().value(1), 0.5);
    let batch = read(Vec::new()).unwrap().remove(0);
    assert_eq!((batch.num_columns(), batch.num_rows()), (0, 2));
    let seconds = DataType::Timestamp(TimeUnit::Second, Some("UTC".into()));
    let error: npy_object::Error = read(vec![field("a", seconds)]).unwrap_err();
    assert_eq!(error.clause(), "access.type");
    assert!(error.to_string().contains("['a']"), "{error}");
}

#[test]
fn record_batches_as_a_dictionary_have_each_text_once() {
    // 'ab', 'cd', None, and the first two in turns.
    let mut elements = b"X\x02\0\0\0abq\x01X\x02\0\0\0cdq\x02N".to_vec();
    (0..97).for_each(|row| elements.extend([b'h', 1 + row % 2]));
    let text = DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![Field::new("element", text, true)]));
    let mut batches = pickled(100, &elements).record_batches_as(.., 1000, schema).unwrap();
    let batch = batches.next().unwrap().unwrap();
    let column = batch.column(0).as_dictionary::<Int32Type>();
    assert_eq!((column.values().len(), column.null_count()), (2, 1));
    let texts = column.downcast_dict::<arrow_array::LargeStringArray>().unwrap();
    let row = |row: usize| (!column.is_null(row)).then(|| texts.value(row));
    assert_eq!(
        [0, 1, 2, 3, 98, 99].map(row),
        [Some("ab"), Some("cd"), None, Some("ab"), Some("cd"), Some("ab")]
    );
}

#[test]
fn record_batches_as_one_column_tell_dicts_from_their_structs() {
    // {'a': 1}, None and {'element': {'a': 1}}, {'element': None}
    let mixed = &b"}X\x01\0\0\0aK\x01sN"[..];
    let nested = b"}X\x07\0\0\0element}X\x01\0\0\0aK\x01ss}X\x07\0\0\0elementNs";
    for elements in [mixed, nested] {
        let mut array = pickled(2, elements);
        let mut inference = Inference::default();
        inference.add(&mut array, ..).unwrap();
        let batch = array.record_batches_as(0.., 10, inference.schema()).unwrap().next().unwrap();
        let batch = batch.unwrap();
        let structs = batch.column_by_name("element").unwrap().as_struct();
        assert_eq!(structs.column(0).as_primitive::<Int64Type>().value(0), 1);
        assert!(structs.is_valid(0) && structs.is_null(1));
    }
}

#[test]
fn record_batches_of_nested_lists_have_their_offsets() {
    // [[1], []], [[2, 3]], []
    let elements = b"](]K\x01a]e](](K\x02K\x03ee]";
    let batch = batches(pickled(3, elements), 10).remove(0);
    let outer = batch.column(0).as_list::<i64>();
    assert_eq!(outer.offsets().as_ref(), &[0, 2, 3, 3]);
    let inner = outer.values().as_list::<i64>();
    assert_eq!(inner.offsets().as_ref(), &[0, 1, 1, 3]);
    assert_eq!(inner.values().as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

/// A row of a table, with a column of each type that is copied without decoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: i64,
    name: Option<String>,
    weight: f64,
    is_new: Option<bool>,
    counts: Vec<i64>,
    weights: Option<Vec<f64>>,
    sub: Sub,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sub {
    level: Option<i64>,
    tag: String,
}

fn row() -> impl Strategy<Value = Row> {
    let int = prop_oneof![0..300i64, any::<i64>()];
    let text = prop_oneof![Just("common".to_owned()), ".{0,5}", "[a-zé]{30,40}"];
    let weights = prop::option::weighted(0.9, prop::collection::vec(-1e9..1e9f64, 0..20));
    let counts = prop::collection::vec(prop_oneof![0..300i64, any::<i64>()], 0..20);
    let sub =
        (prop::option::of(any::<i64>()), text.clone()).prop_map(|(level, tag)| Sub { level, tag });
    let flags = (-1e9..1e9f64, prop::option::of(any::<bool>()));
    (int, prop::option::of(text), flags, counts, weights, sub).prop_map(
        |(id, name, (weight, is_new), counts, weights, sub)| Row {
            id,
            name,
            weight,
            is_new,
            counts,
            weights,
            sub,
        },
    )
}

/// Returns the type with dictionaries for its texts.
fn with_dictionaries(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8))
        }
        DataType::Struct(fields) => {
            let field = |field: &Arc<Field>| {
                Field::clone(field).with_data_type(with_dictionaries(field.data_type()))
            };
            DataType::Struct(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

/// Returns the value of a column in a row.
fn value(column: &dyn Array, row: usize) -> serde_json::Value {
    use serde_json::Value;
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).into(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_dictionary::<Int32Type>();
            value(dictionary.values(), dictionary.key(row).unwrap())
        }
        DataType::LargeList(_) => {
            let items = column.as_list::<i64>().value(row);
            (0..items.len()).map(|item| value(&items, item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns().iter().zip(fields);
            let entries = columns.map(|(column, field)| (field.name().clone(), value(column, row)));
            Value::Object(entries.collect())
        }
        DataType::Null => Value::Null,
        other => panic!("no column of these rows is of type {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn record_batches_have_the_values_of_the_elements(
        mut rows in prop::collection::vec(row(), 1..150),
        size in 1..200usize,
        first in 0..20u64,
        chosen in prop::collection::vec(any::<bool>(), 7),
    ) {
        // The first batch decides the types, so nothing may be missing in its first row.
        if let Some(row) = rows.get_mut(first as usize) {
            row.name = Some("name".into());
            row.is_new = Some(true);
            row.counts = vec![1];
            row.weights = Some(vec![1.5]);
            row.sub.level = Some(1);
        }
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
        rows.iter().for_each(|row| writer.serialize(row).unwrap());
        writer.finish().unwrap();
        let mut array = Options::new().open(file.into_inner()).unwrap();
        let mut inference = Inference::default();
        inference.add(&mut array, first..).unwrap();
        let schema = inference.schema();
        let columns: Vec<usize> =
            (0..schema.fields().len()).rev().filter(|&column| chosen[column]).collect();
        let schema = schema.project(&columns).unwrap();
        let fields = schema.fields().iter().map(|field| match chosen[0] {
            true => Field::clone(field).with_data_type(with_dictionaries(field.data_type())),
            false => Field::clone(field),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut read_columns = Vec::new();
        for batch in array.clone().record_batches_as(first.., size, Arc::clone(&schema)).unwrap() {
            let batch = batch.unwrap();
            prop_assert_eq!(&batch.schema(), &schema);
            let entries = |row| {
                let columns = batch.columns().iter().zip(schema.fields());
                columns.map(|(column, field)| (field.name().clone(), value(column, row))).collect()
            };
            read_columns.extend((0..batch.num_rows()).map(|row| serde_json::Value::Object(entries(row))));
        }
        let mut read = Vec::new();
        for batch in array.record_batches(first.., size).unwrap() {
            let batch = StructArray::from(batch.unwrap());
            prop_assert!(batch.len() <= size);
            read.extend((0..batch.len()).map(|row| value(&batch, row)));
        }
        let rows = rows.get(first as usize..).unwrap_or_default();
        let expected: Vec<_> =
            rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
        prop_assert_eq!(read, &expected[..]);
        let of_columns = |row: &serde_json::Value| {
            let fields = schema.fields().iter();
            fields.map(|field| (field.name().clone(), row[field.name()].clone())).collect()
        };
        let expected: Vec<_> =
            expected.iter().map(|row| serde_json::Value::Object(of_columns(row))).collect();
        prop_assert_eq!(read_columns, expected);
    }
}
