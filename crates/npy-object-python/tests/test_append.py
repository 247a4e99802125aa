"""Elements that Writer appends to files, also while it is killed; and archives of several arrays."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from files import objects

import npy_object
from same import same


def elements(begin, end):
    kinds = [
        lambda n: np.arange(n % 7, dtype=float),
        lambda n: "text %d" % n,
        lambda n: {"id": n, "tag": "tag", "values": [n, None, n / 2]},
        lambda n: n**9,
    ]
    return [kinds[n % 4](n) for n in range(begin, end)]


def append(path, values, **arguments):
    with npy_object.Writer(path, mode="a", **arguments) as writer:
        writer.extend(values)


@pytest.mark.parametrize("lengths", [(0, 1, 4), (3, 250, 10), (255, 1, 1), (990, 20, 2000), (65_530, 3, 9)])
@pytest.mark.parametrize("index", [None, False, True])
def test_np_load_gives_the_elements_of_all_appends(tmp_path, lengths, index):
    path, count = tmp_path / "a.npy", 0
    np.save(path, objects(elements(0, lengths[0])))
    if index is not None:
        npy_object.open(path).save_index(dense=index)
    for length in lengths[1:]:
        count = len(npy_object.open(path))
        append(path, elements(count, count + length))
    total = sum(lengths)
    for loaded in (np.load(path, allow_pickle=True), npy_object.load(path)):
        same(loaded, objects(elements(0, total)))
    array = npy_object.open(path)
    for number in {0, lengths[0], total - 1, total // 2}:
        same(array[number % total], elements(number % total, number % total + 1)[0])
    assert npy_object.audit(path).is_inert
    assert (tmp_path / "a.npy.idx").read_bytes()[7] == (3 if index else 2)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_append_writes_the_protocol_of_the_file(tmp_path, protocol):
    path = tmp_path / "a.npy"
    with npy_object.Writer(path, protocol=protocol) as writer:
        writer.extend(elements(0, 5))
    append(path, elements(5, 300))
    append(path, elements(300, 301), protocol=protocol)
    same(np.load(path, allow_pickle=True), objects(elements(0, 301)))
    with pytest.raises(ValueError, match="the file has %d" % protocol):
        npy_object.Writer(path, "a", protocol=7 - protocol)


def test_modes_create_replace_and_append(tmp_path):
    path = tmp_path / "a.npy"
    append(path, [1, 2])
    append(path, [3])
    with npy_object.Writer(path, mode="a") as writer:
        assert len(writer) == 3
        writer.append("four")
        assert len(writer) == 4
    assert npy_object.load(path).tolist() == [1, 2, 3, "four"]
    with pytest.raises(FileExistsError):
        npy_object.Writer(path, mode="x")
    with pytest.raises(ValueError, match="'w', 'x' or 'a', found \"r\""):
        npy_object.Writer(path, mode="r")
    with pytest.raises(ValueError, match="those of the file"):
        npy_object.Writer(path, mode="a", shape=[3])
    with npy_object.Writer(path, mode="w") as writer:
        writer.append(5)
    assert npy_object.load(path).tolist() == [5]
    with npy_object.Writer(tmp_path / "new.npy", mode="x") as writer:
        writer.append(6)


def test_append_that_fails_leaves_the_file(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, objects(elements(0, 10)))
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        with npy_object.Writer(path, mode="a") as writer:
            writer.extend(elements(0, 50_000))
            1 / 0
    with pytest.raises((AttributeError, pickle.PicklingError)):
        append(path, [lambda: None])
    with npy_object.Writer(path, mode="a") as writer:
        with pytest.raises(BlockingIOError, match="another writer appends"):
            npy_object.Writer(path, mode="a")
    assert path.read_bytes() == before


def test_files_that_cannot_be_appended_to_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    for array, says in [
        (np.arange(3.0), "no objects"),
        (np.empty((2, 3), object), "2 dimensions"),
        (np.array({"a": 1}, object), "0 dimensions"),
    ]:
        np.save(path, array)
        with pytest.raises(npy_object.Error, match=says) as caught:
            npy_object.Writer(path, mode="a")
        assert caught.value.clause == "access.append"
    np.ma.array(objects([1, 2]), mask=[0, 1]).dump(path)
    with pytest.raises(npy_object.Error, match="without a header"):
        npy_object.Writer(path, mode="a")


CHILD = """
import sys, npy_object
path, count = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
while True:
    with npy_object.Writer(path, mode="a") as writer:
        writer.extend(["text %d" % n for n in range(count, count + 313)])
    count += 313
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_append_killed_at_any_time_leaves_the_old_or_the_new_array(tmp_path):
    path, chance = tmp_path / "a.npy", random.Random(1)
    np.save(path, objects(["text %d" % n for n in range(10)]))
    count, grown = 10, 0
    for _ in range(int(os.environ.get("NPY_OBJECT_KILLS", 20))):
        child = subprocess.Popen([sys.executable, "-c", CHILD, path, str(count)], stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        loaded = np.load(path, allow_pickle=True)
        assert loaded.tolist() == ["text %d" % n for n in range(len(loaded))]
        assert len(loaded) >= count and (len(loaded) - count) % 313 == 0
        array, read = npy_object.open(path), []
        assert len(array) == len(loaded)
        try:
            read.extend(array)
        except npy_object.MalformedError as error:
            assert "an append that was interrupted" in str(error)
        assert read == loaded.tolist()
        grown += len(loaded) > count
        count = len(loaded)
    assert grown
    append(path, ["the end"])
    assert np.load(path, allow_pickle=True).tolist() == ["text %d" % n for n in range(count)] + ["the end"]
    assert npy_object.audit(path).is_inert


def test_archive_has_the_arrays_that_were_written(tmp_path):
    path = tmp_path / "a.npz"
    with npy_object.NpzWriter(path) as archive:
        with archive.writer("ragged") as ragged:
            ragged.extend(elements(0, 2500))
        with archive.writer("rows", dtype="<f4", shape=(3, 2)) as rows:
            rows.extend(np.arange(6, dtype="<f4").reshape(3, 2))
        archive["labels"] = np.array(["a", "b"])
        archive["settings"] = np.array({"rate": 0.5}, object)
        with pytest.raises(FileExistsError, match="labels"):
            archive["labels"] = [1]
        with pytest.raises(ZeroDivisionError):
            with archive.writer("lost") as lost:
                lost.append(1)
                1 / 0
    for loaded in (np.load(path, allow_pickle=True), npy_object.load(path), npy_object.open(path)):
        assert list(loaded) == ["ragged", "rows", "labels", "settings"]
        same(np.asarray(loaded["ragged"]), objects(elements(0, 2500)))
        assert np.asarray(loaded["rows"]).tolist() == [[0, 1], [2, 3], [4, 5]]
        assert np.asarray(loaded["labels"]).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="closed"):
        archive["more"] = [1]


def test_archive_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, old=np.arange(3))
    with pytest.raises(ZeroDivisionError):
        with npy_object.NpzWriter(path) as archive:
            archive["new"] = [1]
            1 / 0
    assert list(np.load(path)) == ["old"] and os.listdir(tmp_path) == ["a.npz"]
