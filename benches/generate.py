"""Writes the files of the works into benches/data, the same bytes each time.

    python benches/generate.py [--small]

Needs NumPy 2. With --small each file has a hundredth of its elements, enough to check that everything runs.
"""

import argparse
import os

import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def objects(elements):
    array = np.empty(len(elements), object)
    for index, element in enumerate(elements):
        array[index] = element
    return array


def save(name, array):
    path = os.path.join(DATA, name + ".npy")
    np.save(path, array, allow_pickle=True)
    print("%s: %d elements, %d bytes" % (path, len(array), os.path.getsize(path)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a hundredth of the elements")
    share = 100 if parser.parse_args().small else 1
    os.makedirs(DATA, exist_ok=True)
    random = np.random.default_rng(1)
    pool = random.random(1 << 16)

    def floats(count, least, most):
        starts = random.integers(0, len(pool) - most, count)
        lengths = random.integers(least, most + 1, count)
        return [pool[start : start + length].copy() for start, length in zip(starts, lengths)]

    save("ragged", objects(floats(1_000_000 // share, 1, 20)))
    save("large", objects(floats(20_000 // share, 1_000, 4_000)))
    save("strings", objects(["%x" % n * 3 for n in random.integers(0, 1 << 26, 1_000_000 // share).tolist()]))
    lengths = random.integers(20, 501, 25_000 // share).tolist()
    save("ints", objects([random.integers(0, 1 << 20, length).tolist() for length in lengths]))
    values = random.integers(0, 1 << 16, (250_000 // share, 3)).tolist()
    save("dicts", objects([{"id": n, "name": "item %d" % n, "v": v} for n, v in enumerate(values)]))
    save("plain", random.random((1_000_000 // share, 16)))
    lengths = random.integers(500_000 // share, 1_500_000 // share + 1, 60)
    save("huge", objects([random.random(length) for length in lengths]))


if __name__ == "__main__":
    main()
