//! Elements as Arrow record batches.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType};
use npy_object::{NpyArray, Options};

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
