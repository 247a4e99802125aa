"""Elements as files of tables."""

import decimal
import json

import numpy as np
import pytest
from files import objects

import npy_object


def arrays(elements):
    """Returns an array of objects, also of arrays of one shape."""
    array = np.empty(len(elements), object)
    for n, element in enumerate(elements):
        array[n] = element
    return array


def test_to_flat_maps_every_element(ragged, tmp_path):
    expected = np.load(ragged, allow_pickle=True)
    assert npy_object.open(ragged).to_flat(tmp_path / "flat") == len(expected)
    values, offsets = (np.load(tmp_path / "flat" / name, mmap_mode="r") for name in ("values.npy", "offsets.npy"))
    assert values.dtype == expected[0].dtype
    assert all(np.array_equal(values[offsets[n] : offsets[n + 1]], element) for n, element in enumerate(expected))
    with pytest.raises(FileExistsError):
        npy_object.open(ragged).to_flat(tmp_path / "flat")


def test_to_flat_of_images_has_their_shapes(saved, tmp_path):
    images = [np.arange(6).reshape(2, 3), np.zeros((0, 4), int), np.asfortranarray(np.arange(4).reshape(2, 2))]
    npy_object.open(saved(arrays(images))).to_flat(tmp_path / "flat")
    values, offsets, shapes = (np.load(tmp_path / "flat" / f"{name}.npy") for name in ("values", "offsets", "shapes"))
    for n, image in enumerate(images):
        assert np.array_equal(values[offsets[n] : offsets[n + 1]].reshape(shapes[n]), image)


def test_to_npy_of_one_shape_has_no_objects(saved, tmp_path):
    path = saved(arrays([np.arange(3), np.arange(3, 6)]))
    assert npy_object.open(path).to_npy(tmp_path / "x.npy") == 2
    assert np.load(tmp_path / "x.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(npy_object.UnsupportedError, match="element 1"):
        npy_object.open(saved(arrays([np.arange(3), np.arange(2)]))).to_npy(tmp_path / "y.npy")
    assert not (tmp_path / "y.npy").exists()


def test_to_jsonl_and_csv_have_a_line_for_each_element(saved, tmp_path):
    array = npy_object.open(saved(objects([{"a": 1, "b": "x"}, {"a": 2}, {"a": 3, "b": None}])))
    assert array[1:].to_jsonl(tmp_path / "x.jsonl") == 2
    lines = (tmp_path / "x.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"a": 2, "b": None}, {"a": 3, "b": None}]
    assert array.to_csv(tmp_path / "x.csv") == 3
    assert (tmp_path / "x.csv").read_text() == "a,b\n1,x\n2,\n3,\n"
    with pytest.raises(ValueError, match="steps"):
        array[::2].to_csv(tmp_path / "y.csv")


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_to_parquet_equals_the_elements(ragged, tmp_path, compression):
    parquet = pytest.importorskip("pyarrow.parquet")
    npy_object.open(ragged).to_parquet(tmp_path / "x.parquet", compression=compression, row_group=1 << 10)
    column = parquet.read_table(tmp_path / "x.parquet")["element"]
    assert column.to_pylist() == [element.tolist() for element in npy_object.open(ragged)]
    assert parquet.ParquetFile(tmp_path / "x.parquet").num_row_groups > 1


def test_to_ipc_of_mixed_kinds_follows_the_option(saved, tmp_path):
    ipc = pytest.importorskip("pyarrow.ipc")
    array = npy_object.open(saved(objects([1, "x", None, 2**70, decimal.Decimal("0.5")])))
    with pytest.raises(npy_object.UnsupportedError, match="element 1, at byte"):
        array.to_ipc(tmp_path / "x.arrow")
    array.to_ipc(tmp_path / "x.arrow", mixed="union")
    column = ipc.open_file(tmp_path / "x.arrow").read_all()["element"]
    assert column.to_pylist() == [1, "x", None, 2**70, decimal.Decimal("0.5")]
    array.to_ipc(tmp_path / "x.arrow", mixed="json", compression="zstd")
    column = ipc.open_file(tmp_path / "x.arrow").read_all()["element"]
    assert [json.loads(text) if text else None for text in column.cast("string").to_pylist()][:2] == [1, "x"]
    with pytest.raises(ValueError, match="mixed: expected"):
        array.to_ipc(tmp_path / "y.arrow", mixed="both")


def test_schema_is_that_of_all_elements(saved):
    pa = pytest.importorskip("pyarrow")
    array = npy_object.open(saved(objects([1] * 10_000 + [0.5])))
    assert pa.schema(array.schema()).field("element").type == pa.float64()
    assert pa.schema(array.schema(sample=10)).field("element").type == pa.int64()
    tensors = npy_object.open(saved(arrays([np.zeros((2, 3)), np.ones((2, 3))])))
    field = pa.schema(tensors.schema(tensors="fixed")).field("element")
    assert field.type == pa.fixed_shape_tensor(pa.float64(), [2, 3])


def test_byte_ranges_have_the_bytes_of_every_array(ragged):
    expected, data = np.load(ragged, allow_pickle=True), ragged.read_bytes()
    ranges = list(npy_object.open(ragged).byte_ranges())
    assert len(ranges) == len(expected)
    for array, (dtype, shape, order, offset, length) in zip(expected, ranges):
        found = np.frombuffer(data[offset : offset + length], dtype).reshape(shape, order=order)
        assert found.dtype == array.dtype and np.array_equal(found, array)
    assert list(npy_object.open(ragged)[10:12].byte_ranges()) == ranges[10:12]


def test_byte_ranges_of_an_array_that_is_there_twice_are_the_same(saved):
    array = np.arange(5)
    first, _, last = npy_object.open(saved(objects([array, np.arange(2), array]))).byte_ranges()
    assert first == last


def test_byte_ranges_of_what_has_none_are_errors(saved, tmp_path):
    ranges = npy_object.open(saved(objects([np.arange(3), "text"]))).byte_ranges()
    assert next(ranges).length == 24
    with pytest.raises(npy_object.Error, match=r"found str \(element 1, at byte \d+\)"):
        next(ranges)
    assert next(ranges, None) is None
    np.savez_compressed(tmp_path / "a.npz", a=objects([np.arange(3), None]))
    with pytest.raises(npy_object.UnsupportedError, match="compressed"):
        next(npy_object.open(tmp_path / "a.npz")["a"].byte_ranges())
    with pytest.raises(ValueError, match="whole array"):
        npy_object.open(saved(objects([np.arange(3), None])))[:1].kerchunk()


def test_byte_ranges_of_stored_archive_count_from_its_start(tmp_path):
    arrays = objects([np.arange(3), np.arange(4)])
    np.savez(tmp_path / "a.npz", first=np.zeros(9), second=arrays)
    data = (tmp_path / "a.npz").read_bytes()
    with npy_object.open(tmp_path / "a.npz") as archive:
        for array, found in zip(arrays, archive["second"].byte_ranges()):
            assert data[found.offset : found.offset + found.length] == array.tobytes()
