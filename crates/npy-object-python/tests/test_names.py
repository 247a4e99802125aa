"""Names of modules and classes in Python 2 and Python 3."""

import collections
import io
import pickle

import numpy as np
import pytest
from files import objects

import npy_object


def npy(elements, protocol, fix_imports=True):
    """Returns a file as NumPy writes it, but with this protocol."""
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": elements.shape}
    np.lib.format.write_array_header_1_0(file, header)
    pickle.dump(elements, file, protocol=protocol, fix_imports=fix_imports)
    return file.getvalue()


ELEMENTS = objects([
    collections.defaultdict(list, x=[1]), range(3), int, str, len, zip, ValueError, bytearray(b"x"), {1}, 2j,
    slice(1, 2), collections.OrderedDict(a=1), b"bytes", b"",
])  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_find_class_is_called_with_names_of_python_3(protocol):
    asked = set()

    def find_class(module, name):
        asked.add((module, name))
        return getattr(__import__(module, fromlist=[name]), name)

    found = list(npy_object.open(npy(ELEMENTS, protocol), find_class=find_class))
    expected = pickle.loads(pickle.dumps(ELEMENTS, protocol))
    assert [repr(one) for one in found] == [repr(one) for one in expected]
    modules = {module for module, _ in asked}
    assert modules and not modules & {"__builtin__", "copy_reg", "exceptions", "itertools"}


def test_names_of_python_3_in_protocol_2_stay_the_same():
    found = npy_object.open(npy(ELEMENTS, 2, fix_imports=False))
    assert [repr(one) for one in found[:4]] == [repr(one) for one in list(npy_object.open(npy(ELEMENTS, 4)))[:4]]


def test_name_of_python_2_is_translated_in_protocol_2_only():
    # A user's module may have the name of a module of Python 2.
    for protocol, expected in ((2, "queue.Queue"), (4, "Queue.Queue")):
        data = pickle.dumps(np.array([None], object), protocol)
        named = b"cQueue\nQueue\n"
        begin = data.rindex(b"N", 0, data.rindex(b"b."))
        data = data[:begin] + named + data[begin + 1 :]
        if protocol == 4:
            length = int.from_bytes(data[3:11], "little") + len(named) - 1
            data = data[:3] + length.to_bytes(8, "little") + data[11:]
        assert npy_object.open(data)[0].name == expected


def test_written_names_are_those_of_the_protocol(tmp_path):
    for protocol in range(2, 6):
        path = tmp_path / "a.npy"
        with npy_object.Writer(path, protocol=protocol) as writer:
            writer.extend(ELEMENTS)
        loaded = np.load(path, allow_pickle=True)
        assert [repr(one) for one in loaded] == [repr(one) for one in ELEMENTS]
        assert (b"__builtin__" in path.read_bytes()) == (protocol == 2)
