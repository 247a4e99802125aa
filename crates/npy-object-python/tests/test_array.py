"""Arrays, archives, writers and audits: each method and argument."""

import collections.abc
import copy
import gc
import gzip
import io
import operator
import os
import pickle
import socket
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from files import objects
from same import same

import npy_object


def test_index_and_slice_equal_those_of_numpy(saved):
    expected = objects(["%d" % n for n in range(20)])
    array = npy_object.open(saved(expected))
    assert (len(array), array.shape, array.ndim, array.size, array.dtype) == (20, (20,), 1, 20, np.dtype(object))
    for index in (0, 7, 19, -1, -20, np.int64(3)):
        assert array[index] == expected[int(index)]
    for index in (20, -21, 2**70):
        with pytest.raises(IndexError):
            array[index]
    with pytest.raises(TypeError):
        array["x"]
    for key in (slice(None), slice(3, 9), slice(None, None, -1), slice(15, 2, -4), slice(30, 40), slice(-3, None)):
        part = array[key]
        assert part.shape == expected[key].shape
        assert list(part) == list(expected[key]) == list(reversed(list(reversed(part))))
        assert list(part[1:]) == list(expected[key][1:])
        same(part.to_numpy(), expected[key].copy())


def test_numpy_functions_take_an_array(ragged):
    array = npy_object.open(ragged)
    expected = np.load(ragged, allow_pickle=True)
    assert np.array_equal(np.concatenate(array), np.concatenate(expected))
    assert np.array_equal(np.hstack(array[:9]), np.hstack(expected[:9]))
    assert np.array(array).shape == (5000,) and len(array) == 5000 and len(array[-1]) == 4999 % 7


def test_views_of_several_dimensions_equal_those_of_numpy(saved):
    expected = objects(["%d" % n for n in range(24)]).reshape(2, 3, 4)
    for order in "CF":
        array = npy_object.open(saved(np.array(expected, order=order)))
        assert array.shape == (2, 3, 4)
        for key in [
            (1, 2, 3), (0, -1), 1, (slice(None), 1), (..., 2), (slice(None, None, -1), slice(1, None), 0), (1, ..., 1),
            (), ..., (1, 2, 3, ...),
        ]:  # fmt: skip
            found, wanted = array[key], expected[key]
            if isinstance(wanted, np.ndarray):
                assert found.shape == wanted.shape, key
                assert np.array_equal(np.asarray(found), wanted), key
            else:
                assert found == wanted
        assert [list(row.flat) for row in array] == [list(row.flat) for row in expected]
        assert [list(row.flat) for row in reversed(array)] == [list(row.flat) for row in expected[::-1]]
        same(array.to_numpy(), np.array(expected, order=order))
        with pytest.raises(IndexError):
            array[0, 0, 0, 0]


def test_rows_of_numbers_equal_those_of_numpy(saved):
    expected = np.arange(60, dtype=">f4").reshape(5, 3, 4)
    for order in "CF":
        array = npy_object.open(saved(np.array(expected, order=order)))
        assert array.shape == (5, 3, 4) and array.dtype == expected.dtype
        for key in (0, -1, (2, 1), (2, 1, 3), slice(1, 4), (slice(None, None, 2), 1), (..., 0), (3, slice(None), 2)):
            assert np.array_equal(np.asarray(array[key]), expected[key]), key
        same(array.to_numpy(), np.array(expected, order=order))
        assert [row.tolist() for row in array] == expected.tolist()


def test_0d_array_has_no_length_and_one_element(saved):
    array = npy_object.open(saved({"a": [1, 2], "b": None}))
    assert array.shape == () and array.size == 1
    assert array[()] == {"a": [1, 2], "b": None}
    assert list(array.entries()) == [("a", [1, 2]), ("b", None)]
    assert (len(array.entries()), array.entries().kind) == (2, "dict")
    for fails in (len, iter, reversed):
        with pytest.raises(TypeError):
            fails(array)
    assert list(npy_object.open(saved(np.array(3.5))).flat) == [3.5]


