"""Does one work with one reader in Python, `python loops.py READER WORK FILE`, and prints what src/main.rs prints."""

import collections
import sys
import time
from functools import partial

import numpy as np

import generator

WORKS = {
    "ragged": lambda element: float(element.sum()),
    "large": lambda element: float(element.sum()),
    "huge": lambda element: float(element.sum()),
    "strings": len,
    "ints": sum,
    "dicts": lambda element: element["id"],
}


def opener(reader):
    """Returns the function that opens a file. Imports come first, so that they are not timed."""
    if reader == "npy_object":
        import npy_object

        return npy_object.open
    return {"np.load": partial(np.load, allow_pickle=True), "generator": generator.elements}[reader]


def peak():
    """Returns the peak of resident memory in KiB, on Linux."""
    with open("/proc/self/status") as status:
        return next(line.split()[1] for line in status if line.startswith("VmHWM"))


def read(open_file, path):
    """Reads every element, and does nothing with it."""
    array = open_file(path)
    if isinstance(array, np.lib.npyio.NpzFile):
        array = map(array.get, array)
    if not isinstance(array, np.ndarray):
        collections.deque(array, maxlen=0)


def main(reader, work, path):
    open_file = opener(reader)
    begin = time.perf_counter()
    if work == "read":
        try:
            read(open_file, path)
        finally:
            print(peak())
        return
    array = open_file(path)
    # NumPy sums a plain array, as people do in Python.
    result = float(array.sum()) if work == "plain" else sum(map(WORKS[work], array))
    seconds = time.perf_counter() - begin
    print(seconds, count(path), result, peak())


def count(path):
    """Returns the number of elements that the header gives."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        return np.lib.format.read_array_header_1_0(file)[0][0]


if __name__ == "__main__":
    main(*sys.argv[1:])
