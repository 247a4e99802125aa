"""Bare pickles, pickles after a header, and files of several arrays."""

import collections
import io
import pickle

import numpy as np
import pytest
from files import objects

import npy_object


shared = [1]
ARRAYS = [
    objects([np.arange(0), np.arange(1), np.arange(2)]),
    np.arange(4.0),
    objects([shared, shared]),
    np.arange(12).reshape(3, 4, order="F"),
    np.zeros((0, 3)),
    np.array({"a": 1}),
    np.array(5),
]
VALUES = [5, "x", None, [1, 2], {"a": (1, 2)}, (1,), {1, 2}, collections.deque([1, 2], 5), b"x" * 70000, np.arange(3)]
# Each of these pickles ends at its STOP.
PICKLES = [pickle.dumps(value, protocol) for value in VALUES for protocol in range(6)]


def several():
    file = io.BytesIO()
    for array in ARRAYS:
        np.save(file, array)
    for dumped in PICKLES:
        file.write(dumped)
    return file.getvalue()


def places(load, file):
    """Returns the positions of a file object after each load."""
    ends = []
    with pytest.raises(EOFError, match="No data left in file"):
        while True:
            load(file)
            ends.append(file.tell())
    return ends


class Stream(io.RawIOBase):
    """A stream that cannot seek; `tell` returns how many bytes were read."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def readable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        return self.file.read(size)

    def tell(self):
        return self.file.tell()


def load_of_numpy(file):
    try:
        return np.load(file, allow_pickle=True)
    except pickle.UnpicklingError as error:
        # Before 1.23, NumPy reads the end of a file as a pickle.
        if isinstance(error.__context__, EOFError):
            raise EOFError("No data left in file") from error
        raise


def test_position_after_load_equals_that_of_numpy():
    data = several()
    expected = places(load_of_numpy, io.BytesIO(data))
    assert len(expected) == len(ARRAYS) + len(PICKLES)
    assert places(npy_object.load, io.BytesIO(data)) == expected
    file = io.BytesIO(b"before" + data)
    file.seek(6)
    assert places(npy_object.load, file) == [6 + end for end in expected]


def test_load_of_a_stream_reads_nothing_past_the_end():
    data = several()
    expected = places(load_of_numpy, io.BytesIO(data))
    assert places(npy_object.load, Stream(data)) == expected


@pytest.mark.parametrize("source", [b"", io.BytesIO()])
def test_load_of_an_empty_source_raises_eof_error(source):
    with pytest.raises(EOFError, match="No data left in file"):
        npy_object.load(source)


def test_open_all_returns_every_array_and_pickle(tmp_path):
    path = tmp_path / "several.npy"
    path.write_bytes(several())
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        found = list(npy_object.open_all(source))
        assert len(found) == len(ARRAYS) + len(PICKLES)
        assert [type(array) for array in found[: len(ARRAYS)]] == [npy_object.Array] * len(ARRAYS)
        assert [element.tolist() for element in found[0]] == [[], [0], [0, 1]]
        assert found[len(ARRAYS)] == 5
        last = found[-1]
        assert last.tolist() == [0, 1, 2]


def test_other_bytes_after_an_array_fail():
    file = io.BytesIO()
    np.save(file, np.arange(3))
    found = npy_object.open_all(file.getvalue() + b"\0\0")
    assert len(next(found)) == 3
    with pytest.raises(npy_object.MalformedError) as caught:
        next(found)
    assert (caught.value.clause, caught.value.offset) == ("npy.magic", len(file.getvalue()))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("maxlen", [None, 0, 3, 9])
def test_deque_loads_as_a_deque(protocol, maxlen):
    deque = collections.deque([(i, float(i)) for i in range(5)], maxlen)
    dumped = pickle.dumps(deque, protocol)
    loaded = npy_object.load(dumped)
    assert (type(loaded), loaded, loaded.maxlen) == (collections.deque, deque, maxlen)
    opened = npy_object.open(dumped)
    assert (opened.kind, len(opened), list(opened)) == ("deque", len(deque), list(deque))


def test_deque_that_contains_itself_loads(tmp_path):
    deque = collections.deque("ab")
    np.save(tmp_path / "deques.npy", objects([deque, deque]))
    first, second = npy_object.load(tmp_path / "deques.npy")
    assert first is second
    assert first == deque
    deque.append(deque)
    loaded = npy_object.load(pickle.dumps(deque))
    assert loaded[2] is loaded


class Replay(collections.deque):
    pass


def test_subclass_of_deque_becomes_opaque():
    loaded = npy_object.load(pickle.dumps(Replay([1, 2])))
    assert isinstance(loaded, npy_object.Opaque)
    assert loaded.appended == [1, 2]


def after_header(value, shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": shape})
    pickle.dump(value, file)
    return file.getvalue()


@pytest.mark.parametrize("value", [[1, 2, 3], ([1], 2), {"a": 1}, 5, None, "x", np.arange(3.0), np.arange(4.0)])
def test_value_after_a_header_loads_as_in_numpy(value):
    data = after_header(value, (3,))
    expected = np.load(io.BytesIO(data), allow_pickle=True)
    loaded = npy_object.load(io.BytesIO(data))
    assert type(loaded) is type(expected)
    assert repr(loaded) == repr(expected)
    if isinstance(value, (list, tuple, dict)):
        opened = npy_object.open(data)
        assert (opened.kind, len(opened)) == (type(value).__name__, len(value))


def test_array_of_numbers_of_another_shape_fails_without_trust_payload():
    data = after_header(np.arange(4.0), (3,))
    with pytest.raises(npy_object.MalformedError, match="shape"):
        npy_object.load(data, trust_payload=False)


@pytest.mark.parametrize("data", [b"I5\n.", b"S'a'\np0\n.", b"N.", b"(lp0\nI1\na.", b"K\x05.", b"}."])
def test_pickle_of_any_first_opcode_loads(data):
    assert npy_object.load(data) == pickle.loads(data)


def test_text_file_fails():
    with pytest.raises(npy_object.MalformedError, match="this is text, not an array"):
        npy_object.load(b"Some text\n")