def test_two_loops_over_one_array_are_independent(ragged):
    array = npy_object.open(ragged)
    one, other = iter(array), iter(array[4990:])
    lengths = [(len(next(one)), len(next(other)), len(array[100])) for _ in range(10)]
    assert lengths == [(n % 7, (4990 + n) % 7, 2) for n in range(10)]
    assert operator.length_hint(one) == 4990 and next(other, None) is None


def test_iter_batches_returns_arrays_of_n_elements(ragged):
    array = npy_object.open(ragged)
    batches = array.iter_batches(700)
    assert operator.length_hint(batches) == 8
    batches = list(batches)
    assert [len(batch) for batch in batches] == [700] * 7 + [100]
    assert [len(element) for batch in batches for element in batch] == [n % 7 for n in range(5000)]
    with pytest.raises(ValueError):
        array.iter_batches(0)


def test_elements_are_writable_copies(ragged):
    array = npy_object.open(ragged)
    first = array[5]
    first[:] = 9
    assert first.flags.owndata and first.flags.writeable
    assert array[5].tolist() == [0, 1, 2, 3, 4]


def test_shared_objects_are_shared_in_to_numpy(saved):
    shared = [1, np.arange(3)]
    expected = objects([shared, {"x": shared}, (shared,), 4])
    path = saved(expected)
    same(npy_object.open(path).to_numpy(), expected)
    found = npy_object.open(path)[:].to_numpy()
    assert found[0] is found[1]["x"] is found[2][0]


def test_list_that_contains_itself_equals_the_saved_list(saved):
    itself, member = [1, "a", None, 2.5], [9]
    itself += [itself, 3]
    lists = [itself, [1, member, "t", member, 2], [2**70, 1], ["ok", "\ud800", "z"], [], [[True], [[], [1]], b"x"]]
    expected = objects(lists)
    path = saved(expected)
    same(npy_object.load(path), expected)
    for found, wanted in zip(npy_object.open(path), lists):
        same(found, wanted)


def test_mmap_mode_r_returns_read_only_views(ragged, saved):
    array = npy_object.open(ragged, mmap_mode="r")
    element = array[6]
    assert element.tolist() == [0, 1, 2, 3, 4, 5]
    assert not element.flags.writeable and not element.flags.owndata
    del array
    gc.collect()
    assert element.tolist() == [0, 1, 2, 3, 4, 5]
    numbers = npy_object.load(saved(np.arange(10.0)), mmap_mode="r")
    assert numbers.sum() == 45 and not numbers.flags.writeable and not numbers.flags.owndata
    with pytest.raises(ValueError):
        npy_object.open(ragged, mmap_mode="r+")


def test_open_takes_path_bytes_and_file_objects(ragged, tmp_path):
    data = ragged.read_bytes()
    expected = [n % 7 for n in range(5000)]
    packed = tmp_path / "a.npy.gz"
    packed.write_bytes(gzip.compress(data))

    class Pipe:
        """A stream that cannot seek and returns at most 1,000 bytes at once."""

        def __init__(self):
            self.file = io.BytesIO(data)

        def read(self, size):
            return self.file.read(min(size, 1000))

    with open(ragged, "rb") as file:
        for source in (ragged, str(ragged), data, bytearray(data), file, io.BytesIO(data), Pipe(), packed):
            array = npy_object.open(source)
            assert [len(element) for element in array] == expected
            assert len(array[-1]) == 4999 % 7
    later = io.BytesIO(b"something" + data)
    later.seek(9)
    assert len(npy_object.open(later)) == 5000


def test_open_reads_a_socket(ragged):
    here, there = socket.socketpair()

    def send():
        there.sendall(ragged.read_bytes())
        there.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert sum(map(len, npy_object.open(here.makefile("rb")))) == sum(n % 7 for n in range(5000))
    sender.join()


