"""Elements as Arrow data, read by pyarrow, polars and DuckDB."""

import datetime

import numpy as np
import pytest
from files import objects

import npy_object

pa = pytest.importorskip("pyarrow")


def column(path):
    return pa.table(npy_object.open(path))["element"]


def test_ragged_arrays_become_lists(ragged):
    found = column(ragged)
    assert found.type == pa.large_list(pa.int16())
    assert found.to_pylist() == [list(range(n % 7)) for n in range(5000)]
    part = pa.table(npy_object.open(ragged)[4995:])["element"]
    assert part.to_pylist() == [list(range(n % 7)) for n in range(4995, 5000)]
    with pytest.raises(ValueError):
        pa.table(npy_object.open(ragged)[::2])


@pytest.mark.parametrize(
    "elements",
    [
        ["a", None, "ü"],
        [b"a", b""],
        [True, False, None],
        [1, None, -(2**62)],
        [[1, 2], [], None, [3]],
        [["a", ["b"][0]], ["c"]],
        [datetime.date(2024, 2, 29), datetime.date(1, 1, 1)],
        [datetime.datetime(1969, 12, 31, 23, 59, 59, 5), datetime.datetime(2024, 2, 29)],
        [datetime.timedelta(-3, 5, 7)],
    ],
)
def test_elements_of_one_type_keep_their_values(saved, elements):
    assert column(saved(objects(elements))).to_pylist() == elements


NAN = float("nan")
DATE, MOMENT, DELTA = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1), datetime.timedelta(3)


@pytest.mark.parametrize("missing", [NAN, None, np.float64("nan")])
@pytest.mark.parametrize(
    "value", ["a", b"a", True, 2**60, DATE, MOMENT, DELTA, ["a", "b"], [1], {"a": 1}, np.int16(3), np.arange(2)], ids=repr
)
def test_missing_values_become_null(saved, missing, value):
    expected = value.tolist() if hasattr(value, "tolist") else value
    for elements in ([missing, value, value], [value, missing], [missing] * 3 + [value] + [missing] * 3):
        found = column(saved(objects(elements)))
        assert found.to_pylist() == [expected if element is value else None for element in elements]
        if missing is not None and not hasattr(value, "tolist"):
            assert found.null_count == pa.array(objects(elements), from_pandas=True).null_count


def test_many_missing_values_before_the_first_value_become_null(saved):
    for missing in (None, NAN):
        found = column(saved(objects([missing] * 20_000 + ["a"])))
        assert found.type == pa.large_string() and found.null_count == 20_000


def test_nan_stays_nan_in_columns_of_floats(saved):
    assert str(column(saved(objects([1.5, NAN, None]))).to_pylist()) == "[1.5, nan, None]"
    assert str(column(saved(objects([NAN, NAN]))).to_pylist()) == "[nan, nan]"
    assert str(column(saved(objects([1, NAN, 0.5]))).to_pylist()) == "[1.0, nan, 0.5]"
    assert str(column(saved(objects([NAN, np.float32(2)]))).to_pylist()) == "[nan, 2.0]"
    assert str(column(saved(objects([np.array([1.0, NAN])]))).to_pylist()) == "[[1.0, nan]]"


def test_nat_becomes_null(saved):
    times = np.array(["2024-01-01", "NaT"], "M8[s]")
    assert column(saved(objects([times, times[1:]]))).to_pylist() == [[datetime.datetime(2024, 1, 1), None], [None]]
    assert column(saved(objects(list(times)))).to_pylist() == [datetime.datetime(2024, 1, 1), None]
    for missing in (np.datetime64("NaT"), np.timedelta64("NaT", "ns"), np.datetime64("NaT", "s")):
        assert column(saved(objects([missing, "a"]))).to_pylist() == [None, "a"]
    assert column(saved(objects([np.timedelta64("NaT", "ms")] * 2))).type == pa.duration("ms")


def test_pandas_na_becomes_null(saved):
    pandas = pytest.importorskip("pandas")
    for value in ("a", 1, MOMENT, True):
        found = column(saved(objects([pandas.NA, value, pandas.NaT, NAN])))
        assert found.to_pylist() == [None, value, None, None]


def test_missing_values_in_lists_become_null(saved):
    assert column(saved(objects([["a", NAN], [None]]))).to_pylist() == [["a", None], [None]]
    table = pa.table(npy_object.open(saved(objects([{"a": NAN, "b": 1}, {"a": "x", "b": NAN}]))))
    assert table.to_pylist() == [{"a": None, "b": 1}, {"a": "x", "b": None}]


