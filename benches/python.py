"""Compares loops in Python over the files of generate.py: the package npy_object with np.load and np.fromfile.

    pip install numpy crates/npy-object-python        # maturin builds the package
    python benches/python.py [--rounds N]

Each run is a process of its own, and the sides take turns. The time is that of opening and of an empty loop, the best of
three in one process, because a system may take tens of milliseconds to move the threads of a new process to idle
processors. The memory is the peak of the process, less that of a process that has imported NumPy. Quote the ratios, because
both sides ran on the same machine at the same time. A thread decodes ahead of the loop where a processor is idle; on a busy
machine, the ratio of CPU times is what remains of the advantage. Needs Linux, for the peak of memory.
"""

import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOOP = "for element in array: pass"
OURS = "array = npy_object.open(FILE); " + LOOP
THEIRS = "array = np.load(FILE, allow_pickle=True); " + LOOP
BYTES = "array = np.fromfile(FILE, 'u1')"

WORKS = [
    ("ragged", THEIRS, OURS),
    ("strings", THEIRS, OURS),
    ("ints", THEIRS, OURS),
    ("dicts", THEIRS, OURS),
    ("large", THEIRS, OURS),
    ("large", BYTES, OURS),
    ("large", BYTES, OURS.replace("(FILE)", "(FILE, mmap_mode='r')")),
    ("ragged", THEIRS, "array = npy_object.load(FILE)"),
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
    file = os.path.join(HERE, "data", name + ".npy")
    imports = "import npy_object" if "npy_object" in work else ""
    code = RUN % (imports, file, work.replace("; ", "\n    "))
    seconds, cpu, peak = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    return float(seconds), float(cpu), int(peak) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("| file | this | against | times as fast | CPU time | MiB | MiB |")
    print("|---|---|---|---|---|---|---|")
    for name, theirs, ours in WORKS:
        pairs = [(run(name, theirs), run(name, ours)) for _ in range(rounds)]
        ratios = [statistics.median(their[what] / our[what] for their, our in pairs) for what in (0, 1)]
        peaks = [max(pair[side][2] for pair in pairs) for side in (0, 1)]
        what = [work.split("= ")[1].split(";")[0] for work in (ours, theirs)]
        print("| %s | `%s` | `%s` | %.2f | %.2f | %.1f | %.1f |" % (name, *what, *ratios, peaks[1], peaks[0]), flush=True)


if __name__ == "__main__":
    main()
