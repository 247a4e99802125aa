"""Does each work with np.load and with npy-object, in alternation, and prints how they compare.

    cargo build --release -p npy-object-benches
    python benches/compare.py [--rounds N]

Each run is a process of its own; the time is that of opening, looping and the work, without the start of the process.
Quote the ratios: both sides ran on the same machine at the same time. Wants Linux, for the peak of memory.
"""

import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, os.pardir, "target"))
WORK = os.path.join(TARGET, "release", "work")

WORKS = {
    "ragged": "sum(float(element.sum()) for element in array)",
    "large": "sum(float(element.sum()) for element in array)",
    "strings": "sum(map(len, array))",
    "ints": "sum(map(sum, array))",
    "dicts": "sum(element['id'] for element in array)",
}

LOAD = """
import time, numpy as np
begin = time.perf_counter()
array = np.load(%r, allow_pickle=True)
result = %s
seconds = time.perf_counter() - begin
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(seconds, len(array), result, *peak)
"""


def run(command):
    """Seconds, elements, result, and the peak of memory in MiB."""
    seconds, elements, result, peak = subprocess.check_output(command, text=True).split()
    return float(seconds), int(elements), float(result), int(peak) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("| work | np.load, ns an element | npy-object | ratio | np.load, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name, python in WORKS.items():
        file = os.path.join(HERE, "data", name + ".npy")
        load = [sys.executable, "-c", LOAD % (file, python)]
        pairs = [(run(load), run([WORK, name])) for _ in range(rounds)]
        for theirs, ours in pairs:
            assert theirs[1] == ours[1] and abs(theirs[2] - ours[2]) <= 1e-9 * abs(theirs[2]), (theirs, ours)
        theirs, ours = (
            statistics.median(pair[side][0] / pair[side][1] * 1e9 for pair in pairs) for side in (0, 1)
        )
        ratio = statistics.median(theirs[0] / ours[0] for theirs, ours in pairs)
        peaks = [max(pair[side][3] for pair in pairs) for side in (0, 1)]
        print("| %s | %.0f | %.0f | %.1f | %.0f | %.1f |" % (name, theirs, ours, ratio, *peaks))


if __name__ == "__main__":
    main()
