"""Compares npy-object with other readers of NumPy's object arrays: time an element, and peak of memory.

    python3 -m venv /tmp/numpy && /tmp/numpy/bin/pip install numpy pyarrow h5py
    /tmp/numpy/bin/pip install -Cbuild-args="--profile dist" ./crates/npy-object-python
    cargo build --release --manifest-path benches/peers/Cargo.toml
    /tmp/numpy/bin/python benches/generate.py && /tmp/numpy/bin/python benches/formats.py
    /tmp/numpy/bin/python benches/peers/run.py [--rounds N] [--reader READER ...] [--draw]

Every reader does every work, in turns, each in a process of its own; the time is that of opening, looping and the work,
without the start of the process. Writes results.json, the chart, and the tables of the READMEs; with --draw, draws the
results.json that is there. With --reader, measures np.load and these readers, and only prints the table. `cargo update` in this folder brings the newest releases of the crates. Needs Linux, for the
peak of memory, and Python 3.11.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent))
import formats

DATA = Path(os.environ.get("NPY_OBJECT_DATA", HERE.parent / "data"))
RESULTS = HERE / "results.json"
PEERS = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")) / "release" / "peers"
PYTHON = [sys.executable, HERE / "loops.py"]
SECONDS, GIBIBYTES = 60, 8

OBJECTS = ["ragged", "large", "huge", "strings", "ints", "dicts"]
WORKS = [*OBJECTS, "plain"]

# The command of each reader, and the works that it can do.
READERS = {
    "np.load": ([*PYTHON, "np.load"], WORKS),
    "npy-object": ([PEERS, "npy-object"], WORKS),
    "npy-object in Python": ([*PYTHON, "npy_object"], OBJECTS),
    "Python generator": ([*PYTHON, "generator"], OBJECTS),
    "pickled": ([PEERS, "pickled"], OBJECTS),
    "serde-pickle": ([PEERS, "serde-pickle"], OBJECTS),
    "deser-pickle": ([PEERS, "deser-pickle"], OBJECTS),
    "pyferrite": ([PEERS, "pyferrite"], WORKS),
    "pyarrow, Parquet": ([*PYTHON, "pyarrow-parquet"], OBJECTS),
    "pyarrow, Feather": ([*PYTHON, "pyarrow-feather"], OBJECTS),
    "h5py": ([*PYTHON, "h5py"], [work for work in OBJECTS if formats.can(work, formats.HDF5)]),
    "npyz": ([PEERS, "npyz"], ["plain"]),
}


class Failed(Exception):
    """The reason why a reader did not do its work."""


def bound():
    """Limits the memory of a process, so that it cannot take all that the machine has."""
    resource.setrlimit(resource.RLIMIT_DATA, (GIBIBYTES << 30, GIBIBYTES << 30))


def measure(command):
    """Returns seconds, elements, the result, and the peak of memory in KiB."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=SECONDS, preexec_fn=bound)
    except subprocess.TimeoutExpired:
        raise Failed(f"over {SECONDS} s") from None
    if done.returncode:
        if "MemoryError" in done.stderr or "memory allocation" in done.stderr:
            raise Failed(f"over {GIBIBYTES} GiB")
        raise Failed((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    seconds, elements, result, peak = done.stdout.split()
    return float(seconds), int(elements), float(result), int(peak)


def progress(text):
    """Shows on a terminal which measurement runs."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def measure_all(rounds, chosen):
    """Returns the time and memory of each of these readers for each work."""
    others = [DATA / f"{work}{ending}" for work in OBJECTS for ending in formats.WRITERS if formats.can(work, ending)]
    for path in [PEERS, *(DATA / f"{work}.npy" for work in WORKS), *others]:
        if not path.exists():
            sys.exit(f"{path} is missing: the first lines of {__file__} say how to make it")
    readers = {reader: can for reader, (_, can) in READERS.items() if reader in chosen}
    works = {work: {reader: {} for reader, can in readers.items() if work in can} for work in WORKS}
    elements = {}
    for number in range(rounds):
        for work, readers in works.items():
            file = DATA / f"{work}.npy"
            for reader, row in readers.items():
                progress(f"round {number + 1} of {rounds}: {work}, {reader}")
                if "failed" in row:
                    continue
                try:
                    seconds, count, result, peak = measure([*READERS[reader][0], work, file])
                except Failed as failed:
                    row["failed"] = str(failed)
                    continue
                first = elements.setdefault(work, (count, result))
                agree = count == first[0] and abs(result - first[1]) <= 1e-9 * abs(first[1])
                assert agree, (work, reader, count, result, first)
                row.setdefault("seconds", []).append(seconds)
                row["peak"] = max(peak, row.get("peak", 0))
    progress("")
    return {work: {"elements": elements[work][0], "readers": readers} for work, readers in works.items()}


def machine():
    """Returns a description of the machine, and the date."""
    cpus = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": cpus[0] if cpus else platform.machine(),
        "threads": os.cpu_count(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "date": datetime.date.today().isoformat(),
    }


def versions():
    """Returns the versions of Python, Rust, NumPy, npy-object and the peers in Rust that read hostile files too."""
    return {
        "CPython": platform.python_version(),
        "NumPy": importlib.metadata.version("numpy"),
        "Rust": subprocess.check_output(["rustc", "--version"], text=True).split()[1],
        **of_crates("npy-object", "pickled", "serde-pickle", "pyferrite", "npyz"),
    }


def of_crates(*names):
    with open(HERE / "Cargo.lock", "rb") as file:
        crates = {package["name"]: package["version"] for package in tomllib.load(file)["package"]}
    return {name: crates[name] for name in names}


def of_packages(*names):
    return {name: importlib.metadata.version(name) for name in names}


def described(results):
    """Returns the machine, the versions and the date as a sentence."""
    what = results["machine"]
    names = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    rounds = f"; medians of {results['rounds']} rounds" if "rounds" in results else ""
    return (
        f"{what['processor']}, {what['threads']} threads, {what['memory']}, {what['system']}, {what['date']}; {names}"
        f"{rounds}"
    )


def rows(results):
    """Yields work, reader, ns an element, MiB, each also as a part of np.load's; or work, reader, and why it failed."""
    for work, measured in results["works"].items():
        theirs = measured["readers"]["np.load"]
        for reader, row in measured["readers"].items():
            if "failed" in row:
                yield work, reader, row["failed"]
                continue
            nanoseconds = statistics.median(row["seconds"]) / measured["elements"] * 1e9
            ratio = statistics.median(us / them for us, them in zip(row["seconds"], theirs["seconds"]))
            yield work, reader, nanoseconds, ratio, row["peak"] / 1024, row["peak"] / theirs["peak"]


def table(results):
    lines = ["| work | reader | ns an element | np.load = 1 | MiB | np.load = 1 |", "|---|---|--:|--:|--:|--:|"]
    for work, reader, *values in rows(results):
        cells = "{:,.0f} | {:.3f} | {:,.1f} | {:.3f}".format(*values) if len(values) == 4 else f"{values[0]} | | |"
        lines.append(f"| `{work}` | {reader} | {cells} |")
    return "\n".join(lines)


def costs(results):
    """Returns the table of the root README: np.load and npy-object, in seconds and MiB."""
    readers = ["np.load", "npy-object", "npy-object in Python"]
    lines = ["| work | elements | np.load | in Rust | in Python |", "|---|--:|--:|--:|--:|"]
    for work in OBJECTS:
        measured = results["works"][work]
        taken = [measured["readers"][reader] for reader in readers]
        cells = [f"{statistics.median(row['seconds']):.2f} s, {row['peak'] / 1024:,.0f} MiB" for row in taken]
        lines.append(f"| `{work}` | {measured['elements']:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fill(path, name, text):
    """Replaces the text between the comments `<!-- name -->` and `<!-- /name -->` of a file."""
    before, rest = path.read_text().split(f"<!-- {name} -->\n")
    after = rest.split(f"<!-- /{name} -->")[1]
    path.write_text(f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}")


def draw(results):
    """Draws the chart and fills in the READMEs."""
    import charts

    counts = {work: measured["elements"] for work, measured in results["works"].items()}
    charts.draw_peers(list(rows(results)), counts, described(results))
    root = HERE.parent.parent / "README.md"
    fill(root, "measured", costs(results) + "\n\n" + textwrap.fill(f"Measured on {described(results)}.", 120))
    fill(HERE.parent / "README.md", "peers", f"{textwrap.fill(described(results), 120)}:\n\n{table(results)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reader", action="append", choices=READERS, help="measure only np.load and these readers")
    parser.add_argument("--draw", action="store_true", help="draw results.json again, and measure nothing")
    arguments = parser.parse_args()
    if arguments.reader:
        works = measure_all(arguments.rounds, ["np.load", *arguments.reader])
        print(table({"works": works}))
        return
    if arguments.draw:
        results = json.loads(RESULTS.read_text())
    else:
        works = measure_all(arguments.rounds, READERS)
        programs = {**versions(), **of_crates("deser-pickle"), **of_packages("pyarrow", "h5py")}
        results = {"machine": machine(), "versions": programs, "rounds": arguments.rounds, "works": works}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))
    draw(results)


if __name__ == "__main__":
    main()
