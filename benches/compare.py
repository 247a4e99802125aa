"""Compares npy-object with np.load, with reading the bytes alone, and with np.save.

Does each work with both sides in turns, and prints a table. Compares the less regular works with the regular works that
are most like them. Then reads and sums the bytes of `large` and `huge` without decoding them, reads five works through
serde and with the methods of `Element`, and writes the values of `strings`, `ints` and `dicts`.

    cargo build --profile dist -p npy-object-benches
    python benches/compare.py [--rounds N] [--before FOLDER] [WORK ...]

Each run is a process of its own; the time is that of opening, looping and the work, without the start of the process.
Quote the ratios, because both sides ran on the same machine at the same time. To know what a change of the code does,
keep the programs `work` and `irregular` of before it, and name their folder with --before: they take their turn too. Needs
Linux, for the peak of memory.
"""

import argparse
import os
import statistics
import subprocess
import sys

from generate import HERE, file_of

TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, os.pardir, "target"))
PROGRAMS = os.path.join(TARGET, "dist")

WORKS = {
    "ragged": "sum(float(element.sum()) for element in array)",
    "large": "sum(float(element.sum()) for element in array)",
    "huge": "sum(float(element.sum()) for element in array)",
    "strings": "sum(map(len, array))",
    "ints": "sum(map(sum, array))",
    "dicts": "sum(element['id'] for element in array)",
    "records": "sum(element['time'] + sum(element['v']) for element in array)",
    "labels": "sum(map(len, array))",
    "mixed": "sum({str: len, dict: lambda e: e['id'], np.ndarray: lambda e: e.sum()}[type(e)](e) for e in array)",
    "growing": "sum(map(sum, array))",
    "frames": "sum(element['id'] for element in array)",
    "protocol2": "sum(element['id'] for element in array)",
    "python2": "sum(element['id'] for element in array)",
    "nested": "sum(map(len, array))",
    "trees": "sum(element[1] for element in array)",
}

# The works of the program `irregular`.
OTHER_LOOPS = ["records", "mixed", "nested", "trees"]

# The less regular works that have the values of others: the same, or in turns those of several works.
ALIKE = {
    "labels": ["strings"],
    "mixed": ["strings", "ragged", "dicts"],
    "growing": ["ints"],
    "frames": ["dicts"],
    "protocol2": ["dicts"],
    "python2": ["dicts"],
}

FLOORS = ["large", "huge"]
# The works of the program `deserialize`.
SERDE = ["ragged", "large", "strings", "ints", "dicts"]
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


def ours(name, folder=PROGRAMS):
    """Returns the command of a work, with the programs of a folder."""
    return [os.path.join(folder, "irregular" if name in OTHER_LOOPS else "work"), name]


def through_serde(name, *options):
    """Returns the command of a work that is done through serde."""
    return [os.path.join(PROGRAMS, "deserialize"), name, *options]


def run(command):
    """Returns seconds, elements, the result, and the peak of memory in MiB."""
    seconds, elements, result, peak = subprocess.check_output(command, text=True).split()
    return float(seconds), int(elements), float(result), int(peak) / 1024


def nanoseconds(done):
    """Returns the time of an element."""
    return done[0] / done[1] * 1e9


def in_turns(commands, rounds):
    """Runs every command once a round. Returns the runs of each, by the name of the command."""
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command))
    return runs


def check(theirs, ours, tolerance):
    """Fails where the results of two sides differ by more than the tolerance, a part of them."""
    for them, us in zip(theirs, ours):
        assert them[1] == us[1], (them, us)
        assert tolerance is None or abs(them[2] - us[2]) <= tolerance * abs(them[2]), (them, us)


def median_ratio(theirs, ours):
    """Returns the median of the ratios of each round."""
    return statistics.median(nanoseconds(them) / nanoseconds(us) for them, us in zip(theirs, ours))


def print_row(name, theirs, us, tolerance=None, before=None):
    check(theirs, us, tolerance)
    times = [statistics.median(map(nanoseconds, side)) for side in (theirs, us)]
    peaks = [max(done[3] for done in side) for side in (theirs, us)]
    last = " %.2f |" % median_ratio(us, before) if before else ""
    print("| %s | %.0f | %.0f | %.1f | %.0f | %.1f |%s" % (name, *times, median_ratio(theirs, us), *peaks, last))