def test_time_zone_of_datetimes_is_kept(saved):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2024, 1, 1, 1, 30, tzinfo=zone)
    assert column(saved(objects([moment]))).to_pylist() == [moment]


def test_2d_arrays_become_lists_of_lists(saved):
    arrays = [np.arange(6.0).reshape(2, 3), np.zeros((0, 3)), np.asfortranarray(np.arange(4.0).reshape(2, 2))]
    assert column(saved(objects(arrays))).to_pylist() == [array.tolist() for array in arrays]
    times = objects([np.array(["2024-01-01"], "M8[s]"), np.array([], "M8[s]")])
    assert column(saved(times)).to_pylist() == [[datetime.datetime(2024, 1, 1)], []]


def test_keys_of_dicts_become_columns(saved):
    path = saved(objects([{"id": 1, "v": [1.0], "in": {"x": "a"}}, {"id": 2, "in": {"x": None}}]))
    table = pa.table(npy_object.open(path))
    assert table.column_names == ["id", "v", "in"]
    assert table.to_pylist() == [{"id": 1, "v": [1.0], "in": {"x": "a"}}, {"id": 2, "v": None, "in": {"x": None}}]


def test_elements_of_mixed_types_fail(saved):
    with pytest.raises(npy_object.UnsupportedError, match="Int64"):
        pa.table(npy_object.open(saved(objects([1, "a"]))))
    path = saved(objects([1] * 10_000 + ["a"]))
    with pytest.raises(Exception, match="expected Int64, found str"):
        pa.table(npy_object.open(path))


def test_polars_and_duckdb_read_an_array(ragged):
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(npy_object.open(ragged))["element"].list.len().sum() == sum(n % 7 for n in range(5000))
    duckdb = pytest.importorskip("duckdb")
    elements = npy_object.open(ragged)
    assert duckdb.sql("select sum(len(element)) from elements").fetchall() == [(sum(n % 7 for n in range(5000)),)]


def test_requested_schema_chooses_columns(saved):
    path = saved(objects([{"a": n, "b": str(n), "c": [n]} for n in range(3000)]))
    array = npy_object.open(path)
    schema = pa.schema({"b": pa.string(), "none": pa.int64(), "a": pa.int64()})
    for part in (array, array[1000:2000], array.splits(3)[1]):
        reader = pa.RecordBatchReader.from_stream(part, schema=schema)
        assert reader.schema.names == ["b", "none", "a"] and reader.schema.field("b").type == pa.large_string()
        rows = range(3000) if part is array else range(1000, 2000)
        assert reader.read_all().to_pylist() == [{"b": str(n), "none": None, "a": n} for n in rows]
    count = pa.RecordBatchReader.from_stream(array, schema=pa.schema({})).read_all()
    assert (count.num_rows, count.num_columns) == (3000, 0)
    with pytest.raises(npy_object.UnsupportedError):
        pa.RecordBatchReader.from_stream(array, schema=pa.schema({"a": pa.month_day_nano_interval()}))
    with pytest.raises(TypeError):
        array.__arrow_c_stream__("schema")


def test_requested_dictionary_has_each_text_once(saved):
    labels = ["label %d" % n for n in range(5)]
    array = npy_object.open(saved(objects([None, *(labels[n % 5] for n in range(20000))])))
    schema = pa.schema({"element": pa.dictionary(pa.int32(), pa.large_string())})
    batches = list(pa.RecordBatchReader.from_stream(array, schema=schema))
    assert batches[0].schema == schema
    assert [len(batch.column(0).dictionary) for batch in batches] == [5, 5, 5]
    assert pa.Table.from_batches(batches)["element"].to_pylist() == [None] + labels * 4000


def test_parts_have_the_schema_of_all_elements(saved):
    path = saved(objects([{"a": None}] * 3000 + [{"a": 1}] * 3000 + [{"a": 0.5, "b": "x"}] * 3000))
    array = npy_object.open(path)
    schema = pa.schema(npy_object._npy_object._infer_schema([array]))
    assert schema == pa.schema({"a": pa.float64(), "b": pa.large_string()})
    parts = [pa.RecordBatchReader.from_stream(split, schema=schema).read_all() for split in array.splits(3)]
    assert pa.concat_tables(parts).to_pylist() == [{"b": None, **row} for row in np.load(path, allow_pickle=True)]
    with pytest.raises(ValueError):
        npy_object._npy_object._infer_schema([array[::2]])
