"""Compares `npyo convert` with pyarrow.parquet.write_table of what np.load returns, and measures its memory.

    cargo build --release -p npy-object-cli --features tables
    pip install numpy pyarrow
    python benches/convert.py [--rounds N] [FILE.npy ...]

Without a FILE, converts three files of the benches to Parquet with Snappy, which is the default of both sides, and prints medians of
seconds and of the ratios of each round. The time of pyarrow is that of np.load, of making the table and of writing it, without the start
of Python; ours is that of the whole process. Both write the same rows; the sums of their numbers and lengths of texts are compared.

With FILEs, converts each to Parquet and to a flat pair, if it has a place there, and prints the memory above that of
`npyo --version`, in MiB; needs GNU time, as /usr/bin/time. `benches/huge.py` writes files that are larger than memory.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from generate import HERE, file_of

NPYO = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, os.pardir, "target")), "release", "npyo")
WORKS = ["ragged", "strings", "dicts"]

PYARROW = """
import sys, time, numpy, pyarrow, pyarrow.parquet
begin = time.perf_counter()
values = numpy.load(sys.argv[1], allow_pickle=True)
table = pyarrow.Table.from_pylist(values.tolist()) if isinstance(values[0], dict) else pyarrow.table({"element": pyarrow.array(values)})
pyarrow.parquet.write_table(table, sys.argv[2])
print(time.perf_counter() - begin)
"""

CONTENT = """
import sys, pyarrow, pyarrow.parquet, pyarrow.compute as c
def content(column):
    is_list = pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type)
    if is_list:
        return content(c.list_flatten(column))
    is_text = pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)
    return c.sum(c.binary_length(column) if is_text else column).as_py()
table = pyarrow.parquet.read_table(sys.argv[1])
print(len(table), *(content(table.column(name)) for name in sorted(table.column_names)))
"""


def run(command):
    """Returns the output of a process, its seconds, and the peak of its memory in MiB."""
    # The peak of a child of Python begins with the memory of Python, and that of a child of `time` does not.
    with tempfile.NamedTemporaryFile("r") as peak:
        begin = time.perf_counter()
        output = subprocess.check_output(["/usr/bin/time", "-f", "%M", "-o", peak.name] + command, text=True)
        return output, time.perf_counter() - begin, int(peak.read()) / 1024


def beside_pyarrow(folder, rounds):
    print("| work | npyo, s | pyarrow, s | pyarrow / npyo | npyo, MiB | pyarrow, MiB |\n|---|--:|--:|--:|--:|--:|")
    for name in WORKS:
        paths = [os.path.join(folder, side + ".parquet") for side in ("ours", "theirs")]
        ours, theirs = [], []
        for _ in range(rounds):
            _, seconds, peak = run([NPYO, "convert", file_of(name), "-o", paths[0]])
            ours.append((seconds, peak))
            output, _, peak = run([sys.executable, "-c", PYARROW, file_of(name), paths[1]])
            theirs.append((float(output), peak))
        ours_has, theirs_has = (run([sys.executable, "-c", CONTENT, path])[0].split() for path in paths)
        pairs = list(zip(map(float, ours_has), map(float, theirs_has)))
        assert len(ours_has) == len(theirs_has) and all(abs(a - b) <= 1e-9 * abs(b) for a, b in pairs), (ours_has, theirs_has)
        medians = [statistics.median(done[0] for done in side) for side in (ours, theirs)]
        ratio = statistics.median(them[0] / us[0] for us, them in zip(ours, theirs))
        peaks = [max(done[1] for done in side) for side in (ours, theirs)]
        print("| %s | %.2f | %.2f | %.1f | %.0f | %.0f |" % (name, *medians, ratio, *peaks), flush=True)


def memory(folder, files):
    _, _, bare = run([NPYO, "--version"])
    print("| file | size, MiB | to | s | memory above %.0f MiB |\n|---|--:|---|--:|--:|" % bare)
    for path in files:
        for ending in ("parquet", "flat"):
            out = os.path.join(folder, "out." + ending)
            _, seconds, peak = run([NPYO, "convert", path, "-o", out])
            size = os.path.getsize(path) / 2**20
            print("| %s | %.0f | %s | %.0f | %.0f |" % (os.path.basename(path), size, ending, seconds, peak - bare), flush=True)
            shutil.rmtree(out) if os.path.isdir(out) else os.remove(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("files", nargs="*", metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        if arguments.files:
            return memory(folder, arguments.files)
        if not all(os.path.exists(file_of(name)) for name in WORKS):
            subprocess.check_call([sys.executable, os.path.join(HERE, "generate.py")])
        beside_pyarrow(folder, arguments.rounds)


if __name__ == "__main__":
    main()