def test_exception_of_a_file_object_passes_through():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise PermissionError("not you")

    with pytest.raises(PermissionError, match="not you"):
        npy_object.open(Broken(b"x" * 100))
    with pytest.raises(TypeError, match="rb"):
        npy_object.open(io.StringIO("text"))
    with pytest.raises(TypeError):
        npy_object.open(3)


def test_errors_have_class_offset_and_clause(tmp_path, ragged):
    with pytest.raises(FileNotFoundError) as raised:
        npy_object.open(tmp_path / "none.npy")
    assert raised.value.filename == str(tmp_path / "none.npy")
    cut = ragged.read_bytes()[:-200]
    seen = 0
    with pytest.raises(npy_object.TruncatedError) as raised:
        for _ in npy_object.open(cut):
            seen += 1
    assert seen == 4000 and raised.value.offset == len(cut) and raised.value.clause == "pickle.truncated"
    assert "pickle data was truncated" in str(raised.value)
    assert isinstance(raised.value, ValueError)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again), again.offset) == (type(raised.value), str(raised.value), raised.value.offset)
    array = npy_object.open(cut)
    for _ in range(2):  # an error does not change the array
        assert len(array[3999]) == 3999 % 7
        with pytest.raises(npy_object.TruncatedError):
            list(array)


def test_element_over_max_memory_raises_limit_error(saved):
    path = saved(objects(["small", "x" * (4 << 20)]))
    array = npy_object.open(path, max_memory=1 << 20)
    assert array[0] == "small"
    with pytest.raises(npy_object.LimitError):
        array[1]


def test_key_that_takes_too_long_to_hash_raises_limit_error():
    # ((((),) * 2,) * 2 ...), 60 deep, as the key of a dict in a 0-d array
    key = b")" + b"2\x86" * 60
    data = pickle.dumps(np.array({"KEY": 1}, object), 2)
    begin = data.index(b"X\x03\0\0\0KEYq")
    array = npy_object.open(data[:begin] + key + data[begin + 10 :])
    with pytest.raises(npy_object.LimitError):
        array[()]


def test_pickled_splits_return_their_elements(ragged):
    array = npy_object.open(ragged)
    splits = pickle.loads(pickle.dumps(array.splits(3)))
    assert sum(map(len, splits)) == 5000 and [split.first for split in splits][0] == 0
    assert [len(element) for split in splits for element in split] == [n % 7 for n in range(5000)]
    part = pickle.loads(pickle.dumps(array[100:4000:3]))
    assert [len(element) for element in part] == [n % 7 for n in range(100, 4000, 3)]
    assert len(pickle.dumps(array)) < 1000
    assert list(copy.copy(array)[1]) == [0]
    with pytest.raises(TypeError):
        pickle.dumps(npy_object.open(ragged.read_bytes()))


def test_save_index_writes_a_file_that_open_uses(ragged):
    index = npy_object.open(ragged).save_index()
    assert str(index) == str(ragged) + ".idx"
    assert len(npy_object.open(ragged)[4999]) == 4999 % 7


def test_closed_array_refuses_new_loops(ragged):
    with npy_object.open(ragged) as array:
        loop = iter(array)
        next(loop)
    assert len(next(loop)) == 1
    with pytest.raises(ValueError, match="closed"):
        array[0]
    assert "closed" in repr(array)


def test_npz_is_a_mapping_of_arrays(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"words": objects(["a", None]), "numbers": np.arange(6).reshape(2, 3)}
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        with npy_object.open(path) as archive:
            assert isinstance(archive, collections.abc.Mapping)
            assert (len(archive), list(archive), "words" in archive, "x" in archive) == (2, list(arrays), True, False)
            assert list(archive["words"]) == ["a", None] and archive["numbers.npy"][1, 2] == 5
            assert archive.get("x") is None and dict(archive.items()).keys() == arrays.keys()
            with pytest.raises(KeyError):
                archive["x"]
            part = pickle.loads(pickle.dumps(archive["words"]))
            assert list(part) == ["a", None]
        with pytest.raises(ValueError):
            archive["words"]
        for name, array in npy_object.load(path).items():
            same(array, arrays[name])


