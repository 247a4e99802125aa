"""Measures what readers do with hostile files: how they end, and how much time and memory they take.

    cargo build --profile dist -p npy-object-fuzz-bodies --example bombs
    cargo build --release --manifest-path benches/peers/Cargo.toml
    /tmp/numpy/bin/python benches/peers/bombs.py [--draw]

Every reader reads every bomb of fuzz/bodies/src/bombs.rs, each in a process of its own with 20 s of processor time and
4 GiB. The time is processor time; of the time and of the peak of memory, those of a file of one None are subtracted. Writes
bombs.json, and the tables of BOMBS.md and spec/security.md; with --draw, draws the bombs.json that is there. Needs Linux,
Python 3.11, and NumPy.
"""

import argparse
import concurrent.futures
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from run import HERE, PEERS, PYTHON, described, fill, machine, progress, versions

RESULTS = HERE / "bombs.json"
TABLE = HERE / "BOMBS.md"
SECURITY = HERE.parents[1] / "spec" / "security.md"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"))
BOMBS = TARGET / "dist" / "examples" / "bombs"
SECONDS, GIBIBYTES = 20, 4
# Outcomes that are not harm.
MILLISECONDS, NANOSECONDS, MIBIBYTES = 100, 20, 8

# The command of each reader.
READERS = {
    "npy-object": [PEERS, "npy-object"],
    "npy-object, within 8 MiB": [PEERS, "npy-object-bounded"],
    "np.load": [*PYTHON, "np.load"],
    "Python generator": [*PYTHON, "generator"],
    "pickled": [PEERS, "pickled"],
    "serde-pickle": [PEERS, "serde-pickle"],
    "pyferrite": [PEERS, "pyferrite"],
    "npyz": [PEERS, "npyz"],
}

VALUE, REFUSED, SLOW, LARGE = "read", "refused", f"over {SECONDS} s", f"over {GIBIBYTES} GiB"


def bound():
    """Limits the memory and the processor time of a process."""
    resource.setrlimit(resource.RLIMIT_DATA, (GIBIBYTES << 30, GIBIBYTES << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def outcome(status, errors):
    """Returns how a process ended, from its exit code and its messages."""
    if status == 0:
        return VALUE
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return SLOW
    if "overflowed its stack" in errors or status == -signal.SIGSEGV:
        return "stack overflow"
    if "Parser stack overflowed" not in errors and ("MemoryError" in errors or "memory allocation of" in errors):
        return LARGE
    if status < 0:
        return signal.Signals(-status).name
    return "panic" if " panicked at " in errors else REFUSED


def measure(command, path):
    """Returns how a process ended, its last message, processor seconds, and the peak of memory in KiB if it printed it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+", errors="replace") as errors:
        quiet = {**os.environ, "RUST_BACKTRACE": "0"}
        command = [*command, "read", path]
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=quiet, preexec_fn=bound)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        peak, text = out.read().split()[-1:], errors.read().replace(str(path), "FILE")
    words = [line for line in text.splitlines() if line.strip() and not line.startswith("note: ")]
    return {
        "outcome": outcome(process.returncode, text),
        "error": words[-1][-200:] if words else "",
        "seconds": used.ru_utime + used.ru_stime,
        "KiB": int(peak[0]) if peak else None,
    }


def measure_all():
    """Returns what each reader did with each bomb."""
    for path in (PEERS, BOMBS):
        if not path.exists():
            sys.exit(f"{path} is missing: the first lines of {__file__} say how to make it")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        names = subprocess.check_output([BOMBS, folder], text=True).splitlines()
        harmless = Path(folder, "harmless.npy")
        np.save(harmless, np.array([None]), allow_pickle=True)
        floors = {}
        for reader, command in READERS.items():
            runs = [measure(command, harmless) for _ in range(5)]
            floors[reader] = {what: statistics.median(run[what] for run in runs) for what in ("seconds", "KiB")}

        def of_bomb(number, name):
            progress(f"{number + 1} of {len(names)}: {name}")
            path = Path(folder, f"{name}.npy")
            rows = {}
            for reader, command in READERS.items():
                row = rows[reader] = measure(command, path)
                for what, floor in floors[reader].items():
                    row[what] = None if row[what] is None else round(max(0, row[what] - floor), 4)
            return name, {"bytes": path.stat().st_size, "readers": rows}

        bombs = dict(pool.map(of_bomb, range(len(names)), names))
    progress("")
    return bombs


# The kinds of harm, from the row of a reader and the size of the bomb. A bomb can count in several.
HARM = {
    f"over {MILLISECONDS} ms + {NANOSECONDS} ns a byte": lambda row, size: (
        row["seconds"] > MILLISECONDS / 1e3 + NANOSECONDS / 1e9 * size
    ),
    f"over {MIBIBYTES} MiB": lambda row, _: row["outcome"] == LARGE or (row["KiB"] or 0) > MIBIBYTES << 10,
    "over 1 GiB": lambda row, _: row["outcome"] == LARGE or (row["KiB"] or 0) > 1 << 20,
    "crashed": lambda row, _: row["outcome"] not in (VALUE, REFUSED, LARGE, SLOW),
    f"did not end in {SECONDS} s": lambda row, _: row["outcome"] == SLOW,
}


def summary(bombs):
    """Returns a table of how many bombs did which harm to each reader."""
    lines = [f"| reader | harmless | {' | '.join(HARM)} |", "|---|" + "--:|" * (1 + len(HARM))]
    for reader in READERS:
        rows = [(bomb["readers"][reader], bomb["bytes"]) for bomb in bombs.values()]
        harms = [[harm(*row) for harm in HARM.values()] for row in rows]
        counts = [sum(not any(harm) for harm in harms), *map(sum, zip(*harms))]
        lines.append(f"| {reader} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def table(bombs):
    """Returns a table of what each reader did with each bomb."""

    def cell(row):
        if row["KiB"] is None or row["outcome"] == LARGE:
            return f"**{row['outcome']}**"
        return f"{row['outcome']}, {row['seconds'] * 1e3:,.0f} ms, {row['KiB'] / 1024:,.1f} MiB"

    lines = [f"| bomb | bytes | {' | '.join(READERS)} |", "|---|--:|" + "---|" * len(READERS)]
    for name, bomb in bombs.items():
        cells = " | ".join(cell(bomb["readers"][reader]) for reader in READERS)
        lines.append(f"| {name} | {bomb['bytes']:,} | {cells} |")
    return "\n".join(lines)


def draw(results):
    """Fills in the table, and its summary in the security chapter."""
    bombs, counted = results["bombs"], summary(results["bombs"])
    measured = textwrap.fill(described(results), 120)
    fill(TABLE, "bombs", f"{measured}.\n\n{counted}\n\n{table(bombs)}")
    fill(SECURITY, "bombs", f"{counted}\n\n{measured}.")
    print(counted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="draw bombs.json again, and measure nothing")
    if parser.parse_args().draw:
        results = json.loads(RESULTS.read_text())
    else:
        results = {"machine": machine(), "versions": versions(), "bombs": measure_all()}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    draw(results)


if __name__ == "__main__":
    main()
