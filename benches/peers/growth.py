"""Measures how time and memory grow with the number, the size and the depth of elements, on one thread and on two.

    cargo build --profile dist -p npy-object-benches
    /tmp/numpy/bin/python benches/peers/growth.py [--rounds N] [--draw]

Makes the files one by one in TMPDIR, 2 GB at most, and removes them. Each run is a process of its own; the time is that of
opening and looping. Writes growth.json, the chart, and the table of benches/README.md; with --draw, draws the growth.json
that is there. Needs what run.py needs.
"""

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from run import HERE, described, fill, machine, measure, progress, versions

RESULTS = HERE / "growth.json"
HUGE = HERE.parent / "huge.py"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
GROWTH = TARGET / "dist" / "growth"
THREADS = [1, 2]
BATCH = 1000
# The bytes of all elements together in the sweep of sizes.
TOTAL = 1 << 29


def write_elements(path, count):
    """Writes `count` strings of 17 letters. Returns the elements, and the bytes and instructions of the largest."""
    subprocess.check_call([sys.executable, HUGE, "strings", str(count), path], stdout=subprocess.DEVNULL)
    return count, 20, 2


def write_sizes(path, size):
    """Writes arrays of `size` bytes: 512 MB of them, but no more than a million."""
    count = min(1_000_000, TOTAL // size)
    numbers = np.arange(size // 8, dtype=float)
    array = np.empty(count, object)
    for index in range(count):
        array[index] = numbers.view()
    np.save(path, array, allow_pickle=True)
    return count, size, 12


def write_depths(path, depth):
    """Writes elements of nested lists and tuples, `depth` levels deep: a million levels together, and at least four elements.

    Each level is a list or a tuple at random, because an element like the one before would be found in one step.
    """
    rng = np.random.default_rng(3)

    def element():
        kinds = rng.integers(0, 2, depth - 1, np.uint8).tobytes()
        # EMPTY_LIST comes before the items of a list, TUPLE1 after the item of a tuple.
        opened = b"]\x94" * (kinds.count(1) + 1)
        return opened + kinds.replace(b"\x00", b"\x85\x94").replace(b"\x01", b"a")

    count = max(4, 1_000_000 // depth)
    array = np.empty(2, object)
    head, tail = pickle.dumps(array, 4).split(b"(NNe")
    # Remove the frame, because its length is wrong for the new file, and write the new shape.
    head = (head[:2] + head[11:]).replace(b"K\x02\x85", b"J" + count.to_bytes(4, "little") + b"\x85")
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (count,)})
        file.write(head)
        for begin in range(0, count, BATCH):
            file.write(b"(" + b"".join(element() for _ in range(min(BATCH, count - begin))) + b"e")
        file.write(tail)
    return count, 3 * depth, 3 * depth


# The quantity that grows, the function that writes a file, and its arguments.
SWEEPS = {
    "elements": (write_elements, [10**power for power in range(3, 9)]),
    "size": (write_sizes, [8 << power for power in range(0, 24, 3)] + [64 << 20]),
    "depth": (write_depths, [10**power for power in range(7)]),
}


def point(write, x, rounds, folder):
    """Writes one file, measures it, and removes it."""
    path = folder / "growing.npy"
    elements, size, instructions = write(path, x)
    row = {"x": x, "elements": elements, "bound": bound(size, instructions), "seconds": {}, "peak": {}}
    for _ in range(rounds):
        for threads in map(str, THREADS):
            seconds, count, _, peak = measure([GROWTH, path, threads])
            assert count == elements, (count, elements)
            row["seconds"].setdefault(threads, []).append(seconds)
            row["peak"][threads] = max(peak, row["peak"].get(threads, 0))
    path.unlink()
    return row


def bound(size, instructions):
    """Returns the memory in KiB that spec/guide.md promises."""
    return ((16 << 20) + size + 96 * instructions + 80 * BATCH) / 1024


def curve(name, points, threads):
    """Returns the sizes and the nanoseconds: of the whole loop where elements grow in number, else of an element."""
    xs = np.array([point["x"] for point in points], float)
    parts = [1 if name == "elements" else point["elements"] for point in points]
    seconds = [statistics.median(point["seconds"][threads]) for point in points]
    return xs, 1e9 * np.array(seconds) / parts


def line(xs, ys):
    """Fits a fixed cost and a cost for each to the times, by the least squares of relative errors."""
    ones = np.ones(len(xs))
    both = np.linalg.lstsq(np.column_stack([1 / ys, xs / ys]), ones, rcond=None)[0]
    # A cost cannot be negative: where the fit makes one so, leave out the fixed cost.
    return both if min(both) >= 0 else (0, np.sum(xs / ys) / np.sum((xs / ys) ** 2))


def sweeps(results):
    """Yields what grew, the sizes, times and peaks for each number of threads, and the promised memory."""
    for name, points in results["sweeps"].items():
        lines = {}
        for threads in map(str, THREADS):
            xs, ys = curve(name, points, threads)
            fixed, each = line(xs, ys)
            peaks = [point["peak"][threads] / 1024 for point in points]
            lines[threads] = {"times": ys, "line": fixed + each * xs, "peaks": peaks}
        yield name, xs, lines, [point["bound"] / 1024 for point in points]


def table(results):
    """Returns a table of each sweep: times, their ratios to the fitted line, and peaks."""
    tables = []
    for name, xs, lines, bounds in sweeps(results):
        unit = "ns of the loop" if name == "elements" else "ns an element"
        head = [name, *(f"{cell}, {threads}" for threads in lines for cell in (unit, "of the line", "MiB")), "promised"]
        rows = [head, ["--:"] * len(head)]
        for place, (x, most) in enumerate(zip(xs, bounds)):
            row = [f"{x:,.0f}"]
            for taken in lines.values():
                time, straight, peak = (taken[what][place] for what in ("times", "line", "peaks"))
                row += [f"{time:,.0f}", f"{time / straight:.2f}", f"{peak:,.1f}"]
            rows.append([*row, f"{most:,.1f}"])
        tables.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(tables)


def measure_all(rounds):
    sweeps = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, xs) in SWEEPS.items():
            for x in xs:
                progress(f"{name}: {x:,}")
                sweeps.setdefault(name, []).append(point(write, x, rounds, Path(folder)))
    progress("")
    return sweeps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--draw", action="store_true", help="draw growth.json again, and measure nothing")
    arguments = parser.parse_args()
    if arguments.draw:
        results = json.loads(RESULTS.read_text())
    else:
        ours = {name: version for name, version in versions().items() if name in ("Rust", "npy-object")}
        measured = measure_all(arguments.rounds)
        results = {"machine": machine(), "versions": ours, "rounds": arguments.rounds, "sweeps": measured}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    import charts

    charts.draw_growth(list(sweeps(results)), described(results))
    print(table(results))
    fill(HERE.parent / "README.md", "growth", f"{textwrap.fill(described(results), 120)}:\n\n{table(results)}")


if __name__ == "__main__":
    main()