def test_bare_pickles_open_as_arrays_and_containers(tmp_path):
    value = {"a": [1, {2, 3}], "b": (None,)}
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(value))
    same(npy_object.load(path), value)
    assert list(npy_object.open(path)) == list(value.items())
    path.write_bytes(pickle.dumps(7))
    assert npy_object.load(path) == 7
    with pytest.raises(ValueError):
        npy_object.open(path)
    array = objects(["x", 1])
    path.write_bytes(pickle.dumps(array))
    assert list(npy_object.open(path)) == ["x", 1]


def test_names_in_a_file_are_not_imported(saved, tmp_path, monkeypatch):
    (tmp_path / "treacherous.py").write_text("class Point:\n    def __init__(self, x): self.x = x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import treacherous

    path = saved(objects([treacherous.Point(3), treacherous.Point, "x"]))
    del sys.modules["treacherous"]
    point, name, _ = npy_object.open(path)
    assert "treacherous" not in sys.modules
    assert (point.name, point.args, point.state) == ("treacherous.Point", (), {"x": 3})
    assert (name.name, name.args) == ("treacherous.Point", None)
    assert repr(point) == "Opaque('treacherous.Point', args=(), state={'x': 3})"
    assert pickle.loads(pickle.dumps(point)).state == {"x": 3}

    asked = []

    def find_class(module, name):
        asked.append((module, name))
        return __import__(module).Point if name == "Point" else None

    point, name, _ = npy_object.open(path, find_class=find_class)
    assert asked and set(asked) == {("treacherous", "Point")}
    assert point.x == 3 and name is type(point)

    def refuse(module, name):
        raise pickle.UnpicklingError("no")

    with pytest.raises(pickle.UnpicklingError):
        list(npy_object.open(path, find_class=refuse))


def test_load_without_allow_pickle_refuses_objects(saved):
    with pytest.raises(ValueError, match="allow_pickle=False"):
        npy_object.load(saved(objects([1])), allow_pickle=False)
    assert npy_object.load(saved(np.arange(3)), allow_pickle=False).tolist() == [0, 1, 2]


def test_threads_read_one_array_at_once(ragged):
    array = npy_object.open(ragged)
    wrong = []

    def work(seed):
        for n in range(seed, 5000, 37):
            if len(array[n]) != n % 7:
                wrong.append(n)
        if [len(element) for element in array] != [n % 7 for n in range(5000)]:
            wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_archive_closed_during_a_read_lets_the_read_end(tmp_path):
    """Reading runs Python code, so a close that held the interpreter while it waits would never end."""
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(9))
    code = """
import io, npy_object, threading, time
started = threading.Event()
class Slow(io.FileIO):
    def read(self, size=-1):
        started.set()
        time.sleep(0.05)
        return super().read(size)
archive = npy_object.open(Slow(%r))
started.clear()
def read():
    try:
        archive["a"].to_numpy()
    except ValueError as error:
        assert "closed" in str(error)
reader = threading.Thread(target=read)
reader.start()
started.wait()
archive.close()
reader.join()
""" % str(path)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_loop_takes_the_memory_of_one_element(saved):
    path = saved(objects([np.zeros(1 << 15) for _ in range(400)]))  # 100 MB
    code = """
import numpy, npy_object
def peak():
    return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
bare = peak()
assert sum(element.size for element in npy_object.open(%r)) == 400 << 15
print(peak() - bare)
""" % str(path)
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    assert int(subprocess.check_output([sys.executable, "-c", code])) < 24 << 10


