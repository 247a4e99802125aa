//! Elements as tables: schemas, and files of them.

use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use npy_object::json::PlainJson;
use npy_object::table::{
    Compression, Export, Inference, Mixed, Profile, Target, Tensors, import, is_table,
};
use npy_object::{Error, Kind, NpyArray, Options};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Returns an array of objects, as `pickle.dumps` leaves it, of these elements.
fn pickled(count: u16, elements: &[u8]) -> NpyArray {
    let envelope =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R";
    let shape = [b"(K\x01M", &count.to_le_bytes()[..], b"\x85"].concat();
    let dtype = b"cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNN\
        J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](";
    let bytes = [envelope, &shape[..], dtype, elements, b"etb."].concat();
    Options::new().open(bytes).unwrap()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn float(value: f64) -> Vec<u8> {
    [b"G", &value.to_be_bytes()[..]].concat()
}

fn long(value: i128) -> Vec<u8> {
    [b"\x8a\x10", &value.to_le_bytes()[..]].concat()
}

fn decimal(digits: &str) -> Vec<u8> {
    [b"cdecimal\nDecimal\n", &text(digits)[..], b"\x85R"].concat()
}

/// Returns the pickle of an array of these items.
fn array(dtype: &str, shape: &[u8], items: &[u8]) -> Vec<u8> {
    let begin = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01(";
    let shape: Vec<u8> = shape.iter().flat_map(|&length| [b'K', length]).collect();
    let dtype = [
        b"tcnumpy\ndtype\n",
        &text(&dtype[1..])[..],
        b"\x89\x88\x87R(K\x03",
        &text(&dtype[..1]),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89",
    ];
    let items = [b"B", &(items.len() as u32).to_le_bytes()[..], items, b"tb"].concat();
    [&begin[..], &shape, &dtype.concat(), &items].concat()
}

fn floats(values: &[f64]) -> Vec<u8> {
    array("<f8", &[values.len() as u8], &values.map_bytes())
}

trait Bytes {
    fn map_bytes(&self) -> Vec<u8>;
}

impl Bytes for [f64] {
    fn map_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

impl Bytes for [i64] {
    fn map_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

/// Returns the array of these elements.
fn of(elements: &[Vec<u8>]) -> NpyArray {
    pickled(elements.len() as u16, &elements.concat())
}

/// Returns the schema of all elements of an array.
fn schema(array: &NpyArray, mut options: Inference) -> Result<SchemaRef, Error> {
    options.add(&mut array.clone(), ..)?;
    Ok(options.schema())
}

/// Returns the one batch of an array, of a schema that is inferred.
fn table(array: &NpyArray, options: Inference) -> Result<RecordBatch, Error> {
    let schema = schema(array, options)?;
    let mut batches = array.clone().record_batches_as(.., 1 << 20, schema)?;
    let batch = batches.next().unwrap()?;
    assert!(batches.next().is_none());
    Ok(batch)
}

fn type_of(elements: &[Vec<u8>]) -> DataType {
    let batch = table(&of(elements), Inference::new()).unwrap();
    batch.column(0).data_type().clone()
}

fn int(value: i64) -> Vec<u8> {
    [b"\x8a\x08", &value.to_le_bytes()[..]].concat()
}

#[test]
fn schema_widens_ints_to_floats_only_where_that_is_exact() {
    let exact = [int(1 << 60), float(0.5)];
    let batch = table(&of(&exact), Inference::new()).unwrap();
    let column = batch.column(0).as_primitive::<Float64Type>();
    assert_eq!(column.values(), &[(1u64 << 60) as f64, 0.5]);
    let error = table(&of(&[float(0.5), int((1 << 60) + 1)]), Inference::new()).unwrap_err();
    assert_eq!((error.element(), error.clause()), (Some(1), "access.type"));
    assert!(error.offset().is_some() && error.to_string().contains("exactly"), "{error}");
    // Of arrays, the items are looked at.
    let ints = |items: &[i64]| array("<i8", &[items.len() as u8], &items.map_bytes());
    let found = type_of(&[ints(&[1, 1 << 60]), floats(&[0.5])]);
    assert_eq!(found, DataType::new_large_list(DataType::Float64, true));
    let error = schema(&of(&[floats(&[0.5]), ints(&[(1 << 60) + 1])]), Inference::new());
    assert_eq!(error.unwrap_err().element(), Some(1));
}

/// Rows of one skeleton are passed without being decoded, so their ints are looked at there.
#[test]
fn schema_of_many_rows_sees_the_one_int_that_is_no_float() {
    let mut elements: Vec<_> = (0..500).map(int).collect();
    elements.extend((0..500).map(|value| float(value.into())));
    assert_eq!(type_of(&elements), DataType::Float64);
    elements[432] = int((1 << 60) + 1);
    let error = schema(&of(&elements), Inference::new()).unwrap_err();
    assert_eq!(error.element(), Some(500), "{error}");
}

#[test]
fn schema_has_columns_for_decimals_and_long_ints() {
    let batch = table(
        &of(&[decimal("1.50"), decimal("-20"), b"N".to_vec(), decimal("NaN")]),
        Inference::new(),
    );
    let batch = batch.unwrap();
    assert_eq!(batch.column(0).data_type(), &DataType::Decimal128(4, 2));
    let column = batch.column(0).as_primitive::<Decimal128Type>();
    assert_eq!(column.iter().collect::<Vec<_>>(), [Some(150), Some(-2000), None, None]);

    let most = i128::from(u64::MAX);
    let batch = table(&of(&[long(most), int(1)]), Inference::new()).unwrap();
    assert_eq!(batch.column(0).as_primitive::<UInt64Type>().values(), &[u64::MAX, 1]);
    assert_eq!(type_of(&[long(most), int(-1)]), DataType::Decimal128(38, 0));
    assert_eq!(type_of(&[long(i128::MAX)]), DataType::Decimal256(76, 0));
    assert_eq!(type_of(&[decimal("0.5"), int(1 << 62)]), DataType::Decimal128(20, 1));
    // Digits are in the text of each decimal, which rows of one skeleton do not share.
    let mut decimals: Vec<_> = (0..300).map(|value| decimal(&format!("{value}.5"))).collect();
    decimals[290] = decimal("0.0001");
    assert_eq!(type_of(&decimals), DataType::Decimal128(7, 4));
    let error = schema(&of(&[decimal("1E+100")]), Inference::new()).unwrap_err();
    assert!(error.to_string().contains("Decimal('1E+100')"), "{error}");
}

#[test]
fn schema_of_dicts_has_every_key() {
    // {'a': 1}, {'b': nan}, {'a': None, 'b': 'x'}
    let dict = |entries: &[(&str, Vec<u8>)]| {
        let entries = entries.iter().flat_map(|(key, value)| [text(key), value.clone()]);
        [vec![b'}', b'('], entries.flatten().collect(), vec![b'u']].concat()
    };
    let rows = [
        dict(&[("a", int(1))]),
        dict(&[("b", float(f64::NAN))]),
        dict(&[("a", b"N".to_vec()), ("b", text("x"))]),
    ];
    let array = of(&rows);
    let schema = schema(&array, Inference::new()).unwrap();
    let batch = table(&array, Inference::new()).unwrap();
    let a = batch.column_by_name("a").unwrap().as_primitive::<Int64Type>();
    assert_eq!(a.iter().collect::<Vec<_>>(), [Some(1), None, None]);
    let b = batch.column_by_name("b").unwrap().as_string::<i64>();
    assert_eq!(b.iter().collect::<Vec<_>>(), [None, None, Some("x")]);

    let mut profile = Profile::new(&schema);
    profile.add(&batch);
    let found: Vec<_> = profile.columns().iter().map(|it| (it.nulls(), it.lengths())).collect();
    assert_eq!((profile.rows(), found), (3, vec![(2, None), (2, Some((1, 1)))]));
    // From a sample, another key does not fit.
    let folder = tempfile::tempdir().unwrap();
    let sampled = Export::new().sample(1).write(&array, folder.path().join("x.parquet"));
    assert_eq!(sampled.unwrap_err().element(), Some(1));
}

/// Dicts with the same instructions and other keys, and arrays with another dtype each.
#[test]
fn schema_of_rows_that_differ_in_names_has_all_of_them() {
    let dict = |key: usize| [b"}", &text(&format!("key {key:03}"))[..], b"K\x01s"].concat();
    let rows: Vec<_> = (0..300).map(dict).collect();
    let found = schema(&of(&rows), Inference::new()).unwrap();
    assert_eq!(found.fields().len(), 300);
    let lists: Vec<_> = rows.iter().map(|row| [b"](", &row[..], b"e"].concat()).collect();
    let batch = table(&of(&lists), Inference::new()).unwrap();
    let DataType::LargeList(item) = batch.schema().field(0).data_type().clone() else { panic!() };
    let DataType::Struct(fields) = item.data_type() else { panic!("{item:?}") };
    assert_eq!(fields.len(), 300);

    let number = |number: usize| match number {
        0..100 => array(">i2", &[1], &[0, 1]),
        _ => array(">f2", &[1], &[0x3c, 0]),
    };
    let arrays: Vec<_> = (0..200).map(number).collect();
    let batch = table(&of(&arrays), Inference::new()).unwrap();
    let lists = batch.column(0).as_list::<i64>();
    let values = lists.values().as_primitive::<arrow_array::types::Float32Type>();
    assert!(values.values().iter().all(|&value| value == 1.0) && values.len() == 200);
}

#[test]
fn schema_of_mixed_kinds_follows_the_options() {
    let elements = [int(1), text("x"), b"N".to_vec(), float(0.5), text("y")];
    let error = table(&of(&elements), Inference::new()).unwrap_err();
    assert_eq!(error.element(), Some(1));
    assert!(error.offset().is_some(), "{error}");

    let json = table(&of(&elements), Inference::new().mixed(Mixed::Json)).unwrap();
    let texts: Vec<_> = json.column(0).as_string::<i64>().iter().collect();
    assert_eq!(texts, [Some("1"), Some("\"x\""), None, Some("0.5"), Some("\"y\"")]);

    let union = table(&of(&elements), Inference::new().mixed(Mixed::Union)).unwrap();
    let union = union.column(0).as_union();
    assert_eq!(&union.type_ids()[..], [0, 1, 0, 0, 1]);
    let numbers = union.child(0).as_primitive::<Float64Type>();
    assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(0.5)]);
    assert_eq!(union.child(1).as_string::<i64>().iter().flatten().collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn schema_of_arrays_follows_the_options() {
    let square = |from: f64| array("<f8", &[2, 2], &[from, 1.0, 2.0, 3.0].map_bytes());
    let wide = array("<f8", &[1, 2], &[7.0, 8.0].map_bytes());
    let fixed = Inference::new().tensors(Tensors::Fixed);
    let batch = table(&of(&[square(0.0), square(9.0)]), fixed.clone()).unwrap();
    assert_eq!(
        batch.schema().field(0).metadata()["ARROW:extension:metadata"],
        "{\"shape\":[2, 2]}"
    );
    let values = batch.column(0).as_fixed_size_list().values().as_primitive::<Float64Type>();
    assert_eq!(values.values(), &[0.0, 1.0, 2.0, 3.0, 9.0, 1.0, 2.0, 3.0]);
    let lists = table(&of(&[square(0.0), wide.clone()]), fixed).unwrap();
    assert_eq!(lists.column(0).as_list::<i64>().value_length(1), 1);
    let variable = Inference::new().tensors(Tensors::Variable);
    let batch = table(&of(&[square(0.0), b"N".to_vec(), wide]), variable).unwrap();
    let tensors = batch.column(0).as_struct();
    assert_eq!(tensors.column(0).as_list::<i32>().value_offsets(), [0, 4, 4, 6]);
    assert!(tensors.is_null(1));
}

#[test]
fn schema_of_an_element_without_a_type_names_element_and_byte() {
    // [1, {2}]: a set has no order.
    let set = b"](K\x01c__builtin__\nset\n](K\x02e\x85Re";
    let error = schema(&of(&[b"]".to_vec(), set.to_vec()]), Inference::new()).unwrap_err();
    assert_eq!((error.element(), error.path(), error.clause()), (Some(1), "[1]", "access.type"));
    assert!(error.offset().is_some() && error.to_string().contains("set"), "{error}");
    // The text of a lone surrogate is no UTF-8.
    let error = schema(&of(&[b"X\x03\0\0\0\xed\xa0\x80".to_vec()]), Inference::new()).unwrap_err();
    assert!(error.to_string().contains("surrogate"), "{error}");
}

#[test]
fn schema_of_times_has_the_finest_unit() {
    let times = |unit: &str, count: i64| {
        // datetime64 scalars: dtype('M8') whose state has the unit as metadata.
        let dtype = [
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\nX\x02\0\0\0M8\x89\x88\x87R(K\x04X\x01\0\0\0<NNN\
              J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0}(C",
            &[unit.len() as u8][..],
            unit.as_bytes(),
            b"K\x01K\x01K\x01t\x86tbC\x08",
        ];
        [&dtype.concat()[..], &count.to_le_bytes(), b"tR"].concat()
    };
    let both = [times("s", 1), times("ms", 5)];
    assert_eq!(type_of(&both), DataType::Timestamp(TimeUnit::Millisecond, None));
}

fn write(array: &NpyArray, export: &Export, path: &Path) -> u64 {
    export.write(array, path).unwrap()
}

#[test]
fn exports_have_the_rows_of_the_record_batches() {
    let folder = tempfile::tempdir().unwrap();
    let dict = |id: i64| {
        // Each is large, so that there are several batches.
        let name = text(&format!("n{id:02000}"));
        let values = [("id", int(id)), ("name", name), ("v", floats(&[id as f64; 3]))];
        let entries = values.into_iter().flat_map(|(key, value)| [text(key), value]);
        [vec![b'}', b'('], entries.flatten().collect(), vec![b'u']].concat()
    };
    let array = of(&(0..2000).map(dict).collect::<Vec<_>>());
    let expected = table(&array, Inference::new()).unwrap();
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let path = folder.path().join("x.parquet");
        let export = Export::new().compression(compression).row_group(64 << 10);
        assert_eq!(write(&array, &export, &path), 2000);
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
        let groups = reader.metadata().num_row_groups();
        assert!(groups > 1, "{groups} row groups");
        let read: Vec<_> =
            reader.with_batch_size(4096).build().unwrap().map(Result::unwrap).collect();
        let rows: usize = read.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 2000);
        let mut first = 0;
        for batch in read {
            assert_eq!(batch, expected.slice(first, batch.num_rows()));
            first += batch.num_rows();
        }
    }
    for compression in [Compression::None, Compression::Zstd] {
        let path = folder.path().join("x.arrow");
        write(&array, &Export::new().compression(compression), &path);
        let reader = FileReader::try_new(fs::File::open(&path).unwrap(), None).unwrap();
        assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    }
    let path = folder.path().join("x.jsonl");
    write(&array, &Export::new(), &path);
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(
        lines.lines().nth(2),
        Some(&*format!(r#"{{"id":2,"name":"n{:02000}","v":[2.0,2.0,2.0]}}"#, 2))
    );
    let error = Export::new().write(&array, folder.path().join("x.csv")).unwrap_err();
    assert!(error.to_string().contains("column \"v\""), "{error}");
    let error = Export::new().write(&array, folder.path().join("x.flat")).unwrap_err();
    assert_eq!(error.clause(), "access.type");
    // No file is left of those that failed.
    let mut left: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["x.arrow", "x.jsonl", "x.parquet"]);
}

#[test]
fn export_of_flat_values_is_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let array = of(&[text("a,b"), b"N".to_vec(), text("é")]);
    write(&array, &Export::new(), &path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "element\n\"a,b\"\n\"\"\né\n");
}

#[test]
fn json_lines_keep_floats_that_json_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let array = of(&[float(f64::NAN), float(f64::NEG_INFINITY), b"N".to_vec(), float(0.1)]);
    write(&array, &Export::new(), &path);
    let expected = ["\"NaN\"", "\"-Infinity\"", "null", "0.1"];
    let expected: Vec<_> =
        expected.iter().map(|value| format!("{{\"element\":{value}}}")).collect();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), expected);
    let mixed = of(&[int(1), text("x")]);
    write(&mixed, &Export::new().inference(Inference::new().mixed(Mixed::Json)), &path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"element\":1}\n{\"element\":\"x\"}\n");
}

