"""Compares npy-object's Arrow record batches with what the machine allows, and with pyarrow's reading of the same tables.

    cargo build --profile dist -p npy-object-benches
    pip install numpy pyarrow
    python benches/tables.py [--rounds N] [--json FILE]

| column | reads |
|---|---|
| batches | the .npy file as record batches, each dropped before the next one |
| table | the same, and holds all batches |
| by hand | the .npy file with code that knows that one file: src/bin/columns.rs |
| Parquet, Feather | the same values with pyarrow, as a table: uncompressed, without dictionaries |
| fresh | the bytes of the .npy file, into buffers of 16 MiB that are allocated anew |

All read from the page cache, on one thread, in a process of their own, and take turns; a time is the best of three in its
process. The ratios are medians of those of each round. Writes the files that are missing. Quote the ratios, because all sides
ran on the same machine at the same time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import formats
from compare import PROGRAMS, alike, in_turns, median_ratio, nanoseconds, present
from generate import HERE, file_of

BATCHES = os.path.join(PROGRAMS, "batches")
COLUMNS = os.path.join(PROGRAMS, "columns")

REGULAR = ["ragged", "strings", "ints", "dicts", "large"]
IRREGULAR = ["records", "labels", "growing", "frames", "protocol2", "python2"]
BY_HAND = ["ragged", "strings", "ints", "dicts"]
FRESH = ["large"]
RATIOS = [
    ("batches", "by hand"),
    ("batches", "fresh"),
    ("batches", "Parquet"),
    ("table", "Parquet"),
    ("batches", "Feather"),
    ("table", "Feather"),
]

# The values of an element: the fields that are no lists, and the items of the list. `records` has 0 to 20 items.
VALUES = {"dicts": 2 + 3, "records": 4 + 10}

PYARROW = """
import time, pyarrow, pyarrow.compute, pyarrow.feather, pyarrow.parquet
pyarrow.set_cpu_count(1)

def read():
    %s

def values(column):
    if pyarrow.types.is_list(column.type):
        return values(pyarrow.compute.list_flatten(column))
    if pyarrow.types.is_string(column.type):
        return pyarrow.compute.sum(pyarrow.compute.binary_length(column)).as_py()
    return len(column) - column.null_count

times, table = [], None
for _ in range(3):
    table = None
    begin = time.perf_counter()
    table = read()
    times.append(time.perf_counter() - begin)
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(min(times), len(table), sum(map(values, table.columns)), *peak)
"""
PARQUET = "return pyarrow.parquet.read_table(%r, use_threads=False)"
FEATHER = "return pyarrow.feather.read_table(%r, use_threads=False, memory_map=False)"


def pyarrow(code, name, ending):
    return [sys.executable, "-c", PYARROW % (code % formats.make(name, ending))]


def commands():
    """Returns the command of each pair of a work and a side."""
    sides = {}
    for name in present(REGULAR + IRREGULAR):
        sides[name, "batches"] = [BATCHES, name]
        if name in REGULAR:
            sides[name, "table"] = [BATCHES, name, "--keep"]
            sides[name, "Parquet"] = pyarrow(PARQUET, name, formats.PARQUET)
            sides[name, "Feather"] = pyarrow(FEATHER, name, formats.FEATHER)
        if name in BY_HAND:
            sides[name, "by hand"] = [COLUMNS, name]
        if name in FRESH:
            sides[name, "fresh"] = [BATCHES, name, "--fresh"]
    return sides


def check(runs):
    """Fails where two sides read other values. The code written by hand skips the first element; `fresh` counts bytes."""
    for (name, side), measured in runs.items():
        if side != "fresh":
            ours = runs[name, "batches"][0]
            assert all(abs(a - b) <= b / 100 for done in measured for a, b in zip(done[1:3], ours[1:3])), (name, side)


def ratios(runs):
    """Returns the ratios of two sides, or of two works, by their names."""
    found = {}
    for name in REGULAR:
        for side, other in RATIOS:
            if (name, other) in runs:
                found[f"{name}: {side} / {other}"] = median_ratio(runs[name, side], runs[name, other])
    batches = {name: measured for (name, side), measured in runs.items() if side == "batches"}
    for name, others, ratio in alike(batches, batches):
        found["batches: %s / %s" % (name, ", ".join(others))] = ratio
    if "records" in batches:
        an_element = median_ratio(batches["records"], batches["dicts"])
        found["batches, a value: records / dicts"] = an_element * VALUES["dicts"] / VALUES["records"]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    arguments = parser.parse_args()
    if not all(os.path.exists(file_of(name)) for name in REGULAR):
        subprocess.check_call([sys.executable, os.path.join(HERE, "generate.py")])
    runs = in_turns(commands(), arguments.rounds)
    check(runs)
    times = {}
    for (name, side), measured in runs.items():
        times.setdefault(name, {})[side] = statistics.median(map(nanoseconds, measured))
    columns = ["batches", "table", "by hand", "fresh", "Parquet", "Feather"]
    print("| work | %s |\n|---|%s" % (" | ".join(name + ", ns" for name in columns), "--:|" * len(columns)))
    for name, row in times.items():
        print("| %s | %s |" % (name, " | ".join("%.0f" % row[side] if side in row else "" for side in columns)))
    found = ratios(runs)
    print("\n| ratio | |\n|---|--:|")
    for name, ratio in found.items():
        print("| %s | %.2f |" % (name, ratio))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"rounds": arguments.rounds, "nanoseconds": times, "ratios": found}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
