"""Prints what .npy files hold, as typed JSON. Runs in an environment.

    python judge.py LIST

LIST is a JSON file: a list of entries as in the manifest, of which `file` and `encoding` are read. Prints a JSON
object a file: `lines`, and `plain`, which is "same" if np.load returns the same; or `failure`, if the judge raised an
exception.
"""

import io
import json
import math
import pickle
import re
import sys
import tempfile
import warnings

import numpy as np
import inert
import manifest
import typed_json

try:
    from numpy.lib import _format_impl as npy_format  # from NumPy 2.3
except ImportError:
    from numpy.lib import format as npy_format

ANY_LENGTH = 2**62
"""The longest header that is read. np.load(allow_pickle=True) has no limit."""


class Recording:
    """The find_class of an Unpickler. It gets the names of the pickle, before they are mapped to those of Python 3."""

    def __init__(self, data, encoding):
        super().__init__(io.BytesIO(data), encoding=encoding)
        self.names = inert.Names()
        self.protocol = inert.protocol_of(data)

    def find_class(self, module, name):
        return self.names.resolve(*inert.python_3_name(self.protocol, module, name))


class Unpickler(Recording, pickle.Unpickler):
    """CPython's Unpickler written in C."""


class SlowUnpickler(Recording, pickle._Unpickler):
    """CPython's Unpickler written in Python, whose stack can be read after it failed."""

    def closed_elements(self):
        """Returns the elements of the batches that were closed before the unpickler failed."""
        levels = self.metastack + [self.stack]
        if len(levels) == 1 and self.stack and isinstance(self.stack[0], np.ndarray) and self.stack[0].size:
            return list(self.stack[0].flat)  # BUILD has set the state of the array
        # The array is at the bottom of the stack. Above the first MARK are the items of its state: version, shape,
        # dtype, order, and the list of elements.
        if len(levels) > 1 and len(levels[1]) > 4 and isinstance(levels[1][4], list):
            return levels[1][4]
        return []


def judge(data, encoding):
    """Returns the lines of a file, and how np.load compares: "same", or the reason why it cannot be compared."""
    file = io.BytesIO(data)
    try:
        version = npy_format.read_magic(file)
        shape, fortran_order, dtype = npy_format._read_array_header(file, version, max_header_size=ANY_LENGTH)
        if not dtype.hasobject:
            np.broadcast_to(np.zeros((), dtype), shape)  # raises if no array can have this shape, and allocates nothing
    except Exception as error:
        return [error_line(error)], "no header"
    header = {
        "version": list(version),
        "descr": typed_json.Line(None, {}).dtype(dtype),
        "fortran_order": fortran_order,
        "shape": list(shape),
    }
    lines = [typed_json.to_text({"header": header})]
    if dtype.hasobject:
        found, plain = judge_pickle(data, file.tell(), encoding)
    else:
        found, plain = judge_numbers(data, file.tell(), dtype, shape, fortran_order)
    return lines + found, plain


def judge_pickle(data, begin, encoding):
    try:
        unpickler = Unpickler(data[begin:], encoding)
        array = unpickler.load()
    except Exception as error:
        unpickler = SlowUnpickler(data[begin:], encoding)
        try:
            unpickler.load()
        except Exception:
            pass
        # The array is unfinished, so no element can be the array itself.
        closed = [typed_json.line(one, None, unpickler.names.raw) for one in unpickler.closed_elements()]
        return closed + [error_line(error)], "it fails"
    if not isinstance(array, np.ndarray):
        raise TypeError("the pickle holds no array but %r" % type(array))
    lines = [typed_json.line(one, array, unpickler.names.raw) for one in typed_json.elements_of(array)]
    if unpickler.names.stubbed:
        return lines, "names classes that are not rebuilt"
    return lines, compare_with_load(data, encoding, lines)


def judge_numbers(data, begin, dtype, shape, fortran_order):
    try:
        # NumPy keeps the padding between fields only when it reads from a file on disk.
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            file.write(data)
            file.flush()
            return rows_of(np.load(file.name, allow_pickle=True)), "same"
    except Exception as error:
        rows = [] if fortran_order else whole_rows(data[begin:], dtype, shape)
        return rows + [error_line(error)], "it fails"


def whole_rows(data, dtype, shape):
    """Returns the rows, along the first axis, that a truncated file has."""
    if not shape:
        return []
    width = math.prod(shape[1:]) * dtype.itemsize
    count = len(data) // width if width else 0
    if count == 0 or count >= shape[0]:
        return []
    return rows_of(np.frombuffer(data[: count * width], dtype).reshape((count,) + shape[1:]))


def rows_of(array):
    if array.ndim == 0:
        return [typed_json.line(array[()])]
    if array.ndim == 1:
        return [typed_json.line(array[i]) for i in range(len(array))]
    return [typed_json.line(np.ascontiguousarray(array[i])) for i in range(len(array))]


def compare_with_load(data, encoding, lines):
    """Compares with what np.load returns, which has neither the names of the pickle nor the recorded fill values."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=True, encoding=encoding)
        loaded = [typed_json.line(one, array) for one in typed_json.elements_of(array)]
    except (typed_json.Unrepresentable, KeyError):
        return "names or fill values that np.load forgets"
    except (ImportError, AttributeError) as error:
        return str(error).split(" on <")[0]  # a module or class that this NumPy does not have under that name
    if lines != loaded:
        raise AssertionError("np.load sees something else:\n%s\n%s" % (lines, loaded))
    return "same"


def error_line(error):
    text = re.sub(" at 0x[0-9a-f]+", "", str(error))  # the address of an object
    return typed_json.to_text({"error": "%s: %s" % (type(error).__name__, text)})


def main(listed):
    sys.setrecursionlimit(10000)
    warnings.simplefilter("ignore")
    with open(listed, encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        try:
            lines, plain = judge(manifest.read_file(entry["file"]), entry.get("encoding", "ASCII"))
            print(json.dumps({"file": entry["file"], "lines": lines, "plain": plain}))
        except Exception as error:
            print(json.dumps({"file": entry["file"], "failure": "%s: %s" % (type(error).__name__, error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
