"""Compares loops in Python over the files of generate.py: the package npy_object with np.load and np.fromfile.

    pip install numpy crates/npy-object-python        # maturin builds the package
    python benches/python.py [--rounds N] [WORK ...]

Each run is a process of its own, and the sides take turns. The time is that of opening and of an empty loop, the best of
three in one process, because a system may take tens of milliseconds to move the threads of a new process to idle
processors. Both sides use one thread. The memory is the peak of the process, less that of a process that has imported
NumPy. Quote the ratios, because both sides ran on the same machine at the same time. On a busy machine, quote the ratio of
CPU times. Needs Linux, for the peak of memory.
"""

import argparse
import statistics
import subprocess
import sys

from compare import WORKS, present
from generate import file_of

LOOP = "for element in array: pass"
OURS = "array = npy_object.open(FILE); " + LOOP
THEIRS = "array = np.load(FILE, allow_pickle=True); " + LOOP
BYTES = "array = np.fromfile(FILE, 'u1')"
LOAD = "array = npy_object.load(FILE)"

# `huge` takes as long as reading its bytes, as `large` does.
LOOPED = [name for name in WORKS if name != "huge"]
ROWS = [
    *((name, THEIRS, OURS) for name in LOOPED),
    ("large", BYTES, OURS),
    ("large", BYTES, OURS.replace("(FILE)", "(FILE, mmap_mode='r')")),
    *((name, THEIRS, LOAD) for name in LOOPED),
    *((name, OURS, LOAD) for name in ["ragged", "strings", "dicts"]),
    *((name, OURS, "array = npy_object.open(FILE).to_numpy()") for name in ["ragged", "strings", "dicts"]),
    *((name, OURS, "array = npy_object.open(FILE).iter_batches(1000); " + LOOP) for name in ["ragged", "strings", "dicts"]),
]

RUN = """
import time, numpy as np
%s
FILE = %r

def work():
    %s

def peak():
    return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
def measured():
    begin, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin, time.process_time() - cpu
bare = peak()
print(*min(measured() for _ in range(3)), peak() - bare)
"""


def run(name, work):
    """Returns seconds, processor seconds, and MiB above a process that has imported NumPy."""
    imports = "import npy_object" if "npy_object" in work else ""
    code = RUN % (imports, file_of(name), work.replace("; ", "\n    "))
    seconds, cpu, peak = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    return float(seconds), float(cpu), int(peak) / 1024


def call(work):
    """Returns the call of a side, without the loop."""
    return work.split("; ")[0].removeprefix("array = ")


def ratio(theirs, ours, what):
    """Returns the median of the ratios of each round, of seconds or of processor seconds."""
    return statistics.median(their[what] / our[what] for their, our in zip(theirs, ours))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", default=LOOPED, metavar="WORK", help=", ".join(LOOPED))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    works = present(arguments.works)
    print("| file | this | against | times as fast | CPU time | MiB | MiB |")
    print("|---|---|---|---|---|---|---|")
    for name, theirs, ours in ROWS:
        if name not in works:
            continue
        both = {theirs: [], ours: []}
        for _ in range(arguments.rounds):
            for side in (theirs, ours):
                both[side].append(run(name, side))
        fast, cpu = ratio(both[theirs], both[ours], 0), ratio(both[theirs], both[ours], 1)
        peaks = [max(done[2] for done in both[side]) for side in (ours, theirs)]
        cells = (name, call(ours), call(theirs), fast, cpu, *peaks)
        print("| %s | `%s` | `%s` | %.2f | %.2f | %.1f | %.1f |" % cells, flush=True)


if __name__ == "__main__":
    main()
