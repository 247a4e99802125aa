"""Measures how the cost of an append grows with the array that is there already.

    python append.py        # needs the package npy-object

Makes arrays of 10^4 to 10^7 ints with an index, sparse and dense, appends 1,000 elements to each several times, and prints the
least processor time of an append, and the bytes that it writes and reads. Bytes are those of system calls, on Linux.
"""

import os
import tempfile
import time

import npy_object

COUNTS = [10**4, 10**5, 10**6, 10**7]
ADDED = list(range(1000))
ROUNDS = 5


def main():
    print("%10s  %-7s%10s%12s%12s%12s" % ("elements", "index", "file", "CPU", "written", "read"))
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            path = os.path.join(folder, "%d.npy" % count)
            make(path, count)
            for dense in (False, True):
                npy_object.open(path).save_index(dense=dense)
                append(path)
                measured = [append(path) for _ in range(ROUNDS)]
                seconds, written, read = map(min, zip(*measured))
                size = os.path.getsize(path) / 1e6
                kind = "dense" if dense else "sparse"
                numbers = (count, kind, size, seconds * 1e3, written / 1e3, read / 1e3)
                print("%10d  %-7s%7.1f MB%9.1f ms%9.1f kB%9.1f kB" % numbers, flush=True)


def make(path, count):
    with npy_object.Writer(path) as writer:
        for start in range(0, count, 10**5):
            writer.extend(range(start, min(start + 10**5, count)))


def append(path):
    """Appends to a file. Returns the seconds, and the bytes that were written and read."""
    before = *transferred(), time.process_time()
    with npy_object.Writer(path, mode="a") as writer:
        writer.extend(ADDED)
    seconds = time.process_time() - before[2]
    written, read = transferred()
    return seconds, written - before[0], read - before[1]


def transferred():
    """Returns the bytes that this process has written and read."""
    with open("/proc/self/io") as file:
        counters = dict(line.split(": ") for line in file)
    return int(counters["wchar"]), int(counters["rchar"])


if __name__ == "__main__":
    main()
