"""What people know from NumPy and h5py."""

import pickle

import numpy as np
import pytest
from files import objects

import npy_object


@pytest.fixture
def settings(saved):
    """A file with a dict of lists and dicts."""
    return saved({"train": [10, 20, 30], "test": {"names": ["a", "b"]}, 7: None})


def test_open_at_a_path_returns_what_is_there(settings):
    train = npy_object.open(settings, at="['train']")
    assert isinstance(train, npy_object.Container) and list(train) == [10, 20, 30]
    assert npy_object.open(settings, at="['test']['names'][1]") == "b"
    with pytest.raises(npy_object.Error, match="there is no"):
        npy_object.open(settings, at="['other']")
    with pytest.raises(ValueError):
        npy_object.open(settings, at="train")


def test_open_at_a_path_of_an_archive_fails(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(3))
    with pytest.raises(ValueError, match="archive"):
        npy_object.open(tmp_path / "a.npz", at="[0]")


def test_field_of_records_is_an_array(tmp_path):
    records = np.zeros(10_000, [("id", "i4"), ("name", "U5"), ("pair", "f8", 2)])
    records["id"] = np.arange(len(records))
    records["pair"][:, 1] = np.arange(len(records)) / 2
    np.save(tmp_path / "a.npy", records)
    array = npy_object.open(tmp_path / "a.npy")
    for part in (slice(None), slice(5, 9000, 3), slice(0, 0)):
        for name in records.dtype.names:
            assert np.array_equal(array[part][name], records[part][name])
            assert array[part][name].dtype == records[name].dtype
    with pytest.raises(ValueError, match="no field of name other"):
        array["other"]
    assert array._ipython_key_completions_() == ("id", "name", "pair")


def test_field_of_records_with_objects_is_an_array(saved):
    records = np.array([(1, "a"), (2, None)], [("id", "i8"), ("o", "O")])
    array = npy_object.open(saved(records))
    assert array["o"].tolist() == ["a", None] and array["id"].tolist() == [1, 2]


def test_str_as_index_of_an_array_without_fields_fails(saved):
    with pytest.raises(TypeError, match="fields"):
        npy_object.open(saved(objects([1, 2])))["a"]


def test_elements_are_found_as_in_a_list(saved):
    array = npy_object.open(saved(objects(["a", "b", "c", "b"])))
    assert array.index("b") == 1 and array.index("b", 2) == 3 and array.count("b") == 2
    with pytest.raises(ValueError):
        array.index("d")


def test_keys_are_completed(settings, tmp_path):
    assert npy_object.open(settings)._ipython_key_completions_() == ["train", "test"]
    assert npy_object.open(settings, at="['test']")._ipython_key_completions_() == ["names"]
    assert npy_object.open(settings, at="['train']")._ipython_key_completions_() == []
    np.savez(tmp_path / "a.npz", a=1, b=2)
    assert npy_object.open(tmp_path / "a.npz")._ipython_key_completions_() == ["a", "b"]


def test_archive_shows_shapes_and_dtypes(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros((3, 2)), b=objects(["x", None, 1]))
    archive = npy_object.open(tmp_path / "a.npz")
    assert repr(archive) == "<npy_object.Npz of a (3, 2) <f8, b (3,) |O>"
    assert list(archive.f.b) == ["x", None, 1] and dir(archive.f) == ["a", "b"]
    with pytest.raises(AttributeError, match="there is no array c"):
        archive.f.c
    archive.close()
    assert repr(archive) == "<npy_object.Npz of a, b>"


def test_load_takes_the_arguments_of_numpy(saved):
    path = saved(objects(["a", None]))
    for loaded in (
        npy_object.load(file=path, allow_pickle=True),
        npy_object.load(path, None, True, True, "ASCII", max_header_size=10_000),
    ):
        assert loaded.tolist() == ["a", None]


def double(element):
    return 2 * element


def invert(element):
    return 1 / element


def test_map_gives_results_in_order(saved):
    array = npy_object.open(saved(objects(list(range(2500)))))
    assert list(array.map(double, 2, chunk=100)) == [2 * n for n in range(2500)]
    assert list(npy_object.open(saved(objects([]))).map(double)) == []


def test_map_of_a_function_that_fails_gives_the_results_before(saved):
    results = npy_object.open(saved(objects([1, 2, 0, 4]))).map(invert, 1)
    assert [next(results), next(results)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_info_has_shape_and_dtype(saved, tmp_path):
    facts = npy_object.info(saved(objects(["a", None])))
    assert facts["shape"] == [2] and facts["elements"] == 2
    with pytest.raises(ValueError, match="none.npy"):
        npy_object.info(tmp_path / "none.npy")


def test_verify_raises_the_error_of_a_loop(saved, tmp_path, settings):
    path = saved(objects(["%d" % n for n in range(2000)]))
    npy_object.verify(path)
    npy_object.verify(settings)
    npy_object.verify(pickle.dumps(3))
    np.savez(tmp_path / "a.npz", a=objects([1, "needle"]), b=np.arange(3))
    npy_object.verify(tmp_path / "a.npz")
    data = bytearray(path.read_bytes())
    with pytest.raises(npy_object.TruncatedError):
        npy_object.verify(bytes(data[:-10]))
    archive = bytearray((tmp_path / "a.npz").read_bytes())
    archive[archive.index(b"needle")] = ord("N")
    with pytest.raises(npy_object.Error, match="CRC"):
        npy_object.verify(bytes(archive))


def test_long_list_of_a_dict_is_read_in_blocks(saved):
    numbers = [{"id": n, "v": [n, n + 1]} for n in range(5000)]
    container = npy_object.open(saved({"all": numbers}), at="['all']")
    loop = iter(container)
    assert [next(loop) for _ in range(10)] == numbers[:10]
    assert loop.__length_hint__() <= 4990
    assert list(loop) == numbers[10:]


def test_dict_in_a_0d_array_is_a_mapping(settings):
    array = npy_object.open(settings)
    assert repr(array).endswith(" shape=() dtype=object dict>")
    assert list(array.keys()) == ["train", "test", 7]
    assert [value for value in array.values()][0] == [10, 20, 30]
    assert dict(array.items())["test"] == {"names": ["a", "b"]}
    assert "test" in array and 7 in array and "names" not in array
    assert array[7] is None and "names" in array["test"] and 20 in array["train"]
    assert list(dict(array)) == ["train", "test", 7]
    with pytest.raises(KeyError, match="nope"):
        array["nope"]


def test_other_arrays_are_no_mappings(saved):
    array = npy_object.open(saved(objects([1, "two"])))
    assert not hasattr(array, "keys") and "two" in array and 3 not in array
    number = npy_object.open(saved(5))
    assert not hasattr(number, "keys")
    with pytest.raises(AttributeError, match="'npy_object.Array' has no attribute 'nope'"):
        number.nope