/// Returns the shape of an array without objects, and its bytes.
fn numbers(path: &Path) -> (Vec<usize>, String, Vec<u8>) {
    let mut array = npy_object::open(path).unwrap();
    let (shape, dtype) = (array.shape().to_vec(), array.to_header().dtype.to_string());
    let end = array.data_end().unwrap() as usize;
    (shape, dtype, fs::read(path).unwrap()[array.data_offset() as usize..end].to_vec())
}

#[test]
fn flat_pair_has_values_offsets_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ragged.flat");
    let rows: Vec<Vec<f64>> = (0..2000).map(|n| vec![n as f64; n % 7]).collect();
    write(&of(&rows.iter().map(|row| floats(row)).collect::<Vec<_>>()), &Export::new(), &path);
    let (shape, dtype, values) = numbers(&path.join("values.npy"));
    assert_eq!((shape, &*dtype), (vec![rows.concat().len()], "<f8"));
    assert!(values == rows.concat().map_bytes());
    let ends = rows.iter().scan(0, |end, row| {
        *end += row.len() as i64;
        Some(*end)
    });
    let offsets: Vec<i64> = [0].into_iter().chain(ends).collect();
    assert!(numbers(&path.join("offsets.npy")) == (vec![2001], "<i8".into(), offsets.map_bytes()));
    assert!(!path.join("shapes.npy").exists());
    // A folder with files is not replaced.
    let error = Export::new().write(&of(&[floats(&[])]), &path).unwrap_err();
    assert!(error.to_string().contains("empty folder"), "{error}");

    let path = folder.path().join("images.flat");
    let images = [array("<i2", &[1, 2], &[1, 0, 2, 0]), array("<i2", &[2, 0], &[])];
    write(&of(&images), &Export::new(), &path);
    assert_eq!(numbers(&path.join("values.npy")), (vec![2], "<i2".into(), vec![1, 0, 2, 0]));
    let shapes = [1i64, 2, 2, 0].map_bytes();
    assert_eq!(numbers(&path.join("shapes.npy")), (vec![2, 2], "<i8".into(), shapes));

    let missing = Export::new().target(Target::Flat);
    let error =
        missing.write(&of(&[floats(&[]), b"N".to_vec()]), folder.path().join("x")).unwrap_err();
    assert_eq!(error.element(), Some(1), "{error}");
    assert!(!folder.path().join("x").exists());
}

