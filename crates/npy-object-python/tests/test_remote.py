"""Files that fsspec opens: URLs, open files, their indexes and their parts."""

import pickle

import numpy as np
import pytest
from files import objects

import npy_object

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A file of 2 MiB in memory, with its index; its URL, its elements, and the numbers of bytes that were read."""
    from fsspec.implementations.memory import MemoryFile

    elements = objects([np.arange(n % 100, dtype=float) for n in range(5000)])
    np.save(tmp_path / "a.npy", elements)
    npy_object.open(tmp_path / "a.npy").save_index()
    fs = fsspec.filesystem("memory")
    for name in ("a.npy", "a.npy.idx"):
        fs.pipe("/remote/" + name, (tmp_path / name).read_bytes())
    read, of_file = [], MemoryFile.read

    def counting(self, *args):
        found = of_file(self, *args)
        read.append(len(found))
        return found

    monkeypatch.setattr(MemoryFile, "read", counting, raising=False)
    yield "memory://remote/a.npy", elements, read
    fs.rm("/remote", recursive=True)


def test_url_and_open_file_give_the_elements(remote):
    url, elements, _ = remote
    for source in (lambda: url, lambda: fsspec.open(url), lambda: fsspec.open(url, "rb").open()):
        array = npy_object.open(source())
        assert all(map(np.array_equal, array, elements)) and len(array) == 5000
        assert "a.npy" in repr(array)
    assert npy_object.load(url).shape == (5000,)


def test_last_element_is_found_by_the_index(remote):
    url, elements, read = remote
    assert np.array_equal(npy_object.open(url)[-1], elements[-1])
    assert sum(read) < 300_000
    read.clear()
    assert np.array_equal(npy_object.open(url, index=False)[-1], elements[-1])
    assert sum(read) > 1_900_000


@pytest.mark.parametrize("index", [True, False])
def test_splits_of_a_remote_file_are_reopened(remote, index):
    url, elements, read = remote
    for source in (lambda: url, lambda: fsspec.open(url), lambda: fsspec.open(url, "rb").open()):
        array = npy_object.open(source(), index=index)
        read.clear()
        splits = array.splits(4)
        assert len(splits) == 4 and (sum(read) < 100_000) == index
        read.clear()
        splits = pickle.loads(pickle.dumps(splits))
        assert all(map(np.array_equal, splits[-1], elements[3750:]))
        assert sum(read) < 1_000_000, "it does not survey the elements before it"
        assert sum(map(len, splits)) == 5000
        view = pickle.loads(pickle.dumps(array[10:20]))
        assert all(map(np.array_equal, view, elements[10:20]))


def test_stale_index_of_a_remote_file_is_not_used(remote):
    url, elements, _ = remote
    fs = fsspec.filesystem("memory")
    fs.pipe("/remote/a.npy.idx", b"no index")
    assert np.array_equal(npy_object.open(url)[-1], elements[-1])


def test_local_url_is_a_path(ragged):
    array = npy_object.open("file://%s" % ragged, mmap_mode="r")
    assert list(array[3]) == [0, 1, 2] and array[3].base is not None
    assert npy_object.open(fsspec.open(str(ragged))).save_index() is not None
    with pytest.raises(FileNotFoundError):
        npy_object.open("file://%s.missing" % ragged)
    with pytest.raises(ValueError):
        npy_object.open("nosuch://bucket/a.npy")


def test_pickles_hold_no_class_of_pathlib(ragged):
    array = npy_object.open(ragged)
    for pickled in map(pickle.dumps, [array, array.splits(2), array[1:3]]):
        assert b"pathlib" not in pickled
