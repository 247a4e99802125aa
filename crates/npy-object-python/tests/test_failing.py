"""Files that are broken, changed or of another format: the exceptions and their messages."""

import bz2
import gzip
import lzma
import os
import pickle
import sys
import zipfile
import zlib

import numpy as np
import pytest

import npy_object
from files import objects


class Plain:
    def __init__(self):
        self.x = 1


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.npy"
    np.save(path, objects([Plain(), Plain()]))
    return path


def test_index_that_is_no_regular_file_is_ignored(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, objects([1, "a"]))
    for make in (os.mkfifo, os.mkdir, lambda index: os.symlink("/dev/zero", index)):
        index = str(path) + ".idx"
        make(index)
        assert npy_object.open(path)[1] == "a"
        with pytest.raises(OSError, match=r"array\.npy\.idx"):
            npy_object.open(path).save_index()
        os.rmdir(index) if os.path.isdir(index) else os.remove(index)


@pytest.mark.parametrize("array", [objects([n * "x" for n in range(50)]), np.arange(1000.0)])
def test_gzip_with_a_damaged_end_fails_after_all_elements(array, tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, array)
    whole = gzip.compress(path.read_bytes())
    assert npy_object.load(whole + b"\0\0").shape == array.shape
    for broken in (whole[:-8], whole[:-1], whole + b"garbage", whole[:-5] + b"x" + whole[-4:]):
        elements = []
        with pytest.raises(npy_object.Error, match="gzip"):
            for element in npy_object.open(broken):
                elements.append(element)
        assert len(elements) == len(array)
        with pytest.raises(npy_object.Error, match="gzip"):
            npy_object.load(broken)


def test_names_are_escaped_in_every_repr(tmp_path):
    name = "e\x1b[31m\u202e\n"
    path = tmp_path / (name + ".npz")
    np.savez(path, a=objects([1]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name + ".npy", zipfile.ZipFile(path).read("a.npy"))
    with npy_object.open(path) as archive:
        array = archive[name]
        with pytest.raises(KeyError) as error:
            archive["x\x1b"]
        for text in (repr(archive), repr(array), str(error.value)):
            assert text.isprintable(), text
    path = tmp_path / name
    path.write_bytes(b"<html>")
    with pytest.raises(npy_object.Error) as error:
        npy_object.open(path)
    assert str(error.value).isprintable() and r"e\x1b[31m\u202e\n: " in str(error.value)


def test_error_of_a_file_of_another_kind_names_the_kind(tmp_path):
    files = {
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "an HTML page": b"<!DOCTYPE html><html></html>",
        "JSON": b'{"error": "not found"}',
        "an empty file": b"",
        "zlib": zlib.compress(b"x"),
        "bzip2": bz2.compress(b"x"),
        "xz": lzma.compress(b"x"),
        "LZMA": lzma.compress(b"x", lzma.FORMAT_ALONE),
        "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "a Parquet file": b"PAR1" + bytes(100),
        "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    path = tmp_path / "array.npy"
    for kind, content in files.items():
        path.write_bytes(content)
        for read in (npy_object.open, npy_object.load):
            for source in (path, content):
                with pytest.raises(npy_object.Error, match=kind):
                    list(read(source))
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        npy_object.open(tmp_path)
    with pytest.raises(IsADirectoryError, match=tmp_path.name + "'$"):
        npy_object.salvage(tmp_path, tmp_path / "saved.npy")
    with pytest.raises(OSError):
        npy_object.open(tmp_path, mmap_mode="r")


def test_error_of_a_joblib_file_names_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    path = tmp_path / "model.joblib"
    joblib.dump({"weights": np.arange(1000.0)}, path)
    with pytest.raises(npy_object.Error, match="joblib"):
        npy_object.load(path)


def test_error_of_a_truncated_file_names_the_file(tmp_path):
    path = tmp_path / "cut.npy"
    np.save(path, objects(["a", "b"]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(npy_object.TruncatedError, match=r"cut\.npy: "):
        list(npy_object.open(path))


def test_changed_file_is_reported_as_changed(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, objects(["x" * 5000 for _ in range(500)]))
    array = npy_object.open(path)
    with open(path, "r+b") as file:
        file.truncate(100_000)
    with pytest.raises(OSError, match="changed while it was read"):
        list(array)


def test_exception_of_find_class_passes_through(plain):
    class Own(BaseException):
        pass

    def refuse(module, name):
        raise Own

    for read in (
        lambda: list(npy_object.open(plain, find_class=refuse)),
        lambda: npy_object.open(plain, find_class=refuse)[0],
        lambda: npy_object.load(plain, find_class=refuse),
    ):
        with pytest.raises(Own):
            read()


def test_find_class_that_reads_its_own_file_raises_recursion_error(plain):
    def again(module, name):
        return npy_object.open(plain, find_class=again)[0]

    with pytest.raises(RecursionError):
        npy_object.open(plain, find_class=again)[0]
    assert npy_object.open(plain, find_class=lambda module, name: Plain)[0].x == 1


def test_read_near_the_recursion_limit_does_not_panic(plain):
    def down(depth):
        return list(npy_object.open(plain)) if depth == 0 else down(depth - 1)

    # conftest.py raises the limit beyond the size of the stack.
    before, limit = sys.getrecursionlimit(), 1000
    sys.setrecursionlimit(limit)
    try:
        for depth in range(limit - 80, limit):
            try:
                down(depth)
            except RecursionError:
                pass
    finally:
        sys.setrecursionlimit(before)


def test_interrupted_writer_leaves_no_file(tmp_path):
    path = tmp_path / "array.npy"
    with pytest.raises(KeyboardInterrupt):
        with npy_object.Writer(path) as writer:
            writer.append(1)
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_file_of_the_longest_name_is_written(tmp_path):
    path = tmp_path / ("n" * 255)
    with npy_object.Writer(path) as writer:
        writer.append(1)
    assert npy_object.open(path)[0] == 1
    with pytest.raises(OSError, match="n" * 256):
        npy_object.Writer(tmp_path / ("n" * 256))


def test_repr_of_several_dimensions_shows_elements(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, np.array([[1, "a"], [None, 2.5], [3, 4], [5, 6]], object))
    assert repr(npy_object.open(path)).endswith("[[1, 'a'], [None, 2.5], [3, 4], ...]>")
    np.save(path, np.arange(24).astype(object).reshape(2, 3, 4))
    assert repr(npy_object.open(path)).endswith("[[[0, 1, 2, ...], [4, 5, 6, ...], [8, 9, 10, ...]], [[12, 13, 14, ...], [16, 17, 18, ...], [20, 21, 22, ...]]]>")
