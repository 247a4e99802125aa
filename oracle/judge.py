"""Runs inside an environment: says what an .npy file holds, as the lines of its typed JSON.

    python judge.py FOLDER MANIFEST

MANIFEST is a JSON list of objects with `file` (relative to FOLDER) and, where it matters, `encoding`. Prints one JSON
object a file: `lines`, and `plain`, which says whether np.load, left to itself, agrees; or `failure`, if the judge
itself is at a loss.
"""

import io
import json
import math
import os
import pickle
import re
import sys
import warnings

import numpy as np
import inert
import typed_json

try:
    from numpy.lib import _format_impl as npy_format  # from NumPy 2.3
except ImportError:
    from numpy.lib import format as npy_format

ANY_LENGTH = 2**62
"""np.load(allow_pickle=True) sets no limit to the length of a header."""


class Recording:
    """The part of an Unpickler that answers find_class, which is given names as the stream spells them."""

    def __init__(self, data, encoding):
        super().__init__(io.BytesIO(data), encoding=encoding)
        self.names = inert.Names()
        self.protocol = inert.protocol_of(data)

    def find_class(self, module, name):
        return self.names.resolve(*inert.python_3_name(self.protocol, module, name))


class Unpickler(Recording, pickle.Unpickler):
    """CPython's own, in C."""


class SlowUnpickler(Recording, pickle._Unpickler):
    """The same in Python, whose stack can be looked at after it failed."""

    def closed_elements(self):
        """The elements whose batch was closed before the stream broke off."""
        levels = self.metastack + [self.stack]
        if len(levels) == 1 and self.stack and isinstance(self.stack[0], np.ndarray) and self.stack[0].size:
            return list(self.stack[0].flat)  # the array has its state already
        # The array that is being filled is at the bottom; above the first MARK stands its state, which
        # is version, shape, dtype, order, and the list of elements.
        if len(levels) > 1 and len(levels[1]) > 4 and isinstance(levels[1][4], list):
            return levels[1][4]
        return []


def judge(path, encoding):
    """The lines of a file, and how np.load compares: "same", or why there is nothing to compare."""
    with open(path, "rb") as file:
        data = file.read()
    file = io.BytesIO(data)
    try:
        version = npy_format.read_magic(file)
        shape, fortran_order, dtype = npy_format._read_array_header(file, version, max_header_size=ANY_LENGTH)
        if not dtype.hasobject:
            np.broadcast_to(np.zeros((), dtype), shape)  # fails if no array can have this shape, and takes no memory
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
        found, plain = judge_pickle(path, data[file.tell() :], encoding)
    else:
        found, plain = judge_numbers(path, data[file.tell() :], dtype, shape, fortran_order)
    return lines + found, plain


def judge_pickle(path, data, encoding):
    try:
        unpickler = Unpickler(data, encoding)
        array = unpickler.load()
    except Exception as error:
        unpickler = SlowUnpickler(data, encoding)
        try:
            unpickler.load()
        except Exception:
            pass
        # The array stays unfinished, so nothing can be it.
        closed = [typed_json.line(one, None, unpickler.names.raw) for one in unpickler.closed_elements()]
        return closed + [error_line(error)], "it fails"
    if not isinstance(array, np.ndarray):
        raise TypeError("the pickle holds no array but %r" % type(array))
    lines = [typed_json.line(one, array, unpickler.names.raw) for one in typed_json.elements_of(array)]
    if unpickler.names.stubbed:
        return lines, "names classes that are not rebuilt"
    return lines, compare_with_load(path, encoding, lines)


def judge_numbers(path, data, dtype, shape, fortran_order):
    try:
        # From a path, for NumPy reads padding between fields from real files only.
        return rows_of(np.load(path, allow_pickle=True)), "same"
    except Exception as error:
        rows = [] if fortran_order else whole_rows(data, dtype, shape)
        return rows + [error_line(error)], "it fails"


def whole_rows(data, dtype, shape):
    """The rows along the first axis that a file has before it breaks off."""
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


def compare_with_load(path, encoding, lines):
    """np.load knows no raw names and no stubs, so it can only be asked about what needs neither."""
    try:
        array = np.load(path, allow_pickle=True, encoding=encoding)
        loaded = [typed_json.line(one, array) for one in typed_json.elements_of(array)]
    except (typed_json.Unrepresentable, KeyError):
        return "names or fill values that np.load forgets"
    except (ImportError, AttributeError) as error:
        return str(error).split(" on <")[0]  # a module or class that this NumPy does not have under that name
    if lines != loaded:
        raise AssertionError("np.load sees something else:\n%s\n%s" % (lines, loaded))
    return "same"


def error_line(error):
    text = re.sub(" at 0x[0-9a-f]+", "", str(error))  # where an object was in memory
    return typed_json.to_text({"error": "%s: %s" % (type(error).__name__, text)})


def main(folder, manifest):
    sys.setrecursionlimit(10000)
    warnings.simplefilter("ignore")
    with open(manifest, encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        try:
            lines, plain = judge(os.path.join(folder, entry["file"]), entry.get("encoding", "ASCII"))
            print(json.dumps({"file": entry["file"], "lines": lines, "plain": plain}))
        except Exception as error:
            print(json.dumps({"file": entry["file"], "failure": "%s: %s" % (type(error).__name__, error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
