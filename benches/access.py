"""Times access by index in Python, beside h5py and numpy.memmap: one element, 1,000 at random, and an append.

    python benches/access.py [--rounds N] [NAME ...]

Needs the package, NumPy and h5py, and the works `ragged` and `strings` of generate.py. Each is read with a dense index
and with a sparse one. h5py reads the same values from a dataset of variable length, and numpy.memmap from a flat pair:
the values of all elements in one array, and where each begins in another. All are in the page cache. Times are the least
of the rounds, in microseconds for an element; the times of npy-object and of the others are of one run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time

import numpy as np

import npy_object

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("NPY_OBJECT_DATA", os.path.join(HERE, "data"))
AT_ONCE = 1_000


class Flat:
    """The elements of a flat pair of files that NumPy maps into memory."""

    def __init__(self, folder, array):
        elements = [np.frombuffer(e.encode(), np.uint8) if isinstance(e, str) else e for e in array]
        ends = np.cumsum([0] + [len(element) for element in elements])
        np.save(os.path.join(folder, "values.npy"), np.concatenate(elements))
        np.save(os.path.join(folder, "ends.npy"), ends)
        self.values = np.load(os.path.join(folder, "values.npy"), mmap_mode="r")
        self.ends = np.load(os.path.join(folder, "ends.npy"), mmap_mode="r")
        self.is_text = isinstance(array[0], str)

    def __getitem__(self, number):
        value = self.values[self.ends[number] : self.ends[number + 1]]
        return bytes(value).decode() if self.is_text else np.array(value)


def hdf5(folder, array):
    import h5py

    path = os.path.join(folder, "values.h5")
    with h5py.File(path, "w") as file:
        kind = h5py.string_dtype() if isinstance(array[0], str) else h5py.vlen_dtype(np.float64)
        dataset = file.create_dataset("values", (len(array),), kind)
        for begin in range(0, len(array), 10_000):
            dataset[begin : begin + 10_000] = array[begin : begin + 10_000]
    return h5py.File(path)["values"]


def least(rounds, each, count):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        each()
        times.append((time.perf_counter() - begin) / count * 1e6)
    return min(times)


def report(name, way, one, many):
    print("%-8s %-22s %9.2f %9.2f" % (name, way, one, many), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("names", nargs="*", default=["ragged", "strings"])
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    print("us an element                       one   %d at once" % AT_ONCE)
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(os.path.join(DATA, name + ".npy"), folder)
            array = npy_object.load(path)
            draws = [random.integers(0, len(array), AT_ONCE) for _ in range(arguments.rounds)]

            def measure(way, source, take):
                chosen = iter(draws * 2)
                one = least(len(draws), lambda: [source[int(n)] for n in next(chosen)], AT_ONCE)
                many = least(len(draws), lambda: take(next(chosen)), AT_ONCE)
                report(name, way, one, many)

            for dense in (True, False):
                npy_object.open(path).save_index(dense=dense)
                opened = npy_object.open(path)
                opened[-1]
                measure("npy-object, %s" % ("dense" if dense else "sparse"), opened, opened.take)
            flat = Flat(folder, array)
            measure("np.memmap, flat pair", flat, lambda numbers: [flat[n] for n in numbers])
            # h5py takes numbers that rise.
            dataset = hdf5(folder, array)
            measure("h5py", dataset, lambda numbers: dataset[np.unique(numbers)])
            for dense in (True, False):
                npy_object.open(path).save_index(dense=dense)

                def append():
                    with npy_object.Writer(path, mode="a") as writer:
                        writer.extend(array[:AT_ONCE])

                time_of = least(5, append, AT_ONCE)
                print("%-8s %-22s %9s %9.2f" % (name, "append, %s index" % ("dense" if dense else "sparse"), "", time_of))


if __name__ == "__main__":
    sys.exit(main())
