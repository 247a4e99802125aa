"""Does one work with one reader in Python, `python loops.py READER WORK FILE`, and prints what src/main.rs prints.

pyarrow and h5py read the values from the file that formats.py wrote of them. pyarrow does the work column by column, and
h5py reads a chunk at a time.
"""

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


def of_table(work, table):
    """Returns the result of a work that is done with the columns of a table."""
    import pyarrow
    from pyarrow import compute

    column = table.column("id" if work == "dicts" else 0)
    if pyarrow.types.is_list(column.type):
        column = compute.list_flatten(column)
    if pyarrow.types.is_string(column.type):
        column = compute.utf8_length(column)
    return compute.sum(column).as_py()


def parquet(work, path):
    import pyarrow.compute
    import pyarrow.parquet

    return lambda: of_table(work, pyarrow.parquet.read_table(path))


def feather(work, path):
    import pyarrow.compute
    import pyarrow.feather

    return lambda: of_table(work, pyarrow.feather.read_table(path))


def hdf5(work, path):
    import h5py

    def done():
        with h5py.File(path) as file:
            dataset = file["element"]
            # A list of ints is an array here.
            value = (lambda array: int(array.sum())) if work == "ints" else WORKS[work]
            reader = dataset.asstr() if work == "strings" else dataset
            starts = range(0, len(dataset), *dataset.chunks)
            return sum(value(element) for start in starts for element in reader[start : start + dataset.chunks[0]])

    return done


# The readers of files that formats.py writes, and how the names of these end.
OTHERS = {
    "pyarrow-parquet": (parquet, ".parquet"),
    "pyarrow-feather": (feather, ".feather"),
    "h5py": (hdf5, ".h5"),
}


def main(reader, work, path):
    if reader in OTHERS:
        other, ending = OTHERS[reader]
        done = other(work, path.replace(".npy", ending))
        begin = time.perf_counter()
        result = done()
        print(time.perf_counter() - begin, count(path), float(result), peak())
        return
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