def test_elements_are_freed_after_the_loop(saved):
    array = npy_object.open(saved(objects([{"a": [n, (n, {"b": n})]} for n in range(3000)])))

    def count():
        gc.collect()
        return len(gc.get_objects())

    list(array)
    before = count()
    for _ in range(5):
        list(array)
    assert count() - before < 100


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "work",
    [
        "while True: npy_object.open(FILE, index=False)[-1]",  # surveys
        "collections.deque(itertools.chain.from_iterable(map(npy_object.open, itertools.repeat(FILE))), 0)",  # loops in C
    ],
)
def test_ctrl_c_interrupts_long_work(tmp_path, work):
    path = tmp_path / "a.npy"
    np.save(path, np.array([None] * 3_000_000, object))
    code = """
import collections, itertools, npy_object, os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent process may ignore SIGINT
FILE = %r
npy_object.open(FILE)[0]  # imports the modules that it needs
begin = time.perf_counter()
try:
    threading.Timer(0.01, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    %s
except KeyboardInterrupt:
    print(time.perf_counter() - begin)
""" % (str(path), work)
    assert float(subprocess.check_output([sys.executable, "-c", code], timeout=60)) < 5


def test_exception_of_the_first_find_class_call_passes_through(saved):
    def find_class(module, name):
        if not asked:
            asked.append(name)
            raise KeyboardInterrupt
        return Point

    for read in (npy_object.load, lambda path, **options: npy_object.open(path, **options).to_numpy()):
        asked = []
        with pytest.raises(KeyboardInterrupt):
            read(saved(objects([Point(1), "x"])), find_class=find_class)


def test_other_process_reads_pickled_splits(ragged):
    code = """
import pickle, sys
print(sum(len(element) for element in pickle.load(sys.stdin.buffer)))
"""
    parts = [*npy_object.open(ragged).splits(2), npy_object.open(ragged)[10:20]]
    run = [sys.executable, "-c", code]
    sums = [int(subprocess.run(run, input=pickle.dumps(part), stdout=subprocess.PIPE).stdout) for part in parts]
    assert sums[0] + sums[1] == sum(n % 7 for n in range(5000)) and sums[2] == sum(n % 7 for n in range(10, 20))


@pytest.fixture
def runs(saved):
    """A file of long runs of elements that have the same instructions, and its elements."""
    elements = ["%d" % n for n in range(15_000)] + [{"a": 1}, np.zeros(5000)]
    elements += [np.arange(n % 5) for n in range(15_000)] + [(1,)] + [n / 7 for n in range(15_000)] + [None, "\ud800"]
    return saved(objects(elements)), elements


def test_long_runs_of_equal_instructions_equal_numpy(runs):
    path, elements = runs
    array = npy_object.open(path)
    for part in (slice(None), slice(5, -5), slice(100, 14_990)):
        same(list(array[part]), elements[part])
    loops = [iter(array) for _ in range(4)]
    for expected in elements[:30_000]:
        for loop in loops:
            found = next(loop)
            assert np.array_equal(found, expected)
    assert all(operator.length_hint(loop) == len(elements) - 30_000 for loop in loops)
    del loops
    assert array[-2] is None


def test_texts_far_apart_in_the_memo_are_both_read(saved):
    """A cache of 65,536 memo entries has one of them at most, so rows that read both are decoded."""
    path = saved(objects([]))
    elements = b"(X\x01\0\0\0aq\x01X\x01\0\0\0br\x01\0\x01\0" + b"h\x01j\x01\0\x01\0\x86j\x01\0\x01\0h\x01\x86" * 200 + b"e"
    envelope = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01M\x92\x01\x85cnumpy\ndtype\n"
    dtype = b"X\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]"
    header = path.read_bytes().replace(b"(0,), }  ", b"(402,), }")
    path.write_bytes(header[: header.index(b"\n") + 1] + envelope + dtype + elements + b"tb.")
    assert list(npy_object.open(path)) == ["a", "b"] + [("a", "b"), ("b", "a")] * 200