def alike(runs, names):
    """Yields each of the less regular works that was done, the works like it, and the ratio of their times an element."""
    for name in names:
        others = ALIKE.get(name, [])
        if others and all(other in runs for other in others):
            rounds = zip(runs[name], *(runs[other] for other in others))
            ratios = [nanoseconds(us) / statistics.mean(map(nanoseconds, them)) for us, *them in rounds]
            yield name, others, statistics.median(ratios)


def print_alike(runs):
    if not any(alike(runs, runs)):
        return
    print("\n| work | beside | ratio |\n|---|---|---|")
    for name, others, ratio in alike(runs, runs):
        print("| %s | %s | %.2f |" % (name, "the mean of " * (len(others) > 1) + ", ".join(others), ratio))


def print_serde(name, runs):
    """Prints the time of a loop that reads nothing, of one with methods, and of one through serde."""
    check(runs["methods"], runs["serde"], 1e-9)
    times = [statistics.median(map(nanoseconds, runs[side])) for side in ("loop", "methods", "serde")]
    ratio = median_ratio(runs["serde"], runs["methods"])
    alone = statistics.median(nanoseconds(us) - nanoseconds(it) for us, it in zip(runs["serde"], runs["loop"]))
    print("| %s | %.0f | %.0f | %.0f | %.2f | %.0f |" % (name, *times, ratio, alone))


def present(names):
    """Returns the works that have a file, and names the others."""
    missing = [name for name in names if not os.path.exists(file_of(name))]
    if missing:
        print("no file: %s" % ", ".join(missing), file=sys.stderr)
    return [name for name in names if name not in missing]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", default=list(WORKS), metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", metavar="FOLDER", help="the programs of before a change")
    arguments = parser.parse_args()
    rounds, before, works = arguments.rounds, arguments.before, present(arguments.works)
    commands = {}
    for name in works:
        commands[name, "np.load"] = [sys.executable, "-c", LOAD % (file_of(name), WORKS[name])]
        commands[name, "ours"] = ours(name)
        if before:
            commands[name, "before"] = ours(name, before)
    runs = in_turns(commands, rounds)
    last = " now / before |" if before else ""
    print("| work | np.load, ns an element | npy-object | ratio | np.load, MiB | npy-object |" + last)
    print("|---|---|---|---|---|---|" + ("---|" if before else ""))
    for name in works:
        print_row(name, runs[name, "np.load"], runs[name, "ours"], 1e-9, runs.get((name, "before")))
    print_alike({name: runs[name, "ours"] for name in works})
    print("\n| read and summed | bytes alone, ns an element | npy-object | ratio | bytes alone, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name in FLOORS:
        if name in works:
            # No tolerance: the bytes of the pickle are summed as numbers too, so the results differ.
            runs = in_turns({"floor": [*ours(name), "--floor"], "ours": ours(name)}, rounds)
            print_row(name, runs["floor"], runs["ours"])
    print("\n| through serde | loop alone, ns an element | methods | serde | serde / methods | serde without the loop |")
    print("|---|---|---|---|---|---|")
    for name in SERDE:
        if name in works:
            commands = {"serde": through_serde(name), "methods": through_serde(name, "--methods")}
            print_serde(name, in_turns({**commands, "loop": through_serde(name, "--loop")}, rounds))
    print("\n| written | np.save, ns an element | npy-object | ratio | np.save, MiB | npy-object |")
    print("|---|---|---|---|---|---|")
    for name in WRITTEN:
        if name in works:
            save = [sys.executable, "-c", SAVE % (file_of(name), file_of(name + ".saved"))]
            # The results are the sizes of the files. They differ because NumPy's pickler writes a shared object once.
            runs = in_turns({"np.save": save, "ours": [os.path.join(PROGRAMS, "write"), name]}, rounds)
            print_row(name, runs["np.save"], runs["ours"], 0.5)


if __name__ == "__main__":
    main()