#[test]
fn npy_of_elements_of_one_shape_has_them_as_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let square = |from: f64| array("<f8", &[2, 2], &[from, 1.0, 2.0, 3.0].map_bytes());
    write(&of(&[square(0.0), square(9.0), square(5.0)]), &Export::new(), &path);
    let values = [0.0, 1.0, 2.0, 3.0, 9.0, 1.0, 2.0, 3.0, 5.0, 1.0, 2.0, 3.0].map_bytes();
    assert_eq!(numbers(&path), (vec![3, 2, 2], "<f8".into(), values));
    write(&of(&[int(1), int(-2)]), &Export::new(), &path);
    assert_eq!(numbers(&path), (vec![2], "<i8".into(), [1i64, -2].map_bytes()));
    write(&of(&[]), &Export::new(), &path);
    assert_eq!(numbers(&path), (vec![0], "<f8".into(), vec![]));
    let error = Export::new().write(&of(&[floats(&[1.0]), floats(&[])]), &path).unwrap_err();
    assert_eq!((error.element(), error.clause()), (Some(1), "access.shape"), "{error}");
    // The old file is still there.
    assert_eq!(numbers(&path).0, [0]);
}

#[test]
fn export_to_unknown_target_fails() {
    let folder = tempfile::tempdir().unwrap();
    let array = of(&[int(1)]);
    let error = Export::new().write(&array, folder.path().join("x.xlsx")).unwrap_err();
    assert_eq!(error.clause(), "access.target");
    assert!(error.to_string().contains(".parquet"), "{error}");
    let snappy = Export::new().compression(Compression::Snappy);
    let error = snappy.write(&array, folder.path().join("x.arrow")).unwrap_err();
    assert_eq!(error.clause(), "access.target");
    assert_eq!("excel".parse::<Target>().unwrap_err().clause(), "access.target");
}

