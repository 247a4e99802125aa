"""Compares npy-object with np.load, with reading the bytes alone, and with np.save.

Does each work with both sides in turns, and prints a table. Then reads and sums the bytes of `large` and `huge` without
decoding them, and writes the values of `strings`, `ints` and `dicts`.

    cargo build --release -p npy-object-benches
    python benches/compare.py [--rounds N]

Each run is a process of its own; the time is that of opening, looping and the work, without the start of the process.
Quote the ratios, because both sides ran on the same machine at the same time. Needs Linux, for the peak of memory.
"""

import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, os.pardir, "target"))
WORK = os.path.join(TARGET, "release", "work")
WRITE = os.path.join(TARGET, "release", "write")

WORKS = {
    "ragged": "sum(float(element.sum()) for element in array)",
    "large": "sum(float(element.sum()) for element in array)",
    "huge": "sum(float(element.sum()) for element in array)",
    "strings": "sum(map(len, array))",
    "ints": "sum(map(sum, array))",
    "dicts": "sum(element['id'] for element in array)",
}

FLOORS = ["large", "huge"]
WRITTEN = ["strings", "ints", "dicts"]

LOAD = """
import time, numpy as np
begin = time.perf_counter()
array = np.load(%r, allow_pickle=True)
result = %s
seconds = time.perf_counter() - begin
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(seconds, len(array), result, *peak)
"""

SAVE = """
import os, time, numpy as np
array = np.load(%r, allow_pickle=True)
written = %r
begin = time.perf_counter()
np.save(written, array, allow_pickle=True)
seconds = time.perf_counter() - begin
size = os.path.getsize(written)
os.remove(written)
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(seconds, len(array), size, *peak)
"""

def run(command):
    """Returns seconds, elements, the result, and the peak of memory in MiB."""
    seconds, elements, result, peak = subprocess.check_output(command, text=True).split()
    return float(seconds), int(elements), float(result), int(peak) / 1024


def compare(name, theirs, ours, rounds, tolerance=None):
    """Prints a row of the table. Fails where the results of the sides differ by more than the tolerance, a part of them."""
    pairs = [(run(theirs), run(ours)) for _ in range(rounds)]
    for them, us in pairs:
        assert them[1] == us[1], (them, us)
        assert tolerance is None or abs(them[2] - us[2]) <= tolerance * abs(them[2]), (them, us)
    times = [statistics.median(pair[side][0] / pair[side][1] * 1e9 for pair in pairs) for side in (0, 1)]
    ratio = statistics.median(them[0] / us[0] for them, us in pairs)
    peaks = [max(pair[side][3] for pair in pairs) for side in (0, 1)]
    print("| %s | %.0f | %.0f | %.1f | %.0f | %.1f |" % (name, *times, ratio, *peaks), flush=True)


def path(name, ending):
    return os.path.join(HERE, "data", name + ending)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("| work | np.load, ns an element | npy-object | ratio | np.load, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name, python in WORKS.items():
        load = [sys.executable, "-c", LOAD % (path(name, ".npy"), python)]
        compare(name, load, [WORK, name], rounds, 1e-9)
    print("\n| read and summed | bytes alone, ns an element | npy-object | ratio | bytes alone, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name in FLOORS:
        # No tolerance: the bytes of the pickle are summed as numbers too, so the results differ.
        compare(name, [WORK, name, "--floor"], [WORK, name], rounds)
    print("\n| written | np.save, ns an element | npy-object | ratio | np.save, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name in WRITTEN:
        save = [sys.executable, "-c", SAVE % (path(name, ".npy"), path(name, ".saved.npy"))]
        # The results are the sizes of the files. They differ because NumPy's pickler writes a shared object once.
        compare(name, save, [WRITE, name], rounds, 0.5)


if __name__ == "__main__":
    main()
