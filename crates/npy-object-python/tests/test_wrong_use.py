"""Errors of wrong use, which say what to do instead."""

import gc
import warnings

import numpy as np
import pytest
from files import objects

import npy_object


def test_max_memory_takes_a_number_or_a_text(saved):
    path = saved(objects(["small", "x" * (4 << 20)]))
    for memory in (1 << 20, "1MB", "1 mib", "1024K", "1048576", np.int64(1 << 20)):
        array = npy_object.open(path, max_memory=memory)
        assert array[0] == "small"
        with pytest.raises(npy_object.LimitError, match="max_memory"):
            array[1]
        with pytest.raises(npy_object.LimitError, match="max_memory"):
            npy_object.load(path, max_memory=memory)
    for memory in (None, "64MB", 2**100):
        assert len(npy_object.load(path, max_memory=memory)[1]) == 4 << 20


@pytest.mark.parametrize("memory", [-1, 0, "", "0", "-1", "64 megabytes", "1.5GB", "MB", 2**200, -(2**200)])
def test_max_memory_that_is_no_size_fails(saved, memory):
    path = saved(objects(["x"]))
    for read in (npy_object.open, npy_object.load):
        with pytest.raises(ValueError, match="max_memory"):
            read(path, max_memory=memory)


@pytest.mark.parametrize("memory", [1.5, True, [], b"64MB"])
def test_max_memory_of_another_type_fails(saved, memory):
    with pytest.raises(TypeError, match="max_memory"):
        npy_object.open(saved(objects(["x"])), max_memory=memory)


def test_open_with_a_mode_says_what_to_do(saved):
    path = saved(objects(["x"]))
    for mode in ("r", "rb", "w", 1):
        with pytest.raises(TypeError, match="takes no mode.*Writer.*mmap_mode"):
            npy_object.open(path, mode)
        with pytest.raises(TypeError, match="takes no mode"):
            npy_object.open(path, mode=mode)
    for mode in ("r+", "w+", "c", "rb"):
        with pytest.raises(ValueError, match="mmap_mode: expected None or 'r'"):
            npy_object.load(path, mode)


def test_index_into_a_0d_array_says_what_to_do(saved):
    array = npy_object.open(saved(np.array({"a": 1}, object)))
    for key in (0, slice(None), (0, 1)):
        with pytest.raises(IndexError, match=r"0-d array takes no index.*a\[\(\)\].*entries\(\)"):
            array[key]
    for use in (len, iter, reversed, lambda array: array.iter_batches(1)):
        with pytest.raises(TypeError, match=r"0-d array has no length.*a\[\(\)\].*entries\(\)"):
            use(array)
    assert array[()] == {"a": 1} and array[...].shape == ()


def test_writer_dropped_without_close_warns(tmp_path):
    path = tmp_path / "a.npy"
    writer = npy_object.Writer(path)
    writer.append("x")
    with pytest.warns(ResourceWarning, match="a.npy was not written.*close"):
        del writer
        gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_writer_that_was_closed_does_not_warn(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in ("close", "with", "exception", "refused"):
            path = tmp_path / (end + ".npy")
            if end == "refused":
                with pytest.raises(OSError):
                    npy_object.Writer(tmp_path / "none" / "a.npy")
                continue
            writer = npy_object.Writer(path)
            if end == "close":
                writer.close()
            elif end == "with":
                with writer:
                    writer.append(1)
            else:
                with pytest.raises(ZeroDivisionError), writer:
                    1 / 0
            del writer
            gc.collect()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["close.npy", "with.npy"]
