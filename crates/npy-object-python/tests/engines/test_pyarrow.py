"""`npy_object.dataset`, as pyarrow and pandas use it."""

import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pytest
from files import objects

import npy_object
from npy_object.engines.files import Files

LATE = pc.field("id") > 11_990


def test_table_equals_numpy(dataset, rows, ragged, arrays):
    assert dataset.to_table().to_pylist() == rows
    assert dataset.to_table().to_pylist() == rows, "it can be scanned again"
    table = npy_object.dataset(ragged).to_table()
    assert table["element"].to_pylist() == [array.tolist() for array in arrays]


def test_schema_is_that_of_all_elements(dataset):
    types = {field.name: str(field.type) for field in dataset.schema}
    assert types["name"] == "large_string" and types["weight"] == "double" and types["late"] == "bool"
    assert isinstance(dataset, pyarrow.dataset.Dataset)


def test_only_the_columns_of_a_query_are_decoded(dataset, rows, decoded):
    found = dataset.to_table(columns=["name"], filter=LATE & pc.field("late"))
    assert found.to_pylist() == [{"name": row["name"]} for row in rows if row["id"] > 11_990 and row["late"]]
    assert decoded == {"name", "id", "late"}
    decoded.clear()
    doubled = dataset.to_table(columns={"double": pc.field("id") * 2}).to_pydict()
    assert doubled == {"double": [2 * row["id"] for row in rows]} and decoded == {"id"}
    decoded.clear()
    nested = dataset.scanner(columns=["id"], filter=pc.field("sub", "half") < 2).to_table()
    assert nested.to_pydict() == {"id": [0, 1, 2, 3]} and decoded == {"id", "sub"}
    with pytest.raises(pa.ArrowInvalid, match="missing"):
        dataset.to_table(columns=["missing"])


def test_rows_are_counted_taken_and_limited(dataset, rows, decoded):
    assert dataset.count_rows() == len(rows) and decoded == set()
    assert dataset.count_rows(LATE) == 9 and decoded == {"id"}
    assert dataset.to_table(columns=[]).num_rows == len(rows)
    assert dataset.head(3).to_pylist() == rows[:3] and dataset.head(20_000).num_rows == len(rows)
    assert dataset.head(2, filter=LATE).to_pylist() == rows[11_991:11_993]
    taken = dataset.take([11_000, 2999, 3000, 2999, 0])
    assert taken.to_pylist() == [rows[n] for n in (11_000, 2999, 3000, 2999, 0)]
    assert dataset.take([1, 0], columns=["id"], filter=LATE)["id"].to_pylist() == [11_992, 11_991]
    with pytest.raises(IndexError):
        dataset.take([len(rows)])
    assert max(map(len, dataset.to_batches(batch_size=100))) == 100


def test_fragments_have_each_row_once(dataset, rows):
    fragments = pickle.loads(pickle.dumps(list(dataset.get_fragments(count=7))))
    assert 6 <= len(fragments) <= 8
    assert [row for fragment in fragments for row in fragment.to_table().to_pylist()] == rows
    assert sum(fragment.count_rows() for fragment in fragments) == len(rows)
    last = fragments[-1]
    assert last.take([0, 1], columns=["id"]).num_rows == 2 and last.head(1).num_rows == 1
    assert last.scanner(columns=["id"], filter=LATE).to_table().num_rows == 9


def test_pickled_dataset_reads_in_another_process(dataset, rows):
    dataset.schema
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).to_table(columns=['id'])['id'].to_pylist() == %s)"
    code %= "list(range(%d))" % len(rows)
    found = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(dataset), stdout=subprocess.PIPE)
    assert found.stdout.strip() == b"True"


def test_what_pyarrow_would_crash_on_does_not(dataset, rows):
    assert dataset.sort_by([("id", "descending")]).head(1)["id"].to_pylist() == [11_999]
    assert dataset.filter(LATE).count_rows() == 9
    with pytest.raises(pa.ArrowInvalid, match="large_list"):
        dataset.join(dataset, "id", right_suffix="2")
    assert dataset.partition_expression.equals(pc.scalar(True))
    with pytest.raises(NotImplementedError):
        pyarrow.dataset.dataset([dataset, dataset])
    with pytest.raises(NotImplementedError):
        dataset.replace_schema(dataset.schema)


def test_written_dataset_equals_numpy(dataset, rows, tmp_path):
    pyarrow.dataset.write_dataset(dataset, tmp_path / "out", format="parquet")
    assert pyarrow.dataset.dataset(tmp_path / "out").to_table().sort_by("id").to_pylist() == rows


def test_given_schema_is_cast_to(dicts, rows, saved):
    schema = pa.schema({"weight": pa.float64(), "name": pa.string(), "absent": pa.int64()})
    table = npy_object.dataset(dicts, schema=schema).to_table()
    assert table.schema == schema
    assert table.to_pylist() == [{"weight": row["weight"], "name": row["name"], "absent": None} for row in rows]
    with pytest.raises(npy_object.UnsupportedError, match="month_interval|Interval"):
        npy_object.dataset(dicts, schema=pa.schema({"id": pa.month_day_nano_interval()})).to_table()
    with pytest.raises(Exception, match="expected Int64, found str .element 8501"):
        npy_object.dataset(dicts, schema=pa.schema({"name": pa.int64()})).to_table()


def test_error_of_a_mixed_column_names_its_element(saved):
    path = saved(objects([{"a": 1}] * 9000 + [{"a": "x"}]))
    with pytest.raises(npy_object.UnsupportedError, match="a.npy.*expected Int64.*element 9000"):
        npy_object.dataset(path).schema


@pytest.mark.parametrize("elements", [[{"element": 1}, {"element": 2}], [{"a": 1}, None], [{}, {}], [None, None], []])
def test_columns_of_odd_elements(saved, elements):
    found = npy_object.dataset(saved(objects(elements))).to_table()
    dicts = bool(elements) and all(isinstance(element, dict) for element in elements)
    assert found.num_rows == len(elements)
    assert found.to_pylist() == (elements if dicts else [{"element": element} for element in elements])


def test_views_members_and_numbers_are_rows(folder, arrays, tmp_path):
    whole = npy_object.open(folder / "ragged.npy")
    part = npy_object.dataset(whole[100:200])
    assert part.to_table()["element"].to_pylist() == [array.tolist() for array in arrays[100:200]]
    assert sum(map(len, Files.open(whole[100:200]).parts(3))) == 100
    np.savez(tmp_path / "a.npz", texts=objects(["a", "b"]), numbers=np.arange(6).reshape(3, 2))
    archive = npy_object.open(tmp_path / "a.npz")
    assert npy_object.dataset([archive["texts"]]).to_table().to_pydict() == {"element": ["a", "b"]}
    numbers = pickle.loads(pickle.dumps(npy_object.dataset(archive["numbers"])))
    assert numbers.to_table().to_pydict() == {"element": [[0, 1], [2, 3], [4, 5]]}
    with pytest.raises(TypeError, match="Npz"):
        npy_object.dataset(tmp_path / "a.npz")


def test_pandas_reads_a_dataset(dataset, rows):
    frame = dataset.to_table(columns=["id", "weight"]).to_pandas()
    assert frame["weight"].sum() == sum(row["weight"] for row in rows) and frame["id"].nunique() == len(rows)
