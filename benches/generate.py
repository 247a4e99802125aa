"""Writes the files of the works into benches/data, the same bytes each time.

    python benches/generate.py [--small]

Needs NumPy 2, and CPython 2.7 for `python2`, which is left out without it. With --small each file has a hundredth of its
elements, enough to check that everything runs. NPY_OBJECT_DATA names another folder, here and for every script and
program that reads the files.
"""

import argparse
import json
import os
import pickle
import pickletools
import random as standard
import struct
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("NPY_OBJECT_DATA", os.path.join(HERE, "data"))


def objects(elements):
    array = np.empty(len(elements), object)
    for index, element in enumerate(elements):
        array[index] = element
    return array


def file_of(name):
    return os.path.join(DATA, name + ".npy")


def save(name, array):
    np.save(file_of(name), array, allow_pickle=True)
    report(name, len(array))


def save_pickle(name, array, data):
    """Writes a pickle of the array that np.save would not write."""
    with open(file_of(name), "wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(data)
    report(name, len(array))


def save_with_python_2(name, array):
    """Writes the array with Python 2.7, where there is one, and the last NumPy for it."""
    sys.path.insert(0, os.path.join(HERE, os.pardir, "oracle"))
    import environments

    environment = environments.ENVIRONMENTS[0]
    missing = environments.make(environment)
    if missing:
        print("%s: left out, because %s" % (file_of(name), missing))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(array.tolist(), file)
        file.flush()
        environments.run(environment, os.path.join(HERE, "python2.py"), file.name, file_of(name))
    report(name, len(array))


def report(name, elements):
    print("%s: %d elements, %d bytes" % (file_of(name), elements, os.path.getsize(file_of(name))))


def with_frames(data, random):
    """Returns a pickle of protocol 4 with frames of 1 to 100 instructions instead of its own."""
    instructions = pickletools.genops(data)
    next(instructions)  # PROTO, which is in no frame
    bounds = [(position, opcode.name == "FRAME") for opcode, _, position in instructions]
    ends = [position for position, _ in bounds[1:]] + [len(data)]
    framed, frame, left = [data[:2]], [], random.randint(1, 100)
    for (position, is_frame), end in zip(bounds, ends):
        if not is_frame:
            frame.append(data[position:end])
        if len(frame) == left or end == len(data):
            body = b"".join(frame)
            framed += [b"\x95", struct.pack("<Q", len(body)), body]
            frame, left = [], random.randint(1, 100)
    return b"".join(framed)


def nested(random, depth):
    """Returns a dict of 1 to 6 of 26 keys, whose values are ints, strings and, above `depth` 0, such dicts."""
    kinds = 3 if depth else 2
    keys = random.sample("abcdefghijklmnopqrstuvwxyz", random.randint(1, 6))
    values = [random.randrange(kinds) for _ in keys]
    makers = [lambda: random.randrange(1 << 20), lambda: "text %d" % random.randrange(1 << 20)]
    makers.append(lambda: nested(random, depth - 1))
    return {"key " + key: makers[kind]() for key, kind in zip(keys, values)}


def tree(random, depth):
    """Returns (left, number, right), where left and right are trees or None."""
    children = [tree(random, depth - 1) if depth and random.random() < 0.6 else None for _ in range(2)]
    return children[0], random.randrange(1 << 20), children[1]


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
    def strings(count):
        return ["%x" % n * 3 for n in random.integers(0, 1 << 26, count).tolist()]

    def dicts(count):
        values = random.integers(0, 1 << 16, (count, 3)).tolist()
        return [{"id": n, "name": "item %d" % n, "v": v} for n, v in enumerate(values)]

    save("strings", objects(strings(1_000_000 // share)))
    lengths = random.integers(20, 501, 25_000 // share).tolist()
    save("ints", objects([random.integers(0, 1 << 20, length).tolist() for length in lengths]))
    plain = objects(dicts(250_000 // share))
    save("dicts", plain)
    save("plain", random.random((1_000_000 // share, 16)))
    lengths = random.integers(500_000 // share, 1_500_000 // share + 1, 60)
    save("huge", objects([random.random(length) for length in lengths]))

    # Less regular than the works above: values that are missing or shared, kinds and widths that change, other encodings.
    count = 250_000 // share
    tags = ["tag %d" % n for n in range(50)]
    lengths = random.integers(0, 21, count).tolist()
    draws = random.integers(0, (2, 2, len(tags), 1 << 36), (count, 4)).tolist()
    records = [
        {
            "note": "note %d" % n if has_note else None,
            "done": bool(done),
            "tag": tags[tag],
            "time": 1_700_000_000_000 + time,
            "v": random.integers(0, 1 << 16, length).tolist(),
        }
        for n, (length, (has_note, done, tag, time)) in enumerate(zip(lengths, draws))
    ]
    save("records", objects(records))
    labels = ["label %d" % n for n in range(50)]
    save("labels", objects([labels[n] for n in random.integers(0, len(labels), 1_000_000 // share)]))
    kinds = zip(strings(100_000 // share), floats(100_000 // share, 1, 20), dicts(100_000 // share))
    save("mixed", objects([element for three in kinds for element in three]))
    lengths = random.integers(20, 501, 25_000 // share).tolist()
    bounds = np.geomspace(2, 1 << 31, len(lengths)).astype(int).tolist()
    save("growing", objects([random.integers(0, bound, length).tolist() for bound, length in zip(bounds, lengths)]))
    generator = standard.Random(1)
    save_pickle("frames", plain, with_frames(pickle.dumps(plain, 4), generator))
    save_pickle("protocol2", plain, pickle.dumps(plain, 2))
    save_with_python_2("python2", plain)
    save("nested", objects([nested(generator, 3) for _ in range(50_000 // share)]))
    save("trees", objects([tree(generator, 6) for _ in range(50_000 // share)]))


if __name__ == "__main__":
    main()