def test_error_after_a_long_run_comes_after_its_elements(runs):
    data = runs[0].read_bytes()
    place = len(data) - 50_000
    seen = [0, 0]
    for loop, cut in enumerate((data[:place], io.BytesIO(data[:place]))):
        with pytest.raises(npy_object.TruncatedError) as raised:
            for _ in npy_object.open(cut):
                seen[loop] += 1
        assert raised.value.offset == place
    assert seen[0] == seen[1] > 30_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_loop_goes_on_after_fork(runs):
    code = """
import npy_object, os, sys
array = npy_object.open(%r)
loop = iter(array)
for _ in range(6000):
    next(loop)
child = os.fork()
left = sum(1 for _ in loop)
assert left == len(array) - 6000, left
if child:
    sys.exit(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
""" % str(runs[0])
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_written_elements_are_read_back(tmp_path, protocol):
    path = tmp_path / "a.npy"
    shared = [1]
    elements = [np.arange(n % 4) for n in range(2500)] + ["a", None, {"x": (shared, shared)}, 2**80, Point(3), b"\0"]
    with npy_object.Writer(path, protocol=protocol) as writer:
        writer.extend(elements[:-1])
        writer.append(elements[-1])
        assert len(writer) == 2506 and not path.exists()
    with pytest.raises(ValueError, match="closed"):
        writer.append(1)
    same(np.load(path, allow_pickle=True), objects(elements))
    same(list(npy_object.open(path, find_class=lambda module, name: Point)), elements)


def test_writer_that_fails_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"what was there")
    with pytest.raises(ZeroDivisionError):
        with npy_object.Writer(path) as writer:
            writer.append(1 / 0)
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        npy_object.Writer(path).append(lambda: None)
    assert path.read_bytes() == b"what was there" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError):
        npy_object.Writer(tmp_path / "none" / "a.npy")


class Point:
    """A class that only `find_class` can return."""

    def __init__(self, x):
        self.x = x


def test_audit_of_os_system_is_dangerous(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    path = tmp_path / "evil.npy"
    np.save(path, np.array([Evil(), np.zeros(3)], object))
    found = npy_object.audit(path)
    worst = found.uses[0]
    assert (found.verdict, worst.what, worst.verdict) == ("dangerous", os.system.__module__ + ".system", "dangerous")
    assert worst.called is not None and worst.called[0] == 1 and worst.member is None
    assert found.errors == [] and "dangerous" in repr(found) and "system" in repr(worst)
    assert npy_object.audit(path, allow=["posix.system", "nt.system"]).verdict == "inert"

    np.savez(tmp_path / "both.npz", good=np.arange(3), evil=np.array([Evil()], object))
    members = {use.member for use in npy_object.audit(tmp_path / "both.npz").uses}
    assert members == {"evil.npy"}

    broken = npy_object.audit(path.read_bytes()[:-1])
    assert broken.verdict == "dangerous" and isinstance(broken.errors[0], npy_object.TruncatedError)


def test_audit_of_a_truncated_file_is_unknown(tmp_path):
    path = tmp_path / "ragged.npy"
    np.save(path, np.array([np.zeros(3), None], object))
    whole = npy_object.audit(path)
    assert whole.verdict == "inert" and whole.is_inert and whole.is_complete
    assert (whole.status, whole.incomplete, whole.odd) == ("complete", None, [])
    assert npy_object.audit(zlib.compress(b"N.")).is_inert
    for data in [b"", b"garbage", zlib.compress(b"N.")[:-1], path.read_bytes()[:-1]]:
        found = npy_object.audit(data)
        assert (found.verdict, found.status) == ("unknown", "incomplete")
        assert not found.is_inert and not found.is_complete and found.incomplete.startswith("incomplete: ")
        assert "incomplete" in repr(found)
    straddled = npy_object.audit(b"\x80\x04\x95\x04\0\0\0\0\0\0\0NN\x8c\x02os00.")
    assert straddled.verdict == "dangerous" and "two frames" in straddled.odd[0]


def test_bool_of_audit_fails():
    with pytest.raises(TypeError, match="is_inert"):
        bool(npy_object.audit(b"N."))


def test_audit_allow_of_a_bare_module_fails():
    with pytest.raises(ValueError, match="package"):
        npy_object.audit(b"N.", allow=["mypackage"])


def test_audit_repr_escapes_names():
    found = npy_object.audit(b"c\x1b[31m\nf\n.")
    assert "\x1b" not in repr(found) and "\x1b" not in repr(found.uses[0])