#[test]
fn options_are_parsed_from_their_names() {
    let found = ["error", "json", "union"].map(|name| name.parse::<Mixed>().unwrap());
    assert_eq!(found, [Mixed::Error, Mixed::Json, Mixed::Union]);
    let found = ["lists", "fixed", "variable"].map(|name| name.parse::<Tensors>().unwrap());
    assert_eq!(found, [Tensors::Lists, Tensors::Fixed, Tensors::Variable]);
    let errors = ["Json".parse::<Mixed>().unwrap_err(), "".parse::<Tensors>().unwrap_err()];
    assert_eq!(errors.map(|error| error.clause()), ["access.target"; 2]);
}

#[test]
fn export_of_some_elements_has_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    // The text is not looked at.
    let array = of(&[text("x"), int(1), int(2), text("x")]);
    assert_eq!(write(&array, &Export::new().elements(1..3), &path), 2);
    assert_eq!(numbers(&path), (vec![2], "<i8".into(), [1i64, 2].map_bytes()));
}

#[test]
fn import_returns_the_elements() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let elements = [
        [&b"}("[..], &text("a"), &int(1), &text("v"), &floats(&[0.5, 2.0]), b"u"].concat(),
        [&b"}("[..], &text("a"), b"N", &text("v"), &floats(&[]), b"u"].concat(),
    ];
    let lines = |path: &Path| {
        let mut array = npy_object::open(path).unwrap();
        let elements = array.elements().map(|element| {
            let mut line = Vec::new();
            PlainJson::new().write(&mut line, element.unwrap().element()).unwrap();
            String::from_utf8(line).unwrap()
        });
        elements.collect::<Vec<_>>()
    };
    for name in ["x.parquet", "x.arrow"] {
        write(&of(&elements), &Export::new(), &path(name));
        assert!(is_table(path(name)));
        assert_eq!(import(path(name), path("x.npy")).unwrap(), 2);
        let expected = [r#"{"a":1,"v":[0.5,2.0]}"#, r#"{"a":null,"v":[]}"#];
        assert_eq!(lines(&path("x.npy")), expected);
    }
    let ragged = [floats(&[1.0]), floats(&[]), floats(&[2.0, 3.0])];
    write(&of(&ragged), &Export::new(), &path("x.flat"));
    assert_eq!(import(path("x.flat"), path("x.npy")).unwrap(), 3);
    assert_eq!(lines(&path("x.npy")), ["[1.0]", "[]", "[2.0,3.0]"]);
    let decimals = [decimal("1.50"), decimal("-2")];
    write(&of(&decimals), &Export::new(), &path("x.arrow"));
    import(path("x.arrow"), path("x.npy")).unwrap();
    let mut array = npy_object::open(path("x.npy")).unwrap();
    let Kind::Decimal(digits) = array.get(1).unwrap().unwrap().kind() else { panic!() };
    assert_eq!(digits, "-200E-2");
    // Offsets that lead out of the values.
    fs::copy(path("x.flat/values.npy"), path("x.flat/offsets.npy")).unwrap();
    let error = import(path("x.flat"), path("y.npy")).unwrap_err();
    assert_eq!(error.kind(), npy_object::ErrorKind::Usage, "{error}");
    assert!(!path("y.npy").exists() && !is_table(path("x.npy")));
}

/// Elements that fit no skeleton are looked at on all cores, up to the first that does not fit.
#[test]
fn schema_on_several_threads_names_the_same_element() {
    // Lists of other nesting each time.
    let nested = |n: usize| [b"]".repeat(n % 5 + 1), b"a".repeat(n % 5)].concat();
    let mut elements: Vec<_> = (0..9000).map(nested).collect();
    let lists = type_of(&elements);
    assert!(matches!(lists, DataType::LargeList(_)), "{lists}");
    elements[8765] = text("x");
    let error = schema(&of(&elements), Inference::new()).unwrap_err();
    assert_eq!(error.element(), Some(8765), "{error}");
}
